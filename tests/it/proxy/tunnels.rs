//! What CONNECT carries, and WebSockets.

use std::time::Duration;

use corscope::wire::{End, FailureKind, FailureStage, Kind, MessageKind, Side};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, full, read_head, read_rest,
    shake_hands, soon, through, trusting,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A WebSocket server: shakes hands, echoes one masked frame unmasked, closes after the client.
async fn websocket(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let head = read_head(&mut stream).await.to_lowercase();
    assert!(head.starts_with("get /chat http/1.1\r\n"), "{head}");
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-version: 13",
        "sec-websocket-extensions: permessage-deflate",
        "origin: https://app.test",
    ] {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert!(!head.contains("proxy-connection"), "{head}");
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\nX-From: server\r\n\r\n"
    );
    // The first message comes with the handshake, in one write.
    let mut first = answer.into_bytes();
    first.extend_from_slice(b"\x81\x05hello");
    stream.write_all(&first).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[..2], [0x81, 0x83]);
    let text: Vec<u8> = (0..3).map(|i| frame[6 + i] ^ frame[2 + i]).collect();
    stream.write_all(&[0x81, 3]).await.unwrap();
    stream.write_all(&text).await.unwrap();
    let rest = read_rest(&mut stream).await;
    assert_eq!(rest, "", "the client's end is passed on");
    stream.shutdown().await.unwrap();
}

async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), uri: &str) {
    let ask = format!(
        "GET {uri} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n\
         Proxy-Connection: keep-alive\r\nUpgrade: websocket\r\nOrigin: https://app.test\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let head = read_head(stream).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let lower = head.to_lowercase();
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        "x-from: server",
    ] {
        assert!(lower.contains(line), "{line} is missing in {head}");
    }
    assert!(head.contains(ACCEPT), "{head}");
    let mut hello = [0; 7];
    soon(stream.read_exact(&mut hello)).await.unwrap();
    assert_eq!(&hello, b"\x81\x05hello");
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x83];
    frame.extend_from_slice(&mask);
    frame.extend(b"abc".iter().zip(mask).map(|(b, m)| b ^ m));
    stream.write_all(&frame).await.unwrap();
    let mut echo = [0; 5];
    soon(stream.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"\x81\x03abc");
    stream.shutdown().await.unwrap();
    assert_eq!(read_rest(stream).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets() {
    let ca = ServerCa::new();
    let plain = Server::raw(websocket).await;
    let config = ca.config(Certificate::Good, &["http/1.1"]);
    let secure = Server::raw(move |stream| {
        let acceptor = tokio_rustls::TlsAcceptor::from(config.clone());
        async move { websocket(acceptor.accept(stream).await.unwrap()).await }
    })
    .await;
    for way in ["absolute", "tunnel", "tls"] {
        let rig = Rig::with(trusting(&ca.path())).await;
        let server = if way == "tls" { &secure } else { &plain };
        let authority = format!("localhost:{}", server.addr.port());
        match way {
            "absolute" => {
                let url = format!("http://{authority}/chat");
                converse(&mut rig.connect().await, &url).await;
            }
            // As browsers do for ws:// behind a proxy.
            "tunnel" => converse(&mut rig.tunnel(&authority).await, "/chat").await,
            _ => {
                converse(
                    &mut rig.tunnel_tls(&authority, &["http/1.1"]).await,
                    "/chat",
                )
                .await;
            }
        }
        let heard = rig.only().await;
        assert_eq!(heard.opening.kind, Kind::WebSocket);
        assert_eq!(heard.status(), Some(101));
        assert_eq!(heard.response_header("x-from").as_deref(), Some("server"));
        assert_eq!(*heard.end(), End::Complete, "{way}");
        let closing = heard.closing.as_ref().unwrap();
        assert_eq!((closing.request_bytes, closing.response_bytes), (9, 12));
        let messages: Vec<_> = heard
            .messages
            .iter()
            .map(|m| (m.from, m.kind, m.payload.to_vec()))
            .collect();
        assert_eq!(
            messages,
            [
                (Side::Response, MessageKind::Text, b"hello".to_vec()),
                (Side::Request, MessageKind::Text, b"abc".to_vec()),
                (Side::Response, MessageKind::Text, b"abc".to_vec()),
            ]
        );
    }
}

/// A server that does not want a WebSocket answers like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websocket_refused() {
    let origin = Server::http(None, |_| async {
        Response::builder().status(403).body(full("no")).unwrap()
    })
    .await;
    let rig = Rig::start().await;
    let mut stream = rig.tunnel(&origin.addr.to_string()).await;
    let ask = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 403"));
    let heard = rig.only().await;
    assert_eq!(heard.opening.kind, Kind::WebSocket);
    assert_eq!(heard.status(), Some(403));
    assert_eq!(heard.response_body, b"no");
    assert_eq!(*heard.end(), End::Complete);
}

