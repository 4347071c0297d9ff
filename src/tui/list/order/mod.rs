//! Another order than that of arrival: sorted by a column, in groups, or both.

mod keys;
mod sorting;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::column::Column;
use super::entry::Entry;
use crate::cors::Outcome;
use crate::session::{Reader, Row};
use keys::{Key, Keys, is_text, rank_of};
use sorting::{Line, Lines, Sorted, Sorting};

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
    keys: Keys,
    /// The listed entries in their order.
    sorted: Vec<u32>,
    /// The same without what folded groups hold but for the first of each; empty while none is.
    unfolded: Vec<u32>,
    /// Position among the lines by number of the entry; `NOWHERE`: not among them.
    places: Vec<u32>,
    folded: BTreeSet<u32>,
    tallies: HashMap<u32, Tally>,
    sorting: Option<Sorting>,
    dirty: bool,
    sorted_at: Option<Instant>,
    took: Duration,
}

const NOWHERE: u32 = u32::MAX;

impl Order {
    pub(super) fn wish(&self) -> Wish {
        self.wish
    }

    /// Wishes another order; keys are read again.
    pub(super) fn set(&mut self, wish: Wish) {
        *self = Self {
            wish,
            dirty: !wish.is_usual(),
            ..Self::default()
        };
    }

    /// The lines in their order; `None` if that is the order of arrival.
    pub(super) fn view(&self) -> Option<&[u32]> {
        let view = if self.folded.is_empty() {
            &self.sorted
        } else {
            &self.unfolded
        };
        (!self.wish.is_usual() && self.sorted_at.is_some()).then_some(&view[..])
    }

    /// The position of an entry among the lines of [`view`](Self::view).
    pub(super) fn position(&self, number: u32) -> Option<usize> {
        let place = self.places.get(number as usize).copied();
        place.filter(|at| *at != NOWHERE).map(|at| at as usize)
    }

    /// Which entry has no key yet; `None` if all have.
    pub(super) fn unread(&self, all: usize) -> Option<usize> {
        let known = self.keys.each.len();
        (!self.wish.is_usual() && known < all).then_some(known)
    }

    /// Reads the keys of some entries that have none yet.
    pub(super) fn read(&mut self, entries: &[Entry], reader: &Reader) {
        let heads: Vec<_> = entries.iter().map(|e| e.head).collect();
        let wanted = self.keys.each.len() + entries.len();
        reader.rows(&heads, &mut |row| {
            let key = self.keys.of(self.wish, row, None);
            self.keys.each.push(key);
        });
        // Rows that left the session have no key of their own.
        self.keys.each.resize(wanted, Key::default());
        self.dirty = true;
    }

    /// An entry's row changed, or is new.
    pub(super) fn learn(&mut self, number: u32, row: &Row<'_>) {
        let number = number as usize;
        if self.wish.is_usual() || number > self.keys.each.len() {
            return;
        }
        let known = self.keys.each.get(number).copied();
        let key = self.keys.of(self.wish, row, known);
        match known {
            Some(known) if known == key => {}
            Some(_) => {
                self.keys.each[number] = key;
                self.dirty = true;
            }
            None => self.keys.each.push(key),
        }
    }

    /// The list has other lines than before.
    pub(super) fn changed(&mut self) {
        self.dirty = !self.wish.is_usual();
    }

    /// Puts the listed entries in order, if that is due: at once after a change of what is listed,
    /// with rests between while rows come. Many are sorted beside the screen.
    pub(super) fn settle(&mut self, listed: &[u32], all: &[Entry], at_once: bool) {
        if let Some(sorting) = self.sorting.take() {
            self.take(sorting.ask(), all);
            if self.sorting.is_some() {
                return;
            }
        }
        if !self.dirty || self.wish.is_usual() || self.keys.each.len() < all.len() {
            return;
        }
        let rested = self
            .sorted_at
            .is_none_or(|at| at.elapsed() >= self.took * REST);
        if at_once || rested {
            self.dirty = false;
            let sorted = self.lines(listed).sort();
            self.take(sorted, all);
        }
    }

