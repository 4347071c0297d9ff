//! Writing the session file: one connection, one transaction per batch.

use std::fs::OpenOptions;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, params};

use super::batch::{Batch, Heard};
use super::bodies::{Bodies, INSERT_PIECE};
use super::error::SessionError;
use super::schema::{
    APPLICATION_ID, MIGRATIONS, PAGE_BYTES, SCHEMA_VERSION, kind_name, message_kind_name,
    patch_text, side_number, version_number,
};
use crate::wire::{
    End, Exchange, ExchangeId, HeaderList, Message, Said, SharedHeaders, Source, Timestamp,
};

/// How many header lists are remembered, to store equal ones once.
const HEADS_REMEMBERED: usize = 8_192;
/// How many addresses are remembered as text.
const ADDRESSES_REMEMBERED: usize = 1_024;

/// A cache of so many things; what is hashed is whole header lists, so that how fast counts.
pub(super) fn remembering<K: Eq + Hash, V>(items: usize) -> Cache<K, V, UnitWeighter, RandomState> {
    Cache::with(
        items,
        items as u64,
        UnitWeighter,
        RandomState::default(),
        DefaultLifecycle::default(),
    )
}

/// A connection that a writer and readers may share.
pub(super) type SharedConnection = Arc<Mutex<Connection>>;

pub(super) fn lock(connection: &SharedConnection) -> MutexGuard<'_, Connection> {
    // A panic inside rolls the transaction back; the connection itself stays whole.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one who writes a session file.
pub struct Writer {
    pub(super) path: PathBuf,
    // Which file it is, so that it is noticed when another lies there, or none.
    pub(super) file: Option<(u64, u64)>,
    pub(super) connection: SharedConnection,
    pub(super) heads: Cache<Head, i64, UnitWeighter, RandomState>,
    next_head: i64,
    addresses: Cache<SocketAddr, Arc<str>, UnitWeighter, RandomState>,
    bodies: Bodies,
}

/// How large a session file may become.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// All bodies and messages together, as they are stored, in bytes: beyond that the oldest leave.
    pub stored_bytes_max: Option<u64>,
    /// The file itself, in bytes: beyond that it is as if the disk were full.
    pub file_bytes_max: Option<u64>,
}

pub(super) struct Head(SharedHeaders);

impl Hash for Head {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_block().hash(state);
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_block() == other.0.as_block()
    }
}

impl Eq for Head {}

