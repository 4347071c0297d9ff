//! Browsers as the program itself launches them, with an empty home directory: what they show on the
//! wire from every sort of origin, and that nothing of them is left behind, however they end.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use corscope::demo::{Demo, Party};
use serde_json::Value;
use tempfile::TempDir;

use super::super::support::{Home, OnTerminal, Origin, answer, eventually};
use super::PATIENCE;

/// A home directory that must stay empty, and the places outside it that are written to.
pub(super) struct Bench {
    home: Home,
    data: TempDir,
    tmp: TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = || tempfile::tempdir().unwrap();
        Self {
            home: Home::new(),
            data: dir(),
            tmp: dir(),
        }
    }

    /// `open`, without a window.
    pub(super) fn open(&self, browser: &str, args: &[&str]) -> OnTerminal {
        let data = self.data.path().to_str().unwrap();
        let mut all = vec!["open", "--headless", "--browser", browser];
        all.extend(["--listen", "127.0.0.1:0", "--data-dir", data]);
        all.extend(args);
        let variables = [("TMPDIR", self.tmp.path())];
        OnTerminal::start_with(&self.home, &all, &variables, 120, 40)
    }

    /// Directories of launched browsers.
    fn nests(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.tmp.path()).unwrap().flatten();
        let ours = entries.filter(|e| {
            let name = e.file_name();
            name.to_string_lossy().starts_with("corscope-browser-")
        });
        ours.map(|e| e.path()).collect()
    }

    /// Waits for the browser; its directory.
    pub(super) fn nest(&self) -> PathBuf {
        let mut found = None;
        eventually("a browser runs", || {
            found = self.nests().pop();
            found.as_ref().is_some_and(|dir| !processes(dir).is_empty())
        });
        found.unwrap()
    }

    /// Nothing is left: no directory, no process, nothing in the home directory.
    pub(super) fn is_clean(&self, nest: &Path) {
        eventually("the browser's directory is gone", || {
            self.nests().is_empty()
        });
        eventually("its processes are gone", || processes(nest).is_empty());
        let left: Vec<PathBuf> = fs::read_dir(self.home.path())
            .unwrap()
            .flatten()
            .map(|e| e.path())
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "left in the home directory");
    }

    /// What was captured, judged.
    pub(super) fn judged(&self) -> Vec<Value> {
        let sessions = self.data.path().join("sessions");
        let mut entries = fs::read_dir(sessions).unwrap().flatten();
        // Beside a session that is being written lies what is not in it yet.
        let file = entries.find(|e| e.path().extension().is_some_and(|x| x == "corscope"));
        let file = file.unwrap();
        let elsewhere = Home::new();
        let done = elsewhere.run(&[
            "diagnose",
            file.path().to_str().unwrap(),
            "--format",
            "json",
            // With what the browser said, word for word.
            "--secrets",
        ]);
        let json: Value =
            serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
        json["fetches"].as_array().unwrap().clone()
    }

    /// Waits until what is captured tells the whole story: what a browser said follows the bytes.
    pub(super) fn tells(&self, story: &[String], of: impl Fn(&[Value]) -> Vec<String>) {
        let started = Instant::now();
        loop {
            let told = of(&self.judged());
            if told == story {
                return;
            }
            if started.elapsed() > PATIENCE {
                assert_eq!(told, story);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Processes that name this directory on their command line.
fn processes(dir: &Path) -> Vec<u32> {
    let dir = dir.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|e| e.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(dir)
        })
        .collect()
}

/// A page that makes these calls and then reports what it saw.
pub(super) fn page(calls: &[String]) -> String {
    let calls: Vec<String> = calls.iter().map(|url| format!("'{url}'")).collect();
    format!(
        "<!doctype html><title>calls</title><script>
        (async () => {{
          const saw = [];
          for (const url of [{}]) {{
            try {{ saw.push((await fetch(url)).status); }} catch {{ saw.push('blocked'); }}
          }}
          await fetch('/done?' + saw.join());
        }})();
        </script>",
        calls.join(", ")
    )
}

/// A site whose page makes some calls; what it reported in the end.
fn site(calls: &[String]) -> (Origin, Arc<Mutex<Option<String>>>) {
    site_at(Ipv4Addr::LOCALHOST.into(), calls)
}

fn site_at(ip: IpAddr, calls: &[String]) -> (Origin, Arc<Mutex<Option<String>>>) {
    let html = page(calls);
    let report = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&report);
    let site = Origin::serve_at(ip, move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if let Some(saw) = path.strip_prefix("/done?") {
            *heard.lock().unwrap() = Some(saw.to_owned());
            return answer("200 OK", &[], "");
        }
        answer("200 OK", &[("Content-Type", "text/html")], &html)
    });
    (site, report)
}

