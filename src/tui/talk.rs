//! Where a person is among the messages of a WebSocket or an event stream: which are shown, which are
//! open, whether the newest are followed.

use std::collections::HashSet;

use super::effect::Loaded;
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
