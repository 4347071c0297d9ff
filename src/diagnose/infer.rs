//! What an exchange says about itself: mode, page, credentials.

use std::borrow::Cow;

use crate::cors::{Browser, Credentials, browser_of, major_version};
use crate::wire::{Exchange, HeaderList, Kind, Origin, Replay, RequestHead, Source};

/// How an exchange stands to CORS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `OPTIONS` sent by the browser to ask first.
    Preflight,
    /// Subject to the CORS check.
    Cors,
    /// A cross-origin `no-cors` load: delivered, but opaque to script.
    NoCors,
    /// CORS does not apply; why, in a short phrase.
    Exempt(&'static str),
}

pub(crate) const SAME_ORIGIN: &str = "same origin";
pub(crate) const NAVIGATION: &str = "navigation";
pub(crate) const NO_BROWSER: &str = "not a browser";

/// Which engine made a request; `None` is no browser.
pub(crate) fn engine(headers: &HeaderList, rules: Option<Browser>) -> Option<Browser> {
    let by_name = || {
        headers
            .first("user-agent")
            .map(|a| browser_of(&a.as_text()))
    };
    engine_named(headers, rules, by_name)
}

/// As [`engine`], where it is known already what the User-Agent tells; without one that is `None`.
pub(crate) fn engine_named(
    headers: &HeaderList,
    rules: Option<Browser>,
    by_name: impl FnOnce() -> Option<Option<Browser>>,
) -> Option<Browser> {
    if rules.is_some() {
        return rules;
    }
    match by_name() {
        Some(named) => named.or_else(|| has_fetch_metadata(headers).then(Browser::default)),
        // HAR files are sometimes stripped of it.
        None => (headers.contains("origin") || has_fetch_metadata(headers)).then(Browser::default),
    }
}

fn has_fetch_metadata(headers: &HeaderList) -> bool {
    headers.contains("sec-fetch-mode") && headers.contains("sec-fetch-site")
}

/// A request header's value as text, empty when absent.
#[inline]
pub(crate) fn value<'a>(headers: &'a HeaderList, name: &str) -> Cow<'a, str> {
    headers.text_of(name).unwrap_or_default()
}

/// The origin a request was made for: its Origin header.
pub(crate) fn origin_of(request: &RequestHead) -> Option<Cow<'_, str>> {
    request.headers.text_of("origin")
}

/// How a request stands to CORS
/// ([Fetch § main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch)). `redirected` is whether
/// a redirect led to it. An Origin header alone does not make a CORS request: browsers send one with
/// every same-origin POST and every form.
pub(crate) fn classify(exchange: &Exchange, rules: Option<Browser>, redirected: bool) -> Class {
    let request = &exchange.request;
    match exchange.kind {
        Kind::WebSocket => return Class::Exempt("WebSocket"),
        Kind::Tunnel => return Class::Exempt("not intercepted"),
        Kind::Http => {}
    }
    let headers = &request.headers;
    // With fetch metadata it is some browser, whatever its name tells.
    if !has_fetch_metadata(headers) && engine(headers, rules).is_none() {
        return Class::Exempt(NO_BROWSER);
    }
    if request.is_preflight() {
        return Class::Preflight;
    }
    let mode = value(headers, "sec-fetch-mode");
    match &*mode {
        "navigate" | "nested-navigate" => return Class::Exempt(NAVIGATION),
        "websocket" => return Class::Exempt("WebSocket"),
        "webtransport" => return Class::Exempt("WebTransport"),
        "same-origin" => return Class::Exempt(SAME_ORIGIN),
        _ => {}
    }
    let Some(origin) = origin_of(request) else {
        return without_origin(request, &mode);
    };
    if Origin::text_of_url(&request.url).is_some_and(|target| target == origin) {
        return Class::Exempt(SAME_ORIGIN);
    }
    match &*mode {
        "no-cors" => return Class::NoCors,
        "cors" => return Class::Cors,
        _ => {}
    }
    // No fetch metadata: a plain http target, an old Safari, or WebKit behind a redirect.
    // A form is then told by how it asks for a document.
    let document = headers.contains("upgrade-insecure-requests")
        || value(headers, "accept").starts_with("text/html,");
    if document && request.method == "POST" && !redirected {
        return Class::Exempt(NAVIGATION);
    }
    Class::Cors
}

fn without_origin(request: &RequestHead, mode: &str) -> Class {
    let headers = &request.headers;
    match &*value(headers, "sec-fetch-site") {
        "same-origin" => return Class::Exempt(SAME_ORIGIN),
        "none" => return Class::Exempt("started by the user"),
        "" => {}
        _ if mode == "no-cors" => return Class::NoCors,
        // Browsers send an Origin with every cors request to another origin.
        _ => return Class::Exempt(SAME_ORIGIN),
    }
    if headers.contains("upgrade-insecure-requests")
        || value(headers, "accept").starts_with("text/html")
    {
        return Class::Exempt(NAVIGATION);
    }
    let page = Origin::of_url(&value(headers, "referer"));
    match (page, Origin::of_url(&request.url)) {
        (Some(page), Some(target)) if !page.same_origin(&target) => Class::NoCors,
        (Some(_), Some(_)) => Class::Exempt(SAME_ORIGIN),
        _ => Class::Exempt("no Origin was sent"),
    }
}

