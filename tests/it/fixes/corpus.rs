//! Every fix, applied literally to the recorded answers, is judged again: it must mend the fetch, and
//! none of its lines may be left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use corscope::cors::{Browser, Check, Outcome, Stage};
use corscope::diagnose::{Diagnosis, Exchanges, diagnose_all};
use corscope::fix::{Fix, Reach, suggest};
use corscope::wire::{
    Exchange, ExchangeId, HeaderList, HttpVersion, Patch, RequestHead, ResponseHead,
};

use crate::verdicts::{Recorded, single_requests};

/// The exchanges after the fix: as the browser would have got them.
fn mended(diagnosis: &Diagnosis, fix: &Fix, exchanges: &[Arc<Exchange>]) -> Vec<Arc<Exchange>> {
    let members: Vec<ExchangeId> = diagnosis.fetch.exchanges().collect();
    let apply = |exchange: &Arc<Exchange>| {
        let mut exchange = Exchange::clone(exchange);
        if exchange.request.url == fix.url && members.contains(&exchange.id) {
            let patch = if exchange.request.is_preflight() {
                &fix.preflight
            } else {
                &fix.actual
            };
            exchange.response = match (exchange.response, patch) {
                (Some(head), Some(patch)) => Some(patch.apply(&head)),
                (head, _) => head,
            };
        }
        Arc::new(exchange)
    };
    exchanges.iter().map(apply).collect()
}

/// The request that follows once the preflight is answered well, with an answer that has nothing but
/// what the fix puts there.
fn following(preflight: &Exchange, patch: Option<&Patch>) -> Arc<Exchange> {
    let asked = &preflight.request.headers;
    let mut headers = HeaderList::new();
    for field in asked.iter() {
        if !field
            .name
            .to_ascii_lowercase()
            .starts_with("access-control-")
        {
            headers.push(field.name, field.value);
        }
    }
    let names = asked
        .get("access-control-request-headers")
        .unwrap_or_default();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let value = match name {
            "content-type" => "application/json",
            _ => "value",
        };
        headers.push(name, value.as_bytes());
    }
    let at = preflight.closed_at.unwrap().plus_micros(10);
    let request = RequestHead {
        method: asked.get("access-control-request-method").unwrap(),
        url: preflight.request.url.clone(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut exchange = Exchange::opened(ExchangeId(1_000_000), at, request);
    let head = ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    exchange.response = Some(patch.map_or(head.clone(), |patch| patch.apply(&head)));
    exchange.answered_at = Some(at);
    exchange.closed_at = Some(at);
    exchange.end = corscope::wire::End::Complete;
    Arc::new(exchange)
}

fn judge(diagnosis: &Diagnosis, exchanges: Vec<Arc<Exchange>>) -> (Outcome, Option<Check>) {
    let again = diagnose_all(exchanges, Some(diagnosis.browser));
    let same = again
        .iter()
        .find(|d| d.url == diagnosis.url && d.method == diagnosis.method)
        .expect("the fetch is still there");
    (same.outcome, same.cause.as_ref().map(|cause| cause.check))
}

fn without_one_line(patch: &Patch) -> Vec<(String, Patch)> {
    let mut lesser = Vec::new();
    if patch.status.is_some() {
        lesser.push((
            "status".to_owned(),
            Patch {
                status: None,
                ..patch.clone()
            },
        ));
    }
    for at in 0..patch.set.len() {
        let mut one_less = patch.clone();
        lesser.push((one_less.set.remove(at).0, one_less));
    }
    for at in 0..patch.remove.len() {
        let mut one_less = patch.clone();
        lesser.push((one_less.remove.remove(at), one_less));
    }
    lesser
}

/// Why the fix of this fetch is not right, if it is not.
fn fault(diagnosis: &Diagnosis, exchanges: &Vec<Arc<Exchange>>) -> Result<&'static str, String> {
    let cause = diagnosis.cause.as_ref().ok_or("no cause")?;
    let Some(fix) = suggest(diagnosis, exchanges) else {
        return Err(format!("no fix for {}", cause.check));
    };
    if fix.advice.is_empty() {
        return Err("no advice".to_owned());
    }
    let lines = fix.preflight.iter().chain(&fix.actual);
    for (name, value) in lines.flat_map(|patch| &patch.set) {
        if value == "*" || value == "null" {
            return Err(format!("suggests {name}: {value}"));
        }
    }
    if fix.reach != Reach::Server {
        let none = fix.preflight.is_none() && fix.actual.is_none();
        return if none {
            Ok("out of reach")
        } else {
            Err("edits out of reach".to_owned())
        };
    }
    let mut after = mended(diagnosis, &fix, exchanges);
    let never_sent = diagnosis.fetch.members.iter().any(|m| m.never_sent);
    if never_sent && cause.stage == Stage::Preflight {
        let preflight = after
            .iter()
            .rfind(|e| e.request.is_preflight() && e.request.url == fix.url)
            .ok_or("no preflight")?;
        let next = following(preflight, fix.actual.as_ref());
        after.push(next);
    }
    match judge(diagnosis, after) {
        (Outcome::Allowed | Outcome::Depends, _) => {}
        // The redirect may now be followed; where to, nobody has recorded.
        (Outcome::Pending, _) if cause.stage == Stage::Redirect => {}
        // An event source or a module wants more than to be readable.
        (Outcome::Blocked, Some(Check::WrongResourceType)) => {}
        (outcome, check) => return Err(format!("after {fix:?} it is {outcome} {check:?}")),
    }
    for preflight in [true, false] {
        let patch = if preflight {
            &fix.preflight
        } else {
            &fix.actual
        };
        let seen = diagnosis.fetch.exchanges().any(|id| {
            exchanges
                .exchange(id)
                .is_some_and(|e| e.request.url == fix.url && e.request.is_preflight() == preflight)
        });
        let Some(patch) = patch.as_ref().filter(|_| seen) else {
            continue;
        };
        for (line, lesser) in without_one_line(patch) {
            let mut fix = fix.clone();
            if preflight {
                fix.preflight = Some(lesser);
            } else {
                fix.actual = Some(lesser);
            }
            let (outcome, _) = judge(diagnosis, mended(diagnosis, &fix, exchanges));
            if outcome != Outcome::Blocked {
                return Err(format!("{line} is not needed: without it {outcome}"));
            }
        }
    }
    Ok("mended")
}

