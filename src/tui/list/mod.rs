//! The list: which entries, which one is selected, which part is on the screen.
//!
//! The selection is an exchange, not a row number: it stays where it is while rows arrive, are
//! filtered or cleared away.

mod column;
mod entries;
mod notes;
mod order;

use crate::cors::Outcome;
use crate::session::Reader;
use crate::wire::ExchangeId;

pub(crate) use column::{Column, Shown};
pub(crate) use entries::{Chip, Entries, Entry, Fold, Lens};
pub(crate) use order::{Group, Wish};

/// A line of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The entry's number.
    pub(crate) entry: u32,
    /// Which of its folded exchanges, from 0; `None` is the entry's own line.
    pub(crate) child: Option<u16>,
}

/// Stands in [`Place::child`] for the heading of the group that the entry begins.
pub(crate) const HEADING: u16 = u16::MAX;

impl Place {
    /// Whether it is the heading of a group, which nobody can select.
    pub(crate) fn is_heading(self) -> bool {
        self.child == Some(HEADING)
    }
}

/// Who decides what is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Steering {
    /// Nobody has touched anything: the newest blocked entry, or the newest; in a finished capture
    /// the first.
    #[default]
    Untouched,
    /// The newest entry.
    Follow,
    /// The person.
    Person,
}

/// The list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) entries: Entries,
    pub(crate) shown: Shown,
    selected: Option<Place>,
    pub(crate) steering: Steering,
    /// The first line on the screen: a position among the listed entries.
    top: usize,
    /// Lines on the screen.
    height: usize,
    /// Whether something can still come: then the end is where to look, else the beginning.
    live: bool,
}

impl List {
    pub(crate) fn new(first: ExchangeId, live: bool) -> Self {
        Self {
            live,
            entries: Entries::new(first),
            shown: Shown::default(),
            selected: None,
            steering: Steering::Untouched,
            top: 0,
            height: 1,
        }
    }

    /// The selected line, where it is listed.
    pub(crate) fn selected(&self) -> Option<Place> {
        self.selected.filter(|p| self.position(p.entry).is_ok())
    }

    /// The selected entry.
    pub(crate) fn selected_entry(&self) -> Option<&Entry> {
        self.entries.get(self.selected()?.entry)
    }

    /// The exchange the selected line stands for.
    pub(crate) fn selected_exchange(&self, reader: &Reader) -> Option<ExchangeId> {
        let place = self.selected()?;
        let entry = self.entries.get(place.entry)?;
        match place.child {
            None => Some(entry.head),
            Some(child) => children(entry, reader).get(usize::from(child)).copied(),
        }
    }

    /// Position among the listed entries, or where it would be.
    fn position(&self, entry: u32) -> Result<usize, usize> {
        self.entries.position(entry)
    }

    /// Lines that an entry at a position takes, the heading of its group included.
    fn lines_at(&self, at: usize) -> usize {
        let entry = self.entries.listed().get(at);
        let own = entry
            .and_then(|n| self.entries.get(*n))
            .map_or(1, Entry::lines);
        own + usize::from(self.entries.begins_group(at))
    }

    /// Lines for entries: where there are groups, the first line always names one.
    fn room(&self) -> usize {
        let grouped = self.entries.wish().group.is_some();
        self.height.saturating_sub(usize::from(grouped)).max(1)
    }

    /// Lines before the first one on the screen, and after the last, in entries.
    pub(crate) fn beyond(&self) -> (usize, usize) {
        let shown = self.window().map(|p| p.entry).collect::<Vec<_>>();
        let last = shown.last().and_then(|e| self.position(*e).ok());
        let after = last.map_or(0, |at| self.entries.listed().len() - 1 - at);
        (self.top, after)
    }

