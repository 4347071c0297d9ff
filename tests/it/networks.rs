//! Other people's networks: real proxies behind ours, servers that want a certificate, reverse mode.

use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use corscope::proxy::{ClientCert, Reverse};
use corscope::wire::{End, FailureKind, FailureStage, Kind};
use http::{Request, Response};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::proxy::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, far, full, read_head, read_rest,
    shake_hands, through,
};
use crate::support::{Home, Origin, Recording, answer, eventually, through as ask_through};

const USER: &str = "me";
const PASSWORD: &str = "s3cret-word";
const USERINFO: &str = "me:s3cret%2Dword@";

/// A program of the system that serves until dropped.
struct Daemon {
    child: Child,
    address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts it on a free port, which `command` gets with a directory of its own.
    fn start(command: impl Fn(u16, &Path) -> Command) -> Self {
        // Somebody may be quicker at the port; then another is tried.
        for _ in 0..5 {
            let home = tempfile::tempdir().unwrap();
            let port = {
                let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                free.local_addr().unwrap().port()
            };
            let mut command = command(port, home.path());
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let child = command.spawn().unwrap_or_else(|e| {
                panic!(
                    "{} cannot be started ({e}); tests/run installs it",
                    command.get_program().display()
                )
            });
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let mut daemon = Self {
                child,
                address,
                _home: home,
            };
            let mut alive = true;
            eventually("it listens or ends", || {
                alive = daemon.child.try_wait().unwrap().is_none();
                !alive || BlockingStream::connect(address).is_ok()
            });
            if alive {
                return daemon;
            }
        }
        panic!("no port to be had");
    }

    fn tinyproxy(authenticated: bool) -> Self {
        Self::start(|port, home| {
            let conf = home.join("tinyproxy.conf");
            let mut text = format!("Port {port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\n");
            if authenticated {
                text += &["BasicAuth ", USER, " ", PASSWORD, "\n"].concat();
            }
            std::fs::write(&conf, text).unwrap();
            let mut command = Command::new("tinyproxy");
            command.args(["-d", "-c"]).arg(conf);
            command
        })
    }

    fn microsocks(authenticated: bool) -> Self {
        Self::start(|port, _| {
            let mut command = Command::new("microsocks");
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
            if authenticated {
                command.args(["-u", USER, "-P", PASSWORD]);
            }
            command
        })
    }
}

/// TLS in front of something that speaks without.
async fn tls_in_front(ca: &ServerCa, of: SocketAddr) -> Server {
    let config = ca.config(Certificate::Good, &[]);
    Server::raw(move |stream| {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await
                && let Ok(mut inner) = TcpStream::connect(of).await
            {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
            }
        }
    })
    .await
}

fn root(ca: &ServerCa) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(ca.path()).unwrap()
}

async fn get(sender: &mut Sender, url: &str) -> (u16, String) {
    let host = url
        .split('/')
        .nth(2)
        .filter(|_| url.contains("://"))
        .unwrap_or("x")
        .to_owned();
    let ask = Request::get(url)
        .header("host", host)
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        String::from_utf8_lossy(&collect(response).await.0).into_owned(),
    )
}

