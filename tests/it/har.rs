//! HAR files as they are found in the wild.

use std::collections::BTreeMap;
use std::sync::Arc;

use corscope::capture::{Event, queue};
use corscope::har::{HarError, HarRead, read};
use corscope::wire::{End, Exchange, ExchangeId, FailureKind, HttpVersion, Kind, Side, Timestamp};

fn heard(har: &str) -> (HarRead, Vec<Event>) {
    let (recorder, mut events) = queue(ExchangeId(0), u64::MAX);
    let read = read(har.as_bytes(), &recorder).unwrap_or_else(|error| panic!("{error}"));
    (read, events.take())
}

/// The exchanges of a HAR, put together from its events.
pub(crate) fn exchanges(har: &str) -> Vec<Arc<Exchange>> {
    let mut exchanges: BTreeMap<ExchangeId, Exchange> = BTreeMap::new();
    let mut excerpts: BTreeMap<(ExchangeId, Side), Vec<u8>> = BTreeMap::new();
    for event in heard(har).1 {
        let id = event.id();
        match event {
            Event::Opened(opening) => {
                let mut exchange = Exchange::opened(id, opening.at, opening.request);
                exchange.source = opening.source;
                exchange.kind = opening.kind;
                exchange.client = opening.client;
                exchanges.insert(id, exchange);
            }
            Event::Body(_, side, bytes) => {
                excerpts.entry((id, side)).or_default().extend(bytes);
            }
            event => {
                let exchange = exchanges.get_mut(&id).expect("it was opened");
                match event {
                    Event::Answered(answer) => {
                        exchange.answered_at = Some(answer.at);
                        exchange.response = Some(answer.response);
                        exchange.upstream = Some(answer.upstream);
                    }
                    Event::Closed(closing) => {
                        exchange.closed_at = Some(closing.at);
                        exchange.end = closing.end;
                        exchange.timings = closing.timings;
                        exchange.request_body.seen_bytes = closing.request_bytes;
                        exchange.response_body.seen_bytes = closing.response_bytes;
                    }
                    Event::Told(_, said) => exchange.told = Some(said),
                    other => panic!("not expected of a HAR: {other:?}"),
                }
            }
        }
    }
    for ((id, side), bytes) in excerpts {
        let exchange = exchanges.get_mut(&id).expect("it was opened");
        let body = match side {
            Side::Request => &mut exchange.request_body,
            Side::Response => &mut exchange.response_body,
        };
        body.kept_bytes = bytes.len() as u64;
        body.excerpt = bytes.into();
    }
    exchanges.into_values().map(Arc::new).collect()
}

