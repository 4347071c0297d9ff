//! From a file to events.

use std::cell::RefCell;
use std::io::{self, Read};
use std::{fmt, fs};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::creator::Creator;
use super::entry::Entry;
use super::lenient::without_lone_surrogates;
use super::shelf::{At, Shelf, Told};
use super::source::Text;
use super::tell::tell;
use crate::capture::Recorder;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HarRead {
    /// Entries in the file, those skipped included.
    pub entries: usize,
    /// Why each skipped entry could not be used: `entry 7 (byte 5120): its request has no URL`.
    pub skipped: Vec<String>,
}

/// Why a file is no use as a HAR. One sentence with the next step in it.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// The file could not be read to its end.
    #[error("the file could not be read ({0}); check that it is still there and readable")]
    Io(#[source] io::Error),
    /// It stops in the middle.
    #[error(
        "the file ends too early (line {line}, column {column}, byte {offset}): it was cut off; save \
         the HAR again"
    )]
    CutOff {
        /// Where it ends.
        line: usize,
        /// Where it ends.
        column: usize,
        /// Where it ends, in bytes from its beginning.
        offset: u64,
    },
    /// It is something else.
    #[error(
        "this is not JSON (line {line}, column {column}, byte {offset}: {what}); save the traffic as \
         HAR, for example from the Network tab of the browser's developer tools"
    )]
    NotJson {
        /// Where the first mistake is.
        line: usize,
        /// Where the first mistake is.
        column: usize,
        /// Where the first mistake is, in bytes from the beginning.
        offset: u64,
        /// What the parser says about it.
        what: String,
    },
    /// It is JSON, but another kind.
    #[error(
        "this JSON is no HAR: it has no log.entries list; save the traffic as HAR, for example from \
         the Network tab of the browser's developer tools"
    )]
    NoEntries,
}

/// Reads a HAR and tells the recorder of its exchanges, in the order of time. The id of an exchange
/// is the index of its entry. Blocks while the listener is behind: not for async code.
pub fn read(reader: impl Read, recorder: &Recorder) -> Result<HarRead, HarError> {
    read_large(reader, None, recorder, |_| {})
}

/// As [`read`], of a file of any size in little memory: what is too much for that is read a second
/// time, from `again` if that is the same file and `reader` gives its bytes as they are, else from a
/// copy on disk. `progress` hears how far it is.
pub fn read_large(
    reader: impl Read,
    again: Option<fs::File>,
    recorder: &Recorder,
    progress: impl FnMut(HarProgress),
) -> Result<HarRead, HarError> {
    let progress = RefCell::new(progress);
    let at = |progressed| (progress.borrow_mut())(progressed);
    let text = Text::new(reader, |bytes| at(HarProgress::Read(bytes)));
    let (told, shelf, read) = collect(text, Shelf::new(again))?;
    tell(told, shelf, recorder, |done, all| {
        at(HarProgress::Told { done, all });
    })?;
    Ok(read)
}

/// How far the reading of a HAR is: first all is read, then all is told in the order of time, which
/// takes about as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HarProgress {
    /// So many bytes were read.
    Read(u64),
    /// So many of all beginnings, answers and ends were told.
    Told {
        /// Those that were.
        done: usize,
        /// All there are.
        all: usize,
    },
}

type Collected = (Vec<Option<Told>>, Shelf, HarRead);

fn collect(source: Text<'_>, shelf: Shelf) -> Result<Collected, HarError> {
    let hands = RefCell::new(Hands {
        source,
        told: Vec::new(),
        shelf,
        read: HarRead::default(),
        creator: Creator::default(),
        found: false,
        broken: None,
    });
    let mut json = serde_json::Deserializer::from_reader(Through(&hands));
    let parsed = Level {
        hands: &hands,
        log: false,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    drop(json);
    let hands = hands.into_inner();
    if let Some(broken) = hands.broken {
        return Err(HarError::Io(broken));
    }
    let offset = hands.source.offset();
    parsed.map_err(|error| HarError::of_json(error, offset))?;
    if !hands.found {
        return Err(HarError::NoEntries);
    }
    Ok((hands.told, hands.shelf, hands.read))
}

/// What the parser and those whom it calls share.
struct Hands<'a> {
    source: Text<'a>,
    told: Vec<Option<Told>>,
    shelf: Shelf,
    read: HarRead,
    creator: Creator,
    found: bool,
    broken: Option<io::Error>,
}