    /// The lines on the screen, from the top.
    pub(crate) fn window(&self) -> impl Iterator<Item = Place> + '_ {
        let listed = self.entries.listed();
        listed[self.top.min(listed.len())..]
            .iter()
            .enumerate()
            .flat_map(move |(n, &number)| {
                let open = self.entries.get(number).filter(|e| e.is_open());
                let children = open.map_or(0, Entry::children) as u16;
                let grouped = self.entries.wish().group.is_some();
                // The group of the first line is always named.
                let named = grouped && (n == 0 || self.entries.begins_group(self.top + n));
                let heading = named.then_some(Place {
                    entry: number,
                    child: Some(HEADING),
                });
                let own = Place {
                    entry: number,
                    child: None,
                };
                heading
                    .into_iter()
                    .chain(std::iter::once(own))
                    .chain((0..children).map(move |c| Place {
                        entry: number,
                        child: Some(c),
                    }))
            })
            .take(self.height)
    }

    /// The screen has room for so many lines.
    pub(crate) fn set_height(&mut self, height: usize) {
        self.height = height.max(1);
        self.settle();
    }

    /// Brings selection and window in line with what is listed now.
    pub(crate) fn settle(&mut self) {
        let listed = self.entries.listed();
        let Some(&last) = listed.last() else {
            self.top = 0;
            return;
        };
        let chosen = match self.steering {
            Steering::Follow => Some(last),
            Steering::Untouched => Some(self.most_telling(last)),
            Steering::Person => match self.selected {
                // What was selected is filtered away: the next one still listed.
                Some(place) => match self.position(place.entry) {
                    Ok(_) => None,
                    Err(at) => Some(listed[at.min(listed.len() - 1)]),
                },
                None => Some(last),
            },
        };
        if let Some(entry) = chosen
            && self.selected.is_none_or(|p| p.entry != entry)
        {
            self.selected = Some(Place { entry, child: None });
        }
        if let Some(place) = self.selected
            && let Some(child) = place.child
            && self
                .entries
                .get(place.entry)
                .is_none_or(|e| !e.is_open() || usize::from(child) >= e.children())
        {
            self.selected = Some(Place {
                entry: place.entry,
                child: None,
            });
        }
        let stay_at_end = match self.steering {
            Steering::Follow => true,
            Steering::Untouched => self.live,
            Steering::Person => false,
        };
        self.scroll_to_selected(stay_at_end);
    }

    /// What to select while nobody has moved.
    fn most_telling(&self, last: u32) -> u32 {
        // So many lines are enough: this runs at every turn.
        const LOOKED_AT: usize = 4096;
        let blocked = |n: &&u32| self.entries.get(**n).is_some_and(is_blocked);
        let listed = self.entries.listed();
        let found = if self.live {
            listed.iter().rev().take(LOOKED_AT).find(blocked)
        } else {
            listed.iter().take(LOOKED_AT).find(blocked)
        };
        let otherwise = if self.live { last } else { listed[0] };
        found.copied().unwrap_or(otherwise)
    }

    fn scroll_to_selected(&mut self, stay_at_end: bool) {
        let end = self.top_showing_end();
        if stay_at_end {
            self.top = end;
        }
        self.top = self.top.min(end);
        let Some(place) = self.selected else { return };
        let Ok(at) = self.position(place.entry) else {
            return;
        };
        if at < self.top {
            self.top = at;
            return;
        }
        // Upwards from the selected line until the screen is full.
        let mut lines = place.child.map_or(1, |c| usize::from(c) + 2);
        if place.child.is_none() {
            let entry = self.entries.get(place.entry);
            lines = entry.map_or(1, Entry::lines).min(self.room());
        }
        let mut top = at;
        while top > 0 {
            lines += self.lines_at(top - 1);
            if lines > self.room() {
                break;
            }
            top -= 1;
        }
        self.top = self.top.max(top);
    }

    /// The window position at which the last line is the last on the screen.
    fn top_showing_end(&self) -> usize {
        let listed = self.entries.listed();
        let mut lines = 0;
        let mut top = listed.len();
        while top > 0 {
            lines += self.lines_at(top - 1);
            if lines > self.room() {
                break;
            }
            top -= 1;
        }
        top.min(listed.len().saturating_sub(1))
    }

    /// Selects by hand.
    pub(crate) fn select(&mut self, place: Place) {
        self.selected = Some(place);
        self.steering = Steering::Person;
        self.settle();
    }

    /// Selects an exchange by hand: the line of its entry, or its own if it is folded into that.
    pub(crate) fn select_exchange(&mut self, entry: u32, exchange: ExchangeId, reader: &Reader) {
        let place = Place { entry, child: None };
        let Some(found) = self.entries.get_mut(entry) else {
            return;
        };
        let child = children(found, reader)
            .iter()
            .position(|id| *id == exchange);
        if found.head == exchange || child.is_none() {
            self.select(place);
            return;
        }
        found.fold = Fold::Open;
        self.select(Place {
            child: child.and_then(|c| u16::try_from(c).ok()),
            ..place
        });
    }

    /// Moves by lines; reaching the last one starts to follow, leaving it stops.
    pub(crate) fn step(&mut self, lines: isize) {
        let Some(mut place) = self.selected() else {
            self.settle();
            return;
        };
        for _ in 0..lines.unsigned_abs() {
            let Some(next) = self.neighbour(place, lines > 0) else {
                break;
            };
            place = next;
        }
        self.select(place);
    }

    /// Whether the last line is the newest.
    pub(crate) fn can_follow(&self) -> bool {
        self.entries.wish() == Wish::default()
    }

    /// Whether the selected line is the last one.
    pub(crate) fn at_end(&self) -> bool {
        self.selected()
            .is_some_and(|place| self.neighbour(place, true).is_none())
    }

    fn neighbour(&self, place: Place, down: bool) -> Option<Place> {
        let listed = self.entries.listed();
        let at = self.position(place.entry).ok()?;
        let entry = self.entries.get(place.entry)?;
        let children = |e: &Entry| if e.is_open() { e.children() as u16 } else { 0 };
        if down {
            let next_child = place.child.map_or(0, |c| c + 1);
            if next_child < children(entry) {
                return Some(Place {
                    child: Some(next_child),
                    ..place
                });
            }
            let entry = *listed.get(at + 1)?;
            return Some(Place { entry, child: None });
        }
        match place.child {
            Some(0) => Some(Place {
                child: None,
                ..place
            }),
            Some(c) => Some(Place {
                child: Some(c - 1),
                ..place
            }),
            None => {
                let entry = *listed.get(at.checked_sub(1)?)?;
                let count = self.entries.get(entry).map_or(0, children);
                Some(Place {
                    entry,
                    child: count.checked_sub(1),
                })
            }
        }
    }

    /// Moves the window without the selection, as a wheel does.
    pub(crate) fn scroll(&mut self, lines: isize) {
        self.steering = Steering::Person;
        let end = self.top_showing_end();
        self.top = self.top.saturating_add_signed(lines).min(end);
        // The selection comes along at the edges.
        let window: Vec<Place> = self.window().filter(|p| !p.is_heading()).collect();
        if let (Some(first), Some(last), Some(selected)) =
            (window.first(), window.last(), self.selected())
            && !window.contains(&selected)
        {
            let above = self.position(selected.entry) < self.position(first.entry);
            self.selected = Some(if above { *first } else { *last });
        }
    }

    /// To the first or the last line.
    pub(crate) fn select_edge(&mut self, last: bool) {
        let listed = self.entries.listed();
        let edge = if last { listed.last() } else { listed.first() };
        if let Some(&entry) = edge {
            self.select(Place { entry, child: None });
            if last && self.can_follow() {
                self.steering = Steering::Follow;
                self.settle();
            }
        }
    }

    /// To the next (or previous) blocked entry, around the end; `false` if there is none.
    pub(crate) fn select_blocked(&mut self, forward: bool) -> bool {
        let listed = self.entries.listed();
        let count = listed.len();
        // Before anybody has moved, "next" is the first of all.
        let start = match (self.steering, self.selected()) {
            (Steering::Person | Steering::Follow, Some(place)) => {
                self.position(place.entry).unwrap_or(0)
            }
            _ if forward => count.saturating_sub(1),
            _ => 0,
        };
        let found = (1..=count)
            .map(|step| {
                if forward {
                    (start + step) % count
                } else {
                    (start + count - step) % count
                }
            })
            .map(|at| listed[at])
            .find(|n| self.entries.get(*n).is_some_and(is_blocked));
        if let Some(entry) = found {
            self.select(Place { entry, child: None });
        }
        found.is_some()
    }

    /// To the next marked entry that is listed, around the end; `false` if there is none.
    pub(crate) fn select_next_marked(&mut self) -> bool {
        let here = self.selected().map(|p| p.entry);
        let listed = self.entries.listed();
        let start = here.and_then(|e| self.position(e).ok()).unwrap_or(0);
        let found = (1..=listed.len())
            .map(|step| listed[(start + step) % listed.len()])
            .find(|n| {
                let entry = self.entries.get(*n);
                entry.is_some_and(|e| self.entries.notes.get(e.head).is_some())
            });
        let Some(entry) = found.filter(|e| Some(*e) != here) else {
            return false;
        };
        self.select(Place { entry, child: None });
        true
    }

    /// Shows or hides what is folded into the selected line.
    pub(crate) fn toggle_fold(&mut self) {
        let Some(place) = self.selected() else { return };
        if let Some(entry) = self.entries.get_mut(place.entry)
            && entry.children() > 0
        {
            entry.fold = if entry.is_open() {
                Fold::Closed
            } else {
                Fold::Open
            };
            self.select(Place {
                child: None,
                ..place
            });
        }
    }
}

fn is_blocked(entry: &Entry) -> bool {
    matches!(entry.outcome, Outcome::Blocked)
}

/// The exchanges folded into an entry's line, in order.
pub(crate) fn children(entry: &Entry, reader: &Reader) -> Vec<ExchangeId> {
    let Some(fetch) = entry.fetch.and_then(|f| reader.fetch(f)) else {
        return Vec::new();
    };
    fetch
        .exchanges()
        .filter(|id| entry.only_preflight || *id != entry.head)
        .collect()
}
