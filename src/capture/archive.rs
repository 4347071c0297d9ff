//! Reading a session file, one's own while it grows or another's.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use quick_cache::unsync::Cache;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::database::{
    Heard, PIECE_BYTES_MAX, SharedConnection, Writer, kind_from_name, lock, message_kind_from_name,
};
use super::error::SessionError;
use super::schema::{
    APPLICATION_ID, PIECES_MAX, SCHEMA_VERSION, patch_from_text, piece_id, version_from_number,
};
use crate::wire::{
    BodyFacts, Client, End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList,
    Message, RequestHead, ResponseHead, SharedHeaders, Side, Source, Timestamp, Timings, Upstream,
};

/// Header lists remembered while exchanges are read one after the other.
const HEADS_REMEMBERED: usize = 1_024;

/// One who reads a session file. Reading never changes it.
pub struct Archive {
    path: PathBuf,
    way: Way,
    heads: Mutex<Cache<i64, SharedHeaders>>,
    // Holds the copy that is read where the original cannot be.
    _copy: Option<Copy>,
}

/// How the file is reached.
enum Way {
    /// Through the writer's connection: nobody else can see the file.
    Shared(SharedConnection),
    /// Through one of its own, connected when it is first needed.
    Own(Mutex<Option<Connection>>),
}

struct Copy {
    directory: PathBuf,
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Archive {
    /// Reads what this writer wrote: through a connection of its own if the file has a name, so
    /// that reading never waits for writing.
    pub fn of(writer: &Writer) -> Self {
        let way = if writer.has_name() {
            Way::Own(Mutex::new(None))
        } else {
            Way::Shared(Arc::clone(writer.connection()))
        };
        Self::new(writer.path(), way, None)
    }

    /// Opens a session file for reading, whatever state it was left in.
    pub fn open(path: &Path) -> Result<Self, SessionError> {
        check_header(path)?;
        let opened = connect(path, "").and_then(|c| readable(path, &c).map(|()| c));
        let (connection, copy) = match opened {
            Ok(connection) => (connection, None),
            Err(SessionError::Disk { .. } | SessionError::Busy { .. }) => beside(path)?,
            Err(error) => return Err(error),
        };
        Ok(Self::new(
            path,
            Way::Own(Mutex::new(Some(connection))),
            copy,
        ))
    }

    fn new(path: &Path, way: Way, copy: Option<Copy>) -> Self {
        Self {
            path: path.to_owned(),
            way,
            heads: Mutex::new(Cache::new(HEADS_REMEMBERED)),
            _copy: copy,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
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
                "SELECT {EXCHANGE_COLUMNS} FROM exchange WHERE id = ?1"
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
                "SELECT {EXCHANGE_COLUMNS} FROM exchange WHERE id >= ?1 ORDER BY id LIMIT ?2"
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
            read_body(connection, id, side, offset, at_most, &mut bytes)?;
            Ok(bytes)
        })
    }

