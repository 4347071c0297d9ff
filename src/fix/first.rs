//! What comes before any header: the reason why the server answered so.

use super::hop::Hop;
use crate::cors::{Check, Stage};
use crate::diagnose::{Cause, Root};

/// What to do about the root, first things first; empty where the header lines say it all.
pub(super) fn first_steps(cause: &Cause, hop: &Hop, origin: &str) -> Vec<String> {
    let Some(root) = cause.root else {
        return Vec::new();
    };
    let failed = match cause.stage {
        Stage::Preflight => hop.preflight_head(),
        Stage::Redirect | Stage::Actual => hop.actual_head(),
    };
    let status = failed
        .as_ref()
        .map_or_else(|| "error".to_owned(), |head| head.status.to_string());
    let one = |text: &str| vec![text.to_owned()];
    match root {
        Root::ServerError => {
            vec![format!(
                "Mend the {status} first: read the server's log for this request."
            )]
        }
        Root::PreflightServerError => vec![format!(
            "Mend the {status} on OPTIONS first: the handler ran for a request without body, cookie and token."
        )],
        Root::GatewayError => vec![format!(
            "Mend the {status} first: the application behind the gateway is down, slow or crashed."
        )],
        Root::AuthError if cause.stage == Stage::Redirect => one(
            "Log in again, and have API calls answered with 401 instead of a redirect to the login page.",
        ),
        Root::AuthError => vec![format!(
            "Look at the {status} first: the token or cookie is missing, expired or not accepted."
        )],
        Root::WrongUrl => vec![format!(
            "Mend the {status} first: check path, base URL and deployment."
        )],
        Root::SpaFallback => {
            one("Call the API's own URL: this one serves the front end's index.html.")
        }
        Root::MethodNotAllowed => {
            let allow = failed.and_then(|head| head.headers.get("allow"));
            let accepted = allow.map_or_else(String::new, |list| format!(" ({list})"));
            vec![format!(
                "Use a method this URL accepts{accepted}, or add a handler for {}.",
                hop.method
            )]
        }
        Root::PayloadTooLarge => one("Send less, or raise the limit in front of the application."),
        Root::RateLimited => one("Send fewer requests, or raise the limit."),
        Root::OtherClientError => vec![format!(
            "Mend the {status} first: the server did not accept the request."
        )],
        Root::PreflightBlockedByAuth => {
            one("Exempt OPTIONS from authentication: a preflight never carries cookies or tokens.")
        }
        Root::PreflightBlockedByEdge => {
            one("Let OPTIONS pass the CDN or firewall in front of the application.")
        }
        Root::RedirectHttpsToHttp => one(
            "Have the server redirect to https, or not at all: behind a TLS proxy an application often builds http URLs.",
        ),
        Root::RedirectHttpToHttps
        | Root::RedirectTrailingSlash
        | Root::RedirectWwwApex
        | Root::RedirectLocale
        | Root::RedirectOtherHost => {
            let target = hop.preflight_target();
            let target = target.unwrap_or_else(|| "the final URL".to_owned());
            vec![format!(
                "Call {target} directly: a preflight may not be redirected."
            )]
        }
        Root::RedirectLogin => {
            one("Answer API calls with 401 instead of a redirect to the login page.")
        }
        Root::DuplicateCorsLayers => one(
            "Keep CORS in one place: remove it from the application or from the proxy in front.",
        ),
        Root::CachedResponseWrongOrigin | Root::CachedWithoutCors => one(PURGE),
        Root::ThirdPartyApi => {
            one("If the server is not yours, call it from your own backend instead.")
        }
        Root::ExplicitRefusal if cause.check == Check::InvalidStatus => one(
            "Read what the server says: its CORS settings refuse this method or one of these headers.",
        ),
        Root::ExplicitRefusal | Root::OriginNotInAllowList | Root::AllowListRefused => {
            vec![format!(
                "Add {origin} to the origins that the server allows."
            )]
        }
        Root::CorsPartialCoverage => {
            one("Extend the server's CORS handling to this path: others of this host have it.")
        }
        Root::PreflightOkActualMissingHeaders => vec![format!(
            "Have the code that answers {} send them too: so far only the answer to OPTIONS is right.",
            hop.method
        )],
        Root::ActualOkPreflightMissingHeaders => {
            one("Have OPTIONS reach the server's CORS handling: so far only other methods do.")
        }
        Root::NetworkFailure
        | Root::TaintedRedirect
        | Root::PreflightNotHandled
        | Root::ErrorResponseWithoutCors
        | Root::CorsNotConfigured
        | Root::CredentialsHalfConfigured
        | Root::DevProxyMasksCors => Vec::new(),
    }
}

const PURGE: &str = "Purge the cache, and send Vary: Origin from now on.";

/// What to correct in the value that was found.
pub(super) fn hint(cause: &Cause) -> Option<&'static str> {
    if let Some(hint) = cause.sub.and_then(hint_of_sub) {
        return Some(hint);
    }
    let found = cause.found.as_deref();
    match cause.check {
        Check::InvalidAllowMethods | Check::InvalidAllowHeaders => {
            Some("Separate the names in the list with commas, and leave everything else out.")
        }
        Check::InvalidAllowCredentials if found.is_some() => {
            Some("Write the value as true, in lower case and once: no other value counts.")
        }
        Check::InvalidAllowOriginValue if found.is_some_and(|f| f.trim().is_empty()) => {
            hint_of_sub("placeholder")
        }
        Check::InvalidAllowOriginValue if found.is_some_and(|f| f.contains(['"', '\''])) => {
            Some("Leave the quotation marks out of the value.")
        }
        _ => None,
    }
}

/// What to correct in a configured value, by the kind of mismatch.
fn hint_of_sub(sub: &str) -> Option<&'static str> {
    Some(match sub {
        "trailing-slash" => "Remove the slash at the end of the configured origin.",
        "has-path" => "Configure only scheme, host and port, without a path.",
        "missing-scheme" => "Write the configured origin with its scheme.",
        "scheme" => "List the scheme the page really uses, or redirect the page to https.",
        "www-apex" => "List both hosts, with and without www, or redirect one to the other.",
        "port" => "List the port the page really uses; leave a default port out.",
        "case" => "Write the configured origin in lower case.",
        "localhost-alias" => "List localhost and 127.0.0.1 both, or use one of them everywhere.",
        "dev-origin-in-production" => {
            "Add the deployed page's origin to the server's configuration."
        }
        "preview-deployment" => {
            "Allow the preview host by an exact, anchored pattern of your project."
        }
        "wildcard-subdomain" => {
            "Browsers know no patterns: match the origin on the server and answer with it alone."
        }
        "idn" => "Write the host in its xn-- form.",
        "literal-null" | "placeholder" => {
            "Fill the configuration value in: it is empty or a placeholder where the server runs."
        }
        "cached-other-origin" => PURGE,
        "list-in-one-header" => "Answer with the one origin that asked, not with the whole list.",
        "duplicate-headers" => "Keep one of the layers that add the header, remove the other.",
        _ => return None,
    })
}
