//! Preflight answers: what a browser reads in them, and what they grant.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::wire::HeaderList;

use super::cache::max_age_seconds;
use super::cause::{Check, Stage};
use super::check::{Asker, Fault, cors_check, header_text, header_value};
use super::request::{is_safelisted_method, is_token};
use super::verdict::Browser;

/// What a preflight asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// `Access-Control-Request-Method`, letter case as sent.
    pub method: String,
    /// The names of `Access-Control-Request-Headers`, lower case, as sent (browsers sort them).
    pub headers: Vec<String>,
}

impl Ask {
    /// Reads the two request headers of a preflight; `None` without a method.
    pub fn of(headers: &HeaderList) -> Option<Self> {
        let method = headers.first("access-control-request-method")?.text();
        let names = headers
            .get("access-control-request-headers")
            .unwrap_or_default();
        Some(Self {
            method,
            headers: names
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
                .filter(|name| !name.is_empty())
                .collect(),
        })
    }
}

/// The head of an answer, as the rules need it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// Header fields.
    pub headers: &'a HeaderList,
}

impl Answer<'_> {
    /// Whether it is a redirect a browser would follow: one of the five statuses, with a Location
    /// ([Fetch § redirect status](https://fetch.spec.whatwg.org/#redirect-status)). An empty
    /// Location counts for Firefox only (recorded on 153).
    pub fn is_redirect(&self, browser: Browser) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
            && self
                .headers
                .first("location")
                .is_some_and(|f| browser == Browser::Firefox || !f.is_empty())
    }

    fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What a preflight answer allows, for as long as it is remembered
/// ([Fetch § CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Allowed methods, letter case as listed.
    pub methods: Vec<String>,
    /// Allowed header names, lower case.
    pub headers: Vec<String>,
    /// How long it may be used, in seconds; 0 is not at all.
    pub max_age_seconds: u64,
}

impl Grant {
    /// Reads a grant from an answer that passes.
    pub fn of(browser: Browser, headers: &HeaderList) -> Self {
        let methods = text(browser, headers, METHODS);
        let names = text(browser, headers, HEADERS);
        let list = |value| list(value).unwrap_or_default().into_iter();
        Self {
            methods: list(&methods).map(str::to_owned).collect(),
            headers: list(&names).map(str::to_ascii_lowercase).collect(),
            max_age_seconds: max_age_seconds(
                browser,
                header_text(browser, headers, "access-control-max-age").as_deref(),
            ),
        }
    }

    /// Whether it covers the method
    /// ([step 7.5](https://fetch.spec.whatwg.org/#cors-preflight-fetch)): listed in the same letter
    /// case, GET, HEAD or POST, or `*` without credentials.
    pub fn covers_method(&self, method: &str, include: bool) -> bool {
        covers_method(&self.methods, method, include)
    }

    /// Whether it covers the header, given in lower case. `*` covers every header without
    /// credentials, `authorization` included: the standard says otherwise
    /// ([step 7.6](https://fetch.spec.whatwg.org/#cors-preflight-fetch)), no engine enforces it
    /// (Chromium 156, Firefox 153, WebKitGTK 2.50).
    pub fn covers_header(&self, name: &str, include: bool) -> bool {
        is_listed(&self.headers, name) || (!include && is_listed(&self.headers, "*"))
    }

    /// Whether it covers all that a preflight asks for.
    pub fn covers(&self, ask: &Ask, include: bool) -> bool {
        self.covers_method(&ask.method, include)
            && missing(&ask.headers, &self.headers, include)
                .next()
                .is_none()
    }
}

const METHODS: &str = "access-control-allow-methods";
const HEADERS: &str = "access-control-allow-headers";

/// The elements of a list header; `Err` is its first element that is no token, which voids the whole
/// list ([Fetch § extracting header list values](https://fetch.spec.whatwg.org/#extract-header-list-values)).
type List<'a> = Result<Vec<&'a str>, &'a str>;

fn list(value: &str) -> List<'_> {
    value
        .split(',')
        .map(|item| item.trim_matches([' ', '\t']))
        .filter(|item| !item.is_empty())
        .map(|item| if is_token(item) { Ok(item) } else { Err(item) })
        .collect()
}

fn text<'a>(browser: Browser, headers: &'a HeaderList, name: &str) -> Cow<'a, str> {
    header_text(browser, headers, name).unwrap_or_default()
}

