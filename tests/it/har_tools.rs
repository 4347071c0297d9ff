//! What each tool that writes HAR files does in its own way, one small file each.

use corscope::wire::{End, FailureKind};
use serde_json::Value;

use crate::har::exchanges;
use crate::support::Home;

fn file(creator: &str, entries: &str) -> String {
    format!(
        r#"{{"log":{{"version":"1.2","creator":{{"name":"{creator}","version":"1"}},"entries":[{entries}]}}}}"#
    )
}

/// Fetches of a file as the program tells them, and what it says on stderr.
fn fetches(har: &[u8]) -> (Vec<Value>, String) {
    let home = Home::new();
    std::fs::write(home.at("x.har"), har).unwrap();
    let done = home.run(&["diagnose", "x.har", "--format", "json"]);
    assert!(done.status < Some(2), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    (json["fetches"].as_array().unwrap().clone(), done.stderr)
}

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/156.0.0.0 Safari/537.36";

/// A cross-origin call of a script in Chrome with this response object.
fn devtools(response: &str) -> String {
    let headers = format!(
        r#"[{{"name":"Origin","value":"https://app.test"}},{{"name":"Sec-Fetch-Mode","value":"cors"}},
        {{"name":"Sec-Fetch-Site","value":"cross-site"}},{{"name":"User-Agent","value":"{CHROME}"}}]"#
    );
    file(
        "WebInspector",
        &format!(
            r#"{{"_initiator":{{"type":"script"}},"_resourceType":"fetch","startedDateTime":"2026-11-23T08:00:00.000Z",
            "time":5.1,"request":{{"method":"GET","url":"https://api.other.test/v1","httpVersion":"h2",
            "headers":{headers},"queryString":[],"cookies":[],"headersSize":-1,"bodySize":0}},
            "response":{response},"cache":{{}},"timings":{{"blocked":1,"dns":-1,"ssl":-1,"connect":-1,
            "send":0.1,"wait":4,"receive":0,"_blocked_queueing":0.5}}}}"#
        ),
    )
}

const ALLOWED: &str = r#"{"status":200,"statusText":"","httpVersion":"h2","headers":[
    {"name":"access-control-allow-origin","value":"*"}],"cookies":[],"content":{"size":2,
    "mimeType":"application/json","text":"{}"},"redirectURL":"","headersSize":-1,"bodySize":-1,
    "_transferSize":90,"_error":ERROR}"#;

#[test]
fn devtools_notes_what_it_withheld_and_a_disagreement_is_said() {
    let refused = ALLOWED.replace("access-control-allow-origin", "x-other");
    let case = |response: &str, error: &str| {
        let har = devtools(&response.replace("ERROR", error));
        let (mut fetches, _) = fetches(har.as_bytes());
        let fetch = fetches.remove(0);
        (fetch["outcome"].clone(), fetch["told"].clone())
    };
    let (outcome, told) = case(&refused, "\"net::ERR_FAILED\"");
    assert_eq!(
        (&outcome, &told["agrees"]),
        (&"blocked".into(), &true.into())
    );
    assert!(told["note"].is_null(), "nothing to say where both agree");

    let (outcome, told) = case(ALLOWED, "\"net::ERR_FAILED\"");
    assert_eq!(
        (&outcome, &told["agrees"]),
        (&"allowed".into(), &false.into())
    );
    assert!(
        told["note"].to_string().contains("net::ERR_FAILED"),
        "{told}"
    );

    let (outcome, told) = case(&refused, "null");
    assert_eq!(
        (&outcome, &told["agrees"]),
        (&"blocked".into(), &false.into())
    );
    assert!(told["note"].to_string().contains("no error"), "{told}");

    let (outcome, told) = case(ALLOWED, "null");
    assert_eq!(
        (&outcome, &told["agrees"]),
        (&"allowed".into(), &true.into())
    );

    let none = r#"{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],
        "content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1,
        "_transferSize":0,"_error":ERROR}"#;
    let (outcome, told) = case(none, "\"net::ERR_BLOCKED_BY_CLIENT\"");
    assert!(
        outcome == "failed" && told["note"].to_string().contains("extension"),
        "{told}"
    );
    let (outcome, told) = case(none, "\"net::ERR_NAME_NOT_RESOLVED\"");
    assert!(outcome == "failed" && told["note"].is_null(), "{told}");
}

