//! Why the server answered so: the rules that lead from a failed check to its root, first match wins.
//!
//! A rule looks at the failing answer (status, headers, body), at the other steps of the fetch, and at
//! the [`Surroundings`](super::Surroundings). What it concludes from is added to the evidence.

use crate::cors::{Certainty, Check, Stage};
use crate::wire::{HeaderList, Origin, decode_body, decode_charset};

use super::decide::Subject;
use super::diagnosis::{Cause, Evidence, Part};
use super::evidence;
use super::infer::value;
use super::redirects;
use super::root::Root;
use super::signatures::{self, status_root};
use super::steps::Step;
use super::surroundings::{Sighting, is_cache_hit, lets_in, template_of, vary_has_origin};

/// A root, what shows it, and whether that is more than a guess.
pub(crate) struct Found {
    pub(crate) root: Root,
    pub(crate) sure: bool,
    pub(crate) evidence: Vec<Evidence>,
}

impl Found {
    pub(crate) fn sure(root: Root, evidence: Vec<Evidence>) -> Self {
        Self {
            root,
            sure: true,
            evidence,
        }
    }

    pub(crate) fn guess(root: Root, evidence: Vec<Evidence>) -> Self {
        Self {
            root,
            sure: false,
            evidence,
        }
    }
}

/// What every rule looks at.
pub(crate) struct View<'a> {
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) hop: usize,
    pub(crate) step: &'a Step,
    pub(crate) check: Check,
    pub(crate) stage: Stage,
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderList,
    /// The beginning of the body as text.
    pub(crate) body: String,
    /// The origin that asked, as serialised.
    pub(crate) origin: String,
}

/// Rules in the order of the taxonomy.
const RULES: [fn(&View<'_>) -> Option<Found>; 14] = [
    explicit_refusal,
    tainted_redirect,
    redirects::preflight_redirect,
    preflight_status,
    actual_status,
    login_redirect,
    spa_fallback,
    duplicate_layers,
    cached,
    preflight_ok_actual_missing,
    actual_ok_preflight_missing,
    other_origins_let_in,
    refused_or_unconfigured,
    half_credentials,
];

/// Finds the root of a cause and adds its evidence.
pub(crate) fn find(subject: &Subject<'_>, hop: usize, step: &Step, cause: &mut Cause) {
    let Some(head) = &step.head else { return };
    if !cause.check.is_cors() {
        return;
    }
    let view = View {
        subject,
        hop,
        step,
        check: cause.check,
        stage: cause.stage,
        status: head.status,
        headers: &head.headers,
        body: body_text(step, &head.headers),
        origin: value(&step.exchange.request.headers, "origin"),
    };
    let Some(found) = RULES.iter().find_map(|rule| rule(&view)) else {
        return;
    };
    cause.root = Some(found.root);
    if !found.sure {
        cause.certainty = Certainty::Inferred;
    }
    // What the person should look at first is the real reason.
    let mut all = found.evidence;
    all.append(&mut cause.evidence);
    if found.root.is_not_cors() {
        all.extend(siblings_with_headers(&view));
    }
    cause.evidence = all;
}

fn body_text(step: &Step, headers: &HeaderList) -> String {
    let body = &step.exchange.response_body;
    if body.excerpt.is_empty() {
        return String::new();
    }
    let decoded = decode_body(headers, &body.excerpt, 4096);
    decode_charset(headers, &decoded.bytes).0
}

impl View<'_> {
    fn is_origin_fault(&self) -> bool {
        matches!(
            self.check,
            Check::MissingAllowOrigin
                | Check::AllowOriginMismatch
                | Check::InvalidAllowOriginValue
                | Check::MultipleAllowOriginValues
                | Check::WildcardOriginNotAllowed
        )
    }

    fn missing(&self) -> bool {
        self.check == Check::MissingAllowOrigin
    }

    fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn url(&self) -> &str {
        &self.step.exchange.request.url
    }

    /// Sightings of the same host outside this fetch.
    fn siblings(&self) -> Vec<&Sighting> {
        let own = self.subject.ids();
        self.subject
            .around
            .of_host(self.url())
            .filter(|s| !own.contains(&s.id))
            .collect()
    }

    /// Sightings of the same endpoint outside this fetch.
    fn same_endpoint(&self) -> Vec<&Sighting> {
        let template = template_of(self.url());
        let mut seen = self.siblings();
        seen.retain(|s| s.template == template);
        seen
    }

    pub(crate) fn status_evidence(&self, note: &str) -> Evidence {
        evidence::of_status(self.step, note)
    }

    /// The status, the words of the body, and the header that says more.
    fn real_error(&self, note: &str) -> Vec<Evidence> {
        let mut all = vec![self.status_evidence(note)];
        for name in ["www-authenticate", "allow", "retry-after", "location"] {
            if self.headers.contains(name) {
                all.push(evidence::header(self.step, name, note));
            }
        }
        if let Some(text) = signatures::quotable(&self.body) {
            all.push(evidence::quote(
                self.step.id(),
                Part::ResponseBody,
                text,
                note,
            ));
        }
        all
    }
}

