//! The origins of the demo: one page and the servers it calls.

use std::fmt;

/// A party of the demo. Each has an origin of its own; all names are below `.localhost`, which is
/// loopback for every browser, and each name is a site of its own, so that every call is cross-site,
/// as a call from a shop to somebody's API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Serves the page, its script, its style and its logo: `http://app.localhost`.
    Page,
    /// The shop's API: `https://api.localhost`.
    Api,
    /// The plain-http front of the same API, which sends everybody on to https.
    OldApi,
    /// The service that knows the accounts: `https://auth.localhost`.
    Auth,
    /// Somebody else's statistics: `http://stats.localhost`.
    Stats,
    /// A WebSocket and an event stream: `https://live.localhost`.
    Live,
}

impl Party {
    /// Every party, in the order their ports are given out.
    pub const ALL: [Self; 6] = [
        Self::Page,
        Self::Api,
        Self::OldApi,
        Self::Auth,
        Self::Stats,
        Self::Live,
    ];

    /// Its host name.
    pub fn host(self) -> &'static str {
        match self {
            Self::Page => "app.localhost",
            Self::Api | Self::OldApi => "api.localhost",
            Self::Auth => "auth.localhost",
            Self::Stats => "stats.localhost",
            Self::Live => "live.localhost",
        }
    }

    /// Whether it is served over TLS.
    pub fn is_https(self) -> bool {
        matches!(self, Self::Api | Self::Auth | Self::Live)
    }
}

/// Which port each party got: all the scenarios need to name their URLs.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    ports: [u16; Party::ALL.len()],
}

impl Site {
    /// Ports in the order of [`Party::ALL`].
    pub fn new(ports: [u16; Party::ALL.len()]) -> Self {
        Self { ports }
    }

    /// The serialised origin of a party: `https://api.localhost:40123`.
    pub fn origin(&self, party: Party) -> String {
        let scheme = if party.is_https() { "https" } else { "http" };
        format!("{scheme}://{}:{}", party.host(), self.port(party))
    }

    /// The port a party listens on.
    pub fn port(&self, party: Party) -> u16 {
        self.ports[party as usize]
    }

    /// A URL at a party; `path` starts with a slash.
    pub fn url(&self, party: Party, path: impl fmt::Display) -> String {
        format!("{}{path}", self.origin(party))
    }
}
