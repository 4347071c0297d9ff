//! What a HAR must be: by the published JSON schema of HAR 1.2, by what the specification says beyond
//! it, and by the rules of the importers of Chrome's and Firefox's developer tools.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::support::node_modules;

/// Reads one HAR a line and says in one line what is wrong with it. It ends with its standard input.
const VALIDATOR: &str = r#"
const [modules] = process.argv.slice(-1);
const Ajv = require(modules + "/ajv");
const ajv = new Ajv({ allErrors: true });
ajv.addMetaSchema(require(modules + "/ajv/lib/refs/json-schema-draft-06.json"));
ajv.addSchema(require(modules + "/har-schema"));
const valid = ajv.getSchema("har.json");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const fine = valid(JSON.parse(line));
  const faults = fine ? [] : valid.errors.map((e) => `${e.dataPath}: ${e.message}`);
  console.log(JSON.stringify(faults));
});
"#;

/// What breaks the published schema.
fn by_schema(har: &Value) -> Vec<String> {
    static VALID: OnceLock<Mutex<(Child, BufReader<ChildStdout>)>> = OnceLock::new();
    let validator = VALID.get_or_init(|| {
        let mut child = Command::new("node")
            .args(["-e", VALIDATOR, "--"])
            .arg(node_modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed");
        let answers = BufReader::new(child.stdout.take().unwrap());
        Mutex::new((child, answers))
    });
    let mut validator = validator.lock().unwrap_or_else(PoisonError::into_inner);
    let (child, answers) = &mut *validator;
    writeln!(child.stdin.as_mut().unwrap(), "{har}").unwrap();
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    serde_json::from_str(&line).expect("the validator answers")
}

#[test]
fn the_published_schema_is_heard() {
    let bad = serde_json::json!({"log": {"version": 1, "entries": [{"time": "x"}]}});
    let said = by_schema(&bad).join("\n");
    for part in [
        ".log: should have required property 'creator'",
        ".log.version",
        ".time",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

/// Every rule that a file breaks; none for a good one.
pub(crate) fn faults(har: &Value) -> Vec<String> {
    let mut faults = Faults(by_schema(har));
    let log = faults.object(har, "log", "");
    faults.string(log, "version", "log");
    let creator = faults.object(log, "creator", "log");
    faults.string(creator, "name", "creator");
    faults.string(creator, "version", "creator");
    // Firefox looks pages up without asking whether there is a list.
    for page in faults.list(log, "pages", "log") {
        faults.moment(page, "startedDateTime", "page");
        faults.string(page, "id", "page");
        faults.string(page, "title", "page");
        faults.object(page, "pageTimings", "page");
    }
    let known: Vec<&str> = log["pages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|page| page["id"].as_str())
        .collect();
    for (index, entry) in faults.list(log, "entries", "log").iter().enumerate() {
        let at = format!("entry {index}");
        faults.entry(entry, &known, &at);
    }
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn entry(&mut self, entry: &Value, pages: &[&str], at: &str) {
        if let Some(page) = entry.get("pageref")
            && !page.as_str().is_some_and(|id| pages.contains(&id))
        {
            self.say(at, "pageref", "names no page");
        }
        self.moment(entry, "startedDateTime", at);
        self.number(entry, "time", 0.0, at);
        self.object(entry, "cache", at);
        for (name, known) in [("serverIPAddress", true), ("connection", false)] {
            match entry.get(name) {
                None => {}
                Some(Value::String(text)) if known && text.parse::<std::net::IpAddr>().is_err() => {
                    self.say(at, name, "is no address");
                }
                Some(Value::String(_)) => {}
                Some(_) => self.say(at, name, "is no string"),
            }
        }
        let request = self.object(entry, "request", at);
        let at_request = format!("{at} request");
        for name in ["method", "url", "httpVersion"] {
            self.string(request, name, &at_request);
        }
        if request["url"]
            .as_str()
            .is_none_or(|url| url::Url::parse(url).is_err())
        {
            self.say(&at_request, "url", "is no URL");
        }
        self.pairs(request, "headers", &at_request);
        self.pairs(request, "queryString", &at_request);
        self.pairs(request, "cookies", &at_request);
        self.integer(request, "headersSize", &at_request);
        self.integer(request, "bodySize", &at_request);
        if let Some(post) = request.get("postData") {
            self.string(post, "mimeType", &at_request);
            if post.get("params").is_some() {
                self.pairs(post, "params", &at_request);
            }
            self.optional_string(post, "text", &at_request);
        }
        let response = self.object(entry, "response", at);
        let at_response = format!("{at} response");
        self.integer(response, "status", &at_response);
        for name in ["statusText", "httpVersion", "redirectURL"] {
            self.string(response, name, &at_response);
        }
        self.pairs(response, "headers", &at_response);
        self.pairs(response, "cookies", &at_response);
        self.integer(response, "headersSize", &at_response);
        self.integer(response, "bodySize", &at_response);
        let content = self.object(response, "content", &at_response);
        self.integer(content, "size", &at_response);
        self.string(content, "mimeType", &at_response);
        for name in ["text", "encoding", "comment"] {
            self.optional_string(content, name, &at_response);
        }
        self.timings(entry, at);
        for message in entry["_webSocketMessages"].as_array().into_iter().flatten() {
            self.number(message, "time", 1.0, at);
            self.number(message, "opcode", 1.0, at);
            self.string(message, "data", at);
            self.string(message, "type", at);
        }
        // Chrome's importer makes an initiator of it.
        if let Some(initiator) = entry.get("_initiator") {
            self.string(initiator, "type", at);
        }
    }

    fn timings(&mut self, entry: &Value, at: &str) {
        let timings = self.object(entry, "timings", at);
        let at = format!("{at} timings");
        for name in ["send", "wait", "receive"] {
            self.number(timings, name, 0.0, &at);
        }
        for name in ["blocked", "dns", "connect", "ssl"] {
            if timings.get(name).is_some() {
                self.number(timings, name, -1.0, &at);
            }
        }
        let phase = |name: &str| timings[name].as_f64().unwrap_or(0.0).max(0.0);
        let sum: f64 = ["blocked", "dns", "connect", "send", "wait", "receive"]
            .into_iter()
            .map(phase)
            .sum();
        if (sum - entry["time"].as_f64().unwrap_or(0.0)).abs() > 0.01 {
            self.say(&at, "time", &format!("is not their sum, {sum}"));
        }
        if phase("ssl") > phase("connect") + 0.001 {
            self.say(&at, "ssl", "is more than connect, which it is part of");
        }
    }

    fn say(&mut self, at: &str, name: &str, what: &str) {
        self.0.push(format!("{at}: {name} {what}"));
    }

    fn object<'v>(&mut self, of: &'v Value, name: &str, at: &str) -> &'v Value {
        if !of[name].is_object() {
            self.say(at, name, "is no object");
        }
        &of[name]
    }

    fn list<'v>(&mut self, of: &'v Value, name: &str, at: &str) -> &'v [Value] {
        let list = of[name].as_array();
        if list.is_none() {
            self.say(at, name, "is no list");
        }
        list.map_or(&[], Vec::as_slice)
    }

    fn pairs(&mut self, of: &Value, name: &str, at: &str) {
        for pair in self.list(of, name, at) {
            self.string(pair, "name", &format!("{at} {name}"));
            self.string(pair, "value", &format!("{at} {name}"));
        }
    }

    fn string(&mut self, of: &Value, name: &str, at: &str) {
        if !of[name].is_string() {
            self.say(at, name, "is no string");
        }
    }

    fn optional_string(&mut self, of: &Value, name: &str, at: &str) {
        if of.get(name).is_some() {
            self.string(of, name, at);
        }
    }

    fn integer(&mut self, of: &Value, name: &str, at: &str) {
        if of[name].as_i64().is_none_or(|n| n < -1) {
            self.say(at, name, "is no whole number from -1 on");
        }
    }

    // NaN would be null.
    fn number(&mut self, of: &Value, name: &str, at_least: f64, at: &str) {
        if of[name].as_f64().is_none_or(|n| n < at_least) {
            self.say(at, name, &format!("is no number from {at_least} on"));
        }
    }

    fn moment(&mut self, of: &Value, name: &str, at: &str) {
        let parsed = of[name].as_str().map(chrono::DateTime::parse_from_rfc3339);
        if !matches!(parsed, Some(Ok(_))) {
            self.say(at, name, "is no moment");
        }
    }
}

#[test]
fn the_rules_find_what_is_wrong() {
    let har = serde_json::json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"},
    "pages": [], "entries": [{
        "pageref": "p", "startedDateTime": "yesterday", "time": null, "cache": {},
        "request": {"method": "GET", "url": "/x", "httpVersion": "HTTP/1.1", "headers": [{"name": "a"}],
            "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0.5},
        "response": {"status": 0, "statusText": "", "httpVersion": "", "headers": [], "cookies": [],
            "content": {}, "redirectURL": null, "headersSize": -1, "bodySize": -1},
        "timings": {"send": -1, "wait": 0, "receive": 0},
        "serverIPAddress": "localhost", "connection": 7,
    }]}});
    let faults = faults(&har);
    for name in [
        "pageref",
        "startedDateTime",
        "time",
        "url",
        "value",
        "bodySize",
        "size",
        "mimeType",
        "redirectURL",
        "send",
        "serverIPAddress",
        "connection",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(name)),
            "{name}: {faults:#?}"
        );
    }
}
