//! What the copy keys copy.

use ring::rand::{SecureRandom, SystemRandom};

use super::app::{App, Command};
use super::effect::{Effect, Outcome};
use super::pane::Tab;
use super::view;
use crate::diagnose::FetchId;
use crate::report::{self, FixLine, Quoting, Redacted, Servers};
use crate::session::Reader;
use crate::wire::{ExchangeId, RedactOptions, Redactor, Side};

/// How much of a request's body goes into a command, in bytes: more no shell takes.
const BODY_BYTES_MAX: usize = 64 << 10;

impl App {
    /// The header lines of the fix where the verdict is shown and has some; else what is shown.
    pub(super) fn copy(&mut self, commands: &mut Vec<Command>) {
        let verdict = self.pane.tab == Tab::Verdict;
        let loaded = self.pane.loaded.as_ref();
        let told = loaded.and_then(|l| l.explanation.as_ref());
        let lines = told.map(|told| header_lines(&told.fix)).unwrap_or_default();
        if verdict && !lines.is_empty() {
            commands.push(Command::Copy(lines, "the header lines of the fix"));
        } else if let Some(text) = view::pane_text(self) {
            commands.push(Command::Copy(text, "what this tab shows"));
        }
    }

    pub(super) fn copy_curl(&mut self, commands: &mut Vec<Command>) {
        if let Some(id) = self.list.selected_exchange(&self.reader) {
            commands.push(Command::Perform(Effect::Curl(id)));
        }
    }

    pub(super) fn copy_brief(&mut self, commands: &mut Vec<Command>) {
        match self.list.selected_entry().and_then(|entry| entry.fetch) {
            Some(fetch) => commands.push(Command::Perform(Effect::Brief(fetch))),
            None => self.say("this was not judged, so there is nothing to brief about".to_owned()),
        }
    }
}

/// The lines to be added, each block under a comment that says where it goes.
fn header_lines(fix: &[FixLine]) -> String {
    let mut blocks: Vec<(String, Vec<&str>)> = Vec::new();
    for line in fix {
        match line {
            FixLine::Step(step) => blocks.push((step.clone(), Vec::new())),
            FixLine::Add(text) => match blocks.last_mut() {
                Some((_, lines)) => lines.push(text),
                None => blocks.push((String::new(), vec![text])),
            },
            FixLine::Remove(_) => {}
        }
    }
    blocks.retain(|(_, lines)| !lines.is_empty());
    if let [(_, lines)] = &blocks[..] {
        return lines.join("\n");
    }
    let block = |(step, lines): &(String, Vec<&str>)| format!("# {step}\n{}", lines.join("\n"));
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// A request as a curl command. Reads the disk.
pub(super) fn curl(reader: &Reader, id: ExchangeId) -> Outcome {
    let Some(exchange) = reader.exchange(id) else {
        return Outcome::Notice(format!("{id} cannot be read from the session"));
    };
    let body = match reader.body(id, Side::Request, 0, BODY_BYTES_MAX) {
        Ok(body) => body,
        Err(error) => return Outcome::Notice(format!("the body cannot be read: {error}")),
    };
    let copied = report::curl(&exchange, &body, Quoting::of_this_system());
    let what = match copied.note {
        Some(_) => "a curl command, with only part of the body as it was sent",
        None => "a curl command",
    };
    Outcome::Copy(copied.text, what)
}

/// A brief without the secrets that everybody has. Reads the disk.
pub(super) fn plain_brief(reader: &Reader, id: FetchId) -> Outcome {
    let mut options = RedactOptions::default();
    let random = SystemRandom::new().fill(&mut options.key);
    match (random, Redactor::new(&options)) {
        (Ok(()), Ok(redactor)) => brief(reader, id, &redactor),
        _ => Outcome::Notice("the secrets cannot be taken out, so nothing is copied".to_owned()),
    }
}

/// What [`Effect::Brief`] copies: a brief without what this redactor hides. Reads the disk.
pub fn brief(reader: &Reader, id: FetchId, redactor: &Redactor) -> Outcome {
    let redacted = Redacted::new(reader, redactor);
    let Some(diagnosis) = reader.diagnosis_from(id, &redacted) else {
        return Outcome::Notice(
            "this was not judged, so there is nothing to brief about".to_owned(),
        );
    };
    let all = reader.fetches();
    let newest = all.iter().rev().take(SIBLINGS_MAX);
    let ids = newest.filter_map(|id| reader.fetch(*id));
    let ids: Vec<ExchangeId> = ids
        .flat_map(|fetch| fetch.exchanges().collect::<Vec<_>>())
        .collect();
    let servers = Servers::of_exchanges(ids, &redacted);
    let text = report::handover(&diagnosis, &redacted, &servers);
    Outcome::Copy(text, "a brief, without secrets,")
}

/// How many fetches are looked at to recognise the server.
const SIBLINGS_MAX: usize = 400;
