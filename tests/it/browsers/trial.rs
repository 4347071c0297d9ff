//! A fix tried in flight, from the key to the page: the real program in a real terminal, a real
//! browser through its proxy. The page's calls fail, `t`, reload, they succeed; `T`, they fail again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use corscope::launch::{Brand, Options, Program, Running};
use serde_json::Value;

use super::super::support::{Home, OnTerminal, Origin, answer};
use super::devtools::DevTools;
use super::marionette::Marionette;

/// What the page calls, each broken in its own way: path, options of `fetch`.
const CALLS: [(&str, &str); 5] = [
    ("/missing/7", "{}"),
    (
        "/options405",
        "{method: 'PUT', headers: {'content-type': 'application/json'}}",
    ),
    ("/unanswered", "{method: 'DELETE'}"),
    ("/wildcard", "{credentials: 'include'}"),
    ("/behind-auth/9", "{headers: {authorization: 'Bearer x'}}"),
];

/// The API: nothing of CORS is right.
fn api(head: &str) -> String {
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match (method, path) {
        ("OPTIONS", "/options405") => answer("405 Method Not Allowed", &[("Allow", "PUT")], "no"),
        // Closed without a word.
        ("OPTIONS", "/unanswered") => String::new(),
        ("OPTIONS", _) => answer("401 Unauthorized", &[], "who are you?"),
        (_, "/wildcard") => answer("200 OK", &[("Access-Control-Allow-Origin", "*")], "{}"),
        (_, "/behind-auth/9") => answer("500 Internal Server Error", &[], "{\"error\": \"x\"}"),
        _ => answer("200 OK", &[("X-Powered-By", "nobody")], "{}"),
    }
}

fn page(api: &str) -> String {
    let calls = CALLS.map(|(path, init)| format!("['{path}', {init}]"));
    format!(
        "<!doctype html><title>calls</title><script>
        window.__results = {{}};
        (async () => {{
          for (const [path, init] of [{}]) {{
            try {{ window.__results[path] = (await fetch('{api}' + path, init)).status; }}
            catch (error) {{ window.__results[path] = 'blocked'; }}
          }}
          window.__done = true;
        }})();
        </script>",
        calls.join(", ")
    )
}

enum Tools {
    Chromium(Box<DevTools>),
    Firefox(Marionette),
}

impl Tools {
    /// Loads the page and waits for what became of its calls, in their order.
    async fn load(&mut self, url: &str) -> Vec<Value> {
        match self {
            Self::Chromium(tools) => tools.navigate(url).await,
            Self::Firefox(tools) => tools.navigate(url).await,
        }
        let started = Instant::now();
        while self.evaluate("window.__done === true").await != true {
            assert!(started.elapsed() < super::PATIENCE, "the calls never ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told = self.evaluate("JSON.stringify(window.__results)").await;
        let told: Value = serde_json::from_str(told.as_str().unwrap()).unwrap();
        CALLS.iter().map(|(path, _)| told[*path].clone()).collect()
    }

    async fn evaluate(&mut self, expression: &str) -> Value {
        match self {
            Self::Chromium(tools) => tools.evaluate(expression).await,
            Self::Firefox(tools) => tools.evaluate(expression).await,
        }
    }
}

/// The address on the title line.
fn address(terminal: &OnTerminal) -> SocketAddr {
    let text = terminal.text();
    let after = text.split_once("● ").unwrap().1;
    after.split_whitespace().next().unwrap().parse().unwrap()
}

fn options(brand: Brand, proxy: SocketAddr, ca_pem: String) -> Options {
    let (arguments, preferences) = if brand == Brand::Firefox {
        (
            vec!["--marionette", "--remote-allow-system-access"],
            vec![("marionette.port".to_owned(), "0".to_owned())],
        )
    } else {
        (vec!["--remote-debugging-port=0"], Vec::new())
    };
    Options {
        proxy,
        ca_pem,
        ca_spki_sha256_base64: String::new(),
        url: None,
        headless: true,
        kept: None,
        wired: false,
        arguments: arguments.into_iter().map(str::to_owned).collect(),
        preferences,
    }
}

/// Selects a call and tries its fix; `running` trials run already.
fn tries(terminal: &mut OnTerminal, url: &str, path: &str, running: usize) {
    terminal.keys(&format!("/path:{path}\r"));
    terminal.until("the call is selected and told of", |text| {
        let selected = text.lines().any(|l| l.starts_with('▌') && l.contains(path));
        // Only the pane has the URL in one piece: without it, it still shows another request.
        let told = text.contains(&format!("{url}{path}"));
        selected && told && text.contains("CAUSE") && text.contains("t try fix")
    });
    terminal.keys("t");
    terminal.until("the bar says so", |text| {
        let bars = text.matches("trial fix on").count();
        bars == (running + 1).min(3)
            && (running < 3 || text.contains(&format!("and {} more", running - 2)))
    });
    terminal.keys("\u{1b}");
    terminal.until("the filter is gone", |text| text.contains("/ filter"));
}

async fn fails_succeeds_fails(brand: Brand) {
    let api = Origin::serve(api);
    let api_url = api.url("").replace("127.0.0.1", "localhost");
    let html = page(&api_url);
    let site = Origin::serve(move |_| answer("200 OK", &[("Content-Type", "text/html")], &html));
    let url = site.url("/");

    let home = Home::new();
    let mut terminal = OnTerminal::start(&home, &["--listen", "127.0.0.1:0"], 150, 50);
    terminal.sees("Nothing captured yet");
    let certificate = home.run(&["ca", "path"]);
    let ca_pem = std::fs::read_to_string(certificate.stdout.trim()).unwrap();
    let program = Program::find(Some(brand))
        .unwrap_or_else(|e| panic!("{e}: this test drives a real browser; tests/run installs it"));
    let options = options(brand, address(&terminal), ca_pem);
    let browser = Running::start(&program, &options).unwrap();
    let profile = browser.profile().to_owned();
    let mut tools = if brand == Brand::Firefox {
        Tools::Firefox(Marionette::connect(&profile).await)
    } else {
        Tools::Chromium(Box::new(DevTools::connect(&profile).await))
    };

    let blocked = vec![Value::from("blocked"); CALLS.len()];
    assert_eq!(tools.load(&url).await, blocked);
    for (running, (path, _)) in CALLS.iter().enumerate() {
        tries(&mut terminal, &api_url, path, running);
    }
    terminal.sees(&format!("{api_url}/missing/*"));
    terminal.sees("T stop all");

    let through = [200, 200, 200, 200, 500].map(Value::from).to_vec();
    assert_eq!(tools.load(&url).await, through, "{}", terminal.text());
    terminal.until("every row says before and after", |text| {
        text.matches("blocked → allowed").count() == 4 && text.contains("failed → allowed")
    });
    terminal.keys("/path:/options405\rG");
    terminal.sees("BEFORE");
    terminal.sees("− status 405 Method Not Allowed");
    terminal.sees("+ status 204 No Content");
    terminal.keys("\u{1b}");
    terminal.until("the filter is gone", |text| text.contains("/ filter"));
    terminal.keys("T");
    terminal.until("the bar is gone", |text| !text.contains("trial fix on"));
    assert_eq!(tools.load(&url).await, blocked, "{}", terminal.text());

    browser.close().await;
    super::assert_gone(&profile);
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_is_tried_in_a_real_chromium() {
    fails_succeeds_fails(Brand::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_is_tried_in_a_real_firefox() {
    fails_succeeds_fails(Brand::Firefox).await;
}
