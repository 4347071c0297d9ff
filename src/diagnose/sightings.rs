//! What is remembered of the exchanges of one host.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use crate::wire::ExchangeId;

use super::demand::Wish;
use super::slots::key_of;

/// What was seen of one host, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub(super) seen: VecDeque<Sighting>,
    /// Of each sighting what it is looked for by: passing over all of them reads a tenth of their memory.
    pub(super) keys: VecDeque<Keys>,
    pub(super) is_loopback: bool,
    /// How many sightings have the same keys, their exchange apart.
    alike: HashMap<Alike, u16, RandomState>,
    /// The highest number of an exchange among them so far.
    newest: Option<ExchangeId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) id: ExchangeId,
    pub(super) endpoint: u64,
    /// Key of the origin that asked, 0 for none.
    pub(super) origin: u64,
    /// Key of the origin that was let in, 0 for none.
    pub(super) allow_origin: u64,
}

/// Keys of the endpoint, of the origin that asked, and of the one that was let in.
type Alike = (u64, u64, u64);

impl Keys {
    fn alike(&self) -> Alike {
        (self.endpoint, self.origin, self.allow_origin)
    }
}

/// What is remembered of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) id: ExchangeId,
    /// Method, for a preflight the one asked for.
    pub(crate) method: String,
    pub(crate) preflight: bool,
    /// Path with ids replaced, so that `/cart/7` and `/cart/8` are one endpoint.
    pub(crate) template: String,
    /// Key of that, for comparisons with many.
    pub(crate) endpoint: u64,
    /// Key of the whole URL.
    pub(crate) url: u64,
    pub(crate) origin: Option<String>,
    pub(crate) same_origin: bool,
    pub(crate) status: u16,
    pub(crate) allow_origin: Option<String>,
    /// Whether the answer had any `Access-Control-*` header.
    pub(crate) any_cors: bool,
    /// What it asked for and what was granted, where a page of another origin asked.
    pub(crate) wish: Option<Box<Wish>>,
}

impl Host {
    const SEEN_MAX: usize = 256;

    /// The newest sighting replaces what was known of its exchange; says whether it is news.
    pub(super) fn learn(&mut self, sighting: Sighting) -> bool {
        let keys = sighting.keys();
        let alike = keys.alike();
        // The newest first: what is the same was most often said not long ago.
        let mut seen = self.seen.iter().zip(&self.keys).rev();
        let news = !self.alike.contains_key(&alike)
            || !seen.any(|(s, k)| k.alike() == alike && s.says_the_same(&sighting));
        // Nearly all come in the order of their numbers: then there is nothing to look for.
        if Some(keys.id) <= self.newest
            && let Some(at) = self.keys.iter().rposition(|known| known.id == keys.id)
        {
            let known = self.keys.remove(at);
            self.seen.remove(at);
            self.forget(known);
        }
        *self.alike.entry(alike).or_default() += 1;
        self.newest = self.newest.max(Some(keys.id));
        self.keys.push_back(keys);
        self.seen.push_back(sighting);
        if self.seen.len() > Self::SEEN_MAX {
            let oldest = self.keys.pop_front();
            self.seen.pop_front();
            self.forget(oldest);
        }
        news
    }

    fn forget(&mut self, keys: Option<Keys>) {
        let Some(alike) = keys.map(|keys| keys.alike()) else {
            return;
        };
        if let Some(count) = self.alike.get_mut(&alike) {
            *count -= 1;
            if *count == 0 {
                self.alike.remove(&alike);
            }
        }
    }

    pub(super) fn matching(
        &self,
        wanted: impl Fn(&Keys) -> bool,
    ) -> impl DoubleEndedIterator<Item = &Sighting> {
        let all = self.keys.iter().zip(&self.seen);
        all.filter(move |(keys, _)| wanted(keys)).map(|(_, s)| s)
    }
}

impl Sighting {
    fn keys(&self) -> Keys {
        let key = |text: &Option<String>| text.as_deref().map_or(0, |text| key_of(text).max(1));
        Keys {
            id: self.id,
            endpoint: self.endpoint,
            origin: key(&self.origin),
            allow_origin: key(&self.allow_origin),
        }
    }

    /// Whether another sighting is no further evidence beside this one.
    fn says_the_same(&self, other: &Self) -> bool {
        self.preflight == other.preflight
            && self.method == other.method
            && self.endpoint == other.endpoint
            && self.origin == other.origin
            && self.status == other.status
            && self.allow_origin == other.allow_origin
            && self.any_cors == other.any_cors
    }
}
