//! Two origins side by side, byte for byte: what the answer allows, and what it should have been.

use std::fmt::Write as _;
use std::ops::Range;

use super::resemble;

/// A value found where another was needed, laid beside it: the pieces that both have and those
/// in which they differ, in order, nothing left out.
///
/// ```
/// use corscope::diagnose::Alignment;
/// let aligned = Alignment::of(b"https://app.test/", b"https://app.test");
/// assert_eq!(aligned.found_differs(), [16..17]);
/// assert!(aligned.needed_differs().is_empty());
/// assert_eq!(aligned.words(), "\"/\" too much at byte 17");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// The bytes that were sent.
    pub found: Vec<u8>,
    /// The bytes that the browser compared them with.
    pub needed: Vec<u8>,
    /// Both, cut at the same places.
    pub pieces: Vec<Piece>,
    /// What one looks like to the other, where that says more than the bytes; one short phrase.
    pub resembles: Option<&'static str>,
}

/// A stretch of an [`Alignment`]; one of the two may be empty where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of what was found.
    pub found: Range<usize>,
    /// Bytes of what was needed.
    pub needed: Range<usize>,
    /// Whether these bytes are not the same.
    pub differs: bool,
}

/// How many words of each value are laid beside each other one by one; beyond that a difference
/// is one piece. An origin has a dozen.
const WORDS_MAX: usize = 64;

impl Alignment {
    /// Lays two values side by side. The work is linear in their length.
    pub fn of(found: &[u8], needed: &[u8]) -> Self {
        let mut made = Self {
            found: found.to_vec(),
            needed: needed.to_vec(),
            pieces: Vec::with_capacity(4),
            resembles: resemble::how(found, needed),
        };
        let (a, b) = (words(found), words(needed));
        let same = |i: &Range<usize>, j: &Range<usize>| found[i.clone()] == needed[j.clone()];
        let head = a.iter().zip(&b).take_while(|(i, j)| same(i, j)).count();
        let room = a.len().min(b.len()) - head;
        let tail = a.iter().rev().zip(b.iter().rev()).take(room);
        let tail = tail.take_while(|(i, j)| same(i, j)).count();
        let (from_a, to_a) = (head, a.len() - tail);
        let (from_b, to_b) = (head, b.len() - tail);
        let start = |list: &[Range<usize>], at: usize, len: usize| {
            list.get(at).map_or(len, |word| word.start)
        };
        let at_a = |at| start(&a, at, found.len());
        let at_b = |at| start(&b, at, needed.len());
        made.push(0..at_a(from_a), 0..at_b(from_b), false);
        let (inner_a, inner_b) = (&a[from_a..to_a], &b[from_b..to_b]);
        let (mut i, mut j) = (0, 0);
        for (k, l) in common(inner_a, inner_b, same) {
            made.differing(
                at_a(from_a + i)..at_a(from_a + k),
                at_b(from_b + j)..at_b(from_b + l),
            );
            made.push(inner_a[k].clone(), inner_b[l].clone(), false);
            (i, j) = (k + 1, l + 1);
        }
        made.differing(at_a(from_a + i)..at_a(to_a), at_b(from_b + j)..at_b(to_b));
        made.push(at_a(to_a)..found.len(), at_b(to_b)..needed.len(), false);
        made
    }

    /// The bytes of what was found that are not in what was needed.
    pub fn found_differs(&self) -> Vec<Range<usize>> {
        let pieces = self.pieces.iter().filter(|p| p.differs);
        let ranges = pieces.map(|p| p.found.clone());
        ranges.filter(|range| !range.is_empty()).collect()
    }

    /// The bytes of what was needed that are not in what was found.
    pub fn needed_differs(&self) -> Vec<Range<usize>> {
        let pieces = self.pieces.iter().filter(|p| p.differs);
        let ranges = pieces.map(|p| p.needed.clone());
        ranges.filter(|range| !range.is_empty()).collect()
    }

