//! Firefox's WebDriver BiDi, as far as it tells what became of requests; see
//! <https://www.w3.org/TR/webdriver-bidi/>. Modules in use: session, browsingContext (to open the
//! page), network and log, as events only.
//!
//! An answer that was refused by a rule of CORS looks like any other here; the console says so a
//! moment later. So an answer counts as delivered only when that moment has passed.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Value, json};

use super::firefox_words;
use super::{Heard, REMEMBERED_MAX, Word, is_http, text, timestamp, without_fragment};
use crate::wire::{Block, Fate, Said, Timestamp, Via};

/// How long after an answer the console may still say that it was refused, in microseconds.
const AFTERTHOUGHT_MICROS: u64 = 500_000;

const EVENTS: [&str; 4] = [
    "network.beforeRequestSent",
    "network.responseCompleted",
    "network.fetchError",
    "log.entryAdded",
];

/// Listens to one Firefox.
#[derive(Debug)]
pub struct BiDi {
    last_id: u64,
    page: Option<String>,
    asked: HashMap<String, Asked>,
    order: VecDeque<String>,
    /// Answers whose moment has not passed.
    waiting: VecDeque<(Timestamp, String, Via)>,
    /// Requests that were told of.
    told: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Asked {
    url: String,
    method: String,
    at: Option<Timestamp>,
    before: Option<String>,
    headers: Vec<(String, String)>,
}

impl BiDi {
    /// Begins; `page` is opened once it can be listened to.
    pub fn new(page: Option<String>) -> Self {
        Self {
            last_id: 0,
            page,
            asked: HashMap::new(),
            order: VecDeque::new(),
            waiting: VecDeque::new(),
            told: HashSet::new(),
        }
    }

    /// The first messages to send. It takes commands up before it is done with those before them, so
    /// each waits for the answer to the last.
    pub fn open(&mut self) -> Vec<Value> {
        // Else it would answer the page's own questions (alert, confirm) in the person's place.
        let prompts = json!({"unhandledPromptBehavior": {"default": "ignore"}});
        let new = json!({"capabilities": {"alwaysMatch": prompts}});
        vec![self.command("session.new", &new)]
    }

    /// What follows from the answer to a command of the beginning.
    fn answered(&mut self, message: &Value) -> Heard {
        let mut heard = Heard::default();
        if text(&message["type"]) == "error" {
            heard.refused = Some(text(&message["message"]).to_owned());
            return heard;
        }
        let next = match message["id"].as_u64() {
            Some(1) => self.command("session.subscribe", &json!({"events": EVENTS})),
            Some(2) if self.page.is_some() => self.command("browsingContext.getTree", &json!({})),
            Some(3) => {
                let window = &message["result"]["contexts"][0]["context"];
                let (Some(window), Some(url)) = (window.as_str(), self.page.take()) else {
                    return heard;
                };
                let go = json!({"context": window, "url": url, "wait": "none"});
                self.command("browsingContext.navigate", &go)
            }
            _ => return heard,
        };
        heard.reply.push(next);
        heard
    }

    fn command(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        json!({"id": self.last_id, "method": method, "params": params})
    }

    /// Takes in one message, at this moment.
    pub fn hear(&mut self, message: &Value, now: Timestamp) -> Heard {
        let params = &message["params"];
        let mut heard = Heard::default();
        match text(&message["method"]) {
            "" if message["id"].as_u64().is_some_and(|id| id <= 3) => {
                return self.answered(message);
            }
            "network.beforeRequestSent" => self.asked(params),
            "network.responseCompleted" => {
                let id = text(&params["request"]["request"]).to_owned();
                let via = if params["response"]["fromCache"] == true {
                    Via::Cache
                } else {
                    Via::Network
                };
                self.waiting.push_back((now, id, via));
                if self.waiting.len() > REMEMBERED_MAX {
                    self.waiting.pop_front();
                }
            }
            "log.entryAdded" => heard.words.extend(self.logged(params)),
            _ => {}
        }
        heard
    }

    /// Time has passed: answers that nobody spoke against were delivered.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some((since, _, _)) = self.waiting.front()
            && now.micros_since(*since) >= AFTERTHOUGHT_MICROS
            && let Some((_, id, via)) = self.waiting.pop_front()
        {
            if self.told.contains(&id) {
                continue;
            }
            if let Some(asked) = self.asked.get(&id).filter(|a| a.method != "OPTIONS") {
                words.push(asked.word(Said::new(Fate::Delivered(via)), via == Via::Network));
            }
        }
        words
    }

