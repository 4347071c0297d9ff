//! Bodies, and how an exchange ended.

use bytes::Bytes;
use std::fmt;

/// What is known of one body. The bytes themselves lie in the session, never here, but for the
/// beginning, which the judgement quotes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyFacts {
    /// Bytes that crossed the wire after removal of the transfer coding, content coding still on.
    pub seen_bytes: u64,
    /// Bytes kept in the session; less than `seen_bytes` when a cap or a full queue cut it.
    pub kept_bytes: u64,
    /// The first bytes kept, at most [`BodyFacts::EXCERPT_BYTES_MAX`], content coding still on.
    pub excerpt: Bytes,
}

impl BodyFacts {
    /// How much of a body lies in [`excerpt`](Self::excerpt) at most, in bytes.
    pub const EXCERPT_BYTES_MAX: usize = 4096;

    /// Whether what is kept is less than what passed.
    pub fn is_truncated(&self) -> bool {
        self.kept_bytes < self.seen_bytes
    }
}

/// Request or response side of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// From the browser.
    Request,
    /// From the server.
    Response,
}

/// How an exchange ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It has not, yet.
    #[default]
    Open,
    /// Both messages were complete.
    Complete,
    /// The client went away before the response was complete.
    Aborted,
    /// It broke below HTTP. What the browser was then told is ours, not the server's.
    Failed(Failure),
}

/// What broke and when. Told as data: nothing is decided on the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was being done.
    pub stage: FailureStage,
    /// What kind of fault it was.
    pub kind: FailureKind,
    /// The fault in one sentence, for people: `connection refused by 127.0.0.1:4000`.
    pub detail: String,
}

/// What was being done when an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureStage {
    /// Finding the server's address.
    Dns,
    /// Connecting to it.
    Connect,
    /// Getting to it through the proxy behind this one, which is what failed or refused.
    Upstream,
    /// The TLS handshake with the server.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the response head.
    Wait,
    /// Receiving the response body.
    Receive,
    /// In the TLS handshake with the browser.
    ClientTls,
    /// In corscope itself, before anything was sent: a loop, an unusable request.
    Proxy,
}

/// What kind of fault ended an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The name does not resolve.
    NameNotResolved,
    /// Nothing listens there.
    Refused,
    /// No route, network down.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The connection was closed or reset.
    Reset,
    /// The certificate is not trusted, expired, or for another name.
    Certificate,
    /// The peer does not speak TLS, or no version in common.
    TlsProtocol,
    /// The peer broke HTTP.
    Protocol,
    /// The request was addressed to this proxy.
    Loop,
    /// Anything else the system reported.
    Other,
}

macro_rules! names {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// The stable name, as stored and printed.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Reads [`name`](Self::name) back.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names!(FailureStage {
    Dns = "dns",
    Connect = "connect",
    Upstream = "upstream",
    Tls = "tls",
    Send = "send",
    Wait = "wait",
    Receive = "receive",
    ClientTls = "client-tls",
    Proxy = "proxy",
});

names!(FailureKind {
    NameNotResolved = "name-not-resolved",
    Refused = "refused",
    Unreachable = "unreachable",
    TimedOut = "timed-out",
    Reset = "reset",
    Certificate = "certificate",
    TlsProtocol = "tls-protocol",
    Protocol = "protocol",
    Loop = "loop",
    Other = "other",
});
