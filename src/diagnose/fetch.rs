//! What one script call (or element, or navigation) caused on the wire.

use std::fmt;

use crate::cors::{Browser, Credentials};
use crate::wire::ExchangeId;

/// Names a fetch within its session: dense, from 1, in the order of first sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FetchId(pub u32);

impl fmt::Display for FetchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What an exchange is within its fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The preflight of a hop.
    Preflight,
    /// A request that was answered with a redirect which was followed, or should have been.
    Redirect,
    /// The request itself.
    Actual,
}

impl Role {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Redirect => "redirect",
            Self::Actual => "actual",
        }
    }
}

/// One step of a fetch: an exchange, or the place of one that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// What it is.
    pub role: Role,
    /// The exchange; `None` when it was not sent.
    pub exchange: Option<ExchangeId>,
    /// A preflight that was answered from the browser's cache.
    pub cached: bool,
    /// An actual request that never followed its preflight, or its redirect.
    pub never_sent: bool,
    /// For a cached preflight: the exchange that was remembered, where it is in the capture.
    pub remembered: Option<ExchangeId>,
}

impl Member {
    /// A step that took place.
    pub fn sent(role: Role, exchange: ExchangeId) -> Self {
        Self {
            role,
            exchange: Some(exchange),
            cached: false,
            never_sent: false,
            remembered: None,
        }
    }

    /// A preflight that the browser had in its cache.
    pub fn cached(remembered: Option<ExchangeId>) -> Self {
        Self {
            role: Role::Preflight,
            exchange: None,
            cached: true,
            never_sent: false,
            remembered,
        }
    }

    /// A request that was never sent.
    pub fn missing() -> Self {
        Self {
            role: Role::Actual,
            exchange: None,
            cached: false,
            never_sent: true,
            remembered: None,
        }
    }
}

/// What one script call caused: preflights, redirects and the actual request, in order; some of them
/// may never have been sent. Every exchange belongs to exactly one fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Name within the session.
    pub id: FetchId,
    /// The steps, in order.
    pub members: Vec<Member>,
    /// Whose rules apply: from the User-Agent, unless told otherwise.
    pub browser: Browser,
    /// Whether the browser was told (`--browser`), and not read from the User-Agent.
    pub browser_told: bool,
    /// What a remembered preflight says of the credentials mode: a grant made without credentials
    /// serves no request with them.
    pub cached_credentials: Credentials,
    /// Whether nothing can be added any more: the actual request is over, or its time has passed.
    pub settled: bool,
}

impl Fetch {
    /// The exchanges that took place, in order.
    pub fn exchanges(&self) -> impl Iterator<Item = ExchangeId> + '_ {
        self.members.iter().filter_map(|m| m.exchange)
    }

    /// The last exchange that is not a preflight, or the first exchange if there is none: the row
    /// that stands for the fetch.
    pub fn head(&self) -> Option<ExchangeId> {
        let actual = self
            .members
            .iter()
            .rev()
            .find(|m| m.role != Role::Preflight);
        actual
            .and_then(|m| m.exchange)
            .or_else(|| self.exchanges().next())
    }
}
