//! HTTP/2 that breaks the rules, from a client and from a server: nothing of it is passed on in a form
//! that could be read in two ways, it ends in a clear row or in none, and nobody else notices.

use std::sync::{Arc, Mutex};

use corscope::wire::{End, FailureKind};
use http::Request;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frames::{
    Came, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PREFACE, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers, next_frame, settings,
};
use super::rig::{Rig, Sender, Server, empty, soon};

/// A server in HTTP/1 that answers all it understands, and remembers all it was told.
async fn listening() -> (Server, Arc<Mutex<Vec<u8>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let server = Server::raw(move |mut stream| {
        let heard = Arc::clone(&heard);
        async move {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let n = stream.read(&mut buffer).await.unwrap_or(0);
                if n == 0 {
                    return;
                }
                heard.lock().unwrap().extend_from_slice(&buffer[..n]);
                if buffer[..n].ends_with(b"\r\n\r\n") {
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        }
    })
    .await;
    (server, told)
}

/// What a client that sends this gets to hear of stream 1.
async fn reaction(rig: &Rig, sent: &[u8]) -> Option<Came> {
    let mut stream = rig.connect().await;
    let hello = [PREFACE, &settings(&[]), sent].concat();
    stream.write_all(&hello).await.unwrap();
    soon(async {
        loop {
            let came = next_frame(&mut stream).await?;
            if came.kind == GOAWAY || (came.stream == 1 && came.kind != WINDOW_UPDATE) {
                return Some(came);
            }
        }
    })
    .await
}

/// `:status: 200` (RFC 7541, appendix A).
fn is_ok(came: &Came) -> bool {
    came.kind == HEADERS && came.payload.first() == Some(&0x88)
}

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

/// A request for `authority` with one field after the usual ones.
fn with<'a>(authority: &'a str, name: &'a str, value: &'a [u8]) -> Fields<'a> {
    vec![
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", authority.as_bytes()),
        (":path", b"/"),
        (name, value),
    ]
}

/// The same with another value for one of the usual ones.
fn but<'a>(authority: &'a str, name: &str, value: &'a [u8]) -> Fields<'a> {
    let mut fields = with(authority, "accept", b"*/*");
    for field in &mut fields {
        if field.0 == name {
            field.1 = value;
        }
    }
    fields
}

/// The same without one of them.
fn without<'a>(authority: &'a str, name: &str) -> Fields<'a> {
    let mut fields = with(authority, "accept", b"*/*");
    fields.retain(|f| f.0 != name);
    fields
}

