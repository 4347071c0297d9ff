//! The browsers' own words: what stands in the console, and what they call the fault.
//!
//! The sentences are those of Chromium 156 and Firefox 153, and of Safari 18, with the real
//! values put in. A browser that says nothing, or says it with values that are not on the wire
//! (the full URL of the page), gets none.

use super::facts::Facts;
use crate::cors::{Browser, Check, Stage};
use crate::wire::{End, FailureKind, FailureStage, Origin};

/// The sentence in the console of the browser whose rules were applied.
pub(super) fn sentence(facts: &Facts<'_>) -> Option<String> {
    match facts.diagnosis.browser {
        Browser::Chromium => chromium(facts),
        Browser::Firefox => firefox(facts),
        Browser::Safari => safari(facts),
    }
}

/// What the fault is called in Chromium (`Network.CorsError`).
pub(super) fn chromium_name(facts: &Facts<'_>) -> Option<&'static str> {
    let redirected = facts.cause.stage == Stage::Preflight
        && facts
            .answer
            .as_ref()
            .is_some_and(|head| head.is_redirect() && head.headers.contains("location"));
    // Chromium looks at this before the headers, Firefox after them.
    if redirected && facts.cause.check.is_cors() {
        return Check::DisallowedRedirect.chromium_name(Stage::Preflight);
    }
    facts.cause.check.chromium_name(facts.cause.stage)
}

/// What the fault is called in Firefox (the name of its page on MDN).
pub(super) fn firefox_name(facts: &Facts<'_>) -> Option<&'static str> {
    firefox_reason(facts).map(Reason::name)
}

// === Chromium ===

fn chromium(facts: &Facts<'_>) -> Option<String> {
    let cause = facts.cause;
    if !cause.check.is_cors() {
        return chromium_other(facts).map(|error| format!("Failed to load resource: {error}"));
    }
    let value = |name| facts.header(name).unwrap_or_default();
    let allowed = || value("access-control-allow-origin");
    let mut header_fault = true;
    let text = match cause.check {
        Check::MissingAllowOrigin => {
            "No 'Access-Control-Allow-Origin' header is present on the requested resource."
                .to_owned()
        }
        Check::WildcardOriginNotAllowed => {
            "The value of the 'Access-Control-Allow-Origin' header in the response must not be the \
             wildcard '*' when the request's credentials mode is 'include'."
                .to_owned()
        }
        Check::MultipleAllowOriginValues => with_hint(
            facts,
            format!(
                "The 'Access-Control-Allow-Origin' header contains multiple values '{}', but only one \
             is allowed.",
                allowed()
            ),
        ),
        Check::InvalidAllowOriginValue => with_hint(
            facts,
            format!(
                "The 'Access-Control-Allow-Origin' header contains the invalid value '{}'.",
                allowed()
            ),
        ),
        Check::AllowOriginMismatch => with_hint(
            facts,
            format!(
                "The 'Access-Control-Allow-Origin' header has a value '{}' that is not equal to the \
             supplied origin.",
                allowed()
            ),
        ),
        Check::InvalidAllowCredentials => format!(
            "The value of the 'Access-Control-Allow-Credentials' header in the response is '{}' \
             which must be 'true' when the request's credentials mode is 'include'.",
            value("access-control-allow-credentials")
        ),
        Check::InvalidStatus => "It does not have HTTP ok status.".to_owned(),
        Check::DisallowedRedirect => "Redirect is not allowed for a preflight request.".to_owned(),
        _ => {
            header_fault = false;
            chromium_list_fault(facts)?
        }
    };
    let prefix = if header_fault && cause.stage == Stage::Preflight {
        "Response to preflight request doesn't pass access control check: "
    } else {
        ""
    };
    let url = match cause.check {
        Check::CorsDisabledScheme => facts.location()?,
        _ => facts.url().to_owned(),
    };
    let redirected = if url == facts.diagnosis.url {
        String::new()
    } else {
        format!(" (redirected from '{}')", facts.diagnosis.url)
    };
    let origin = facts.diagnosis.origin.clone().or_else(|| facts.origin())?;
    Some(format!(
        "Access to {} at '{url}'{redirected} from origin '{origin}' has been blocked by CORS \
         policy: {prefix}{text}",
        chromium_kind(facts.diagnosis.initiator)
    ))
}

fn chromium_list_fault(facts: &Facts<'_>) -> Option<String> {
    Some(match facts.cause.check {
        Check::InvalidAllowMethods => {
            "Cannot parse Access-Control-Allow-Methods response header field in preflight response."
                .to_owned()
        }
        Check::InvalidAllowHeaders => {
            "Cannot parse Access-Control-Allow-Headers response header field in preflight response."
                .to_owned()
        }
        Check::MethodDisallowed => format!(
            "Method {} is not allowed by Access-Control-Allow-Methods in preflight response.",
            facts.method()
        ),
        Check::HeaderDisallowed => format!(
            "Request header field {} is not allowed by Access-Control-Allow-Headers in preflight \
             response.",
            facts.missing_headers().first()?
        ),
        // The URL is left out on purpose: the console shows it empty.
        Check::RedirectContainsCredentials => {
            "Redirect location '' contains a username and password, which is disallowed for \
             cross-origin requests."
                .to_owned()
        }
        Check::CorsDisabledScheme => {
            "Cross origin requests are only supported for protocol schemes: chrome, \
             chrome-experimental-site-token-provider, chrome-extension, chrome-untrusted, data, \
             http, https, isolated-app."
                .to_owned()
        }
        _ => return None,
    })
}

// Said to callers of fetch only.
fn with_hint(facts: &Facts<'_>, text: String) -> String {
    if facts.diagnosis.initiator == "fetch" {
        text + " Have the server send the header with a valid value."
    } else {
        text
    }
}

fn chromium_kind(initiator: &str) -> &str {
    match initiator {
        "fetch" | "script" | "image" | "font" | "audio" | "video" | "manifest" => initiator,
        "style" => "CSS stylesheet",
        _ => "resource",
    }
}

fn chromium_other(facts: &Facts<'_>) -> Option<String> {
    let exchange = facts.exchange.as_ref()?;
    match facts.cause.check {
        Check::NetworkError | Check::PreflightNetworkError => {
            let End::Failed(failure) = &exchange.end else {
                return None;
            };
            if failure.detail.starts_with("net::ERR_") {
                return Some(failure.detail.clone());
            }
            let error = match (failure.kind, failure.stage) {
                (FailureKind::NameNotResolved, _) => "net::ERR_NAME_NOT_RESOLVED",
                (FailureKind::Refused, _) => "net::ERR_CONNECTION_REFUSED",
                (FailureKind::Unreachable, _) => "net::ERR_ADDRESS_UNREACHABLE",
                (FailureKind::TimedOut, FailureStage::Connect) => "net::ERR_CONNECTION_TIMED_OUT",
                (FailureKind::Reset, FailureStage::Wait) => "net::ERR_EMPTY_RESPONSE",
                _ => return None,
            };
            Some(error.to_owned())
        }
        Check::BlockedByCorp => {
            let policy = facts.header("cross-origin-resource-policy");
            Some(match policy.as_deref() {
                Some("same-origin") => "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin".to_owned(),
                Some("same-site") => "net::ERR_BLOCKED_BY_RESPONSE.NotSameSite".to_owned(),
                _ => "net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep"
                    .to_owned(),
            })
        }
        _ => None,
    }
}

// === Firefox ===

/// What Firefox calls a CORS fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    MissingAllowOrigin,
    NotSupportingCredentials,
    MultipleAllowOrigin,
    NotMatchingOrigin,
    MissingAllowCredentials,
    PreflightDidNotSucceed,
    ExternalRedirect,
    InvalidAllowMethod,
    InvalidAllowHeader,
    MethodNotFound,
    MissingAllowHeader,
    NotHttp,
    DidNotSucceed,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::MissingAllowOrigin => "CORSMissingAllowOrigin",
            Self::NotSupportingCredentials => "CORSNotSupportingCredentials",
            Self::MultipleAllowOrigin => "CORSMultipleAllowOriginNotAllowed",
            Self::NotMatchingOrigin => "CORSAllowOriginNotMatchingOrigin",
            Self::MissingAllowCredentials => "CORSMissingAllowCredentials",
            Self::PreflightDidNotSucceed => "CORSPreflightDidNotSucceed",
            Self::ExternalRedirect => "CORSExternalRedirectNotAllowed",
            Self::InvalidAllowMethod => "CORSInvalidAllowMethod",
            Self::InvalidAllowHeader => "CORSInvalidAllowHeader",
            Self::MethodNotFound => "CORSMethodNotFound",
            Self::MissingAllowHeader => "CORSMissingAllowHeaderFromPreflight",
            Self::NotHttp => "CORSRequestNotHttp",
            Self::DidNotSucceed => "CORSDidNotSucceed",
        }
    }
}

