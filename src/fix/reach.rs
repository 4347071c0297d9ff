//! What is out of the server's reach.

use super::connection;
use super::edits;
use super::first::first_steps;
use super::hop::{Hop, list};
use super::{Advice, Reach};
use crate::cors::{Ask, Browser, Check, Stage};
use crate::diagnose::{Cause, Root};
use crate::wire::{Origin, Patch};

type Verdict = (Reach, Vec<Advice>);

/// Faults that no header of the server mends rightly: who can mend them instead, and how.
pub(super) fn out_of_reach(cause: &Cause, hop: &Hop, include: bool) -> Option<Verdict> {
    let next = cause.next.iter().map(|(check, _)| *check);
    // Headers mended in front of one of these would change nothing.
    let blocked = std::iter::once(cause.check)
        .chain(next)
        .find_map(|check| other_than_headers(check, hop))
        .or_else(|| not_for_servers(hop));
    if blocked.is_some() {
        return blocked;
    }
    let (reach, mut advice) = no_origin(hop)
        .or_else(|| misplaced_header(hop, include))
        .or_else(|| wrong_case(hop, include))
        .or_else(|| next_is_nobody(cause, hop))?;
    if cause.root.is_some_and(Root::is_not_cors) {
        let first = first_steps(cause, hop, "").into_iter().map(Advice::Do);
        advice = first.chain(advice).collect();
    }
    Some((reach, advice))
}

fn verdict(reach: Reach, sentences: impl IntoIterator<Item = String>) -> Verdict {
    (reach, sentences.into_iter().map(Advice::Do).collect())
}

/// Blocks that are not about the headers of an answer.
fn other_than_headers(check: Check, hop: &Hop) -> Option<Verdict> {
    let target = hop.redirects_to().map(|next| next.url);
    let directly = |target: &str| format!("Or call {target} directly.");
    let host = Origin::of_url(&hop.url).map_or_else(|| hop.url.clone(), |o| o.to_string());
    let sentences = match check {
        Check::NetworkError => connection::mend(hop, Stage::Actual),
        Check::PreflightNetworkError => connection::mend(hop, Stage::Preflight),
        Check::RedirectContainsCredentials => vec![
            "Have the server leave user name and password out of the Location.".to_owned(),
            "Or call the final URL directly, and send the credentials in the Authorization header."
                .to_owned(),
        ],
        Check::CorsDisabledScheme => {
            vec!["Have the server redirect to an http or https URL.".to_owned()]
        }
        Check::MixedContent => {
            let mut sentences = vec![
                "Have the server redirect to https: behind a TLS proxy an application often builds http URLs.".to_owned(),
            ];
            let secure = target.and_then(|t| Some(format!("https://{}", t.strip_prefix("http://")?)));
            sentences.extend(secure.as_deref().map(directly));
            sentences
        }
        Check::CspConnectSrc => vec![format!(
            "Add {} to connect-src in the page's own Content-Security-Policy.",
            target
                .and_then(|t| Origin::of_url(&t))
                .map_or(host, |o| o.to_string())
        )],
        Check::LocalNetworkAccess => vec![
            "While corscope is in between, leave targetAddressSpace out of the call: through any proxy \
             Chromium cannot tell in which network the server is."
                .to_owned(),
            "Without a proxy, serve the page over https and allow its site the local network when \
             Chromium asks; no header of the server grants that."
                .to_owned(),
        ],
        Check::BlockedByCorp => vec![
            "Have the server send Cross-Origin-Resource-Policy: cross-origin, if other sites may embed it."
                .to_owned(),
        ],
        Check::OpaqueResponseBlocked => vec![
            "Find out why this URL answers with a document or data where the page wanted an image or a script."
                .to_owned(),
        ],
        Check::InvalidRedirect => {
            vec!["Mend the redirect: the browser cannot follow it.".to_owned()]
        }
        Check::WrongResourceType => vec![
            "Serve the file itself with its right Content-Type: an error page was answered instead."
                .to_owned(),
        ],
        _ => return None,
    };
    let client = matches!(
        check,
        Check::RedirectContainsCredentials | Check::CspConnectSrc | Check::LocalNetworkAccess
    );
    let reach = if client { Reach::Client } else { Reach::None };
    Some(verdict(reach, sentences))
}

/// 407 from a server: Chromium takes it for a broken proxy, whatever its headers (recorded on 156).
fn not_for_servers(hop: &Hop) -> Option<Verdict> {
    let proxy_status = hop.actual_head().is_some_and(|head| head.status == 407);
    let taken_amiss = hop.browser == Browser::Chromium && hop.url.starts_with("https:");
    (proxy_status && taken_amiss)
        .then(|| verdict(Reach::None, connection::mend(hop, Stage::Actual)))
}