/// Plain requests, intercepted TLS and tunnels passed through arrive by every kind of proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_every_kind_of_proxy() {
    let ca = ServerCa::new();
    let ip = far();
    let plain = Server::http_at(ip, None, |_| async { Response::new(full("plain")) }).await;
    let config = ca.config(Certificate::Good, &["h2", "http/1.1"]);
    let tls = Server::http_at(ip, Some(config), |_| async { Response::new(full("tls")) }).await;
    for authenticated in [false, true] {
        let tinyproxy = Daemon::tinyproxy(authenticated);
        let microsocks = Daemon::microsocks(authenticated);
        let secure = tls_in_front(&ca, tinyproxy.address).await;
        let userinfo = if authenticated { USERINFO } else { "" };
        for (scheme, at) in [
            ("http", tinyproxy.address),
            ("https", secure.addr),
            ("socks5", microsocks.address),
            ("socks5h", microsocks.address),
        ] {
            let case = format!("{scheme}, authenticated: {authenticated}");
            let url = format!("{scheme}://{userinfo}{at}");
            let rig = Rig::with(|c| {
                c.upstream_ca = Some(ca.path());
                c.upstreams = through(&url);
            })
            .await;
            let mut sender = Sender::http1(rig.connect().await).await;
            let got = get(&mut sender, &format!("http://{}/", plain.addr)).await;
            assert_eq!(got, (200, "plain".into()), "{case}");
            let got = get(&mut sender, &format!("https://{}/", tls.addr)).await;
            assert_eq!(got, (200, "tls".into()), "{case}");
            let authority = tls.addr.to_string();
            let mut inside = Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await;
            let got = get(&mut inside, &format!("https://{authority}/")).await;
            assert_eq!(got, (200, "tls".into()), "{case}");
            let all = rig.closed(3).await;
            assert!(all.iter().all(|h| *h.end() == End::Complete), "{case}");
            let via = all[0].answer.as_ref().unwrap().upstream.addr;
            assert_eq!(via, Some(at), "{case}: it went through the proxy");

            let rig = Rig::with(|c| {
                c.pass_through = vec![ip.to_string()];
                c.upstream_ca = Some(ca.path());
                c.upstreams = through(&url);
            })
            .await;
            let tunnel = rig.tunnel(&authority).await;
            let host = ip.to_string();
            let stream = shake_hands(tunnel, &host, &[], &[root(&ca)]).await.unwrap();
            let got = get(&mut Sender::http1(stream).await, "/").await;
            assert_eq!(got, (200, "tls".into()), "{case}");
            assert_eq!(rig.wait(1, |_| true).await[0].opening.kind, Kind::Tunnel);
        }
    }
}

/// What a proxy in between refuses is told as such, without its password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_on_the_way() {
    let ip = far();
    let plain = Server::http_at(ip, None, |_| async { Response::new(full("plain")) }).await;
    let (tinyproxy, microsocks) = (Daemon::tinyproxy(true), Daemon::microsocks(true));
    let closed = {
        let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let nobody = closed.port();
    let (http, socks) = (tinyproxy.address, microsocks.address);
    for (upstream, url, kind, says) in [
        (
            format!("http://{http}"),
            format!("http://{}/", plain.addr),
            FailureKind::Other,
            "wants a user and a password",
        ),
        (
            format!("http://{http}"),
            format!("https://{}/", plain.addr),
            FailureKind::Other,
            "wants a user and a password",
        ),
        (
            format!("http://me:wr0ng@{http}"),
            format!("https://{}/", plain.addr),
            FailureKind::Other,
            "does not accept the user and password",
        ),
        (
            format!("socks5://{socks}"),
            format!("http://{}/", plain.addr),
            FailureKind::Other,
            "wants a user and a password",
        ),
        (
            format!("socks5h://me:wr0ng@{socks}"),
            format!("http://{}/", plain.addr),
            FailureKind::Other,
            "does not accept the user and password",
        ),
        (
            format!("socks5://{USERINFO}{socks}"),
            format!("http://{closed}/"),
            FailureKind::Refused,
            "nothing listens there",
        ),
        (
            format!("socks5h://{USERINFO}{socks}"),
            "http://no.such.name.invalid/".into(),
            FailureKind::Other,
            "the name may not be known there",
        ),
        (
            format!("http://{ip}:{nobody}"),
            format!("http://{}/", plain.addr),
            FailureKind::Refused,
            "cannot be reached: connection refused",
        ),
        // Something else listens there.
        (
            format!("socks5://{}", plain.addr),
            format!("http://{}/", plain.addr),
            FailureKind::Protocol,
            "does not answer in SOCKS 5",
        ),
    ] {
        let rig = Rig::with(|c| c.upstreams = through(&upstream)).await;
        let mut sender = Sender::http1(rig.connect().await).await;
        let (status, page) = get(&mut sender, &url).await;
        assert!(status == 502, "{upstream} {url}: {status}");
        let heard = rig.only().await;
        let failure = heard.failure();
        assert!(
            failure.detail.contains(says) && page.contains(says),
            "{says}\n{failure:?}"
        );
        assert_eq!(
            (failure.stage, failure.kind),
            (FailureStage::Upstream, kind),
            "{failure:?}"
        );
        for secret in ["wr0ng", PASSWORD, "s3cret"] {
            assert!(
                !failure.detail.contains(secret) && !page.contains(secret),
                "{failure:?}"
            );
        }
    }
}

