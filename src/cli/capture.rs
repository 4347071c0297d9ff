//! A whole capture of any size, looked at fetch by fetch: only what rows remember is in memory.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use crate::cors::Outcome;
use crate::diagnose::Role;
use crate::report::{self, JSON_TAIL, Servers, Summary};
use crate::session::Reader;
use crate::wire::{ExchangeId, json_escaped};

/// Rows looked at under one lock.
const ROWS_AT_ONCE: usize = 1_024;

/// The counts of a capture, as its rows have them.
pub(super) fn summary(reader: &Reader, skipped: usize) -> Summary {
    let mut summary = Summary {
        skipped,
        ..Summary::default()
    };
    for id in reader.fetches() {
        let Some(fetch) = reader.fetch(id) else {
            continue;
        };
        let sent: Vec<ExchangeId> = fetch.exchanges().collect();
        let mut outcome = Outcome::default();
        let mut durations: HashMap<ExchangeId, u64> = HashMap::new();
        reader.rows(&sent, &mut |row| {
            outcome = row.mark.outcome;
            durations.insert(row.id, row.duration_micros.unwrap_or(0));
        });
        summary.fetches += 1;
        summary.exchanges += sent.len();
        summary.blocked += usize::from(outcome == Outcome::Blocked);
        summary.depends += usize::from(outcome == Outcome::Depends);
        summary.failed += usize::from(outcome == Outcome::Failed);
        summary.opaque += usize::from(outcome == Outcome::Opaque);
        let members = fetch.members.iter();
        let preflights = members.filter(|member| member.role == Role::Preflight);
        for preflight in preflights.filter_map(|member| member.exchange) {
            summary.preflights += 1;
            summary.preflight_micros += durations.get(&preflight).copied().unwrap_or(0);
        }
    }
    summary
}

/// What a capture tells of its servers. Of each only so many exchanges are looked at.
pub(super) fn servers(reader: &Reader) -> Servers {
    let mut of_origin: HashMap<String, usize> = HashMap::new();
    let mut wanted = Vec::new();
    let first = reader.first_id().0;
    for from in (first..first + reader.len() as u64).step_by(ROWS_AT_ONCE) {
        reader.scan(ExchangeId(from), ROWS_AT_ONCE, &mut |row| {
            let known = match of_origin.get_mut(row.origin_text) {
                Some(known) => known,
                None => of_origin.entry(row.origin_text.to_owned()).or_default(),
            };
            if *known < Servers::EXCHANGES_MAX {
                *known += 1;
                wanted.push(row.id);
            }
        });
    }
    Servers::of_exchanges(wanted, reader)
}

/// Writes the document of the contract, value by value.
pub(super) fn write_json(
    out: &mut dyn Write,
    summary: &Summary,
    fetches: impl Iterator<Item = Value>,
) -> Result<()> {
    out.write_all(report::json_head(summary).as_bytes())?;
    for (index, fetch) in fetches.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}{}", json_escaped(&fetch.to_string()))?;
    }
    writeln!(out, "{JSON_TAIL}")?;
    Ok(())
}