    /// Where they differ, in a few words; empty where they have hardly a byte in common, or are
    /// the same. Positions count from 1.
    pub fn words(&self) -> String {
        const TOLD_MAX: usize = 2;
        let differ: Vec<&Piece> = self.pieces.iter().filter(|p| p.differs).collect();
        let shared: usize = self
            .pieces
            .iter()
            .filter(|p| !p.differs)
            .map(|p| p.found.len())
            .sum();
        let mut out = String::new();
        if shared * 3 >= self.needed.len() && !self.needed.is_empty() {
            for piece in differ.iter().take(TOLD_MAX) {
                if !out.is_empty() {
                    out.push_str(", ");
                }
                self.word(piece, &mut out);
            }
            if differ.len() > TOLD_MAX {
                let _ = write!(out, ", and {} more", differ.len() - TOLD_MAX);
            }
        }
        if let Some(how) = self.resembles {
            if !out.is_empty() {
                out.push_str("; ");
            }
            out.push_str(how);
        }
        out
    }

    fn word(&self, piece: &Piece, out: &mut String) {
        let quoted = |bytes: &[u8]| format!("\"{}\"", visible(bytes, 40));
        let found = &self.found[piece.found.clone()];
        let needed = &self.needed[piece.needed.clone()];
        let first = piece.found.start + 1;
        let bytes = match found.len() {
            1 => format!("byte {first}"),
            _ => format!("bytes {first} to {}", piece.found.end),
        };
        let _ = match (found, needed) {
            ([], _) if piece.found.start == self.found.len() => {
                write!(out, "{} missing at the end", quoted(needed))
            }
            ([], _) => write!(out, "{} missing before byte {first}", quoted(needed)),
            (_, []) => write!(out, "{} too much at {bytes}", quoted(found)),
            _ => write!(out, "{} at {bytes}, not {}", quoted(found), quoted(needed)),
        };
    }

    fn push(&mut self, found: Range<usize>, needed: Range<usize>, differs: bool) {
        if found.is_empty() && needed.is_empty() {
            return;
        }
        if let Some(last) = self.pieces.last_mut()
            && last.differs == differs
        {
            last.found.end = found.end;
            last.needed.end = needed.end;
            return;
        }
        self.pieces.push(Piece {
            found,
            needed,
            differs,
        });
    }

    /// A stretch that is not the same as a whole; what its words have in common is not marked.
    fn differing(&mut self, found: Range<usize>, needed: Range<usize>) {
        let (a, b) = (&self.found[found.clone()], &self.needed[needed.clone()]);
        if a.len() == b.len() && a.eq_ignore_ascii_case(b) {
            let same: Vec<bool> = a.iter().zip(b).map(|(x, y)| x == y).collect();
            for (at, same) in same.into_iter().enumerate() {
                let (i, j) = (found.start + at, needed.start + at);
                self.push(i..i + 1, j..j + 1, !same);
            }
            return;
        }
        let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        // No character is cut.
        let head = std::str::from_utf8(&a[..head]).map_or_else(|e| e.valid_up_to(), str::len);
        let room = a.len().min(b.len()) - head;
        let tail = a.iter().rev().zip(b.iter().rev()).take(room);
        let tail = tail.take_while(|(x, y)| x == y && x.is_ascii()).count();
        let all_of_one = head + tail == a.len().min(b.len());
        let most = (head + tail) * 2 >= a.len().max(b.len());
        if a.is_empty() || b.is_empty() || !(all_of_one || most) {
            self.push(found, needed, true);
            return;
        }
        let (i, j) = (found.start + head, needed.start + head);
        let (k, l) = (found.end - tail, needed.end - tail);
        self.push(found.start..i, needed.start..j, false);
        self.push(i..k, j..l, true);
        self.push(k..found.end, l..needed.end, false);
    }
}

/// Bytes as a person can tell them apart: what is not printable ASCII is spelled out, `\u{200b}`,
/// `\xff` where it is not UTF-8; at most so many characters.
pub fn visible(bytes: &[u8], chars_max: usize) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if out.len() >= chars_max {
                out.push('…');
                return out;
            }
            if c.is_ascii_graphic() {
                out.push(c);
            } else {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Runs of letters, digits and hyphens; every other character on its own.
fn words(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::with_capacity(16);
    let mut at = 0;
    let mut open = false;
    let mut push = |range: Range<usize>, word: bool| {
        match out.last_mut() {
            Some(last) if word && open => last.end = range.end,
            _ => out.push(range),
        }
        open = word;
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let word = c.is_alphanumeric() || matches!(c, '-' | '_');
            push(at..at + c.len_utf8(), word);
            at += c.len_utf8();
        }
        for _ in chunk.invalid() {
            push(at..at + 1, false);
            at += 1;
        }
    }
    out
}

