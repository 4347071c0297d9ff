//! What a launched browser says of what no proxy sees: its cache, its policies, its service workers.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::super::support::{Origin, answer, eventually};
use super::launch::{Bench, page};

/// A page over TLS with a policy of its own; answers every request with it, `/done` aside.
async fn over_tls(html: String, policy: String) -> (u16, Arc<Mutex<bool>>) {
    let made = rcgen::generate_simple_self_signed(vec!["app.localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let done = Arc::new(Mutex::new(false));
    let heard = Arc::clone(&done);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, html) = (acceptor.clone(), html.clone());
            let (policy, heard) = (policy.clone(), Arc::clone(&heard));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        return;
                    };
                    head.push(byte);
                }
                let html_type = ("Content-Type", "text/html");
                let policy = ("Content-Security-Policy", policy.as_str());
                let text = answer("200 OK", &[html_type, policy], &html);
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
                *heard.lock().unwrap() |= head.starts_with(b"GET /done");
            });
        }
    });
    (port, done)
}

/// What the wire showed, what the browser said, and what was never sent, in one list.
async fn asked(browser: &str) {
    let api = Origin::serve(|head| {
        let any = ("Access-Control-Allow-Origin", "*");
        match head.split(' ').nth(1) {
            Some("/open") => answer("200 OK", &[any], "{}"),
            Some("/kept") => answer("200 OK", &[any, ("Cache-Control", "max-age=600")], "{}"),
            _ => answer("200 OK", &[], "{}"),
        }
    });
    let host = format!("http://api.localhost:{}", api.address.port());
    let at = |path: &str| format!("{host}{path}");
    let evil = format!("http://evil.localhost:{}/csp", api.address.port());
    let mixed = "http://plain.test/mixed".to_owned();
    let calls = [
        at("/open"),
        at("/closed"),
        at("/kept"),
        at("/kept"),
        evil.clone(),
        mixed.clone(),
    ];
    let policy = format!("connect-src 'self' {host} http://plain.test");
    let (port, done) = over_tls(page(&calls), policy).await;
    let bench = Bench::new();
    let url = format!("https://app.localhost:{port}/");
    let mut terminal = bench.open(browser, &["--insecure", "app.localhost", &url]);
    let nest = bench.nest();
    eventually("the page made its calls", || *done.lock().unwrap());
    let all = [&url, &calls[0], &calls[1], &calls[2], &evil, &mixed];
    let story = [
        format!("{url} exempt - delivered network"),
        format!("{} allowed - delivered network", calls[0]),
        format!("{} blocked missing-allow-origin blocked cors", calls[1]),
        format!("{} allowed - delivered network", calls[2]),
        format!("{} exempt - delivered cache", calls[2]),
        format!("{evil} blocked csp-connect-src blocked csp"),
        format!("{mixed} blocked mixed-content blocked mixed-content"),
    ];
    bench.tells(&story, |judged| {
        let found = |url: &String| {
            let told = |f: &Value| {
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let check = text(&f["cause"]["check"]);
                let (fate, reason) = (text(&f["said"]["fate"]), text(&f["said"]["reason"]));
                format!("{url} {} {check} {fate} {reason}", text(&f["outcome"]))
            };
            let of = judged.iter().filter(|f| f["url"] == **url).map(told);
            of.collect::<Vec<_>>()
        };
        all.into_iter().flat_map(found).collect()
    });
    terminal.sees("evil.localhost");
    terminal.sees("plain.test");
    // The line on top counts what the rows say by then, not what they said at first.
    terminal.until("nothing depends any more", |text| {
        text.contains("✖ 3 blocked") && !text.contains("depend")
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    bench.is_clean(&nest);

    let judged = bench.judged();
    let doubts: Vec<&Value> = judged
        .iter()
        .filter(|f| !f["disagreement"].is_null())
        .collect();
    assert!(doubts.is_empty(), "{doubts:?}");
    let closed = judged.iter().find(|f| f["url"] == *calls[1]).unwrap();
    let console = &closed["said"]["console"];
    assert!(
        console
            .as_str()
            .is_some_and(|said| said.contains(&calls[1])),
        "{console}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_is_asked_what_it_did() {
    asked("chromium").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_is_asked_what_it_did() {
    asked("firefox").await;
}

/// Stands between the page and the network: answers one call itself and passes the others on.
const WORKER: &str = "
    addEventListener('install', () => skipWaiting());
    addEventListener('activate', event => event.waitUntil(clients.claim()));
    addEventListener('fetch', event => {
        const path = new URL(event.request.url).pathname;
        if (path === '/worker') event.respondWith(new Response('{}'));
        else if (path === '/open' || path === '/closed') event.respondWith(fetch(event.request));
    });";

/// A page whose calls go through its service worker, and which speaks over a WebSocket.
fn page_with_worker(api: &str) -> String {
    format!(
        "<!doctype html><title>worker</title><script>
        (async () => {{
          if (!isSecureContext) return await fetch('/done?insecure');
          await navigator.serviceWorker.register('/sw.js');
          await navigator.serviceWorker.ready;
          while (!navigator.serviceWorker.controller) await new Promise(r => setTimeout(r, 20));
          const saw = [];
          for (const path of ['/worker', '/open', '/closed']) {{
            try {{ saw.push((await fetch('{api}' + path)).status); }} catch {{ saw.push('blocked'); }}
          }}
          const socket = new WebSocket('{api}/socket'.replace('http', 'ws'));
          saw.push(await new Promise(r => {{
            socket.onopen = () => r('open');
            socket.onclose = () => r('open');
          }}));
          await fetch('/done?' + saw.join());
        }})();
        </script>"
    )
}

fn through_a_worker(browser: &str) {
    let api = Origin::serve(|head| {
        let any = ("Access-Control-Allow-Origin", "*");
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let same = name.eq_ignore_ascii_case("sec-websocket-key");
            same.then(|| derive_accept_key(value.trim().as_bytes()))
        });
        match (head.split(' ').nth(1), key) {
            (Some("/socket"), Some(key)) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {key}\r\n\r\n"
            ),
            (Some("/open"), _) => answer("200 OK", &[any], "{}"),
            _ => answer("200 OK", &[], "{}"),
        }
    });
    let host = format!("http://api.localhost:{}", api.address.port());
    let html = page_with_worker(&host);
    let report = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&report);
    let site = Origin::serve(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if let Some(saw) = path.strip_prefix("/done?") {
            *heard.lock().unwrap() = Some(saw.to_owned());
        }
        let script = ("Content-Type", "text/javascript");
        match path {
            "/" => answer("200 OK", &[("Content-Type", "text/html")], &html),
            "/sw.js" => answer("200 OK", &[script], WORKER),
            _ => answer("200 OK", &[], ""),
        }
    });
    let bench = Bench::new();
    let url = format!("http://app.localhost:{}/", site.address.port());
    let mut terminal = bench.open(browser, &[&url]);
    let nest = bench.nest();
    eventually("the page made its calls", || {
        report.lock().unwrap().is_some()
    });
    let saw = report.lock().unwrap().take();
    assert_eq!(saw.as_deref(), Some("200,200,blocked,open"));
    let at = |path: &str| format!("{host}{path}");
    // Chromium tells of a call that the worker passes on twice, as the page's and as the worker's.
    // Firefox tells of the page's only, and does not tell a worker from a cache.
    let by_worker = |path: &str| format!("{} exempt - delivered service-worker", at(path));
    let mut story = if browser == "chromium" {
        let passed_on = format!("{} allowed - delivered network", at("/open"));
        vec![by_worker("/worker"), by_worker("/open"), passed_on]
    } else {
        vec![
            format!("{} exempt - delivered cache", at("/worker")),
            format!("{} allowed - delivered cache", at("/open")),
        ]
    };
    story.extend([
        format!(
            "{} blocked missing-allow-origin blocked cors",
            at("/closed")
        ),
        format!("{} exempt - - -", at("/socket")),
    ]);
    bench.tells(&story, |judged| {
        let ours = |f: &&Value| f["url"].as_str().is_some_and(|url| url.starts_with(&host));
        let told = |f: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let (fate, reason) = (text(&f["said"]["fate"]), text(&f["said"]["reason"]));
            let (url, outcome) = (text(&f["url"]), text(&f["outcome"]));
            format!(
                "{url} {outcome} {} {fate} {reason}",
                text(&f["cause"]["check"])
            )
        };
        let mut told: Vec<String> = judged.iter().filter(ours).map(told).collect();
        // What was never sent gets its row when nothing came on the wire for a while.
        told.sort_by_key(|line| story.iter().position(|due| due == line));
        told
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    bench.is_clean(&nest);
    let judged = bench.judged();
    let doubts: Vec<&Value> = judged
        .iter()
        .filter(|f| !f["disagreement"].is_null())
        .collect();
    assert!(doubts.is_empty(), "{doubts:?}");
}