/// All that a client could write into a request in HTTP/2 so that in HTTP/1 it would be something else:
/// the server hears of none of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_none() {
    let (server, told) = listening().await;
    let authority = server.addr.to_string();
    let a = authority.as_str();
    let far = format!("{a} HTTP/1.1\r\nx: y");
    let twice = |name: &'static str, value: &'static [u8]| {
        let mut fields = with(a, "accept", b"*/*");
        fields.insert(0, (name, value));
        fields
    };
    let mut late = with(a, "accept", b"*/*");
    late.swap(3, 4);
    let cases: Vec<(&str, Fields<'_>)> = vec![
        ("no method", without(a, ":method")),
        ("no scheme", without(a, ":scheme")),
        ("no path", without(a, ":path")),
        ("two methods", twice(":method", b"POST")),
        ("two schemes", twice(":scheme", b"https")),
        ("two paths", twice(":path", b"/other")),
        ("two authorities", twice(":authority", b"other.test")),
        ("an unknown pseudo field", twice(":secret", b"x")),
        ("a status", twice(":status", b"200")),
        (
            "a protocol nobody offered",
            twice(":protocol", b"websocket"),
        ),
        ("a pseudo field after others", late),
        ("capitals", with(a, "X-Upper", b"x")),
        ("connection", with(a, "connection", b"close")),
        ("keep-alive", with(a, "keep-alive", b"1")),
        ("proxy-connection", with(a, "proxy-connection", b"close")),
        (
            "transfer-encoding",
            with(a, "transfer-encoding", b"chunked"),
        ),
        ("upgrade", with(a, "upgrade", b"h2c")),
        ("te", with(a, "te", b"gzip")),
        ("a line end in a value", with(a, "x", b"y\r\nz: w")),
        ("a line feed in a value", with(a, "x", b"y\nz: w")),
        ("a zero in a value", with(a, "x", b"y\0z")),
        ("a line end in a name", with(a, "x\r\ny", b"z")),
        ("a blank in a name", with(a, "x y", b"z")),
        ("a colon in a name", with(a, "x:y", b"z")),
        ("no name", with(a, "", b"z")),
        ("no path at all", but(a, ":path", b"")),
        (
            "a path that is a line",
            but(a, ":path", b"/ HTTP/1.1\r\nx: y"),
        ),
        ("a blank in the path", but(a, ":path", b"/a b")),
        (
            "a path that does not start",
            but(a, ":path", b"other.test/"),
        ),
        (
            "a method that is a line",
            but(a, ":method", b"GET / HTTP/1.1\r\nx: y\r\n\r\nGET"),
        ),
        ("a blank in the method", but(a, ":method", b"GET /")),
        ("no method at all", but(a, ":method", b"")),
        (
            "an authority that is a line",
            but(a, ":authority", far.as_bytes()),
        ),
        (
            "an authority with a path",
            but(a, ":authority", b"127.0.0.1/x"),
        ),
        ("a scheme nobody speaks", but(a, ":scheme", b"gopher")),
        ("a scheme that is a line", but(a, ":scheme", b"http\r\n")),
        (
            "content that does not come",
            with(a, "content-length", b"5"),
        ),
        ("a length that is none", with(a, "content-length", b"+5")),
        ("two lengths in one", with(a, "content-length", b"5, 6")),
    ];
    let rig = Rig::start().await;
    let mut told_apart = 0;
    let mut passed = Vec::new();
    for (what, fields) in &cases {
        let came = reaction(&rig, &headers(1, END_STREAM, fields)).await;
        if came.as_ref().is_some_and(is_ok) {
            passed.push(what);
        }
        told_apart += usize::from(came.is_some_and(|c| matches!(c.kind, RST_STREAM | GOAWAY)));
    }
    assert!(passed.is_empty(), "{passed:?}");
    assert!(told_apart > 20, "by the frames made for it: {told_apart}");
    let heard = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    assert_eq!(heard, "", "nothing reached the server");
    for heard in rig.heard() {
        let end = &heard.closing.as_ref().expect("ended").end;
        assert!(matches!(end, End::Failed(_)), "{end:?}");
    }
    // What is lawful passes as ever.
    let came = reaction(&rig, &headers(1, END_STREAM, &with(a, "te", b"trailers"))).await;
    assert!(came.as_ref().is_some_and(is_ok), "{came:?}");
    let heard = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    assert_eq!(heard.matches("GET / HTTP/1.1\r\n").count(), 1, "{heard}");
    assert_eq!(
        heard.matches(&format!("host: {a}\r\n")).count(),
        1,
        "{heard}"
    );
}

/// What can be read in two ways is told in one: the authority counts, not another `host`; and a user
/// has no place in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_counts() {
    let (server, told) = listening().await;
    let authority = server.addr.to_string();
    let rig = Rig::start().await;
    let user = format!("me@{authority}");
    let cases = [
        with(&authority, "host", b"other.test"),
        but(&authority, ":authority", user.as_bytes()),
    ];
    for fields in cases {
        told.lock().unwrap().clear();
        let came = reaction(&rig, &headers(1, END_STREAM, &fields)).await;
        let heard = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
        assert!(
            !heard.contains("other.test") && !heard.contains("me@"),
            "{came:?} {heard}"
        );
        let passed = usize::from(came.as_ref().is_some_and(is_ok));
        assert_eq!(heard.matches("host: ").count(), passed, "{heard}");
        assert_eq!(
            heard.matches(&format!("host: {authority}\r\n")).count(),
            passed,
            "{heard}"
        );
    }
}

