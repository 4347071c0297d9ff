//! Which entries the filter lets through: tried on every row when it is another, on a row when that
//! changed, and when headers and bodies were looked at.

use std::num::NonZero;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::super::filter::{Found, Subject};
use super::entries::{Entries, ROWS_PER_LOCK};
use crate::session::{Reader, Row, RowEnd};
use crate::wire::ExchangeId;

/// How long a filter may be tried per turn of the loop: nearly all filters are done with a million
/// rows in two turns, and a key never waits longer.
const SLICE: Duration = Duration::from_millis(20);
/// Rows a core is given at a time.
const PER_CORE: u64 = 16_384;
/// Fewer rows are tried where they are asked for.
const ALONE_MAX: u64 = 8_192;

/// The rows on which a filter is still to be tried: first from where the person looks to the end, then
/// backwards to the beginning.
#[derive(Clone, Debug)]
pub(super) struct Sift {
    after: Range<u64>,
    before: Range<u64>,
}

impl Sift {
    pub(super) fn new(first: ExchangeId, near: ExchangeId, end: ExchangeId) -> Self {
        let near = near.0.clamp(first.0, end.0);
        Self {
            after: near..end.0,
            before: first.0..near,
        }
    }

    /// The next rows, at most so many.
    fn next(&mut self, at_most: u64) -> Option<Range<u64>> {
        if !self.after.is_empty() {
            let to = self.after.end.min(self.after.start + at_most);
            let rows = self.after.start..to;
            self.after.start = to;
            return Some(rows);
        }
        let from = self
            .before
            .end
            .saturating_sub(at_most)
            .max(self.before.start);
        let rows = from..self.before.end;
        self.before.end = from;
        (!rows.is_empty()).then_some(rows)
    }
}

impl Entries {
    /// Tries a new filter on the rows that are known, for at most a slice of time.
    pub(super) fn sift(&mut self, reader: &Reader, started: Instant) {
        let Some(mut sift) = self.to_sift.take() else {
            return;
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        while let Some(rows) = sift.next(cores * PER_CORE) {
            let passed = self.passing(reader, rows, cores);
            self.list_more(passed);
            if started.elapsed() >= SLICE {
                self.to_sift = Some(sift);
                return;
            }
        }
    }

    /// The numbers of the entries of which a row in this range passes.
    fn passing(&self, reader: &Reader, rows: Range<u64>, cores: u64) -> Vec<u32> {
        let len = rows.end - rows.start;
        if len <= ALONE_MAX || cores < 2 {
            return self.passing_alone(reader, rows);
        }
        let share = len.div_ceil(cores);
        let parts = (0..cores).map(|n| {
            let from = rows.start + n * share;
            from.min(rows.end)..(from + share).min(rows.end)
        });
        thread::scope(|scope| {
            let each = parts.map(|part| scope.spawn(|| self.passing_alone(reader, part)));
            let each: Vec<_> = each.collect();
            let joined = each.into_iter().filter_map(|thread| thread.join().ok());
            joined.flatten().collect()
        })
    }

    fn passing_alone(&self, reader: &Reader, rows: Range<u64>) -> Vec<u32> {
        let mut passing = Vec::new();
        let mut from = rows.start;
        while from < rows.end {
            let some = (rows.end - from).min(ROWS_PER_LOCK as u64);
            reader.scan(ExchangeId(from), some as usize, &mut |row| {
                if self.passes(row) {
                    passing.extend(self.number_of(row.mark.fetch, row.id));
                }
            });
            from += some;
        }
        passing
    }
}

impl Entries {
    /// What the filter sees of a row.
    fn subject<'a>(&'a self, row: &Row<'a>) -> Subject<'a> {
        let mark = &row.mark;
        let note = self.notes.get(row.id);
        Subject {
            id: row.id.0,
            method: row.method,
            status: row.status,
            server: row.origin_text,
            path: row.path,
            type_: row.type_,
            page_origin: row.page_origin,
            outcome: mark.outcome,
            check: mark.check,
            root: mark.root,
            sub: mark.sub,
            role: Some(mark.role),
            never_sent: mark.never_sent,
            warnings: mark.warnings,
            insecure: row.insecure,
            open: row.end == RowEnd::Open,
            patched: row.patched,
            replayed: row.replayed,
            cookies: row.set_cookies > 0,
            size: row.response_bytes,
            time: row.duration_micros,
            protocol: row.version.name(),
            connection: row.connection,
            marked: note.is_some(),
            comment: note.map(String::as_str).filter(|c| !c.is_empty()),
            found: Some(&self.found),
        }
    }

    pub(super) fn passes(&self, row: &Row<'_>) -> bool {
        self.lens.filter.is_empty() || self.lens.filter.matches(&self.subject(row))
    }

    /// What was found in headers and bodies so far.
    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    /// A search in headers and bodies went on: takes over what it found and lists it.
    pub(crate) fn found_more(
        &mut self,
        reader: &Reader,
        hits: &[(usize, ExchangeId)],
        upto: ExchangeId,
    ) {
        let from = self.found.next();
        for (test, exchange) in hits {
            self.found.hit(*test, *exchange);
        }
        self.found.looked_at(upto);
        let mut asked: Vec<ExchangeId> = (from.0..upto.0).map(ExchangeId).collect();
        asked.extend(hits.iter().map(|(_, id)| *id).filter(|id| *id < from));
        for some in asked.chunks(ROWS_PER_LOCK) {
            self.match_again(reader, some);
        }
    }

    /// What a person noted about an exchange changed: it may be listed now, or no more.
    pub(crate) fn note(&mut self, reader: &Reader, exchange: ExchangeId, note: Option<String>) {
        self.notes.set(exchange, note);
        if !self.lens.filter.is_empty() {
            self.match_again(reader, &[exchange]);
        }
    }

    /// Decides anew whether the entries of these exchanges are listed.
    pub(super) fn match_again(&mut self, reader: &Reader, exchanges: &[ExchangeId]) {
        let mut numbers: Vec<u32> = Vec::new();
        reader.rows(exchanges, &mut |row| {
            numbers.extend(self.number_of(row.mark.fetch, row.id));
        });
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let entry = self.all[number as usize].entry(self.first);
            let members: Vec<ExchangeId> = entry
                .fetch
                .and_then(|f| reader.fetch(f))
                .map_or_else(|| vec![entry.head], |f| f.exchanges().collect());
            let mut matched = false;
            reader.rows(&members, &mut |row| matched |= self.passes(row));
            self.matched.set(number, matched);
            self.list_or_not(number);
        }
    }
}
