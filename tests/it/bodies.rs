//! Bodies in the session file: equal ones once, each and all of them with a cap, and files of the
//! version before that.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::{Recorder, now};
use corscope::session::{Options, Reader, Session};
use corscope::wire::{
    Client, End, ExchangeId, HttpVersion, Kind, Message, MessageKind, RequestHead, ResponseHead,
    Side, Source, Timings, Upstream,
};

use crate::support::{Home, eventually};

/// Bytes that no compressor makes less of.
fn noise(seed: u64, len: usize) -> Bytes {
    let mut seed = seed;
    let words = (0..len.div_ceil(8)).flat_map(|_| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    });
    words.take(len).collect::<Vec<_>>().into()
}

fn tell(recorder: &Recorder, status: u16, body: &Bytes, pieces: usize) -> ExchangeId {
    recorder.wait_for_room();
    let request = RequestHead {
        method: "GET".into(),
        url: "https://api.app.test/a".into(),
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    let exchange = recorder.open_now(Source::Proxy, Kind::Http, Client::default(), request, now());
    let head = ResponseHead {
        status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    exchange.answered(head, Upstream::default(), Timings::default());
    for piece in body.chunks(body.len().div_ceil(pieces).max(1)) {
        recorder.wait_for_room();
        exchange.body(Side::Response, body.slice_ref(piece));
        if pieces > 1 {
            // Into another transaction.
            std::thread::sleep(std::time::Duration::from_millis(12));
        }
    }
    exchange.close(End::Complete, Timings::default());
    exchange.id()
}

fn body(reader: &Reader, id: ExchangeId) -> Vec<u8> {
    reader.body(id, Side::Response, 0, usize::MAX).unwrap()
}

fn stored(path: &Path) -> u64 {
    let db = rusqlite::Connection::open(path).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    db.query_row(
        "SELECT ifnull(sum(length(bytes)), 0) FROM content",
        [],
        |row| row.get::<_, i64>(0),
    )
    .unwrap()
    .unsigned_abs()
}

#[test]
fn equal_bodies_are_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let (session, recorder) = Session::create(Options::new(&path)).unwrap();
    let reader = session.reader();
    let (small, large) = (noise(1, 3_000), noise(2, 700_000));
    let mut told = Vec::new();
    for round in 0..4 {
        told.push((tell(&recorder, 200, &small, 1), small.clone()));
        // However it comes, in one transaction or in many.
        told.push((tell(&recorder, 200, &large, 1 + 2 * round), large.clone()));
        told.push((
            tell(&recorder, 200, &noise(10 + round as u64, 500), 1),
            noise(10 + round as u64, 500),
        ));
    }
    for (id, expected) in &told {
        eventually("the body is there", || body(&reader, *id) == *expected);
    }
    session.finish().unwrap();
    assert_eq!(stored(&path), 3_000 + 700_000 + 4 * 500);
    let again = Session::open(&path, None).unwrap().reader();
    for (id, expected) in &told {
        assert!(body(&again, *id) == *expected, "{id}");
        assert_eq!(
            again.exchange(*id).unwrap().response_body.kept_bytes,
            expected.len() as u64
        );
    }
}

#[test]
fn the_oldest_bodies_leave_a_full_session_and_their_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let cap = 4_000_000;
    let options = Options {
        stored_bytes_max: cap,
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let reader = session.reader();
    let evidence = noise(99, 1_000);
    let refused = tell(&recorder, 403, &evidence, 1);
    let shared = noise(7, 10_000);
    let first = tell(&recorder, 200, &shared, 1);
    let many: Vec<ExchangeId> = (0..1_000)
        .map(|n| tell(&recorder, 200, &noise(1_000 + n, 10_000), 1))
        .collect();
    let last = tell(&recorder, 200, &noise(1_999, 10_000), 1);
    eventually("all is heard", || reader.len() == 1_003);
    session.finish().unwrap();
    assert!(reader.bodies_gone_before().is_some_and(|id| id > many[500]));
    let left = stored(&path);
    assert!((cap / 2..=cap).contains(&left), "{left}");
    for reader in [&reader, &Session::open(&path, None).unwrap().reader()] {
        assert_eq!(reader.len(), 1_003, "rows stay");
        let kept = |id: ExchangeId| reader.exchange(id).unwrap().response_body.clone();
        assert_eq!(
            (kept(first).kept_bytes, kept(first).seen_bytes),
            (0, 10_000)
        );
        assert!(body(reader, first).is_empty());
        assert!(body(reader, many[999]) == noise(1_999, 10_000));
        assert!(body(reader, last) == noise(1_999, 10_000));
        assert!(body(reader, refused) == evidence, "verdicts may rest on it");
    }
}

#[test]
fn a_body_that_keeps_coming_stays_whoever_else_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let cap = 400_000;
    let options = Options {
        stored_bytes_max: cap,
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let live = session.reader();
    let (steady, rare) = (noise(7, 10_000), noise(8, 10_000));
    let mut told = vec![(tell(&recorder, 200, &rare, 1), &rare)];
    for round in 0..200 {
        told.push((tell(&recorder, 200, &steady, 1), &steady));
        tell(&recorder, 200, &noise(1_000 + round, 10_000), 1);
    }
    // What it could have shared left long ago.
    told.push((tell(&recorder, 200, &rare, 1), &rare));
    told.push((tell(&recorder, 200, &steady, 1), &steady));
    session.finish().unwrap();
    assert!(stored(&path) <= cap);
    let reader = Session::open(&path, None).unwrap().reader();
    let gone = live.bodies_gone_before().expect("some left");
    assert!(gone > told[50].0);
    for (id, expected) in told {
        let wanted: &[u8] = if id < gone { &[] } else { expected };
        assert!(body(&reader, id) == wanted, "{id}");
    }
}

#[test]
fn what_an_error_shares_with_others_stays_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let options = Options {
        stored_bytes_max: 400_000,
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let live = session.reader();
    let evidence = noise(9, 1_000);
    let first = tell(&recorder, 200, &evidence, 1);
    let refused = tell(&recorder, 403, &evidence, 1);
    tell(&recorder, 200, &evidence, 1);
    for round in 0..100 {
        tell(&recorder, 200, &noise(1_000 + round, 10_000), 1);
    }
    let last = tell(&recorder, 200, &evidence, 1);
    session.finish().unwrap();
    let gone = live.bodies_gone_before().expect("some left");
    assert!(gone > refused);
    let reader = Session::open(&path, None).unwrap().reader();
    assert!(body(&reader, first).is_empty());
    assert!(body(&reader, refused) == evidence);
    // The last makes room too, and may be the one that leaves.
    let wanted: &[u8] = if last < gone { &[] } else { &evidence };
    assert!(body(&reader, last) == wanted);
}

#[test]
fn messages_leave_when_no_body_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let options = Options {
        stored_bytes_max: 1_000_000,
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let reader = session.reader();
    let request = RequestHead {
        method: "GET".into(),
        url: "https://api.app.test/ws".into(),
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    let socket = recorder.open_now(
        Source::Proxy,
        Kind::WebSocket,
        Client::default(),
        request,
        now(),
    );
    for number in 0..3_000_u64 {
        recorder.wait_for_room();
        socket.message(Message {
            at: now(),
            from: Side::Response,
            kind: MessageKind::Binary,
            len_bytes: 1_000,
            payload: noise(number, 1_000),
        });
    }
    socket.close(End::Complete, Timings::default());
    session.finish().unwrap();
    let id = socket.id();
    assert_eq!(reader.message_count(id), 3_000);
    let last = reader.messages(id, 2_999, 10);
    assert_eq!(last.len(), 1);
    assert!(last[0].payload == noise(2_999, 1_000));
    let there = reader.numbered_messages(id, 0, 10_000);
    assert!((400..=1_000).contains(&there.len()), "{}", there.len());
    assert_eq!(there.last().unwrap().0, 2_999);
}

#[test]
fn a_session_has_no_more_exchanges_than_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let options = Options {
        exchanges_max: 10,
        ..Options::new(&path)
    };
    let (session, recorder) = Session::create(options).unwrap();
    let reader = session.reader();
    for number in 0..25 {
        tell(&recorder, 200, &noise(number, 10), 1);
    }
    eventually("it is told", || {
        reader
            .trouble()
            .is_some_and(|said| said.contains("10 exchanges"))
    });
    session.finish().unwrap();
    assert_eq!(Session::open(&path, None).unwrap().reader().len(), 10);
}

#[test]
fn a_session_of_the_first_version_is_read_as_it_is() {
    let home = Home::new();
    let packed: &[u8] = include_bytes!("../corpus/session-v1.corscope.gz");
    let mut file = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut file)
        .unwrap();
    let path = home.at("old.corscope");
    std::fs::write(&path, &file).unwrap();
    let reader = Session::open(&path, None).unwrap().reader();
    assert_eq!(body(&reader, ExchangeId(1)), b"{\"a\":1}\n");
    let long = body(&reader, ExchangeId(2));
    assert!(
        long.len() == 5_001 && long.starts_with(b"xxxx"),
        "a compressed piece"
    );
    let done = home.run(&["export", "old.corscope", "--to", "har"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(done.stdout.contains("xxxxxxxx"));
    assert_eq!(home.run(&["diagnose", "old.corscope"]).status, Some(1));
    drop(reader);
    assert!(
        std::fs::read(&path).unwrap() == file,
        "reading changes nothing"
    );
}
