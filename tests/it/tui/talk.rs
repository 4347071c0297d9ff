//! Messages, cookies and tables in the detail pane.

use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::{ExchangeRecorder, Recorder};
use corscope::session::Session;
use corscope::tui::Event;
use corscope::wire::{
    Client, End, ExchangeId, HeaderList, HttpVersion, Kind, Message, MessageKind, RequestHead,
    ResponseHead, Side, Source, Timestamp, Timings, Upstream,
};

use super::super::support;
use super::capture::{Call, START, session};
use super::driver::{Person, live};

#[test]
fn messages_are_opened_filtered_and_copied() {
    let reader = session(|recorder| {
        let mut socket = Call::new("GET", "https://live.app.test/feed", 101)
            .asks("upgrade", "websocket")
            .says("upgrade", "websocket");
        socket.kind = Kind::WebSocket;
        socket.messages = vec![
            (MessageKind::Text, Bytes::from_static(b"{\"price\":1.50}")),
            (MessageKind::Binary, Bytes::from_static(&[0, 1, 0xfe])),
            (MessageKind::Close, Bytes::from_static(b"\x03\xe9bye")),
        ];
        socket.play(recorder, 0, 60);
    });
    let mut person = Person::before(reader, live(), 100, 30);
    let screen = person.types("g8<Enter>z").screen();
    for line in [
        "↑ 1 sent · ↓ 4 received",
        "binary     3 B  00 01 fe",
        "1001 going away bye",
    ] {
        assert!(screen.contains(line), "no {line} on\n{screen}");
    }
    let screen = person.types("/price").screen();
    assert!(
        screen.contains("1 of 5 messages") && !screen.contains("binary"),
        "{screen}"
    );
    let screen = person.types("<Enter>g<Down> ").screen();
    assert!(screen.contains("      \"price\": 1.50"), "{screen}");
    assert_eq!(
        person.types("L").copied.as_deref(),
        Some("{\"price\":1.50}")
    );
    let screen = person.types(" <Esc>").screen();
    assert!(
        screen.contains("binary") && !screen.contains("\"price\": 1.50"),
        "{screen}"
    );
}

/// What the server says over a socket: its number.
fn said(number: usize, at: Timestamp) -> Message {
    let payload = Bytes::from(format!("message-{number:05}"));
    Message {
        at,
        from: Side::Response,
        kind: MessageKind::Text,
        len_bytes: payload.len() as u64,
        payload,
    }
}

fn open_socket(recorder: &Recorder) -> ExchangeRecorder {
    let request = RequestHead {
        method: "GET".into(),
        url: "https://live.app.test/feed".into(),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([("upgrade", "websocket")])),
    };
    let (source, client) = (Source::Proxy, Client::default());
    let exchange = recorder.open_now(source, Kind::WebSocket, client, request, START);
    let response = ResponseHead {
        status: 101,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs([("upgrade", "websocket")])),
    };
    let timings = Timings::default();
    exchange.answered_at(START, response, Upstream::default(), timings);
    exchange
}

#[test]
fn whoever_reads_a_message_keeps_it_while_thousands_come() {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let socket = open_socket(&recorder);
    for number in 0..3_000 {
        socket.message(said(number, START));
    }
    let reader = session.reader();
    let heard = |count: usize| {
        support::eventually("the messages are heard", || {
            reader.message_count(ExchangeId(1)) as usize >= count
        });
    };
    heard(3_000);
    let mut person = Person::before(reader.clone(), live(), 100, 30);
    let screen = person.types("g8<Enter>z").screen();
    assert!(screen.contains("message-02999"), "{screen}");
    let screen = person.types("<Up><Up><Up>").screen();
    let line = |screen: &str| {
        let line = screen.lines().find(|l| l.starts_with('▌'));
        line.unwrap_or_else(|| panic!("no cursor on\n{screen}"))
            .to_owned()
    };
    assert!(line(&screen).contains("message-02996"), "{screen}");
    for round in 1..5 {
        for number in 0..2_000 {
            socket.message(said(1_000 + round * 2_000 + number, START));
        }
        heard(3_000 + round * 2_000);
        person.now = person.now.plus_micros(5_000_000);
        person.happens(Event::Captured);
        let now = person.screen();
        assert_eq!(line(&now), line(&screen), "{now}");
    }
    // Back at the newest.
    let screen = person.types("F").screen();
    assert!(screen.contains("message-10999"), "{screen}");
}

#[test]
fn all_messages_can_be_reached() {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let socket = open_socket(&recorder);
    for number in 0..2_500 {
        socket.message(said(number, START));
    }
    socket.close(End::Complete, Timings::default());
    let reader = session.reader();
    session.finish().unwrap();
    let mut person = Person::before(reader, live(), 100, 30);
    let seen = |person: &mut Person| {
        let screen = person.screen();
        let number = |l: &str| l.split("message-").nth(1)?.get(..5)?.parse::<usize>().ok();
        screen.lines().filter_map(number).collect::<Vec<_>>()
    };
    person.types("g8<Enter>zG");
    assert_eq!(seen(&mut person).last(), Some(&2_499));
    // Page by page to the top, and back; nothing is left out.
    for (key, last) in [("<PgUp>", 0), ("<PgDn>", 2_499)] {
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..300 {
            met.extend(seen(&mut person));
            person.types(key);
        }
        assert!(met.contains(&last), "{:?}", met.iter().next_back());
        assert_eq!(met.len(), 2_500);
    }
    person.types("g");
    assert_eq!(seen(&mut person).first(), Some(&0));
    let screen = person.types("G").screen();
    assert!(screen.contains("message-02499"), "{screen}");
}

#[test]
fn a_cookie_that_was_not_sent_says_why() {
    let reader = session(|recorder| {
        Call::fetch("POST", "/v1/login", 200)
            .says("access-control-allow-origin", "https://app.test")
            .says("access-control-allow-credentials", "true")
            .says("set-cookie", "sid=1; Path=/v1; Secure")
            .says("set-cookie", "cart=2; Path=/shop")
            .says("set-cookie", "wide=3; Domain=test")
            .play(recorder, 0, 10);
        Call::fetch("GET", "/v1/me", 200)
            .asks("cookie", "sid=1")
            .says("access-control-allow-origin", "https://app.test")
            .says("access-control-allow-credentials", "true")
            .play(recorder, 20, 10);
    });
    let mut person = Person::before(reader, live(), 120, 40);
    let screen = person.types("G7").screen();
    for line in [
        "✔ sid  1",
        "set by #1 · Path=/v1 · Secure",
        "✖ cart  2",
        "Path=/shop does not cover /v1/me",
        "never stored: Domain=test is a public suffix",
    ] {
        assert!(screen.contains(line), "no {line} on\n{screen}");
    }
}
