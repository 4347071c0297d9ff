//! What is expected next: places in open fetches that a coming request may take.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use foldhash::{fast, quality};

use crate::cors::{Ask, NextHop};
use crate::wire::{ExchangeId, HeaderList, Timestamp};

use super::fetch::FetchId;

/// A request that is expected, because of something that happened in a fetch.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) fetch: FetchId,
    /// Key of the User-Agent of what happened.
    pub(crate) client: u64,
    /// The Origin header of what happened.
    pub(crate) origin: Option<String>,
    /// Since when the request may come.
    pub(crate) since: Timestamp,
    pub(crate) kind: SlotKind,
}

#[derive(Clone, Debug)]
pub(crate) enum SlotKind {
    /// The request a preflight asked for.
    Asked {
        preflight: ExchangeId,
        ask: Ask,
        /// When it was sent.
        asked_at: Timestamp,
        /// Whether the rules accept the answer in at least one credentials mode; `None` before it.
        accepted: Option<bool>,
        /// Whether the preflight is for the target of a redirect.
        redirected: bool,
    },
    /// The next hop of a redirect, or its preflight.
    Redirected {
        next: NextHop,
        /// Whether CORS applied to the redirect; then the next request has an Origin, too.
        cors: bool,
    },
    /// The preflight of a request that DevTools exported before it: there a request begins when script
    /// makes it, and not when it is sent.
    Early { request: ExchangeId, method: String },
    /// The same once more, because the connection was closed before an answer.
    Again {
        method: String,
        /// What the preflight asked for, if it was one.
        ask: Option<Ask>,
    },
}

/// What is known of a request that looks for its place.
pub(crate) struct Seeker<'a> {
    pub(crate) client: u64,
    pub(crate) method: &'a str,
    pub(crate) origin: Option<&'a str>,
    /// For a preflight what it asks for.
    pub(crate) ask: Option<&'a Ask>,
    /// The headers of the request.
    pub(crate) headers: &'a HeaderList,
    /// Names script must have set.
    pub(crate) unsafe_names: &'a [String],
    pub(crate) at: Timestamp,
}

/// All slots, by URL. Bounded by the open fetches and per URL.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    by_url: HashMap<u64, Vec<Slot>, fast::RandomState>,
}

/// How long a request may lag behind what announced it, in microseconds: 30 s, far more than a
/// browser needs and less than it takes a person to try again and be mistaken for it.
const LAG_MICROS_MAX: u64 = 30_000_000;

/// How fast a browser sends again what a closed connection swallowed; recorded: below 150 ms on a
/// busy machine.
const AGAIN_MICROS_MAX: u64 = 500_000;

impl Slots {
    /// How many expectations one URL may have; more concurrent equal requests are not told apart.
    const PER_URL_MAX: usize = 64;

    pub(crate) fn add(&mut self, key: u64, slot: Slot) {
        let slots = self.by_url.entry(key).or_default();
        let now = slot.since;
        if slots.len() >= Self::PER_URL_MAX / 2 {
            slots.retain(|s| now.micros_since(s.since) <= LAG_MICROS_MAX);
        }
        if slots.len() >= Self::PER_URL_MAX {
            slots.remove(0);
        }
        slots.push(slot);
    }

    /// Forgets what a fetch expected at a URL.
    pub(crate) fn forget(&mut self, key: u64, fetch: FetchId) {
        if let Some(slots) = self.by_url.get_mut(&key) {
            slots.retain(|s| s.fetch != fetch);
            if slots.is_empty() {
                self.by_url.remove(&key);
            }
        }
    }

    /// The slot of a preflight, to note its answer.
    pub(crate) fn asked(&mut self, key: u64, exchange: ExchangeId) -> Option<&mut Slot> {
        self.by_url
            .get_mut(&key)?
            .iter_mut()
            .find(|s| matches!(s.kind, SlotKind::Asked { preflight, .. } if preflight == exchange))
    }

    /// Forgets that a preflight may still come for a request, because it was answered.
    pub(crate) fn forget_early(&mut self, key: u64, exchange: ExchangeId) {
        if let Some(slots) = self.by_url.get_mut(&key) {
            slots.retain(
                |s| !matches!(s.kind, SlotKind::Early { request, .. } if request == exchange),
            );
        }
    }

