//! Which kind of mismatch: how an Allow-Origin value differs from the origin that asked.

mod hosts;
#[cfg(test)]
mod tests;

use url::Url;

use crate::cors::{Check, Fault};
use crate::wire::{Origin, is_loopback_host};

pub(crate) use self::hosts::is_private;
use self::hosts::{is_placeholder, is_preview};
use super::align::Alignment;
use super::steps::Step;
use super::surroundings::is_cache_hit;

/// The sub-cause of a fault in Allow-Origin, tests in the order of the taxonomy; `None` for other
/// checks.
pub(crate) fn of(step: &Step, fault: &Fault) -> Option<&'static str> {
    let headers = &step.head.as_ref()?.headers;
    match fault.check {
        Check::MultipleAllowOriginValues => {
            let lines = headers.all("access-control-allow-origin").count();
            Some(if lines > 1 {
                "duplicate-headers"
            } else {
                "list-in-one-header"
            })
        }
        Check::AllowOriginMismatch | Check::InvalidAllowOriginValue => {
            let found = fault.found.as_deref()?;
            let cached = is_cache_hit(headers).is_some();
            mismatch(found, fault.needed.as_deref()?, cached)
        }
        _ => None,
    }
}

/// The value that was found beside the one that was needed, where both had to be equal.
pub(crate) fn alignment(fault: &Fault) -> Option<Alignment> {
    let compared = matches!(
        fault.check,
        Check::AllowOriginMismatch
            | Check::InvalidAllowOriginValue
            | Check::MultipleAllowOriginValues
            | Check::InvalidAllowCredentials
    );
    let found = fault.found.as_deref().filter(|_| compared)?;
    Some(Alignment::of(
        &latin1(found)?,
        &latin1(fault.needed.as_deref()?)?,
    ))
}

/// The bytes of a text that has a character for each.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}

/// How the value `found` differs from the origin `needed`.
pub(crate) fn mismatch(found: &str, needed: &str, cached: bool) -> Option<&'static str> {
    if needed == "null" {
        return Some("null-origin");
    }
    if found.trim_end_matches('/') == needed && found != needed {
        return Some("trailing-slash");
    }
    let page = Origin::of_url(needed)?;
    let other = Url::parse(found).ok();
    if let Some(sub) = other.as_ref().and_then(|url| nearly(url, &page, found)) {
        return Some(sub);
    }
    let bare = needed.split_once("://").map_or(needed, |(_, rest)| rest);
    let schemeless = found.trim_start_matches('/').trim_end_matches('/');
    if schemeless.eq_ignore_ascii_case(bare) || schemeless.eq_ignore_ascii_case(page.host()) {
        return Some("missing-scheme");
    }
    let other = other.as_ref().and_then(Origin::of);
    if let Some(sub) = other.as_ref().and_then(|other| related(other, &page)) {
        return Some(sub);
    }
    if found != needed && found.trim_end_matches('/').eq_ignore_ascii_case(needed) {
        return Some("case");
    }
    if let Some(sub) = other.as_ref().and_then(|other| elsewhere(other, &page)) {
        return Some(sub);
    }
    // Quoted, with white space, empty, garbage: the check says it all.
    let broken = found.is_empty() || found.contains(['"', '\'', ' ', '`', '\t']);
    if found.contains('*') && !broken {
        return Some("wildcard-subdomain");
    }
    if unicode_form(found).is_some_and(|o| o == page) {
        return Some("idn");
    }
    if found == "null" {
        return Some("literal-null");
    }
    if is_placeholder(found, &page) {
        return Some("placeholder");
    }
    match other {
        _ if broken => None,
        Some(other) if other == page => None,
        Some(_) if cached => Some("cached-other-origin"),
        Some(_) => Some("other-origin"),
        None => None,
    }
}

/// The same origin, with something after it or its default port spelled out.
fn nearly(url: &Url, page: &Origin, found: &str) -> Option<&'static str> {
    if Origin::of(url).as_ref() != Some(page) {
        return None;
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Some("has-path");
    }
    explicit_port(found)
        .filter(|_| matches!(page, Origin::Tuple { port: None, .. }))
        .map(|_| "port")
}

/// An origin that differs in one of its parts.
fn related(other: &Origin, page: &Origin) -> Option<&'static str> {
    let same_host = other.host() == page.host();
    let same_scheme = other.scheme() == page.scheme();
    let same_port = other.port_or_default() == page.port_or_default();
    let plain = |o: &Origin| matches!(o, Origin::Tuple { port: None, .. });
    let http = |o: &Origin| matches!(o.scheme(), "http" | "https");
    let www = |a: &str, b: &str| a.strip_prefix("www.") == Some(b);
    if same_host && !same_scheme && http(other) && (same_port || plain(other) && plain(page)) {
        Some("scheme")
    } else if same_scheme
        && same_port
        && (www(other.host(), page.host()) || www(page.host(), other.host()))
    {
        Some("www-apex")
    } else if same_host && same_scheme && !same_port {
        Some("port")
    } else {
        None
    }
}

/// An origin on another host, of a kind that says why.
fn elsewhere(other: &Origin, page: &Origin) -> Option<&'static str> {
    let same_host = other.host() == page.host();
    if is_loopback_host(other.host()) && is_loopback_host(page.host()) && !same_host {
        Some("localhost-alias")
    } else if is_private(other.host()) && !is_private(page.host()) {
        Some("dev-origin-in-production")
    } else if is_preview(page.host()) && !same_host {
        Some("preview-deployment")
    } else {
        None
    }
}

/// The origin that a value in UTF-8 names; the text has a character for each byte.
fn unicode_form(found: &str) -> Option<Origin> {
    if found.is_ascii() {
        return None;
    }
    Origin::of_url(std::str::from_utf8(&latin1(found)?).ok()?)
}

fn explicit_port(text: &str) -> Option<&str> {
    let rest = text.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let port = authority.rsplit_once(':')?.1;
    port.bytes().all(|b| b.is_ascii_digit()).then_some(port)
}
