//! Safelisted names: request headers that need no preflight, response headers script may read.

use super::request::lowered;
use super::verdict::Browser;

/// Whether a request header needs no preflight
/// ([Fetch § CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header)).
///
/// Chromium also lets client hints through (`dpr`, `width`, `viewport-width`, `device-memory`,
/// `downlink`, `rtt`, `save-data`, `sec-ch-*`; not `ect`); Firefox and Safari preflight them
/// (recorded on Chromium 156, Firefox 153, WebKitGTK 2.50).
pub fn is_safelisted_header(browser: Browser, name: &str, value: &[u8]) -> bool {
    const LENGTH_MAX: usize = 128;
    if value.len() > LENGTH_MAX {
        return false;
    }
    let mut buffer = [0; 64];
    let Some(lower) = lowered(name.as_bytes(), &mut buffer) else {
        let hint = name
            .get(..7)
            .is_some_and(|n| n.eq_ignore_ascii_case("sec-ch-"));
        return hint && browser == Browser::Chromium;
    };
    match lower {
        b"accept" => !value.iter().copied().any(is_unsafe_byte),
        b"accept-language" | b"content-language" => value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b" *,-.;=".contains(b)),
        b"content-type" => is_simple_content_type(value),
        b"range" => is_simple_range(value),
        b"dpr" | b"width" | b"viewport-width" | b"device-memory" | b"downlink" | b"rtt"
        | b"save-data" | b"intervention" => browser == Browser::Chromium,
        hint => browser == Browser::Chromium && hint.starts_with(b"sec-ch-"),
    }
}

/// [Fetch § CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte).
fn is_unsafe_byte(b: u8) -> bool {
    (b < 0x20 && b != b'\t') || b"\"():<>?@[\\]{}\x7f".contains(&b)
}

fn is_simple_content_type(value: &[u8]) -> bool {
    if value.iter().copied().any(is_unsafe_byte) {
        return false;
    }
    let essence = value.split(|b| *b == b';').next().unwrap_or_default();
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    ]
    .iter()
    .any(|simple| essence.trim_ascii().eq_ignore_ascii_case(simple.as_bytes()))
}

/// A single range with a start: `bytes=0-` or `bytes=5-10`
/// ([Fetch § simple range header value](https://fetch.spec.whatwg.org/#simple-range-header-value)).
fn is_simple_range(value: &[u8]) -> bool {
    let parse = || {
        let text = std::str::from_utf8(value).ok()?;
        let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |t: &str| {
            let digits = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| t.parse::<u64>().unwrap_or(u64::MAX))
        };
        let start = number(start)?;
        (end.is_empty() || number(end)? >= start).then_some(())
    };
    parse().is_some()
}

/// Whether script may read a response header without it being exposed
/// ([Fetch § CORS-safelisted response-header name](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name)).
pub fn is_safelisted_response_header(name: &str) -> bool {
    [
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    ]
    .iter()
    .any(|safe| name.eq_ignore_ascii_case(safe))
}

/// Whether no script ever reads the header
/// ([Fetch § forbidden response-header name](https://fetch.spec.whatwg.org/#forbidden-response-header-name)).
pub fn is_forbidden_response_header(name: &str) -> bool {
    name.eq_ignore_ascii_case("set-cookie") || name.eq_ignore_ascii_case("set-cookie2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_names_and_their_values() {
        let safe =
            |name, value: &str| is_safelisted_header(Browser::Firefox, name, value.as_bytes());
        for (name, value) in [
            ("Content-Type", "text/plain;garbage"),
            ("content-type", "TEXT/Plain; charset=utf-8"),
            ("range", "bytes=0-10"),
            ("range", "bytes=0-"),
            ("accept-language", "en-US,en;q=0.9"),
        ] {
            assert!(safe(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-type", "text/plain,x/x"),
            ("range", "bytes=-10"),
            ("range", "bytes=10-5"),
            ("accept", "a\"b"),
            ("x-a", "1"),
            ("dpr", "2"),
        ] {
            assert!(!safe(name, value), "{name}: {value}");
        }
        assert!(!safe("accept", &"a".repeat(129)));
        assert!(is_safelisted_header(Browser::Chromium, "DPR", b"2"));
    }
}
