//! What breaks the rules of HTTP, towards either side: whatever comes out at the other side is
//! unambiguous or nothing at all, every case leaves a row, and the proxy serves the next one.

use std::time::Duration;

use corscope::wire::End;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::proxy::rig::{Rig, Sender, Server, collect, empty, read_rest, soon};

/// In the request that nobody may take for one.
const SMUGGLED: &str = "smuggled";

// === a reader that forgives nothing ===

/// One message, read as strictly as RFC 9112 lets anybody: what this takes, all take alike.
#[derive(Debug)]
struct Strict {
    start: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Strict {
    fn all(&self, name: &str) -> Vec<&str> {
        let named = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, v)| v.as_str()).collect()
    }
}

/// `Ok(None)` where it ended before the message did: then nobody takes it for one.
async fn read_strictly<S: AsyncRead + Unpin>(
    stream: &mut S,
    answer_to: Option<&str>,
) -> Result<Option<Strict>, String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return Ok(None),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let wrong = |why: &str| Err(format!("{why}: {text:?}"));
    let bare = text.replace("\r\n", "");
    if bare.contains(['\r', '\n', '\0']) {
        return wrong("a bare control character");
    }
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    let mut fields = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return wrong("a line without a colon");
        };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return wrong("a name that is no token");
        }
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut message = Strict {
        start,
        fields,
        body: Vec::new(),
    };
    let (lengths, codings) = (
        message.all("content-length"),
        message.all("transfer-encoding"),
    );
    if lengths.len() + codings.len() > 1 {
        return wrong("more than one framing");
    }
    if codings.iter().any(|c| !c.eq_ignore_ascii_case("chunked")) {
        return wrong("a coding that not all know");
    }
    let status = answer_to
        .and_then(|_| message.start.split(' ').nth(1))
        .unwrap_or_default();
    let bodyless = answer_to == Some("HEAD") || matches!(status, "204" | "304");
    if !codings.is_empty() && !bodyless {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => line.push(byte),
                    Err(_) => return Ok(None),
                }
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if line.is_empty() || !line.bytes().all(|b| b.is_ascii_hexdigit()) || line.len() > 8 {
                return Err(format!("a chunk of size {line:?}"));
            }
            let size = usize::from_str_radix(&line, 16).unwrap();
            if size == 0 {
                // Trailers, to the empty line.
                let mut rest = Vec::new();
                while !(rest == b"\r\n" || rest.ends_with(b"\r\n\r\n")) {
                    match stream.read_u8().await {
                        Ok(byte) => rest.push(byte),
                        Err(_) => return Ok(None),
                    }
                }
                break;
            }
            let mut chunk = vec![0; size + 2];
            if stream.read_exact(&mut chunk).await.is_err() {
                return Ok(None);
            }
            if !chunk.ends_with(b"\r\n") {
                return Err("a chunk that is longer than it says".into());
            }
            body.extend_from_slice(&chunk[..size]);
        }
        message.body = body;
    } else if let Some(length) = message.all("content-length").first() {
        if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("a length of {length:?}"));
        }
        let length: usize = length
            .parse()
            .map_err(|_| "a length beyond all".to_owned())?;
        if !bodyless {
            let mut body = vec![0; length.min(1 << 20)];
            if stream.read_exact(&mut body).await.is_err() {
                return Ok(None);
            }
            message.body = body;
        }
    }
    Ok(Some(message))
}

/// A server that answers one request per connection and tells what it was asked, strictly read.
async fn strict_server() -> (Server, mpsc::UnboundedReceiver<Result<Strict, String>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = Server::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            loop {
                match read_strictly(&mut stream, None).await {
                    Ok(Some(message)) => {
                        let bodyless = message.start.starts_with("HEAD ");
                        let _ = tell.send(Ok(message));
                        let body = if bodyless { "" } else { "ok" };
                        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(why) => {
                        let _ = tell.send(Err(why));
                        return;
                    }
                }
            }
        }
    })
    .await;
    (server, told)
}

