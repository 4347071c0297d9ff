//! The part of a fetch that a fix is for.

use std::sync::Arc;

use url::Url;

use crate::cors::{Answer, Browser, NextHop, next_hop};
use crate::diagnose::{Cause, Diagnosis, Exchanges, Member, Role};
use crate::wire::{Exchange, HeaderList, ResponseHead};

/// The step of a fetch that failed: one URL, its preflight and its actual request.
pub(super) struct Hop {
    pub(super) browser: Browser,
    /// Who asked, as in [`Diagnosis::initiator`].
    pub(super) initiator: &'static str,
    pub(super) url: String,
    /// Method of the actual request.
    pub(super) method: String,
    /// The `Origin` that was sent.
    pub(super) origin: Option<String>,
    /// The redirect that made the request's origin `null`, where one did: its URL.
    pub(super) tainted_by: Option<String>,
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
        let lookup = |member: &Member| member.exchange.and_then(|id| exchanges.exchange(id));
        let (preflight, actual) = match at {
            Some(at) if members[at].role == Role::Preflight => {
                let next = members.get(at + 1).filter(|m| m.role != Role::Preflight);
                (lookup(&members[at]), next.and_then(lookup))
            }
            Some(at) => {
                let before = members[..at].iter().rfind(|m| m.role != Role::Actual);
                let before = before.filter(|m| m.role == Role::Preflight);
                (before.and_then(lookup), lookup(&members[at]))
            }
            None => (None, None),
        };
        let url = failed.map_or_else(|| diagnosis.url.clone(), |e| e.request.url.clone());
        let origin = failed
            .and_then(|e| e.request.headers.get("origin"))
            .or_else(|| diagnosis.origin.clone());
        let method = match (&actual, &preflight) {
            (Some(actual), _) => actual.request.method.clone(),
            (None, Some(preflight)) => asked(preflight, "access-control-request-method")
                .unwrap_or_else(|| diagnosis.method.clone()),
            (None, None) => diagnosis.method.clone(),
        };
        let mut hop = Self {
            browser: diagnosis.browser,
            initiator: diagnosis.initiator,
            url,
            method,
            origin,
            tainted_by: None,
            preflight,
            actual,
        };
        let before = members[..at.unwrap_or(0)].iter();
        hop.tainted_by = before
            .filter(|m| m.role == Role::Redirect)
            .filter_map(lookup)
            .find(|redirect| hop.next(redirect).is_some_and(|next| next.tainted))
            .map(|redirect| redirect.request.url.clone());
        hop
    }

    /// Where a redirect leads, and as whom.
    fn next(&self, redirect: &Exchange) -> Option<NextHop> {
        let head = redirect.delivered()?;
        let answer = Answer {
            status: head.status,
            headers: &head.headers,
        };
        let request = &redirect.request;
        let origin = request.headers.get("origin");
        next_hop(
            self.browser,
            &request.url,
            &request.method,
            origin.as_deref(),
            answer,
        )
    }

    /// Where the actual answer redirects to, and as whom, if it does.
    pub(super) fn redirects_to(&self) -> Option<NextHop> {
        self.next(self.actual.as_deref()?)
    }

    /// Where the preflight answer redirects to, if it does.
    pub(super) fn preflight_target(&self) -> Option<String> {
        let location = self.preflight_head()?.headers.first("location")?.text();
        let target = Url::parse(&self.url).ok()?.join(&location).ok()?;
        Some(target.to_string())
    }

    pub(super) fn preflight_head(&self) -> Option<ResponseHead> {
        self.preflight.as_ref()?.delivered()
    }

    pub(super) fn actual_head(&self) -> Option<ResponseHead> {
        self.actual.as_ref()?.delivered()
    }

    /// A header of the preflight.
    pub(super) fn asked(&self, name: &str) -> Option<String> {
        asked(self.preflight.as_ref()?, name)
    }
}

fn asked(preflight: &Exchange, name: &str) -> Option<String> {
    preflight.request.headers.get(name)
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
