//! Which exchanges belong together.

mod answers;
mod changed;
mod opens;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::cors::{Ask, Browser, Credentials, is_safelisted_method, unsafe_header_names};
use crate::wire::{Exchange, ExchangeId, Source, Timestamp};

use super::fetch::{Fetch, FetchId, Member, Role};
use super::grants::{Covered, Grants};
use super::infer::{Class, classify, origin_of, value};
use super::open::Open;
use super::slots::{Seeker, Slot, SlotKind, Slots, key_of};
pub use changed::Changed;
use opens::{Agents, Known, KnownExchanges, Opens};

/// When an exchange is shown to a [`Pairer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Its request head is known.
    Opened,
    /// Its response head is known.
    Answered,
    /// It is over.
    Closed,
}

/// Puts exchanges together into fetches, as they happen.
///
/// Each exchange is shown at its [`Moment`]s, in the order of time. A request takes the best of the
/// places that open fetches have for it: behind an answered preflight to the same URL with its method,
/// origin and headers; behind a redirect to its URL; or once more, when a connection was closed before
/// an answer. Otherwise it begins a fetch of its own, with a cached preflight if it needed one.
///
/// Memory is bounded: open fetches by 10 minutes and 20,000, remembered preflights by 4,096 for each
/// user agent, expectations by 64 for each URL. Time is that of the exchanges and of
/// [`tick`](Self::tick); there is no clock in here.
#[derive(Debug, Default)]
pub struct Pairer {
    rules: Option<Browser>,
    agents: Agents,
    open: Opens,
    of: KnownExchanges,
    slots: Slots,
    grants: Grants,
    /// Fetches that wait for a request which may not come.
    deadlines: BTreeSet<(Timestamp, FetchId)>,
    now: Timestamp,
}

/// How long a request that should follow is waited for before it counts as never sent.
const WAIT_MICROS: u64 = 5_000_000;

impl Pairer {
    /// Fetches that are kept at most, and for how long.
    const OPEN_MAX: usize = 20_000;
    const OPEN_MICROS_MAX: u64 = 600_000_000;

    /// A pairer that has seen nothing. `rules` overrides the browser of every fetch.
    pub fn new(rules: Option<Browser>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Tells what happened; returns the fetches that have to be judged anew: the one the exchange
    /// belongs to, and those that were waited for in vain meanwhile.
    pub fn observe(&mut self, exchange: &Exchange, moment: Moment) -> Changed {
        let at = match moment {
            Moment::Opened => exchange.opened_at,
            Moment::Answered => exchange.answered_at.unwrap_or(exchange.opened_at),
            Moment::Closed => exchange.closed_at.unwrap_or(exchange.opened_at),
        };
        let own = match moment {
            Moment::Opened => Some(self.opened(exchange)),
            Moment::Answered => self.answered(exchange),
            Moment::Closed => self.closed(exchange, at),
        };
        let mut late = self.tick(at);
        late.retain(|id| Some(*id) != own);
        Changed { late, own }
    }

    /// Tells that time has passed: requests that did not follow in time count as never sent.
    pub fn tick(&mut self, now: Timestamp) -> Vec<FetchId> {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > self.now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(open) = self.open.get_mut(id) {
                open.deadline = None;
                open.settle();
                due.push(id);
            }
        }
        due
    }

    /// Tells that the capture is over: everything settles.
    pub fn finish(&mut self) -> Vec<FetchId> {
        self.deadlines.clear();
        let mut changed = Vec::new();
        for open in self.open.iter_mut() {
            open.deadline = None;
            if !open.fetch.settled {
                open.settle();
                changed.push(open.fetch.id);
            }
        }
        changed
    }

    /// A fetch that is open, or was not long ago.
    pub fn fetch(&self, id: FetchId) -> Option<&Fetch> {
        self.open.get(id).map(|o| &o.fetch)
    }

    /// The fetch an exchange belongs to, while that is [remembered](Self::fetch).
    pub fn fetch_of(&self, id: ExchangeId) -> Option<FetchId> {
        self.of.get(id).map(|known| known.fetch)
    }

