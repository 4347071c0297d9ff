//! One HTTP request and what became of it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::body::{BodyFacts, End, Side};
use super::headers::HeaderList;
use super::message::{RequestHead, ResponseHead};
use super::patch::Patch;

/// Names an exchange within its session. Dense: issued in the order of opening; the first is 1 in a
/// capture and 0 in an imported HAR, where it is the index of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub u64);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Microseconds from `earlier` to this, zero if it is not later.
    pub fn micros_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// This moment plus some microseconds.
    pub fn plus_micros(self, micros: u64) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)),
        )
    }
}

/// What sort of conversation an exchange is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request and its response.
    #[default]
    Http,
    /// A WebSocket handshake, and the messages after it.
    WebSocket,
    /// A CONNECT tunnel whose bytes were passed through unread. The method is `CONNECT`, the URL
    /// `https://host:port/`.
    Tunnel,
}

/// Where an exchange comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// Captured by the proxy.
    #[default]
    Proxy,
    /// Read from a HAR file.
    Har,
    /// Sent by corscope itself.
    Replay(Replay),
    /// Told by a launched browser: a request that it never sent. The heads are those it would have
    /// sent, as far as it says; no byte of it was on the wire.
    Browser,
}

/// A request that corscope sent itself, on behalf of a browser or of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Replay {
    /// The exchange it repeats; `None` where it repeats none, as with `check`.
    pub of: Option<ExchangeId>,
    /// Whether the credentials mode it was sent with is `include`; `None` where the exchange it
    /// repeats did not tell.
    pub include: Option<bool>,
}

/// The connection between browser and proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Number of the connection within the process (or the HAR), in the order of acceptance.
    pub connection: u64,
    /// The browser's end of it.
    pub addr: Option<SocketAddr>,
}

/// The connection between proxy and server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Number of the connection within the process.
    pub connection: u64,
    /// The server's end of it.
    pub addr: Option<SocketAddr>,
    /// Whether an earlier exchange opened it; then dns, connect and tls took no time.
    pub reused: bool,
    /// TLS version and cipher, `TLS 1.3, AES_128_GCM_SHA256`; `None` for plain HTTP.
    pub tls: Option<String>,
    /// Whether the certificate was not verified because of `--insecure`.
    pub insecure: bool,
}

/// Durations of the phases in microseconds; `None` where a phase did not take place or is unknown.
/// Names as in HAR: `connect` does not include `tls` here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a connection from the pool.
    pub queued: Option<u64>,
    /// Resolving the name.
    pub dns: Option<u64>,
    /// TCP connect.
    pub connect: Option<u64>,
    /// TLS handshake.
    pub tls: Option<u64>,
    /// Sending the request, body included.
    pub send: Option<u64>,
    /// From the request's last byte to the response head.
    pub wait: Option<u64>,
    /// From the response head to its last byte.
    pub receive: Option<u64>,
}

impl Timings {
    /// Sum of the known phases in microseconds.
    pub fn total_micros(&self) -> u64 {
        self.phases().iter().filter_map(|(_, t)| *t).sum()
    }

    /// The phases in order, with their names.
    pub fn phases(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("queued", self.queued),
            ("dns", self.dns),
            ("connect", self.connect),
            ("tls", self.tls),
            ("send", self.send),
            ("wait", self.wait),
            ("receive", self.receive),
        ]
    }
}

/// One HTTP request and what became of it.
///
/// `response` is what the server said; [`delivered`](Self::delivered) is what the browser got. A
/// failure is never told as a response: then `response` is `None` (or cut short) and `end` says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Name within the session.
    pub id: ExchangeId,
    /// Where it comes from.
    pub source: Source,
    /// What sort of conversation it is.
    pub kind: Kind,
    /// When the request head was read.
    pub opened_at: Timestamp,
    /// When the response head was read.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The connection to the browser.
    pub client: Client,
    /// The connection to the server, once there is one.
    pub upstream: Option<Upstream>,
    /// The request head.
    pub request: RequestHead,
    /// The request body.
    pub request_body: BodyFacts,
    /// What the server answered.
    pub response: Option<ResponseHead>,
    /// The response body.
    pub response_body: BodyFacts,
    /// Trailer fields of the response.
    pub trailers: HeaderList,
    /// What a trial fix changed in the response head, if one did.
    pub patch: Option<Patch>,
    /// Phases, final when the exchange has ended.
    pub timings: Timings,
    /// How it ended.
    pub end: End,
    /// What the browser itself said became of it, where a file tells: `net::ERR_FAILED`; empty where
    /// it noted that nothing was wrong.
    pub told: Option<String>,
}

impl Exchange {
    /// An exchange that was just opened.
    pub fn opened(id: ExchangeId, opened_at: Timestamp, request: RequestHead) -> Self {
        let kind = if request.is_websocket() {
            Kind::WebSocket
        } else {
            Kind::Http
        };
        Self {
            id,
            source: Source::default(),
            kind,
            opened_at,
            answered_at: None,
            closed_at: None,
            client: Client::default(),
            upstream: None,
            request,
            request_body: BodyFacts::default(),
            response: None,
            response_body: BodyFacts::default(),
            trailers: HeaderList::new(),
            patch: None,
            timings: Timings::default(),
            end: End::Open,
            told: None,
        }
    }

    /// The response as the browser got it: the server's, a trial fix applied. Where the server gave
    /// none and a trial fix answered in its place, that answer.
    pub fn delivered(&self) -> Option<ResponseHead> {
        self.answer().map(Cow::into_owned)
    }

    /// As [`delivered`](Self::delivered), borrowed where no trial fix changed it.
    pub fn answer(&self) -> Option<Cow<'_, ResponseHead>> {
        match (&self.response, &self.patch) {
            (Some(response), Some(patch)) => Some(Cow::Owned(patch.apply(response))),
            (Some(response), None) => Some(Cow::Borrowed(response)),
            (None, Some(patch)) if self.end != End::Open => {
                let nothing = ResponseHead {
                    status: patch.status?,
                    reason: None,
                    version: self.request.version,
                    headers: Arc::default(),
                };
                Some(Cow::Owned(patch.apply(&nothing)))
            }
            (None, _) => None,
        }
    }

    /// Whether a trial fix answered in the place of a server that did not.
    pub fn is_stood_in_for(&self) -> bool {
        self.response.is_none() && self.answer().is_some()
    }

    /// From opening to the end, in microseconds; `None` while open.
    pub fn duration_micros(&self) -> Option<u64> {
        self.closed_at.map(|end| end.micros_since(self.opened_at))
    }
}

/// A WebSocket message or a server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it was complete.
    pub at: Timestamp,
    /// Who sent it: `Request` is the browser.
    pub from: Side,
    /// What it is.
    pub kind: MessageKind,
    /// Payload length in bytes, as sent.
    pub len_bytes: u64,
    /// The payload (unmasked, inflated), at most [`Message::KEPT_BYTES_MAX`].
    pub payload: Bytes,
}

impl Message {
    /// How much of a message is kept at most, in bytes.
    pub const KEPT_BYTES_MAX: usize = 1 << 20;
}

/// What a [`Message`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// WebSocket text.
    Text,
    /// WebSocket binary.
    Binary,
    /// WebSocket ping.
    Ping,
    /// WebSocket pong.
    Pong,
    /// WebSocket close; the payload is the code (2 bytes) and the reason.
    Close,
    /// A server-sent event; the payload is the event's lines as they came.
    ServerSentEvent,
}

/// Shared with readers.
pub type SharedExchange = Arc<Exchange>;
