//! The session file: an SQLite database that `sqlite3` can open as well.
//!
//! Times are microseconds, moments counted from 1970-01-01T00:00:00Z. What is absent is NULL.
//! Verdicts are not stored: they are derived from what was seen.
//!
//! ```sql
//! -- What failed, newest first:
//! SELECT id, method, url, status, "end" FROM exchange WHERE status >= 400 ORDER BY id DESC;
//! -- The headers of number 14 (name:value lines):
//! SELECT fields FROM head JOIN exchange ON head.id = response_head WHERE exchange.id = 14;
//! -- Its response body in pieces, those with zstd = 1 compressed:
//! SELECT start, zstd, bytes FROM body JOIN content ON content.id = body.content
//!   WHERE body.id / 16777216 = 14 * 2 + 1 ORDER BY body.id;
//! ```

use crate::wire::{ExchangeId, HttpVersion, Kind, MessageKind, Patch, Side};

/// `PRAGMA application_id` of every session file: `cors` in ASCII.
pub const APPLICATION_ID: i32 = 0x636f_7273;

/// `PRAGMA user_version` this program writes and reads.
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// The version before equal bodies were stored once: such files are read as they are.
pub(super) const V1_VERSION: i64 = 1;

/// Bytes of a database page: the rows of small bodies share one with little waste.
pub(super) const PAGE_BYTES: u32 = 8_192;

/// Step `n` makes a file of version `n` one of version `n + 1`.
pub(super) const MIGRATIONS: [&str; 3] = [V1, V2, V3];

const V1: &str = r#"
-- key: corscope (version that wrote it), pid (of the process that did), started_at, first_id,
-- kept_bytes_max, finished_at (absent while it is recorded)
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Header fields, name:value lines in wire order; equal lists are stored once.
CREATE TABLE head (id INTEGER PRIMARY KEY, fields TEXT NOT NULL);

-- One request and what became of it.
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,            -- proxy, har, browser, replay; replay-include and
                                   -- replay-not-include where the credentials mode is known
  replay_of INTEGER,               -- the exchange a replay repeats
  kind TEXT NOT NULL,              -- http, websocket, tunnel
  opened_at INTEGER NOT NULL,      -- when the request head was read
  answered_micros INTEGER,         -- from opened_at to the response head
  closed_micros INTEGER,           -- from opened_at to the end
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  request_version INTEGER NOT NULL, -- 10, 11, 20, 30
  request_head INTEGER NOT NULL,   -- head.id
  request_bytes INTEGER NOT NULL,  -- body bytes that crossed the wire
  request_kept INTEGER NOT NULL,   -- body bytes in this file
  status INTEGER,
  reason TEXT,                     -- the reason phrase, if not the standard one
  response_version INTEGER,
  response_head INTEGER,           -- head.id
  response_bytes INTEGER NOT NULL,
  response_kept INTEGER NOT NULL,
  trailers INTEGER,                -- head.id
  patch TEXT,                      -- what a trial fix changed: lines status, set, append, remove
  "end" TEXT NOT NULL,             -- open, complete, aborted, failed
  failure_stage TEXT,
  failure_kind TEXT,
  failure TEXT,                    -- in one sentence
  client_connection INTEGER NOT NULL,
  client_address TEXT,
  server_connection INTEGER,
  server_address TEXT,
  server_reused INTEGER,           -- 1: an earlier exchange opened the connection
  server_tls TEXT,
  server_insecure INTEGER,         -- 1: the certificate was not verified
  queued_micros INTEGER,
  dns_micros INTEGER,
  connect_micros INTEGER,
  tls_micros INTEGER,
  send_micros INTEGER,
  wait_micros INTEGER,
  receive_micros INTEGER,
  heard_opened INTEGER NOT NULL,   -- the order in which openings, answers and ends were heard,
  heard_answered INTEGER,          -- counted from the opening
  heard_closed INTEGER
);

-- Bodies as they crossed the wire (content coding still on), in pieces.
-- id = (exchange * 2 + side) * 16777216 + number of the piece; side 0 request, 1 response.
CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  start INTEGER NOT NULL,          -- bytes of the body before this piece
  length INTEGER NOT NULL,         -- bytes of this piece
  zstd INTEGER NOT NULL,           -- 1: the bytes are a zstd frame
  bytes BLOB NOT NULL
);

-- WebSocket messages and server-sent events.
CREATE TABLE message (
  exchange INTEGER NOT NULL,
  number INTEGER NOT NULL,         -- within the exchange, from 0
  at INTEGER NOT NULL,
  side INTEGER NOT NULL,           -- 0 from the browser, 1 from the server
  kind TEXT NOT NULL,              -- text, binary, ping, pong, close, event
  length INTEGER NOT NULL,         -- bytes as sent
  payload BLOB NOT NULL            -- unmasked, inflated; the beginning if it was large
);
CREATE UNIQUE INDEX message_number ON message (exchange, number);
"#;

