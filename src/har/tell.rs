//! From entries to events, in the order of time.

use std::collections::HashMap;

use bytes::Bytes;

use super::entry::{Body, Entry};
use super::moments::moments;
use super::read::HarError;
use super::shelf::{Shelf, Told};
use crate::capture::{ExchangeRecorder, Recorder};
use crate::wire::{Client, ExchangeId, Side, Timestamp, Upstream};

/// A body is handed over in pieces of this size, waiting for room between them.
const PIECE_BYTES: usize = 1 << 20;

/// What happens at a moment; in this order where moments are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Open,
    Answer,
    Close,
}

/// Tells a recorder what was read, in the order of time; `progress` hears of how many steps how many
/// are done.
pub(super) fn tell(
    mut told: Vec<Option<Told>>,
    mut shelf: Shelf,
    recorder: &Recorder,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), HarError> {
    let moments = moments(&told);
    let mut steps = Vec::with_capacity(told.len() * 3);
    for (index, at) in moments.iter().enumerate() {
        let (Some(told), Some(at)) = (&told[index], at) else {
            continue;
        };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        steps.push((at.open, index, Step::Open));
        if told.brief.answered {
            steps.push((at.answer, index, Step::Answer));
        }
        steps.push((at.close, index, Step::Close));
    }
    drop(moments);
    steps.sort_unstable();
    let mut open: HashMap<u32, ExchangeRecorder> = HashMap::new();
    let all = steps.len();
    for (done, (at, index, step)) in steps.into_iter().enumerate() {
        recorder.wait_for_room();
        progress(done + 1, all);
        let Some(told) = &mut told[index as usize] else {
            continue;
        };
        let mut entry = shelf.take(told).map_err(HarError::Io)?;
        match step {
            Step::Open => {
                let exchange = open_entry(recorder, index, at, &mut entry);
                open.insert(index, exchange);
            }
            Step::Answer => {
                if let (Some(exchange), Some(head)) = (open.get(&index), entry.response.take()) {
                    exchange.answered_at(at, head, upstream(&entry), entry.timings);
                    if let Some(patch) = entry.patch.take() {
                        exchange.patched(patch);
                    }
                }
            }
            Step::Close => {
                if let Some(exchange) = open.remove(&index) {
                    close_entry(recorder, &exchange, at, entry);
                }
                continue;
            }
        }
        Shelf::give_back(told, entry);
    }
    Ok(())
}

fn open_entry(
    recorder: &Recorder,
    index: u32,
    at: Timestamp,
    entry: &mut Entry,
) -> ExchangeRecorder {
    let client = Client {
        connection: entry.connection,
        addr: None,
    };
    let exchange = recorder.open_as(
        ExchangeId(index.into()),
        entry.source,
        entry.kind,
        client,
        entry.request.clone(),
        at,
    );
    let body = std::mem::take(&mut entry.request_body);
    tell_body(recorder, &exchange, Side::Request, body);
    exchange
}

fn close_entry(recorder: &Recorder, exchange: &ExchangeRecorder, at: Timestamp, mut entry: Entry) {
    let body = std::mem::take(&mut entry.response_body);
    tell_body(recorder, exchange, Side::Response, body);
    for message in std::mem::take(&mut entry.messages) {
        recorder.wait_for_room();
        exchange.message(message);
    }
    if let Some(error) = entry.told.take() {
        exchange.told(error);
    }
    if let Some(said) = entry.said.take() {
        recorder.said(exchange.id(), said);
    }
    let upstream = upstream(&entry);
    exchange.close_at(at, entry.end, entry.timings, Some(upstream), None);
}

fn tell_body(recorder: &Recorder, exchange: &ExchangeRecorder, side: Side, body: Body) {
    let Body {
        mut bytes,
        len_bytes,
    } = body;
    let known = bytes.len() as u64;
    while !bytes.is_empty() {
        let piece: Bytes = bytes.split_to(bytes.len().min(PIECE_BYTES));
        recorder.wait_for_room();
        exchange.body(side, piece);
    }
    exchange.passed_unseen(side, len_bytes.saturating_sub(known));
}

fn upstream(entry: &Entry) -> Upstream {
    Upstream {
        connection: entry.connection,
        addr: entry.server,
        ..Upstream::default()
    }
}