impl Hands<'_> {
    /// Takes an entry, which ends where the source stands.
    fn take(&mut self, json: &str) {
        let index = self.read.entries;
        self.read.entries += 1;
        let end = self.source.offset();
        let at = At {
            offset: end - json.len() as u64,
            len: json.len(),
            creator: self.creator,
        };
        self.told.push(match entry(json, self.creator) {
            Ok(Some(entry)) => {
                let faithful = self.source.faithful;
                match self.shelf.put(entry, json, at, faithful) {
                    Ok(told) => Some(told),
                    Err(error) => {
                        self.broken = Some(error);
                        None
                    }
                }
            }
            Ok(None) => None,
            Err(reason) => {
                let reason = format!("entry {index} (byte {}): {reason}", at.offset);
                self.read.skipped.push(reason);
                None
            }
        });
    }
}

/// The parser's way to the source, which others ask for its offset.
struct Through<'p, 'a>(&'p RefCell<Hands<'a>>);

impl Read for Through<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().source.read(into)
    }
}

impl HarError {
    /// What the parser said, when so many bytes had been read.
    pub(super) fn of_json(error: serde_json::Error, offset: u64) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Io => HarError::Io(error.into()),
            Category::Eof => HarError::CutOff {
                line,
                column,
                offset,
            },
            Category::Syntax => {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                HarError::NotJson {
                    line,
                    column,
                    // The byte that was wrong is among those that were read.
                    offset: offset.saturating_sub(1),
                    what: what.to_owned(),
                }
            }
            Category::Data => HarError::NoEntries,
        }
    }
}

/// The document, or its log. Only the list of entries is looked into; each is taken as raw text
/// first, so that a mistake in one does not end the file, and turned into our nouns before the next
/// is read.
#[derive(Clone, Copy)]
struct Level<'p, 'a> {
    hands: &'p RefCell<Hands<'a>>,
    log: bool,
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a HAR")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match (self.log, name.as_str()) {
                (false, "log") => map.next_value_seed(Level { log: true, ..self })?,
                (true, "entries") => map.next_value_seed(Entries(self.hands))?,
                (true, "creator") => {
                    let creator: Value = map.next_value()?;
                    self.hands.borrow_mut().creator = Creator::named(&creator["name"]);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Entries<'p, 'a>(&'p RefCell<Hands<'a>>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.borrow_mut().found = true;
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            let mut hands = self.0.borrow_mut();
            hands.take(raw.get());
            if hands.broken.is_some() {
                return Err(de::Error::custom("the copy cannot be written"));
            }
        }
        Ok(())
    }
}

pub(super) fn entry(json: &str, creator: Creator) -> Result<Option<Entry>, String> {
    Entry::parse(json, creator).or_else(|reason| match without_lone_surrogates(json) {
        Some(mended) => Entry::parse(&mended, creator),
        None => Err(reason),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::capture::queue;
    use crate::wire::ExchangeId;

    fn events(har: &str, shelf: Shelf) -> Vec<String> {
        let (recorder, mut queue) = queue(ExchangeId(0), u64::MAX);
        let text = Text::new(har.as_bytes(), |_| {});
        let (told, shelf, _) = collect(text, shelf).expect("a HAR");
        let mut heard = 0;
        tell(told, shelf, &recorder, |done, all| {
            heard += 1;
            assert!(done == heard && done <= all, "{done} of {all}");
        })
        .expect("told");
        assert_eq!(heard % 3, 0, "each begins, is answered and ends");
        queue
            .take()
            .iter()
            .map(|event| format!("{event:?}"))
            .collect()
    }

    #[test]
    fn what_does_not_fit_memory_is_read_again_and_told_the_same() {
        let entries: Vec<String> = (0..40)
            .map(|n| {
                let body = "x".repeat(n * 50);
                format!(
                    r#"{{"startedDateTime": "2026-11-23T08:00:{:02}Z", "time": 1500, "request": {{"url":
                    "https://a.test/{n}", "method": "POST", "postData": {{"text": "caf\u00e9 é {body}"}}}},
                    "response": {{"status": 200, "headers": [], "content": {{"text": "{body}"}}}}}}"#,
                    (n * 7) % 20
                )
            })
            .collect();
        let har = format!(r#" {{"log": {{"entries": [ {} ]}}}}"#, entries.join(" ,\n"));
        let in_memory = events(&har, Shelf::new(None));
        assert!(in_memory.len() > 150);
        let copied = events(&har, Shelf::new(None).with_room(0));
        assert!(copied == in_memory);
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(har.as_bytes()).expect("written");
        let again = events(&har, Shelf::new(Some(file)).with_room(20_000));
        assert!(again == in_memory);
    }
}
