//! Another order than that of arrival: sorted by a column, in groups, or both.

mod keys;
mod sorting;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Instant;

use super::column::Column;
use super::entry::Packed;
use crate::session::{Reader, Row};
use crate::wire::ExchangeId;
use sorting::{Arranged, Sorted, Sorting, Task};

/// How much longer than a sort takes the next one waits while rows come, as a factor.
const REST: u32 = 8;

/// What the lines are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The page that asked.
    Page,
    /// The server.
    Host,
    /// What the browser did.
    Verdict,
}

impl Group {
    pub(crate) const ALL: [Self; 3] = [Self::Page, Self::Host, Self::Verdict];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Host => "host",
            Self::Verdict => "verdict",
        }
    }
}

/// How the list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// By which column, and whether the largest comes first.
    pub(crate) sort: Option<(Column, bool)>,
    pub(crate) group: Option<Group>,
}

impl Wish {
    fn is_usual(self) -> bool {
        self == Self::default()
    }

    /// A click on a column: its natural direction, the other one, the order of arrival.
    pub(crate) fn clicked(&mut self, column: Column) {
        let largest_first = matches!(
            column,
            Column::Size | Column::Time | Column::Cookies | Column::Status
        );
        self.sort = match self.sort {
            Some((known, down)) if known == column && down == largest_first => {
                Some((column, !down))
            }
            Some((known, _)) if known == column => None,
            _ => Some((column, largest_first)),
        };
    }
}

/// Requests of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) all: u32,
    pub(crate) blocked: u32,
}

/// The order of the lines, where it is not that of arrival.
#[derive(Debug, Default)]
pub(super) struct Order {
    wish: Wish,
    /// The order that is shown: until another one is made, the one before.
    shown: Option<Arranged>,
    /// Names of the groups that are folded, and what is listed then: of these groups only the first.
    folded: BTreeSet<Box<str>>,
    unfolded: Lines,
    sorting: Option<Sorting>,
    dirty: bool,
    sorted_at: Option<Instant>,
}