fn covers_method(methods: &[impl AsRef<str>], method: &str, include: bool) -> bool {
    is_safelisted_method(method)
        || methods
            .iter()
            .map(AsRef::as_ref)
            .any(|m| m == method || (m == "*" && !include))
}

fn is_listed(list: &[impl AsRef<str>], name: &str) -> bool {
    let mut names = list.iter().map(AsRef::as_ref);
    names.any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Which of the names asked for, given in lower case, are not covered by those granted.
fn missing<'a>(
    asked: &'a [String],
    granted: &[impl AsRef<str>],
    include: bool,
) -> impl Iterator<Item = &'a String> {
    // Comparing each with each is fastest, unless somebody means harm.
    const COMPARISONS_MAX: usize = 4096;
    let star = !include && granted.iter().any(|name| name.as_ref() == "*");
    let lacking: Vec<&String> = if star || asked.is_empty() {
        Vec::new()
    } else if asked.len().saturating_mul(granted.len()) <= COMPARISONS_MAX {
        let asked = asked.iter();
        asked.filter(|name| !is_listed(granted, name)).collect()
    } else {
        let granted: HashSet<String> = granted
            .iter()
            .map(|name| name.as_ref().to_ascii_lowercase())
            .collect();
        let asked = asked.iter();
        asked.filter(|name| !granted.contains(*name)).collect()
    };
    lacking.into_iter()
}

/// Every rule that a preflight answer breaks, the one the browser names first
/// ([Fetch § CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch), step 7);
/// empty when it passes.
///
/// The browsers test in different orders, recorded on Chromium 156 and Firefox 153, read in WebKit:
///
/// - Chromium: a redirect with a Location, Allow-Origin, Allow-Credentials, status, both lists
///   parsed, method, headers.
/// - Firefox: Allow-Origin, Allow-Credentials, redirect or status, Allow-Methods parsed, method,
///   Allow-Headers parsed, headers.
/// - Safari: status (a redirect is one more wrong status), Allow-Origin, Allow-Credentials, then as
///   Chromium.
pub fn preflight_check(asker: Asker<'_>, ask: &Ask, answer: Answer<'_>) -> Vec<Fault> {
    let browser = asker.browser;
    let origin = cors_check(asker, answer.headers, Stage::Preflight);
    let status = status_fault(browser, answer);
    let methods_text = text(browser, answer.headers, METHODS);
    let headers_text = text(browser, answer.headers, HEADERS);
    let methods = list(&methods_text);
    let headers = list(&headers_text);

    let unparsed = |check: Check, list: &List<'_>, missing: &dyn Fn() -> Vec<String>| {
        let bad = *list.as_ref().err()?;
        let mut fault = Fault::new(check, Stage::Preflight).found(bad);
        fault.missing = missing();
        Some(fault)
    };
    let method_asked = || {
        let asked = (!is_safelisted_method(&ask.method)).then(|| ask.method.clone());
        asked.into_iter().collect()
    };
    let methods_unparsed = unparsed(Check::InvalidAllowMethods, &methods, &method_asked);
    let headers_asked = || ask.headers.clone();
    let headers_unparsed = unparsed(Check::InvalidAllowHeaders, &headers, &headers_asked);

    let granted = headers.unwrap_or_default();
    let missing_headers: Vec<String> = missing(&ask.headers, &granted, asker.include)
        .cloned()
        .collect();
    let method_granted = covers_method(&methods.unwrap_or_default(), &ask.method, asker.include);
    let disallowed = |check, missing: Vec<String>, name| {
        let mut fault = Fault::new(check, Stage::Preflight).needed(missing.join(", "));
        fault.found = header_value(browser, answer.headers, name);
        fault.missing = missing;
        fault
    };
    let method = (methods_unparsed.is_none() && !method_granted).then(|| {
        let mut fault = disallowed(Check::MethodDisallowed, vec![ask.method.clone()], METHODS);
        if headers_unparsed.is_none() {
            fault.missing.extend(missing_headers.iter().cloned());
        }
        fault
    });
    let header = (headers_unparsed.is_none() && !missing_headers.is_empty())
        .then(|| disallowed(Check::HeaderDisallowed, missing_headers, HEADERS));

    let mut faults = Vec::new();
    let first = match browser {
        Browser::Chromium => answer.is_redirect(browser),
        Browser::Firefox => false,
        Browser::Safari => true,
    };
    if first {
        faults.extend(status);
        faults.extend(origin);
    } else {
        faults.extend(origin);
        faults.extend(status);
    }
    if browser == Browser::Firefox {
        faults.extend(
            [methods_unparsed, method, headers_unparsed, header]
                .into_iter()
                .flatten(),
        );
    } else {
        faults.extend(
            [methods_unparsed, headers_unparsed, method, header]
                .into_iter()
                .flatten(),
        );
    }
    faults
}

