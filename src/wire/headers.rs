//! An ordered header list, as the Fetch standard defines it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The header fields of one message, in wire order, duplicates kept.
///
/// All fields lie in one block of `name ':' value '\n'` lines, so a list costs two allocations and
/// is stored in a session file as it is ([`as_block`](Self::as_block)). Names keep the letter case
/// they came in; every look-up ignores ASCII case. Values are bytes with leading and trailing
/// HTTP whitespace removed ([Fetch § Headers](https://fetch.spec.whatwg.org/#headers-class),
/// "normalize"); they never hold CR, LF or NUL.
///
/// ```
/// use corscope::wire::HeaderList;
/// let list = HeaderList::from_pairs([("Vary", "Accept"), ("vary", " Origin ")]);
/// assert_eq!(list.get("VARY").as_deref(), Some("Accept, Origin"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderList {
    block: Vec<u8>,
    spans: Vec<Span>,
    // A bit for each name that is there: rules ask for many that are not.
    marks: u128,
}

/// The bit of a name, letter case ignored: from its length and both its ends, in which the names of
/// one family (`access-control-...`, `sec-fetch-...`) differ.
#[inline]
const fn mark(name: &[u8]) -> u128 {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return 1;
    };
    let ends = (*first | 0x20) as u32 * 37 + (*last | 0x20) as u32 * 5;
    1 << ((name.len() as u32).wrapping_mul(11).wrapping_add(ends) % 128)
}

/// The last four bytes of a name with the bit set that tells lower from upper case in letters: of names
/// that are the same they are the same.
#[inline]
fn tail_of(name: &[u8]) -> u32 {
    let tail = name.last_chunk().copied().unwrap_or_default();
    u32::from_ne_bytes(tail) | 0x2020_2020
}

/// Where one field lies in the block: the name from `start`, the value behind the colon.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    name: u32,
    value: u32,
}

/// One header field, borrowed from its list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name in the letter case it came in.
    pub name: &'a str,
    /// The value, trimmed of HTTP whitespace.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value as text, each byte one character (isomorphic decode, Infra standard).
    pub fn text(&self) -> String {
        self.as_text().into_owned()
    }

    /// As [`text`](Self::text), borrowed where it is ASCII.
    pub fn as_text(&self) -> Cow<'a, str> {
        let ascii = self.value.is_ascii().then_some(self.value);
        match ascii.map(std::str::from_utf8) {
            Some(Ok(text)) => Cow::Borrowed(text),
            _ => Cow::Owned(isomorphic(self.value)),
        }
    }

    /// Whether the field has this name, ASCII case ignored.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value's length in bytes.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether the value is empty.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }
}

