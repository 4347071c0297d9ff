//! Recording, the session file, and reading it back.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use corscope::capture::{ExchangeRecorder, Recorder, now};
use corscope::diagnose::Role;
use corscope::session::{Mark, Options, Reader, RowEnd, Session, SessionError};
use corscope::wire::{
    Client, End, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion, Kind,
    Message, MessageKind, Patch, Replay, RequestHead, ResponseHead, Side, Source, Timestamp,
    Timings, Upstream,
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
        Source::Replay(Replay {
            of: Some(ExchangeId(2)),
            include: Some(false),
        }),
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

/// All a reader tells, as lines that can be compared.
fn everything(reader: &Reader) -> Vec<String> {
    let mut told = Vec::new();
    reader.scan(reader.first_id(), usize::MAX, &mut |row| {
        let mut row = *row;
        // Whether a verdict was corrected while somebody looked is not the capture's.
        row.mark.corrected = false;
        told.push(format!("{row:?}"));
    });
    let ids = (0..reader.len() as u64).map(|n| ExchangeId(reader.first_id().0 + n));
    for id in ids {
        let exchange = reader.exchange(id).expect("every row has its exchange");
        told.push(format!("{exchange:#?}"));
        for side in [Side::Request, Side::Response] {
            let body = reader.body(id, side, 0, usize::MAX).unwrap();
            told.push(format!("body {side:?} {} {:x}", body.len(), sum(&body)));
        }
        told.push(format!("{:?}", reader.messages(id, 0, 100)));
        told.push(format!("{}", reader.message_count(id)));
    }
    for fetch in reader.fetches() {
        told.push(format!("{:?}", reader.fetch(fetch)));
        told.push(format!("{:?}", reader.diagnosis(fetch)));
    }
    told.push(format!("{:?} {:?}", reader.counts(), reader.trouble()));
    told
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
        // Whether a verdict was corrected while somebody looked is not the capture's.
        marks.push(Mark {
            corrected: false,
            ..row.mark
        });
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

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Records one complete exchange; its body says which it is.
fn tell(recorder: &Recorder, body_bytes: usize) -> ExchangeId {
    recorder.wait_for_room();
    let exchange = open(
        recorder,
        request("GET", "https://api.test/", &[("Accept", "*/*")]),
    );
    let id = exchange.id();
    exchange.answered(
        response(200, &[("Content-Type", "text/plain")]),
        upstream(),
        timings(),
    );
    exchange.body(Side::Response, body_of(id, body_bytes));
    exchange.close(End::Complete, timings());
    id
}

/// Bytes that do not compress and are different for each exchange.
fn body_of(id: ExchangeId, len: usize) -> Bytes {
    let mut state = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next)
        .take(len)
        .collect::<Vec<u8>>()
        .into()
}

type Is = fn(&SessionError) -> bool;

/// A finished session of a few exchanges.
fn finished(dir: &Path) -> PathBuf {
    let path = dir.join("finished.corscope");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    for _ in 0..20 {
        tell(&recorder, 10_000);
    }
    session.finish().unwrap();
    path
}

// === Files that are not what they should be ===

#[test]
fn an_unusable_file_is_said_to_be_so_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let whole = std::fs::read(finished(dir.path())).unwrap();
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    let mut other = whole.clone();
    other[68..72].copy_from_slice(&1_u32.to_be_bytes());
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[100..middle].fill(0x5a);
    let cases: [(&str, &[u8], Is, &str); 8] = [
        (
            "empty",
            b"",
            |e| matches!(e, SessionError::NotASession { .. }),
            "not a corscope session",
        ),
        (
            "text",
            b"hello",
            |e| matches!(e, SessionError::NotASession { .. }),
            "not a corscope session",
        ),
        (
            "har",
            &[b'{'; 4_000],
            |e| matches!(e, SessionError::NotASession { .. }),
            "HAR",
        ),
        (
            "other",
            &other,
            |e| matches!(e, SessionError::NotASession { .. }),
            "not a corscope session",
        ),
        (
            "newer",
            &newer,
            |e| matches!(e, SessionError::Newer { found: 9, .. }),
            "update corscope",
        ),
        (
            "cut",
            &whole[..whole.len() - 5_000],
            |e| matches!(e, SessionError::Truncated { .. }),
            "cut short",
        ),
        (
            "head",
            &whole[..60],
            |e| matches!(e, SessionError::NotASession { .. }),
            "not a corscope session",
        ),
        (
            "damaged",
            &damaged,
            |e| matches!(e, SessionError::Corrupt { .. }),
            "damaged",
        ),
    ];
    for (name, bytes, is, words) in cases {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let Err(error) = Session::open(&path, None) else {
            panic!("{name} was opened");
        };
        assert!(is(&error), "{name}: {error:?}");
        let sentence = error.to_string();
        assert!(
            sentence.contains(words) && sentence.contains(name),
            "{name}: {sentence}"
        );
        assert!(!sentence.contains('\n'), "{sentence}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} was changed");
    }
    let missing = Session::open(&dir.path().join("missing"), None).err();
    assert!(
        matches!(missing, Some(SessionError::Read { .. })),
        "{missing:?}"
    );
    let directory = Session::open(dir.path(), None).err();
    assert!(directory.is_some());
}

