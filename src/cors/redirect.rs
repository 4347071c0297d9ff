//! Redirects: where the next request goes, as whom, and what forbids it.

use url::Url;

use crate::wire::{Origin, is_loopback_host};

use super::cause::{Check, Stage};
use super::check::Fault;
use super::preflight::Answer;
use super::request::Mode;
use super::verdict::Browser;

/// How many redirects a browser follows
/// ([Fetch § HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch), step 7).
pub const REDIRECTS_MAX: usize = 20;

/// The request that follows a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Its URL, without fragment.
    pub url: String,
    /// Its method.
    pub method: String,
    /// Whether its Origin is `null`, because two foreign origins are in a row
    /// ([Fetch § serializing a request origin](https://fetch.spec.whatwg.org/#serializing-a-request-origin)).
    pub tainted: bool,
    /// Whether it goes to another origin than the redirect came from.
    pub crosses: bool,
}

/// Where the browser would go, were the redirect let through; `None` if it is no redirect, or its
/// Location is no URL. `origin` is the requesting origin as serialised on the hop before, `None` when
/// there was no Origin header.
pub fn next_hop(
    browser: Browser,
    url: &str,
    method: &str,
    origin: Option<&str>,
    answer: Answer<'_>,
) -> Option<NextHop> {
    if !answer.is_redirect(browser) {
        return None;
    }
    let from = Url::parse(url).ok()?;
    let to = location(&from, answer)?;
    let crosses = !same_origin(&from, &to);
    let foreign = origin.is_some_and(|o| o == "null" || !is_origin_of(o, &from));
    Some(NextHop {
        url: as_sent(&to),
        method: next_method(method, answer.status).to_owned(),
        tainted: origin == Some("null") || (crosses && foreign),
        crosses,
    })
}

/// Every rule a redirect breaks by where it leads, CORS check apart. `page` is the origin of the page,
/// where it is known.
///
/// - User name or password in Location: forbidden towards or among foreign origins
///   ([step 9](https://fetch.spec.whatwg.org/#http-redirect-fetch)). Same-origin, Chromium refuses
///   too (as no CORS fault), Firefox follows.
/// - A scheme that is not http(s) ([step 6](https://fetch.spec.whatwg.org/#http-redirect-fetch)).
/// - https page, http target: mixed content
///   ([Mixed Content § 5.4](https://www.w3.org/TR/mixed-content/#should-block-fetch)), loopback excepted.
pub fn redirect_check(
    browser: Browser,
    url: &str,
    mode: Mode,
    page: Option<&str>,
    answer: Answer<'_>,
) -> Vec<Fault> {
    let fault = |check| Fault::new(check, Stage::Redirect);
    let mut faults = Vec::new();
    if mode == Mode::Exempt || !answer.is_redirect(browser) {
        return faults;
    }
    let script = matches!(mode, Mode::Cors | Mode::SameOrigin);
    let Ok(from) = Url::parse(url) else {
        return faults;
    };
    let Some(to) = location(&from, answer) else {
        return vec![fault(Check::InvalidRedirect).found(text_of_location(answer))];
    };
    let crosses = !same_origin(&from, &to);
    if !matches!(to.scheme(), "http" | "https") {
        // Nothing may be redirected to these; Chromium does not count it as CORS.
        let unsafe_target = matches!(
            to.scheme(),
            "about" | "blob" | "data" | "file" | "filesystem" | "javascript" | "view-source"
        );
        let check = if script && !unsafe_target {
            Check::CorsDisabledScheme
        } else {
            Check::InvalidRedirect
        };
        let mut fault = fault(check).found(to.as_str());
        if matches!(to.scheme(), "ws" | "wss") {
            // Firefox finds out later than with other schemes.
            fault.firefox = Some("CORSDidNotSucceed");
        }
        return vec![fault];
    }
    let userinfo = !to.username().is_empty() || to.password().is_some();
    if userinfo && (mode == Mode::Cors || (script && crosses)) {
        faults.push(fault(Check::RedirectContainsCredentials).found(to.as_str()));
    } else if userinfo && browser == Browser::Chromium {
        faults.push(fault(Check::InvalidRedirect).found(to.as_str()));
    }
    let secure_page = page.is_some_and(|p| p.starts_with("https://"));
    let loopback = to.host_str().is_some_and(is_loopback_host);
    let passive = mode == Mode::NoCors { passive: true };
    if secure_page && to.scheme() == "http" && !loopback && !passive {
        faults.push(fault(Check::MixedContent).found(to.as_str()));
    }
    faults
}

