//! Blocked calls from the corpus that a page of our own can make again.

use std::collections::BTreeMap;
use std::sync::Arc;

use corscope::cors::Outcome;
use corscope::diagnose::{Cause, Diagnosis, diagnose_all};
use corscope::fix::{Fix, Reach, suggest_for};
use corscope::wire::{Exchange, Origin, is_loopback_host};
use serde_json::{Value, json};
use url::Url;

use crate::verdicts::{Recorded, single_requests};

/// How many cases there are at most of one check, stage, kind and root.
const PER_KIND_MAX: usize = 3;

/// One blocked call with its fix.
pub(super) struct Case {
    pub(super) name: String,
    /// Check and stage.
    pub(super) fault: String,
    /// Origin of the page.
    pub(super) page: String,
    /// What the page calls: arguments of `fetch`, and the path that is to be replaced.
    pub(super) call: Value,
    /// The part of every URL of this case that is its own: `/t/1b8e5570c3/`.
    pub(super) token: String,
    pub(super) exchanges: Vec<Arc<Exchange>>,
    pub(super) fix: Fix,
}

/// The cases of one browser: as many kinds as there are.
pub(super) fn cases(browser: &str) -> Vec<Case> {
    let sets = [
        include_str!("../../../corpus/curated.jsonl"),
        include_str!("../../../corpus/random.jsonl"),
    ];
    let mut kinds: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for record in sets.into_iter().flat_map(single_requests) {
        if record.browser != browser {
            continue;
        }
        if let Some((kind, case)) = case(record) {
            let of_kind = kinds.entry(kind).or_default();
            if of_kind.len() < PER_KIND_MAX {
                of_kind.push(case);
            }
        }
    }
    kinds.into_values().flatten().collect()
}

fn case(record: Recorded) -> Option<(String, Case)> {
    let [asked] = &record.asked[..] else {
        return None;
    };
    if asked.got != "blocked" || !matches!(asked.by.as_str(), "fetch" | "xhr") {
        return None;
    }
    let diagnoses = diagnose_all(record.exchanges.clone(), None);
    let diagnosis = diagnoses.iter().find(|d| d.url == asked.url)?;
    let cause = blocked(diagnosis, asked.include)?;
    let fix = suggest_for(diagnosis, asked.include, &record.exchanges)?;
    if fix.reach != Reach::Server || !record.exchanges.iter().all(|e| can_be_played(e)) {
        return None;
    }
    let page = diagnosis.origin.clone()?;
    let (from, to) = (Origin::from_header(&page)?, Origin::of_url(&asked.url)?);
    let secure = from.scheme() == "https" && to.scheme() == "https";
    if !(secure || is_loopback_host(from.host())) {
        return None;
    }
    let url = Url::parse(&asked.url).ok()?;
    let mut segments = url.path_segments()?;
    let token = (segments.next()? == "t").then(|| segments.next())??;
    let kind = format!(
        "{} {} {:?} {:?}",
        cause.check, cause.stage, cause.sub, cause.root
    );
    let case = Case {
        name: record.id.clone(),
        fault: format!("{} {}", cause.check, cause.stage),
        call: call(&record, diagnosis)?,
        token: format!("/t/{token}/"),
        page,
        exchanges: record.exchanges,
        fix,
    };
    Some((kind, case))
}

/// The cause, where the call is blocked in the mode it was made.
fn blocked(diagnosis: &Diagnosis, include: bool) -> Option<&Cause> {
    let branch = if include {
        &diagnosis.when_include
    } else {
        &diagnosis.when_not_include
    };
    let (outcome, cause) = match branch {
        Some(branch) => (branch.outcome, &branch.cause),
        None => (diagnosis.outcome, &diagnosis.cause),
    };
    cause.as_ref().filter(|_| outcome == Outcome::Blocked)
}

/// Whether the answer means the same when it is played again: there is one, it needs no stored
/// answer and no dialog.
fn can_be_played(exchange: &Exchange) -> bool {
    exchange.response.as_ref().is_some_and(|head| {
        !matches!(head.status, 304 | 407)
            && !head.headers.contains("www-authenticate")
            && head.headers.iter().all(|f| f.name == f.name.trim_end())
    })
}

/// The arguments of `fetch` that lead to the same requests; `None` where script cannot write them
/// down, or something else than method and headers made the browser ask first.
fn call(record: &Recorded, diagnosis: &Diagnosis) -> Option<Value> {
    // Their values decide whether they need a preflight, or the browser writes them itself.
    const DELICATE: [&str; 16] = [
        "accept",
        "accept-language",
        "cache-control",
        "content-language",
        "device-memory",
        "downlink",
        "dpr",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "last-event-id",
        "pragma",
        "range",
        "rtt",
        "save-data",
        "user-agent",
    ];
    let first = record.exchanges.first()?;
    let sent = |name: &str| {
        let actual = record.exchanges.iter().find(|e| !e.request.is_preflight());
        actual.and_then(|e| e.request.headers.get(name))
    };
    let names = first.request.headers.get("access-control-request-headers");
    let names = names.unwrap_or_default();
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    if names
        .iter()
        .any(|name| DELICATE.contains(name) || name.ends_with("width"))
    {
        return None;
    }
    let simple = matches!(diagnosis.method.as_str(), "GET" | "HEAD" | "POST");
    if first.request.is_preflight() == (simple && names.is_empty()) {
        return None;
    }
    let mut headers = serde_json::Map::new();
    for name in names {
        let value = match name {
            "content-type" => "application/json",
            _ => "1",
        };
        headers.insert(name.to_owned(), value.into());
    }
    if !first.request.is_preflight()
        && let Some(value) = sent("content-type")
    {
        headers.insert("content-type".to_owned(), value.into());
    }
    let body = headers.contains_key("content-type")
        && !matches!(diagnosis.method.as_str(), "GET" | "HEAD");
    let mode = if record.include {
        "include"
    } else {
        "same-origin"
    };
    Some(json!({
        "url": diagnosis.url,
        "method": diagnosis.method,
        "headers": headers,
        "credentials": mode,
        "body": body.then_some("{}"),
    }))
}

/// Every check that headers mend, at every stage it can fail at.
pub(super) const FAULTS: [&str; 19] = [
    "missing-allow-origin preflight",
    "missing-allow-origin actual",
    "missing-allow-origin redirect",
    "wildcard-origin-not-allowed preflight",
    "wildcard-origin-not-allowed actual",
    "multiple-allow-origin-values preflight",
    "multiple-allow-origin-values actual",
    "invalid-allow-origin-value preflight",
    "invalid-allow-origin-value actual",
    "allow-origin-mismatch preflight",
    "allow-origin-mismatch actual",
    "invalid-allow-credentials preflight",
    "invalid-allow-credentials actual",
    "invalid-status preflight",
    "disallowed-redirect preflight",
    "invalid-allow-methods-preflight-response preflight",
    "invalid-allow-headers-preflight-response preflight",
    "method-disallowed-by-preflight-response preflight",
    "header-disallowed-by-preflight-response preflight",
];