fn check(set: &str, lines: &str, at_least: usize) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for Recorded {
        id,
        browser,
        exchanges,
        ..
    } in single_requests(lines)
    {
        for diagnosis in diagnose_all(exchanges.clone(), None) {
            if diagnosis.outcome != Outcome::Blocked {
                continue;
            }
            match fault(&diagnosis, &exchanges) {
                Ok(what) => *counts.entry(what).or_default() += 1,
                Err(why) => faults.push(format!("{id} {browser}: {why}")),
            }
        }
    }
    println!("{set}: {counts:?}, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(counts["mended"] >= at_least, "{counts:?}");
}

#[test]
fn curated() {
    check("curated", include_str!("../../corpus/curated.jsonl"), 300);
}

#[test]
fn random() {
    check("random", include_str!("../../corpus/random.jsonl"), 1500);
}

#[test]
fn the_rules_of_the_browser_do_not_change_what_mends() {
    let lines = include_str!("../../corpus/curated.jsonl");
    for record in single_requests(lines) {
        for rules in [Browser::Chromium, Browser::Firefox] {
            for diagnosis in diagnose_all(record.exchanges.clone(), Some(rules)) {
                if diagnosis.outcome == Outcome::Blocked {
                    let result = fault(&diagnosis, &record.exchanges);
                    assert!(result.is_ok(), "{} {rules:?}: {result:?}", record.id);
                }
            }
        }
    }
}