    /// What is to be sorted.
    fn lines(&self, listed: &[u32]) -> Lines {
        let column = self.wish.sort.map(|(column, _)| column);
        let ranks = if column.is_some_and(is_text) {
            self.keys.texts.ranks()
        } else {
            Vec::new()
        };
        let groups = &self.keys.groups;
        let group_ranks = match self.wish.group {
            None => vec![0],
            Some(Group::Verdict) => {
                let names = groups.texts.iter();
                names.map(|name| u32::from(rank_of(name))).collect()
            }
            Some(_) => groups.ranks(),
        };
        let by_path = column == Some(Column::Path);
        let lines = listed.iter().map(|number| {
            let key = self.keys.each.get(*number as usize).copied();
            let key = key.unwrap_or_default();
            let value = if ranks.is_empty() {
                key.value
            } else {
                ranks.get(key.value as usize).copied().unwrap_or(0).into()
            };
            Line {
                group: group_ranks.get(key.group as usize).copied().unwrap_or(0),
                entry: *number,
                value,
                text: key.value,
            }
        });
        Lines {
            all: lines.collect(),
            down: self.wish.sort.is_some_and(|(_, down)| down),
            paths: by_path.then(|| Arc::clone(&self.keys.paths)),
        }
    }

    fn take(&mut self, sorted: Sorted, all: &[Entry]) {
        match sorted {
            Sorted::Wait(sorting) => self.sorting = Some(sorting),
            Sorted::Lost => self.dirty = true,
            Sorted::Done(order, took) => {
                self.sorted = order;
                self.took = took;
                self.sorted_at = Some(Instant::now());
                self.count(all);
                self.fold();
            }
        }
    }

    fn count(&mut self, all: &[Entry]) {
        self.tallies.clear();
        if self.wish.group.is_none() {
            return;
        }
        for number in &self.sorted {
            let key = self.keys.each.get(*number as usize);
            let tally = self.tallies.entry(key.map_or(0, |k| k.group)).or_default();
            tally.all += 1;
            let outcome = all.get(*number as usize).map(|e| e.outcome);
            tally.blocked += u32::from(outcome == Some(Outcome::Blocked));
        }
    }

    /// Leaves out what folded groups hold.
    fn fold(&mut self) {
        let group = |number: u32| self.keys.each.get(number as usize).map(|k| k.group);
        self.unfolded = Vec::new();
        if !self.folded.is_empty() {
            let mut before = None;
            self.unfolded.extend(self.sorted.iter().filter(|number| {
                let own = group(**number);
                let first = own != before;
                before = own;
                first || own.is_none_or(|own| !self.folded.contains(&own))
            }));
        }
        let lines = if self.folded.is_empty() {
            &self.sorted
        } else {
            &self.unfolded
        };
        self.places.clear();
        self.places.resize(self.keys.each.len(), NOWHERE);
        for (at, number) in lines.iter().enumerate() {
            if let Some(place) = self.places.get_mut(*number as usize) {
                *place = at as u32;
            }
        }
    }

    /// Folds the group of an entry, or shows what is in it; returns the first of the group.
    pub(super) fn toggle_group(&mut self, number: u32) -> Option<u32> {
        let group = self.group_id(number)?;
        if !self.folded.remove(&group) {
            self.folded.insert(group);
        }
        self.fold();
        let mut sorted = self.sorted.iter();
        sorted.find(|n| self.group_id(**n) == Some(group)).copied()
    }

    /// Whether the group of an entry is folded.
    pub(super) fn is_folded(&self, number: u32) -> bool {
        let group = || self.group_id(number);
        !self.folded.is_empty() && group().is_some_and(|group| self.folded.contains(&group))
    }

    /// Whether it should be asked again soon although nothing happens.
    pub(super) fn is_behind(&self, all: usize) -> bool {
        !self.wish.is_usual()
            && (self.dirty || self.sorting.is_some() || self.keys.each.len() < all)
    }

    /// The group of an entry: its name and what is in it.
    pub(super) fn group(&self, number: u32) -> Option<(&str, Tally)> {
        let group = self.group_id(number)?;
        let tally = self.tallies.get(&group).copied().unwrap_or_default();
        Some((self.keys.groups.text(group), tally))
    }

    /// The group of an entry, to tell it from others.
    pub(super) fn group_id(&self, number: u32) -> Option<u32> {
        self.wish.group?;
        self.keys.each.get(number as usize).map(|k| k.group)
    }
}