    /// Messages of an exchange, from a number on.
    pub fn messages(
        &self,
        id: ExchangeId,
        from: usize,
        at_most: usize,
    ) -> Result<Vec<Message>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, side, kind, length, payload FROM message \
                 WHERE exchange = ?1 AND number >= ?2 ORDER BY number LIMIT ?3",
            )?;
            let values = params![id.0 as i64, from as i64, at_most as i64];
            let rows = statement.query_map(values, |row| {
                Ok(Message {
                    at: Timestamp(row.get(0)?),
                    from: if row.get::<_, i64>(1)? == 0 {
                        Side::Request
                    } else {
                        Side::Response
                    },
                    kind: message_kind_from_name(row.get_ref(2)?.as_str()?),
                    len_bytes: unsigned(row.get(3)?),
                    payload: Bytes::copy_from_slice(row.get_ref(4)?.as_bytes()?),
                })
            })?;
            rows.collect()
        })
    }

    /// How many messages each exchange has, for those that have any.
    pub fn message_counts(&self) -> Result<Vec<(ExchangeId, u64)>, SessionError> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT exchange, max(number) + 1 FROM message GROUP BY exchange",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((ExchangeId(unsigned(row.get(0)?)), unsigned(row.get(1)?)))
            })?;
            rows.collect()
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
        exchange.request_body.excerpt = excerpt(connection, &exchange, Side::Request)?;
        exchange.response_body.excerpt = excerpt(connection, &exchange, Side::Response)?;
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

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SessionError> {
        let told = |error| SessionError::from_database(&self.path, &error);
        match &self.way {
            Way::Shared(connection) => question(&lock(connection)).map_err(told),
            Way::Own(connection) => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = match &mut *connection {
                    Some(connection) => connection,
                    none => none.insert(connect(&self.path, "")?),
                };
                question(connection).map_err(told)
            }
        }
    }

    /// Lets go of the file until it is next asked, so that its writer can close it.
    pub fn release(&self) {
        if let Way::Own(connection) = &self.way {
            *connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

// === Opening ===

/// What can be said without SQLite: whether it is a session file at all, and whole.
fn check_header(path: &Path) -> Result<(), SessionError> {
    let read = |source| SessionError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    let mut header = Vec::with_capacity(100);
    if metadata.is_file() {
        (&mut file)
            .take(100)
            .read_to_end(&mut header)
            .map_err(read)?;
    }
    // Offsets of the SQLite file format, § 1.3.
    let number = |at: usize| {
        let bytes = header
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .unwrap_or_default();
        u32::from_be_bytes(bytes)
    };
    if header.len() < 100
        || !header.starts_with(b"SQLite format 3\0")
        || number(68) != APPLICATION_ID as u32
    {
        return Err(SessionError::NotASession { path: path.into() });
    }
    let version = i64::from(number(60));
    if version > i64::from(SCHEMA_VERSION) {
        return Err(SessionError::Newer {
            path: path.into(),
            found: version,
            known: i64::from(SCHEMA_VERSION),
        });
    }
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let expected_bytes = page_bytes * u64::from(number(28));
    if metadata.len() < expected_bytes && !journal(path).exists() {
        return Err(SessionError::Truncated {
            path: path.into(),
            found_bytes: metadata.len(),
            expected_bytes,
        });
    }
    Ok(())
}

/// The write-ahead log beside a session file that was not closed, or is being written.
fn journal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn connect(path: &Path, query: &str) -> Result<Connection, SessionError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let name: PathBuf = if query.is_empty() {
        path.to_owned()
    } else {
        uri(path, query).into()
    };
    let connected = Connection::open_with_flags(name, flags).and_then(|connection| {
        // A file from elsewhere is data, not a program.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "cache_size", -4_096)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(16);
        Ok(connection)
    });
    connected.map_err(|error| SessionError::from_database(path, &error))
}

/// A file name as SQLite reads it in a URI.
fn uri(path: &Path, query: &str) -> String {
    let name = path.to_string_lossy();
    let escaped = name
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("file:{escaped}?{query}")
}

/// Whether its tables can be read.
fn readable(path: &Path, connection: &Connection) -> Result<(), SessionError> {
    let told = |error| SessionError::from_database(path, &error);
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(told)?;
    if version > i64::from(SCHEMA_VERSION) {
        return Err(SessionError::Newer {
            path: path.into(),
            found: version,
            known: i64::from(SCHEMA_VERSION),
        });
    }
    connection
        .prepare(&format!("SELECT {EXCHANGE_COLUMNS} FROM exchange LIMIT 0"))
        .map(drop)
        .map_err(|error| match SessionError::from_database(path, &error) {
            // "no such table": the number says session, the inside does not.
            SessionError::Disk { path, detail } if detail.contains("no such") => {
                SessionError::Corrupt { path, detail }
            }
            other => other,
        })
}

/// Reads a file that lies where nothing can be written beside it: as it is if it was closed, else a
/// copy of it and its log.
fn beside(path: &Path) -> Result<(Connection, Option<Copy>), SessionError> {
    let log = journal(path);
    if std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        let connection = connect(path, "immutable=1")?;
        readable(path, &connection)?;
        return Ok((connection, None));
    }
    let directory = private_directory(path)?;
    let copy = Copy { directory };
    let target = copy.directory.join("session");
    let copied = std::fs::copy(path, &target)
        .and_then(|_| std::fs::copy(&log, journal(&target)))
        .map_err(|source| SessionError::Read {
            path: path.into(),
            source,
        });
    copied?;
    let connection = connect(&target, "")?;
    readable(path, &connection)?;
    Ok((connection, Some(copy)))
}

