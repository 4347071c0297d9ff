//! What a client speaks inside a tunnel, told by its first bytes.
//!
//! Errs towards passing through: what is not certainly TLS or HTTP is left alone, since corscope
//! would break it. Nothing is lost either way; what was read is put back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The first bytes of HTTP/2 (RFC 9113 § 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest request line that is waited for, in bytes.
const REQUEST_LINE_BYTES_MAX: usize = 64 << 10;

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A TLS ClientHello.
    Tls,
    /// HTTP/1.
    Http1,
    /// HTTP/2 without TLS.
    Http2,
    /// Something else: to be passed through.
    Other,
}

/// Reads into `seen` until it is clear what is spoken; `None` when the client closed before saying
/// anything. Safe to drop and call again: what was read stays in `seen`.
pub(super) async fn detect<S: AsyncRead + Unpin>(
    stream: &mut S,
    seen: &mut BytesMut,
) -> io::Result<Option<Protocol>> {
    loop {
        if let Some(protocol) = judge(seen) {
            return Ok(Some(protocol));
        }
        if stream.read_buf(seen).await? == 0 {
            return Ok((!seen.is_empty()).then_some(Protocol::Other));
        }
    }
}

/// `None` while more bytes could decide either way.
fn judge(seen: &[u8]) -> Option<Protocol> {
    match seen {
        [] => None,
        // A handshake record (22) of version 3.x (RFC 8446 § 5.1).
        [22] | [22, 3] => None,
        [22, 3, 0..=4, ..] => Some(Protocol::Tls),
        _ if seen.starts_with(HTTP2_PREFACE) => Some(Protocol::Http2),
        _ if HTTP2_PREFACE.starts_with(seen) => None,
        _ => judge_request_line(seen),
    }
}

fn judge_request_line(seen: &[u8]) -> Option<Protocol> {
    let method = seen.iter().take_while(|b| is_token(**b)).count();
    if method == 0 || method > 32 {
        return Some(Protocol::Other);
    }
    match seen.get(method) {
        None => return None,
        Some(b' ') => {}
        Some(_) => return Some(Protocol::Other),
    }
    let Some(end) = memchr::memchr(b'\n', seen) else {
        return (seen.len() > REQUEST_LINE_BYTES_MAX).then_some(Protocol::Other);
    };
    let line = seen[..end].strip_suffix(b"\r").unwrap_or(&seen[..end]);
    let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    Some(match version {
        b"HTTP/1.1" | b"HTTP/1.0" => Protocol::Http1,
        _ => Protocol::Other,
    })
}

/// RFC 9110 § 5.6.2
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// A stream with bytes put back in front of it.
pub(super) struct Rewound<S> {
    first: Bytes,
    inner: S,
}

impl<S> Rewound<S> {
    pub(super) fn new(first: Bytes, inner: S) -> Self {
        Self { first, inner }
    }

    /// The stream.
    pub(super) fn get_ref(&self) -> &S {
        &self.inner
    }

    /// What was not read again yet, and the stream.
    pub(super) fn into_parts(self) -> (BytesMut, S) {
        (BytesMut::from(&self.first[..]), self.inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let n = self.first.len().min(buf.remaining());
        buf.put_slice(&self.first[..n]);
        self.first.advance(n);
        if self.first.is_empty() {
            self.first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        use Protocol::{Http1, Http2, Other, Tls};
        for (seen, expected) in [
            (&b""[..], None),
            (b"\x16", None),
            (b"\x16\x03", None),
            (b"\x16\x03\x01\x02", Some(Tls)),
            (b"\x16\x02\x01", Some(Other)),
            (b"P", None),
            (b"PRI * HT", None),
            (HTTP2_PREFACE, Some(Http2)),
            (b"PRI * HTTP/1.1\r\n", Some(Http1)),
            (b"GET / HTTP/1.1", None),
            (b"GET / HTTP/1.1\r\n", Some(Http1)),
            (b"QUERY /x HTTP/1.0\n", Some(Http1)),
            (b"M-SEARCH * HTTP/1.1\r\n", Some(Http1)),
            (b"EHLO me\r\n", Some(Other)),
            (b"QUIT\r\n", Some(Other)),
            (b"\x00\x00\x00\x01", Some(Other)),
            (b" GET / HTTP/1.1\r\n", Some(Other)),
        ] {
            let shown = String::from_utf8_lossy(seen);
            assert_eq!(judge(seen), expected, "{shown:?}");
            // Decided the same whatever the pieces it comes in.
            for end in 0..seen.len() {
                let early = judge(&seen[..end]);
                assert!(early.is_none() || early == expected, "{shown:?} at {end}");
            }
        }
    }
}