/// A plain WebSocket takes a tunnel, since a proxy would not pass its upgrade on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_take_a_tunnel() {
    let ip = far();
    let origin = Server::raw_at(ip, |mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("GET /chat HTTP/1.1\r\n"), "{head}");
        let grant = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n\x81\x02hi";
        stream.write_all(grant).await.unwrap();
        read_rest(&mut stream).await;
    })
    .await;
    let tinyproxy = Daemon::tinyproxy(false);
    let rig = Rig::with(|c| c.upstreams = through(&format!("http://{}", tinyproxy.address))).await;
    let mut stream = rig.connect().await;
    let ask = format!(
        "GET http://{0}/chat HTTP/1.1\r\nHost: {0}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        origin.addr
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 101"));
    let mut message = [0; 4];
    crate::proxy::rig::soon(stream.read_exact(&mut message))
        .await
        .unwrap();
    assert_eq!(&message, b"\x81\x02hi");
}

/// A server that wants a certificate gets that of its host, nobody else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_shown_to_whom_they_are_for() {
    let (ca, clients) = (ServerCa::new(), ServerCa::new());
    let (chain, key) = clients.client("me");
    let origin = |tls13: bool| {
        let config = ca.demanding(&clients, tls13);
        Server::http(Some(config), |_| async { Response::new(full("mutual")) })
    };
    for tls13 in [true, false] {
        let origin = origin(tls13).await;
        let authority = format!("localhost:{}", origin.addr.port());
        for (host, status) in [
            ("localhost", 200),
            (&*authority, 200),
            ("*.localhost", 200),
            ("api.test", 502),
        ] {
            let rig = Rig::with(|c| {
                c.upstream_ca = Some(ca.path());
                c.client_certs = vec![ClientCert {
                    host: host.into(),
                    chain: chain.clone(),
                    key: key.clone(),
                }];
            })
            .await;
            let mut sender = Sender::http1(rig.connect().await).await;
            let (got, page) = get(&mut sender, &format!("https://{authority}/")).await;
            assert_eq!(got, status, "{host}, TLS 1.3: {tls13}: {page}");
            if status != 200 {
                let detail = rig.only().await.failure().detail.clone();
                assert!(detail.contains("--client-cert"), "{detail}");
            }
        }
    }
}

/// Only what is asked of the hosts in scope is recorded; the rest arrives all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_requests_out_of_scope_pass_unrecorded() {
    let origin = Server::http(None, |request: Request<hyper::body::Incoming>| async move {
        let (body, _) = crate::proxy::rig::collect_request(request).await;
        Response::new(full([b"got ", &body[..]].concat()))
    })
    .await;
    for (only, pass_through, recorded) in [
        (&[][..], &[][..], true),
        (&["127.0.0.1"], &[], true),
        (&["*.test", "127.0.0.1"], &[], true),
        (&["*.test"], &[], false),
        (&[], &["127.0.0.1"], false),
        (&[], &["*.test"], true),
    ] {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rig = Rig::with(|c| {
            c.only = owned(only);
            c.pass_through = owned(pass_through);
        })
        .await;
        let mut sender = Sender::http1(rig.connect().await).await;
        for _ in 0..2 {
            let ask = Request::post(format!("http://{}/", origin.addr)).body(full("it"));
            let response = sender.send(ask.unwrap()).await.unwrap();
            assert_eq!(
                collect(response).await.0,
                "got it",
                "{only:?} {pass_through:?}"
            );
        }
        if recorded {
            rig.closed(2).await;
        } else {
            // One in scope comes after those, so they would be there.
            assert!(rig.heard().is_empty(), "{only:?} {pass_through:?}");
        }
    }
}

// === in front of one server ===