/// Bytes that are neither TLS nor HTTP pass, counted but unread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_bytes() {
    let origin = Server::raw(|mut stream| async move {
        let mut bytes = [0; 6];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"\x00\x01ping");
        stream.write_all(b"\xff\xfepong").await.unwrap();
        // Half-closed by the client; the answer still goes through.
        assert_eq!(read_rest(&mut stream).await, "");
        stream.write_all(b"bye").await.unwrap();
    })
    .await;
    let rig = Rig::start().await;
    let mut stream = rig.tunnel(&origin.addr.to_string()).await;
    stream.write_all(b"\x00\x01ping").await.unwrap();
    let mut bytes = [0; 6];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"\xff\xfepong");
    stream.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut stream).await, "bye");
    let heard = rig.only().await;
    assert_eq!(heard.opening.kind, Kind::Tunnel);
    assert_eq!(heard.opening.request.method, "CONNECT");
    assert_eq!(
        heard.opening.request.url,
        format!("https://{}/", origin.addr)
    );
    assert_eq!(*heard.end(), End::Complete);
    let closing = heard.closing.unwrap();
    assert_eq!((closing.request_bytes, closing.response_bytes), (6, 9));
    assert_eq!(closing.upstream.unwrap().addr, Some(origin.addr));
    assert!(heard.request_body.is_empty() && heard.response_body.is_empty());
}

/// A server may be the one to speak first; a slow browser is still read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_speaks_first() {
    let origin = Server::raw(|mut stream| async move {
        stream.write_all(b"220 ready\r\n").await.unwrap();
        assert_eq!(read_rest(&mut stream).await, "QUIT\r\n");
    })
    .await;
    let rig = Rig::start().await;
    let mut stream = rig.tunnel(&origin.addr.to_string()).await;
    let mut greeting = [0; 11];
    soon(stream.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"220 ready\r\n");
    stream.write_all(b"QUIT\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read_rest(&mut stream).await, "");
    let heard = rig.only().await;
    assert_eq!(heard.opening.kind, Kind::Tunnel);
    assert_eq!(*heard.end(), End::Complete);

    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["http/1.1"]);
    let origin = Server::http(Some(config), |_| async { Response::new(full("late")) }).await;
    let rig = Rig::with(trusting(&ca.path())).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let stream = rig.tunnel(&authority).await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let roots = [rig.ca.clone()];
    let stream = shake_hands(stream, "localhost", &["http/1.1"], &roots)
        .await
        .unwrap();
    let mut sender = Sender::http1(stream).await;
    let ask = Request::get("/")
        .header("host", &authority)
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(collect(response).await.0, "late");
    assert_eq!(rig.only().await.opening.kind, Kind::Http);
}

