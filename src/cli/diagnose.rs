//! `diagnose`: what a finished capture shows, printed.

use anyhow::Result;

use super::args::{DiagnoseArgs, Format};
use super::exit::Exit;
use super::{input, output};
use crate::cors::Outcome;
use crate::diagnose::Diagnosis;
use crate::fix;
use crate::report::{self, Explanation, Servers, Summary};
use crate::session::Reader;

pub(super) fn run(args: &DiagnoseArgs) -> Result<Exit> {
    let loaded = input::load(&args.file, args.browser.map(Into::into))?;
    for reason in &loaded.skipped {
        output::say(&format!("Note: {reason}"));
    }
    print(&loaded.reader, loaded.skipped.len(), args.format)
}

/// Prints every verdict. `skipped` is how many entries could not be read at all.
pub(super) fn print(reader: &Reader, skipped: usize, format: Format) -> Result<Exit> {
    let fetches = reader.fetches();
    let diagnoses: Vec<Diagnosis> = fetches
        .iter()
        .filter_map(|id| reader.diagnosis(*id))
        .collect();
    match format {
        Format::Json => output::data(&format!(
            "{}\n",
            report::to_json(&diagnoses, reader, skipped).trim_end()
        ))?,
        Format::Ndjson => {
            let servers = Servers::of(&diagnoses, reader);
            for diagnosis in &diagnoses {
                output::data(&format!(
                    "{}\n",
                    report::fetch_to_json(diagnosis, &servers, reader)
                ))?;
            }
        }
        Format::Text => {
            let servers = Servers::of(&diagnoses, reader);
            let explanations: Vec<Explanation> = diagnoses
                .iter()
                .map(|diagnosis| {
                    let fix = fix::suggest(diagnosis, reader);
                    let mending = servers.mending_of(diagnosis, fix.as_ref(), reader);
                    Explanation {
                        mending,
                        ..report::explain(diagnosis, fix.as_ref(), reader)
                    }
                })
                .collect();
            let summary = Summary::of(&diagnoses, reader, skipped);
            output::prose(&report::to_text(&explanations, &summary))?;
        }
    }
    let blocked = diagnoses.iter().filter(|d| d.outcome == Outcome::Blocked);
    Ok(Exit::of_blocked(blocked.count() as u64))
}
