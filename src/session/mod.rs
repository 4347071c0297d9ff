//! The live whole: a recording thread that hears every [`Event`](crate::capture::Event), the file it
//! writes, and [`Reader`]s that look at it.
//!
//! ```
//! use corscope::capture::now;
//! use corscope::session::Session;
//! use corscope::wire::{Client, End, HttpVersion, Kind, RequestHead, Source, Timings};
//!
//! let (session, recorder) = Session::in_memory(None, 1)?;
//! let request = RequestHead {
//!     method: "GET".into(),
//!     url: "https://api.app.test/v1".into(),
//!     version: HttpVersion::Http2,
//!     headers: Default::default(),
//! };
//! let exchange = recorder.open_now(Source::Proxy, Kind::Http, Client::default(), request, now());
//! exchange.close(End::Complete, Timings::default());
//! let reader = session.reader();
//! session.finish()?;
//! assert_eq!(reader.len(), 1);
//! # Ok::<(), corscope::session::SessionError>(())
//! ```

mod before;
mod ingest;
mod judging;
mod load;
mod marks;
mod reader;
mod row;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rusqlite::types::Value;

pub use crate::capture::{RowEnd, SessionError, now};
pub use marks::Mark;
pub use reader::{Counts, Reader};
pub use row::Row;

use crate::capture::{Archive, Limits, Recorder, Writer, queue};
use crate::cors::Browser;
use crate::wire::ExchangeId;
use ingest::Ingest;
use judging::Judging;
use whole::Whole;

/// The name of a session that has no file of its own.
pub const UNSAVED: &str = "unsaved";

/// How a session is recorded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file to make.
    pub path: PathBuf,
    /// How much of each body is kept, in bytes.
    pub kept_bytes_max: u64,
    /// All bodies and messages together take no more than this in the file, in bytes: the oldest leave
    /// to make room, their rows stay.
    pub stored_bytes_max: u64,
    /// As many exchanges are recorded, and no more.
    pub exchanges_max: u64,
    /// The file grows no larger than this, in bytes; then it is as if the disk were full.
    pub file_bytes_max: Option<u64>,
    /// Whose rules to apply; by User-Agent when `None`.
    pub rules: Option<Browser>,
    /// The id of the first exchange: 1 in a capture, 0 in an import, where it is an index.
    pub first_id: u64,
}

impl Options {
    /// How much of each body is kept unless told otherwise, in bytes.
    pub const KEPT_BYTES_MAX: u64 = 32 << 20;

    /// How much of all bodies is kept unless told otherwise, in bytes as they are stored.
    pub const STORED_BYTES_MAX: u64 = 4 << 30;

    /// How many exchanges are recorded unless told otherwise: about 200 bytes of memory each.
    pub const EXCHANGES_MAX: u64 = 5_000_000;

    /// A live capture into this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            kept_bytes_max: Self::KEPT_BYTES_MAX,
            stored_bytes_max: Self::STORED_BYTES_MAX,
            exchanges_max: Self::EXCHANGES_MAX,
            file_bytes_max: None,
            rules: None,
            first_id: 1,
        }
    }
}

/// A session: being recorded, or read back from its file. Dropping it ends the recording.
pub struct Session {
    whole: Arc<Whole>,
    recorder: Option<Recorder>,
    thread: Option<JoinHandle<Result<(), SessionError>>>,
}

impl Session {
    /// Starts recording into a new file, readable by its owner only.
    pub fn create(options: Options) -> Result<(Self, Recorder), SessionError> {
        let Options {
            path,
            kept_bytes_max,
            stored_bytes_max,
            exchanges_max,
            file_bytes_max,
            rules,
            first_id,
        } = options;
        let limits = Limits {
            stored_bytes_max: Some(stored_bytes_max),
            file_bytes_max,
        };
        let mut writer = Writer::create(&path, limits)?;
        let cap = i64::try_from(kept_bytes_max).unwrap_or(i64::MAX);
        let notes = [
            ("corscope", Value::Text(env!("CARGO_PKG_VERSION").into())),
            ("pid", Value::Integer(std::process::id().into())),
            ("started_at", Value::Integer(now().0)),
            ("first_id", Value::Integer(first_id as i64)),
            ("kept_bytes_max", Value::Integer(cap)),
        ];
        for (key, value) in notes {
            writer.note(key, &value)?;
        }
        let bounds = (kept_bytes_max, exchanges_max);
        Self::start(writer, name_of(&path), bounds, rules, first_id)
    }

