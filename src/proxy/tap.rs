//! Bodies that pass through unchanged, and report what passed and how it ended.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::failure::{failure, innermost, kind_of};
use super::flow::Flow;
use super::half::LastRequest;
use super::hygiene::recorded;
use super::pool::Returning;
use super::turns::Progress;
use crate::capture::now;
use crate::wire::{End, EventSplitter, FailureKind, FailureStage, HeaderList, Side};

/// How long a body is held back for the server's `100 Continue`, in milliseconds, before it is sent
/// anyway (RFC 9110 § 10.1.1 leaves the time to the client; curl waits a second too).
const CONTINUE_WAIT_MILLIS: u64 = 1_000;

type BodyError = Box<dyn std::error::Error + Send + Sync>;

// === the request's body ===

/// Holds a body back until the server said `100 Continue`.
#[derive(Clone, Default)]
pub(super) struct Gate {
    inner: Arc<GateInner>,
}

#[derive(Default)]
struct GateInner {
    state: AtomicU8,
    waker: AtomicWaker,
}

const GATE_OPEN: u8 = 1;
const GATE_ABANDONED: u8 = 2;

impl Gate {
    /// The server wants the body.
    pub(super) fn open(&self) {
        self.turn(GATE_OPEN);
    }

    /// The server answered without it: it will not be sent.
    fn abandon(&self) {
        self.turn(GATE_ABANDONED);
    }

    fn turn(&self, to: u8) {
        let state = &self.inner.state;
        if state
            .compare_exchange(0, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            self.inner.waker.wake();
        }
    }
}

struct Waiting {
    gate: Gate,
    at_most: Pin<Box<Sleep>>,
}

/// Whose a request's body is.
enum Content {
    /// The client's, as it comes.
    Client(Incoming),
    /// One of our own, whole.
    Own(Full<Bytes>),
}

impl Content {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Client(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Own(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(body) => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(body) => body.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}

/// A body on its way to the server.
pub(super) struct RequestBody {
    inner: Option<Content>,
    /// Whether it comes in HTTP/2.
    http2: bool,
    flow: Option<Arc<Flow>>,
    waiting: Option<Waiting>,
    heard: Heard,
}

/// Who hears of a client's body in HTTP/1 as it comes.
#[derive(Default)]
pub(super) struct Heard {
    /// Told when it is whole.
    pub last: Option<LastRequest>,
    /// Told of each piece.
    pub progress: Option<Progress>,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        http2: bool,
        flow: &Arc<Flow>,
        gate: Option<Gate>,
        heard: Heard,
    ) -> Self {
        if inner.is_end_stream() {
            flow.request_over(false);
            return Self::empty();
        }
        Self {
            inner: Some(Content::Client(inner)),
            http2,
            flow: Some(Arc::clone(flow)),
            waiting: gate.map(|gate| Waiting {
                gate,
                at_most: Box::pin(tokio::time::sleep(Duration::from_millis(
                    CONTINUE_WAIT_MILLIS,
                ))),
            }),
            heard,
        }
    }

    /// A body that is all there.
    pub(super) fn whole(bytes: Bytes, flow: &Arc<Flow>) -> Self {
        if bytes.is_empty() {
            flow.request_over(false);
            return Self::empty();
        }
        Self {
            inner: Some(Content::Own(Full::new(bytes))),
            http2: false,
            flow: Some(Arc::clone(flow)),
            waiting: None,
            heard: Heard::default(),
        }
    }

    /// No body at all.
    pub(super) fn empty() -> Self {
        Self {
            inner: None,
            http2: false,
            flow: None,
            waiting: None,
            heard: Heard::default(),
        }
    }

    fn sent_whole(&mut self) {
        if let Some(last) = self.heard.last.take() {
            last.is_whole();
        }
        self.over(false);
    }

    fn over(&mut self, client_broke: bool) {
        if let Some(flow) = self.flow.take() {
            flow.request_over(client_broke);
        }
    }

    /// Pending while the server has not asked for the body; false when it never will.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(true);
        };
        let inner = &waiting.gate.inner;
        inner.waker.register(cx.waker());
        match inner.state.load(Ordering::Acquire) {
            GATE_ABANDONED => return Poll::Ready(false),
            GATE_OPEN => {}
            _ => {
                if waiting.at_most.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        }
        self.waiting = None;
        Poll::Ready(true)
    }
}

/// The sender ended a body before its end.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
pub(super) struct Cut;

