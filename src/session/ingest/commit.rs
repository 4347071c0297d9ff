//! A batch on its way to disk and to the readers, and what happens when the disk fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::waiting::Broken;
use super::{Ingest, LOOK, RETRY};
use crate::capture::{Batch, SessionError};
use crate::wire::{End, Exchange, Side};

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
                Err(error) => self.break_down(error),
            }
        }
        let Some(broken) = &mut self.broken else {
            return;
        };
        broken.take(&mut self.batch, &self.whole);
        self.retry_if_due();
    }

    /// The disk failed on this batch: unless it is a matter of time, takes back what it said about
    /// bodies.
    fn break_down(&mut self, error: SessionError) {
        let broken = Broken::by(error);
        self.whole.set_trouble(Some(broken.told()));
        if !broken.waits() {
            let lost = Batch {
                pieces: std::mem::take(&mut self.batch.pieces),
                messages: std::mem::take(&mut self.batch.messages),
                ..Batch::default()
            };
            self.take_back(&lost);
            for (exchange, _) in &mut self.batch.exchanges {
                if let Some(working) = self.working.get(&exchange.id) {
                    *exchange = Arc::clone(&working.exchange);
                }
            }
        }
        self.broken = Some(broken);
    }

    /// These bodies and messages will not be written: says so wherever they are spoken of.
    fn take_back(&mut self, lost: &Batch) {
        for piece in &lost.pieces {
            let len = piece.len as u64;
            self.lost_bytes += len;
            let less = |exchange: &mut Arc<Exchange>| {
                let exchange = Arc::make_mut(exchange);
                match piece.side {
                    Side::Request => exchange.request_body.kept_bytes -= len,
                    Side::Response => exchange.response_body.kept_bytes -= len,
                }
            };
            if let Some(working) = self.working.get_mut(&piece.exchange) {
                less(&mut working.exchange);
                match piece.side {
                    Side::Request => working.request.cut = true,
                    Side::Response => working.response.cut = true,
                }
            }
            let unsaved = self.broken.as_mut();
            if let Some(exchange) = unsaved.and_then(|b| b.unsaved(piece.exchange)) {
                less(exchange);
                self.whole.write().store.hold(Arc::clone(exchange));
            }
        }
        for (id, number, message) in &lost.messages {
            self.lost_bytes += message.payload.len() as u64;
            if let Some(working) = self.working.get_mut(id) {
                working.messages = working.messages.min(*number);
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
        let waited = broken.waits();
        let unsaved = broken.batch(&self.whole);
        let written = self.writer.write(&unsaved);
        let gone = match written {
            Ok(gone) => gone,
            Err(error) => {
                let lost = broken.put_back(unsaved, error, waited);
                if let Some(lost) = lost {
                    self.whole.set_trouble(Some(broken.told()));
                    self.whole.waiting().clear();
                    self.take_back(&lost);
                }
                return;
            }
        };
        let lost = broken.lost;
        self.broken = None;
        self.whole.waiting().clear();
        if let Some(before) = gone {
            self.whole.bodies_left(before);
        }
        let mut state = self.whole.write();
        for (exchange, _) in unsaved.exchanges {
            if !self.working.contains_key(&exchange.id) {
                state.store.release(exchange.id);
            }
        }
        drop(state);
        self.whole.set_trouble((lost > 0).then(|| {
            format!(
                "Recording to disk goes on; it stood still so long that {lost} requests of that time are \
                 not in the file."
            )
        }));
        self.whole.bump();
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
