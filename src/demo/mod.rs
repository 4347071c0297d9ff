//! Deliberately broken servers on loopback, the page that calls them, and a client that behaves as
//! a browser does.
//!
//! Everything is real but the people: sockets, TLS, HTTP, the proxy in between. No network and no
//! browser is needed.

mod authority;
mod client;
mod making;
mod page;
mod scenario;
mod scenarios;
mod server;
mod site;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use authority::Authority;
pub use client::{Client, ClientError, Pace, Saw};
use page::Page;
pub use scenario::{Answer, Body, Call, Expected, Fault, How, Scenario, Seen};
use server::{Counter, Listener};
pub use site::{Party, Site};

/// The running servers. They stop when this is dropped.
pub struct Demo {
    site: Site,
    scenarios: Arc<Vec<Scenario>>,
    ca_pem: String,
    _servers: JoinSet<()>,
}

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No port on loopback is to be had.
    #[error("cannot listen on loopback for the demo's servers: {0}")]
    Bind(#[source] std::io::Error),
    /// The servers' certificates cannot be made.
    #[error("cannot make the demo servers' certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The servers' TLS cannot be set up.
    #[error("cannot set up TLS for the demo's servers: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

impl Demo {
    /// Starts the servers, each on a free port of 127.0.0.1 and ::1. Within a tokio runtime.
    pub async fn start() -> Result<Self, DemoError> {
        let authority = Authority::create()?;
        let mut listeners = Vec::new();
        for _ in Party::ALL {
            listeners.push(Listener::bind().await?);
        }
        let mut ports = [0; Party::ALL.len()];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.port;
        }
        let site = Site::new(ports);
        let scenarios = Arc::new(scenarios::all(&site));
        let page = Arc::new(Page::new(&scenarios));
        let mut servers = JoinSet::new();
        for (party, listener) in Party::ALL.into_iter().zip(listeners) {
            let tls = party
                .is_https()
                .then(|| TlsAcceptor::from(Arc::clone(&authority.tls)));
            let counter = Counter {
                party,
                site,
                scenarios: Arc::clone(&scenarios),
                page: Arc::clone(&page),
            };
            servers.spawn(server::serve(listener, tls, Arc::new(counter)));
        }
        Ok(Self {
            site,
            scenarios,
            ca_pem: authority.ca_pem,
            _servers: servers,
        })
    }

    /// Who listens where.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The page a real browser loads: `http://app.localhost:PORT/`.
    pub fn page_url(&self) -> String {
        self.site.url(Party::Page, "/")
    }

    /// The page's calls, in the order it makes them.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// The certificate authority of the https servers, which the proxy must trust upstream.
    pub fn upstream_ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[tokio::test]
    async fn scenarios_are_well_formed() {
        let demo = Demo::start().await.expect("loopback is there");
        let mut ids = HashSet::new();
        for scenario in demo.scenarios() {
            assert!(ids.insert(scenario.id), "twice: {}", scenario.id);
            let expected = &scenario.expected;
            assert_eq!(
                expected.fault.is_some(),
                expected.seen == Seen::Blocked,
                "{}: what is blocked is blocked by a rule",
                scenario.id
            );
            let at_preflight = expected
                .fault
                .is_some_and(|f| f.stage == crate::cors::Stage::Preflight);
            assert!(!at_preflight || scenario.preflight.is_some());
            let text = scenario.call.url.replacen(
                "ws",
                "http",
                usize::from(scenario.call.how == How::WebSocket),
            );
            let origin = crate::wire::Origin::of_url(&text).expect("a URL");
            assert!(
                Party::ALL
                    .iter()
                    .any(|p| demo.site().origin(*p) == origin.to_string()),
                "{}: nobody serves {origin}",
                scenario.id
            );
        }
    }
}
