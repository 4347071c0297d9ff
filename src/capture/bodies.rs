//! Bodies in the session file: equal ones lie there once, and all of them together have a cap.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::unsync::Cache;
use rusqlite::{Connection, OptionalExtension as _, Statement, params};

use super::batch::{Digest, Piece, WholeBody};
use super::database::remembering;
use super::schema::{PIECES_MAX, piece_id};
use crate::wire::{ExchangeId, Side};

/// Pieces of at least this size are compressed if it pays.
const COMPRESS_FROM_BYTES: usize = 256;

/// How many bodies are remembered, to store equal ones once.
const BODIES_REMEMBERED: usize = 65_536;

/// How many pieces are looked at before it is counted again what is left.
const PIECES_AT_ONCE: i64 = 256;
/// How many messages leave at once.
const MESSAGES_AT_ONCE: i64 = 1_024;

/// An error answer's body up to this size stays: it may be why a verdict is what it is.
const EVIDENCE_BYTES_MAX: u64 = 4 << 10;

/// Writes one piece of a body, see [`insert_piece`].
pub(super) const INSERT_PIECE: &str =
    "INSERT OR REPLACE INTO body (id, start, length, content) VALUES (?1, ?2, ?3, ?4)";

/// Whose body has this content.
#[derive(Clone, Copy, Debug)]
struct Known {
    exchange: ExchangeId,
    side: Side,
    /// Which content it is, if it is one piece: nothing need be read to refer to it.
    content: Option<i64>,
}

/// Writes bodies.
pub(super) struct Bodies {
    known: Cache<Digest, Known, UnitWeighter, RandomState>,
    next_content: i64,
    compressor: Option<zstd::bulk::Compressor<'static>>,
    plain: Vec<u8>,
    packed: Vec<u8>,
    /// All contents and messages in the file, in bytes.
    stored_bytes: u64,
    /// They are no more than this, in bytes.
    stored_bytes_max: u64,
    /// The bodies of all exchanges before this one are gone.
    gone_before: u64,
    /// Contents of the batch being written that more exchanges have now, and the last of them.
    lasts: HashMap<i64, u64, RandomState>,
}

impl Bodies {
    pub(super) fn new(stored_bytes_max: u64) -> Self {
        Self {
            known: remembering(BODIES_REMEMBERED),
            next_content: 1,
            compressor: zstd::bulk::Compressor::new(1).ok(),
            plain: Vec::new(),
            packed: Vec::new(),
            stored_bytes: 0,
            stored_bytes_max,
            gone_before: 0,
            lasts: HashMap::default(),
        }
    }

