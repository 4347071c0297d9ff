//! Values and hosts that say what they are for: placeholders, development, previews.

use std::net::IpAddr;

use crate::wire::{Origin, is_loopback_host};

/// A word that a program writes for nothing, a variable nobody put a value in, a host out of a
/// manual.
pub(super) fn is_placeholder(value: &str, page: &Origin) -> bool {
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

/// A deployment of one branch or pull request.
pub(super) fn is_preview(host: &str) -> bool {
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
