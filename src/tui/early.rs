//! Keys that come before the pane has read the request they are about: they wait for it, so that
//! what is copied or tried is never of the request shown before.

use super::action::Action;
use super::app::{App, Command};
use crate::wire::ExchangeId;

/// A key that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Early {
    action: Action,
    exchange: ExchangeId,
}

impl App {
    /// Whether the action has to wait; it is kept then, instead of one kept before.
    pub(super) fn is_early(&mut self, action: Action) -> bool {
        let needs_pane = matches!(action, Action::Copy | Action::TryFix | Action::PassThrough);
        let waits = needs_pane && self.pane.is_stale();
        self.early = self
            .list
            .selected_exchange(&self.reader)
            .filter(|_| waits)
            .map(|exchange| Early { action, exchange });
        self.early.is_some()
    }

    /// Does what waited, once the pane shows what it was about. Another key, another request
    /// selected or one that cannot be read end the waiting.
    pub(super) fn catch_up(&mut self, commands: &mut Vec<Command>) {
        let Some(early) = self.early else { return };
        if self.pane.wanted().map(|w| w.exchange) != Some(early.exchange) || self.pane.is_missing()
        {
            self.early = None;
        } else if !self.pane.is_stale() {
            self.early = None;
            self.act(early.action, commands);
        }
    }
}
