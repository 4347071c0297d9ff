//! How exchanges end when they do not end well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use corscope::wire::{End, FailureKind, FailureStage, HttpVersion};
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use super::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, full, next, read_head, read_rest,
    soon, told, trusting,
};

/// Says when it is dropped.
struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A client that goes away while it waits: the server learns of it, and so does the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_leaves_before_the_answer() {
    let ca = ServerCa::new();
    for (client, server) in [
        ("plain", "http/1.1"),
        ("http/1.1", "http/1.1"),
        ("h2", "h2"),
        ("h2", "http/1.1"),
    ] {
        let (asked, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell_asked, tell_gone) = (Arc::clone(&asked), Arc::clone(&gone));
        let config = (client != "plain").then(|| ca.config(Certificate::Good, &[server]));
        let origin = Server::http(config, move |_| {
            let (asked, gone) = (Arc::clone(&tell_asked), Gone(Arc::clone(&tell_gone)));
            async move {
                let _gone = gone;
                asked.notify_one();
                std::future::pending::<Response<_>>().await
            }
        })
        .await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let (mut sender, uri) = match client {
            "plain" => (
                Sender::http1(rig.connect().await).await,
                format!("http://{authority}/"),
            ),
            "h2" => (
                Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await,
                format!("https://{authority}/"),
            ),
            _ => (
                Sender::http1(rig.tunnel_tls(&authority, &["http/1.1"]).await).await,
                "/".into(),
            ),
        };
        let waiting = tokio::spawn(async move {
            let ask = Request::get(uri).body(empty()).unwrap();
            let _ = sender.send(ask).await;
        });
        soon(asked.notified()).await;
        // It is on the record while it waits.
        let open = rig.wait(1, |h| h.closing.is_none()).await.remove(0);
        assert!(open.answer.is_none());
        waiting.abort();
        soon(gone.notified()).await;
        let heard = rig.only().await;
        assert_eq!(*heard.end(), End::Aborted, "{client} {server}");
        assert!(heard.answer.is_none());
        let closing = heard.closing.unwrap();
        assert_eq!(closing.upstream.unwrap().addr, Some(origin.addr));
        assert!(closing.timings.connect.is_some());
    }
}

/// A client that goes away in the middle of the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_leaves_during_the_answer() {
    let ca = ServerCa::new();
    for alpn in ["http/1.1", "h2"] {
        let (speakers, mut speaker) = mpsc::unbounded_channel();
        let config = ca.config(Certificate::Good, &[alpn]);
        let origin = Server::http(Some(config), move |_| {
            let (tell, body) = told();
            speakers.send(tell).unwrap();
            async { Response::new(body) }
        })
        .await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let stream = rig.tunnel_tls(&authority, &[alpn]).await;
        let mut sender = match alpn {
            "h2" => Sender::http2(stream).await,
            _ => Sender::http1(stream).await,
        };
        let ask = Request::get(format!("https://{authority}/"))
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        let tell = speaker.recv().await.unwrap();
        tell.send(Frame::data("begun".into())).unwrap();
        let mut body = response.into_body();
        assert_eq!(next(&mut body).await.unwrap(), "begun");
        drop((body, sender));
        let heard = rig.only().await;
        assert_eq!(*heard.end(), End::Aborted);
        assert_eq!(heard.response_body, b"begun");
        assert_eq!(heard.status(), Some(200));
        // The server's side ends as well.
        soon(tell.closed()).await;
    }
}

/// A client that goes away in the middle of its request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_leaves_during_the_request() {
    let gone = Arc::new(Notify::new());
    let tell = Arc::clone(&gone);
    let origin = Server::http(None, move |ask| {
        let gone = Gone(Arc::clone(&tell));
        async move {
            let _gone = gone;
            let broken = ask.into_body().collect().await;
            assert!(broken.is_err(), "a cut request is not told as a whole one");
            Response::new(empty())
        }
    })
    .await;
    let rig = Rig::start().await;
    let mut client = rig.connect().await;
    let head = format!(
        "POST http://{}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nbegun",
        origin.addr
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let h = rig.wait(1, |h| h.request_body == b"begun").await;
    assert!(h[0].closing.is_none());
    drop(client);
    let heard = rig.only().await;
    assert_eq!(*heard.end(), End::Aborted);
    soon(gone.notified()).await;
}

