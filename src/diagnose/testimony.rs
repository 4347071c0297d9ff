//! What a launched browser itself says about a fetch, laid beside our own verdict.
//!
//! It is asked off the wire (DevTools protocol, WebDriver BiDi), so it knows what no proxy sees: the
//! requests it never sent, and the rule it applied. It settles a verdict that hangs on the credentials
//! mode. Where it contradicts the rules as we apply them, that is said and not smoothed over.

use std::sync::Arc;

use crate::cors::{Browser, Certainty, Check, Fault, Outcome, Stage};
use crate::wire::{Block, Exchange, Fate, Said, Source, Via};

use super::decide::blank;
use super::diagnosis::{Cause, Diagnosis, Evidence, Part};
use super::evidence;
use super::fetch::Role;
use super::subject::Subject;

/// What was said about the fetch: about the last of its exchanges that anything was said of.
pub(super) fn of(subject: &Subject<'_>) -> Option<Arc<Said>> {
    let members = subject.fetch.members.iter().rev();
    members
        .filter_map(|member| member.exchange)
        .find_map(|id| subject.exchanges.said(id))
}

/// Whether the browser can have done what it says in a credentials mode in which this is the first
/// fault. `None` where what it says does not tell.
pub(super) fn fits(said: &Said, fault: Option<&Fault>) -> Option<bool> {
    match &said.fate {
        Fate::Delivered(_) => Some(fault.is_none()),
        Fate::Blocked(Block::Cors(name)) => Some(fault.is_some_and(|fault| {
            is_vague(name) || is_named(name, fault.check, fault.stage, fault.firefox_name())
        })),
        Fate::Blocked(_) | Fate::Failed(_) => None,
    }
}

/// Whether a name tells no rule. Firefox says this one of a page's call whatever became of it, where its
/// service worker made it in its place.
fn is_vague(name: &str) -> bool {
    matches!(name, "" | "CORSDidNotSucceed")
}

fn is_named(name: &str, check: Check, stage: Stage, firefox: Option<&str>) -> bool {
    check.chromium_name(stage) == Some(name) || firefox == Some(name)
}

/// Whether a name of Chromium's means its checks of the local network, under their old name or the new.
fn is_local_network(name: &str) -> bool {
    const PARTS: [&str; 3] = ["LocalNetwork", "PrivateNetwork", "LOCAL_NETWORK_ACCESS"];
    PARTS.iter().any(|part| name.contains(part))
}

/// How the browser contradicts the verdict, in one sentence.
pub(super) fn disagreement(
    subject: &Subject<'_>,
    diagnosis: &Diagnosis,
    said: &Said,
) -> Option<String> {
    let browser = subject.browser.name();
    let cause = diagnosis.cause.as_ref();
    match (&said.fate, diagnosis.outcome) {
        (Fate::Delivered(Via::Network), Outcome::Blocked) => Some(format!(
            "The {browser} that was launched says it let the page read this answer."
        )),
        (Fate::Blocked(Block::Cors(name)), Outcome::Blocked) => {
            let cause = cause?;
            let same = is_vague(name)
                || is_named(name, cause.check, cause.stage, cause.firefox_name)
                // Refused by another rule than ours, which is no rule of CORS and comes later.
                || !cause.check.is_cors();
            (!same).then(|| {
                format!("The {browser} that was launched blocked it for another reason: {name}.")
            })
        }
        (
            Fate::Blocked(Block::Cors(name)),
            Outcome::Allowed | Outcome::Opaque | Outcome::Exempt,
        ) => {
            let name = if name.is_empty() { "CORS" } else { name };
            Some(format!(
                "The {browser} that was launched says it blocked this: {name}."
            ))
        }
        _ => None,
    }
}

/// What the browser that wrote a file did with the last answer, by the error it noted of it: none at
/// all means that the page got it. `None` where nothing tells.
pub(super) fn noted(subject: &Subject<'_>) -> Option<Said> {
    let last = subject.fetch.members.iter().next_back()?;
    let exchange = subject.exchanges.exchange(last.exchange?)?;
    let answered = exchange.response.is_some() && last.role == Role::Actual;
    if exchange.source != Source::Har || !answered {
        return None;
    }
    match exchange.told.as_deref()? {
        "" => Some(Said::new(Fate::Delivered(Via::Network))),
        "net::ERR_FAILED" => Some(Said::new(Fate::Blocked(Block::Cors(String::new())))),
        _ => None,
    }
}

