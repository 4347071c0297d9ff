//! Looking at a session while it grows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::before::before;
use super::row::Row;
use super::whole::{State, Whole};
use crate::capture::SessionError;
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, Fetch, FetchId, diagnose_to_mend};
use crate::wire::{Exchange, ExchangeId, Kind, Message, Said, Side};

/// Looks at a session, live or finished. Cheap to clone; all look at the same.
#[derive(Clone)]
pub struct Reader {
    whole: Arc<Whole>,
}

/// How many there are of what; kept up to date, so asking costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges.
    pub exchanges: u64,
    /// Fetches.
    pub fetches: u64,
    /// Fetches the browser blocked.
    pub blocked: u64,
    /// Fetches whose outcome depends on the credentials mode.
    pub depends: u64,
    /// Fetches that broke below HTTP.
    pub failed: u64,
    /// Fetches whose response script cannot read.
    pub opaque: u64,
    /// Preflights.
    pub preflights: u64,
    /// What the preflights took together, in microseconds.
    pub preflight_micros: u64,
    /// Bytes of bodies and messages that passed and could not be kept.
    pub skipped_bytes: u64,
    /// Exchanges that passed unrecorded, since the disk did not keep up.
    pub unheard: u64,
}

impl Reader {
    pub(super) fn new(whole: Arc<Whole>) -> Self {
        Self { whole }
    }

