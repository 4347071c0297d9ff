//! A capture as a HAR, read and written exchange by exchange.

use std::io::Write;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{body, hide};
use crate::cli::capture;
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Fetch, FetchId, Role};
use crate::har::{About, HarWriter, Item, Unsent};
use crate::report::{self, Redacted, Servers};
use crate::session::Reader;
use crate::wire::{ExchangeId, Message, Redactor, Side, Timestamp};

/// Messages of a WebSocket read at a time.
const MESSAGES_AT_ONCE: usize = 256;
/// Rows looked at under one lock.
const ROWS_AT_ONCE: usize = 1024;

/// Writes all of a capture, or one fetch of it; says how many entries came out.
pub(in crate::cli) fn write(
    reader: &Reader,
    only: Option<&[FetchId]>,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> Result<u64> {
    let rows = Rows::of(reader, only);
    let redacted = Redacted::new(reader, redactor);
    let name = reader.name();
    let started = rows
        .list
        .first()
        .and_then(|row| reader.exchange(row.exchange));
    let about = About {
        title: &name,
        started: started.map_or(Timestamp(0), |exchange| exchange.opened_at),
    };
    let mut writer = HarWriter::new(out, &about, redactor)?;
    for row in &rows.list {
        let Some(exchange) = reader.exchange(row.exchange) else {
            continue;
        };
        let fetch = row.fetch.and_then(|id| reader.fetch(id));
        if row.unsent {
            let Some(diagnosis) = row
                .fetch
                .and_then(|id| reader.diagnosis_from(id, &redacted))
            else {
                continue;
            };
            writer.unsent(&Unsent {
                at: exchange.opened_at,
                method: &diagnosis.method,
                url: &exchange.request.url,
                headers: known_headers(&exchange.request.headers),
                notes: notes(&diagnosis, &redacted, redactor, &rows),
            })?;
            continue;
        }
        let mut notes = json!({});
        if let Some(fetch) = &fetch {
            if rows.tells(fetch) == Some(row.exchange)
                && let Some(diagnosis) = reader.diagnosis_from(fetch.id, &redacted)
            {
                notes = self::notes(&diagnosis, &redacted, redactor, &rows);
            }
            notes["fetch"] = fetch.id.0.into();
            let role = fetch
                .members
                .iter()
                .find(|m| m.exchange == Some(row.exchange));
            notes["role"] = role.map(|m| m.role.name()).into();
        }
        let id = row.exchange;
        let request_body = body(reader, id, Side::Request, exchange.request_body.kept_bytes)?;
        let response_body = body(
            reader,
            id,
            Side::Response,
            exchange.response_body.kept_bytes,
        )?;
        let mut kind = "other";
        reader.rows(&[id], &mut |row| {
            kind = row.type_;
        });
        writer.exchange(Item {
            exchange: &exchange,
            request_body: &request_body,
            response_body: &response_body,
            messages: Box::new(messages(reader, id)),
            kind,
            notes,
        })?;
    }
    writer.finish().context("the HAR cannot be finished")
}

fn messages(reader: &Reader, id: ExchangeId) -> impl Iterator<Item = Message> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let some = reader.numbered_messages(id, from, MESSAGES_AT_ONCE);
        from = some.last()?.0 + 1;
        Some(some)
    })
    .flatten()
    .map(|(_, message)| message)
}

/// What lies where in the file.
struct Rows {
    list: Vec<Place>,
    servers: Servers,
}

#[derive(Clone, Copy)]
struct Place {
    exchange: ExchangeId,
    fetch: Option<FetchId>,
    /// The row of a request that was never sent, before its preflight, which is `exchange`.
    unsent: bool,
}

impl Rows {
    fn of(reader: &Reader, only: Option<&[FetchId]>) -> Self {
        let mut ids: Vec<ExchangeId> = Vec::new();
        if let Some(only) = only {
            let fetches = only.iter().filter_map(|id| reader.fetch(*id));
            fetches.for_each(|fetch| ids.extend(fetch.exchanges()));
        } else {
            let first = reader.first_id().0;
            let end = first + reader.len() as u64;
            for from in (first..end).step_by(ROWS_AT_ONCE) {
                reader.scan(ExchangeId(from), ROWS_AT_ONCE, &mut |row| ids.push(row.id));
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let mut rows = Self {
            list: Vec::with_capacity(ids.len()),
            servers: capture::servers(reader),
        };
        for exchange in ids {
            let fetch = reader.fetch_of(exchange);
            let whole = fetch.and_then(|id| reader.fetch(id));
            let place = Place {
                exchange,
                fetch,
                unsent: false,
            };
            // Where it is not known, or the page went away, there is no row.
            let mut outcome = Outcome::default();
            reader.rows(&[exchange], &mut |row| outcome = row.mark.outcome);
            let blocked = outcome == Outcome::Blocked;
            if blocked && whole.is_some_and(|fetch| has_unsent(&fetch, exchange)) {
                rows.list.push(Place {
                    unsent: true,
                    ..place
                });
            }
            rows.list.push(place);
        }
        rows
    }

    /// Which entry an exchange becomes. They stand in the order of exchanges, a row that was never
    /// sent before its preflight.
    fn entry(&self, id: ExchangeId) -> Option<usize> {
        let at = self.list.partition_point(|place| place.exchange < id);
        let at = at + usize::from(self.list.get(at)?.unsent);
        let place = self.list.get(at)?;
        (place.exchange == id && !place.unsent).then_some(at)
    }

    /// The exchange whose entry holds the diagnosis: the last that was sent, unless the row of the
    /// request that was not sent has it.
    fn tells(&self, fetch: &Fetch) -> Option<ExchangeId> {
        let last = fetch.members.iter().rev().find_map(|m| m.exchange)?;
        let before = self.entry(last)?.checked_sub(1);
        let before = before.and_then(|index| self.list.get(index));
        let has_row = before.is_some_and(|place| place.unsent && place.exchange == last);
        (!has_row).then_some(last)
    }
}

/// Whether this exchange is the preflight of a request that was never sent.
fn has_unsent(fetch: &Fetch, preflight: ExchangeId) -> bool {
    matches!(
        &fetch.members[..],
        [first, second, ..]
            if first.role == Role::Preflight
                && first.exchange == Some(preflight)
                && second.never_sent
                && second.exchange.is_none()
    )
}

/// What a browser would have sent as it sent the preflight.
fn known_headers(preflight: &crate::wire::HeaderList) -> Vec<(String, String)> {
    const SAME: [&str; 5] = [
        "origin",
        "referer",
        "user-agent",
        "sec-fetch-site",
        "sec-fetch-mode",
    ];
    let fields = preflight
        .iter()
        .filter(|field| SAME.iter().any(|name| field.is(name)));
    fields
        .map(|field| (field.name.to_owned(), field.text()))
        .collect()
}

// The contract's JSON, exchanges named by their entries in this file.
fn notes(
    diagnosis: &Diagnosis,
    redacted: &Redacted<'_>,
    redactor: &Redactor,
    rows: &Rows,
) -> Value {
    let mut told = report::fetch_to_json(diagnosis, &rows.servers, redacted);
    hide::evidence(&mut told, redactor);
    renumber(&mut told, rows);
    json!({"fetch": diagnosis.fetch.id.0, "diagnosis": told})
}

fn renumber(value: &mut Value, rows: &Rows) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| renumber(item, rows)),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "entry" {
                    let known = member.as_u64().and_then(|id| rows.entry(ExchangeId(id)));
                    *member = known.into();
                } else {
                    renumber(member, rows);
                }
            }
        }
        _ => {}
    }
}