impl HeaderList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room for this many fields and for their bytes, counting each with the
    /// colon and the line end it is kept with.
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self {
            block: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(fields),
            marks: 0,
        }
    }

    /// A list of these fields, in this order.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut list = Self::new();
        for (name, value) in pairs {
            list.push(name.as_ref(), value.as_ref());
        }
        list
    }

    /// Adds a field at the end. CR, LF and NUL in either part become a space, and so does a colon in
    /// the name, so that a list can always be written as lines and read again.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let value = trim(value);
        let start = u32::try_from(self.block.len()).unwrap_or(u32::MAX);
        self.block.reserve(name.len() + value.len() + 2);
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            self.block.extend_from_slice(name.as_bytes());
        } else {
            let in_name = |b| if b == b':' { b' ' } else { defused(b) };
            self.block.extend(name.bytes().map(in_name));
        }
        let written = &self.block[start as usize..];
        self.marks |= mark(written);
        if !written.last().is_some_and(u8::is_ascii_graphic) {
            // `all_spaced` looks for it without the white space behind it.
            let text = std::str::from_utf8(written).unwrap_or("");
            self.marks |= mark(text.trim_end().as_bytes());
        }
        self.block.push(b':');
        if memchr::memchr3(b'\r', b'\n', 0, value).is_none() {
            self.block.extend_from_slice(value);
        } else {
            self.block.extend(value.iter().copied().map(defused));
        }
        self.block.push(b'\n');
        self.spans.push(Span {
            start,
            name: name.len() as u32,
            value: value.len() as u32,
        });
    }

    /// As [`push`](Self::push), for a name and a value that HTTP allows, as a parser of it hands them
    /// over: what nobody need look for in them is not looked for.
    pub(crate) fn push_lawful(&mut self, name: &str, value: &[u8]) {
        let value = value.trim_ascii();
        let start = u32::try_from(self.block.len()).unwrap_or(u32::MAX);
        self.marks |= mark(name.as_bytes());
        self.block.reserve(name.len() + value.len() + 2);
        self.block.extend_from_slice(name.as_bytes());
        self.block.push(b':');
        self.block.extend_from_slice(value);
        self.block.push(b'\n');
        self.spans.push(Span {
            start,
            name: name.len() as u32,
            value: value.len() as u32,
        });
    }

    /// Removes every field with this name, ASCII case ignored; says how many went.
    pub fn remove(&mut self, name: &str) -> usize {
        let kept: Vec<(String, Vec<u8>)> = self
            .iter()
            .filter(|f| !f.is(name))
            .map(|f| (f.name.to_owned(), f.value.to_vec()))
            .collect();
        let gone = self.len() - kept.len();
        if gone > 0 {
            *self = Self::from_pairs(kept);
        }
        gone
    }

    /// Fields in wire order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> + ExactSizeIterator {
        self.spans.iter().map(|span| self.field(span))
    }

    /// Fields whose name, as bytes, is wanted: for who passes over most of them.
    pub(crate) fn iter_where(
        &self,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> impl Iterator<Item = Field<'_>> {
        let name = |span: &Span| &self.block[span.start as usize..][..span.name as usize];
        let spans = self.spans.iter().filter(move |span| wanted(name(span)));
        spans.map(|span| self.field(span))
    }

    fn field(&self, span: &Span) -> Field<'_> {
        let start = span.start as usize;
        let colon = start + span.name as usize;
        let value = self.value(span);
        // Names enter as `&str` or are checked in `from_block`.
        let name = std::str::from_utf8(&self.block[start..colon]).unwrap_or("");
        Field { name, value }
    }

    /// Fields with this name, ASCII case ignored, in wire order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = Field<'a>> {
        self.spans_of(name).map(|span| self.field(span))
    }

    fn spans_of<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl DoubleEndedIterator<Item = &'a Span> + use<'a, 'n> {
        let wanted = name.as_bytes();
        let spans = self.spans_if_marked(wanted);
        let tail = tail_of(wanted);
        let named = move |span: &&Span| {
            if span.name as usize != wanted.len() {
                return false;
            }
            let start = span.start as usize;
            let found = &self.block[start..start + wanted.len()];
            // Names of one family and length differ in their ends; most come in lower case.
            tail_of(found) == tail && (found == wanted || found.eq_ignore_ascii_case(wanted))
        };
        spans.iter().filter(named)
    }

    /// No field, where none can have this name.
    fn spans_if_marked(&self, wanted: &[u8]) -> &[Span] {
        if self.surely_lacks(wanted) {
            &[]
        } else {
            &self.spans
        }
    }

    /// In place where it is asked, the bit of a name written there is a constant.
    #[inline]
    fn surely_lacks(&self, name: &[u8]) -> bool {
        self.marks & mark(name) == 0
    }

    /// As [`all`](Self::all), and fields whose name has white space behind it.
    pub(crate) fn all_spaced<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        let wanted = name.as_bytes();
        let named = move |span: &&Span| {
            let start = span.start as usize;
            let found = &self.block[start..start + span.name as usize];
            found
                .get(..wanted.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        };
        self.spans_if_marked(wanted)
            .iter()
            .filter(named)
            .map(|span| self.field(span))
            .filter(move |field| field.name[wanted.len()..].trim_end().is_empty())
    }

    /// The first field with this name.
    #[inline]
    pub fn first(&self, name: &str) -> Option<Field<'_>> {
        if self.surely_lacks(name.as_bytes()) {
            return None;
        }
        self.look_up(name)
    }

    fn look_up(&self, name: &str) -> Option<Field<'_>> {
        let span = self.spans_of(name).next()?;
        Some(self.field(span))
    }

    /// The value of the first field with this name, as text.
    #[inline]
    pub fn text_of(&self, name: &str) -> Option<Cow<'_, str>> {
        if self.surely_lacks(name.as_bytes()) {
            return None;
        }
        self.look_up_text(name)
    }

    fn look_up_text(&self, name: &str) -> Option<Cow<'_, str>> {
        let span = self.spans_of(name).next()?;
        let value = self.value(span);
        Some(Field { name: "", value }.as_text())
    }

    fn value(&self, span: &Span) -> &[u8] {
        let behind_colon = span.start as usize + span.name as usize + 1;
        &self.block[behind_colon..behind_colon + span.value as usize]
    }

    /// The combined value: every field with this name joined by `", "`; absent is `None`
    /// ([Fetch § "get" a header](https://fetch.spec.whatwg.org/#concept-header-list-get)).
    pub fn get(&self, name: &str) -> Option<String> {
        self.combined(name).map(Cow::into_owned)
    }

    /// As [`get`](Self::get), borrowed where one field of ASCII is all there is.
    #[inline]
    pub fn combined(&self, name: &str) -> Option<Cow<'_, str>> {
        if self.surely_lacks(name.as_bytes()) {
            return None;
        }
        self.combine(name)
    }

    fn combine(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut fields = self.spans_of(name).map(|span| self.field(span));
        let mut value = fields.next()?.as_text();
        for field in fields {
            let value = value.to_mut();
            value.push_str(", ");
            value.push_str(&field.as_text());
        }
        Some(value)
    }

    /// Whether a field with this name is there.
    #[inline]
    pub fn contains(&self, name: &str) -> bool {
        !self.surely_lacks(name.as_bytes()) && self.has(name)
    }

    fn has(&self, name: &str) -> bool {
        self.spans_of(name).next().is_some()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Size on an HTTP/1.1 wire in bytes: `name: value CRLF` for each field.
    pub fn wire_size(&self) -> u64 {
        self.spans
            .iter()
            .map(|s| u64::from(s.name) + u64::from(s.value) + 4)
            .sum()
    }

    /// The block of `name:value\n` lines this list consists of.
    pub fn as_block(&self) -> &[u8] {
        &self.block
    }

    /// Reads a block written by [`as_block`](Self::as_block); lines without a colon, or with a name
    /// that is not UTF-8, are left out.
    pub fn from_block(block: &[u8]) -> Self {
        let mut list = Self::new();
        list.block.reserve(block.len());
        for line in block.split(|b| *b == b'\n') {
            if let Some(colon) = memchr::memchr(b':', line)
                && let Ok(name) = std::str::from_utf8(&line[..colon])
            {
                list.push(name, &line[colon + 1..]);
            }
        }
        list
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|h| format!("{}: {}", h.name, h.text())))
            .finish()
    }
}

