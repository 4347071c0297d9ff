//! What to do, in sentences.

use super::Advice;
use super::hop::Hop;
use super::suggest::ALLOW_ORIGIN;
use crate::diagnose::{Cause, Root};
use crate::wire::Patch;

/// What to do, first things first, for a fix that the server can make.
pub(super) fn advice(
    cause: &Cause,
    hop: &Hop,
    method: &str,
    preflight: Option<&Patch>,
    actual: Option<&Patch>,
) -> Vec<Advice> {
    let mut advice = Vec::new();
    if let Some(first) = cause.root.and_then(|root| first_step(root, hop)) {
        advice.push(Advice::Do(first));
    }
    if let Some(hint) = cause.sub.and_then(hint_of_sub) {
        advice.push(hint.into());
    }
    match (preflight, actual) {
        (Some(patch), _) if patch.status.is_some() => advice.push(Advice::OnPreflight(
            "Answer OPTIONS at this URL with 204 and these headers, before authentication, routing and redirects."
                .to_owned(),
        )),
        (Some(_), _) => advice.push(Advice::OnPreflight(
            "Send these headers on the answer to OPTIONS at this URL.".to_owned(),
        )),
        (None, _) => {}
    }
    if actual.is_some() {
        let error = hop
            .actual
            .as_ref()
            .and_then(|e| e.response.as_ref())
            .is_some_and(|head| head.status >= 400);
        let text = if error {
            "Send these headers on error answers too, so that the page can read the error."
                .to_owned()
        } else {
            format!("Send these headers on the answer to {method}, whatever its status.")
        };
        advice.push(Advice::OnActual(text));
    }
    let sets_origin = [preflight, actual]
        .into_iter()
        .flatten()
        .any(|patch| patch.set.iter().any(|(name, _)| name == ALLOW_ORIGIN));
    if sets_origin {
        advice.push(
            "Take the origin from a list of your own sites, compared whole; never a wildcard where cookies or tokens travel."
                .into(),
        );
    }
    advice
}

fn first_step(root: Root, hop: &Hop) -> Option<String> {
    let status = hop
        .actual
        .as_ref()
        .or(hop.preflight.as_ref())
        .and_then(|e| e.response.as_ref())
        .map_or_else(|| "error".to_owned(), |head| head.status.to_string());
    Some(match root {
        Root::ServerError => {
            format!("Mend the {status} first: read the server's log for this request.")
        }
        Root::PreflightServerError => format!(
            "Mend the {status} on OPTIONS first: the handler ran for a request without a body."
        ),
        Root::GatewayError => format!(
            "Mend the {status} first: the application behind the gateway is down, slow or crashed."
        ),
        Root::AuthError => format!(
            "Look at the {status} first: the token or cookie is missing, expired or not accepted."
        ),
        Root::WrongUrl => format!("Mend the {status} first: check path, base URL and deployment."),
        Root::SpaFallback => {
            "Call the API's own URL: this one serves the front end's index.html.".to_owned()
        }
        Root::MethodNotAllowed => {
            "Use a method this URL accepts, or add a handler for this one.".to_owned()
        }
        Root::PayloadTooLarge => {
            "Send less, or raise the limit in front of the application.".to_owned()
        }
        Root::RateLimited => "Send fewer requests, or raise the limit.".to_owned(),
        Root::OtherClientError => {
            format!("Mend the {status} first: the server did not accept the request.")
        }
        Root::PreflightBlockedByAuth => {
            "Exempt OPTIONS from authentication: a preflight never carries cookies or tokens."
                .to_owned()
        }
        Root::PreflightBlockedByEdge => {
            "Let OPTIONS pass the CDN or firewall in front of the application.".to_owned()
        }
        Root::RedirectHttpToHttps
        | Root::RedirectHttpsToHttp
        | Root::RedirectTrailingSlash
        | Root::RedirectWwwApex
        | Root::RedirectLocale
        | Root::RedirectOtherHost => match redirect_target(hop) {
            Some(target) => format!("Call {target} directly: a preflight may not be redirected."),
            None => "Call the final URL directly: a preflight may not be redirected.".to_owned(),
        },
        Root::RedirectLogin => {
            "Answer API calls with 401 instead of a redirect to the login page.".to_owned()
        }
        Root::DuplicateCorsLayers => {
            "Keep CORS in one place: remove it from the application or from the proxy in front."
                .to_owned()
        }
        Root::CachedResponseWrongOrigin | Root::CachedWithoutCors => {
            "Purge the cache, and send Vary: Origin from now on.".to_owned()
        }
        Root::ThirdPartyApi => {
            "If the server is not yours, call it from your own backend instead.".to_owned()
        }
        _ => return None,
    })
}

fn redirect_target(hop: &Hop) -> Option<String> {
    let head = hop.preflight.as_ref()?.delivered()?;
    let location = head.headers.get("location")?;
    let target = url::Url::parse(&hop.url).ok()?.join(&location).ok()?;
    Some(target.to_string())
}

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
        "cached-other-origin" => "Purge the cache, and send Vary: Origin from now on.",
        "list-in-one-header" => "Answer with the one origin that asked, not with the whole list.",
        "duplicate-headers" => "Keep one of the layers that add the header, remove the other.",
        _ => return None,
    })
}
