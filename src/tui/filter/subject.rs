//! What a filter looks at: one exchange, what is known of its fetch, and what was found in its
//! headers and bodies so far.

use crate::cors::{Check, Outcome};
use crate::diagnose::{Role, Root};
use crate::wire::ExchangeId;

/// What a filter looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) id: u64,
    pub(crate) method: &'a str,
    pub(crate) status: Option<u16>,
    /// Origin of the URL, port included.
    pub(crate) server: &'a str,
    /// Path and query.
    pub(crate) path: &'a str,
    pub(crate) type_: &'a str,
    pub(crate) page_origin: Option<&'a str>,
    pub(crate) outcome: Outcome,
    pub(crate) check: Option<Check>,
    pub(crate) root: Option<Root>,
    pub(crate) sub: Option<&'a str>,
    pub(crate) role: Option<Role>,
    pub(crate) never_sent: bool,
    pub(crate) warnings: bool,
    pub(crate) insecure: bool,
    pub(crate) open: bool,
    pub(crate) patched: bool,
    pub(crate) replayed: bool,
    pub(crate) cookies: bool,
    pub(crate) size: u64,
    /// In microseconds.
    pub(crate) time: Option<u64>,
    pub(crate) protocol: &'a str,
    pub(crate) connection: Option<u32>,
    pub(crate) marked: bool,
    pub(crate) comment: Option<&'a str>,
    pub(crate) found: Option<&'a Found>,
}

/// What a search in headers and bodies has found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    first: u64,
    /// Exchanges before this one were looked at.
    upto: u64,
    /// One bit per exchange and test.
    hits: Vec<Vec<u64>>,
}

impl Found {
    /// Nothing yet, for so many tests; the first exchange has this id.
    pub(crate) fn new(first: ExchangeId, tests: usize) -> Self {
        Self {
            first: first.0,
            upto: first.0,
            hits: vec![Vec::new(); tests],
        }
    }

    /// The exchange to look at next.
    pub(crate) fn next(&self) -> ExchangeId {
        ExchangeId(self.upto)
    }

    /// Everything before this one was looked at.
    pub(crate) fn looked_at(&mut self, upto: ExchangeId) {
        self.upto = self.upto.max(upto.0);
    }

    /// A test holds for an exchange.
    pub(crate) fn hit(&mut self, test: usize, exchange: ExchangeId) {
        let Some(bit) = exchange.0.checked_sub(self.first) else {
            return;
        };
        let (word, bit) = ((bit / 64) as usize, bit % 64);
        if let Some(bits) = self.hits.get_mut(test) {
            if bits.len() <= word {
                bits.resize(word + 1, 0);
            }
            bits[word] |= 1 << bit;
        }
    }

    /// Whether a test holds; `None` if that was not looked up yet.
    pub(super) fn says(&self, test: usize, exchange: u64) -> Option<bool> {
        let bit = exchange.checked_sub(self.first)?;
        let word = self.hits.get(test)?.get((bit / 64) as usize);
        let hit = word.is_some_and(|w| w & (1 << (bit % 64)) != 0);
        (hit || exchange < self.upto).then_some(hit)
    }
}
