//! Heads: what must change does, nothing else; and where names lead.

use std::net::{Ipv4Addr, Ipv6Addr};

use corscope::wire::{End, FailureKind};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::rig::{
    Certificate, Rig, Sender, Server, ServerCa, collect, empty, full, read_head, read_rest, told,
    trusting,
};

/// Every field in its place and in its letter case; those of one connection gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_one_connection() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let origin = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(read_head(&mut stream).await).unwrap();
            let answer = "HTTP/1.1 200 Fine, thanks\r\nServer: x\r\nX-Odd-CASE: 1\r\n\
                          Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                          Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: Origin\r\n\
                          Content-Length: 2\r\n\r\nok";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let rig = Rig::start().await;
    let mut client = rig.connect().await;
    let ask = format!(
        "GET http://{0}/p%20th?q=1&q=%7E HTTP/1.1\r\nHost: {0}\r\nProxy-Connection: keep-alive\r\n\
         X-First: 1\r\nUser-Agent: t\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\n\
         Accept: */*\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\nX-MiXeD: a\r\nX-MiXeD: b\r\n\r\n",
        origin.addr
    );
    client.write_all(ask.as_bytes()).await.unwrap();
    let head = read_head(&mut client).await;
    let mut body = [0; 2];
    client.read_exact(&mut body).await.unwrap();
    assert_eq!(
        told.recv().await.unwrap(),
        format!(
            "GET /p%20th?q=1&q=%7E HTTP/1.1\r\nHost: {}\r\nX-First: 1\r\nUser-Agent: t\r\n\
             Accept: */*\r\nX-MiXeD: a\r\nX-MiXeD: b\r\n\r\n",
            origin.addr
        )
    );
    assert_eq!(
        head,
        "HTTP/1.1 200 Fine, thanks\r\nServer: x\r\nX-Odd-CASE: 1\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nVary: Origin\r\nContent-Length: 2\r\n\r\n"
    );
    // The record has what crossed the wire.
    let heard = rig.only().await;
    assert_eq!(heard.request_header("x-mine").as_deref(), Some("1"));
    assert_eq!(
        heard.request_header("proxy-connection").as_deref(),
        Some("keep-alive")
    );
    assert_eq!(heard.response_header("x-hop").as_deref(), Some("1"));
    let answer = heard.answer.as_ref().unwrap();
    assert_eq!(answer.response.reason.as_deref(), Some("Fine, thanks"));
    assert_eq!(
        heard.opening.request.url,
        format!("http://{}/p%20th?q=1&q=%7E", origin.addr)
    );
}

/// The target of a request in absolute form wins over its `Host`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_follows_the_url() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let origin = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(read_head(&mut stream).await).unwrap();
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
        }
    })
    .await;
    for host in ["Host: other.test\r\nX: 1\r\n", "X: 1\r\n"] {
        let rig = Rig::start().await;
        let mut client = rig.connect().await;
        let version = if host.starts_with("Host") {
            "1.1"
        } else {
            "1.0"
        };
        let ask = format!("GET http://{}/ HTTP/{version}\r\n{host}\r\n", origin.addr);
        client.write_all(ask.as_bytes()).await.unwrap();
        read_head(&mut client).await;
        let head = told.recv().await.unwrap().to_lowercase();
        let expected = format!("get / http/1.1\r\nhost: {}\r\nx: 1\r\n\r\n", origin.addr);
        assert_eq!(head, expected);
        assert_eq!(
            rig.only().await.opening.request.url,
            format!("http://{}/", origin.addr)
        );
    }
}

/// Cookies that HTTP/2 split are one field in HTTP/1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookie_crumbs() {
    let ca = ServerCa::new();
    let config = ca.config(Certificate::Good, &["http/1.1"]);
    let origin = Server::http(Some(config), |ask| async move {
        let cookies: Vec<_> = ask.headers().get_all("cookie").iter().cloned().collect();
        assert_eq!(cookies.len(), 1);
        Response::new(full(cookies[0].as_bytes().to_vec()))
    })
    .await;
    let rig = Rig::with(trusting(&ca.path())).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let mut sender = Sender::http2(rig.tunnel_tls(&authority, &["h2"]).await).await;
    let ask = Request::get(format!("https://{authority}/"))
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let response = sender.send(ask.body(empty()).unwrap()).await.unwrap();
    assert_eq!(collect(response).await.0, "a=1; b=2");
    assert_eq!(
        rig.only().await.request_header("cookie").as_deref(),
        Some("a=1; b=2")
    );
}