/// What the server was asked: method, URI, Host.
async fn tell(request: Request<hyper::body::Incoming>) -> Response<crate::proxy::rig::Body> {
    let host = request
        .headers()
        .get("host")
        .map(|h| h.to_str().unwrap().to_owned());
    let authority = request.uri().authority().map(ToString::to_string);
    let path = request.uri().path_and_query().unwrap();
    let text = format!(
        "{} {path} {}",
        request.method(),
        host.or(authority).unwrap()
    );
    Response::builder()
        .header("location", "http://elsewhere.test/")
        .body(full(text))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_front_of_one_server() {
    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["h2", "http/1.1"]);
    let plain = Server::http(None, tell).await;
    let tls = Server::http(Some(config), tell).await;
    for (to, server) in [
        (format!("http://{}", plain.addr), plain.addr.to_string()),
        (
            format!("https://localhost:{}", tls.addr.port()),
            format!("localhost:{}", tls.addr.port()),
        ),
    ] {
        for keep_host in [false, true] {
            let rig = Rig::with(|c| {
                c.upstream_ca = Some(ca.path());
                c.reverse = Some(Reverse {
                    to: to.parse().unwrap(),
                    keep_host,
                });
            })
            .await;
            let case = format!("{to}, keep: {keep_host}");
            let own = rig.addr.to_string();
            let named = if keep_host { "page.test:3000" } else { &server };
            let ask = |uri: &str| {
                Request::get(uri)
                    .header("host", "page.test:3000")
                    .body(empty())
                    .unwrap()
            };
            let mut expected = 0;
            // In the clear, over TLS with either version of HTTP.
            let roots = std::slice::from_ref(&rig.ca);
            let proxy = &rig;
            let shaken = |alpn: &'static str| async move {
                shake_hands(proxy.connect().await, "127.0.0.1", &[alpn], roots)
                    .await
                    .unwrap()
            };
            let mut clients = vec![
                ("http", "/x?y", Sender::http1(rig.connect().await).await),
                (
                    "https",
                    "/x?y",
                    Sender::http1(shaken("http/1.1").await).await,
                ),
            ];
            if !keep_host {
                let two = Sender::http2(shaken("h2").await).await;
                clients.push(("https", "https://page.test:3000/x?y", two));
            }
            for (scheme, uri, mut sender) in clients {
                let response = sender.send(ask(uri)).await.unwrap();
                assert_eq!(
                    response.headers()["location"],
                    "http://elsewhere.test/",
                    "{case}"
                );
                let body = collect(response).await.0;
                assert_eq!(body, format!("GET /x?y {named}"), "{case}");
                expected += 1;
                let heard = rig.closed(expected).await.pop().unwrap();
                assert_eq!(
                    heard.opening.request.url,
                    format!("{scheme}://page.test:3000/x?y")
                );
            }
            // It is no proxy: nobody gets anywhere else.
            let mut sender = Sender::http1(rig.connect().await).await;
            let response = sender.send(ask("http://elsewhere.test/z")).await.unwrap();
            let body = collect(response).await.0;
            assert!(body.starts_with(b"GET /z "), "{case}: {body:?}");
            let mut stream = rig.connect().await;
            let connect = format!("CONNECT {own} HTTP/1.1\r\nHost: {own}\r\n\r\n");
            stream.write_all(connect.as_bytes()).await.unwrap();
            assert!(
                read_head(&mut stream).await.starts_with("HTTP/1.1 400"),
                "{case}"
            );
        }
    }
}

