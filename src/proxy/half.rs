//! A client that closed its half of the connection but still waits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Method, Request, Version, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Whether the client has said that the request it sent is its last one.
#[derive(Clone, Default)]
pub(super) struct LastRequest(Arc<AtomicBool>);

impl LastRequest {
    /// Looks at a request on HTTP/1.
    pub(super) fn notice<B>(&self, request: &Request<B>) {
        let headers = request.headers();
        let says = |word: &[u8]| {
            headers.get_all(header::CONNECTION).iter().any(|v| {
                let mut tokens = v.as_bytes().split(|b| *b == b',');
                tokens.any(|t| t.trim_ascii().eq_ignore_ascii_case(word))
            })
        };
        let last = match request.version() {
            Version::HTTP_10 => !says(b"keep-alive"),
            _ => says(b"close"),
        };
        if last && request.method() != Method::CONNECT && !headers.contains_key(header::UPGRADE) {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// A client's stream under HTTP/1.
///
/// The end of what a client sends usually means that it went away: then the server is told, too.
/// Not so after its last request, where closing one half is how some clients say just that: there
/// the end is not shown, and a client that is really gone is noticed when it is written to.
pub(super) struct HalfOpen<S> {
    pub inner: S,
    last: LastRequest,
}

impl<S> HalfOpen<S> {
    pub(super) fn new(inner: S, last: LastRequest) -> Self {
        Self { inner, last }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfOpen<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if ended && buf.remaining() > 0 && self.last.0.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfOpen<S> {
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
