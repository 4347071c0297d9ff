//! Performing [`Effect::Load`](super::Effect::Load): reads the session's file, judges, lays bodies
//! out. Blocks; never called where something is drawn.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::compare;
use super::copying;
use super::effect::{Effect, LoadRequest, Loaded, Outcome, Searched};
use super::fix::mend;
use super::search::search;
use super::text::{Document, hex_document, json_document, looks_like_json, size};
use crate::cors::Outcome as Verdict;
use crate::diagnose::Role;
use crate::fix;
use crate::report::{self, Whole};
use crate::session::Reader;
use crate::wire::{
    BodyFacts, Exchange, ExchangeId, HeaderList, Kind, Replay, Side, Source, decode_body,
    decode_charset,
};

/// How much of a body is read from the session, in bytes, content coding on.
const RAW_BYTES_MAX: usize = 2 << 20;
/// How much of a decoded body is laid out, in bytes.
const SHOWN_BYTES_MAX: usize = 2 << 20;
/// How much of a binary body is laid out, in bytes.
const HEX_BYTES_MAX: usize = 256 << 10;
/// How many of the newest fetches the whole picture is made of.
const PICTURED_MAX: usize = 50_000;
/// How many of the newest messages are shown.
const MESSAGES_MAX: usize = 1000;

/// Performs an effect that needs nothing but the session; `None` for the others. Blocks, so call it
/// from a thread that may.
pub fn perform(reader: &Reader, effect: &Effect) -> Option<Outcome> {
    match effect {
        Effect::Load(request) => Some(load(reader, *request)),
        Effect::Picture => Some(picture(reader)),
        Effect::Compare(pair) => Some(compare::lay(reader, *pair)),
        Effect::Search(request) => Some(Outcome::Searched(search(reader, request))),
        Effect::Mend(fetch) => Some(Outcome::Mended(Box::new(mend(reader, *fetch)))),
        Effect::Curl(id) => Some(copying::curl(reader, *id)),
        Effect::Brief(id) => Some(copying::brief(reader, *id)),
        _ => None,
    }
}

/// Performs effects one after the other until the screen is gone: those of the session itself, on a
/// thread that may block; the others as `other` has it.
pub async fn serve(
    reader: Reader,
    mut effects: mpsc::Receiver<Effect>,
    outcomes: mpsc::Sender<Outcome>,
    mut other: impl FnMut(Effect) -> Option<Outcome>,
) {
    while let Some(effect) = effects.recv().await {
        // A search takes its time; what the pane shows does not wait for it.
        if let Effect::Search(request) = effect {
            let (reader, outcomes) = (reader.clone(), outcomes.clone());
            tokio::spawn(async move {
                let (number, from) = (request.number, request.from);
                let searched = tokio::task::spawn_blocking(move || search(&reader, &request));
                // A fault in one body must not leave the screen waiting for ever.
                let searched = searched.await.unwrap_or(Searched {
                    number,
                    hits: Vec::new(),
                    upto: ExchangeId(from.0 + 1),
                    open: Vec::new(),
                });
                // Nobody waits for it when the screen is gone.
                let _ = outcomes.send(Outcome::Searched(searched)).await;
            });
            continue;
        }
        if effect == Effect::Picture {
            let (reader, outcomes) = (reader.clone(), outcomes.clone());
            tokio::spawn(async move {
                let made = tokio::task::spawn_blocking(move || picture(&reader)).await;
                let lost = || Outcome::Notice("the picture could not be drawn".to_owned());
                let _ = outcomes.send(made.unwrap_or_else(|_| lost())).await;
            });
            continue;
        }
        let outcome = if let Effect::Load(request) = effect {
            let reader = reader.clone();
            let loaded = tokio::task::spawn_blocking(move || load(&reader, request)).await;
            // A fault in laying out one body must not leave the screen waiting for ever.
            let lost = || Outcome::NotLoaded(request, "this could not be laid out".to_owned());
            Some(loaded.unwrap_or_else(|_| lost()))
        } else if let Effect::Mend(fetch) = effect {
            let reader = reader.clone();
            let mended = tokio::task::spawn_blocking(move || mend(&reader, fetch)).await;
            Some(mended.map_or_else(
                |_| Outcome::Notice("the fix could not be worked out".to_owned()),
                |mended| Outcome::Mended(Box::new(mended)),
            ))
        } else if matches!(
            effect,
            Effect::Curl(_) | Effect::Brief(_) | Effect::Compare(_)
        ) {
            let reader = reader.clone();
            let written = tokio::task::spawn_blocking(move || perform(&reader, &effect)).await;
            let lost = || Some(Outcome::Notice("this could not be laid out".to_owned()));
            written.unwrap_or_else(|_| lost())
        } else {
            other(effect)
        };
        if let Some(outcome) = outcome
            && outcomes.send(outcome).await.is_err()
        {
            return;
        }
    }
}

