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
        .iter_where(|name| !is_browsers_own(name))
        .filter(|field| !is_safelisted_header(browser, field.name, field.value))
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
    is_browsers_own(name.as_bytes())
}

fn is_browsers_own(name: &[u8]) -> bool {
    // The longest of them, and one byte more.
    let mut buffer = [0; 39];
    let Some(lower) = lowered(name, &mut buffer) else {
        return starts_with(name, b"sec-") || starts_with(name, b"proxy-");
    };
    lower.starts_with(b"sec-")
        || lower.starts_with(b"proxy-")
        || matches!(
            lower,
            b"accept-charset"
                | b"accept-encoding"
                | b"access-control-request-headers"
                | b"access-control-request-method"
                | b"access-control-request-private-network"
                | b"cache-control"
                | b"connection"
                | b"content-length"
                | b"cookie"
                | b"cookie2"
                | b"date"
                | b"dnt"
                | b"early-data"
                | b"expect"
                | b"host"
                | b"if-modified-since"
                | b"if-none-match"
                | b"keep-alive"
                | b"last-event-id"
                | b"origin"
                | b"pragma"
                | b"priority"
                | b"purpose"
                | b"referer"
                | b"save-data"
                | b"te"
                | b"trailer"
                | b"transfer-encoding"
                | b"upgrade"
                | b"upgrade-insecure-requests"
                | b"user-agent"
                | b"via"
                | b"x-client-data"
                | b"x-moz"
                | b"x-purpose"
        )
}

/// A name in lower case; `None` where it does not fit.
pub(super) fn lowered<'b>(name: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

fn starts_with(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
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