    fn asked(&mut self, params: &Value) {
        let request = &params["request"];
        let url = without_fragment(text(&request["url"]));
        if !is_http(&url) {
            return;
        }
        let id = text(&request["request"]).to_owned();
        let headers = request["headers"].as_array().into_iter().flatten();
        let headers = headers
            .map(|header| {
                let value = text(&header["value"]["value"]).to_owned();
                (text(&header["name"]).to_owned(), value)
            })
            .collect();
        let redirected = params["redirectCount"].as_u64().unwrap_or(0) > 0;
        let before = self.asked.get(&id).map(|asked| asked.url.clone());
        let asked = Asked {
            url,
            method: text(&request["method"]).to_owned(),
            at: timestamp(&params["timestamp"], 1e3),
            before: before.filter(|_| redirected),
            headers,
        };
        if self.asked.insert(id.clone(), asked).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
            self.told.remove(&oldest);
        }
    }

    fn logged(&mut self, params: &Value) -> Option<Word> {
        let sentence = text(&params["text"]);
        let (url, block) = firefox_words::block(sentence)?;
        let frame = &params["stackTrace"]["callFrames"][0];
        let script = text(&frame["url"]);
        let line = frame["lineNumber"].as_u64().unwrap_or(0) + 1;
        let asked_by = (!script.is_empty()).then(|| format!("{script}:{line}"));
        let cors = matches!(block, Block::Cors(_));
        let said = Said {
            fate: Fate::Blocked(block),
            sentence: Some(sentence.to_owned()),
            asked_by,
        };
        // The last request to that URL which nothing was said of; the first sentence is the reason,
        // later ones are vaguer.
        let open = |id: &&String| {
            let asked = self.asked.get(*id);
            asked.is_some_and(|a| a.url == url && a.method != "OPTIONS")
        };
        let id = self.order.iter().rev().find(open).cloned();
        match id {
            Some(id) if !self.told.insert(id.clone()) => None,
            Some(id) => Some(self.asked.get(&id)?.word(said, cors)),
            None => {
                let referer = ("Referer".to_owned(), script.to_owned());
                let headers = (!script.is_empty())
                    .then_some(referer)
                    .into_iter()
                    .collect();
                Some(Word {
                    url,
                    method: None,
                    at: timestamp(&params["timestamp"], 1e3),
                    before: None,
                    headers,
                    on_wire: cors,
                    said,
                })
            }
        }
    }
}

impl Asked {
    fn word(&self, said: Said, on_wire: bool) -> Word {
        Word {
            url: self.url.clone(),
            method: Some(self.method.clone()),
            at: self.at,
            before: self.before.clone(),
            headers: self.headers.clone(),
            on_wire,
            said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_449_575_817_000);

    fn sent(id: &str, method: &str, url: &str) -> Value {
        json!({"method": "network.beforeRequestSent", "params": {
            "redirectCount": 0, "timestamp": 1_795_449_575_817_u64,
            "request": {"request": id, "method": method, "url": url, "headers": [
                {"name": "Origin", "value": {"type": "string", "value": "http://app.test"}}]}}})
    }

    fn done(id: &str, cached: bool) -> Value {
        json!({"method": "network.responseCompleted", "params": {
            "request": {"request": id}, "response": {"status": 200, "fromCache": cached}}})
    }

    fn log(sentence: &str) -> Value {
        json!({"method": "log.entryAdded", "params": {"level": "error", "text": sentence}})
    }

    fn words(messages: &[Value]) -> Vec<Word> {
        let mut bidi = BiDi::new(None);
        let mut all: Vec<Word> = messages
            .iter()
            .flat_map(|message| bidi.hear(message, AT).words)
            .collect();
        assert_eq!(bidi.tick(AT), [], "not before its moment has passed");
        all.extend(bidi.tick(AT.plus_micros(AFTERTHOUGHT_MICROS)));
        all
    }

    #[test]
    fn the_page_is_opened_once_it_is_listened_to() {
        let mut bidi = BiDi::new(Some("http://app.test/".into()));
        assert_eq!(bidi.open().len(), 1);
        let mut reply = |id: u64, result: Value| {
            let message = json!({"type": "success", "id": id, "result": result});
            bidi.hear(&message, AT).reply
        };
        assert_eq!(reply(1, json!({}))[0]["method"], "session.subscribe");
        assert_eq!(reply(2, json!({}))[0]["method"], "browsingContext.getTree");
        let tree = json!({"contexts": [{"context": "W"}]});
        let go = reply(3, tree.clone());
        assert_eq!(go[0]["method"], "browsingContext.navigate");
        assert_eq!(go[0]["params"]["url"], "http://app.test/");
        assert!(reply(3, tree).is_empty());
        let no = json!({"type": "error", "id": 1, "message": "Maximum number of active sessions"});
        assert!(BiDi::new(None).hear(&no, AT).refused.is_some());
    }

    #[test]
    fn an_answer_is_delivered_unless_the_console_says_otherwise() {
        let (a, b) = ("http://api.test/a", "http://api.test/b");
        let told = words(&[
            sent("1", "GET", a),
            sent("2", "GET", b),
            done("1", false),
            log(
                "Cross-Origin Request Blocked: at http://api.test/a. (Reason: CORS header \
                 ‘Access-Control-Allow-Origin’ missing). Status code: 200.",
            ),
            log(
                "Cross-Origin Request Blocked: at http://api.test/a. (Reason: CORS request did not succeed).",
            ),
            done("2", true),
        ]);
        let fates: Vec<_> = told
            .iter()
            .map(|w| (w.url.as_str(), &w.said.fate))
            .collect();
        let missing = Fate::Blocked(Block::Cors("CORSMissingAllowOrigin".into()));
        assert_eq!(fates, [(a, &missing), (b, &Fate::Delivered(Via::Cache))]);
        assert_eq!((told[0].on_wire, told[1].on_wire), (true, false));
        assert_eq!(told[0].at, Some(AT));
    }

    #[test]
    fn what_a_policy_stopped_was_never_sent() {
        let told = words(&[log(
            "Content-Security-Policy: The page’s settings blocked the loading of a resource \
             (connect-src) at http://evil.test/x because it violates the following directive",
        )]);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].url.as_str(), told[0].on_wire),
            ("http://evil.test/x", false)
        );
    }
}
