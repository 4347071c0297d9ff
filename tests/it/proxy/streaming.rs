//! Bodies pass as they come, whatever frames them.

use std::sync::Arc;
use std::time::Duration;

use corscope::wire::{End, MessageKind};
use http::{HeaderMap, Request, Response, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc};

use super::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, full, next, read_head, read_rest,
    soon, told, trusting,
};

/// The next event is only sent after the client has the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_sent_events_are_not_held_back() {
    let ca = ServerCa::new();
    for (tls, http2) in [(false, false), (true, false), (true, true)] {
        let (speakers, mut speaker) = mpsc::unbounded_channel();
        let config = tls.then(|| ca.config(Certificate::Good, &["h2", "http/1.1"]));
        let origin = Server::http(config, move |_| {
            let (tell, body) = told();
            speakers.send(tell).unwrap();
            let response = Response::builder().header("content-type", "text/event-stream");
            async { response.body(body).unwrap() }
        })
        .await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let mut sender = match (tls, http2) {
            (false, _) => Sender::http1(rig.tunnel(&authority).await).await,
            (_, false) => Sender::http1(rig.tunnel_tls(&authority, &["http/1.1"]).await).await,
            (_, true) => Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await,
        };
        let uri = if http2 {
            format!("https://{authority}/events")
        } else {
            "/events".into()
        };
        let ask = Request::get(uri).body(empty()).unwrap();
        let response = sender.send(ask).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let tell = speaker.recv().await.unwrap();
        let mut body = response.into_body();
        for n in 0..5 {
            let event = format!("data: {n}\n\n");
            tell.send(Frame::data(event.clone().into())).unwrap();
            assert_eq!(next(&mut body).await.unwrap(), event);
        }
        // All of it is known while the stream is still open.
        let heard = rig.wait(1, |h| h.messages.len() == 5).await.remove(0);
        assert!(heard.closing.is_none());
        assert!(
            heard
                .messages
                .iter()
                .all(|m| m.kind == MessageKind::ServerSentEvent)
        );
        drop(tell);
        assert_eq!(next(&mut body).await, None);
        let heard = rig.only().await;
        assert_eq!(*heard.end(), End::Complete);
        assert_eq!(heard.response_body.len(), 5 * "data: 0\n\n".len());
    }
}

