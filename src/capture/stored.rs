//! What lies in the tables, as values.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use zstd::bulk::Decompressor;

use super::batch::{Heard, PIECE_BYTES_MAX};
use super::schema::{
    PIECES_MAX, V1_VERSION, kind_from_name, patch_from_text, piece_id, version_from_number,
};
use crate::wire::{
    BodyFacts, Client, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList,
    Replay, RequestHead, ResponseHead, Side, Source, Timestamp, Timings, Upstream,
};

/// What every version has of an exchange.
const EXCHANGE_COLUMNS: &str = "id, source, replay_of, kind, opened_at, answered_micros, \
    closed_micros, method, url, request_version, request_head, request_bytes, request_kept, status, \
    reason, response_version, response_head, response_bytes, response_kept, trailers, patch, \"end\", \
    failure_stage, failure_kind, failure, client_connection, client_address, server_connection, \
    server_address, server_reused, server_tls, server_insecure, queued_micros, dns_micros, \
    connect_micros, tls_micros, send_micros, wait_micros, receive_micros, heard_opened, \
    heard_answered, heard_closed";

/// How a file is laid out, by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Each piece of a body has its bytes.
    V1,
    /// Pieces refer to contents.
    V2,
}

impl Layout {
    /// The layout this program writes.
    pub(super) const NEWEST: Self = Self::V2;

    pub(super) fn of_version(version: i64) -> Self {
        if version <= V1_VERSION {
            Self::V1
        } else {
            Self::V2
        }
    }

    /// What [`stored`] expects.
    pub(super) fn exchange_columns(self) -> String {
        let told = match self {
            Self::V1 => "NULL",
            Self::V2 => "told",
        };
        format!("{EXCHANGE_COLUMNS}, {told}")
    }

    fn pieces(self) -> &'static str {
        match self {
            Self::V1 => {
                "SELECT start, length, zstd, bytes FROM body \
                 WHERE id BETWEEN ?1 AND ?2 AND start + length > ?3 ORDER BY id"
            }
            Self::V2 => {
                "SELECT body.start, body.length, content.zstd, content.bytes \
                 FROM body JOIN content ON content.id = body.content \
                 WHERE body.id BETWEEN ?1 AND ?2 AND body.start + body.length > ?3 ORDER BY body.id"
            }
        }
    }
}

/// An exchange whose heads are still to be looked up.
pub(super) struct Stored {
    pub(super) exchange: Exchange,
    pub(super) heard: Heard,
    pub(super) request_head: i64,
    pub(super) response_head: Option<i64>,
    pub(super) trailers: Option<i64>,
}

/// An exchange from its row.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let opened_at = Timestamp(row.get(4)?);
    let moment =
        |after: Option<i64>| after.map(|after| Timestamp(opened_at.0.saturating_add(after)));
    let micros = |column| row.get::<_, Option<i64>>(column).map(|m| m.map(unsigned));
    let text = |column| row.get::<_, Option<String>>(column);
    let address = |column| -> rusqlite::Result<Option<SocketAddr>> {
        let text: Option<String> = row.get(column)?;
        Ok(text.and_then(|text| text.parse().ok()))
    };
    let response = match row.get::<_, Option<u16>>(13)? {
        Some(status) => Some(ResponseHead {
            status,
            reason: text(14)?,
            version: version_from_number(row.get::<_, Option<i64>>(15)?.unwrap_or(11)),
            headers: Arc::default(),
        }),
        None => None,
    };
    let upstream = match row.get::<_, Option<i64>>(27)? {
        Some(connection) => Some(Upstream {
            connection: unsigned(connection),
            addr: address(28)?,
            reused: row.get::<_, Option<bool>>(29)?.unwrap_or(false),
            tls: text(30)?,
            insecure: row.get::<_, Option<bool>>(31)?.unwrap_or(false),
        }),
        None => None,
    };
    let replay = |include| -> rusqlite::Result<Source> {
        let of = micros(2)?.map(ExchangeId);
        Ok(Source::Replay(Replay { of, include }))
    };
    let exchange = Exchange {
        id: ExchangeId(unsigned(row.get(0)?)),
        source: match row.get_ref(1)?.as_str()? {
            "har" => Source::Har,
            "browser" => Source::Browser,
            "replay" => replay(None)?,
            "replay-include" => replay(Some(true))?,
            "replay-not-include" => replay(Some(false))?,
            _ => Source::Proxy,
        },
        kind: kind_from_name(row.get_ref(3)?.as_str()?),
        opened_at,
        answered_at: moment(row.get(5)?),
        closed_at: moment(row.get(6)?),
        client: Client {
            connection: unsigned(row.get(25)?),
            addr: address(26)?,
        },
        upstream,
        request: RequestHead {
            method: row.get(7)?,
            url: row.get(8)?,
            version: version_from_number(row.get(9)?),
            headers: Arc::default(),
        },
        request_body: body_facts(row, 11)?,
        response,
        response_body: body_facts(row, 17)?,
        trailers: HeaderList::new(),
        patch: text(20)?.map(|text| patch_from_text(&text)),
        timings: Timings {
            queued: micros(32)?,
            dns: micros(33)?,
            connect: micros(34)?,
            tls: micros(35)?,
            send: micros(36)?,
            wait: micros(37)?,
            receive: micros(38)?,
        },
        end: end(row)?,
        told: text(42)?,
    };
    let opened = unsigned(row.get(39)?);
    let heard = |after: Option<u64>| after.map(|after| opened.saturating_add(after));
    Ok(Stored {
        exchange,
        heard: Heard {
            opened,
            answered: heard(micros(40)?),
            closed: heard(micros(41)?),
        },
        request_head: row.get(10)?,
        response_head: row.get(16)?,
        trailers: row.get(19)?,
    })
}