/// Judges every fetch anew: a picture is of what the rules say now.
fn picture(reader: &Reader) -> Outcome {
    let fetches = reader.fetches();
    let left_out = fetches.len().saturating_sub(PICTURED_MAX);
    let mut whole = Whole::default();
    for id in &fetches[left_out..] {
        if let Some(diagnosis) = reader.diagnosis(*id) {
            whole.add(&diagnosis, reader);
        }
    }
    whole.sort();
    Outcome::Picture(Box::new(whole), left_out)
}

fn load(reader: &Reader, request: LoadRequest) -> Outcome {
    let Some(exchange) = reader.exchange(request.exchange) else {
        let sentence = format!("{} cannot be read from the session", request.exchange);
        return Outcome::NotLoaded(request, sentence);
    };
    let fetch = request.fetch.and_then(|id| reader.fetch(id));
    let members = fetch.as_ref().map_or_else(
        || vec![(Role::Actual, Arc::clone(&exchange))],
        |fetch| {
            let known = fetch.members.iter();
            known
                .filter_map(|m| Some((m.role, reader.exchange(m.exchange?)?)))
                .collect()
        },
    );
    let diagnosis = request.fetch.and_then(|id| reader.diagnosis(id));
    let explanation = diagnosis.as_ref().map(|diagnosis| {
        let fix = fix::suggest(diagnosis, reader);
        report::explain(diagnosis, fix.as_ref(), reader)
    });
    let before = request.fetch.and_then(|id| reader.diagnosis_before(id));
    let before =
        before.map(|was| report::explain(&was, fix::suggest(&was, reader).as_ref(), reader));
    let trial = diagnosis.as_ref().map_or_else(
        || Err("this was not judged, so there is no fix to try".to_owned()),
        |diagnosis| fix::trial(diagnosis, reader),
    );
    let count = reader.message_count(exchange.id) as usize;
    let messages_before = count.saturating_sub(MESSAGES_MAX);
    let messages = if count > 0 {
        reader.messages(exchange.id, messages_before, MESSAGES_MAX)
    } else {
        Vec::new()
    };
    let mut corrected = false;
    reader.rows(&[exchange.id], &mut |row| corrected = row.mark.corrected);
    Outcome::Loaded(Box::new(Loaded {
        request,
        corrected,
        members,
        diagnosis,
        explanation,
        before,
        trial,
        request_body: body(reader, &exchange, Side::Request),
        response_body: body(reader, &exchange, Side::Response),
        repeats: repeated(reader, &exchange),
        messages,
        messages_before,
        exchange,
    }))
}

/// What became of the fetch that a replay repeats.
fn repeated(reader: &Reader, exchange: &Exchange) -> Option<(ExchangeId, Verdict, String)> {
    let Source::Replay(Replay { of: Some(of), .. }) = exchange.source else {
        return None;
    };
    let diagnosis = reader.diagnosis(reader.fetch_of(of)?)?;
    let explained = report::explain(&diagnosis, None, reader);
    Some((of, diagnosis.outcome, explained.headline))
}

