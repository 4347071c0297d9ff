//! The list: which entries, which one is selected, which part is on the screen.
//!
//! The selection is an exchange, not a row number: it stays where it is while rows arrive, are
//! filtered or cleared away.

mod bits;
mod column;
mod entries;
mod entry;
mod matching;
mod moves;
mod notes;
mod order;

use crate::cors::Outcome;
use crate::session::Reader;
use crate::wire::ExchangeId;

pub(crate) use column::{Column, Shown};
pub(crate) use entries::Entries;
pub(crate) use entry::{Chip, Entry, Fold, Lens};
pub(crate) use order::{Group, Wish};

/// A line of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The entry's number.
    pub(crate) entry: u32,
    /// Which of its folded exchanges, from 0; `None` is the entry's own line.
    pub(crate) child: Option<u16>,
}

/// Stands in [`Place::child`] for the heading of the group that the entry begins, or that is named
/// above it.
pub(crate) const HEADING: u16 = u16::MAX;

impl Place {
    /// Whether it is the heading of a group.
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
    pub(crate) fn selected_entry(&self) -> Option<Entry> {
        self.entries.get(self.selected()?.entry)
    }

    /// The exchange the selected line stands for.
    pub(crate) fn selected_exchange(&self, reader: &Reader) -> Option<ExchangeId> {
        let place = self.selected()?;
        let entry = self.entries.get(place.entry)?;
        match place.child {
            None | Some(HEADING) => Some(entry.head),
            Some(child) => children(&entry, reader).get(usize::from(child)).copied(),
        }
    }

    /// Position among the listed entries, or where it would be.
    fn position(&self, entry: u32) -> Result<usize, usize> {
        self.entries.position(entry)
    }

    /// Lines that an entry at a position takes, the heading of its group included.
    fn lines_at(&self, at: usize) -> usize {
        let entry = self.entries.listed().get(at);
        if entry.is_some_and(|n| self.entries.is_folded(*n)) {
            return 1;
        }
        let own = entry
            .and_then(|n| self.entries.get(*n))
            .map_or(1, |entry| entry.lines());
        own + usize::from(self.entries.begins_group(at))
    }

    /// Lines for entries: where there are groups, the first line always names one.
    fn room(&self) -> usize {
        let grouped = self.entries.grouped().is_some();
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
                // Of a folded group there is one entry, and of that only the heading.
                let folded = self.entries.is_folded(number);
                let open = self.entries.get(number).filter(|e| e.is_open() && !folded);
                let children = open.map_or(0, |entry| entry.children()) as u16;
                let grouped = self.entries.grouped().is_some();
                // The group of the first line is always named.
                let named = grouped && (n == 0 || self.entries.begins_group(self.top + n));
                let heading = named.then_some(Place {
                    entry: number,
                    child: Some(HEADING),
                });
                let own = (!folded).then_some(Place {
                    entry: number,
                    child: None,
                });
                heading
                    .into_iter()
                    .chain(own)
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

    /// Where the person looks: what is listed from there on is to be found first.
    pub(crate) fn looked_at(&self) -> ExchangeId {
        let at_end = match self.steering {
            Steering::Follow => true,
            Steering::Untouched => self.live,
            Steering::Person => false,
        };
        let end = ExchangeId(u64::MAX);
        let listed = self.entries.listed();
        let first = listed.get(self.top).and_then(|n| self.entries.get(*n));
        first.filter(|_| !at_end).map_or(end, |entry| entry.head)
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
            && place.is_heading() != self.stands_on_heading(place)
        {
            let child = self.entries.is_folded(place.entry).then_some(HEADING);
            self.selected = Some(Place { child, ..place });
        } else if let Some(place) = self.selected
            && let Some(child) = place.child.filter(|_| !place.is_heading())
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

    /// Whether a place that is listed has to be the heading of its group: one that is folded has no
    /// other line, and what begins none has no heading.
    fn stands_on_heading(&self, place: Place) -> bool {
        if self.entries.is_folded(place.entry) {
            return true;
        }
        let begins = |at: usize| self.entries.begins_group(at);
        place.is_heading() && self.position(place.entry).is_ok_and(begins)
    }

    /// What to select while nobody has moved.
    fn most_telling(&self, last: u32) -> u32 {
        // So many lines are enough: this runs at every turn.
        const LOOKED_AT: usize = 4096;
        let blocked = |n: &&u32| self.entries.get(**n).is_some_and(|e| is_blocked(&e));
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
        let child = place.child.filter(|_| !place.is_heading());
        let mut lines = child.map_or(1, |c| usize::from(c) + 2);
        if place.child.is_none() {
            let entry = self.entries.get(place.entry);
            lines = entry.map_or(1, |entry| entry.lines()).min(self.room());
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
