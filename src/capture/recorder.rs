//! The way into a session: who has something to tell holds a [`Recorder`].
//!
//! One short lock issues the id and queues the event, so the order of ids is the order in the queue
//! and row number = id − first. Openings wait for room (traffic slows down rather than being lost);
//! body bytes are skipped and counted when the queue is full; an end never waits, since there are
//! no more of them than openings that got in.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::event::{Answer, Closing, Event, Opening};
use crate::wire::{
    Client, End, ExchangeId, HeaderList, Kind, Message, Patch, RequestHead, ResponseHead, Said,
    Side, Source, Timestamp, Timings, Upstream,
};

/// How many events wait in the queue before openings have to wait.
pub const QUEUE_EVENTS_MAX: usize = 8_192;
/// How many body bytes wait in the queue before further ones are skipped.
pub const QUEUE_BODY_BYTES_MAX: usize = 64 << 20;

/// Up to this many bytes a piece of a body is copied rather than held on to.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// Now, as the capture tells time.
pub fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_micros())
}

/// A new queue: the speaker's end, which can be cloned, and the listener's.
pub fn queue(first_id: ExchangeId, kept_bytes_max: u64) -> (Recorder, EventQueue) {
    let shared = Arc::new(Shared {
        inner: Mutex::new(Inner {
            events: Vec::new(),
            payload_bytes: 0,
            next_id: first_id.0,
            listener_gone: false,
            finished: false,
        }),
        ready: Condvar::new(),
        room: Notify::new(),
        skipped_bytes: AtomicU64::new(0),
        kept_bytes_max,
    });
    (
        Recorder {
            shared: Arc::clone(&shared),
        },
        EventQueue {
            shared,
            spare: Vec::new(),
        },
    )
}

struct Shared {
    inner: Mutex<Inner>,
    ready: Condvar,
    room: Notify,
    skipped_bytes: AtomicU64,
    kept_bytes_max: u64,
}

struct Inner {
    events: Vec<Event>,
    payload_bytes: usize,
    next_id: u64,
    listener_gone: bool,
    finished: bool,
}

impl Inner {
    fn has_room(&self) -> bool {
        self.events.len() < QUEUE_EVENTS_MAX || self.listener_gone
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while holding it; if something did, the queue is still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: Event) {
        let mut inner = self.lock();
        if inner.listener_gone {
            return;
        }
        inner.payload_bytes += event.payload_bytes();
        inner.events.push(event);
        let first = inner.events.len() == 1;
        drop(inner);
        if first {
            self.ready.notify_one();
        }
    }
}

// === impl Recorder ===

/// The speaker's end: opens exchanges. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

impl Recorder {
    /// Opens an exchange, waiting while the queue is full.
    pub async fn open(&self, kind: Kind, client: Client, request: RequestHead) -> ExchangeRecorder {
        let mut request = request;
        loop {
            match self.open_if_room(kind, client, request) {
                Ok(exchange) => return exchange,
                Err(unopened) => request = unopened,
            }
            self.room().await;
        }
    }

    fn open_if_room(
        &self,
        kind: Kind,
        client: Client,
        request: RequestHead,
    ) -> Result<ExchangeRecorder, RequestHead> {
        let inner = self.shared.lock();
        if !inner.has_room() {
            return Err(request);
        }
        Ok(self.open_locked(inner, None, Source::Proxy, kind, client, request, now()))
    }

    /// Opens an exchange at a moment of the caller's choosing, without waiting: for importers, which
    /// call [`wait_for_room`](Self::wait_for_room) between entries.
    pub fn open_now(
        &self,
        source: Source,
        kind: Kind,
        client: Client,
        request: RequestHead,
        at: Timestamp,
    ) -> ExchangeRecorder {
        let inner = self.shared.lock();
        self.open_locked(inner, None, source, kind, client, request, at)
    }

