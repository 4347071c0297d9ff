//! What the judgement of one fetch costs, with all that is looked up around it. `cargo bench --bench
//! judge`; 5 µs are the aim.
#![allow(missing_docs, clippy::pedantic)]

mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use corscope::diagnose::{Fetch, Surroundings, diagnose, diagnose_all};
use corscope::wire::{Exchange, ExchangeId};
use wire::{ALLOWS, ASKS, CROSS, GRANTS, PUTS, Told, exchange};

fn main() {
    divan::main();
}

const URL: &str = "https://api.app.test/v1/cart/7?x=1";

/// A fetch with what it is made of, and a session around it.
struct Scene {
    fetch: Fetch,
    exchanges: HashMap<ExchangeId, Arc<Exchange>>,
    around: Surroundings,
}

type Line<'a> = (
    &'a str,
    &'a [(&'a str, &'a str)],
    u16,
    &'a [(&'a str, &'a str)],
);

fn scene(lines: &[Line<'_>], siblings: u64) -> Scene {
    let one = |id: u64, url: &str, line: &Line<'_>| {
        exchange(&Told {
            id,
            at: id * 20_000_000,
            took: 10_000,
            method: line.0,
            url,
            request: line.1,
            status: line.2,
            response: line.3,
        })
    };
    let mut around = Surroundings::new();
    for id in 0..siblings {
        let url = format!("https://api.app.test/v{}/items/{id}", id % 12);
        around.learn(&one(id, &url, &("GET", &CROSS, 200, &ALLOWS)));
    }
    let mut own = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let made = exchange(&Told {
            id: siblings + at as u64,
            at: siblings * 20_000_000 + at as u64 * 20_000,
            took: 10_000,
            method: line.0,
            url: URL,
            request: line.1,
            status: line.2,
            response: line.3,
        });
        around.learn(&made);
        own.push(made);
    }
    let mut diagnoses = diagnose_all(own.clone(), None);
    assert_eq!(diagnoses.len(), 1, "one fetch");
    Scene {
        fetch: diagnoses.remove(0).fetch,
        exchanges: own.into_iter().map(|e| (e.id, e)).collect(),
        around,
    }
}

fn run(bencher: divan::Bencher<'_, '_>, lines: &[Line<'_>], siblings: u64) {
    let scene = scene(lines, siblings);
    bencher.bench_local(|| diagnose(&scene.fetch, &scene.exchanges, &scene.around));
}

const ALONE_AND_IN_A_SESSION: [u64; 2] = [0, 2_000];

#[divan::bench(args = ALONE_AND_IN_A_SESSION)]
fn simple_allowed(bencher: divan::Bencher<'_, '_>, siblings: u64) {
    run(bencher, &[("GET", &CROSS, 200, &ALLOWS)], siblings);
}

#[divan::bench(args = ALONE_AND_IN_A_SESSION)]
fn simple_blocked(bencher: divan::Bencher<'_, '_>, siblings: u64) {
    run(bencher, &[("GET", &CROSS, 500, &[])], siblings);
}

#[divan::bench(args = ALONE_AND_IN_A_SESSION)]
fn trailing_slash(bencher: divan::Bencher<'_, '_>, siblings: u64) {
    let slash = [("Access-Control-Allow-Origin", "https://app.test/")];
    run(bencher, &[("GET", &CROSS, 200, &slash)], siblings);
}

#[divan::bench(args = ALONE_AND_IN_A_SESSION)]
fn preflighted(bencher: divan::Bencher<'_, '_>, siblings: u64) {
    let lines: [Line<'_>; 2] = [
        ("OPTIONS", &ASKS, 204, &GRANTS),
        ("PUT", &PUTS, 200, &ALLOWS),
    ];
    run(bencher, &lines, siblings);
}

#[divan::bench(args = ALONE_AND_IN_A_SESSION)]
fn preflight_refused(bencher: divan::Bencher<'_, '_>, siblings: u64) {
    let short = [GRANTS[0], GRANTS[1], GRANTS[3]];
    run(bencher, &[("OPTIONS", &ASKS, 204, &short)], siblings);
}
