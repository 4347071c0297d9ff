//! What memory holds of a session: packed rows, and the exchanges still open.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::row::{Packed, Summary, Texts};
use crate::wire::{Exchange, ExchangeId};

/// Rows per page. Pages do not move when the list grows, and leave as a whole.
const PAGE_ROWS: usize = 4_096;

/// More rows missing from a file than this is damage, not rows that were lost.
const VACANT_ROWS_MAX: u64 = 1 << 20;

/// Rows of all exchanges, dense by id, and the exchanges that are still open.
#[derive(Debug)]
pub struct Store {
    first: u64,
    len: usize,
    vacant: u64,
    pages: Vec<Page>,
    texts: Texts,
    open: HashMap<ExchangeId, Arc<Exchange>, RandomState>,
}

#[derive(Debug)]
struct Page {
    // `None` where a file has no such exchange: its disk was full at the time.
    rows: Vec<Option<Packed>>,
    paths: String,
}

impl Store {
    /// An empty store whose first row will have this id.
    pub fn new(first: ExchangeId) -> Self {
        Self {
            first: first.0,
            len: 0,
            vacant: 0,
            pages: Vec::new(),
            texts: Texts::default(),
            open: HashMap::default(),
        }
    }

    /// The id of row 0.
    pub fn first_id(&self) -> ExchangeId {
        ExchangeId(self.first)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row number of an exchange.
    pub fn position(&self, id: ExchangeId) -> Option<usize> {
        let position = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        (position < self.len).then_some(position)
    }

    /// Adds or updates the row of an exchange. `false`: the id is out of all order.
    pub fn put(&mut self, exchange: &Exchange) -> bool {
        if let Some(position) = self.position(exchange.id) {
            let page = &mut self.pages[position / PAGE_ROWS];
            match &mut page.rows[position % PAGE_ROWS] {
                Some(row) => row.update(exchange),
                vacant => {
                    *vacant = Some(Packed::new(exchange, &mut self.texts, &mut page.paths));
                }
            }
            return true;
        }
        let next = self.first + self.len as u64;
        if exchange.id.0 < next || self.vacant + (exchange.id.0 - next) > VACANT_ROWS_MAX {
            return false;
        }
        self.vacant += exchange.id.0 - next;
        for _ in next..exchange.id.0 {
            self.push(|_, _| None);
        }
        self.push(|texts, paths| Some(Packed::new(exchange, texts, paths)));
        true
    }

    fn push(&mut self, pack: impl FnOnce(&mut Texts, &mut String) -> Option<Packed>) {
        if self.pages.len() * PAGE_ROWS == self.len {
            if let Some(full) = self.pages.last_mut() {
                full.paths.shrink_to_fit();
            }
            // The first page grows as needed: most sessions are small.
            let capacity = if self.len == 0 { 0 } else { PAGE_ROWS };
            self.pages.push(Page {
                rows: Vec::with_capacity(capacity),
                paths: String::new(),
            });
        }
        if let Some(page) = self.pages.last_mut() {
            page.rows.push(pack(&mut self.texts, &mut page.paths));
            self.len += 1;
        }
    }

    /// The row of an exchange.
    pub fn row(&self, id: ExchangeId) -> Option<Summary<'_>> {
        let position = self.position(id)?;
        let page = &self.pages[position / PAGE_ROWS];
        let row = page.rows[position % PAGE_ROWS].as_ref()?;
        Some(row.summary(id, &self.texts, &page.paths))
    }

    /// Keeps an exchange at hand while it is open.
    pub fn hold(&mut self, exchange: Arc<Exchange>) {
        self.open.insert(exchange.id, exchange);
    }

    /// Lets go of an exchange that ended.
    pub fn release(&mut self, id: ExchangeId) {
        self.open.remove(&id);
    }

    /// An exchange that is held.
    pub fn held(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.open.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{HttpVersion, RequestHead, Timestamp};

    fn exchange(id: u64) -> Exchange {
        let head = RequestHead {
            method: "GET".into(),
            url: format!("https://a.test/{id}"),
            version: HttpVersion::Http11,
            headers: Arc::default(),
        };
        Exchange::opened(ExchangeId(id), Timestamp(0), head)
    }

    fn path(store: &Store, id: u64) -> Option<String> {
        Some(store.row(ExchangeId(id))?.path.to_owned())
    }

    #[test]
    fn rows_are_found_by_id_across_pages() {
        let mut store = Store::new(ExchangeId(1));
        for id in 1..=10_000 {
            assert!(store.put(&exchange(id)));
        }
        assert_eq!(store.len(), 10_000);
        for id in [1, 4_096, 4_097, 10_000] {
            assert_eq!(path(&store, id), Some(format!("/{id}")));
        }
        assert!(store.row(ExchangeId(0)).is_none());
        assert!(store.row(ExchangeId(10_001)).is_none());
    }

    #[test]
    fn a_hole_is_a_hole_until_it_is_filled() {
        let mut store = Store::new(ExchangeId(0));
        assert!(store.put(&exchange(5_000)));
        assert_eq!(store.len(), 5_001);
        assert!(store.row(ExchangeId(4_999)).is_none());
        assert!(store.put(&exchange(4_999)));
        assert_eq!(path(&store, 4_999), Some("/4999".into()));
        assert!(
            !store.put(&exchange(u64::MAX / 2)),
            "no memory for absurd ids"
        );
    }
}
