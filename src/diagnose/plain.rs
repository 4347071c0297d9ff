//! Fetches that plainly have nothing to do with CORS: most of what a browser loads.

use crate::wire::{End, Kind, Source};

use super::exchanges::Exchanges;
use super::fetch::{Fetch, Member, Role};
use super::infer::{Class, classify};

/// Whether all that [`diagnose`](super::diagnose) would say of a fetch is that it is exempt, without a
/// cause, a warning, or the word of a browser. `false` says nothing: it has to be judged.
pub fn is_plainly_exempt(fetch: &Fetch, exchanges: &dyn Exchanges) -> bool {
    let [
        Member {
            role: Role::Actual,
            exchange: Some(id),
            cached: false,
            never_sent: false,
            remembered: None,
        },
    ] = fetch.members[..]
    else {
        return false;
    };
    let Some(exchange) = exchanges.exchange(id) else {
        return false;
    };
    let request = &exchange.request;
    let as_sent = matches!(exchange.source, Source::Proxy | Source::Har)
        && exchange.kind == Kind::Http
        && exchange.patch.is_none()
        && exchange.told.is_none();
    // With an Origin, of whatever class, there are warnings to look for.
    if !as_sent || request.headers.contains("origin") {
        return false;
    }
    let ordinary = match &exchange.response {
        // Redirects lead where they may not; Chromium takes a 407 for that of a proxy.
        Some(head) => {
            !matches!(head.status, 300..=303 | 305..=399 | 407)
                && !head.headers.contains("location")
                && !head.headers.contains("access-control-allow-origin")
        }
        None => !matches!(exchange.end, End::Failed(_)),
    };
    let rules = fetch.browser_told.then_some(fetch.browser);
    ordinary
        && exchanges.said(id).is_none()
        && matches!(classify(&exchange, rules, false), Class::Exempt(_))
}
