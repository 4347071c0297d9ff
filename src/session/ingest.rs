//! The one listener: a thread that takes what was told, writes it, and makes it visible.
//!
//! A batch goes to disk before it is shown, so what is on the screen survives. While the disk fails,
//! heads stay in memory and bodies are counted only; what was not written is tried again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::types::Value;

use super::judging::Judging;
use super::load::as_ended;
use super::whole::{Whole, weight};
use crate::capture::{
    Answer, Batch, Closing, Event, EventQueue, Heard, Opening, PIECE_BYTES_MAX, Piece,
    SessionError, Waited, Writer, now,
};
use crate::wire::{BodyFacts, Exchange, ExchangeId, Message, Side};

/// A transaction takes at most this many events,
const BATCH_EVENTS_MAX: usize = 256;
/// or this many bytes of bodies and messages.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long it waits for more to come once something came. Bounds the wake-ups under load.
const LINGER: Duration = Duration::from_millis(8);
/// How often time alone is looked at, while it could change a verdict.
const TICK: Duration = Duration::from_secs(1);
/// How often writing is tried again after the disk failed.
const RETRY: Duration = Duration::from_secs(2);
/// How much of what could not be written stays in memory.
const UNSAVED_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Ingest {
    queue: EventQueue,
    writer: Writer,
    whole: Arc<Whole>,
    judging: Judging,
    working: HashMap<ExchangeId, Working>,
    batch: Batch,
    batch_number: u64,
    batch_events: usize,
    batch_bytes: usize,
    touched: Vec<ExchangeId>,
    heard: u64,
    lost_bytes: u64,
    broken: Option<Broken>,
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
}

/// The disk fails.
struct Broken {
    tried_at: Instant,
    unsaved: BTreeMap<ExchangeId, (Arc<Exchange>, Heard)>,
    unsaved_bytes: u64,
}

impl Ingest {
    pub(super) fn new(
        queue: EventQueue,
        writer: Writer,
        whole: Arc<Whole>,
        judging: Judging,
    ) -> Self {
        Self {
            queue,
            writer,
            whole,
            judging,
            working: HashMap::new(),
            batch: Batch::default(),
            batch_number: 0,
            batch_events: 0,
            batch_bytes: 0,
            touched: Vec::new(),
            heard: 0,
            lost_bytes: 0,
            broken: None,
        }
    }

