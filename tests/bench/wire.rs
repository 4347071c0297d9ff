//! Traffic for the benches: exchanges as Chromium makes them, with the headers it sends.

use std::sync::Arc;

use corscope::wire::{Exchange, HeaderList, Timestamp};

#[path = "../exchanges.rs"]
#[allow(dead_code)]
mod exchanges;

use exchanges::{Asked, Became};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/156.0.0.0 Safari/537.36";
const START_MICROS: u64 = 1_700_000_000_000_000;

/// One exchange that begins `at` microseconds into the capture and takes `took`.
pub(crate) struct Told<'a> {
    pub(crate) id: u64,
    pub(crate) at: u64,
    pub(crate) took: u64,
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) request: &'a [(&'a str, &'a str)],
    pub(crate) status: u16,
    pub(crate) response: &'a [(&'a str, &'a str)],
}

pub(crate) fn exchange(told: &Told<'_>) -> Arc<Exchange> {
    let mut list = HeaderList::from_pairs([
        ("Host", "api.app.test"),
        ("Connection", "keep-alive"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("User-Agent", AGENT),
        ("Accept", "*/*"),
        ("Sec-Fetch-Dest", "empty"),
        ("Referer", "https://app.test/"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", "en-US,en;q=0.9"),
    ]);
    for (name, value) in told.request {
        list.push(name, value.as_bytes());
    }
    let mut answer = HeaderList::from_pairs([
        ("Date", "Mon, 23 Nov 2026 09:00:00 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Length", "1024"),
        ("Server", "nginx/1.26.0"),
    ]);
    for (name, value) in told.response {
        answer.push(name, value.as_bytes());
    }
    let asked = Asked {
        id: told.id,
        at: Timestamp::default().plus_micros(START_MICROS + told.at),
        took_micros: told.took,
        method: told.method,
        url: told.url,
        headers: list,
    };
    let became = Became::Answered(told.status, answer, Vec::new());
    Arc::new(exchanges::exchange(asked, became))
}

pub(crate) const CROSS: [(&str, &str); 3] = [
    ("Origin", "https://app.test"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "same-site"),
];
pub(crate) const ASKS: [(&str, &str); 5] = [
    ("Origin", "https://app.test"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "same-site"),
    ("Access-Control-Request-Method", "PUT"),
    ("Access-Control-Request-Headers", "content-type,x-cart"),
];
pub(crate) const PUTS: [(&str, &str); 5] = [
    ("Origin", "https://app.test"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "same-site"),
    ("Content-Type", "application/json"),
    ("X-Cart", "7"),
];
pub(crate) const GRANTS: [(&str, &str); 4] = [
    ("Access-Control-Allow-Origin", "https://app.test"),
    ("Access-Control-Allow-Methods", "GET, PUT, DELETE"),
    ("Access-Control-Allow-Headers", "content-type, x-cart"),
    ("Vary", "Origin"),
];
pub(crate) const ALLOWS: [(&str, &str); 2] = [
    ("Access-Control-Allow-Origin", "https://app.test"),
    ("Vary", "Origin"),
];
