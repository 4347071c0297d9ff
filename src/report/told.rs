//! What the browser itself said of a call, laid beside the verdict.

use serde_json::{Value, json};

use crate::cors::{Outcome, Stage};
use crate::diagnose::{Diagnosis, Exchanges, Role};
use crate::wire::{End, Exchange, FailureKind};

/// What the browser itself noted, and how it fits the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Its words; empty where it noted that nothing was wrong.
    pub(super) said: String,
    /// Whether the verdict says the same; `None` where the note says too little for that.
    pub(super) agrees: Option<bool>,
    /// What a person has to know about it.
    pub(super) sentence: Option<String>,
}

/// What a note of a browser means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Nothing was wrong.
    Fine,
    /// The page did not get the answer.
    Withheld,
    /// Something other than the server's answer was the reason.
    Else,
    /// The connection broke, the page went away, or it is not known what it means.
    Other,
}

/// The note on a fetch, where the capture has one.
pub(super) fn told(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Option<Told> {
    let members = diagnosis.fetch.members.iter().rev();
    // That a preflight went well says nothing about the request.
    let noted = members
        .filter(|member| member.role != Role::Preflight)
        .filter_map(|member| exchanges.exchange(member.exchange?))
        .find(|exchange| exchange.told.is_some())?;
    let said = noted.told.clone()?;
    let (agrees, sentence) = judge(diagnosis, &noted, &said);
    Some(Told {
        said,
        agrees,
        sentence,
    })
}

fn judge(diagnosis: &Diagnosis, noted: &Exchange, said: &str) -> (Option<bool>, Option<String>) {
    let answered = noted.response.is_some();
    let at_the_answer = diagnosis
        .cause
        .as_ref()
        .is_some_and(|cause| cause.stage == Stage::Actual && cause.exchange == Some(noted.id));
    match (diagnosis.outcome, meaning(said)) {
        (Outcome::Blocked, Meaning::Withheld) => (Some(true), None),
        (Outcome::Blocked, Meaning::Fine) if at_the_answer && answered => (
            Some(false),
            Some(
                "The browser that wrote this file noted no error for this answer, so it may have \
                 let the page have it: the rules say otherwise. A browser with web security switched \
                 off, or headers that were changed on their way, would explain that."
                    .to_owned(),
            ),
        ),
        (Outcome::Allowed | Outcome::Exempt, Meaning::Withheld) if answered => (
            Some(false),
            Some(format!(
                "The browser that wrote this file says {said} of it, so the page did not get this \
                 answer, and nothing in the recorded headers says why. The browser's console does."
            )),
        ),
        (Outcome::Allowed | Outcome::Exempt, Meaning::Fine) => (Some(true), None),
        (Outcome::Blocked | Outcome::Failed | Outcome::Pending, Meaning::Else) => (
            None,
            Some(format!(
                "The browser that wrote this file says {said}: something beside the server's answer \
                 (an extension, a policy of the page, developer tools) stopped it."
            )),
        ),
        (Outcome::Failed, Meaning::Withheld) if names_cors(said) => (
            Some(false),
            Some(format!(
                "The browser that wrote this file says why: {}. So it is CORS and not the network; \
                 the file has no answer to tell more from. corscope explain with that sentence tells \
                 what is behind it.",
                said.trim_end_matches('.')
            )),
        ),
        (Outcome::Failed, Meaning::Withheld) if is_vague(noted) => (
            None,
            Some(format!(
                "All that the file has is {said}, which browsers note for a CORS block as well as for \
                 a broken connection. The line in the browser's console tells which, and so does \
                 recording the call with corscope."
            )),
        ),
        _ => (None, None),
    }
}

/// Whether nothing but the browser's word says that it broke.
fn is_vague(exchange: &Exchange) -> bool {
    let End::Failed(failure) = &exchange.end else {
        return false;
    };
    exchange.response.is_none() && failure.kind == FailureKind::Other
}

/// Safari notes the sentence of its console.
fn names_cors(said: &str) -> bool {
    let lower = said.to_ascii_lowercase();
    let words = [
        "access-control-",
        "preflight response",
        "cross-origin",
        "cors",
    ];
    words.iter().any(|word| lower.contains(word))
}

fn meaning(said: &str) -> Meaning {
    let lower = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if said.is_empty() {
        Meaning::Fine
    } else if has(&[
        "err_blocked_by_client",
        "err_blocked_by_administrator",
        "err_blocked_by_csp",
        "inspector",
        "mixed-content",
        "mixed_content",
        "extension",
        "devtools",
    ]) {
        Meaning::Else
    } else if names_cors(said)
        || has(&[
            "err_failed",
            "err_blocked_by_",
            "cors",
            "ns_error_dom_bad_uri",
        ])
    {
        Meaning::Withheld
    } else {
        Meaning::Other
    }
}

/// As it stands in the contract's JSON.
pub(super) fn told_to_json(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Value {
    match told(diagnosis, exchanges) {
        Some(told) => json!({
            "said": told.said,
            "agrees": told.agrees,
            "note": told.sentence,
        }),
        None => Value::Null,
    }
}
