//! What is fuzzed, as plain functions: any bytes in, and a panic is a bug. libFuzzer drives them
//! (`targets/`), and the ordinary tests replay the corpus (`tests/it/fuzz.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::{Event, queue};
use corscope::cors::{
    Answer, Ask, Asker, Browser, Grant, Stage, basic_headers, browser_of, conflicting_locations,
    cors_check, exposed_headers, is_safelisted_header, max_age_seconds, next_hop, preflight_check,
    unsafe_header_names,
};
use corscope::diagnose::{Alignment, Moment, Pairer, diagnose_all, visible};
use corscope::report;
use corscope::wire::{
    BodyFacts, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList,
    HttpVersion, Origin, RequestHead, ResponseHead, Source, Timestamp,
};

const BROWSERS: [Browser; 3] = [Browser::Chromium, Browser::Firefox, Browser::Safari];

/// Names that rules look at; a fuzzer should not have to guess them.
const NAMES: [&str; 32] = [
    "Access-Control-Allow-Origin",
    "access-control-allow-origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    "Origin",
    "Vary",
    "Location",
    "Content-Type",
    "Set-Cookie",
    "Cookie",
    "Authorization",
    "User-Agent",
    "Referer",
    "Accept",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Storage-Access",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Age",
    "If-None-Match",
    "Range",
    "Upgrade-Insecure-Requests",
    "X-Total-Count",
];

/// Values that lead somewhere.
const VALUES: [&str; 16] = [
    "*",
    "https://app.test",
    "https://api.test",
    "null",
    "true",
    "PUT",
    "content-type",
    "cors",
    "no-cors",
    "navigate",
    "empty",
    "cross-site",
    "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (rv:153.0) Gecko/20100101 Firefox/153.0",
    "600",
    "require-corp",
];

/// Reads bytes as decisions.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// A few fields, their names mostly known ones.
    fn headers(&mut self) -> HeaderList {
        let mut list = HeaderList::new();
        for _ in 0..self.byte() % 12 {
            let kind = self.byte();
            let value = if kind & 1 == 0 {
                self.pick(&VALUES).as_bytes()
            } else {
                let len = usize::from(self.byte() % 40);
                self.bytes(len)
            };
            let own = String::from_utf8_lossy(self.bytes(usize::from(kind >> 6) * 3)).into_owned();
            let name = if kind & 2 == 0 || own.is_empty() {
                self.pick(&NAMES)
            } else {
                &own
            };
            list.push(name, value);
        }
        list
    }

    fn url(&mut self) -> String {
        const URLS: [&str; 6] = [
            "https://api.test/v1",
            "https://api.test/v2?x=1#y",
            "http://api.test/v1",
            "https://app.test/v1",
            "http://localhost:8080/",
            "wss://api.test/s",
        ];
        match self.byte() {
            0 => {
                let len = usize::from(self.byte() % 60);
                String::from_utf8_lossy(self.bytes(len)).into_owned()
            }
            n => URLS[usize::from(n) % URLS.len()].to_owned(),
        }
    }

    fn exchange(&mut self, id: u64, at: Timestamp) -> Exchange {
        const METHODS: [&str; 6] = ["GET", "OPTIONS", "PUT", "POST", "patch", "HEAD"];
        let head = RequestHead {
            method: self.pick(&METHODS).to_owned(),
            url: self.url(),
            version: HttpVersion::Http11,
            headers: Arc::new(self.headers()),
        };
        let mut made = Exchange::opened(ExchangeId(id), at, head);
        made.source = Source::Har;
        made.closed_at = Some(at.plus_micros(u64::from(self.byte()) * 1000));
        const STATUSES: [u16; 12] = [200, 200, 204, 204, 301, 302, 307, 304, 101, 401, 404, 500];
        match self.byte() {
            0 => made.end = End::Aborted,
            1 => {
                made.end = End::Failed(Failure {
                    stage: FailureStage::Wait,
                    kind: FailureKind::Reset,
                    detail: "reset".into(),
                });
            }
            n => {
                made.end = End::Complete;
                made.answered_at = made.closed_at;
                made.response = Some(ResponseHead {
                    status: STATUSES[usize::from(n) % STATUSES.len()],
                    reason: None,
                    version: HttpVersion::Http11,
                    headers: Arc::new(self.headers()),
                });
                let len = usize::from(self.byte() % 32);
                let body = self.bytes(len);
                made.response_body = BodyFacts {
                    seen_bytes: body.len() as u64,
                    kept_bytes: body.len() as u64,
                    excerpt: Bytes::copy_from_slice(body),
                };
            }
        }
        made
    }

    fn exchanges(&mut self, most: u64) -> Vec<Arc<Exchange>> {
        let mut at = Timestamp::default().plus_micros(1_700_000_000_000_000);
        let mut made = Vec::new();
        while !self.0.is_empty() && (made.len() as u64) < most {
            at = at.plus_micros(u64::from(self.byte()) * 5000);
            made.push(Arc::new(self.exchange(made.len() as u64, at)));
        }
        made
    }
}

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