/// A server that breaks off in the middle: the client sees a broken body, never a clean end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_breaks_off() {
    for (framing, reset) in [
        ("Content-Length: 100\r\n\r\nbegun", false),
        ("Content-Length: 100\r\n\r\nbegun", true),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n", false),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n", true),
        ("Connection: close\r\n\r\nbegun", true),
    ] {
        let proceed = Arc::new(Notify::new());
        let wait = Arc::clone(&proceed);
        let origin = Server::raw(move |mut stream| {
            let wait = Arc::clone(&wait);
            async move {
                read_head(&mut stream).await;
                let answer = format!("HTTP/1.1 200 OK\r\n{framing}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                wait.notified().await;
                if reset {
                    stream.set_zero_linger().unwrap();
                }
            }
        })
        .await;
        let rig = Rig::start().await;
        // In HTTP/1 and in HTTP/2 towards the client.
        for (round, http2) in [false, true].into_iter().enumerate() {
            let stream = rig.connect().await;
            let mut sender = if http2 {
                Sender::http2(stream).await
            } else {
                Sender::http1(stream).await
            };
            let ask = Request::get(format!("http://{}/", origin.addr))
                .body(empty())
                .unwrap();
            let mut body = sender.send(ask).await.unwrap().into_body();
            assert_eq!(next(&mut body).await.unwrap(), "begun");
            proceed.notify_one();
            let broken = soon(body.frame()).await.expect("no clean end");
            assert!(broken.is_err(), "{framing:?} {reset}");
            let heard = rig.closed(round + 1).await.remove(round);
            assert_eq!(heard.failure().stage, FailureStage::Receive);
            assert_eq!(heard.failure().kind, FailureKind::Reset);
            assert_eq!(heard.response_body, b"begun");
            assert_eq!(heard.status(), Some(200));
        }
    }
}

/// HTTP/2 streams are reset one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_resets_a_stream() {
    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["h2"]);
    let origin = Server::http(Some(config), |_| async {
        let begun = async { Ok(Frame::data(Bytes::from("begun"))) };
        let broken = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err::<_, Box<dyn std::error::Error + Send + Sync>>("on purpose".into())
        };
        let frames = futures_util::stream::once(begun).chain(futures_util::stream::once(broken));
        let body = http_body_util::StreamBody::new(frames);
        Response::new(body.boxed_unsync())
    })
    .await;
    let rig = Rig::with(trusting(&ca.path())).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let mut sender = Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await;
    for round in 0..2 {
        let ask = Request::get(format!("https://{authority}/"))
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        assert!(soon(response.into_body().collect()).await.is_err());
        let heard = rig.closed(round + 1).await.remove(round);
        assert_eq!(heard.failure().stage, FailureStage::Receive);
        assert_eq!(heard.failure().kind, FailureKind::Reset);
        assert_eq!(heard.answer.unwrap().response.version, HttpVersion::Http2);
    }
}

/// In HTTP/2 a stream reset with `NO_ERROR` is not the end of a message, either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_without_blame() {
    let origin = Server::raw(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from("begun"), false).unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                body.send_reset(h2::Reason::NO_ERROR);
            });
        }
    })
    .await;
    let rig = Rig::start().await;
    let mut sender = Sender::http2(rig.tunnel(&origin.addr.to_string()).await).await;
    let url = format!("http://{}/", origin.addr);
    let ask = Request::get(&url).body(empty()).unwrap();
    let mut body = sender.send(ask).await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap(), "begun");
    assert!(soon(body.frame()).await.expect("no clean end").is_err());
    let heard = rig.only().await;
    assert_eq!(heard.failure().stage, FailureStage::Receive);
    assert_eq!(heard.failure().kind, FailureKind::Reset);

    let (tell, mut told) = mpsc::unbounded_channel();
    let origin = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            let mut chunk = [0; 10];
            stream.read_exact(&mut chunk).await.unwrap();
            tell.send(String::from_utf8_lossy(&chunk).into_owned())
                .unwrap();
            tell.send(read_rest(&mut stream).await).unwrap();
        }
    })
    .await;
    let rig = Rig::start().await;
    let (client, connection) = h2::client::handshake(rig.connect().await).await.unwrap();
    tokio::spawn(connection);
    let mut client = soon(client.ready()).await.unwrap();
    let ask = Request::post(format!("http://{}/", origin.addr))
        .body(())
        .unwrap();
    let (_response, mut body) = client.send_request(ask, false).unwrap();
    body.send_data(Bytes::from("begun"), false).unwrap();
    assert_eq!(soon(told.recv()).await.unwrap(), "5\r\nbegun\r\n");
    body.send_reset(h2::Reason::NO_ERROR);
    assert_eq!(soon(told.recv()).await.unwrap(), "", "no last chunk");
    assert_eq!(*rig.only().await.end(), End::Aborted);
}

