//! A body for reading: what it is, the ways it can be shown, and where a person is in it. Bodies up
//! to a few megabytes are here whole, laid out; longer ones are read by windows ([`Huge`]).

mod find;
mod huge;
mod leaf;
mod make;
mod media;
mod reading;
mod spool;

use bytes::Bytes;
use std::io::{self, Write};
use std::sync::Arc;

pub(crate) use huge::{Huge, HugeView, Window};
use leaf::Want;
pub(crate) use leaf::turn;
pub use leaf::{LeafAnswer, LeafRequest};
pub(crate) use make::make;
pub(crate) use media::Preview;
pub(crate) use reading::Reading;

use super::tables::Table;
use super::text::{Document, size};
use crate::session::Reader;
use crate::wire::{End, Exchange, ExchangeId, HeaderList, Side};

/// Writes a body with its content codings taken off; returns how many bytes, and what is amiss.
/// Blocks: reads the session.
pub fn pour(
    reader: &Reader,
    id: ExchangeId,
    side: Side,
    out: &mut dyn Write,
) -> io::Result<(u64, Option<String>)> {
    let Some(exchange) = reader.exchange(id) else {
        return Err(io::Error::other("it cannot be read from the session"));
    };
    let none = HeaderList::new();
    let headers = match side {
        Side::Request => &*exchange.request.headers,
        Side::Response => exchange.response.as_ref().map_or(&none, |r| &*r.headers),
    };
    let coding = headers.get("content-encoding").unwrap_or_default();
    let coding = coding.trim().to_ascii_lowercase();
    let (bytes, amiss) = spool::pour(&coding, || spool::Kept::new(reader, id, side), out)?;
    // Where the beginning is all there is, a coding that breaks off is no news.
    Ok((bytes, lacking(&exchange, side).or(amiss)))
}

/// Why what is kept of a body is not all of it; `None` where it is, as far as anybody knows.
fn lacking(exchange: &Exchange, side: Side) -> Option<String> {
    let facts = match side {
        Side::Request => &exchange.request_body,
        Side::Response => &exchange.response_body,
    };
    if facts.is_truncated() {
        let (kept, seen) = (size(facts.kept_bytes), size(facts.seen_bytes));
        return Some(format!("incomplete: only {kept} of {seen} were kept"));
    }
    // A request that was answered is taken to have been read to its end.
    if side == Side::Request && exchange.response.is_some() {
        return None;
    }
    match &exchange.end {
        End::Complete => None,
        End::Open => Some("incomplete: more may come".to_owned()),
        End::Aborted => Some("incomplete: the browser went away before its end".to_owned()),
        End::Failed(failure) => Some(format!("incomplete: {}", failure.detail)),
    }
}

/// A way to show a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Laid out for reading.
    Pretty,
    /// As it came, line by line.
    #[default]
    Raw,
    /// Its bytes.
    Hex,
}

impl Mode {
    /// As written on the screen.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Raw => "as it came",
            Self::Hex => "hex",
        }
    }

    /// As said in a sentence.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Pretty => "laid out for reading",
            Self::Raw => "as it came",
            Self::Hex => "in hex",
        }
    }
}

/// A body for reading, content codings taken off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    /// What it was taken for: `JSON`, `HTML`, `text`, `hex`, `no body`.
    pub(crate) form: &'static str,
    /// What a reader should know first: cut, coding taken off, not valid.
    pub(crate) notes: Vec<String>,
    /// Laid out, where there is such a layout for its form.
    pub(crate) pretty: Option<Document>,
    /// Line by line, if it is text.
    pub(crate) raw: Option<Document>,
    /// The bytes, if they are here whole.
    pub(crate) bytes: Bytes,
    /// A small copy, if it is an image.
    pub(crate) preview: Option<Preview>,
    /// What is packed into it.
    pub(crate) tables: Vec<Table>,
    /// Where it is too long to be here whole.
    pub(crate) huge: Option<Arc<Huge>>,
}

impl Body {
    /// A body of which nothing is there to show.
    pub(crate) fn nothing(form: &'static str, notes: Vec<String>) -> Self {
        Self {
            form,
            notes,
            ..Self::default()
        }
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.huge.is_none()
    }

    /// The ways it can be shown, the best first.
    pub(crate) fn modes(&self) -> Vec<Mode> {
        if self.is_empty() {
            return Vec::new();
        }
        let text = self.huge.as_ref().map_or(self.raw.is_some(), |h| h.is_text);
        let mut modes = Vec::new();
        if self.pretty.is_some() {
            modes.push(Mode::Pretty);
        }
        if text {
            modes.push(Mode::Raw);
        }
        modes.push(Mode::Hex);
        modes
    }

    /// What is shown in a mode; `None` in hex, and where it is read by windows.
    pub(crate) fn document(&self, mode: Mode) -> Option<&Document> {
        match mode {
            Mode::Pretty => self.pretty.as_ref(),
            Mode::Raw => self.raw.as_ref(),
            Mode::Hex => None,
        }
    }
}
