//! Answers changed on order: what is meant is changed, all else passes as ever.

use corscope::proxy::{FieldRule, Override, Overrides};
use corscope::wire::{End, FailureKind, Patch, PathPattern};
use http::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::{Body, Rig, Sender, Server, collect, empty, full, next, read_head, soon, told};

const PAGE: &str = "https://app.test";

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
    pairs.iter().map(owned).collect()
}

/// For the answers of one server to one page: OPTIONS to `/api/*` becomes a 204, all else gets a line.
fn overrides(server: &str) -> Vec<Override> {
    let page = FieldRule::Is("origin".into(), PAGE.into());
    let one = |method: Option<&str>, fields, patch: Patch| Override {
        server: server.to_owned(),
        path: PathPattern::new("/api/*"),
        method: method.map(str::to_owned),
        fields,
        stands_in: patch.status.is_some(),
        patch,
    };
    vec![
        one(
            Some("OPTIONS"),
            vec![page.clone(), FieldRule::Present("x-asks".into())],
            Patch {
                status: Some(204),
                set: pairs(&[("X-Granted", "yes")]),
                append: pairs(&[("Vary", "Origin")]),
                remove: vec!["X-Refused".into()],
            },
        ),
        one(
            None,
            vec![page, FieldRule::Absent("x-asks".into())],
            Patch {
                set: pairs(&[("X-Granted", "this page")]),
                ..Patch::default()
            },
        ),
    ]
}

async fn with(list: Vec<Override>) -> (Rig, Overrides) {
    let overrides = Overrides::default();
    overrides.set(list).unwrap();
    let given = overrides.clone();
    let rig = Rig::with(move |config| config.overrides = given).await;
    (rig, overrides)
}

