//! What does not block but should be known: one small rule for each warning of the taxonomy that the
//! wire supports.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::cors::{Ask, Check, Credentials, Outcome, Stage};
use crate::wire::{HeaderList, Origin, is_loopback_host};

use super::asking;
use super::diagnosis::{Diagnosis, Evidence, Part, Severity, Warning};
use super::evidence;
use super::hindsight;
use super::infer::{Class, initiator, value};
use super::set_cookie;
use super::sightings::Sighting;
use super::steps::{HopSteps, Step};
use super::subject::Subject;
use super::subs::is_private;
use super::surroundings::vary_has_origin;

/// What every rule looks at: the hop the fetch ends with.
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) hop: &'a HopSteps,
    /// Origin that asked, as serialised; empty when there is none.
    pub(super) origin: Cow<'a, str>,
    siblings: OnceCell<Vec<&'a Sighting>>,
    page: OnceCell<Option<Origin>>,
    target: OnceCell<Option<Origin>>,
}

/// A rule: what it found, with its severity.
pub(super) type Rule = fn(&View<'_>) -> Option<(Severity, Vec<Evidence>)>;

const RULES: [(&str, Rule); 35] = [
    ("client-sends-cors-response-headers", asking::client_sends),
    ("missing-vary-origin", missing_vary),
    ("acao-only-when-allowed-without-vary", only_when_allowed),
    ("null-origin-allowed", null_allowed),
    ("wildcard-origin", wildcard_origin),
    (
        "wildcard-with-credentials-header",
        wildcard_with_credentials,
    ),
    (
        "authorization-not-covered-by-wildcard",
        asking::authorization_wildcard,
    ),
    ("http-origin-allowed", http_origin),
    ("dev-origin-allowed-in-production", dev_origin),
    ("expose-wildcard-with-credentials", expose_wildcard),
    (
        "wildcard-methods-or-headers-with-credentials",
        asking::preflight_wildcard,
    ),
    ("duplicate-cors-headers-same-value", asking::duplicates),
    ("set-cookie-dropped", cookie_dropped),
    ("no-cors-masking", no_cors),
    ("max-age-invalid", asking::max_age_invalid),
    ("no-max-age", asking::no_max_age),
    ("max-age-over-cap", asking::max_age_over_cap),
    ("avoidable-preflight", asking::avoidable),
    ("mixed-case-method", asking::mixed_case),
    ("preflight-cached", asking::preflight_cached),
    ("request-still-executed", still_executed),
    ("response-header-not-exposed", not_exposed),
    ("legacy-private-network-header", private_network),
    ("local-network-unchecked", asking::local_network),
    ("reflects-any-origin", hindsight::reflects_any),
    (
        "reflects-any-origin-with-credentials",
        hindsight::reflects_any_with_credentials,
    ),
    ("overbroad-origin-match", hindsight::overbroad),
    ("options-cached-by-cdn", hindsight::options_cached),
    ("inconsistent-cors", hindsight::inconsistent),
    ("inconsistent-json-shape", hindsight::inconsistent_shape),
    ("preflight-per-url", hindsight::preflight_per_url),
    ("third-party-cookie", hindsight::third_party_cookie),
    ("cors-headers-on-non-cors", hindsight::on_non_cors),
    (
        "useless-preflight-headers-on-actual",
        hindsight::useless_on_actual,
    ),
    ("websocket-no-origin-check", hindsight::websocket),
];

/// All warnings about a fetch.
pub(crate) fn of(subject: &Subject<'_>, diagnosis: &Diagnosis) -> Vec<Warning> {
    let Some(hop) = subject.last() else {
        return Vec::new();
    };
    let origin = hop.head_step().map_or(Cow::Borrowed(""), |step| {
        value(&step.exchange.request.headers, "origin")
    });
    let view = View {
        subject,
        diagnosis,
        hop,
        origin,
        siblings: OnceCell::new(),
        page: OnceCell::new(),
        target: OnceCell::new(),
    };
    RULES
        .iter()
        .filter_map(|(id, rule)| {
            let (severity, evidence) = rule(&view)?;
            Some(Warning {
                id,
                severity,
                evidence,
            })
        })
        .collect()
}

/// How many lines one warning cites: a server that sends a thousand cookies is told of by some.
const PROOFS_MAX: usize = 64;

pub(super) const ALLOW: &str = "access-control-allow-origin";
pub(super) const CREDENTIALS: &str = "access-control-allow-credentials";

impl<'a> View<'a> {
    /// The answer to the request itself, where CORS applies to it.
    pub(super) fn actual(&self) -> Option<(&'a Step, &'a HeaderList)> {
        if self.hop.class() != Class::Cors {
            return None;
        }
        let step = self.hop.actual.as_ref()?;
        Some((step, &step.head.as_ref()?.headers))
    }

    pub(super) fn preflight(&self) -> Option<(&'a Step, &'a HeaderList, &'a Ask)> {
        let step = self.hop.preflight.as_ref()?;
        Some((step, &step.head.as_ref()?.headers, self.hop.ask.as_ref()?))
    }

    /// Both answers that CORS applies to.
    fn answers(&self) -> impl Iterator<Item = (&'a Step, &'a HeaderList)> {
        let preflight = self.preflight().map(|(step, headers, _)| (step, headers));
        self.actual().into_iter().chain(preflight)
    }

    /// Sightings of the same endpoint outside this fetch, oldest first. Several rules ask; a preflight
    /// and its request have one URL.
    pub(super) fn endpoint(&self) -> &[&'a Sighting] {
        self.siblings.get_or_init(|| {
            let Some(step) = self.hop.head_step() else {
                return Vec::new();
            };
            let around = self.subject.around;
            around.of_endpoint(url_of(step), &self.subject.ids())
        })
    }

    /// The page that asked, where its Origin names one.
    pub(super) fn page(&self) -> Option<&Origin> {
        self.page
            .get_or_init(|| Origin::from_header(&self.origin))
            .as_ref()
    }

    /// The server that the hop went to.
    pub(super) fn target(&self) -> Option<&Origin> {
        self.target
            .get_or_init(|| Origin::of_url(url_of(self.hop.head_step()?)))
            .as_ref()
    }
}

pub(super) fn url_of(step: &Step) -> &str {
    &step.exchange.request.url
}

/// Allow-Origin names the one origin that asked, and nothing says that the answer varies. Quiet where
/// the value is seen to be a constant: another origin got the same.
fn missing_vary(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view.actual()?;
    let allowed = headers.combined(ALLOW)?;
    if allowed != view.origin || allowed == "null" || vary_has_origin(headers) {
        return None;
    }
    let seen = view.endpoint();
    let others = || {
        seen.iter()
            .filter(|s| s.origin.as_deref() != Some(&allowed))
    };
    if others().any(|s| s.allow_origin.as_deref() == Some(&allowed)) {
        return None;
    }
    let differs = others().rfind(|s| s.allow_origin.as_deref() != Some("*"));
    let note = if differs.is_some() {
        "does not name Origin"
    } else {
        "does not name Origin; it must, if the value is computed per request"
    };
    let mut proof = vec![
        evidence::header(step, ALLOW, "one origin"),
        evidence::header(step, "vary", note),
    ];
    proof.extend(differs.map(|s| sighting(s, "answered differently")));
    let control = value(headers, "cache-control").to_ascii_lowercase();
    let public = control.contains("s-maxage=") || control.contains("public");
    let severity = if public {
        proof.push(evidence::header(
            step,
            "cache-control",
            "shared caches keep it",
        ));
        Severity::Error
    } else {
        Severity::Warn
    };
    Some((severity, proof))
}

fn sighting(seen: &Sighting, note: &'static str) -> Evidence {
    Evidence {
        exchange: seen.id,
        part: Part::ResponseHeader,
        name: Some(ALLOW.into()),
        value: seen.allow_origin.clone(),
        note: note.into(),
    }
}

/// No Allow-Origin and no Vary here, an Allow-Origin on another answer of the endpoint: a cache may
/// serve this one for that.
fn only_when_allowed(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let step = view.hop.actual.as_ref()?;
    let head = step.head.as_ref()?;
    let class = view.hop.class();
    let relevant = matches!(class, Class::NoCors | Class::Cors) && head.is_ok();
    if !relevant || head.headers.contains(ALLOW) || vary_has_origin(&head.headers) {
        return None;
    }
    let seen = view.endpoint();
    let dynamic = seen
        .iter()
        .rfind(|s| !s.preflight && s.allow_origin.is_some() && s.allow_origin == s.origin)?;
    Some((
        Severity::Warn,
        vec![
            evidence::header(step, "vary", "does not name Origin"),
            sighting(dynamic, "has Allow-Origin here"),
        ],
    ))
}

fn null_allowed(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view
        .answers()
        .find(|(_, headers)| headers.combined(ALLOW).as_deref() == Some("null"))?;
    let mut proof = vec![evidence::header(
        step,
        ALLOW,
        "any sandboxed frame can send Origin: null",
    )];
    if headers.combined(CREDENTIALS).as_deref() == Some("true") {
        proof.push(evidence::header(step, CREDENTIALS, "with credentials"));
    }
    Some((Severity::Risk, proof))
}

fn wildcard_origin(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view.actual()?;
    let request = &step.exchange.request.headers;
    let secret = ["authorization", "cookie", "x-api-key", "apikey"]
        .into_iter()
        .find(|name| request.contains(name))?;
    (headers.combined(ALLOW).as_deref() == Some("*")).then(|| {
        // The value itself is a secret and proves nothing.
        let mut sent = evidence::request_header(step, secret, "this endpoint is not public");
        sent.value = None;
        (
            Severity::Warn,
            vec![evidence::header(step, ALLOW, "lets every site in"), sent],
        )
    })
}

fn wildcard_with_credentials(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, _) = view.answers().find(|(_, headers)| {
        headers.combined(ALLOW).as_deref() == Some("*")
            && headers.combined(CREDENTIALS).as_deref() == Some("true")
    })?;
    Some((
        Severity::Warn,
        vec![
            evidence::header(step, ALLOW, "never with credentials"),
            evidence::header(step, CREDENTIALS, "has no effect beside *"),
        ],
    ))
}