/// A page that has no origin to allow.
fn no_origin(hop: &Hop) -> Option<Verdict> {
    const NEVER: &str =
        "Do not answer with Access-Control-Allow-Origin: null: any sandboxed frame could read it.";
    if let Some(redirect) = &hop.tainted_by {
        let sentences = [
            format!("Call {} directly.", hop.url),
            format!(
                "Or have {redirect} answer itself: its redirect to another origin made the page's origin null."
            ),
            NEVER.to_owned(),
        ];
        return Some(verdict(Reach::Client, sentences));
    }
    let origin = hop.origin.as_deref()?;
    match Origin::from_header(origin) {
        Some(Origin::Opaque) => {
            let sentences = [
                "Find out why the origin is null: a sandboxed frame, a page opened from disk, or one from a data: URL.",
                "Serve the page from a web server of its own, and leave sandbox out or add allow-same-origin.",
                NEVER,
            ];
            Some(verdict(Reach::Client, sentences.map(str::to_owned)))
        }
        Some(Origin::Tuple { .. }) => None,
        None => Some(verdict(
            Reach::Client,
            [format!(
                "Serve the page over http or https: {origin} is no origin that can be allowed."
            )],
        )),
    }
}

/// `Access-Control-Allow-*` put into the request.
fn misplaced_header(hop: &Hop, include: bool) -> Option<Verdict> {
    let ask = Ask::of(&hop.preflight.as_ref()?.request.headers)?;
    let head = hop.preflight_head();
    let granted = head.map(|head| list(&head.headers, "access-control-allow-headers"));
    let granted = granted.unwrap_or_default();
    let (misplaced, right): (Vec<String>, Vec<String>) = ask
        .headers
        .iter()
        .cloned()
        .partition(|name| name.starts_with("access-control-allow-"));
    let is_granted = |name: &String| {
        granted
            .iter()
            .any(|g| g.eq_ignore_ascii_case(name) || (g == "*" && !include))
    };
    if misplaced.iter().all(is_granted) {
        return None;
    }
    let without = Ask {
        headers: right,
        ..ask
    };
    let first = format!(
        "Remove {} from the request: only the server's answer can allow anything.",
        misplaced.join(", ")
    );
    let sentences = std::iter::once(first).chain(leftover(hop, &without, include));
    Some(verdict(Reach::Client, sentences))
}

/// `patch`, which browsers do not correct as they do `put`.
fn wrong_case(hop: &Hop, include: bool) -> Option<Verdict> {
    let ask = Ask::of(&hop.preflight.as_ref()?.request.headers)?;
    let right = ask.method.to_ascii_uppercase();
    if ask.method == right {
        return None;
    }
    let head = hop.preflight_head()?;
    let granted = list(&head.headers, "access-control-allow-methods");
    if granted.contains(&ask.method) || (!include && granted.iter().any(|g| g == "*")) {
        return None;
    }
    if right != "PATCH" && !granted.contains(&right) {
        return None;
    }
    let first = format!(
        "Write the method as {right} in the call: methods are case-sensitive, and browsers do not correct {}.",
        ask.method
    );
    let correct = Ask {
        method: right,
        ..ask
    };
    let sentences = std::iter::once(first).chain(leftover(hop, &correct, include));
    Some(verdict(Reach::Client, sentences))
}

/// What the server has to change as well, once the call is right.
fn leftover(hop: &Hop, ask: &Ask, include: bool) -> Option<String> {
    let patch = edits::of_preflight(hop, ask, hop.origin.as_deref()?, include)?;
    Some(format!(
        "Then have the server answer OPTIONS with {}.",
        in_words(&patch)
    ))
}

fn in_words(patch: &Patch) -> String {
    let status = patch.status.map(|status| status.to_string());
    let lines = patch.set.iter().chain(&patch.append);
    let lines = lines.map(|(name, value)| format!("{name}: {value}"));
    let without = patch.remove.iter().map(|name| format!("no {name}"));
    let all: Vec<String> = status.into_iter().chain(lines).chain(without).collect();
    all.join("; ")
}

/// Leaving one foreign origin for another makes the origin `null`
/// ([Fetch § HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch), step 12).
fn next_is_nobody(cause: &Cause, hop: &Hop) -> Option<Verdict> {
    if cause.stage != Stage::Redirect {
        return None;
    }
    let next = hop.redirects_to().filter(|next| next.tainted)?;
    if cause.root == Some(Root::AuthError) {
        // Nobody wants the login page itself.
        return Some(verdict(Reach::Client, []));
    }
    let sentences = [
        format!(
            "Call {} directly: after this redirect the browser would send Origin: null.",
            next.url
        ),
        "Or have the server answer here instead of redirecting to another origin.".to_owned(),
    ];
    Some(verdict(Reach::Client, sentences))
}
