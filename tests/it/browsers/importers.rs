//! Our HAR files, read by the developer tools of a real Chromium and a real Firefox: their own
//! importers run on them, and every row must show what the entry says.

use corscope::launch::Brand;
use corscope::session::Session;
use serde_json::{Value, json};

use super::devtools::DevTools;
use super::marionette::Marionette;
use super::{Bench, assert_gone};
use crate::export::{all_sorts, save};
use crate::har_rules::faults;
use crate::support::Home;

/// A HAR of every sort of exchange: answered, failed, aborted, a WebSocket, never sent, a redirect, a
/// preflight, binary bodies, bodies of which only the beginning was kept.
fn ours(home: &Home) -> String {
    let path = home.at("all.corscope");
    save(&path, &all_sorts());
    let done = home.run(&["export", path.to_str().unwrap(), "--to", "har"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let har: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(faults(&har), Vec::<String>::new());
    done.stdout
}

fn entries(har: &str) -> Vec<Value> {
    let har: Value = serde_json::from_str(har).unwrap();
    har["log"]["entries"].as_array().unwrap().clone()
}

fn len(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// Compares one member of a row with what the entry says.
fn same(wrong: &mut Vec<String>, entry: &Value, what: &str, shown: &Value, due: &Value) {
    let close = match (shown.as_f64(), due.as_f64()) {
        (Some(shown), Some(due)) => (shown - due).abs() < 0.01,
        _ => shown == due,
    };
    if !close {
        let url = &entry["request"]["url"];
        wrong.push(format!("{url} {what}: shown {shown}, written {due}"));
    }
}

/// What the tools show of each request, in their order.
const CHROME: &str = "(async () => {
    const {HARFormat, Importer} = await import('devtools://devtools/bundled/models/har/har.js');
    const log = new HARFormat.HARRoot(JSON.parse(HAR)).log;
    const body = async r => {
        const data = await r.requestContentData();
        return data.createdFromBase64 ? data.base64 : data.text;
    };
    const shown = async r => ({
        url: r.url(), method: r.requestMethod, status: r.statusCode, reason: r.statusText,
        mime: r.mimeType, size: r.resourceSize, crossed: r.transferSize,
        type: r.resourceType().name(), remote: r.remoteAddress(), connection: r.connectionId,
        initiator: r.initiator()?.type ?? null, sent: await r.requestFormData(),
        headers: [r.requestHeaders().length, r.responseHeaders.length],
        cookies: [r.includedRequestCookies().length, r.responseCookies.length],
        frames: r.frames().map(f => [f.type, f.opCode, f.text]),
        took: r.duration * 1000, body: await body(r),
        phases: ['requestTime', 'dnsEnd', 'connectEnd', 'sslEnd', 'sendEnd', 'receiveHeadersEnd']
            .map(name => r.timing[name]),
    });
    return Promise.all(Importer.Importer.requestsFromHARLog(log).map(shown));
})()";

#[tokio::test(flavor = "multi_thread")]
async fn chromes_developer_tools_show_our_har_as_it_is() {
    let home = Home::new();
    let har = ours(&home);
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec![
        "--remote-debugging-port=0".to_owned(),
        "--remote-allow-origins=*".to_owned(),
    ];
    let browser = bench.launch(Brand::Chromium);
    let profile = browser.profile().to_owned();
    let mut tools = DevTools::connect(&profile).await;
    let frontend = tools.open_frontend().await;
    let script = CHROME.replace("HAR)", &format!("{})", json!(har)));
    let shown = tools.run(&frontend, &script).await;
    browser.close().await;
    assert_gone(&profile);

    let mut entries = entries(&har);
    // Moments to the millisecond, as dates have them there.
    entries.sort_by_key(|entry| entry["startedDateTime"].as_str().unwrap()[..23].to_owned());
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), entries.len());
    let mut wrong = Vec::new();
    for (entry, row) in entries.iter().zip(shown) {
        let (request, response) = (&entry["request"], &entry["response"]);
        let content = &response["content"];
        let natural = |value: &Value| value.as_i64().unwrap().max(0);
        let size = match natural(&content["size"]) {
            0 => natural(&response["headersSize"]) + natural(&response["bodySize"]),
            size => size,
        };
        let mime = content["mimeType"].as_str().filter(|m| *m != "x-unknown");
        // A type goes without its parameters.
        let shown_mime = row["mime"].as_str().unwrap_or_default();
        if !mime.unwrap_or_default().starts_with(shown_mime) {
            same(
                &mut wrong,
                entry,
                "mimeType",
                &row["mime"],
                &content["mimeType"],
            );
        }
        let body = content["text"].as_str().unwrap_or_default();
        let frames: Vec<Value> = entry["_webSocketMessages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|m| json!([m["type"], m["opcode"], m["data"]]))
            .collect();
        let remote = match (&entry["serverIPAddress"], &entry["connection"]) {
            (Value::String(ip), Value::String(port)) => format!("{ip}:{port}"),
            _ => String::new(),
        };
        let sent = &request["postData"]["text"];
        let headers = json!([len(&request["headers"]), len(&response["headers"])]);
        let cookies = json!([len(&request["cookies"]), len(&response["cookies"])]);
        let due = [
            ("url", &request["url"]),
            ("method", &request["method"]),
            ("status", &response["status"]),
            ("reason", &response["statusText"]),
            ("size", &size.into()),
            ("crossed", &response["_transferSize"]),
            ("type", &entry["_resourceType"]),
            ("initiator", &entry["_initiator"]["type"]),
            ("sent", sent),
            ("headers", &headers),
            ("cookies", &cookies),
            ("frames", &frames.into()),
            ("took", &entry["time"]),
            ("body", &body.into()),
        ];
        for (name, due) in due {
            same(&mut wrong, entry, name, &row[name], due);
        }
        if !remote.is_empty() {
            same(&mut wrong, entry, "remote", &row["remote"], &remote.into());
        }
        let id = entry["_connectionId"].as_str().unwrap_or_default();
        same(
            &mut wrong,
            entry,
            "connection",
            &row["connection"],
            &id.into(),
        );
        // What is not a number would be null.
        let phases = row["phases"].as_array().unwrap();
        if !phases.iter().all(|n| n.as_f64() >= Some(-1.0)) {
            wrong.push(format!("{}: {phases:?}", request["url"]));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The requests in the store of the network panel, the rows that are on the screen, and the HAR that
/// Firefox makes of what it has read.
const FIREFOX: &str = r#"(async () => {
    const {require} = ChromeUtils.importESModule("resource://devtools/shared/loader/Loader.sys.mjs");
    const {gDevTools} = require("resource://devtools/client/framework/devtools.js");
    const {HarImporter} = require("resource://devtools/client/netmonitor/src/har/har-importer.js");
    const w = Services.wm.getMostRecentWindow("navigator:browser");
    const tools = await gDevTools.showToolboxForTab(w.gBrowser.selectedTab,
        {toolId: "netmonitor", hostType: "window"});
    const api = await tools.getNetMonitorAPI();
    new HarImporter(api.actions).import(HAR);
    const requests = api.store.getState().requests.requests;
    const list = tools.getCurrentPanel().panelWin.document;
    let rows = [];
    while (rows.length < Math.min(requests.length, 3)) {
        await new Promise(r => w.setTimeout(r, 50));
        rows = [...list.querySelectorAll(".request-list-item")].map(e => e.textContent);
    }
    return JSON.stringify({requests, rows, back: await api.getHar()});
})()"#;

#[tokio::test(flavor = "multi_thread")]
async fn firefoxs_developer_tools_show_our_har_as_it_is() {
    let home = Home::new();
    let har = ours(&home);
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec![
        "--marionette".to_owned(),
        "--remote-allow-system-access".to_owned(),
    ];
    bench.options.preferences = vec![("marionette.port".to_owned(), "0".to_owned())];
    let browser = bench.launch(Brand::Firefox);
    let profile = browser.profile().to_owned();
    let mut tools = Marionette::connect(&profile).await;
    let shown = tools
        .run(&FIREFOX.replace("HAR)", &format!("{})", json!(har))))
        .await;
    browser.close().await;
    assert_gone(&profile);

    let shown: Value = serde_json::from_str(shown.as_str().unwrap()).unwrap();
    let requests = shown["requests"].as_array().unwrap();
    let entries = entries(&har);
    assert_eq!(requests.len(), entries.len());
    let mut wrong = Vec::new();
    for (entry, row) in entries.iter().zip(requests) {
        let (request, response) = (&entry["request"], &entry["response"]);
        // HAR counts the handshake within `connect`; Firefox adds it once more.
        let tls = entry["timings"]["ssl"].as_f64().unwrap().max(0.0);
        let took = json!(entry["time"].as_f64().unwrap() + tls);
        let due = [
            ("url", &request["url"]),
            ("method", &request["method"]),
            ("status", &response["status"]),
            ("statusText", &response["statusText"]),
            ("totalTime", &took),
            ("httpVersion", &request["httpVersion"]),
            ("contentSize", &response["content"]["size"]),
            ("mimeType", &response["content"]["mimeType"]),
            ("remoteAddress", &entry["serverIPAddress"]),
            ("remotePort", &entry["connection"]),
            ("requestCookies", &request["cookies"]),
            ("responseCookies", &response["cookies"]),
        ];
        for (name, due) in due {
            same(&mut wrong, entry, name, &row[name], due);
        }
        let headers = &row["responseHeaders"]["headers"];
        same(&mut wrong, entry, "headers", headers, &response["headers"]);
        let content = &row["responseContent"]["content"];
        same(&mut wrong, entry, "content", content, &response["content"]);
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    for row in shown["rows"].as_array().unwrap() {
        let row = row.as_str().unwrap();
        let odd = ["NaN", "undefined", "null", "-1 B", "Infinity"];
        assert!(!odd.iter().any(|word| row.contains(word)), "{row}");
    }

    // What Firefox writes of it is judged as the session was, but for what its form has no words for:
    // why nothing came.
    std::fs::write(home.at("back.har"), shown["back"].to_string()).unwrap();
    let done = home.run(&["diagnose", "back.har", "--format", "json"]);
    let back: Value = serde_json::from_str(&done.stdout).unwrap();
    let session = Session::open(&home.at("all.corscope"), None).unwrap();
    let reader = session.reader();
    let mut compared = 0;
    for diagnosis in reader
        .fetches()
        .iter()
        .filter_map(|id| reader.diagnosis(*id))
    {
        let Some(cause) = &diagnosis.cause else {
            continue;
        };
        let url = diagnosis.url.split('?').next().unwrap();
        let blocked = back["fetches"].as_array().unwrap().iter().find(|fetch| {
            let same = fetch["url"].as_str().unwrap().split('?').next() == Some(url);
            same && fetch["method"] == *diagnosis.method && fetch["outcome"] == "blocked"
        });
        if diagnosis.outcome.name() == "blocked" {
            let found = blocked.map(|fetch| fetch["cause"]["check"].as_str().unwrap());
            assert_eq!(found, Some(cause.check.id()), "{}", diagnosis.url);
            compared += 1;
        }
    }
    assert!(compared > 3, "{compared}");
}
