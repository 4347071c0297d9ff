//! Searching headers and bodies of the whole session, a slice at a time beside the screen. Stopping a
//! search is not asking for the next slice.

use std::time::{Duration, Instant};

use super::effect::{SearchRequest, Searched};
use super::filter::{Deep, DeepTest};
use crate::session::{Reader, RowEnd};
use crate::wire::{Exchange, ExchangeId, HeaderList, Side, decode_body, decode_charset};

/// How long one slice may take.
const SLICE: Duration = Duration::from_millis(60);
/// How much of a body is searched, in bytes, content coding on.
const RAW_BYTES_MAX: usize = 8 << 20;
/// How much of a decoded body is searched, in bytes.
const DECODED_BYTES_MAX: usize = 32 << 20;
/// How many messages of an exchange are read at a time.
const MESSAGES: usize = 256;
/// How many open exchanges are remembered to be looked at again.
const OPEN_MAX: usize = 1024;

/// Looks at a slice. Blocks.
pub(super) fn search(reader: &Reader, request: &SearchRequest) -> Searched {
    let started = Instant::now();
    let mut searched = Searched {
        number: request.number,
        hits: Vec::new(),
        upto: request.from,
        open: Vec::new(),
    };
    for id in &request.again {
        look(reader, *id, &request.tests, &mut searched);
    }
    let end = reader.first_id().0 + reader.len() as u64;
    for id in request.from.0..end {
        look(reader, ExchangeId(id), &request.tests, &mut searched);
        searched.upto = ExchangeId(id + 1);
        if started.elapsed() > SLICE {
            break;
        }
    }
    searched
}

fn look(reader: &Reader, id: ExchangeId, tests: &[DeepTest], searched: &mut Searched) {
    let Some(exchange) = reader.exchange(id) else {
        return;
    };
    let mut open = false;
    reader.rows(&[id], &mut |row| open = row.end == RowEnd::Open);
    if open && searched.open.len() < OPEN_MAX {
        searched.open.push(id);
    }
    let mut bodies: Option<Vec<String>> = None;
    for (n, test) in tests.iter().enumerate() {
        let holds = match test.place {
            Deep::Header => in_headers(&exchange, test),
            Deep::SetCookie => in_cookies(&exchange, test),
            Deep::Body => {
                let bodies = bodies.get_or_insert_with(|| bodies_of(reader, &exchange));
                bodies.iter().any(|text| test.pattern.is_in(text)) || in_messages(reader, id, test)
            }
        };
        if holds {
            searched.hits.push((n, id));
        }
    }
}

fn in_headers(exchange: &Exchange, test: &DeepTest) -> bool {
    let lists = [
        Some(&*exchange.request.headers),
        exchange.response.as_ref().map(|r| &*r.headers),
        Some(&exchange.trailers),
    ];
    let mut lines = lists.into_iter().flatten().flat_map(HeaderList::iter);
    lines.any(|field| {
        let line = format!("{}: {}", field.name, field.text());
        test.pattern.is_in(&line)
    })
}

fn in_cookies(exchange: &Exchange, test: &DeepTest) -> bool {
    let Some(response) = &exchange.response else {
        return false;
    };
    let mut lines = response.headers.all("set-cookie");
    lines.any(|field| test.pattern.is_in(&field.text()))
}

fn bodies_of(reader: &Reader, exchange: &Exchange) -> Vec<String> {
    let response = exchange.response.as_ref();
    let sides = [
        (
            Side::Request,
            &exchange.request_body,
            Some(&*exchange.request.headers),
        ),
        (
            Side::Response,
            &exchange.response_body,
            response.map(|r| &*r.headers),
        ),
    ];
    let mut texts = Vec::new();
    for (side, facts, headers) in sides {
        let Some(headers) = headers.filter(|_| facts.kept_bytes > 0) else {
            continue;
        };
        let Ok(raw) = reader.body(exchange.id, side, 0, RAW_BYTES_MAX) else {
            continue;
        };
        let decoded = decode_body(headers, &raw, DECODED_BYTES_MAX);
        texts.push(decode_charset(headers, &decoded.bytes).0);
    }
    texts
}

fn in_messages(reader: &Reader, id: ExchangeId, test: &DeepTest) -> bool {
    let count = reader.message_count(id) as usize;
    (0..count).step_by(MESSAGES).any(|from| {
        let some = reader.messages(id, from, MESSAGES);
        some.iter()
            .any(|m| test.pattern.is_in(&String::from_utf8_lossy(&m.payload)))
    })
}
