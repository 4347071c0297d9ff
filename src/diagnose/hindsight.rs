//! Warnings that only the rest of the session can prove: what other answers of the same server say.

use crate::cors::Outcome;
use crate::wire::{HeaderList, Kind, Origin, is_loopback_host};

use super::diagnosis::{Evidence, Part, Severity};
use super::evidence;
use super::infer::{Class, SAME_ORIGIN};
use super::sightings::Sighting;
use super::steps::Step;
use super::subs::is_private;
use super::surroundings::is_cache_hit;
use super::warnings::{ALLOW, CREDENTIALS, View, list_has, url_of};

type Found = Option<(Severity, Vec<Evidence>)>;

fn seen(sighting: &Sighting, note: &'static str) -> Evidence {
    Evidence {
        exchange: sighting.id,
        part: Part::ResponseHeader,
        name: Some(ALLOW.into()),
        value: sighting.allow_origin.clone(),
        note: note.into(),
    }
}

/// The answer that echoes the origin which asked, with that origin.
fn echo<'v>(view: &'v View<'_>) -> Option<(&'v Step, &'v HeaderList, &'v Origin)> {
    let (step, headers) = view.actual()?;
    let allowed = headers.combined(ALLOW)?;
    (allowed == view.origin).then_some(())?;
    let page = view.page()?;
    (!page.is_opaque()).then_some((step, headers, page))
}

/// Two sites that have nothing to do with each other or with the server were both let in, and
/// nobody was refused.
fn reflects(view: &View<'_>, with_credentials: bool) -> Found {
    let (step, headers, page) = echo(view)?;
    let credentials = headers.combined(CREDENTIALS).as_deref() == Some("true");
    (credentials == with_credentials).then_some(())?;
    let target = view.target()?;
    let stranger = |origin: &Origin| {
        !origin.is_opaque() && !is_private(origin.host()) && !origin.schemelessly_same_site(target)
    };
    stranger(page).then_some(())?;
    let others = view.endpoint();
    let refused = others.iter().any(|s| {
        let asked = s.origin.as_deref().filter(|_| !s.same_origin);
        asked.is_some() && s.allow_origin.as_deref() != asked
    });
    let other = others.iter().copied().rfind(|s| {
        s.allow_origin.is_some()
            && s.allow_origin == s.origin
            && s.origin.as_deref() != Some(&*view.origin)
            && s.origin
                .as_deref()
                .and_then(Origin::from_header)
                .is_some_and(|o| stranger(&o) && !o.schemelessly_same_site(page))
    })?;
    (!refused).then(|| {
        let mut proof = vec![
            evidence::header(step, ALLOW, "one stranger is let in"),
            seen(other, "and so is another"),
        ];
        if credentials {
            proof.push(evidence::header(step, CREDENTIALS, "with credentials"));
        }
        (Severity::Risk, proof)
    })
}

pub(super) fn reflects_any(view: &View<'_>) -> Found {
    reflects(view, false)
}

pub(super) fn reflects_any_with_credentials(view: &View<'_>) -> Found {
    reflects(view, true)
}

/// The origin that was let in only begins or ends like one that belongs there.
pub(super) fn overbroad(view: &View<'_>) -> Found {
    let (step, _, page) = echo(view)?;
    let target = view.target()?;
    let forged = |trusted: &str| {
        let host = page.host();
        let below = |rest: &str| rest.is_empty() || rest.ends_with('.');
        let tail = host.strip_suffix(trusted).is_some_and(|rest| !below(rest));
        let head = host
            .strip_prefix(trusted)
            .is_some_and(|rest| rest.starts_with('.'));
        trusted.contains('.') && (tail || head)
    };
    let site = target.registrable_domain();
    let named = !is_loopback_host(target.host()) && site.parse::<std::net::IpAddr>().is_err();
    let own = named && !page.schemelessly_same_site(target) && forged(site);
    let note = "it only looks like one of the server's own";
    if own {
        return Some((Severity::Risk, vec![evidence::header(step, ALLOW, note)]));
    }
    let other = view.endpoint().iter().copied().rfind(|s| {
        // Nearly all of them are for the page itself, which is no other site: not worth reading.
        let allowed = s
            .allow_origin
            .as_deref()
            .filter(|allowed| s.allow_origin == s.origin && *allowed != view.origin);
        let origin = allowed.and_then(Origin::from_header);
        origin.is_some_and(|o| !o.schemelessly_same_site(page) && forged(o.host()))
    })?;
    Some((
        Severity::Risk,
        vec![
            evidence::header(step, ALLOW, "it only looks like the one below"),
            seen(other, "an origin that is let in"),
        ],
    ))
}

/// Many preflights of one kind that differ only in their URL: each is remembered on its own.
pub(super) fn preflight_per_url(view: &View<'_>) -> Found {
    const MANY: usize = 5;
    let (step, _, ask) = view.preflight()?;
    let own = super::slots::key_of(url_of(step));
    let mut urls: Vec<u64> = view
        .endpoint()
        .iter()
        .filter(|s| {
            s.preflight && s.method == ask.method && s.origin.as_deref() == Some(&*view.origin)
        })
        .map(|s| s.url)
        .chain([own])
        .collect();
    urls.sort_unstable();
    urls.dedup();
    (urls.len() >= MANY).then(|| {
        let text = format!("{} preflights", urls.len());
        let note = "one for each URL of this endpoint";
        let proof = evidence::quote(step.id(), Part::Behaviour, text, note);
        (Severity::Info, vec![proof])
    })
}

