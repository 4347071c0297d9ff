//! What one exchange, message or testimony is in the tables of a session file.

use std::net::SocketAddr;
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Statement, params};

use super::batch::Heard;
use super::database::{Head, Writer};
use super::schema::{kind_name, message_kind_name, patch_text, side_number, version_number};
use crate::wire::{
    End, Exchange, ExchangeId, HeaderList, Kind, Message, ResponseHead, Said, SharedHeaders,
    Source, Timestamp,
};

impl Writer {
    fn head(&mut self, connection: &Connection, head: &SharedHeaders) -> rusqlite::Result<i64> {
        let key = Head(Arc::clone(head));
        if let Some(id) = self.heads.get(&key) {
            return Ok(*id);
        }
        let id = self.next_head;
        connection
            .prepare_cached("INSERT INTO head (id, fields) VALUES (?1, ?2)")?
            .execute(params![id, Block(head)])?;
        self.next_head += 1;
        self.heads.insert(key, id);
        Ok(id)
    }

    /// An address as text; few connections carry many exchanges.
    fn address(&mut self, addr: SocketAddr) -> Arc<str> {
        if let Some(text) = self.addresses.get(&addr) {
            return Arc::clone(text);
        }
        let text: Arc<str> = addr.to_string().into();
        self.addresses.insert(addr, Arc::clone(&text));
        text
    }

    /// Writes one exchange, with the statement that fits it.
    pub(super) fn write_exchange(
        &mut self,
        connection: &Connection,
        inserts: &mut Inserts<'_>,
        exchange: &Exchange,
        heard: Heard,
    ) -> rusqlite::Result<()> {
        if let Some(response) = usual(exchange) {
            return self.write_usual(connection, &mut inserts.usual, exchange, response, heard);
        }
        let insert = &mut inserts.any;
        let request_head = self.head(connection, &exchange.request.headers)?;
        let response = exchange.response.as_ref();
        let response_head = match response {
            Some(response) => Some(self.head(connection, &response.headers)?),
            None => None,
        };
        let trailers = if exchange.trailers.is_empty() {
            None
        } else {
            Some(self.head(connection, &Arc::new(exchange.trailers.clone()))?)
        };
        let (source, replay_of) = match exchange.source {
            Source::Proxy => ("proxy", None),
            Source::Har => ("har", None),
            Source::Browser => ("browser", None),
            Source::Replay(replay) => {
                let name = match replay.include {
                    None => "replay",
                    Some(true) => "replay-include",
                    Some(false) => "replay-not-include",
                };
                (name, replay.of.map(|of| of.0 as i64))
            }
        };
        let (end, failure) = match &exchange.end {
            End::Open => ("open", None),
            End::Complete => ("complete", None),
            End::Aborted => ("aborted", None),
            End::Failed(failure) => ("failed", Some(failure)),
        };
        let since = |at: Option<Timestamp>| since(exchange, at);
        let order = |at: Option<u64>| order(heard, at);
        let upstream = exchange.upstream.as_ref();
        let timings = &exchange.timings;
        let client_address = exchange.client.addr.map(|a| self.address(a));
        let server_address = upstream.and_then(|u| u.addr).map(|a| self.address(a));
        insert.execute(params![
            exchange.id.0 as i64,
            source,
            replay_of,
            kind_name(exchange.kind),
            exchange.opened_at.0,
            since(exchange.answered_at),
            since(exchange.closed_at),
            exchange.request.method,
            exchange.request.url,
            version_number(exchange.request.version),
            request_head,
            exchange.request_body.seen_bytes as i64,
            exchange.request_body.kept_bytes as i64,
            response.map(|r| r.status),
            response.and_then(|r| r.reason.as_deref()),
            response.map(|r| version_number(r.version)),
            response_head,
            exchange.response_body.seen_bytes as i64,
            exchange.response_body.kept_bytes as i64,
            trailers,
            exchange.patch.as_ref().map(patch_text),
            end,
            failure.map(|f| f.stage.name()),
            failure.map(|f| f.kind.name()),
            failure.map(|f| f.detail.as_str()),
            exchange.client.connection as i64,
            client_address.as_deref(),
            upstream.map(|u| u.connection as i64),
            server_address.as_deref(),
            upstream.map(|u| u.reused),
            upstream.and_then(|u| u.tls.as_deref()),
            upstream.map(|u| u.insecure),
            micros(timings.queued),
            micros(timings.dns),
            micros(timings.connect),
            micros(timings.tls),
            micros(timings.send),
            micros(timings.wait),
            micros(timings.receive),
            heard.opened as i64,
            order(heard.answered),
            order(heard.closed),
            exchange.told,
        ])?;
        Ok(())
    }

