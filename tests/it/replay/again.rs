//! `corscope replay` as people and scripts use it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use serde_json::Value;

use crate::support::{Done, Home, OnTerminal, Origin, answer, through};

const PAGE: &str = "https://app.test";
const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/156.0.0.0 Safari/537.36";

/// A server that can be mended, and what it was asked.
struct Shop {
    server: Origin,
    mended: Arc<AtomicBool>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn new() -> Self {
        let mended = Arc::new(AtomicBool::new(false));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (ok, noted) = (Arc::clone(&mended), Arc::clone(&heads));
        let server = Origin::serve(move |head| {
            noted.lock().unwrap().push(head.to_owned());
            let allow = [
                ("Access-Control-Allow-Origin", PAGE),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Allow-Methods", "PUT, DELETE"),
                (
                    "Access-Control-Allow-Headers",
                    "content-type, authorization",
                ),
                ("Vary", "Origin"),
            ];
            let preflight = head.starts_with("OPTIONS");
            match (ok.load(Ordering::Relaxed), preflight) {
                (true, true) => answer("204 No Content", &allow, ""),
                (true, false) => answer("200 OK", &allow, "{}"),
                (false, true) => answer("405 Method Not Allowed", &[], ""),
                // Debug pages repeat what they were sent.
                (false, false) => answer("500 Internal Server Error", &[], head),
            }
        });
        Self {
            server,
            mended,
            heads,
        }
    }

    fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        self.heads.lock().unwrap()
    }

    fn methods(&self) -> Vec<String> {
        let heads = self.asked();
        let method = |head: &String| head.split(' ').next().unwrap_or_default().to_owned();
        heads.iter().map(method).collect()
    }
}

/// Records: #1 a GET with a cookie, #2 a refused preflight of a PUT with unknown values, #3 one of a
/// DELETE without any, #4 curl.
fn record(home: &Home, shop: &Shop) {
    let recording = home.record(&["--out", "cart.corscope"]);
    let proxy = recording.address;
    let browser = [
        ("User-Agent", CHROME),
        ("Accept", "*/*"),
        ("Origin", PAGE),
        ("Referer", "https://app.test/"),
    ];
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> {
        browser.iter().chain(more).copied().collect()
    };
    let url = shop.server.url("/cart");
    let metadata = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("Cookie", "sid=c00kie-value"),
    ];
    through(proxy, "GET", &url, &with(&metadata));
    let put = [
        ("Access-Control-Request-Method", "PUT"),
        (
            "Access-Control-Request-Headers",
            "authorization,content-type",
        ),
    ];
    through(proxy, "OPTIONS", &url, &with(&put));
    let delete = [("Access-Control-Request-Method", "DELETE")];
    through(proxy, "OPTIONS", &url, &with(&delete));
    through(proxy, "GET", &url, &[("User-Agent", "curl/8")]);
    assert_eq!(recording.interrupt().status, Some(1));
    shop.asked().clear();
}

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
}

