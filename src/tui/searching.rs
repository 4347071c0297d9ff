//! The screen's side of a search in headers and bodies: asks for slices as long as the filter wants
//! something that was not looked up yet.

use std::sync::Arc;

use super::app::{App, Command};
use super::effect::{Effect, SearchRequest, Searched};
use crate::session::RowEnd;
use crate::wire::ExchangeId;

/// Where the search stands.
#[derive(Debug, Default)]
pub(crate) struct Searching {
    /// Which search; grows when the filter asks for something else.
    number: u64,
    under_way: bool,
    stopped: bool,
    /// Exchanges that were open when they were looked at.
    open: Vec<ExchangeId>,
}

impl App {
    /// The filter changed: what was found for another one counts no more.
    pub(super) fn search_anew(&mut self) {
        self.searching = Searching {
            number: self.searching.number + 1,
            under_way: self.searching.under_way,
            ..Searching::default()
        };
    }

    /// Asks for the next slice, if there is one to look at.
    pub(super) fn search_on(&mut self, commands: &mut Vec<Command>) {
        let deep = self.list.entries.lens().filter.deep();
        if deep.is_empty() || self.searching.under_way || self.searching.stopped {
            return;
        }
        let mut closed = Vec::new();
        self.reader.rows(&self.searching.open, &mut |row| {
            if row.end != RowEnd::Open {
                closed.push(row.id);
            }
        });
        if self.searched_all() && closed.is_empty() {
            return;
        }
        self.searching.open.retain(|id| !closed.contains(id));
        self.searching.under_way = true;
        commands.push(Command::Perform(Effect::Search(SearchRequest {
            number: self.searching.number,
            tests: Arc::from(deep),
            from: self.list.entries.found().next(),
            again: closed,
        })));
    }

    pub(super) fn searched(&mut self, searched: Searched) {
        self.searching.under_way = false;
        if searched.number != self.searching.number || self.searching.stopped {
            return;
        }
        self.searching.open.extend(searched.open);
        self.list
            .entries
            .found_more(&self.reader, &searched.hits, searched.upto);
    }

    /// It could not be handed over; it is asked for again at the next occasion.
    pub(super) fn search_not_sent(&mut self) {
        self.searching.under_way = false;
    }

    fn searched_all(&self) -> bool {
        let next = self.list.entries.found().next();
        next.0 >= self.reader.first_id().0 + self.reader.len() as u64
    }

    /// How far the search is, in percent, while there is one.
    pub(crate) fn search_progress(&self) -> Option<u64> {
        let deep = self.list.entries.lens().filter.deep();
        if deep.is_empty() || self.searching.stopped || self.searched_all() {
            return None;
        }
        let first = self.reader.first_id().0;
        let done = self.list.entries.found().next().0.saturating_sub(first);
        Some(done * 100 / (self.reader.len() as u64).max(1))
    }

    /// Stops the search; `false` if there is none.
    pub(super) fn stop_search(&mut self) -> bool {
        let progress = self.search_progress();
        if let Some(percent) = progress {
            self.searching.stopped = true;
            self.say(format!(
                "search stopped at {percent} %: what is listed is what was found until then"
            ));
        }
        progress.is_some()
    }
}
