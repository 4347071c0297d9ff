//! Safety, each promise tried: no open relay, no loops, our own pages for nobody else's pages, limits
//! against hostile clients and servers, secrets that stay secret.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use corscope::proxy::Access;
use corscope::wire::{End, FailureKind, FailureStage};
use http::{Request, Response};
use tokio::io::AsyncWriteExt;

use crate::proxy::rig::{
    Rig, Sender, Server, collect, empty, far, full, read_head, read_rest, soon,
};
use crate::support::{Home, Origin, answer, eventually, through};

/// Listening on every address of this machine, as far as `access` lets others in.
async fn open_rig(allow: &[&str], password: Option<&str>) -> (Rig, SocketAddr) {
    let allow: Vec<String> = allow.iter().map(ToString::to_string).collect();
    let access = Access::new(&allow, password).unwrap();
    let rig = Rig::with(|c| {
        c.listen = vec!["0.0.0.0:0".parse().unwrap()];
        c.access = access;
    })
    .await;
    let from_afar = SocketAddr::new(far(), rig.addr.port());
    (rig, from_afar)
}

/// Sends this and reads what comes until the connection ends.
async fn say(to: SocketAddr, text: &str) -> String {
    let mut stream = soon(tokio::net::TcpStream::connect(to)).await.unwrap();
    // One that is not let in is reset, maybe before it said anything.
    let _ = stream.write_all(text.as_bytes()).await;
    read_rest(&mut stream).await
}

fn basic(userinfo: &str) -> String {
    use base64::Engine;
    let coded = base64::engine::general_purpose::STANDARD.encode(userinfo);
    format!("Proxy-Authorization: Basic {coded}\r\n")
}

/// Other machines get nothing, unless a password or an address lets them in. What they then ask for
/// is theirs to ask, the link-local address of a cloud's metadata included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_open_relay() {
    let origin = Server::http(None, |_| async { Response::new(full("inside")) }).await;
    let inside = format!("http://{}/", origin.addr);
    let ask = |extra: &str| {
        format!("GET {inside} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n")
    };
    let network = format!("{}/24", far());
    let network = if far().is_ipv4() { &*network } else { "::/0" };
    for (allow, password, extra, status) in [
        (&[][..], None, String::new(), None),
        (&["203.0.113.0/24"], None, String::new(), None),
        (&[network], None, String::new(), Some(200)),
        (&[], Some("open sesame"), String::new(), Some(407)),
        (&[], Some("open sesame"), basic("x:open sesame"), Some(200)),
        (&[], Some("open sesame"), basic("x:open sesam"), Some(407)),
        (&[], Some("open sesame"), basic("open sesame"), Some(407)),
        (
            &["203.0.113.0/24"],
            Some("open sesame"),
            basic("x:open sesame"),
            None,
        ),
        (&[network], Some("open sesame"), String::new(), Some(407)),
        (
            &[network],
            Some("open sesame"),
            basic("x:open sesame"),
            Some(200),
        ),
    ] {
        let case = format!("{allow:?} {password:?} {extra:?}");
        let (rig, from_afar) = open_rig(allow, password).await;
        let got = say(from_afar, &ask(&extra)).await;
        match status {
            None => assert_eq!(got, "", "{case}"),
            Some(status) => {
                assert!(
                    got.starts_with(&format!("HTTP/1.1 {status} ")),
                    "{case}: {got}"
                );
                assert_eq!(got.ends_with("inside"), status == 200, "{case}: {got}");
                let wanted = got.to_lowercase().contains("proxy-authenticate: basic");
                assert_eq!(wanted, status == 407, "{case}: {got}");
            }
        }
        // Nor tunnels; nor the address where clouds keep their secrets.
        let tunnel = format!("CONNECT {} HTTP/1.1\r\nHost: x\r\n{extra}\r\n", origin.addr);
        let metadata =
            format!("GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\n{extra}\r\n");
        if status == Some(200) {
            let heard = rig.only().await;
            // The password is for us: no server sees it.
            assert_eq!(*heard.end(), End::Complete);
        } else {
            for ask in [tunnel, metadata] {
                let mut stream = soon(tokio::net::TcpStream::connect(from_afar))
                    .await
                    .unwrap();
                let _ = stream.write_all(ask.as_bytes()).await;
                stream.shutdown().await.ok();
                let got = read_rest(&mut stream).await;
                let refused = got.is_empty() || got.starts_with("HTTP/1.1 407 ");
                assert!(refused, "{case}: {got}");
            }
            assert!(
                rig.heard().is_empty(),
                "{case}: nothing was asked of anybody"
            );
        }
        // This machine needs none of it.
        let own = SocketAddr::from(([127, 0, 0, 1], rig.addr.port()));
        assert!(say(own, &ask("")).await.ends_with("inside"), "{case}");
    }
}

