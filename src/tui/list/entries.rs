//! What the list consists of: one entry per fetch, learned from rows in slices.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::filter::Found;
use super::bits::Bits;
use super::entry::{Chip, Entry, Fold, Lens, Packed};
use super::matching::Sift;
use super::notes::Notes;
use super::order::{Group, Order, Tally, Wish};
use crate::cors::Outcome;
use crate::diagnose::{FetchId, Role};
use crate::session::{Reader, Row, RowEnd};
use crate::wire::{ExchangeId, is_chatter};

/// How long learning rows may take per turn of the loop.
const SLICE: Duration = Duration::from_millis(4);
/// Rows read under one short lock.
pub(super) const ROWS_PER_LOCK: usize = 512;

/// How much longer than reading unsettled rows again takes the next time waits, as a factor.
const REST: u32 = 8;

/// Whether what the list decides on can still change.
pub(super) fn is_unsettled(row: &Row<'_>) -> bool {
    row.end == RowEnd::Open || row.mark.outcome == Outcome::Pending || row.mark.fetch.is_none()
}

/// All entries, and the ones listed.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The session's first exchange.
    pub(super) first: ExchangeId,
    pub(super) all: Vec<Packed>,
    /// Which entries the filter lets through, by number.
    pub(super) matched: Bits,
    /// Entry number + 1 by fetch id; 0 = none.
    by_fetch: Vec<u32>,
    /// Entry number by exchange, for exchanges without a fetch; few and passing.
    loose: Vec<(ExchangeId, u32)>,
    /// The next row to read.
    pub(super) cursor: ExchangeId,
    /// Rows that can still change what the list decides on.
    unsettled: VecDeque<ExchangeId>,
    refresh: Refresh,
    /// Which changes of verdicts were heard of.
    heard: u64,
    /// Numbers of the entries that are listed, ascending.
    pub(super) listed: Vec<u32>,
    pub(super) lens: Lens,
    /// The rows on which the filter is still to be tried, where it is another than before.
    pub(super) to_sift: Option<Sift>,
    pub(super) order: Order,
    /// Lines went away, or the lens changed: the order does not wait.
    pub(super) relisted: bool,
    /// All that is known was looked at; what is behind is done beside the screen, or later.
    waits: bool,
    pub(super) found: Found,
    pub(crate) notes: Notes,
    counts: [u32; Chip::ALL.len()],
    chatter_count: u32,
    /// Entries that are not the browser's own traffic, by outcome.
    outcomes: [u32; 7],
}

impl Entries {
    pub(crate) fn new(first: ExchangeId) -> Self {
        Self {
            first,
            all: Vec::new(),
            matched: Bits::default(),
            by_fetch: Vec::new(),
            loose: Vec::new(),
            cursor: first,
            unsettled: VecDeque::new(),
            refresh: Refresh::default(),
            heard: 0,
            listed: Vec::new(),
            lens: Lens::default(),
            to_sift: None,
            order: Order::default(),
            relisted: false,
            waits: false,
            found: Found::new(first, 0),
            notes: Notes::default(),
            counts: [0; Chip::ALL.len()],
            chatter_count: 0,
            outcomes: [0; 7],
        }
    }

    /// Numbers of the entries that are listed, in the order of the lines.
    pub(crate) fn listed(&self) -> &[u32] {
        self.order.view().unwrap_or(&self.listed)
    }

    /// Position of an entry among the lines, or where it would be.
    pub(crate) fn position(&self, number: u32) -> Result<usize, usize> {
        match self.order.view() {
            None => self.listed.binary_search(&number),
            Some(_) => self.order.position(number).ok_or(0),
        }
    }

    pub(crate) fn wish(&self) -> Wish {
        self.order.wish()
    }

    /// Orders the lines anew.
    pub(crate) fn set_wish(&mut self, wish: Wish) {
        self.order.set(wish);
    }

    /// What the lines are grouped by, as they are shown now.
    pub(crate) fn grouped(&self) -> Option<Group> {
        self.order.grouped()
    }

    /// The group of an entry: its name and what is in it.
    pub(crate) fn group(&self, number: u32) -> Option<(&str, Tally)> {
        self.order.group(number)
    }

