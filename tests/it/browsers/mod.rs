//! The demo's page through the real proxy, loaded by our own client, a real Chromium and a real
//! Firefox: what they see, what they say, and what corscope says must be one story.

mod asked;
mod devtools;
mod exporters;
mod fixes;
mod importers;
mod launch;
mod marionette;
mod recipe;
mod trial;

use std::path::Path;
use std::time::{Duration, Instant};

use corscope::cors::{Browser, Outcome};
use corscope::demo::{Client, Demo, How, Pace, Scenario};
use corscope::diagnose::{Cause, Diagnosis};
use corscope::launch::{Brand, Options, Program, Running};
use corscope::proxy::{Authority, Config, Proxy, loopback};
use corscope::session::Session;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a browser may take for what takes it a second or two.
const PATIENCE: Duration = Duration::from_mins(5);

async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The demo's servers, and a proxy that records.
struct Bench {
    demo: Demo,
    session: Session,
    options: Options,
    stop: oneshot::Sender<()>,
    proxy: JoinHandle<()>,
    _data: TempDir,
}

impl Bench {
    async fn set_up() -> Self {
        let demo = Demo::start().await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_create(data.path()).unwrap();
        let ca_pem = authority.certificate_pem().to_owned();
        let spki = authority.spki_sha256_base64();
        let (session, recorder) = Session::in_memory(None, 1).unwrap();
        let mut config = Config::new(0, authority);
        config.listen = loopback(0);
        config.upstream_ca_pem = Some(demo.upstream_ca_pem().to_owned());
        let proxy = Proxy::bind(config, recorder).await.unwrap();
        let addr = *proxy.addresses().iter().find(|a| a.is_ipv4()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let proxy = tokio::spawn(proxy.run(async move {
            let _ = stopped.await;
        }));
        let options = Options {
            proxy: addr,
            ca_pem,
            ca_spki_sha256_base64: spki,
            url: None,
            headless: true,
            kept: None,
            wired: false,
            arguments: Vec::new(),
            preferences: Vec::new(),
        };
        Self {
            demo,
            session,
            options,
            stop,
            proxy,
            _data: data,
        }
    }

    fn launch(&self, brand: Brand) -> Running {
        let program = Program::find(Some(brand)).unwrap_or_else(|e| {
            panic!("{e}: this test drives a real browser; tests/run installs it")
        });
        Running::start(&program, &self.options).unwrap()
    }

    /// Stops recording and says what was found out.
    async fn judge(self) -> (Demo, Vec<Diagnosis>) {
        let reader = self.session.reader();
        self.stop.send(()).unwrap();
        self.proxy.await.unwrap();
        self.session.finish().unwrap();
        let fetches = reader.fetches();
        let diagnoses = fetches.iter().filter_map(|id| reader.diagnosis(*id));
        (self.demo, diagnoses.collect())
    }
}

/// What the page wrote down about one call.
#[derive(Deserialize, Debug)]
struct PageResult {
    id: String,
    seen: String,
}

/// One story: what the scenario expects, what the browser saw and said, what corscope found.
fn check(
    demo: &Demo,
    diagnoses: &[Diagnosis],
    seen: &[PageResult],
    browser: Browser,
    reason: impl Fn(&Scenario, &Cause) -> Result<(), String>,
) {
    let mut wrong = Vec::new();
    for scenario in demo.scenarios() {
        let id = scenario.id;
        let expected = &scenario.expected;
        let fault = expected.fault(browser);
        let told = seen.iter().find(|r| r.id == id).map(|r| r.seen.as_str());
        if told != Some(expected.seen.name()) {
            wrong.push(format!("{id}: the page saw {told:?}"));
        }
        // A WebSocket is recorded by the URL of its handshake.
        let socket = usize::from(scenario.call.how == How::WebSocket);
        let url = scenario.call.url.replacen("ws", "http", socket);
        let found: Vec<&Diagnosis> = diagnoses.iter().filter(|d| d.url == url).collect();
        let [diagnosis] = found[..] else {
            wrong.push(format!("{id}: {} diagnoses of {url}", found.len()));
            continue;
        };
        if diagnosis.browser != browser {
            wrong.push(format!("{id}: judged as {:?}", diagnosis.browser));
        }
        if diagnosis.method != scenario.call.method || diagnosis.outcome != expected.outcome {
            wrong.push(format!(
                "{id}: {} is {}, expected {}",
                diagnosis.method, diagnosis.outcome, expected.outcome
            ));
        }
        let cause = diagnosis.cause.as_ref();
        let got = cause.map(|c| (c.check, c.stage, c.sub));
        let due = fault.map(|f| (f.check, f.stage, f.sub));
        if got != due {
            wrong.push(format!("{id}: found {got:?}, expected {due:?}"));
        }
        let Some(cause) = cause else { continue };
        if cause.root != expected.root {
            wrong.push(format!(
                "{id}: root {:?}, expected {:?}",
                cause.root, expected.root
            ));
        }
        if cause.missing != expected.missing {
            wrong.push(format!("{id}: missing {:?}", cause.missing));
        }
        if let Err(why) = reason(scenario, cause) {
            wrong.push(format!("{id}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_tells_the_expected_story() {
    let bench = Bench::set_up().await;
    let mut client = Client::new(bench.options.proxy, &bench.options.ca_pem).unwrap();
    let saw = client.load_page(&bench.demo, Pace::Once).await.unwrap();
    let broke: Vec<_> = saw.iter().filter(|s| s.broke.is_some()).collect();
    assert!(broke.is_empty(), "{broke:?}");
    let seen: Vec<PageResult> = saw
        .iter()
        .map(|s| PageResult {
            id: s.id.to_owned(),
            seen: s.seen.name().to_owned(),
        })
        .collect();
    drop(client);
    let (demo, diagnoses) = bench.judge().await;
    check(&demo, &diagnoses, &seen, Browser::Chromium, |_, _| Ok(()));
    // The files of the page are there, and nothing to complain about.
    let page = demo.page_url();
    let files: Vec<_> = diagnoses
        .iter()
        .filter(|d| d.url.starts_with(&page))
        .collect();
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(
        files.iter().all(|d| d.outcome == Outcome::Exempt),
        "{files:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_chromium_says_the_same() {
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec!["--remote-debugging-port=0".to_owned()];
    let browser = bench.launch(Brand::Chromium);
    let profile = browser.profile().to_owned();
    let mut tools = devtools::DevTools::connect(&profile).await;
    tools.navigate(&bench.demo.page_url()).await;
    let started = Instant::now();
    while tools.evaluate("window.__done === true").await != true {
        assert!(
            started.elapsed() < PATIENCE,
            "the page never finished its calls"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = results(&tools.evaluate("JSON.stringify(window.__results)").await);
    let errors = std::mem::take(&mut tools.cors_errors);
    browser.close().await;
    assert_gone(&profile);

    let (demo, diagnoses) = bench.judge().await;
    check(
        &demo,
        &diagnoses,
        &seen,
        Browser::Chromium,
        |scenario, cause| {
            let said = errors
                .get(&scenario.call.url)
                .map(|(name, _)| name.as_str());
            let named = cause.check.chromium_name(cause.stage);
            if said == named {
                Ok(())
            } else {
                Err(format!("Chromium says {said:?}, we name {named:?}"))
            }
        },
    );
    let blocked = diagnoses.iter().filter(|d| d.outcome == Outcome::Blocked);
    assert_eq!(errors.len(), blocked.count(), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_firefox_says_the_same() {
    let mut bench = Bench::set_up().await;
    bench.options.arguments = vec![
        "--marionette".to_owned(),
        "--remote-allow-system-access".to_owned(),
    ];
    bench.options.preferences = vec![("marionette.port".to_owned(), "0".to_owned())];
    let browser = bench.launch(Brand::Firefox);
    let profile = browser.profile().to_owned();
    let mut tools = marionette::Marionette::connect(&profile).await;
    tools.navigate(&bench.demo.page_url()).await;
    let started = Instant::now();
    while tools.evaluate("window.__done === true").await != true {
        assert!(
            started.elapsed() < PATIENCE,
            "the page never finished its calls"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = results(&tools.evaluate("JSON.stringify(window.__results)").await);
    let console = tools.console().await;
    browser.close().await;
    assert_gone(&profile);

    let (demo, diagnoses) = bench.judge().await;
    check(
        &demo,
        &diagnoses,
        &seen,
        Browser::Firefox,
        |scenario, cause| {
            // The first message about a URL is the reason, later ones are vaguer.
            let said = console
                .iter()
                .find(|(category, text)| {
                    category.starts_with("CORS") && text.contains(&scenario.call.url)
                })
                .map(|(category, _)| category.trim_end_matches(|c: char| c.is_ascii_digit()));
            let named = cause.firefox_name;
            if said == named {
                Ok(())
            } else {
                Err(format!("Firefox says {said:?}, we name {named:?}"))
            }
        },
    );
}

fn results(json: &serde_json::Value) -> Vec<PageResult> {
    serde_json::from_str(json.as_str().expect("the page's results")).unwrap()
}

/// A helper of the browser may be at the end of its own.
fn assert_gone(profile: &Path) {
    crate::support::eventually("the profile is gone", || !profile.exists());
}