/// Who asked. `fetch` stands for XHR as well, which looks the same.
pub(crate) fn initiator(exchange: &Exchange, class: &Class) -> &'static str {
    let headers = &exchange.request.headers;
    if exchange.kind == Kind::WebSocket {
        return "websocket";
    }
    if *class == Class::Exempt(NAVIGATION) {
        return "navigation";
    }
    match &*value(headers, "sec-fetch-dest") {
        "document" | "iframe" | "frame" => "navigation",
        "script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet"
        | "paintworklet" => "script",
        "image" => "image",
        "font" => "font",
        "style" => "style",
        "audio" | "video" | "track" => "media",
        "manifest" => "manifest",
        "object" | "embed" => "embed",
        "report" => "report",
        _ if value(headers, "accept").starts_with("text/event-stream") => "eventsource",
        "empty" if *class == Class::NoCors && is_beacon(exchange) => "beacon",
        "empty" => "fetch",
        // Plain http has no fetch metadata; an element still says what it can show.
        "" if value(headers, "accept").starts_with("image/") => "image",
        "" if value(headers, "accept").starts_with("text/css,") => "style",
        _ if *class == Class::Cors || *class == Class::Preflight => "fetch",
        _ => "other",
    }
}

/// Whether a no-cors request is `sendBeacon` and not `fetch`: a POST, always with credentials. In
/// Chromium a cross-site one without `Sec-Fetch-Storage-Access` is therefore none; Firefox gives them
/// priority 6 and fetch 4 (recorded on 156 and 153).
fn is_beacon(exchange: &Exchange) -> bool {
    let headers = &exchange.request.headers;
    if exchange.request.method != "POST" || value(headers, "sec-fetch-mode") != "no-cors" {
        return false;
    }
    match engine(headers, None) {
        Some(Browser::Chromium) => {
            credentials_of(exchange, Browser::Chromium, None) != Credentials::NotInclude
        }
        Some(Browser::Firefox) => !value(headers, "priority").starts_with("u=4"),
        _ => true,
    }
}

/// What one request that is subject to CORS, or its preflight, tells of the credentials mode.
///
/// - `Cookie`: include. `Authorization` that the preflight did not ask for was added by the browser:
///   include.
/// - `Sec-Fetch-Storage-Access`: include, whatever its value. In Chromium (133 and later) its absence
///   on a cross-site request that has fetch metadata proves the opposite; in Firefox it proves
///   nothing, and on Chromium's preflights it is never there.
/// - A request that corscope sent itself says so.
/// - Fonts are always fetched without credentials
///   ([CSS Fonts § 4.6](https://drafts.csswg.org/css-fonts/#font-fetching-requirements)).
pub(crate) fn credentials_of(
    exchange: &Exchange,
    browser: Browser,
    asked_authorization: Option<bool>,
) -> Credentials {
    if let Source::Replay(Replay {
        include: Some(include),
        ..
    }) = exchange.source
    {
        return if include {
            Credentials::Include
        } else {
            Credentials::NotInclude
        };
    }
    let headers = &exchange.request.headers;
    if headers.contains("sec-fetch-storage-access") {
        return Credentials::Include;
    }
    if exchange.request.is_preflight() {
        return Credentials::Unknown;
    }
    if headers.contains("cookie") {
        return Credentials::Include;
    }
    if asked_authorization == Some(false) && headers.contains("authorization") {
        return Credentials::Include;
    }
    let tells = browser == Browser::Chromium
        && value(headers, "sec-fetch-site") == "cross-site"
        && headers.contains("sec-fetch-mode")
        && major_version(&value(headers, "user-agent")).is_none_or(|v| v >= 133);
    if tells || value(headers, "sec-fetch-dest") == "font" {
        return Credentials::NotInclude;
    }
    Credentials::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ExchangeId, HttpVersion, Timestamp};
    use std::sync::Arc;

    const CHROME: &str = "Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";

    fn exchange(method: &str, url: &str, pairs: &[(&str, &str)]) -> Exchange {
        let head = RequestHead {
            method: method.into(),
            url: url.into(),
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(pairs.iter().copied())),
        };
        Exchange::opened(ExchangeId(1), Timestamp(0), head)
    }

    #[test]
    fn origin_alone_is_not_cors() {
        let class = |pairs: &[(&str, &str)]| {
            let all: Vec<_> = [("User-Agent", CHROME)]
                .into_iter()
                .chain(pairs.iter().copied())
                .collect();
            classify(&exchange("POST", "https://api.test/x", &all), None, false)
        };
        let page = ("Origin", "https://app.test");
        assert_eq!(class(&[page]), Class::Cors);
        assert_eq!(
            class(&[("Origin", "https://api.test")]),
            Class::Exempt(SAME_ORIGIN)
        );
        assert_eq!(
            class(&[page, ("Sec-Fetch-Mode", "navigate")]),
            Class::Exempt(NAVIGATION)
        );
        assert_eq!(class(&[page, ("Sec-Fetch-Mode", "no-cors")]), Class::NoCors);
        let curl = exchange(
            "GET",
            "https://api.test/",
            &[("User-Agent", "curl/8"), page],
        );
        assert_eq!(classify(&curl, None, false), Class::Exempt("not a browser"));
    }

    #[test]
    fn what_tells_credentials() {
        let told = |browser, pairs: &[(&str, &str)]| {
            credentials_of(&exchange("GET", "https://api.test/", pairs), browser, None)
        };
        let cross = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")];
        assert_eq!(told(Browser::Chromium, &cross), Credentials::NotInclude);
        assert_eq!(told(Browser::Firefox, &cross), Credentials::Unknown);
        let access = [("Sec-Fetch-Storage-Access", "none")];
        assert_eq!(told(Browser::Firefox, &access), Credentials::Include);
        assert_eq!(
            told(Browser::Chromium, &[("Cookie", "a=b")]),
            Credentials::Include
        );
    }
}
