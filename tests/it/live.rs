//! Judged as it happens, it comes to the same as judged at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corscope::capture::Recorder;
use corscope::cors::{Outcome, Stage};
use corscope::diagnose::{Diagnosis, Moment, Root, diagnose_all};
use corscope::session::{Mark, Reader, Session};
use corscope::wire::{
    Client, End, Exchange, ExchangeId, HeaderList, HttpVersion, Kind, RequestHead, ResponseHead,
    Side, Source, Timestamp, Timings, Upstream,
};

use crate::verdicts::wires;

/// Everything that is told of a verdict, as text.
fn verdict(diagnosis: &Diagnosis) -> String {
    let cause = |d: &corscope::diagnose::Cause| {
        format!(
            "{} {} {:?} {:?} {:?} {:?} {:?} {:?}",
            d.check,
            d.stage.name(),
            d.sub,
            d.root,
            d.also,
            d.missing,
            d.next,
            d.certainty
        )
    };
    format!(
        "{} {} {:?} {:?} {:?} {:?} {:?} {:?}",
        diagnosis.url,
        diagnosis.outcome,
        diagnosis.credentials,
        diagnosis.cause.as_ref().map(cause),
        diagnosis
            .when_include
            .as_ref()
            .map(|b| (b.outcome, b.cause.as_ref().map(cause))),
        diagnosis.fetch.members,
        diagnosis.exposed_headers,
        diagnosis.warnings.iter().map(|w| w.id).collect::<Vec<_>>(),
    )
}

/// Tells the exchanges as a proxy would; of what happened in the same millisecond at different URLs the
/// order is `seed`'s.
fn tell(exchanges: &[Arc<Exchange>], recorder: &Recorder, seed: u64) {
    let mix = |n: u64| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let mut events: Vec<(Timestamp, u64, ExchangeId, Moment, &Exchange)> = Vec::new();
    for exchange in exchanges {
        // One URL keeps its order: what came first there caused what came next.
        let url = exchange.request.url.bytes().map(u64::from).sum();
        for (moment, at) in [
            (Moment::Opened, Some(exchange.opened_at)),
            (Moment::Answered, exchange.answered_at),
            (Moment::Closed, exchange.closed_at),
        ] {
            if let Some(at) = at {
                events.push((at, mix(url), exchange.id, moment, exchange));
            }
        }
    }
    // Redirects tie URLs together, so only the pages of a session, which are many, are mixed.
    let mixed = exchanges.iter().all(|e| e.request.url.contains("/q"));
    events.sort_by_key(|(at, mixed_key, id, moment, _)| {
        (*at, if mixed { *mixed_key } else { 0 }, *id, *moment)
    });
    let mut open = HashMap::new();
    for (at, _, id, moment, exchange) in events {
        match moment {
            Moment::Opened => {
                let request = exchange.request.clone();
                let told =
                    recorder.open_as(id, Source::Proxy, Kind::Http, exchange.client, request, at);
                open.insert(id, told);
            }
            Moment::Answered => {
                let response = exchange.response.clone().expect("an answer");
                open[&id].answered_at(at, response, Upstream::default(), Timings::default());
            }
            Moment::Closed => {
                open[&id].body(Side::Response, exchange.response_body.excerpt.clone());
                let end = exchange.end.clone();
                open[&id].close_at(at, end, Timings::default(), None, None);
            }
        }
    }
}

fn check(set: &str, lines: &str, every: usize) {
    for (name, exchanges) in wires(lines).into_iter().step_by(every) {
        let exchanges: Vec<Arc<Exchange>> = exchanges
            .into_iter()
            .map(|e| {
                let mut exchange = Arc::unwrap_or_clone(e);
                exchange.source = Source::Proxy;
                Arc::new(exchange)
            })
            .collect();
        let offline = diagnose_all(exchanges.clone(), None);
        for seed in [1, 7] {
            let (session, recorder) = Session::in_memory(None, 0).expect("a session");
            let reader = session.reader();
            tell(&exchanges, &recorder, seed);
            session.finish().expect("finished");
            compare(&format!("{set} {name}"), &reader, &offline);
        }
    }
}

