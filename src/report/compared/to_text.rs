//! Two captures compared, as people read it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::captures::{Captures, Change, Compared};
use super::census::Side;

/// More endpoints that only one capture has are counted only.
const ONE_SIDED_MAX: usize = 12;

/// The text of a comparison.
pub fn captures_to_text(captures: &Captures, names: [&str; 2]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "↻ {} → {}", names[0], names[1]);
    let told = |c: &&Compared| c.change < Change::Added;
    for compared in captures.endpoints.iter().filter(told) {
        out.push('\n');
        endpoint(&mut out, compared);
    }
    for change in [Change::Added, Change::Gone] {
        one_sided(&mut out, captures, change);
    }
    out.push('\n');
    out.push_str(&summary(captures));
    out
}

fn endpoint(out: &mut String, compared: &Compared) {
    let sign = match compared.change {
        change if change.is_regression() => "✖",
        Change::NewlyAllowed => "✔",
        Change::CauseChanged => "!",
        _ => "?",
    };
    let _ = writeln!(
        out,
        "{sign} {}: {}",
        compared.change.words(),
        name(compared)
    );
    for (label, side) in [("BEFORE", &compared.before), ("AFTER", &compared.after)] {
        match side {
            Some(side) => told(out, label, side),
            None => {
                let _ = writeln!(out, "  {label:<10}not called");
            }
        }
    }
    let mut label = "ALSO";
    for line in also(compared) {
        let _ = writeln!(out, "  {label:<10}{line}");
        label = "";
    }
}

fn name(compared: &Compared) -> String {
    let endpoint = &compared.endpoint;
    let from = endpoint.page.as_deref().unwrap_or("no page");
    format!(
        "{} {}{}   from {from}",
        endpoint.method, endpoint.server, endpoint.path
    )
}

fn told(out: &mut String, label: &str, side: &Side) {
    let outcomes: Vec<String> = side
        .told()
        .into_iter()
        .map(|(outcome, count)| match side.fetches {
            1 => outcome.to_string(),
            all if count == all => format!("{outcome} ({all} of {all})"),
            all => format!("{outcome} ({count} of {all})"),
        })
        .collect();
    let mut line = outcomes.join(", ");
    if !side.statuses.is_empty() {
        let statuses = list(&side.statuses.iter().map(u16::to_string).collect());
        let _ = write!(line, ", status {statuses}");
    } else if side.preflights > 0 {
        line.push_str(", the request itself was not sent");
    }
    let _ = writeln!(out, "  {label:<10}{line}");
    for (cause, stopped) in &side.causes {
        let _ = writeln!(
            out,
            "  {:<10}{} ({}, {})",
            "", stopped.headline, cause.check, cause.stage
        );
    }
}

fn also(compared: &Compared) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(before), Some(after)) = (&compared.before, &compared.after) {
        let statuses = |s: &Side| list(&s.statuses.iter().map(u16::to_string).collect());
        if compared.status_changed() && !before.statuses.is_empty() && !after.statuses.is_empty() {
            let (before, after) = (statuses(before), statuses(after));
            lines.push(format!("status: {before} → {after}"));
        }
        if compared.type_changed() && !before.types.is_empty() && !after.types.is_empty() {
            let (before, after) = (list(&before.types), list(&after.types));
            lines.push(format!("type: {before} → {after}"));
        }
    }
    for change in &compared.headers {
        if change.name == "content-type" && change.role == "actual" {
            continue;
        }
        let of = match change.role {
            "actual" => String::new(),
            role => format!("{role} "),
        };
        let (before, after) = (list(&change.before), list(&change.after));
        lines.push(format!("{of}{}: {before} → {after}", change.name));
    }
    for change in &compared.shape {
        let missing = || "missing".to_owned();
        let before = change.before.clone().unwrap_or_else(missing);
        let after = change.after.clone().unwrap_or_else(missing);
        lines.push(format!("JSON {}: {before} → {after}", change.path));
    }
    if compared.shape_left_out > 0 {
        lines.push(format!("JSON: {} more changes", compared.shape_left_out));
    }
    lines
}

fn list(values: &BTreeSet<String>) -> String {
    if values.is_empty() {
        return "missing".to_owned();
    }
    let told = |v: &String| match v.as_str() {
        "" => "empty".to_owned(),
        v => v.to_owned(),
    };
    let all: Vec<String> = values.iter().map(told).collect();
    all.join(" or ")
}

fn one_sided(out: &mut String, captures: &Captures, change: Change) {
    let all = captures.endpoints.iter().filter(|c| c.change == change);
    let all: Vec<&Compared> = all.collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n  {} {}", all.len(), change.words());
    for compared in all.iter().take(ONE_SIDED_MAX) {
        let _ = writeln!(out, "            {}", name(compared));
    }
    if all.len() > ONE_SIDED_MAX {
        let _ = writeln!(out, "            and {} more", all.len() - ONE_SIDED_MAX);
    }
}

fn summary(captures: &Captures) -> String {
    let regressions = captures.regressions();
    let mut facts = vec![match regressions {
        0 => "nothing got worse".to_owned(),
        1 => "1 regression".to_owned(),
        n => format!("{n} regressions"),
    }];
    for change in [
        Change::NewlyAllowed,
        Change::CauseChanged,
        Change::OutcomeChanged,
        Change::AlsoChanged,
        Change::Same,
    ] {
        let count = captures.count(change);
        if count > 0 {
            facts.push(format!("{count} {}", change.words()));
        }
    }
    let sign = if regressions > 0 { "✖" } else { "✔" };
    let mut text = format!("{sign} {}\n", facts.join(", "));
    let left_out: u64 = captures.left_out.iter().sum();
    if left_out > 0 {
        let _ = writeln!(
            text,
            "  {left_out} requests to further endpoints were not compared"
        );
    }
    text
}