/// What no server answered is answered by a page of ours, and recorded without a response.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer() {
    let closed_port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let mute = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    let babbling = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            .await
            .unwrap();
        read_rest(&mut stream).await;
    })
    .await;
    let plain = Server::http(None, |_| async { Response::new(full("plain")) }).await;
    let port = |server: &Server| server.addr.port();
    for (url, stage, kind, status, says) in [
        (
            format!("http://localhost:{closed_port}/x"),
            FailureStage::Connect,
            FailureKind::Refused,
            502,
            format!("connection refused by [::1]:{closed_port} and 127.0.0.1:{closed_port}"),
        ),
        (
            "http://nowhere.invalid/x".into(),
            FailureStage::Dns,
            FailureKind::NameNotResolved,
            502,
            "no address found for nowhere.invalid".into(),
        ),
        (
            format!("http://127.0.0.1:{}/x", port(&mute)),
            FailureStage::Wait,
            FailureKind::Reset,
            502,
            "closed the connection without an answer".into(),
        ),
        (
            format!("http://127.0.0.1:{}/x", port(&babbling)),
            FailureStage::Wait,
            FailureKind::Protocol,
            502,
            "did not answer in HTTP".into(),
        ),
        (
            format!("https://127.0.0.1:{}/x", port(&plain)),
            FailureStage::Tls,
            FailureKind::TlsProtocol,
            502,
            "does not speak TLS".into(),
        ),
    ] {
        let rig = Rig::start().await;
        let mut sender = Sender::http1(rig.connect().await).await;
        for (round, accept) in ["text/html,*/*;q=0.8", "application/json"]
            .into_iter()
            .enumerate()
        {
            let ask = Request::get(&url)
                .header("accept", accept)
                .body(empty())
                .unwrap();
            let response = sender.send(ask).await.unwrap();
            assert_eq!(response.status(), status, "{url}");
            assert!(
                !response
                    .headers()
                    .contains_key("access-control-allow-origin")
            );
            let html = response.headers()["content-type"] == "text/html; charset=utf-8";
            assert_eq!(html, round == 0);
            let page = String::from_utf8(collect(response).await.0.to_vec()).unwrap();
            assert!(page.contains("corscope"), "{page}");
            assert!(page.contains(&says), "{page}");
            assert!(page.contains(&url), "{page}");
            let heard = rig.closed(round + 1).await.remove(round);
            assert_eq!(heard.failure().stage, stage, "{url}");
            assert_eq!(heard.failure().kind, kind, "{url}");
            assert!(
                heard.failure().detail.contains(&says),
                "{:?}",
                heard.failure()
            );
            assert!(heard.answer.is_none(), "a failure is no response");
            assert_eq!(heard.closing.unwrap().response_bytes, 0);
        }
    }
}

