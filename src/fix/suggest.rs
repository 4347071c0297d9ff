//! From a diagnosis to its fix.

use super::advice::advice;
use super::edits;
use super::hop::Hop;
use super::reach::out_of_reach;
use super::{Fix, Needs, Reach};
use crate::cors::{Ask, Credentials, Outcome, Stage};
use crate::diagnose::{Cause, Diagnosis, Exchanges};

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
    let needs = Needs::of(diagnosis, include);
    if let Some((reach, advice)) = out_of_reach(cause, &hop, include) {
        return Some(Fix {
            reach,
            url: hop.url,
            preflight: None,
            actual: None,
            advice,
            needs,
        });
    }
    let origin = hop.origin.clone()?;
    let asked = hop
        .preflight
        .as_ref()
        .filter(|_| cause.stage == Stage::Preflight);
    let ask = asked.and_then(|preflight| Ask::of(&preflight.request.headers));
    let preflight = ask.and_then(|ask| edits::of_preflight(&hop, &ask, &origin, include));
    let actual = match (hop.actual_head(), cause.stage) {
        (Some(head), _) => edits::of_actual(&hop, cause, &head, &origin, include),
        // Never sent: only what every answer to this origin needs.
        (None, Stage::Preflight) => Some(edits::of_unseen(&origin, include)),
        (None, _) => None,
    };
    if preflight.is_none() && actual.is_none() {
        return None;
    }
    let advice = advice(cause, &hop, &origin, preflight.as_ref(), actual.as_ref());
    Some(Fix {
        reach: Reach::Server,
        url: hop.url,
        preflight,
        actual,
        advice,
        needs,
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
