//! What waits between those who tell and the one who listens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::super::event::Event;
use super::{QUEUE_EVENTS_MAX, ROOM_AT_MOST};

pub(super) struct Shared {
    pub(super) inner: Mutex<Inner>,
    pub(super) ready: Condvar,
    pub(super) room: Notify,
    pub(super) skipped_bytes: AtomicU64,
    /// Nothing was taken for so long that openings do not wait for room any more, until what is queued
    /// is taken at a good pace again.
    pub(super) stuck: AtomicBool,
    /// Openings that nobody was told of since.
    pub(super) unheard: Arc<AtomicU64>,
    pub(super) kept_bytes_max: u64,
}

pub(super) struct Inner {
    pub(super) events: Vec<Event>,
    pub(super) payload_bytes: usize,
    pub(super) next_id: u64,
    pub(super) listener_gone: bool,
    pub(super) finished: bool,
}

impl Inner {
    pub(super) fn has_room(&self) -> bool {
        self.events.len() < QUEUE_EVENTS_MAX || self.listener_gone
    }
}

impl Shared {
    /// One that nobody listens to.
    pub(super) fn nobody() -> Self {
        Self {
            inner: Mutex::new(Inner {
                events: Vec::new(),
                payload_bytes: 0,
                next_id: 0,
                listener_gone: true,
                finished: false,
            }),
            ready: Condvar::new(),
            room: Notify::new(),
            skipped_bytes: AtomicU64::new(0),
            stuck: AtomicBool::new(false),
            unheard: Arc::default(),
            kept_bytes_max: 0,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while holding it; if something did, the queue is still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, event: Event) {
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

/// The listener's end. There is one.
pub struct EventQueue {
    pub(super) shared: Arc<Shared>,
    pub(super) spare: Vec<Event>,
    pub(super) taken_at: Instant,
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
        let deadline = Instant::now() + at_most;
        let mut inner = self.shared.lock();
        loop {
            if !inner.events.is_empty() {
                return Waited::Ready;
            }
            // The listener itself holds one reference.
            if inner.finished || Arc::strong_count(&self.shared) == 1 {
                return Waited::Finished;
            }
            let left = deadline.saturating_duration_since(Instant::now());
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

    /// Whether [`Recorder::finish`](super::Recorder::finish) was called: what is told from then on need not be heard.
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
        if self.taken_at.elapsed() < ROOM_AT_MOST {
            self.shared.stuck.store(false, Ordering::Relaxed);
        }
        self.taken_at = Instant::now();
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

impl EventQueue {
    /// How many exchanges passed unheard because the queue was full for too long; counts on.
    pub fn unheard(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.unheard)
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.shared.lock().listener_gone = true;
        self.shared.room.notify_waiters();
    }
}
