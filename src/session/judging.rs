//! Pairing and judging as events come: what changed is judged once per batch.

use super::whole::Whole;
use crate::cors::Browser;
use crate::wire::{Exchange, Timestamp};

/// Watches exchanges and keeps the marks right.
pub(super) struct Judging {
    _rules: Option<Browser>,
}

impl Judging {
    pub(super) fn new(rules: Option<Browser>) -> Self {
        Self { _rules: rules }
    }

    pub(super) fn opened(&mut self, _exchange: &Exchange) {}

    pub(super) fn answered(&mut self, _exchange: &Exchange) {}

    pub(super) fn closed(&mut self, _exchange: &Exchange) {}

    pub(super) fn tick(&mut self, _now: Timestamp) {}

    pub(super) fn finish(&mut self) {}

    /// Judges what changed; says whether anything did.
    pub(super) fn judge(&mut self, _whole: &Whole) -> bool {
        false
    }
}