const V2: &str = r"
-- What bodies consist of; equal ones share it.
CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,           -- the last exchange that has it
  zstd INTEGER NOT NULL,           -- 1: the bytes are a zstd frame
  bytes BLOB NOT NULL
);

-- Bodies as they crossed the wire (content coding still on), in pieces.
-- id = (exchange * 2 + side) * 16777216 + number of the piece; side 0 request, 1 response.
-- The oldest leave when all bodies together reach their cap; request_kept and response_kept say so.
DROP TABLE body;
CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  start INTEGER NOT NULL,          -- bytes of the body before this piece
  length INTEGER NOT NULL,         -- bytes of this piece
  content INTEGER NOT NULL         -- content.id
);

-- What the browser itself said became of the exchange, where a HAR tells: net::ERR_FAILED
ALTER TABLE exchange ADD COLUMN told TEXT;
";

const V3: &str = r"
-- What a launched browser said it did with a request; an exchange of source browser was never sent.
CREATE TABLE said (
  exchange INTEGER PRIMARY KEY,    -- exchange.id
  fate TEXT NOT NULL,              -- delivered, blocked, failed
  reason TEXT NOT NULL,            -- network, cache, service-worker; cors, mixed-content, csp, other
  detail TEXT NOT NULL,            -- the browser's name of the rule, the directive, its error
  sentence TEXT,                   -- on its console
  asked_by TEXT                    -- script and line
);
";

/// How many pieces one body has at most.
pub(super) const PIECES_MAX: u64 = 1 << 24;

/// The rowid of a piece of a body.
pub(super) fn piece_id(exchange: ExchangeId, side: Side, number: u64) -> i64 {
    // A file that somebody else made may number its exchanges as it likes; beyond the last rowid is none.
    let body = exchange.0.saturating_mul(2);
    let body = body.saturating_add(side_number(side).into());
    let piece = body.saturating_mul(PIECES_MAX).saturating_add(number);
    i64::try_from(piece).unwrap_or(i64::MAX)
}

pub(super) fn side_number(side: Side) -> u8 {
    match side {
        Side::Request => 0,
        Side::Response => 1,
    }
}

pub(super) fn version_number(version: HttpVersion) -> u8 {
    match version {
        HttpVersion::Http10 => 10,
        HttpVersion::Http11 => 11,
        HttpVersion::Http2 => 20,
        HttpVersion::Http3 => 30,
    }
}

pub(super) fn version_from_number(number: i64) -> HttpVersion {
    match number {
        10 => HttpVersion::Http10,
        20 => HttpVersion::Http2,
        30 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Http => "http",
        Kind::WebSocket => "websocket",
        Kind::Tunnel => "tunnel",
    }
}

pub(super) fn kind_from_name(name: &str) -> Kind {
    match name {
        "websocket" => Kind::WebSocket,
        "tunnel" => Kind::Tunnel,
        _ => Kind::Http,
    }
}

pub(super) fn message_kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::Binary => "binary",
        MessageKind::Ping => "ping",
        MessageKind::Pong => "pong",
        MessageKind::Close => "close",
        MessageKind::ServerSentEvent => "event",
    }
}

pub(super) fn message_kind_from_name(name: &str) -> MessageKind {
    match name {
        "text" => MessageKind::Text,
        "ping" => MessageKind::Ping,
        "pong" => MessageKind::Pong,
        "close" => MessageKind::Close,
        "event" => MessageKind::ServerSentEvent,
        _ => MessageKind::Binary,
    }
}

/// A patch as lines: `status 204`, `set Name: value`, `append Name: value`, `remove Name`.
pub(super) fn patch_text(patch: &Patch) -> String {
    let mut lines = Vec::new();
    lines.extend(patch.status.map(|status| format!("status {status}")));
    lines.extend(
        patch
            .set
            .iter()
            .map(|(name, value)| format!("set {name}: {value}")),
    );
    lines.extend(
        patch
            .append
            .iter()
            .map(|(name, value)| format!("append {name}: {value}")),
    );
    lines.extend(patch.remove.iter().map(|name| format!("remove {name}")));
    lines.join("\n")
}

/// Reads [`patch_text`] back; lines nobody knows are left out.
pub(super) fn patch_from_text(text: &str) -> Patch {
    let mut patch = Patch::default();
    for line in text.lines() {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let field = || {
            rest.split_once(": ")
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
        };
        match verb {
            "status" => patch.status = rest.parse().ok(),
            "set" => patch.set.extend(field()),
            "append" => patch.append.extend(field()),
            "remove" => patch.remove.push(rest.to_owned()),
            _ => {}
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_reads_back_the_same() {
        let patch = Patch {
            status: Some(204),
            set: vec![
                ("A".into(), "https://app.test".into()),
                ("Empty".into(), String::new()),
            ],
            append: vec![("Vary".into(), "Origin".into())],
            remove: vec!["X-Old".into()],
        };
        assert_eq!(patch_from_text(&patch_text(&patch)), patch);
    }
}
