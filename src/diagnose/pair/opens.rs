//! The fetches that are open, and what is remembered of each exchange in them.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::cors::{Browser, browser_of};
use crate::wire::{ExchangeId, HeaderList};

use super::super::fetch::FetchId;
use super::super::infer::engine_named;
use super::super::open::Open;
use super::super::slots::key_of;

/// Open fetches in the order they began: their ids are dense, so that the place tells the id.
#[derive(Debug, Default)]
pub(super) struct Opens {
    /// How many were issued and forgotten.
    forgotten: u32,
    queue: VecDeque<Open>,
}

impl Opens {
    /// The id of the fetch that is pushed next.
    pub(super) fn next_id(&self) -> FetchId {
        FetchId(self.forgotten + self.queue.len() as u32 + 1)
    }

    pub(super) fn push(&mut self, open: Open) {
        self.queue.push_back(open);
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn get(&self, id: FetchId) -> Option<&Open> {
        self.queue.get(self.place(id)?)
    }

    pub(super) fn get_mut(&mut self, id: FetchId) -> Option<&mut Open> {
        let place = self.place(id)?;
        self.queue.get_mut(place)
    }

    fn place(&self, id: FetchId) -> Option<usize> {
        id.0.checked_sub(self.forgotten + 1).map(|at| at as usize)
    }

    pub(super) fn oldest(&self) -> Option<&Open> {
        self.queue.front()
    }

    pub(super) fn forget_oldest(&mut self) -> Option<Open> {
        let oldest = self.queue.pop_front()?;
        self.forgotten += 1;
        Some(oldest)
    }

    /// From the oldest on.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Open> {
        self.queue.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.queue.iter_mut()
    }
}

/// What is remembered of an exchange, so that its later moments need not read its headers again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) fetch: FetchId,
    /// Key of its URL.
    pub(super) url: u64,
    /// Whether it is a browser's question before a request.
    pub(super) preflight: bool,
}

/// By exchange, in pages of neighbours: ids are issued densely and those in use are the last ones, so a
/// look-up finds its page in a small map and its place beside the last. Who made a file may have numbered
/// as he liked; then a page costs little more than one entry.
#[derive(Debug, Default)]
pub(super) struct KnownExchanges {
    pages: HashMap<u64, Page, RandomState>,
}

#[derive(Debug, Default)]
struct Page {
    known: [Option<Known>; PAGE as usize],
    count: u32,
}

const PAGE: u64 = 16;

impl KnownExchanges {
    pub(super) fn get(&self, id: ExchangeId) -> Option<Known> {
        self.pages.get(&(id.0 / PAGE))?.known[(id.0 % PAGE) as usize]
    }

    pub(super) fn insert(&mut self, id: ExchangeId, known: Known) {
        let page = self.pages.entry(id.0 / PAGE).or_default();
        let place = &mut page.known[(id.0 % PAGE) as usize];
        page.count += u32::from(place.is_none());
        *place = Some(known);
    }

    pub(super) fn remove(&mut self, id: ExchangeId) {
        let Some(page) = self.pages.get_mut(&(id.0 / PAGE)) else {
            return;
        };
        if page.known[(id.0 % PAGE) as usize].take().is_some() {
            page.count -= 1;
        }
        if page.count == 0 {
            self.pages.remove(&(id.0 / PAGE));
        }
    }
}

/// The last user agents that were read: a capture has few, and each comes with every request.
#[derive(Debug, Default)]
pub(super) struct Agents {
    known: VecDeque<Agent>,
}

#[derive(Debug)]
struct Agent {
    name: Box<[u8]>,
    key: u64,
    browser: Option<Browser>,
}

impl Agents {
    const AGENTS_MAX: usize = 8;

    /// Who sent these headers: the key of its name, and by whose rules it plays, which is `None` for
    /// what is no browser.
    pub(super) fn of(
        &mut self,
        headers: &HeaderList,
        rules: Option<Browser>,
    ) -> (u64, Option<Browser>) {
        let Some(field) = headers.first("user-agent") else {
            return (key_of(&[] as &[u8]), engine_named(headers, rules, || None));
        };
        let place = self.known.iter().position(|a| *a.name == *field.value);
        let place = place.unwrap_or_else(|| {
            self.known.truncate(Self::AGENTS_MAX - 1);
            self.known.push_front(Agent {
                name: field.value.into(),
                key: key_of(field.value),
                browser: browser_of(&field.as_text()),
            });
            0
        });
        let agent = &self.known[place];
        let browser = engine_named(headers, rules, || Some(agent.browser));
        (agent.key, browser)
    }
}
