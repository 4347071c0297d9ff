//! Content codings of a body too long to be held are taken off into a file that has no name, as far as
//! a bound.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use super::huge::PIECE_BYTES;
use crate::session::Reader;
use crate::tui::text::size;
use crate::wire::{ExchangeId, Side, coding_fault, coding_reader, is_plain_text};

/// How much of a coded body is decoded at most, in bytes: a bomb is cut here.
const DECODED_BYTES_MAX: u64 = 256 << 20;
/// How much of a body is read from the session at a time, in bytes.
const READ_BYTES: usize = 256 << 10;
/// How much of a body tells whether it is text, in bytes.
const HEAD_BYTES: u64 = 4096;

/// A coded body, decoded as far as it was needed.
pub(super) struct Spool {
    file: File,
    decoder: Option<Box<dyn Read + Send>>,
    written: u64,
}

impl Spool {
    pub(super) fn new(coding: &str, raw: Kept) -> io::Result<Self> {
        let raw = Box::new(BufReader::with_capacity(READ_BYTES, raw));
        let broken = |error| io::Error::other(coding_fault(coding, &error));
        Ok(Self {
            file: tempfile::tempfile()?,
            decoder: Some(decoder(coding, raw).map_err(broken)?),
            written: 0,
        })
    }

    /// Bytes decoded so far.
    pub(super) fn len(&self) -> u64 {
        self.written
    }

    /// Decodes one more piece; whether there may be more. What is wrong is told in `fault`.
    pub(super) fn go_on(&mut self, coding: &str, fault: &mut Option<String>) -> io::Result<bool> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(false);
        };
        let mut piece = vec![0; PIECE_BYTES];
        let mut filled = 0;
        let mut over = false;
        while filled < piece.len() && !over {
            match decoder.read(&mut piece[filled..]) {
                Ok(0) => over = true,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *fault = Some(coding_fault(coding, &error));
                    over = true;
                }
            }
        }
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(&piece[..filled])?;
        self.written += filled as u64;
        if self.written >= DECODED_BYTES_MAX && !over {
            let max = size(DECODED_BYTES_MAX);
            *fault = Some(format!("decoded as far as {max}, there is more"));
            over = true;
        }
        if over {
            self.decoder = None;
        }
        Ok(!over)
    }

    /// Decoded bytes from an offset on, as far as they are there.
    pub(super) fn read_at(&mut self, from: u64, at_most: usize) -> io::Result<Vec<u8>> {
        let left = self.written.saturating_sub(from);
        let mut piece = vec![0; at_most.min(usize::try_from(left).unwrap_or(at_most))];
        self.file.seek(SeekFrom::Start(from))?;
        self.file.read_exact(&mut piece)?;
        Ok(piece)
    }
}

/// Writes a body with its content codings taken off; returns how many bytes, and what is amiss. One of
/// which nothing can be decoded is written as it lies in the session.
pub(super) fn pour(
    coding: &str,
    kept: impl Fn() -> Kept,
    out: &mut dyn Write,
) -> io::Result<(u64, Option<String>)> {
    let raw = Box::new(BufReader::with_capacity(READ_BYTES, kept()));
    let mut written = 0;
    let pieces = || -> io::Result<Result<(), io::Error>> {
        let mut decoder = match decoder(coding, raw) {
            Ok(decoder) => decoder.take(DECODED_BYTES_MAX),
            Err(error) => return Ok(Err(error)),
        };
        let mut piece = vec![0; READ_BYTES];
        loop {
            let read = match decoder.read(&mut piece) {
                Ok(0) => return Ok(Ok(())),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(error)),
            };
            out.write_all(&piece[..read])?;
            written += read as u64;
        }
    };
    let Err(error) = pieces()? else {
        let cut = written == DECODED_BYTES_MAX;
        return Ok((written, cut.then(|| "there is more".to_owned())));
    };
    let fault = coding_fault(coding, &error);
    if written > 0 {
        return Ok((written, Some(fault)));
    }
    let mut head = Vec::new();
    kept().take(HEAD_BYTES).read_to_end(&mut head)?;
    let written = io::copy(&mut kept(), out)?;
    // Plain text, whatever its headers say: nothing of it is lost.
    let amiss = (!is_plain_text(&head)).then(|| format!("as it came: {fault}"));
    Ok((written, amiss))
}

/// A body as it lies in the session.
pub(super) struct Kept {
    reader: Reader,
    id: ExchangeId,
    side: Side,
    at: u64,
}

impl Kept {
    pub(super) fn new(reader: &Reader, id: ExchangeId, side: Side) -> Self {
        Self {
            reader: reader.clone(),
            id,
            side,
            at: 0,
        }
    }
}

impl Read for Kept {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = self.reader.body(self.id, self.side, self.at, into.len());
        let piece = piece.map_err(io::Error::other)?;
        into[..piece.len()].copy_from_slice(&piece);
        self.at += piece.len() as u64;
        Ok(piece.len())
    }
}

/// Takes the codings off, last one first.
fn decoder(codings: &str, raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut reader = raw;
    let codings = codings.split(',').map(str::trim).filter(|c| !c.is_empty());
    for coding in codings.rev() {
        reader = coding_reader(coding, reader)?;
    }
    Ok(reader)
}
