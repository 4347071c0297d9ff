//! `compare`: two captures, and what the exit status says about them.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Done, Home};

/// A call as one of the captures has it.
struct Call {
    path: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const ALLOWED: &[(&str, &str)] = &[
    ("Access-Control-Allow-Origin", "https://app.test"),
    ("Vary", "Origin"),
    ("Content-Type", "application/json"),
];

fn call(path: &'static str, headers: &'static [(&'static str, &'static str)]) -> Call {
    Call {
        path,
        status: 200,
        headers,
        body: r#"{"id":1}"#,
    }
}

fn har(calls: &[Call]) -> String {
    let pairs = |all: &[(&str, &str)]| -> Vec<Value> {
        let all = all.iter();
        all.map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let entry = |(n, call): (usize, &Call)| {
        json!({
            "startedDateTime": format!("2026-11-23T09:00:{n:02}.000Z"),
            "time": 12,
            "request": {
                "method": "GET", "url": format!("https://api.test{}", call.path),
                "httpVersion": "HTTP/1.1", "cookies": [], "queryString": [],
                "headers": pairs(&[
                    ("Origin", "https://app.test"), ("Sec-Fetch-Mode", "cors"),
                    ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "empty"),
                    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, \
                      like Gecko) Chrome/156.0.0.0 Safari/537.36"),
                ]),
                "headersSize": -1, "bodySize": 0,
            },
            "response": {
                "status": call.status, "statusText": "", "httpVersion": "HTTP/1.1",
                "cookies": [], "headers": pairs(call.headers), "redirectURL": "",
                "content": { "size": call.body.len(), "mimeType": "application/json",
                             "text": call.body },
                "headersSize": -1, "bodySize": call.body.len(),
            },
            "cache": {}, "timings": { "send": 0, "wait": 10, "receive": 2 },
        })
    };
    let entries: Vec<Value> = calls.iter().enumerate().map(entry).collect();
    json!({ "log": { "version": "1.2", "creator": { "name": "x", "version": "1" },
                     "entries": entries } })
    .to_string()
}

fn compare(before: &[Call], after: &[Call], more: &[&str]) -> Done {
    let home = Home::new();
    fs::write(home.at("before.har"), har(before)).unwrap();
    fs::write(home.at("after.har"), har(after)).unwrap();
    let (before, after) = (home.at("before.har"), home.at("after.har"));
    let mut args = vec!["compare", before.to_str().unwrap(), after.to_str().unwrap()];
    args.extend(more);
    home.run(&args)
}

fn changes(done: &Done) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["schema"], "corscope/comparison/1");
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let endpoints = value["endpoints"].as_array().unwrap().iter();
    endpoints
        .map(|e| (text(&e["path"]), text(&e["change"])))
        .collect()
}

const NONE: &[(&str, &str)] = &[("Content-Type", "application/json")];
const SLASH: &[(&str, &str)] = &[
    ("Access-Control-Allow-Origin", "https://app.test/"),
    ("Content-Type", "application/json"),
];

#[test]
fn no_secret_is_in_what_is_compared_unless_asked_for() {
    const BEFORE: &[(&str, &str)] = &[
        ("Access-Control-Allow-Origin", "https://app.test"),
        ("X-Auth-Token", "Zx9planted.Secret1"),
        (
            "Location",
            "https://me:Zx9planted.Secret2@other.test/?code=Zx9planted.Secret3",
        ),
        ("Set-Cookie", "sid=Zx9planted.Secret4; Path=/"),
    ];
    const AFTER: &[(&str, &str)] = &[
        ("X-Auth-Token", "Zx9planted.Secret6"),
        (
            "Location",
            "https://me:Zx9planted.Secret7@other.test/?code=Zx9planted.Secret8",
        ),
    ];
    let at = |status, headers, body| Call {
        path: "/a?api_key=Zx9planted.Secret9",
        status,
        headers,
        body,
    };
    let before = [at(302, BEFORE, r#"{"password":"Zx9planted.Secret10"}"#)];
    let after = [at(
        200,
        AFTER,
        r#"{"password":"Zx9planted.Secret11","n":1}"#,
    )];
    for format in ["text", "json"] {
        let hidden = compare(&before, &after, &["--format", format]);
        assert!(!hidden.stdout.contains("planted"), "{hidden:?}");
        assert!(hidden.stdout.contains("redacted-"), "{hidden:?}");
        assert!(hidden.stdout.to_lowercase().contains("x-auth-token"));
        let open = compare(&before, &after, &["--format", format, "--secrets"]);
        assert!(open.stdout.contains("Zx9planted.Secret1"), "{open:?}");
    }
}

#[test]
fn what_got_worse_and_what_got_better() {
    let before = [
        call("/a/1", ALLOWED),
        call("/b", NONE),
        call("/c", NONE),
        call("/d", ALLOWED),
    ];
    let after = [
        call("/a/2", NONE),
        call("/b", ALLOWED),
        call("/c", SLASH),
        call("/d", ALLOWED),
        call("/new", NONE),
    ];
    let done = compare(&before, &after, &["--format", "json"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let told = changes(&done);
    let told: Vec<_> = told.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
    assert_eq!(
        told,
        [
            ("/a/*", "newly-blocked"),
            ("/new", "added-blocked"),
            ("/c", "cause-changed"),
            ("/b", "newly-allowed"),
            ("/d", "same"),
        ]
    );
    let value: Value = serde_json::from_str(&done.stdout).unwrap();
    let header = &value["endpoints"][0]["headers"][0];
    assert_eq!(header["name"], "access-control-allow-origin");
    assert_eq!(header["before"], json!(["https://app.test"]));
    assert_eq!(header["after"], json!([]));

    let text = compare(&before, &after, &[]).stdout;
    for words in [
        "✖ newly blocked: GET https://api.test/a/*   from https://app.test",
        "access-control-allow-origin: https://app.test → missing",
        "✔ no longer blocked: GET https://api.test/b",
        "2 regressions",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
}

#[test]
fn what_stays_blocked_is_no_regression() {
    let same = [call("/a", NONE), call("/b", ALLOWED)];
    let done = compare(&same, &same, &[]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(done.stdout.contains("nothing got worse"), "{done:?}");
}

#[test]
fn what_else_moved_is_told() {
    let mut after = call("/a", ALLOWED);
    after.status = 201;
    after.body = r#"{"id":"1","more":[]}"#;
    let done = compare(&[call("/a", ALLOWED)], &[after], &[]);
    assert_eq!(done.status, Some(0), "{done:?}");
    for words in [
        "also changed",
        "status: 200 → 201",
        "JSON id: number → string",
        "JSON more: missing → array",
    ] {
        assert!(
            done.stdout.contains(words),
            "no {words:?} in\n{}",
            done.stdout
        );
    }
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_sentence() {
    let home = Home::new();
    fs::write(home.at("good.har"), har(&[call("/a", ALLOWED)])).unwrap();
    fs::write(home.at("bad.har"), "no HAR").unwrap();
    let good = home.at("good.har");
    let good = good.to_str().unwrap();
    let (bad, missing) = (home.at("bad.har"), home.at("missing.har"));
    for other in [bad.to_str().unwrap(), missing.to_str().unwrap(), "-"] {
        let first = if other == "-" { "-" } else { good };
        let done = home.run(&["compare", first, other]);
        assert_eq!(done.status, Some(2), "{done:?}");
        assert_eq!(
            (done.stdout.as_str(), done.stderr.lines().count()),
            ("", 1),
            "{done:?}"
        );
    }
}
