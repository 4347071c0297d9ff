//! What pairing costs: exchanges of every kind, overlapping, as a proxy hears of them, in captures of a
//! thousand to a million. `cargo bench --bench pair`; 500,000 exchanges a second on one core are the
//! aim, however many went before.
#![allow(missing_docs, clippy::pedantic)]

mod wire;

use std::sync::Arc;

use corscope::diagnose::{Moment, Pairer};
use corscope::wire::Exchange;
use wire::{ALLOWS, ASKS, CROSS, GRANTS, PUTS, Told, exchange};

fn main() {
    divan::main();
}

/// Calls begin every 2 ms and answers take up to 90 ms, so that some fifty overlap.
fn capture(count: u64) -> Vec<Arc<Exchange>> {
    let mut made = Vec::with_capacity(count as usize + 1);
    let mut call = 0u64;
    while (made.len() as u64) < count {
        let at = call * 2_000;
        let took = 5_000 + (call * 7_919) % 85_000;
        let item = format!(
            "https://api.app.test/v1/items/{}?page={}",
            call % 700,
            call % 9
        );
        let mut push = |method, url: &str, after, request: &[_], status, response: &[_]| {
            made.push(exchange(&Told {
                id: made.len() as u64,
                at: at + after,
                took,
                method,
                url,
                request,
                status,
                response,
            }));
        };
        match call % 10 {
            0..=3 => push("GET", &item, 0, &CROSS, 200, &ALLOWS),
            // A preflight and its request.
            4 | 5 => {
                push("OPTIONS", &item, 0, &ASKS, 204, &GRANTS);
                push("PUT", &item, took + 300, &PUTS, 200, &ALLOWS);
            }
            // A preflight that is refused.
            6 => push("OPTIONS", &item, 0, &ASKS, 405, &[]),
            // A redirect that is followed.
            7 => {
                let next = format!("https://api.app.test/v2/items/{}", call % 700);
                let to = [ALLOWS[0], ("Location", next.as_str())];
                push("GET", &item, 0, &CROSS, 302, &to);
                push("GET", &next, took + 300, &CROSS, 200, &ALLOWS);
            }
            8 => {
                let own = [
                    ("Sec-Fetch-Mode", "cors"),
                    ("Sec-Fetch-Site", "same-origin"),
                ];
                push("GET", "https://app.test/api/me", 0, &own, 200, &[]);
            }
            _ => {
                let image = [
                    ("Sec-Fetch-Mode", "no-cors"),
                    ("Sec-Fetch-Site", "cross-site"),
                ];
                push("GET", "https://cdn.test/logo.png", 0, &image, 200, &[]);
            }
        }
        call += 1;
    }
    made
}

/// Everything that is heard of them, in the order of time.
fn moments(exchanges: &[Arc<Exchange>]) -> Vec<(Arc<Exchange>, Moment)> {
    let mut all = Vec::with_capacity(exchanges.len() * 3);
    for exchange in exchanges {
        all.push((exchange.opened_at, exchange.id, Moment::Opened, exchange));
        for (at, moment) in [
            (exchange.answered_at, Moment::Answered),
            (exchange.closed_at, Moment::Closed),
        ] {
            all.extend(at.map(|at| (at, exchange.id, moment, exchange)));
        }
    }
    all.sort_by_key(|(at, id, moment, _)| (*at, *id, *moment));
    let all = all.into_iter();
    all.map(|(_, _, moment, exchange)| (Arc::clone(exchange), moment))
        .collect()
}

#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000], sample_count = 10)]
fn mixed(bencher: divan::Bencher<'_, '_>, count: u64) {
    let exchanges = capture(count);
    let moments = moments(&exchanges);
    bencher
        .counter(divan::counter::ItemsCount::new(exchanges.len()))
        .bench_local(|| {
            let mut pairer = Pairer::new(None);
            let mut changed = 0;
            for (exchange, moment) in &moments {
                changed += pairer.observe(exchange, *moment).len();
            }
            changed + pairer.finish().len()
        });
}
