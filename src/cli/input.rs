//! A file that was recorded, whichever kind it is: recognised by content, never by name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::output::reason;
use crate::cors::Browser;
use crate::har;
use crate::session::{Reader, Session};

/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

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
        return play(reader, &name, rules);
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
    if start.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    let start = reader.fill_buf()?;
    if start.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        bail!(
            "{name} is neither a session nor a HAR file; save one as HAR from the browser's Network tab"
        );
    }
    Ok(reader)
}

fn play(reader: impl Read, name: &str, rules: Option<Browser>) -> Result<Loaded> {
    let (session, recorder) = Session::in_memory(rules, 0)?;
    let read = har::read(reader, &recorder).with_context(|| name.to_owned())?;
    drop(recorder);
    let reader = session.reader();
    session.finish()?;
    Ok(Loaded {
        reader,
        session: None,
        skipped: read.skipped,
    })
}
