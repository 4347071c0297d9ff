//! How the checklist is printed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Item;
use crate::diagnose::Severity;
use crate::wire::Origin;

pub(super) fn text(url: &str, items: &[Item]) -> String {
    let mut out = format!("Audit of {url}\n\n");
    for item in items {
        let (glyph, word) = match item.severity {
            _ if item.unseen => ("·", ""),
            None => ("✔", ""),
            Some(Severity::Info) => ("·", "info"),
            Some(Severity::Warn) => ("⚠", "warn"),
            Some(Severity::Risk) => ("✖", "RISK"),
            Some(Severity::Error) => ("✖", "ERROR"),
        };
        let _ = writeln!(out, "{glyph} {:<34}{word:<6} {}", item.id, item.said);
        if item.severity >= Some(Severity::Warn) {
            let _ = writeln!(out, "  {:<40} → {}", "", item.advice);
        }
    }
    let count = |severity| {
        items
            .iter()
            .filter(|i| i.severity == Some(severity))
            .count()
    };
    let _ = writeln!(
        out,
        "\n{} points: {} errors, {} risks, {} warnings.",
        items.len(),
        count(Severity::Error),
        count(Severity::Risk),
        count(Severity::Warn)
    );
    out
}

pub(super) fn document(url: &str, origins: &[Origin], items: &[Item]) -> Value {
    let all: Vec<Value> = items
        .iter()
        .map(|item| {
            let status = match item.severity {
                _ if item.unseen => "not-observed",
                None => "pass",
                Some(_) => "fail",
            };
            json!({
                "id": item.id,
                "status": status,
                "severity": item.severity.map(Severity::name),
                "origin": item.origin,
                "found": item.said,
                "advice": item.severity.map(|_| item.advice),
            })
        })
        .collect();
    json!({
        "schema": "corscope/audit/1",
        "url": url,
        "origins": origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "items": all,
    })
}
