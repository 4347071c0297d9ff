//! The recipe for CI, as it stands in the README, and the HAR that Playwright records beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::har_rules::faults;
use crate::support::{Done, Home, Origin, answer, node_modules};

/// The script between the fences of the README.
fn recipe() -> &'static str {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("```js\n").expect("a script");
    let (script, _) = rest.split_once("```").expect("its end");
    script
}

fn chromium() -> String {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(|name| {
            let found = Command::new("which").arg(name).output().ok()?;
            let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
            (!path.is_empty()).then_some(path)
        })
        .expect("a Chromium is installed")
}

fn run(home: &Home, page: &str) -> Done {
    let modules = home.at("node_modules");
    if !modules.exists() {
        std::os::unix::fs::symlink(node_modules(), &modules).unwrap();
    }
    fs::write(home.at("suite.mjs"), recipe()).unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_corscope"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let output = Command::new("node")
        .arg("suite.mjs")
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("PATH", path)
        .env("CHROMIUM", chromium())
        .env("PAGE", page)
        .env_remove("CORSCOPE_DATA_DIR")
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .output();
    output.expect("node is installed").into()
}

#[test]
fn the_recipe_of_the_readme_fails_a_suite_that_was_blocked() {
    let home = Home::new();
    let api = Origin::serve(|head| {
        let any = ("Access-Control-Allow-Origin", "*");
        if head.starts_with("GET /fine") {
            answer("200 OK", &[any], "{}")
        } else {
            answer("200 OK", &[], "{}")
        }
    });
    let calls = [api.url("/fine"), api.url("/missing")];
    let site = Origin::serve(move |head| {
        let call = if head.starts_with("GET /good") {
            &calls[0]
        } else {
            &calls[1]
        };
        let page = format!("<!doctype html><script>fetch('{call}').catch(() => 0)</script>");
        answer("200 OK", &[("Content-Type", "text/html")], &page)
    });
    let good = run(&home, &site.url("/good"));
    assert_eq!(good.status, Some(0), "{good:?}");
    let bad = run(&home, &site.url("/bad"));
    assert_eq!(bad.status, Some(1), "{bad:?}");
    assert!(bad.stderr.contains("1 blocked"), "{bad:?}");

    let text = fs::read_to_string(home.at("cors.har")).unwrap();
    let har: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(faults(&har), Vec::<String>::new());
    let judged = |file: &str| -> Vec<Value> {
        let done = home.run(&["diagnose", file, "--format", "json"]);
        let json: Value = serde_json::from_str(&done.stdout).unwrap();
        let fetches = json["fetches"].as_array().unwrap().iter();
        fetches
            .filter(|f| f["url"] == api.url("/missing"))
            .cloned()
            .collect()
    };
    let ours = judged("cors.har");
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert_eq!(ours[0]["outcome"], "blocked");
    assert_eq!(ours[0]["cause"]["check"], "missing-allow-origin");
    // Playwright keeps no answer of a request that the browser withheld, only that it failed.
    let theirs = judged("playwright.har");
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert_eq!(theirs[0]["outcome"], "failed");
    let said = theirs[0]["cause"]["evidence"].to_string();
    assert!(said.contains("net::ERR_FAILED"), "{said}");
}
