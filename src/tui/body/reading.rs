//! Where a person is in a body: how it is shown, what is folded, what was searched for.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::find::{FindIn, Finding, Found, PLACES_MAX};
use super::huge::{Huge, HugeView, Part};
use super::{Body, LeafRequest, Mode, Want};
use crate::tui::text::{Document, Fold, HEX_ROW_BYTES};

/// Numbers searches, so that what one found is never taken for what another did.
static SEARCHES: AtomicU64 = AtomicU64::new(1);

/// Where a person is in one body.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    mode: Option<Mode>,
    /// The opening lines of what is folded.
    folded: HashSet<u32>,
    /// How many levels are shown, once that was asked for.
    level: Option<u32>,
    /// Grows when something is folded or unfolded.
    folds_edition: u64,
    shown: Shown,
    pub(crate) huge: HugeView,
    search: Search,
    /// A byte to be brought into view once its line is known.
    seek: Option<u64>,
    /// The window asked for last, and how much of the body was counted then: it is not asked for
    /// again in vain.
    asked: Option<(Want, u64)>,
}

/// A search and what it found.
#[derive(Debug, Default)]
struct Search {
    number: u64,
    wanted: String,
    found: Found,
    /// The place a person is at.
    at: Option<usize>,
    /// Whether the first place is to be gone to when it comes.
    eager: bool,
}

/// The rows of a document at one width.
#[derive(Debug, Default)]
struct Shown {
    key: Option<(usize, bool, Mode, u64)>,
    /// The lines that are not folded away.
    lines: Vec<u32>,
    /// The row at which each begins, and the number of rows last.
    starts: Vec<u32>,
}

/// A row of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowAt {
    /// The line of the document, or of the huge body, or the row of hex.
    pub(crate) line: u64,
    /// Which row of the line.
    pub(crate) part: usize,
}

impl Reading {
    /// How the body is shown.
    pub(crate) fn mode(&self, body: &Body) -> Mode {
        let modes = body.modes();
        let chosen = self.mode.filter(|mode| modes.contains(mode));
        chosen
            .or_else(|| modes.first().copied())
            .unwrap_or_default()
    }

    /// Shows it in the next way; returns which.
    pub(crate) fn next_mode(&mut self, body: &Body) -> Option<Mode> {
        let modes = body.modes();
        let at = modes.iter().position(|mode| *mode == self.mode(body))?;
        self.mode = modes.get((at + 1) % modes.len()).copied();
        let search = std::mem::take(&mut self.search.wanted);
        self.find(search, false);
        self.mode
    }

    /// Works out the rows at this width, if that is not done yet.
    pub(crate) fn measure(&mut self, body: &Body, room: usize, wrap: bool) {
        let mode = self.mode(body);
        let key = (room, wrap, mode, self.folds_edition);
        if self.shown.key == Some(key) {
            return;
        }
        self.shown = Shown {
            key: Some(key),
            ..Shown::default()
        };
        let Some(document) = body.document(mode) else {
            return;
        };
        let (mut line, mut row) = (0, 0_u32);
        while line < document.lines.len() {
            self.shown.lines.push(line as u32);
            self.shown.starts.push(row);
            let fold = self.folded_at(document, line);
            row += match fold {
                None if wrap => document.rows_of(line, room),
                // What is folded has one row, cut where the pane ends.
                _ => 1,
            };
            line = fold.map_or(line, |fold| fold.close as usize) + 1;
        }
        self.shown.starts.push(row);
    }

