//! What we tell people, against what the browsers told them.

use corscope::diagnose::{Exchanges, diagnose_all};
use corscope::report;
use serde_json::Value;

use crate::verdicts::single_requests;

fn diagnose(entries: &str) -> (Value, String) {
    let har = format!(r#"{{"log":{{"version":"1.2","entries":[{entries}]}}}}"#);
    let exchanges = super::har::exchanges(&har);
    let diagnoses = diagnose_all(exchanges.clone(), None);
    let explanations: Vec<_> = diagnoses
        .iter()
        .map(|diagnosis| {
            let fix = corscope::fix::suggest(diagnosis, &exchanges);
            report::explain(diagnosis, fix.as_ref(), &exchanges)
        })
        .collect();
    let summary = report::Summary::of(&diagnoses, &exchanges, 0);
    let json = report::to_json(&diagnoses, &exchanges, 0);
    (
        serde_json::from_str(&json).unwrap(),
        report::to_text(&explanations, &summary),
    )
}

const CRASH: &str = r#"{
    "startedDateTime":"2026-11-23T07:51:05.190Z","time":44,
    "request":{"method":"GET","url":"https://api.app.test/v1/orders","httpVersion":"h2","headers":[
        {"name":"origin","value":"https://app.test"},{"name":"sec-fetch-mode","value":"cors"},
        {"name":"sec-fetch-dest","value":"empty"},{"name":"sec-fetch-site","value":"same-site"},
        {"name":"cookie","value":"sid=1"}]},
    "response":{"status":500,"statusText":"","headers":[{"name":"content-type","value":"application/json"}],
        "content":{"size":50,"text":"{\"error\":\"relation \\\"orders\\\" does not exist\"}"}},
    "timings":{"send":0,"wait":44,"receive":0}}"#;

const UNHANDLED: &str = r#"{
    "startedDateTime":"2026-11-23T07:51:06.000Z","time":18.2,
    "request":{"method":"OPTIONS","url":"https://api.app.test/v1/cart/7","headers":[
        {"name":"Origin","value":"https://app.test"},{"name":"Access-Control-Request-Method","value":"PUT"},
        {"name":"Access-Control-Request-Headers","value":"content-type,x-cart"},
        {"name":"Sec-Fetch-Mode","value":"cors"}]},
    "response":{"status":405,"statusText":"Method Not Allowed","headers":[],"content":{"size":0}},
    "timings":{"send":0,"wait":18.2,"receive":0}}"#;

