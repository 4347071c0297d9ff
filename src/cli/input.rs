//! A file that was recorded, whichever kind it is: recognised by content, never by name.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read, Write as _};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::output::reason;
use crate::cors::Browser;
use crate::har::{self, HarProgress};
use crate::session::{Reader, Session};

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const UTF_8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// A finished capture, and what of it could not be read.
pub(super) struct Loaded {
    pub(super) reader: Reader,
    /// The session, where it is still being read.
    pub(super) session: Option<Session>,
    /// One reason per odd entry of a HAR.
    pub(super) skipped: Vec<String>,
}

/// Opens a session file or plays a HAR through a session of its own. `-` is a HAR on stdin.
pub(super) fn load(path: &Path, rules: Option<Browser>) -> Result<Loaded> {
    read(path, rules, false)
}

/// As [`load`], but of a session file the rows come while it is looked at.
pub(super) fn view(path: &Path, rules: Option<Browser>) -> Result<Loaded> {
    read(path, rules, true)
}

fn read(path: &Path, rules: Option<Browser>, at_once: bool) -> Result<Loaded> {
    let name = name(path);
    if let Some(reader) = har_text(path)? {
        return play(reader, path, &name, rules);
    }
    let session = if at_once {
        Session::view(path, rules)?
    } else {
        Session::open(path, rules)?
    };
    Ok(Loaded {
        reader: session.reader(),
        session: Some(session).filter(|_| at_once),
        skipped: Vec::new(),
    })
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The JSON of what should be a HAR, unpacked; `None` if the file is a session.
pub(super) fn har_text(path: &Path) -> Result<Option<Box<dyn BufRead>>> {
    let name = name(path);
    if path.as_os_str() == "-" {
        return har(BufReader::new(io::stdin()), &name).map(Some);
    }
    let file = File::open(path)
        .map_err(|error| anyhow!("cannot open {name} ({}); check the path", reason(&error)))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        bail!("{name} is a directory; give a session or HAR file in it");
    }
    let mut reader = BufReader::new(file);
    let start = reader
        .fill_buf()
        .map_err(|error| anyhow!("cannot read {name} ({}); check the disk", reason(&error)))?;
    if start.starts_with(SQLITE) {
        return Ok(None);
    }
    har(reader, &name).map(Some)
}

fn har(mut reader: impl BufRead + 'static, name: &str) -> Result<Box<dyn BufRead>> {
    let start = reader
        .fill_buf()
        .map_err(|error| anyhow!("cannot read {name} ({}); check the disk", reason(&error)))?;
    if start.is_empty() {
        bail!("{name} is empty; give a session or a HAR file");
    }
    let mut reader: Box<dyn BufRead> = if start.starts_with(GZIP) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(reader)
    };
    let start = reader
        .fill_buf()
        .map_err(|error| anyhow!("{name} is damaged ({}); save it again", reason(&error)))?;
    if start.starts_with(ZIP) {
        bail!("{name} is a zip archive; unpack it and give the HAR in it");
    }
    // The reader of HAR files knows what comes with a mark; UTF-16 has a zero beside each character.
    let start = start.strip_prefix(UTF_8_MARK).unwrap_or(start);
    let before = |b: &&u8| b.is_ascii_whitespace() || matches!(b, 0 | 0xfe | 0xff);
    if start.iter().find(|b| !before(b)) != Some(&b'{') {
        bail!(
            "{name} is neither a session nor a HAR file; save one as HAR from the browser's Network tab"
        );
    }
    Ok(reader)
}

fn play(reader: impl Read, path: &Path, name: &str, rules: Option<Browser>) -> Result<Loaded> {
    let (session, recorder) = Session::in_memory(rules, 0)?;
    let again = plain(path);
    let progress = Progress::of(name, again.as_ref());
    let read = har::read_large(reader, again, &recorder, |step| progress.at(step));
    progress.done();
    let read = read.with_context(|| name.to_owned())?;
    drop(recorder);
    let reader = session.reader();
    session.finish()?;
    Ok(Loaded {
        reader,
        session: None,
        skipped: read.skipped,
    })
}

/// The file once more, if its bytes are the HAR's.
fn plain(path: &Path) -> Option<File> {
    if path.as_os_str() == "-" {
        return None;
    }
    let mut file = File::open(path).ok()?;
    // What a pipe held is gone.
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return None;
    }
    let mut start = [0; 4];
    let known = file.read(&mut start).ok()?;
    let start = &start[..known];
    // Offsets are counted behind a mark.
    let other = [GZIP, ZSTD, UTF_8_MARK];
    (!other.iter().any(|mark| start.starts_with(mark))).then_some(file)
}

/// How far the reading of a large file is, said on a terminal.
struct Progress<'a> {
    name: &'a str,
    /// In bytes; 0: nothing is said.
    all_bytes: u64,
    told: Cell<u64>,
}

impl<'a> Progress<'a> {
    /// Files from this size on take so long that a person wonders, in bytes.
    const FROM_BYTES: u64 = 64 << 20;

    fn of(name: &'a str, file: Option<&File>) -> Self {
        let len = file
            .and_then(|file| file.metadata().ok())
            .map_or(0, |m| m.len());
        let worth_it = len >= Self::FROM_BYTES && io::stderr().is_terminal();
        Self {
            name,
            all_bytes: if worth_it { len } else { 0 },
            told: Cell::new(0),
        }
    }

    fn at(&self, progress: HarProgress) {
        if self.all_bytes == 0 {
            return;
        }
        let percent = match progress {
            HarProgress::Read(bytes) => bytes.min(self.all_bytes) * 50 / self.all_bytes,
            HarProgress::Told { done, all } => 50 + (done * 50 / all.max(1)) as u64,
        };
        if percent > self.told.get() {
            self.told.set(percent);
            let _ = write!(io::stderr(), "\rReading {}: {percent} %", self.name);
        }
    }

    // What follows stands where this stood.
    fn done(&self) {
        if self.told.get() > 0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
