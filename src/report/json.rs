//! The JSON that machines read: schema `corscope/diagnosis/1`. Fields are only ever added.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::console;
use super::explain::{explanation_of, title_of, warning_title};
use super::facts::Facts;
use super::mending::{Mending, Servers};
use super::summary::Summary;
use super::told::told_to_json;
use crate::cors::{Check, Credentials, Outcome, Stage};
use crate::diagnose::{
    Alignment, Branch, Cause, Diagnosis, Evidence, Exchanges, Member, Root, Warning,
};
use crate::fix::{self, Advice, Fix, snippet, stack};
use crate::wire::{Patch, Said, isomorphic};

const SCHEMA: &str = "corscope/diagnosis/1";

/// All of a capture as one JSON document; `skipped` is how many entries of a file could not be used.
pub fn to_json(diagnoses: &[Diagnosis], exchanges: &dyn Exchanges, skipped: usize) -> String {
    let summary = Summary::of(diagnoses, exchanges, skipped);
    let servers = Servers::of(diagnoses, exchanges);
    let fetches: Vec<Value> = diagnoses
        .iter()
        .map(|diagnosis| fetch_to_json(diagnosis, &servers, exchanges))
        .collect();
    let mut text = json_head(&summary);
    for (index, fetch) in fetches.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&fetch.to_string());
    }
    text + JSON_TAIL
}

/// The document up to its first fetch; the others follow with commas between them, then
/// [`JSON_TAIL`].
pub fn json_head(summary: &Summary) -> String {
    let summary = json!({
        "exchanges": summary.exchanges,
        "fetches": summary.fetches,
        "blocked": summary.blocked,
        "depends": summary.depends,
        "failed": summary.failed,
        "opaque": summary.opaque,
        "preflights": summary.preflights,
        "preflight_ms": summary.preflight_ms(),
        "skipped": summary.skipped,
    });
    format!("{{\"schema\":\"{SCHEMA}\",\"summary\":{summary},\"fetches\":[")
}

/// The end of the document.
pub const JSON_TAIL: &str = "]}";

/// One fetch, as it stands in the document and, one per line, in NDJSON. `servers` is what the capture
/// tells of the server it went to.
pub fn fetch_to_json(diagnosis: &Diagnosis, servers: &Servers, exchanges: &dyn Exchanges) -> Value {
    let fix = fix::suggest(diagnosis, exchanges);
    let (when_include, when_not_include) = branches(diagnosis, servers, exchanges);
    let warnings = diagnosis.warnings.iter().map(warning);
    let mending = servers.mending_of(diagnosis, fix.as_ref(), exchanges);
    json!({
        "id": diagnosis.fetch.id.0,
        "method": diagnosis.method,
        "url": diagnosis.url,
        "origin": diagnosis.origin,
        "initiator": diagnosis.initiator,
        "browser": diagnosis.browser.name(),
        "exchanges": diagnosis.fetch.members.iter().map(member).collect::<Vec<_>>(),
        "credentials": diagnosis.credentials.name(),
        "outcome": diagnosis.outcome.name(),
        "when_include": when_include,
        "when_not_include": when_not_include,
        "cause": cause(diagnosis, diagnosis.cause.as_ref(), exchanges),
        "fix": fix_value(fix.as_ref(), mending.as_ref()),
        "warnings": warnings.collect::<Vec<_>>(),
        "exposed_headers": diagnosis.exposed_headers,
        "hidden_headers": diagnosis.hidden_headers,
        "told": told_to_json(diagnosis, exchanges),
        "exposed_unless_included": diagnosis.exposed_unless_included,
        "said": diagnosis.said.as_deref().map(said),
        "disagreement": diagnosis.disagreement,
    })
}

// What a launched browser said of its own accord.
fn said(said: &Said) -> Value {
    let (fate, reason, detail) = said.fate.words();
    json!({
        "fate": fate,
        "reason": reason,
        "detail": detail,
        "console": said.sentence,
        "asked_by": said.asked_by,
    })
}

fn member(member: &Member) -> Value {
    let mut value = Map::new();
    value.insert("role".into(), member.role.name().into());
    value.insert("entry".into(), member.exchange.map(|id| id.0).into());
    if member.cached {
        value.insert("cached".into(), true.into());
    }
    if member.never_sent {
        value.insert("never_sent".into(), true.into());
    }
    value.into()
}

fn cause(diagnosis: &Diagnosis, cause: Option<&Cause>, exchanges: &dyn Exchanges) -> Value {
    let Some(cause) = cause else {
        return Value::Null;
    };
    let facts = Facts::new(diagnosis, cause, exchanges);
    json!({
        "check": cause.check.id(),
        "stage": cause.stage.name(),
        "sub": cause.sub,
        "root": cause.root.map(Root::id),
        "also": cause.also.iter().map(|root| root.id()).collect::<Vec<_>>(),
        "missing": cause.missing,
        "next": cause.next.iter().copied().map(next).collect::<Vec<_>>(),
        "certainty": cause.certainty.name(),
        "names": {
            "chromium": console::chromium_name(&facts),
            "firefox": console::firefox_name(&facts),
            "safari": null,
        },
        "console": console::sentence(&facts),
        "title": title_of(&facts),
        "explanation": explanation_of(&facts),
        "evidence": cause.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "alignment": cause.alignment.as_ref().map(alignment),
    })
}