#[test]
fn what_a_service_worker_answered_is_no_matter_of_cors() {
    let bare = ALLOWED.replace("access-control-allow-origin", "x-other");
    let outcome = |response: &str, before: &str, after: &str| {
        let har = devtools(response).replace(before, after);
        let (mut fetches, _) = fetches(har.as_bytes());
        let fetch = fetches.remove(0);
        (fetch["outcome"].clone(), fetch["said"]["reason"].clone())
    };
    let none = bare.replace("ERROR", "null");
    let worker = none.replace("\"status\"", "\"_fetchedViaServiceWorker\":true,\"status\"");
    assert_eq!(
        outcome(&worker, "", ""),
        ("exempt".into(), "service-worker".into())
    );
    // What the page did not get is judged, whoever answered.
    let refused = worker.replace("\"_error\":null", "\"_error\":\"net::ERR_FAILED\"");
    assert_eq!(outcome(&refused, "", ""), ("blocked".into(), Value::Null));
    // Safari's way to say it.
    let safari = |kind: &str| {
        let entry = format!("\"_fetchType\":\"{kind}\",\"time\"");
        outcome(&none, "\"time\"", &entry)
    };
    assert_eq!(safari("Service Worker").0, "exempt");
    assert_eq!(safari("Network Load"), ("blocked".into(), Value::Null));
    // What a cache answers with is checked like any answer.
    assert_eq!(safari("Disk Cache"), ("blocked".into(), "cache".into()));
    let allowed = ALLOWED.replace("ERROR", "null");
    let cached = outcome(&allowed, "\"time\"", "\"_fromCache\":\"disk\",\"time\"");
    assert_eq!(cached, ("allowed".into(), "cache".into()));
}

