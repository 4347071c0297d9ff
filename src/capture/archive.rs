//! Reading a session file, one's own while it grows or another's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use foldhash::quality::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::unsync::Cache;
use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Heard;
use super::database::{SharedConnection, Writer, lock, remembering};
use super::error::SessionError;
use super::opening::{self, Copy, connect};
use super::schema::message_kind_from_name;
use super::stored::{Layout, Stored, excerpt, read_body, stored, unsigned};
use crate::wire::{
    Exchange, ExchangeId, Fate, HeaderList, Message, Said, SharedHeaders, Side, Timestamp,
};

/// Header lists remembered while exchanges are read one after the other.
const HEADS_REMEMBERED: usize = 1_024;

// In two questions, each answered by one end of the table.
const EXCHANGES: &str =
    "SELECT ifnull((SELECT max(id) FROM exchange) - (SELECT min(id) FROM exchange) + 1, 0)";

/// What a session file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// When the recording began.
    pub started_at: Option<Timestamp>,
    /// When it was closed; `None` while it is recorded, or if its program was killed.
    pub finished_at: Option<Timestamp>,
    /// The process that records into it, or did.
    pub pid: Option<u32>,
    /// How many exchanges there are.
    pub exchanges: u64,
}

/// One who reads a session file. Reading never changes it.
pub struct Archive {
    path: PathBuf,
    way: Mutex<Way>,
    layout: Layout,
    heads: Mutex<Cache<i64, SharedHeaders, UnitWeighter, RandomState>>,
    // Holds the copy that is read where the original cannot be.
    _copy: Option<Copy>,
}

/// How the file is reached.
enum Way {
    /// Through the writer's connection: nobody else can see the file.
    Shared(SharedConnection),
    /// Through one of its own, connected when it is first needed.
    Own(Option<Connection>),
}

impl Archive {
    /// Reads what this writer wrote: through a connection of its own if the file has a name, so
    /// that reading never waits for writing.
    pub fn of(writer: &Writer) -> Self {
        let archive = Self::new(writer.path(), None, None, Layout::NEWEST);
        if !writer.has_name() {
            archive.read_through(writer);
        }
        archive
    }