/// Whether a list header names an item.
pub(super) fn list_has(headers: &HeaderList, name: &str, item: &str) -> bool {
    headers
        .combined(name)
        .is_some_and(|v| v.split(',').any(|i| i.trim().eq_ignore_ascii_case(item)))
}

fn http_origin(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view.actual()?;
    let allowed = headers.combined(ALLOW)?;
    (allowed == view.origin).then_some(())?;
    let page = view.page()?;
    let risky = page.scheme() == "http"
        && !is_loopback_host(page.host())
        && url_of(step).starts_with("https://");
    risky.then(|| {
        let proof = evidence::header(step, ALLOW, "anyone on its network can read through it");
        (Severity::Risk, vec![proof])
    })
}

fn dev_origin(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view.actual()?;
    let with = headers.combined(CREDENTIALS).as_deref() == Some("true");
    with.then_some(())?;
    let page = Origin::from_header(&headers.combined(ALLOW)?)?;
    let target = view.target()?;
    let production = target.scheme() == "https" && !is_private(target.host());
    (production && !page.is_opaque() && is_private(page.host())).then(|| {
        let proof = evidence::header(step, ALLOW, "a development origin, with credentials");
        (Severity::Warn, vec![proof])
    })
}

fn expose_wildcard(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    const LIST: &str = "access-control-expose-headers";
    let (step, headers) = view.actual()?;
    let include = view.diagnosis.credentials == Credentials::Include;
    (include && list_has(headers, LIST, "*")).then(|| {
        let proof = evidence::header(step, LIST, "with credentials * exposes nothing");
        (Severity::Warn, vec![proof])
    })
}

