//! Which kind of mismatch: how an Allow-Origin value differs from the origin that asked.

use std::net::IpAddr;

use url::Url;

use crate::cors::{Check, Fault};
use crate::wire::{Origin, is_loopback_host};

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

/// A word that a program writes for nothing, a variable nobody put a value in, a host out of a
/// manual.
fn is_placeholder(value: &str, page: &Origin) -> bool {
    const WORDS: [&str; 8] = [
        "undefined",
        "none",
        "null",
        "nil",
        "nan",
        "[object object]",
        "todo",
        "changeme",
    ];
    const SIGNS: [&str; 8] = [
        "${",
        "{{",
        "#{",
        "%{",
        "process.env",
        "import.meta",
        "os.environ",
        "getenv",
    ];
    let lower = value.trim_end_matches('/').to_ascii_lowercase();
    let wrapped = |open, close| lower.starts_with(open) && lower.ends_with(close);
    let within = !lower.contains("://");
    WORDS.contains(&lower.as_str())
        || SIGNS.iter().any(|sign| lower.contains(sign))
        || (lower.starts_with('$') && lower.len() > 1)
        || (within && wrapped('<', '>'))
        || (within && wrapped('{', '}'))
        || (lower.len() > 2 && wrapped('%', '%'))
        || Origin::of_url(&lower).is_some_and(|other| is_from_a_manual(&other, page))
}

