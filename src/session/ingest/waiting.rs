//! What is to be written when the file is free again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::{UNSAVED_BODY_BYTES_MAX, UNSAVED_BYTES_MAX};
use crate::capture::{Batch, Heard, SessionError};
use crate::session::whole::{Whole, weight};
use crate::wire::{End, Exchange, ExchangeId, Said};

/// The disk fails.
pub(super) struct Broken {
    pub(super) tried_at: Instant,
    /// What it said last.
    pub(super) error: SessionError,
    unsaved: BTreeMap<ExchangeId, (Arc<Exchange>, Heard)>,
    unsaved_bytes: u64,
    said: Vec<(ExchangeId, Arc<Said>)>,
    /// Bodies and messages, where the file is only held by another process: a full disk would not take
    /// them later either. The pieces of bodies are with the readers.
    bodies: Option<Batch>,
    body_bytes: u64,
    /// Exchanges that are over and found no room here.
    pub(super) lost: u64,
}

impl Broken {
    pub(super) fn by(error: SessionError) -> Self {
        let waits = matches!(error, SessionError::Busy { .. });
        Self {
            tried_at: Instant::now(),
            error,
            unsaved: BTreeMap::new(),
            unsaved_bytes: 0,
            said: Vec::new(),
            bodies: waits.then(Batch::default),
            body_bytes: 0,
            lost: 0,
        }
    }

    /// The sentence on it for the screen.
    pub(super) fn told(&self) -> String {
        let kept = if self.bodies.is_some() {
            let most = UNSAVED_BODY_BYTES_MAX >> 20;
            format!("what passes stays in memory until then, of bodies up to {most} MiB")
        } else {
            "heads stay in memory, bodies are not kept".to_owned()
        };
        let error = &self.error;
        format!("Recording to disk stopped: {error}. Traffic goes on; {kept}.")
    }

    /// Whether bodies wait too.
    pub(super) fn waits(&self) -> bool {
        self.bodies.is_some()
    }

    /// Whether more of a body can wait.
    pub(super) fn takes_bodies(&self) -> bool {
        self.waits() && self.body_bytes < UNSAVED_BODY_BYTES_MAX
    }

    /// Takes over what could not be written; bodies and messages only where they [wait](Self::waits).
    pub(super) fn take(&mut self, batch: &mut Batch, whole: &Whole) {
        for (exchange, heard) in &batch.exchanges {
            self.unsaved_bytes += weight(exchange);
            let now = (Arc::clone(exchange), *heard);
            if let Some((before, _)) = self.unsaved.insert(exchange.id, now) {
                self.unsaved_bytes -= weight(&before);
            }
        }
        while self.unsaved_bytes > UNSAVED_BYTES_MAX
            && let Some((_, (oldest, _))) = self.unsaved.pop_first()
        {
            self.unsaved_bytes -= weight(&oldest);
            self.lost += u64::from(oldest.end != End::Open);
            whole.write().store.release(oldest.id);
        }
        self.said.append(&mut batch.said);
        let Some(bodies) = &mut self.bodies else {
            return;
        };
        let pieces = batch.pieces.iter().map(|piece| piece.len);
        let messages = batch.messages.iter().map(|(_, _, m)| m.payload.len());
        self.body_bytes += pieces.chain(messages).sum::<usize>() as u64;
        whole.waiting().append(&mut batch.pieces);
        bodies.bodies.append(&mut batch.bodies);
        bodies.messages.append(&mut batch.messages);
    }

    /// All that waits, as one batch, which is to be given [back](Self::put_back) if it cannot be written.
    pub(super) fn batch(&mut self, whole: &Whole) -> Batch {
        let mut batch = self.bodies.take().unwrap_or_default();
        // Readers go on looking at them until they are in the file.
        batch.pieces.clone_from(&whole.waiting());
        batch.exchanges = self.unsaved.values().cloned().collect();
        batch.said = std::mem::take(&mut self.said);
        batch
    }

    /// It could not be written. Says what will not be: the bodies, where the file is not held by another
    /// process any more and the disk fails all the same.
    pub(super) fn put_back(
        &mut self,
        mut batch: Batch,
        error: SessionError,
        waited: bool,
    ) -> Option<Batch> {
        self.said = std::mem::take(&mut batch.said);
        let waits = waited && matches!(error, SessionError::Busy { .. });
        self.error = error;
        if waits {
            batch.exchanges.clear();
            batch.pieces.clear();
            self.bodies = Some(batch);
            return None;
        }
        self.body_bytes = 0;
        waited.then_some(batch)
    }

    /// An exchange as it is to be written, to be put right.
    pub(super) fn unsaved(&mut self, id: ExchangeId) -> Option<&mut Arc<Exchange>> {
        self.unsaved.get_mut(&id).map(|(exchange, _)| exchange)
    }
}
