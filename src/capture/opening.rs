//! Opening a session file for reading, whatever state it was left in, without changing it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::SessionError;
use super::schema::{APPLICATION_ID, SCHEMA_VERSION};
use super::stored::Layout;

/// A connection to a file, and the copy it leads to where the file itself cannot be read.
pub(super) fn open(path: &Path) -> Result<Opened, SessionError> {
    check_header(path)?;
    let opened = connect(path, "").and_then(|c| readable(path, &c).map(|layout| (c, layout)));
    match opened {
        Ok((connection, layout)) => Ok((connection, None, layout)),
        Err(SessionError::Disk { .. } | SessionError::Busy { .. }) => beside(path),
        Err(error) => Err(error),
    }
}

/// A connection, the copy it leads to, and how the file is laid out.
pub(super) type Opened = (Connection, Option<Copy>, Layout);

/// A copy in a private directory that is gone with this.
pub(super) struct Copy {
    directory: PathBuf,
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

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

/// Connects, read-only; `query` is that of SQLite's file URIs.
pub(super) fn connect(path: &Path, query: &str) -> Result<Connection, SessionError> {
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
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
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
fn readable(path: &Path, connection: &Connection) -> Result<Layout, SessionError> {
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
    let layout = Layout::of_version(version);
    let columns = layout.exchange_columns();
    connection
        .prepare(&format!("SELECT {columns} FROM exchange LIMIT 0"))
        .map(|_| layout)
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
fn beside(path: &Path) -> Result<Opened, SessionError> {
    let log = journal(path);
    if std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        let connection = connect(path, "immutable=1")?;
        let layout = readable(path, &connection)?;
        return Ok((connection, None, layout));
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
    let layout = readable(path, &connection)?;
    Ok((connection, Some(copy), layout))
}

#[cfg(unix)]
fn private_builder() -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// The folder for temporary files is the user's own there.
#[cfg(not(unix))]
fn private_builder() -> std::fs::DirBuilder {
    std::fs::DirBuilder::new()
}

fn private_directory(path: &Path) -> Result<PathBuf, SessionError> {
    let builder = private_builder();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::archive::Archive;
    use super::super::batch::{Batch, Heard};
    use super::super::database::{Limits, Writer};
    use super::*;
    use crate::wire::{Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, Timestamp};

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
        let limits = Limits::default();
        let mut writer = Writer::create(&path, limits).expect("a new file");
        write_one(&mut writer, 1);
        // As it lies there when the process is killed: the log holds what counts.
        let left = dir.path().join("left");
        std::fs::copy(&path, &left).expect("copied");
        std::fs::copy(journal(&path), journal(&left)).expect("copied");
        let copy_gone = {
            let (connection, copy, layout) = beside(&left).expect("read from a copy");
            let copy = copy.expect("there is a log, so there is a copy");
            let directory = copy.directory.clone();
            let archive = Archive::new(&left, Some(connection), Some(copy), layout);
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
        let (connection, copy, _) = beside(&path).expect("read as it is");
        assert!(copy.is_none() && readable(&path, &connection).is_ok());
    }
}
