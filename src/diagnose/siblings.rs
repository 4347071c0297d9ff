//! Roots that only other exchanges of the session can show: the same endpoint on success, other paths of
//! the host, the same path on a development server.

use crate::cors::Stage;
use crate::wire::{Origin, is_loopback_host};

use super::diagnosis::{Evidence, Part};
use super::endpoint::template_of;
use super::evidence;
use super::root::Root;
use super::roots::{Found, View, sighting_evidence};
use super::sightings::Sighting;
use super::signatures::{self, status_root};
use super::surroundings::lets_in;

/// Successes of the same endpoint, or its preflights, that carry the header: then only the error lacks
/// it.
pub(super) fn with_headers(view: &View<'_>) -> Vec<Evidence> {
    good(view, false)
        .take(2)
        .map(|s| sighting_evidence(s, "this endpoint can: it had the header here"))
        .collect()
}

/// Successes that let the origin in, the last first; of requests and preflights, or of requests alone.
fn good<'a>(view: &'a View<'_>, actual: bool) -> impl Iterator<Item = &'a Sighting> {
    let seen = view.same_endpoint().iter().rev().copied();
    seen.filter(move |s| {
        (200..300).contains(&s.status)
            && !(actual && s.preflight)
            && lets_in(&view.origin, s.allow_origin.as_deref())
    })
}

/// An answer by which the application itself refuses what was sent (400, 409, 422...), where the same
/// endpoint has the headers on success: script must be able to read why, so what is wrong is that errors
/// lose them. Where the status says that something else is broken, that comes first.
pub(super) fn refused_input(view: &View<'_>) -> Option<Found> {
    let other = status_root(view.status).is_some_and(|(root, _)| root == Root::OtherClientError);
    if view.stage != Stage::Actual || !view.missing() || !other {
        return None;
    }
    let proof: Vec<Evidence> = good(view, true)
        .take(2)
        .map(|s| sighting_evidence(s, "the same endpoint had it on success"))
        .collect();
    if proof.is_empty() {
        return None;
    }
    let mut all = vec![view.status_evidence("the error lacks the header")];
    all.extend(proof);
    Some(Found::sure(Root::ErrorResponseWithoutCors, all))
}

/// An answer that is no success lacks the header, and the successes of the same endpoint, or the
/// preflight of this very request, have it.
pub(super) fn error_without_headers(view: &View<'_>) -> Option<Found> {
    if view.stage == Stage::Preflight || !view.missing() || view.is_ok() || view.status == 304 {
        return None;
    }
    let mut proof: Vec<Evidence> = good(view, false)
        .take(2)
        .map(|s| sighting_evidence(s, "the same endpoint had it here"))
        .collect();
    if let Some(preflight) = &view.subject.hops[view.hop].preflight {
        let note = "the preflight has it";
        proof.push(evidence::header(
            preflight,
            "access-control-allow-origin",
            note,
        ));
    }
    if proof.is_empty() {
        return None;
    }
    proof.insert(0, view.status_evidence("without the header"));
    Some(Found::sure(Root::ErrorResponseWithoutCors, proof))
}

/// No sign of CORS on the answer at all: a path that is not covered, a development proxy that is no
/// longer in between, somebody else's API, or no CORS anywhere.
pub(super) fn unconfigured(view: &View<'_>) -> Option<Found> {
    let signs = view
        .headers
        .iter()
        .any(|f| signatures::is_cors_header(f.name));
    if !view.missing() || view.is_error() || signs {
        return None;
    }
    if let Some(found) = partial_coverage(view) {
        return Some(found);
    }
    if let Some(masked) = dev_proxy(view) {
        let proof = vec![same_origin_evidence(masked)];
        return Some(Found::guess(Root::DevProxyMasksCors, proof));
    }
    if let Some(owner) = third_party(view) {
        let proof = evidence::quote(
            view.step.id(),
            Part::RequestLine,
            owner,
            "not the page's own: its server cannot be changed",
        );
        return Some(Found::guess(Root::ThirdPartyApi, vec![proof]));
    }
    Some(Found::sure(Root::CorsNotConfigured, Vec::new()))
}

fn partial_coverage(view: &View<'_>) -> Option<Found> {
    let here = view.same_endpoint().iter().rev().find(|s| s.any_cors);
    if let Some(here) = here {
        let method = &view.step.exchange.request.method;
        let note = if here.method == *method || view.stage == Stage::Preflight {
            "at another time this endpoint had it".to_owned()
        } else {
            format!("{} of this endpoint has it", here.method)
        };
        let proof = vec![sighting_evidence(here, &note)];
        return Some(Found::guess(Root::CorsPartialCoverage, proof));
    }
    let other = view.siblings().rev().find(|s| s.any_cors)?;
    let note = format!("other paths of this host have it: {}", other.template);
    let proof = vec![sighting_evidence(other, &note)];
    Some(Found::sure(Root::CorsPartialCoverage, proof))
}

/// The same path, answered well to a page of the same origin on this machine.
fn dev_proxy<'a>(view: &'a View<'_>) -> Option<&'a Sighting> {
    let template = template_of(view.url());
    view.subject
        .around
        .on_loopback()
        .filter(|s| s.same_origin && !s.preflight && (200..300).contains(&s.status))
        .find(|s| s.template == template && template.len() > 1)
}

fn same_origin_evidence(sighting: &Sighting) -> Evidence {
    Evidence {
        exchange: sighting.id,
        part: Part::RequestLine,
        name: None,
        value: Some(format!("{} {}", sighting.method, sighting.template)),
        note: format!(
            "same-origin on the development server (status {})",
            sighting.status
        )
        .into(),
    }
}

/// Domains of APIs that are made for servers and answer without CORS headers.
const SERVERS_ONLY: [&str; 28] = [
    "api.mailgun.net",
    "api.notion.com",
    "api.postmarkapp.com",
    "api.sendgrid.com",
    "api.telegram.org",
    "api.twilio.com",
    "api.twitter.com",
    "api.x.com",
    "api.yelp.com",
    "api.zoom.us",
    "api-m.paypal.com",
    "api.paypal.com",
    "discord.com",
    "finance.yahoo.com",
    "github.com",
    "hooks.slack.com",
    "id.twitch.tv",
    "login.microsoftonline.com",
    "maps.googleapis.com",
    "newsapi.org",
    "oauth2.googleapis.com",
    "www.amazon.com",
    "www.google.com",
    "www.instagram.com",
    "www.linkedin.com",
    "www.reddit.com",
    "www.googleapis.com",
    "www.youtube.com",
];

fn third_party(view: &View<'_>) -> Option<String> {
    let target = Origin::of_url(view.url())?;
    let host = target.host();
    if is_loopback_host(host) {
        return None;
    }
    let known = SERVERS_ONLY
        .iter()
        .any(|d| host == *d || host.strip_suffix(d).is_some_and(|h| h.ends_with('.')));
    let page = view.subject.page.as_deref().and_then(Origin::of_url);
    let own = page.is_some_and(|p| p.registrable_domain() == target.registrable_domain());
    (known && !own).then(|| host.to_owned())
}