/// A password that is right once is wanted again on the same connection, and no server sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_brings_the_password() {
    let origin = Server::raw(|mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(
            !head.to_lowercase().contains("proxy-authorization"),
            "{head}"
        );
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ninside";
        stream.write_all(answer).await.unwrap();
        read_rest(&mut stream).await;
    })
    .await;
    let (_rig, from_afar) = open_rig(&[], Some("pw")).await;
    let ask = |extra: &str| {
        format!(
            "GET http://{}/ HTTP/1.1\r\nHost: x\r\n{extra}\r\n",
            origin.addr
        )
    };
    let both = ask(&basic(":pw")) + &ask("Connection: close\r\n");
    let got = say(from_afar, &both).await;
    let right = got.find("inside").unwrap();
    assert!(
        got.starts_with("HTTP/1.1 200 ") && got[right..].contains("HTTP/1.1 407 "),
        "{got}"
    );
}

/// Whatever name it goes by, asking for the proxy through the proxy goes nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_round_in_circles() {
    let (rig, from_afar) = open_rig(&[], None).await;
    let port = rig.addr.port();
    let own = SocketAddr::from(([127, 0, 0, 1], port));
    let mut expected = 0;
    for host in [
        format!("127.0.0.1:{port}"),
        // As resolvers read them, and as IPv6 carries them.
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f000001:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
        format!("127.9.9.9:{port}"),
        format!("localhost:{port}"),
        format!("0.0.0.0:{port}"),
        from_afar.to_string(),
    ] {
        let plain = format!("GET http://{host}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let got = say(own, &plain).await;
        assert!(got.starts_with("HTTP/1.1 508 "), "{host}: {got}");
        let mut stream = tokio::net::TcpStream::connect(own).await.unwrap();
        let connect = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(connect.as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        let inside = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(inside).await.unwrap();
        let got = read_rest(&mut stream).await;
        assert!(got.starts_with("HTTP/1.1 508 "), "{host}: {got}");
        expected += 2;
        let all = rig.closed(expected).await;
        let looped = |h: &crate::proxy::rig::Heard| {
            h.failure().kind == FailureKind::Loop && h.failure().stage == FailureStage::Proxy
        };
        assert!(all.iter().all(looped), "{host}: {all:?}");
    }
}

/// Our own pages answer to our own names only, and to no other site's page; they let no page read them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_pages_are_for_nobody_elses_page() {
    let rig = Rig::start().await;
    let own = rig.addr.to_string();
    for (host, fields, status) in [
        (&*own, "", 200),
        (
            &own,
            "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n",
            200,
        ),
        // A name that a stranger's DNS points here.
        ("rebound.evil.test", "", 421),
        (&format!("rebound.evil.test:{}", rig.addr.port()), "", 421),
        (
            &own,
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n",
            403,
        ),
        (
            &own,
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
            403,
        ),
        ("corscope.test.evil.test", "", 421),
        ("corscope.test:80", "", 200),
        ("LOCALHOST:PORT", "", 200),
        // No name that one reads here, but a browser asks a resolver for it.
        ("{rebound}.evil.test:PORT", "", 421),
        ("", "", 421),
        // Nothing secret is there; but no page is told that it may read it.
        (&own, "Origin: https://evil.test\r\n", 200),
    ] {
        let host = host.replace("PORT", &rig.addr.port().to_string());
        let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n");
        let got = say(rig.addr, &ask).await;
        assert!(
            got.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host} {fields}: {got}"
        );
        let told = got.contains("corscope-ca.pem");
        assert_eq!(told, status == 200, "{host} {fields}: {got}");
        assert!(!got.to_lowercase().contains("access-control-"), "{got}");
    }
    // Whatever is asked, and however: nothing of ours can be written to.
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"] {
        let fields = "Origin: https://evil.test\r\nSec-Fetch-Site: cross-site\r\nX-A: secret\r\n\
                      Access-Control-Request-Method: PUT\r\nContent-Length: 0\r\n";
        let head =
            format!("{method} / HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n{fields}\r\n");
        let got = say(rig.addr, &head).await;
        assert!(got.starts_with("HTTP/1.1 405 "), "{method}: {got}");
        let leaked = got.contains("secret") || got.to_lowercase().contains("access-control-");
        assert!(!leaked, "{method}: {got}");
    }
}