impl Writer {
    /// Makes a new file, readable by its owner only; a file that is there already stays as it is.
    pub fn create(path: &Path, limits: Limits) -> Result<Self, SessionError> {
        match new_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(SessionError::Exists { path: path.into() });
            }
            Err(source) => {
                return Err(SessionError::Create {
                    path: path.into(),
                    source,
                });
            }
        }
        let made = connect(path)
            .and_then(|connection| prepare(&connection, true, limits).map(|()| connection));
        match made {
            Ok(connection) => Ok(Self {
                file: super::anew::identity(path),
                ..Self::new(path, connection, limits)
            }),
            Err(error) => {
                // It is ours and empty: leave nothing half-made behind.
                let _ = std::fs::remove_file(path);
                Err(SessionError::from_database(path, &error))
            }
        }
    }

    /// Makes a file without a name that is gone with the session.
    pub fn temporary() -> Result<Self, SessionError> {
        let path = Path::new("(in memory)");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // An empty name is SQLite's for a private database that spills to disk when it grows.
        Connection::open_with_flags("", flags)
            .and_then(|connection| {
                prepare(&connection, false, Limits::default()).map(|()| connection)
            })
            .map(|connection| Self::new(path, connection, Limits::default()))
            .map_err(|error| SessionError::from_database(path, &error))
    }

    fn new(path: &Path, connection: Connection, limits: Limits) -> Self {
        connection.set_prepared_statement_cache_capacity(32);
        Self {
            path: path.to_owned(),
            file: None,
            connection: Arc::new(Mutex::new(connection)),
            heads: remembering(HEADS_REMEMBERED),
            next_head: 1,
            addresses: remembering(ADDRESSES_REMEMBERED),
            bodies: Bodies::new(limits.stored_bytes_max.unwrap_or(u64::MAX)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others can open the file.
    pub(super) fn has_name(&self) -> bool {
        lock(&self.connection)
            .path()
            .is_some_and(|name| !name.is_empty())
    }

    pub(super) fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// Notes a fact about the session as a whole.
    pub fn note(&mut self, key: &str, value: &Value) -> Result<(), SessionError> {
        lock(&self.connection)
            .execute(
                "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
                params![key, value],
            )
            .map(drop)
            .map_err(|error| SessionError::from_database(&self.path, &error))
    }

    /// Writes a batch, all of it or nothing. Says if bodies had to leave to make room: all before this
    /// exchange.
    pub fn write(&mut self, batch: &Batch) -> Result<Option<u64>, SessionError> {
        let connection = Arc::clone(&self.connection);
        let mut connection = lock(&connection);
        let before = self.bodies.counts();
        let result = self.write_in(&mut connection, batch);
        result.map_err(|error| {
            // What was written within the failed transaction is not there.
            self.heads.clear();
            self.bodies.forget(before);
            SessionError::from_database(&self.path, &error)
        })
    }

    fn write_in(
        &mut self,
        connection: &mut Connection,
        batch: &Batch,
    ) -> rusqlite::Result<Option<u64>> {
        let transaction = connection.transaction()?;
        // Statements are held over a batch: to look each up again costs as much as a column or ten.
        {
            let mut insert = transaction.prepare_cached(INSERT_EXCHANGE)?;
            for (exchange, heard) in &batch.exchanges {
                self.write_exchange(&transaction, &mut insert, exchange, *heard)?;
            }
        }
        if !batch.pieces.is_empty() {
            let mut insert = transaction.prepare_cached(INSERT_PIECE)?;
            for piece in &batch.pieces {
                self.bodies.write(&transaction, &mut insert, piece)?;
            }
        }
        for body in &batch.bodies {
            self.bodies.complete(&transaction, body)?;
        }
        for (exchange, number, message) in &batch.messages {
            write_message(&transaction, *exchange, *number, message)?;
            self.bodies.count_message(message.payload.len());
        }
        for (exchange, said) in &batch.said {
            write_said(&transaction, *exchange, said)?;
        }
        self.bodies.settle(&transaction)?;
        let gone = self.bodies.make_room(&transaction)?;
        transaction.commit()?;
        Ok(gone)
    }

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

    fn write_exchange(
        &mut self,
        connection: &Connection,
        insert: &mut Statement<'_>,
        exchange: &Exchange,
        heard: Heard,
    ) -> rusqlite::Result<()> {
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
        let since = |at: Option<Timestamp>| at.map(|at| at.0.saturating_sub(exchange.opened_at.0));
        let order = |at: Option<u64>| at.map(|at| at.saturating_sub(heard.opened) as i64);
        let micros = |duration: Option<u64>| duration.map(|micros| micros as i64);
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

    /// Closes the file: all in one piece, nothing beside it.
    pub fn close(&mut self) -> Result<(), SessionError> {
        let connection = lock(&self.connection);
        // Readers of this process have let go; one of another process keeps the journal alive,
        // which is no fault: the file is complete with it.
        let _ = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
        let _ = connection.pragma_update(None, "journal_mode", "DELETE");
        Ok(())
    }
}

const INSERT_EXCHANGE: &str = "INSERT OR REPLACE INTO exchange VALUES (\
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
    ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, \
    ?41, ?42, ?43)";

fn write_message(
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

fn write_said(connection: &Connection, exchange: ExchangeId, said: &Said) -> rusqlite::Result<()> {
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

fn prepare(connection: &Connection, named: bool, limits: Limits) -> rusqlite::Result<()> {
    // Nothing is at stake until the file is whole: no waiting for the disk here.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    let transaction = connection.unchecked_transaction()?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    for step in MIGRATIONS {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    go_on(connection, named, limits.file_bytes_max)
}

/// How a file is written once it has its tables.
pub(super) fn go_on(
    connection: &Connection,
    named: bool,
    file_bytes_max: Option<u64>,
) -> rusqlite::Result<()> {
    if named {
        // What is written is seen by readers at once, and survives this process; only a power cut
        // may lose the last moments, which buys one fsync per some megabytes.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    } else {
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
    }
    connection.pragma_update(None, "cache_size", -8_192)?;
    if let Some(bytes) = file_bytes_max {
        let pages = (bytes / u64::from(PAGE_BYTES)).max(1) as i64;
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    // Another process may hold the file for a moment; traffic waits only when the queue is full.
    connection.busy_timeout(std::time::Duration::from_secs(1))
}

/// A file that nobody else can read, and that was not there before.
pub(super) fn new_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
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