fn cookie_dropped(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let (step, headers) = view.actual()?;
    let (page, target) = (view.page()?, view.target()?);
    let proof: Vec<Evidence> = headers
        .all("set-cookie")
        .filter_map(|field| {
            let text = field.text();
            let why = set_cookie::dropped(
                &text,
                page,
                target,
                view.diagnosis.browser,
                view.diagnosis.credentials,
            )?;
            // Only its name: the value is a secret.
            let name = text.split('=').next().unwrap_or_default().trim();
            let mut proof = evidence::quote(step.id(), Part::ResponseHeader, name.to_owned(), why);
            proof.name = Some("set-cookie".into());
            Some(proof)
        })
        .take(PROOFS_MAX)
        .collect();
    (!proof.is_empty()).then_some((Severity::Warn, proof))
}

/// `mode: 'no-cors'` in a script. A beacon has the same modes; it is a POST.
fn no_cors(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let step = view.hop.actual.as_ref()?;
    let headers = &step.exchange.request.headers;
    let script = view.hop.class() == Class::NoCors
        && value(headers, "sec-fetch-mode") == "no-cors"
        && value(headers, "sec-fetch-dest") == "empty"
        && initiator(&step.exchange, &Class::NoCors) == "fetch"
        && !headers.contains("ping-to");
    script.then(|| {
        let mut proof = vec![evidence::request_header(
            step,
            "sec-fetch-mode",
            "script sees status 0 and nothing else",
        )];
        if step.head.is_some() {
            proof.push(evidence::of_status(step, "which script never learns"));
        }
        (Severity::Warn, proof)
    })
}