fn sighting_evidence(sighting: &Sighting, note: &str) -> Evidence {
    Evidence {
        exchange: sighting.id,
        part: Part::ResponseHeader,
        name: Some("access-control-allow-origin".to_owned()),
        value: sighting.allow_origin.clone(),
        note: format!("{note} (status {})", sighting.status),
    }
}

/// Successes of the same endpoint, or its preflights, that carry the header: then only the error lacks
/// it.
fn siblings_with_headers(view: &View<'_>) -> Vec<Evidence> {
    let seen = view.same_endpoint();
    let good = seen.iter().filter(|s| {
        (200..300).contains(&s.status) && lets_in(&view.origin, s.allow_origin.as_deref())
    });
    good.rev()
        .take(2)
        .map(|s| sighting_evidence(s, "this endpoint can: it had the header here"))
        .collect()
}

/// The answer says in words that CORS refused it.
fn explicit_refusal(view: &View<'_>) -> Option<Found> {
    if view.is_ok() || !view.is_origin_fault() && view.check != Check::InvalidStatus {
        return None;
    }
    let (part, name, text) = signatures::refusal(view.headers, &view.body)?;
    let mut said = evidence::quote(view.step.id(), part, text, "the server says why");
    said.name = name.map(str::to_owned);
    Some(Found::sure(
        Root::ExplicitRefusal,
        vec![said, view.status_evidence("refused")],
    ))
}

/// `Origin: null` because a redirect led from one foreign origin to another.
fn tainted_redirect(view: &View<'_>) -> Option<Found> {
    let present = view.headers.contains("access-control-allow-origin");
    if view.origin != "null" || view.hop == 0 || !view.is_origin_fault() {
        return None;
    }
    if !present && !view.is_ok() {
        return None;
    }
    let before = view.subject.hops[view.hop - 1].actual.as_ref()?;
    let from = Origin::of_url(&before.exchange.request.url)?;
    let to = Origin::of_url(view.url())?;
    let page = view.subject.page.as_deref();
    if page == Some("null") || from.same_origin(&to) {
        return None;
    }
    Some(Found::sure(
        Root::TaintedRedirect,
        vec![
            evidence::header(before, "location", "from one foreign origin to another"),
            evidence::request_header(view.step, "origin", "so the browser sends null"),
        ],
    ))
}

