//! Papers that leave: valid for other tools, without secrets, and judged as the capture they are of.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::ExchangeRecorder;
use corscope::diagnose::Diagnosis;
use corscope::har;
use corscope::session::{Options, Reader, Session};
use corscope::wire::{
    Client, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion,
    Kind, Message, MessageKind, Patch, RequestHead, ResponseHead, Side, Source, Timestamp, Timings,
    Upstream,
};
use serde_json::Value;

use crate::har_rules::faults;
use crate::redaction::gist;
use crate::support::Home;
use crate::verdicts::all_requests;

/// Writes a session file of these exchanges, told in the order of time as a proxy would tell them.
pub(crate) fn save(path: &Path, exchanges: &[Arc<Exchange>]) {
    let (session, recorder) = Session::create(Options::new(path)).unwrap();
    let mut steps: Vec<(i64, usize, u8)> = Vec::new();
    for (index, exchange) in exchanges.iter().enumerate() {
        steps.push((exchange.opened_at.0, index, 0));
        if let Some(at) = exchange.answered_at {
            steps.push((at.0, index, 1));
        }
        steps.push((exchange.closed_at.map_or(i64::MAX, |at| at.0), index, 2));
    }
    steps.sort_unstable();
    let mut open = std::collections::HashMap::new();
    for (_, index, step) in steps {
        let exchange = &exchanges[index];
        match step {
            0 => {
                let told = recorder.open_now(
                    Source::Proxy,
                    exchange.kind,
                    exchange.client,
                    exchange.request.clone(),
                    exchange.opened_at,
                );
                told.body(Side::Request, exchange.request_body.excerpt.clone());
                open.insert(index, told);
            }
            1 => {
                let upstream = exchange.upstream.clone().unwrap_or_default();
                let head = exchange.response.clone().unwrap();
                let at = exchange.answered_at.unwrap();
                open[&index].answered_at(at, head, upstream, exchange.timings);
            }
            _ => {
                let told = open.remove(&index).unwrap();
                if let Some(patch) = &exchange.patch {
                    told.patched(patch.clone());
                }
                told.body(Side::Response, exchange.response_body.excerpt.clone());
                let kept = exchange.response_body.excerpt.len() as u64;
                let seen = exchange.response_body.seen_bytes;
                told.passed_unseen(Side::Response, seen.saturating_sub(kept));
                if exchange.kind == Kind::WebSocket {
                    talk(&told, exchange.opened_at);
                }
                let at = exchange.closed_at.unwrap_or_default();
                told.close_at(
                    at,
                    exchange.end.clone(),
                    exchange.timings,
                    exchange.upstream.clone(),
                    None,
                );
            }
        }
    }
    session.finish().unwrap();
}

/// What is said on every WebSocket, each sort of message once.
fn talk(told: &ExchangeRecorder, opened: Timestamp) {
    let said = format!("{{\"token\":\"{SECRET}\",\"n\":1}}");
    for (number, (from, kind, payload)) in [
        (Side::Request, MessageKind::Text, said.as_bytes()),
        (Side::Response, MessageKind::Binary, &b"\x00\xff\x10"[..]),
        (Side::Response, MessageKind::Ping, b"p"),
        (Side::Request, MessageKind::Close, b"\x03\xe8bye"),
    ]
    .into_iter()
    .enumerate()
    {
        told.message(Message {
            at: opened.plus_micros(5500 + 100 * number as u64),
            from,
            kind,
            len_bytes: payload.len() as u64,
            payload: Bytes::copy_from_slice(payload),
        });
    }
}

/// A HAR, read as `diagnose` reads it.
fn reread(har: &str) -> Reader {
    let (session, recorder) = Session::in_memory(None, 0).unwrap();
    let read = har::read(har.as_bytes(), &recorder).unwrap();
    assert_eq!(read.skipped, Vec::<String>::new());
    drop(recorder);
    let reader = session.reader();
    session.finish().unwrap();
    reader
}

fn diagnoses(reader: &Reader) -> Vec<Diagnosis> {
    reader
        .fetches()
        .into_iter()
        .filter_map(|id| reader.diagnosis(id))
        .collect()
}

