//! The recorded scenarios once more, asked anew: a server that plays the recorded answers must get
//! the recorded verdict.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use corscope::cors::{Browser, Outcome};
use corscope::diagnose::{Diagnosis, diagnose_all};
use corscope::replay::{Edit, Plan, plan_of};
use corscope::wire::{Exchange, Origin, Replay, Source, is_loopback_host};
use serde_json::Value;

use super::world::{Got, Says, World};
use crate::verdicts::{Recorded, single_requests};

/// Every so many-th scenario is played.
const EVERY: usize = 5;

struct Scenario {
    recorded: Recorded,
    /// What the browser told the page.
    got: String,
    method: String,
    url: String,
}

/// What a script asked of hosts that can be played, each with what the browser told it.
fn scenarios() -> Vec<Scenario> {
    let lines = include_str!("../../corpus/curated.jsonl");
    let told: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .filter(|v: &Value| v["asked"].as_array().unwrap().len() == 1)
        .collect();
    let recorded = single_requests(lines);
    assert_eq!(told.len(), recorded.len());
    let both = recorded.into_iter().zip(told);
    both.filter(|(recorded, told)| {
        let asked = &told["asked"][0];
        let script = matches!(asked["by"].as_str(), Some("fetch" | "xhr"));
        let told_all = matches!(asked["got"].as_str(), Some("ok" | "blocked"));
        script && told_all && recorded.exchanges.iter().all(|e| playable(e))
    })
    .map(|(recorded, told)| {
        let text = |name: &str| told["asked"][0][name].as_str().unwrap().to_owned();
        Scenario {
            got: text("got"),
            method: text("method"),
            url: text("url"),
            recorded,
        }
    })
    .collect()
}

/// Whether a server can play it: it answered, over https, and the browser asked nothing of its own.
fn playable(exchange: &Exchange) -> bool {
    let url = url::Url::parse(&exchange.request.url).unwrap();
    let headers = exchange.response.as_ref().map(|r| &r.headers);
    url.scheme() == "https"
        && !is_loopback_host(url.host_str().unwrap())
        && exchange.response.is_some()
        // White space before a colon, bytes hyper does not send, hop-by-hop fields.
        && headers.is_some_and(|h| {
            h.iter().all(|f| {
                http::HeaderName::from_bytes(f.name.as_bytes()).is_ok()
                    && http::HeaderValue::from_bytes(f.value).is_ok()
            }) && !h.contains("transfer-encoding")
        })
}

/// Plays the recorded answers, each once and in order.
async fn player(recorded: &Recorded) -> World {
    let answers: Vec<Arc<Exchange>> = recorded.exchanges.clone();
    let left = Mutex::new(answers);
    World::speaking(&[b"http/1.1"], move |got: &Got| {
        let mut left = left.lock().unwrap();
        let at = left
            .iter()
            .position(|e| e.request.method == got.method && e.request.url == got.url);
        let Some(at) = at else {
            return Says::new(599, &[], "nobody asked for this when it was recorded");
        };
        let exchange = left.remove(at);
        let response = exchange.response.as_ref().unwrap();
        let body = String::from_utf8_lossy(&exchange.response_body.excerpt).into_owned();
        let bodyless = matches!(response.status, 204 | 304) || got.method == "HEAD";
        Says {
            status: response.status,
            headers: response
                .headers
                .iter()
                .filter(|f| !f.is("content-length") && !f.is("connection"))
                .map(|f| (f.name.to_owned(), f.text()))
                .collect(),
            body: if bodyless { String::new() } else { body },
            hangs: false,
        }
    })
    .await
}

/// The verdict on the recording, the credentials mode being known.
fn verdict(recorded: &Recorded) -> Option<Diagnosis> {
    let known = |exchange: &Arc<Exchange>| {
        let mut exchange = Exchange::clone(exchange);
        exchange.source = Source::Replay(Replay {
            of: None,
            include: Some(recorded.include),
        });
        Arc::new(exchange)
    };
    let all = diagnose_all(recorded.exchanges.iter().map(known).collect(), None);
    let [one] = <[Diagnosis; 1]>::try_from(all).ok()?;
    Some(one)
}

/// What must be the same.
fn essence(diagnosis: &Diagnosis) -> String {
    let cause = diagnosis.cause.as_ref();
    let roles: Vec<String> = diagnosis
        .fetch
        .members
        .iter()
        .map(|m| format!("{}{}", m.role.name(), if m.never_sent { "!" } else { "" }))
        .collect();
    format!(
        "{} {:?} {roles:?}",
        diagnosis.outcome,
        cause.map(|c| (c.check.id(), c.stage.name(), c.sub, &c.missing))
    )
}

