//! What can be wrong with a session and its file.

use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a session and its file; each sentence says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The file is there already.
    #[error("{} exists already and was left as it is; choose another name for the session", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot create the session file {}: {source}; choose a directory you may write to", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}; check the name and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a corscope session; open a file written by `corscope record`, or a HAR file", path.display())]
    NotASession {
        /// The file.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("{} was written by a newer corscope (format {found}, this one reads up to {known}); update corscope to open it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The file ends early.
    #[error("{} is cut short: {found_bytes} of {expected_bytes} bytes are there; copy it again from where it came from", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        found_bytes: u64,
        /// The size it says it has.
        expected_bytes: u64,
    },
    /// The file is damaged.
    #[error("{} is damaged ({detail}); copy it again from where it came from, or rescue what is left with `sqlite3 FILE .recover`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// There is no room.
    #[error("no room left to write {}; free some disk space", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// It was deleted while it was written, and cannot be written anew.
    #[error("{} was deleted while it was recorded, and cannot be written anew ({detail}); give that place back to it before corscope ends", path.display())]
    Deleted {
        /// The file.
        path: PathBuf,
        /// Why it cannot.
        detail: String,
    },
    /// Another process holds it.
    #[error("{} is in use by another process; try again when it has finished", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the session file {} cannot be used: {detail}; check the disk it is on", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
    /// corscope itself failed.
    #[error("corscope failed inside while working on {}; what was written until then is safe, start it again", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// The thread that records cannot be started.
    #[error("cannot start the recording thread: {source}; close some programs and try again")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}

impl SessionError {
    /// What the database said, told as the situation it is.
    pub(super) fn from_database(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::NotADatabase) => Self::NotASession { path },
            Some(Code::DatabaseCorrupt) => Self::Corrupt { path, detail },
            Some(Code::DiskFull) => Self::Full { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy { path },
            Some(_) => Self::Disk { path, detail },
            // Not from the disk but from what was read: a column of an unexpected type.
            None => Self::Corrupt { path, detail },
        }
    }
}