fn export(home: &Home, args: &[&str]) -> String {
    let done = home.run(&[&["export"], args].concat());
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    done.stdout
}

/// Entries are numbered otherwise in a file than in a session, and DevTools' rows of requests that
/// were never sent are among them.
fn comparable(diagnosis: &Diagnosis) -> String {
    let mut diagnosis = diagnosis.clone();
    let nowhere = ExchangeId(0);
    let zero = |cause: &mut Option<corscope::diagnose::Cause>| {
        if let Some(cause) = cause {
            cause.exchange = cause.exchange.map(|_| nowhere);
            cause.evidence.iter_mut().for_each(|e| e.exchange = nowhere);
        }
    };
    zero(&mut diagnosis.cause);
    let branches = [&mut diagnosis.when_include, &mut diagnosis.when_not_include];
    for branch in branches.into_iter().flatten() {
        zero(&mut branch.cause);
    }
    for member in &mut diagnosis.fetch.members {
        member.exchange = member
            .exchange
            .filter(|_| !member.never_sent)
            .map(|_| nowhere);
        member.remembered = None;
    }
    gist(&diagnosis)
}

#[test]
fn a_har_is_judged_as_the_session_it_is_of() {
    let home = Home::new();
    let (mut fetches, mut unsent) = (0, 0);
    let records: Vec<_> = [
        include_str!("../corpus/curated.jsonl"),
        include_str!("../corpus/sessions.jsonl"),
        include_str!("../corpus/random.jsonl"),
    ]
    .into_iter()
    .flat_map(all_requests)
    .enumerate()
    // All of them take minutes; some of each kind will do.
    .filter(|(index, record)| index % 60 == 0 || record.exchanges.len() > 2 && index % 9 == 0)
    .map(|(_, record)| record)
    .collect();
    for (index, record) in records.iter().enumerate() {
        let path = home.at(&format!("{index}.corscope"));
        save(&path, &record.exchanges);
        let session = Session::open(&path, None).unwrap();
        let before = diagnoses(&session.reader());
        let har = export(&home, &[path.to_str().unwrap(), "--to", "har"]);
        let json: Value = serde_json::from_str(&har).unwrap();
        assert_eq!(faults(&json), Vec::<String>::new(), "{}", record.id);
        let entries = json["log"]["entries"].as_array().unwrap();
        unsent += entries
            .iter()
            .filter(|e| e["_corscope"]["never_sent"] == true)
            .count();
        let after = diagnoses(&reread(&har));
        let before: Vec<String> = before.iter().map(comparable).collect();
        let after: Vec<String> = after.iter().map(comparable).collect();
        assert_eq!(before, after, "{} {}", record.id, record.browser);
        fetches += before.len();
        std::fs::remove_file(&path).unwrap();
    }
    println!(
        "{fetches} fetches of {} sessions, {unsent} rows never sent",
        records.len()
    );
    assert!(fetches > 150 && unsent > 10);
}

const SECRET: &str = "Zx9-planted.Secret7";

fn made(method: &str, url: &str, headers: &[(&str, &str)], at_ms: i64) -> Exchange {
    let head = RequestHead {
        method: method.into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    };
    let at = Timestamp(1_795_420_265_000_000 + at_ms * 1000);
    let mut exchange = Exchange::opened(ExchangeId(0), at, head);
    exchange.client = Client {
        connection: 4,
        addr: None,
    };
    exchange.upstream = Some(Upstream {
        connection: 9,
        addr: Some("127.0.0.1:4000".parse().unwrap()),
        tls: Some("TLS 1.3".into()),
        ..Upstream::default()
    });
    exchange.timings = Timings {
        dns: Some(100),
        connect: Some(200),
        tls: Some(3000),
        send: Some(50),
        wait: Some(1000),
        receive: Some(70),
        ..Timings::default()
    };
    exchange.closed_at = Some(at.plus_micros(9000));
    exchange.end = End::Complete;
    exchange
}

