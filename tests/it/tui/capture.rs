//! A little capture as a browser on a page with a few broken calls leaves it.

use std::sync::Arc;

use bytes::Bytes;
use corscope::capture::Recorder;
use corscope::session::{Reader, Session};
use corscope::wire::{
    Client, End, HeaderList, HttpVersion, Kind, Message, MessageKind, RequestHead, ResponseHead,
    Side, Source, Timestamp, Timings, Upstream,
};

/// 2026-03-02 12:04:00 UTC.
pub(crate) const START: Timestamp = Timestamp(1_772_453_040_000_000);
/// When the screens of the tests are looked at.
pub(crate) const NOW: Timestamp = Timestamp(START.0 + 31_000_000);

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/140.0.0.0 Safari/537.36";
pub(crate) const PAGE: &str = "https://app.test";
pub(crate) const API: &str = "https://api.app.test:8443";

/// One call, as the tests write it.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) request: Vec<(&'static str, String)>,
    pub(crate) status: u16,
    pub(crate) response: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) kind: Kind,
    /// What the server says over a socket or stream, beyond the usual.
    pub(crate) messages: Vec<(MessageKind, Bytes)>,
    pub(crate) end: End,
}

impl Call {
    pub(crate) fn new(method: &'static str, url: &str, status: u16) -> Self {
        Self {
            method,
            url: url.to_owned(),
            request: vec![("user-agent", CHROME.to_owned())],
            status,
            response: Vec::new(),
            body: Bytes::new(),
            kind: Kind::Http,
            messages: Vec::new(),
            end: End::Complete,
        }
    }

    /// A cross-origin `fetch()`.
    pub(crate) fn fetch(method: &'static str, path: &str, status: u16) -> Self {
        Self::new(method, &format!("{API}{path}"), status)
            .asks("origin", PAGE)
            .asks("sec-fetch-site", "same-site")
            .asks("sec-fetch-mode", "cors")
            .asks("sec-fetch-dest", "empty")
            .asks("referer", &format!("{PAGE}/"))
    }

    /// What the page itself loads from its own origin.
    pub(crate) fn own(path: &str, dest: &str, media: &str, body: &str) -> Self {
        let mode = if dest == "document" {
            "navigate"
        } else {
            "no-cors"
        };
        Self::new("GET", &format!("{PAGE}{path}"), 200)
            .asks("sec-fetch-site", "same-origin")
            .asks("sec-fetch-mode", mode)
            .asks("sec-fetch-dest", dest)
            .says("content-type", media)
            .body(body)
    }

    pub(crate) fn asks(mut self, name: &'static str, value: &str) -> Self {
        self.request.push((name, value.to_owned()));
        self
    }

    pub(crate) fn says(mut self, name: &'static str, value: &str) -> Self {
        self.response.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Bytes::from(body.into());
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.says("content-type", "application/json").body(body)
    }

    /// Plays it: from `at_ms` after the start, for `ms`.
    pub(crate) fn play(self, recorder: &Recorder, at_ms: u64, ms: u64) {
        let at = START.plus_micros(at_ms * 1000);
        let request = RequestHead {
            method: self.method.to_owned(),
            url: self.url,
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs(self.request)),
        };
        let client = Client {
            connection: 1,
            addr: None,
        };
        let exchange = recorder.open_now(Source::Proxy, self.kind, client, request, at);
        let timings = Timings {
            queued: Some(120),
            dns: None,
            connect: (at_ms == 0).then_some(900),
            tls: (at_ms == 0).then_some(2_400),
            send: Some(80),
            wait: Some(ms * 900),
            receive: Some(ms * 80),
        };
        let upstream = Upstream {
            connection: 3,
            addr: "127.0.0.1:8443".parse().ok(),
            reused: at_ms > 0,
            tls: Some("TLS 1.3, AES_128_GCM_SHA256".to_owned()),
            insecure: false,
        };
        let response = ResponseHead {
            status: self.status,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(self.response)),
        };
        exchange.answered_at(at.plus_micros(ms * 900), response, upstream, timings);
        exchange.body(Side::Response, self.body);
        if self.kind == Kind::WebSocket {
            for (n, from) in [Side::Request, Side::Response].into_iter().enumerate() {
                exchange.message(Message {
                    at: at.plus_micros(ms * 900 + n as u64 * 1000),
                    from,
                    kind: MessageKind::Text,
                    len_bytes: 15,
                    payload: Bytes::from_static(b"{\"hello\":\"you\"}"),
                });
            }
        }
        for (kind, payload) in self.messages {
            exchange.message(Message {
                at: at.plus_micros(ms * 950),
                from: Side::Response,
                kind,
                len_bytes: payload.len() as u64,
                payload,
            });
        }
        exchange.close_at(at.plus_micros(ms * 1000), self.end, timings, None, None);
    }
}