// What would fail, were the cause mended alone.
fn next((check, stage): (Check, Stage)) -> Value {
    json!({ "check": check.id(), "stage": stage.name() })
}

// One character of the values stands for each byte, so that the ranges count both.
fn alignment(alignment: &Alignment) -> Value {
    let pairs = |ranges: Vec<Range<usize>>| -> Vec<[usize; 2]> {
        ranges.into_iter().map(|r| [r.start, r.end]).collect()
    };
    json!({
        "found": isomorphic(&alignment.found),
        "needed": isomorphic(&alignment.needed),
        "found_differs": pairs(alignment.found_differs()),
        "needed_differs": pairs(alignment.needed_differs()),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    json!({
        "entry": evidence.exchange.0,
        "part": evidence.part.name(),
        "name": evidence.name,
        "value": evidence.value,
        "note": evidence.note,
    })
}

// Given whenever the two credentials modes differ in outcome, cause or fix: also where the answer
// is the same and only the fix has one line more.
fn branches(diagnosis: &Diagnosis, servers: &Servers, exchanges: &dyn Exchanges) -> (Value, Value) {
    let told = diagnosis.when_include.is_some() || diagnosis.when_not_include.is_some();
    let unknown = diagnosis.credentials == Credentials::Unknown;
    let settled = matches!(diagnosis.outcome, Outcome::Blocked | Outcome::Depends);
    if !(told || unknown && settled) {
        return (Value::Null, Value::Null);
    }
    let fixes = [true, false].map(|include| fix::suggest_for(diagnosis, include, exchanges));
    if !told && fixes[0] == fixes[1] {
        return (Value::Null, Value::Null);
    }
    let [include, not_include] = fixes;
    (
        branch(
            diagnosis,
            diagnosis.when_include.as_ref(),
            include.as_ref(),
            servers,
            exchanges,
        ),
        branch(
            diagnosis,
            diagnosis.when_not_include.as_ref(),
            not_include.as_ref(),
            servers,
            exchanges,
        ),
    )
}

fn branch(
    diagnosis: &Diagnosis,
    branch: Option<&Branch>,
    fix: Option<&Fix>,
    servers: &Servers,
    exchanges: &dyn Exchanges,
) -> Value {
    let (outcome, of_branch) = match branch {
        Some(branch) => (branch.outcome, branch.cause.as_ref()),
        None => (diagnosis.outcome, diagnosis.cause.as_ref()),
    };
    let mending = fix.and_then(|fix| servers.mending(fix, of_branch, exchanges));
    json!({
        "outcome": outcome.name(),
        "cause": cause(diagnosis, of_branch, exchanges),
        "fix": fix_value(fix, mending.as_ref()),
    })
}

fn fix_value(fix: Option<&Fix>, mending: Option<&Mending>) -> Value {
    let Some(fix) = fix else {
        return Value::Null;
    };
    let told = mending.and_then(|m| m.snippet.as_ref());
    json!({
        "reach": fix.reach.name(),
        "url": fix.url,
        "preflight": patch(fix.preflight.as_ref()),
        "actual": patch(fix.actual.as_ref()),
        "advice": fix.advice.iter().map(Advice::text).collect::<Vec<_>>(),
        "server": mending.and_then(|m| m.stack.best),
        "snippet": told.map(snippet::Snippet::code),
        "file": told.map(snippet::Snippet::file),
        "place": told.map(snippet::Snippet::place),
        "verified": told.map(snippet::Snippet::verified),
        "refused": mending.and_then(|m| m.refused.as_ref()).map(ToString::to_string),
        "stack": mending.map(|m| hops(&m.stack.hops)),
        "siblings": mending.map(|m| hops(&m.stack.siblings)),
    })
}

fn hops(hops: &[stack::Hop]) -> Vec<Value> {
    let hops = hops.iter().map(|hop| {
        json!({
            "id": hop.id,
            "name": hop.name,
            "layer": hop.layer.name(),
            "sure": hop.sure,
            "evidence": hop.evidence.iter().map(evidence).collect::<Vec<_>>(),
        })
    });
    hops.collect()
}

fn patch(patch: Option<&Patch>) -> Value {
    let Some(patch) = patch else {
        return Value::Null;
    };
    json!({
        "status": patch.status,
        "set": patch.set,
        "append": patch.append,
        "remove": patch.remove,
    })
}

fn warning(warning: &Warning) -> Value {
    json!({
        "id": warning.id,
        "severity": warning.severity.name(),
        "title": warning_title(warning.id),
        "evidence": warning.evidence.iter().map(evidence).collect::<Vec<_>>(),
    })
}