/// Bodies that are longer or shorter than was said are never told to the server as whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_another_length() {
    let (server, told) = listening().await;
    let authority = server.addr.to_string();
    for (said, sent) in [("3", &b"longer"[..]), ("30", b"short")] {
        let mut fields = with(&authority, "content-length", said.as_bytes());
        fields[0].1 = b"POST";
        let sent = [headers(1, 0, &fields), frame(DATA, END_STREAM, 1, sent)].concat();
        let rig = Rig::start().await;
        let came = reaction(&rig, &sent).await.expect("an answer");
        assert!(!is_ok(&came), "{came:?}");
        for heard in rig
            .wait_for(|all| all.iter().all(|h| h.closing.is_some()))
            .await
        {
            assert_ne!(*heard.end(), End::Complete);
        }
        let heard = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
        assert!(!heard.contains("longer"), "{heard}");
    }
}

/// Frames that break the rules of frames, from a client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_none() {
    let (server, told) = listening().await;
    let authority = server.addr.to_string();
    let post = {
        let mut fields = with(&authority, "accept", b"*/*");
        fields[0].1 = b"POST";
        headers(1, 0, &fields)
    };
    let update = |stream: u32, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let full = (1_u32 << 31) - 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an update by nothing", [&post[..], &update(1, 0)].concat()),
        ("the same of all", update(0, 0)),
        ("a window too wide", [&post[..], &update(1, full)].concat()),
        (
            "the same of all",
            [update(0, full), update(0, full)].concat(),
        ),
        ("settings of odd length", frame(SETTINGS, 0, 0, &[0; 5])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
        ("a window that is none", settings(&[(4, 1 << 31)])),
        ("frames that are none", settings(&[(5, 1)])),
        ("data of no stream", frame(DATA, 0, 0, b"x")),
        ("data of a stream to come", frame(DATA, 0, 1, b"x")),
        (
            "more padding than there is",
            [&post[..], &frame(DATA, PADDED, 1, &[9, 1])].concat(),
        ),
        ("a push", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        (
            "a stream of the server's",
            headers(2, END_STREAM, &with(&authority, "x", b"y")),
        ),
        (
            "a block that is none",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40]),
        ),
        (
            "an index of nothing",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]),
        ),
        ("a reset of nothing", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        ("a frame too long", frame(DATA, 0, 1, &vec![0; 16_385])),
    ];
    for (what, sent) in &cases {
        let rig = Rig::start().await;
        let came = reaction(&rig, sent).await;
        assert!(
            came.as_ref()
                .is_none_or(|c| matches!(c.kind, GOAWAY | RST_STREAM) && c.code() != 0),
            "{what}: {came:?}"
        );
        for heard in rig
            .wait_for(|all| all.iter().all(|h| h.closing.is_some()))
            .await
        {
            assert_ne!(*heard.end(), End::Complete, "{what}");
        }
    }
    let heard = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    assert!(!heard.contains("0\r\n\r\n"), "never told as whole: {heard}");
}