fn answered(
    mut exchange: Exchange,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Exchange {
    exchange.answered_at = Some(exchange.opened_at.plus_micros(5000));
    exchange.response = Some(ResponseHead {
        status,
        reason: Some("Fine".into()),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    });
    exchange.response_body.excerpt = Bytes::copy_from_slice(body);
    exchange
}

fn failed(exchange: Exchange, end: End) -> Exchange {
    Exchange {
        end,
        upstream: None,
        ..exchange
    }
}

/// Every sort of exchange there is, secrets in many places.
pub(crate) fn all_sorts() -> Vec<Arc<Exchange>> {
    let api = "https://api.app.test/v1";
    let origin = ("Origin", "https://app.test");
    let bearer = format!("Bearer {SECRET}");
    let cookie = format!("sid={SECRET}; theme=dark");
    let own = [
        origin,
        ("Authorization", &bearer[..]),
        ("Cookie", &cookie[..]),
        ("Content-Type", "application/json"),
    ];
    let set_cookie = format!("sid={SECRET}; Path=/; Secure");
    let location = format!("https://app.test/#access_token={SECRET}");
    let json = format!("{{\"error\":\"no\",\"password\":\"{SECRET}\"}}");
    let failure = |stage, kind| {
        End::Failed(Failure {
            stage,
            kind,
            detail: format!("it broke with token={SECRET}"),
        })
    };
    let preflight = [
        origin,
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "x-api-key"),
    ];
    let mut post = answered(
        made("POST", &format!("{api}?token={SECRET}"), &own, 0),
        200,
        &[
            ("Content-Type", "application/json"),
            ("Set-Cookie", &set_cookie),
            ("X-Api-Key", SECRET),
        ],
        json.as_bytes(),
    );
    post.request_body.excerpt = Bytes::from(json.clone());
    let mut gzip = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(json.as_bytes(), flate2::Compression::fast());
    std::io::Read::read_to_end(&mut encoder, &mut gzip).unwrap();
    let zipped = answered(
        made("GET", api, &[origin], 20),
        200,
        &[
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("Access-Control-Allow-Origin", "*"),
        ],
        &gzip,
    );
    let redirect = answered(
        made("GET", api, &[origin], 40),
        302,
        &[("Location", &location)],
        b"",
    );
    let refused = answered(
        made("OPTIONS", &format!("{api}/x"), &preflight, 60),
        405,
        &[],
        b"no",
    );
    let mut patched = answered(
        made("GET", &format!("{api}/p"), &[origin], 80),
        200,
        &[],
        b"ok",
    );
    patched.patch = Some(Patch {
        set: vec![(
            "Access-Control-Allow-Origin".into(),
            "https://app.test".into(),
        )],
        ..Patch::default()
    });
    let picture = answered(
        made("GET", &format!("{api}/i.png"), &[], 100),
        200,
        &[("Content-Type", "image/png")],
        b"\x89PNG\r\n\x1a\n\0\0",
    );
    let binary = answered(
        made("GET", &format!("{api}/b"), &[origin], 120),
        200,
        &[("Content-Type", "application/grpc")],
        format!("\0\x01{SECRET}").as_bytes(),
    );
    let mut half = answered(
        made("GET", &format!("{api}/half"), &[origin], 140),
        200,
        &[],
        b"cut",
    );
    half.end = failure(FailureStage::Receive, FailureKind::Reset);
    let mut long = answered(
        made("GET", &format!("{api}/long"), &[origin], 150),
        200,
        &[("Content-Type", "text/plain; charset=utf-8")],
        "only the beginning of what was sent… ".as_bytes(),
    );
    long.response_body.seen_bytes = 70_000_000;
    let mut sent = answered(
        made(
            "POST",
            &format!("{api}/sent"),
            &[origin, ("Content-Type", "application/octet-stream")],
            155,
        ),
        204,
        &[],
        b"",
    );
    sent.request_body.excerpt = Bytes::from(format!("\0\x01{SECRET}"));
    let mut socket = answered(
        made(
            "GET",
            &format!("{api}/ws?ticket={SECRET}"),
            &[origin, ("Upgrade", "websocket"), ("Connection", "Upgrade")],
            160,
        ),
        101,
        &[("Upgrade", "websocket")],
        b"",
    );
    socket.kind = Kind::WebSocket;
    let mut tunnel = made("CONNECT", "https://pinned.test:443/", &[], 180);
    tunnel.kind = Kind::Tunnel;
    let mut all = vec![
        post, zipped, redirect, refused, patched, picture, binary, half, long, sent, socket, tunnel,
    ];
    for (number, (stage, kind)) in [
        (FailureStage::Dns, FailureKind::NameNotResolved),
        (FailureStage::Connect, FailureKind::Refused),
        (FailureStage::Connect, FailureKind::TimedOut),
        (FailureStage::Tls, FailureKind::Certificate),
        (FailureStage::Wait, FailureKind::Reset),
        (FailureStage::Proxy, FailureKind::Loop),
    ]
    .into_iter()
    .enumerate()
    {
        let url = format!("{api}/f{number}");
        all.push(failed(
            made("GET", &url, &[origin], 200 + 20 * number as i64),
            failure(stage, kind),
        ));
    }
    all.push(failed(
        made("GET", &format!("{api}/a"), &[origin], 400),
        End::Aborted,
    ));
    all.into_iter().map(Arc::new).collect()
}