/// What the status of a preflight answer says.
fn preflight_status(view: &View<'_>) -> Option<Found> {
    if view.stage != Stage::Preflight || view.is_ok() {
        return None;
    }
    if let Some(name) = signatures::edge_mark(view.headers, &view.body)
        && matches!(view.status, 403 | 429 | 503)
    {
        let mut all = view.real_error("a CDN or firewall answered");
        all.push(evidence::header(view.step, name, "its mark"));
        return Some(Found::guess(Root::PreflightBlockedByEdge, all));
    }
    let (root, sure, note) = match view.status {
        401 | 407 => (
            Root::PreflightBlockedByAuth,
            true,
            "preflights never carry credentials",
        ),
        403 => (
            Root::PreflightBlockedByAuth,
            view.headers.contains("www-authenticate"),
            "refused before CORS was asked",
        ),
        429 => (Root::PreflightBlockedByEdge, false, "limited before CORS"),
        502..=504 | 520..=530 => (Root::GatewayError, true, "the application was not reached"),
        500..=599 if view.status != 501 => (
            Root::PreflightServerError,
            true,
            "the server crashed on the preflight",
        ),
        404 | 410 if actual_is_missing_too(view) => {
            (Root::WrongUrl, true, "nothing is served here")
        }
        _ => (Root::PreflightNotHandled, true, "OPTIONS is not handled"),
    };
    let all = view.real_error(note);
    Some(if sure {
        Found::sure(root, all)
    } else {
        Found::guess(root, all)
    })
}

fn actual_is_missing_too(view: &View<'_>) -> bool {
    let url = super::slots::key_of(view.url());
    let siblings = view.siblings();
    let mut same = siblings.iter().filter(|s| s.url == url && !s.preflight);
    same.any(|s| matches!(s.status, 404 | 410))
}

/// What the status of the answer itself says.
fn actual_status(view: &View<'_>) -> Option<Found> {
    let fault = view.is_origin_fault() || view.check == Check::InvalidAllowCredentials;
    if view.stage == Stage::Preflight || !fault {
        return None;
    }
    let (root, note) = status_root(view.status)?;
    let mut all = view.real_error(note);
    if let Some(preflight) = &view.subject.hops[view.hop].preflight {
        all.push(evidence::header(
            preflight,
            "access-control-allow-origin",
            "the preflight was let in",
        ));
    }
    Some(Found::sure(root, all))
}

/// The request was sent on to a login page, which no script can use.
fn login_redirect(view: &View<'_>) -> Option<Found> {
    if view.stage != Stage::Redirect || !view.is_origin_fault() {
        return None;
    }
    let location = value(view.headers, "location");
    redirects::is_login(&location).then(|| {
        let proof = evidence::header(view.step, "location", "a login");
        Found::guess(
            Root::AuthError,
            vec![view.status_evidence("sent to log in"), proof],
        )
    })
}

/// index.html of the front end, where data was asked for.
fn spa_fallback(view: &View<'_>) -> Option<Found> {
    let head = view.step.head.as_ref()?;
    let request = &view.step.exchange.request.headers;
    let html = head.media_type().as_deref() == Some("text/html");
    let dest = value(request, "sec-fetch-dest");
    let script = matches!(dest.as_str(), "" | "empty");
    let asked = value(request, "accept");
    let data = asked.is_empty() || asked.starts_with("*/*") || asked.contains("json");
    let fits = view.stage == Stage::Actual
        && view.missing()
        && view.status == 200
        && html
        && script
        && data
        && signatures::is_document(&view.body);
    fits.then(|| {
        Found::guess(
            Root::SpaFallback,
            vec![
                evidence::header(view.step, "content-type", "a page, not data"),
                evidence::quote(
                    view.step.id(),
                    Part::ResponseBody,
                    signatures::quotable(&view.body).unwrap_or_default(),
                    "the front end's page",
                ),
            ],
        )
    })
}

fn duplicate_layers(view: &View<'_>) -> Option<Found> {
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
fn cached(view: &View<'_>) -> Option<Found> {
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

fn preflight_ok_actual_missing(view: &View<'_>) -> Option<Found> {
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

fn actual_ok_preflight_missing(view: &View<'_>) -> Option<Found> {
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

fn other_origins_let_in(view: &View<'_>) -> Option<Found> {
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
fn refused_or_unconfigured(view: &View<'_>) -> Option<Found> {
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

fn half_credentials(view: &View<'_>) -> Option<Found> {
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