    /// Whether a line at this position is the first of its group.
    pub(crate) fn begins_group(&self, at: usize) -> bool {
        let listed = self.listed();
        let group = |at: usize| listed.get(at).and_then(|n| self.order.group_id(*n));
        let own = group(at);
        own.is_some() && (at == 0 || group(at - 1) != own)
    }

    /// Folds the group of an entry, or shows what is in it; returns the first of the group.
    pub(crate) fn toggle_group(&mut self, number: u32) -> Option<u32> {
        self.order.toggle_group(number)
    }

    /// Whether the group of an entry is folded.
    pub(crate) fn is_folded(&self, number: u32) -> bool {
        self.order.is_folded(number)
    }

    pub(crate) fn get(&self, number: u32) -> Option<Entry> {
        Some(self.all.get(number as usize)?.entry(self.first))
    }

    fn put(&mut self, number: u32, entry: &Entry) {
        self.all[number as usize] = Packed::of(entry, self.first);
    }

    /// Shows what is folded into an entry, or hides it.
    pub(crate) fn set_fold(&mut self, number: u32, fold: Fold) {
        if let Some(mut entry) = self.get(number) {
            entry.fold = fold;
            self.put(number, &entry);
        }
    }

    /// How many entries there are, listed or not.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Entries of a chip; chatter is counted only while it is shown.
    pub(crate) fn count(&self, chip: Chip) -> u32 {
        self.counts[chip as usize]
    }

    /// Entries that are the browser's own traffic.
    pub(crate) fn chatter_count(&self) -> u32 {
        self.chatter_count
    }

    /// Entries with this outcome, the browser's own traffic left out: its failures are nobody's
    /// concern.
    pub(crate) fn outcome_count(&self, outcome: Outcome) -> u32 {
        self.outcomes[outcome as usize]
    }

    pub(crate) fn lens(&self) -> &Lens {
        &self.lens
    }

    /// Looks through another lens. A new filter is tried on all rows in slices, first on those that
    /// follow `near`, where the person looks.
    pub(crate) fn set_lens(&mut self, lens: Lens, near: ExchangeId) {
        if self.lens.filter.deep() != lens.filter.deep() {
            self.found = Found::new(self.first, lens.filter.deep().len());
        }
        let before = std::mem::replace(&mut self.lens, lens);
        if before.chatter != self.lens.chatter {
            self.count_all();
        }
        if before.filter == self.lens.filter {
            self.relist();
            return;
        }
        let all = self.lens.filter.is_empty();
        self.matched = Bits::filled(self.all.len(), all);
        self.to_sift = (!all).then(|| Sift::new(self.first, near, self.cursor));
        self.relist();
    }

    fn count_all(&mut self) {
        self.counts = [0; Chip::ALL.len()];
        self.chatter_count = 0;
        self.outcomes = [0; 7];
        for number in 0..self.all.len() {
            let entry = self.all[number].entry(self.first);
            self.count_entry(&entry, true);
        }
    }

    /// Whether rows wait to be read.
    pub(crate) fn is_behind(&self, reader: &Reader) -> bool {
        self.cursor.0 < reader.first_id().0 + reader.len() as u64
    }

    /// Reads rows that came, then those that may have changed, for at most one slice of time.
    /// Returns whether more is to do.
    pub(crate) fn advance(&mut self, reader: &Reader) -> bool {
        let started = Instant::now();
        self.waits = false;
        self.sift(reader, started);
        while self.is_behind(reader) {
            let mut next = self.cursor;
            reader.scan(self.cursor, ROWS_PER_LOCK, &mut |row| {
                self.learn(row);
                next = ExchangeId(row.id.0 + 1);
            });
            // A hole in the file is as long as it is; never wait for it.
            let end = reader.first_id().0 + reader.len() as u64;
            if next == self.cursor {
                next = ExchangeId((self.cursor.0 + ROWS_PER_LOCK as u64).min(end));
            }
            self.cursor = next;
            if started.elapsed() > SLICE {
                return true;
            }
        }
        let (changed, next) = reader.changed(self.heard);
        if std::mem::replace(&mut self.heard, next) != next {
            match changed {
                Some(changed) => {
                    self.unsettled.extend(changed);
                    self.refresh.wanted = true;
                }
                // Too many to be told one by one.
                None => self.cursor = self.first,
            }
        }
        self.refresh(reader, started);
        let sifted = self.to_sift.is_none();
        if sifted {
            let (first, at_once) = (self.first, self.relisted);
            self.order
                .settle(reader, first, &self.listed, &self.all, at_once);
            self.relisted = false;
        }
        self.waits = sifted && self.refresh.left == 0;
        !sifted || self.refresh.is_due() || self.order.is_behind()
    }

