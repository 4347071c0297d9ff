//! What is out of the server's reach.

use super::Reach;
use super::hop::{Hop, list, tokens};
use crate::cors::{Check, Stage};
use crate::diagnose::Cause;
use crate::wire::Origin;

/// Faults that no header of the server mends rightly: who can mend them instead, and how.
pub(super) fn out_of_reach(cause: &Cause, hop: &Hop) -> Option<(Reach, Vec<String>)> {
    let advice = |reach, sentences: &[&str]| {
        Some((reach, sentences.iter().map(|s| (*s).to_owned()).collect()))
    };
    match cause.check {
        Check::NetworkError | Check::PreflightNetworkError => {
            return advice(
                Reach::None,
                &["Mend the connection first: no HTTP answer came, so no header can help."],
            );
        }
        Check::RedirectContainsCredentials => {
            return advice(
                Reach::Client,
                &[
                    "Call the final URL directly and send the credentials in a header.",
                    "Or have the server leave user name and password out of the Location.",
                ],
            );
        }
        Check::CorsDisabledScheme => {
            return advice(
                Reach::None,
                &["Have the server redirect to an http or https URL."],
            );
        }
        Check::MixedContent => {
            return advice(
                Reach::None,
                &[
                    "Have the server redirect to https: behind a TLS proxy an application often builds http URLs.",
                    "Or call the final https URL directly.",
                ],
            );
        }
        Check::CspConnectSrc => {
            return advice(
                Reach::Client,
                &["Add the API's origin to connect-src in the page's own Content-Security-Policy."],
            );
        }
        Check::BlockedByCorp => {
            return advice(
                Reach::None,
                &[
                    "Have the server send Cross-Origin-Resource-Policy: cross-origin if others may embed it.",
                ],
            );
        }
        Check::OpaqueResponseBlocked => {
            return advice(
                Reach::None,
                &[
                    "Find out why this URL answers with a document or data where the page wanted an image or a script.",
                ],
            );
        }
        Check::InvalidRedirect => {
            return advice(
                Reach::None,
                &["Mend the redirect: the browser cannot follow it."],
            );
        }
        Check::WrongResourceType => {
            return advice(
                Reach::None,
                &[
                    "Serve the file itself with its right Content-Type: an error page was answered instead.",
                ],
            );
        }
        _ => {}
    }
    if let Some(name) = misplaced_header(hop) {
        return Some((
            Reach::Client,
            vec![
                format!("Remove {name} from the request: it belongs to the server's answer."),
                "Then look again at what the server answers.".to_owned(),
            ],
        ));
    }
    if let Some((sent, right)) = wrong_case(hop) {
        return Some((
            Reach::Client,
            vec![format!(
                "Write the method as {right} in the call: methods are case-sensitive, and browsers do not correct {sent}."
            )],
        ));
    }
    if hop.origin.as_deref() == Some("null") {
        return advice(
            Reach::Client,
            &[
                "Find out why the origin is null: a redirect between other sites, a sandboxed frame, a data: or file: page.",
                "After a redirect, call the final URL directly.",
                "Do not answer with Access-Control-Allow-Origin: null: any sandboxed frame could read it.",
            ],
        );
    }
    if cause.stage == Stage::Redirect && next_origin_is_null(hop) {
        return advice(
            Reach::Client,
            &[
                "Call the final URL directly: after this redirect between other origins the browser sends Origin: null.",
                "Or have the server answer here instead of redirecting.",
            ],
        );
    }
    None
}

fn misplaced_header(hop: &Hop) -> Option<String> {
    let asked = hop.asked("access-control-request-headers")?;
    let granted = hop
        .preflight
        .as_ref()?
        .delivered()
        .map(|head| list(&head.headers, "access-control-allow-headers"));
    let granted = granted.unwrap_or_default();
    tokens(&asked).find(|name| {
        name.to_ascii_lowercase()
            .starts_with("access-control-allow-")
            && !granted
                .iter()
                .any(|g| g.eq_ignore_ascii_case(name) || g == "*")
    })
}

fn wrong_case(hop: &Hop) -> Option<(String, String)> {
    let sent = hop.asked("access-control-request-method")?;
    let right = sent.to_ascii_uppercase();
    if sent == right {
        return None;
    }
    let head = hop.preflight.as_ref()?.delivered()?;
    let granted = list(&head.headers, "access-control-allow-methods");
    if granted.contains(&sent) || granted.iter().any(|g| g == "*") {
        return None;
    }
    (right == "PATCH" || granted.contains(&right)).then_some((sent, right))
}

// Fetch § HTTP-redirect fetch, step 12: leaving one foreign origin for another taints the origin.
fn next_origin_is_null(hop: &Hop) -> bool {
    let Some(exchange) = &hop.actual else {
        return false;
    };
    let location = exchange
        .delivered()
        .and_then(|head| head.headers.get("location"));
    let (Some(location), Some(here), Some(page)) = (
        location,
        Origin::of_url(&hop.url),
        hop.origin.as_deref().and_then(Origin::from_header),
    ) else {
        return false;
    };
    let next = url::Url::parse(&hop.url)
        .and_then(|base| base.join(&location))
        .ok()
        .and_then(|url| Origin::of(&url));
    next.is_some_and(|next| !next.same_origin(&here)) && !here.same_origin(&page)
}
