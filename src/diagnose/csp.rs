//! Whether a page's Content-Security-Policy lets script connect to a URL.

use url::Url;

use crate::wire::Origin;

/// Whether all policies of a header value allow a connection
/// ([CSP § connect-src](https://www.w3.org/TR/CSP3/#directive-connect-src), falling back to
/// `default-src`). After a redirect the path does not count
/// ([§ path matching](https://www.w3.org/TR/CSP3/#match-paths)).
pub(crate) fn allows_connection(header: &str, page: &Origin, url: &Url, redirected: bool) -> bool {
    header.split(',').all(|policy| {
        let sources = directive(policy, "connect-src").or_else(|| directive(policy, "default-src"));
        sources.is_none_or(|sources| {
            sources
                .split_ascii_whitespace()
                .any(|source| matches_source(source, page, url, redirected))
        })
    })
}

/// The value of a directive; the first one counts.
fn directive<'a>(policy: &'a str, wanted: &str) -> Option<&'a str> {
    policy.split(';').find_map(|part| {
        let part = part.trim();
        let (name, value) = part
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((part, ""));
        name.eq_ignore_ascii_case(wanted).then_some(value)
    })
}

/// [CSP § match a URL to a source expression](https://www.w3.org/TR/CSP3/#match-url-to-source-expression).
fn matches_source(source: &str, page: &Origin, url: &Url, redirected: bool) -> bool {
    if source == "*" {
        return matches!(url.scheme(), "http" | "https" | "ws" | "wss")
            || url.scheme() == page.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        return Origin::of(url).is_some_and(|target| {
            page.same_origin(&target)
                || (page.host() == target.host()
                    && matches_scheme(page.scheme(), target.scheme())
                    && (page.port_or_default() == target.port_or_default()
                        || is_default_port(&target)))
        });
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return matches_scheme(&scheme.to_ascii_lowercase(), url.scheme());
    }
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (page.scheme().to_owned(), source),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, ""),
    };
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let target = url.host_str().unwrap_or("");
    let host = host.to_ascii_lowercase();
    let host_fits = match host.strip_prefix('*') {
        Some("") => true,
        Some(tail) => target.ends_with(tail),
        None => host == target,
    };
    let known = url.port_or_known_default();
    let port_fits = match port {
        "*" => true,
        "" => url.port().is_none(),
        port => port.parse().ok() == known || (port == "80" && known == Some(443)),
    };
    let path_fits = redirected
        || path.is_empty()
        || path == "/"
        || (path.ends_with('/') && url.path().starts_with(path))
        || url.path() == path;
    matches_scheme(&scheme, url.scheme()) && host_fits && port_fits && path_fits
}

/// Plain schemes allow their secure forms, http allows WebSockets as well.
fn matches_scheme(allowed: &str, scheme: &str) -> bool {
    allowed == scheme
        || matches!(
            (allowed, scheme),
            ("http", "https" | "ws" | "wss") | ("https", "wss") | ("ws", "wss" | "http" | "https")
        )
}

fn is_default_port(origin: &Origin) -> bool {
    matches!(origin, Origin::Tuple { port: None, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let page = Origin::of_url("https://app.test").expect("a URL");
        for (policy, url, allowed) in [
            ("connect-src 'self'", "https://app.test/x", true),
            ("connect-src 'self'", "https://api.app.test/x", false),
            ("default-src 'none'", "https://api.app.test/", false),
            ("img-src 'none'", "https://api.app.test/", true),
            ("default-src 'none'; connect-src *", "https://a.test/", true),
            ("connect-src *.app.test", "https://api.app.test/x", true),
            ("connect-src *.app.test", "https://app.test/x", false),
            ("connect-src https://a.test:8443", "https://a.test/", false),
            ("connect-src a.test/v1/", "https://a.test/v1/x", true),
            ("connect-src a.test/v1/", "https://a.test/v2/x", false),
            ("connect-src https:", "https://a.test/", true),
            (
                "connect-src *, connect-src 'none'",
                "https://a.test/",
                false,
            ),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(
                allows_connection(policy, &page, &url, false),
                allowed,
                "{policy} {url}"
            );
        }
        let moved = Url::parse("https://a.test/v2").expect("a URL");
        assert!(allows_connection(
            "connect-src a.test/v1/",
            &page,
            &moved,
            true
        ));
    }
}