#[test]
fn what_a_browser_said_goes_into_our_har_and_comes_back() {
    let home = Home::new();
    let allowed = ALLOWED.replace("ERROR", "null");
    let har = devtools(&allowed).replace("\"time\"", "\"_fromCache\":\"memory\",\"time\"");
    std::fs::write(home.at("x.har"), har).unwrap();
    let done = home.run(&["export", "x.har", "--to", "har", "--out", "y.har"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let mut ours: Value =
        serde_json::from_str(&std::fs::read_to_string(home.at("y.har")).unwrap()).unwrap();
    let entry = &mut ours["log"]["entries"][0];
    assert_eq!(entry["_fromCache"], "disk");
    let said = |har: &Value| {
        let (mut fetches, _) = fetches(har.to_string().as_bytes());
        let fetch = fetches.remove(0);
        (
            fetch["outcome"].clone(),
            fetch["cause"]["check"].clone(),
            fetch["said"].clone(),
        )
    };
    assert_eq!(said(&ours).2["reason"], "cache");
    // A row that only a launched browser told of: it never was on the wire.
    let word = serde_json::json!({"fate": "blocked", "reason": "csp", "detail": "connect-src",
        "console": "Refused to connect", "asked_by": "https://app.test/main.js:42"});
    let entry = &mut ours["log"]["entries"][0];
    entry["_corscope"] = serde_json::json!({"source": "browser", "diagnosis": {"said": word}});
    entry["response"] = serde_json::json!({"status": 0, "headers": [], "content": {}});
    let (outcome, check, back) = said(&ours);
    assert_eq!(
        (&outcome, &check),
        (&"blocked".into(), &"csp-connect-src".into())
    );
    assert_eq!(back, word);
}

#[test]
fn the_error_that_chrome_noted_settles_what_the_wire_leaves_open() {
    let wildcard = |error: &str, agent: &str| {
        let response = ALLOWED.replace("ERROR", error);
        // Without the header by which Chrome shows that no cookies went.
        let har = devtools(&response).replace("\"cross-site\"", agent);
        let (mut fetches, _) = fetches(har.as_bytes());
        let fetch = fetches.remove(0);
        (fetch["outcome"].clone(), fetch["credentials"].clone())
    };
    let open = "\"same-site\"";
    assert_eq!(
        wildcard("null", open),
        ("allowed".into(), "not-include".into())
    );
    assert_eq!(
        wildcard("\"net::ERR_FAILED\"", open),
        ("blocked".into(), "include".into())
    );
    let unsaid = wildcard("\"net::ERR_BLOCKED_BY_CLIENT\"", open);
    assert_eq!(unsaid, ("depends".into(), "unknown".into()));
}

#[test]
fn a_disagreement_is_told_to_people_as_well() {
    let home = Home::new();
    let har = devtools(&ALLOWED.replace("ERROR", "\"net::ERR_FAILED\""));
    std::fs::write(home.at("x.har"), har).unwrap();
    for format in ["md", "html"] {
        let done = home.run(&["export", "x.har", "--to", format]);
        assert!(
            done.stdout.contains("so the page did not get this"),
            "{done:?}"
        );
    }
    let done = home.run(&["diagnose", "x.har"]);
    assert!(done.stdout.contains("says net::ERR_FAILED"), "{done:?}");
    // What another program said stays with the file that is made of it.
    let done = home.run(&["export", "x.har", "--to", "har", "--out", "y.har"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let done = home.run(&["diagnose", "y.har"]);
    assert!(done.stdout.contains("says net::ERR_FAILED"), "{done:?}");
}

#[test]
fn a_request_made_in_the_millisecond_of_its_refused_preflight_was_never_sent() {
    let entry = |method: &str, more: &str, status: u16| {
        format!(
            r#"{{"startedDateTime":"2026-11-23T08:00:00.061Z","time":0,"request":{{"method":"{method}",
            "url":"https://api.other.test/v1","httpVersion":"","headers":[{{"name":"Origin",
            "value":"https://app.test"}},{{"name":"User-Agent","value":"{CHROME}"}}{more}],"queryString":[],
            "cookies":[],"headersSize":-1,"bodySize":0}},"response":{{"status":{status},"statusText":"",
            "httpVersion":"","headers":[],"cookies":[],"content":{{"size":0,"mimeType":""}},
            "redirectURL":"","headersSize":-1,"bodySize":0}},"cache":{{}},"timings":{{}}}}"#
        )
    };
    let asks = r#",{"name":"Access-Control-Request-Method","value":"PUT"}"#;
    for creator in ["Firefox", "WebInspector"] {
        for order in [[0, 1], [1, 0]] {
            let rows = [entry("PUT", "", 0), entry("OPTIONS", asks, 404)];
            let rows = order.map(|at: usize| rows[at].clone()).join(",");
            let (fetches, _) = fetches(file(creator, &rows).as_bytes());
            assert_eq!(fetches.len(), 1, "{fetches:?}");
            assert_eq!(fetches[0]["outcome"], "blocked", "{creator} {order:?}");
            assert_eq!(fetches[0]["cause"]["check"], "missing-allow-origin");
        }
    }
}

/// As Firefox wrote it of a sign-in: the request begins before its preflight, which is counted nowhere.
#[test]
fn firefox_counts_no_preflight_as_waiting() {
    let entry = |at_ms: u32, time: u32, method: &str, more: &str, timings: &str| {
        format!(
            r#"{{"startedDateTime":"2026-11-23T08:00:00.{at_ms}Z","time":{time},"request":{{"method":"{method}",
            "url":"https://api.other.test/v1","httpVersion":"HTTP/2","headers":[{{"name":"Origin",
            "value":"https://app.test"}},{{"name":"User-Agent","value":"Mozilla/5.0 (X11; Linux x86_64; rv:153.0)
             Gecko/20100101 Firefox/153.0"}},{{"name":"Sec-Fetch-Mode","value":"cors"}}{more}],"queryString":[],
            "cookies":[],"headersSize":-1,"bodySize":0}},"response":{{"status":200,"statusText":"",
            "httpVersion":"HTTP/2","headers":[{{"name":"Access-Control-Allow-Origin","value":"*"}},
            {{"name":"Access-Control-Allow-Headers","value":"content-type"}}],"cookies":[],
            "content":{{"size":0,"mimeType":""}},"redirectURL":"","headersSize":-1,"bodySize":0}},
            "cache":{{}},"timings":{timings}}}"#
        )
        .replace("rv:153.0)\n             Gecko", "rv:153.0) Gecko")
    };
    let json = r#",{"name":"Content-Type","value":"application/json"}"#;
    let asks = r#",{"name":"Access-Control-Request-Method","value":"POST"},
        {"name":"Access-Control-Request-Headers","value":"content-type"}"#;
    let late = r#"{"blocked":-1,"dns":0,"connect":0,"ssl":0,"send":4,"wait":-1,"receive":110}"#;
    let wait = r#"{"blocked":0,"dns":0,"connect":0,"ssl":0,"send":0,"wait":15,"receive":0}"#;
    // Two at once, each with a preflight of its own.
    let rows = [
        entry(218, 114, "POST", json, late),
        entry(226, 15, "OPTIONS", asks, wait),
        entry(230, 114, "POST", json, late),
        entry(231, 15, "OPTIONS", asks, wait),
    ];
    let (fetches, _) = fetches(file("Firefox", &rows.join(",")).as_bytes());
    let members = |fetch: &Value| {
        let members = fetch["exchanges"].as_array().unwrap().iter();
        members
            .map(|member| member["entry"].as_u64())
            .collect::<Vec<_>>()
    };
    let mut found: Vec<_> = fetches.iter().map(members).collect();
    found.sort_unstable();
    assert_eq!(found, [[Some(1), Some(0)], [Some(3), Some(2)]]);
}

