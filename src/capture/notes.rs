//! What a person noted about exchanges, kept in the session file: the one thing that is written into
//! it after it was closed, and only when asked for.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::archive::Archive;
use super::error::SessionError;
use crate::wire::ExchangeId;

/// Made when the first note is kept; a file without it has none.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS note (
  exchange INTEGER PRIMARY KEY,
  text TEXT NOT NULL               -- empty: marked, without a comment
)";
/// More notes are not read.
const NOTES_MAX: usize = 100_000;
/// Of a longer note the beginning is kept, in bytes.
const NOTE_BYTES_MAX: usize = 16 << 10;
/// How long whoever records into the file may take.
const BUSY: Duration = Duration::from_secs(5);

impl Archive {
    /// What was noted, by exchange.
    pub fn notes(&self) -> Result<Vec<(ExchangeId, String)>, SessionError> {
        self.ask(|connection| {
            let known = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'note'";
            let known: i64 = connection.query_row(known, [], |row| row.get(0))?;
            if known == 0 {
                return Ok(Vec::new());
            }
            let all = "SELECT exchange, text FROM note ORDER BY exchange LIMIT ?1";
            let mut statement = connection.prepare(all)?;
            let rows = statement.query_map([NOTES_MAX as i64], |row| {
                let id: i64 = row.get(0)?;
                let text: String = row.get(1)?;
                Ok((ExchangeId(id.max(0) as u64), text))
            })?;
            rows.collect()
        })
    }

    /// Keeps a note, or takes it away. `false`: this session has no file to keep it in.
    pub fn keep_note(&self, id: ExchangeId, note: Option<&str>) -> Result<bool, SessionError> {
        if !self.has_file() {
            return Ok(false);
        }
        let told = |error| SessionError::from_database(self.path(), &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path(), flags).map_err(told)?;
        connection.busy_timeout(BUSY).map_err(told)?;
        connection.execute(TABLE, []).map_err(told)?;
        let id = id.0 as i64;
        let done = match note {
            Some(note) => {
                let note = &note[..note.floor_char_boundary(NOTE_BYTES_MAX.min(note.len()))];
                let keep = "INSERT OR REPLACE INTO note (exchange, text) VALUES (?1, ?2)";
                connection.execute(keep, params![id, note])
            }
            None => connection.execute("DELETE FROM note WHERE exchange = ?1", [id]),
        };
        done.map(|_| true).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::{Limits, Writer};
    use super::*;

    #[test]
    fn notes_are_kept_while_it_is_written_and_after() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.corscope");
        let mut writer = Writer::create(&path, Limits::default()).expect("a new file");
        let archive = Archive::of(&writer);
        let notes = |archive: &Archive| archive.notes().expect("readable");
        let keep = |id, note| Archive::of(&writer).keep_note(id, note).expect("kept");
        assert!(notes(&archive).is_empty());
        let (one, two) = (ExchangeId(1), ExchangeId(2));
        assert!(keep(one, Some("look here")) && keep(two, Some("")));
        assert!(keep(one, Some("and here")));
        writer.close().expect("closed");
        let archive = Archive::open(&path).expect("readable");
        let both = vec![(one, "and here".to_owned()), (two, String::new())];
        assert_eq!(notes(&archive), both);
        assert!(archive.keep_note(one, None).expect("kept"));
        assert_eq!(notes(&archive), [(two, String::new())]);
    }

    #[test]
    fn without_a_file_nothing_is_kept() {
        let writer = Writer::temporary().expect("there is room");
        let archive = Archive::of(&writer);
        let kept = archive.keep_note(ExchangeId(1), Some("x"));
        assert!(kept.is_ok_and(|kept| !kept));
    }
}
