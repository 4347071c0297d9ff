//! The heads of HTTP messages.

use std::fmt;
use std::sync::Arc;

use super::headers::HeaderList;

/// The HTTP version a message was sent in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3, seen in imported HAR files only.
    Http3,
}

impl HttpVersion {
    /// As DevTools' Protocol column and HAR have it: `HTTP/1.1`, `h2`...
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
        }
    }

    /// Reads the spellings found in HAR files; anything unknown is HTTP/1.1.
    pub fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "http/1.0" => Self::Http10,
            "h2" | "http/2" | "http/2.0" => Self::Http2,
            "h3" | "http/3" | "http/3.0" | "h3-29" => Self::Http3,
            _ => Self::Http11,
        }
    }
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The head of a request as it crossed the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method, letter case as sent: `patch` is not `PATCH`.
    pub method: String,
    /// The absolute URL, no fragment: `https://api.test/v1?q=1`. `wss:` and `ws:` are told as
    /// `https:` and `http:`, as they are sent.
    pub url: String,
    /// Version between browser and proxy.
    pub version: HttpVersion,
    /// Fields in wire order; pseudo-headers are not among them.
    pub headers: Arc<HeaderList>,
}

/// The head of a response as the server sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status code.
    pub status: u16,
    /// The reason phrase, where HTTP/1 sent one that is not the standard's own.
    pub reason: Option<String>,
    /// Version between proxy and server.
    pub version: HttpVersion,
    /// Fields in wire order.
    pub headers: Arc<HeaderList>,
}

impl RequestHead {
    /// `OPTIONS` with `Origin` and `Access-Control-Request-Method`
    /// ([Fetch § CORS-preflight request](https://fetch.spec.whatwg.org/#cors-preflight-request)).
    pub fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
            && self.headers.contains("origin")
            && self.headers.contains("access-control-request-method")
    }

    /// Whether this asks to become a WebSocket: `Upgrade: websocket`, or extended CONNECT.
    pub fn is_websocket(&self) -> bool {
        self.headers
            .first("upgrade")
            .is_some_and(|f| f.text().eq_ignore_ascii_case("websocket"))
            || (self.method == "CONNECT" && self.version == HttpVersion::Http2)
    }
}

impl ResponseHead {
    /// 200 to 299 ([Fetch § ok status](https://fetch.spec.whatwg.org/#ok-status)).
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// 301, 302, 303, 307 or 308
    /// ([Fetch § redirect status](https://fetch.spec.whatwg.org/#redirect-status)).
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// The media type of `Content-Type`, lower case, parameters cut off.
    pub fn media_type(&self) -> Option<String> {
        let value = self.headers.first("content-type")?.text();
        let essence = value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        (!essence.is_empty()).then_some(essence)
    }
}