#[test]
fn a_damaged_session_shows_what_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.corscope");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    for _ in 0..4_000 {
        tell(&recorder, 200);
    }
    session.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() * 3 / 4;
    bytes[at..].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(
        Session::open(&path, None),
        Err(SessionError::Corrupt { .. })
    ));
    let session = Session::view(&path, None).unwrap();
    let reader = session.reader();
    wait_until("the damage is told", || reader.trouble().is_some());
    assert!(reader.len() >= 1_000, "{} rows", reader.len());
    assert!(session.finish().is_err());
}

#[test]
fn a_new_session_is_private_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.corscope");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    tell(&recorder, 10);
    let reader = session.reader();
    wait_until("a row", || reader.len() == 1);
    #[cfg(unix)]
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
    session.finish().unwrap();
    let before = std::fs::read(&path).unwrap();
    let again = Session::create(Options::new(&path)).err();
    assert!(
        matches!(again, Some(SessionError::Exists { .. })),
        "{again:?}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let nowhere = Session::create(Options::new(dir.path().join("no/such/place"))).err();
    assert!(
        matches!(nowhere, Some(SessionError::Create { .. })),
        "{nowhere:?}"
    );
    let within_a_file = Session::create(Options::new(path.join("x"))).err();
    assert!(
        matches!(within_a_file, Some(SessionError::Create { .. })),
        "{within_a_file:?}"
    );
}

// === Limits ===