/// Heads without end, or with too many fields, end the request and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_have_bounds() {
    let many = "x: y\r\n".repeat(2_000);
    let long = format!("x: {}\r\n", "y".repeat(300 << 10));
    let path = format!("/{}", "p".repeat(70 << 10));
    for hostile in [&many, &long] {
        // A client.
        let rig = Rig::start().await;
        let ask = format!("GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: x\r\n{hostile}\r\n");
        let got = say(rig.addr, &ask).await;
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 431 "), "{got}");
        // Its row may come after its answer.
        rig.closed(1).await;
        // A server.
        let answer = format!("HTTP/1.1 200 OK\r\n{hostile}\r\n");
        let origin = Server::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                read_rest(&mut stream).await;
            }
        })
        .await;
        let mut sender = Sender::http1(rig.connect().await).await;
        let ask = Request::get(format!("http://{}/", origin.addr))
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        assert_eq!(response.status(), 502);
        collect(response).await;
        // The head that was no request has a row, too.
        let heard = rig.closed(2).await;
        assert_eq!(heard[0].failure().stage, FailureStage::Proxy);
        assert_eq!(heard[1].failure().stage, FailureStage::Wait);
        for one in heard {
            assert_eq!(one.failure().kind, FailureKind::Protocol);
        }
    }
    let rig = Rig::start().await;
    let got = say(
        rig.addr,
        &format!("GET http://127.0.0.1:9{path} HTTP/1.1\r\nHost: x\r\n\r\n"),
    )
    .await;
    assert!(got.is_empty() || got.starts_with("HTTP/1.1 4"), "{got}");
}

/// Interim answers without end are no answer; and of two lengths of one body, the one that is read is
/// the one that goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_told_apart() {
    let origin = Server::raw(|mut stream| async move {
        let head = read_head(&mut stream).await;
        if head.starts_with("GET /interim") {
            let hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
            while stream.write_all(hint).await.is_ok() {}
        } else {
            let answer =
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
                           5\r\nhello\r\n0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            read_rest(&mut stream).await;
        }
    })
    .await;
    let rig = Rig::start().await;
    let ask = |path: &str| {
        let url = format!("http://{}/{path}", origin.addr);
        format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    };
    let got = say(rig.addr, &ask("interim")).await;
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(
        rig.only().await.failure().detail.contains("1000 interim"),
        "{got}"
    );
    let got = say(rig.addr, &ask("lengths")).await;
    let (head, body) = got.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("content-length"), "{got}");
    assert_eq!(body, "5\r\nhello\r\n0\r\n\r\n");
    let heard = rig.closed(2).await;
    assert_eq!(*heard[1].end(), End::Complete);
}

/// Chunk extensions and trailers without end are no way to keep us busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_have_bounds() {
    let extension = format!("1;{}\r\nx\r\n", "e".repeat(64 << 10));
    let trailers = format!("0\r\n{}\r\n", "t: u\r\n".repeat(40_000));
    for flood in [extension, trailers] {
        let body = flood.clone();
        let origin = Server::raw(move |mut stream| {
            let body = body.clone();
            async move {
                let head = read_head(&mut stream).await;
                if head.starts_with("GET") {
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                read_rest(&mut stream).await;
            }
        })
        .await;
        let rig = Rig::start().await;
        let ask = format!("GET http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n", origin.addr);
        let got = say(rig.addr, &ask).await;
        assert!(
            !got.contains("0\r\n\r\n"),
            "a body that broke is not told as whole: {got:.200}"
        );
        let heard = rig.only().await;
        assert_eq!(heard.failure().stage, FailureStage::Receive);
        // The other way.
        let rig = Rig::start().await;
        let head = format!(
            "POST http://{}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{flood}",
            origin.addr
        );
        let got = say(rig.addr, &head).await;
        assert!(!got.starts_with("HTTP/1.1 2"), "{got}");
        assert_ne!(*rig.only().await.end(), End::Complete);
    }
}

