//! The part of a fetch that a fix is for.

use std::sync::Arc;

use crate::diagnose::{Cause, Diagnosis, Exchanges, Role};
use crate::wire::{Exchange, HeaderList};

/// The step of a fetch that failed: one URL, its preflight and its actual request.
pub(super) struct Hop {
    pub(super) url: String,
    /// The `Origin` that was sent.
    pub(super) origin: Option<String>,
    pub(super) preflight: Option<Arc<Exchange>>,
    pub(super) actual: Option<Arc<Exchange>>,
}

impl Hop {
    pub(super) fn find(
        diagnosis: &Diagnosis,
        cause: &Cause,
        failed: Option<&Exchange>,
        exchanges: &dyn Exchanges,
    ) -> Self {
        let members = &diagnosis.fetch.members;
        let at = members
            .iter()
            .position(|m| m.exchange.is_some() && m.exchange == cause.exchange);
        let lookup = |at: usize| {
            members
                .get(at)?
                .exchange
                .and_then(|id| exchanges.exchange(id))
        };
        let (preflight, actual) = match at {
            Some(at) if members[at].role == Role::Preflight => {
                let next = members.get(at + 1).filter(|m| m.role != Role::Preflight);
                (lookup(at), next.and_then(|_| lookup(at + 1)))
            }
            Some(at) => {
                let before = at
                    .checked_sub(1)
                    .filter(|before| members[*before].role == Role::Preflight);
                (before.and_then(lookup), lookup(at))
            }
            None => (None, None),
        };
        let url = failed.map_or_else(|| diagnosis.url.clone(), |e| e.request.url.clone());
        let origin = failed
            .and_then(|e| e.request.headers.get("origin"))
            .or_else(|| diagnosis.origin.clone());
        Self {
            url,
            origin,
            preflight,
            actual,
        }
    }

    /// A header of the preflight.
    pub(super) fn asked(&self, name: &str) -> Option<String> {
        self.preflight.as_ref()?.request.headers.get(name)
    }
}

/// The items of a list header.
pub(super) fn list(headers: &HeaderList, name: &str) -> Vec<String> {
    headers
        .get(name)
        .map(|value| tokens(&value).collect())
        .unwrap_or_default()
}

/// The items of a list header's value.
pub(super) fn tokens(value: &str) -> impl Iterator<Item = String> + '_ {
    value
        .split(',')
        .map(|item| item.trim_matches([' ', '\t']))
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
}