    fn opened(&mut self, exchange: &Exchange) -> FetchId {
        if let Some(known) = self.of.get(exchange.id) {
            return known.fetch;
        }
        self.forget_old(exchange.opened_at);
        let request = &exchange.request;
        let headers = &request.headers;
        let url = without_fragment(&request.url);
        let key = key_of(url);
        let (agent, browser) = self.agents.of(headers, self.rules);
        // What corscope sends itself shares no preflight cache with the browser it plays.
        let client = match exchange.source {
            Source::Replay(replay) => key_of((agent, replay)),
            Source::Proxy | Source::Har | Source::Browser => agent,
        };
        let origin = origin_of(request);
        // A question that a person typed is none: who has no browser asks with curl, and nobody enforces
        // the answer.
        let preflight = browser.is_some() && request.is_preflight();
        let ask = preflight.then(|| Ask::of(headers)).flatten();
        let unsafe_names = match (&origin, &ask) {
            (Some(_), None) => unsafe_header_names(browser.unwrap_or_default(), headers),
            _ => Vec::new(),
        };
        let seeker = Seeker {
            client,
            method: &request.method,
            origin: origin.as_deref(),
            ask: ask.as_ref(),
            headers,
            unsafe_names: &unsafe_names,
            at: exchange.opened_at,
        };
        // What was never sent follows nothing that was.
        let sent = exchange.source != Source::Browser;
        let taken = sent.then(|| self.slots.take(key, &seeker)).flatten();
        let role = if ask.is_some() {
            Role::Preflight
        } else {
            Role::Actual
        };
        let early = match taken.as_ref().map(|slot| &slot.kind) {
            Some(SlotKind::Early { request, .. }) => Some(*request),
            _ => None,
        };
        let redirected = matches!(
            taken,
            Some(Slot {
                kind: SlotKind::Redirected { .. },
                ..
            })
        );
        let id = match taken.map(|slot| slot.fetch) {
            Some(id) if self.open.get(id).is_some() => id,
            _ => self.begin(exchange, client, browser.unwrap_or_default()),
        };
        let fresh = self
            .open
            .get(id)
            .is_some_and(|o| o.fetch.members.is_empty());

        // A request that needs a preflight and had none: the browser remembered one.
        let needs = role == Role::Actual
            && (fresh || redirected)
            && (!is_safelisted_method(&request.method) || !unsafe_names.is_empty())
            && classify(exchange, self.rules, redirected) == Class::Cors
            && matches!(&*value(headers, "sec-fetch-dest"), "" | "empty");
        let covered = needs
            .then(|| {
                let wanted = Ask {
                    method: request.method.clone(),
                    headers: unsafe_names,
                };
                let key = key_of((&origin, url));
                self.grants
                    .covering(client, key, &wanted, exchange.opened_at)
            })
            .flatten();

        let known = Known {
            fetch: id,
            url: key,
            preflight,
        };
        self.of.insert(exchange.id, known);
        if let Some(open) = self.open.get_mut(id) {
            open.fetch.members.retain(|m| !m.never_sent);
            if needs {
                open.fetch
                    .members
                    .push(Member::cached(covered.map(|c| c.from)));
                if let Some(Covered { credentials, .. }) = covered
                    && credentials != Credentials::Unknown
                {
                    open.fetch.cached_credentials = credentials;
                }
            }
            open.add(Member::sent(role, exchange.id), early);
            open.fetch.settled = false;
        }
        self.clear_deadline(id);
        // DevTools shows a request that was not sent with the headers known before sending only.
        let provisional = role == Role::Actual
            && origin.is_none()
            && !headers.contains("sec-fetch-site")
            && !headers.contains("host");
        if (needs && covered.is_none() || provisional) && exchange.source == Source::Har {
            let slot = Slot {
                fetch: id,
                client,
                origin: origin.as_deref().map(str::to_owned),
                since: exchange.opened_at,
                kind: SlotKind::Early {
                    request: exchange.id,
                    method: request.method.clone(),
                },
            };
            self.expect(id, key, slot);
        }
        if let Some(ask) = ask.filter(|_| early.is_none()) {
            let slot = Slot {
                fetch: id,
                client,
                origin: origin.map(Cow::into_owned),
                since: exchange.opened_at,
                kind: SlotKind::Asked {
                    preflight: exchange.id,
                    ask,
                    asked_at: exchange.opened_at,
                    accepted: None,
                    redirected: !fresh,
                },
            };
            self.expect(id, key, slot);
        }
        id
    }

    fn begin(&mut self, exchange: &Exchange, client: u64, browser: Browser) -> FetchId {
        let id = self.open.next_id();
        let fetch = Fetch {
            id,
            members: Vec::with_capacity(2),
            browser,
            browser_told: self.rules.is_some(),
            cached_credentials: Credentials::Unknown,
            settled: false,
        };
        let open = Open {
            fetch,
            since: exchange.opened_at,
            client,
            expects: Vec::new(),
            deadline: None,
        };
        self.open.push(open);
        id
    }

    fn expect(&mut self, id: FetchId, key: u64, slot: Slot) {
        if let Some(open) = self.open.get_mut(id)
            && !open.expects.contains(&key)
        {
            open.expects.push(key);
        }
        self.slots.add(key, slot);
    }

    fn set_deadline(&mut self, id: FetchId, since: Timestamp) {
        self.clear_deadline(id);
        if let Some(open) = self.open.get_mut(id) {
            let at = since.plus_micros(WAIT_MICROS);
            open.deadline = Some(at);
            self.deadlines.insert((at, id));
        }
    }

    fn clear_deadline(&mut self, id: FetchId) {
        if let Some(open) = self.open.get_mut(id)
            && let Some(at) = open.deadline.take()
        {
            self.deadlines.remove(&(at, id));
        }
    }

    fn settle_now(&mut self, id: FetchId) {
        self.clear_deadline(id);
        if let Some(open) = self.open.get_mut(id) {
            open.settle();
        }
    }

    /// The fetches that are no longer kept once an exchange is opened then. Who judges from time to
    /// time has to judge these before.
    pub fn forgotten_at(&self, opened_at: Timestamp) -> impl Iterator<Item = FetchId> {
        let too_many = self.open.len().saturating_sub(Self::OPEN_MAX);
        let open = self.open.iter().enumerate();
        open.take_while(move |(place, open)| *place < too_many || Self::is_old(open, opened_at))
            .map(|(_, open)| open.fetch.id)
    }

    fn is_old(open: &Open, now: Timestamp) -> bool {
        now.micros_since(open.since) > Self::OPEN_MICROS_MAX
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.open.oldest() {
            if !Self::is_old(oldest, now) && self.open.len() <= Self::OPEN_MAX {
                break;
            }
            self.clear_deadline(oldest.fetch.id);
            if let Some(open) = self.open.forget_oldest() {
                for key in open.expects {
                    self.slots.forget(key, open.fetch.id);
                }
                for exchange in open.fetch.exchanges() {
                    self.of.remove(exchange);
                }
            }
        }
    }
}

fn without_fragment(url: &str) -> &str {
    match memchr::memchr(b'#', url.as_bytes()) {
        Some(at) => &url[..at],
        None => url,
    }
}
