//! Exchanges without their secrets, for judging what may leave.

use std::cell::RefCell;
use std::sync::Arc;

use quick_cache::unsync::Cache;

use crate::diagnose::Exchanges;
use crate::wire::{Exchange, ExchangeId, Fate, Redactor, Said};

/// Exchanges remembered; a fetch has a few, each asked for many times while it is judged.
const REMEMBERED: usize = 256;

/// Exchanges as a redactor leaves them: what is judged from them holds no secret that it knows.
pub struct Redacted<'a> {
    exchanges: &'a dyn Exchanges,
    redactor: &'a Redactor,
    known: RefCell<Cache<u64, Arc<Exchange>>>,
}

impl<'a> Redacted<'a> {
    /// These exchanges, by this redactor.
    pub fn new(exchanges: &'a dyn Exchanges, redactor: &'a Redactor) -> Self {
        Self {
            exchanges,
            redactor,
            known: RefCell::new(Cache::new(REMEMBERED)),
        }
    }
}

impl Exchanges for Redacted<'_> {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        if !self.redactor.is_on() {
            return self.exchanges.exchange(id);
        }
        if let Some(known) = self.known.borrow().get(&id.0) {
            return Some(Arc::clone(known));
        }
        let exchange = Arc::new(self.redactor.exchange(&*self.exchanges.exchange(id)?));
        self.known.borrow_mut().insert(id.0, Arc::clone(&exchange));
        Some(exchange)
    }

    fn said(&self, id: ExchangeId) -> Option<Arc<Said>> {
        let said = self.exchanges.said(id)?;
        if self.redactor.is_on() {
            let text = |text: &String| self.redactor.text(text).into_owned();
            let (fate, reason, detail) = said.fate.words();
            let detail = self.redactor.text(detail);
            let fate = Fate::from_words(fate, reason, &detail);
            return Some(Arc::new(Said {
                fate: fate.unwrap_or_else(|| said.fate.clone()),
                sentence: said.sentence.as_ref().map(text),
                asked_by: said.asked_by.as_ref().map(text),
            }));
        }
        Some(said)
    }
}