fn half_open(head: &str) -> String {
    let any = ("Access-Control-Allow-Origin", "*");
    if head.starts_with("GET /open") {
        answer("200 OK", &[any], "{}")
    } else {
        answer("200 OK", &[], "{}")
    }
}

async fn every_origin(browser: &str) {
    let demo = Demo::start().await.unwrap();
    let api = Origin::serve(half_open);
    let at = |host: &str, path: &str| format!("http://{host}:{}{path}", api.address.port());
    let calls = [
        at("127.0.0.1", "/open"),
        at("localhost", "/open"),
        at("api.localhost", "/open"),
        at("localhost", "/closed"),
        // Over TLS, so the authority is trusted if it is seen.
        demo.site().url(Party::Api, "/nothing-here"),
    ];
    let (site, report) = site(&calls);
    let port = site.address.port();
    let bench = Bench::new();
    let ca_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca_file.path(), demo.upstream_ca_pem()).unwrap();
    let ca = ca_file.path().to_str().unwrap();
    let url = format!("http://app.localhost:{port}/");
    let mut terminal = bench.open(browser, &["--upstream-ca", ca, &url]);
    let nest = bench.nest();
    eventually("the page made its calls", || {
        report.lock().unwrap().is_some()
    });
    let saw = report.lock().unwrap().take().unwrap();
    assert!(saw.starts_with("200,200,200,blocked,"), "{saw}");
    let mut story = vec![format!("exempt {url}")];
    story.extend(calls[..3].iter().map(|url| format!("allowed {url}")));
    // There is no such thing over there, which is told: so the handshake went well.
    story.extend(calls[3..].iter().map(|url| format!("blocked {url}")));
    bench.tells(&story, |judged| {
        let own = |f: &&Value| f["url"] == url.as_str() || calls.iter().any(|c| f["url"] == **c);
        let told = |f: &Value| {
            let text = |key: &str| f[key].as_str().unwrap_or("-").to_owned();
            format!("{} {}", text("outcome"), text("url"))
        };
        judged.iter().filter(own).map(told).collect()
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    bench.is_clean(&nest);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sort_of_origin_goes_through_the_proxy_in_chromium() {
    every_origin("chromium").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sort_of_origin_goes_through_the_proxy_in_firefox() {
    // Its requests do not tell whether they carry credentials; it does, when asked.
    every_origin("firefox").await;
}

/// Pages of addresses, and what they call at addresses.
fn addresses(browser: &str) {
    let v6 = || IpAddr::from(Ipv6Addr::LOCALHOST);
    let mut addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
    // A container may have none of the other sort.
    addresses.extend(std::net::TcpListener::bind((v6(), 0)).map(|_| v6()));
    let apis: Vec<Origin> = addresses
        .iter()
        .map(|ip| Origin::serve_at(*ip, half_open))
        .collect();
    let calls: Vec<String> = apis
        .iter()
        .flat_map(|api| [api.url("/open"), api.url("/closed")])
        .collect();
    for ip in addresses {
        let (site, report) = site_at(ip, &calls);
        let bench = Bench::new();
        let url = site.url("/");
        let mut terminal = bench.open(browser, &[&url]);
        let nest = bench.nest();
        eventually("the page made its calls", || {
            report.lock().unwrap().is_some()
        });
        let saw = report.lock().unwrap().take().unwrap();
        assert_eq!(saw, vec!["200,blocked"; apis.len()].join(","), "{url}");
        let mut story = vec![format!("exempt {url}")];
        story.extend(calls.chunks(2).flat_map(|pair| {
            let (open, closed) = (&pair[0], &pair[1]);
            [format!("allowed {open}"), format!("blocked {closed}")]
        }));
        bench.tells(&story, |judged| {
            let own =
                |f: &&Value| f["url"] == url.as_str() || calls.iter().any(|c| f["url"] == **c);
            let told = |f: &Value| {
                let text = |key: &str| f[key].as_str().unwrap_or("-").to_owned();
                format!("{} {}", text("outcome"), text("url"))
            };
            judged.iter().filter(own).map(told).collect()
        });
        terminal.keys("q");
        assert_eq!(terminal.wait(), 0);
        bench.is_clean(&nest);
    }
}

#[test]
fn addresses_are_origins_in_chromium() {
    addresses("chromium");
}

#[test]
fn addresses_are_origins_in_firefox() {
    addresses("firefox");
}

#[test]
fn a_closed_browser_goes_and_the_screen_stays() {
    let bench = Bench::new();
    let mut terminal = bench.open("chromium", &[]);
    let nest = bench.nest();
    terminal.sees("Opened Chromium in a throw-away profile.");
    eventually("it shows a page", || {
        let shows = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("--type=renderer")
        };
        processes(&nest).iter().any(shows)
    });
    // As a person closes its window: the browser itself is the one that was given the profile and
    // has no part of its own. Numbers start again at the top, so the least need not be the first.
    let own = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        let has = |start: &[u8]| words.iter().any(|word| word.starts_with(start));
        has(b"--user-data-dir=") && !has(b"--type=")
    };
    let browser = processes(&nest).into_iter().find(own).unwrap();
    let asked = std::process::Command::new("kill")
        .arg(browser.to_string())
        .status();
    assert!(asked.unwrap().success());
    terminal.sees("Chromium was closed.");
    bench.is_clean(&nest);
    assert!(terminal.is_taken());
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_browser_goes_with_a_corscope_that_is_told_to_end() {
    for (browser, signal) in [("chromium", "HUP"), ("firefox", "TERM")] {
        let bench = Bench::new();
        let mut terminal = bench.open(browser, &[]);
        let nest = bench.nest();
        terminal.sees("Opened");
        terminal.signal(signal);
        terminal.wait();
        bench.is_clean(&nest);
    }
}

#[test]
fn the_browser_goes_with_a_corscope_that_is_killed() {
    for browser in ["chromium", "firefox"] {
        let bench = Bench::new();
        let mut terminal = bench.open(browser, &[]);
        let nest = bench.nest();
        terminal.sees("Opened");
        terminal.signal("KILL");
        terminal.wait();
        bench.is_clean(&nest);
    }
}

#[test]
fn a_named_profile_is_kept_and_nothing_else() {
    let bench = Bench::new();
    let kept = bench.data.path().join("profiles/mine");
    for _ in 0..2 {
        let mut terminal = bench.open("firefox", &["--profile", "mine"]);
        let nest = bench.nest_of_kept(&kept);
        terminal.sees("with the profile");
        terminal.keys("q");
        terminal.wait();
        bench.is_clean(&nest);
        eventually("no process uses the profile", || {
            processes(&kept).is_empty()
        });
    }
    let firefox = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    assert!(firefox.join("cert9.db").exists(), "{}", firefox.display());
    // Which of the two is open is told, and nothing is harmed.
    let mut first = bench.open("firefox", &["--profile", "mine"]);
    first.sees("with the profile");
    let data = bench.data.path().to_str().unwrap();
    let mut args = vec!["open", "--headless", "--browser", "firefox"];
    args.extend(["--profile", "mine", "--listen", "127.0.0.1:0"]);
    args.extend(["--data-dir", data]);
    let mut second = OnTerminal::start(&bench.home, &args, 100, 30);
    assert_eq!(second.wait(), 2, "{}", second.text());
    // The last words may still be on their way to the terminal.
    second.sees("is open in another browser");
    first.keys("q");
    first.wait();
}

impl Bench {
    /// As [`nest`](Self::nest), for a browser whose profile lies elsewhere.
    fn nest_of_kept(&self, profile: &Path) -> PathBuf {
        eventually("a browser runs", || !processes(profile).is_empty());
        self.nests().pop().unwrap()
    }
}
