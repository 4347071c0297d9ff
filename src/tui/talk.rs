//! Where a person is among the messages of a WebSocket or an event stream: which are shown, which are
//! open, whether the newest are followed.

use std::collections::HashSet;

use super::app::App;
use super::effect::Loaded;
use super::load::MESSAGES_MAX;
use super::pane::Tab;
use crate::wire::{Message, MessageKind, Side};

/// How much of a message is looked into by the filter, in bytes.
const LOOKED_INTO_MAX: usize = 64 << 10;

/// Where a person is among the messages.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// Only messages with this in them are shown; in lower case.
    filter: String,
    /// Numbers of the messages that are shown whole.
    open: HashSet<usize>,
    /// Whether a person has left the newest.
    pub(crate) held: bool,
    /// Number of the first message that is wanted, once others than the newest are.
    pub(crate) from: Option<usize>,
    /// Where to go when the messages that are wanted have come: to their end, or to their top.
    pub(crate) edge: Option<bool>,
    /// Grows with every change.
    pub(crate) edition: u64,
}

impl Talk {
    /// Shows only messages with this text in them.
    pub(crate) fn filter(&mut self, text: &str) {
        let text = text.to_lowercase();
        if self.filter != text {
            self.filter = text;
            self.edition += 1;
        }
    }

    /// What is filtered by; empty for nothing.
    pub(crate) fn wanted(&self) -> &str {
        &self.filter
    }

    /// Shows a message whole, or on one line.
    pub(crate) fn toggle(&mut self, number: usize) {
        if !self.open.remove(&number) {
            self.open.insert(number);
        }
        self.edition += 1;
    }

    /// Whether a message is shown whole.
    pub(crate) fn is_open(&self, number: usize) -> bool {
        self.open.contains(&number)
    }

    /// The messages to be shown, with their numbers.
    pub(crate) fn shown<'a>(
        &self,
        loaded: &'a Loaded,
    ) -> impl Iterator<Item = (usize, &'a Message)> {
        let all = loaded.messages.iter().enumerate();
        all.map(|(n, message)| (loaded.messages_before + n, message))
            .filter(|(_, message)| self.holds(message))
    }

    fn holds(&self, message: &Message) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let direction = match message.from {
            Side::Request => "↑ sent",
            Side::Response => "↓ received",
        };
        let bytes = &message.payload[..message.payload.len().min(LOOKED_INTO_MAX)];
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        text.contains(&self.filter)
            || opcode(message.kind) == self.filter
            || direction.contains(&self.filter)
    }
}

impl App {
    /// Whoever has left the newest messages keeps those that are there, however many come.
    pub(super) fn settle_talk(&mut self) {
        let pane = &mut self.pane;
        if let Some(loaded) = pane.loaded.as_ref().filter(|_| pane.tab == Tab::Messages) {
            if !pane.talk.held {
                pane.talk.from = None;
            } else if pane.talk.from.is_none() {
                pane.talk.from = Some(loaded.messages_before);
            }
        }
        pane.find_place();
    }

    /// Asks for messages before or after those that are there, if there are any.
    pub(super) fn more_messages(&mut self, after: bool) {
        let pane = &mut self.pane;
        let Some(loaded) = pane.loaded.as_ref().filter(|_| pane.tab == Tab::Messages) else {
            return;
        };
        let more = if after {
            loaded.messages_after
        } else {
            loaded.messages_before
        };
        // One step at a time.
        let under_way = pane.talk.from.is_some() && loaded.request.messages_from != pane.talk.from;
        if more == 0 || under_way {
            return;
        }
        let half = MESSAGES_MAX / 2;
        pane.talk.held = true;
        pane.talk.from = Some(if after {
            loaded.messages_before + half.min(more)
        } else {
            loaded.messages_before.saturating_sub(half)
        });
    }

    /// Goes to the first or the last message of all.
    pub(super) fn talk_edge(&mut self, end: bool) {
        let talk = &mut self.pane.talk;
        talk.held = !end;
        talk.edge = None;
        let Some(loaded) = self.pane.loaded.as_ref() else {
            return;
        };
        let there = if end {
            loaded.messages_after == 0
        } else {
            loaded.messages_before == 0
        };
        if !there {
            talk.from = (!end).then_some(0);
            talk.edge = Some(end);
        }
    }

    /// Whether there are messages after those that are shown.
    pub(super) fn has_later_messages(&self) -> bool {
        let loaded = self.pane.loaded.as_ref();
        loaded.is_some_and(|l| l.messages_after > 0)
    }
}

/// What a message is, in a word.
pub(crate) fn opcode(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::Binary => "binary",
        MessageKind::Ping => "ping",
        MessageKind::Pong => "pong",
        MessageKind::Close => "close",
        MessageKind::ServerSentEvent => "event",
    }
}
