//! Why the server answered so: the rules that lead from a failed check to its root, first match wins.
//!
//! A rule looks at the failing answer (status, headers, body), at the other steps of the fetch, and at
//! the [`Surroundings`](super::Surroundings). What it concludes from is added to the evidence.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::cors::{Certainty, Check, Stage};
use crate::wire::{HeaderList, Origin, decode_body, decode_charset};

use super::configuration;
use super::diagnosis::{Cause, Evidence, Part};
use super::evidence;
use super::infer::value;
use super::redirects;
use super::root::Root;
use super::siblings;
use super::sightings::Sighting;
use super::signatures::{self, status_root};
use super::steps::Step;
use super::subject::Subject;

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
    pub(crate) origin: Cow<'a, str>,
    endpoint: OnceCell<Vec<&'a Sighting>>,
}

/// Rules in the order of the taxonomy.
const RULES: [fn(&View<'_>) -> Option<Found>; 17] = [
    explicit_refusal,
    tainted_redirect,
    redirects::preflight_redirect,
    preflight_status,
    siblings::refused_input,
    actual_status,
    login_redirect,
    spa_fallback,
    siblings::error_without_headers,
    configuration::duplicate_layers,
    configuration::cached,
    configuration::preflight_ok_actual_missing,
    configuration::actual_ok_preflight_missing,
    configuration::other_origins_let_in,
    configuration::refused,
    siblings::unconfigured,
    configuration::half_credentials,
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
        endpoint: OnceCell::new(),
    };
    let mut matches = RULES.iter().filter_map(|rule| rule(&view));
    let Some(found) = matches.next() else {
        return;
    };
    cause.root = Some(found.root);
    for other in matches {
        if other.root != found.root && !cause.also.contains(&other.root) {
            cause.also.push(other.root);
        }
    }
    if !found.sure {
        cause.certainty = Certainty::Inferred;
    }
    // What the person should look at first is the real reason.
    let mut all = found.evidence;
    all.append(&mut cause.evidence);
    if found.root.is_not_cors() {
        all.extend(siblings::with_headers(&view));
    }
    // Root and check may read the same line; the root's note says more.
    let mut told: Vec<Evidence> = Vec::with_capacity(all.len());
    for one in all {
        let same = |t: &Evidence| {
            (t.exchange, t.part, &t.name, &t.value)
                == (one.exchange, one.part, &one.name, &one.value)
        };
        if !told.iter().any(same) {
            told.push(one);
        }
    }
    cause.evidence = told;
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

    pub(super) fn missing(&self) -> bool {
        self.check == Check::MissingAllowOrigin
    }

    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn is_error(&self) -> bool {
        self.status >= 400
    }

    pub(super) fn url(&self) -> &str {
        &self.step.exchange.request.url
    }

    /// Sightings of the same host outside this fetch, oldest first.
    pub(super) fn siblings(&self) -> impl DoubleEndedIterator<Item = &Sighting> {
        let own = self.subject.ids();
        let seen = self.subject.around.of_host(self.url());
        seen.filter(move |s| !own.contains(&s.id))
    }

    /// Sightings of the same endpoint outside this fetch. Several rules ask.
    pub(super) fn same_endpoint(&self) -> &[&Sighting] {
        self.endpoint.get_or_init(|| {
            let around = self.subject.around;
            around.of_endpoint(self.url(), &self.subject.ids())
        })
    }

    pub(crate) fn status_evidence(&self, note: &'static str) -> Evidence {
        evidence::of_status(self.step, note)
    }

    /// The status, the words of the body, and the header that says more.
    fn real_error(&self, note: &'static str) -> Vec<Evidence> {
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

/// Allow-Origin as it was on another exchange.
pub(super) fn sighting_evidence(sighting: &Sighting, note: &str) -> Evidence {
    Evidence {
        exchange: sighting.id,
        part: Part::ResponseHeader,
        name: Some("access-control-allow-origin".into()),
        value: sighting.allow_origin.clone(),
        note: format!("{note} (status {})", sighting.status).into(),
    }
}

/// The answer says in words that CORS refused it.
fn explicit_refusal(view: &View<'_>) -> Option<Found> {
    if !view.is_origin_fault() && view.check != Check::InvalidStatus {
        return None;
    }
    // A success may speak of CORS in its text; in a header of its own only the CORS layer speaks.
    let body = if view.is_ok() { "" } else { &view.body };
    let (part, name, text) = signatures::refusal(view.headers, body)?;
    let mut said = evidence::quote(view.step.id(), part, text, "the server says why");
    said.name = name.map(Into::into);
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
        502..=504 | 520..=527 | 530 => {
            (Root::GatewayError, true, "the application was not reached")
        }
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
    let mut same = view.siblings().filter(|s| s.url == url && !s.preflight);
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
    let script = matches!(&*dest, "" | "empty");
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
