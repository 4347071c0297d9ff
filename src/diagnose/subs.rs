//! Which kind of mismatch: how an Allow-Origin value differs from the origin that asked.

use std::net::IpAddr;

use url::Url;

use crate::cors::{Check, Fault};
use crate::wire::{Origin, is_loopback_host};

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
    if found.eq_ignore_ascii_case(bare) || found.eq_ignore_ascii_case(page.host()) {
        return Some("missing-scheme");
    }
    let other = other.as_ref().and_then(Origin::of);
    if let Some(sub) = other.as_ref().and_then(|other| related(other, &page)) {
        return Some(sub);
    }
    if found.eq_ignore_ascii_case(needed) {
        return Some("case");
    }
    if let Some(sub) = other.as_ref().and_then(|other| elsewhere(other, &page)) {
        return Some(sub);
    }
    // Quoted, with white space, empty, garbage: the check says it all.
    let broken = found.is_empty() || found.contains(['"', '\'', ' ', '`']);
    if found.contains('*') && !broken {
        return Some("wildcard-subdomain");
    }
    if unicode_form(found).is_some_and(|o| o == page) {
        return Some("idn");
    }
    if found == "null" {
        return Some("literal-null");
    }
    if is_placeholder(found) {
        return Some("placeholder");
    }
    match other {
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
    let bytes: Vec<u8> = found
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect::<Option<_>>()?;
    Origin::of_url(std::str::from_utf8(&bytes).ok()?)
}

fn explicit_port(text: &str) -> Option<&str> {
    let rest = text.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let port = authority.rsplit_once(':')?.1;
    (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then_some(port)
}

fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "undefined",
        "none",
        "null",
        "nil",
        "nan",
        "[object object]",
        "https://example.com",
        "http://example.com",
        "https://yourdomain.com",
        "https://your-domain.com",
        "https://www.example.com",
        "https://your-frontend.com",
    ];
    let lower = value.trim_end_matches('/').to_ascii_lowercase();
    WORDS.contains(&lower.as_str())
        || value.contains("${")
        || value.contains("{{")
        || (value.starts_with('$') && value.len() > 1)
        || value.starts_with("%{")
        || (value.starts_with('<') && value.ends_with('>') && !value.contains("://"))
        || (value.starts_with("process.env"))
}

/// Loopback or a private address: nobody's public site.
pub(crate) fn is_private(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => {
            is_loopback_host(host)
                || std::path::Path::new(host)
                    .extension()
                    .is_some_and(|e| e.eq_ignore_ascii_case("local"))
        }
    }
}

fn is_preview(host: &str) -> bool {
    const ZONES: [&str; 10] = [
        ".vercel.app",
        ".netlify.app",
        ".pages.dev",
        ".web.app",
        ".onrender.com",
        ".herokuapp.com",
        ".up.railway.app",
        ".fly.dev",
        ".github.dev",
        ".azurestaticapps.net",
    ];
    ZONES.iter().any(|zone| host.ends_with(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds() {
        let page = "https://app.test:8443";
        for (found, needed, sub) in [
            ("https://app.test:8443/", page, Some("trailing-slash")),
            ("https://app.test:8443/x", page, Some("has-path")),
            ("app.test:8443", page, Some("missing-scheme")),
            ("app.test", page, Some("missing-scheme")),
            ("http://app.test:8443", page, Some("scheme")),
            ("http://app.test", "https://app.test", Some("scheme")),
            ("https://www.app.test", "https://app.test", Some("www-apex")),
            ("https://app.test:3000", page, Some("port")),
            ("https://app.test:443", "https://app.test", Some("port")),
            ("https://APP.test:8443", page, Some("case")),
            (
                "http://localhost:3000",
                "http://127.0.0.1:3000",
                Some("localhost-alias"),
            ),
            (
                "http://localhost:3000",
                page,
                Some("dev-origin-in-production"),
            ),
            (
                "https://app.test",
                "https://x-git-main.vercel.app",
                Some("preview-deployment"),
            ),
            ("https://*.app.test", page, Some("wildcard-subdomain")),
            ("*.app.test", page, Some("wildcard-subdomain")),
            ("undefined", page, Some("placeholder")),
            ("null", page, Some("literal-null")),
            ("https://a.test", "null", Some("null-origin")),
            ("https://b.test", page, Some("other-origin")),
            ("\"https://app.test\"", page, None),
            ("<https://app.test:8443>", page, None),
            ("https://user@app.test:8443", page, None),
            ("%{HTTP_ORIGIN}e", page, Some("placeholder")),
            ("https://example.com", page, Some("placeholder")),
            (
                "https://example.com",
                "https://www.example.com",
                Some("www-apex"),
            ),
            (
                "https://\u{c3}\u{a4}pp.test",
                "https://xn--pp-uia.test",
                Some("idn"),
            ),
        ] {
            assert_eq!(mismatch(found, needed, false), sub, "{found} for {needed}");
        }
        assert_eq!(
            mismatch("https://b.test", page, true),
            Some("cached-other-origin")
        );
    }
}
