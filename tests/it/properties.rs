//! What holds for any traffic: no panic, no verdict that depends on chance, no work that grows faster
//! than the capture.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use corscope::cors::{Asker, Browser, Check, Outcome, Stage, cors_check};
use corscope::diagnose::{
    Alignment, Diagnosis, Exchanges, Moment, Pairer, Surroundings, diagnose, diagnose_all,
};
use corscope::report;
use corscope::wire::{Exchange, ExchangeId, HeaderList, Timestamp};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::fuzz::exchanges::{Asked, Became, exchange};

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "curl/8.5.0",
];
const ORIGINS: [&str; 6] = [
    "https://app.test",
    "http://app.test",
    "https://www.app.test",
    "http://localhost:3000",
    "null",
    "https://APP.test/",
];
const URLS: [&str; 6] = [
    "https://api.app.test/v1",
    "https://api.app.test/v1/items/7?x=1",
    "http://api.other.test/v1",
    "http://localhost:8080/v1",
    "https://app.test/v1",
    "not a url",
];
const VALUES: [&str; 16] = [
    "*",
    "https://app.test",
    "true",
    "null",
    "PUT, DELETE",
    "content-type, x-a",
    "600",
    "-1",
    "a b",
    "https://api.app.test/v2",
    "/v2",
    "http://u:p@api.other.test/",
    "text/html",
    "application/json",
    "Origin",
    "",
];
const RESPONSE: [&str; 14] = [
    "Access-Control-Allow-Origin",
    "access-control-allow-origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Vary",
    "Location",
    "Content-Type",
    "Set-Cookie",
    "Age",
    "Cross-Origin-Resource-Policy",
    "X-Total-Count",
];
const REQUEST: [&str; 10] = [
    "Access-Control-Request-Headers",
    "Cookie",
    "Authorization",
    "Sec-Fetch-Storage-Access",
    "Referer",
    "Accept",
    "Content-Type",
    "X-A",
    "If-None-Match",
    "Upgrade-Insecure-Requests",
];

/// One exchange without its place in a capture.
#[derive(Clone, Debug)]
struct Shape {
    method: &'static str,
    url: &'static str,
    request: Vec<(String, Vec<u8>)>,
    status: u16,
    response: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    gap_ms: u16,
    took_ms: u16,
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(&VALUES[..]).prop_map(|v| v.as_bytes().to_vec()),
        2 => select(&ORIGINS[..]).prop_map(|v| v.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..24),
    ]
}

fn fields(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec((select(names).prop_map(str::to_owned), value()), 0..7)
}

fn shape() -> impl Strategy<Value = Shape> {
    let methods = ["GET", "POST", "PUT", "OPTIONS", "OPTIONS", "patch", "X"];
    let asked = [None, Some("PUT"), Some("GET"), Some("patch")];
    let told = (
        weighted(0.9, select(&AGENTS[..])),
        weighted(0.9, select(&ORIGINS[..])),
        weighted(
            0.8,
            select(vec!["cors", "no-cors", "navigate", "websocket"]),
        ),
        weighted(
            0.8,
            select(vec!["empty", "script", "image", "font", "document"]),
        ),
        weighted(
            0.8,
            select(vec!["same-origin", "same-site", "cross-site", "none"]),
        ),
        select(asked.to_vec()),
    );
    let status = select(vec![
        0u16, 101, 200, 200, 200, 204, 204, 302, 304, 307, 401, 404, 500, 502,
    ]);
    (
        select(methods.to_vec()),
        select(&URLS[..]),
        told,
        fields(&REQUEST),
        status,
        fields(&RESPONSE),
        vec(any::<u8>(), 0..40),
        0u16..9000,
        0u16..300,
    )
        .prop_map(
            |(method, url, told, mut request, status, response, body, gap_ms, took_ms)| {
                let (agent, origin, mode, dest, site, asked) = told;
                for (name, value) in [
                    ("User-Agent", agent),
                    ("Origin", origin),
                    ("Sec-Fetch-Mode", mode),
                    ("Sec-Fetch-Dest", dest),
                    ("Sec-Fetch-Site", site),
                    ("Access-Control-Request-Method", asked),
                ] {
                    request.extend(value.map(|v| (name.to_owned(), v.as_bytes().to_vec())));
                }
                Shape {
                    method,
                    url,
                    request,
                    status,
                    response,
                    body,
                    gap_ms,
                    took_ms,
                }
            },
        )
}

