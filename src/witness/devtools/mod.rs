//! Chromium's DevTools protocol, as far as it tells what became of requests.
//!
//! Domains in use: Target (to hear every page, frame and worker), Network, Log, Audits; see
//! <https://chromedevtools.github.io/devtools-protocol/>. Fetch and Runtime are left off: the first
//! holds requests up, the second can be noticed by a page.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::{Heard, REMEMBERED_MAX, Word, is_http, text, timestamp, without_fragment};
use crate::wire::{Block, Fate, Said, Timestamp, Via};

/// What is worth listening to; the browser's own surfaces are not.
const TARGETS: [&str; 6] = [
    "page",
    "iframe",
    "worker",
    "shared_worker",
    "service_worker",
    "webview",
];
/// How many sentences of the console wait for the request they are about.
const SENTENCES_MAX: usize = 200;
/// How many blocks of policies are remembered.
const BLOCKS_MAX: usize = 200;

/// Listens to one Chromium.
#[derive(Debug)]
pub struct DevTools {
    last_id: u64,
    /// The page that is still to be opened.
    page: Option<String>,
    asked: HashMap<Key, Asked>,
    order: VecDeque<Key>,
    sentences: VecDeque<String>,
    /// Blocks of policies: whether an issue told of it, and the URL.
    blocks: VecDeque<(bool, String)>,
}

/// A request is named by its target's session and the browser's id.
type Key = (String, String);

#[derive(Debug, Default)]
struct Asked {
    url: String,
    method: Option<String>,
    at: Option<Timestamp>,
    before: Option<String>,
    headers: Vec<(String, String)>,
    script: Option<String>,
    on_wire: bool,
    from_cache: bool,
    /// What becomes of it is told of the request it is made for.
    preflight: bool,
    /// It is told when its URL is: the error of a request that began before we listened.
    waiting: Option<Fate>,
}

impl DevTools {
    /// Begins; `page` is opened once it can be listened to.
    pub fn new(page: Option<String>) -> Self {
        Self {
            last_id: 0,
            page,
            asked: HashMap::new(),
            order: VecDeque::new(),
            sentences: VecDeque::new(),
            blocks: VecDeque::new(),
        }
    }

    /// The first messages to send.
    pub fn open(&mut self) -> Vec<Value> {
        vec![
            self.command("Browser.getVersion", &json!({}), None),
            self.command("Target.setAutoAttach", &attach(), None),
        ]
    }