#[test]
fn playwright_says_only_that_it_failed() {
    let entry = format!(
        r#"{{"startedDateTime":"2026-11-23T08:00:00.000Z","time":-1,"request":{{"method":"GET",
        "url":"https://api.other.test/v1","httpVersion":"HTTP/1.1","cookies":[],"headers":[
        {{"name":"origin","value":"https://app.test"}},{{"name":"user-agent","value":"{CHROME}"}},
        {{"name":"sec-fetch-mode","value":"cors"}}],"queryString":[],"headersSize":-1,"bodySize":0}},
        "response":{{"status":-1,"statusText":"","httpVersion":"HTTP/1.1","cookies":[],"headers":[],
        "content":{{"size":-1,"mimeType":"x-unknown"}},"headersSize":-1,"bodySize":-1,"redirectURL":"",
        "_transferSize":-1,"_failureText":"net::ERR_FAILED"}},"cache":{{}},
        "timings":{{"send":-1,"wait":-1,"receive":-1}},"_serverPort":443}}"#
    );
    let (fetches, _) = fetches(file("Playwright", &entry).as_bytes());
    let fetch = &fetches[0];
    assert_eq!(fetch["outcome"], "failed");
    assert_eq!(
        fetch["cause"]["certainty"], "inferred",
        "it may be a CORS block: {fetch}"
    );
    let note = fetch["told"]["note"].to_string();
    assert!(note.contains("CORS") && note.contains("console"), "{note}");
}

#[test]
fn safari_notes_the_sentence_of_its_console() {
    let entry = r#"{"pageref":"page_0","startedDateTime":"2026-11-23T08:00:00.000Z","time":0,
        "request":{"method":"GET","url":"https://api.other.test/v1","httpVersion":"","cookies":[],
        "headers":[{"name":"Origin","value":"https://app.test"},{"name":"User-Agent",
        "value":"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"}],
        "queryString":[],"headersSize":-1,"bodySize":-1},"response":{"status":0,"statusText":"",
        "httpVersion":"","cookies":[],"headers":[],"content":{"size":0,"compression":0,"mimeType":"x-unknown"},
        "redirectURL":"","headersSize":-1,"bodySize":-1,"_error":"SAID"},
        "cache":{},"timings":{"blocked":-1,"dns":-1,"connect":-1,"ssl":-1,"send":0,"wait":0,"receive":0},
        "_fetchType":"Network Load"}"#;
    let said =
        "Origin https://app.test is not allowed by Access-Control-Allow-Origin. Status code: 200";
    let cors = entry.replace("SAID", said);
    let (fetches, _) = fetches(file("WebKit Web Inspector", &cors).as_bytes());
    let note = fetches[0]["told"]["note"].to_string();
    assert!(
        note.contains("not the network") && note.contains(said),
        "{note}"
    );
    assert_eq!(fetches[0]["cause"]["certainty"], "inferred");
    let ends = |said: &str| {
        let har = file("WebKit Web Inspector", &entry.replace("SAID", said));
        exchanges(&har)[0].end.clone()
    };
    let kind = |end: End| match end {
        End::Failed(failure) => Some(failure.kind),
        _ => None,
    };
    assert_eq!(
        kind(ends("Could not connect to the server.")),
        Some(FailureKind::Refused)
    );
    let unknown = ends("A server with the specified hostname could not be found.");
    assert_eq!(kind(unknown), Some(FailureKind::NameNotResolved));
    assert_eq!(
        kind(ends("The network connection was lost.")),
        Some(FailureKind::Reset)
    );
    assert_eq!(ends("cancelled"), End::Aborted);
}