fn log(entries: &str) -> String {
    format!(r#"{{"log":{{"version":"1.2","creator":{{}},"pages":[],"entries":[{entries}]}}}}"#)
}

fn only(entry: &str) -> Arc<Exchange> {
    let mut all = exchanges(&log(entry));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn an_entry_with_everything() {
    let exchange = only(
        r#"{"startedDateTime":"2026-11-23T07:51:05.190Z","time":100,"connection":"443",
        "serverIPAddress":"[::1]","request":{"method":"POST","url":"https://api.test:8443/a?b=c#d",
        "httpVersion":"http/2.0","headers":[{"name":":authority","value":"api.test:8443"},
        {"name":"Origin","value":"https://app.test"}],
        "postData":{"mimeType":"application/json","text":"{\"é\":1}"},"bodySize":8},
        "response":{"status":200,"statusText":"OK","httpVersion":"h2","headers":[
        {"name":"set-cookie","value":"a=1; Path=/\nb=2; Secure"},{"name":"X-Folded","value":"one\r\n two"},
        {"name":"content-encoding","value":"gzip"}],
        "content":{"size":7,"mimeType":"image/png","text":"AQID\nBAUG","encoding":"base64"}},
        "timings":{"blocked":5,"dns":-1,"connect":20,"ssl":12,"send":1,"wait":70,"receive":4},
        "_initiator":{"type":"script"}}"#,
    );
    let request = &exchange.request;
    assert_eq!(request.url, "https://api.test:8443/a?b=c");
    assert_eq!(request.version, HttpVersion::Http2);
    assert_eq!(request.headers.len(), 1, "pseudo-headers are no fields");
    assert_eq!(exchange.request_body.excerpt, "{\"é\":1}");
    let response = exchange.response.as_ref().unwrap();
    assert_eq!((response.status, &response.reason), (200, &None));
    let cookies: Vec<String> = response
        .headers
        .all("set-cookie")
        .map(|f| f.text())
        .collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2; Secure"]);
    assert_eq!(response.headers.get("x-folded").as_deref(), Some("one two"));
    assert_eq!(
        response.headers.get("content-encoding").as_deref(),
        Some("gzip")
    );
    assert_eq!(&exchange.response_body.excerpt[..], [1, 2, 3, 4, 5, 6]);
    assert_eq!(exchange.response_body.seen_bytes, 7);
    assert!(exchange.response_body.is_truncated());
    let timings = exchange.timings;
    assert_eq!(
        (timings.connect, timings.tls, timings.dns),
        (Some(8_000), Some(12_000), None)
    );
    let start = Timestamp(1_795_420_265_190_000);
    assert_eq!(exchange.opened_at, start);
    assert_eq!(exchange.answered_at, Some(start.plus_micros(96_000)));
    assert_eq!(exchange.closed_at, Some(start.plus_micros(100_000)));
    assert_eq!(exchange.end, End::Complete);
    let server = exchange.upstream.as_ref().unwrap().addr.unwrap();
    assert_eq!(server.to_string(), "[::1]:8443");
    assert_eq!(exchange.client.connection, 443);
}

#[test]
fn odd_values_are_taken_as_far_as_they_go() {
    let exchange = only(
        r#"{"startedDateTime":"yesterday","time":null,"request":{"method":null,"url":" http://a.test/ ",
        "httpVersion":"unknown","headers":{"Origin":"http://b.test","X-Number":5},
        "postData":{"params":[{"name":"a b","value":"ü"}]}},
        "response":{"status":"204","statusText":null,"headers":[{"name":"Vary","value":null},null,{"value":"x"}],
        "content":{"size":null,"text":null}},"timings":{"wait":"7"}}"#,
    );
    assert_eq!(exchange.request.method, "GET");
    assert_eq!(exchange.request.url, "http://a.test/");
    assert_eq!(exchange.request.version, HttpVersion::Http11);
    assert_eq!(
        exchange.request.headers.get("x-number").as_deref(),
        Some("5")
    );
    assert_eq!(exchange.request_body.excerpt, "a+b=%C3%BC");
    let response = exchange.response.as_ref().unwrap();
    assert_eq!(response.status, 204);
    assert_eq!(response.headers.get("vary").as_deref(), Some(""));
    assert_eq!(exchange.duration_micros(), Some(7_000));
}

#[test]
fn broken_text_and_deep_stacks_are_no_obstacle() {
    let stack = r#"{"parent":"#.repeat(500) + "0" + &"}".repeat(500);
    let entry = format!(
        r#"{{"request":{{"url":"http://a.test/"}},"response":{{"status":200,
        "content":{{"text":"half \ud83d a pair"}}}},"_initiator":{{"stack":{stack}}}}}"#
    );
    let exchange = only(&entry);
    assert_eq!(exchange.response_body.excerpt, "half \u{fffd} a pair");
    let marked = format!("\u{feff}{}", log(&entry));
    assert_eq!(exchanges(&marked).len(), 1, "a byte order mark is skipped");
}

#[test]
fn skipped_entries_are_counted_and_keep_their_number() {
    let har = log(
        r#"7, {"request":{"url":"http://a.test/one"}}, {"response":{}}, {"request":{"method":"GET"}},
           {"request":{"url":"http://a.test/two"}}"#,
    );
    let (read, _) = heard(&har);
    assert_eq!(read.entries, 5);
    assert_eq!(
        read.skipped,
        [
            "entry 0 (byte 60): it is not an object",
            "entry 2 (byte 103): it has no request",
            "entry 3 (byte 120): its request has no URL",
        ]
    );
    let ids: Vec<u64> = exchanges(&har).iter().map(|e| e.id.0).collect();
    assert_eq!(ids, [1, 4]);
}

