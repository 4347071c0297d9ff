//! How long a browser may use a preflight answer again.

use super::verdict::Browser;

/// Lifetime of a preflight answer in seconds, from the value of `Access-Control-Max-Age`; 0 is "never
/// used again" ([Fetch § CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch),
/// steps 7.8 to 7.10).
///
/// Absent means 5 in every engine. Caps: Chromium 7200, Firefox 86400, Safari 600. A value that does
/// not parse means 5 in Chromium and Safari, and in Firefox no caching (recorded: `abc`, `"600"`,
/// `10.5`). `+600` counts as a number in Chromium, not in Firefox.
pub fn max_age_seconds(browser: Browser, value: Option<&str>) -> u64 {
    const DEFAULT: u64 = 5;
    let Some(value) = value else { return DEFAULT };
    let value = value.trim();
    match browser {
        Browser::Chromium | Browser::Safari => {
            let cap = if browser == Browser::Chromium {
                7200
            } else {
                600
            };
            match value.parse::<i64>() {
                Ok(seconds) => u64::try_from(seconds).unwrap_or(0).min(cap),
                Err(_) => DEFAULT,
            }
        }
        Browser::Firefox => {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            if digits {
                value.parse::<u64>().unwrap_or(u64::MAX).min(86400)
            } else {
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caps_and_the_oddities() {
        use Browser::{Chromium, Firefox, Safari};
        for (value, chromium, firefox, safari) in [
            (None, 5, 5, 5),
            (Some("600"), 600, 600, 600),
            (Some("999999"), 7200, 86400, 600),
            (Some("0"), 0, 0, 0),
            (Some("-1"), 0, 0, 0),
            (Some("abc"), 5, 0, 5),
            (Some("+600"), 600, 0, 600),
        ] {
            assert_eq!(max_age_seconds(Chromium, value), chromium, "{value:?}");
            assert_eq!(max_age_seconds(Firefox, value), firefox, "{value:?}");
            assert_eq!(max_age_seconds(Safari, value), safari, "{value:?}");
        }
    }
}
