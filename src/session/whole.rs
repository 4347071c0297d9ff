//! What the recording thread and the readers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::quality::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::sync::watch;

use super::marks::Marks;
use crate::capture::{Archive, Piece, SessionError, Store};
use crate::diagnose::{Exchanges, Surroundings};
use crate::wire::{Exchange, ExchangeId, Said, Side};

/// Decoded exchanges kept at hand, in bytes.
const CACHE_BYTES_MAX: u64 = 16 << 20;
/// For how many exchanges, the last ones, what a browser said about them is kept at hand.
pub(super) const SAID_MAX: usize = 100_000;

/// That exchanges passed unrecorded.
const UNHEARD: &str = "The disk does not keep up: requests pass that are not recorded.";

/// What the recording thread and the readers share.
pub(super) struct Whole {
    pub(super) name: String,
    pub(super) archive: Archive,
    pub(super) revision: watch::Sender<u64>,
    pub(super) skipped_bytes: AtomicU64,
    /// The bodies of all exchanges before this one left to make room.
    pub(super) bodies_gone_before: AtomicU64,
    /// While a file is read: how many exchanges are in it; else 0.
    pub(super) reading: AtomicU64,
    /// Nobody looks at it any more: what is still to be read need not be.
    pub(super) unwanted: AtomicBool,
    state: RwLock<State>,
    cache: Cache<u64, Arc<Exchange>, Weight, RandomState>,
    trouble: Mutex<Trouble>,
    /// Exchanges that passed while the recording thread stood still.
    unheard: Arc<AtomicU64>,
    around: RwLock<Surroundings>,
    said: RwLock<BTreeMap<ExchangeId, Arc<Said>>>,
    /// Pieces of bodies that the file does not have yet, since another process holds it; in order.
    waiting: Mutex<Vec<Piece>>,
}

/// What is wrong with the recording now, and what was last, were it mended since.
#[derive(Default)]
struct Trouble {
    now: Option<String>,
    last: Option<String>,
}

/// Rows and verdicts, behind one lock that is only ever held for memory's work.
pub(super) struct State {
    pub(super) store: Store,
    pub(super) marks: Marks,
    pub(super) preflights: u64,
    pub(super) preflight_micros: u64,
    /// Messages of the exchanges that have any.
    pub(super) messages: HashMap<ExchangeId, Messages, RandomState>,
}

/// The messages of one exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Messages {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<u64, Arc<Exchange>> for Weight {
    fn weight(&self, _: &u64, exchange: &Arc<Exchange>) -> u64 {
        weight(exchange)
    }
}

/// About how many bytes of memory an exchange takes.
pub(super) fn weight(exchange: &Exchange) -> u64 {
    let list = |block: &[u8], fields: usize| block.len() + 12 * fields;
    let request = &exchange.request.headers;
    let mut bytes = size_of::<Exchange>() + 200 + exchange.request.url.len();
    bytes += list(request.as_block(), request.len());
    if let Some(response) = &exchange.response {
        bytes += list(response.headers.as_block(), response.headers.len());
    }
    bytes += exchange.request_body.excerpt.len() + exchange.response_body.excerpt.len();
    bytes as u64
}

impl Whole {
    pub(super) fn new(name: String, archive: Archive, first: ExchangeId, told: bool) -> Self {
        Self {
            name,
            archive,
            revision: watch::Sender::new(0),
            skipped_bytes: AtomicU64::new(0),
            bodies_gone_before: AtomicU64::new(0),
            reading: AtomicU64::new(0),
            unwanted: AtomicBool::new(false),
            state: RwLock::new(State {
                store: Store::new(first),
                marks: Marks::new(first, told),
                preflights: 0,
                preflight_micros: 0,
                messages: HashMap::default(),
            }),
            cache: Cache::with(
                8_192,
                CACHE_BYTES_MAX,
                Weight,
                RandomState::default(),
                DefaultLifecycle::default(),
            ),
            trouble: Mutex::default(),
            unheard: Arc::default(),
            around: RwLock::new(Surroundings::new()),
            said: RwLock::new(BTreeMap::new()),
            waiting: Mutex::default(),
        }
    }