fn firefox_reason(facts: &Facts<'_>) -> Option<Reason> {
    Some(match facts.cause.check {
        Check::MissingAllowOrigin => Reason::MissingAllowOrigin,
        Check::WildcardOriginNotAllowed => Reason::NotSupportingCredentials,
        Check::MultipleAllowOriginValues if repeated_as_firefox_wants(facts) => {
            Reason::MultipleAllowOrigin
        }
        Check::MultipleAllowOriginValues
        | Check::InvalidAllowOriginValue
        | Check::AllowOriginMismatch => Reason::NotMatchingOrigin,
        Check::InvalidAllowCredentials => Reason::MissingAllowCredentials,
        Check::InvalidStatus => Reason::PreflightDidNotSucceed,
        // Firefox looks at the headers of the redirect first.
        Check::DisallowedRedirect => {
            let allowed = facts.header("access-control-allow-origin");
            match allowed {
                None => Reason::MissingAllowOrigin,
                Some(value) if value == "*" || Some(&value) == facts.origin().as_ref() => {
                    Reason::ExternalRedirect
                }
                Some(_) => Reason::NotMatchingOrigin,
            }
        }
        Check::InvalidAllowMethods => Reason::InvalidAllowMethod,
        Check::InvalidAllowHeaders => Reason::InvalidAllowHeader,
        Check::MethodDisallowed => Reason::MethodNotFound,
        Check::HeaderDisallowed => Reason::MissingAllowHeader,
        Check::CorsDisabledScheme => Reason::NotHttp,
        Check::RedirectContainsCredentials | Check::PreflightNetworkError => Reason::DidNotSucceed,
        Check::NetworkError if is_cross_origin(facts) => Reason::DidNotSucceed,
        Check::NetworkError
        | Check::MixedContent
        | Check::CspConnectSrc
        | Check::OpaqueResponseBlocked
        | Check::BlockedByCorp
        | Check::InvalidRedirect
        | Check::WrongResourceType => return None,
    })
}