#[test]
fn a_body_is_kept_up_to_the_cap_and_counted_beyond() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        kept_bytes_max: 300_000,
        ..Options::new(dir.path().join("capped"))
    };
    let (session, recorder) = Session::create(options).unwrap();
    let exchange = open(&recorder, request("GET", "https://a.test/", &[]));
    let sent: Vec<u8> = body_of(exchange.id(), 1_000_000).to_vec();
    for part in sent.chunks(64_000) {
        exchange.body(Side::Response, Bytes::copy_from_slice(part));
    }
    exchange.close(End::Complete, timings());
    let reader = session.reader();
    session.finish().unwrap();
    let facts = reader
        .exchange(ExchangeId(1))
        .unwrap()
        .response_body
        .clone();
    assert_eq!((facts.seen_bytes, facts.kept_bytes), (1_000_000, 300_000));
    assert!(facts.is_truncated());
    assert_eq!(&facts.excerpt[..], &sent[..4096]);
    let kept = reader
        .body(ExchangeId(1), Side::Response, 0, usize::MAX)
        .unwrap();
    assert_eq!(kept, &sent[..300_000]);
    let middle = reader
        .body(ExchangeId(1), Side::Response, 262_140, 10)
        .unwrap();
    assert_eq!(middle, &sent[262_140..262_150], "across two pieces");
    assert!(
        reader
            .body(ExchangeId(1), Side::Response, 300_000, 10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_flood_is_all_there_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (session, recorder) = Session::create(Options::new(dir.path().join("flood"))).unwrap();
    let reader = session.reader();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let recorder = recorder.clone();
            std::thread::spawn(move || {
                for _ in 0..5_000 {
                    tell(&recorder, 64);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    session.finish().unwrap();
    let mut next = 1;
    reader.scan(ExchangeId(0), usize::MAX, &mut |row| {
        assert_eq!((row.id, row.end), (ExchangeId(next), RowEnd::Complete));
        assert_eq!(row.response_bytes, 64);
        next += 1;
    });
    assert_eq!(next, 20_001);
    assert_eq!(reader.counts().skipped_bytes, 0);
    for id in (1..=20_000).step_by(997).map(ExchangeId) {
        assert_eq!(
            reader.body(id, Side::Response, 0, 99).unwrap(),
            body_of(id, 64)
        );
    }
    let fetches = reader.fetches();
    assert_eq!(fetches.len(), 20_000);
    assert!(fetches.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_full_disk_stops_the_keeping_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("full");
    let options = Options {
        file_bytes_max: Some(2 << 20),
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let reader = session.reader();
    let mut last = ExchangeId(0);
    while reader.trouble().is_none() {
        last = tell(&recorder, 60_000);
        wait_until("the row", || {
            reader.len() as u64 == last.0 || reader.trouble().is_some()
        });
        assert!(last.0 < 1_000, "the disk never filled");
    }
    let trouble = reader.trouble().unwrap();
    assert!(
        trouble.contains("no room left") && !trouble.contains('\n'),
        "{trouble}"
    );
    let good = last.0 - 1;
    assert!(good >= 20, "{good}");
    for _ in 0..50 {
        last = tell(&recorder, 60_000);
    }
    wait_until("rows go on", || {
        let mut over = false;
        reader.rows(&[last], &mut |row| over = row.end == RowEnd::Complete);
        over
    });
    let heads_only = reader.exchange(last).unwrap();
    assert_eq!(heads_only.response.as_ref().unwrap().status, 200);
    assert_eq!(
        (
            heads_only.response_body.kept_bytes,
            heads_only.response_body.seen_bytes
        ),
        (0, 60_000)
    );
    assert!(reader.counts().skipped_bytes >= 50 * 60_000);
    let all_written = session.finish().is_ok();
    assert!(reader.exchange(last).is_some());

    let again = Session::open(&path, None).unwrap().reader();
    // Heads may still find room where bodies do not.
    let expected = if all_written { last.0 } else { good };
    assert!(
        again.len() as u64 >= expected,
        "{} of {expected}",
        again.len()
    );
    for id in (1..=good).map(ExchangeId) {
        assert_eq!(
            again.body(id, Side::Response, 0, 99_999).unwrap(),
            body_of(id, 60_000)
        );
    }
}

/// A session with one exchange, which another process then takes for itself.
fn locked(path: &Path) -> (Session, Recorder, Reader, rusqlite::Connection) {
    let (session, recorder) = Session::create(Options::new(path)).unwrap();
    let reader = session.reader();
    tell(&recorder, 100);
    wait_until("a row", || reader.len() == 1);
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (session, recorder, reader, other)
}

#[test]
fn a_locked_file_is_written_when_it_is_free_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked");
    let (session, recorder, reader, other) = locked(&path);
    // One that is under way meanwhile, in several pieces and batches, with a message.
    let long = open(&recorder, request("GET", "https://api.app.test/long", &[]));
    let all = body_of(long.id(), 700_000);
    long.answered(response(200, &[]), upstream(), timings());
    long.body(Side::Response, all.slice(..300_000));
    let waiting = tell(&recorder, 100);
    wait_until("the trouble is told", || reader.trouble().is_some());
    let told = reader.trouble().unwrap();
    assert!(
        told.contains("in use by another process") && told.contains("stays in memory"),
        "{told}"
    );
    long.body(Side::Response, all.slice(300_000..500_000));
    long.message(Message {
        at: now(),
        from: Side::Response,
        kind: MessageKind::Text,
        len_bytes: 5,
        payload: Bytes::from_static(b"hello"),
    });
    let twin = tell(&recorder, 100);
    wait_until("rows go on", || reader.exchange(twin).is_some());
    wait_until("what passed so far", || {
        reader.body(long.id(), Side::Response, 0, 1 << 20).unwrap() == all.slice(..500_000)
    });
    assert_eq!(
        reader.body(long.id(), Side::Response, 299_990, 20).unwrap(),
        all.slice(299_990..300_010)
    );
    assert_eq!(
        reader.body(waiting, Side::Response, 0, 999).unwrap(),
        body_of(waiting, 100)
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    wait_until("the trouble is over", || reader.trouble().is_none());
    long.body(Side::Response, all.slice(500_000..));
    long.close(End::Complete, timings());
    let id = long.id();
    drop(long);
    tell(&recorder, 100);
    session.finish().unwrap();
    assert_eq!(reader.counts().skipped_bytes, 0);
    let again = Session::open(&path, None).unwrap().reader();
    for reader in [reader, again] {
        assert_eq!(reader.len(), 5);
        for other in [waiting, twin, ExchangeId(5)] {
            assert_eq!(
                reader.exchange(other).unwrap().response_body.kept_bytes,
                100
            );
            assert_eq!(
                reader.body(other, Side::Response, 0, 999).unwrap(),
                body_of(other, 100)
            );
        }
        assert!(reader.body(id, Side::Response, 0, 1 << 20).unwrap() == all);
        let messages = reader.messages(id, 0, 9);
        assert_eq!(messages.len(), 1);
        assert_eq!(&messages[0].payload[..], b"hello");
    }
}

#[test]
fn bodies_that_wait_for_a_locked_file_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked");
    let (session, recorder, reader, other) = locked(&path);
    let mut last = tell(&recorder, 100);
    wait_until("the trouble is told", || reader.trouble().is_some());
    // 100 MB, each shown before the next is told.
    for _ in 0..100 {
        last = tell(&recorder, 1_000_000);
        wait_until("rows go on", || {
            let mut over = false;
            reader.rows(&[last], &mut |row| over = row.end == RowEnd::Complete);
            over
        });
    }
    let skipped = reader.counts().skipped_bytes;
    assert!(
        (30_000_000..40_000_000).contains(&skipped),
        "64 MiB wait, the others were counted: {skipped}"
    );
    drop(other);
    wait_until("the trouble is over", || reader.trouble().is_none());
    session.finish().unwrap();
    let again = Session::open(&path, None).unwrap().reader();
    assert_eq!(again.len() as u64, last.0);
    let kept = |id| again.exchange(id).unwrap().response_body.kept_bytes;
    let all: u64 = (3..=last.0).map(|id| kept(ExchangeId(id))).sum();
    assert_eq!(all, 100_000_000 - skipped);
    for id in [3, 40, last.0].map(ExchangeId) {
        let body = again.body(id, Side::Response, 0, 1 << 20).unwrap();
        assert!(body == body_of(id, 1_000_000)[..body.len()]);
        assert_eq!(body.len() as u64, kept(id));
    }
}

#[test]
fn a_file_that_is_locked_to_the_end_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked");
    let (session, recorder, _reader, other) = locked(&path);
    tell(&recorder, 100);
    let error = session.finish().unwrap_err().to_string();
    assert!(error.contains("in use by another process"), "{error}");
    drop(other);
    assert_eq!(Session::open(&path, None).unwrap().reader().len(), 1);
}

#[test]
fn a_session_can_be_finished_while_others_go_on_talking() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("talking");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    let reader = session.reader();
    let stop = Arc::new(AtomicBool::new(false));
    let talking = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                tell(&recorder, 10);
            }
        }
    });
    wait_until("rows", || reader.len() > 100);
    let (done, finished) = std::sync::mpsc::channel();
    let finishing = std::thread::spawn(move || done.send(session.finish().is_ok()));
    let finished = finished.recv_timeout(Duration::from_mins(1));
    stop.store(true, Ordering::Relaxed);
    talking.join().unwrap();
    finishing.join().unwrap().unwrap();
    assert_eq!(finished, Ok(true));
    assert_eq!(
        Session::open(&path, None).unwrap().reader().len(),
        reader.len()
    );
}