    /// Takes the slot that fits a request best; among equals the oldest, unless that preflight was
    /// answered before the other was sent: a request follows its preflight at once, so one that is still
    /// waited for has probably been refused.
    pub(crate) fn take(&mut self, key: u64, seeker: &Seeker<'_>) -> Option<Slot> {
        let slots = self.by_url.get_mut(&key)?;
        let mut best: Option<(u32, usize)> = None;
        for (index, slot) in slots.iter().enumerate() {
            let score = slot.fit(seeker);
            let later = |than: &Slot| matches!(slot.kind, SlotKind::Asked { asked_at, .. } if asked_at > than.since);
            if score > 0 && best.is_none_or(|(b, at)| score > b || score == b && later(&slots[at]))
            {
                best = Some((score, index));
            }
        }
        let slot = slots.remove(best?.1);
        if slots.is_empty() {
            self.by_url.remove(&key);
        }
        Some(slot)
    }
}

impl Slot {
    /// How well a request fits; 0 is not at all.
    fn fit(&self, seeker: &Seeker<'_>) -> u32 {
        let lag = seeker.at.micros_since(self.since);
        if lag > LAG_MICROS_MAX {
            return 0;
        }
        // Firefox and Safari let script set the User-Agent, after asking for it.
        let disguised = matches!(&self.kind, SlotKind::Asked { ask, .. }
            if ask.headers.iter().any(|h| h == "user-agent"));
        if self.client != seeker.client && !disguised {
            return 0;
        }
        match &self.kind {
            SlotKind::Asked { .. } if seeker.ask.is_some() => 0,
            SlotKind::Asked {
                ask,
                accepted,
                redirected,
                ..
            } => {
                let origin = self.origin.as_deref() == seeker.origin
                    || (*redirected && seeker.origin == Some("null"));
                // A redirect to another origin drops Authorization, after WebKit has asked for it; one
                // that makes a GET of the request drops what told of its body, after Firefox has asked
                // for that.
                let dropped = |name: &str| name == "authorization" || name.starts_with("content-");
                if !origin || ask.method != seeker.method {
                    return 0;
                }
                let asked: Vec<&String> = ask
                    .headers
                    .iter()
                    .filter(|name| !(*redirected && dropped(name)))
                    .collect();
                if !seeker.has_all(&asked) {
                    return 0;
                }
                let exact = are_within(seeker.unsafe_names, &ask.headers);
                match (accepted, exact) {
                    (Some(true), true) => 90,
                    (Some(true), false) => 60,
                    (Some(false), true) => 20,
                    (Some(false), false) => 10,
                    (None, _) => 0,
                }
            }
            SlotKind::Redirected { next, cors } => {
                let method = seeker.ask.map_or(seeker.method, |a| a.method.as_str());
                let origin = match seeker.origin {
                    Some("null") => next.tainted,
                    // Firefox asks for a tainted hop with the page's origin.
                    Some(origin) => {
                        (!next.tainted || seeker.ask.is_some())
                            && self
                                .origin
                                .as_deref()
                                .is_none_or(|o| o == origin || o == "null")
                    }
                    None => !cors || self.origin.is_none(),
                };
                if origin && method == next.method {
                    80
                } else {
                    0
                }
            }
            SlotKind::Early { method, .. } => {
                let asked = seeker.ask.is_some_and(|a| a.method == *method);
                let same = self
                    .origin
                    .as_deref()
                    .is_none_or(|o| Some(o) == seeker.origin);
                if asked && same { 30 } else { 0 }
            }
            SlotKind::Again { method, ask } => {
                let same = *method == seeker.method
                    && ask.as_ref() == seeker.ask
                    && self.origin.as_deref() == seeker.origin;
                if same && lag <= AGAIN_MICROS_MAX {
                    40
                } else {
                    0
                }
            }
        }
    }
}

/// Comparing each with each is fastest, unless somebody means harm: up to so many comparisons.
const COMPARISONS_MAX: usize = 4096;

impl Seeker<'_> {
    /// Whether the request has all of these headers, given in lower case.
    fn has_all(&self, names: &[&String]) -> bool {
        if names.len().saturating_mul(self.headers.len()) <= COMPARISONS_MAX {
            return names.iter().all(|name| self.headers.contains(name));
        }
        let own: HashSet<String> = self
            .headers
            .iter()
            .map(|field| field.name.to_ascii_lowercase())
            .collect();
        names.iter().all(|name| own.contains(*name))
    }
}

/// Whether all of `names` are among `list`.
fn are_within(names: &[String], list: &[String]) -> bool {
    if names.len().saturating_mul(list.len()) <= COMPARISONS_MAX {
        return names.iter().all(|name| list.contains(name));
    }
    let list: HashSet<&String> = list.iter().collect();
    names.iter().all(|name| list.contains(name))
}

/// A key of anything hashable, the same as long as the process lives. What is hashed comes from the
/// traffic: the seed is random, so that nobody can make two keys meet.
pub(crate) fn key_of(parts: impl Hash) -> u64 {
    static SEED: LazyLock<quality::RandomState> = LazyLock::new(quality::RandomState::default);
    SEED.hash_one(parts)
}
