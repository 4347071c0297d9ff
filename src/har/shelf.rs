//! Where entries wait until it is their turn: in memory, or in the file they came from.
//!
//! A HAR is told in the order of time, in which its entries need not stand. So the file is read to its
//! end first, and of each entry only the little that decides the order is kept. The entries themselves
//! stay in memory up to a limit; those beyond it are read once more when they are told.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::creator::Creator;
use super::entry::Entry;
use super::read::entry;
use crate::wire::Timestamp;

/// Entries stay in memory up to this size in all.
const KEPT_BYTES_MAX: u64 = 48 << 20;

/// About what an entry takes in memory beside its text, in bytes.
const ENTRY_BYTES: u64 = 1_000;

/// Where an entry stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) creator: Creator,
}

/// An entry that waits.
pub(super) struct Told {
    pub(super) brief: Brief,
    place: Place,
}

/// What decides the order in which entries are told. Texts are only ever compared, so their hashes do.
pub(super) struct Brief {
    pub(super) started: Option<Timestamp>,
    pub(super) held_micros: u64,
    pub(super) answered_micros: u64,
    pub(super) total_micros: u64,
    pub(super) answered: bool,
    pub(super) may_be_unsent: bool,
    pub(super) preflight: bool,
    /// Whether the time of its preflight is told as its own waiting.
    pub(super) counts_preflight: bool,
    pub(super) url: u64,
    method: u64,
    origin: Option<u64>,
    /// The method that a preflight asks for.
    asked_method: Option<u64>,
}

enum Place {
    /// In memory; `None` while it is told.
    Here(Option<Box<Entry>>),
    /// In the file itself.
    File(At),
    /// In the copy.
    Copy(At),
}

/// Keeps what waits.
pub(super) struct Shelf {
    kept_bytes: u64,
    kept_bytes_max: u64,
    again: Option<File>,
    copy: Option<File>,
    copied_bytes: u64,
}

impl Shelf {
    pub(super) fn new(again: Option<File>) -> Self {
        Self {
            kept_bytes: 0,
            kept_bytes_max: KEPT_BYTES_MAX,
            again,
            copy: None,
            copied_bytes: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn with_room(mut self, kept_bytes_max: u64) -> Self {
        self.kept_bytes_max = kept_bytes_max;
        self
    }

    /// Puts an entry by. `faithful`: its text lies in the file just so.
    pub(super) fn put(
        &mut self,
        entry: Entry,
        json: &str,
        at: At,
        faithful: bool,
    ) -> io::Result<Told> {
        let brief = Brief::of(&entry, at.creator);
        let takes = ENTRY_BYTES + json.len() as u64;
        let place = if self.kept_bytes + takes <= self.kept_bytes_max {
            self.kept_bytes += takes;
            Place::Here(Some(Box::new(entry)))
        } else if faithful && self.again.is_some() {
            Place::File(at)
        } else {
            let copy = match &mut self.copy {
                Some(copy) => copy,
                none => none.insert(scratch()?),
            };
            copy.write_all(json.as_bytes())?;
            let offset = self.copied_bytes;
            self.copied_bytes += json.len() as u64;
            Place::Copy(At { offset, ..at })
        };
        Ok(Told { brief, place })
    }

    /// The entry itself.
    pub(super) fn take(&mut self, told: &mut Told) -> io::Result<Entry> {
        let (file, at) = match &mut told.place {
            Place::Here(entry) => return entry.take().map(|entry| *entry).ok_or_else(gone),
            Place::File(at) => (&mut self.again, *at),
            Place::Copy(at) => (&mut self.copy, *at),
        };
        let file = file.as_mut().ok_or_else(gone)?;
        let mut text = vec![0; at.len];
        file.seek(SeekFrom::Start(at.offset))?;
        file.read_exact(&mut text)?;
        let text = String::from_utf8(text).map_err(|_| gone())?;
        entry(&text, at.creator).ok().flatten().ok_or_else(gone)
    }

    /// Puts an entry back that is needed again.
    pub(super) fn give_back(told: &mut Told, entry: Entry) {
        if let Place::Here(place) = &mut told.place {
            *place = Some(Box::new(entry));
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("it changed while it was read")
}

/// A file without a name, on a disk: the directory for temporary files may lie in memory.
fn scratch() -> io::Result<File> {
    tempfile::tempfile_in("/var/tmp").or_else(|_| tempfile::tempfile())
}

impl Brief {
    fn of(entry: &Entry, creator: Creator) -> Self {
        let request = &entry.request;
        let field = |name| request.headers.get(name).map(|value| hash(&value));
        Self {
            started: entry.started,
            held_micros: entry.held_micros,
            answered_micros: entry.answered_micros,
            total_micros: entry.total_micros,
            answered: entry.response.is_some(),
            may_be_unsent: entry.may_be_unsent(),
            preflight: request.is_preflight(),
            counts_preflight: creator != Creator::Firefox,
            url: hash(&request.url),
            method: hash(&request.method),
            origin: field("origin"),
            asked_method: field("access-control-request-method"),
        }
    }

    /// Whether this preflight asks for that request.
    pub(super) fn asks_for(&self, other: &Self) -> bool {
        self.asked_method == Some(other.method)
            && (other.origin.is_none() || other.origin == self.origin)
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