/// A connection that the server closed while it was kept is replaced where that is safe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_connections() {
    // Answers one request per connection without saying so, and hangs up on the second one.
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let origin = Server::raw(move |mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
            let _ = stream.read_u8().await;
            let _ = stream.set_zero_linger();
        }
    })
    .await;
    let rig = Rig::start().await;
    let mut sender = Sender::http1(rig.connect().await).await;
    let url = format!("http://{}/", origin.addr);
    for (round, method) in ["GET", "GET", "POST"].into_iter().enumerate() {
        let ask = Request::builder()
            .method(method)
            .uri(&url)
            .body(empty())
            .unwrap();
        let response = sender.send(ask).await.unwrap();
        let heard = rig.closed(round + 1).await.remove(round);
        if method == "GET" {
            // Asked once more on a new connection; the record shows the one that answered.
            assert_eq!(response.status(), 200);
            assert_eq!(*heard.end(), End::Complete);
            assert!(!heard.answer.unwrap().upstream.reused);
        } else {
            // It may have been done: nobody but the page can know whether doing it twice is fine.
            assert_eq!(response.status(), 502);
            assert_eq!(heard.failure().kind, FailureKind::Reset);
            assert!(heard.closing.unwrap().upstream.unwrap().reused);
        }
        collect(response).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// A request to the proxy itself goes nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loops() {
    let rig = Rig::start().await;
    let port = rig.addr.port();
    let names = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("app.localhost:{port}"),
        format!("[::1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ];
    let mut expected = 0;
    for name in &names {
        let url = format!("http://{name}/x");
        let mut direct = Sender::http1(rig.connect().await).await;
        let ask = Request::get(&url).body(empty()).unwrap();
        let mut tunnelled = Sender::http1(rig.tunnel(name).await).await;
        let inside = Request::get("/x")
            .header("host", name)
            .body(empty())
            .unwrap();
        for (sender, ask) in [(&mut direct, ask), (&mut tunnelled, inside)] {
            let response = sender.send(ask).await.unwrap();
            assert_eq!(response.status(), 508, "{name}");
            let page = collect(response).await.0;
            assert!(String::from_utf8_lossy(&page).contains("addressed to the proxy itself"));
            expected += 1;
            let heard = rig.closed(expected).await.pop().unwrap();
            assert_eq!(heard.failure().stage, FailureStage::Proxy);
            assert_eq!(heard.failure().kind, FailureKind::Loop);
            assert_eq!(heard.opening.request.url, url);
        }
    }
}

/// The proxy asked as if it were a server says what it is; that is nobody's traffic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_directly() {
    let rig = Rig::start().await;
    let mut sender = Sender::http1(rig.connect().await).await;
    let ask = Request::get("/")
        .header("host", rig.addr.to_string())
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(response.status(), 200);
    let page = collect(response).await.0;
    let page = String::from_utf8_lossy(&page);
    assert!(
        page.contains(&rig.addr.to_string()) && page.contains("corscope-ca.pem"),
        "{page}"
    );
    assert!(rig.heard().is_empty());
    // Under a foreign name it is somebody's mistake, and shown.
    let ask = Request::get("/x")
        .header("host", "api.test")
        .body(empty())
        .unwrap();
    assert_eq!(sender.send(ask).await.unwrap().status(), 421);
    let heard = rig.only().await;
    assert_eq!(heard.failure().stage, FailureStage::Proxy);
    assert_eq!(heard.opening.request.url, "http://api.test/x");
}

/// Stopping lets go of what hangs, and tells it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_stops() {
    let arrived = Arc::new(tokio::sync::Semaphore::new(0));
    let proceed = Arc::new(tokio::sync::Notify::new());
    let (here, wait) = (Arc::clone(&arrived), Arc::clone(&proceed));
    let origin = Server::raw(move |mut stream| {
        let (here, wait) = (Arc::clone(&here), Arc::clone(&wait));
        async move {
            let head = read_head(&mut stream).await;
            here.add_permits(1);
            if head.contains("/slow") {
                wait.notified().await;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await
                    .unwrap();
            }
            read_rest(&mut stream).await;
        }
    })
    .await;
    let mut rig = Rig::start().await;
    let mut asks = Vec::new();
    for path in ["/slow", "/never"] {
        let mut client = rig.connect().await;
        let ask = format!(
            "GET http://{}{path} HTTP/1.1\r\nHost: x\r\n\r\n",
            origin.addr
        );
        client.write_all(ask.as_bytes()).await.unwrap();
        asks.push(client);
        rig.wait(asks.len(), |_| true).await;
    }
    let _both = soon(arrived.acquire_many(2)).await.unwrap();
    // What is answered right after the proxy was told to stop is still delivered.
    tokio::join!(rig.stop(), async {
        tokio::task::yield_now().await;
        proceed.notify_one();
    });
    let all = rig.closed(2).await;
    assert_eq!(*all[0].end(), End::Complete);
    assert_eq!(*all[1].end(), End::Aborted);
    assert!(read_rest(&mut asks[0]).await.ends_with("ok"));
    assert_eq!(read_rest(&mut asks[1]).await, "");
    assert!(tokio::net::TcpStream::connect(rig.addr).await.is_err());
}
