//! Two captures compared, as machines read it.

use serde_json::{Value, json};

use super::captures::{Captures, Change, Compared};
use super::census::Side;

/// The JSON of a comparison, schema `corscope/comparison/1`.
pub fn captures_to_json(captures: &Captures, names: [&str; 2]) -> String {
    let [before, after] = names;
    let value = json!({
        "schema": "corscope/comparison/1",
        "before": { "file": before, "fetches": captures.fetches[0],
                    "left_out": captures.left_out[0] },
        "after": { "file": after, "fetches": captures.fetches[1],
                   "left_out": captures.left_out[1] },
        "summary": {
            "endpoints": captures.endpoints.len(),
            "regressions": captures.regressions(),
            "newly_blocked": captures.count(Change::NewlyBlocked),
            "newly_failed": captures.count(Change::NewlyFailed),
            "newly_opaque": captures.count(Change::NewlyOpaque),
            "added_blocked": captures.count(Change::AddedBlocked),
            "cause_changed": captures.count(Change::CauseChanged),
            "newly_allowed": captures.count(Change::NewlyAllowed),
            "outcome_changed": captures.count(Change::OutcomeChanged),
            "also_changed": captures.count(Change::AlsoChanged),
            "added": captures.count(Change::Added),
            "gone": captures.count(Change::Gone),
            "same": captures.count(Change::Same),
        },
        "endpoints": captures.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    });
    // A value made of strings and numbers always has a text.
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn endpoint(compared: &Compared) -> Value {
    let headers = compared.headers.iter().map(|change| {
        json!({
            "role": change.role,
            "name": change.name,
            "before": change.before,
            "after": change.after,
        })
    });
    let shape = compared.shape.iter().map(
        |change| json!({ "path": change.path, "before": change.before, "after": change.after }),
    );
    json!({
        "change": compared.change.id(),
        "regression": compared.change.is_regression(),
        "method": compared.endpoint.method,
        "server": compared.endpoint.server,
        "path": compared.endpoint.path,
        "origin": compared.endpoint.page,
        "before": compared.before.as_ref().map(side),
        "after": compared.after.as_ref().map(side),
        "headers": headers.collect::<Vec<_>>(),
        "json_shape": shape.collect::<Vec<_>>(),
        "json_shape_left_out": compared.shape_left_out,
    })
}

fn side(side: &Side) -> Value {
    let outcomes = side.told().into_iter();
    let outcomes: serde_json::Map<String, Value> = outcomes
        .map(|(outcome, count)| (outcome.name().to_owned(), count.into()))
        .collect();
    let causes = side.causes.iter().map(|(cause, stopped)| {
        json!({
            "check": cause.check,
            "stage": cause.stage,
            "sub": cause.sub,
            "root": cause.root,
            "times": stopped.times,
            "fetch": stopped.fetch,
            "title": stopped.headline,
            "console": stopped.console,
        })
    });
    json!({
        "fetches": side.fetches,
        "outcomes": outcomes,
        "statuses": side.statuses,
        "types": side.types,
        "preflights": side.preflights,
        "causes": causes.collect::<Vec<_>>(),
    })
}