    fn write_usual(
        &mut self,
        connection: &Connection,
        insert: &mut Statement<'_>,
        exchange: &Exchange,
        response: &ResponseHead,
        heard: Heard,
    ) -> rusqlite::Result<()> {
        let request_head = self.head(connection, &exchange.request.headers)?;
        let response_head = self.head(connection, &response.headers)?;
        let upstream = exchange.upstream.as_ref();
        let timings = &exchange.timings;
        let client_address = exchange.client.addr.map(|a| self.address(a));
        let server_address = upstream.and_then(|u| u.addr).map(|a| self.address(a));
        let order = |at: Option<u64>| order(heard, at);
        insert.execute(params![
            exchange.id.0 as i64,
            exchange.opened_at.0,
            since(exchange, exchange.answered_at),
            since(exchange, exchange.closed_at),
            exchange.request.method,
            exchange.request.url,
            version_number(exchange.request.version),
            request_head,
            response.status,
            version_number(response.version),
            response_head,
            exchange.response_body.seen_bytes as i64,
            exchange.response_body.kept_bytes as i64,
            exchange.client.connection as i64,
            client_address.as_deref(),
            upstream.map(|u| u.connection as i64),
            server_address.as_deref(),
            upstream.map(|u| u.reused),
            upstream.and_then(|u| u.tls.as_deref()),
            upstream.map(|u| u.insecure),
            micros(timings.queued),
            micros(timings.send),
            micros(timings.wait),
            micros(timings.receive),
            heard.opened as i64,
            order(heard.answered),
            order(heard.closed),
        ])?;
        Ok(())
    }
}

/// How exchanges are written: a column bound costs as much as one read, so what nearly all have in
/// common stands in the statement itself.
pub(super) struct Inserts<'c> {
    any: CachedStatement<'c>,
    usual: CachedStatement<'c>,
}

impl<'c> Inserts<'c> {
    pub(super) fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            any: connection.prepare_cached(INSERT_ANY)?,
            usual: connection.prepare_cached(INSERT_USUAL)?,
        })
    }
}

/// The answer, where [`INSERT_USUAL`] says all there is to say: a request without a body through the
/// proxy, on a connection that was there, answered to the end.
fn usual(exchange: &Exchange) -> Option<&ResponseHead> {
    let response = exchange.response.as_ref()?;
    let timings = &exchange.timings;
    let fits = exchange.source == Source::Proxy
        && exchange.kind == Kind::Http
        && exchange.end == End::Complete
        && exchange.request_body.seen_bytes == 0
        && exchange.request_body.kept_bytes == 0
        && response.reason.is_none()
        && exchange.trailers.is_empty()
        && exchange.patch.is_none()
        && exchange.told.is_none()
        && [timings.dns, timings.connect, timings.tls] == [None; 3];
    fits.then_some(response)
}

fn since(exchange: &Exchange, at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.0.saturating_sub(exchange.opened_at.0))
}

fn order(heard: Heard, at: Option<u64>) -> Option<i64> {
    at.map(|at| at.saturating_sub(heard.opened) as i64)
}

fn micros(duration: Option<u64>) -> Option<i64> {
    duration.map(|micros| micros as i64)
}

/// Writes any exchange.
const INSERT_ANY: &str = "INSERT OR REPLACE INTO exchange VALUES (\
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
    ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, \
    ?41, ?42, ?43)";

/// Writes one that is [`usual`].
const INSERT_USUAL: &str = "INSERT OR REPLACE INTO exchange (\
    id, opened_at, answered_micros, closed_micros, method, url, request_version, request_head, \
    status, response_version, response_head, response_bytes, response_kept, client_connection, \
    client_address, server_connection, server_address, server_reused, server_tls, server_insecure, \
    queued_micros, send_micros, wait_micros, receive_micros, heard_opened, heard_answered, \
    heard_closed, source, kind, \"end\", request_bytes, request_kept) VALUES (\
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
    ?22, ?23, ?24, ?25, ?26, ?27, 'proxy', 'http', 'complete', 0, 0)";

pub(super) fn write_message(
    connection: &Connection,
    exchange: ExchangeId,
    number: u64,
    message: &Message,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO message (exchange, number, at, side, kind, length, payload) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            exchange.0 as i64,
            number as i64,
            message.at.0,
            side_number(message.from),
            message_kind_name(message.kind),
            message.len_bytes as i64,
            &message.payload[..],
        ])?;
    Ok(())
}

pub(super) fn write_said(
    connection: &Connection,
    exchange: ExchangeId,
    said: &Said,
) -> rusqlite::Result<()> {
    let (fate, reason, detail) = said.fate.words();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO said (exchange, fate, reason, detail, sentence, asked_by) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            exchange.0 as i64,
            fate,
            reason,
            detail,
            said.sentence,
            said.asked_by,
        ])?;
    Ok(())
}

/// A header list as it is stored: text where it is text.
struct Block<'a>(&'a HeaderList);

impl ToSql for Block<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let block = self.0.as_block();
        Ok(ToSqlOutput::Borrowed(
            if std::str::from_utf8(block).is_ok() {
                ValueRef::Text(block)
            } else {
                ValueRef::Blob(block)
            },
        ))
    }
}
