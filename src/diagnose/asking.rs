//! Warnings about preflights: what is asked for needlessly, granted badly, remembered too short.

use crate::cors::{Browser, Credentials, is_safelisted_method};
use crate::wire::Source;

use super::diagnosis::{Evidence, Part, Severity};
use super::evidence;
use super::subs::is_private;
use super::warnings::{View, list_has, url_of};

const MAX_AGE: &str = "access-control-max-age";

pub(super) fn client_sends(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, _, ask) = view.preflight()?;
    ask.headers
        .iter()
        .any(|h| h.starts_with("access-control-allow-"))
        .then(|| {
            let proof = evidence::request_header(
                step,
                "access-control-request-headers",
                "a response header, set on the request",
            );
            (Severity::Warn, vec![proof])
        })
}

pub(super) fn authorization_wildcard(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    const LIST: &str = "access-control-allow-headers";
    let (step, headers, ask) = view.preflight()?;
    let asked = ask.headers.iter().any(|h| h == "authorization");
    let only_star = list_has(headers, LIST, "*") && !list_has(headers, LIST, "authorization");
    (asked && only_star).then(|| {
        let proof = evidence::header(step, LIST, "by the standard * does not cover authorization");
        (Severity::Warn, vec![proof])
    })
}

pub(super) fn preflight_wildcard(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers, _) = view.preflight()?;
    if view.diagnosis.credentials != Credentials::Unknown {
        return None;
    }
    let proof: Vec<Evidence> = [
        "access-control-allow-methods",
        "access-control-allow-headers",
    ]
    .into_iter()
    .filter(|name| list_has(headers, name, "*"))
    .map(|name| evidence::header(step, name, "with credentials * is only a name"))
    .collect();
    (!proof.is_empty()).then_some((Severity::Warn, proof))
}

pub(super) fn duplicates(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers, _) = view.preflight()?;
    let name = [
        "access-control-allow-methods",
        "access-control-allow-headers",
    ]
    .into_iter()
    .find(|name| headers.all(name).count() > 1)?;
    let proof = evidence::header(step, name, "sent twice: do two layers add it?");
    Some((Severity::Warn, vec![proof]))
}

pub(super) fn max_age_invalid(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers, _) = view.preflight()?;
    let age = headers.get(MAX_AGE)?;
    let digits = !age.is_empty() && age.bytes().all(|b| b.is_ascii_digit());
    (!digits && age.trim() != "-1").then(|| {
        let proof = evidence::header(step, MAX_AGE, "no number of seconds");
        (Severity::Warn, vec![proof])
    })
}

/// The same preflight again and again, because nothing says how long its answer holds.
pub(super) fn no_max_age(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    const SHORT_SECONDS: u64 = 5;
    const OFTEN: usize = 3;
    let (step, headers, ask) = view.preflight()?;
    if headers
        .get(MAX_AGE)
        .is_some_and(|age| age.parse::<u64>().is_ok_and(|s| s > SHORT_SECONDS))
    {
        return None;
    }
    let url = super::slots::key_of(url_of(step));
    let count = 1 + view
        .endpoint()
        .iter()
        .filter(|s| {
            s.preflight
                && s.url == url
                && s.method == ask.method
                && s.origin.as_deref() == Some(&*view.origin)
        })
        .count();
    (count >= OFTEN).then(|| {
        let note = format!("asked {count} times");
        let proof = evidence::header(step, MAX_AGE, note);
        (Severity::Info, vec![proof])
    })
}

pub(super) fn max_age_over_cap(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers, _) = view.preflight()?;
    let seconds = headers.get(MAX_AGE)?.parse::<u64>().ok()?;
    let (cap, note) = match view.diagnosis.browser {
        Browser::Chromium => (7200, "Chromium keeps it for 7200 at most"),
        Browser::Firefox => (86400, "Firefox keeps it for 86400 at most"),
        Browser::Safari => (600, "Safari keeps it for 600 at most"),
    };
    (seconds > cap).then(|| {
        let proof = evidence::header(step, MAX_AGE, note);
        (Severity::Info, vec![proof])
    })
}

pub(super) fn avoidable(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, _, ask) = view.preflight()?;
    let bodiless = matches!(ask.method.as_str(), "GET" | "HEAD");
    let idle = |name: &String| {
        matches!(
            name.as_str(),
            "x-requested-with" | "cache-control" | "pragma"
        ) || (bodiless && name == "content-type")
    };
    let avoidable = is_safelisted_method(&ask.method)
        && !ask.headers.is_empty()
        && ask.headers.iter().all(idle);
    avoidable.then(|| {
        let proof = evidence::request_header(
            step,
            "access-control-request-headers",
            "without it there is no preflight",
        );
        (Severity::Info, vec![proof])
    })
}

pub(super) fn mixed_case(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, _, ask) = view.preflight()?;
    ask.method.eq_ignore_ascii_case("patch").then_some(())?;
    (ask.method != "PATCH").then(|| {
        let proof = evidence::request_header(
            step,
            "access-control-request-method",
            "browsers do not upper-case it",
        );
        (Severity::Info, vec![proof])
    })
}

pub(super) fn preflight_cached(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let remembered = view
        .subject
        .fetch
        .members
        .iter()
        .find_map(|m| m.remembered)?;
    let proof = evidence::quote(
        remembered,
        Part::Behaviour,
        "no preflight was sent".to_owned(),
        "the answer to this one was remembered",
    );
    Some((Severity::Info, vec![proof]))
}

/// A page of a public site that calls into this machine or the local network, in a Chromium that could
/// not tell, since it was connected to us.
pub(super) fn local_network(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    // Names that nobody can register (RFC 2606, RFC 6762, RFC 8375), and what people use inside.
    const INSIDE: [&str; 8] = [
        ".test",
        ".example",
        ".invalid",
        ".internal",
        ".home.arpa",
        ".lan",
        ".home",
        ".corp",
    ];
    let step = view.hop.head_step()?;
    let exchange = &step.exchange;
    let is_chromium = view.diagnosis.browser == Browser::Chromium
        && exchange.request.headers.contains("sec-fetch-mode");
    if exchange.source != Source::Proxy || !is_chromium {
        return None;
    }
    let (page, target) = (view.page()?, view.target()?);
    let host = page.host();
    let public = host.contains('.')
        && !page.is_opaque()
        && !is_private(host)
        && !INSIDE.iter().any(|zone| host.ends_with(zone));
    (public && is_private(target.host())).then(|| {
        let to = target.to_string();
        let proof = vec![
            evidence::request_header(step, "origin", "a public site, by its name"),
            evidence::quote(
                step.id(),
                Part::RequestHeader,
                to,
                "this machine or its network",
            ),
        ];
        (Severity::Warn, proof)
    })
}