/// Numbers of entries in order, and the position of each among them by its number.
#[derive(Debug, Default)]
struct Lines {
    numbers: Vec<u32>,
    places: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Order {
    pub(super) fn wish(&self) -> Wish {
        self.wish
    }

    /// Wishes another order; the one before stays until it is made.
    pub(super) fn set(&mut self, wish: Wish) {
        if let Some(sorting) = self.sorting.take() {
            sorting.give_up();
        }
        if wish.group != self.wish.group {
            self.folded.clear();
        }
        self.wish = wish;
        self.dirty = !wish.is_usual();
        self.sorted_at = None;
        if wish.is_usual() {
            self.shown = None;
        }
        self.fold();
    }

    /// What the lines that are shown are grouped by.
    pub(super) fn grouped(&self) -> Option<Group> {
        self.shown.as_ref()?.wish.group
    }

    /// The lines in their order; `None` if that is the order of arrival.
    pub(super) fn view(&self) -> Option<&[u32]> {
        let shown = self.shown.as_ref()?;
        Some(if self.folded.is_empty() {
            &shown.lines
        } else {
            &self.unfolded.numbers
        })
    }

    /// The position of an entry among the lines of [`view`](Self::view).
    pub(super) fn position(&self, number: u32) -> Option<usize> {
        let places = if self.folded.is_empty() {
            &self.shown.as_ref()?.places
        } else {
            &self.unfolded.places
        };
        let place = places.get(number as usize).copied();
        place.filter(|at| *at != NOWHERE).map(|at| at as usize)
    }

    /// An entry's row changed, or is new.
    pub(super) fn learn(&mut self, number: u32, row: &Row<'_>) {
        if self.wish.is_usual() || self.dirty {
            return;
        }
        let Some(shown) = &self.shown else { return };
        let place = shown.places.get(number as usize);
        if place.is_some_and(|place| *place != NOWHERE) {
            // What is not there could not change any more, so something unusual happened.
            let known = shown.prints.binary_search_by_key(&number, |(n, _)| *n);
            let known = known.map(|at| shown.prints[at].1);
            self.dirty = known != Ok(keys::print(self.wish, row));
        }
    }

    /// The list has other lines than before.
    pub(super) fn changed(&mut self) {
        self.dirty = !self.wish.is_usual();
    }

    /// Puts the listed entries in order, if that is due: at once after a change of what is listed,
    /// with rests between while rows come. Many are read and sorted beside the screen.
    pub(super) fn settle(
        &mut self,
        reader: &Reader,
        first: ExchangeId,
        listed: &[u32],
        all: &[Packed],
        at_once: bool,
    ) {
        if let Some(sorting) = self.sorting.take() {
            self.take(sorting.ask());
            if self.sorting.is_some() {
                return;
            }
        }
        if !self.dirty || self.wish.is_usual() {
            return;
        }
        let took = self
            .shown
            .as_ref()
            .map(|shown| shown.took)
            .unwrap_or_default();
        let rested = self.sorted_at.is_none_or(|at| at.elapsed() >= took * REST);
        if at_once || rested {
            self.dirty = false;
            let head = |number: &u32| all.get(*number as usize).map_or(0, |entry| entry.head);
            let task = Task {
                reader: reader.clone(),
                wish: self.wish,
                lines: listed
                    .iter()
                    .map(|number| (*number, head(number)))
                    .collect(),
                first,
                all: all.len(),
            };
            self.take(task.begin());
        }
    }

    fn take(&mut self, sorted: Sorted) {
        match sorted {
            Sorted::Wait(sorting) => self.sorting = Some(sorting),
            Sorted::Lost => self.dirty = true,
            Sorted::Done(arranged) => {
                self.shown = Some(arranged);
                self.sorted_at = Some(Instant::now());
                self.fold();
            }
        }
    }

    /// Leaves out what folded groups hold.
    fn fold(&mut self) {
        self.unfolded = Lines::default();
        let Some(shown) = self.shown.as_ref().filter(|_| !self.folded.is_empty()) else {
            return;
        };
        let groups = shown.groups.iter();
        let folded: Vec<bool> = groups.map(|(name, _)| self.folded.contains(name)).collect();
        let is_folded = |group: u32| folded.get(group as usize).copied().unwrap_or(false);
        let mut before = None;
        let mut lines = Lines {
            numbers: Vec::new(),
            places: vec![NOWHERE; shown.places.len()],
        };
        for number in &shown.lines {
            let own = shown.group_of.get(*number as usize).copied();
            let first = own != before;
            before = own;
            if first || !own.is_some_and(is_folded) {
                lines.places[*number as usize] = lines.numbers.len() as u32;
                lines.numbers.push(*number);
            }
        }
        self.unfolded = lines;
    }

    /// Folds the group of an entry, or shows what is in it; returns the first of the group.
    pub(super) fn toggle_group(&mut self, number: u32) -> Option<u32> {
        let group = self.group_id(number)?;
        let name = self.shown.as_ref()?.groups.get(group as usize)?.0.clone();
        if !self.folded.remove(&name) {
            self.folded.insert(name);
        }
        self.fold();
        let mut sorted = self.shown.as_ref()?.lines.iter();
        sorted.find(|n| self.group_id(**n) == Some(group)).copied()
    }

    /// Whether the group of an entry is folded.
    pub(super) fn is_folded(&self, number: u32) -> bool {
        let name = || Some(self.group(number)?.0);
        !self.folded.is_empty() && name().is_some_and(|name| self.folded.contains(name))
    }

    /// Whether it should be asked again soon although nothing happens.
    pub(super) fn is_behind(&self) -> bool {
        !self.wish.is_usual() && (self.dirty || self.sorting.is_some())
    }

    /// The group of an entry: its name and what is in it.
    pub(super) fn group(&self, number: u32) -> Option<(&str, Tally)> {
        let group = self.group_id(number)?;
        let (name, tally) = self.shown.as_ref()?.groups.get(group as usize)?;
        Some((name, *tally))
    }

    /// The group of an entry, to tell it from others.
    pub(super) fn group_id(&self, number: u32) -> Option<u32> {
        let shown = self.shown.as_ref()?;
        shown.group_of.get(number as usize).copied()
    }
}