// The header is repeated, and each line is spelled exactly so; over HTTP/2 it never is.
fn repeated_as_firefox_wants(facts: &Facts<'_>) -> bool {
    let exact = |headers: &crate::wire::HeaderList| {
        let names = headers.iter().map(|field| field.name);
        names
            .filter(|name| *name == "Access-Control-Allow-Origin")
            .count()
    };
    facts
        .answer_headers()
        .is_some_and(|headers| exact(headers) > 1)
}

fn is_cross_origin(facts: &Facts<'_>) -> bool {
    match (&facts.diagnosis.origin, Origin::of_url(facts.url())) {
        (Some(page), Some(target)) => *page != target.to_string(),
        _ => false,
    }
}

fn firefox(facts: &Facts<'_>) -> Option<String> {
    let Some(reason) = firefox_reason(facts) else {
        return firefox_other(facts);
    };
    let status = || {
        facts
            .status()
            .map_or_else(|| "(null)".to_owned(), |s| s.to_string())
    };
    let value = |name| facts.header(name).unwrap_or_default();
    let mut url = facts.url().to_owned();
    let mut after = String::new();
    let text = match reason {
        Reason::MissingAllowOrigin => {
            after = format!(" Status code: {}.", status());
            "CORS header ‘Access-Control-Allow-Origin’ missing".to_owned()
        }
        Reason::NotSupportingCredentials => {
            url = format!("‘{url}’");
            "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’"
                .to_owned()
        }
        Reason::MultipleAllowOrigin => {
            "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed".to_owned()
        }
        Reason::NotMatchingOrigin => format!(
            "CORS header ‘Access-Control-Allow-Origin’ does not match ‘{}’",
            value("access-control-allow-origin")
        ),
        Reason::MissingAllowCredentials => {
            "expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’".to_owned()
        }
        Reason::PreflightDidNotSucceed => {
            after = format!(" Status code: {}.", status());
            "CORS preflight response did not succeed".to_owned()
        }
        Reason::ExternalRedirect => "CORS request external redirect not allowed".to_owned(),
        Reason::InvalidAllowMethod => format!(
            "invalid token ‘{}’ in CORS header ‘Access-Control-Allow-Methods’",
            utf8(facts.bad_token()?)
        ),
        Reason::InvalidAllowHeader => format!(
            "invalid token ‘{}’ in CORS header ‘Access-Control-Allow-Headers’",
            utf8(facts.bad_token()?)
        ),
        Reason::MethodNotFound => {
            "Did not find method in CORS header ‘Access-Control-Allow-Methods’".to_owned()
        }
        Reason::MissingAllowHeader => format!(
            "header ‘{}’ is not allowed according to header ‘Access-Control-Allow-Headers’ from \
             CORS preflight response",
            facts.missing_headers().into_iter().min()?
        ),
        Reason::NotHttp => {
            url = facts.location()?;
            "CORS request not http".to_owned()
        }
        Reason::DidNotSucceed => {
            " Status code: (null).".clone_into(&mut after);
            "CORS request did not succeed".to_owned()
        }
    };
    Some(format!(
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote \
         resource at {url}. (Reason: {text}).{after}"
    ))
}