#[test]
fn chromium_tells_of_its_service_worker() {
    through_a_worker("chromium");
}

#[test]
fn firefox_tells_what_its_service_worker_passed_on() {
    through_a_worker("firefox");
}

/// Through a proxy Chromium cannot tell in which network a server is, so it refuses a call that says so
/// itself; its word for it is one of CORS, the cause is not.
#[test]
fn chromium_tells_of_the_local_network() {
    let any = ("Access-Control-Allow-Origin", "*");
    let api = Origin::serve(move |_| answer("200 OK", &[any], "{}"));
    let call = api.url("/named");
    let html = format!(
        "<!doctype html><title>local</title><script>
        fetch('{call}', {{targetAddressSpace: 'loopback'}})
            .then(r => r.status, () => 'blocked').then(saw => fetch('/done?' + saw));
        </script>"
    );
    let report = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&report);
    let site = Origin::serve(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if let Some(saw) = path.strip_prefix("/done?") {
            *heard.lock().unwrap() = Some(saw.to_owned());
        }
        answer("200 OK", &[("Content-Type", "text/html")], &html)
    });
    let bench = Bench::new();
    let mut terminal = bench.open("chromium", &[&site.url("/")]);
    let nest = bench.nest();
    eventually("the page made its call", || {
        report.lock().unwrap().is_some()
    });
    assert_eq!(report.lock().unwrap().as_deref(), Some("blocked"));
    bench.tells(
        &["blocked local-network-access InvalidLocalNetworkAccess".to_owned()],
        |judged| {
            let ours = judged.iter().filter(|f| f["url"] == *call);
            let told = |f: &Value| {
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let check = text(&f["cause"]["check"]);
                format!(
                    "{} {check} {}",
                    text(&f["outcome"]),
                    text(&f["said"]["detail"])
                )
            };
            ours.map(told).collect()
        },
    );
    terminal.sees("local network access, not CORS");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    bench.is_clean(&nest);
    let judged = bench.judged();
    let named = judged.iter().find(|f| f["url"] == *call).unwrap();
    let advice = named["fix"]["advice"][0].as_str().unwrap();
    assert!(advice.contains("targetAddressSpace"), "{named}");
}

