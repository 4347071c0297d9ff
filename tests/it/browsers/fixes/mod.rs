//! Fixes on live servers: what corscope says of a recorded failure is applied to the server that
//! failed, and a real Chromium and a real Firefox call it again. With the fix they succeed; without
//! any one of its lines they fail as before.

mod cases;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use corscope::fix::Fix;
use corscope::launch::{Brand, Options, Program, Running};
use corscope::wire::{HeaderList, HttpVersion, Origin, RequestHead, ResponseHead};
use serde_json::{Value, json};

use super::{PATIENCE, assert_gone, devtools, marionette};
use crate::fixes::{Which, without_each_line};
use cases::{Case, FAULTS, cases};
use stage::{Play, Stage};

/// A case with its server as it was, mended, or mended but for one line.
struct Trial {
    case: Arc<Case>,
    fix: Option<Fix>,
    /// What is left out; empty for the whole fix, `as recorded` for none.
    without: String,
    succeeds: bool,
}

struct Theatre {
    trials: Arc<Vec<Trial>>,
}

impl Play for Theatre {
    fn answer(&self, request: &RequestHead) -> (ResponseHead, String) {
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
        let nth = path
            .strip_prefix("t/")
            .and_then(|rest| rest.split('/').next());
        match nth.and_then(|n| n.parse::<usize>().ok()) {
            Some(nth) => (self.trials[nth].answer(nth, request), "{}".to_owned()),
            None if path == "page" => (
                head(200, &[("Content-Type", "text/html")]),
                self.page(request),
            ),
            None => (head(404, &[]), String::new()),
        }
    }
}

impl Theatre {
    /// The page of an origin, which makes its calls and writes down which of them it could read.
    fn page(&self, request: &RequestHead) -> String {
        let origin = Origin::of_url(&request.url).unwrap().to_string();
        let calls: Vec<Value> = self
            .trials
            .iter()
            .enumerate()
            .filter(|(_, t)| t.case.page == origin)
            .map(|(nth, trial)| {
                let mut call = trial.case.call.clone();
                call["url"] = trial.own(nth, call["url"].as_str().unwrap()).into();
                json!([nth, call])
            })
            .collect();
        let calls = Value::from(calls).to_string().replace('<', "\\u003c");
        format!(
            "<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>calls</title><script>
            const calls = {calls}, seen = {{}};
            async function caller() {{
                for (let next; next = calls.pop();) {{
                    const [nth, {{ url, ...init }}] = next;
                    if (init.body === null) delete init.body;
                    seen[nth] = await fetch(url, init).then(r => 'read', e => String(e));
                }}
            }}
            Promise.all(Array.from({{ length: 12 }}, caller)).then(() => window.__seen = JSON.stringify(seen));
            </script>"
        )
    }
}

impl Trial {
    /// A URL of the case in this trial, so that nothing is shared through a cache.
    fn own(&self, nth: usize, url: &str) -> String {
        url.replace(&self.case.token, &format!("/t/{nth}/"))
    }

    fn answer(&self, nth: usize, request: &RequestHead) -> ResponseHead {
        let case = &self.case;
        let preflight = request.is_preflight();
        let recorded = case.exchanges.iter().find(|e| {
            e.request.is_preflight() == preflight && self.own(nth, &e.request.url) == request.url
        });
        let head = match recorded.and_then(|e| e.response.as_ref()) {
            Some(head) => self.played(nth, head),
            // Nobody knows what is behind a redirect; the fix is not about it.
            None if self.own(nth, &case.fix.url) != request.url => return self.lets_in(request),
            None => head(200, &[("Content-Type", "application/json")]),
        };
        let patch = self.fix.as_ref().and_then(|fix| {
            let which = if preflight {
                &fix.preflight
            } else {
                &fix.actual
            };
            which
                .as_ref()
                .filter(|_| self.own(nth, &fix.url) == request.url)
        });
        patch.map_or(head.clone(), |patch| patch.apply(&head))
    }

    /// A recorded answer, without what belongs to the recorded connection.
    fn played(&self, nth: usize, head: &ResponseHead) -> ResponseHead {
        const HOP: [&str; 5] = [
            "connection",
            "content-length",
            "content-encoding",
            "set-cookie",
            "transfer-encoding",
        ];
        let mut headers = HeaderList::new();
        for field in head.headers.iter() {
            if !HOP.contains(&field.name.to_ascii_lowercase().as_str()) {
                let value = if field.is("location") {
                    self.own(nth, &field.text()).into_bytes()
                } else {
                    field.value.to_vec()
                };
                headers.push(field.name, &value);
            }
        }
        ResponseHead {
            headers: Arc::new(headers),
            ..head.clone()
        }
    }

    fn lets_in(&self, request: &RequestHead) -> ResponseHead {
        let asked = |name| request.headers.get(name).unwrap_or_default();
        head(
            200,
            &[
                ("Access-Control-Allow-Origin", &self.case.page),
                ("Access-Control-Allow-Credentials", "true"),
                (
                    "Access-Control-Allow-Methods",
                    &asked("access-control-request-method"),
                ),
                (
                    "Access-Control-Allow-Headers",
                    &asked("access-control-request-headers"),
                ),
            ],
        )
    }
}

fn head(status: u16, pairs: &[(&str, &str)]) -> ResponseHead {
    ResponseHead {
        status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(pairs.iter().copied())),
    }
}

