//! The way into a session: who has something to tell holds a [`Recorder`].
//!
//! One short lock issues the id and queues the event, so the order of ids is the order in the queue
//! and row number = id − first. Openings wait for room (traffic slows down rather than being lost),
//! but not for a listener that stands still, as a disk can: then they pass unheard and are counted;
//! body bytes are skipped and counted when the queue is full; an end never waits, since there are
//! no more of them than openings that got in.

mod exchange;
mod queue;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub use self::exchange::ExchangeRecorder;
pub use self::queue::{EventQueue, Waited};
use self::queue::{Inner, Shared};
use super::clock::now;
use super::event::{Event, Opening};
use crate::wire::{Client, ExchangeId, Kind, RequestHead, Said, Source, Timestamp};

/// How many events wait in the queue before openings have to wait.
pub const QUEUE_EVENTS_MAX: usize = 8_192;
/// How many body bytes wait in the queue before further ones are skipped.
pub const QUEUE_BODY_BYTES_MAX: usize = 64 << 20;

/// How long an opening waits for room. A listener that keeps up as well as it can makes some many times
/// within that, however busy the machine is; one that does not is held up by its disk.
const ROOM_AT_MOST: Duration = Duration::from_secs(3);

/// Up to this many bytes a piece of a body is copied rather than held on to.
const COPIED_BYTES_MAX: usize = 4 << 10;

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
        stuck: AtomicBool::new(false),
        unheard: Arc::default(),
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
            taken_at: Instant::now(),
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

    /// One that goes on speaking to whom this one speaks to now, whatever it is switched to.
    #[must_use]
    pub fn fixed(&self) -> Self {
        Self {
            to: Arc::new(RwLock::new(self.shared())),
            wanted: None,
        }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.to.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens an exchange, waiting while the queue is full. Where it stays so, traffic is not held up any
    /// longer: nobody hears of this exchange, and it is counted.
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
            let shared = self.shared();
            if shared.stuck.load(Ordering::Relaxed) || !self.is_room_soon().await {
                shared.unheard.fetch_add(1, Ordering::Relaxed);
                return ExchangeRecorder::of(&Arc::new(Shared::nobody()), ExchangeId(0));
            }
        }
    }

    /// Waits until there may be room; if there is none in time, nobody need wait any more.
    async fn is_room_soon(&self) -> bool {
        if tokio::time::timeout(ROOM_AT_MOST, self.room())
            .await
            .is_ok()
        {
            return true;
        }
        let shared = self.shared();
        let inner = shared.lock();
        let room = inner.has_room();
        if !room {
            // Under the lock, which taking from the queue needs before it says the contrary.
            shared.stuck.store(true, Ordering::Relaxed);
        }
        room
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
        let shared = self.shared();
        if shared.lock().has_room() {
            shared.push(Event::Said(id, Box::new(said)));
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

#[cfg(test)]
mod tests;