    /// Changes whenever there is something new: once per batch.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.whole.revision.subscribe()
    }

    /// The session's name.
    pub fn name(&self) -> String {
        self.whole.name.clone()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.whole.read().store.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of row 0; ids are dense.
    pub fn first_id(&self) -> ExchangeId {
        self.whole.read().store.first_id()
    }

    /// Hands out the rows of these exchanges, in this order, from memory and under one short lock:
    /// `each` must not ask the reader for anything. Ids nobody knows are passed over.
    pub fn rows(&self, ids: &[ExchangeId], each: &mut dyn FnMut(&Row<'_>)) {
        let state = self.whole.read();
        ids.iter()
            .filter_map(|id| state.row(*id))
            .for_each(|row| each(&row));
    }

    /// As [`rows`](Self::rows), for rows that follow each other.
    pub fn scan(&self, from: ExchangeId, at_most: usize, each: &mut dyn FnMut(&Row<'_>)) {
        let state = self.whole.read();
        let end = state.store.first_id().0 + state.store.len() as u64;
        let end = end.min(from.0.saturating_add(at_most as u64));
        (from.0..end)
            .filter_map(|id| state.row(ExchangeId(id)))
            .for_each(|row| each(&row));
    }

    /// A fetch as it was last judged.
    pub fn fetch(&self, id: FetchId) -> Option<Fetch> {
        self.whole.read().marks.fetch(id)
    }

    /// All fetches, in the order of first sighting.
    pub fn fetches(&self) -> Vec<FetchId> {
        self.whole.read().marks.fetches()
    }

    /// Number of the last fetch so far, 0 if there is none; some before it may have turned out to
    /// belong to others, which [`fetch`](Self::fetch) then does not know.
    pub fn last_fetch(&self) -> u32 {
        self.whole.read().marks.last()
    }

    /// The fetch an exchange belongs to.
    pub fn fetch_of(&self, id: ExchangeId) -> Option<FetchId> {
        self.whole.read().marks.mark(id).fetch
    }

    /// An exchange; may read the disk, so not for drawing.
    pub fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.whole.exchange(id)
    }

    /// Bytes of a body as they crossed the wire, content coding on; fewer than asked for at the end
    /// of what was kept. Reads the disk.
    pub fn body(
        &self,
        id: ExchangeId,
        side: Side,
        offset: u64,
        at_most: usize,
    ) -> Result<Vec<u8>, SessionError> {
        self.whole.body(id, side, offset, at_most)
    }

    /// How many WebSocket messages or server-sent events an exchange has.
    pub fn message_count(&self, id: ExchangeId) -> u64 {
        let state = self.whole.read();
        state.messages.get(&id).map_or(0, |m| m.count)
    }

    /// While a file is being read: how many exchanges are in it, [`len`](Self::len) of which are
    /// here already.
    pub fn reading(&self) -> Option<u64> {
        Some(self.whole.reading.load(Ordering::Relaxed)).filter(|all| *all > 0)
    }

    /// WebSocket messages or server-sent events of an exchange, from a number on. Reads the disk.
    pub fn messages(&self, id: ExchangeId, from: usize, at_most: usize) -> Vec<Message> {
        let numbered = self.numbered_messages(id, from, at_most);
        numbered.into_iter().map(|(_, message)| message).collect()
    }

    /// As [`messages`](Self::messages), with their numbers: in a full session the oldest are gone.
    pub fn numbered_messages(
        &self,
        id: ExchangeId,
        from: usize,
        at_most: usize,
    ) -> Vec<(usize, Message)> {
        let messages = self.whole.archive.messages(id, from, at_most);
        messages.unwrap_or_default()
    }

    /// The bodies of all exchanges before this one left the file to make room for others, where any
    /// did; their heads are there.
    pub fn bodies_gone_before(&self) -> Option<ExchangeId> {
        let before = self.whole.bodies_gone_before.load(Ordering::Relaxed);
        (before > 0).then_some(ExchangeId(before))
    }

    /// The full verdict, judged anew. May read the disk.
    pub fn diagnosis(&self, id: FetchId) -> Option<Diagnosis> {
        let fetch = self.fetch(id)?;
        Some(diagnose_to_mend(&fetch, &*self.whole, &self.whole.around()))
    }

    /// As [`diagnosis`](Self::diagnosis), judged from these exchanges in place of its own: those
    /// without their secrets.
    pub fn diagnosis_from(&self, id: FetchId, exchanges: &dyn Exchanges) -> Option<Diagnosis> {
        let fetch = self.fetch(id)?;
        Some(diagnose_to_mend(&fetch, exchanges, &self.whole.around()))
    }

    /// What it would have been without the trial fix that changed its answers; `None` where none
    /// did. May read the disk.
    pub fn diagnosis_before(&self, id: FetchId) -> Option<Diagnosis> {
        let fetch = self.fetch(id)?;
        before(&fetch, &*self.whole, &self.whole.around())
    }

    /// Exchanges at the head of fetches whose outcome changed after it was told (a browser said what it
    /// did, a later request explained it), from change number `since` on, and the number of the next
    /// change; `None` where too many changed since to be remembered.
    pub fn changed(&self, since: u64) -> (Option<Vec<ExchangeId>>, u64) {
        self.whole.read().marks.changed(since)
    }

    /// Whether more can become known of a fetch that was seen.
    pub fn has_unsettled(&self) -> bool {
        self.whole.read().marks.has_unsettled()
    }

    /// How many there are of what.
    pub fn counts(&self) -> Counts {
        let state = self.whole.read();
        Counts {
            exchanges: state.store.len() as u64,
            fetches: state.marks.count(),
            blocked: state.marks.count_of(Outcome::Blocked),
            depends: state.marks.count_of(Outcome::Depends),
            failed: state.marks.count_of(Outcome::Failed),
            opaque: state.marks.count_of(Outcome::Opaque),
            preflights: state.preflights,
            preflight_micros: state.preflight_micros,
            skipped_bytes: self.whole.skipped(),
            unheard: self.whole.unheard(),
        }
    }

    /// What a person noted about exchanges, kept with the session. Reads the disk.
    pub fn notes(&self) -> Vec<(ExchangeId, String)> {
        self.whole.archive.notes().unwrap_or_default()
    }

    /// Keeps a note with the session, or takes it away. `false`: it has no file to keep it in. Writes
    /// to the disk.
    pub fn keep_note(&self, id: ExchangeId, note: Option<&str>) -> Result<bool, SessionError> {
        self.whole.archive.keep_note(id, note)
    }

    /// What is wrong with the recording at the moment, in words for the screen.
    pub fn trouble(&self) -> Option<String> {
        self.whole.trouble()
    }

    /// What was last wrong with the recording, also if it is mended by now.
    pub fn last_trouble(&self) -> Option<String> {
        self.whole.last_trouble()
    }
}

impl Exchanges for Reader {
    fn exchange(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.whole.exchange(id)
    }

    fn said(&self, id: ExchangeId) -> Option<Arc<Said>> {
        self.whole.said(id)
    }
}

impl State {
    /// Takes over an exchange into rows and counts. `false`: its id is out of all order.
    pub(super) fn show(&mut self, exchange: &Exchange) -> bool {
        let before = self.store.row(exchange.id).map(|row| row.duration_micros);
        if !self.store.put(exchange) {
            return false;
        }
        if exchange.request.is_preflight() {
            self.preflights += u64::from(before.is_none());
            let already = before.flatten().unwrap_or(0);
            let takes = exchange.duration_micros().unwrap_or(0);
            self.preflight_micros = self.preflight_micros + takes - already;
        }
        true
    }

    fn row(&self, id: ExchangeId) -> Option<Row<'_>> {
        let mut row = Row::new(self.store.row(id)?, self.marks.mark(id));
        // Behind its handshake a WebSocket has no body but messages.
        if row.kind == Kind::WebSocket
            && let Some(messages) = self.messages.get(&id)
        {
            row.response_bytes += messages.bytes;
        }
        Some(row)
    }
}