/// The proxy serves somebody else as if nothing had been.
async fn still_serves(rig: &Rig, server: &Server, case: &str) {
    let mut sender = Sender::http1(rig.connect().await).await;
    let url = format!("http://{}/after", server.addr);
    let ask = http::Request::get(url).body(empty()).unwrap();
    let response = sender.send(ask).await.unwrap();
    assert_eq!(response.status(), 200, "{case}");
    collect(response).await;
}

// === from the client ===

/// What is sent after `POST http://SERVER/ HTTP/1.1`, or in the place of it all.
fn requests() -> Vec<(String, String)> {
    let inner = format!("GET /{SMUGGLED} HTTP/1.1\r\nHost: h\r\n\r\n");
    let chunked = format!("0\r\n\r\n{inner}");
    let mut cases: Vec<(String, String)> = Vec::new();
    let mut framed = |fields: &str, body: &str| {
        let text = format!("POST http://@/ HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}");
        cases.push((fields.to_owned(), text));
    };
    let length = chunked.len();
    for fields in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: 5\r\nContent-Length: {length}\r\n"),
        "Content-Length: 5\r\nContent-Length: 5\r\n".into(),
        "Content-Length: 5, 5\r\n".into(),
        "Content-Length: 5, 6\r\n".into(),
        "Content-Length: +5\r\n".into(),
        "Content-Length: -1\r\n".into(),
        "Content-Length: 0x5\r\n".into(),
        "Content-Length: 5 5\r\n".into(),
        "Content-Length:\r\n".into(),
        "Content-Length: 184467440737095516160\r\n".into(),
        "Content-Length : 5\r\n".into(),
        "Content-Length\r\n".into(),
        "Transfer-Encoding: xchunked\r\n".into(),
        "Transfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: chunked, identity\r\n".into(),
        "Transfer-Encoding: identity, chunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: gzip, chunked\r\n".into(),
        "Transfer-Encoding: \"chunked\"\r\n".into(),
        "Transfer-Encoding: \x0bchunked\r\n".into(),
        "Transfer-Encoding:\r\n chunked\r\n".into(),
        "Transfer-Encoding : chunked\r\n".into(),
        "X: y\r\n Transfer-Encoding: chunked\r\n".into(),
        "X: y\nTransfer-Encoding: chunked\r\n".into(),
        "X: y\rTransfer-Encoding: chunked\r\n".into(),
        "X: y\0\r\nContent-Length: 5\r\n".into(),
        "X\r\nContent-Length: 5\r\n".into(),
        ": y\r\nContent-Length: 5\r\n".into(),
        "X y: z\r\nContent-Length: 5\r\n".into(),
        "Connection: Content-Length\r\nContent-Length: 5\r\n".into(),
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n".into(),
        "Connection: Host\r\nContent-Length: 5\r\n".into(),
        "Host: other\r\nContent-Length: 5\r\n".into(),
    ] {
        framed(&fields, &chunked);
    }
    for body in [
        "5;ext=1\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n00000000000000000000\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: z\r\nTransfer-Encoding: x\r\n\r\n",
        "5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
    ] {
        framed("Transfer-Encoding: chunked\r\n", &format!("{body}{inner}"));
    }
    for line in [
        "POST  http://@/  HTTP/1.1",
        "POST\thttp://@/\tHTTP/1.1",
        "POST http://@/ HTTP/1.2",
        "POST http://@/ HTTP/2.0",
        "POST http://@/ http/1.1",
        "POST http://@/",
        "POST http://@/ HTTP/1.0",
        "POST http://@/a b HTTP/1.1",
        "POST http://@/\x01 HTTP/1.1",
        "POST http://@/\u{e9} HTTP/1.1",
        "POST http://@/#part HTTP/1.1",
        "POST http://user:word@@/ HTTP/1.1",
        "post http://@/ HTTP/1.1",
        "P(ST http://@/ HTTP/1.1",
        "\r\nPOST http://@/ HTTP/1.1",
        " POST http://@/ HTTP/1.1",
        "POST ftp://@/ HTTP/1.1",
        "POST http:///x HTTP/1.1",
        "POST //@/x HTTP/1.1",
        "POST * HTTP/1.1",
        "OPTIONS http://@ HTTP/1.1",
        "HEAD http://@/ HTTP/1.1",
        "CONNECT @/x HTTP/1.1",
        "CONNECT http://@ HTTP/1.1",
    ] {
        cases.push((
            line.into(),
            format!("{line}\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello{inner}"),
        ));
    }
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_passed_on_in_two_meanings() {
    let cases = futures_util::stream::iter(requests());
    let checked = cases.for_each_concurrent(8, |(case, text)| one_meaning_at_most(case, text));
    checked.await;
}

