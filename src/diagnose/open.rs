//! An open fetch within the pairing.

use crate::wire::{ExchangeId, Timestamp};

use super::fetch::{Fetch, Member, Role};

/// A fetch while it can still change, and what it waits for.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) fetch: Fetch,
    pub(super) since: Timestamp,
    pub(super) client: u64,
    /// Keys of the URLs at which it has slots.
    pub(super) expects: Vec<u64>,
    pub(super) deadline: Option<Timestamp>,
}

impl Open {
    /// Adds a step; the preflight of an early request goes before it, in place of the cached one that
    /// was assumed.
    pub(super) fn add(&mut self, member: Member, early: Option<ExchangeId>) {
        let members = &mut self.fetch.members;
        let at = early.and_then(|e| members.iter().position(|m| m.exchange == Some(e)));
        match at {
            Some(at) if at > 0 && members[at - 1].cached => members[at - 1] = member,
            Some(at) => members.insert(at, member),
            None => members.push(member),
        }
    }

    /// Nothing more is expected: a preflight or redirect at the end means that the request it was for
    /// was never sent.
    pub(super) fn settle(&mut self) {
        let dangling = self
            .fetch
            .members
            .last()
            .is_some_and(|m| m.role != Role::Actual && !m.cached);
        if dangling {
            self.fetch.members.push(Member::missing());
        }
        self.fetch.settled = true;
    }
}