/// `example.com` and the like, and hosts that begin with "your".
fn is_from_a_manual(other: &Origin, page: &Origin) -> bool {
    let host = other.host();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let manual = matches!(host, "example.com" | "example.org" | "example.net")
        || host.starts_with("your")
        || host.starts_with("my-frontend");
    manual && !other.schemelessly_same_site(page)
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

    /// Value, origin, sub; each sub of the taxonomy with its near misses.
    const KINDS: [(&str, &str, Option<&str>); 91] = [
        (
            "https://app.test:8443/",
            "https://app.test:8443",
            Some("trailing-slash"),
        ),
        (
            "https://app.test//",
            "https://app.test",
            Some("trailing-slash"),
        ),
        ("https://APP.test/", "https://app.test", Some("case")),
        ("https://app.test/x", "https://app.test", Some("has-path")),
        ("https://app.test/?", "https://app.test", Some("has-path")),
        ("https://app.test/#a", "https://app.test", Some("has-path")),
        (
            "https://app.test:443/x",
            "https://app.test",
            Some("has-path"),
        ),
        ("https://b.test/x", "https://app.test", Some("other-origin")),
        (
            "app.test:8443",
            "https://app.test:8443",
            Some("missing-scheme"),
        ),
        ("app.test", "https://app.test:8443", Some("missing-scheme")),
        ("App.test", "https://app.test", Some("missing-scheme")),
        ("//app.test", "https://app.test", Some("missing-scheme")),
        ("app.test/", "https://app.test", Some("missing-scheme")),
        ("b.test", "https://app.test", None),
        (
            "http://app.test:8443",
            "https://app.test:8443",
            Some("scheme"),
        ),
        ("http://app.test", "https://app.test", Some("scheme")),
        ("https://app.test", "http://app.test", Some("scheme")),
        ("http://b.test", "https://app.test", Some("other-origin")),
        ("ftp://app.test", "https://app.test", Some("other-origin")),
        ("https://www.app.test", "https://app.test", Some("www-apex")),
        ("https://app.test", "https://www.app.test", Some("www-apex")),
        (
            "https://www2.app.test",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://www.b.test",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://www.app.test:81",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://app.test:3000",
            "https://app.test:8443",
            Some("port"),
        ),
        ("https://app.test:443", "https://app.test", Some("port")),
        ("https://app.test:", "https://app.test", Some("port")),
        ("http://localhost", "http://localhost:3000", Some("port")),
        ("http://localhost:80", "http://localhost:3000", Some("port")),
        (
            "http://app.test:8080",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://APP.test:8443",
            "https://app.test:8443",
            Some("case"),
        ),
        ("HTTPS://app.test", "https://app.test", Some("case")),
        ("https://APP.tes", "https://app.test", Some("other-origin")),
        (
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            Some("localhost-alias"),
        ),
        (
            "http://127.0.0.1:3000",
            "http://localhost:3000",
            Some("localhost-alias"),
        ),
        (
            "http://[::1]:3000",
            "http://localhost:5173",
            Some("localhost-alias"),
        ),
        (
            "http://10.0.0.1:3000",
            "http://localhost:3000",
            Some("other-origin"),
        ),
        (
            "http://localhost:3000",
            "https://app.test",
            Some("dev-origin-in-production"),
        ),
        (
            "http://192.168.1.9",
            "https://app.test",
            Some("dev-origin-in-production"),
        ),
        (
            "http://macbook.local:3000",
            "https://app.test",
            Some("dev-origin-in-production"),
        ),
        (
            "https://localhost.test",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://app.test",
            "http://localhost:3000",
            Some("other-origin"),
        ),
        (
            "https://app.test",
            "https://x-git-main.vercel.app",
            Some("preview-deployment"),
        ),
        (
            "https://main.netlify.app",
            "https://pr-7.netlify.app",
            Some("preview-deployment"),
        ),
        (
            "https://app.test",
            "https://vercel.app.test",
            Some("other-origin"),
        ),
        (
            "https://*.app.test",
            "https://shop.app.test",
            Some("wildcard-subdomain"),
        ),
        (
            "*.app.test",
            "https://shop.app.test",
            Some("wildcard-subdomain"),
        ),
        (
            "https?://.*\\.app",
            "https://app.test",
            Some("wildcard-subdomain"),
        ),
        ("**", "https://app.test", Some("wildcard-subdomain")),
        ("\"*\"", "https://app.test", None),
        (
            "https://\u{c3}\u{a4}pp.test",
            "https://xn--pp-uia.test",
            Some("idn"),
        ),
        (
            "https://\u{c3}\u{b6}pp.test",
            "https://xn--pp-uia.test",
            Some("other-origin"),
        ),
        ("https://a.test", "null", Some("null-origin")),
        ("undefined", "null", Some("null-origin")),
        ("NULL", "null", Some("null-origin")),
        ("null", "https://app.test", Some("literal-null")),
        ("nullable", "https://app.test", None),
        (
            "https://null.test",
            "https://app.test",
            Some("other-origin"),
        ),
        ("undefined", "https://app.test", Some("placeholder")),
        ("None", "https://app.test", Some("placeholder")),
        ("${ORIGIN}", "https://app.test", Some("placeholder")),
        ("{{ origin }}", "https://app.test", Some("placeholder")),
        ("{{origin}}", "https://app.test", Some("placeholder")),
        ("$http_origin", "https://app.test", Some("placeholder")),
        ("%{HTTP_ORIGIN}e", "https://app.test", Some("placeholder")),
        ("%FRONTEND_URL%", "https://app.test", Some("placeholder")),
        ("<your-origin>", "https://app.test", Some("placeholder")),
        (
            "process.env.ORIGIN",
            "https://app.test",
            Some("placeholder"),
        ),
        (
            "https://example.com",
            "https://app.test",
            Some("placeholder"),
        ),
        (
            "https://example.com/",
            "https://app.test",
            Some("placeholder"),
        ),
        (
            "https://your-domain.com",
            "https://app.test",
            Some("placeholder"),
        ),
        (
            "https://yourdomain.com",
            "https://app.test",
            Some("placeholder"),
        ),
        (
            "https://example.com",
            "https://www.example.com",
            Some("www-apex"),
        ),
        (
            "https://example.com",
            "https://app.example.com",
            Some("other-origin"),
        ),
        (
            "https://example.test",
            "https://app.test",
            Some("other-origin"),
        ),
        ("https://b.test", "https://app.test", Some("other-origin")),
        (
            "https://shop.app.test",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://evilapp.test",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://app.test.",
            "https://app.test",
            Some("other-origin"),
        ),
        (
            "https://app.test;",
            "https://app.test",
            Some("other-origin"),
        ),
        ("\"https://app.test\"", "https://app.test", None),
        ("'https://app.test'", "https://app.test", None),
        ("[https://app.test]", "https://app.test", None),
        ("<https://app.test:8443>", "https://app.test:8443", None),
        ("https://user@app.test:8443", "https://app.test:8443", None),
        ("https://app.test\tx", "https://app.test", None),
        ("", "https://app.test", None),
        ("true", "https://app.test", None),
        ("all", "https://app.test", None),
        ("$", "https://app.test", None),
        ("https://app.test", "https://app.test", None),
    ];

    #[test]
    fn every_kind_and_its_near_misses() {
        for (found, needed, sub) in KINDS {
            assert_eq!(mismatch(found, needed, false), sub, "{found} for {needed}");
        }
    }

    #[test]
    fn a_cache_explains_another_site_only() {
        let page = "https://app.test";
        for (found, sub) in [
            ("https://b.test", "cached-other-origin"),
            ("https://app.test/", "trailing-slash"),
            ("undefined", "placeholder"),
        ] {
            assert_eq!(mismatch(found, page, true), Some(sub), "{found}");
        }
    }

    #[test]
    fn only_values_that_had_to_be_equal_are_aligned() {
        use crate::cors::Stage;
        let fault = |check, found: &str| {
            let fault = Fault::new(check, Stage::Actual).needed("https://app.test");
            alignment(&fault.found(found))
        };
        let aligned = fault(Check::AllowOriginMismatch, "https://app.test/");
        let differs = aligned.expect("both are known").found_differs();
        assert_eq!(differs.first(), Some(&(16..17)));
        assert!(fault(Check::InvalidAllowOriginValue, "\u{ff}").is_some());
        assert_eq!(fault(Check::MethodDisallowed, "PUT"), None);
        let bare = Fault::new(Check::AllowOriginMismatch, Stage::Actual);
        assert_eq!(alignment(&bare), None);
    }
}