/// Answers that break the rules: the browser gets our page, or an answer that breaks off, and the row
/// says that the server did it. The next request is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none() {
    let ok = |name: &'static str, value: &'static [u8]| -> Vec<u8> {
        let answer = headers(1, 0, &[(":status", b"200"), (name, value)]);
        [answer, frame(DATA, END_STREAM, 1, b"body")].concat()
    };
    let status = |status: &'static [u8]| headers(1, END_STREAM, &[(":status", status)]);
    let hundred = || headers(1, 0, &[(":status", b"103")]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no status", headers(1, END_STREAM, &[("x", b"y")])),
        ("a status of letters", status(b"abc")),
        ("a status too short", status(b"20")),
        ("a status too long", status(b"2000")),
        ("two statuses", {
            headers(1, END_STREAM, &[(":status", b"200"), (":status", b"404")])
        }),
        ("a pseudo field too late", {
            headers(1, END_STREAM, &[("x", b"y"), (":status", b"200")])
        }),
        ("capitals", ok("X-Upper", b"x")),
        ("connection", ok("connection", b"close")),
        ("transfer-encoding", ok("transfer-encoding", b"chunked")),
        ("a line end in a value", ok("x", b"y\r\nset-cookie: a=b")),
        ("a zero in a value", ok("x", b"y\0z")),
        ("a blank in a name", ok("x y", b"z")),
        ("less than was said", ok("content-length", b"9")),
        ("more than was said", ok("content-length", b"2")),
        ("a length that is none", ok("content-length", b"x")),
        ("data before the head", frame(DATA, END_STREAM, 1, b"body")),
        (
            "interim for ever",
            [hundred(), frame(DATA, END_STREAM, 1, b"x")].concat(),
        ),
        (
            "an interim that ends",
            headers(1, END_STREAM, &[(":status", b"103")]),
        ),
        ("reset at once", frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])),
        (
            "gone at once",
            frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2]),
        ),
        ("a push nobody wants", {
            let push = [&[0, 0, 0, 2][..], &block(&[(":method", b"GET")])].concat();
            frame(PUSH_PROMISE, END_HEADERS, 1, &push)
        }),
        ("an update by nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a window that is none", settings(&[(4, u32::MAX)])),
        (
            "a stream nobody opened",
            headers(7, END_STREAM, &[(":status", b"200")]),
        ),
        (
            "a block that is none",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40]),
        ),
        (
            "no frames at all",
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
    ];
    let mut passed = Vec::new();
    for (what, answer) in cases {
        // The first request gets it, whatever comes after is answered as it should be.
        let answer = Arc::new(Mutex::new(Some(answer)));
        let server = Server::raw(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                let _ = stream.write_all(&settings(&[])).await;
                let mut preface = [0; PREFACE.len()];
                if stream.read_exact(&mut preface).await.is_err() {
                    return;
                }
                while let Some(came) = next_frame(&mut stream).await {
                    if came.kind == HEADERS {
                        let answer = answer.lock().unwrap().take();
                        let answer = answer.unwrap_or_else(|| {
                            headers(came.stream, END_STREAM, &[(":status", b"200")])
                        });
                        let _ = stream.write_all(&answer).await;
                    }
                }
            }
        })
        .await;
        let rig = Rig::start().await;
        let authority = server.addr.to_string();
        let url = format!("http://{authority}/");
        let mut sender = Sender::http2(rig.tunnel(&authority).await).await;
        let ask = || Request::get(&url).body(empty()).unwrap();
        let (status, body) = match sender.send(ask()).await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                (status, soon(answer.into_body().collect()).await)
            }
            Err(error) => (0, Err(error)),
        };
        let heard = rig.only().await;
        let clear = match heard.end() {
            End::Failed(f) => matches!(f.kind, FailureKind::Protocol | FailureKind::Reset),
            _ => false,
        };
        if !clear || (status != 502 && body.is_ok()) {
            passed.push(format!("{what}: {status} {body:?} {:?}", heard.end()));
        }
        // On a new connection, or on the same where that is still sound.
        let served = sender.send(ask()).await.map(|a| a.status().as_u16());
        if !matches!(served, Ok(200)) {
            passed.push(format!("{what}: {served:?} afterwards"));
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
}

/// What is no preface of HTTP/2 is, where HTTP/1 is spoken too, a request that cannot be read: it is
/// answered as one, and the connection ends (RFC 9113 § 3.4 wants a GOAWAY only of those who know that
/// their peer speaks HTTP/2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefaces_that_are_none() {
    let rig = Rig::start().await;
    let mut good = rig.connect().await;
    good.write_all(&[PREFACE, &settings(&[])].concat())
        .await
        .unwrap();
    for preface in [
        &b"INVALID CONNECTION PREFACE\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = rig.connect().await;
        stream.write_all(preface).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        let shown = String::from_utf8_lossy(&answer);
        assert!(
            shown.starts_with("HTTP/1.1 400 ") && shown.contains("connection: close"),
            "{preface:?}: {shown}"
        );
    }
    let first = soon(next_frame(&mut good)).await.unwrap();
    assert_eq!(first.kind, SETTINGS);
}