/// An entry as proxies write it, with these members instead.
fn proxied(request: &str, response: &str, more: &str) -> String {
    format!(
        r#"{{"startedDateTime":"2026-11-23T08:00:00.1234567+01:00","time":3,"request":{{"method":"GET",
        "url":"https://api.other.test/v1","httpVersion":"HTTP/2.0",{request}}},"response":{response},
        "cache":{{}},"timings":{{"send":1,"wait":1,"receive":1,"ssl":null,"connect":null}}{more}}}"#
    )
}

#[test]
fn proxies_and_clients_have_ways_of_their_own() {
    // Charles: nulls, pseudo-headers, its own page where a connection broke.
    let charles = |status: &str| {
        let response = format!(
            r#"{{"_charlesStatus":"{status}","status":503,"statusText":null,"httpVersion":"HTTP/1.0",
            "cookies":[],"headers":[{{"name":":status","value":"503"}}],"content":{{"size":9,
            "mimeType":"text/html","text":"<h1>Charles Error Report</h1>","encoding":null}}}}"#
        );
        let request = r#""headers":[{"name":":method","value":"GET"},{"name":"Origin","value":"https://app.test"}]"#;
        exchanges(&file("Charles Proxy", &proxied(request, &response, ""))).remove(0)
    };
    let fine = charles("COMPLETE");
    assert_eq!(fine.response.as_ref().map(|r| r.status), Some(503));
    assert_eq!(
        fine.request.headers.len(),
        1,
        "pseudo-headers are no headers"
    );
    let broken = charles("EXCEPTION");
    assert!(
        broken.response.is_none(),
        "the page is Charles's, not the server's"
    );
    assert!(matches!(&broken.end, End::Failed(failure) if failure.detail.contains("EXCEPTION")));

    // mitmproxy: an error in words, null where there is none, text that is null.
    let mitmproxy = |error: &str| {
        let response = format!(
            r#"{{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],"content":{{}},
            "redirectURL":"","headersSize":-1,"bodySize":-1,"_transferSize":0,"_error":{error}}}"#
        );
        let request = r#""headers":[],"postData":{"mimeType":"","text":null,"params":[]}"#;
        let har = file("mitmproxy", &proxied(request, &response, ""));
        exchanges(&har)[0].end.clone()
    };
    for (error, kind) in [
        (
            "\"[Errno 111] Connect call failed ('127.0.0.1', 9)\"",
            FailureKind::Refused,
        ),
        (
            "\"Certificate verify failed: self-signed certificate\"",
            FailureKind::Certificate,
        ),
        ("\"server closed connection\"", FailureKind::Reset),
        ("null", FailureKind::Other),
    ] {
        let end = mitmproxy(error);
        assert!(
            matches!(&end, End::Failed(f) if f.kind == kind),
            "{error}: {end:?}"
        );
    }
    assert_eq!(mitmproxy("\"Client disconnected.\""), End::Aborted);

    // Fiddler: seven digits of a second, ports for a connection, bytes in base64.
    let response = r#"{"status":200,"statusText":"OK","httpVersion":"HTTP/1.1","headers":
        [{"name":"Access-Control-Allow-Origin","value":"*"}],"cookies":[],"content":{"size":4,
        "compression":0,"mimeType":"application/octet-stream","encoding":"base64","text":"AAEC\r\n/w=="},
        "redirectURL":"","headersSize":40,"bodySize":4}"#;
    let more = r#","connection":"ClientPort:50123;EgressPort:50124","comment":"[#3]","serverIPAddress":"[::1]""#;
    let fiddler = exchanges(&file(
        "Fiddler",
        &proxied(r#""headers":[]"#, response, more),
    ))
    .remove(0);
    assert_eq!(&fiddler.response_body.excerpt[..], &[0, 1, 2, 255]);
    assert_eq!(fiddler.opened_at.0, 1_795_417_200_123_456);
    let server = fiddler
        .upstream
        .as_ref()
        .and_then(|u| u.addr)
        .map(|a| a.to_string());
    assert_eq!(server.as_deref(), Some("[::1]:443"));

    // HTTP Toolkit: an aborted request is status 0 and nothing more; values of one name are joined.
    let none = r#"{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],
        "content":{"size":0,"mimeType":"application/x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1}"#;
    let toolkit = exchanges(&file("HTTP Toolkit", &proxied(r#""headers":[]"#, none, ""))).remove(0);
    assert!(toolkit.response.is_none() && matches!(toolkit.end, End::Failed(_)));

    // Proxyman and clients such as Insomnia: members that are missing, headers as an object, no phases.
    let bare = r#"{"startedDateTime":"","request":{"method":"get","url":"https://api.other.test/v1",
        "headers":{"Origin":"https://app.test","X-Count":3}},"response":{"status":"200","headers":
        {"Access-Control-Allow-Origin":["*"]},"content":{"text":"{}"}},"timings":{}}"#;
    let client = exchanges(&file("Insomnia REST Client:insomnia.desktop.app", bare)).remove(0);
    assert_eq!(client.response.as_ref().map(|r| r.status), Some(200));
    assert_eq!(client.request.headers.get("x-count").as_deref(), Some("3"));
    assert_eq!(&client.response_body.excerpt[..], b"{}");

    // Firefox: no sizes, no version, nothing else where a request was refused before it was sent.
    let response = r#"{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],
        "content":{"mimeType":"","size":0,"text":"undefined"},"redirectURL":"","bodySize":-1}"#;
    let more = r#","_securityState":null,"connection":"443","pageref":"page_1""#;
    let firefox = exchanges(&file(
        "Firefox",
        &proxied(r#""headers":[]"#, response, more),
    ))
    .remove(0);
    assert!(firefox.response.is_none() && firefox.told.is_none());
}

#[test]
fn files_that_are_nearly_json_are_read() {
    let sound = devtools(&ALLOWED.replace("ERROR", "null"));
    let outcome = |bytes: &[u8]| {
        let (fetches, stderr) = fetches(bytes);
        assert!(stderr.is_empty(), "{stderr}");
        fetches[0]["outcome"].clone()
    };
    // Python's and JavaScript's numbers that are none, and a bare tab inside a text.
    let odd = sound
        .replace("\"time\":5.1", "\"time\":NaN")
        .replace("\"blocked\":1,", "\"blocked\":-Infinity,")
        .replace("\"text\":\"{}\"", "\"text\":\"{\t}\"");
    assert_eq!(outcome(odd.as_bytes()), "allowed");
    // As PowerShell writes what is redirected to a file.
    let utf16: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain(sound.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(outcome(&utf16), "allowed");
    let marked = [b"\xef\xbb\xbf", sound.as_bytes()].concat();
    assert_eq!(outcome(&marked), "allowed");
    // Text in Latin-1.
    let latin = sound.replace("\"text\":\"{}\"", "\"text\":\"caf#\"");
    let latin: Vec<u8> = latin
        .bytes()
        .map(|b| if b == b'#' { 0xe9 } else { b })
        .collect();
    assert_eq!(outcome(&latin), "allowed");
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let home = Home::new();
    let place = |text: &str| {
        std::fs::write(home.at("x.har"), text).unwrap();
        let done = home.run(&["diagnose", "x.har"]);
        assert_eq!(
            (done.status, done.stderr.lines().count()),
            (Some(2), 1),
            "{done:?}"
        );
        done.stderr
    };
    let said = place("{\"log\": {\"entries\": [\n{},\n{]");
    assert!(
        said.contains("line 3, column 2") && said.contains("byte 27"),
        "{said}"
    );
    let said = place("{\"log\": {\"entries\": [{}");
    assert!(
        said.contains("ends too early") && said.contains("byte 23"),
        "{said}"
    );
}
