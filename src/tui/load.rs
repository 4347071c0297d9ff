//! Performing [`Effect::Load`](super::Effect::Load): reads the session's file, judges, lays bodies
//! out. Blocks; never called where something is drawn.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::body;
use super::compare;
use super::cookies::cookies;
use super::copying;
use super::effect::{Effect, LoadRequest, Loaded, Outcome, Searched};
use super::fix::mend;
use super::search::search;
use super::tables::{self, Table};
use crate::cors::Outcome as Verdict;
use crate::diagnose::Role;
use crate::fix;
use crate::report::{self, Whole};
use crate::session::Reader;
use crate::wire::{Exchange, ExchangeId, HeaderList, Message, Replay, Side, Source};

/// How many of the newest fetches the whole picture is made of.
const PICTURED_MAX: usize = 50_000;
/// How many messages are shown at a time.
pub(super) const MESSAGES_MAX: usize = 1000;

/// Performs an effect that needs nothing but the session; `None` for the others. Blocks, so call it
/// from a thread that may.
pub fn perform(reader: &Reader, effect: &Effect) -> Option<Outcome> {
    match effect {
        Effect::Load(request) => Some(load(reader, *request)),
        Effect::Picture => Some(picture(reader)),
        Effect::Compare(pair) => Some(compare::lay(reader, *pair)),
        Effect::KeepNote(id, note) => Some(keep_note(reader, *id, note.as_deref())),
        Effect::Search(request) => Some(Outcome::Searched(search(reader, request))),
        Effect::Leaf(request) => Some(Outcome::Leaf(Some(Box::new(body::turn(reader, request))))),
        Effect::Mend(fetch) => Some(Outcome::Mended(Box::new(mend(reader, *fetch)))),
        Effect::CopyAs(form, id) => Some(copying::write(reader, *form, *id)),
        Effect::Brief(id) => Some(copying::plain_brief(reader, *id)),
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
        // Neither does a long body, which is read and searched a slice at a time.
        if let Effect::Leaf(request) = effect {
            let (reader, outcomes) = (reader.clone(), outcomes.clone());
            tokio::spawn(async move {
                let read = tokio::task::spawn_blocking(move || body::turn(&reader, &request));
                let _ = outcomes
                    .send(Outcome::Leaf(read.await.ok().map(Box::new)))
                    .await;
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
            Effect::CopyAs(..) | Effect::Compare(_) | Effect::KeepNote(..)
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

fn keep_note(reader: &Reader, id: ExchangeId, note: Option<&str>) -> Outcome {
    Outcome::Noted(match reader.keep_note(id, note) {
        Ok(_) => None,
        Err(error) => Some(format!("kept only until corscope ends: {error}")),
    })
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
    let newest = count.saturating_sub(MESSAGES_MAX);
    let from = request.messages_from.map_or(newest, |n| n.min(newest));
    let messages = if count > 0 {
        reader.numbered_messages(exchange.id, from, MESSAGES_MAX)
    } else {
        Vec::new()
    };
    // In a full session the oldest are gone.
    let messages_before = messages.first().map_or(from, |(number, _)| *number);
    let messages: Vec<Message> = messages.into_iter().map(|(_, message)| message).collect();
    let messages_after = count.saturating_sub(messages_before + messages.len());
    let mut corrected = false;
    reader.rows(&[exchange.id], &mut |row| corrected = row.mark.corrected);
    Outcome::Loaded(Box::new(Loaded {
        request,
        corrected,
        members,
        explanation,
        before,
        trial,
        request_body: body::make(reader, &exchange, Side::Request),
        response_body: body::make(reader, &exchange, Side::Response),
        tokens: tokens(&exchange),
        cookies: cookies(reader, &exchange, diagnosis.as_ref()),
        repeats: repeated(reader, &exchange),
        diagnosis,
        messages,
        messages_before,
        messages_after,
        exchange,
    }))
}

/// What is packed into the headers.
fn tokens(exchange: &Exchange) -> Vec<Table> {
    let none = HeaderList::new();
    let response = exchange.response.as_ref().map_or(&none, |r| &*r.headers);
    tables::of_headers(&[&exchange.request.headers, response], exchange.opened_at)
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
