//! What no page may send: forbidden methods and request headers.

/// CONNECT, TRACE and TRACK
/// ([Fetch § forbidden method](https://fetch.spec.whatwg.org/#forbidden-method)).
pub fn is_forbidden_method(method: &str) -> bool {
    ["CONNECT", "TRACE", "TRACK"]
        .iter()
        .any(|m| method.eq_ignore_ascii_case(m))
}

/// Whether script may not set the header
/// ([Fetch § forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header)).
pub fn is_forbidden_request_header(name: &str, value: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let lower = name.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "x-http-method" | "x-http-method-override" | "x-method-override"
    ) {
        let value = String::from_utf8_lossy(value);
        return value.split(',').any(|m| is_forbidden_method(m.trim()));
    }
    lower.starts_with("sec-") || lower.starts_with("proxy-") || NAMES.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_prefixes_and_disguises() {
        for no in ["Host", "sec-fetch-mode", "Proxy-Authorization", "DNT"] {
            assert!(is_forbidden_request_header(no, b"x"), "{no}");
        }
        for yes in [
            "Authorization",
            "X-A",
            "Cache-Control",
            "User-Agent",
            "Range",
        ] {
            assert!(!is_forbidden_request_header(yes, b"x"), "{yes}");
        }
        let over = "X-HTTP-Method-Override";
        assert!(is_forbidden_request_header(over, b"GET, trace"));
        assert!(!is_forbidden_request_header(over, b"PATCH"));
        assert!(is_forbidden_method("track") && !is_forbidden_method("PUT"));
    }
}
