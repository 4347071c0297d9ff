//! Bodies too long to be held: where their lines begin is found out beside the screen, a slice at a
//! time, and what is looked at is read by windows.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::spool::{Kept, Spool};
use crate::session::Reader;
use crate::tui::text::{Document, HEX_ROW_BYTES, Syntax};
use crate::wire::{ExchangeId, Side};

/// A line longer than this is broken, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 1 << 10;
/// The beginning of every so-manieth line is remembered.
const REMEMBERED_EVERY: u64 = 512;
/// How many lines a window has.
const WINDOW_LINES: u64 = 400;
/// How many bytes a window of hex has.
const WINDOW_BYTES: u64 = (HEX_ROW_BYTES << 10) as u64;
/// How much is read at a time, in bytes.
pub(super) const PIECE_BYTES: usize = 1 << 20;
/// How long one slice of work may take.
pub(super) const SLICE: Duration = Duration::from_millis(40);

/// A body too long to be held.
pub(crate) struct Huge {
    id: ExchangeId,
    pub(super) side: Side,
    /// Bytes in the session; grows while the body does.
    kept: AtomicU64,
    coding: String,
    pub(crate) is_text: bool,
    syntax: Syntax,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Where every so-manieth line begins.
    remembered: Vec<u64>,
    lines: u64,
    /// Where the first line that was not counted begins.
    upto: u64,
    done: bool,
    spool: Option<Spool>,
    fault: Option<String>,
}

/// What is known of a huge body, and the part of it that is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct HugeView {
    /// Lines counted so far.
    pub(crate) lines: u64,
    /// Bytes that can be read so far.
    pub(crate) bytes: u64,
    /// Bytes whose lines were counted.
    pub(crate) counted: u64,
    pub(crate) done: bool,
    pub(crate) fault: Option<String>,
    pub(crate) window: Option<Window>,
}

/// A part of a huge body.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    /// Lines from this one on; where the text begins in the body.
    Lines(u64, u64, Box<Document>),
    /// Bytes from this one on.
    Bytes(u64, Bytes),
}

impl std::fmt::Debug for Huge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Huge({} {:?})", self.id, self.side)
    }
}

/// The same body, not an equal one.
impl PartialEq for Huge {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Huge {}

impl Huge {
    pub(super) fn new(
        id: ExchangeId,
        side: Side,
        kept: u64,
        coding: &str,
        is_text: bool,
        syntax: Syntax,
    ) -> Self {
        Self {
            id,
            side,
            kept: AtomicU64::new(kept),
            coding: coding.to_owned(),
            is_text,
            syntax,
            inner: Mutex::default(),
        }
    }