/// The server answers piece by piece what the client sends piece by piece.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_at_once() {
    let ca = ServerCa::new();
    for http2 in [false, true] {
        let echo = |request: Request<hyper::body::Incoming>| async {
            Response::new(request.into_body().map_err(Into::into).boxed_unsync())
        };
        let config = ca.config(Certificate::Good, &["h2", "http/1.1"]);
        let origin = Server::http(Some(config), echo).await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let (tell, body) = told();
        let (mut sender, uri) = if http2 {
            let stream = rig.tunnel_tls(&authority, &["h2"]).await;
            (Sender::http2(stream).await, format!("https://{authority}/"))
        } else {
            let stream = rig.tunnel_tls(&authority, &["http/1.1"]).await;
            (Sender::http1(stream).await, "/".into())
        };
        let ask = Request::post(uri).body(body).unwrap();
        let mut body = sender.send(ask).await.unwrap().into_body();
        for piece in ["one", "two", "three"] {
            tell.send(Frame::data(piece.into())).unwrap();
            assert_eq!(next(&mut body).await.unwrap(), piece);
        }
        drop(tell);
        assert_eq!(next(&mut body).await, None);
        let heard = rig.only().await;
        assert_eq!(*heard.end(), End::Complete);
        assert_eq!(heard.request_body, b"onetwothree");
        assert_eq!(heard.response_body, b"onetwothree");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_pass_both_ways() {
    let ca = ServerCa::new();
    for (client, server) in [("h2", "h2"), ("h2", "http/1.1"), ("http/1.1", "http/1.1")] {
        let seen = Arc::new(Mutex::new(None));
        let note = Arc::clone(&seen);
        let origin = Server::http(Some(ca.config(Certificate::Good, &[server])), move |ask| {
            let note = Arc::clone(&note);
            async move {
                let te = ask.headers().get("te").cloned();
                let whole = ask.into_body().collect().await.unwrap();
                *note.lock().await = whole.trailers().cloned();
                let (tell, body) = told();
                tell.send(Frame::data("data".into())).unwrap();
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                tell.send(Frame::trailers(trailers)).unwrap();
                let response = Response::builder().header("trailer", "grpc-status");
                let response = te.into_iter().fold(response, |r, te| r.header("x-te", te));
                response.body(body).unwrap()
            }
        })
        .await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let stream = rig.tunnel_tls(&authority, &[client]).await;
        let (tell, body) = told();
        tell.send(Frame::data("ask".into())).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "42".parse().unwrap());
        tell.send(Frame::trailers(trailers)).unwrap();
        drop(tell);
        let ask = Request::post(if client == "h2" {
            format!("https://{authority}/")
        } else {
            "/".into()
        });
        let ask = ask.header("te", "trailers").header("trailer", "x-sum");
        let ask = if client == "h2" {
            ask.version(Version::HTTP_2)
        } else {
            ask.header("connection", "te")
        };
        let mut sender = if client == "h2" {
            Sender::http2(stream).await
        } else {
            Sender::http1(stream).await
        };
        let response = sender.send(ask.body(body).unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-te"], "trailers", "{client} {server}");
        let (body, trailers) = collect(response).await;
        assert_eq!(body, "data");
        assert_eq!(trailers.unwrap()["grpc-status"], "0", "{client} {server}");
        assert_eq!(seen.lock().await.as_ref().unwrap()["x-sum"], "42");
        let heard = rig.only().await;
        let told = heard.closing.as_ref().unwrap().trailers.clone().unwrap();
        assert_eq!(told.get("grpc-status").as_deref(), Some("0"));
    }
}

/// The body waits for the server's word, and both get theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expect_continue() {
    let origin = Server::raw(|mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.contains("expect: 100-continue") || head.contains("Expect: 100-continue"));
        // Nothing of the body comes before it is asked for.
        let early = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
        assert!(early.is_err(), "{early:?}");
        stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .unwrap();
        let mut body = [0; 5];
        stream.read_exact(&mut body).await.unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    let rig = Rig::start().await;
    let mut client = rig.connect().await;
    let head = format!(
        "POST http://{}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        origin.addr
    );
    client.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(
        read_head(&mut client).await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    client.write_all(b"hello").await.unwrap();
    let head = read_head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let mut body = [0; 5];
    soon(client.read_exact(&mut body)).await.unwrap();
    assert_eq!(&body, b"hello");
    let heard = rig.only().await;
    assert_eq!(heard.request_body, b"hello");
    assert_eq!(*heard.end(), End::Complete);
}

/// A server that refuses gets no body; one that says nothing gets it after a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expect_without_continue() {
    let refusing = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let rest = read_rest(&mut stream).await;
        assert_eq!(rest, "", "no body was sent");
    })
    .await;
    let silent = Server::http(None, |ask| async {
        // hyper sends no 100 before the body is read, so this stands for one that never does.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let body = ask.into_body().collect().await.unwrap().to_bytes();
        Response::new(full(body))
    })
    .await;
    for (server, status, body) in [(&refusing, 417, "no"), (&silent, 200, "hello")] {
        let rig = Rig::start().await;
        let mut client = rig.connect().await;
        let head = format!(
            "POST http://{}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\
             Content-Length: 5\r\n\r\n",
            server.addr
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut head = read_head(&mut client).await;
        if head.starts_with("HTTP/1.1 100") {
            client.write_all(b"hello").await.unwrap();
            head = read_head(&mut client).await;
        }
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        assert!(read_rest(&mut client).await.ends_with(body));
        let heard = rig.only().await;
        assert_eq!(heard.status(), Some(status));
        assert_eq!(*heard.end(), End::Complete);
    }
}