    /// The same, knowing what its queue could not take.
    pub(super) fn fed_by(self, unheard: Arc<AtomicU64>) -> Self {
        Self { unheard, ..self }
    }

    /// How many exchanges passed unrecorded, since the disk did not keep up.
    pub(super) fn unheard(&self) -> u64 {
        self.unheard.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the readers that there is something new.
    pub(super) fn bump(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let now = self.troubles().now.clone();
        // Not told by the recording thread, which may be what stands still.
        now.or_else(|| (self.unheard() > 0).then(|| UNHEARD.to_owned()))
    }

    pub(super) fn last_trouble(&self) -> Option<String> {
        self.troubles().last.clone()
    }

    pub(super) fn set_trouble(&self, sentence: Option<String>) {
        let mut troubles = self.troubles();
        if sentence.is_some() {
            troubles.last.clone_from(&sentence);
        }
        troubles.now = sentence;
    }

    fn troubles(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an exchange that ended at hand, as long as there is room.
    pub(super) fn remember(&self, exchange: Arc<Exchange>) {
        self.cache.insert(exchange.id.0, exchange);
    }

    /// The bodies of all exchanges before this one have left the file.
    pub(super) fn bodies_left(&self, before: u64) {
        let from = self.bodies_gone_before.swap(before, Ordering::Relaxed);
        // What is at hand still says that they are there.
        (from..before).for_each(|id| drop(self.cache.remove(&id)));
    }

    /// What the session says about hosts and pages.
    pub(super) fn around(&self) -> RwLockReadGuard<'_, Surroundings> {
        self.around.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answered exchange into account as a sibling of others; says whether it is news to them.
    pub(super) fn learn(&self, exchange: &Exchange) -> bool {
        self.around
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .learn(exchange)
    }

    /// Keeps what a launched browser said about an exchange.
    pub(super) fn say(&self, id: ExchangeId, said: Arc<Said>) {
        let mut all = self.said.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, said);
        if all.len() > SAID_MAX {
            all.pop_first();
        }
    }

    /// Pieces of bodies that wait for the file to be free.
    pub(super) fn waiting(&self) -> MutexGuard<'_, Vec<Piece>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a body as kept: from the file, and from what that does not have yet.
    pub(super) fn body(
        &self,
        id: ExchangeId,
        side: Side,
        offset: u64,
        at_most: usize,
    ) -> Result<Vec<u8>, SessionError> {
        let mut bytes = self.archive.body(id, side, offset, at_most)?;
        let waiting = self.waiting();
        let own = waiting
            .iter()
            .filter(|p| p.exchange == id && p.side == side);
        for piece in own {
            let mut start = piece.start;
            for part in &piece.parts {
                let next = offset + bytes.len() as u64;
                let skip = usize::try_from(next.saturating_sub(start)).unwrap_or(usize::MAX);
                if start <= next {
                    let rest = part.get(skip..).unwrap_or_default();
                    bytes.extend_from_slice(&rest[..rest.len().min(at_most - bytes.len())]);
                }
                start += part.len() as u64;
            }
        }
        Ok(bytes)
    }

    /// An exchange: one that is held, or at hand, or from the file.
    pub(super) fn find(&self, id: ExchangeId) -> Result<Option<Arc<Exchange>>, SessionError> {
        if let Some(held) = self.read().store.held(id) {
            return Ok(Some(held));
        }
        if let Some(cached) = self.cache.get(&id.0) {
            return Ok(Some(cached));
        }
        let Some(exchange) = self.archive.exchange(id)? else {
            return Ok(None);
        };
        let exchange = Arc::new(super::load::as_ended(exchange));
        self.remember(Arc::clone(&exchange));
        Ok(Some(exchange))
    }
}

impl Exchanges for Whole {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.find(id).ok().flatten()
    }

    fn said(&self, id: ExchangeId) -> Option<Arc<Said>> {
        let all = self.said.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&id).cloned()
    }
}