    /// As [`open_now`](Self::open_now) with an id of the caller's choosing, which must be new: for
    /// importers whose ids have a meaning of their own. They need not come in order, and some may
    /// never come.
    pub fn open_as(
        &self,
        id: ExchangeId,
        source: Source,
        kind: Kind,
        client: Client,
        request: RequestHead,
        at: Timestamp,
    ) -> ExchangeRecorder {
        let inner = self.shared.lock();
        self.open_locked(inner, Some(id), source, kind, client, request, at)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an opening, field by field, and its lock"
    )]
    fn open_locked(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        id: Option<ExchangeId>,
        source: Source,
        kind: Kind,
        client: Client,
        request: RequestHead,
        at: Timestamp,
    ) -> ExchangeRecorder {
        let id = id.unwrap_or(ExchangeId(inner.next_id));
        inner.next_id = inner.next_id.max(id.0 + 1);
        let first = inner.events.is_empty();
        if !inner.listener_gone {
            inner.events.push(Event::Opened(Box::new(Opening {
                id,
                at,
                source,
                kind,
                client,
                request,
            })));
        }
        drop(inner);
        if first {
            self.shared.ready.notify_one();
        }
        ExchangeRecorder {
            tap: Arc::new(Tap {
                shared: Arc::clone(&self.shared),
                id,
                request: Counter::default(),
                response: Counter::default(),
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// A launched browser said what it did with a request. Nothing waits for that: while the queue is
    /// full it is left out, and the verdict is what it would have been without.
    pub fn said(&self, id: ExchangeId, said: Said) {
        if self.shared.lock().has_room() {
            self.shared.push(Event::Said(id, Box::new(said)));
        }
    }

    /// Waits until there may be room.
    async fn room(&self) {
        let mut room = std::pin::pin!(self.shared.room.notified());
        room.as_mut().enable();
        if !self.shared.lock().has_room() {
            room.await;
        }
    }

    /// Blocks until the queue has room, for body bytes too: an importer loses nothing. Not for async
    /// code.
    pub fn wait_for_room(&self) {
        loop {
            let inner = self.shared.lock();
            let room = inner.events.len() < QUEUE_EVENTS_MAX
                && inner.payload_bytes < QUEUE_BODY_BYTES_MAX / 2;
            if room || inner.listener_gone {
                return;
            }
            drop(inner);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Body bytes that could not be kept because the queue was full.
    pub fn skipped_bytes(&self) -> u64 {
        self.shared.skipped_bytes.load(Ordering::Relaxed)
    }

    /// Tells the listener that nothing more will come; events already queued are still heard.
    pub fn finish(&self) {
        self.shared.lock().finished = true;
        self.shared.ready.notify_one();
    }
}

// === impl ExchangeRecorder ===

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

// === impl EventQueue ===

/// The listener's end. There is one.
pub struct EventQueue {
    shared: Arc<Shared>,
    spare: Vec<Event>,
}

/// What [`EventQueue::wait`] came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// There are events to take.
    Ready,
    /// The time is over and nothing came.
    TimedOut,
    /// Nothing is queued and nothing will come: every speaker finished or is gone.
    Finished,
}

impl EventQueue {
    /// Blocks until there is something to take.
    pub fn wait(&self, at_most: Duration) -> Waited {
        let deadline = std::time::Instant::now() + at_most;
        let mut inner = self.shared.lock();
        loop {
            if !inner.events.is_empty() {
                return Waited::Ready;
            }
            // The listener itself holds one reference.
            if inner.finished || Arc::strong_count(&self.shared) == 1 {
                return Waited::Finished;
            }
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Waited::TimedOut;
            }
            inner = self
                .shared
                .ready
                .wait_timeout(inner, left)
                .map_or_else(|e| e.into_inner().0, |(guard, _)| guard);
        }
    }

    /// Whether [`Recorder::finish`] was called: what is told from then on need not be heard.
    pub fn is_finished(&self) -> bool {
        self.shared.lock().finished
    }

    /// Takes all that is queued, in order. The vector is the caller's to drain; hand it back with
    /// the next call by way of [`give_back`](Self::give_back) to save allocations.
    pub fn take(&mut self) -> Vec<Event> {
        let mut batch = std::mem::take(&mut self.spare);
        let mut inner = self.shared.lock();
        std::mem::swap(&mut batch, &mut inner.events);
        inner.payload_bytes = 0;
        drop(inner);
        self.shared.room.notify_waiters();
        batch
    }

    /// Returns an emptied batch for re-use.
    pub fn give_back(&mut self, mut batch: Vec<Event>) {
        batch.clear();
        batch.shrink_to(QUEUE_EVENTS_MAX);
        self.spare = batch;
    }

    /// Body bytes that could not be kept because the queue was full.
    pub fn skipped_bytes(&self) -> u64 {
        self.shared.skipped_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.shared.lock().listener_gone = true;
        self.shared.room.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HttpVersion;

    fn request() -> RequestHead {
        RequestHead {
            method: "GET".into(),
            url: "http://a.test/".into(),
            version: HttpVersion::Http11,
            headers: Arc::default(),
        }
    }

    fn open(recorder: &Recorder) -> ExchangeRecorder {
        recorder.open_now(
            Source::Proxy,
            Kind::Http,
            Client::default(),
            request(),
            now(),
        )
    }

    #[test]
    fn ids_are_dense_and_in_queue_order() {
        let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
        let (_a, _b) = (open(&recorder), open(&recorder));
        assert_eq!(queue.wait(Duration::ZERO), Waited::Ready);
        let ids: Vec<u64> = queue.take().iter().map(|e| e.id().0).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn dropping_the_last_handle_is_an_abort() {
        let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
        let exchange = open(&recorder);
        let response_side = exchange.clone();
        drop(exchange);
        response_side.body(Side::Response, Bytes::from_static(b"half"));
        drop(response_side);
        let events = queue.take();
        let Some(Event::Closed(closing)) = events.last() else {
            panic!("no end: {events:?}")
        };
        assert_eq!(
            (closing.end.clone(), closing.response_bytes),
            (End::Aborted, 4)
        );
        drop(recorder);
        assert_eq!(queue.wait(Duration::from_secs(9)), Waited::Finished);
    }

    #[test]
    fn a_body_is_cut_at_the_cap_and_counted_beyond() {
        let (recorder, mut queue) = queue(ExchangeId(1), 6);
        let exchange = open(&recorder);
        for part in ["abcd", "efgh", "ijkl"] {
            exchange.body(Side::Response, Bytes::from(part));
        }
        exchange.close(End::Complete, Timings::default());
        let kept: usize = queue.take().iter().map(Event::payload_bytes).sum();
        assert_eq!((kept, exchange.seen_bytes(Side::Response)), (6, 12));
    }

    #[tokio::test]
    async fn openings_wait_for_room() {
        let (recorder, mut queue) = queue(ExchangeId(1), u64::MAX);
        let held: Vec<_> = (0..QUEUE_EVENTS_MAX).map(|_| open(&recorder)).collect();
        let waiting = recorder.open(Kind::Http, Client::default(), request());
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert_eq!(queue.take().len(), QUEUE_EVENTS_MAX);
        assert_eq!(waiting.await.id(), ExchangeId(QUEUE_EVENTS_MAX as u64 + 1));
        drop(held);
    }
}
