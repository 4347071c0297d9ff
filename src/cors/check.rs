//! The CORS check: may this origin read this answer?

use std::borrow::Cow;

use url::Url;

use crate::wire::{HeaderList, Origin};

use super::cause::{Check, Stage};
use super::verdict::Browser;

/// One rule that an answer breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub check: Check,
    /// On which kind of answer.
    pub stage: Stage,
    /// Firefox's name for it, where it has one and it is not Firefox's usual name for the rule.
    pub firefox: Option<&'static str>,
    /// The value that was found, or the bad part of it.
    pub found: Option<String>,
    /// The value that was needed.
    pub needed: Option<String>,
    /// Methods and headers that a preflight answer should have granted and did not.
    pub missing: Vec<String>,
}

impl Fault {
    /// A fault without particulars.
    pub fn new(check: Check, stage: Stage) -> Self {
        Self {
            check,
            stage,
            firefox: None,
            found: None,
            needed: None,
            missing: Vec::new(),
        }
    }

    pub(crate) fn found(mut self, value: impl Into<String>) -> Self {
        self.found = Some(value.into());
        self
    }

    pub(crate) fn needed(mut self, value: impl Into<String>) -> Self {
        self.needed = Some(value.into());
        self
    }

    /// Firefox's name of the reason (as in its console and on MDN, without the number some carry);
    /// `None` where Firefox does not count it as CORS.
    pub fn firefox_name(&self) -> Option<&'static str> {
        self.firefox.or_else(|| self.check.firefox_name())
    }
}

/// Who asks, and whether with credentials: what the check compares an answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Whose rules.
    pub browser: Browser,
    /// The origin as serialised in the request: `https://app.test` or `null`.
    pub origin: &'a str,
    /// Whether the credentials mode is `include`.
    pub include: bool,
}

/// A header as the browser sees it when it asks for its value: fields joined by `", "`
/// ([Fetch § "get" a header](https://fetch.spec.whatwg.org/#concept-header-list-get)).
///
/// Deviations, recorded on Chromium 156 and Firefox 153: Firefox joins no empty field to another one;
/// Chromium accepts white space between the name and the colon, Firefox then ignores the field.
pub fn header_value(browser: Browser, headers: &HeaderList, name: &str) -> Option<String> {
    header_text(browser, headers, name).map(Cow::into_owned)
}

/// As [`header_value`], borrowed where one field of ASCII is all there is.
pub(super) fn header_text<'a>(
    browser: Browser,
    headers: &'a HeaderList,
    name: &str,
) -> Option<Cow<'a, str>> {
    let firefox = browser == Browser::Firefox;
    let mut joined: Option<Cow<'_, str>> = None;
    for field in headers.all_spaced(name) {
        if firefox && field.name.len() > name.len() {
            continue;
        }
        match &mut joined {
            None => joined = Some(field.as_text()),
            Some(_) if firefox && field.is_empty() => {}
            Some(value) if firefox && value.is_empty() => joined = Some(field.as_text()),
            Some(value) => {
                let value = value.to_mut();
                value.push_str(", ");
                value.push_str(&field.as_text());
            }
        }
    }
    joined
}

/// Every rule of the [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check) that an answer
/// breaks, the one the browser names first; empty when it passes.
///
/// The standard knows one failure; which name it gets is Chromium's choice:
/// [`MultipleAllowOriginValues`](Check::MultipleAllowOriginValues) for a value with a comma or space,
/// [`InvalidAllowOriginValue`](Check::InvalidAllowOriginValue) for one that is no URL, and
/// [`AllowOriginMismatch`](Check::AllowOriginMismatch) for the rest. Firefox has one reason for all
/// three, except where the field is repeated and spelled exactly `Access-Control-Allow-Origin`.
pub fn cors_check(asker: Asker<'_>, headers: &HeaderList, stage: Stage) -> Vec<Fault> {
    const NAME: &str = "access-control-allow-origin";
    let mut faults = Vec::new();
    let value = header_text(asker.browser, headers, NAME);
    let repeated = asker.browser == Browser::Firefox
        && headers
            .all(NAME)
            .filter(|f| f.name == "Access-Control-Allow-Origin")
            .count()
            > 1;
    let fault = |check| Fault::new(check, stage).needed(asker.origin);
    match value {
        _ if repeated => {
            let lines: Vec<String> = headers.all(NAME).map(|f| f.text()).collect();
            let mut fault = fault(Check::MultipleAllowOriginValues).found(lines.join(", "));
            fault.firefox = Some("CORSMultipleAllowOriginNotAllowed");
            faults.push(fault);
        }
        None => faults.push(fault(Check::MissingAllowOrigin)),
        Some(value) if value == "*" && !asker.include => return faults,
        Some(value) if value == "*" => {
            faults.push(fault(Check::WildcardOriginNotAllowed).found(value));
        }
        Some(value) if value == asker.origin => {}
        Some(value) => faults.push(fault(mismatch(&value)).found(value)),
    }
    if asker.include {
        let value = header_text(asker.browser, headers, "access-control-allow-credentials");
        if value.as_deref() != Some("true") {
            let mut fault = Fault::new(Check::InvalidAllowCredentials, stage).needed("true");
            fault.found = value.map(Cow::into_owned);
            faults.push(fault);
        }
    }
    faults
}