/// A cache answered the preflight, and nothing tells it that answers differ by what is asked.
pub(super) fn options_cached(view: &View<'_>) -> Found {
    let (step, headers, _) = view.preflight()?;
    let (name, _) = is_cache_hit(headers)?;
    let varies = list_has(headers, "vary", "*")
        || list_has(headers, "vary", "access-control-request-method")
        || list_has(headers, "vary", "access-control-request-headers");
    (!varies).then(|| {
        let proof = vec![
            evidence::header(step, name, "a cache answered the preflight"),
            evidence::header(step, "vary", "does not name Access-Control-Request-Method"),
        ];
        (Severity::Warn, proof)
    })
}

/// Another endpoint of the same server answers the same origin in another way.
pub(super) fn inconsistent(view: &View<'_>) -> Found {
    let (step, headers) = view.actual()?;
    let readable = [Outcome::Allowed, Outcome::Depends];
    readable.contains(&view.diagnosis.outcome).then_some(())?;
    let allowed = headers.combined(ALLOW)?;
    let own = view.subject.ids();
    let around = view.subject.around;
    let mut others = around.let_in_otherwise(url_of(step), &view.origin, &allowed);
    let other =
        others.rfind(|s| !own.contains(&s.id) && !s.preflight && (200..300).contains(&s.status))?;
    Some((
        Severity::Warn,
        vec![
            evidence::header(step, ALLOW, "here"),
            seen(
                other,
                "on another endpoint of the same server, for the same page",
            ),
        ],
    ))
}

/// The endpoint speaks JSON when it succeeds and something else when it fails.
pub(super) fn inconsistent_shape(view: &View<'_>) -> Found {
    let (step, _) = view.actual()?;
    let head = step.head.as_ref()?;
    let media = head.media_type()?;
    let prose = matches!(media.as_str(), "text/html" | "text/plain");
    (head.status >= 400 && prose).then_some(())?;
    let json = view.endpoint().iter().copied().rev().find(|s| {
        (200..300).contains(&s.status)
            && !s.preflight
            && view
                .subject
                .exchanges
                .exchange(s.id)
                .and_then(|e| e.response.as_ref()?.media_type())
                .is_some_and(|m| m == "application/json" || m.ends_with("+json"))
    })?;
    let mut sibling = seen(json, "on success");
    sibling.name = Some("content-type".into());
    sibling.value = Some("application/json".to_owned());
    let failed = evidence::header(step, "content-type", "on failure");
    Some((Severity::Info, vec![failed, sibling]))
}

/// Cookies between two sites: some browsers keep them apart or do not send them.
pub(super) fn third_party_cookie(view: &View<'_>) -> Found {
    let (step, headers) = view.actual()?;
    let (page, target) = (view.page()?, view.target()?);
    (!page.is_opaque() && !page.same_site(target)).then_some(())?;
    let sent = step.exchange.request.headers.contains("cookie");
    let mut proof = if sent {
        evidence::request_header(step, "cookie", "sent to another site")
    } else if headers.contains("set-cookie") {
        evidence::header(step, "set-cookie", "set by another site")
    } else {
        return None;
    };
    // The value is a secret.
    proof.value = None;
    Some((Severity::Info, vec![proof]))
}

/// CORS headers where there is no cross-origin call.
pub(super) fn on_non_cors(view: &View<'_>) -> Found {
    let step = view.hop.actual.as_ref()?;
    (view.hop.class() == Class::Exempt(SAME_ORIGIN)).then_some(())?;
    step.head.as_ref()?.headers.contains(ALLOW).then(|| {
        let proof = evidence::header(step, ALLOW, "nobody reads it on a same-origin call");
        (Severity::Info, vec![proof])
    })
}

/// What only the preflight's answer needs, on the answer to the request itself.
pub(super) fn useless_on_actual(view: &View<'_>) -> Found {
    const NAMES: [&str; 3] = [
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    ];
    let (step, headers) = view.actual()?;
    let proof: Vec<Evidence> = NAMES
        .into_iter()
        .filter(|name| headers.contains(name))
        .map(|name| evidence::header(step, name, "read on the answer to a preflight only"))
        .collect();
    (!proof.is_empty()).then_some((Severity::Info, proof))
}

/// A WebSocket with cookies, opened by a page of another site: no rule of the browser stops it.
pub(super) fn websocket(view: &View<'_>) -> Found {
    let step = view.hop.actual.as_ref()?;
    let exchange = &step.exchange;
    let accepted = exchange.kind == Kind::WebSocket
        && step.head.as_ref().is_some_and(|head| head.status == 101)
        && exchange.request.headers.contains("cookie");
    accepted.then_some(())?;
    let (page, target) = (view.page()?, view.target()?);
    (!page.schemelessly_same_site(target)).then(|| {
        let proof = evidence::request_header(step, "origin", "another site, accepted with cookies");
        (Severity::Info, vec![proof])
    })
}