    /// From now on reads through the writer's connection: nobody can find the file by its name.
    pub fn read_through(&self, writer: &Writer) {
        *self.way() = Way::Shared(Arc::clone(writer.connection()));
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session file for reading, whatever state it was left in.
    pub fn open(path: &Path) -> Result<Self, SessionError> {
        let (connection, copy, layout) = opening::open(path)?;
        Ok(Self::new(path, Some(connection), copy, layout))
    }

    pub(super) fn new(
        path: &Path,
        connection: Option<Connection>,
        copy: Option<Copy>,
        layout: Layout,
    ) -> Self {
        Self {
            path: path.to_owned(),
            way: Mutex::new(Way::Own(connection)),
            layout,
            heads: Mutex::new(remembering(HEADS_REMEMBERED)),
            _copy: copy,
        }
    }

    /// Whether there is a file that others can open.
    pub(super) fn has_file(&self) -> bool {
        matches!(*self.way(), Way::Own(_))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// About how many exchanges there are: ids are dense, so that nothing has to be counted.
    pub fn exchange_count(&self) -> Result<u64, SessionError> {
        self.ask(|connection| connection.query_row(EXCHANGES, [], |row| row.get(0)))
            .map(unsigned)
    }

    /// What the file says about itself.
    pub fn about(&self) -> Result<About, SessionError> {
        self.ask(|connection| {
            let note = |key: &str| {
                let mut statement =
                    connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
                statement
                    .query_row([key], |row| row.get::<_, i64>(0))
                    .optional()
            };
            Ok(About {
                started_at: note("started_at")?.map(Timestamp),
                finished_at: note("finished_at")?.map(Timestamp),
                pid: note("pid")?.and_then(|pid| u32::try_from(pid).ok()),
                exchanges: unsigned(connection.query_row(EXCHANGES, [], |row| row.get(0))?),
            })
        })
    }

    /// The id of the first exchange, if there is one.
    pub fn first_id(&self) -> Result<Option<ExchangeId>, SessionError> {
        let first = self.ask(|connection| {
            connection.query_row("SELECT min(id) FROM exchange", [], |row| {
                row.get::<_, Option<i64>>(0)
            })
        })?;
        match first.map(u64::try_from) {
            None => Ok(None),
            Some(Ok(first)) => Ok(Some(ExchangeId(first))),
            Some(Err(_)) => Err(SessionError::Corrupt {
                path: self.path.clone(),
                detail: "an exchange has a negative number".into(),
            }),
        }
    }

    /// One exchange with the beginnings of its bodies.
    pub fn exchange(&self, id: ExchangeId) -> Result<Option<Exchange>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {} FROM exchange WHERE id = ?1",
                self.layout.exchange_columns()
            ))?;
            let stored = statement.query_row([id.0 as i64], stored).optional()?;
            stored
                .map(|stored| self.complete(connection, stored).map(|(e, _)| e))
                .transpose()
        })
    }

    /// Exchanges in the order of their ids, from one on; how they were heard with each.
    pub fn exchanges(
        &self,
        from: ExchangeId,
        at_most: usize,
    ) -> Result<Vec<(Exchange, Heard)>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {} FROM exchange WHERE id >= ?1 ORDER BY id LIMIT ?2",
                self.layout.exchange_columns()
            ))?;
            let rows = statement.query_map(params![from.0 as i64, at_most as i64], stored)?;
            rows.map(|row| self.complete(connection, row?)).collect()
        })
    }

    /// Bytes of a body as kept, content coding on; fewer than asked for at its end.
    pub fn body(
        &self,
        id: ExchangeId,
        side: Side,
        offset: u64,
        at_most: usize,
    ) -> Result<Vec<u8>, SessionError> {
        self.ask(|connection| {
            let mut bytes = Vec::new();
            read_body(
                connection,
                self.layout,
                (id, side),
                offset,
                at_most,
                &mut bytes,
            )?;
            Ok(bytes)
        })
    }

    /// Messages of an exchange with their numbers, from a number on; the oldest may be gone.
    pub fn messages(
        &self,
        id: ExchangeId,
        from: usize,
        at_most: usize,
    ) -> Result<Vec<(usize, Message)>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, side, kind, length, payload, number FROM message \
                 WHERE exchange = ?1 AND number >= ?2 ORDER BY number LIMIT ?3",
            )?;
            let values = params![id.0 as i64, from as i64, at_most as i64];
            let rows = statement.query_map(values, |row| {
                let number = usize::try_from(unsigned(row.get(5)?)).unwrap_or(usize::MAX);
                let message = Message {
                    at: Timestamp(row.get(0)?),
                    from: if row.get::<_, i64>(1)? == 0 {
                        Side::Request
                    } else {
                        Side::Response
                    },
                    kind: message_kind_from_name(row.get_ref(2)?.as_str()?),
                    len_bytes: unsigned(row.get(3)?),
                    payload: Bytes::copy_from_slice(row.get_ref(4)?.as_bytes()?),
                };
                Ok((number, message))
            })?;
            rows.collect()
        })
    }

    /// How many messages each exchange has and how many bytes they are together, for those that have
    /// any.
    pub fn message_counts(&self) -> Result<Vec<(ExchangeId, u64, u64)>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT exchange, max(number) + 1, sum(length) FROM message GROUP BY exchange",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((
                    ExchangeId(unsigned(row.get(0)?)),
                    unsigned(row.get(1)?),
                    unsigned(row.get(2)?),
                ))
            })?;
            rows.collect()
        })
    }

    /// What a launched browser said, of at most so many exchanges, the last ones; in the order of their
    /// ids.
    pub fn said(&self, at_most: usize) -> Result<Vec<(ExchangeId, Said)>, SessionError> {
        self.ask(|connection| {
            // Files of the first version do not have it.
            let there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'said'";
            if connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare_cached(
                "SELECT exchange, fate, reason, detail, sentence, asked_by FROM said \
                 ORDER BY exchange DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([at_most as i64], |row| {
                let text = |column| row.get::<_, String>(column);
                let fate = Fate::from_words(&text(1)?, &text(2)?, &text(3)?);
                let id = ExchangeId(unsigned(row.get(0)?));
                let said = fate.map(|fate| Said {
                    fate,
                    sentence: None,
                    asked_by: None,
                });
                let Some(mut said) = said else {
                    return Ok(None);
                };
                said.sentence = row.get(4)?;
                said.asked_by = row.get(5)?;
                Ok(Some((id, said)))
            })?;
            let mut all = rows
                .filter_map(Result::transpose)
                .collect::<rusqlite::Result<Vec<_>>>()?;
            all.reverse();
            Ok(all)
        })
    }

    fn complete(
        &self,
        connection: &Connection,
        stored: Stored,
    ) -> rusqlite::Result<(Exchange, Heard)> {
        let Stored {
            mut exchange,
            heard,
            request_head,
            response_head,
            trailers,
        } = stored;
        exchange.request.headers = self.head(connection, request_head)?;
        if let (Some(response), Some(head)) = (&mut exchange.response, response_head) {
            response.headers = self.head(connection, head)?;
        }
        if let Some(trailers) = trailers {
            exchange.trailers = HeaderList::clone(&*self.head(connection, trailers)?);
        }
        exchange.request_body.excerpt = excerpt(connection, self.layout, &exchange, Side::Request)?;
        exchange.response_body.excerpt =
            excerpt(connection, self.layout, &exchange, Side::Response)?;
        Ok((exchange, heard))
    }

    fn head(&self, connection: &Connection, id: i64) -> rusqlite::Result<SharedHeaders> {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(head) = heads.get(&id) {
            return Ok(Arc::clone(head));
        }
        let head = connection
            .prepare_cached("SELECT fields FROM head WHERE id = ?1")?
            .query_row([id], |row| {
                Ok(Arc::new(HeaderList::from_block(
                    row.get_ref(0)?.as_bytes()?,
                )))
            })?;
        heads.insert(id, Arc::clone(&head));
        Ok(head)
    }

    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SessionError> {
        let told = |error| SessionError::from_database(&self.path, &error);
        match &mut *self.way() {
            Way::Shared(connection) => question(&lock(connection)).map_err(told),
            Way::Own(connection) => {
                let connection = match connection {
                    Some(connection) => connection,
                    none => none.insert(connect(&self.path, "")?),
                };
                question(connection).map_err(told)
            }
        }
    }

    /// Lets go of the file until it is next asked, so that its writer can close it.
    pub fn release(&self) {
        if let Way::Own(connection) = &mut *self.way() {
            *connection = None;
        }
    }
}