/// The longest common subsequence of two short lists of words, as pairs of indices.
fn common(
    a: &[Range<usize>],
    b: &[Range<usize>],
    same: impl Fn(&Range<usize>, &Range<usize>) -> bool,
) -> Vec<(usize, usize)> {
    if a.len() > WORDS_MAX || b.len() > WORDS_MAX {
        return Vec::new();
    }
    let width = b.len() + 1;
    let mut best = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i * width + j] = if same(&a[i], &b[j]) {
                best[(i + 1) * width + j + 1] + 1
            } else {
                best[(i + 1) * width + j].max(best[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if same(&a[i], &b[j]) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[(i + 1) * width + j] >= best[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_bytes_are_marked_and_no_others() {
        for (found, needed, marked, lacking) in [
            ("https://app.test/", "https://app.test", "/", ""),
            ("https://APP.test", "https://app.test", "APP", "app"),
            ("https://App.test", "https://app.test", "A", "a"),
            ("http://app.test", "https://app.test", "", "s"),
            (
                "https://app.test:3000",
                "https://app.test:8080",
                "3000",
                "8080",
            ),
            ("https://app.test:3000", "https://app.test:3001", "0", "1"),
            ("https://app.test:443", "https://app.test", ":443", ""),
            ("https://www.app.test", "https://app.test", "www.", ""),
            ("https://app.test", "https://shop.app.test", "", "shop."),
            ("https://evilapp.test", "https://app.test", "evil", ""),
            (
                "https://app.test.evil.test",
                "https://app.test",
                ".evil.test",
                "",
            ),
            ("\"https://app.test\"", "https://app.test", "\"|\"", ""),
            (
                "https://app.test\u{200b}",
                "https://app.test",
                "\u{200b}",
                "",
            ),
            (
                "https://app.test/index.html",
                "https://app.test",
                "/index.html",
                "",
            ),
            ("app.test", "https://app.test", "", "https://"),
            (
                "http://localhost:3000",
                "http://127.0.0.1:3000",
                "localhost",
                "127.0.0.1",
            ),
            (
                "undefined",
                "https://app.test",
                "undefined",
                "https://app.test",
            ),
            ("", "https://app.test", "", "https://app.test"),
            ("https://app.test", "https://app.test", "", ""),
        ] {
            let aligned = Alignment::of(found.as_bytes(), needed.as_bytes());
            let text = |ranges: Vec<Range<usize>>, of: &str| {
                let pieces: Vec<&str> = ranges.into_iter().map(|r| &of[r]).collect();
                pieces.join("|")
            };
            assert_eq!(text(aligned.found_differs(), found), marked, "{found}");
            assert_eq!(text(aligned.needed_differs(), needed), lacking, "{found}");
        }
    }

    #[test]
    fn said_in_words() {
        let words =
            |found: &str, needed: &str| Alignment::of(found.as_bytes(), needed.as_bytes()).words();
        let page = "https://app.test";
        assert_eq!(
            words("http://app.test", page),
            "\"s\" missing before byte 5"
        );
        assert_eq!(
            words("https://app.test:3000", "https://app.test:8080"),
            "\"3000\" at bytes 18 to 21, not \"8080\""
        );
        assert_eq!(
            words("https://ap", "https://ap:81"),
            "\":81\" missing at the end"
        );
        assert_eq!(words("undefined", page), "");
        assert_eq!(words(page, page), "");
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(visible("a\u{200b}b".as_bytes(), 80), "a\\u{200b}b");
        assert_eq!(visible(b"a \xff\t", 80), "a\\u{20}\\xff\\u{9}");
        assert_eq!(visible("äbcd".as_bytes(), 7), "\\u{e4}b…");
    }
}
