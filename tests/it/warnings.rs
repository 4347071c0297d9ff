//! Every warning fires where it should and not where it should not; and nothing that is no cross-origin
//! call of a page is ever called blocked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use corscope::cors::Outcome;
use corscope::diagnose::{Diagnosis, Severity, diagnose_all};
use corscope::wire::{Exchange, HeaderList, Kind, Source, Timestamp};

use super::fuzz::exchanges::{Asked, Became};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";

/// `METHOD URL | name: value; name: value | status | name: value; ... | body`; status 0 is no answer,
/// `-` an answer that was cut off by the browser. A page at https://app.test fetches, unless the
/// headers say otherwise; a name with an empty value is left out.
fn exchange(index: usize, line: &str) -> Arc<Exchange> {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let (method, url) = parts[0].split_once(' ').unwrap();
    let mut list = pairs(parts.get(1).copied().unwrap_or_default());
    for (name, value) in [
        ("user-agent", CHROMIUM),
        ("origin", "https://app.test"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-site"),
    ] {
        if !list.iter().any(|(known, _)| known == name) {
            list.push((name.to_owned(), value.to_owned()));
        }
    }
    list.retain(|(_, value)| !value.is_empty());
    let asked = Asked {
        id: index as u64,
        at: Timestamp(1_700_000_000_000_000 + index as u64 as i64 * 20_000_000),
        took_micros: 1000,
        method,
        url,
        headers: HeaderList::from_pairs(list),
    };
    let became = match parts.get(2).copied().unwrap_or("200") {
        "-" => Became::Aborted,
        "0" => Became::Reset,
        status => {
            let headers = pairs(parts.get(3).copied().unwrap_or_default());
            let body = parts.get(4).copied().unwrap_or_default();
            let status = status.parse().unwrap();
            Became::Answered(status, HeaderList::from_pairs(headers), body.into())
        }
    };
    let mut made = super::fuzz::exchanges::exchange(asked, became);
    if url.starts_with("http://127.") {
        made.source = Source::Proxy;
    }
    if url.starts_with("ws") {
        made.kind = Kind::WebSocket;
    }
    Arc::new(made)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once(':'));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

fn diagnose(lines: &[&str]) -> Vec<Diagnosis> {
    let exchanges = lines.iter().enumerate();
    diagnose_all(exchanges.map(|(n, line)| exchange(n, line)).collect(), None)
}

const API: &str = "GET https://api.app.test/v1";
const ECHO: &str = "access-control-allow-origin: https://app.test; vary: origin";
const ASK: &str = "OPTIONS https://api.app.test/v1 | access-control-request-method: PUT";
const PUT: &str = "PUT https://api.app.test/v1";
const MAY: &str = "access-control-allow-origin: https://app.test; vary: origin; \
                   access-control-allow-methods: PUT";

/// Id, wire, whether the last fetch of it gets the warning. `{NAME}` stands for a constant above.
const CASES: &[(&str, &[&str], bool)] = &[
    (
        "client-sends-cors-response-headers",
        &["{ASK}; access-control-request-headers: access-control-allow-origin | 204 | {MAY}"],
        true,
    ),
    (
        "client-sends-cors-response-headers",
        &["{ASK}; access-control-request-headers: x-access-control | 204 | {MAY}"],
        false,
    ),
    (
        "missing-vary-origin",
        &["{API} | | 200 | access-control-allow-origin: https://app.test"],
        true,
    ),
    ("missing-vary-origin", &["{API} | | 200 | {ECHO}"], false),
    (
        "missing-vary-origin",
        &["{API} | | 200 | access-control-allow-origin: *"],
        false,
    ),
    (
        "acao-only-when-allowed-without-vary",
        &[
            "{API} | | 200 | {ECHO}",
            "{API} | origin: https://b.test | 200 | etag: 1",
        ],
        true,
    ),
    (
        "acao-only-when-allowed-without-vary",
        &[
            "{API} | | 200 | {ECHO}",
            "{API} | origin: https://b.test | 200 | vary: Origin",
        ],
        false,
    ),
    (
        "null-origin-allowed",
        &["{API} | origin: null | 200 | access-control-allow-origin: null"],
        true,
    ),
    (
        "null-origin-allowed",
        &["{API} | origin: null | 200 | access-control-allow-origin: *"],
        false,
    ),
    (
        "wildcard-origin",
        &["{API} | authorization: Bearer x | 200 | access-control-allow-origin: *"],
        true,
    ),
    (
        "wildcard-origin",
        &["{API} | | 200 | access-control-allow-origin: *"],
        false,
    ),
    (
        "wildcard-with-credentials-header",
        &["{API} | | 200 | access-control-allow-origin: *; access-control-allow-credentials: true"],
        true,
    ),
    (
        "wildcard-with-credentials-header",
        &["{API} | | 200 | {ECHO}; access-control-allow-credentials: true"],
        false,
    ),
    (
        "authorization-not-covered-by-wildcard",
        &[
            "{ASK}; access-control-request-headers: authorization | 204 | {MAY}; access-control-allow-headers: *",
        ],
        true,
    ),
    (
        "authorization-not-covered-by-wildcard",
        &[
            "{ASK}; access-control-request-headers: authorization | 204 | {MAY}; \
           access-control-allow-headers: *, Authorization",
        ],
        false,
    ),
    (
        "http-origin-allowed",
        &["{API} | origin: http://app.test | 200 | access-control-allow-origin: http://app.test"],
        true,
    ),
    (
        "http-origin-allowed",
        &[
            "{API} | origin: http://localhost:3000 | 200 | access-control-allow-origin: http://localhost:3000",
        ],
        false,
    ),
    (
        "dev-origin-allowed-in-production",
        &[
            "{API} | origin: http://localhost:3000 | 200 | access-control-allow-origin: \
           http://localhost:3000; access-control-allow-credentials: true",
        ],
        true,
    ),
    (
        "dev-origin-allowed-in-production",
        &["{API} | | 200 | {ECHO}; access-control-allow-credentials: true"],
        false,
    ),
    (
        "expose-wildcard-with-credentials",
        &[
            "{API} | cookie: a=b | 200 | {ECHO}; access-control-allow-credentials: true; \
           access-control-expose-headers: *",
        ],
        true,
    ),
    (
        "expose-wildcard-with-credentials",
        &[
            "{API} | cookie: a=b | 200 | {ECHO}; access-control-allow-credentials: true; \
           access-control-expose-headers: etag",
        ],
        false,
    ),
    (
        "wildcard-methods-or-headers-with-credentials",
        &[
            "{ASK} | 204 | access-control-allow-origin: https://app.test; vary: origin; \
           access-control-allow-credentials: true; access-control-allow-methods: *",
        ],
        true,
    ),
    (
        "wildcard-methods-or-headers-with-credentials",
        &["{ASK} | 204 | {MAY}"],
        false,
    ),
    (
        "duplicate-cors-headers-same-value",
        &["{ASK} | 204 | {MAY}; access-control-allow-methods: PUT"],
        true,
    ),
    (
        "duplicate-cors-headers-same-value",
        &["{ASK} | 204 | {MAY}"],
        false,
    ),
    (
        "set-cookie-dropped",
        &[
            "GET https://api.other.test/v1 | cookie: a=b; sec-fetch-site: cross-site; \
           sec-fetch-storage-access: active | 200 | {ECHO}; access-control-allow-credentials: true; \
           set-cookie: sid=1",
        ],
        true,
    ),
    (
        "set-cookie-dropped",
        &[
            "{API} | cookie: a=b | 200 | {ECHO}; access-control-allow-credentials: true; set-cookie: sid=1",
        ],
        false,
    ),
    (
        "no-cors-masking",
        &[
            "GET https://api.other.test/v1 | origin: ; sec-fetch-mode: no-cors; sec-fetch-site: cross-site",
        ],
        true,
    ),
    (
        "no-cors-masking",
        &[
            "GET https://api.other.test/a.png | origin: ; sec-fetch-mode: no-cors; \
           sec-fetch-dest: image; sec-fetch-site: cross-site",
        ],
        false,
    ),
    (
        "max-age-invalid",
        &["{ASK} | 204 | {MAY}; access-control-max-age: 10m"],
        true,
    ),
    (
        "max-age-invalid",
        &["{ASK} | 204 | {MAY}; access-control-max-age: 600"],
        false,
    ),
    (
        "no-max-age",
        &[
            "{ASK} | 204 | {MAY}",
            "{ASK} | 204 | {MAY}",
            "{ASK} | 204 | {MAY}",
        ],
        true,
    ),
    (
        "no-max-age",
        &["{ASK} | 204 | {MAY}", "{ASK} | 204 | {MAY}"],
        false,
    ),
    (
        "max-age-over-cap",
        &["{ASK} | 204 | {MAY}; access-control-max-age: 86400"],
        true,
    ),
    (
        "max-age-over-cap",
        &["{ASK} | 204 | {MAY}; access-control-max-age: 7200"],
        false,
    ),
    (
        "avoidable-preflight",
        &[
            "OPTIONS https://api.app.test/v1 | access-control-request-method: GET; \
           access-control-request-headers: content-type | 204 | {MAY}; access-control-allow-headers: *",
        ],
        true,
    ),
    (
        "avoidable-preflight",
        &[
            "OPTIONS https://api.app.test/v1 | access-control-request-method: POST; \
           access-control-request-headers: content-type | 204 | {MAY}; access-control-allow-headers: *",
        ],
        false,
    ),
    (
        "mixed-case-method",
        &["OPTIONS https://api.app.test/v1 | access-control-request-method: patch | 204 | {MAY}"],
        true,
    ),
    (
        "mixed-case-method",
        &["OPTIONS https://api.app.test/v1 | access-control-request-method: PATCH | 204 | {MAY}"],
        false,
    ),
    (
        "preflight-cached",
        &[
            "{ASK} | 204 | {MAY}; access-control-max-age: 600",
            "{PUT} | | 200 | {ECHO}",
            "{PUT} | | 200 | {ECHO}",
        ],
        true,
    ),
    (
        "preflight-cached",
        &["{ASK} | 204 | {MAY}", "{PUT} | | 200 | {ECHO}"],
        false,
    ),
    (
        "request-still-executed",
        &["POST https://api.app.test/v1 | | 201 | etag: 1"],
        true,
    ),
    (
        "request-still-executed",
        &["POST https://api.app.test/v1 | | 500 | etag: 1"],
        false,
    ),
    (
        "request-still-executed",
        &["{API} | | 200 | etag: 1"],
        false,
    ),
    (
        "response-header-not-exposed",
        &[
            "GET https://api.other.test/v1 | sec-fetch-site: cross-site | 200 | {ECHO}; x-total-count: 3",
        ],
        true,
    ),
    (
        "response-header-not-exposed",
        &[
            "GET https://api.other.test/v1 | sec-fetch-site: cross-site | 200 | {ECHO}; x-total-count: 3; access-control-expose-headers: x-total-count",
        ],
        false,
    ),
    (
        "legacy-private-network-header",
        &["{ASK} | 204 | {MAY}; access-control-allow-private-network: true"],
        true,
    ),
    (
        "legacy-private-network-header",
        &["{ASK} | 204 | {MAY}"],
        false,
    ),
    (
        "local-network-unchecked",
        &[
            "GET http://127.0.0.1:8000/v1 | origin: https://app.org; sec-fetch-site: cross-site | 200 | access-control-allow-origin: *",
        ],
        true,
    ),
    (
        "local-network-unchecked",
        &[
            "GET http://127.0.0.1:8000/v1 | origin: https://app.test; sec-fetch-site: cross-site | 200 | access-control-allow-origin: *",
        ],
        false,
    ),
    (
        "local-network-unchecked",
        &[
            "GET http://127.0.0.1:8000/v1 | origin: http://localhost:3000 | 200 | access-control-allow-origin: *",
        ],
        false,
    ),
    (
        "local-network-unchecked",
        &[
            "GET https://api.org/v1 | origin: https://app.org; sec-fetch-site: cross-site | 200 | access-control-allow-origin: *",
        ],
        false,
    ),
    (
        "reflects-any-origin",
        &[
            "{API} | origin: https://b.test | 200 | access-control-allow-origin: https://b.test; vary: origin",
            "{API} | origin: https://c.test | 200 | access-control-allow-origin: https://c.test; vary: origin",
        ],
        true,
    ),
    (
        "reflects-any-origin",
        // Somebody was refused: it is a list.
        &[
            "{API} | origin: https://b.test | 200 | access-control-allow-origin: https://b.test; vary: origin",
            "{API} | origin: https://d.test | 200 | vary: origin",
            "{API} | origin: https://c.test | 200 | access-control-allow-origin: https://c.test; vary: origin",
        ],
        false,
    ),
    (
        "reflects-any-origin",
        &[
            "{API} | | 200 | {ECHO}",
            "{API} | origin: https://c.test | 200 | access-control-allow-origin: https://c.test; vary: origin",
        ],
        false,
    ),
    (
        "reflects-any-origin-with-credentials",
        &[
            "{API} | origin: https://b.test | 200 | access-control-allow-origin: https://b.test; vary: origin",
            "{API} | origin: https://c.test | 200 | access-control-allow-origin: https://c.test; vary: \
           origin; access-control-allow-credentials: true",
        ],
        true,
    ),
    (
        "reflects-any-origin-with-credentials",
        &[
            "{API} | origin: https://c.test | 200 | access-control-allow-origin: https://c.test; vary: \
           origin; access-control-allow-credentials: true",
        ],
        false,
    ),
    (
        "overbroad-origin-match",
        &[
            "{API} | origin: https://evilapp.test | 200 | access-control-allow-origin: https://evilapp.test",
        ],
        true,
    ),
    (
        "overbroad-origin-match",
        &[
            "{API} | origin: https://app.test.evil.org | 200 | access-control-allow-origin: \
           https://app.test.evil.org",
        ],
        true,
    ),
    (
        "overbroad-origin-match",
        &[
            "{API} | origin: https://shop.app.test | 200 | access-control-allow-origin: https://shop.app.test",
        ],
        false,
    ),
    (
        "options-cached-by-cdn",
        &["{ASK} | 204 | {MAY}; age: 31"],
        true,
    ),
    (
        "options-cached-by-cdn",
        &["{ASK} | 204 | {MAY}; age: 31; vary: access-control-request-method"],
        false,
    ),
    (
        "options-cached-by-cdn",
        &["{ASK} | 204 | {MAY}; age: 0"],
        false,
    ),
    (
        "inconsistent-cors",
        &[
            "GET https://api.app.test/v2 | | 200 | access-control-allow-origin: *",
            "{API} | | 200 | {ECHO}",
        ],
        true,
    ),
    (
        "inconsistent-cors",
        &[
            "GET https://api.app.test/v2 | | 200 | {ECHO}",
            "{API} | | 200 | {ECHO}",
        ],
        false,
    ),
    (
        "inconsistent-json-shape",
        &[
            "{API} | | 200 | {ECHO}; content-type: application/json",
            "{API} | | 500 | {ECHO}; content-type: text/html",
        ],
        true,
    ),
    (
        "inconsistent-json-shape",
        &[
            "{API} | | 200 | {ECHO}; content-type: application/json",
            "{API} | | 500 | {ECHO}; content-type: application/problem+json",
        ],
        false,
    ),
    (
        "preflight-per-url",
        &[
            "OPTIONS https://api.app.test/i/1 | access-control-request-method: PUT | 204 | {MAY}",
            "OPTIONS https://api.app.test/i/2 | access-control-request-method: PUT | 204 | {MAY}",
            "OPTIONS https://api.app.test/i/3 | access-control-request-method: PUT | 204 | {MAY}",
            "OPTIONS https://api.app.test/i/4 | access-control-request-method: PUT | 204 | {MAY}",
            "OPTIONS https://api.app.test/i/5 | access-control-request-method: PUT | 204 | {MAY}",
        ],
        true,
    ),
    (
        "preflight-per-url",
        &[
            "OPTIONS https://api.app.test/i/1 | access-control-request-method: PUT | 204 | {MAY}",
            "OPTIONS https://api.app.test/i/2 | access-control-request-method: PUT | 204 | {MAY}",
        ],
        false,
    ),
    (
        "third-party-cookie",
        &[
            "GET https://api.other.test/v1 | cookie: a=b; sec-fetch-site: cross-site | 200 | {ECHO}; \
           access-control-allow-credentials: true",
        ],
        true,
    ),
    (
        "third-party-cookie",
        &["{API} | cookie: a=b | 200 | {ECHO}; access-control-allow-credentials: true"],
        false,
    ),
    (
        "cors-headers-on-non-cors",
        &["GET https://app.test/v1 | origin: ; sec-fetch-site: same-origin | 200 | {ECHO}"],
        true,
    ),
    (
        "cors-headers-on-non-cors",
        &["GET https://app.test/v1 | origin: ; sec-fetch-site: same-origin | 200 | etag: 1"],
        false,
    ),
    (
        "useless-preflight-headers-on-actual",
        &["{API} | | 200 | {MAY}"],
        true,
    ),
    (
        "useless-preflight-headers-on-actual",
        &["{ASK} | 204 | {MAY}", "{PUT} | | 200 | {ECHO}"],
        false,
    ),
    (
        "websocket-no-origin-check",
        &[
            "GET wss://chat.other.test/s | cookie: a=b; sec-fetch-mode: websocket | 101 | upgrade: websocket",
        ],
        true,
    ),
    (
        "websocket-no-origin-check",
        &[
            "GET wss://chat.app.test/s | cookie: a=b; sec-fetch-mode: websocket | 101 | upgrade: websocket",
        ],
        false,
    ),
];

fn filled(line: &str) -> String {
    [
        ("{API}", API),
        ("{ECHO}", ECHO),
        ("{ASK}", ASK),
        ("{PUT}", PUT),
        ("{MAY}", MAY),
    ]
    .into_iter()
    .fold(line.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

#[test]
fn each_warning_fires_where_it_should_and_only_there() {
    let mut fired: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (id, lines, fires) in CASES {
        let lines: Vec<String> = lines.iter().map(|line| filled(line)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let diagnoses = diagnose(&lines);
        let last = diagnoses.last().unwrap();
        let found = last.warnings.iter().find(|warning| warning.id == *id);
        if found.is_some() != *fires {
            wrong.push(format!("{id}, {fires}: {lines:?}\n  {:?}", last.warnings));
        }
        if let Some(warning) = found {
            assert!(!warning.evidence.is_empty(), "{id} has no evidence");
        }
        fired.entry(id).or_default().insert(*fires);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let one_sided: Vec<_> = fired.iter().filter(|(_, ways)| ways.len() < 2).collect();
    assert!(one_sided.is_empty(), "{one_sided:?}");
    assert!(fired.len() >= 34, "{} warnings", fired.len());
}

/// A call that is right in all respects gets no warning at all, and `info` alone is quiet.
#[test]
fn what_is_right_is_not_warned_about() {
    let lines = [
        ASK.to_owned() + " | 204 | " + MAY,
        PUT.to_owned() + " | | 200 | " + ECHO,
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let diagnoses = diagnose(&lines);
    assert_eq!(diagnoses[0].outcome, Outcome::Allowed);
    let loud = diagnoses[0]
        .warnings
        .iter()
        .filter(|w| w.severity > Severity::Info);
    assert_eq!(loud.count(), 0, "{:?}", diagnoses[0].warnings);
}

/// What is no cross-origin call of a page; none of it may ever be called blocked.
const HARMLESS: &[(&str, Outcome)] = &[
    (
        "GET https://app.test/v1 | origin: ; sec-fetch-site: same-origin | 500",
        Outcome::Exempt,
    ),
    (
        "POST https://app.test/v1 | sec-fetch-site: same-origin | 403",
        Outcome::Exempt,
    ),
    (
        "GET https://app.test/ | origin: ; sec-fetch-mode: navigate; sec-fetch-dest: document; \
      sec-fetch-site: none",
        Outcome::Exempt,
    ),
    (
        "POST https://api.app.test/login | sec-fetch-mode: navigate; sec-fetch-dest: document; \
      sec-fetch-site: same-site | 302 | location: /",
        Outcome::Exempt,
    ),
    (
        "POST http://shop.test/pay | sec-fetch-mode: ; sec-fetch-site: ; sec-fetch-dest: ; accept: \
      text/html,application/xhtml+xml; upgrade-insecure-requests: 1",
        Outcome::Exempt,
    ),
    (
        "GET https://cdn.test/a.png | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: image; \
      sec-fetch-site: cross-site | 200 | content-type: image/png",
        Outcome::Opaque,
    ),
    (
        "GET https://cdn.test/a.png | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: image; \
      sec-fetch-site: cross-site | 404 | content-type: image/png",
        Outcome::Opaque,
    ),
    (
        "GET https://cdn.test/a.js | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: script; \
      sec-fetch-site: cross-site | 200 | content-type: text/javascript",
        Outcome::Opaque,
    ),
    (
        "GET https://cdn.test/a.css | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: style; \
      sec-fetch-site: cross-site | 200 | content-type: text/css",
        Outcome::Opaque,
    ),
    (
        "GET https://cdn.test/a.mp4 | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: video; \
      sec-fetch-site: cross-site; range: bytes=0- | 206 | content-type: video/mp4",
        Outcome::Opaque,
    ),
    (
        "POST https://stats.test/b | sec-fetch-mode: no-cors; sec-fetch-site: cross-site; \
      content-type: text/plain | 204",
        Outcome::Opaque,
    ),
    (
        "GET wss://chat.test/s | sec-fetch-mode: websocket; sec-fetch-dest: websocket | 403",
        Outcome::Exempt,
    ),
    (
        "GET wss://chat.test/s | sec-fetch-mode: ; sec-fetch-dest: ; sec-fetch-site: | 101",
        Outcome::Exempt,
    ),
    (
        "GET https://api.test/v1 | user-agent: curl/8.5.0; origin: ; sec-fetch-mode: ; sec-fetch-dest: ; \
      sec-fetch-site: ",
        Outcome::Exempt,
    ),
    (
        "GET https://api.test/v1 | user-agent: curl/8.5.0; sec-fetch-mode: ; sec-fetch-dest: ; \
      sec-fetch-site: | 500",
        Outcome::Exempt,
    ),
    (
        "POST https://api.test/v1 | user-agent: PostmanRuntime/7.43.0; origin: ; sec-fetch-mode: ; \
      sec-fetch-dest: ; sec-fetch-site: ",
        Outcome::Exempt,
    ),
    (
        "DELETE https://api.test/v1 | user-agent: node; origin: ; sec-fetch-mode: ; sec-fetch-dest: ; \
      sec-fetch-site: ",
        Outcome::Exempt,
    ),
    (
        "GET https://api.test/v1 | user-agent: python-requests/2.32; origin: ; sec-fetch-mode: ; \
      sec-fetch-dest: ; sec-fetch-site: ",
        Outcome::Exempt,
    ),
    (
        "OPTIONS https://api.test/v1 | user-agent: curl/8.5.0; access-control-request-method: PUT; \
      sec-fetch-mode: ; sec-fetch-dest: ; sec-fetch-site: | 404",
        Outcome::Exempt,
    ),
    (
        "GET https://api.test/v1 | origin: ; sec-fetch-site: none; sec-fetch-mode: cors | 200",
        Outcome::Exempt,
    ),
];

#[test]
fn what_is_no_call_of_a_page_is_never_blocked() {
    for (line, outcome) in HARMLESS {
        let diagnoses = diagnose(&[line]);
        assert_eq!(diagnoses.len(), 1, "{line}");
        assert_eq!(diagnoses[0].outcome, *outcome, "{line}");
        assert_eq!(diagnoses[0].cause, None, "{line}");
    }
}

#[test]
fn what_was_aborted_is_never_blocked() {
    for line in [
        "GET https://api.app.test/v1 | | -",
        "OPTIONS https://api.app.test/v1 | access-control-request-method: PUT | -",
        "GET https://api.app.test/v1 | | 0",
        "OPTIONS https://api.app.test/v1 | access-control-request-method: PUT | 0",
        "GET https://cdn.test/a.png | origin: ; sec-fetch-mode: no-cors; sec-fetch-dest: image | -",
    ] {
        for diagnosis in diagnose(&[line]) {
            assert_ne!(diagnosis.outcome, Outcome::Blocked, "{line}");
        }
    }
}

/// What is blocked for a reason that is not CORS is named as that.
#[test]
fn other_blocks_have_their_own_names() {
    const PAGE: &str = "GET https://app.test/ | origin: ; sec-fetch-mode: navigate; \
                        sec-fetch-dest: document; sec-fetch-site: none | 200";
    const IMAGE: &str = "GET https://cdn.test/a | origin: ; sec-fetch-mode: no-cors; \
                         sec-fetch-dest: image; sec-fetch-site: cross-site; referer: https://app.test/";
    for (lines, check) in [
        (
            vec![format!(
                "{IMAGE} | 200 | content-type: image/png; cross-origin-resource-policy: same-origin"
            )],
            "blocked-by-corp",
        ),
        (
            vec![
                format!("{PAGE} | cross-origin-embedder-policy: require-corp"),
                format!("{IMAGE} | 200 | content-type: image/png"),
            ],
            "blocked-by-corp",
        ),
        (
            vec![format!(
                "{IMAGE} | 200 | content-type: application/json | {{\"a\":1}}"
            )],
            "opaque-response-blocked",
        ),
        (
            vec![format!(
                "{API} | | 302 | {ECHO}; location: http://api.app.test/v1"
            )],
            "mixed-content",
        ),
        (
            vec![
                format!("{PAGE} | content-security-policy: connect-src https://api.app.test"),
                format!("{API} | | 302 | {ECHO}; location: https://api.app.org/v1"),
            ],
            "csp-connect-src",
        ),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let diagnoses = diagnose(&lines);
        let last = diagnoses.last().unwrap();
        let branch = last
            .when_not_include
            .as_ref()
            .and_then(|b| b.cause.as_ref());
        let cause = last.cause.as_ref().or(branch);
        let cause = cause.unwrap_or_else(|| panic!("{lines:?}: {}", last.outcome));
        assert_eq!(cause.check.id(), check, "{lines:?}");
        assert!(!cause.check.is_cors(), "{check}");
    }
}
