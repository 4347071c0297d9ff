//! What of a request matters to the rules: methods, names, and which of them are "simple".

use crate::wire::HeaderList;

use super::safelist::is_safelisted_header;
use super::verdict::Browser;

/// What the rules have to do with a request
/// ([Fetch § request mode](https://fetch.spec.whatwg.org/#concept-request-mode), and whether its
/// response tainting is "cors" yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Mode `cors`, to another origin or after a detour through one: the CORS check applies.
    Cors,
    /// Script's request to its own origin: readable, but it may be redirected elsewhere.
    SameOrigin,
    /// Mode `no-cors`: opaque. `passive` is a picture, sound or video, which may be plain http on an
    /// https page.
    NoCors {
        /// Optionally blockable content in the terms of Mixed Content.
        passive: bool,
    },
    /// Navigations, WebSockets, clients that are no browser: no rule applies.
    Exempt,
}

/// GET, HEAD or POST
/// ([Fetch § CORS-safelisted method](https://fetch.spec.whatwg.org/#cors-safelisted-method)).
pub fn is_safelisted_method(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST")
}

/// Whether text is a token, as methods and header names must be
/// ([RFC 9110 § 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2)).
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The names a script must have set and that need a preflight, lower case and sorted: what is left
/// of a request's headers without those a browser writes itself and those that are safelisted.
/// Where a preflight was seen, its own list is the better truth.
pub fn unsafe_header_names(browser: Browser, headers: &HeaderList) -> Vec<String> {
    let mut names: Vec<String> = headers
        .iter()
        .filter(|field| {
            !is_written_by_browser(field.name)
                && !is_safelisted_header(browser, field.name, field.value)
        })
        .map(|field| field.name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the browser may have added the header itself: forbidden to script
/// ([Fetch § forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header)), or
/// sent by engines of their own accord (revalidation, reload, client hints, telemetry, privacy).
pub fn is_written_by_browser(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "cache-control",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "early-data",
        "expect",
        "host",
        "if-modified-since",
        "if-none-match",
        "keep-alive",
        "last-event-id",
        "origin",
        "pragma",
        "priority",
        "purpose",
        "referer",
        "save-data",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "via",
        "x-client-data",
        "x-moz",
        "x-purpose",
    ];
    let lower = name.to_ascii_lowercase();
    lower.starts_with("sec-") || lower.starts_with("proxy-") || NAMES.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_compared_as_they_are() {
        assert!(is_safelisted_method("POST"));
        for no in ["post", "PUT", "OPTIONS"] {
            assert!(!is_safelisted_method(no), "{no}");
        }
    }

    #[test]
    fn tokens() {
        assert!(is_token("x-a") && is_token("*"));
        for no in ["", "a b", "a;b", "\"a\"", "\u{e9}"] {
            assert!(!is_token(no), "{no}");
        }
    }

    #[test]
    fn what_script_set() {
        let headers = HeaderList::from_pairs([
            ("Host", "a.test"),
            ("Sec-Fetch-Mode", "cors"),
            ("Accept", "*/*"),
            ("X-Trace", "1"),
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer x"),
        ]);
        assert_eq!(
            unsafe_header_names(Browser::Chromium, &headers),
            ["authorization", "content-type", "x-trace"]
        );
    }
}
