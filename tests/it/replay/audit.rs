//! `corscope audit` against servers that are careful, and servers that are not.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Home, Origin, answer};

const PAGE: &str = "https://app.test";

fn origin_of(head: &str) -> Option<&str> {
    head.lines().find_map(|l| l.strip_prefix("Origin: "))
}

/// `admits` says whom the server lets in; it answers 404 below `/api`.
fn server(admits: fn(&str) -> bool, more: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::serve(move |head| {
        let origin = origin_of(head).unwrap_or_default().to_owned();
        let mut headers = vec![("Content-Type", "application/json")];
        if admits(&origin) {
            headers.push(("Access-Control-Allow-Origin", origin.as_str()));
            headers.extend_from_slice(more);
        }
        let missing = head.split(' ').nth(1).is_some_and(|path| path != "/api");
        if head.starts_with("OPTIONS") {
            headers.push(("Access-Control-Allow-Methods", "PUT"));
            answer("204 No Content", &headers, "")
        } else if missing {
            answer("404 Not Found", &headers, "{}")
        } else {
            answer("200 OK", &headers, "{}")
        }
    })
}

/// Status and severity by id; of several the worst is the last.
fn audit(home: &Home, server: &Origin, more: &[&str]) -> (Option<i32>, BTreeMap<String, String>) {
    let url = server.url("/api");
    let mut args = vec!["audit", &url, "--origin", PAGE, "--format", "json"];
    args.extend_from_slice(more);
    let done = home.run(&args);
    let told: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
    assert_eq!(told["schema"], "corscope/audit/1");
    let mut found = BTreeMap::new();
    for item in told["items"].as_array().unwrap() {
        let said = match item["severity"].as_str() {
            Some(severity) => severity,
            None => item["status"].as_str().unwrap(),
        };
        let id = item["id"].as_str().unwrap().to_owned();
        if said != "pass" || !found.contains_key(&id) {
            found.insert(id, said.to_owned());
        }
    }
    (done.status, found)
}

#[test]
fn a_careful_server_passes() {
    let home = Home::new();
    let careful = server(
        |origin| origin == PAGE,
        &[
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Max-Age", "600"),
            ("Vary", "Origin"),
        ],
    );
    let (status, found) = audit(&home, &careful, &["--credentials", "-X", "PUT"]);
    assert!(found.values().all(|said| said == "pass"), "{found:?}");
    assert_eq!(status, Some(0));
    assert!(found.len() >= 9, "{found:?}");
}

#[test]
fn who_reflects_anybody_is_a_risk() {
    let home = Home::new();
    let careless = server(|_| true, &[("Access-Control-Allow-Credentials", "true")]);
    let (status, found) = audit(&home, &careless, &["--credentials"]);
    assert_eq!(status, Some(1), "{found:?}");
    assert_eq!(found["reflects-any-origin"], "risk");
    assert_eq!(found["null-origin-allowed"], "risk");
    assert_eq!(found["missing-vary-origin"], "warn");
    assert_eq!(found["no-max-age"], "info");
    assert!(!found.contains_key("overbroad-origin-match"), "told once");
}

#[test]
fn look_alikes_and_http_are_found() {
    let home = Home::new();
    let sloppy = server(
        |origin| origin.contains("app.test"),
        &[
            ("Access-Control-Allow-Credentials", "true"),
            ("Vary", "Origin"),
        ],
    );
    let (status, found) = audit(&home, &sloppy, &[]);
    assert_eq!(status, Some(1));
    assert_eq!(found["reflects-any-origin"], "pass");
    assert_eq!(found["overbroad-origin-match"], "risk");
    assert_eq!(found["http-origin-allowed"], "risk");
}

#[test]
fn a_server_that_knows_no_cors_is_an_error() {
    let home = Home::new();
    let closed = server(|_| false, &[]);
    let (status, found) = audit(&home, &closed, &["-X", "PUT"]);
    assert_eq!(status, Some(1));
    assert_eq!(found["own-origin-allowed"], "error");
    assert_eq!(found["preflight"], "error");
    assert_eq!(found["error-response-without-cors"], "warn");
}

#[test]
fn the_text_says_it_and_nothing_but_reading_is_sent() {
    let home = Home::new();
    let methods = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&methods);
    let star = Origin::serve(move |head| {
        let method = head.split(' ').next().unwrap_or_default().to_owned();
        noted.lock().unwrap().push(method);
        answer(
            "200 OK",
            &[
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Methods", "*"),
            ],
            "{}",
        )
    });
    let done = home.run(&["audit", &star.url("/api"), "--origin", PAGE, "-X", "DELETE"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(done.stdout.contains("⚠ wildcard-origin"), "{}", done.stdout);
    let methods = methods.lock().unwrap();
    assert!(
        methods.iter().all(|m| m == "GET" || m == "OPTIONS"),
        "{methods:?}"
    );
    let nobody = home.run(&["audit", "http://localhost:1", "--origin", PAGE]);
    assert_eq!(nobody.status, Some(2), "{nobody:?}");
    assert_eq!(nobody.stderr.lines().count(), 1);
}
