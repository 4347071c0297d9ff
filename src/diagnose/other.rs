//! Blocks that are not CORS and are taken for it.

use crate::cors::{Browser, Certainty, Check, Mode, Stage};
use crate::wire::{ExchangeId, Origin};

use super::csp;
use super::diagnosis::{Cause, Evidence, Part};
use super::evidence;
use super::infer::{Class, value};
use super::steps::Step;
use super::subject::Subject;
use super::surroundings::leads_on;

fn cause(check: Check, stage: Stage, step: &Step, evidence: Vec<Evidence>) -> Cause {
    Cause {
        check,
        stage,
        exchange: Some(step.id()),
        sub: None,
        root: None,
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
        Class::NoCors => resource_policy(subject, step).or_else(|| opaque_blocking(subject, step)),
        Class::Cors => wrong_type(step),
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

fn page_header(id: ExchangeId, name: &str, value: &str) -> Evidence {
    Evidence {
        exchange: id,
        part: Part::ResponseHeader,
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        note: "the page's own policy".to_owned(),
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

/// Opaque response blocking: an image, script or media element that gets data
/// ([Fetch § ORB](https://fetch.spec.whatwg.org/#orb)). `fetch` in no-cors mode sees an opaque response
/// either way.
fn opaque_blocking(subject: &Subject<'_>, step: &Step) -> Option<Cause> {
    let head = step.head.as_ref()?;
    let dest = value(&step.exchange.request.headers, "sec-fetch-dest");
    if !matches!(
        dest.as_str(),
        "image" | "script" | "audio" | "video" | "style"
    ) {
        return None;
    }
    let nosniff = value(&head.headers, "x-content-type-options").eq_ignore_ascii_case("nosniff");
    let media = head.media_type().unwrap_or_default();
    let data = media == "application/json"
        || media == "text/json"
        || media.ends_with("+json")
        || media == "text/html"
        || media == "text/xml"
        || media == "application/xml"
        || (media.ends_with("+xml") && media != "image/svg+xml");
    if dest == "style" && (media == "text/css" || subject.browser == Browser::Chromium) {
        return None;
    }
    let body = &step.exchange.response_body;
    let looks = looks_like_data(&media, &body.excerpt);
    let blocked =
        (nosniff && (data || media == "text/plain")) || (data && looks && body.seen_bytes > 0);
    if !blocked {
        return None;
    }
    let proof = evidence::header(
        step,
        "content-type",
        "data, where code or a picture was due",
    );
    let mut cause = cause(
        Check::OpaqueResponseBlocked,
        Stage::Actual,
        step,
        vec![proof],
    );
    cause.certainty = Certainty::Inferred;
    Some(cause)
}

/// Whether the beginning of a body is what its type says, as the browsers' sniffing tests it.
fn looks_like_data(media: &str, body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start().to_ascii_lowercase();
    if media.contains("json") {
        text.starts_with('{') || text.starts_with('[') || text.starts_with(")]}'")
    } else if media.contains("xml") {
        text.starts_with("<?xml")
    } else {
        [
            "<!doctype",
            "<html",
            "<head",
            "<body",
            "<script",
            "<!--",
            "<title",
            "<h1",
            "<p",
            "<div",
        ]
        .iter()
        .any(|tag| text.starts_with(tag))
    }
}

/// An answer that may be read and is useless to the element that asked for it.
///
/// - An event stream must be 200 and `text/event-stream`
///   ([HTML § Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model)).
/// - Scripts and fonts must be 2xx. A module must also be of a JavaScript type
///   ([HTML § fetch a single module script](https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-single-module-script));
///   a classic script with `crossorigin` looks the same on the wire and need not be.
fn wrong_type(step: &Step) -> Option<Cause> {
    let head = step.head.as_ref()?;
    let headers = &step.exchange.request.headers;
    let media = head.media_type().unwrap_or_default();
    let dest = value(headers, "sec-fetch-dest");
    let stream = value(headers, "accept").starts_with("text/event-stream");
    let (needed, certainty) = if stream && matches!(dest.as_str(), "" | "empty") {
        let right = head.status == 200 && media == "text/event-stream";
        (
            (!right).then_some("must be 200 and text/event-stream")?,
            Certainty::Certain,
        )
    } else if matches!(dest.as_str(), "script" | "font") && !head.is_ok() {
        ("must be 200 to 299", Certainty::Certain)
    } else if dest == "script" && !media.is_empty() && !is_script_type(&media) {
        ("a module must be JavaScript", Certainty::Inferred)
    } else {
        return None;
    };
    let proof = vec![
        evidence::of_status(step, needed),
        evidence::header(step, "content-type", needed),
    ];
    let mut cause = cause(Check::WrongResourceType, Stage::Actual, step, proof);
    cause.certainty = certainty;
    Some(cause)
}

/// [MIME Sniffing § JavaScript MIME type](https://mimesniff.spec.whatwg.org/#javascript-mime-type), and
/// what modules may import besides.
fn is_script_type(media: &str) -> bool {
    matches!(
        media,
        "text/jscript" | "text/livescript" | "application/wasm"
    ) || media.contains("javascript")
        || media.contains("ecmascript")
}