    /// Starts recording without a file that others could see.
    pub fn in_memory(
        rules: Option<Browser>,
        first_id: u64,
    ) -> Result<(Self, Recorder), SessionError> {
        let writer = Writer::temporary()?;
        // A file that is read is taken in whole.
        let bounds = (Options::KEPT_BYTES_MAX, u64::MAX);
        Self::start(writer, UNSAVED.into(), bounds, rules, first_id)
    }

    fn start(
        writer: Writer,
        name: String,
        (kept_bytes_max, exchanges_max): (u64, u64),
        rules: Option<Browser>,
        first_id: u64,
    ) -> Result<(Self, Recorder), SessionError> {
        let first = ExchangeId(first_id);
        let (recorder, queue) = queue(first, kept_bytes_max);
        let archive = Archive::of(&writer);
        let whole = Whole::new(name, archive, first, rules.is_some());
        let whole = Arc::new(whole.fed_by(queue.unheard()));
        let ingest = Ingest::new(
            queue,
            writer,
            Arc::clone(&whole),
            Judging::new(rules, true),
            exchanges_max,
        );
        let thread = work(&whole, "corscope-ingest", move |_| ingest.run())?;
        let session = Self {
            whole,
            // Whatever others are switched to, this one ends this session.
            recorder: Some(recorder.fixed()),
            thread: Some(thread),
        };
        Ok((session, recorder))
    }

    /// Reads a session file; returns when all of it is read and judged. The file stays as it is.
    pub fn open(path: &Path, rules: Option<Browser>) -> Result<Self, SessionError> {
        let whole = Self::whole_of(path, rules)?;
        load::load(&whole, Judging::new(rules, false))?;
        Ok(Self {
            whole,
            recorder: None,
            thread: None,
        })
    }

    /// As [`open`](Self::open), but returns at once: rows appear as they are read, and what is wrong
    /// inside the file is told by [`Reader::trouble`]. [`finish`](Self::finish) waits for the end.
    pub fn view(path: &Path, rules: Option<Browser>) -> Result<Self, SessionError> {
        let whole = Self::whole_of(path, rules)?;
        let thread = work(&whole, "corscope-load", move |whole| {
            load::load(whole, Judging::new(rules, false))
        })?;
        Ok(Self {
            whole,
            recorder: None,
            thread: Some(thread),
        })
    }

    fn whole_of(path: &Path, rules: Option<Browser>) -> Result<Arc<Whole>, SessionError> {
        let archive = Archive::open(path)?;
        let first = archive.first_id()?.unwrap_or(ExchangeId(1));
        Ok(Arc::new(Whole::new(
            name_of(path),
            archive,
            first,
            rules.is_some(),
        )))
    }

    /// One who looks at it.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.whole))
    }

    /// Ends the recording: hears what is queued, writes it, settles every verdict, closes the file.
    /// Readers can go on looking.
    pub fn finish(mut self) -> Result<(), SessionError> {
        self.end()
    }

    /// As [`finish`](Self::finish), for when nobody will read a verdict any more: none is settled, so
    /// that it takes no longer the more was captured. The file is the same, for it holds no verdicts.
    pub fn leave(mut self) -> Result<(), SessionError> {
        self.whole.unwanted.store(true, Ordering::Relaxed);
        self.end()
    }

    fn end(&mut self) -> Result<(), SessionError> {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish();
        }
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(broken(&self.whole)),
        }
    }
}

/// Starts the thread of a session. What ends it early is told on the screen at once.
fn work(
    whole: &Arc<Whole>,
    name: &str,
    task: impl FnOnce(&Whole) -> Result<(), SessionError> + Send + 'static,
) -> Result<JoinHandle<Result<(), SessionError>>, SessionError> {
    let whole = Arc::clone(whole);
    let guarded = move || {
        let result = catch_unwind(AssertUnwindSafe(|| task(&whole)));
        let result = result.unwrap_or_else(|_| Err(broken(&whole)));
        if let Err(error) = &result {
            whole.set_trouble(Some(format!("The session is not complete: {error}.")));
            whole.bump();
        }
        result
    };
    std::thread::Builder::new()
        .name(name.into())
        .spawn(guarded)
        .map_err(|source| SessionError::Thread { source })
}

fn broken(whole: &Whole) -> SessionError {
    SessionError::Broken {
        path: whole.archive.path().to_owned(),
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.whole.unwanted.store(true, Ordering::Relaxed);
        // Whoever wants to know what went wrong calls `finish`.
        let _ = self.end();
    }
}

/// What a session is called: its file without the ending.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}
