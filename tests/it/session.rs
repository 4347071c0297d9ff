//! Recording, the session file, and reading it back.

use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::{ExchangeRecorder, Recorder, now};
use corscope::diagnose::Role;
use corscope::session::{Options, Reader, Session};
use corscope::wire::{
    Client, End, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion, Kind,
    Message, MessageKind, Patch, RequestHead, ResponseHead, Side, Source, Timestamp, Timings,
    Upstream,
};

fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> RequestHead {
    RequestHead {
        method: method.into(),
        url: url.into(),
        version: HttpVersion::Http2,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    }
}

fn response(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
    ResponseHead {
        status,
        reason: (status == 299).then(|| "Odd".into()),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    }
}

fn open(recorder: &Recorder, request: RequestHead) -> ExchangeRecorder {
    let client = Client {
        connection: 7,
        addr: "127.0.0.1:50000".parse().ok(),
    };
    recorder.open_now(Source::Proxy, Kind::Http, client, request, now())
}

fn upstream() -> Upstream {
    Upstream {
        connection: 3,
        addr: "[::1]:443".parse().ok(),
        reused: true,
        tls: Some("TLS 1.3, AES_128_GCM_SHA256".into()),
        insecure: true,
    }
}

fn timings() -> Timings {
    Timings {
        queued: Some(1),
        dns: None,
        connect: Some(0),
        tls: Some(1_000_000),
        send: Some(5),
        wait: Some(17),
        receive: Some(3),
    }
}

/// A capture with one of everything.
fn tell_everything(recorder: &Recorder) {
    let page = [
        ("Origin", "https://app.test"),
        ("User-Agent", "Mozilla/5.0 Chrome/140.0"),
    ];
    let preflight = open(
        recorder,
        request(
            "OPTIONS",
            "https://api.test:8443/v1?q=1",
            &[page[0], page[1], ("Access-Control-Request-Method", "PUT")],
        ),
    );
    preflight.answered(
        response(
            204,
            &[
                ("Access-Control-Allow-Origin", "https://app.test"),
                ("Access-Control-Allow-Methods", "PUT"),
            ],
        ),
        upstream(),
        timings(),
    );
    preflight.close(End::Complete, timings());

    let put = open(
        recorder,
        request("PUT", "https://api.test:8443/v1?q=1", &page),
    );
    put.body(Side::Request, Bytes::from_static(b"{\"a\":"));
    put.body(Side::Request, Bytes::from_static(b"1}"));
    put.answered(
        response(
            500,
            &[
                ("Content-Type", "application/json"),
                ("X-Latin", "caf\u{e9}"),
            ],
        ),
        upstream(),
        timings(),
    );
    put.body(Side::Response, Bytes::from(vec![b'x'; 700_000]));
    put.patched(Patch {
        status: Some(200),
        set: vec![(
            "Access-Control-Allow-Origin".into(),
            "https://app.test".into(),
        )],
        append: vec![("Vary".into(), "Origin".into())],
        remove: vec!["Server".into()],
    });
    put.close_at(
        now(),
        End::Complete,
        timings(),
        None,
        Some(Arc::new(HeaderList::from_pairs([("Trailer-Sum", "9")]))),
    );

    let failed = open(recorder, request("GET", "https://gone.test/", &[]));
    failed.close(
        End::Failed(Failure {
            stage: FailureStage::Dns,
            kind: FailureKind::NameNotResolved,
            detail: "no such name: gone.test".into(),
        }),
        Timings::default(),
    );

    let replay = recorder.open_now(
        Source::Replay(ExchangeId(2)),
        Kind::Http,
        Client::default(),
        request("patch", "not a url", &[]),
        Timestamp(5),
    );
    replay.answered_at(
        Timestamp(3),
        response(299, &[]),
        upstream(),
        Timings::default(),
    );
    replay.close_at(Timestamp(9), End::Aborted, timings(), None, None);

    let socket = recorder.open_now(
        Source::Proxy,
        Kind::WebSocket,
        Client::default(),
        request("GET", "https://ws.test/live", &[("Upgrade", "websocket")]),
        now(),
    );
    socket.answered(response(101, &[]), upstream(), timings());
    for (n, kind) in [
        MessageKind::Text,
        MessageKind::Close,
        MessageKind::ServerSentEvent,
    ]
    .into_iter()
    .enumerate()
    {
        socket.message(Message {
            at: Timestamp(n as i64),
            from: if n == 0 {
                Side::Request
            } else {
                Side::Response
            },
            kind,
            len_bytes: 1 << 40,
            payload: Bytes::from(format!("message {n}")),
        });
    }
    // Still open when the capture ends.
    std::mem::forget(socket);
}