fn end(row: &Row<'_>) -> rusqlite::Result<End> {
    let name = |column| -> rusqlite::Result<&str> {
        let value = row.get_ref(column)?;
        Ok(if value == ValueRef::Null {
            ""
        } else {
            value.as_str()?
        })
    };
    Ok(match name(21)? {
        "open" => End::Open,
        "complete" => End::Complete,
        "failed" => End::Failed(Failure {
            stage: FailureStage::from_name(name(22)?).unwrap_or(FailureStage::Proxy),
            kind: FailureKind::from_name(name(23)?).unwrap_or(FailureKind::Other),
            detail: row.get::<_, Option<String>>(24)?.unwrap_or_default(),
        }),
        _ => End::Aborted,
    })
}

fn body_facts(row: &Row<'_>, column: usize) -> rusqlite::Result<BodyFacts> {
    Ok(BodyFacts {
        seen_bytes: unsigned(row.get(column)?),
        kept_bytes: unsigned(row.get(column + 1)?),
        excerpt: Bytes::new(),
    })
}

/// Counts are never negative; what a file from elsewhere says may be.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The beginning of a body.
pub(super) fn excerpt(
    connection: &Connection,
    layout: Layout,
    exchange: &Exchange,
    side: Side,
) -> rusqlite::Result<Bytes> {
    let facts = match side {
        Side::Request => &exchange.request_body,
        Side::Response => &exchange.response_body,
    };
    let mut bytes = Vec::new();
    if facts.kept_bytes > 0 {
        let at_most = BodyFacts::EXCERPT_BYTES_MAX;
        read_body(
            connection,
            layout,
            (exchange.id, side),
            0,
            at_most,
            &mut bytes,
        )?;
    }
    Ok(bytes.into())
}

/// The bytes of a zstd frame, at most so many.
fn unpack(stored: &[u8], bytes_max: usize) -> std::io::Result<Vec<u8>> {
    // To make a context costs more than to unpack a small body with it, and a session has many.
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(made) => made,
            none => none.insert(Decompressor::new()?),
        };
        unpacker.decompress(stored, bytes_max)
    })
}

/// Appends bytes of a body.
pub(super) fn read_body(
    connection: &Connection,
    layout: Layout,
    (id, side): (ExchangeId, Side),
    offset: u64,
    at_most: usize,
    out: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(layout.pieces())?;
    let (first, last) = (piece_id(id, side, 0), piece_id(id, side, PIECES_MAX - 1));
    let mut rows = statement.query(params![first, last, offset as i64])?;
    let mut next = offset;
    while out.len() < at_most
        && let Some(row) = rows.next()?
    {
        let start = unsigned(row.get(0)?);
        let length = usize::try_from(unsigned(row.get(1)?)).unwrap_or(usize::MAX);
        // A hole: what follows it is not the next byte.
        if start > next {
            break;
        }
        let stored = row.get_ref(3)?.as_blob()?;
        let skip = usize::try_from(next - start).unwrap_or(usize::MAX);
        let unpacked;
        let piece = if row.get::<_, bool>(2)? {
            unpacked = unpack(stored, length.min(PIECE_BYTES_MAX)).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    3,
                    rusqlite::types::Type::Blob,
                    Box::new(error),
                )
            })?;
            &unpacked[..]
        } else {
            stored
        };
        let rest = piece.get(skip..).unwrap_or_default();
        let taken = &rest[..rest.len().min(at_most - out.len())];
        out.extend_from_slice(taken);
        next += taken.len() as u64;
    }
    Ok(())
}
