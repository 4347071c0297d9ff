//! A session file that was deleted while it was written: noticed, and written anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::database::{Writer, connect, go_on, lock, new_file};
use super::error::SessionError;

impl Writer {
    /// Whether the file was deleted, or another put in its place, since it was made. What is written
    /// still goes into it, but nobody would find it.
    pub fn is_gone(&self) -> bool {
        self.file.is_some() && identity(&self.path) != self.file
    }

    /// Writes the file anew where it was deleted, with all that was in it, and goes on there. `let_go`
    /// makes readers let go of the old one.
    pub fn write_anew(&mut self, let_go: impl FnOnce()) -> Result<(), SessionError> {
        let deleted = |detail: String| SessionError::Deleted {
            path: self.path.clone(),
            detail,
        };
        if self.path.exists() {
            return Err(deleted("another file lies there".into()));
        }
        let whole = beside(&self.path, ".anew");
        new_file(&whole).map_err(|error| deleted(error.to_string()))?;
        let connection = Arc::clone(&self.connection);
        let mut connection = lock(&connection);
        let result = self.move_to(&mut connection, &whole, let_go);
        if result.is_err() {
            let _ = std::fs::remove_file(&whole);
        }
        let new = result.map_err(deleted)?;
        *connection = new;
        self.file = identity(&self.path);
        self.heads.clear();
        Ok(())
    }

    fn move_to(
        &self,
        connection: &mut Connection,
        whole: &Path,
        let_go: impl FnOnce(),
    ) -> Result<Connection, String> {
        let told = |error: rusqlite::Error| error.to_string();
        connection
            .execute("VACUUM INTO ?1", [whole.to_string_lossy()])
            .map_err(told)?;
        std::fs::rename(whole, &self.path).map_err(|error| error.to_string())?;
        let_go();
        // The log that bears its name is of the one that was deleted, and goes with the connection.
        *connection = Connection::open_in_memory().map_err(told)?;
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&self.path, ending));
        }
        let new = connect(&self.path).map_err(told)?;
        go_on(&new, true, None).map_err(told)?;
        new.set_prepared_statement_cache_capacity(32);
        Ok(new)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Device and number of the file at a path; `None` where there is none.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

// An open file cannot be deleted there.
#[cfg(not(unix))]
pub(super) fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}