#[test]
fn no_answer_is_a_failure_not_a_response() {
    for (error, kind) in [
        ("", FailureKind::Other),
        ("net::ERR_CONNECTION_REFUSED", FailureKind::Refused),
        ("net::ERR_NAME_NOT_RESOLVED", FailureKind::NameNotResolved),
        ("net::ERR_CERT_DATE_INVALID", FailureKind::Certificate),
        ("net::ERR_EMPTY_RESPONSE", FailureKind::Reset),
    ] {
        let exchange = only(&format!(
            r#"{{"request":{{"url":"http://a.test/"}},"response":{{"status":0,"_error":""}},"_error":"{error}"}}"#
        ));
        assert_eq!(exchange.response, None);
        let End::Failed(failure) = &exchange.end else {
            panic!("{error}: {:?}", exchange.end)
        };
        assert_eq!(failure.kind, kind, "{error}");
    }
    let aborted = r#"{"request":{"url":"http://a.test/"},"_error":"net::ERR_ABORTED"}"#;
    assert_eq!(only(aborted).end, End::Aborted);
    let withheld = r#"{"request":{"url":"http://a.test/"},"response":{"status":200},"_error":"net::ERR_FAILED"}"#;
    assert_eq!(only(withheld).end, End::Complete);
}

fn entry(method: &str, start_ms: u32, blocked: u32, time: u32, status: u32, more: &str) -> String {
    let headers = if method == "OPTIONS" {
        r#"{"name":"origin","value":"https://app.test"},
           {"name":"access-control-request-method","value":"PUT"}"#
    } else {
        r#"{"name":"origin","value":"https://app.test"},{"name":"sec-fetch-mode","value":"cors"}"#
    };
    format!(
        r#"{{"startedDateTime":"2026-11-23T07:51:05.{start_ms:03}Z","time":{time},
        "request":{{"method":"{method}","url":"https://api.test/1","headers":[{headers}]}},
        "response":{{"status":{status},"headers":[{more}]}},
        "timings":{{"blocked":{blocked},"send":0,"wait":{},"receive":0}}}}"#,
        time - blocked
    )
}

#[test]
fn events_come_in_the_order_of_time() {
    let har = log(&[
        entry("GET", 20, 0, 100, 200, ""),
        entry("GET", 10, 0, 30, 200, ""),
        entry("GET", 50, 0, 10, 0, ""),
    ]
    .join(","));
    let order: Vec<(u64, &str)> = heard(&har)
        .1
        .iter()
        .map(|event| {
            let what = match event {
                Event::Opened(_) => "opened",
                Event::Answered(_) => "answered",
                Event::Closed(_) => "closed",
                other => panic!("{other:?}"),
            };
            (event.id().0, what)
        })
        .collect();
    assert_eq!(
        order,
        [
            (1, "opened"),
            (0, "opened"),
            (1, "answered"),
            (1, "closed"),
            (2, "opened"),
            (2, "closed"),
            (0, "answered"),
            (0, "closed"),
        ]
    );
}

#[test]
fn devtools_lists_a_request_before_its_preflight() {
    let allow = r#"{"name":"access-control-allow-origin","value":"https://app.test"},
                   {"name":"access-control-allow-methods","value":"PUT"}"#;
    let har = log(&[
        entry("PUT", 100, 45, 90, 200, allow),
        entry("OPTIONS", 102, 1, 40, 204, allow),
    ]
    .join(","));
    let diagnoses = corscope::diagnose::diagnose_all(exchanges(&har), None);
    assert_eq!(diagnoses.len(), 1, "{diagnoses:?}");
    assert_eq!(diagnoses[0].outcome, corscope::cors::Outcome::Allowed);
    let ids: Vec<u64> = diagnoses[0].fetch.exchanges().map(|id| id.0).collect();
    assert_eq!(ids, [1, 0], "the preflight came first");
}