fn list(fields: &[(String, Vec<u8>)]) -> HeaderList {
    HeaderList::from_pairs(fields.iter().map(|(name, value)| (name, value)))
}

fn capture(shapes: &[Shape]) -> Vec<Arc<Exchange>> {
    let mut at = Timestamp(1_700_000_000_000_000);
    let made = shapes.iter().zip(0..).map(|(shape, id)| {
        at = at.plus_micros(u64::from(shape.gap_ms) * 1000);
        let asked = Asked {
            id,
            at,
            took_micros: u64::from(shape.took_ms) * 1000,
            method: shape.method,
            url: shape.url,
            headers: list(&shape.request),
        };
        let became = match shape.status {
            0 => Became::Reset,
            status => Became::Answered(status, list(&shape.response), shape.body.clone()),
        };
        Arc::new(exchange(asked, became))
    });
    made.collect()
}

/// What must not depend on how headers are written: everything but the texts.
fn verdicts(diagnoses: &[Diagnosis]) -> Vec<String> {
    let cause = |cause: &corscope::diagnose::Cause| {
        let mut missing = cause.missing.clone();
        missing.sort();
        (
            cause.check,
            cause.stage,
            cause.sub,
            cause.root,
            missing,
            cause.next.clone(),
        )
    };
    let branch = |b: &corscope::diagnose::Branch| (b.outcome, b.cause.as_ref().map(cause));
    let told = diagnoses.iter().map(|d| {
        let ids: Vec<_> = d.fetch.exchanges().collect();
        let mut exposed = d.exposed_headers.clone();
        if let Some(names) = &mut exposed {
            names.sort();
        }
        format!(
            "{ids:?} {:?} {:?} {:?} {:?} {:?} {exposed:?}",
            d.outcome,
            d.credentials,
            d.cause.as_ref().map(cause),
            d.when_include.as_ref().map(branch),
            d.when_not_include.as_ref().map(branch),
        )
    });
    told.collect()
}

/// Fields in another order, those of one name in the same order among themselves, in other case. How
/// Allow-Origin is spelled stays: Firefox looks at that.
fn rewritten(fields: &[(String, Vec<u8>)], seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut out = fields.to_vec();
    let rank = |name: &str| {
        let bytes = name.to_ascii_lowercase();
        bytes.bytes().fold(seed, |hash, b| {
            (hash ^ u64::from(b))
                .wrapping_mul(0x0100_0000_01b3)
                .rotate_left(23)
        })
    };
    out.sort_by_key(|(name, _)| rank(name));
    for (name, _) in &mut out {
        if !name.eq_ignore_ascii_case("access-control-allow-origin") {
            *name = match seed % 3 {
                0 => name.to_ascii_lowercase(),
                1 => name.to_ascii_uppercase(),
                _ => name.clone(),
            };
        }
    }
    out
}

/// Counts how often the engine looks an exchange up.
struct Counted {
    exchanges: HashMap<ExchangeId, Arc<Exchange>>,
    looked_up: Cell<usize>,
}

