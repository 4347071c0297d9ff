//! The one listener: a thread that takes what was told, writes it, and makes it visible.
//!
//! A batch goes to disk before it is shown, so what is on the screen survives. While the disk fails,
//! heads stay in memory, and bodies too where it only has to be waited for; else those are counted
//! only. What was not written is tried again.

mod commit;
mod hear;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use rusqlite::types::Value;

use super::judging::Judging;
use super::load::as_ended;
use super::whole::Whole;
use crate::capture::{Batch, Event, EventQueue, Heard, SessionError, Waited, Writer, now};
use crate::wire::{Exchange, ExchangeId};
use waiting::Broken;

/// A transaction takes at most this many events,
const BATCH_EVENTS_MAX: usize = 2_048;
/// or this many bytes of bodies and messages.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long it waits for more to come once something came. Bounds the wake-ups under load.
const LINGER: Duration = Duration::from_millis(8);
/// How long after so many events at once that were not many bytes: the more together, the fewer
/// exchanges are written and judged while they are open, and again when they are over.
const LINGER_BUSY: Duration = Duration::from_millis(24);
const BUSY_EVENTS: usize = 256;
/// How often time alone is looked at, while it could change a verdict.
const TICK: Duration = Duration::from_secs(1);
/// How often writing is tried again after the disk failed.
const RETRY: Duration = Duration::from_secs(2);
/// How often it is looked whether the file is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How much of what could not be written stays in memory, in bytes of heads,
const UNSAVED_BYTES_MAX: u64 = 64 << 20;
/// and in bytes of bodies and messages that wait for the file to be free.
const UNSAVED_BODY_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Ingest {
    queue: EventQueue,
    writer: Writer,
    whole: Arc<Whole>,
    judging: Judging,
    working: HashMap<ExchangeId, Working, RandomState>,
    batch: Batch,
    batch_number: u64,
    batch_events: usize,
    batch_bytes: usize,
    touched: Vec<ExchangeId>,
    heard: u64,
    lost_bytes: u64,
    broken: Option<Broken>,
    looked_at: Instant,
    /// Exchanges that are over.
    ended: u64,
    /// Exchanges are no more than this.
    exchanges_max: u64,
    full: bool,
}

/// An exchange that is open, or was when the batch began.
struct Working {
    exchange: Arc<Exchange>,
    heard: Heard,
    request: Track,
    response: Track,
    messages: u64,
    touched: bool,
}

/// Where the writing of one body stands.
#[derive(Default)]
struct Track {
    pieces: u64,
    // The piece being filled: which batch, and where in it.
    filling: Option<(u64, usize)>,
    cut: bool,
    // Of all that was kept so far.
    digest: Option<ring::digest::Context>,
}

impl Ingest {
    pub(super) fn new(
        queue: EventQueue,
        writer: Writer,
        whole: Arc<Whole>,
        judging: Judging,
        exchanges_max: u64,
    ) -> Self {
        Self {
            queue,
            writer,
            whole,
            judging,
            working: HashMap::default(),
            batch: Batch::default(),
            batch_number: 0,
            batch_events: 0,
            batch_bytes: 0,
            touched: Vec::new(),
            heard: 0,
            lost_bytes: 0,
            broken: None,
            looked_at: Instant::now(),
            ended: 0,
            exchanges_max,
            full: false,
        }
    }

    /// Listens until nothing more will come.
    pub(super) fn run(mut self) -> Result<(), SessionError> {
        let mut busy = false;
        loop {
            let ticking = self.broken.is_some() || self.whole.read().marks.has_unsettled();
            let patience = if ticking {
                TICK
            } else {
                Duration::from_hours(1)
            };
            match self.queue.wait(patience) {
                Waited::Ready => std::thread::sleep(if busy { LINGER_BUSY } else { LINGER }),
                Waited::TimedOut => {}
                Waited::Finished => break,
            }
            // Asked before taking: what was told before the finish is in this batch or an earlier one.
            let last = self.queue.is_finished();
            let mut events = self.queue.take();
            let nothing = events.is_empty();
            busy = events.len() >= BUSY_EVENTS
                && events.iter().map(Event::payload_bytes).sum::<usize>() < BATCH_BYTES_MAX;
            for event in events.drain(..) {
                self.hear(event);
                if self.batch_events >= BATCH_EVENTS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
                    self.commit();
                }
            }
            self.queue.give_back(events);
            if nothing {
                self.retry_if_due();
            }
            self.judging.tick(now());
            self.commit();
            if last {
                break;
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Result<(), SessionError> {
        let mut open: Vec<ExchangeId> = self.working.keys().copied().collect();
        open.sort_unstable();
        for id in open {
            if let Some(working) = self.working.get_mut(&id) {
                working.exchange = Arc::new(as_ended(Exchange::clone(&working.exchange)));
                self.judging.closed(&working.exchange);
            }
            self.touch(id);
        }
        if !self.whole.unwanted.load(Ordering::Relaxed) {
            self.judging.finish();
        }
        self.commit();
        self.retry();
        self.look_after();
        if self.writer.is_gone() {
            // Only this process still has it: for as long as it lives.
            self.whole.archive.read_through(&self.writer);
            return Err(SessionError::Deleted {
                path: self.whole.archive.path().to_owned(),
                detail: "its place is gone".into(),
            });
        }
        let result = match self.broken.take() {
            None => self.writer.note("finished_at", &Value::Integer(now().0)),
            Some(broken) => Err(broken.error),
        };
        self.whole.archive.release();
        result.and(self.writer.close())
    }
}