    /// Something happened: what can still change may have changed.
    pub(crate) fn stir(&mut self) {
        self.refresh.wanted = true;
    }

    /// Whether nothing is left to be done but what is done beside the screen, or later.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Reads unsettled rows again, oldest first, for at most a slice of time; then rests in proportion:
    /// while a large file is read there are tens of thousands, and something happens all the time.
    fn refresh(&mut self, reader: &Reader, started: Instant) {
        if self.refresh.left == 0 {
            if !self.refresh.wanted || !self.refresh.is_rested() {
                return;
            }
            self.refresh = Refresh {
                left: self.unsettled.len(),
                ..Refresh::default()
            };
        }
        let began = Instant::now();
        while self.refresh.left > 0 {
            let at_most = self.refresh.left.min(ROWS_PER_LOCK);
            let batch: Vec<ExchangeId> = self.unsettled.drain(..at_most).collect();
            self.refresh.left -= batch.len();
            reader.rows(&batch, &mut |row| self.learn(row));
            if !self.lens.filter.is_empty() {
                self.match_again(reader, &batch);
            }
            if started.elapsed() > SLICE {
                break;
            }
        }
        self.refresh.took += began.elapsed();
        self.refresh.ended = Some(Instant::now());
    }

    /// The number of an entry.
    pub(crate) fn number_of(&self, fetch: Option<FetchId>, exchange: ExchangeId) -> Option<u32> {
        match fetch {
            Some(fetch) => self.by_fetch.get(fetch.0 as usize)?.checked_sub(1),
            None => self
                .loose
                .iter()
                .find(|(id, _)| *id == exchange)
                .map(|(_, n)| *n),
        }
    }

    /// Takes a row in; reading one twice does no harm.
    fn learn(&mut self, row: &Row<'_>) {
        let mark = &row.mark;
        let preflight = mark.role == Role::Preflight;
        let chip = Chip::of_type(row.type_);
        let number = match self.number_of(mark.fetch, row.id) {
            Some(number) => number,
            None => self.adopt(row, preflight, chip),
        };
        let before = self.all[number as usize].entry(self.first);
        let mut entry = before;
        if row.id > entry.last {
            entry.last = row.id;
            entry.members = entry.members.saturating_add(1);
        }
        let stands = if preflight {
            entry.only_preflight && row.id <= entry.head
        } else {
            entry.only_preflight || row.id >= entry.head
        };
        if stands {
            entry.head = row.id;
            entry.only_preflight = preflight;
            entry.chip = chip;
            entry.error = Chip::of_status(row.status);
        }
        entry.outcome = mark.outcome;
        entry.stage = mark.stage;
        if !self.matched.get(number) && self.passes(row) {
            self.matched.set(number, true);
        }
        let counted = |e: &Entry| (e.outcome, e.chip, e.error);
        if counted(&before) != counted(&entry) {
            self.count_entry(&before, false);
            self.count_entry(&entry, true);
        }
        if stands {
            self.order.learn(number, row);
        }
        self.put(number, &entry);
        self.list_or_not(number);
        if is_unsettled(row) {
            self.unsettled.push_back(row.id);
        }
    }