/// A body of unknown length goes on with its request, whatever the method.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_unknown_length() {
    let origin = Server::http(None, |ask| async {
        let body = ask.into_body().collect().await.unwrap().to_bytes();
        Response::new(full(body))
    })
    .await;
    for method in ["GET", "DELETE", "POST"] {
        let rig = Rig::start().await;
        let mut sender = Sender::http2(rig.connect().await).await;
        let (tell, body) = told();
        tell.send(Frame::data("query".into())).unwrap();
        drop(tell);
        let ask = Request::builder()
            .method(method)
            .uri(format!("http://{}/", origin.addr));
        let response = sender.send(ask.body(body).unwrap()).await.unwrap();
        assert_eq!(collect(response).await.0, "query", "{method}");
        assert_eq!(rig.only().await.request_body, b"query");
    }
}

/// `localhost` and what is below it mean this machine in both families, without a resolver.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_this_machine() {
    let ca = ServerCa::new();
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let plain = Server::http_at(ip, None, |_| async { Response::new(full("plain")) }).await;
        let config = ca.config(Certificate::Good, &["http/1.1"]);
        let secure = Server::http_at(ip, Some(config), |_| async {
            Response::new(full("secure"))
        })
        .await;
        let mut hosts = vec!["localhost".to_owned(), "app.localhost".to_owned()];
        hosts.push(if ip.is_ipv4() {
            ip.to_string()
        } else {
            format!("[{ip}]")
        });
        for host in hosts {
            let rig = Rig::with(trusting(&ca.path())).await;
            let authority = format!("{host}:{}", plain.addr.port());
            let mut sender = Sender::http1(rig.connect().await).await;
            let ask = Request::get(format!("http://{authority}/"))
                .body(empty())
                .unwrap();
            let response = sender.send(ask).await.unwrap();
            assert_eq!(collect(response).await.0, "plain");
            let authority = format!("{host}:{}", secure.addr.port());
            let mut sender = Sender::http1(rig.tunnel_tls(&authority, &["http/1.1"]).await).await;
            let ask = Request::get("/")
                .header("host", &authority)
                .body(empty())
                .unwrap();
            let response = sender.send(ask).await.unwrap();
            assert_eq!(collect(response).await.0, "secure");
            let all = rig.closed(2).await;
            for heard in &all {
                assert_eq!(*heard.end(), End::Complete);
                let answer = heard.answer.as_ref().unwrap();
                assert_eq!(answer.upstream.addr.unwrap().ip(), ip);
                assert_eq!(answer.timings.dns, None, "nobody was asked");
            }
            assert_eq!(all[1].opening.request.url, format!("https://{authority}/"));
        }
    }
}

/// The proxy is reached over IPv6 as well, on the same port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reached_over_ipv6() {
    let origin = Server::http(None, |_| async { Response::new(full("ok")) }).await;
    let rig = Rig::start().await;
    let Some(v6) = rig.addresses.iter().find(|a| a.is_ipv6()) else {
        assert_eq!(rig.addresses.len(), 1, "this machine has no IPv6");
        return;
    };
    assert_eq!(v6.port(), rig.addr.port());
    let stream = tokio::net::TcpStream::connect(v6).await.unwrap();
    let mut sender = Sender::http1(stream).await;
    let ask = Request::get(format!("http://{}/", origin.addr))
        .body(empty())
        .unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(collect(response).await.0, "ok");
    assert!(rig.only().await.opening.client.addr.unwrap().is_ipv6());
}

/// Long heads pass; endless ones do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits() {
    let origin = Server::raw(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let wide = "X-Wide: 1\r\n".repeat(300);
        let long = "a".repeat(100_000);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-Len: {}\r\nX-Long: {long}\r\n{wide}Content-Length: 0\r\n\r\n",
            head.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        read_rest(&mut stream).await;
    })
    .await;
    for (bytes, fits) in [(100_000, true), (400_000, false)] {
        let rig = Rig::start().await;
        let mut client = rig.connect().await;
        let long = "b".repeat(bytes);
        let ask = format!(
            "GET http://{}/ HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n",
            origin.addr
        );
        // A proxy that refuses need not read it all.
        let _ = client.write_all(ask.as_bytes()).await;
        if fits {
            let head = read_head(&mut client).await;
            assert!(head.starts_with("HTTP/1.1 200"));
            assert_eq!(head.matches("X-Wide").count(), 300);
            let heard = rig.only().await;
            assert_eq!(heard.request_header("x-long").unwrap().len(), bytes);
            assert_eq!(heard.response_header("x-long").unwrap().len(), 100_000);
        } else {
            let answer = read_rest(&mut client).await;
            assert!(
                answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
                "{answer}"
            );
            assert_eq!(rig.only().await.failure().kind, FailureKind::Protocol);
        }
    }
}
