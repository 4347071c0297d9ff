//! What is fuzzed, as plain functions: any bytes in, and a panic is a bug. libFuzzer drives them
//! (`targets/`), and the ordinary tests replay the corpus (`tests/it/fuzz.rs`).

#[path = "../../exchanges.rs"]
pub(crate) mod exchanges;
mod input;
mod redact;
mod session;
mod streams;
mod words;

use std::collections::BTreeMap;

use corscope::capture::{Event, queue};
use corscope::cors::{
    Answer, Ask, Asker, Browser, Grant, Stage, basic_headers, browser_of, conflicting_locations,
    cors_check, exposed_headers, is_safelisted_header, max_age_seconds, next_hop, preflight_check,
    unsafe_header_names,
};
use corscope::diagnose::{Alignment, Moment, Pairer, diagnose_all, visible};
use corscope::report;
use corscope::wire::{ExchangeId, HeaderList, Origin};

use self::input::Input;
pub use self::redact::redact;
pub use self::session::session;
pub use self::streams::{events, websocket};
pub use self::words::{config, console, filter};

const BROWSERS: [Browser; 3] = [Browser::Chromium, Browser::Firefox, Browser::Safari];

/// Header blocks as they are stored, and every rule that reads a header.
pub fn headers(data: &[u8]) {
    let raw = HeaderList::from_block(data);
    assert_eq!(raw.iter().count(), raw.len());
    let mut input = Input(data);
    let made = input.headers();
    let again = HeaderList::from_block(made.as_block());
    assert!(
        made.iter().eq(again.iter()),
        "a block holds what was pushed"
    );
    let status = u16::from(input.byte()) * 4;
    for list in [&raw, &made] {
        for field in list.iter() {
            let _ = (
                field.text(),
                is_safelisted_header(Browser::Safari, field.name, field.value),
            );
        }
        let exposed = exposed_headers(list, false);
        let all = basic_headers(list);
        assert!(exposed.exposed.len() <= all.exposed.len() + all.hidden.len());
        for browser in BROWSERS {
            for include in [true, false] {
                let asker = Asker {
                    browser,
                    origin: "https://app.test",
                    include,
                };
                let _ = cors_check(asker, list, Stage::Actual);
                let answer = Answer {
                    status,
                    headers: list,
                };
                if let Some(ask) = Ask::of(list) {
                    let faults = preflight_check(asker, &ask, answer);
                    let grant = Grant::of(browser, list);
                    let granted = grant.covers(&ask, include);
                    assert!(
                        granted || !faults.is_empty(),
                        "what is not granted is a fault"
                    );
                }
                let _ = conflicting_locations(answer);
                let url = "https://api.test/v1";
                let _ = next_hop(browser, url, "POST", Some("https://app.test"), answer);
            }
            let _ = unsafe_header_names(browser, list);
            let age = list.get("access-control-max-age");
            let _ = max_age_seconds(browser, age.as_deref());
        }
        let _ = list.get("user-agent").map(|agent| browser_of(&agent));
    }
}

/// Origins, and two values side by side.
pub fn origin(data: &[u8]) {
    let (one, other) = match data.iter().position(|b| *b == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"https://app.test"[..]),
    };
    let texts = [String::from_utf8_lossy(one), String::from_utf8_lossy(other)];
    let origins = texts.each_ref().map(|text| Origin::of_url(text));
    for (text, origin) in texts.iter().zip(&origins) {
        if let Some(sent) = Origin::from_header(text) {
            assert_eq!(
                sent.to_string(),
                **text,
                "a header is its own serialisation"
            );
        }
        if let Some(origin) = origin {
            assert!(origin.same_site(origin));
            let _ = (
                origin.registrable_domain(),
                origin.potentially_trustworthy(),
            );
            let again = Origin::of_url(&origin.to_string());
            assert_eq!(again.as_ref(), Some(origin), "serialised and read back");
        }
    }
    if let [Some(one), Some(other)] = &origins {
        assert_eq!(one.same_site(other), other.same_site(one));
    }
    let aligned = Alignment::of(one, other);
    let (mut i, mut j) = (0, 0);
    for piece in &aligned.pieces {
        assert_eq!((piece.found.start, piece.needed.start), (i, j));
        (i, j) = (piece.found.end, piece.needed.end);
        let same = one[piece.found.clone()] == other[piece.needed.clone()];
        assert_eq!(same, !piece.differs);
    }
    assert_eq!((i, j), (one.len(), other.len()));
    let _ = (
        aligned.words(),
        visible(one, 80),
        report::recognise(&texts[0]),
    );
}

/// A small capture: paired, judged, put into words and into JSON.
pub fn judgement(data: &[u8]) {
    let exchanges = Input(data).exchanges(6);
    let diagnoses = diagnose_all(exchanges.clone(), None);
    for diagnosis in &diagnoses {
        let fix = corscope::fix::suggest(diagnosis, &exchanges);
        let _ = report::explain(diagnosis, fix.as_ref(), &exchanges);
    }
    let json = report::to_json(&diagnoses, &exchanges, 0);
    assert!(json.starts_with('{'));
}

/// Exchanges heard in any order of moments: each ends in one fetch, and none is lost.
pub fn pairing(data: &[u8]) {
    let mut input = Input(data);
    let order = input.byte();
    let exchanges = input.exchanges(24);
    let mut heard: Vec<(u64, usize, Moment)> = Vec::new();
    for (index, exchange) in exchanges.iter().enumerate() {
        let salt = |step: u64| (index as u64 * 7 + step * u64::from(order)) % 31;
        heard.push((index as u64 * 3, index, Moment::Opened));
        if exchange.response.is_some() {
            heard.push((index as u64 * 3 + salt(1), index, Moment::Answered));
        }
        heard.push((index as u64 * 3 + 31 + salt(2), index, Moment::Closed));
    }
    heard.sort();
    let mut pairer = Pairer::new(None);
    for (_, index, moment) in heard {
        let _ = pairer.observe(&exchanges[index], moment);
    }
    let _ = pairer.finish();
    let mut members: BTreeMap<ExchangeId, usize> = BTreeMap::new();
    for diagnosis in diagnose_all(exchanges.clone(), None) {
        for id in diagnosis.fetch.exchanges() {
            *members.entry(id).or_default() += 1;
        }
    }
    assert!(members.values().all(|count| *count == 1), "{members:?}");
    assert_eq!(members.len(), exchanges.len());
}

/// A HAR of any bytes; what it tells must be in order: opened before anything else.
pub fn har(data: &[u8]) {
    let (recorder, mut events) = queue(ExchangeId(0), u64::MAX);
    let Ok(read) = corscope::har::read(data, &recorder) else {
        return;
    };
    assert!(read.skipped.len() <= read.entries);
    let mut opened = std::collections::BTreeSet::new();
    for event in events.take() {
        let id = event.id();
        if matches!(event, Event::Opened(_)) {
            assert!(opened.insert(id), "opened twice");
        }
        assert!(opened.contains(&id), "told before it was opened");
    }
}
