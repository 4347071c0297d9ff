//! HAR files as the developer tools of a real Chromium and a real Firefox write them of the demo's
//! page: what we read in them is what the scenarios are about.

use std::time::Instant;

use corscope::cors::Browser;
use corscope::demo::How;
use corscope::launch::Brand;
use serde_json::Value;

use super::devtools::DevTools;
use super::marionette::Marionette;
use super::{Bench, PATIENCE, assert_gone};
use crate::support::Home;

/// Reads a HAR as a person would, and compares it with what the proxy saw of the same page.
async fn compare(bench: Bench, har: &str, browser: Browser, shows_errors: bool) {
    let home = Home::new();
    std::fs::write(home.at("real.har"), har).unwrap();
    let done = home.run(&["diagnose", "real.har", "--format", "json"]);
    assert_eq!(done.status, Some(1), "{}", done.stderr);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    let fetches = json["fetches"].as_array().unwrap();
    let (demo, live) = bench.judge().await;
    let (mut wrong, mut blocked, mut told) = (Vec::new(), 0, 0);
    for scenario in demo.scenarios() {
        let id = scenario.id;
        let find = |url: &str| {
            let same = |fetch: &&Value| fetch["url"].as_str() == Some(url);
            fetches.iter().filter(same).cloned().collect::<Vec<_>>()
        };
        let Some(seen) = live.iter().find(|d| d.url == scenario.call.url) else {
            continue;
        };
        // Firefox writes a stream that still flows as one that was never answered.
        if browser == Browser::Firefox && scenario.call.how == How::EventSource {
            continue;
        }
        let found = find(&scenario.call.url);
        let [fetch] = &found[..] else {
            wrong.push(format!("{id}: {} fetches", found.len()));
            continue;
        };
        if fetch["browser"] != browser.name() {
            wrong.push(format!("{id}: judged as {}", fetch["browser"]));
        }
        if fetch["outcome"] != seen.outcome.name() {
            wrong.push(format!(
                "{id}: {} live, {} in the file: {}",
                seen.outcome, fetch["outcome"], fetch["cause"]["check"]
            ));
        } else if let Some(cause) = &seen.cause {
            let (check, root) = (&fetch["cause"]["check"], &fetch["cause"]["root"]);
            if check != cause.check.id()
                || *root != serde_json::json!(cause.root.map(corscope::diagnose::Root::id))
            {
                wrong.push(format!(
                    "{id}: {} {:?} live, {check} {root} in the file",
                    cause.check.id(),
                    cause.root
                ));
            }
            blocked += 1;
        }
        // The browser's own word beside it.
        match fetch["told"]["agrees"].as_bool() {
            Some(true) => told += 1,
            Some(false) => wrong.push(format!("{id}: {}", fetch["told"])),
            None => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(blocked > 7, "{blocked}");
    assert_eq!(told > 7, shows_errors, "{told}");
}

/// All requests of the tab that the developer tools look at, as their "Export HAR" writes them.
const CHROME: &str = "(async () => {
    const {Log} = await import('devtools://devtools/bundled/models/har/har.js');
    const {NetworkLog} = await import('devtools://devtools/bundled/models/logs/logs.js');
    const requests = NetworkLog.NetworkLog.instance().requests();
    return JSON.stringify({log: await Log.Log.build(requests, {sanitize: SANITIZE})});
})()";

#[tokio::test(flavor = "multi_thread")]
async fn a_har_of_chromes_developer_tools_is_judged_as_the_traffic() {
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec![
        "--remote-debugging-port=0".to_owned(),
        "--remote-allow-origins=*".to_owned(),
    ];
    let browser = bench.launch(Brand::Chromium);
    let profile = browser.profile().to_owned();
    let mut tools = DevTools::connect(&profile).await;
    let frontend = tools.open_frontend().await;
    tools.navigate(&bench.demo.page_url()).await;
    let started = Instant::now();
    while tools.evaluate("window.__done === true").await != true {
        assert!(started.elapsed() < PATIENCE, "the page never finished");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Sanitised is what the button writes unless told otherwise.
    let whole = tools
        .run(&frontend, &CHROME.replace("SANITIZE", "false"))
        .await;
    let sanitised = tools
        .run(&frontend, &CHROME.replace("SANITIZE", "true"))
        .await;
    browser.close().await;
    assert_gone(&profile);
    assert!(sanitised.as_str().unwrap().contains("\"entries\":[{"));
    if let Some(path) = std::env::var_os("CORSCOPE_KEEP_CHROME_HAR") {
        std::fs::write(path, whole.as_str().unwrap()).unwrap();
    }
    compare(bench, whole.as_str().unwrap(), Browser::Chromium, true).await;
}

const FIREFOX_OPEN: &str = r#"(async () => {
    const {require} = ChromeUtils.importESModule("resource://devtools/shared/loader/Loader.sys.mjs");
    const {gDevTools} = require("resource://devtools/client/framework/devtools.js");
    const w = Services.wm.getMostRecentWindow("navigator:browser");
    w.__tools = await gDevTools.showToolboxForTab(w.gBrowser.selectedTab,
        {toolId: "netmonitor", hostType: "window"});
    return 1;
})()"#;

/// What "Save All As HAR" writes.
const FIREFOX_SAVE: &str = r#"(async () => {
    const w = Services.wm.getMostRecentWindow("navigator:browser");
    const api = await w.__tools.getNetMonitorAPI();
    return JSON.stringify(await api.getHar());
})()"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_har_of_firefoxs_developer_tools_is_judged_as_the_traffic() {
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec![
        "--marionette".to_owned(),
        "--remote-allow-system-access".to_owned(),
    ];
    bench.options.preferences = vec![("marionette.port".to_owned(), "0".to_owned())];
    let browser = bench.launch(Brand::Firefox);
    let profile = browser.profile().to_owned();
    let mut tools = Marionette::connect(&profile).await;
    tools.run(FIREFOX_OPEN).await;
    tools.navigate(&bench.demo.page_url()).await;
    let started = Instant::now();
    while tools.evaluate("window.__done === true").await != true {
        assert!(started.elapsed() < PATIENCE, "the page never finished");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let har = tools.run(FIREFOX_SAVE).await;
    browser.close().await;
    assert_gone(&profile);
    if let Some(path) = std::env::var_os("CORSCOPE_KEEP_FIREFOX_HAR") {
        std::fs::write(path, har.as_str().unwrap()).unwrap();
    }
    compare(bench, har.as_str().unwrap(), Browser::Firefox, false).await;
}