/// All a reader tells, as text that can be compared.
fn everything(reader: &Reader) -> String {
    let mut text = String::new();
    reader.scan(reader.first_id(), usize::MAX, &mut |row| {
        text.push_str(&format!("{row:?}\n"));
    });
    let ids: Vec<u64> = (0..reader.len() as u64)
        .map(|n| reader.first_id().0 + n)
        .collect();
    for id in ids.into_iter().map(ExchangeId) {
        let exchange = reader.exchange(id).expect("every row has its exchange");
        text.push_str(&format!("{exchange:#?}\n"));
        for side in [Side::Request, Side::Response] {
            let body = reader.body(id, side, 0, usize::MAX).unwrap();
            text.push_str(&format!("body {side:?} {} {:x}\n", body.len(), sum(&body)));
        }
        text.push_str(&format!("{:?}\n", reader.messages(id, 0, 100)));
        text.push_str(&format!("{}\n", reader.message_count(id)));
    }
    for fetch in reader.fetches() {
        text.push_str(&format!(
            "{:?}\n{:?}\n",
            reader.fetch(fetch),
            reader.diagnosis(fetch)
        ));
    }
    text.push_str(&format!("{:?} {:?}", reader.counts(), reader.trouble()));
    text
}

fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(7, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)))
}

#[test]
fn a_session_read_back_is_the_session_that_was_live() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.corscope");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    let reader = session.reader();
    tell_everything(&recorder);
    session.finish().unwrap();
    let live = everything(&reader);
    let names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["one.corscope"], "a finished session is one file");
    let before = std::fs::read(&path).unwrap();
    let again = Session::open(&path, None).unwrap();
    assert_eq!(everything(&again.reader()), live);
    assert_eq!(again.reader().name(), "one");
    drop(again);
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "viewing does not write"
    );

    assert_eq!(reader.len(), 5);
    let put = reader.exchange(ExchangeId(2)).unwrap();
    assert_eq!(put.response_body.kept_bytes, 700_000);
    assert_eq!(
        reader.body(ExchangeId(2), Side::Request, 2, 3).unwrap(),
        b"a\":"
    );
    assert_eq!(
        reader
            .body(ExchangeId(2), Side::Response, 699_999, 9)
            .unwrap(),
        b"x"
    );
}

#[test]
fn rows_are_judged_as_they_come() {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let reader = session.reader();
    tell_everything(&recorder);
    session.finish().unwrap();
    let counts = reader.counts();
    assert_eq!(
        (counts.exchanges, counts.preflights, counts.failed),
        (5, 1, 1)
    );
    let mut marks = Vec::new();
    reader.rows(&[ExchangeId(1), ExchangeId(2)], &mut |row| {
        marks.push(row.mark)
    });
    assert_eq!(
        marks[0].fetch, marks[1].fetch,
        "the preflight belongs to its request"
    );
    assert_eq!(
        (marks[0].role, marks[1].role),
        (Role::Preflight, Role::Actual)
    );
    let diagnosis = reader.diagnosis(marks[0].fetch.unwrap()).unwrap();
    assert_eq!(diagnosis.outcome, marks[0].outcome);
}