fn ask(method: &str, url: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::new(empty());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = url.parse().unwrap();
    for (name, value) in fields {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

fn field<B>(response: &Response<B>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

/// Says how it was asked, with odd fields of its own.
async fn answering(request: Request<hyper::body::Incoming>) -> Response<Body> {
    let text = if request.method() == Method::OPTIONS {
        "Method Not Allowed"
    } else {
        "body"
    };
    let status = match (request.method().as_str(), request.uri().path()) {
        ("OPTIONS", _) => 405,
        (_, "/api/304") => 304,
        _ => 200,
    };
    let mut response = Response::new(full(text));
    if status == 304 || request.method() == Method::HEAD {
        *response.body_mut() = empty();
    }
    if request.method() == Method::HEAD {
        let length = http::HeaderValue::from_static("4");
        response.headers_mut().insert("content-length", length);
    }
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.append("x-refused", "1".parse().unwrap());
    headers.append("x-granted", "no".parse().unwrap());
    headers.append("x-granted", "never".parse().unwrap());
    headers.append("vary", "Accept".parse().unwrap());
    response
}

/// One connection for everything, so what is cut or left over would show in the next answer.
async fn changed(http2: bool) {
    let origin = Server::http(None, answering).await;
    let server = format!("http://{}", origin.addr);
    let (rig, handle) = with(overrides(&server)).await;
    let stream = if http2 {
        rig.tunnel(&origin.addr.to_string()).await
    } else {
        rig.connect().await
    };
    let mut client = if http2 {
        Sender::http2(stream).await
    } else {
        Sender::http1(stream).await
    };
    let page = ("origin", PAGE);
    for (method, path, fields, status, granted, body) in [
        (
            "OPTIONS",
            "/api/7",
            &[page, ("x-asks", "PUT")][..],
            204,
            Some("yes"),
            "",
        ),
        (
            "OPTIONS",
            "/api/7",
            &[page][..],
            405,
            Some("this page"),
            "Method Not Allowed",
        ),
        (
            "OPTIONS",
            "/other",
            &[page, ("x-asks", "PUT")][..],
            405,
            Some("no"),
            "Method Not Allowed",
        ),
        (
            "GET",
            "/api/7?q=1",
            &[page][..],
            200,
            Some("this page"),
            "body",
        ),
        ("GET", "/api/7", &[][..], 200, Some("no"), "body"),
        (
            "GET",
            "/api/7",
            &[("origin", "https://other.test")][..],
            200,
            Some("no"),
            "body",
        ),
        ("HEAD", "/api/7", &[page][..], 200, Some("this page"), ""),
        ("GET", "/api/304", &[page][..], 304, Some("this page"), ""),
    ] {
        let request = ask(method, &format!("{server}{path}"), fields);
        let response = client.send(request).await.unwrap();
        let what = format!("{method} {path} {fields:?}");
        assert_eq!(response.status(), status, "{what}");
        assert_eq!(field(&response, "x-granted").as_deref(), granted, "{what}");
        let length = field(&response, "content-length");
        if status == 204 {
            assert_eq!(length, None, "{what}");
            assert_eq!(field(&response, "x-refused"), None);
            let all = response.headers().get_all("vary").iter();
            let all: Vec<_> = all.map(|v| v.to_str().unwrap()).collect();
            assert_eq!(all, ["Accept", "Origin"]);
        } else {
            assert_eq!(field(&response, "x-refused").as_deref(), Some("1"));
        }
        if status == 200 {
            assert_eq!(length.as_deref(), Some("4"), "{what}");
        }
        let (bytes, _) = collect(response).await;
        assert_eq!(bytes, body, "{what}");
    }
    handle.clear();
    let request = ask("GET", &format!("{server}/api/7"), &[page]);
    let response = client.send(request).await.unwrap();
    assert_eq!(
        field(&response, "x-granted").as_deref(),
        Some("no"),
        "stopped"
    );
    collect(response).await;

    let heard = rig.closed(9).await;
    // What the server said is kept beside what was changed, its body too.
    let first = &heard[0];
    assert_eq!(first.status(), Some(405));
    assert_eq!(
        first.response_header("x-granted").as_deref(),
        Some("no, never")
    );
    assert_eq!(first.response_body, b"Method Not Allowed");
    assert_eq!(first.patch.as_ref().unwrap().status, Some(204));
    let patched: Vec<bool> = heard.iter().map(|h| h.patch.is_some()).collect();
    assert_eq!(
        patched,
        [true, true, false, true, false, false, true, true, false]
    );
    assert!(heard.iter().all(|h| *h.end() == End::Complete));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_meant_is_changed_in_http1() {
    changed(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_meant_is_changed_in_http2() {
    changed(true).await;
}

/// Where no answer comes, the order is the answer, and the record says that none came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_stood_in_for() {
    let hanging = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    let closing = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    let gone = Server::raw(|_| async {}).await.addr;
    for (addr, kind) in [
        (hanging.addr, FailureKind::TimedOut),
        (closing.addr, FailureKind::Reset),
        (gone, FailureKind::Refused),
    ] {
        let server = format!("http://{addr}");
        let (rig, _handle) = with(overrides(&server)).await;
        let mut client = Sender::http1(rig.connect().await).await;
        let fields = [("origin", PAGE), ("x-asks", "PUT")];
        let request = ask("OPTIONS", &format!("{server}/api/7"), &fields);
        let response = client.send(request).await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(field(&response, "x-granted").as_deref(), Some("yes"));
        collect(response).await;
        let heard = rig.only().await;
        assert_eq!(heard.status(), None, "the server said nothing");
        assert_eq!(heard.failure().kind, kind);
        assert!(heard.patch.is_some());
    }
    // An override that only changes answers makes none up.
    let server = format!("http://{gone}");
    let (rig, _handle) = with(overrides(&server)).await;
    let mut client = Sender::http1(rig.connect().await).await;
    let request = ask("GET", &format!("{server}/api/7"), &[("origin", PAGE)]);
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(field(&response, "x-granted"), None);
    collect(response).await;
    assert!(rig.only().await.patch.is_none());
}

/// A changed head does not hold the body back, and a WebSocket is nobody's to change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_and_sockets_pass() {
    let (tell, body) = told();
    let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let origin = Server::http(None, move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body) }
    })
    .await;
    let server = format!("http://{}", origin.addr);
    let (rig, _handle) = with(overrides(&server)).await;
    let mut client = Sender::http1(rig.connect().await).await;
    let request = ask("GET", &format!("{server}/api/7"), &[("origin", PAGE)]);
    tell.send(http_body::Frame::data("first".into())).unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(field(&response, "x-granted").as_deref(), Some("this page"));
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap(), "first");
    tell.send(http_body::Frame::data("second".into())).unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "second");
    drop(tell);
    assert!(next(&mut body).await.is_none());

    let origin = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                      Upgrade: websocket\r\nX-Granted: no\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    let server = format!("http://{}", origin.addr);
    let (rig, _handle) = with(overrides(&server)).await;
    let mut client = rig.connect().await;
    let ask = format!(
        "GET {server}/api/7 HTTP/1.1\r\nHost: {}\r\nOrigin: {PAGE}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\n\r\n",
        origin.addr
    );
    client.write_all(ask.as_bytes()).await.unwrap();
    let head = soon(read_head(&mut client)).await.to_lowercase();
    assert!(
        head.starts_with("http/1.1 101") && head.contains("x-granted: no"),
        "{head}"
    );
}