/// Script may not read the answer, but the server has done what was asked.
fn still_executed(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    let cause = view.diagnosis.cause.as_ref()?;
    let (step, _) = view.actual()?;
    let method = step.exchange.request.method.as_str();
    let done = view.diagnosis.outcome == Outcome::Blocked
        && cause.stage == Stage::Actual
        && cause.check != Check::MixedContent
        && !matches!(method, "GET" | "HEAD" | "OPTIONS")
        && step
            .head
            .as_ref()
            .is_some_and(crate::wire::ResponseHead::is_ok);
    done.then(|| {
        let proof = evidence::of_status(step, "the server did process it");
        (Severity::Info, vec![proof])
    })
}

/// Headers that scripts often want and cannot see.
fn not_exposed(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    if view.diagnosis.outcome != Outcome::Allowed {
        return None;
    }
    let (step, _) = view.actual()?;
    let status = step.head.as_ref()?.status;
    let wanted = |name: &str| match name {
        "etag"
        | "link"
        | "content-disposition"
        | "x-total-count"
        | "x-request-id"
        | "deprecation"
        | "sunset"
        | "repr-digest"
        | "content-digest" => true,
        "location" => status == 201,
        "content-range" => status == 206,
        "retry-after" => matches!(status, 429 | 503),
        "www-authenticate" => status == 401,
        _ => ["ratelimit", "x-ratelimit", "x-pagination"]
            .iter()
            .any(|prefix| name.starts_with(prefix)),
    };
    let proof: Vec<Evidence> = view
        .diagnosis
        .hidden_headers
        .iter()
        .filter(|name| wanted(name))
        .take(PROOFS_MAX)
        .map(|name| evidence::header(step, name.clone(), "script cannot see it"))
        .collect();
    (!proof.is_empty()).then_some((Severity::Info, proof))
}

fn private_network(view: &View<'_>) -> Option<(Severity, Vec<Evidence>)> {
    const NAME: &str = "access-control-allow-private-network";
    let (step, _) = view.answers().find(|(_, headers)| headers.contains(NAME))?;
    let proof = evidence::header(step, NAME, "no current browser reads it");
    Some((Severity::Info, vec![proof]))
}