    fn command(&mut self, method: &str, params: &Value, session: Option<&str>) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        command
    }

    /// Takes in one message.
    pub fn hear(&mut self, message: &Value) -> Heard {
        let params = &message["params"];
        let session = text(&message["sessionId"]);
        let key = || (session.to_owned(), text(&params["requestId"]).to_owned());
        let mut heard = Heard::default();
        match text(&message["method"]) {
            "Target.attachedToTarget" => heard.reply = self.attached(params),
            "Network.requestWillBeSent" => self.asked(key(), params),
            "Network.requestWillBeSentExtraInfo" => self.on_wire(key()),
            "Network.requestServedFromCache" => {
                if let Some(asked) = self.asked.get_mut(&key()) {
                    asked.from_cache = true;
                }
            }
            "Network.responseReceived" => {
                let response = &params["response"];
                heard.words.extend(self.delivered(key(), response));
            }
            "Network.loadingFailed" => heard.words.extend(self.failed(&key(), params)),
            "Log.entryAdded" => {
                let entry = &params["entry"];
                heard.words.extend(self.logged(session, entry));
            }
            "Audits.issueAdded" => heard.words.extend(self.issue(&params["issue"])),
            _ => {}
        }
        heard
    }

    fn attached(&mut self, params: &Value) -> Vec<Value> {
        let session = text(&params["sessionId"]).to_owned();
        let kind = text(&params["targetInfo"]["type"]);
        let mut commands = Vec::new();
        if TARGETS.contains(&kind) {
            for domain in ["Network.enable", "Log.enable", "Audits.enable"] {
                commands.push(self.command(domain, &json!({}), Some(&session)));
            }
            commands.push(self.command("Target.setAutoAttach", &attach(), Some(&session)));
        }
        // It waits, so that nothing of it is missed.
        commands.push(self.command(
            "Runtime.runIfWaitingForDebugger",
            &json!({}),
            Some(&session),
        ));
        if kind == "page"
            && let Some(url) = self.page.take()
        {
            commands.push(self.command("Page.navigate", &json!({"url": url}), Some(&session)));
        }
        commands
    }

    fn entry(&mut self, key: Key) -> &mut Asked {
        if !self.asked.contains_key(&key) {
            self.order.push_back(key.clone());
            if self.order.len() > REMEMBERED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.asked.remove(&oldest);
            }
        }
        self.asked.entry(key).or_default()
    }

    fn asked(&mut self, key: Key, params: &Value) {
        let request = &params["request"];
        let url = without_fragment(text(&request["url"]));
        if !is_http(&url) {
            return;
        }
        if text(&params["initiator"]["type"]) == "preflight" {
            self.entry(key).preflight = true;
            return;
        }
        let headers = request["headers"].as_object().into_iter().flatten();
        let headers = headers
            .filter(|(name, _)| !name.starts_with(':'))
            .map(|(name, value)| (name.clone(), text(value).to_owned()))
            .collect();
        let frames = &params["initiator"]["stack"]["callFrames"];
        let frame = frames.as_array().and_then(|frames| frames.first());
        let script = frame.map(|frame| {
            let line = frame["lineNumber"].as_u64().unwrap_or(0) + 1;
            format!("{}:{line}", text(&frame["url"]))
        });
        let redirected = !params["redirectResponse"].is_null();
        let asked = self.entry(key);
        asked.before = redirected.then(|| std::mem::take(&mut asked.url));
        asked.url = url;
        asked.method = Some(text(&request["method"]).to_owned());
        asked.at = timestamp(&params["wallTime"], 1e6);
        asked.headers = headers;
        asked.script = script;
        if redirected {
            // What was heard so far was about the hop before.
            asked.on_wire = false;
        }
    }

    fn on_wire(&mut self, key: Key) {
        self.entry(key).on_wire = true;
    }

    fn delivered(&mut self, key: Key, response: &Value) -> Option<Word> {
        let url = without_fragment(text(&response["url"]));
        let asked = self.entry(key);
        if asked.url.is_empty() {
            // It began before we listened: right after a page has changed its process.
            asked.url = url;
        }
        if !is_http(&asked.url) || asked.preflight {
            return None;
        }
        let via = if response["fromServiceWorker"] == true {
            Via::ServiceWorker
        } else if asked.from_cache
            || response["fromDiskCache"] == true
            || response["fromPrefetchCache"] == true
        {
            Via::Cache
        } else {
            Via::Network
        };
        let on_wire = via == Via::Network;
        let mut word = asked.word(Fate::Delivered(via), None);
        word.on_wire = on_wire;
        Some(word)
    }

    fn failed(&mut self, key: &Key, params: &Value) -> Option<Word> {
        // The page left, or changed its mind.
        if params["canceled"] == true {
            return None;
        }
        let cors = &params["corsErrorStatus"]["corsError"];
        let reason = text(&params["blockedReason"]);
        let fate = match (cors.as_str(), reason) {
            (Some(name), _) => Fate::Blocked(Block::Cors(name.to_owned())),
            (None, "mixed-content") => Fate::Blocked(Block::MixedContent),
            (None, "csp") => Fate::Blocked(Block::Csp(String::new())),
            (None, "") => Fate::Failed(text(&params["errorText"]).to_owned()),
            (None, other) => Fate::Blocked(Block::Other(other.to_owned())),
        };
        let asked = self.entry(key.clone());
        if asked.preflight {
            return None;
        }
        if asked.url.is_empty() {
            asked.waiting = Some(fate);
            return None;
        }
        let url = asked.url.clone();
        if matches!(fate, Fate::Blocked(Block::Csp(_))) && self.told_before(false, &url) {
            return None;
        }
        let sentence = self.sentence_about(&url);
        self.asked.get(key).map(|asked| asked.word(fate, sentence))
    }

    fn logged(&mut self, session: &str, entry: &Value) -> Option<Word> {
        let id = text(&entry["networkRequestId"]);
        if id.is_empty() {
            self.sentences.push_back(text(&entry["text"]).to_owned());
            if self.sentences.len() > SENTENCES_MAX {
                self.sentences.pop_front();
            }
            return None;
        }
        let url = without_fragment(text(&entry["url"]));
        let key = (session.to_owned(), id.to_owned());
        let asked = self.asked.get_mut(&key)?;
        let fate = asked.waiting.take().filter(|_| is_http(&url))?;
        asked.url.clone_from(&url);
        let sentence = self.sentence_about(&url);
        self.asked.get(&key).map(|asked| asked.word(fate, sentence))
    }

    fn issue(&mut self, issue: &Value) -> Option<Word> {
        let details = &issue["details"]["contentSecurityPolicyIssueDetails"];
        let url = without_fragment(text(&details["blockedURL"]));
        if details["isReportOnly"] == true || !is_http(&url) || self.told_before(true, &url) {
            return None;
        }
        let place = &details["sourceCodeLocation"];
        let at = text(&place["url"]);
        let line = place["lineNumber"].as_u64().unwrap_or(0) + 1;
        let directive = text(&details["violatedDirective"]).to_owned();
        let asked = Asked {
            headers: vec![("Referer".to_owned(), at.to_owned())],
            script: (!at.is_empty()).then(|| format!("{at}:{line}")),
            url,
            ..Asked::default()
        };
        let sentence = self.sentence_about(&asked.url);
        Some(asked.word(Fate::Blocked(Block::Csp(directive)), sentence))
    }

    /// Whether the other message about this block of a policy was heard: some come with a request, some
    /// as an issue, some as both.
    fn told_before(&mut self, issue: bool, url: &str) -> bool {
        let other = |told: &(bool, String)| told.0 != issue && told.1 == url;
        if let Some(at) = self.blocks.iter().position(other) {
            self.blocks.remove(at);
            return true;
        }
        self.blocks.push_back((issue, url.to_owned()));
        if self.blocks.len() > BLOCKS_MAX {
            self.blocks.pop_front();
        }
        false
    }

    /// The last sentence of the console about a URL; told once.
    fn sentence_about(&mut self, url: &str) -> Option<String> {
        let quoted = format!("'{url}'");
        let at = self
            .sentences
            .iter()
            .rposition(|text| text.contains(&quoted))?;
        self.sentences.remove(at)
    }
}

impl Asked {
    fn word(&self, fate: Fate, sentence: Option<String>) -> Word {
        Word {
            url: self.url.clone(),
            method: self.method.clone(),
            at: self.at,
            before: self.before.clone(),
            headers: self.headers.clone(),
            on_wire: self.on_wire,
            said: Said {
                fate,
                sentence,
                asked_by: self.script.clone(),
            },
        }
    }
}

fn attach() -> Value {
    json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true})
}

#[cfg(test)]
mod tests;