// Firefox shows the bytes of a header as UTF-8 where they are.
fn utf8(text: String) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or(text)
}

fn firefox_other(facts: &Facts<'_>) -> Option<String> {
    let url = facts.url();
    Some(match facts.cause.check {
        Check::MixedContent => {
            let target = facts.location().unwrap_or_else(|| url.to_owned());
            format!("Blocked loading mixed active content “{target}”")
        }
        Check::BlockedByCorp => format!(
            "The resource at “{url}” was blocked due to its Cross-Origin-Resource-Policy header \
             (or lack thereof). See https://developer.mozilla.org/docs/Web/HTTP/\
             Cross-Origin_Resource_Policy_(CORP)#"
        ),
        Check::WrongResourceType if facts.diagnosis.initiator == "script" => format!(
            "Loading module from “{url}” was blocked because of a disallowed MIME type (“{}”).",
            facts.answer.as_ref()?.media_type()?
        ),
        _ => return None,
    })
}

// === Safari ===

fn safari(facts: &Facts<'_>) -> Option<String> {
    let origin = facts.diagnosis.origin.clone().or_else(|| facts.origin())?;
    let status = facts.status();
    let code = || {
        status
            .map(|status| format!(" Status code: {status}"))
            .unwrap_or_default()
    };
    let value = |name| facts.header(name).unwrap_or_default();
    let bad_status = status
        .filter(|status| facts.cause.stage == Stage::Preflight && !(200..300).contains(status));
    if let Some(status) = bad_status
        && facts.cause.check.is_cors()
    {
        return Some(format!(
            "Preflight response is not successful. Status code: {status}"
        ));
    }
    Some(match facts.cause.check {
        Check::MissingAllowOrigin | Check::InvalidAllowOriginValue | Check::AllowOriginMismatch => {
            format!(
                "Origin {origin} is not allowed by Access-Control-Allow-Origin.{}",
                code()
            )
        }
        Check::WildcardOriginNotAllowed => {
            "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."
                .to_owned()
        }
        Check::MultipleAllowOriginValues => {
            "Access-Control-Allow-Origin cannot contain more than one origin.".to_owned()
        }
        Check::InvalidAllowCredentials => {
            "Credentials flag is true, but Access-Control-Allow-Credentials is not \"true\"."
                .to_owned()
        }
        Check::InvalidAllowMethods => format!(
            "Header Access-Control-Allow-Methods has an invalid value: {}",
            value("access-control-allow-methods")
        ),
        Check::InvalidAllowHeaders => format!(
            "Header Access-Control-Allow-Headers has an invalid value: {}",
            value("access-control-allow-headers")
        ),
        Check::MethodDisallowed => format!(
            "Method {} is not allowed by Access-Control-Allow-Methods.",
            facts.method()
        ),
        Check::HeaderDisallowed => format!(
            "Request header field {} is not allowed by Access-Control-Allow-Headers.",
            facts.missing_headers().first()?
        ),
        _ => return None,
    })
}
