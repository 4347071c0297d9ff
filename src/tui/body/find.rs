//! Finding a text in a body.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};

use super::huge::{Huge, SLICE};
use crate::session::Reader;

/// How many places are remembered.
pub(crate) const PLACES_MAX: usize = 10_000;
/// How much of a huge body is searched at a time, in bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FindIn {
    /// A text that is here whole.
    Text(Arc<str>),
    /// Bytes that are here whole.
    Bytes(Bytes),
    /// A body that is read by windows.
    Huge(Arc<Huge>),
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which search; what an earlier one found counts for nothing.
    pub(crate) number: u64,
    pub(crate) wanted: String,
    pub(crate) place: FindIn,
    /// Everything before was looked at.
    pub(crate) from: u64,
}

/// What a search, or a slice of it, came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) number: u64,
    /// Bytes of the text or body, ascending.
    pub(crate) places: Vec<Range<u64>>,
    pub(crate) upto: u64,
    pub(crate) done: bool,
}

/// Looks for a while. Blocks.
pub(super) fn find(reader: &Reader, finding: &Finding) -> Found {
    let mut found = Found {
        number: finding.number,
        upto: finding.from,
        ..Found::default()
    };
    let Some(pattern) = pattern(&finding.wanted) else {
        found.done = true;
        return found;
    };
    match &finding.place {
        FindIn::Text(text) => whole(&pattern, text.as_bytes(), &mut found),
        FindIn::Bytes(bytes) => whole(&pattern, bytes, &mut found),
        FindIn::Huge(huge) => by_pieces(reader, huge, &pattern, finding, &mut found),
    }
    found
}

/// Letters in either case, unless a capital is among them.
fn pattern(wanted: &str) -> Option<Regex> {
    let exact = wanted.chars().any(char::is_uppercase);
    RegexBuilder::new(&regex::escape(wanted))
        .case_insensitive(!exact)
        .build()
        .ok()
        .filter(|_| !wanted.is_empty())
}

fn whole(pattern: &Regex, bytes: &[u8], found: &mut Found) {
    let places = pattern.find_iter(bytes).take(PLACES_MAX + 1);
    found.places = places.map(|m| m.start() as u64..m.end() as u64).collect();
    found.upto = bytes.len() as u64;
    found.done = true;
}

fn by_pieces(reader: &Reader, huge: &Huge, pattern: &Regex, finding: &Finding, found: &mut Found) {
    let started = Instant::now();
    // Letters in another case may take more bytes.
    let overlap = finding.wanted.len() * 3;
    while started.elapsed() < SLICE && !found.done {
        let piece = huge.bytes(reader, found.upto, PIECE_BYTES);
        let last = piece.len() < PIECE_BYTES;
        // What begins in the overlap is found with the next piece.
        let ours = if last {
            piece.len()
        } else {
            piece.len() - overlap.min(piece.len() / 2)
        };
        let mut next = ours;
        for place in pattern.find_iter(&piece) {
            if place.start() >= ours {
                break;
            }
            next = next.max(place.end());
            let at = found.upto;
            found
                .places
                .push(at + place.start() as u64..at + place.end() as u64);
            if found.places.len() > PLACES_MAX {
                found.done = true;
                break;
            }
        }
        found.upto += next as u64;
        found.done |= last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(wanted: &str, text: &str) -> Vec<(u64, u64)> {
        let mut found = Found::default();
        if let Some(pattern) = pattern(wanted) {
            whole(&pattern, text.as_bytes(), &mut found);
        }
        found.places.iter().map(|p| (p.start, p.end)).collect()
    }

    #[test]
    fn letters_in_either_case_unless_there_is_a_capital() {
        assert_eq!(places("ab", "xAbab"), [(1, 3), (3, 5)]);
        assert_eq!(places("Ab", "xAbab"), [(1, 3)]);
        assert_eq!(places("é", "É"), [(0, 2)]);
        assert_eq!(places(".*", "a.*"), [(1, 3)]);
        assert!(places("", "a").is_empty());
    }
}
