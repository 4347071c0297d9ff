//! A client that closed its half of the connection but still waits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Version, header};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long the rest of a request's body may be on its way inside of here after the client closed its
/// half, in seconds; if it is not whole by then, the client left in the middle of it.
const REST_SECONDS_MAX: u64 = 3;

/// Whether the client has said that the request it sent is its last one, and has sent it whole.
#[derive(Clone, Default)]
pub(super) struct LastRequest(Arc<State>);

#[derive(Default)]
struct State {
    last: AtomicBool,
    whole: AtomicBool,
}

impl LastRequest {
    /// Its body has been passed on to the end.
    pub(super) fn is_whole(&self) {
        self.0.whole.store(true, Ordering::Release);
    }

    /// Looks at a request on HTTP/1. Who reads the body of a last one finds this in its extensions.
    pub(super) fn notice<B: Body>(&self, request: &mut Request<B>) {
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
            if request.body().is_end_stream() {
                self.is_whole();
            } else {
                request.extensions_mut().insert(self.clone());
            }
            self.0.last.store(true, Ordering::Release);
        }
    }
}

/// A client's stream under HTTP/1.
///
/// The end of what a client sends usually means that it went away: then the server is told, too.
/// Not so after its last request, where closing one half is how some clients say just that: there
/// the end is not shown, and a client that is really gone is noticed when it is written to. A request
/// that never becomes whole is none to wait with, though.
pub(super) struct HalfOpen<S> {
    pub inner: S,
    last: LastRequest,
    /// Runs from the client's end on.
    rest: Option<Pin<Box<Sleep>>>,
}

impl<S> HalfOpen<S> {
    pub(super) fn new(inner: S, last: LastRequest) -> Self {
        Self {
            inner,
            last,
            rest: None,
        }
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
        let State { last, whole } = &*self.last.0;
        if !ended || buf.remaining() == 0 || !last.load(Ordering::Acquire) {
            return read;
        }
        if whole.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let at_most = Duration::from_secs(REST_SECONDS_MAX);
        let rest = self
            .rest
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(at_most)));
        let late = rest.as_mut().poll(cx).is_ready();
        if late && !self.last.0.whole.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
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
