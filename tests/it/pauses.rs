//! A capture has its pauses: what came before one is judged like all the rest, whether it is recorded,
//! read from a session file, or from a HAR.

use std::sync::Arc;

use corscope::capture::now;
use corscope::session::{Options, Reader, Session};
use corscope::wire::{
    Client, End, HeaderList, HttpVersion, Kind, RequestHead, ResponseHead, Source, Timestamp,
    Timings, Upstream,
};
use serde_json::{Value, json};

use crate::support::{Home, eventually};

/// Seconds since the first one: at once, after hours, and slowly over an hour.
fn seconds() -> Vec<i64> {
    let mut seconds = vec![0, 1, 3_600, 3_601, 90_000];
    seconds.extend((1..40).map(|n| 90_000 + n * 100));
    seconds
}

fn judged(reader: &Reader) -> usize {
    let fetches = reader.fetches();
    fetches
        .iter()
        .filter(|id| reader.fetch(**id).is_some_and(|f| f.settled))
        .count()
}

#[test]
fn sessions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pauses");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    let start = now();
    for (n, seconds) in seconds().into_iter().enumerate() {
        let client = Client {
            connection: 1,
            addr: None,
        };
        let request = RequestHead {
            method: "GET".into(),
            url: format!("https://api.test/{n}"),
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs([("origin", "https://app.test")])),
        };
        let at = Timestamp(start.0 + seconds * 1_000_000);
        let exchange = recorder.open_now(Source::Proxy, Kind::Http, client, request, at);
        let response = ResponseHead {
            status: 200,
            reason: None,
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs([("x", "y")])),
        };
        exchange.answered(response, Upstream::default(), Timings::default());
        exchange.close(End::Complete, Timings::default());
    }
    let reader = session.reader();
    eventually("all are there", || reader.len() == seconds().len());
    session.finish().unwrap();
    assert_eq!(judged(&reader), seconds().len(), "as it was recorded");
    let again = Session::open(&path, None).unwrap();
    assert_eq!(judged(&again.reader()), seconds().len(), "read again");
}

#[test]
fn hars() {
    let entry = |n: usize, seconds: i64| {
        let at = chrono::DateTime::from_timestamp(1_767_261_600 + seconds, 0).unwrap();
        json!({
            "startedDateTime": at.to_rfc3339(),
            "time": 5,
            "request": {
                "method": "GET",
                "url": format!("https://api.test/{n}"),
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": "Origin", "value": "https://app.test"}],
                "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0
            },
            "response": {
                "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1",
                "headers": [], "cookies": [], "redirectURL": "",
                "content": {"size": 0, "mimeType": "text/plain"},
                "headersSize": -1, "bodySize": 0
            },
            "cache": {},
            "timings": {"send": 1, "wait": 3, "receive": 1}
        })
    };
    let entries = seconds().into_iter().enumerate();
    let entries: Vec<Value> = entries.map(|(n, seconds)| entry(n, seconds)).collect();
    let creator = json!({"name": "a test", "version": "1"});
    let har = json!({"log": {"version": "1.2", "creator": creator, "entries": entries}});
    let home = Home::new();
    let file = home.at("pauses.har");
    std::fs::write(&file, har.to_string()).unwrap();
    let told = home.run(&["diagnose", file.to_str().unwrap(), "--format", "json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["summary"]["fetches"], seconds().len());
    assert_eq!(told["summary"]["blocked"], seconds().len());
}