// === Other processes ===

#[test]
fn another_process_can_look_while_it_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    let reader = session.reader();
    tell(&recorder, 100);
    let still_open = open(&recorder, request("GET", "https://slow.test/", &[]));
    wait_until("rows", || reader.len() == 2);
    let view = Session::open(&path, None).unwrap();
    let seen = view.reader();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen.body(ExchangeId(1), Side::Response, 0, 999)
            .unwrap()
            .len(),
        100
    );
    tell(&recorder, 100);
    drop(view);
    still_open.close(End::Complete, timings());
    session.finish().unwrap();
    assert_eq!(Session::open(&path, None).unwrap().reader().len(), 3);
}

const CHILD: &str = "CORSCOPE_TEST_RECORD_INTO";

/// Not a test of its own: the process that is killed below.
#[test]
fn child_that_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let (session, recorder) = Session::create(Options::new(PathBuf::from(path))).unwrap();
    let reader = session.reader();
    let _open = open(&recorder, request("GET", "https://slow.test/", &[]));
    loop {
        let ids: Vec<_> = (0..50).map(|_| tell(&recorder, 3_000)).collect();
        let last = ids[ids.len() - 1];
        wait_until("rows", || reader.len() as u64 >= last.0);
        println!("visible {}", last.0);
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_visible() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let path = dir.path().join(format!("killed{round}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "session::child_that_records_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut visible = 0;
        let enough = 200 + round * 331;
        while visible < enough {
            let line = lines.next().expect("the child records").unwrap();
            if let Some(id) = line.strip_prefix("visible ") {
                visible = id.parse().unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let log = PathBuf::from(format!("{}-wal", path.display()));
        let before = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
        let session = Session::open(&path, None).unwrap();
        let reader = session.reader();
        assert!(
            reader.len() as u64 >= visible,
            "{} rows, {visible} were visible",
            reader.len()
        );
        let stopped = reader.exchange(ExchangeId(1)).unwrap();
        let End::Failed(failure) = &stopped.end else {
            panic!("it was still open: {:?}", stopped.end);
        };
        assert!(failure.detail.contains("capture stopped"), "{failure:?}");
        for id in (2..=visible).map(ExchangeId) {
            assert_eq!(reader.exchange(id).unwrap().end, End::Complete);
            assert_eq!(
                reader.body(id, Side::Response, 0, 9_999).unwrap(),
                body_of(id, 3_000)
            );
        }
        drop((session, reader));
        let after = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
        assert!(before == after, "viewing changed the file");
    }
}

// === Any interleaving ===

/// What a page might cause: the number of the call, and whether it is the preflight.
fn call(number: u8, preflight: bool) -> RequestHead {
    let url = format!("https://api.test/{}", number % 3);
    let page = [
        ("Origin", "https://app.test"),
        ("User-Agent", "Mozilla/5.0 Firefox/140.0"),
    ];
    if preflight {
        let asked = ("Access-Control-Request-Method", "PUT");
        request("OPTIONS", &url, &[page[0], page[1], asked])
    } else {
        request("PUT", &url, &page)
    }
}

fn answer(number: u8) -> ResponseHead {
    let origin = ("Access-Control-Allow-Origin", "https://app.test");
    match number % 5 {
        0 => response(500, &[]),
        1 => response(308, &[("Location", "/2"), origin]),
        2 => response(204, &[origin]),
        _ => response(200, &[origin, ("Access-Control-Allow-Methods", "PUT")]),
    }
}

/// Tells what the script says: each step is about one of a few exchanges and does what comes next
/// for it.
fn tell_script(recorder: &Recorder, script: &[(u8, u8)]) {
    let start = now();
    let mut at = start;
    let mut exchanges: Vec<Option<(ExchangeRecorder, u8)>> = (0..6).map(|_| None).collect();
    for (which, number) in script {
        at = at.plus_micros(u64::from(*number) * 7_000);
        let slot = &mut exchanges[usize::from(*which) % 6];
        *slot = match slot.take() {
            None => {
                let head = call(*number, which % 2 == 0);
                let client = Client::default();
                let exchange = recorder.open_now(Source::Proxy, Kind::Http, client, head, at);
                Some((exchange, 0))
            }
            Some((exchange, 0)) => {
                exchange.answered_at(at, answer(*number), upstream(), timings());
                Some((exchange, 1))
            }
            Some((exchange, 1)) => {
                exchange.body(Side::Response, body_of(exchange.id(), usize::from(*number)));
                Some((exchange, 2))
            }
            Some((exchange, _)) => {
                let end = if number % 7 == 0 {
                    End::Aborted
                } else {
                    End::Complete
                };
                exchange.close_at(at, end, timings(), None, None);
                None
            }
        };
    }
    // What is still open stays so.
    for exchange in exchanges.into_iter().flatten() {
        std::mem::forget(exchange);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..Default::default()
    })]
    #[test]
    fn any_interleaving_reads_back_the_same(
        script in proptest::collection::vec(proptest::arbitrary::any::<(u8, u8)>(), 1..80),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any");
        let (session, recorder) = Session::create(Options::new(&path)).unwrap();
        let reader = session.reader();
        tell_script(&recorder, &script);
        session.finish().unwrap();
        let again = Session::open(&path, None).unwrap();
        assert_eq!(everything(&again.reader()), everything(&reader));
    }
}