/// The verdict on a request that a browser says it never sent; `None` for one that was.
pub(super) fn of_unsent(subject: &Subject<'_>) -> Option<Diagnosis> {
    let id = subject.fetch.exchanges().next()?;
    let first = subject
        .hops
        .first()
        .and_then(|hop| hop.preflight.as_ref().or(hop.actual.as_ref()));
    let exchange = match first {
        Some(step) if step.id() == id => Arc::clone(&step.exchange),
        _ => subject.exchanges.exchange(id)?,
    };
    let said = subject.exchanges.said(id);
    // What a service worker answers with may have no header of CORS at all: the browser asks for none.
    let by_worker = exchange.source == Source::Har
        && said
            .as_ref()
            .is_some_and(|said| said.fate == Fate::Delivered(Via::ServiceWorker));
    if exchange.source != Source::Browser && !by_worker {
        return None;
    }
    let mut diagnosis = blank(subject);
    // Its word comes right after the request.
    let Some(said) = said else {
        return Some(diagnosis);
    };
    let (outcome, check, note) = match &said.fate {
        Fate::Delivered(via) => {
            diagnosis.outcome = Outcome::Exempt;
            diagnosis.exempt_because = Some(match via {
                // It does not say which.
                Via::Cache if subject.browser == Browser::Firefox => {
                    "the browser's cache or a service worker answered it"
                }
                Via::Cache => "the browser answered it from its cache",
                Via::ServiceWorker => "a service worker answered it",
                Via::Network => "it went past this proxy",
            });
            diagnosis.said = Some(said);
            return Some(diagnosis);
        }
        Fate::Blocked(Block::MixedContent) => (
            Outcome::Blocked,
            Check::MixedContent,
            "http, from an https page".to_owned(),
        ),
        Fate::Blocked(Block::Csp(directive)) if directive == "connect-src" => (
            Outcome::Blocked,
            Check::CspConnectSrc,
            "the page's own policy, connect-src".to_owned(),
        ),
        Fate::Blocked(Block::Csp(directive)) => (
            Outcome::Failed,
            Check::NetworkError,
            format!("the page's own Content-Security-Policy, {directive}"),
        ),
        Fate::Blocked(Block::Cors(name)) | Fate::Failed(name) if is_local_network(name) => {
            (Outcome::Blocked, Check::LocalNetworkAccess, name.clone())
        }
        Fate::Blocked(Block::Cors(name)) => {
            let stages = [Stage::Actual, Stage::Preflight, Stage::Redirect];
            let named = Check::ALL.into_iter().find(|check| {
                let firefox = check.firefox_name();
                stages
                    .iter()
                    .any(|stage| is_named(name, *check, *stage, firefox))
            });
            match named {
                Some(check) => (Outcome::Blocked, check, name.clone()),
                None => (Outcome::Failed, Check::NetworkError, name.clone()),
            }
        }
        Fate::Blocked(Block::Other(words)) | Fate::Failed(words) => {
            (Outcome::Failed, Check::NetworkError, words.clone())
        }
    };
    diagnosis.outcome = outcome;
    diagnosis.cause = Some(cause(&exchange, &said, check, note));
    diagnosis.said = Some(said);
    Some(diagnosis)
}

fn cause(exchange: &Exchange, said: &Said, check: Check, note: String) -> Cause {
    let sentence = said.sentence.clone();
    let words = sentence.unwrap_or_else(|| "the browser never sent it".to_owned());
    let mut proof: Vec<Evidence> = vec![evidence::quote(exchange.id, Part::Behaviour, words, note)];
    proof.extend(said.asked_by.clone().map(|script| {
        evidence::quote(
            exchange.id,
            Part::Behaviour,
            script,
            "the script that asked",
        )
    }));
    Cause {
        check,
        stage: Stage::Actual,
        exchange: Some(exchange.id),
        sub: None,
        root: None,
        also: Vec::new(),
        missing: Vec::new(),
        next: Vec::new(),
        certainty: Certainty::Certain,
        evidence: proof,
        found: None,
        needed: None,
        alignment: None,
        firefox_name: check.firefox_name(),
    }
}
