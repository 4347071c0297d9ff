//! Another order than that of arrival: sorted by a column, in groups, or both.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::column::Column;
use super::entries::Entry;
use crate::cors::Outcome;
use crate::session::{Reader, Row};

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

/// What an entry is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    group: u32,
    value: u64,
}

/// A text that recurs is held once, and meant by its number.
#[derive(Debug, Default)]
struct Texts {
    ids: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }

    fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |t| t)
    }

    /// For each number its place among all texts.
    fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.text(*a).cmp(self.text(*b)));
        let mut ranks = vec![0; order.len()];
        for (rank, id) in order.into_iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        ranks
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
    keys: Vec<Key>,
    texts: Texts,
    groups: Texts,
    view: Vec<u32>,
    tallies: HashMap<u32, Tally>,
    dirty: bool,
    sorted_at: Option<Instant>,
    took: Duration,
}

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
        (!self.wish.is_usual() && self.sorted_at.is_some()).then_some(&self.view[..])
    }

    /// Which entry has no key yet; `None` if all have.
    pub(super) fn unread(&self, all: usize) -> Option<usize> {
        (!self.wish.is_usual() && self.keys.len() < all).then_some(self.keys.len())
    }

    /// Reads the keys of some entries that have none yet.
    pub(super) fn read(&mut self, entries: &[Entry], reader: &Reader) {
        let heads: Vec<_> = entries.iter().map(|e| e.head).collect();
        let wanted = self.keys.len() + entries.len();
        reader.rows(&heads, &mut |row| {
            let key = self.key_of(row);
            self.keys.push(key);
        });
        // Rows that left the session have no key of their own.
        self.keys.resize(wanted, Key::default());
        self.dirty = true;
    }

    /// An entry's row changed, or is new.
    pub(super) fn learn(&mut self, number: u32, row: &Row<'_>) {
        if self.wish.is_usual() || number as usize > self.keys.len() {
            return;
        }
        let key = self.key_of(row);
        match self.keys.get_mut(number as usize) {
            Some(known) if *known == key => {}
            Some(known) => {
                *known = key;
                self.dirty = true;
            }
            None => self.keys.push(key),
        }
    }

    /// The list has other lines than before.
    pub(super) fn changed(&mut self) {
        self.dirty = !self.wish.is_usual();
    }

    fn key_of(&mut self, row: &Row<'_>) -> Key {
        let group = match self.wish.group {
            None => 0,
            Some(Group::Page) => self.groups.id(row.page_origin.unwrap_or("no page")),
            Some(Group::Host) => self.groups.id(row.origin_text),
            Some(Group::Verdict) => self.groups.id(row.mark.outcome.name()),
        };
        let Some((column, _)) = self.wish.sort else {
            return Key {
                group,
                value: row.id.0,
            };
        };
        let mut text = |text: &str| u64::from(self.texts.id(text));
        let value = match column {
            Column::Number => row.id.0,
            Column::Status => row.status.map_or(0, u64::from),
            Column::Connection => row.connection.map_or(u64::MAX, u64::from),
            Column::Cookies => row.set_cookies.into(),
            Column::Size => row.response_bytes,
            Column::Time => row.duration_micros.unwrap_or(u64::MAX),
            Column::Waterfall => row.opened_at.0 as u64,
            Column::Method => text(row.wanted_method.unwrap_or(row.method)),
            Column::Origin => text(row.origin_text),
            Column::Path => text(row.path),
            Column::Initiator => text(row.page_origin.unwrap_or("")),
            Column::Type => text(row.type_),
            Column::Protocol => text(row.version.name()),
            // What needs a hand first, then by what it is.
            Column::Cors => {
                let check = row.mark.check.map_or("", |c| c.id());
                text(&format!("{}{check}", urgency(row.mark.outcome)))
            }
        };
        Key { group, value }
    }

    /// Puts the listed entries in order, if that is due: at once after a change of what is listed,
    /// with rests between while rows come.
    pub(super) fn settle(&mut self, listed: &[u32], all: &[Entry], at_once: bool) {
        if !self.dirty || self.wish.is_usual() || self.keys.len() < all.len() {
            return;
        }
        let rested = self
            .sorted_at
            .is_none_or(|at| at.elapsed() >= self.took * REST);
        if !(at_once || rested) {
            return;
        }
        let started = Instant::now();
        let by_text = self.wish.sort.is_some_and(|(column, _)| is_text(column));
        let ranks = if by_text {
            self.texts.ranks()
        } else {
            Vec::new()
        };
        let group_ranks = match self.wish.group {
            None => vec![0],
            Some(Group::Verdict) => self
                .groups
                .texts
                .iter()
                .map(|name| u32::from(rank_of(name)))
                .collect(),
            Some(_) => self.groups.ranks(),
        };
        let down = self.wish.sort.is_some_and(|(_, down)| down);
        let mut keyed: Vec<(u32, u64, u32)> = listed
            .iter()
            .map(|number| {
                let key = self.keys.get(*number as usize).copied().unwrap_or_default();
                let value = if by_text {
                    ranks.get(key.value as usize).copied().unwrap_or(0).into()
                } else {
                    key.value
                };
                let group = group_ranks.get(key.group as usize).copied().unwrap_or(0);
                (group, value, *number)
            })
            .collect();
        keyed.sort_unstable_by(|a, b| {
            let value = a.1.cmp(&b.1);
            let value = if down { value.reverse() } else { value };
            a.0.cmp(&b.0)
                .then(value)
                .then_with(|| -> Ordering { a.2.cmp(&b.2) })
        });
        self.view.clear();
        self.view.extend(keyed.iter().map(|(_, _, number)| *number));
        self.tallies.clear();
        if self.wish.group.is_some() {
            for number in listed {
                let group = self.keys.get(*number as usize).map_or(0, |k| k.group);
                let tally = self.tallies.entry(group).or_default();
                tally.all += 1;
                let outcome = all.get(*number as usize).map(|e| e.outcome);
                tally.blocked += u32::from(outcome == Some(Outcome::Blocked));
            }
        }
        self.dirty = false;
        self.took = started.elapsed();
        self.sorted_at = Some(Instant::now());
    }

    /// Whether it should be asked again soon although nothing happens.
    pub(super) fn is_behind(&self, all: usize) -> bool {
        !self.wish.is_usual() && (self.dirty || self.keys.len() < all)
    }

    /// The group of an entry: its name and what is in it.
    pub(super) fn group(&self, number: u32) -> Option<(&str, Tally)> {
        self.wish.group?;
        let group = self.group_id(number)?;
        let tally = self.tallies.get(&group).copied().unwrap_or_default();
        Some((self.groups.text(group), tally))
    }

    /// The group of an entry, to tell it from others.
    pub(super) fn group_id(&self, number: u32) -> Option<u32> {
        self.wish.group?;
        self.keys.get(number as usize).map(|k| k.group)
    }
}

fn is_text(column: Column) -> bool {
    matches!(
        column,
        Column::Method
            | Column::Origin
            | Column::Path
            | Column::Initiator
            | Column::Type
            | Column::Protocol
            | Column::Cors
    )
}

fn urgency(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Blocked => 0,
        Outcome::Failed => 1,
        Outcome::Depends => 2,
        Outcome::Opaque => 3,
        Outcome::Pending => 4,
        Outcome::Allowed => 5,
        Outcome::Exempt => 6,
    }
}

fn rank_of(name: &str) -> u8 {
    let all = [
        Outcome::Blocked,
        Outcome::Failed,
        Outcome::Depends,
        Outcome::Opaque,
        Outcome::Pending,
        Outcome::Allowed,
        Outcome::Exempt,
    ];
    let found = all.into_iter().find(|o| o.name() == name);
    found.map_or(u8::MAX, urgency)
}
