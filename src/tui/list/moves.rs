//! Moving through the list: by lines, to an edge, to what is blocked or marked.

use super::{Entry, Fold, HEADING, List, Place, Steering, Wish, children, is_blocked};
use crate::session::Reader;
use crate::wire::ExchangeId;

impl List {
    /// Selects by hand.
    pub(crate) fn select(&mut self, place: Place) {
        self.selected = Some(place);
        self.steering = Steering::Person;
        self.settle();
    }

    /// Selects an exchange by hand: the line of its entry, or its own if it is folded into that.
    pub(crate) fn select_exchange(&mut self, entry: u32, exchange: ExchangeId, reader: &Reader) {
        let place = Place { entry, child: None };
        let Some(found) = self.entries.get(entry) else {
            return;
        };
        let child = children(&found, reader)
            .iter()
            .position(|id| *id == exchange);
        if found.head == exchange || child.is_none() {
            self.select(place);
            return;
        }
        self.entries.set_fold(entry, Fold::Open);
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
        let of = |entry, child| Some(Place { entry, child });
        let folded = self.entries.is_folded(place.entry);
        if down {
            if place.is_heading() && !folded {
                return of(place.entry, None);
            }
            let next_child = place.child.map_or(0, |c| c.saturating_add(1));
            if !folded && next_child < children(&entry) {
                return of(place.entry, Some(next_child));
            }
            let heading = self.entries.begins_group(at + 1).then_some(HEADING);
            return of(*listed.get(at + 1)?, heading);
        }
        match place.child {
            Some(0) => of(place.entry, None),
            None if self.entries.begins_group(at) => of(place.entry, Some(HEADING)),
            None | Some(HEADING) => {
                let entry = *listed.get(at.checked_sub(1)?)?;
                if self.entries.is_folded(entry) {
                    return of(entry, Some(HEADING));
                }
                let count = self.entries.get(entry).map_or(0, |entry| children(&entry));
                of(entry, count.checked_sub(1))
            }
            Some(c) => of(place.entry, Some(c - 1)),
        }
    }

    /// Moves the window without the selection, as a wheel does.
    pub(crate) fn scroll(&mut self, lines: isize) {
        self.steering = Steering::Person;
        let end = self.top_showing_end();
        self.top = self.top.saturating_add_signed(lines).min(end);
        // The selection comes along at the edges.
        let window: Vec<Place> = self.window().collect();
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
            .find(|n| self.entries.get(*n).is_some_and(|e| is_blocked(&e)));
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

    /// Whether there is anything to fold in the selected line.
    pub(crate) fn can_fold(&self) -> bool {
        let heading = self.selected().is_some_and(Place::is_heading);
        heading || self.selected_entry().is_some_and(|e| e.children() > 0)
    }

    /// Folds the group of an entry, or shows what is in it; selects its heading.
    pub(crate) fn toggle_group(&mut self, entry: u32) {
        let first = self.entries.toggle_group(entry);
        self.select(Place {
            entry: first.unwrap_or(entry),
            child: Some(HEADING),
        });
    }

    /// Shows or hides what is folded into the selected line, or the group it names.
    pub(crate) fn toggle_fold(&mut self) {
        let Some(place) = self.selected() else { return };
        if place.is_heading() {
            self.toggle_group(place.entry);
            return;
        }
        if let Some(entry) = self.entries.get(place.entry)
            && entry.children() > 0
        {
            let open = entry.is_open();
            let fold = if open { Fold::Closed } else { Fold::Open };
            self.entries.set_fold(place.entry, fold);
            self.select(Place {
                child: None,
                ..place
            });
        }
    }
}