fn compare(name: &str, reader: &Reader, offline: &[Diagnosis]) {
    let mut live: Vec<Diagnosis> = reader
        .fetches()
        .into_iter()
        .filter_map(|id| reader.diagnosis(id))
        .collect();
    live.sort_by_key(|d| d.fetch.exchanges().next());
    let mut offline: Vec<&Diagnosis> = offline.iter().collect();
    offline.sort_by_key(|d| d.fetch.exchanges().next());
    let texts = |all: &[&Diagnosis]| all.iter().map(|d| verdict(d)).collect::<Vec<_>>();
    assert_eq!(
        texts(&live.iter().collect::<Vec<_>>()),
        texts(&offline),
        "{name}"
    );
    for diagnosis in &live {
        assert!(
            diagnosis.fetch.settled,
            "{name}: {} is not settled",
            diagnosis.url
        );
        let head = diagnosis.fetch.head().expect("an exchange");
        let mark = mark_of(reader, head).expect("a row");
        let cause = diagnosis.cause.as_ref();
        assert_eq!(
            (mark.outcome, mark.check, mark.stage, mark.root),
            (
                diagnosis.outcome,
                cause.map(|c| c.check),
                cause.map(|c| c.stage),
                cause.and_then(|c| c.root)
            ),
            "{name}: the row of {} says the same",
            diagnosis.url
        );
    }
}

fn mark_of(reader: &Reader, id: ExchangeId) -> Option<Mark> {
    let mut mark = None;
    reader.rows(&[id], &mut |row| mark = Some(row.mark));
    mark
}

#[test]
fn sessions_settle_as_they_are_judged_at_the_end() {
    check("sessions", include_str!("../corpus/sessions.jsonl"), 1);
}

#[test]
fn traps_settle_as_they_are_judged_at_the_end() {
    check("traps", include_str!("../corpus/traps.jsonl"), 3);
}

fn get(recorder: &Recorder, path: &str, at: Timestamp, headers: &[(&str, &str)]) -> ExchangeId {
    let request = RequestHead {
        method: "GET".into(),
        url: format!("https://api.other.test{path}"),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([
            ("User-Agent", "Mozilla/5.0 Chrome/156.0.0.0"),
            ("Origin", "https://app.test"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "cors"),
        ])),
    };
    let told = recorder.open_now(Source::Proxy, Kind::Http, Client::default(), request, at);
    let response = ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    };
    told.answered_at(at, response, Upstream::default(), Timings::default());
    told.close_at(at, End::Complete, Timings::default(), None, None);
    told.id()
}

fn eventually(reader: &Reader, id: ExchangeId, root: Root) -> Mark {
    let since = Instant::now();
    loop {
        let mark = mark_of(reader, id).filter(|m| m.root == Some(root));
        if let Some(mark) = mark {
            return mark;
        }
        assert!(
            since.elapsed() < Duration::from_mins(1),
            "no {root} in time"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_comes_later_corrects_a_row_and_the_row_says_so() {
    let (session, recorder) = Session::in_memory(None, 1).expect("a session");
    let reader = session.reader();
    let start = corscope::capture::now();
    let bare = get(&recorder, "/v1/a", start, &[("Content-Type", "text/plain")]);
    let first = eventually(&reader, bare, Root::CorsNotConfigured);
    assert_eq!(
        (first.outcome, first.stage),
        (Outcome::Blocked, Some(Stage::Actual))
    );
    assert!(!first.corrected, "nothing was said before");

    let good = get(
        &recorder,
        "/v2/b",
        start.plus_micros(1000),
        &[("Access-Control-Allow-Origin", "*")],
    );
    let second = eventually(&reader, bare, Root::CorsPartialCoverage);
    assert!(second.corrected, "another root than the one that was shown");
    let told = reader
        .fetch_of(bare)
        .and_then(|id| reader.diagnosis(id))
        .expect("judged");
    let cited = told.cause.expect("blocked").evidence;
    assert!(
        cited.iter().any(|e| e.exchange == good),
        "the sibling is cited: {cited:?}"
    );
    let other = mark_of(&reader, good).expect("a row");
    assert_eq!((other.outcome, other.corrected), (Outcome::Allowed, false));
    session.finish().expect("finished");
}