#[test]
fn every_sort_of_exchange_makes_a_valid_har_without_secrets() {
    let home = Home::new();
    let path = home.at("all.corscope");
    let exchanges = all_sorts();
    save(&path, &exchanges);
    let file = path.to_str().unwrap();
    let text = export(&home, &[file, "--to", "har"]);
    let har: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(faults(&har), Vec::<String>::new());
    assert!(!text.contains("planted"), "{text}");
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(
        entries.len(),
        exchanges.len() + 1,
        "one row more was never sent"
    );
    let at = |path: &str| {
        let found = entries
            .iter()
            .filter(|e| e["request"]["url"].as_str().unwrap().ends_with(path));
        found.collect::<Vec<_>>()
    };
    let refused = at("/v1/x");
    assert_eq!(refused[0]["request"]["method"], "PUT");
    assert_eq!(refused[0]["response"]["_error"], "net::ERR_FAILED");
    assert_eq!(refused[0]["_corscope"]["diagnosis"]["outcome"], "blocked");
    assert_eq!(refused[1]["_resourceType"], "preflight");
    assert_eq!(refused[1]["_initiator"]["type"], "preflight");
    // The diagnosis names entries of this file.
    let preflight = entries
        .iter()
        .position(|e| std::ptr::eq(e, refused[1]))
        .unwrap();
    assert_eq!(
        refused[0]["_corscope"]["diagnosis"]["exchanges"][0]["entry"],
        preflight
    );
    assert_eq!(
        at("/f1")[0]["response"]["_error"],
        "net::ERR_CONNECTION_REFUSED"
    );
    assert_eq!(at("/a")[0]["response"]["_error"], "net::ERR_ABORTED");
    let post = &entries[0];
    assert_eq!(post["serverIPAddress"], "127.0.0.1");
    assert_eq!(
        (&post["connection"], &post["_connectionId"]),
        (&"4000".into(), &"4".into())
    );
    assert_eq!(post["response"]["statusText"], "Fine");
    assert_eq!(at("/sent")[0]["request"]["postData"]["text"], "");
    assert_eq!(post["timings"]["ssl"], 3.0);
    assert_eq!(post["timings"]["connect"], 3.2);
    assert_eq!(post["time"], 9.0);
    assert_eq!(post["response"]["content"]["mimeType"], "application/json");
    assert!(
        at("/v1")[0]["response"]["content"]["text"]
            .as_str()
            .unwrap()
            .contains("\"error\":\"no\"")
    );
    assert_eq!(at("/i.png")[0]["response"]["content"]["encoding"], "base64");
    assert!(
        at("/b")[0]["response"]["content"]["comment"]
            .as_str()
            .unwrap()
            .contains("left out")
    );
    assert!(
        at("/p")[0]["response"]["headers"]
            .to_string()
            .contains("Access-Control-Allow-Origin")
    );
    let socket = entries
        .iter()
        .find(|e| e["_resourceType"] == "websocket")
        .unwrap();
    assert!(
        socket["request"]["url"]
            .as_str()
            .unwrap()
            .starts_with("wss://api.app.test/v1/ws?ticket=redacted-")
    );

    // As it was told, it comes back, endings included.
    let session = Session::open(&path, None).unwrap();
    let before: Vec<String> = diagnoses(&session.reader())
        .iter()
        .map(comparable)
        .collect();
    let reader = reread(&text);
    let after: Vec<String> = diagnoses(&reader).iter().map(comparable).collect();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    let ends = |reader: &Reader| -> Vec<String> {
        let first = reader.first_id().0;
        (first..first + reader.len() as u64)
            .filter_map(|id| reader.exchange(ExchangeId(id)))
            .map(|e| match &e.end {
                End::Failed(f) => format!(
                    "{} {:?} {:?} {:?}",
                    e.request.method, e.kind, f.stage, f.kind
                ),
                end => format!("{} {:?} {end:?}", e.request.method, e.kind),
            })
            .collect()
    };
    let in_file: Vec<String> = ends(&reader);
    assert_eq!(ends(&session.reader()), in_file);

    for paper in ["md", "html", "json", "ndjson", "curl"] {
        let text = export(&home, &[file, "--to", paper]);
        assert!(
            text.contains("app.test") && !text.contains("planted"),
            "{paper}: {text}"
        );
    }
    let open = export(&home, &[file, "--to", "har", "--secrets"]);
    assert!(open.matches(SECRET).count() > 10);
}