    fn adopt(&mut self, row: &Row<'_>, preflight: bool, chip: Chip) -> u32 {
        let known = self.loose.iter().position(|(id, _)| *id == row.id);
        let number = if let Some(at) = known {
            // The session found out since which fetch it belongs to.
            self.loose.swap_remove(at).1
        } else {
            let entry = Entry {
                fetch: row.mark.fetch,
                head: row.id,
                only_preflight: preflight,
                outcome: row.mark.outcome,
                stage: row.mark.stage,
                fold: Fold::Automatic,
                chip,
                error: Chip::of_status(row.status),
                chatter: is_chatter(row.origin_text, row.path, row.page_origin),
                members: 1,
                last: row.id,
            };
            self.all.push(Packed::of(&entry, self.first));
            self.count_entry(&entry, true);
            self.all.len() as u32 - 1
        };
        if let Some(fetch) = row.mark.fetch {
            let at = fetch.0 as usize;
            if self.by_fetch.len() <= at {
                self.by_fetch.resize(at + 1, 0);
            }
            self.by_fetch[at] = number + 1;
            let mut entry = self.all[number as usize].entry(self.first);
            entry.fetch = Some(fetch);
            self.put(number, &entry);
        } else {
            self.loose.push((row.id, number));
        }
        number
    }

    fn count_entry(&mut self, entry: &Entry, add: bool) {
        let step = |n: &mut u32| *n = if add { *n + 1 } else { n.saturating_sub(1) };
        if entry.chatter {
            step(&mut self.chatter_count);
            if !self.lens.chatter {
                return;
            }
        } else {
            step(&mut self.outcomes[entry.outcome as usize]);
        }
        step(&mut self.counts[Chip::All as usize]);
        if entry.chip != Chip::All {
            step(&mut self.counts[entry.chip as usize]);
        }
        if entry.outcome == Outcome::Blocked {
            step(&mut self.counts[Chip::Blocked as usize]);
        }
        if let Some(error) = entry.error {
            step(&mut self.counts[error as usize]);
        }
    }

    /// Whether an entry is listed, as the lens has it.
    fn wants(&self, number: u32) -> bool {
        self.matched.get(number)
            && number >= self.lens.hidden_before
            && self.all[number as usize].is_in(&self.lens)
    }

    /// Lists all anew.
    pub(super) fn relist(&mut self) {
        let mut listed = std::mem::take(&mut self.listed);
        listed.clear();
        listed.extend(self.matched.ones().filter(|number| self.wants(*number)));
        self.listed = listed;
        self.order.changed();
        self.relisted = true;
    }

    /// These passed the filter: lists them too.
    pub(super) fn list_more(&mut self, mut passed: Vec<u32>) {
        passed.retain(|number| !self.matched.get(*number));
        passed.sort_unstable();
        passed.dedup();
        for number in &passed {
            self.matched.set(*number, true);
        }
        passed.retain(|number| self.wants(*number));
        let (Some(from), Some(to)) = (passed.first(), passed.last()) else {
            return;
        };
        let at = self.listed.partition_point(|number| number < from);
        if self.listed.get(at).is_none_or(|number| number > to) {
            self.listed.splice(at..at, passed);
        } else {
            self.listed.extend(passed);
            #[expect(clippy::stable_sort_primitive, reason = "it merges what is in order")]
            self.listed.sort();
        }
        self.order.changed();
        self.relisted = true;
    }

    pub(super) fn list_or_not(&mut self, number: u32) {
        let wanted = self.wants(number);
        match self.listed.binary_search(&number) {
            Ok(at) if !wanted => {
                self.listed.remove(at);
                self.relisted = true;
                self.order.changed();
            }
            Err(at) if wanted => {
                self.listed.insert(at, number);
                self.order.changed();
            }
            _ => {}
        }
    }
}

/// How reading unsettled rows again stands.
#[derive(Debug, Default)]
struct Refresh {
    /// Something happened since it began.
    wanted: bool,
    /// Rows whose turn is still to come.
    left: usize,
    took: Duration,
    ended: Option<Instant>,
}

impl Refresh {
    fn is_rested(&self) -> bool {
        let rested = |at: Instant| at.elapsed() >= self.took * REST;
        self.ended.is_none_or(rested)
    }

    /// Whether there is more to do although nothing happens.
    fn is_due(&self) -> bool {
        self.left > 0 || self.wanted
    }
}