    /// What is counted, for [`forget`](Self::forget).
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.stored_bytes, self.gone_before)
    }

    /// What was written within a transaction that failed is not there: all is as it was counted before.
    pub(super) fn forget(&mut self, before: (u64, u64)) {
        (self.stored_bytes, self.gone_before) = before;
        self.known.clear();
        self.lasts.clear();
    }

    /// Writes a piece. One that is a whole body whose content is there already refers to that.
    /// `insert` is [`INSERT_PIECE`].
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        insert: &mut Statement<'_>,
        piece: &Piece,
    ) -> rusqlite::Result<()> {
        if piece.number >= PIECES_MAX {
            return Ok(());
        }
        if let Some(digest) = piece.whole
            && (self.share(insert, digest, piece)?
                || self.refer(connection, digest, Known::of(piece.exchange, piece.side))?)
        {
            return Ok(());
        }
        let bytes: &[u8] = if let [one] = &piece.parts[..] {
            one
        } else {
            self.plain.clear();
            piece
                .parts
                .iter()
                .for_each(|part| self.plain.extend_from_slice(part));
            &self.plain
        };
        let mut zstd = false;
        if bytes.len() >= COMPRESS_FROM_BYTES
            && !piece.coded
            && let Some(compressor) = &mut self.compressor
        {
            // Only what saves an eighth: the buffer is no larger than that.
            self.packed.clear();
            self.packed.reserve(bytes.len() - bytes.len() / 8);
            zstd = compressor
                .compress_to_buffer(bytes, &mut self.packed)
                .is_ok()
                && self.packed.len() <= bytes.len() - bytes.len() / 8;
        }
        let stored = if zstd { &self.packed[..] } else { bytes };
        let content = self.next_content;
        connection
            .prepare_cached("INSERT INTO content (id, last, zstd, bytes) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![content, piece.exchange.0 as i64, zstd, stored])?;
        self.next_content += 1;
        self.stored_bytes += stored.len() as u64;
        insert_piece(insert, piece, content)?;
        if let Some(digest) = piece.whole {
            let content = Some(content);
            let own = Known::of(piece.exchange, piece.side);
            self.known.insert(digest, Known { content, ..own });
        }
        Ok(())
    }

    /// Gives a piece that is a whole body the content that an earlier one brought; `false` if there is
    /// none that is sure to be still there.
    fn share(
        &mut self,
        insert: &mut Statement<'_>,
        digest: Digest,
        piece: &Piece,
    ) -> rusqlite::Result<bool> {
        let Some(mut known) = self.known.get_mut(&digest) else {
            return Ok(false);
        };
        let Some(content) = known.content else {
            return Ok(false);
        };
        // A content leaves only when all exchanges that have it are among those that made room.
        if known.exchange.0.min(piece.exchange.0) < self.gone_before {
            return Ok(false);
        }
        insert_piece(insert, piece, content)?;
        if piece.exchange > known.exchange {
            (known.exchange, known.side) = (piece.exchange, piece.side);
            self.lasts.insert(content, piece.exchange.0);
        }
        Ok(true)
    }

    /// Writes down which exchange is the last to have each content shared since.
    pub(super) fn settle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.lasts.is_empty() {
            return Ok(());
        }
        let mut update =
            connection.prepare_cached("UPDATE content SET last = max(last, ?2) WHERE id = ?1")?;
        for (content, last) in self.lasts.drain() {
            update.execute([content, last as i64])?;
        }
        Ok(())
    }

    /// A body of several pieces is complete: if its content was there before, it gives way to that.
    pub(super) fn complete(
        &mut self,
        connection: &Connection,
        body: &WholeBody,
    ) -> rusqlite::Result<()> {
        let own = Known::of(body.exchange, body.side);
        if self.known.get(&body.digest).is_none() {
            self.known.insert(body.digest, own);
            return Ok(());
        }
        // Pieces of a long body are nobody else's, as long as it is not known.
        let (first, last) = range(own);
        let mut freed = connection.prepare_cached(
            "DELETE FROM content WHERE id IN (SELECT content FROM body WHERE id BETWEEN ?1 AND ?2) \
             RETURNING length(bytes)",
        )?;
        let known = self.known.get(&body.digest).copied();
        let there = match known {
            // Room was made past this one already: nobody would look after what it shares.
            Some(known) if own.exchange.0 >= self.gone_before => has_pieces(connection, known)?,
            _ => false,
        };
        if !there {
            self.known.insert(body.digest, own);
            return Ok(());
        }
        let lengths = freed.query_map([first, last], |row| row.get::<_, i64>(0))?;
        for length in lengths {
            self.stored_bytes = self.stored_bytes.saturating_sub(length?.unsigned_abs());
        }
        connection
            .prepare_cached("DELETE FROM body WHERE id BETWEEN ?1 AND ?2")?
            .execute([first, last])?;
        self.refer(connection, body.digest, own).map(drop)
    }

    /// Gives a body the pieces of another with the same content; `false` if there is none.
    fn refer(
        &mut self,
        connection: &Connection,
        digest: Digest,
        own: Known,
    ) -> rusqlite::Result<bool> {
        let Some(known) = self.known.get(&digest).copied() else {
            return Ok(false);
        };
        if own.exchange.0 < self.gone_before || !has_pieces(connection, known)? {
            return Ok(false);
        }
        let ((first, last), (to, _)) = (range(known), range(own));
        let referred = connection
            .prepare_cached(
                "INSERT OR REPLACE INTO body (id, start, length, content) \
                 SELECT id - ?1 + ?3, start, length, content FROM body WHERE id BETWEEN ?1 AND ?2",
            )?
            .execute([first, last, to])?;
        if referred == 0 {
            return Ok(false);
        }
        connection
            .prepare_cached(
                "UPDATE content SET last = max(last, ?3) \
                 WHERE id IN (SELECT content FROM body WHERE id BETWEEN ?1 AND ?2)",
            )?
            .execute([first, last, own.exchange.0 as i64])?;
        // The newest stays longest.
        if own.exchange > known.exchange {
            let content = known.content;
            self.known.insert(digest, Known { content, ..own });
        }
        Ok(true)
    }

    /// Counts a message that was written.
    pub(super) fn count_message(&mut self, len: usize) {
        self.stored_bytes += len as u64;
    }

    /// Makes room where there is more than may be: the oldest bodies go, and when there are none left
    /// the oldest messages. Says the bodies of which exchanges went: all before this one.
    pub(super) fn make_room(&mut self, connection: &Connection) -> rusqlite::Result<Option<u64>> {
        if self.stored_bytes <= self.stored_bytes_max {
            return Ok(None);
        }
        let goal = self.stored_bytes_max - self.stored_bytes_max / 16;
        let before = self.gone_before;
        while self.stored_bytes > goal {
            if !self.drop_bodies(connection)? && !self.drop_messages(connection)? {
                break;
            }
        }
        Ok((self.gone_before > before).then_some(self.gone_before))
    }

    fn drop_bodies(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let from = piece_id(ExchangeId(self.gone_before), Side::Request, 0);
        let last: Option<i64> = connection
            .prepare_cached(
                "SELECT max(id) FROM (SELECT id FROM body WHERE id >= ?1 ORDER BY id LIMIT ?2)",
            )?
            .query_row([from, PIECES_AT_ONCE], |row| row.get(0))?;
        let Some(last) = last else {
            return Ok(false);
        };
        let exchanges = 2 * PIECES_MAX as i64;
        let upto = last / exchanges + 1;
        let end = upto * exchanges;
        // What an error answer says in a few words may be what a verdict rests on.
        let mut gone = connection.prepare_cached(
            "DELETE FROM body WHERE id >= ?1 AND id < ?2 AND NOT (start = 0 AND length <= ?3 AND \
             EXISTS (SELECT 1 FROM exchange WHERE exchange.id = body.id / ?4 AND status >= 400)) \
             RETURNING content",
        )?;
        let values = params![from, end, EVIDENCE_BYTES_MAX as i64, exchanges];
        let contents: Vec<i64> = gone
            .query_map(values, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        // Nor does what those that stay share with others.
        connection
            .prepare_cached(
                "UPDATE content SET last = ?3 WHERE id IN \
                 (SELECT content FROM body WHERE id >= ?1 AND id < ?2)",
            )?
            .execute([from, end, i64::MAX])?;
        let mut unused = connection.prepare_cached(
            "DELETE FROM content WHERE id = ?1 AND last < ?2 RETURNING length(bytes)",
        )?;
        for content in contents {
            let freed: Option<i64> = unused
                .query_row([content, upto], |row| row.get(0))
                .optional()?;
            let freed = freed.unwrap_or(0).unsigned_abs();
            self.stored_bytes = self.stored_bytes.saturating_sub(freed);
        }
        connection
            .prepare_cached(
                "UPDATE exchange SET \
                 request_kept = (SELECT ifnull(sum(length), 0) FROM body \
                   WHERE body.id >= exchange.id * ?3 AND body.id < exchange.id * ?3 + ?3 / 2), \
                 response_kept = (SELECT ifnull(sum(length), 0) FROM body \
                   WHERE body.id >= exchange.id * ?3 + ?3 / 2 AND body.id < (exchange.id + 1) * ?3) \
                 WHERE id >= ?1 AND id < ?2",
            )?
            .execute(params![self.gone_before as i64, upto, exchanges])?;
        self.gone_before = upto.unsigned_abs();
        Ok(true)
    }

    fn drop_messages(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut gone = connection.prepare_cached(
            "DELETE FROM message WHERE rowid IN (SELECT rowid FROM message ORDER BY rowid LIMIT ?1) \
             RETURNING length(payload)",
        )?;
        let mut any = false;
        for length in gone.query_map([MESSAGES_AT_ONCE], |row| row.get::<_, i64>(0))? {
            any = true;
            self.stored_bytes = self.stored_bytes.saturating_sub(length?.unsigned_abs());
        }
        Ok(any)
    }
}

impl Known {
    fn of(exchange: ExchangeId, side: Side) -> Self {
        let content = None;
        Self {
            exchange,
            side,
            content,
        }
    }
}

fn insert_piece(insert: &mut Statement<'_>, piece: &Piece, content: i64) -> rusqlite::Result<()> {
    insert
        .execute(params![
            piece_id(piece.exchange, piece.side, piece.number),
            piece.start as i64,
            piece.len as i64,
            content,
        ])
        .map(drop)
}

/// The rowids that pieces of a body have.
fn range(body: Known) -> (i64, i64) {
    let id = |number| piece_id(body.exchange, body.side, number);
    (id(0), id(PIECES_MAX - 1))
}

/// Whether a body has pieces, and all that they consist of is there.
fn has_pieces(connection: &Connection, body: Known) -> rusqlite::Result<bool> {
    let (first, last) = range(body);
    connection
        .prepare_cached(
            "SELECT count(*) > 0 AND count(*) = count(content.id) FROM body \
             LEFT JOIN content ON content.id = body.content WHERE body.id BETWEEN ?1 AND ?2",
        )?
        .query_row([first, last], |row| row.get(0))
}