/// A public site without https is loaded as it was asked for; what it calls on this machine passes, and
/// a warning says that a Chromium without a proxy would ask first.
fn public_site(browser: &str) {
    let any = ("Access-Control-Allow-Origin", "*");
    let api = Origin::serve(move |_| answer("200 OK", &[any], "{}"));
    let call = api.url("/open");
    let html = page(std::slice::from_ref(&call));
    let report = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&report);
    // A proxy further on, since nobody can be asked for the address of such a name here.
    let site = Origin::serve(move |head| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        if let Some(saw) = target.strip_prefix("http://public-site.org/done?") {
            *heard.lock().unwrap() = Some(saw.to_owned());
        }
        if head.starts_with("GET http://public-site.org/") {
            answer("200 OK", &[("Content-Type", "text/html")], &html)
        } else {
            answer("502 Bad Gateway", &[], "")
        }
    });
    let bench = Bench::new();
    let upstream = site.url("");
    let args = ["--upstream", &upstream, "http://public-site.org/"];
    let mut terminal = bench.open(browser, &args);
    let nest = bench.nest();
    eventually("the page made its call", || {
        report.lock().unwrap().is_some()
    });
    assert_eq!(report.lock().unwrap().as_deref(), Some("200"));
    let warned = if browser == "chromium" {
        "allowed local-network-unchecked"
    } else {
        "allowed "
    };
    bench.tells(&[warned.to_owned()], |judged| {
        let ours = judged.iter().filter(|f| f["url"] == *call);
        let told = |f: &Value| {
            let warnings = f["warnings"].as_array().unwrap().iter();
            let ids = warnings.filter_map(|w| w["id"].as_str());
            let ids: Vec<&str> = ids.filter(|id| id.starts_with("local-")).collect();
            format!("{} {}", f["outcome"].as_str().unwrap_or("-"), ids.join(" "))
        };
        ours.map(told).collect()
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    bench.is_clean(&nest);
}

#[test]
fn a_public_site_in_chromium() {
    public_site("chromium");
}

#[test]
fn a_public_site_in_firefox() {
    public_site("firefox");
}
