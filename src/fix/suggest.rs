//! The rules by which a fix is found.

use super::advice::advice;
use super::hop::{Hop, list, tokens};
use super::reach::out_of_reach;
use super::{Advice, Fix, Needs, Reach};
use crate::cors::{Credentials, Outcome, Stage};
use crate::diagnose::{Cause, Diagnosis, Exchanges};
use crate::wire::{Exchange, HeaderList, Patch, ResponseHead};

pub(super) const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";

/// What would mend this fetch; `None` when nothing is broken. Where the credentials mode is unknown
/// it is the fix for a request without credentials; [`suggest_for`] gives the other one.
pub fn suggest(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Option<Fix> {
    let include = diagnosis.credentials == Credentials::Include;
    let cause = match (&diagnosis.cause, diagnosis.credentials) {
        (_, Credentials::Unknown) if diagnosis.when_not_include.is_some() => diagnosis
            .when_not_include
            .as_ref()
            .and_then(|branch| branch.cause.as_ref()),
        (cause, _) => cause.as_ref(),
    };
    fix(diagnosis, cause, include, exchanges)
}

/// What would mend it if credentials were (`include`) or were not included, whatever the diagnosis
/// believes.
pub fn suggest_for(diagnosis: &Diagnosis, include: bool, exchanges: &dyn Exchanges) -> Option<Fix> {
    let branch = if include {
        &diagnosis.when_include
    } else {
        &diagnosis.when_not_include
    };
    let cause = match branch {
        Some(branch) => branch.cause.as_ref(),
        None => diagnosis.cause.as_ref(),
    };
    fix(diagnosis, cause, include, exchanges)
}

fn fix(
    diagnosis: &Diagnosis,
    cause: Option<&Cause>,
    include: bool,
    exchanges: &dyn Exchanges,
) -> Option<Fix> {
    let Some(cause) = cause else {
        return no_cors(diagnosis);
    };
    let failed = cause.exchange.and_then(|id| exchanges.exchange(id));
    let hop = Hop::find(diagnosis, cause, failed.as_deref(), exchanges);
    if let Some((reach, advice)) = out_of_reach(cause, &hop) {
        return Some(Fix {
            reach,
            url: hop.url,
            preflight: None,
            actual: None,
            advice: advice.into_iter().map(Advice::Do).collect(),
            needs: Needs::of(diagnosis, include),
        });
    }
    let origin = hop.origin.clone()?;
    let preflight = hop
        .preflight
        .as_ref()
        .and_then(|exchange| preflight_patch(exchange, &origin, include));
    let answered = hop
        .actual
        .as_ref()
        .and_then(|exchange| exchange.delivered());
    let actual = match (answered, cause.stage) {
        (Some(head), _) => actual_patch(&head, &origin, include),
        // Never sent: only what every answer to this origin needs.
        (None, Stage::Preflight) => Some(grant_origin(&origin, include)),
        (None, _) => None,
    };
    if preflight.is_none() && actual.is_none() {
        return None;
    }
    let advice = advice(
        cause,
        &hop,
        &diagnosis.method,
        preflight.as_ref(),
        actual.as_ref(),
    );
    Some(Fix {
        reach: Reach::Server,
        url: hop.url,
        preflight,
        actual,
        advice,
        needs: Needs::of(diagnosis, include),
    })
}

fn no_cors(diagnosis: &Diagnosis) -> Option<Fix> {
    if diagnosis.outcome != Outcome::Opaque || diagnosis.initiator != "fetch" {
        return None;
    }
    Some(Fix {
        reach: Reach::Client,
        url: diagnosis.url.clone(),
        preflight: None,
        actual: None,
        advice: vec![
            "Remove mode: 'no-cors' from the call: with it the page can never read the answer."
                .into(),
            "Then mend the CORS error that shows up on the server.".into(),
        ],
        needs: Needs::default(),
    })
}

fn preflight_patch(exchange: &Exchange, origin: &str, include: bool) -> Option<Patch> {
    let head = exchange.delivered()?;
    let mut patch = origin_patch(&head, origin, include);
    if !head.is_ok() {
        patch.status = Some(204);
    }
    let asked = &exchange.request.headers;
    let method = asked
        .get("access-control-request-method")
        .unwrap_or_default();
    let safelisted = matches!(method.as_str(), "GET" | "HEAD" | "POST");
    let wanted: Vec<String> = (!safelisted).then_some(method).into_iter().collect();
    grant(
        &mut patch,
        &head.headers,
        ALLOW_METHODS,
        &wanted,
        include,
        |a, b| a == b,
    );
    let wanted: Vec<String> = asked
        .get("access-control-request-headers")
        .map(|names| tokens(&names).map(|n| n.to_ascii_lowercase()).collect())
        .unwrap_or_default();
    grant(
        &mut patch,
        &head.headers,
        ALLOW_HEADERS,
        &wanted,
        include,
        str::eq_ignore_ascii_case,
    );
    (!patch.is_empty()).then_some(patch)
}

fn actual_patch(head: &ResponseHead, origin: &str, include: bool) -> Option<Patch> {
    let patch = origin_patch(head, origin, include);
    (!patch.is_empty()).then_some(patch)
}

// What the CORS check wants and this head lacks (Fetch § CORS check).
fn origin_patch(head: &ResponseHead, origin: &str, include: bool) -> Patch {
    let mut patch = Patch::default();
    let allowed = head.headers.get(ALLOW_ORIGIN);
    let passes =
        allowed.as_deref() == Some(origin) || (allowed.as_deref() == Some("*") && !include);
    if !passes {
        patch.set.push((ALLOW_ORIGIN.to_owned(), origin.to_owned()));
        if !varies_by_origin(&head.headers) {
            patch.append.push(("Vary".to_owned(), "Origin".to_owned()));
        }
    }
    if include && head.headers.get(ALLOW_CREDENTIALS).as_deref() != Some("true") {
        patch
            .set
            .push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    patch
}

fn grant_origin(origin: &str, include: bool) -> Patch {
    let mut set = vec![(ALLOW_ORIGIN.to_owned(), origin.to_owned())];
    if include {
        set.push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    Patch {
        set,
        append: vec![("Vary".to_owned(), "Origin".to_owned())],
        ..Patch::default()
    }
}

// Adds to `patch` the list header that grants what is wanted, if the one there does not. What the
// list grants to others stays in it.
fn grant(
    patch: &mut Patch,
    headers: &HeaderList,
    name: &str,
    wanted: &[String],
    include: bool,
    same: impl Fn(&str, &str) -> bool,
) {
    let listed = list(headers, name);
    let readable = listed.iter().all(|item| is_token(item));
    let star = !include && listed.iter().any(|item| item == "*");
    let granted = |want: &str| star || listed.iter().any(|item| same(item, want));
    if readable && wanted.iter().all(|want| granted(want)) {
        return;
    }
    let mut value: Vec<String> = if readable {
        listed
            .iter()
            .filter(|item| star || *item != "*")
            .cloned()
            .collect()
    } else {
        salvage(&listed)
    };
    for want in wanted {
        if !value.iter().any(|item| same(item, want)) {
            value.push(want.clone());
        }
    }
    if value.is_empty() {
        patch.remove.push(name.to_owned());
    } else {
        patch.set.push((name.to_owned(), value.join(", ")));
    }
}

// The names that were meant in a list that does not parse: `[GET, PUT]`, `GET PUT`, `a;b`.
fn salvage(listed: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in listed {
        for word in item.split(|c: char| c.is_ascii_whitespace() || matches!(c, ';' | '|' | '/')) {
            let word = word.trim_matches(|c: char| matches!(c, '"' | '\'' | '[' | ']' | '`'));
            if is_token(word) && word != "*" && !names.iter().any(|n| n == word) {
                names.push(word.to_owned());
            }
        }
    }
    names
}

// RFC 9110 § 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn varies_by_origin(headers: &HeaderList) -> bool {
    list(headers, "vary")
        .iter()
        .any(|item| item == "*" || item.eq_ignore_ascii_case("origin"))
}