fn status_fault(browser: Browser, answer: Answer<'_>) -> Option<Fault> {
    if answer.is_ok() {
        return None;
    }
    Some(if answer.is_redirect(browser) {
        let location = answer.headers.first("location").map(|f| f.text());
        Fault::new(Check::DisallowedRedirect, Stage::Preflight).found(location.unwrap_or_default())
    } else {
        Fault::new(Check::InvalidStatus, Stage::Preflight)
            .found(answer.status.to_string())
            .needed("200\u{2013}299")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: (&str, &str) = ("access-control-allow-origin", "*");

    fn checks(
        browser: Browser,
        include: bool,
        status: u16,
        pairs: &[(&str, &str)],
        ask: (&str, &[&str]),
    ) -> Vec<Check> {
        let asker = Asker {
            browser,
            origin: "https://app.test",
            include,
        };
        let ask = Ask {
            method: ask.0.into(),
            headers: ask.1.iter().map(|h| (*h).to_owned()).collect(),
        };
        let headers = HeaderList::from_pairs(pairs.iter().copied());
        let answer = Answer {
            status,
            headers: &headers,
        };
        preflight_check(asker, &ask, answer)
            .into_iter()
            .map(|f| f.check)
            .collect()
    }

    #[test]
    fn order_of_the_browsers() {
        use Check::{
            DisallowedRedirect, InvalidAllowHeaders, MethodDisallowed, MissingAllowOrigin,
        };
        let redirect = [("location", "/x")];
        let put = ("PUT", &[][..]);
        for (browser, want) in [
            (Browser::Chromium, DisallowedRedirect),
            (Browser::Firefox, MissingAllowOrigin),
            (Browser::Safari, DisallowedRedirect),
        ] {
            assert_eq!(
                checks(browser, false, 302, &redirect, put)[0],
                want,
                "{browser:?}"
            );
        }
        let bad = [OK, ("access-control-allow-headers", "a b")];
        let chromium = checks(Browser::Chromium, false, 204, &bad, put);
        assert_eq!(chromium, [InvalidAllowHeaders, MethodDisallowed]);
        let firefox = checks(Browser::Firefox, false, 204, &bad, put);
        assert_eq!(firefox, [MethodDisallowed, InvalidAllowHeaders]);
    }

    #[test]
    fn lists() {
        let check = |include, methods: &str, headers: &str, ask| {
            let pairs = [
                ("access-control-allow-origin", "https://app.test"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", methods),
                ("access-control-allow-headers", headers),
            ];
            checks(Browser::Chromium, include, 200, &pairs, ask)
        };
        assert!(check(false, "PUT,,GET,", "X-A", ("PUT", &["x-a"])).is_empty());
        assert!(check(false, "", "", ("HEAD", &[])).is_empty());
        assert!(check(false, "*", "*", ("PUT", &["authorization"])).is_empty());
        let both = [Check::MethodDisallowed, Check::HeaderDisallowed];
        assert_eq!(check(true, "*", "*", ("PUT", &["x-a"])), both);
        assert_eq!(
            check(false, "put", "", ("PUT", &[])),
            [Check::MethodDisallowed]
        );
    }

    #[test]
    fn every_missing_name_is_told() {
        let asker = Asker {
            browser: Browser::Chromium,
            origin: "https://app.test",
            include: false,
        };
        let request = HeaderList::from_pairs([
            ("access-control-request-method", "DELETE"),
            ("access-control-request-headers", "x-a,x-b,x-c"),
        ]);
        let ask = Ask::of(&request).expect("a preflight");
        let headers = HeaderList::from_pairs([OK, ("access-control-allow-headers", "X-B")]);
        let answer = Answer {
            status: 204,
            headers: &headers,
        };
        let faults = preflight_check(asker, &ask, answer);
        assert_eq!(faults[0].missing, ["DELETE", "x-a", "x-c"]);
        assert_eq!(faults[1].missing, ["x-a", "x-c"]);
    }
}
