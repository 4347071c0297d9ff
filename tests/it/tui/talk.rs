//! Messages, cookies and tables in the detail pane.

use bytes::Bytes;
use corscope::wire::{Kind, MessageKind};

use super::capture::{Call, session};
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