fn private_directory(path: &Path) -> Result<PathBuf, SessionError> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let mut number = u64::from(std::process::id());
    loop {
        let directory = std::env::temp_dir().join(format!("corscope-view-{number:x}"));
        match builder.create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
            }
            Err(source) => {
                return Err(SessionError::Read {
                    path: path.into(),
                    source,
                });
            }
        }
    }
}

// === Decoding ===

const EXCHANGE_COLUMNS: &str = "id, source, replay_of, kind, opened_at, answered_micros, \
    closed_micros, method, url, request_version, request_head, request_bytes, request_kept, status, \
    reason, response_version, response_head, response_bytes, response_kept, trailers, patch, \"end\", \
    failure_stage, failure_kind, failure, client_connection, client_address, server_connection, \
    server_address, server_reused, server_tls, server_insecure, queued_micros, dns_micros, \
    connect_micros, tls_micros, send_micros, wait_micros, receive_micros, heard_opened, \
    heard_answered, heard_closed";

/// An exchange whose heads are still to be looked up.
struct Stored {
    exchange: Exchange,
    heard: Heard,
    request_head: i64,
    response_head: Option<i64>,
    trailers: Option<i64>,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
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
    let exchange = Exchange {
        id: ExchangeId(unsigned(row.get(0)?)),
        source: match row.get_ref(1)?.as_str()? {
            "har" => Source::Har,
            "replay" => Source::Replay(ExchangeId(micros(2)?.unwrap_or(0))),
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

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn excerpt(connection: &Connection, exchange: &Exchange, side: Side) -> rusqlite::Result<Bytes> {
    let facts = match side {
        Side::Request => &exchange.request_body,
        Side::Response => &exchange.response_body,
    };
    let mut bytes = Vec::new();
    if facts.kept_bytes > 0 {
        read_body(
            connection,
            exchange.id,
            side,
            0,
            BodyFacts::EXCERPT_BYTES_MAX,
            &mut bytes,
        )?;
    }
    Ok(bytes.into())
}

fn read_body(
    connection: &Connection,
    id: ExchangeId,
    side: Side,
    offset: u64,
    at_most: usize,
    out: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT start, length, zstd, bytes FROM body \
         WHERE id BETWEEN ?1 AND ?2 AND start + length > ?3 ORDER BY id",
    )?;
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
            unpacked =
                zstd::bulk::decompress(stored, length.min(PIECE_BYTES_MAX)).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::super::database::Batch;
    use super::*;
    use crate::wire::HttpVersion;

    fn write_one(writer: &mut Writer, id: u64) {
        let head = RequestHead {
            method: "GET".into(),
            url: format!("https://a.test/{id}"),
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs([("a", b"caf\xe9")])),
        };
        let exchange = Arc::new(Exchange::opened(ExchangeId(id), Timestamp(5), head));
        let batch = Batch {
            exchanges: vec![(exchange, Heard::default())],
            ..Batch::default()
        };
        writer.write(&batch).expect("there is room");
    }

    #[test]
    fn what_was_left_by_a_killed_process_is_read_where_nothing_can_be_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a b%20?#.corscope");
        let mut writer = Writer::create(&path, None).expect("a new file");
        write_one(&mut writer, 1);
        // As it lies there when the process is killed: the log holds what counts.
        let left = dir.path().join("left");
        std::fs::copy(&path, &left).expect("copied");
        std::fs::copy(journal(&path), journal(&left)).expect("copied");
        let copy_gone = {
            let (connection, copy) = beside(&left).expect("read from a copy");
            let copy = copy.expect("there is a log, so there is a copy");
            let directory = copy.directory.clone();
            let archive = Archive::new(&left, Way::Own(Mutex::new(Some(connection))), Some(copy));
            let exchange = archive
                .exchange(ExchangeId(1))
                .expect("readable")
                .expect("there");
            assert_eq!(
                exchange.request.headers.first("a").map(|f| f.value),
                Some(&b"caf\xe9"[..])
            );
            directory
        };
        assert!(!copy_gone.exists());

        writer.close().expect("closed");
        let (connection, copy) = beside(&path).expect("read as it is");
        assert!(copy.is_none() && readable(&path, &connection).is_ok());
    }
}
