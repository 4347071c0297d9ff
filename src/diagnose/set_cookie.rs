//! Cookies that the browser will not keep.

use crate::cors::{Browser, Credentials};
use crate::wire::{Origin, is_loopback_host};

/// Why a `Set-Cookie` of a cross-origin answer is surely dropped; `None` if it may be kept
/// ([RFC 6265bis § 5.7](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-storage-model)).
/// A missing SameSite means Lax in Chromium only.
pub(crate) fn dropped(
    text: &str,
    page: &Origin,
    target: &Origin,
    browser: Browser,
    credentials: Credentials,
) -> Option<&'static str> {
    if credentials == Credentials::NotInclude {
        return Some("not kept: the request was made without credentials");
    }
    let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
    let attribute = |wanted: &str| {
        attributes.split(';').find_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_ascii_lowercase())
        })
    };
    let secure = attribute("secure").is_some();
    let same_site = attribute("samesite");
    let name = pair.split('=').next().unwrap_or_default().trim();
    let https = target.scheme() == "https";
    if pair.len() > 4096 {
        return Some("not kept: longer than 4096 bytes");
    }
    if secure && !https && !is_loopback_host(target.host()) {
        return Some("not kept: Secure, over plain http");
    }
    if same_site.as_deref() == Some("none") && !secure {
        return Some("not kept: SameSite=None without Secure");
    }
    if attribute("partitioned").is_some() && !secure {
        return Some("not kept: Partitioned without Secure");
    }
    if name.starts_with("__Secure-") && !secure {
        return Some("not kept: the name begins with __Secure- and it is not Secure");
    }
    let host_bound =
        secure && attribute("domain").is_none() && attribute("path").as_deref() == Some("/");
    if name.starts_with("__Host-") && !host_bound {
        return Some("not kept: the name begins with __Host- and it is not bound to the host");
    }
    let cross_site = !page.is_opaque() && !page.same_site(target);
    match same_site.as_deref() {
        Some("lax" | "strict") if cross_site => {
            Some("not kept: SameSite forbids it in an answer to another site")
        }
        None if cross_site && browser == Browser::Chromium => {
            Some("not kept: without SameSite=None Chromium takes it for Lax")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure() {
        let origin = |u| Origin::of_url(u).expect("a URL");
        let (page, api) = (origin("https://app.test"), origin("https://api.other.test"));
        let why = |text, browser| dropped(text, &page, &api, browser, Credentials::Include);
        for (text, chromium, firefox) in [
            ("a=b; SameSite=None; Secure", false, false),
            ("a=b; SameSite=None", true, true),
            ("a=b", true, false),
            ("a=b; SameSite=Lax; Secure", true, true),
            ("__Host-a=b; Secure; SameSite=None; Path=/", false, false),
            ("__Host-a=b; Secure; SameSite=None", true, true),
        ] {
            assert_eq!(why(text, Browser::Chromium).is_some(), chromium, "{text}");
            assert_eq!(why(text, Browser::Firefox).is_some(), firefox, "{text}");
        }
        let none = Credentials::NotInclude;
        assert!(dropped("a=b", &page, &api, Browser::Firefox, none).is_some());
    }
}