/// What kind of wrong a single `Access-Control-Allow-Origin` value is, in Chromium's terms.
fn mismatch(value: &str) -> Check {
    if value.contains([' ', ',']) {
        Check::MultipleAllowOriginValues
    } else if value != "null" && !is_url(value) {
        Check::InvalidAllowOriginValue
    } else {
        Check::AllowOriginMismatch
    }
}

/// Whether Chromium takes the value for a URL. It reads the bytes as UTF-8 (here each is one character),
/// and does not mind punycode that says nothing (recorded on 156).
fn is_url(value: &str) -> bool {
    if Origin::is_at_the_start_of(value) {
        return true;
    }
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let parsed = text.as_deref().map(Url::parse);
    match parsed {
        Some(Err(url::ParseError::IdnaError)) => value.contains("//xn--"),
        Some(parsed) => parsed.is_ok(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://app.test";

    fn first(include: bool, pairs: &[(&str, &str)]) -> Option<Check> {
        let asker = Asker {
            browser: Browser::Chromium,
            origin: PAGE,
            include,
        };
        let headers = HeaderList::from_pairs(pairs.iter().copied());
        cors_check(asker, &headers, Stage::Actual)
            .first()
            .map(|f| f.check)
    }

    #[test]
    fn one_value_byte_for_byte() {
        let allow = "Access-Control-Allow-Origin";
        for (value, check) in [
            (PAGE, None),
            ("*", None),
            ("https://app.test/", Some(Check::AllowOriginMismatch)),
            ("app.test:8443", Some(Check::AllowOriginMismatch)),
            ("https://*.app.test", Some(Check::AllowOriginMismatch)),
            ("null", Some(Check::AllowOriginMismatch)),
            ("NULL", Some(Check::InvalidAllowOriginValue)),
            ("app.test", Some(Check::InvalidAllowOriginValue)),
            ("", Some(Check::InvalidAllowOriginValue)),
            ("https://xn--app.test", Some(Check::AllowOriginMismatch)),
            ("https://\u{e4}.test", Some(Check::AllowOriginMismatch)),
            (
                "http://www.127.0.0.1:3000",
                Some(Check::InvalidAllowOriginValue),
            ),
            (
                "https://a, https://b",
                Some(Check::MultipleAllowOriginValues),
            ),
        ] {
            assert_eq!(first(false, &[(allow, value)]), check, "{value}");
        }
        assert_eq!(first(false, &[]), Some(Check::MissingAllowOrigin));
        assert_eq!(
            first(false, &[(allow, "*"), (allow, "*")]),
            Some(Check::MultipleAllowOriginValues)
        );
    }

    #[test]
    fn credentials_need_the_origin_and_exactly_true() {
        let (allow, creds) = (
            "access-control-allow-origin",
            "access-control-allow-credentials",
        );
        assert_eq!(
            first(true, &[(allow, "*"), (creds, "true")]),
            Some(Check::WildcardOriginNotAllowed)
        );
        assert_eq!(
            first(true, &[(allow, PAGE), (creds, "True")]),
            Some(Check::InvalidAllowCredentials)
        );
        assert_eq!(
            first(true, &[(allow, PAGE), (creds, "true"), (creds, "true")]),
            Some(Check::InvalidAllowCredentials)
        );
        assert_eq!(first(true, &[(allow, PAGE), (creds, "true")]), None);
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let asker = Asker {
            browser: Browser::Chromium,
            origin: PAGE,
            include: true,
        };
        let faults = cors_check(asker, &HeaderList::new(), Stage::Preflight);
        let checks: Vec<Check> = faults.iter().map(|f| f.check).collect();
        assert_eq!(
            checks,
            [Check::MissingAllowOrigin, Check::InvalidAllowCredentials]
        );
    }
}
