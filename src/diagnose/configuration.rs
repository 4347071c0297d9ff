//! Roots in the server's configuration: the answer is a success, its CORS headers are not.

use crate::cors::{Check, Stage};

use super::evidence;
use super::root::Root;
use super::roots::{Found, View, sighting_evidence};
use super::signatures;
use super::surroundings::{is_cache_hit, lets_in, template_of, vary_has_origin};

/// Two layers each add the header.
pub(super) fn duplicate_layers(view: &View<'_>) -> Option<Found> {
    let lines = view.headers.all("access-control-allow-origin").count();
    (view.check == Check::MultipleAllowOriginValues && lines > 1).then(|| {
        let proof = evidence::header(
            view.step,
            "access-control-allow-origin",
            "sent more than once: two layers add it",
        );
        Found::sure(Root::DuplicateCorsLayers, vec![proof])
    })
}

/// A cache answered, with what was made for somebody else.
pub(super) fn cached(view: &View<'_>) -> Option<Found> {
    let (name, _) = is_cache_hit(view.headers)?;
    let root = match view.check {
        Check::MissingAllowOrigin if view.is_ok() => Root::CachedWithoutCors,
        Check::AllowOriginMismatch => Root::CachedResponseWrongOrigin,
        _ => return None,
    };
    let mut all = vec![evidence::header(view.step, name, "a cache answered")];
    if !vary_has_origin(view.headers) {
        all.push(evidence::header(view.step, "vary", "does not name Origin"));
    }
    let right = view
        .same_endpoint()
        .into_iter()
        .rev()
        .find(|s| lets_in(&view.origin, s.allow_origin.as_deref()));
    all.extend(right.map(|s| sighting_evidence(s, "right here")));
    Some(Found::guess(root, all))
}

pub(super) fn preflight_ok_actual_missing(view: &View<'_>) -> Option<Found> {
    let hop = &view.subject.hops[view.hop];
    if view.stage == Stage::Preflight || !view.missing() || view.status == 304 {
        return None;
    }
    let preflight = hop.preflight.as_ref()?;
    let proof = evidence::header(
        preflight,
        "access-control-allow-origin",
        "the preflight has it",
    );
    Some(Found::sure(
        Root::PreflightOkActualMissingHeaders,
        vec![proof],
    ))
}

pub(super) fn actual_ok_preflight_missing(view: &View<'_>) -> Option<Found> {
    if view.stage != Stage::Preflight || !view.missing() {
        return None;
    }
    let endpoint = view.same_endpoint();
    let good = endpoint
        .iter()
        .rev()
        .find(|s| !s.preflight && lets_in(&view.origin, s.allow_origin.as_deref()))?;
    let proof = sighting_evidence(good, "not on OPTIONS, but here");
    Some(Found::sure(
        Root::ActualOkPreflightMissingHeaders,
        vec![proof],
    ))
}

pub(super) fn other_origins_let_in(view: &View<'_>) -> Option<Found> {
    if !matches!(
        view.check,
        Check::MissingAllowOrigin | Check::AllowOriginMismatch
    ) {
        return None;
    }
    let endpoint = view.same_endpoint();
    let other = endpoint.iter().rev().find(|s| {
        let origin = s.origin.as_deref();
        origin.is_some_and(|o| {
            o != view.origin && !s.same_origin && s.allow_origin.as_deref() == Some(o)
        })
    })?;
    let proof = sighting_evidence(other, "another origin is let in");
    Some(Found::sure(Root::OriginNotInAllowList, vec![proof]))
}

/// No Allow-Origin on a success: a list that did not accept the origin, a path that is not covered,
/// or no CORS at all.
pub(super) fn refused_or_unconfigured(view: &View<'_>) -> Option<Found> {
    if !view.missing() {
        return None;
    }
    let cors_line = view
        .headers
        .iter()
        .find(|f| signatures::is_cors_header(f.name));
    if vary_has_origin(view.headers) {
        let proof = evidence::header(view.step, "vary", "a CORS layer is active");
        return Some(Found::guess(Root::AllowListRefused, vec![proof]));
    }
    if let Some(line) = cors_line {
        let name = line.name.to_ascii_lowercase();
        let proof = evidence::header(view.step, &name, "a CORS layer is active");
        return Some(Found::guess(Root::AllowListRefused, vec![proof]));
    }
    if view.stage == Stage::Preflight && view.headers.contains("allow") {
        let proof = evidence::header(view.step, "allow", "answered as an ordinary OPTIONS");
        return Some(Found::sure(Root::PreflightNotHandled, vec![proof]));
    }
    let template = template_of(view.url());
    let siblings = view.siblings();
    let mut with = siblings.iter().rev().filter(|s| s.any_cors);
    if siblings
        .iter()
        .any(|s| s.any_cors && s.template == template)
    {
        return None;
    }
    Some(match with.next() {
        Some(other) => Found::sure(
            Root::CorsPartialCoverage,
            vec![sighting_evidence(
                other,
                &format!("other paths of this host have it: {}", other.template),
            )],
        ),
        None => Found::sure(Root::CorsNotConfigured, Vec::new()),
    })
}

pub(super) fn half_credentials(view: &View<'_>) -> Option<Found> {
    const NAME: &str = "access-control-allow-credentials";
    if view.check != Check::InvalidAllowCredentials || view.headers.contains(NAME) {
        return None;
    }
    let hop = &view.subject.hops[view.hop];
    let other = match view.stage {
        Stage::Preflight => None,
        Stage::Actual | Stage::Redirect => hop.preflight.as_ref(),
    };
    let proof = match other {
        Some(preflight) => evidence::header(preflight, NAME, "on the preflight"),
        None => evidence::header(
            view.step,
            "access-control-allow-origin",
            "the origin is let in, without credentials",
        ),
    };
    Some(Found::sure(Root::CredentialsHalfConfigured, vec![proof]))
}
