//! The way into a session: who has something to tell holds a [`Recorder`].
//!
//! One short lock issues the id and queues the event, so the order of ids is the order in the queue
//! and row number = id − first. Openings wait for room (traffic slows down rather than being lost);
//! body bytes are skipped and counted when the queue is full; an end never waits, since there are
//! no more of them than openings that got in.

mod queue;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

pub use self::queue::{EventQueue, Waited};
use self::queue::{Inner, Shared};
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
            to: Arc::new(RwLock::new(Arc::clone(&shared))),
            wanted: None,
        },
        EventQueue {
            shared,
            spare: Vec::new(),
        },
    )
}

// === impl Recorder ===

/// The speaker's end: opens exchanges. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    /// Who hears it now; all clones speak to the same.
    to: Arc<RwLock<Arc<Shared>>>,
    wanted: Option<Wanted>,
}

/// Which requests are to be told of.
pub type Wanted = Arc<dyn Fn(&RequestHead) -> bool + Send + Sync>;

impl Recorder {
    /// The same speaker, silent about requests that are not wanted.
    #[must_use]
    pub fn only(mut self, wanted: Wanted) -> Self {
        self.wanted = Some(wanted);
        self
    }

    /// From now on this recorder and its clones open their exchanges where that one does; those that
    /// are open come to their end where they began.
    pub fn switch_to(&self, other: &Self) {
        let shared = other.shared();
        *self.to.write().unwrap_or_else(PoisonError::into_inner) = shared;
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.to.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens an exchange, waiting while the queue is full.
    pub async fn open(&self, kind: Kind, client: Client, request: RequestHead) -> ExchangeRecorder {
        if self.wanted.as_ref().is_some_and(|wanted| !wanted(&request)) {
            return ExchangeRecorder::of(&Arc::new(Shared::nobody()), ExchangeId(0));
        }
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
        let shared = self.shared();
        let inner = shared.lock();
        if !inner.has_room() {
            return Err(request);
        }
        let source = Source::Proxy;
        Ok(open_locked(
            &shared,
            inner,
            None,
            source,
            kind,
            client,
            request,
            now(),
        ))
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
        let shared = self.shared();
        let inner = shared.lock();
        open_locked(&shared, inner, None, source, kind, client, request, at)
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
        let shared = self.shared();
        let inner = shared.lock();
        open_locked(&shared, inner, Some(id), source, kind, client, request, at)
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
        let shared = self.shared();
        let mut room = std::pin::pin!(shared.room.notified());
        room.as_mut().enable();
        if !shared.lock().has_room() {
            room.await;
        }
    }

    /// Blocks until the queue has room, for body bytes too: an importer loses nothing. Not for async
    /// code.
    pub fn wait_for_room(&self) {
        loop {
            let shared = self.shared();
            let inner = shared.lock();
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
        self.shared().skipped_bytes.load(Ordering::Relaxed)
    }

    /// Tells the listener that nothing more will come; events already queued are still heard.
    pub fn finish(&self) {
        let shared = self.shared();
        shared.lock().finished = true;
        shared.ready.notify_one();
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "an opening, field by field, and its lock"
)]
fn open_locked(
    shared: &Arc<Shared>,
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
        shared.ready.notify_one();
    }
    ExchangeRecorder::of(shared, id)
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
    fn of(shared: &Arc<Shared>, id: ExchangeId) -> Self {
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

#[cfg(test)]
mod tests;
