//! What to do, in sentences, for a fix that the server can make.

use super::Advice;
use super::edits::ALLOW_ORIGIN;
use super::first::{first_steps, hint};
use super::hop::Hop;
use crate::cors::{Check, Stage};
use crate::diagnose::{Cause, Root};
use crate::wire::{Origin, Patch, is_loopback_host};

/// What to do, first things first.
pub(super) fn advice(
    cause: &Cause,
    hop: &Hop,
    origin: &str,
    preflight: Option<&Patch>,
    actual: Option<&Patch>,
) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    let mut add = |step: Advice| {
        if !advice.contains(&step) {
            advice.push(step);
        }
    };
    for step in mistaken_headers(hop) {
        add(Advice::Do(step));
    }
    for step in first_steps(cause, hop, origin) {
        add(Advice::Do(step));
    }
    let layers = cause.root == Some(Root::DuplicateCorsLayers);
    if let Some(hint) = hint(cause).filter(|_| !layers) {
        add(hint.into());
    }
    if let Some(patch) = preflight {
        add(Advice::OnPreflight(on_preflight(patch)));
    }
    if let Some(patch) = actual {
        add(Advice::OnActual(on_actual(cause, hop, patch)));
    }
    if let Some(next) = hop
        .redirects_to()
        .filter(|_| cause.stage == Stage::Redirect)
    {
        add(Advice::Do(format!(
            "The answer at {} needs them too.",
            next.url
        )));
    }
    let mut patches = [preflight, actual].into_iter().flatten();
    if patches.any(|patch| patch.set.iter().any(|(name, _)| name == ALLOW_ORIGIN)) {
        add(
            "Take the origin from a list of your own sites, compared whole; never a wildcard where cookies or tokens travel."
                .into(),
        );
    }
    for step in alternatives(cause, hop, origin) {
        add(Advice::Do(step));
    }
    advice
}

/// How many lines a patch has: `this header` or `these headers`.
fn these(patch: &Patch) -> &'static str {
    if patch.set.len() + patch.append.len() + patch.remove.len() == 1 {
        "this header"
    } else {
        "these headers"
    }
}

fn on_preflight(patch: &Patch) -> String {
    let lines = patch.set.len() + patch.append.len();
    let these = these(patch);
    match patch.status {
        Some(status) if lines == 0 => format!(
            "Answer OPTIONS at this URL with {status}, before authentication, routing and redirects."
        ),
        Some(status) => format!(
            "Answer OPTIONS at this URL with {status} and {these}, before authentication, routing and redirects."
        ),
        None if lines == 0 => {
            format!("Leave {these} out of the answer to OPTIONS at this URL.")
        }
        None => format!("Send {these} on the answer to OPTIONS at this URL."),
    }
}

fn on_actual(cause: &Cause, hop: &Hop, patch: &Patch) -> String {
    let these = these(patch);
    let head = hop.actual_head();
    let status = head.as_ref().map_or(200, |head| head.status);
    if cause.stage == Stage::Redirect {
        format!("Send {these} on the {status} itself.")
    } else if status >= 400 {
        let server = head.and_then(|head| head.headers.get("server"));
        let server = server.unwrap_or_default().to_ascii_lowercase();
        let how = if server.starts_with("nginx") {
            " In nginx, end the add_header line with always."
        } else if server.starts_with("apache") {
            " In Apache, write Header always set."
        } else {
            ""
        };
        format!("Send {these} on error answers too, so that the page can read the error.{how}")
    } else if head.is_none() {
        format!(
            "Send {these} on the answer to {} too, whatever its status.",
            hop.method
        )
    } else {
        format!(
            "Send {these} on the answer to {}, whatever its status.",
            hop.method
        )
    }
}

/// Options of `fetch` written among the headers.
fn mistaken_headers(hop: &Hop) -> Vec<String> {
    let asked = hop
        .asked("access-control-request-headers")
        .unwrap_or_default();
    let names = asked
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase());
    let options =
        names.filter(|name| matches!(name.as_str(), "mode" | "credentials" | "withcredentials"));
    options
        .map(|name| {
            format!(
                "Take {name} out of the call's headers: it is an option of the call, not a header."
            )
        })
        .collect()
}

/// What would do as well, or should be done besides.
fn alternatives(cause: &Cause, hop: &Hop, origin: &str) -> Vec<String> {
    let mut steps = Vec::new();
    if cause.check == Check::WildcardOriginNotAllowed {
        let include = match hop.initiator {
            "fetch" | "eventsource" => "credentials: 'include'",
            _ => "crossorigin=\"use-credentials\"",
        };
        steps.push(format!("Or leave {include} out, if this needs no cookies."));
    }
    let lacks = |name: &str| {
        cause.check == Check::HeaderDisallowed
            && cause.missing.iter().any(|missing| missing == name)
    };
    if lacks("content-type") && matches!(hop.method.as_str(), "GET" | "HEAD") {
        steps.push(format!(
            "Or leave Content-Type out of the call: a {} has no body.",
            hop.method
        ));
    }
    for name in ["x-requested-with", "cache-control", "pragma"] {
        if lacks(name) {
            steps.push(format!(
                "Or leave {name} out of the call, if nothing on the server reads it."
            ));
        }
    }
    let page = Origin::from_header(origin);
    let plain = page.filter(|page| page.scheme() == "http" && !is_loopback_host(page.host()));
    if plain.is_some() && hop.url.starts_with("https:") {
        steps.push(format!(
            "Better serve the page over https as well: anyone on the network can change {origin}."
        ));
    }
    steps
}