impl Exchanges for Counted {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.looked_up.set(self.looked_up.get() + 1);
        self.exchanges.get(&id).cloned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_can_be_judged_and_told(shapes in vec(shape(), 1..14)) {
        let exchanges = capture(&shapes);
        let diagnoses = diagnose_all(exchanges.clone(), None);
        // Every exchange is in exactly one fetch.
        let mut ids: Vec<_> = diagnoses.iter().flat_map(|d| d.fetch.exchanges()).collect();
        ids.sort();
        prop_assert_eq!(ids, exchanges.iter().map(|e| e.id).collect::<Vec<_>>());
        let json = report::to_json(&diagnoses, &exchanges, 0);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn twice_is_the_same(shapes in vec(shape(), 1..14)) {
        let exchanges = capture(&shapes);
        let first = diagnose_all(exchanges.clone(), None);
        prop_assert_eq!(&first, &diagnose_all(exchanges, None));
    }

    #[test]
    fn order_and_case_of_headers_do_not_matter(shapes in vec(shape(), 1..10), seed in any::<u64>()) {
        let other: Vec<Shape> = shapes.iter().cloned().map(|mut shape| {
            shape.request = rewritten(&shape.request, seed);
            shape.response = rewritten(&shape.response, seed);
            shape
        }).collect();
        prop_assert_eq!(
            verdicts(&diagnose_all(capture(&shapes), None)),
            verdicts(&diagnose_all(capture(&other), None))
        );
    }

    /// The wire passes or it does not; that more is forbidden when credentials are included is a law.
    #[test]
    fn what_passes_with_credentials_passes_without(fields in fields(&RESPONSE), origin in select(&ORIGINS[..])) {
        for browser in [Browser::Chromium, Browser::Firefox, Browser::Safari] {
            let asker = |include| Asker { browser, origin, include };
            let headers = list(&fields);
            let with = cors_check(asker(true), &headers, Stage::Actual);
            let without = cors_check(asker(false), &headers, Stage::Actual);
            prop_assert!(!with.is_empty() || without.is_empty(), "{:?}", without);
        }
    }

    #[test]
    fn an_alignment_is_whole(found in vec(any::<u8>(), 0..80), needed in vec(any::<u8>(), 0..80)) {
        let aligned = Alignment::of(&found, &needed);
        let (mut i, mut j) = (0, 0);
        for piece in &aligned.pieces {
            prop_assert_eq!((piece.found.start, piece.needed.start), (i, j));
            (i, j) = (piece.found.end, piece.needed.end);
            let same = found[piece.found.clone()] == needed[piece.needed.clone()];
            prop_assert_eq!(same, !piece.differs);
        }
        prop_assert_eq!((i, j), (found.len(), needed.len()));
    }

    #[test]
    fn any_line_of_a_console_is_read_or_not(line in ".{0,200}") {
        let _ = report::recognise(&line);
    }
}

/// Work is counted in look-ups of exchanges, the one thing that every rule about siblings must do: twice
/// the capture may not be more than about twice the work.
#[test]
fn the_work_grows_with_the_capture_and_no_faster() {
    let work = |count: usize| {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let shapes: Vec<Shape> = (0..count)
            .map(|_| shape().new_tree(&mut runner).expect("a shape").current())
            .collect();
        let exchanges = capture(&shapes);
        let mut around = Surroundings::new();
        let mut pairer = Pairer::new(None);
        let mut changes = 0;
        for exchange in &exchanges {
            around.learn(exchange);
            for moment in [Moment::Opened, Moment::Answered, Moment::Closed] {
                changes += pairer.observe(exchange, moment).len();
            }
        }
        changes += pairer.finish().len();
        let counted = Counted {
            exchanges: exchanges.iter().map(|e| (e.id, Arc::clone(e))).collect(),
            looked_up: Cell::new(0),
        };
        for diagnosis in diagnose_all(exchanges, None) {
            let again = diagnose(&diagnosis.fetch, &counted, &around);
            assert_eq!(again.fetch.id, diagnosis.fetch.id);
        }
        changes + counted.looked_up.get()
    };
    let (small, large) = (work(400), work(1600));
    assert!(large < 6 * small, "{small} steps for 400, {large} for 1600");
}

type Fields = Vec<(String, Vec<u8>)>;

/// Names `x-0`, `x-1`... with a value.
fn many(count: usize, value: &str) -> Fields {
    let names = (0..count).map(|n| (format!("x-{n}"), value.as_bytes().to_vec()));
    names.collect()
}

fn field(name: &str, value: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    (name.to_owned(), value.into())
}

/// A conversation at one URL: requests of a page at https://app.test and their answers.
fn flood(lines: Vec<(&'static str, Fields, Fields)>) -> Diagnosis {
    let shapes: Vec<Shape> = lines
        .into_iter()
        .map(|(method, mut request, response)| {
            request.push(field("User-Agent", AGENTS[0]));
            request.push(field("Sec-Fetch-Mode", "cors"));
            request.push(field("Sec-Fetch-Site", "cross-site"));
            Shape {
                method,
                url: "https://api.other.test/v1",
                request,
                status: 200,
                response,
                body: Vec::new(),
                gap_ms: 10,
                took_ms: 5,
            }
        })
        .collect();
    let exchanges = capture(&shapes);
    let sent: usize = shapes
        .iter()
        .flat_map(|shape| shape.request.iter().chain(&shape.response))
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    let mut diagnoses = diagnose_all(exchanges.clone(), None);
    assert_eq!(diagnoses.len(), 1, "one fetch");
    let said = report::to_json(&diagnoses, &exchanges, 0);
    assert!(said.len() < 64 * sent, "{} bytes of {sent}", said.len());
    diagnoses.remove(0)
}

/// Each of these takes minutes if any work grows faster than what was sent.
#[test]
fn floods_are_judged_as_anything_else() {
    const COUNT: usize = 10_000;
    let page = || field("Origin", "https://app.test");
    let allow = || field("Access-Control-Allow-Origin", "https://app.test");
    let names: Vec<String> = (0..COUNT).map(|n| format!("x-{n}")).collect();

    // Headers to expose and cookies to look through.
    let mut answer = many(COUNT, "1");
    answer.push(allow());
    answer.push(field("Access-Control-Expose-Headers", names.join(",")));
    answer.extend((0..COUNT).map(|n| field("Set-Cookie", format!("c{n}=1"))));
    let told = flood(vec![("GET", vec![page()], answer)]);
    assert_eq!(told.outcome, Outcome::Allowed);
    assert_eq!(told.exposed_headers.map(|names| names.len()), Some(COUNT));

    // A preflight that asks for all of them, and a list of a megabyte that lacks one.
    let ask = || {
        vec![
            page(),
            field("Access-Control-Request-Method", "GET"),
            field("Access-Control-Request-Headers", names.join(",")),
        ]
    };
    let padding = ",y-123456".repeat(100_000);
    let granted = |names: &[String]| {
        let list = names.join(",") + &padding;
        vec![allow(), field("Access-Control-Allow-Headers", list)]
    };
    let told = flood(vec![("OPTIONS", ask(), granted(&names[1..]))]);
    let cause = told.cause.expect("blocked");
    assert_eq!(
        (cause.check, cause.missing),
        (Check::HeaderDisallowed, vec!["x-0".to_owned()])
    );
    let none = flood(vec![("OPTIONS", ask(), vec![allow()])]);
    assert_eq!(none.cause.expect("blocked").missing.len(), COUNT);

    // And the request behind it, with every one of them.
    let mut request = many(COUNT, "1");
    request.push(page());
    let told = flood(vec![
        ("OPTIONS", ask(), granted(&names)),
        ("GET", request, vec![allow()]),
    ]);
    assert_eq!(told.outcome, Outcome::Allowed);

    // Values of 64 KiB, nearly the same, and no UTF-8 from the middle on.
    let mut long = b"https://".to_vec();
    long.resize(32 << 10, b'a');
    long.resize(64 << 10, 0xff);
    let wrong = [&long[..], b"/"].concat();
    let answer = vec![field("Access-Control-Allow-Origin", wrong)];
    let told = flood(vec![("GET", vec![field("Origin", long)], answer)]);
    assert_eq!(told.outcome, Outcome::Blocked);

    // The same line ten thousand times.
    let told = flood(vec![("GET", vec![page()], vec![allow(); COUNT])]);
    let check = told.cause.expect("blocked").check;
    assert_eq!(check, Check::MultipleAllowOriginValues);
}