/// Two different Location lines: a network failure in both browsers, at any status and to preflights
/// as well (recorded on Chromium 156, Firefox 153).
pub fn conflicting_locations(answer: Answer<'_>) -> Option<String> {
    let mut values = answer.headers.all("location").map(|f| f.text());
    let first = values.next()?;
    let second = values.find(|v| *v != first)?;
    Some(format!("{first}, {second}"))
}

fn text_of_location(answer: Answer<'_>) -> String {
    let value = answer.headers.first("location");
    value.map(|f| f.text()).unwrap_or_default()
}

fn location(from: &Url, answer: Answer<'_>) -> Option<Url> {
    let value = answer.headers.first("location")?;
    // Browsers read Location as UTF-8 where it is.
    let text = String::from_utf8_lossy(value.value);
    from.join(&text).ok()
}

fn next_method(method: &str, status: u16) -> &str {
    match status {
        301 | 302 if method == "POST" => "GET",
        303 if method != "GET" && method != "HEAD" => "GET",
        _ => method,
    }
}

fn same_origin(a: &Url, b: &Url) -> bool {
    match (Origin::of(a), Origin::of(b)) {
        (Some(a), Some(b)) => a.same_origin(&b),
        _ => false,
    }
}

fn is_origin_of(origin: &str, url: &Url) -> bool {
    Origin::of(url).is_some_and(|o| o.to_string() == origin)
}

fn as_sent(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    // The wire shows neither; only the userinfo of an http(s) URL can be set, and these are.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HeaderList;

    fn hop(origin: &str, from: &str, method: &str, status: u16, to: &str) -> Option<NextHop> {
        let headers = HeaderList::from_pairs([("Location", to)]);
        let answer = Answer {
            status,
            headers: &headers,
        };
        next_hop(Browser::Chromium, from, method, Some(origin), answer)
    }

    #[test]
    fn origin_is_null_after_two_foreign_origins() {
        let page = "https://p.test";
        let tainted = |from, to| hop(page, from, "GET", 302, to).map(|h| h.tainted);
        assert_eq!(tainted("https://a.test/1", "/2"), Some(false));
        assert_eq!(tainted("https://p.test/1", "https://a.test/"), Some(false));
        assert_eq!(tainted("https://a.test/1", "https://b.test/"), Some(true));
        assert_eq!(tainted("https://a.test/1", "https://p.test/"), Some(true));
    }

    #[test]
    fn methods_change_as_in_browsers() {
        let method = |m, status| hop("null", "https://a.test/", m, status, "/x").map(|h| h.method);
        for (from, status, to) in [
            ("POST", 302, "GET"),
            ("PUT", 302, "PUT"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("POST", 307, "POST"),
        ] {
            assert_eq!(method(from, status).as_deref(), Some(to), "{from} {status}");
        }
    }

    #[test]
    fn what_forbids_a_redirect() {
        let checks = |to: &str| {
            let headers = HeaderList::from_pairs([("Location", to)]);
            let answer = Answer {
                status: 302,
                headers: &headers,
            };
            let page = Some("https://p.test");
            redirect_check(
                Browser::Chromium,
                "https://a.test/",
                Mode::Cors,
                page,
                answer,
            )
            .into_iter()
            .map(|f| f.check)
            .collect::<Vec<_>>()
        };
        assert_eq!(
            checks("https://u:p@b.test/"),
            [Check::RedirectContainsCredentials]
        );
        assert_eq!(checks("myapp://x"), [Check::CorsDisabledScheme]);
        assert_eq!(checks("http://b.test/"), [Check::MixedContent]);
        assert!(checks("http://localhost:3000/").is_empty());
        assert!(checks("/ok").is_empty());
    }
}
