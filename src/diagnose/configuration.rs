//! Roots in the server's configuration: the answer is a success, its CORS headers are not.

use crate::cors::{Check, Stage};

use super::evidence;
use super::root::Root;
use super::roots::{Found, View, sighting_evidence};
use super::signatures;
use super::surroundings::{is_cache_hit, lets_in, vary_has_origin};

/// Two layers each add the header.
pub(super) fn duplicate_layers(view: &View<'_>) -> Option<Found> {
    const NAME: &str = "access-control-allow-origin";
    if view.check != Check::MultipleAllowOriginValues {
        return None;
    }
    let proof = |note| vec![evidence::header(view.step, NAME, note)];
    if view.headers.all(NAME).count() > 1 {
        let found = proof("sent more than once: two layers add it");
        return Some(Found::sure(Root::DuplicateCorsLayers, found));
    }
    // A proxy may have joined the lines of two layers: nobody lists the same twice, or * and an origin.
    let value = view.headers.get(NAME)?;
    let items: Vec<&str> = value.split(',').map(str::trim).collect();
    let right = |item: &str| item == "*" || item == view.origin;
    (items.len() > 1 && items.iter().all(|item| right(item))).then(|| {
        let found = proof("says it twice: two layers add it, and something joined them");
        Found::guess(Root::DuplicateCorsLayers, found)
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
        .iter()
        .rev()
        .find(|s| lets_in(&view.origin, s.allow_origin.as_deref()));
    all.extend(right.map(|s| sighting_evidence(s, "right here")));
    Some(Found::guess(root, all))
}

pub(super) fn preflight_ok_actual_missing(view: &View<'_>) -> Option<Found> {
    let hop = &view.subject.hops[view.hop];
    if view.stage == Stage::Preflight || !view.missing() || !view.is_ok() {
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

/// No Allow-Origin on an answer that has other signs of a CORS layer: a list that did not accept the
/// origin.
pub(super) fn refused(view: &View<'_>) -> Option<Found> {
    if !view.missing() || view.is_error() {
        return None;
    }
    if vary_has_origin(view.headers) {
        let proof = evidence::header(view.step, "vary", "a CORS layer is active");
        return Some(Found::guess(Root::AllowListRefused, vec![proof]));
    }
    let mut fields = view.headers.iter();
    if let Some(line) = fields.find(|f| signatures::is_cors_header(f.name)) {
        let name = line.name.to_ascii_lowercase();
        let proof = evidence::header(view.step, name, "a CORS layer is active");
        return Some(Found::guess(Root::AllowListRefused, vec![proof]));
    }
    (view.stage == Stage::Preflight && view.headers.contains("allow")).then(|| {
        let proof = evidence::header(view.step, "allow", "answered as an ordinary OPTIONS");
        Found::sure(Root::PreflightNotHandled, vec![proof])
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