fn trials(browser: &str) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in cases(browser).into_iter().map(Arc::new) {
        let mut add = |fix: Option<Fix>, without: &str, succeeds| {
            trials.push(Trial {
                case: Arc::clone(&case),
                fix,
                without: without.to_owned(),
                succeeds,
            });
        };
        add(None, "as recorded", false);
        add(Some(case.fix.clone()), "", true);
        // An answer that was never seen may have had the header already.
        let seen = |which: Which| {
            let mut exchanges = case.exchanges.iter();
            exchanges.any(|e| e.request.url == case.fix.url && which.is_for(&e.request))
        };
        for (which, line, lesser) in without_each_line(&case.fix) {
            if seen(which) {
                add(Some(lesser), &format!("{which:?} without {line}"), false);
            }
        }
    }
    trials
}

struct Show {
    trials: Arc<Vec<Trial>>,
    stage: Stage,
    options: Options,
}

impl Show {
    async fn prepare(browser: &str) -> Self {
        let trials = Arc::new(trials(browser));
        let mut hosts = BTreeSet::new();
        for trial in trials.iter() {
            let urls = trial.case.exchanges.iter().map(|e| e.request.url.as_str());
            for url in urls.chain([trial.case.page.as_str()]) {
                hosts.insert(Origin::of_url(url).unwrap().host().to_owned());
            }
        }
        let theatre = Theatre {
            trials: Arc::clone(&trials),
        };
        let stage = Stage::open(hosts.into_iter().collect(), theatre).await;
        let options = Options {
            proxy: stage.addr,
            ca_pem: stage.ca_pem.clone(),
            ca_spki_sha256_base64: String::new(),
            url: None,
            headless: true,
            kept: None,
            wired: false,
            arguments: Vec::new(),
            preferences: Vec::new(),
        };
        Self {
            trials,
            stage,
            options,
        }
    }

    fn pages(&self) -> BTreeSet<String> {
        let pages = self
            .trials
            .iter()
            .map(|trial| format!("{}/page", trial.case.page));
        pages.collect()
    }

    /// Compares what the pages wrote down with what should have been.
    fn judge(self, browser: &str, seen: &BTreeMap<usize, String>) {
        let mut wrong = Vec::new();
        let mut cases = BTreeSet::new();
        let mut faults = BTreeSet::new();
        let (mut mended, mut left_out) = (0, 0);
        for (nth, trial) in self.trials.iter().enumerate() {
            let case = &trial.case;
            cases.insert(&case.name);
            faults.insert(case.fault.as_str());
            let got = seen.get(&nth).map_or("nothing", String::as_str);
            if (got == "read") != trial.succeeds || got == "nothing" {
                wrong.push(format!(
                    "{} ({}) {}: {got}; {:?}",
                    case.name, case.fault, trial.without, trial.fix
                ));
            } else if trial.succeeds {
                mended += 1;
            } else if trial.fix.is_some() {
                left_out += 1;
            }
        }
        println!(
            "fixes in {browser}: {} blocked calls of {} kinds, {mended} mended; {left_out} lines left out, each blocked again",
            cases.len(),
            faults.len()
        );
        drop(self.stage);
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
        assert!(
            mended >= 60 && left_out >= 60,
            "{mended} mended, {left_out} left out"
        );
        for fault in FAULTS {
            assert!(faults.contains(fault), "no case of {fault}");
        }
    }
}

fn launch(brand: Brand, options: &Options) -> Running {
    let program = Program::find(Some(brand))
        .unwrap_or_else(|e| panic!("{e}: this test drives a real browser; tests/run installs it"));
    Running::start(&program, options).unwrap()
}

fn collect(told: &Value, seen: &mut BTreeMap<usize, String>) -> bool {
    let Some(text) = told.as_str() else {
        return false;
    };
    seen.extend(serde_json::from_str::<BTreeMap<usize, String>>(text).unwrap());
    true
}

const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_real_chromium_succeeds_with_the_fix_and_only_with_all_of_it() {
    let mut show = Show::prepare("chromium").await;
    show.options.arguments = vec![
        "--remote-debugging-port=0".to_owned(),
        "--ignore-certificate-errors".to_owned(),
    ];
    let browser = launch(Brand::Chromium, &show.options);
    let profile = browser.profile().to_owned();
    let mut tools = devtools::DevTools::connect(&profile).await;
    let mut seen = BTreeMap::new();
    for page in show.pages() {
        tools.navigate(&page).await;
        let started = Instant::now();
        while !collect(&tools.evaluate("window.__seen").await, &mut seen) {
            assert!(
                started.elapsed() < PATIENCE,
                "{page} never finished its calls"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
    browser.close().await;
    assert_gone(&profile);
    show.judge("Chromium", &seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_firefox_succeeds_with_the_fix_and_only_with_all_of_it() {
    let mut show = Show::prepare("firefox").await;
    show.options.arguments = vec![
        "--marionette".to_owned(),
        "--remote-allow-system-access".to_owned(),
    ];
    show.options.preferences = vec![("marionette.port".to_owned(), "0".to_owned())];
    let browser = launch(Brand::Firefox, &show.options);
    let profile = browser.profile().to_owned();
    let mut tools = marionette::Marionette::connect(&profile).await;
    let mut seen = BTreeMap::new();
    for page in show.pages() {
        tools.navigate(&page).await;
        let started = Instant::now();
        while !collect(&tools.evaluate("window.__seen").await, &mut seen) {
            assert!(
                started.elapsed() < PATIENCE,
                "{page} never finished its calls"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
    browser.close().await;
    assert_gone(&profile);
    show.judge("Firefox", &seen);
}