async fn one_meaning_at_most(case: String, text: String) {
    let (server, mut told) = strict_server().await;
    let rig = Rig::start().await;
    let authority = server.addr.to_string();
    let text = text.replace("@@", &format!("@{authority}"));
    let text = text.replace("//@", &format!("//{authority}"));
    let text = text.replace(" @/", &format!(" {authority}/"));
    let mut stream = rig.connect().await;
    let _ = stream.write_all(text.as_bytes()).await;
    // Until it is quiet; what is not whole by then never will be.
    let mut answers = Vec::new();
    let quiet = Duration::from_millis(250);
    while let Ok(Ok(1..)) = tokio::time::timeout(quiet, stream.read_buf(&mut answers)).await {}
    let _ = stream.shutdown().await;
    let answers = String::from_utf8_lossy(&answers).into_owned() + &read_rest(&mut stream).await;
    still_serves(&rig, &server, &case).await;
    while let Ok(asked) = told.try_recv() {
        let asked = asked.unwrap_or_else(|why| panic!("{case:?}: {why}"));
        assert!(!asked.start.contains(SMUGGLED), "{case:?}: {asked:?}");
        assert_eq!(asked.all("host").len(), 1, "{case:?}: {asked:?}");
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let known = ["", "hello"].contains(&&*body) || body.contains(SMUGGLED) || body.len() == 5;
        assert!(known, "{case:?}: {asked:?}");
    }
    // What was refused has a row besides that of the request afterwards, or was our own page.
    println!("{case:?}: {answers}");
    if !answers.starts_with("HTTP/1.1 4") {
        rig.wait_for(|all| all.len() >= 2).await;
    }
}