#[test]
fn a_redacted_har_is_the_same_file_without_secrets() {
    let home = Home::new();
    let path = home.at("all.corscope");
    save(&path, &all_sorts());
    let open = export(&home, &[path.to_str().unwrap(), "--to", "har", "--secrets"]);
    let har = home.at("open.har");
    std::fs::write(&har, &open).unwrap();
    let out = home.at("shared.har");
    let done = home.run(&[
        "redact",
        har.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let shared = std::fs::read_to_string(&out).unwrap();
    assert!(!shared.contains("planted"), "{shared}");
    let before: Vec<String> = diagnoses(&reread(&open)).iter().map(gist).collect();
    let after: Vec<String> = diagnoses(&reread(&shared)).iter().map(gist).collect();
    assert_eq!(before, after);
    let json: Value = serde_json::from_str(&shared).unwrap();
    assert_eq!(faults(&json), Vec::<String>::new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&out).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // Nothing is written over; a session is sent to the right command; no HAR is no HAR.
    let again = home.run(&[
        "redact",
        har.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(
        again.status == Some(2) && again.stderr.contains("not overwritten"),
        "{again:?}"
    );
    let session = home.run(&["redact", path.to_str().unwrap()]);
    assert!(
        session.status == Some(2) && session.stderr.contains("corscope export"),
        "{session:?}"
    );
    std::fs::write(home.at("no.har"), "{\"log\":{\"entries\":7}}").unwrap();
    let no = home.run(&["redact", "no.har", "--out", "x.har"]);
    assert!(
        no.status == Some(2) && no.stderr.contains("no HAR"),
        "{no:?}"
    );
    assert!(!home.at("x.har").exists() && !home.at("x.har.part").exists());
}

#[test]
fn own_patterns_come_from_a_file_and_the_command_line() {
    let home = Home::new();
    let path = home.at("all.corscope");
    save(&path, &all_sorts());
    let file = path.to_str().unwrap();
    let config = home.at(".config/corscope");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("redact.txt"), "# accounts\n/(f[0-9])\n").unwrap();
    let text = export(&home, &[file, "--to", "ndjson", "--hide", "pinned"]);
    assert!(
        !text.contains("/v1/f1") && text.contains("/v1/redacted-"),
        "{text}"
    );
    assert!(text.contains("https://pinned.test"), "hosts are evidence");
    std::fs::write(config.join("redact.txt"), "(").unwrap();
    let done = home.run(&["export", file, "--to", "har"]);
    assert!(
        done.status == Some(2) && done.stderr.contains("no regular expression"),
        "{done:?}"
    );
}
