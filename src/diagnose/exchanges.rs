//! Where the judgement looks exchanges up.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::wire::{Exchange, ExchangeId, Said};

/// Something that knows exchanges by their id: a session's reader, or all of a finished capture.
pub trait Exchanges {
    /// The exchange of this id, if it is known (still).
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>>;

    /// What a launched browser said it did with this exchange, if one did.
    fn said(&self, _id: ExchangeId) -> Option<Arc<Said>> {
        None
    }
}

impl Exchanges for [Arc<Exchange>] {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.iter().find(|exchange| exchange.id == id).cloned()
    }
}

impl Exchanges for Vec<Arc<Exchange>> {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.as_slice().exchange(id)
    }
}

impl<S: BuildHasher> Exchanges for HashMap<ExchangeId, Arc<Exchange>, S> {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.get(&id).cloned()
    }
}

impl Exchanges for BTreeMap<ExchangeId, Arc<Exchange>> {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.get(&id).cloned()
    }
}