    /// Whether `other` is the same body, perhaps longer by now; then this one goes on with it.
    pub(crate) fn goes_on_as(&self, other: &Self) -> bool {
        let same = (self.id, self.side) == (other.id, other.side)
            && self.coding.is_empty()
            && other.coding.is_empty()
            && self.is_text == other.is_text;
        if same {
            let kept = other.kept.load(Ordering::Relaxed);
            if self.kept.swap(kept, Ordering::Relaxed) != kept {
                self.lock().done = false;
            }
        }
        same
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known by now.
    pub(super) fn view(&self) -> HugeView {
        let inner = self.lock();
        HugeView {
            lines: inner.lines,
            bytes: self.readable(&inner),
            counted: inner.upto,
            done: inner.done,
            fault: inner.fault.clone(),
            window: None,
        }
    }

    fn readable(&self, inner: &Inner) -> u64 {
        match &inner.spool {
            Some(spool) => spool.len(),
            None if self.coding.is_empty() => self.kept.load(Ordering::Relaxed),
            None => 0,
        }
    }

    /// Goes on decoding and counting for a while. Blocks.
    pub(super) fn go_on(&self, reader: &Reader) {
        let started = Instant::now();
        let mut inner = self.lock();
        while !inner.done && started.elapsed() < SLICE {
            if let Err(error) = self.step(reader, &mut inner) {
                inner.fault = Some(error.to_string());
                inner.done = true;
            }
        }
    }

    fn step(&self, reader: &Reader, inner: &mut Inner) -> io::Result<()> {
        let mut more = false;
        if !self.coding.is_empty() {
            more = self.decode(reader, inner)?;
        }
        let end = self.readable(inner);
        if !self.is_text {
            inner.upto = end;
            inner.done = !more;
            return Ok(());
        }
        let from = inner.upto;
        let piece = self.read_at(reader, inner, from, PIECE_BYTES)?;
        let last = !more && from + piece.len() as u64 >= end;
        let mut at = 0;
        while at < piece.len() {
            let Some((_, next)) = line_end(&piece, at, last) else {
                break;
            };
            if inner.lines.is_multiple_of(REMEMBERED_EVERY) {
                inner.remembered.push(from + at as u64);
            }
            inner.lines += 1;
            at = next;
        }
        inner.upto = from + at as u64;
        inner.done = last;
        Ok(())
    }

    /// Decodes one more piece; whether there may be more.
    fn decode(&self, reader: &Reader, inner: &mut Inner) -> io::Result<bool> {
        if inner.spool.is_none() {
            let raw = Kept::new(reader, self.id, self.side);
            inner.spool = Some(Spool::new(&self.coding, raw)?);
        }
        let Inner { spool, fault, .. } = inner;
        let Some(spool) = spool else { return Ok(false) };
        spool.go_on(&self.coding, fault)
    }

    fn read_at(
        &self,
        reader: &Reader,
        inner: &mut Inner,
        from: u64,
        at_most: usize,
    ) -> io::Result<Vec<u8>> {
        if let Some(spool) = &mut inner.spool {
            return spool.read_at(from, at_most);
        }
        if !self.coding.is_empty() {
            return Ok(Vec::new());
        }
        reader
            .body(self.id, self.side, from, at_most)
            .map_err(io::Error::other)
    }

    /// Bytes of the body, as far as they can be read. Blocks.
    pub(super) fn bytes(&self, reader: &Reader, from: u64, at_most: usize) -> Vec<u8> {
        let mut inner = self.lock();
        let read = self.read_at(reader, &mut inner, from, at_most);
        read.unwrap_or_default()
    }

    /// The lines around one. Blocks.
    pub(super) fn lines_around(&self, reader: &Reader, line: u64) -> Window {
        let first = line.saturating_sub(WINDOW_LINES / 2);
        let (start, piece) = self.lines_from(reader, first);
        let text = readable(piece);
        // A window is broken as the whole was: it begins where a line does.
        let document = Document::broken(text.into(), self.syntax, LINE_BYTES_MAX);
        Window::Lines(first, start, Box::new(document))
    }

    /// Where a line begins, and the bytes of a window from there.
    fn lines_from(&self, reader: &Reader, line: u64) -> (u64, Vec<u8>) {
        let mut inner = self.lock();
        let nth = usize::try_from(line / REMEMBERED_EVERY).unwrap_or(usize::MAX);
        let Some(from) = inner.remembered.get(nth).copied() else {
            return (0, Vec::new());
        };
        let skip = line % REMEMBERED_EVERY;
        let most = (skip + WINDOW_LINES) as usize * (LINE_BYTES_MAX + 2);
        let piece = self.read_at(reader, &mut inner, from, most);
        drop(inner);
        let piece = piece.unwrap_or_default();
        let mut starts = vec![0];
        let mut at = 0;
        while starts.len() as u64 <= skip + WINDOW_LINES {
            let Some((_, next)) = line_end(&piece, at, true).filter(|(_, n)| *n > at) else {
                break;
            };
            at = next;
            starts.push(at);
        }
        let start = starts.get(skip as usize).copied().unwrap_or(piece.len());
        (from + start as u64, piece[start..at.max(start)].to_vec())
    }

    /// The bytes around one. Blocks.
    pub(super) fn bytes_around(&self, reader: &Reader, at: u64) -> Window {
        let from = at.saturating_sub(WINDOW_BYTES / 2);
        let from = from - from % HEX_ROW_BYTES as u64;
        let bytes = self.bytes(reader, from, WINDOW_BYTES as usize);
        Window::Bytes(from, bytes.into())
    }

    /// The line that holds a byte. Blocks.
    pub(super) fn line_of(&self, reader: &Reader, byte: u64) -> u64 {
        let mut inner = self.lock();
        let nth = inner.remembered.partition_point(|start| *start <= byte);
        let Some(nth) = nth.checked_sub(1) else {
            return 0;
        };
        let from = inner.remembered[nth];
        let most = REMEMBERED_EVERY as usize * (LINE_BYTES_MAX + 2);
        let piece = self.read_at(reader, &mut inner, from, most);
        drop(inner);
        let piece = piece.unwrap_or_default();
        let wanted = usize::try_from(byte - from).unwrap_or(usize::MAX);
        let (mut line, mut at) = (nth as u64 * REMEMBERED_EVERY, 0);
        while let Some((_, next)) = line_end(&piece, at, true).filter(|(_, n)| *n > at) {
            if next > wanted {
                break;
            }
            line += 1;
            at = next;
        }
        line
    }
}

impl HugeView {
    /// Whether a part is there.
    pub(crate) fn has(&self, part: &Part) -> bool {
        match (&self.window, part) {
            (Some(Window::Lines(first, _, document)), Part::Lines(wanted)) => {
                let last = first + document.lines.len() as u64;
                wanted.start >= *first && wanted.end.min(self.lines) <= last
            }
            (Some(Window::Bytes(first, bytes)), Part::Bytes(wanted)) => {
                let last = first + bytes.len() as u64;
                wanted.start >= *first && wanted.end.min(self.bytes) <= last
            }
            _ => false,
        }
    }
}

/// What of a huge body is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Lines(Range<u64>),
    Bytes(Range<u64>),
}

/// Where the line that begins here ends, and where the next begins; `None` if that is not to be
/// seen yet.
fn line_end(piece: &[u8], at: usize, last: bool) -> Option<(usize, usize)> {
    let rest = &piece[at..];
    let window = &rest[..rest.len().min(LINE_BYTES_MAX + 1)];
    if let Some(end) = memchr::memchr(b'\n', window) {
        return Some((at + end, at + end + 1));
    }
    if rest.len() > LINE_BYTES_MAX {
        let mut cut = LINE_BYTES_MAX;
        // Not within a character of UTF-8, which has at most four bytes.
        while cut > LINE_BYTES_MAX - 4 && rest[cut] & 0xc0 == 0x80 {
            cut -= 1;
        }
        return Some((at + cut, at + cut));
    }
    (last && !rest.is_empty()).then_some((piece.len(), piece.len()))
}

/// As text; what is no UTF-8 becomes the control character SUB byte by byte, so that everything stays
/// where it is. It is drawn as `␚`.
fn readable(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut bytes = error.into_bytes();
        let mut at = 0;
        while let Err(error) = std::str::from_utf8(&bytes[at..]) {
            let bad = at + error.valid_up_to();
            let end = error.error_len().map_or(bytes.len(), |len| bad + len);
            bytes[bad..end].fill(0x1a);
            at = end;
        }
        String::from_utf8(bytes).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_do_and_long_ones_are_broken_between_characters() {
        assert_eq!(line_end(b"ab\ncd", 0, false), Some((2, 3)));
        assert_eq!(line_end(b"ab\ncd", 3, false), None);
        assert_eq!(line_end(b"ab\ncd", 3, true), Some((5, 5)));
        let long = "é".repeat(LINE_BYTES_MAX).into_bytes();
        let shifted = [b"x", &long[..]].concat();
        for text in [&long, &shifted] {
            let (_, next) = line_end(text, 0, false).expect("it is longer than a line");
            assert!(std::str::from_utf8(&text[..next]).is_ok());
        }
    }

    #[test]
    fn what_is_no_text_keeps_its_place() {
        assert_eq!(readable(b"a\xff\xfeb\xc3".to_vec()), "a\u{1a}\u{1a}b\u{1a}");
    }
}