#[test]
fn a_crash_is_called_a_crash() {
    let (json, text) = diagnose(CRASH);
    let fetch = &json["fetches"][0];
    assert_eq!(fetch["outcome"], "blocked");
    assert_eq!(fetch["credentials"], "include");
    let cause = &fetch["cause"];
    assert_eq!(cause["check"], "missing-allow-origin");
    assert_eq!(cause["root"], "server-error");
    assert_eq!(
        cause["title"],
        "Blocked by the browser, but the server crashed first"
    );
    assert_eq!(cause["names"]["chromium"], "MissingAllowOriginHeader");
    assert_eq!(cause["names"]["firefox"], "CORSMissingAllowOrigin");
    assert_eq!(cause["names"]["safari"], Value::Null);
    let fix = &fetch["fix"];
    assert_eq!(fix["reach"], "server");
    assert_eq!(fix["preflight"], Value::Null);
    assert_eq!(
        fix["actual"],
        serde_json::json!({
            "status": null,
            "set": [
                ["Access-Control-Allow-Origin", "https://app.test"],
                ["Access-Control-Allow-Credentials", "true"]
            ],
            "append": [["Vary", "Origin"]],
            "remove": []
        })
    );
    assert!(fix["advice"][0].as_str().unwrap().contains("Mend the 500"));
    for words in [
        "✖ GET https://api.app.test/v1/orders   from https://app.test",
        "CAUSE     The server answered 500.",
        "500 Internal Server Error",
        r#"{"error":"relation \"orders\" does not exist"}"#,
        "+ Access-Control-Allow-Credentials: true",
        "has been blocked by CORS policy",
        "1 request in 1 call: 1 blocked.",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
}

#[test]
fn a_request_that_was_never_sent_is_told() {
    let (json, text) = diagnose(UNHANDLED);
    let fetch = &json["fetches"][0];
    assert_eq!(fetch["method"], "PUT");
    assert_eq!(
        fetch["exchanges"],
        serde_json::json!([
            {"role": "preflight", "entry": 0},
            {"role": "actual", "entry": null, "never_sent": true}
        ])
    );
    assert_eq!(
        fetch["fix"]["preflight"],
        serde_json::json!({
            "status": 204,
            "set": [
                ["Access-Control-Allow-Origin", "https://app.test"],
                ["Access-Control-Allow-Methods", "PUT"],
                ["Access-Control-Allow-Headers", "content-type, x-cart"]
            ],
            "append": [["Vary", "Origin"]],
            "remove": []
        })
    );
    // Whether credentials are included is not visible, and makes one line of difference.
    assert_eq!(fetch["credentials"], "unknown");
    let with = &fetch["when_include"];
    assert_eq!(with["outcome"], "blocked");
    assert_eq!(
        with["fix"]["actual"]["set"][1],
        serde_json::json!(["Access-Control-Allow-Credentials", "true"])
    );
    assert_eq!(fetch["when_not_include"]["fix"], fetch["fix"]);
    assert_eq!(json["summary"]["preflights"], 1);
    assert_eq!(json["summary"]["preflight_ms"], 18.2);
    for words in [
        "PUT https://api.app.test/v1/cart/7 was never sent",
        "- status 405",
        "+ status 204",
        "+ Access-Control-Allow-Headers: content-type, x-cart",
        "1 preflight took 18.2 ms",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
}

#[test]
fn nothing_is_invented_where_nothing_is_wrong() {
    let fine = CRASH.replace("\"status\":500", "\"status\":200").replace(
        r#"{"name":"content-type","value":"application/json"}"#,
        r#"{"name":"access-control-allow-origin","value":"https://app.test"},
           {"name":"access-control-allow-credentials","value":"true"},{"name":"x-total-count","value":"3"}"#,
    );
    let (json, text) = diagnose(&fine);
    let fetch = &json["fetches"][0];
    assert_eq!(fetch["outcome"], "allowed");
    for null in ["cause", "fix", "when_include", "when_not_include"] {
        assert_eq!(fetch[null], Value::Null, "{null}");
    }
    assert_eq!(fetch["hidden_headers"][2], "x-total-count");
    assert!(
        text.ends_with("1 request in 1 call: 0 blocked.\n"),
        "{text}"
    );
}

#[test]
fn every_diagnosed_record_can_be_explained() {
    for record in single_requests(include_str!("../corpus/curated.jsonl")) {
        let exchanges = record.exchanges;
        for diagnosis in diagnose_all(exchanges.clone(), None) {
            let fix = corscope::fix::suggest(&diagnosis, &exchanges);
            let told = report::explain(&diagnosis, fix.as_ref(), &exchanges);
            let mut texts = vec![told.headline.clone(), told.cause.clone()];
            texts.extend(told.rule.clone());
            texts.extend(told.remarks.clone());
            texts.extend(told.cases.iter().map(|case| case.text.clone()));
            for text in texts {
                // `\u{e4}` is a character spelled out, not a placeholder.
                let filled = text.replace("\\u{", "");
                assert!(!filled.contains('{'), "{}: {text}", record.id);
                assert!(!text.contains("  "), "{}: {text}", record.id);
            }
            assert!(!told.cause.is_empty(), "{}: no explanation", record.id);
            if diagnosis.cause.is_some() {
                assert!(!told.proof.is_empty(), "{}: no proof", record.id);
            }
            let known = diagnosis.fetch.exchanges();
            for id in known {
                assert!(exchanges.exchange(id).is_some());
            }
        }
    }
}

#[test]
fn differing_bytes_are_marked_and_nothing_is_invisible() {
    let wrong = CRASH.replace("\"status\":500", "\"status\":200").replace(
        r#"{"name":"content-type","value":"application/json"}"#,
        r#"{"name":"access-control-allow-origin","value":"http://app.test\u200b"}"#,
    );
    let (json, text) = diagnose(&wrong);
    let cause = &json["fetches"][0]["cause"];
    assert_eq!(
        cause["alignment"]["found_differs"],
        serde_json::json!([[15, 18]])
    );
    assert_eq!(
        cause["alignment"]["needed_differs"],
        serde_json::json!([[4, 5]])
    );
    let note = cause["evidence"][0]["note"].as_str().unwrap();
    assert!(note.contains(r#""s" missing before byte 5"#), "{note}");
    let rows = [
        r"            allowed  http·://app.test\u{200b}",
        r"            origin   https://app.test········",
        r"                         ^           ^^^^^^^^",
    ];
    assert!(text.contains(&rows.join("\n")), "{text}");
    assert!(
        !text.contains('\u{200b}') && !text.contains('\u{80}'),
        "{text}"
    );
}
