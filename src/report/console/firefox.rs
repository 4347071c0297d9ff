//! Firefox's words.

use super::{Facts, unsafe_redirect};
use crate::cors::{Check, Credentials};
use crate::wire::{HeaderList, Origin};

/// What the fault is called in Firefox (the name of its page on MDN).
pub(in super::super) fn name(facts: &Facts<'_>) -> Option<&'static str> {
    reason(facts).map(Reason::name)
}

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

fn reason(facts: &Facts<'_>) -> Option<Reason> {
    Some(match facts.cause.check {
        // Present and empty is a value that does not match.
        Check::MissingAllowOrigin if facts.header("access-control-allow-origin").is_some() => {
            Reason::NotMatchingOrigin
        }
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
        Check::DisallowedRedirect => redirect_reason(facts),
        Check::InvalidAllowMethods => Reason::InvalidAllowMethod,
        Check::InvalidAllowHeaders => Reason::InvalidAllowHeader,
        Check::MethodDisallowed => Reason::MethodNotFound,
        Check::HeaderDisallowed => Reason::MissingAllowHeader,
        Check::CorsDisabledScheme if unsafe_redirect(facts) => Reason::DidNotSucceed,
        Check::CorsDisabledScheme => Reason::NotHttp,
        Check::RedirectContainsCredentials | Check::PreflightNetworkError => Reason::DidNotSucceed,
        Check::NetworkError if is_cross_origin(facts) => Reason::DidNotSucceed,
        Check::NetworkError
        | Check::MixedContent
        | Check::CspConnectSrc
        | Check::LocalNetworkAccess
        | Check::OpaqueResponseBlocked
        | Check::BlockedByCorp
        | Check::InvalidRedirect
        | Check::WrongResourceType => return None,
    })
}

fn redirect_reason(facts: &Facts<'_>) -> Reason {
    let include = facts.diagnosis.credentials == Credentials::Include;
    let allowed = facts.header("access-control-allow-origin");
    let credentials = facts.header("access-control-allow-credentials");
    match allowed {
        None => Reason::MissingAllowOrigin,
        Some(value) if value == "*" && include => Reason::NotSupportingCredentials,
        Some(value) if value != "*" && Some(&value) != facts.origin().as_ref() => {
            Reason::NotMatchingOrigin
        }
        Some(_) if include && credentials.as_deref() != Some("true") => {
            Reason::MissingAllowCredentials
        }
        Some(_) => Reason::ExternalRedirect,
    }
}

// The header is repeated, and each line is spelled exactly so; over HTTP/2 it never is.
fn repeated_as_firefox_wants(facts: &Facts<'_>) -> bool {
    let exact = |headers: &HeaderList| {
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

pub(super) fn sentence(facts: &Facts<'_>) -> Option<String> {
    // Redirects that go nowhere are not about CORS, and told as if they were.
    let nowhere = facts.cause.check == Check::InvalidRedirect && is_cross_origin(facts);
    let told = reason(facts).or_else(|| nowhere.then_some(Reason::DidNotSucceed));
    let Some(reason) = told else {
        return other(facts);
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
            utf8(&value("access-control-allow-origin"))
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
            utf8(&facts.bad_token()?)
        ),
        Reason::InvalidAllowHeader => format!(
            "invalid token ‘{}’ in CORS header ‘Access-Control-Allow-Headers’",
            utf8(&facts.bad_token()?)
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

fn other(facts: &Facts<'_>) -> Option<String> {
    let url = facts.url();
    let nosniff = facts
        .header("x-content-type-options")
        .is_some_and(|value| value.eq_ignore_ascii_case("nosniff"));
    let script = facts.diagnosis.initiator == "script";
    Some(match facts.cause.check {
        Check::OpaqueResponseBlocked if nosniff && script => format!(
            "The resource from “{url}” was blocked due to MIME type (“{}”) mismatch \
             (X-Content-Type-Options: nosniff).",
            facts.answer.as_ref()?.media_type()?
        ),
        Check::OpaqueResponseBlocked => {
            let why = if nosniff {
                "nosniff is true and mimeType is an opaque-blocklisted MIME type or its essence is \
                 'text/plain'"
            } else {
                "Javascript validation failed"
            };
            format!(
                "The resource at “{url}” was blocked by OpaqueResponseBlocking. Reason: “{why}”."
            )
        }
        Check::MixedContent => {
            let target = facts.location().unwrap_or_else(|| url.to_owned());
            format!("Blocked loading mixed active content “{target}”")
        }
        Check::BlockedByCorp => format!(
            "The resource at “{url}” was blocked due to its Cross-Origin-Resource-Policy header \
             (or lack thereof). See https://developer.mozilla.org/docs/Web/HTTP/\
             Cross-Origin_Resource_Policy_(CORP)#"
        ),
        Check::WrongResourceType if script => format!(
            "Loading module from “{url}” was blocked because of a disallowed MIME type (“{}”).",
            facts.answer.as_ref()?.media_type()?
        ),
        _ => return None,
    })
}

// Firefox takes the bytes of a header for UTF-8.
fn utf8(text: &str) -> String {
    let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