// === from the server ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_passed_on_in_two_meanings() {
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000)
        + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let inner = "HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n";
    let mut cases: Vec<String> = [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 9\r\n",
        "Content-Length: 2, 9\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: x\r\n",
        "Content-Length: 184467440737095516160\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: y\r\n folded\r\nContent-Length: 2\r\n",
        "X: y\nContent-Length: 2\r\n",
        "X: y\rContent-Length: 2\r\n",
        "X: y\0z\r\nContent-Length: 2\r\n",
        "X y: z\r\nContent-Length: 2\r\n",
        "X : z\r\nContent-Length: 2\r\n",
        "X\r\nContent-Length: 2\r\n",
        ": z\r\nContent-Length: 2\r\n",
        "Connection: Content-Length\r\nContent-Length: 2\r\n",
        "Connection: X-Hop, close\r\nX-Hop: 1\r\nContent-Length: 2\r\n",
    ]
    .iter()
    .map(|fields| format!("HTTP/1.1 200 OK\r\n{fields}\r\n0\r\n\r\n{inner}"))
    .collect();
    for start in [
        "HTTP/1.1 99 Low",
        "HTTP/1.1 1000 High",
        "HTTP/1.1 abc Odd",
        "HTTP/1.1 200",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 200 O\rK",
        "HTTP/1.2 200 OK",
        "HTTP/2.0 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "HTTP/1.1 204 None",
        "HTTP/1.1 304 Same",
        "HTTP/1.1 101 Switching",
        "HTTP/1.1 999 Odd",
    ] {
        cases.push(format!("{start}\r\nContent-Length: 2\r\n\r\nok{inner}"));
    }
    for body in [
        "5;e=1\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5\r\nhel",
        "5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
        "z\r\n",
    ] {
        cases.push(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
    }
    cases.extend([
        many,
        "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(),
        "just a body, as of HTTP/0.9".into(),
        String::new(),
        "\r\n\r\n\r\n\r\n".into(),
        "\0".repeat(100),
        "HTTP/1.1 200 OK\r\n".into(),
    ]);
    for answer in cases {
        let case = answer.chars().take(120).collect::<String>();
        println!("{case:?}");
        let sent = answer.clone();
        let server = Server::raw(move |mut stream| {
            let sent = sent.clone();
            async move {
                let asked = read_strictly(&mut stream, None).await;
                let after = matches!(&asked, Ok(Some(m)) if m.start.contains("/after"));
                let text = if after {
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                } else {
                    &sent
                };
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let rig = Rig::start().await;
        let mut stream = rig.connect().await;
        let ask = format!(
            "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\nConnection: close\r\n\r\n",
            server.addr
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        let got = soon(read_strictly(&mut stream, Some("GET"))).await;
        let got = got.unwrap_or_else(|why| panic!("{case:?}: {why}"));
        let rest = read_rest(&mut stream).await;
        assert!(!rest.contains("X-Smuggled"), "{case:?}: {rest}");
        if let Some(got) = &got {
            assert!(
                got.all("x-smuggled").is_empty() && got.all("x-hop").is_empty(),
                "{case:?}: {got:?}"
            );
        }
        let row = rig.only().await;
        let whole = *row.end() == End::Complete;
        assert!(
            whole || matches!(row.end(), End::Failed(_) | End::Aborted),
            "{case:?}"
        );
        if got.is_none() {
            assert!(
                !whole,
                "{case:?}: cut off for the client is not whole in the row"
            );
        }
        still_serves(&rig, &server, &case).await;
    }
}

// === HTTP/2, frame by frame ===

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Fields as literals that are not indexed (RFC 7541 § 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            let len = text.len();
            if len < 127 {
                bytes.push(len as u8);
            } else {
                bytes.push(127);
                let mut rest = len - 127;
                while rest >= 128 {
                    bytes.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                bytes.push(rest as u8);
            }
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// Everything a client of HTTP/2 may do wrong, as frames after the preface.
fn misdeeds(authority: &str) -> Vec<(String, Vec<u8>)> {
    let good = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", authority),
        (":path", "/"),
    ];
    let mut cases = Vec::new();
    let mut heads = |case: &str, fields: &[(&str, &str)]| {
        cases.push((
            case.to_owned(),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields)),
        ));
    };
    for missing in 0..4 {
        let mut fields = good.to_vec();
        let (name, _) = fields.remove(missing);
        heads(&format!("without {name}"), &fields);
    }
    for extra in [
        (":method", "POST"),
        (":path", "/smuggled"),
        (":authority", "other.test"),
        (":status", "200"),
        (":odd", "1"),
        ("Upper", "1"),
        ("connection", "close"),
        ("connection", "x"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("keep-alive", "1"),
        ("upgrade", "h2c"),
        ("proxy-connection", "1"),
        ("host", "other.test"),
        ("x", "a\r\nsmuggled: 1"),
        ("x", "a\nsmuggled: 1"),
        ("x", "a\0b"),
        ("x\r\nsmuggled", "1"),
        ("x y", "1"),
        ("x:y", "1"),
        ("", "1"),
        ("content-length", "5"),
        ("content-length", "-1"),
        ("content-length", "x"),
        ("x", " padded "),
    ] {
        heads(&format!("with {extra:?}"), &[&good[..], &[extra]].concat());
    }
    heads(
        "a pseudo-header at the end",
        &[good[0], good[1], good[3], ("x", "y"), good[2]],
    );
    for (i, value) in [
        (0, "GET /smuggled HTTP/1.1\r\n"),
        (0, "G T"),
        (0, ""),
        (1, "ftp"),
        (1, "http\r\n"),
        (1, ""),
        (2, "a b"),
        (2, "x@y@z"),
        (2, "h\r\nsmuggled: 1"),
        (2, ""),
        (3, ""),
        (3, "smuggled"),
        (3, "*"),
        (3, "/a b"),
        (3, "/ HTTP/1.1\r\nsmuggled: 1\r\n"),
        (3, "/\0"),
        (3, "http://other.test/"),
    ] {
        let mut fields = good;
        fields[i].1 = value;
        heads(&format!("{} is {value:?}", good[i].0), &fields);
    }
    let long = "y".repeat(16_000);
    let start = frame(HEADERS, END_STREAM, 1, &block(&good));
    let more = frame(CONTINUATION, 0, 1, &block(&[("x", &long)]));
    let ok = |id: u32| frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&good));
    let open = |id: u32| frame(HEADERS, END_HEADERS, id, &block(&good));
    let repeated = |one: &[u8], times: usize| one.repeat(times);
    cases.extend([
        (
            "continuations without end".into(),
            [start.clone(), repeated(&more, 200)].concat(),
        ),
        (
            "empty continuations".into(),
            [
                start.clone(),
                repeated(&frame(CONTINUATION, 0, 1, &[]), 20_000),
            ]
            .concat(),
        ),
        (
            "data within headers".into(),
            [start, frame(DATA, 0, 1, b"x")].concat(),
        ),
        (
            "rapid reset".into(),
            (0..2_000)
                .flat_map(|i| {
                    [
                        ok(2 * i + 1),
                        frame(RESET, 0, 2 * i + 1, &8_u32.to_be_bytes()),
                    ]
                    .concat()
                })
                .collect(),
        ),
        (
            "pings".into(),
            repeated(&frame(PING, 0, 0, b"12345678"), 20_000),
        ),
        (
            "settings".into(),
            repeated(&frame(SETTINGS, 0, 0, &[]), 20_000),
        ),
        (
            "empty data".into(),
            [open(1), repeated(&frame(DATA, 0, 1, &[]), 20_000)].concat(),
        ),
        (
            "priorities".into(),
            repeated(&frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 1]), 5_000),
        ),
        (
            "a window beyond all".into(),
            [
                open(1),
                repeated(
                    &frame(WINDOW_UPDATE, 0, 1, &0x7fff_ffff_u32.to_be_bytes()),
                    2,
                ),
            ]
            .concat(),
        ),
        (
            "a window update of nothing".into(),
            frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
        ),
        ("an even stream".into(), ok(2)),
        ("a stream again".into(), [ok(1), ok(1)].concat()),
        (
            "a promise of a client".into(),
            frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
        ),
        (
            "an unknown frame".into(),
            [frame(77, 0, 0, b"?"), ok(1)].concat(),
        ),
        (
            "a frame too large".into(),
            frame(DATA, 0, 1, &vec![0; 70_000]),
        ),
        (
            "no frame at all".into(),
            b"GET / HTTP/1.1\r\n\r\n".repeat(4),
        ),
        (
            "broken compression".into(),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40]),
        ),
        (
            "more body than was said".into(),
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &block(&[&good[..], &[("content-length", "2")]].concat()),
                ),
                frame(DATA, END_STREAM, 1, b"smuggled"),
            ]
            .concat(),
        ),
        (
            "less body than was said".into(),
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &block(&[&good[..], &[("content-length", "20")]].concat()),
                ),
                frame(DATA, END_STREAM, 1, b"hello"),
            ]
            .concat(),
        ),
        ("many fields".into(), {
            let few: Vec<(&str, &str)> = good
                .iter()
                .copied()
                .chain(std::iter::repeat_n(("x", "y"), 3_000))
                .collect();
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&few))
        }),
    ]);
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_break_the_rules_reach_nobody() {
    let rig = Rig::start().await;
    let (server, mut told) = strict_server().await;
    for (case, frames) in misdeeds(&server.addr.to_string()) {
        let mut stream = rig.connect().await;
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        bytes.extend(frames);
        let writing = async {
            let (mut from, mut to) = stream.split();
            let read = async {
                let mut sink = [0; 4096];
                while matches!(from.read(&mut sink).await, Ok(1..)) {}
            };
            let write = async {
                let _ = to.write_all(&bytes).await;
                // Time for an answer, for what gets one.
                tokio::time::sleep(Duration::from_millis(100)).await;
                let _ = to.shutdown().await;
            };
            tokio::join!(read, write);
        };
        soon(writing).await;
        still_serves(&rig, &server, &case).await;
        while let Ok(asked) = told.try_recv() {
            let asked = asked.unwrap_or_else(|why| panic!("{case}: {why}"));
            assert!(asked.all(SMUGGLED).is_empty(), "{case}: {asked:?}");
            // A path of that name is one; a request line of that name is none.
            let words = asked.start.split(' ').count();
            assert!(
                words == 3 && asked.start.ends_with(" HTTP/1.1"),
                "{case}: {asked:?}"
            );
            assert_eq!(asked.all("host").len(), 1, "{case}: {asked:?}");
        }
    }
}