#[test]
fn devtools_lists_a_request_that_was_never_sent() {
    let unsent = entry("PUT", 100, 41, 41, 0, "").replace(
        r#""response":{"#,
        r#""response":{"_error":"net::ERR_FAILED","#,
    );
    // Of a request that was not sent DevTools knows some headers only.
    let provisional = unsent.replace(
        r#"{"name":"origin","value":"https://app.test"},{"name":"sec-fetch-mode","value":"cors"}"#,
        r#"{"name":"Referer","value":"https://app.test/"}"#,
    );
    assert_ne!(provisional, unsent);
    for unsent in [unsent, provisional] {
        check_unsent(&unsent);
    }
}

fn check_unsent(unsent: &str) {
    let preflight = entry("OPTIONS", 102, 1, 38, 405, "");
    let har = log(&[unsent, &preflight].join(","));
    let diagnoses = corscope::diagnose::diagnose_all(exchanges(&har), None);
    assert_eq!(diagnoses.len(), 1, "{diagnoses:?}");
    let diagnosis = &diagnoses[0];
    assert_eq!(diagnosis.outcome, corscope::cors::Outcome::Blocked);
    let cause = diagnosis.cause.as_ref().unwrap();
    assert_eq!(cause.stage, corscope::cors::Stage::Preflight);
    let mut ids: Vec<u64> = diagnosis.fetch.exchanges().map(|id| id.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, [0, 1], "both entries belong to it");
    let fix = corscope::fix::suggest(diagnosis, &exchanges(&har)).unwrap();
    assert_eq!(fix.preflight.as_ref().unwrap().status, Some(204));
    assert!(
        fix.actual.is_some(),
        "what was never sent needs the headers too"
    );
}

#[test]
fn a_web_socket_brings_its_messages() {
    let har = log(
        r#"{"startedDateTime":"2026-11-23T07:51:05.190Z","time":9,"_resourceType":"websocket",
        "request":{"method":"GET","url":"wss://a.test/live"},"response":{"status":101},
        "_webSocketMessages":[{"type":"send","time":1795420265.2,"opcode":1,"data":"hello"},
        {"type":"receive","time":1795420265.3,"opcode":2,"data":"AQI="}]}"#,
    );
    let (_, events) = heard(&har);
    let Event::Opened(opening) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(opening.kind, Kind::WebSocket);
    assert_eq!(opening.request.url, "https://a.test/live");
    let messages: Vec<(Side, &[u8])> = events
        .iter()
        .filter_map(|event| match event {
            Event::Message(_, message) => Some((message.from, &message.payload[..])),
            _ => None,
        })
        .collect();
    assert_eq!(
        messages,
        [
            (Side::Request, &b"hello"[..]),
            (Side::Response, &[1, 2][..])
        ]
    );
}

#[test]
fn what_is_no_har_is_said_in_one_sentence() {
    let (recorder, mut events) = queue(ExchangeId(0), u64::MAX);
    let fails = |text: &str| read(text.as_bytes(), &recorder).unwrap_err();
    let cut = log(r#"{"request":{"url":"http://a.test/"}}"#);
    let cut = &cut[..cut.len() - 4];
    assert!(matches!(fails(cut), HarError::CutOff { line: 1, .. }));
    assert!(matches!(fails(""), HarError::CutOff { .. }));
    assert!(matches!(
        fails("{\n  \"log\": oops}"),
        HarError::NotJson { line: 2, .. }
    ));
    assert!(matches!(
        fails("<!doctype html>"),
        HarError::NotJson { line: 1, .. }
    ));
    for other in [
        "{}",
        "[]",
        "7",
        r#"{"log":{}}"#,
        r#"{"log":{"entries":{}}}"#,
        r#"{"log":{"entries":null}}"#,
    ] {
        assert!(matches!(fails(other), HarError::NoEntries), "{other}");
    }
    for text in [cut, "{]", "{}"] {
        let sentence = fails(text).to_string();
        assert!(sentence.contains("save the"), "no next step: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    assert!(events.take().is_empty(), "nothing of a bad file is told");
}