/// Answers without a body stay without one, and lengths stay what the server said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_bodies() {
    for (method, answer, expected, absent) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n",
            "content-length: 123",
            "transfer-encoding",
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nX: 1\r\n\r\n",
            "x: 1",
            "content-length",
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "200",
            "content-length",
        ),
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
            "x: 1",
            "content-length",
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n",
            "etag: \"1\"",
            "content-length",
        ),
        (
            "GET",
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "content-length: 0",
            "link",
        ),
    ] {
        let origin = Server::raw(move |mut stream| async move {
            loop {
                let head = read_head(&mut stream).await;
                assert!(head.starts_with(method), "{head}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let rig = Rig::start().await;
        let mut client = rig.connect().await;
        // Twice: a body that is waited for in vain would show in the second round.
        for round in 0..2 {
            let ask = format!(
                "{method} http://{}/ HTTP/1.1\r\nHost: x\r\n\r\n",
                origin.addr
            );
            client.write_all(ask.as_bytes()).await.unwrap();
            let head = read_head(&mut client).await.to_lowercase();
            assert!(head.contains(expected), "{head}");
            assert!(!head.contains(absent), "{head}");
            assert!(!head.contains("date:"), "nothing is added: {head}");
            let heard = rig.closed(round + 1).await.remove(round);
            assert_eq!(*heard.end(), End::Complete);
            assert_eq!(heard.closing.as_ref().unwrap().response_bytes, 0);
            assert!(heard.status().unwrap() >= 200);
        }
    }
}

/// Chunks, a length, the end of the connection: each arrives whole and is known to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_framing() {
    for (answer, chunked) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            true,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", false),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde", true),
        ("HTTP/1.0 200 OK\r\n\r\nabcde", true),
    ] {
        let origin = Server::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let rig = Rig::start().await;
        let mut sender = Sender::http1(rig.connect().await).await;
        let url = format!("http://{}/", origin.addr);
        for round in 0..2 {
            let ask = Request::get(&url)
                .header("host", "x")
                .body(empty())
                .unwrap();
            let response = sender.send(ask).await.unwrap();
            assert_eq!(
                response.headers().contains_key("transfer-encoding"),
                chunked
            );
            assert!(!response.headers().contains_key("connection"));
            assert_eq!(collect(response).await.0, "abcde");
            let heard = rig.closed(round + 1).await.remove(round);
            assert_eq!(*heard.end(), End::Complete);
            assert_eq!(heard.response_body, b"abcde");
        }
    }
}

/// A client that says it has no more to ask may close its half and still be answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_closed_clients_are_answered() {
    let origin = Server::http(None, |_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Response::new(full("late"))
    })
    .await;
    for (version, connection) in [("1.0", "X: 1"), ("1.1", "Connection: close")] {
        let rig = Rig::start().await;
        let mut client = rig.connect().await;
        let ask = format!(
            "GET http://{}/ HTTP/{version}\r\nHost: x\r\n{connection}\r\n\r\n",
            origin.addr
        );
        client.write_all(ask.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let answer = read_rest(&mut client).await;
        assert!(
            answer.contains(" 200 ") && answer.ends_with("late"),
            "{answer}"
        );
        assert_eq!(*rig.only().await.end(), End::Complete);
    }
}

/// What is kept of a body is capped; what passes is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cap_is_on_the_record_only() {
    let origin = Server::http(None, |_| async { Response::new(full(vec![b'x'; 100_000])) }).await;
    let rig = Rig::keeping(10_000, |_| ()).await;
    let mut sender = Sender::http1(rig.connect().await).await;
    let ask = Request::get(format!("http://{}/", origin.addr))
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(collect(response).await.0.len(), 100_000);
    let heard = rig.only().await;
    assert_eq!(heard.response_body.len(), 10_000);
    assert_eq!(heard.closing.unwrap().response_bytes, 100_000);
}