/// A server of HTTP/2 that breaks the rules: the client gets a whole answer or an error, and a row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_break_the_rules_of_http2() {
    let long = "y".repeat(16_000);
    let head = |fields: &[(&str, &str)], flags: u8| frame(HEADERS, flags, 1, &block(fields));
    let ok = (":status", "200");
    let all = END_HEADERS | END_STREAM;
    for (case, frames) in [
        ("no status", head(&[("x", "y")], all)),
        ("two", head(&[ok, (":status", "404")], all)),
        ("no number", head(&[(":status", "abc")], all)),
        ("a path", head(&[ok, (":path", "/")], all)),
        ("upper case", head(&[ok, ("Upper", "1")], all)),
        ("a split", head(&[ok, ("x", "a\r\nX-Smuggled: 1")], all)),
        (
            "a coding",
            head(&[ok, ("transfer-encoding", "chunked")], all),
        ),
        ("connection", head(&[ok, ("connection", "close")], all)),
        ("data first", frame(DATA, END_STREAM, 1, b"x")),
        (
            "too little",
            [
                head(&[ok, ("content-length", "9")], END_HEADERS),
                frame(DATA, END_STREAM, 1, b"x"),
            ]
            .concat(),
        ),
        (
            "too much",
            [
                head(&[ok, ("content-length", "1")], END_HEADERS),
                frame(DATA, END_STREAM, 1, b"xyz"),
            ]
            .concat(),
        ),
        (
            "endless",
            [
                head(&[ok], 0),
                frame(CONTINUATION, 0, 1, &block(&[("x", &long)])).repeat(200),
            ]
            .concat(),
        ),
        ("reset", frame(RESET, 0, 1, &2_u32.to_be_bytes())),
        (
            "a promise",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
        ),
        (
            "many hints",
            [
                head(&[(":status", "103")], END_HEADERS).repeat(2_000),
                head(&[ok], all),
            ]
            .concat(),
        ),
        ("pings", frame(PING, 0, 0, b"12345678").repeat(20_000)),
        ("no frames", b"HTTP/1.1 200 OK\r\n\r\n".repeat(3)),
    ] {
        let server = Server::raw(move |mut stream: TcpStream| {
            let frames = frames.clone();
            async move {
                // The preface, and what comes with it.
                let mut seen = vec![0; 24];
                if stream.read_exact(&mut seen).await.is_err() {
                    return;
                }
                let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
                loop {
                    let mut start = [0; 9];
                    if stream.read_exact(&mut start).await.is_err() {
                        return;
                    }
                    let len = u32::from_be_bytes([0, start[0], start[1], start[2]]);
                    let mut payload = vec![0; len as usize];
                    if stream.read_exact(&mut payload).await.is_err() {
                        return;
                    }
                    if start[3] == HEADERS {
                        break;
                    }
                }
                let _ = stream.write_all(&frames).await;
                let _ = stream.shutdown().await;
                read_rest(&mut stream).await;
            }
        })
        .await;
        let rig = Rig::start().await;
        let authority = server.addr.to_string();
        let mut sender = Sender::http2(rig.tunnel(&authority).await).await;
        let ask = http::Request::get(format!("http://{authority}/"))
            .body(empty())
            .unwrap();
        let answered = sender.send(ask).await;
        if let Ok(response) = answered {
            assert!(response.headers().get("x-smuggled").is_none(), "{case}");
            let _ = soon(http_body_util::BodyExt::collect(response.into_body())).await;
        }
        drop(sender);
        let row = rig.only().await;
        assert!(row.closing.is_some(), "{case}");
        // Of a pseudo-header that has no place there nothing is passed on.
        let fine = ["many hints", "a coding", "connection", "a path"].contains(&case);
        assert!(
            fine || *row.end() != End::Complete,
            "{case}: {:?}",
            row.end()
        );
    }
}

