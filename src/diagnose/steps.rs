//! A fetch with its exchanges looked up, hop by hop.

use std::sync::Arc;

use crate::cors::{Ask, Browser, Mode};
use crate::wire::{End, Exchange, ExchangeId, Failure, ResponseHead};

use super::exchanges::Exchanges;
use super::fetch::{Fetch, Role};
use super::infer::{Class, SAME_ORIGIN, classify, value};

/// One exchange of a fetch, and what the browser got for it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) head: Option<ResponseHead>,
}

impl Step {
    fn new(exchange: Arc<Exchange>) -> Self {
        let head = exchange.delivered();
        Self { exchange, head }
    }

    pub(crate) fn id(&self) -> ExchangeId {
        self.exchange.id
    }

    /// What broke, if no answer came.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.exchange.end {
            End::Failed(failure) if self.head.is_none() => Some(failure),
            _ => None,
        }
    }
}

/// One request of a fetch with its preflight.
#[derive(Clone, Debug, Default)]
pub(crate) struct HopSteps {
    pub(crate) preflight: Option<Step>,
    pub(crate) ask: Option<Ask>,
    pub(crate) actual: Option<Step>,
    pub(crate) class: Option<Class>,
}

/// The hops of a fetch, in order. Of repeated attempts the last one counts.
pub(crate) fn hops_of(fetch: &Fetch, exchanges: &dyn Exchanges) -> Vec<HopSteps> {
    let mut rules = fetch.browser_told.then_some(fetch.browser);
    let mut hops: Vec<HopSteps> = Vec::new();
    for member in &fetch.members {
        let Some(step) = member
            .exchange
            .and_then(|id| exchanges.exchange(id))
            .map(Step::new)
        else {
            continue;
        };
        let begins = match hops.last() {
            None => true,
            Some(hop) => match (&hop.actual, member.role) {
                (None, _) => false,
                (Some(_), Role::Preflight) => true,
                (Some(before), _) => {
                    let again = before
                        .head
                        .as_ref()
                        .is_none_or(|head| is_asked_again(fetch.browser, head.status));
                    !again || before.exchange.request.url != step.exchange.request.url
                }
            },
        };
        if begins {
            hops.push(HopSteps::default());
        }
        let redirected = hops.len() > 1;
        let Some(hop) = hops.last_mut() else { continue };
        if member.role == Role::Preflight {
            // Only browsers ask first; after that script may have changed the User-Agent.
            rules = Some(fetch.browser);
            hop.ask = Ask::of(&step.exchange.request.headers);
            hop.preflight = Some(step);
        } else {
            hop.class = Some(if hop.preflight.is_some() {
                Class::Cors
            } else {
                classify(&step.exchange, rules, redirected)
            });
            hop.actual = Some(step);
        }
    }
    hops
}

impl HopSteps {
    /// The request that stands for the hop.
    pub(crate) fn head_step(&self) -> Option<&Step> {
        self.actual.as_ref().or(self.preflight.as_ref())
    }

    pub(crate) fn class(&self) -> Class {
        match &self.class {
            Some(class) => class.clone(),
            None => Class::Cors,
        }
    }

    /// What the rules have to do with the request.
    pub(crate) fn mode(&self) -> Mode {
        match self.class() {
            Class::Cors | Class::Preflight => Mode::Cors,
            Class::Exempt(SAME_ORIGIN) if !self.is_no_cors() => Mode::SameOrigin,
            Class::NoCors | Class::Exempt(SAME_ORIGIN) => Mode::NoCors {
                passive: self.actual.as_ref().is_some_and(|step| {
                    let dest = value(&step.exchange.request.headers, "sec-fetch-dest");
                    matches!(&*dest, "" | "image" | "audio" | "video")
                }),
            },
            Class::Exempt(_) => Mode::Exempt,
        }
    }

    fn is_no_cors(&self) -> bool {
        self.actual.as_ref().is_some_and(|step| {
            value(&step.exchange.request.headers, "sec-fetch-mode") == "no-cors"
        })
    }

    /// Whether the browser went beyond the answer to the preflight. A request that was only made
    /// before it, as DevTools tells it, and never answered, may not have been sent.
    pub(crate) fn preflight_accepted(&self) -> bool {
        match (&self.actual, &self.preflight) {
            (Some(actual), Some(preflight)) => {
                actual.head.is_some() || actual.exchange.opened_at >= preflight.exchange.opened_at
            }
            (actual, _) => actual.is_some(),
        }
    }
}

/// Chromium takes a 407 of an https server for that of a broken proxy (`net::ERR_UNEXPECTED_PROXY_AUTH`),
/// to a preflight as well, before it looks at CORS: no line of the console speaks of it then (recorded on
/// 156, with and without CORS headers). Firefox hands it to script.
pub(crate) fn is_unexpected_proxy_auth(browser: Browser, step: &Step) -> bool {
    browser == Browser::Chromium
        && step.head.as_ref().is_some_and(|h| h.status == 407)
        && step.exchange.request.url.starts_with("https://")
}

/// Answers that make a browser send the request again by itself, on another connection: 421 both do
/// ([RFC 9110 § 15.5.20](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20)), 408 on a connection
/// that was used before Chromium (recorded on 156 and 153).
pub(super) fn is_asked_again(browser: Browser, status: u16) -> bool {
    status == 421 || status == 408 && browser == Browser::Chromium
}