fn body(reader: &Reader, exchange: &Exchange, side: Side) -> Document {
    let none = HeaderList::new();
    let (facts, headers) = match side {
        Side::Request => (&exchange.request_body, &*exchange.request.headers),
        Side::Response => (
            &exchange.response_body,
            exchange.response.as_ref().map_or(&none, |r| &*r.headers),
        ),
    };
    if facts.kept_bytes == 0 {
        return nothing(exchange, facts);
    }
    let raw = match reader.body(exchange.id, side, 0, RAW_BYTES_MAX) {
        Ok(raw) => raw,
        Err(error) => {
            return Document {
                form: "unreadable",
                lines: Vec::new(),
                notes: vec![format!("the body cannot be read from the session: {error}")],
            };
        }
    };
    let cut_by_us = facts.kept_bytes > raw.len() as u64;
    let decoded = decode_body(headers, &raw, SHOWN_BYTES_MAX);
    let mut document = lay_out(headers, &decoded.bytes);
    let mut notes = Vec::new();
    let coding = headers.get("content-encoding").filter(|c| !c.is_empty());
    if let Some(coding) = coding
        && decoded.fault.is_none()
    {
        let sizes = format!(
            "{} from {}",
            size(decoded.bytes.len() as u64),
            size(facts.seen_bytes)
        );
        notes.push(format!("{coding} taken off: {sizes}"));
    }
    if let Some(fault) = decoded.fault {
        notes.push(fault);
    }
    if facts.is_truncated() {
        let (kept, seen) = (size(facts.kept_bytes), size(facts.seen_bytes));
        notes.push(format!("only {kept} of {seen} were kept"));
    }
    if cut_by_us || (decoded.cut && !facts.is_truncated()) {
        notes.push(format!(
            "the first {} are shown",
            size(decoded.bytes.len() as u64)
        ));
    }
    notes.append(&mut document.notes);
    document.notes = notes;
    document
}

fn nothing(exchange: &Exchange, facts: &BodyFacts) -> Document {
    let mut notes = Vec::new();
    if facts.seen_bytes > 0 {
        notes.push(format!("{} passed, none were kept", size(facts.seen_bytes)));
    } else if exchange.kind == Kind::Tunnel {
        notes.push("passed through unread".to_owned());
    }
    Document {
        form: "no body",
        lines: Vec::new(),
        notes,
    }
}

/// JSON, text or hex: by what the headers say, and by what the bytes look like where those say
/// nothing useful.
fn lay_out(headers: &HeaderList, bytes: &[u8]) -> Document {
    let media = headers
        .first("content-type")
        .map(|f| f.text().to_ascii_lowercase())
        .unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let textual = media.starts_with("text/")
        || media.ends_with("+xml")
        || [
            "javascript",
            "xml",
            "x-www-form-urlencoded",
            "x-ndjson",
            "graphql",
            "sql",
        ]
        .iter()
        .any(|t| {
            media
                .strip_prefix("application/")
                .is_some_and(|m| m.contains(t))
        });
    let json = media.ends_with("/json") || media.ends_with("+json");
    let readable = bytes.len() < 4 || !is_binary(bytes);
    if !(readable || textual || json) {
        let cut = bytes.len().min(HEX_BYTES_MAX);
        let mut document = hex_document(&bytes[..cut]);
        if cut < bytes.len() {
            document
                .notes
                .push(format!("the first {} are shown", size(cut as u64)));
        }
        return document;
    }
    let (text, charset) = decode_charset(headers, bytes);
    // An HTML error page under a JSON type is shown as what it is.
    let mut document = if (json && !text.trim_start().starts_with('<')) || looks_like_json(&text) {
        json_document(&text)
    } else {
        Document::text(&text, "text")
    };
    if json && document.form != "JSON" {
        document
            .notes
            .push(format!("the type says {media}, the content is no JSON"));
    }
    if charset != "UTF-8" {
        document.notes.push(format!("charset {charset}"));
    }
    document
}

/// Bytes no text has, or too much that is no UTF-8.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    if head.contains(&0) {
        return true;
    }
    match std::str::from_utf8(head) {
        Ok(_) => false,
        // The window may end inside a character.
        Err(error) => error.error_len().is_some() || error.valid_up_to() + 4 < head.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(content_type: &str, bytes: &[u8]) -> &'static str {
        lay_out(
            &HeaderList::from_pairs([("content-type", content_type)]),
            bytes,
        )
        .form
    }

    #[test]
    fn the_form_follows_type_and_bytes() {
        assert_eq!(form("application/json", b"{\"a\":1}"), "JSON");
        assert_eq!(form("application/problem+json", b"{}"), "JSON");
        assert_eq!(form("text/plain", b"{\"error\":\"x\"}"), "JSON");
        assert_eq!(form("application/json", b"<!doctype html>"), "text");
        assert_eq!(form("text/html", b"<p>x"), "text");
        assert_eq!(form("image/png", b"\x89PNG\r\n\x1a\n\0\0"), "hex");
        assert_eq!(form("", b"plain words"), "text");
        assert_eq!(form("", b"\xff\xfe\xfd\xfc\xfb"), "hex");
        assert_eq!(form("", "é".repeat(4000).as_bytes()), "text");
    }
}
