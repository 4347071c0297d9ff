//! Where a cookie goes: the matching of domains and paths of
//! [RFC 6265bis](https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html), § 5.1.

/// Whether a host lies below a domain (§ 5.1.3). Addresses have nothing below them.
pub(crate) fn is_below(host: &str, domain: &str) -> bool {
    let address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    !address
        && host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// Path matching (§ 5.1.4).
pub(crate) fn covers(path: &str, asked: &str) -> bool {
    asked
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
}

/// The path of a cookie that names none (§ 5.1.4).
pub(crate) fn default_path(of: &str) -> String {
    match of.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => of[..end].to_owned(),
    }
}
