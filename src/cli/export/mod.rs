//! `export`: papers of a finished capture, for other tools and other people.

mod file;
mod har;
mod hide;

use std::io::Write;

use anyhow::{Context, Result, anyhow};

use super::args::{ExportArgs, Paper};
use super::exit::Exit;
use super::{capture, input, output};
use crate::cors::Credentials;
use crate::diagnose::{Diagnosis, FetchId, Role};
use crate::report::{self, Quoting, Redacted, Summary};
use crate::session::Reader;
use crate::wire::{ExchangeId, Redactor, Side, decode_body, is_treacherous, json_escaped};

pub(super) use file::{Target, write_to};
pub(super) use har::write as write_har;
pub(super) use hide::{evidence as hide_evidence, redactor};

/// Bodies are unfolded up to this size for a command line.
const COMMAND_BODY_BYTES_MAX: usize = 1 << 20;

pub(super) fn run(args: &ExportArgs) -> Result<Exit> {
    let redactor = redactor(&args.hiding, &args.place, Some(&args.file))?;
    let loaded = input::load(&args.file, args.browser.map(Into::into))?;
    for reason in &loaded.skipped {
        output::say(&format!("Note: {reason}"));
    }
    let reader = &loaded.reader;
    let only = args.fetch.map(|number| known(reader, number)).transpose()?;
    let only = only.map(|id| vec![id]);
    let name = args
        .file
        .file_stem()
        .filter(|_| args.file.as_os_str() != "-");
    let order = Order {
        title: name.map_or_else(
            || "stdin".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
        paper: args.to,
        only,
        shell: args.shell.map_or_else(Quoting::of_this_system, Into::into),
        skipped: loaded.skipped.len(),
    };
    let target = args.out.as_deref().map_or(Target::Stdout, Target::New);
    write_to(target, |out| order.write(reader, &redactor, out))?;
    Ok(Exit::Clean)
}

/// What is wanted of a capture.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// What the capture is called.
    pub(super) title: String,
    pub(super) paper: Paper,
    /// These fetches alone.
    pub(super) only: Option<Vec<FetchId>>,
    pub(super) shell: Quoting,
    /// Entries of a file that could not be used.
    pub(super) skipped: usize,
}

impl Order {
    /// Writes it.
    pub(super) fn write(
        &self,
        reader: &Reader,
        redactor: &Redactor,
        out: &mut dyn Write,
    ) -> Result<()> {
        let fetches = self.only.clone().unwrap_or_else(|| reader.fetches());
        let single = match self.only.as_deref() {
            Some([id]) => Some(*id),
            _ => None,
        };
        let redacted = Redacted::new(reader, redactor);
        let servers = || capture::servers(reader);
        let judged = |id: &FetchId| reader.diagnosis_from(*id, &redacted);
        match self.paper {
            Paper::Har => {
                har::write(reader, self.only.as_deref(), redactor, out)?;
            }
            Paper::Md | Paper::Html => {
                let servers = servers();
                let title = match single {
                    Some(id) => format!("{}, fetch {id}", self.title),
                    None => self.title.clone(),
                };
                let title = redactor.text(&title);
                let mut paper = report::Paper::new(&title, redactor.is_on(), self.skipped);
                for diagnosis in fetches.iter().filter_map(judged) {
                    paper.add(&diagnosis, &servers, &redacted, single.is_some());
                }
                let text = match self.paper {
                    Paper::Md => paper.to_markdown(),
                    _ => paper.to_html(),
                };
                out.write_all(text.as_bytes())?;
            }
            Paper::Json => {
                let servers = servers();
                let summary = if self.only.is_none() {
                    capture::summary(reader, self.skipped)
                } else {
                    let some: Vec<Diagnosis> = fetches.iter().filter_map(judged).collect();
                    Summary::of(&some, &redacted, self.skipped)
                };
                let values = fetches.iter().filter_map(judged).map(|diagnosis| {
                    let mut value = report::fetch_to_json(&diagnosis, &servers, &redacted);
                    hide::evidence(&mut value, redactor);
                    value
                });
                capture::write_json(out, &summary, values)?;
            }
            Paper::Ndjson => {
                let servers = servers();
                for diagnosis in fetches.iter().filter_map(judged) {
                    let mut line = report::fetch_to_json(&diagnosis, &servers, &redacted);
                    hide::evidence(&mut line, redactor);
                    writeln!(out, "{}", json_escaped(&line.to_string()))?;
                }
            }
            Paper::Curl | Paper::Httpie | Paper::Fetch | Paper::Powershell => {
                for diagnosis in fetches.iter().filter_map(judged) {
                    self.command(&diagnosis, reader, redactor, out)?;
                }
            }
        }
        Ok(())
    }

