//! What is read, and what only passes.

use std::sync::atomic::{AtomicBool, Ordering};

use super::page::is_ours;
use super::passing::Passing;
use super::remarks::Remarks;
use super::target::{HostList, Target};
use crate::capture::{Recorder, queue};
use crate::wire::ExchangeId;

/// Which hosts are read.
pub(super) struct Scope {
    pass_through: Passing,
    only: HostList,
    /// Records nothing: what only passes is told to it.
    unheard: Recorder,
    said: AtomicBool,
}

impl Scope {
    pub(super) fn new(pass_through: Passing, only: &[String]) -> Self {
        Self {
            pass_through,
            only: HostList::new(only),
            // Nobody listens at its other end, so that everything told to it is dropped at once.
            unheard: queue(ExchangeId(1), 0).0,
            said: AtomicBool::new(false),
        }
    }

    /// Whether a tunnel to this host is passed through unread.
    pub(super) fn passes_through(&self, target: &Target) -> bool {
        !is_ours(&target.host)
            && (self.pass_through.contains(&target.host, target.port)
                || (!self.only.is_empty() && !self.only.contains(&target.host, target.port)))
    }

    /// For a plain request to a host that is not read: who hears of it, which is nobody. Said once,
    /// so that nobody wonders.
    pub(super) fn unheard(&self, target: &Target, remarks: &Remarks) -> Option<&Recorder> {
        if (self.only.is_empty() && self.pass_through.is_empty()) || !self.passes_through(target) {
            return None;
        }
        if !self.said.swap(true, Ordering::Relaxed) {
            let host = target.authority();
            remarks.say(if self.pass_through.contains(&target.host, target.port) {
                format!("{host} is passed through: what it is asked is not recorded.")
            } else {
                format!(
                    "{host} is not among --only: what it and others are asked passes unrecorded."
                )
            });
        }
        Some(&self.unheard)
    }
}
