//! From a file to events.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::entry::{Body, Entry};
use super::lenient::without_lone_surrogates;
use crate::capture::{ExchangeRecorder, Recorder};
use crate::wire::{Client, ExchangeId, Side, Source, Timestamp, Upstream};

/// A body is handed over in pieces of this size, waiting for room between them.
const PIECE_BYTES: usize = 1 << 20;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HarRead {
    /// Entries in the file, those skipped included.
    pub entries: usize,
    /// Why each skipped entry could not be used: `entry 7: its request has no URL`.
    pub skipped: Vec<String>,
}

/// Why a file is no use as a HAR. One sentence with the next step in it.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// The file could not be read to its end.
    #[error("the file could not be read ({0}); check that it is still there and readable")]
    Io(#[source] io::Error),
    /// It stops in the middle.
    #[error(
        "the file ends too early (line {line}, column {column}): it was cut off; save the HAR again"
    )]
    CutOff {
        /// Where it ends.
        line: usize,
        /// Where it ends.
        column: usize,
    },
    /// It is something else.
    #[error(
        "this is not JSON (line {line}, column {column}: {what}); save the traffic as HAR, for \
         example from the Network tab of the browser's developer tools"
    )]
    NotJson {
        /// Where the first mistake is.
        line: usize,
        /// Where the first mistake is.
        column: usize,
        /// What the parser says about it.
        what: String,
    },
    /// It is JSON, but another kind.
    #[error(
        "this JSON is no HAR: it has no log.entries list; save the traffic as HAR, for example from \
         the Network tab of the browser's developer tools"
    )]
    NoEntries,
}

/// Reads a HAR and tells the recorder of its exchanges, in the order of time. The id of an exchange
/// is the index of its entry. Blocks while the listener is behind: not for async code.
pub fn read(reader: impl Read, recorder: &Recorder) -> Result<HarRead, HarError> {
    let entries = parse(reader)?;
    let mut read = HarRead {
        entries: entries.len(),
        skipped: Vec::new(),
    };
    let mut told: Vec<Option<Entry>> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        told.push(match entry {
            Ok(entry) => entry,
            Err(reason) => {
                read.skipped.push(format!("entry {index}: {reason}"));
                None
            }
        });
    }
    tell(told, recorder);
    Ok(read)
}

fn parse(reader: impl Read) -> Result<Vec<Result<Option<Entry>, String>>, HarError> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    // Some tools on Windows begin with a byte order mark.
    let start = reader.fill_buf().map_err(HarError::Io)?;
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let file: File = serde_json::from_reader(reader).map_err(HarError::of_json)?;
    Ok(file.log.entries.0)
}

impl HarError {
    pub(super) fn of_json(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Io => HarError::Io(error.into()),
            Category::Eof => HarError::CutOff { line, column },
            Category::Syntax => {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                HarError::NotJson {
                    line,
                    column,
                    what: what.to_owned(),
                }
            }
            Category::Data => HarError::NoEntries,
        }
    }
}

#[derive(Deserialize)]
struct File {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Entries,
}

// Each entry is taken as raw text first, so that a mistake in one does not end the file, and
// turned into our nouns before the next is read.
struct Entries(Vec<Result<Option<Entry>, String>>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
                    entries.push(entry(raw.get()));
                }
                Ok(Entries(entries))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Entries, E> {
                Err(E::custom("no entries"))
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

fn entry(json: &str) -> Result<Option<Entry>, String> {
    Entry::parse(json).or_else(|reason| match without_lone_surrogates(json) {
        Some(mended) => Entry::parse(&mended),
        None => Err(reason),
    })
}

/// What happens at a moment; in this order where moments are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Open,
    Answer,
    Close,
}

fn tell(mut entries: Vec<Option<Entry>>, recorder: &Recorder) {
    let moments = moments(&entries);
    let mut steps = Vec::with_capacity(entries.len() * 3);
    for (index, entry) in entries.iter().enumerate() {
        let (Some(entry), Some(at)) = (entry, moments[index]) else {
            continue;
        };
        steps.push((at.open, index, Step::Open));
        if entry.response.is_some() {
            steps.push((at.answer, index, Step::Answer));
        }
        steps.push((at.close, index, Step::Close));
    }
    steps.sort();
    let mut open: HashMap<usize, ExchangeRecorder> = HashMap::new();
    for (at, index, step) in steps {
        recorder.wait_for_room();
        let Some(entry) = &mut entries[index] else {
            continue;
        };
        match step {
            Step::Open => {
                let exchange = open_entry(recorder, index, at, entry);
                open.insert(index, exchange);
            }
            Step::Answer => {
                if let (Some(exchange), Some(head)) = (open.get(&index), entry.response.take()) {
                    exchange.answered_at(at, head, upstream(entry), entry.timings);
                    if let Some(patch) = entry.patch.take() {
                        exchange.patched(patch);
                    }
                }
            }
            Step::Close => {
                let (Some(exchange), Some(entry)) = (open.remove(&index), entries[index].take())
                else {
                    continue;
                };
                close_entry(recorder, &exchange, at, entry);
            }
        }
    }
}

fn open_entry(
    recorder: &Recorder,
    index: usize,
    at: Timestamp,
    entry: &mut Entry,
) -> ExchangeRecorder {
    let client = Client {
        connection: entry.connection,
        addr: None,
    };
    let exchange = recorder.open_as(
        ExchangeId(index as u64),
        Source::Har,
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

#[derive(Clone, Copy)]
struct Moments {
    open: Timestamp,
    answer: Timestamp,
    close: Timestamp,
}

// When each entry opens, is answered and closes. One without a readable start is told at the
// moment of the entry before it.
fn moments(entries: &[Option<Entry>]) -> Vec<Option<Moments>> {
    let mut latest = Timestamp(0);
    let mut moments: Vec<Option<Moments>> = entries
        .iter()
        .map(|entry| {
            let entry = entry.as_ref()?;
            let started = entry.started.unwrap_or(latest);
            latest = started;
            Some(Moments {
                open: started,
                answer: started.plus_micros(entry.answered_micros),
                close: started.plus_micros(entry.total_micros),
            })
        })
        .collect();
    let mut by_url: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(entry) = entry
            && entry.request.is_preflight()
        {
            by_url.entry(&entry.request.url).or_default().push(index);
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let preflights = by_url.get(entry.request.url.as_str());
        let Some(preflights) = preflights.filter(|_| !entry.request.is_preflight()) else {
            continue;
        };
        if entry.may_be_unsent() {
            continue;
        }
        let Some(own) = moments[index] else { continue };
        let sent = own.open.plus_micros(entry.held_micros);
        let within = preflights
            .iter()
            .filter(|at| asks_for(entries[**at].as_ref(), entry))
            .filter_map(|at| moments[*at])
            .filter(|preflight| preflight.open >= own.open && preflight.open < sent)
            .map(|preflight| preflight.close)
            .max();
        if let (Some(preflight_end), Some(own)) = (within, &mut moments[index]) {
            own.open = sent.max(preflight_end.plus_micros(1));
            own.answer = own.answer.max(own.open);
            own.close = own.close.max(own.answer);
        }
    }
    moments
}

fn asks_for(preflight: Option<&Entry>, entry: &Entry) -> bool {
    let Some(preflight) = preflight else {
        return false;
    };
    let asked = &preflight.request.headers;
    let origin = entry.request.headers.get("origin");
    asked.get("access-control-request-method").as_deref() == Some(&entry.request.method)
        && (origin.is_none() || origin == asked.get("origin"))
}