    /// Listens until nothing more will come.
    pub(super) fn run(mut self) -> Result<(), SessionError> {
        loop {
            let ticking = self.broken.is_some() || self.whole.read().marks.has_unsettled();
            let patience = if ticking {
                TICK
            } else {
                Duration::from_hours(1)
            };
            match self.queue.wait(patience) {
                Waited::Ready => std::thread::sleep(LINGER),
                Waited::TimedOut => {}
                Waited::Finished => break,
            }
            let mut events = self.queue.take();
            let nothing = events.is_empty();
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
        self.judging.finish();
        self.commit();
        self.retry();
        let result = match &self.broken {
            None => self.writer.note("finished_at", &Value::Integer(now().0)),
            Some(_) => Err(SessionError::Full {
                path: self.whole.archive.path().to_owned(),
            }),
        };
        self.whole.archive.release();
        result.and(self.writer.close())
    }

    // === Hearing ===

    fn hear(&mut self, event: Event) {
        self.batch_events += 1;
        self.batch_bytes += event.payload_bytes();
        match event {
            Event::Opened(opening) => self.opened(*opening),
            Event::Answered(answer) => self.answered(*answer),
            Event::Patched(id, patch) => {
                if let Some(working) = self.working.get_mut(&id) {
                    let exchange = Arc::make_mut(&mut working.exchange);
                    exchange.patch = Some(*patch);
                    if exchange.response.is_some() {
                        self.judging.answered(exchange, &self.whole);
                    }
                    self.touch(id);
                }
            }
            Event::Body(id, side, bytes) => self.body(id, side, bytes),
            Event::Message(id, message) => self.message(id, message),
            Event::Closed(closing) => self.closed(*closing),
        }
    }

    fn opened(&mut self, opening: Opening) {
        let id = opening.id;
        let mut exchange = Exchange::opened(id, opening.at, opening.request);
        exchange.source = opening.source;
        exchange.kind = opening.kind;
        exchange.client = opening.client;
        self.judging.opened(&exchange);
        let heard = Heard {
            opened: self.next_number(),
            ..Heard::default()
        };
        self.working.insert(
            id,
            Working {
                exchange: Arc::new(exchange),
                heard,
                request: Track::default(),
                response: Track::default(),
                messages: 0,
                touched: false,
            },
        );
        self.touch(id);
    }

    fn answered(&mut self, answer: Answer) {
        let number = self.next_number();
        let Some(working) = self.working.get_mut(&answer.id) else {
            return;
        };
        working.heard.answered = Some(number);
        let exchange = Arc::make_mut(&mut working.exchange);
        exchange.answered_at = Some(answer.at);
        exchange.response = Some(answer.response);
        exchange.upstream = Some(answer.upstream);
        exchange.timings = answer.timings;
        self.judging.answered(exchange, &self.whole);
        self.touch(answer.id);
    }

    fn closed(&mut self, closing: Closing) {
        let number = self.next_number();
        let Some(working) = self.working.get_mut(&closing.id) else {
            return;
        };
        working.heard.closed = Some(number);
        let exchange = Arc::make_mut(&mut working.exchange);
        exchange.closed_at = Some(closing.at);
        exchange.end = closing.end;
        exchange.timings = closing.timings;
        exchange.upstream = closing.upstream.or(exchange.upstream.take());
        exchange.request_body.seen_bytes = closing.request_bytes;
        exchange.response_body.seen_bytes = closing.response_bytes;
        if let Some(trailers) = closing.trailers {
            exchange.trailers = Arc::unwrap_or_clone(trailers);
        }
        self.judging.closed(exchange);
        self.touch(closing.id);
    }

    fn body(&mut self, id: ExchangeId, side: Side, mut bytes: Bytes) {
        let Some(working) = self.working.get_mut(&id) else {
            return;
        };
        let coded = is_coded(&working.exchange, side);
        let exchange = Arc::make_mut(&mut working.exchange);
        let (facts, track) = match side {
            Side::Request => (&mut exchange.request_body, &mut working.request),
            Side::Response => (&mut exchange.response_body, &mut working.response),
        };
        facts.seen_bytes += bytes.len() as u64;
        if self.broken.is_some() {
            track.cut = true;
        }
        if track.cut {
            self.lost_bytes += bytes.len() as u64;
        }
        while !track.cut && !bytes.is_empty() {
            let filling = track
                .filling
                .filter(|(number, _)| *number == self.batch_number);
            let piece = filling
                .and_then(|(_, at)| self.batch.pieces.get_mut(at))
                .filter(|piece| piece.len < PIECE_BYTES_MAX);
            let piece = if let Some(piece) = piece {
                piece
            } else {
                track.filling = Some((self.batch_number, self.batch.pieces.len()));
                self.batch.pieces.push(Piece {
                    exchange: id,
                    side,
                    number: track.pieces,
                    start: facts.kept_bytes,
                    parts: Vec::new(),
                    len: 0,
                    coded,
                });
                track.pieces += 1;
                let last = self.batch.pieces.len() - 1;
                &mut self.batch.pieces[last]
            };
            let part = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX - piece.len));
            extend_excerpt(facts, &part);
            facts.kept_bytes += part.len() as u64;
            piece.len += part.len();
            piece.parts.push(part);
        }
        self.touch(id);
    }

    fn message(&mut self, id: ExchangeId, message: Box<Message>) {
        let Some(working) = self.working.get_mut(&id) else {
            return;
        };
        if self.broken.is_some() {
            self.lost_bytes += message.payload.len() as u64;
            return;
        }
        self.batch.messages.push((id, working.messages, message));
        working.messages += 1;
        self.touch(id);
    }

    fn next_number(&mut self) -> u64 {
        self.heard += 1;
        self.heard
    }

    fn touch(&mut self, id: ExchangeId) {
        if let Some(working) = self.working.get_mut(&id)
            && !working.touched
        {
            working.touched = true;
            self.touched.push(id);
        }
    }

    // === Committing ===

    /// Writes what was heard since, shows it, judges what it changed.
    fn commit(&mut self) {
        let something = !self.touched.is_empty();
        if something {
            self.touched.sort_unstable();
            for id in &self.touched {
                if let Some(working) = self.working.get_mut(id) {
                    working.touched = false;
                    self.batch
                        .exchanges
                        .push((Arc::clone(&working.exchange), working.heard));
                }
            }
            self.write();
            self.show();
        }
        let skipped = self.queue.skipped_bytes() + self.lost_bytes;
        let skipped_before = self.whole.skipped_bytes.swap(skipped, Ordering::Relaxed);
        let judged = self.judging.judge(&self.whole);
        if something || judged || skipped != skipped_before {
            self.whole.bump();
        }
        self.touched.clear();
        self.batch.exchanges.clear();
        self.batch.pieces.clear();
        self.batch.messages.clear();
        self.batch_number += 1;
        self.batch_events = 0;
        self.batch_bytes = 0;
    }

    fn write(&mut self) {
        if self.broken.is_none() {
            match self.writer.write(&self.batch) {
                Ok(()) => return,
                Err(error) => self.break_down(&error),
            }
        }
        let Some(broken) = &mut self.broken else {
            return;
        };
        for (exchange, heard) in &self.batch.exchanges {
            broken.unsaved_bytes += weight(exchange);
            let before = broken
                .unsaved
                .insert(exchange.id, (Arc::clone(exchange), *heard));
            if let Some((before, _)) = before {
                broken.unsaved_bytes -= weight(&before);
            }
        }
        while broken.unsaved_bytes > UNSAVED_BYTES_MAX
            && let Some((_, (oldest, _))) = broken.unsaved.pop_first()
        {
            broken.unsaved_bytes -= weight(&oldest);
            self.whole.write().store.release(oldest.id);
        }
        self.retry_if_due();
    }

    /// The disk failed on this batch: takes back what it said about bodies.
    fn break_down(&mut self, error: &SessionError) {
        self.whole.set_trouble(Some(format!(
            "Recording to disk stopped: {error}. Traffic goes on; heads stay in memory, bodies are not kept."
        )));
        self.broken = Some(Broken {
            tried_at: Instant::now(),
            unsaved: BTreeMap::new(),
            unsaved_bytes: 0,
        });
        for piece in &self.batch.pieces {
            self.lost_bytes += piece.len as u64;
            let Some(working) = self.working.get_mut(&piece.exchange) else {
                continue;
            };
            let exchange = Arc::make_mut(&mut working.exchange);
            let (facts, track) = match piece.side {
                Side::Request => (&mut exchange.request_body, &mut working.request),
                Side::Response => (&mut exchange.response_body, &mut working.response),
            };
            facts.kept_bytes -= piece.len as u64;
            track.cut = true;
        }
        for (id, number, message) in &self.batch.messages {
            self.lost_bytes += message.payload.len() as u64;
            if let Some(working) = self.working.get_mut(id) {
                working.messages = working.messages.min(*number);
            }
        }
        for (exchange, _) in &mut self.batch.exchanges {
            if let Some(working) = self.working.get(&exchange.id) {
                *exchange = Arc::clone(&working.exchange);
            }
        }
    }

    fn retry_if_due(&mut self) {
        if self
            .broken
            .as_ref()
            .is_some_and(|b| b.tried_at.elapsed() >= RETRY)
        {
            self.retry();
        }
    }

    /// Tries to write what could not be written before.
    fn retry(&mut self) {
        let Some(broken) = &mut self.broken else {
            return;
        };
        broken.tried_at = Instant::now();
        let unsaved = Batch {
            exchanges: broken.unsaved.values().cloned().collect(),
            ..Batch::default()
        };
        if self.writer.write(&unsaved).is_err() {
            return;
        }
        let mut state = self.whole.write();
        for (exchange, _) in unsaved.exchanges {
            if !self.working.contains_key(&exchange.id) {
                state.store.release(exchange.id);
            }
        }
        drop(state);
        self.broken = None;
        self.whole.set_trouble(None);
    }

    /// Makes the batch visible: rows, and the exchanges at hand.
    fn show(&mut self) {
        let mut ended = Vec::new();
        let mut state = self.whole.write();
        for (exchange, _) in &self.batch.exchanges {
            state.show(exchange);
            let over = exchange.end != crate::wire::End::Open;
            if over && self.broken.is_none() {
                state.store.release(exchange.id);
            } else {
                state.store.hold(Arc::clone(exchange));
            }
            if over {
                ended.push(Arc::clone(exchange));
            }
        }
        for (id, _, _) in &self.batch.messages {
            if let Some(working) = self.working.get(id) {
                state.messages.insert(*id, working.messages);
            }
        }
        drop(state);
        for exchange in ended {
            self.working.remove(&exchange.id);
            self.whole.remember(exchange);
        }
    }
}

fn extend_excerpt(facts: &mut BodyFacts, part: &Bytes) {
    let room = BodyFacts::EXCERPT_BYTES_MAX.saturating_sub(facts.excerpt.len());
    if room == 0 {
        return;
    }
    // Copied: a slice would keep the whole buffer it was read into.
    let part = &part[..part.len().min(room)];
    facts.excerpt = if facts.excerpt.is_empty() {
        Bytes::copy_from_slice(part)
    } else {
        [&facts.excerpt[..], part].concat().into()
    };
}

/// Whether a content coding makes a body's bytes look like noise.
fn is_coded(exchange: &Exchange, side: Side) -> bool {
    let headers = match side {
        Side::Request => Some(&exchange.request.headers),
        Side::Response => exchange.response.as_ref().map(|r| &r.headers),
    };
    headers.is_some_and(|headers| headers.contains("content-encoding"))
}
