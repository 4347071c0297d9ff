//! `http://corscope.test/`: what it hands out, to whom, and what it refuses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;

use crate::support::{Home, through};

/// One request of the test's own making; the whole answer.
fn raw(to: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// To the proxy's own address, as to a server.
fn direct(to: SocketAddr, method: &str, path: &str, host: &str, more: &str) -> String {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    String::from_utf8_lossy(&raw(to, &request)).into_owned()
}

const HTML: (&str, &str) = ("Accept", "text/html,*/*;q=0.8");

#[test]
fn the_page_says_what_is_needed_and_nothing_is_recorded() {
    let home = Home::new();
    let recording = home.record(&[]);
    let proxy = recording.address;
    let pem = home.run(&["ca", "export"]).stdout;

    let told = through(proxy, "GET", "http://corscope.test/", &[HTML]);
    assert!(told.starts_with("HTTP/1.1 200 OK"), "{told}");
    for part in [
        "corscope ca install",
        "It does not trust corscope yet",
        "NODE_EXTRA_CA_CERTS=",
        "enable full trust",
        "https://trusted.corscope.test/t/",
    ] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert!(!told.contains("<script"), "{told}");
    assert!(!told.contains("does not use the proxy"), "{told}");
    assert!(told.contains("never accepted since corscope was started"));
    let head = told.split("\r\n\r\n").next().unwrap().to_lowercase();
    for line in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert!(!head.contains("access-control"), "{head}");

    // Asked as a server it does not claim that the proxy is used.
    for host in [proxy.to_string(), format!("localhost:{}", proxy.port())] {
        let told = direct(proxy, "GET", "/", &host, "Accept: text/html\r\n");
        assert!(
            told.contains("This browser does not use the proxy"),
            "{told}"
        );
    }
    // A terminal gets words.
    let told = through(proxy, "GET", "http://corscope.test/", &[("Accept", "*/*")]);
    assert!(
        told.contains("text/plain") && told.contains("ca.mobileconfig"),
        "{told}"
    );

    // What it hands out is the certificate, and never the key.
    let der = pem
        .lines()
        .filter(|l| !l.starts_with('-'))
        .collect::<String>();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(&der)
        .unwrap();
    let told = through(proxy, "GET", "http://corscope.test/ca.pem", &[]);
    assert!(
        told.ends_with(&pem) && told.contains("corscope-ca.pem"),
        "{told}"
    );
    for file in ["ca.crt", "ca.cer"] {
        let ask = format!(
            "GET http://corscope.test/{file} HTTP/1.1\r\nHost: corscope.test\r\nConnection: close\r\n\r\n"
        );
        let told = raw(proxy, &ask);
        assert!(told.ends_with(&bytes), "{file}");
        let head = String::from_utf8_lossy(&told).into_owned();
        assert!(head.contains("application/x-x509-ca-cert"), "{head}");
    }
    let told = through(proxy, "GET", "http://corscope.test/ca.mobileconfig", &[]);
    assert!(told.contains("application/x-apple-aspen-config"), "{told}");
    assert!(told.contains(&format!("<data>{der}</data>")), "{told}");
    assert!(!told.contains("PRIVATE"), "{told}");

    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    let session = std::fs::read_dir(home.at(".local/state/corscope/sessions"));
    for file in session.into_iter().flatten() {
        let path = file.unwrap().path();
        let told = home.run(&["diagnose", path.to_str().unwrap(), "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(json["summary"]["exchanges"], 0, "{json}");
    }
}

#[test]
fn strangers_are_refused_with_a_sentence() {
    let home = Home::new();
    let recording = home.record(&[]);
    let proxy = recording.address;
    let port = proxy.port();
    // A name that was made to point here (DNS rebinding).
    for host in [
        format!("evil.example:{port}"),
        "corscope.test.evil.example".to_owned(),
        format!("192.168.1.7:{port}"),
    ] {
        for path in ["/", "/ca.pem", "/style.css"] {
            let told = direct(proxy, "GET", path, &host, "Accept: text/html\r\n");
            assert!(told.starts_with("HTTP/1.1 421 "), "{host}{path}: {told}");
            assert!(told.contains("under a name that is not"), "{told}");
            assert!(!told.contains("BEGIN CERTIFICATE"), "{told}");
        }
    }
    // Nothing acts, so nothing else than reading is answered, whoever asks.
    let own = proxy.to_string();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let more = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
        for path in ["/", "/ca.pem", "/anything"] {
            let told = direct(proxy, method, path, &own, more);
            assert!(told.starts_with("HTTP/1.1 405 "), "{told}");
            assert!(told.to_lowercase().contains("allow: get, head"), "{told}");
            assert!(!told.to_lowercase().contains("access-control-"), "{told}");
        }
    }
    // Other sites' pages may link to the page, and no more.
    let cross = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: ";
    for (path, mode, status) in [
        ("/", "navigate\r\nSec-Fetch-Dest: document", 200),
        ("/", "navigate\r\nSec-Fetch-Dest: iframe", 403),
        ("/", "no-cors\r\nSec-Fetch-Dest: image", 403),
        ("/ca.crt", "navigate\r\nSec-Fetch-Dest: document", 403),
        ("/style.css", "no-cors\r\nSec-Fetch-Dest: style", 403),
    ] {
        let told = direct(proxy, "GET", path, &own, &format!("{cross}{mode}\r\n"));
        assert!(
            told.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path} {mode}: {told}"
        );
    }
    // Whether somebody trusts corscope is nobody else's business: its path cannot be guessed.
    for path in [
        "/t/x/trusted.css",
        "/t//trusted.css",
        "/t/trusted.css",
        "/trusted.css",
    ] {
        let told = direct(proxy, "GET", path, &own, "");
        assert!(told.starts_with("HTTP/1.1 404 "), "{path}: {told}");
    }
    let told = direct(proxy, "GET", "/", &own, "Accept: text/html\r\n");
    let path = told.split("https://trusted.corscope.test").nth(2).unwrap();
    let path = path.split('"').next().unwrap();
    let told = direct(proxy, "GET", path, &own, "Sec-Fetch-Site: cross-site\r\n");
    assert!(told.starts_with("HTTP/1.1 200 "), "{path}: {told}");
    // Markup in what is echoed stays text.
    let told = direct(
        proxy,
        "GET",
        "/",
        &own,
        "Accept: text/html\r\nUser-Agent: <script>alert(1)</script>\r\n",
    );
    assert!(!told.contains("<script>"), "{told}");
    recording.interrupt();
}