/// A head that takes its time is given up after the time that was set; bodies and streams are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_are_given_up() {
    let limit = Duration::from_secs(1);
    let origin = Server::raw(move |mut stream| async move {
        read_head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        stream.write_all(head).await.unwrap();
        for byte in [b"o", b"k"] {
            tokio::time::sleep(limit * 2).await;
            stream.write_all(byte).await.unwrap();
        }
        read_rest(&mut stream).await;
    })
    .await;
    let rig = Rig::with(|c| c.head_timeout = Some(limit)).await;
    for part in [
        "G",
        "GET http://x/ HTTP/1.1\r\nHo",
        "CONNECT x.test:443 HTTP/1.1\r\n",
    ] {
        let mut stream = rig.connect().await;
        stream.write_all(part.as_bytes()).await.unwrap();
        // Ends by itself, within the patience of the test.
        let got = read_rest(&mut stream).await;
        assert!(
            got.is_empty() || got.starts_with("HTTP/1.1 408 "),
            "{part}: {got}"
        );
    }
    // A body may take as long as it likes, either way.
    let mut stream = rig.connect().await;
    let ask = format!(
        "POST http://{}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
        origin.addr
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    for byte in [b"o", b"k"] {
        tokio::time::sleep(limit * 2).await;
        stream.write_all(byte).await.unwrap();
    }
    let got = read_rest(&mut stream).await;
    assert!(
        got.starts_with("HTTP/1.1 200") && got.ends_with("ok"),
        "{got}"
    );
}

// === the program ===

/// Listening for others without saying for whom is refused, in one sentence.
#[test]
fn who_may_use_it_has_to_be_said() {
    let home = Home::new();
    for (args, words) in [
        (
            &["--listen", "0.0.0.0:0"][..],
            &["--password", "--allow"][..],
        ),
        (&["--listen", "[::]:0"], &["--password", "--allow"]),
        (
            &["--listen", "0.0.0.0:0", "--allow", "everybody"],
            &["--allow", "everybody", "192.168.1.0/24"],
        ),
        (
            &["--listen", "0.0.0.0:0", "--password", ""],
            &["--password is empty"],
        ),
        (&["--insecure", "*"], &["--insecure", "*.app.test"]),
        (&["--pass-through", "https://x/"], &["--pass-through"]),
        (&["--only", "*.*.test"], &["--only"]),
        (&["--client-cert", "me.pem"], &["HOST=CERT.pem,KEY.pem"]),
        (
            &["--client-cert", "x=/nowhere.pem"],
            &["/nowhere.pem", "--client-cert"],
        ),
        (
            &["--upstream", "http://x", "--no-upstream"],
            &["--no-upstream"],
        ),
    ] {
        let done = home.run(&[&["record", "--for", "1s"], args].concat());
        assert_eq!(done.status, Some(2), "{args:?}: {done:?}");
        assert_eq!(done.stderr.lines().count(), 1, "{args:?}: {done:?}");
        for word in words {
            assert!(done.stderr.contains(word), "{args:?}: {word}: {done:?}");
        }
    }
}

