//! Telling what becomes of one exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;

use super::super::event::{Answer, Closing, Event};
use super::queue::Shared;
use super::{COPIED_BYTES_MAX, QUEUE_BODY_BYTES_MAX, QUEUE_EVENTS_MAX, now};
use crate::wire::{
    End, ExchangeId, HeaderList, Message, Patch, ResponseHead, Side, Timestamp, Timings, Upstream,
};

/// Tells what becomes of one exchange. Clones (one per body direction) speak of the same exchange;
/// the first to close it ends it, and if the last is dropped before that, it is told as
/// [`End::Aborted`].
#[derive(Clone)]
pub struct ExchangeRecorder {
    tap: Arc<Tap>,
}

struct Tap {
    shared: Arc<Shared>,
    id: ExchangeId,
    request: Counter,
    response: Counter,
    closed: AtomicBool,
}

#[derive(Default)]
struct Counter {
    seen_bytes: AtomicU64,
    cut: AtomicBool,
    last_at: AtomicI64,
}

impl ExchangeRecorder {
    pub(super) fn of(shared: &Arc<Shared>, id: ExchangeId) -> Self {
        Self {
            tap: Arc::new(Tap {
                shared: Arc::clone(shared),
                id,
                request: Counter::default(),
                response: Counter::default(),
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// The exchange this speaks of.
    pub fn id(&self) -> ExchangeId {
        self.tap.id
    }

    /// The response head arrived, just now.
    pub fn answered(&self, response: ResponseHead, upstream: Upstream, timings: Timings) {
        self.answered_at(now(), response, upstream, timings);
    }

    /// The response head arrived at this moment.
    pub fn answered_at(
        &self,
        at: Timestamp,
        response: ResponseHead,
        upstream: Upstream,
        timings: Timings,
    ) {
        let answer = Answer {
            id: self.tap.id,
            at,
            response,
            upstream,
            timings,
        };
        self.tap.shared.push(Event::Answered(Box::new(answer)));
    }

    /// The response head is changed on its way to the browser.
    pub fn patched(&self, patch: Patch) {
        self.tap
            .shared
            .push(Event::Patched(self.tap.id, Box::new(patch)));
    }

    /// Bytes of a body passed. Never waits: what does not fit the queue, or passes the cap of one
    /// body, is counted and not kept, and so is the rest of that body, which would have a hole.
    pub fn body(&self, side: Side, bytes: Bytes) {
        let len = bytes.len();
        if let Some(keep) = self.to_keep(side, len) {
            let bytes = if keep == len {
                bytes
            } else {
                bytes.slice(..keep)
            };
            self.keep(side, bytes);
        }
    }

    /// As [`body`](Self::body), for bytes that go elsewhere too. A small piece is copied rather than
    /// held on to, since holding it would hold the whole buffer it was read into.
    pub fn tap(&self, side: Side, bytes: &Bytes) {
        if let Some(keep) = self.to_keep(side, bytes.len()) {
            let bytes = if keep <= COPIED_BYTES_MAX {
                Bytes::copy_from_slice(&bytes[..keep])
            } else {
                bytes.slice(..keep)
            };
            self.keep(side, bytes);
        }
    }

    /// Counts, and says how many of these bytes are to be kept.
    fn to_keep(&self, side: Side, len: usize) -> Option<usize> {
        let counter = self.tap.counter(side);
        let before = counter.seen_bytes.fetch_add(len as u64, Ordering::Relaxed);
        if len == 0 || counter.cut.load(Ordering::Relaxed) {
            return None;
        }
        let room = self.tap.shared.kept_bytes_max.saturating_sub(before);
        let keep = usize::try_from(room).unwrap_or(usize::MAX).min(len);
        if keep < len {
            counter.cut.store(true, Ordering::Relaxed);
        }
        (keep > 0).then_some(keep)
    }

    fn keep(&self, side: Side, bytes: Bytes) {
        let shared = &self.tap.shared;
        let len = bytes.len();
        let mut inner = shared.lock();
        if inner.listener_gone {
            return;
        }
        if inner.payload_bytes + len > QUEUE_BODY_BYTES_MAX {
            drop(inner);
            self.tap.counter(side).cut.store(true, Ordering::Relaxed);
            shared
                .skipped_bytes
                .fetch_add(len as u64, Ordering::Relaxed);
            return;
        }
        inner.payload_bytes += len;
        inner.events.push(Event::Body(self.tap.id, side, bytes));
        let first = inner.events.len() == 1;
        drop(inner);
        if first {
            shared.ready.notify_one();
        }
    }

    /// A body is complete; remembers when.
    pub fn body_ended(&self, side: Side) {
        self.tap
            .counter(side)
            .last_at
            .store(now().0, Ordering::Relaxed);
    }

    /// When [`body_ended`](Self::body_ended) was called for this side.
    pub fn body_ended_at(&self, side: Side) -> Option<Timestamp> {
        let at = self.tap.counter(side).last_at.load(Ordering::Relaxed);
        (at != 0).then_some(Timestamp(at))
    }

    /// Bytes of this side's body that passed so far.
    pub fn seen_bytes(&self, side: Side) -> u64 {
        self.tap.counter(side).seen_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of a body passed that nobody has: those of a tunnel, or a file may know how long a body
    /// was without having all of it. They are counted, and nothing after them is kept.
    pub fn passed_unseen(&self, side: Side, len_bytes: u64) {
        if len_bytes > 0 {
            let counter = self.tap.counter(side);
            counter.seen_bytes.fetch_add(len_bytes, Ordering::Relaxed);
            counter.cut.store(true, Ordering::Relaxed);
        }
    }

    /// A WebSocket message or server-sent event is complete.
    pub fn message(&self, message: Message) {
        let shared = &self.tap.shared;
        let full = {
            let inner = shared.lock();
            inner.events.len() >= QUEUE_EVENTS_MAX
                || inner.payload_bytes + message.payload.len() > QUEUE_BODY_BYTES_MAX
        };
        if full {
            shared
                .skipped_bytes
                .fetch_add(message.payload.len() as u64, Ordering::Relaxed);
        } else {
            shared.push(Event::Message(self.tap.id, Box::new(message)));
        }
    }

    /// The browser itself said what became of it: `net::ERR_FAILED`, or nothing at all where it noted
    /// that nothing was wrong.
    pub fn told(&self, said: String) {
        self.tap.shared.push(Event::Told(self.tap.id, said));
    }

    /// It is over, just now. Further calls do nothing.
    pub fn close(&self, end: End, timings: Timings) {
        self.close_at(now(), end, timings, None, None);
    }

    /// It is over. Further calls do nothing.
    pub fn close_at(
        &self,
        at: Timestamp,
        end: End,
        timings: Timings,
        upstream: Option<Upstream>,
        trailers: Option<Arc<HeaderList>>,
    ) {
        self.tap.close(at, end, timings, upstream, trailers);
    }

    /// Whether it was closed already.
    pub fn is_closed(&self) -> bool {
        self.tap.closed.load(Ordering::Acquire)
    }
}

impl Tap {
    fn counter(&self, side: Side) -> &Counter {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    fn close(
        &self,
        at: Timestamp,
        end: End,
        timings: Timings,
        upstream: Option<Upstream>,
        trailers: Option<Arc<HeaderList>>,
    ) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shared.push(Event::Closed(Box::new(Closing {
            id: self.id,
            at,
            end,
            timings,
            upstream,
            request_bytes: self.request.seen_bytes.load(Ordering::Relaxed),
            response_bytes: self.response.seen_bytes.load(Ordering::Relaxed),
            trailers,
        })));
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.close(now(), End::Aborted, Timings::default(), None, None);
    }
}
