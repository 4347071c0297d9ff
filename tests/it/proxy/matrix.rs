//! Every version towards the client against every version towards the server, plain and over TLS.

use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::rig::{Body, Certificate, Rig, Sender, Server, ServerCa, collect, full, trusting};
use corscope::wire::{End, HttpVersion, Kind};

/// Echoes the body, and says what was asked in headers.
async fn echo(request: Request<Incoming>) -> Response<Body> {
    let asked = format!(
        "{} {} {:?}",
        request.method(),
        request.uri(),
        request.version()
    );
    let host = request.headers().get("host").cloned();
    let names: Vec<&str> = request
        .headers()
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    let mut response = Response::builder()
        .status(201)
        .header("x-asked", asked)
        .header("x-names", names.join(","))
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2");
    if let Some(host) = host {
        response = response.header("x-host", host);
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    response.body(full(body)).unwrap()
}

fn request(uri: &str, version: Version) -> Request<Body> {
    let mut request = Request::builder()
        .method("PUT")
        .uri(uri)
        .version(version)
        .header("origin", "https://app.test")
        .header("cookie", "s=1");
    if version == Version::HTTP_11 {
        let host = uri.parse::<http::Uri>().unwrap();
        request = request.header("host", host.authority().unwrap().as_str());
    }
    request.body(full("hello server")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls() {
    let ca = ServerCa::new();
    for (client, server, upstream) in [
        ("http/1.1", &["http/1.1"][..], HttpVersion::Http11),
        ("http/1.1", &["h2", "http/1.1"], HttpVersion::Http11),
        ("h2", &["h2", "http/1.1"], HttpVersion::Http2),
        ("h2", &["h2"], HttpVersion::Http2),
        ("h2", &["http/1.1"], HttpVersion::Http11),
        ("h2", &[], HttpVersion::Http11),
        ("", &["h2", "http/1.1"], HttpVersion::Http11),
    ] {
        let origin = Server::http(Some(ca.config(Certificate::Good, server)), echo).await;
        let rig = Rig::with(trusting(&ca.path())).await;
        let authority = format!("localhost:{}", origin.addr.port());
        let alpn: Vec<&str> = [client].into_iter().filter(|a| !a.is_empty()).collect();
        let stream = rig.tunnel_tls(&authority, &alpn).await;
        let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen.as_deref(), alpn.first().map(|a| a.as_bytes()));
        let shown = stream.get_ref().1.peer_certificates().unwrap();
        assert_eq!(shown.len(), 2, "leaf and authority");
        assert_eq!(shown[1], rig.ca);
        let url = format!("https://{authority}/v1/cart?q=1");
        let http2 = client == "h2";
        let mut sender = if http2 {
            Sender::http2(stream).await
        } else {
            Sender::http1(stream).await
        };
        let version = if http2 {
            Version::HTTP_2
        } else {
            Version::HTTP_11
        };
        for round in 0..2 {
            let mut asked = request(&url, version);
            if !http2 {
                *asked.uri_mut() = "/v1/cart?q=1".parse().unwrap();
            }
            let response = sender.send(asked).await.unwrap();
            assert_eq!(response.status(), 201);
            let headers = response.headers().clone();
            let (body, _) = collect(response).await;
            assert_eq!(body, "hello server");
            let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["a=1", "b=2"]);
            let asked = headers["x-asked"].to_str().unwrap();
            if upstream == HttpVersion::Http2 {
                assert_eq!(asked, format!("PUT {url} HTTP/2.0"));
                assert_eq!(
                    headers["x-names"],
                    if http2 {
                        "origin,cookie,content-length"
                    } else {
                        ""
                    }
                );
            } else {
                assert_eq!(asked, "PUT /v1/cart?q=1 HTTP/1.1");
                assert_eq!(headers["x-host"], authority);
            }
            let heard = rig.closed(round + 1).await.remove(round);
            assert_eq!(heard.opening.kind, Kind::Http);
            assert_eq!(heard.opening.request.url, url);
            assert_eq!(heard.opening.request.method, "PUT");
            assert_eq!(
                heard.opening.request.version.name(),
                if http2 { "h2" } else { "HTTP/1.1" }
            );
            assert_eq!(
                heard.request_header("origin").as_deref(),
                Some("https://app.test")
            );
            assert_eq!(heard.request_body, b"hello server");
            assert_eq!(heard.response_body, b"hello server");
            assert_eq!(*heard.end(), End::Complete);
            let answer = heard.answer.as_ref().unwrap();
            assert_eq!(answer.response.status, 201);
            assert_eq!(answer.response.version, upstream);
            assert_eq!(answer.upstream.reused, round == 1);
            assert_eq!(answer.upstream.addr, Some(origin.addr));
            assert!(
                answer
                    .upstream
                    .tls
                    .as_deref()
                    .unwrap()
                    .starts_with("TLS 1.3, ")
            );
            assert!(!answer.upstream.insecure);
            assert_eq!(answer.timings.connect.is_some(), round == 0);
            assert_eq!(answer.timings.tls.is_some(), round == 0);
            let closing = heard.closing.as_ref().unwrap();
            assert_eq!((closing.request_bytes, closing.response_bytes), (12, 12));
            let t = closing.timings;
            assert!(t.send.is_some() && t.wait.is_some() && t.receive.is_some());
            assert_eq!(heard.opening.client.connection, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain() {
    let origin = Server::http(None, echo).await;
    let authority = origin.addr.to_string();
    let url = format!("http://{authority}/v1/cart?q=1");
    // In absolute form; in a tunnel in HTTP/1; in a tunnel in HTTP/2 with prior knowledge; and
    // HTTP/2 to the proxy itself.
    for (tunnel, http2) in [(false, false), (true, false), (true, true), (false, true)] {
        let rig = Rig::start().await;
        let stream = if tunnel {
            rig.tunnel(&authority).await
        } else {
            rig.connect().await
        };
        let mut sender = if http2 {
            Sender::http2(stream).await
        } else {
            Sender::http1(stream).await
        };
        let version = if http2 {
            Version::HTTP_2
        } else {
            Version::HTTP_11
        };
        let mut asked = request(&url, version);
        if tunnel && !http2 {
            *asked.uri_mut() = "/v1/cart?q=1".parse().unwrap();
        }
        let response = sender.send(asked).await.unwrap();
        assert_eq!(response.status(), 201);
        let asked = response.headers()["x-asked"].to_str().unwrap().to_owned();
        assert_eq!(collect(response).await.0, "hello server");
        let heard = rig.only().await;
        assert_eq!(heard.opening.request.url, url);
        assert_eq!(*heard.end(), End::Complete);
        assert_eq!(heard.request_body, b"hello server");
        let answer = heard.answer.as_ref().unwrap();
        assert_eq!(answer.upstream.tls, None);
        // Only inside the tunnel is it certain that the server knows HTTP/2.
        if tunnel && http2 {
            assert_eq!(answer.response.version, HttpVersion::Http2);
            assert_eq!(asked, format!("PUT {url} HTTP/2.0"));
        } else {
            assert_eq!(answer.response.version, HttpVersion::Http11);
            assert_eq!(asked, "PUT /v1/cart?q=1 HTTP/1.1");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_share_one_connection() {
    let ca = ServerCa::new();
    let origin = Server::http(Some(ca.config(Certificate::Good, &["h2"])), echo).await;
    let rig = Rig::with(trusting(&ca.path())).await;
    let authority = format!("localhost:{}", origin.addr.port());
    let stream = rig.tunnel_tls(&authority, &["h2"]).await;
    let Sender::Http2(sender) = Sender::http2(stream).await else {
        unreachable!()
    };
    let mut running = tokio::task::JoinSet::new();
    for n in 0..40 {
        let mut sender = sender.clone();
        let url = format!("https://{authority}/{n}");
        running.spawn(async move {
            let response = sender
                .send_request(request(&url, Version::HTTP_2))
                .await
                .unwrap();
            assert_eq!(collect(response).await.0, "hello server");
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let all = rig.closed(40).await;
    let mut connections: Vec<u64> = all
        .iter()
        .map(|h| h.answer.as_ref().unwrap().upstream.connection)
        .collect();
    connections.dedup();
    assert_eq!(connections.len(), 1, "one connection, dialled once");
    assert_eq!(
        all.iter()
            .filter(|h| !h.answer.as_ref().unwrap().upstream.reused)
            .count(),
        1
    );
}
