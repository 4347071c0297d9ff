//! What a person noted about exchanges: marks, and comments on them.

use std::collections::BTreeMap;

use crate::wire::ExchangeId;

/// Marks and comments, by exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    by_exchange: BTreeMap<ExchangeId, String>,
}

impl Notes {
    /// The comment of a marked exchange (empty if it is only marked).
    pub(crate) fn get(&self, exchange: ExchangeId) -> Option<&String> {
        self.by_exchange.get(&exchange)
    }

    /// Marks with a comment, or takes mark and comment away.
    pub(crate) fn set(&mut self, exchange: ExchangeId, note: Option<String>) {
        match note {
            Some(note) => {
                self.by_exchange.insert(exchange, note);
            }
            None => {
                self.by_exchange.remove(&exchange);
            }
        }
    }

    /// The marked exchanges, in order.
    pub(crate) fn marked(&self) -> impl Iterator<Item = ExchangeId> + '_ {
        self.by_exchange.keys().copied()
    }
}
