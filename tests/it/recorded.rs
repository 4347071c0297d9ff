//! The recorded scenarios of `tests/corpus`: what the page asked for, what the browser decided, and the
//! wire as exchanges. `tests/corpus/README.md` describes the records.

use std::sync::Arc;

use bytes::Bytes;
use corscope::wire::{
    BodyFacts, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList,
    HttpVersion, RequestHead, ResponseHead, Source, Timestamp,
};
use serde::Deserialize;
use serde_json::Value;

pub(crate) const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        HeadlessChrome/156.0.0.0 Safari/537.36";
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

/// One scenario in one browser.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) of: String,
    #[serde(rename = "in")]
    pub(crate) browser: String,
    pub(crate) asked: Vec<Asked>,
    pub(crate) wire: Vec<Entry>,
}

/// One request the page made, and what the browser decided.
#[derive(Deserialize)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) include: bool,
    pub(crate) by: String,
    pub(crate) got: String,
    #[serde(default = "untold")]
    pub(crate) why: Value,
    pub(crate) name: Option<String>,
    pub(crate) seen: Option<Vec<String>>,
}

/// Stands for a reason that was not recorded for this request; `null` is a reason that is not CORS.
pub(crate) fn untold() -> Value {
    Value::Bool(false)
}

/// Start and duration in ms, method, URL, request headers, status, response headers, body excerpt,
/// number of the connection.
#[derive(Deserialize)]
pub(crate) struct Entry(
    pub(crate) i64,
    pub(crate) i64,
    pub(crate) String,
    pub(crate) String,
    pub(crate) Vec<String>,
    pub(crate) u16,
    pub(crate) Vec<String>,
    #[serde(default)] pub(crate) Option<String>,
    #[serde(default)] pub(crate) u64,
);

/// Each character is one byte, as HAR files have it.
pub(crate) fn headers(lines: &[String]) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, value) in lines.iter().filter_map(|l| l.split_once(':')) {
        let bytes = value.chars().map(|c| u8::try_from(c).unwrap_or(b'?'));
        list.push(name, bytes.collect::<Vec<u8>>().trim_ascii());
    }
    list
}

pub(crate) fn exchange(index: usize, entry: &Entry, agent: &str) -> Arc<Exchange> {
    let Entry(start, took, method, url, request, status, response, body, connection) = entry;
    let mut list = headers(request);
    if !list.contains("user-agent") {
        list.push("User-Agent", agent.as_bytes());
    }
    let head = RequestHead {
        method: method.clone(),
        url: url.clone(),
        version: HttpVersion::Http11,
        headers: Arc::new(list),
    };
    let at = |ms: i64| Timestamp(1_700_000_000_000_000 + ms * 1000);
    let mut made = Exchange::opened(ExchangeId(index as u64), at(*start), head);
    made.source = Source::Har;
    made.client.connection = *connection;
    made.closed_at = Some(at(start + took));
    if *status == 0 {
        made.end = End::Failed(Failure {
            stage: FailureStage::Wait,
            kind: FailureKind::Reset,
            detail: "connection closed before a response".into(),
        });
        return Arc::new(made);
    }
    made.end = End::Complete;
    made.answered_at = made.closed_at;
    made.response = Some(ResponseHead {
        status: *status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(headers(response)),
    });
    if let Some(text) = body {
        made.response_body = BodyFacts {
            seen_bytes: text.len() as u64,
            kept_bytes: text.len() as u64,
            excerpt: Bytes::from(text.clone().into_bytes()),
        };
    }
    Arc::new(made)
}

/// A scenario for other topics: its name, its browser, whether the first request included
/// credentials, what the page asked, and the wire.
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) browser: String,
    pub(crate) include: bool,
    pub(crate) asked: Vec<Asked>,
    pub(crate) exchanges: Vec<Arc<Exchange>>,
}

/// All scenarios of a set: name with browser, and the wire.
pub(crate) fn wires(lines: &str) -> Vec<(String, Vec<Arc<Exchange>>)> {
    let records = lines
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).expect("a record"));
    records
        .map(|record| {
            let chromium = record.browser == "chromium";
            let agent = if chromium { CHROMIUM } else { FIREFOX };
            let wire = record.wire.iter().enumerate();
            (
                format!("{} {}", record.id, record.browser),
                wire.map(|(at, entry)| exchange(at, entry, agent)).collect(),
            )
        })
        .collect()
}

/// The scenarios of a set in which the page made one request.
pub(crate) fn single_requests(lines: &str) -> Vec<Recorded> {
    recorded(lines, |record| record.asked.len() == 1)
}

/// All scenarios, those of several requests included; `include` is that of the first.
pub(crate) fn all_requests(lines: &str) -> Vec<Recorded> {
    recorded(lines, |_| true)
}

pub(crate) fn recorded(lines: &str, wanted: impl Fn(&Record) -> bool) -> Vec<Recorded> {
    let records = lines
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).expect("a record"));
    records
        .filter(wanted)
        .map(|record| {
            let agent = if record.browser == "chromium" {
                CHROMIUM
            } else {
                FIREFOX
            };
            let wire = record.wire.iter().enumerate();
            Recorded {
                exchanges: wire.map(|(at, entry)| exchange(at, entry, agent)).collect(),
                include: record.asked[0].include,
                asked: record.asked,
                id: record.id,
                browser: record.browser,
            }
        })
        .collect()
}
