//! Writing the session file: one connection, one transaction per batch.

use std::fs::OpenOptions;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params};

use super::batch::Batch;
use super::bodies::{Bodies, INSERT_PIECE};
use super::error::SessionError;
use super::lines::{Inserts, write_message, write_said};
use super::schema::{APPLICATION_ID, MIGRATIONS, PAGE_BYTES, SCHEMA_VERSION};
use crate::wire::SharedHeaders;

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
    pub(super) next_head: i64,
    pub(super) addresses: Cache<SocketAddr, Arc<str>, UnitWeighter, RandomState>,
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

pub(super) struct Head(pub(super) SharedHeaders);

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
            let mut inserts = Inserts::of(&transaction)?;
            for (exchange, heard) in &batch.exchanges {
                self.write_exchange(&transaction, &mut inserts, exchange, *heard)?;
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