#[test]
fn before_and_after_the_server_was_mended() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    let done = home.run(&["replay", "cart.corscope", "1"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let text = &done.stdout;
    assert!(
        text.contains("BEFORE    ✖ blocked") && text.contains("NOW       ✖ blocked"),
        "{text}"
    );
    let cookie = "cookie: sid=c00kie-value";
    assert!(
        shop.asked()[0].to_lowercase().contains(cookie),
        "secrets are used"
    );
    assert!(
        !text.contains("c00kie"),
        "and not printed, though the server repeats them: {text}"
    );

    shop.mended.store(true, Ordering::Relaxed);
    let before = std::fs::read(home.at("cart.corscope")).unwrap();
    let done = home.run(&["replay", "cart.corscope", "#1", "--format", "json"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let told = json(&done);
    assert_eq!(told["schema"], "corscope/diagnosis/1");
    assert_eq!(told["fetches"][0]["outcome"], "allowed");
    assert_eq!(told["fetches"][0]["credentials"], "include");
    assert_eq!(
        told["fetches"][0]["exchanges"][0]["entry"], 5,
        "numbers go on"
    );
    assert_eq!(told["replay"]["before"]["outcome"], "blocked");
    assert_eq!(told["replay"]["of"], serde_json::json!([1]));
    assert_eq!(told["replay"]["runs"][0]["as"], "browser");
    assert_eq!(told["replay"]["runs"][0]["ended"], "answered");
    let after = std::fs::read(home.at("cart.corscope")).unwrap();
    assert!(before == after, "the file stays as it is");
}

#[test]
fn what_changes_data_is_asked_for_first() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    let done = home.run(&["replay", "cart.corscope", "3"]);
    assert_eq!(done.status, Some(2), "{done:?}");
    assert!(
        done.stderr.contains("--yes") && done.stderr.lines().count() == 1,
        "{done:?}"
    );
    assert!(shop.methods().is_empty(), "nothing was sent");
    let done = home.run(&["replay", "cart.corscope", "3", "--yes"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    assert_eq!(shop.methods(), ["OPTIONS"]);
    shop.mended.store(true, Ordering::Relaxed);
    let done = home.run(&["replay", "cart.corscope", "3", "--yes"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(shop.methods(), ["OPTIONS", "OPTIONS", "DELETE"]);
}

#[test]
fn at_a_terminal_it_asks() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    shop.mended.store(true, Ordering::Relaxed);
    for (keys, status, sent) in [("n\r", 2, 0), ("y\r", 0, 2)] {
        let mut terminal = OnTerminal::start(&home, &["replay", "cart.corscope", "3"], 100, 30);
        terminal.sees("may change data on the server");
        assert!(shop.methods().is_empty());
        terminal.keys(keys);
        assert_eq!(terminal.wait(), status);
        assert_eq!(shop.methods().len(), sent);
    }
}

#[test]
fn what_was_never_recorded_is_not_made_up() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    shop.mended.store(true, Ordering::Relaxed);
    let done = home.run(&["replay", "cart.corscope", "2", "--yes"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(shop.methods(), ["OPTIONS"], "the preflight alone");
    let said = &done.stderr;
    assert!(
        said.contains("the value of authorization") && said.contains("the body"),
        "{said}"
    );
    let done = home.run(&[
        "replay",
        "cart.corscope",
        "2",
        "--yes",
        "--data",
        "{\"n\":2}",
        "-H",
        "Content-Type: application/json",
        "-H",
        "Authorization: Bearer t0ken-value",
        "--format",
        "json",
    ]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(shop.methods(), ["OPTIONS", "OPTIONS", "PUT"]);
    assert_eq!(json(&done)["fetches"][0]["outcome"], "allowed");
    assert!(!done.stdout.contains("t0ken"), "{}", done.stdout);
}

#[test]
fn side_by_side_with_curl() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    let done = home.run(&["replay", "cart.corscope", "3", "--as", "both", "--yes"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    assert_eq!(shop.methods(), ["OPTIONS", "DELETE"]);
    let text = &done.stdout;
    for said in [
        "AS A BROWSER (chromium)",
        "OPTIONS → 405",
        "DELETE was never sent",
        "DELETE → 500",
        "curl asks no permission",
        "origin: https://app.test",
    ] {
        assert!(
            text.to_lowercase().contains(&said.to_lowercase()),
            "{said}: {text}"
        );
    }
    let plain = shop.asked()[1].to_lowercase();
    assert!(
        !plain.contains("\norigin:") && !plain.contains("sec-fetch"),
        "{plain}"
    );
    let done = home.run(&[
        "replay",
        "cart.corscope",
        "1",
        "--as",
        "both",
        "--format",
        "json",
    ]);
    let told = json(&done);
    let manners: Vec<_> = told["replay"]["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["as"])
        .collect();
    assert_eq!(manners, ["browser", "curl"]);
    assert_eq!(told["fetches"][1]["outcome"], "exempt");
}

#[test]
fn edits_are_sent_and_judged() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    let done = home.run(&[
        "replay",
        "cart.corscope",
        "1",
        "-X",
        "PUT",
        "--url",
        "/other",
        "--data",
        "x",
        "--browser",
        "firefox",
        "--yes",
        "--format",
        "json",
    ]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let head = shop.asked()[0].clone();
    assert!(
        head.starts_with("OPTIONS /other ") && head.contains("Firefox/"),
        "{head}"
    );
    let told = json(&done);
    assert_eq!(told["fetches"][0]["browser"], "firefox");
    assert_eq!(told["fetches"][0]["cause"]["stage"], "preflight");
}

#[test]
fn a_replay_can_be_kept() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    let done = home.run(&["replay", "cart.corscope", "1", "--out", "again.corscope"]);
    assert!(done.stderr.contains("again.corscope"), "{done:?}");
    let kept = home.run(&["diagnose", "again.corscope", "--format", "json"]);
    let told = json(&kept);
    assert_eq!(told["fetches"][0]["credentials"], "include", "{told}");
    let again = home.run(&["replay", "cart.corscope", "1", "--out", "again.corscope"]);
    assert_eq!(again.status, Some(2), "nothing is written over");
}

#[test]
fn what_cannot_be_replayed_is_2_in_one_sentence() {
    let (home, shop) = (Home::new(), Shop::new());
    record(&home, &shop);
    for (args, said) in [
        (&["replay", "cart.corscope", "99"][..], "#1 to #4"),
        (&["replay", "cart.corscope", "first"], "first"),
        (&["replay", "missing.corscope", "1"], "missing.corscope"),
        (&["replay", "cart.corscope", "4"], "--as curl"),
        (
            &["replay", "cart.corscope", "2", "--as", "curl", "--yes"],
            "--data",
        ),
        (
            &["replay", "cart.corscope", "1", "--url", "ftp://x.test/"],
            "ftp://x.test/",
        ),
        (&["replay", "cart.corscope", "1", "-H", "Host: x"], "Host"),
        (&["replay", "cart.corscope"], "ID"),
    ] {
        let done = home.run(args);
        assert_eq!(done.status, Some(2), "{args:?}: {done:?}");
        assert_eq!(done.stderr.lines().count(), 1, "{args:?}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{args:?}: {}", done.stderr);
    }
    assert!(shop.methods().is_empty(), "nothing was sent");
}

#[test]
fn a_har_is_replayed_too() {
    let (home, shop) = (Home::new(), Shop::new());
    let url = shop.server.url("/cart");
    let har = serde_json::json!({"log": {"version": "1.2", "entries": [{
        "startedDateTime": "2026-01-01T00:00:00Z", "time": 1,
        "request": {"method": "POST", "url": url, "httpVersion": "h2", "headers": [
            {"name": ":authority", "value": "api.test"},
            {"name": "user-agent", "value": CHROME}, {"name": "origin", "value": PAGE},
            {"name": "content-type", "value": "text/plain"}, {"name": "content-length", "value": "5"}],
            "postData": {"mimeType": "text/plain", "text": "hello"}},
        "response": {"status": 500, "httpVersion": "h2", "headers": [], "content": {"size": 0}},
        "cache": {}, "timings": {"send": 0, "wait": 1, "receive": 0}}]}});
    std::fs::write(home.at("x.har"), har.to_string()).unwrap();
    shop.mended.store(true, Ordering::Relaxed);
    let done = home.run(&["replay", "x.har", "0", "--yes"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(
        shop.asked()[0].starts_with("POST /cart"),
        "{:?}",
        shop.asked()
    );
    assert!(shop.asked()[0].to_lowercase().contains("content-length: 5"));
}
