//! What the connection a request came on tells of its credentials mode.
//!
//! Browsers keep connections with and without credentials apart: a request without them, and every
//! preflight, never shares one with a credentialed request
//! ([Fetch § connections](https://fetch.spec.whatwg.org/#connections): a connection's key has a
//! credentials flag). Of some 12,500 connections recorded with Chromium 156 and Firefox 153 none had
//! both kinds; 1,786 had a preflight and an uncredentialed request. WebKit was not recorded, so it
//! tells nothing there.

use std::collections::{HashMap, VecDeque};

use crate::cors::{Browser, Credentials};
use crate::wire::{Exchange, Origin, Source};

use foldhash::quality::RandomState;

use super::infer::{credentials_of, engine, value};
use super::slots::key_of;

/// Which connections are known to carry credentials, and which are known not to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    told: HashMap<u64, Told, RandomState>,
    order: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    with: bool,
    without: bool,
}

impl Connections {
    const CONNECTIONS_MAX: usize = 16_384;

    /// Takes a request into account; says whether its connection now tells something new.
    pub(crate) fn learn(&mut self, exchange: &Exchange, target: &str) -> bool {
        let known = mode_of(exchange);
        if known == Credentials::Unknown {
            return false;
        }
        let Some(key) = key(exchange, target) else {
            return false;
        };
        if !self.told.contains_key(&key) {
            self.order.push_back(key);
            if self.order.len() > Self::CONNECTIONS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.told.remove(&oldest);
            }
        }
        let told = self.told.entry(key).or_default();
        let news = match known {
            Credentials::Include => !std::mem::replace(&mut told.with, true),
            _ => !std::mem::replace(&mut told.without, true),
        };
        news && told.with != told.without || news && told.with && told.without
    }

    /// What the connection of a request that CORS applies to tells of it. One that seems to have
    /// carried both is no single connection, whatever the capture calls it.
    pub(crate) fn credentials(&self, exchange: &Exchange) -> Credentials {
        let told = Origin::text_of_url(&exchange.request.url)
            .and_then(|target| key(exchange, &target))
            .and_then(|key| self.told.get(&key));
        match told {
            Some(Told {
                with: true,
                without: false,
            }) => Credentials::Include,
            Some(Told {
                with: false,
                without: true,
            }) => Credentials::NotInclude,
            _ => Credentials::Unknown,
        }
    }
}

/// What names a connection; `None` where the capture does not number them. Firefox's HAR files have
/// the server's port in that place.
fn key(exchange: &Exchange, target: &str) -> Option<u64> {
    let number = exchange.client.connection;
    let headers = &exchange.request.headers;
    let browser = engine(headers, None)?;
    let port = || Origin::of_url(target)?.port_or_default().map(u64::from);
    let is_port = exchange.source == Source::Har && Some(number) == port();
    if number == 0 || is_port || browser == Browser::Safari {
        return None;
    }
    let agent = value(headers, "user-agent");
    Some(key_of((number, agent, target)))
}

fn mode_of(exchange: &Exchange) -> Credentials {
    if exchange.request.is_preflight() {
        return Credentials::NotInclude;
    }
    let headers = &exchange.request.headers;
    if value(headers, "sec-fetch-mode") != "cors" || !headers.contains("origin") {
        return Credentials::Unknown;
    }
    let browser = engine(headers, None).unwrap_or_default();
    credentials_of(exchange, browser, None)
}