/// The server answered without wanting the body.
#[derive(Debug, thiserror::Error)]
#[error("the server answered before the body was sent")]
pub(super) struct Unwanted;

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this.poll_gate(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(true) => {}
            Poll::Ready(false) => {
                this.over(false);
                return Poll::Ready(Some(Err(Unwanted.into())));
            }
        }
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        match std::task::ready!(inner.poll_frame(cx)) {
            Some(Ok(frame)) => {
                let ended = inner.is_end_stream();
                if let (Some(data), Some(flow)) = (frame.data_ref(), &this.flow) {
                    flow.recorder().tap(Side::Request, data);
                }
                if let Some(progress) = &this.heard.progress {
                    progress.made();
                }
                if ended {
                    this.sent_whole();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // A stream that was reset without blame is told as an end, but is none: passing it on as
            // one would make a cut request a whole one.
            None if this.http2 && !inner.is_end_stream() => {
                this.over(true);
                Poll::Ready(Some(Err(Cut.into())))
            }
            None => {
                this.sent_whole();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                this.over(true);
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Content::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Content::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.over(false);
    }
}

// === the response's body ===

/// The server's body on its way to the client.
pub(super) struct ResponseBody {
    inner: Incoming,
    /// Whether it comes in HTTP/2.
    http2: bool,
    trailers: Option<Arc<HeaderList>>,
    /// Until it has ended.
    running: Option<Running>,
}

/// What a response body holds on to while it runs.
pub(super) struct Running {
    pub flow: Arc<Flow>,
    /// The connection, to be used again.
    pub returning: Option<Returning>,
    pub gate: Option<Gate>,
    /// Reads server-sent events as they pass.
    pub events: Option<Box<EventSplitter>>,
}

impl ResponseBody {
    pub(super) fn new(inner: Incoming, http2: bool, running: Running) -> Self {
        let mut body = Self {
            inner,
            http2,
            trailers: None,
            running: Some(running),
        };
        if body.inner.is_end_stream() {
            body.ended();
        }
        body
    }

    fn ended(&mut self) {
        if let Some(running) = self.running.take() {
            if let Some(gate) = &running.gate {
                gate.abandon();
            }
            if running.flow.is_request_over()
                && let Some(returning) = running.returning
            {
                returning.give_back();
            }
            running.flow.complete(self.trailers.take());
        }
    }

    /// Whether an end is none: the server reset the stream without blame. After a whole response it
    /// may do so, to say that it wants no more of the request (RFC 9113 § 8.1).
    fn is_cut(&self) -> bool {
        self.http2 && !self.inner.is_end_stream()
    }

    fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        if let Some(running) = self.running.take() {
            let kind = if error.is::<Cut>() {
                FailureKind::Reset
            } else {
                kind_of(error)
            };
            let detail = match kind {
                FailureKind::Reset => {
                    "the server broke off in the middle of its response".to_owned()
                }
                FailureKind::Protocol => {
                    format!(
                        "the rest of the response is not HTTP ({})",
                        innermost(error)
                    )
                }
                _ => format!("the response broke off ({})", innermost(error)),
            };
            let end = End::Failed(failure(FailureStage::Receive, kind, detail));
            running.flow.broken(end, self.trailers.take());
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => {
                if let (Some(data), Some(running)) = (frame.data_ref(), &mut this.running) {
                    if let Some(returning) = &running.returning {
                        returning.progress();
                    }
                    let recorder = running.flow.recorder();
                    recorder.tap(Side::Response, data);
                    if let Some(events) = &mut running.events {
                        events.feed(now(), data, &mut |message| recorder.message(message));
                    }
                } else if let Some(fields) = frame.trailers_ref() {
                    this.trailers = Some(Arc::new(recorded(fields)));
                }
                // The client's side may not ask again after the last frame.
                if this.inner.is_end_stream() {
                    this.ended();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            None if this.is_cut() => {
                this.failed(&Cut);
                Poll::Ready(Some(Err(Cut.into())))
            }
            None => {
                this.ended();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                this.failed(&error);
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.flow.broken(End::Aborted, self.trailers.take());
        }
    }
}

// === what the client is sent ===

/// The body of what the client is sent.
pub(super) enum Outgoing {
    /// The server's.
    Tapped(ResponseBody),
    /// A page of ours.
    Page(Full<Bytes>),
}

impl Outgoing {
    pub(super) fn empty() -> Self {
        Self::Page(Full::new(Bytes::new()))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Tapped(body) => Pin::new(body).poll_frame(cx),
            Self::Page(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Tapped(body) => body.is_end_stream(),
            Self::Page(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Tapped(body) => body.size_hint(),
            Self::Page(body) => body.size_hint(),
        }
    }
}