    // The request of a fetch, or its preflight where only that was sent.
    fn command(
        &self,
        diagnosis: &Diagnosis,
        reader: &Reader,
        redactor: &Redactor,
        out: &mut dyn Write,
    ) -> Result<()> {
        let members = &diagnosis.fetch.members;
        let sent = members
            .iter()
            .filter(|m| m.role != Role::Preflight)
            .find_map(|m| m.exchange);
        let Some(id) = sent.or_else(|| members.iter().find_map(|m| m.exchange)) else {
            return Ok(());
        };
        let Some(exchange) = reader.exchange(id) else {
            return Ok(());
        };
        let kept = body(reader, id, Side::Request, exchange.request_body.kept_bytes)?;
        let headers = &exchange.request.headers;
        let kept = if redactor.is_on() {
            let decoded = decode_body(headers, &kept, COMMAND_BODY_BYTES_MAX).bytes;
            let kind = headers.get("content-type");
            redactor.body(kind.as_deref(), &decoded).into_bytes()
        } else {
            kept
        };
        let exchange = redactor.exchange(&exchange);
        let include = (diagnosis.credentials == Credentials::Include).then_some("include");
        let copied = match self.paper {
            Paper::Httpie => report::httpie(&exchange, &kept, self.shell),
            Paper::Fetch => report::fetch_js(&exchange, &kept, include),
            Paper::Powershell => report::powershell(&exchange, &kept),
            _ => report::curl(&exchange, &kept, self.shell),
        };
        let comment = match (self.paper, self.shell) {
            (Paper::Fetch, _) => "//",
            (Paper::Curl | Paper::Httpie, Quoting::Cmd) => "rem",
            _ => "#",
        };
        let what = if sent.is_some() {
            ""
        } else {
            " (its preflight; it was never sent)"
        };
        writeln!(
            out,
            "{comment} {} {} {}{what}: {}",
            diagnosis.fetch.id,
            one_line(&diagnosis.method),
            one_line(&redactor.url(&diagnosis.url)),
            diagnosis.outcome.name(),
        )?;
        if let Some(note) = copied.note {
            writeln!(out, "{comment} {note}")?;
        }
        writeln!(out, "{}\n", copied.text)?;
        Ok(())
    }
}

/// All that was kept of a body, as it crossed the wire.
pub(super) fn body(
    reader: &Reader,
    id: ExchangeId,
    side: Side,
    kept_bytes: u64,
) -> Result<Vec<u8>> {
    if kept_bytes == 0 {
        return Ok(Vec::new());
    }
    let at_most = usize::try_from(kept_bytes).unwrap_or(usize::MAX);
    reader
        .body(id, side, 0, at_most)
        .with_context(|| format!("the body of exchange {id} cannot be read"))
}

fn known(reader: &Reader, number: u32) -> Result<FetchId> {
    let id = FetchId(number);
    match reader.fetch(id) {
        Some(_) => Ok(id),
        None => Err(anyhow!(
            "there is no fetch {number}; corscope diagnose FILE --format json lists their ids"
        )),
    }
}

// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !is_treacherous(*c))
        .collect()
}