fn preflight(method: &str, path: &str, status: u16) -> Call {
    Call::new("OPTIONS", &format!("{API}{path}"), status)
        .asks("origin", PAGE)
        .asks("access-control-request-method", method)
        .asks("access-control-request-headers", "content-type")
        .asks("sec-fetch-mode", "cors")
}

/// A page, its parts, and calls that go wrong in six ways.
pub(crate) fn shop(recorder: &Recorder) {
    let allow = "access-control-allow-origin";
    let html = "<!doctype html><title>Shop</title><script src=/main.js></script>";
    Call::own("/", "document", "text/html", html).play(recorder, 0, 31);
    Call::own("/main.js", "script", "text/javascript", "fetch('/x')").play(recorder, 40, 48);
    Call::own("/main.css", "style", "text/css", "p{}").play(recorder, 41, 20);
    let mut fine = Call::fetch("GET", "", 200)
        .says(allow, PAGE)
        .says("access-control-allow-credentials", "true")
        .says("vary", "Origin")
        .json(r#"{"rate":1.08}"#);
    "https://rates.test/eur".clone_into(&mut fine.url);
    fine.play(recorder, 60, 14);
    Call::fetch("GET", "/v1/orders", 500)
        .json(
            r#"{"error":"relation \"orders\" does not exist","at":"db/orders.js:41","took":1.50}"#,
        )
        .play(recorder, 100, 44);
    preflight("PUT", "/v1/cart/7", 405)
        .says("allow", "GET, PUT")
        .body("Method Not Allowed")
        .play(recorder, 110, 18);
    Call::fetch("GET", "/v1/me", 200)
        .asks("cookie", "sid=abc; theme=dark")
        .says(allow, "*")
        .says("set-cookie", "sid=abc; Path=/; HttpOnly; SameSite=Lax")
        .json(r#"{"name":"Ada"}"#)
        .play(recorder, 150, 12);
    Call::fetch("GET", "/v1/tags", 200)
        .says(allow, "https://app.test/")
        .json(r#"["new","sale"]"#)
        .play(recorder, 160, 9);
    Call::new("POST", "https://stats.test/track", 200)
        .asks("origin", PAGE)
        .asks("sec-fetch-site", "cross-site")
        .asks("sec-fetch-mode", "no-cors")
        .asks("sec-fetch-dest", "empty")
        .body("ok")
        .play(recorder, 170, 8);
    preflight("DELETE", "/v1/cart/7", 204)
        .says(allow, PAGE)
        .says("access-control-allow-methods", "GET, DELETE")
        .says("access-control-allow-headers", "content-type")
        .play(recorder, 180, 5);
    Call::fetch("DELETE", "/v1/cart/7", 200)
        .asks("content-type", "application/json")
        .says(allow, PAGE)
        .says("vary", "Origin")
        .json(r#"{"z":1,"a":2,"a":3}"#)
        .play(recorder, 190, 15);
    let mut socket = Call::new("GET", "https://live.app.test/feed", 101)
        .asks("origin", PAGE)
        .asks("upgrade", "websocket")
        .says("upgrade", "websocket");
    socket.kind = Kind::WebSocket;
    socket.play(recorder, 200, 60);
}

/// A finished session of what `play` tells.
pub(crate) fn session(play: impl FnOnce(&Recorder)) -> Reader {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    play(&recorder);
    let reader = session.reader();
    session.finish().unwrap();
    reader
}