/// The authority's key is for its owner's eyes, and in nothing that leaves.
#[test]
fn the_key_stays_where_it_is() {
    let home = Home::new();
    let origin = Origin::serve(|_| answer("200 OK", &[], "fine"));
    let data = home.at("data");
    let place = ["--data-dir", data.to_str().unwrap()];
    let recording =
        home.record(&[&["--out", "it.corscope", "--har", "it.har"][..], &place].concat());
    through(recording.address, "GET", &origin.url("/"), &[]);
    let page = through(
        recording.address,
        "GET",
        &format!("http://{}/", recording.address),
        &[],
    );
    let done = recording.interrupt();
    let key_file = data
        .join("ca")
        .read_dir()
        .unwrap()
        .flatten()
        .find_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).ok()?;
            text.contains("PRIVATE KEY").then(|| (entry.path(), text))
        });
    let (path, pem) = key_file.expect("a key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &std::path::Path| p.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode(&path), 0, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0);
    }
    // The second line of the key: the first is the same for all keys of its kind.
    let (_, key) = pem.split_once("PRIVATE KEY-----").unwrap();
    let secret = &key.trim_start().lines().nth(1).unwrap()[..24];
    let mut everything = format!("{page}{}{}", done.stdout, done.stderr).into_bytes();
    everything.extend(std::fs::read(home.at("it.corscope")).unwrap());
    everything.extend(std::fs::read(home.at("it.har")).unwrap());
    for to in ["har", "md", "html", "json", "ndjson", "curl"] {
        let args = ["export", "it.corscope", "--to", to, "--secrets"];
        everything.extend(home.run(&[&args[..], &place].concat()).stdout.into_bytes());
    }
    let export = home.run(&[&["ca", "export"][..], &place].concat());
    assert!(export.stdout.contains("BEGIN CERTIFICATE"), "{export:?}");
    everything.extend(export.stdout.into_bytes());
    for hidden in [secret, "PRIVATE KEY"] {
        let at = everything
            .windows(hidden.len())
            .position(|w| w == hidden.as_bytes());
        let around = at.map(|at| &everything[at.saturating_sub(200)..at + 40]);
        assert!(
            at.is_none(),
            "{}",
            String::from_utf8_lossy(around.unwrap_or_default())
        );
    }
}

/// Whatever rights new files usually get.
#[cfg(unix)]
#[test]
fn the_key_is_private_under_any_umask() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "022", "077"] {
        let home = Home::new();
        let program = env!("CARGO_BIN_EXE_corscope");
        let line = format!("umask {umask}; exec {program} ca path");
        let made = std::process::Command::new("sh")
            .args(["-c", &line])
            .env("HOME", home.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let ca = home.at(".local/share/corscope/ca");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode(&ca), 0, "{umask}");
        assert_eq!(mode(&ca.join("corscope-ca-key.pem")), 0, "{umask}");
    }
}

/// Ten thousand clients that say nothing do not keep the next one waiting.
#[cfg(unix)]
#[test]
fn many_idle_clients() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let files = limit.current.unwrap_or(u64::MAX);
    let clients = if files >= 14_000 {
        10_000
    } else {
        (files / 4) as usize
    };
    let origin = Origin::serve(|_| answer("200 OK", &[], "fine"));
    let home = Home::new();
    let recording = home.record(&["--out", "it.corscope"]);
    let start = Instant::now();
    let idle: Vec<TcpStream> = (0..clients)
        .map(|i| {
            // So that no pair of addresses runs out of ports.
            TcpStream::connect(recording.address).unwrap_or_else(|e| panic!("client {i}: {e}"))
        })
        .collect();
    let got = through(recording.address, "GET", &origin.url("/"), &[]);
    assert!(got.ends_with("fine"), "{got}");
    eprintln!(
        "{clients} idle clients, and an answer, after {:?}",
        start.elapsed()
    );
    drop(idle);
    recording.interrupt();
}

/// Somebody who is not let in is told of, once.
#[test]
fn strangers_are_told_of() {
    let home = Home::new();
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let listen = format!("0.0.0.0:{port}");
    let child = home
        .command(&[
            "record",
            "--listen",
            &listen,
            "--allow",
            "203.0.113.9",
            "--for",
            "4s",
        ])
        .spawn()
        .unwrap();
    let from_afar = SocketAddr::new(far(), port);
    eventually("it listens", || TcpStream::connect(from_afar).is_ok());
    for _ in 0..3 {
        let mut stream = TcpStream::connect(from_afar).unwrap();
        let mut byte = [0];
        assert!(!matches!(stream.read(&mut byte), Ok(1)));
    }
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let times = said
        .matches("tried to use this proxy and was refused")
        .count();
    assert_eq!(times, 1, "{said}");
}
