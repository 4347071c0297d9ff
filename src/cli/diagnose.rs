//! `diagnose`: what a finished capture shows, printed.

use std::fmt::Write as _;

use anyhow::Result;

use super::args::{DiagnoseArgs, Format};
use super::exit::Exit;
use super::{capture, export, input, output};
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges};
use crate::fix;
use crate::report::{self, Explanation, Redacted, Servers, Summary, TextPaper};
use crate::session::Reader;
use crate::wire::{Redactor, json_escaped};

pub(super) fn run(args: &DiagnoseArgs) -> Result<Exit> {
    let redactor = export::redactor(&args.hiding, &args.place, Some(&args.file))?;
    let loaded = input::load(&args.file, args.browser.map(Into::into))?;
    for reason in &loaded.skipped {
        output::say(&format!("Note: {reason}"));
    }
    print(&loaded.reader, loaded.skipped.len(), args.format, &redactor)
}

/// Prints every verdict, one after the other: a capture may hold more than memory does. `skipped` is
/// how many entries could not be read at all.
pub(super) fn print(
    reader: &Reader,
    skipped: usize,
    format: Format,
    redactor: &Redactor,
) -> Result<Exit> {
    let summary = capture::summary(reader, skipped);
    let servers = capture::servers(reader);
    let redacted = Redacted::new(reader, redactor);
    let fetches = reader.fetches();
    let judged = fetches
        .iter()
        .filter_map(|id| reader.diagnosis_from(*id, &redacted));
    let value = |diagnosis: Diagnosis| {
        let mut value = report::fetch_to_json(&diagnosis, &servers, &redacted);
        export::hide_evidence(&mut value, redactor);
        value
    };
    export::write_to(export::Target::Stdout, |out| {
        match format {
            Format::Text => {
                let mut paper = TextPaper::default();
                for diagnosis in judged {
                    let explanation = explained(&diagnosis, &servers, &redacted);
                    out.write_all(output::tamed(&paper.add(&explanation)).as_bytes())?;
                }
                out.write_all(output::tamed(&TextPaper::end(&summary)).as_bytes())?;
            }
            Format::Json => capture::write_json(out, &summary, judged.map(value))?,
            Format::Ndjson => {
                for line in judged.map(value) {
                    writeln!(out, "{}", json_escaped(&line.to_string()))?;
                }
            }
        }
        Ok(())
    })?;
    Ok(Exit::of_blocked(summary.blocked as u64))
}

fn explained(diagnosis: &Diagnosis, servers: &Servers, exchanges: &dyn Exchanges) -> Explanation {
    let fix = fix::suggest(diagnosis, exchanges);
    let mending = servers.mending_of(diagnosis, fix.as_ref(), exchanges);
    Explanation {
        mending,
        ..report::explain(diagnosis, fix.as_ref(), exchanges)
    }
}

/// Writes verdicts that were [`written`], or something of their kind, to stdout.
pub(super) fn write(text: &str, format: Format) -> Result<()> {
    match format {
        Format::Text => output::prose(text),
        Format::Json | Format::Ndjson => output::data(text),
    }
}

/// Every verdict on a capture, in the order its fetches began, judged from its exchanges without their
/// secrets.
pub(super) fn all(reader: &Reader, redacted: &Redacted<'_>) -> Vec<Diagnosis> {
    let fetches = reader.fetches();
    let judged = fetches
        .iter()
        .filter_map(|id| reader.diagnosis_from(*id, redacted));
    judged.collect()
}

/// Every verdict as it is printed, and the exit status it calls for.
pub(super) fn written(
    diagnoses: &[Diagnosis],
    exchanges: &dyn Exchanges,
    skipped: usize,
    format: Format,
) -> (String, Exit) {
    let text = match format {
        Format::Json => {
            let json = report::to_json(diagnoses, exchanges, skipped);
            format!("{}\n", json.trim_end())
        }
        Format::Ndjson => {
            let servers = Servers::of(diagnoses, exchanges);
            let mut lines = String::new();
            for diagnosis in diagnoses {
                let json = report::fetch_to_json(diagnosis, &servers, exchanges);
                let _ = writeln!(lines, "{}", json_escaped(&json.to_string()));
            }
            lines
        }
        Format::Text => {
            let servers = Servers::of(diagnoses, exchanges);
            let explanations: Vec<Explanation> = diagnoses
                .iter()
                .map(|diagnosis| explained(diagnosis, &servers, exchanges))
                .collect();
            let summary = Summary::of(diagnoses, exchanges, skipped);
            report::to_text(&explanations, &summary)
        }
    };
    let blocked = diagnoses.iter().filter(|d| d.outcome == Outcome::Blocked);
    (text, Exit::of_blocked(blocked.count() as u64))
}
