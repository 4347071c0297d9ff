//! Blocks that are not CORS and are taken for it.

use crate::cors::{Certainty, Check, Mode, Stage};
use crate::wire::{ExchangeId, Origin};

use super::csp;
use super::diagnosis::{Cause, Evidence, Part};
use super::elements;
use super::evidence;
use super::infer::{Class, value};
use super::steps::Step;
use super::subject::Subject;
use super::surroundings::leads_on;

pub(super) fn cause(check: Check, stage: Stage, step: &Step, evidence: Vec<Evidence>) -> Cause {
    Cause {
        check,
        stage,
        exchange: Some(step.id()),
        sub: None,
        root: None,
        also: Vec::new(),
        missing: Vec::new(),
        next: Vec::new(),
        certainty: Certainty::Certain,
        evidence,
        found: None,
        needed: None,
        alignment: None,
        firefox_name: None,
    }
}

/// Why a fetch that CORS lets through, or does not apply to, is blocked all the same.
pub(crate) fn blocked(subject: &Subject<'_>) -> Option<Cause> {
    let hop = subject.last()?;
    let step = hop.actual.as_ref()?;
    match hop.class() {
        Class::NoCors => resource_policy(subject, step).or_else(|| elements::opaque(subject, step)),
        Class::Cors => elements::wrong_type(subject, step),
        Class::Preflight | Class::Exempt(_) => None,
    }
}

/// A `mode: 'same-origin'` request that is redirected elsewhere.
pub(crate) fn same_origin_redirected(subject: &Subject<'_>) -> Option<Cause> {
    let step = subject.last()?.actual.as_ref()?;
    let request = &step.exchange.request;
    if value(&request.headers, "sec-fetch-mode") != "same-origin" {
        return None;
    }
    let head = step.head.as_ref()?;
    if !leads_on(head.status, &head.headers) {
        return None;
    }
    let from = url::Url::parse(&request.url).ok()?;
    let to = from.join(&value(&head.headers, "location")).ok()?;
    let leaves = !Origin::of(&from)?.same_origin(&Origin::of(&to)?);
    leaves.then(|| {
        let proof = evidence::header(step, "location", "another origin, mode same-origin");
        cause(Check::InvalidRedirect, Stage::Redirect, step, vec![proof])
    })
}

/// Cross-Origin-Resource-Policy, also by default under the page's embedder policy
/// ([Fetch § cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check)).
fn resource_policy(subject: &Subject<'_>, step: &Step) -> Option<Cause> {
    const NAME: &str = "cross-origin-resource-policy";
    const EMBEDDER: &str = "cross-origin-embedder-policy";
    let head = step.head.as_ref()?;
    let policy = head.headers.get(NAME);
    let page = subject.page.as_deref();
    let mut proof = vec![evidence::header(step, NAME, "keeps other sites out")];
    let known =
        policy.filter(|p| matches!(p.as_str(), "same-origin" | "same-site" | "cross-origin"));
    let effective = if let Some(policy) = known {
        policy
    } else {
        let (id, embedder) = subject.around.embedder_policy(page?, step.id())?;
        if embedder.split(';').next().map(str::trim) != Some("require-corp") {
            return None;
        }
        proof = vec![
            evidence::header(step, NAME, "missing, and the page requires it"),
            page_header(id, EMBEDDER, embedder),
        ];
        "same-origin".to_owned()
    };
    let target = Origin::of_url(&step.exchange.request.url);
    let site = value(&step.exchange.request.headers, "sec-fetch-site");
    let page = page.and_then(Origin::of_url);
    let (same_origin, same_site) = match (&page, &target) {
        (Some(page), Some(target)) => (
            page.same_origin(target),
            page.schemelessly_same_site(target)
                && !(page.scheme() == "http" && target.scheme() == "https"),
        ),
        _ => (
            site == "same-origin",
            site != "cross-site" && !site.is_empty(),
        ),
    };
    let blocked = match effective.as_str() {
        "same-origin" => !same_origin,
        "same-site" => !same_site && !same_origin,
        _ => false,
    };
    blocked.then(|| cause(Check::BlockedByCorp, Stage::Actual, step, proof))
}

fn page_header(id: ExchangeId, name: &'static str, value: &str) -> Evidence {
    Evidence {
        exchange: id,
        part: Part::ResponseHeader,
        name: Some(name.into()),
        value: Some(value.to_owned()),
        note: "the page's own policy".into(),
    }
}

/// The page's Content-Security-Policy does not allow where a redirect leads: it passed, and was not
/// followed.
pub(crate) fn policy_stopped_redirect(subject: &Subject<'_>) -> Option<Cause> {
    let hop = subject.last()?;
    let step = hop.actual.as_ref()?;
    let head = step.head.as_ref()?;
    let page = subject.page.as_deref()?;
    if !matches!(hop.mode(), Mode::Cors | Mode::SameOrigin) {
        return None;
    }
    let from = url::Url::parse(&step.exchange.request.url).ok()?;
    let to = from.join(&value(&head.headers, "location")).ok()?;
    let (id, policy) = subject.around.security_policy(page, step.id())?;
    let page = Origin::from_header(page)?;
    let stopped = !csp::allows_connection(policy, &page, &to, true);
    stopped.then(|| {
        let proof = vec![
            evidence::header(step, "location", "not followed"),
            page_header(id, "content-security-policy", policy),
        ];
        let mut cause = cause(Check::CspConnectSrc, Stage::Redirect, step, proof);
        cause.certainty = Certainty::Inferred;
        cause
    })
}
