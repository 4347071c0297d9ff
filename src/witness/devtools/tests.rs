use super::*;

#[expect(
    clippy::needless_pass_by_value,
    reason = "it reads better where it is called"
)]
fn event(method: &str, params: Value) -> Value {
    json!({"method": method, "sessionId": "S", "params": params})
}

fn sent(id: &str, url: &str) -> Value {
    event(
        "Network.requestWillBeSent",
        json!({
            "requestId": id, "wallTime": 1_795_448_492.25,
            "request": {"method": "GET", "url": url, "headers": {"User-Agent": "Chrome/156"}},
            "initiator": {"type": "script", "stack": {"callFrames": [
                {"url": "https://app.test/main.js", "lineNumber": 41}
            ]}},
        }),
    )
}

fn words(messages: &[Value]) -> Vec<Word> {
    let mut tools = DevTools::new(None);
    let heard = messages.iter().map(|message| tools.hear(message).words);
    heard.flatten().collect()
}

#[test]
fn a_page_is_listened_to_before_it_loads() {
    let mut tools = DevTools::new(Some("https://app.test/".into()));
    assert_eq!(tools.open().len(), 2);
    let attached = |kind: &str| {
        json!({"method": "Target.attachedToTarget", "params": {
            "sessionId": "S", "targetInfo": {"type": kind}, "waitingForDebugger": true,
        }})
    };
    let own = tools.hear(&attached("browser_ui")).reply;
    assert_eq!(
        own.len(),
        1,
        "the browser's own surfaces only go on: {own:?}"
    );
    let replies = tools.hear(&attached("page")).reply;
    let methods: Vec<&str> = replies.iter().map(|m| text(&m["method"])).collect();
    let at = |name| methods.iter().position(|m| *m == name);
    assert!(at("Network.enable") < at("Runtime.runIfWaitingForDebugger"));
    assert_eq!(methods.last(), Some(&"Page.navigate"));
    let second = tools.hear(&attached("page")).reply;
    assert!(second.iter().all(|m| m["method"] != "Page.navigate"));
    let forbidden = ["Fetch.enable", "Runtime.enable", "Network.setCacheDisabled"];
    assert!(methods.iter().all(|m| !forbidden.contains(m)));
}

#[test]
fn a_block_carries_its_rule_and_its_sentence() {
    let url = "https://api.test/v1";
    let sentence = format!("Access to fetch at '{url}' from origin 'https://app.test' has been");
    let told = words(&[
        sent("1", url),
        event(
            "Network.requestWillBeSentExtraInfo",
            json!({"requestId": "1"}),
        ),
        event("Log.entryAdded", json!({"entry": {"text": sentence}})),
        event(
            "Network.loadingFailed",
            json!({"requestId": "1", "errorText": "net::ERR_FAILED", "canceled": false,
                   "corsErrorStatus": {"corsError": "MissingAllowOriginHeader"}}),
        ),
    ]);
    let [word] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(word.url, url);
    assert!(word.on_wire);
    assert_eq!(word.at, Some(Timestamp(1_795_448_492_250_000)));
    let block = Block::Cors("MissingAllowOriginHeader".into());
    assert_eq!(word.said.fate, Fate::Blocked(block));
    assert_eq!(word.said.sentence.as_deref(), Some(&*sentence));
    let script = "https://app.test/main.js:42";
    assert_eq!(word.said.asked_by.as_deref(), Some(script));
}

#[test]
fn an_error_without_its_request_waits_for_the_url() {
    let fail = json!({"requestId": "7", "errorText": "net::ERR_FAILED",
                      "corsErrorStatus": {"corsError": "WildcardOriginNotAllowed"}});
    let entry = json!({"entry": {"text": "Failed to load resource",
                                 "networkRequestId": "7", "url": "https://api.test/a#b"}});
    let told = words(&[
        event("Network.loadingFailed", fail),
        event("Log.entryAdded", entry),
    ]);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].url.as_str(), &told[0].method),
        ("https://api.test/a", &None)
    );
}

#[test]
fn an_answer_without_its_request_has_a_url_of_its_own() {
    let answer = json!({"requestId": "7", "response": {"url": "https://api.test/a#b"}});
    let told = words(&[event("Network.responseReceived", answer)]);
    assert_eq!(told[0].url, "https://api.test/a");
    let own = json!({"requestId": "8", "response": {"url": "chrome://theme/colors.css"}});
    assert!(words(&[event("Network.responseReceived", own)]).is_empty());
}

#[test]
fn what_was_never_sent() {
    let url = "http://api.test/";
    let blocked = |reason: &str| {
        let fail = json!({"requestId": "1", "errorText": "net::ERR", "blockedReason": reason});
        words(&[sent("1", url), event("Network.loadingFailed", fail)]).remove(0)
    };
    let mixed = blocked("mixed-content");
    assert_eq!(mixed.said.fate, Fate::Blocked(Block::MixedContent));
    assert!(!mixed.on_wire);
    let other = blocked("inspector");
    assert_eq!(
        other.said.fate,
        Fate::Blocked(Block::Other("inspector".into()))
    );
    let cached = words(&[
        sent("1", url),
        event("Network.requestServedFromCache", json!({"requestId": "1"})),
        event(
            "Network.responseReceived",
            json!({"requestId": "1", "response": {}}),
        ),
    ]);
    assert_eq!(cached[0].said.fate, Fate::Delivered(Via::Cache));
    assert!(!cached[0].on_wire);
}

#[test]
fn a_policys_block_is_told_once() {
    let url = "https://evil.test/x";
    let issue = event(
        "Audits.issueAdded",
        json!({"issue": {"details": {"contentSecurityPolicyIssueDetails": {
            "blockedURL": url, "violatedDirective": "connect-src", "isReportOnly": false,
            "sourceCodeLocation": {"url": "https://app.test/", "lineNumber": 4}}}}}),
    );
    let alone = words(std::slice::from_ref(&issue));
    assert_eq!(
        alone[0].said.fate,
        Fate::Blocked(Block::Csp("connect-src".into()))
    );
    let fail = json!({"requestId": "1", "blockedReason": "csp"});
    let both = words(&[sent("1", url), issue, event("Network.loadingFailed", fail)]);
    assert_eq!(both.len(), 1);
}

#[test]
fn redirects_and_preflights() {
    let mut second = sent("1", "https://b.test/");
    second["params"]["redirectResponse"] = json!({"status": 302});
    let mut preflight = sent("2", "https://b.test/");
    preflight["params"]["initiator"] = json!({"type": "preflight"});
    let fail = json!({"requestId": "1", "errorText": "net::ERR_FAILED"});
    let told = words(&[
        sent("1", "https://a.test/"),
        second,
        preflight,
        event(
            "Network.responseReceived",
            json!({"requestId": "2", "response": {"url": "https://b.test/"}}),
        ),
        event("Network.loadingFailed", fail),
    ]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].before.as_deref(), Some("https://a.test/"));
    assert_eq!(told[0].url, "https://b.test/");
}