    /// What is folded at a line.
    pub(crate) fn folded_at<'a>(&self, document: &'a Document, line: usize) -> Option<&'a Fold> {
        if document.folds.is_empty() {
            return None;
        }
        let by_hand = self.folded.contains(&(line as u32));
        // `folded` holds what differs from the level.
        let fold = document.fold_at(line)?;
        let by_level = self.level.is_some_and(|level| fold.level >= level);
        (by_hand != by_level).then_some(fold)
    }

    /// How many rows there are.
    pub(crate) fn rows(&self, body: &Body) -> usize {
        let mode = self.mode(body);
        if let (Some(_), Mode::Raw) = (&body.huge, mode) {
            return usize::try_from(self.huge.lines).unwrap_or(usize::MAX);
        }
        if mode == Mode::Hex {
            let bytes = match body.huge {
                Some(_) => self.huge.bytes,
                None => body.bytes.len() as u64,
            };
            return usize::try_from(bytes.div_ceil(HEX_ROW_BYTES as u64)).unwrap_or(usize::MAX);
        }
        self.shown.starts.last().copied().unwrap_or(0) as usize
    }

    /// What stands at a row.
    pub(crate) fn row_at(&self, body: &Body, row: usize) -> Option<RowAt> {
        if body.document(self.mode(body)).is_none() {
            let line = row as u64;
            return (row < self.rows(body)).then_some(RowAt { line, part: 0 });
        }
        let starts = &self.shown.starts;
        let at = starts
            .partition_point(|s| *s as usize <= row)
            .checked_sub(1)?;
        let line = u64::from(*self.shown.lines.get(at)?);
        let part = row - starts[at] as usize;
        Some(RowAt { line, part })
    }

    /// The first row of a line, or of what it is folded into.
    pub(crate) fn row_of(&self, line: u64) -> usize {
        let at = self.shown.lines.partition_point(|l| u64::from(*l) <= line);
        let at = at.saturating_sub(1);
        self.shown.starts.get(at).copied().unwrap_or(0) as usize
    }

    /// Folds or unfolds what begins at a line, or what the line is within. Returns the line that is
    /// folded or unfolded.
    pub(crate) fn toggle_fold(&mut self, body: &Body, line: u64) -> Option<u64> {
        let document = body.document(self.mode(body))?;
        let line = line as u32;
        let fold = document.fold_at(line as usize).or_else(|| {
            let around = document.folds.iter().rev();
            around
                .skip_while(|f| f.open > line)
                .find(|f| f.close >= line)
        })?;
        if !self.folded.remove(&fold.open) {
            self.folded.insert(fold.open);
        }
        self.folds_edition += 1;
        Some(u64::from(fold.open))
    }

    /// Shows one level more, or less; returns how many are shown, `None` where nothing can be
    /// folded.
    pub(crate) fn change_level(&mut self, body: &Body, more: bool) -> Option<u32> {
        let document = body.document(self.mode(body))?;
        let deepest = document.folds.iter().map(|f| f.level + 1).max()?;
        let level = self.level.unwrap_or(deepest).min(deepest);
        let level = if more {
            level + 1
        } else {
            level.saturating_sub(1)
        };
        self.level = (level < deepest).then_some(level);
        self.folded.clear();
        self.folds_edition += 1;
        Some(level.min(deepest))
    }

    /// Unfolds everything around a byte of the text.
    fn unfold_around(&mut self, document: &Document, line: usize) {
        let line = line as u32;
        let around: Vec<usize> = document
            .folds
            .iter()
            .take_while(|f| f.open <= line)
            .filter(|f| f.close >= line && f.open != line)
            .map(|f| f.open as usize)
            .collect();
        for open in around {
            if self.folded_at(document, open).is_some() {
                let open = open as u32;
                if !self.folded.remove(&open) {
                    self.folded.insert(open);
                }
                self.folds_edition += 1;
            }
        }
    }

    /// Looks for a text from now on; an empty one ends that.
    pub(crate) fn find(&mut self, wanted: String, eager: bool) {
        self.search = Search {
            number: SEARCHES.fetch_add(1, Ordering::Relaxed),
            wanted,
            eager,
            ..Search::default()
        };
        self.search.found.number = self.search.number;
    }

    /// What is looked for; empty for nothing.
    pub(crate) fn wanted(&self) -> &str {
        &self.search.wanted
    }

    /// Where a search stands: the number of the place a person is at, how many there are, whether
    /// that is all.
    pub(crate) fn found(&self) -> (Option<usize>, usize, bool) {
        let search = &self.search;
        let count = search.found.places.len().min(PLACES_MAX);
        let all = search.found.done && search.found.places.len() <= PLACES_MAX;
        (search.at.map(|at| at + 1), count, all)
    }

    /// How much was looked at, in bytes.
    pub(crate) fn searched(&self) -> u64 {
        self.search.found.upto
    }

    /// The places found that lie in some bytes, and whether a person is at it.
    pub(crate) fn places_in(&self, bytes: Range<u64>) -> impl Iterator<Item = (Range<u64>, bool)> {
        let places = &self.search.found.places;
        let first = places.partition_point(|p| p.end <= bytes.start);
        let at = self.search.at;
        places[first..]
            .iter()
            .enumerate()
            .take_while(move |(_, p)| p.start < bytes.end)
            .map(move |(n, p)| (p.clone(), at == Some(first + n)))
    }

    /// Goes to the next place, or the one before; the row to be shown, if that is known already.
    pub(crate) fn go_to_next(&mut self, body: &Body, forward: bool) -> Option<usize> {
        let count = self.search.found.places.len().min(PLACES_MAX);
        if count == 0 {
            return None;
        }
        let at = match (self.search.at, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        self.search.at = Some(at);
        self.show_place(body)
    }

    fn show_place(&mut self, body: &Body) -> Option<usize> {
        let byte = self.search.found.places.get(self.search.at?)?.start;
        let mode = self.mode(body);
        if mode == Mode::Hex {
            return usize::try_from(byte / HEX_ROW_BYTES as u64).ok();
        }
        let Some(document) = body.document(mode) else {
            self.seek = Some(byte);
            return None;
        };
        let line = document.line_of(byte as usize);
        self.unfold_around(document, line);
        if let Some((room, wrap, ..)) = self.shown.key {
            self.measure(body, room, wrap);
        }
        Some(self.row_of(line as u64))
    }

    /// What was searched came; the row to be shown now, if there is one.
    pub(crate) fn heard(&mut self, found: Found, body: &Body) -> Option<usize> {
        if found.number != self.search.number {
            return None;
        }
        let places = &mut self.search.found;
        places.places.extend(found.places);
        places.upto = found.upto;
        places.done = found.done || places.places.len() > PLACES_MAX;
        if self.search.eager && self.search.at.is_none() {
            return self.go_to_next(body, true);
        }
        None
    }

    /// The line of a byte that was to be brought into view.
    pub(crate) fn sought(&mut self, line: u64) -> Option<usize> {
        self.seek.take()?;
        usize::try_from(line).ok()
    }

    /// What is to be read next for these rows.
    pub(crate) fn next_leaf(&mut self, body: &Body, rows: &Range<usize>) -> Option<LeafRequest> {
        let want = self.next_want(body, rows)?;
        if matches!(want, Want::Lines(..) | Want::Bytes(..)) {
            self.asked = Some((want.clone(), self.huge.counted));
        }
        Some(LeafRequest { want })
    }

    /// What was asked for may never come.
    pub(crate) fn forget_asked(&mut self) {
        self.asked = None;
    }

    /// The body is laid out anew, or is another one.
    pub(crate) fn changed(&mut self) {
        self.shown = Shown::default();
        self.asked = None;
        let wanted = std::mem::take(&mut self.search.wanted);
        let at = self.search.at;
        self.find(wanted, false);
        self.search.at = at;
    }

    fn next_want(&self, body: &Body, rows: &Range<usize>) -> Option<Want> {
        if let Some(huge) = &body.huge {
            if let Some(byte) = self
                .seek
                .filter(|b| *b < self.huge.counted || self.huge.done)
            {
                return Some(Want::LineOf(Arc::clone(huge), byte));
            }
            let asked = self.asked.as_ref();
            let missing = self.missing(huge, self.mode(body), rows);
            if let Some(want) = missing
                && asked.is_none_or(|(w, counted)| *w != want || *counted != self.huge.counted)
            {
                return Some(want);
            }
        }
        let search = &self.search;
        let huge_ready = self.huge.done || search.found.upto + (8 << 20) < self.huge.bytes;
        if !search.wanted.is_empty()
            && !search.found.done
            && (body.huge.is_none() || huge_ready)
            && let Some(place) = self.find_in(body)
        {
            return Some(Want::Find(Finding {
                number: search.number,
                wanted: search.wanted.clone(),
                place,
                from: search.found.upto,
            }));
        }
        let huge = body.huge.as_ref().filter(|_| !self.huge.done)?;
        Some(Want::Count(Arc::clone(huge)))
    }

    fn find_in(&self, body: &Body) -> Option<FindIn> {
        if let Some(huge) = &body.huge {
            return Some(FindIn::Huge(Arc::clone(huge)));
        }
        let mode = self.mode(body);
        match body.document(mode) {
            Some(document) => Some(FindIn::Text(Arc::clone(&document.text))),
            None if body.bytes.is_empty() => None,
            None => Some(FindIn::Bytes(body.bytes.clone())),
        }
    }

    fn missing(&self, huge: &Arc<Huge>, mode: Mode, rows: &Range<usize>) -> Option<Want> {
        let rows = rows.start as u64..rows.end as u64;
        let middle = u64::midpoint(rows.start, rows.end);
        if mode == Mode::Hex {
            let each = HEX_ROW_BYTES as u64;
            let part = Part::Bytes(rows.start * each..rows.end * each);
            let there = self.huge.has(&part) || self.huge.bytes == 0;
            return (!there).then(|| Want::Bytes(Arc::clone(huge), middle * each));
        }
        let there = self.huge.has(&Part::Lines(rows)) || self.huge.lines == 0;
        (!there).then(|| Want::Lines(Arc::clone(huge), middle))
    }

    /// What is known of the huge body by now.
    pub(crate) fn know(&mut self, view: HugeView) {
        let window = view.window.is_some();
        let before = std::mem::replace(&mut self.huge, view);
        if !window {
            self.huge.window = before.window;
        }
    }
}
