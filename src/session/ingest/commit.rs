//! A batch on its way to disk and to the readers, and what happens when the disk fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Broken, Ingest, LOOK, RETRY, UNSAVED_BYTES_MAX};
use crate::capture::{Batch, SessionError};
use crate::session::whole::weight;
use crate::wire::{End, Side};

impl Ingest {
    /// Writes what was heard since, shows it, judges what it changed.
    pub(super) fn commit(&mut self) {
        let something = !self.touched.is_empty() || !self.batch.said.is_empty();
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
        }
        // Before the rows: who sees one sees what it lacks.
        let skipped = self.queue.skipped_bytes() + self.lost_bytes;
        let skipped_before = self.whole.skipped_bytes.swap(skipped, Ordering::Relaxed);
        if something {
            self.show();
            if self.looked_at.elapsed() >= LOOK {
                self.look_after();
            }
        }
        let judged = self.judging.judge(&self.whole);
        self.let_go();
        if something || judged || skipped != skipped_before {
            self.whole.bump();
        }
        self.touched.clear();
        self.batch.pieces.clear();
        self.batch.messages.clear();
        self.batch.bodies.clear();
        self.batch.said.clear();
        self.batch_number += 1;
        self.batch_events = 0;
        self.batch_bytes = 0;
    }

    fn write(&mut self) {
        if self.broken.is_none() {
            match self.writer.write(&self.batch) {
                Ok(gone) => {
                    if let Some(before) = gone {
                        self.whole.bodies_left(before);
                    }
                    return;
                }
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

    /// Sees that the file is still there, and writes it anew where somebody deleted it.
    pub(super) fn look_after(&mut self) {
        self.looked_at = Instant::now();
        if !self.writer.is_gone() {
            return;
        }
        let archive = &self.whole.archive;
        let said = match self.writer.write_anew(|| archive.release()) {
            Ok(()) => {
                let path = self.whole.archive.path().display();
                format!("{path} was deleted while it was recorded; all of it was written anew.")
            }
            Err(error) => format!("The session is in danger: {error}."),
        };
        self.whole.set_trouble(Some(said));
        self.whole.bump();
    }

    pub(super) fn retry_if_due(&mut self) {
        if self
            .broken
            .as_ref()
            .is_some_and(|b| b.tried_at.elapsed() >= RETRY)
        {
            self.retry();
        }
    }

    /// Tries to write what could not be written before.
    pub(super) fn retry(&mut self) {
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
        let mut state = self.whole.write();
        for (exchange, _) in &self.batch.exchanges {
            state.show(exchange);
            state.store.hold(Arc::clone(exchange));
        }
        for (id, _, message) in &self.batch.messages {
            if let Some(working) = self.working.get(id) {
                let known = state.messages.entry(*id).or_default();
                known.count = working.messages;
                known.bytes += message.len_bytes;
            }
        }
    }

    /// What is over and was judged need not be held any longer: the file has it.
    fn let_go(&mut self) {
        if self.batch.exchanges.is_empty() {
            return;
        }
        let exchanges = self.batch.exchanges.drain(..);
        let over = exchanges.map(|(exchange, _)| exchange);
        let over: Vec<_> = over.filter(|e| e.end != End::Open).collect();
        if self.broken.is_none() {
            let mut state = self.whole.write();
            for exchange in &over {
                state.store.release(exchange.id);
            }
        }
        for exchange in over {
            self.working.remove(&exchange.id);
            self.ended += 1;
            self.whole.remember(exchange);
        }
    }
}