/// Shared, because an exchange's head is handed from the proxy to the store and to readers.
pub type SharedHeaders = Arc<HeaderList>;

/// Bytes as text, each byte one character.
pub fn isomorphic(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|b| char::from(*b)).collect()
}

fn trim(value: &[u8]) -> &[u8] {
    let ws = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0);
    let start = value.iter().position(|b| !ws(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !ws(b)).map_or(start, |i| i + 1);
    &value[start..end]
}

fn defused(b: u8) -> u8 {
    if matches!(b, b'\r' | b'\n' | 0) {
        b' '
    } else {
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_joined_in_order() {
        let list = HeaderList::from_pairs([("A", "1"), ("b", "x"), ("a", "2")]);
        assert_eq!(list.get("a").as_deref(), Some("1, 2"));
        assert_eq!(list.all("A").count(), 2);
        assert_eq!(list.get("c"), None);
    }

    #[test]
    fn a_block_reads_back_the_same() {
        let list = HeaderList::from_pairs([("X-Odd", "a: b"), ("Empty", ""), ("Tab", "\t v \t")]);
        assert_eq!(HeaderList::from_block(list.as_block()), list);
        assert_eq!(list.get("tab").as_deref(), Some("v"));
    }

    #[test]
    fn line_breaks_cannot_make_a_second_field() {
        let list = HeaderList::from_pairs([("a", "1\r\nb: 2")]);
        assert_eq!(HeaderList::from_block(list.as_block()).len(), 1);
    }

    #[test]
    fn no_name_is_missed() {
        let names = [
            "A",
            "etag",
            "X-Odd\u{a0}",
            "Vary\u{b}",
            "Allow \0",
            "",
            "Ä-\u{e9}",
        ];
        for name in names {
            let list = HeaderList::from_pairs([("Sec-Fetch-Mode", "cors"), (name, "1")]);
            let kept = list.iter().last().map(|f| f.name.to_owned()).expect("it");
            assert!(list.contains(&kept.to_ascii_uppercase()), "{kept:?}");
            let bare = kept.trim_end().to_ascii_lowercase();
            assert_eq!(list.all_spaced(&bare).count(), 1, "{kept:?}");
        }
        assert!(!HeaderList::new().contains(""));
    }

    #[test]
    fn remove_takes_every_spelling() {
        let mut list = HeaderList::from_pairs([("A", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(list.remove("a"), 2);
        assert_eq!(
            list.iter().map(|f| f.name.to_owned()).collect::<Vec<_>>(),
            ["b"]
        );
    }
}