/// The command itself, and what it refuses.
#[test]
fn reverse_on_the_command_line() {
    let home = Home::new();
    let origin = Origin::serve(|head| answer("200 OK", &[], head.lines().next().unwrap()));
    let to = origin.address.to_string();
    let args = [
        "reverse",
        "--to",
        &to,
        "--listen",
        "127.0.0.1:0",
        "--out",
        "it.corscope",
    ];
    let recording = home.listening(&args, &[]);
    let own = recording.address;
    let mut stream = BlockingStream::connect(own).unwrap();
    let ask = format!("GET /v1 HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, ask.as_bytes()).unwrap();
    let mut got = String::new();
    std::io::Read::read_to_string(&mut stream, &mut got).unwrap();
    assert!(got.ends_with("GET /v1 HTTP/1.1"), "{got}");
    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    let json = home.run(&["export", "it.corscope", "--to", "json"]).stdout;
    assert!(json.contains(&format!("http://{own}/v1")), "{json}");
    for (args, word) in [
        (&["--to", "http://x/v1"][..], "without a path"),
        (&["--to", "ftp://x"], "ftp://x"),
        (&["--to", "x", "--only", "y"], "--only"),
        (&["--to", "x", "--password", "y"], "--allow"),
        (&[], "--to"),
    ] {
        let done = home.run(&[&["reverse", "--out", "no.corscope"], args].concat());
        assert!(
            done.status == Some(2) && done.stderr.contains(word),
            "{args:?}: {done:?}"
        );
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    }
}

// === the program ===

/// A place of the other side of the network, told from this machine's loopback.
fn far_origin() -> Origin {
    Origin::serve_at(far(), |_| answer("200 OK", &[], "far"))
}

/// The environment is honoured, and outdone on the command line; nothing shows the password.
#[test]
fn the_environment_names_proxies() {
    let origin = far_origin();
    let tinyproxy = Daemon::tinyproxy(true);
    let proxy = format!("http://{USERINFO}{}", tinyproxy.address);
    let wrong = format!("http://me:wr0ng-w0rd@{}", tinyproxy.address);
    let nobody = "http://127.0.0.1:9".to_owned();
    let host = origin.address.ip().to_string();
    for (case, vars, args, ok) in [
        ("environment", vec![("HTTP_PROXY", &proxy)], vec![], true),
        (
            "wrong password",
            vec![("http_proxy", &wrong)],
            vec![],
            false,
        ),
        (
            "no proxy for it",
            vec![("all_proxy", &nobody), ("NO_PROXY", &host)],
            vec![],
            true,
        ),
        (
            "told to go without",
            vec![("all_proxy", &nobody)],
            vec!["--no-upstream"],
            true,
        ),
        (
            "told otherwise",
            vec![("all_proxy", &nobody)],
            vec!["--upstream", &proxy],
            true,
        ),
        (
            "by its own variable",
            vec![("CORSCOPE_UPSTREAM", &proxy)],
            vec![],
            true,
        ),
    ] {
        let home = Home::new();
        let out = home.at("it.corscope");
        let mut all = vec!["--out", out.to_str().unwrap()];
        all.extend(args.iter().map(|a| &**a as &str));
        let recording = home.record_with(&all, &vars);
        let got = ask_through(recording.address, "GET", &origin.url("/"), &[]);
        assert_eq!(got.starts_with("HTTP/1.1 200"), ok, "{case}: {got}");
        let done = recording.interrupt();
        let exported = home.run(&["export", "it.corscope", "--to", "json", "--secrets"]);
        let session = std::fs::read(&out).unwrap();
        for secret in ["wr0ng", "s3cret", "czNjcmV0"] {
            let everything = format!("{got}{}{}{}", done.stdout, done.stderr, exported.stdout);
            assert!(!everything.contains(secret), "{case}: {everything}");
            let stored = memchr(&session, secret.as_bytes());
            assert!(!stored, "{case}: in the session");
        }
    }
    // What cannot be used is refused at the start, without the password.
    let home = Home::new();
    let mut command = home.command(&["record", "--for", "1s"]);
    let refused = command
        .env("https_proxy", "ftp://me:hunter2@x")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--no-upstream") && !said.contains("hunter2"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// An environment made for the clients of this very proxy does not send it round in circles.
#[test]
fn an_environment_that_names_ourselves() {
    let origin = far_origin();
    let home = Home::new();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let listen = format!("127.0.0.1:{port}");
    let mut command = home.command(&["record", "--listen", &listen]);
    command.env("http_proxy", format!("http://localhost:{port}"));
    let recording = Recording::of(&mut command);
    let got = ask_through(recording.address, "GET", &origin.url("/"), &[]);
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");
    let said = recording.interrupt().stderr;
    assert!(said.contains("is this corscope itself"), "{said}");
}

fn memchr(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
