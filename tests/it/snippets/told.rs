//! The server that was recognised and the snippet for it, as people and machines are told.

use std::sync::Arc;

use bytes::Bytes;
use corscope::diagnose::diagnose_all;
use corscope::fix;
use corscope::report::{self, Explanation, Servers, Summary};
use corscope::wire::{
    BodyFacts, End, Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, ResponseHead,
    Timestamp,
};
use serde_json::Value;

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn exchange(
    id: u64,
    line: &str,
    sent: Pairs<'_>,
    status: u16,
    got: Pairs<'_>,
    body: &'static str,
) -> Arc<Exchange> {
    let (method, url) = line.split_once(' ').unwrap();
    let at = Timestamp(id as i64 * 60_000_000);
    let mut headers =
        HeaderList::from_pairs([("User-Agent", CHROME), ("Origin", "https://app.test")]);
    for (name, value) in sent {
        headers.push(name, value.as_bytes());
    }
    let request = RequestHead {
        method: method.to_owned(),
        url: url.to_owned(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut exchange = Exchange::opened(ExchangeId(id), at, request);
    exchange.response = Some(ResponseHead {
        status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(got.iter().copied())),
    });
    exchange.response_body = BodyFacts {
        seen_bytes: body.len() as u64,
        kept_bytes: body.len() as u64,
        excerpt: Bytes::from_static(body.as_bytes()),
    };
    exchange.answered_at = Some(at);
    exchange.closed_at = Some(at);
    exchange.end = End::Complete;
    Arc::new(exchange)
}

fn asks(method: &'static str, names: &'static str) -> [(&'static str, &'static str); 2] {
    [
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", names),
    ]
}

fn told(exchanges: &[Arc<Exchange>]) -> (Vec<Value>, String) {
    let exchanges = &exchanges.to_vec();
    let diagnoses = diagnose_all(exchanges.clone(), None);
    let json: Value = serde_json::from_str(&report::to_json(&diagnoses, exchanges, 0)).unwrap();
    let servers = Servers::of(&diagnoses, exchanges);
    let explanations: Vec<Explanation> = diagnoses
        .iter()
        .map(|diagnosis| {
            let fix = fix::suggest(diagnosis, exchanges);
            Explanation {
                mending: servers.mending_of(diagnosis, fix.as_ref(), exchanges),
                ..report::explain(diagnosis, fix.as_ref(), exchanges)
            }
        })
        .collect();
    let summary = Summary::of(&diagnoses, exchanges, 0);
    let fixes = json["fetches"].as_array().unwrap();
    let fixes = fixes.iter().map(|fetch| fetch["fix"].clone()).collect();
    (fixes, report::to_text(&explanations, &summary))
}

#[test]
fn the_server_that_answered_is_named_and_its_file_written() {
    let express = [("X-Powered-By", "Express"), ("Server", "nginx/1.22.1")];
    let exchanges = vec![
        exchange(
            1,
            "OPTIONS https://api.test/cart/7",
            &asks("PUT", "content-type"),
            404,
            &express,
            "",
        ),
        exchange(
            2,
            "GET https://api.test/me",
            &[("Cookie", "a=b")],
            200,
            &express,
            "{}",
        ),
        exchange(
            3,
            "GET https://api.test/down",
            &[],
            502,
            &[("Server", "nginx/1.22.1")],
            "<html><center>nginx/1.22.1</center></html>",
        ),
    ];
    let (fixes, text) = told(&exchanges);
    let [cart, me, down] = &fixes[..] else {
        panic!("{fixes:#?}");
    };
    assert_eq!(cart["server"], "express");
    assert_eq!(cart["file"], "cors.js");
    let code = cart["snippet"].as_str().unwrap();
    // One file for the whole server: what other paths were asked for is in it too.
    assert!(code.contains("methods: ['PUT', 'GET'],"), "{code}");
    assert!(code.contains("credentials: true,"), "{code}");
    assert!(code.contains("origin: ['https://app.test'],"), "{code}");
    let hops: Vec<&Value> = cart["stack"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| &hop["id"])
        .collect();
    assert_eq!(hops, ["nginx", "express"]);
    assert_eq!(cart["stack"][1]["evidence"][0]["value"], "Express");
    assert_eq!(me["server"], "express");
    // The application did not make this answer.
    assert_eq!(down["server"], "nginx");
    let code = down["snippet"].as_str().unwrap();
    assert!(code.contains("cors_map.conf") && code.contains("cors_headers.conf"));

    assert!(
        text.contains("SERVER    nginx (server: nginx/1.22.1)"),
        "{text}"
    );
    assert!(text.contains("Express (x-powered-by: Express)"), "{text}");
    assert_eq!(
        text.matches("module.exports = cors({").count(),
        2,
        "once for each that differs"
    );
    assert!(
        text.contains("\n  origin: ['https://app.test'],\n"),
        "at the margin:\n{text}"
    );
    assert!(text.contains("app.use(require('./cors'));"), "{text}");
}

#[test]
fn the_same_snippet_is_printed_once() {
    let express = [("X-Powered-By", "Express")];
    let exchanges: Vec<_> = (1..5)
        .map(|id| {
            exchange(
                id,
                &format!("GET https://api.test/{id}"),
                &[],
                200,
                &express,
                "{}",
            )
        })
        .collect();
    let (fixes, text) = told(&exchanges);
    assert_eq!(fixes.len(), 4);
    assert_eq!(text.matches("module.exports").count(), 1, "{text}");
    assert_eq!(text.matches("the same as above").count(), 3, "{text}");
}

#[test]
fn nothing_is_guessed_and_nothing_dangerous_written() {
    let plain = vec![exchange(1, "GET https://api.test/a", &[], 200, &[], "{}")];
    let (fixes, text) = told(&plain);
    assert_eq!(fixes[0]["reach"], "server");
    assert_eq!(fixes[0]["server"], Value::Null);
    assert_eq!(fixes[0]["snippet"], Value::Null);
    assert_eq!(fixes[0]["stack"], serde_json::json!([]));
    assert!(
        !text.contains("SNIPPET") && !text.contains("SERVER"),
        "{text}"
    );

    let odd = vec![exchange(
        1,
        "OPTIONS https://api.test/a",
        &asks("PUT", "x-a,x'];process.exit();['"),
        404,
        &[("X-Powered-By", "Express")],
        "",
    )];
    let (fixes, text) = told(&odd);
    let fix = &fixes[0];
    if fix["reach"] == "server" {
        let code = fix["snippet"].as_str().unwrap_or_default();
        assert!(!code.contains("process.exit"), "{code}");
        assert!(
            fix["snippet"].is_string() || fix["refused"].is_string(),
            "{fix:#}"
        );
    }
    let snippet = text.split("SNIPPET").nth(1).unwrap_or_default();
    assert!(!snippet.contains("process.exit"), "{text}");
}