// === chaos ===

/// A small generator, so that a failing round can be repeated by its number.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Either side leaves at any byte, with a FIN or a RST; each exchange is told to its end, and none is
/// told as whole that was not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_may_leave_at_any_byte() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789";
    let server = Server::raw(move |mut stream| async move {
        // What becomes of this connection is in the path of its request.
        let Ok(Some(asked)) = read_strictly_loosely(&mut stream).await else {
            return;
        };
        let mut numbers = asked.split('/').filter_map(|n| n.parse::<usize>().ok());
        let (bytes, reset) = (numbers.next().unwrap_or(0), numbers.next() == Some(1));
        let _ = stream
            .write_all(&answer.as_bytes()[..bytes.min(answer.len())])
            .await;
        if reset {
            let _ = stream.set_zero_linger();
        }
    })
    .await;
    let rig = Rig::start().await;
    let mut dice = Dice(20_261_123);
    let mut rounds = Vec::new();
    for round in 0..150_u64 {
        let bytes = dice.below(answer.len() as u64 + 20) as usize;
        let reset = dice.below(2);
        let post = dice.below(2) == 0;
        let body = if post { "x".repeat(100) } else { String::new() };
        let method = if post { "POST" } else { "GET" };
        let text = format!(
            "{method} http://{}/{bytes}/{reset}/{round} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            server.addr,
            body.len()
        );
        let stays = dice.below(3) == 0;
        let upto = if stays {
            text.len()
        } else {
            dice.below(text.len() as u64) as usize
        };
        let mut stream = rig.connect().await;
        let _ = stream.write_all(&text.as_bytes()[..upto]).await;
        if stays {
            read_rest(&mut stream).await;
        } else if dice.below(2) == 0 {
            let _ = stream.set_zero_linger();
        }
        drop(stream);
        let whole = stays && bytes >= answer.len() && reset == 0;
        rounds.push((round, stays, whole));
    }
    // Of who left at once there may be a row or none.
    let stayed: Vec<String> = rounds
        .iter()
        .filter(|r| r.1)
        .map(|r| format!("/{}", r.0))
        .collect();
    let all = rig
        .wait_for(move |all| {
            let closed = |end: &String| {
                let row = all.iter().find(|h| h.opening.request.url.ends_with(end));
                row.is_some_and(|h| h.closing.is_some())
            };
            stayed.iter().all(closed) && all.iter().all(|h| h.closing.is_some())
        })
        .await;
    for (round, stays, whole) in rounds {
        let end = format!("/{round}");
        let row = all.iter().find(|h| h.opening.request.url.ends_with(&end));
        // A client that reset its connection may take its request with it before it is read.
        let Some(row) = row else {
            assert!(!stays, "round {round}");
            continue;
        };
        let complete = *row.end() == End::Complete;
        assert!(!whole || complete, "round {round}: {:?}", row.end());
        if complete {
            assert_eq!(row.response_body, b"01234567890123456789", "round {round}");
        }
    }
    still_serves_any(&rig).await;
}

/// The path that a head asks for.
async fn read_strictly_loosely(stream: &mut TcpStream) -> Result<Option<String>, String> {
    let message = read_strictly(stream, None).await?;
    Ok(message.and_then(|m| m.start.split(' ').nth(1).map(str::to_owned)))
}

async fn still_serves_any(rig: &Rig) {
    let (server, _told) = strict_server().await;
    still_serves(rig, &server, "after all rounds").await;
}
