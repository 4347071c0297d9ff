//! Chromium's words.

use std::fmt::Write as _;

use super::{Facts, unsafe_redirect};
use crate::cors::{Check, Stage};
use crate::report::network;
use crate::wire::{End, FailureStage};

/// What the fault is called in Chromium (`Network.CorsError`).
pub(in super::super) fn name(facts: &Facts<'_>) -> Option<&'static str> {
    let redirected = facts.cause.stage == Stage::Preflight
        && facts
            .answer
            .as_ref()
            .is_some_and(|head| head.is_redirect() && head.headers.contains("location"));
    if unsafe_redirect(facts) {
        return None;
    }
    // Chromium looks at this before the headers, Firefox after them.
    if redirected && facts.cause.check.is_cors() {
        return Check::DisallowedRedirect.chromium_name(Stage::Preflight);
    }
    facts.cause.check.chromium_name(facts.cause.stage)
}

/// The sentence in the console.
pub(super) fn sentence(facts: &Facts<'_>) -> Option<String> {
    let cause = facts.cause;
    if !cause.check.is_cors() || unsafe_redirect(facts) {
        return net_error(facts).map(|error| format!("Failed to load resource: {error}"));
    }
    let value = |name| escaped(&facts.header(name).unwrap_or_default());
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
            list_fault(facts)?
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
        kind(facts)
    ))
}

fn list_fault(facts: &Facts<'_>) -> Option<String> {
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

fn kind(facts: &Facts<'_>) -> &'static str {
    match facts.diagnosis.initiator {
        "fetch" => "fetch",
        "script" => "script",
        "image" => "image",
        "font" => "font",
        "manifest" => "manifest",
        "style" => "CSS stylesheet",
        "media" => match facts.request_header("sec-fetch-dest").as_deref() {
            Some("audio") => "audio",
            Some("video") => "video",
            _ => "resource",
        },
        _ => "resource",
    }
}

// The console shows other characters than ASCII as escapes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
    }
    out
}

fn net_error(facts: &Facts<'_>) -> Option<String> {
    let exchange = facts.exchange.as_ref()?;
    match facts.cause.check {
        Check::CorsDisabledScheme => Some("net::ERR_UNSAFE_REDIRECT".to_owned()),
        Check::NetworkError | Check::PreflightNetworkError => {
            let End::Failed(failure) = &exchange.end else {
                return None;
            };
            if failure.detail.starts_with("net::ERR_") {
                return Some(failure.detail.clone());
            }
            // What corscope or the client is to blame for, the console shows otherwise.
            let ours = matches!(failure.stage, FailureStage::ClientTls | FailureStage::Proxy);
            let error = network::chromium_name(failure);
            if ours || error == "net::ERR_FAILED" {
                return None;
            }
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
