//! Two requests side by side: which two, and laying them abreast.

use super::action::Action;
use super::app::{App, Command};
use super::dialog::CompareDialog;
use super::effect::{Effect, Outcome};
use crate::diagnose::Role;
use crate::fix;
use crate::report::{self, Abreast, Body, One};
use crate::session::Reader;
use crate::wire::{Exchange, ExchangeId, Side, decode_body};

/// How much of a body is compared, in bytes, content coding off.
const BODY_BYTES_MAX: usize = 2 << 20;

/// Which two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one on the left.
    pub before: ExchangeId,
    /// The one on the right.
    pub after: ExchangeId,
}

/// Two requests laid abreast; opaque to everybody else.
#[derive(Debug)]
pub struct Paired {
    pub(crate) pair: Pair,
    pub(crate) abreast: Abreast,
}

impl App {
    /// Compares the selected request with the marked one; marks it if there is none.
    pub(super) fn compare(&mut self, commands: &mut Vec<Command>) {
        let Some(here) = self.list.selected_entry().map(|entry| entry.head) else {
            return;
        };
        let notes = &self.list.entries.notes;
        let other = |id: &ExchangeId| *id != here && notes.get(*id).is_some();
        let marked = self.marked_last.filter(other);
        let repeated = || {
            let loaded = self.pane.loaded.as_ref()?;
            let (of, ..) = loaded.repeats.as_ref()?;
            (loaded.exchange.id == here).then_some(*of)
        };
        let before = marked
            .or_else(|| notes.marked().filter(other).last())
            .or_else(repeated);
        if let Some(before) = before {
            let pair = Pair {
                before,
                after: here,
            };
            // What was said before hides the keys.
            self.notice = None;
            self.open_dialog(Box::new(CompareDialog::new(pair)));
            commands.push(Command::Perform(Effect::Compare(pair)));
            return;
        }
        self.note(here, Some(String::new()), commands);
        let key = self.keys.label(Action::Compare);
        self.say(format!(
            "{here} is marked: choose another request and press {key} again"
        ));
    }

    /// Marks an exchange with a comment (or an empty one), or takes both away; the session keeps it.
    pub(super) fn note(
        &mut self,
        exchange: ExchangeId,
        note: Option<String>,
        commands: &mut Vec<Command>,
    ) {
        if note.is_some() {
            self.marked_last = Some(exchange);
        }
        let keep = Effect::KeepNote(exchange, note.clone());
        commands.push(Command::Perform(keep));
        self.list.entries.note(&self.reader, exchange, note);
    }
}

/// One of the two, read from the session.
struct Half {
    exchange: std::sync::Arc<Exchange>,
    preflight: Option<std::sync::Arc<Exchange>>,
    diagnosis: Option<crate::diagnose::Diagnosis>,
    headline: Option<String>,
    request_body: Body,
    response_body: Body,
}

impl Half {
    fn read(reader: &Reader, id: ExchangeId) -> Option<Self> {
        let exchange = reader.exchange(id)?;
        let fetch = reader.fetch_of(id);
        let members = fetch.and_then(|id| reader.fetch(id)).map(|f| f.members);
        let preflight = members.iter().flatten().rev().find_map(|m| {
            let of = m.exchange.filter(|_| m.role == Role::Preflight)?;
            (of <= id || exchange.request.is_preflight()).then_some(of)
        });
        let preflight = preflight.and_then(|id| reader.exchange(id));
        let diagnosis = fetch.and_then(|id| reader.diagnosis(id));
        let headline = diagnosis.as_ref().map(|diagnosis| {
            let fix = fix::suggest(diagnosis, reader);
            report::explain(diagnosis, fix.as_ref(), reader).headline
        });
        Some(Self {
            preflight,
            diagnosis,
            headline,
            request_body: body(reader, &exchange, Side::Request),
            response_body: body(reader, &exchange, Side::Response),
            exchange,
        })
    }

    fn one(&self) -> One<'_> {
        One {
            exchange: &self.exchange,
            preflight: self.preflight.as_deref(),
            diagnosis: self.diagnosis.as_ref(),
            headline: self.headline.as_deref(),
            request_body: &self.request_body,
            response_body: &self.response_body,
        }
    }
}

fn body(reader: &Reader, exchange: &Exchange, side: Side) -> Body {
    let (facts, headers) = match side {
        Side::Request => (&exchange.request_body, Some(&exchange.request.headers)),
        Side::Response => (
            &exchange.response_body,
            exchange.response.as_ref().map(|r| &r.headers),
        ),
    };
    let raw = reader
        .body(exchange.id, side, 0, BODY_BYTES_MAX)
        .unwrap_or_default();
    let cut = facts.is_truncated() || facts.kept_bytes > raw.len() as u64;
    match headers {
        Some(headers) => {
            let decoded = decode_body(headers, &raw, BODY_BYTES_MAX);
            Body {
                cut: cut || decoded.cut,
                bytes: decoded.bytes,
            }
        }
        None => Body { bytes: raw, cut },
    }
}

/// Lays two requests abreast. Reads the disk.
pub(super) fn lay(reader: &Reader, pair: Pair) -> Outcome {
    let (before, after) = (
        Half::read(reader, pair.before),
        Half::read(reader, pair.after),
    );
    let (Some(before), Some(after)) = (before, after) else {
        return Outcome::Notice("one of the two cannot be read from the session".to_owned());
    };
    let abreast = report::abreast(&before.one(), &after.one());
    Outcome::Compared(Box::new(Paired { pair, abreast }))
}