/// Hosts to pass through are shown their own server's certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_to_pass_through() {
    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["http/1.1"]);
    let origin = Server::http(Some(config), |_| async { Response::new(full("private")) }).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let pem = std::fs::read(ca.path()).unwrap();
    let root = rustls_pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
    for pass in [true, false] {
        let rig = Rig::with(|c| {
            c.upstream_ca = Some(ca.path());
            if pass {
                c.pass_through = vec!["localhost".into()];
            } else {
                c.only = vec!["api.test".into()];
            }
        })
        .await;
        let stream = rig.tunnel(&authority).await;
        let roots = std::slice::from_ref(&root);
        let stream = shake_hands(stream, "localhost", &[], roots).await.unwrap();
        let mut sender = Sender::http1(stream).await;
        let ask = Request::get("/")
            .header("host", &authority)
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        assert_eq!(collect(response).await.0, "private");
        drop(sender);
        let heard = rig.only().await;
        assert_eq!(heard.opening.kind, Kind::Tunnel);
        assert!(heard.closing.as_ref().unwrap().response_bytes > 7);
        assert!(heard.answer.is_none());
    }
    let rig = Rig::with(|c| {
        c.upstream_ca = Some(ca.path());
        c.only = vec!["localhost".into()];
    })
    .await;
    let stream = rig.tunnel_tls(&authority, &["http/1.1"]).await;
    let mut sender = Sender::http1(stream).await;
    let ask = Request::get("/")
        .header("host", &authority)
        .body(empty())
        .unwrap();
    assert_eq!(sender.send(ask).await.unwrap().status(), 200);
    assert_eq!(rig.only().await.opening.kind, Kind::Http);
}

/// A host to pass through that is down is refused before the tunnel is granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_to_pass_through_that_is_down() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let rig = Rig::with(|c| c.pass_through = vec!["127.0.0.1".into()]).await;
    let mut client = rig.connect().await;
    let ask = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(ask.as_bytes()).await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 502"));
    let heard = rig.only().await;
    assert_eq!(heard.failure().stage, FailureStage::Connect);
    assert_eq!(heard.failure().kind, FailureKind::Refused);
}

/// Through another proxy: tunnels for TLS, absolute form for the rest, this machine excepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_another_proxy() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let next = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            let head = read_head(&mut stream).await;
            let connect = head.starts_with("CONNECT");
            tell.send(head).unwrap();
            if connect {
                stream
                    .write_all(b"HTTP/1.1 200 Fine\r\nX: y\r\n\r\n")
                    .await
                    .unwrap();
                // Speaks something else than TLS, which shows as a failure at that stage.
                let _ = stream.read_u8().await;
                stream.write_all(b"not TLS at all").await.unwrap();
            } else {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await
                    .unwrap();
            }
            read_rest(&mut stream).await;
        }
    })
    .await;
    let url = format!("http://me:s%20cret@127.0.0.1:{}", next.addr.port());
    let rig = Rig::with(|c| c.upstreams = through(&url)).await;
    let mut sender = Sender::http1(rig.connect().await).await;
    let ask = Request::get("http://far.test/x?y")
        .header("host", "far.test")
        .header("proxy-authorization", "for us")
        .body(empty())
        .unwrap();
    assert_eq!(sender.send(ask).await.unwrap().status(), 200);
    let head = told.recv().await.unwrap();
    assert!(
        head.starts_with("GET http://far.test/x?y HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("proxy-authorization: Basic bWU6cyBjcmV0\r\n"),
        "{head}"
    );
    assert!(!head.contains("for us"), "{head}");

    let ask = Request::get("https://far.test/x").body(empty()).unwrap();
    assert_eq!(sender.send(ask).await.unwrap().status(), 502);
    let head = told.recv().await.unwrap();
    assert!(
        head.starts_with("CONNECT far.test:443 HTTP/1.1\r\n"),
        "{head}"
    );
    let all = rig.closed(2).await;
    assert_eq!(all[1].failure().stage, FailureStage::Tls);

    let origin = Server::http(None, |_| async { Response::new(full("near")) }).await;
    let ask = Request::get(format!("http://{}/", origin.addr))
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(collect(response).await.0, "near");
}
