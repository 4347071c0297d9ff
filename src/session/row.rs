//! What a list shows of one exchange.

use super::marks::Mark;
use crate::capture::{RowEnd, Summary};
use crate::wire::{ExchangeId, HttpVersion, Kind, Timestamp};

/// What a list shows of one exchange: borrowed from packed rows, made without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Which exchange.
    pub id: ExchangeId,
    /// What sort of conversation.
    pub kind: Kind,
    /// Whether corscope sent it again itself.
    pub replayed: bool,
    /// Whether only the browser told of it: no byte of it was on the wire.
    pub told: bool,
    /// The method, letter case as sent.
    pub method: &'a str,
    /// For a preflight, the method it asks for.
    pub wanted_method: Option<&'a str>,
    /// Status code, once there is one.
    pub status: Option<u16>,
    /// Scheme, host and port as an origin: `https://api.app.test:8443`; empty where the URL is none.
    pub origin_text: &'a str,
    /// Path and query (the beginning, if it is very long).
    pub path: &'a str,
    /// What it loads, in a word: `doc css js img font media fetch ws sse preflight tunnel manifest
    /// worker wasm report other`.
    pub type_: &'static str,
    /// When the request head was read.
    pub opened_at: Timestamp,
    /// From opening to the response head, in microseconds.
    pub answered_micros: Option<u64>,
    /// From opening to the end, in microseconds; `None` while open.
    pub duration_micros: Option<u64>,
    /// Response body bytes that crossed the wire; of a WebSocket its messages, both ways.
    pub response_bytes: u64,
    /// How it ended.
    pub end: RowEnd,
    /// The version the server answered in, or the browser's where no answer came.
    pub version: HttpVersion,
    /// Whether the server's certificate went unverified.
    pub insecure: bool,
    /// Whether a trial fix changed the answer.
    pub patched: bool,
    /// The page's origin, from `Origin` or else `Referer`.
    pub page_origin: Option<&'a str>,
    /// Number of the connection to the server.
    pub connection: Option<u32>,
    /// How many Set-Cookie lines the answer has; 255 stands for more.
    pub set_cookies: u8,
    /// The verdict in short.
    pub mark: Mark,
}

impl<'a> Row<'a> {
    pub(super) fn new(summary: Summary<'a>, mark: Mark) -> Self {
        Self {
            id: summary.id,
            kind: summary.kind,
            replayed: summary.replayed,
            told: summary.told,
            method: summary.method,
            wanted_method: summary.wanted_method,
            status: summary.status,
            origin_text: summary.origin_text,
            path: summary.path,
            type_: summary.type_,
            opened_at: summary.opened_at,
            answered_micros: summary.answered_micros,
            duration_micros: summary.duration_micros,
            response_bytes: summary.response_bytes,
            end: summary.end,
            version: summary.version,
            insecure: summary.insecure,
            patched: summary.patched,
            page_origin: summary.page_origin,
            connection: summary.connection,
            set_cookies: summary.set_cookies,
            mark,
        }
    }
}