fn agrees(outcome: Outcome, got: &str) -> bool {
    match got {
        "ok" => matches!(outcome, Outcome::Allowed | Outcome::Exempt),
        _ => matches!(outcome, Outcome::Blocked | Outcome::Failed),
    }
}

/// The request as `check` makes it, from what the page asked for.
fn asked(scenario: &Scenario) -> Option<Plan> {
    let recorded = &scenario.recorded;
    let browser = if recorded.browser == "firefox" {
        Browser::Firefox
    } else {
        Browser::Chromium
    };
    let first = &recorded.exchanges[0];
    let origin = first.request.headers.first("origin")?.text();
    let page = Origin::from_header(&origin)?;
    // A value that was never sent is one that has to be asked for.
    let mut headers = BTreeMap::new();
    for name in first
        .request
        .headers
        .get("access-control-request-headers")?
        .split(',')
    {
        headers.insert(name.trim().to_owned(), "(x)".to_owned());
    }
    let actual = recorded.exchanges.get(1);
    for (name, value) in &mut headers {
        let sent = actual.and_then(|a| a.request.headers.first(name));
        *value = match sent {
            Some(field) => field.text(),
            None if name == "content-type" => "application/json".to_owned(),
            None => continue,
        };
    }
    let typed =
        headers.contains_key("content-type") && !matches!(scenario.method.as_str(), "GET" | "HEAD");
    let edit = Edit {
        method: Some(scenario.method.clone()),
        headers: headers.into_iter().map(|(n, v)| (n, Some(v))).collect(),
        body: typed.then(|| "{}".into()),
        ..Edit::default()
    };
    let mut plan = Plan::new(browser, page, scenario.url.parse().ok()?);
    plan.include = Some(recorded.include);
    plan.edited(&edit).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_gives_the_recorded_verdict() {
    let mut played = 0;
    let mut misses = Vec::new();
    let preflighted = scenarios().into_iter().filter(|s| {
        s.recorded
            .exchanges
            .first()
            .is_some_and(|e| e.request.is_preflight())
    });
    for scenario in preflighted.step_by(3) {
        let Some(plan) = asked(&scenario) else {
            continue;
        };
        let Some(expected) = verdict(&scenario.recorded) else {
            continue;
        };
        let world = player(&scenario.recorded).await;
        let diagnosis = world.play(&plan).await.diagnosis();
        played += 1;
        if essence(&diagnosis) != essence(&expected) || !agrees(diagnosis.outcome, &scenario.got) {
            misses.push(format!(
                "{} {}: {} instead of {}, the page got {}; asked {:?}",
                scenario.recorded.id,
                scenario.recorded.browser,
                essence(&diagnosis),
                essence(&expected),
                scenario.got,
                world.asked()
            ));
        }
    }
    println!("{played} checks, {} misses", misses.len());
    assert!(played >= 60, "{played}");
    assert!(misses.is_empty(), "{misses:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gives_the_recorded_verdict() {
    let mut played = 0;
    let mut misses = Vec::new();
    for scenario in scenarios().into_iter().step_by(EVERY) {
        let recorded = &scenario.recorded;
        let all = diagnose_all(recorded.exchanges.clone(), None);
        let Some(expected) = verdict(recorded) else {
            continue;
        };
        let [before] = &all[..] else { continue };
        let sent_body = |_| None;
        let Ok(mut plan) = plan_of(before, &recorded.exchanges, &sent_body) else {
            continue;
        };
        plan.include = Some(recorded.include);
        // The records hold no bodies.
        let body = Edit {
            body: Some("{}".into()),
            ..Edit::default()
        };
        if plan.unknown().contains(&"the body".to_owned())
            && let Ok(whole) = plan.clone().edited(&body)
        {
            plan = whole;
        }
        let world = player(recorded).await;
        let diagnosis = world.play(&plan).await.diagnosis();
        played += 1;
        if essence(&diagnosis) != essence(&expected) {
            misses.push(format!(
                "{} {}: {} instead of {}; asked {:?}",
                recorded.id,
                recorded.browser,
                essence(&diagnosis),
                essence(&expected),
                world.asked()
            ));
        }
    }
    println!("{played} replays, {} misses", misses.len());
    assert!(played >= 80, "{played}");
    assert!(misses.is_empty(), "{misses:#?}");
}
