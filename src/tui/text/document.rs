//! A text laid out for reading. It keeps the text as it came and where each line lies in it; a line
//! is cleaned and coloured when it is drawn, so that a frame costs what is seen of it.

use std::ops::Range;
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

use super::lex::{self, State, Syntax};
use super::sanitise::{sanitise, width};

/// What a piece of a line is; the theme gives each its style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Token {
    /// Anything.
    #[default]
    Plain,
    /// A key of a JSON object, a name of an attribute or a property.
    Key,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// Brackets, commas, colons.
    Punctuation,
    /// A word the language keeps for itself.
    Keyword,
    /// The name of an element or a selector.
    Tag,
    /// A comment.
    Comment,
    /// What does not belong there.
    Invalid,
    /// Offsets and remarks of ours, not of the body.
    Ours,
}

/// Where a line lies in the text, and what is needed to draw it without those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineAt {
    /// Its first byte.
    pub(crate) start: u32,
    /// Its bytes, at most a little more than [`Document::LINE_BYTES_MAX`].
    pub(crate) len: u32,
    /// Its columns when drawn, indentation included.
    pub(crate) width: u32,
    /// Levels of indentation that are not in the text.
    pub(crate) indent: u8,
    /// What the line begins within.
    pub(crate) state: State,
    /// Whether some characters take no or two columns.
    pub(crate) wide: bool,
}

/// Lines that can be folded into the one that opens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    /// The line that ends with the opening bracket.
    pub(crate) open: u32,
    /// The line that begins with the closing bracket.
    pub(crate) close: u32,
    /// How many members or elements are between.
    pub(crate) members: u32,
    /// How many others are around it.
    pub(crate) level: u32,
}

/// A piece of a drawn line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it ends in the drawn line.
    pub(crate) end: u32,
    pub(crate) token: Token,
    /// The bytes of the text it shows; empty where it shows none.
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// One line as drawn: clean text, and what its pieces are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DocLine {
    /// The line, already clean.
    pub(crate) text: String,
    /// Ascending.
    pub(crate) pieces: Vec<Piece>,
}

/// A text laid out for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// What it was taken for: `JSON`, `text`.
    pub(crate) form: &'static str,
    pub(crate) syntax: Syntax,
    /// Whether lines and white space are ours; else they are as they came.
    pub(crate) laid_out: bool,
    /// The text as it came.
    pub(crate) text: Arc<str>,
    /// The lines.
    pub(crate) lines: Vec<LineAt>,
    /// What can be folded, by the opening line.
    pub(crate) folds: Vec<Fold>,
    /// Bytes of the text that do not belong where they are.
    pub(crate) faults: Vec<u32>,
    /// What a reader should know first: cut, not valid.
    pub(crate) notes: Vec<String>,
}

impl DocLine {
    /// Adds a piece of the text, cleaned.
    pub(crate) fn push(&mut self, text: &str, at: usize, token: Token) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(&clean(text));
        self.pieces.push(Piece {
            end: self.text.len() as u32,
            token,
            from: at as u32,
            to: (at + text.len()) as u32,
        });
    }

    /// Adds something that is not in the text.
    pub(crate) fn push_ours(&mut self, text: &str, token: Token) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        let at = self.pieces.last().map_or(0, |p| p.to);
        self.pieces.push(Piece {
            end: self.text.len() as u32,
            token,
            from: at,
            to: at,
        });
    }

    /// The bytes of the drawn line that show these bytes of the text.
    pub(crate) fn drawn(&self, source: &str, wanted: &Range<usize>) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        for piece in &self.pieces {
            let (from, to) = (piece.from as usize, piece.to as usize);
            let (first, last) = (wanted.start.max(from), wanted.end.min(to));
            if first < last
                && let (Some(before), Some(part)) =
                    (source.get(from..first), source.get(first..last))
            {
                let at = start + clean(before).len();
                let end = (at + clean(part).len()).min(piece.end as usize);
                match found.last_mut() {
                    Some(before) if before.end == at => before.end = end,
                    _ => found.push(at..end),
                }
            }
            start = piece.end as usize;
        }
        found
    }
}

impl Document {
    /// Lines longer than this are broken when the document is made, so that one line is never the
    /// whole body.
    pub(crate) const LINE_BYTES_MAX: usize = 8 << 10;
    /// More lines than this are not laid out.
    pub(crate) const LINES_MAX: usize = 1 << 20;

    /// Text line by line, as it came.
    pub(crate) fn text(text: Arc<str>, syntax: Syntax) -> Self {
        Self::broken(text, syntax, Self::LINE_BYTES_MAX)
    }

    /// As [`text`](Self::text), lines broken at so many bytes.
    pub(crate) fn broken(text: Arc<str>, syntax: Syntax, line_bytes_max: usize) -> Self {
        let mut lines = Vec::new();
        let mut state = State::default();
        let mut rest_at = 0;
        let mut notes = Vec::new();
        'lines: for raw in text.split('\n') {
            let line_at = rest_at;
            rest_at += raw.len() + 1;
            let raw = raw.strip_suffix('\r').unwrap_or(raw);
            let mut at = 0;
            state = lex::new_line(syntax, state);
            loop {
                if lines.len() == Self::LINES_MAX {
                    let max = Self::LINES_MAX;
                    notes.push(format!("the first {max} lines are shown"));
                    break 'lines;
                }
                let cut = at + floor_boundary(&raw[at..], line_bytes_max);
                let piece = &raw[at..cut];
                let (columns, wide) = measured(piece);
                lines.push(LineAt {
                    start: (line_at + at) as u32,
                    len: piece.len() as u32,
                    width: columns as u32,
                    indent: 0,
                    state,
                    wide,
                });
                state = lex::lex(syntax, state, piece, &mut |_, _| {});
                at = cut;
                if at >= raw.len() {
                    break;
                }
            }
        }
        if lines.last().is_some_and(|l: &LineAt| l.len == 0) {
            lines.pop();
        }
        Self {
            form: syntax.form(),
            syntax,
            laid_out: false,
            text,
            lines,
            folds: Vec::new(),
            faults: Vec::new(),
            notes,
        }
    }

    /// The bytes of a line in the text.
    pub(crate) fn range(&self, n: usize) -> Range<usize> {
        let line = self.lines.get(n).copied().unwrap_or_default();
        line.start as usize..(line.start + line.len) as usize
    }

    /// A line as drawn.
    pub(crate) fn line(&self, n: usize) -> DocLine {
        let mut out = DocLine::default();
        let Some(at) = self.lines.get(n) else {
            return out;
        };
        let range = self.range(n);
        let text = self.text.get(range.clone()).unwrap_or_default();
        out.push_ours(&"  ".repeat(usize::from(at.indent)), Token::Plain);
        if self.laid_out {
            super::json::draw_line(text, range.start, at.state, &self.faults, &mut out);
        } else {
            lex::lex(self.syntax, at.state, text, &mut |piece, token| {
                out.push(&text[piece.clone()], range.start + piece.start, token);
            });
        }
        out
    }

    /// The line that holds a byte of the text, or the last before it.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        let after = self.lines.partition_point(|l| l.start as usize <= at);
        after.saturating_sub(1)
    }

    /// What can be folded at a line.
    pub(crate) fn fold_at(&self, line: usize) -> Option<&Fold> {
        let at = self
            .folds
            .binary_search_by_key(&(line as u32), |f| f.open)
            .ok()?;
        self.folds.get(at)
    }

    /// Rows that a line takes when broken at `room` columns.
    pub(crate) fn rows_of(&self, n: usize, room: usize) -> u32 {
        let Some(line) = self.lines.get(n) else {
            return 0;
        };
        let columns = line.width as usize;
        if columns <= room {
            return 1;
        }
        if line.wide {
            return break_rows(&self.line(n).text, room).len() as u32;
        }
        columns.div_ceil(room.max(1)) as u32
    }
}

/// Text from traffic as it is drawn: clean, tabs as four spaces.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\t') {
        return std::borrow::Cow::Owned(sanitise(&text.replace('\t', "    ")).into_owned());
    }
    sanitise(text)
}

/// Columns of a text when drawn, and whether some characters take none or two.
pub(super) fn measured(text: &str) -> (usize, bool) {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return (text.len(), false);
    }
    let clean = clean(text);
    let wide = clean.chars().any(|c| c.width() != Some(1));
    (width(&clean), wide)
}

/// Breaks a line hard at `room` columns.
pub(crate) fn break_rows(text: &str, room: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        let w = c.width().unwrap_or(0);
        if used + w > room && at > start {
            rows.push(start..at);
            start = at;
            used = 0;
        }
        used += w;
    }
    rows.push(start..text.len());
    rows
}

/// The part of a line that is seen when it is moved to the left by so many columns.
pub(crate) fn window(text: &str, across: usize, room: usize) -> Range<usize> {
    let (mut column, mut start) = (0, None);
    for (at, c) in text.char_indices() {
        let w = c.width().unwrap_or(0);
        if start.is_none() && column >= across {
            start = Some(at);
        }
        if start.is_some() && column + w > across + room {
            return start.unwrap_or(at)..at;
        }
        column += w;
    }
    start.unwrap_or(text.len())..text.len()
}

pub(super) fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(doc: &Document) -> Vec<String> {
        (0..doc.lines.len()).map(|n| doc.line(n).text).collect()
    }

    #[test]
    fn rows_add_up() {
        let doc = Document::text("abcdef\n\n日本語日\nx\n".into(), Syntax::Plain);
        assert_eq!(drawn(&doc), ["abcdef", "", "日本語日", "x"]);
        let rows: Vec<u32> = (0..4).map(|n| doc.rows_of(n, 4)).collect();
        assert_eq!(rows, [2, 1, 2, 1]);
        assert_eq!(break_rows("日本語日", 5).len(), 2);
        assert_eq!(window("ab日本cd", 2, 3), 2..5);
        assert_eq!(window("ab", 5, 3), 2..2);
    }

    #[test]
    fn one_endless_line_is_broken() {
        let text = "é".repeat(Document::LINE_BYTES_MAX);
        let doc = Document::text(text.clone().into(), Syntax::Plain);
        assert_eq!(doc.lines.len(), 2);
        assert_eq!(drawn(&doc).concat(), text);
    }

    #[test]
    fn what_was_found_is_marked_where_it_is_drawn() {
        let doc = Document::text("a\tb\u{1b}c".into(), Syntax::Plain);
        let line = doc.line(0);
        assert_eq!(line.text, "a    b␛c");
        assert_eq!(line.drawn(&doc.text, &(2..5)).first(), Some(&(5..10)));
        assert_eq!(doc.line_of(3), 0);
    }

    #[test]
    fn widths_are_those_of_the_drawn_line() {
        for syntax in [Syntax::Plain, Syntax::Script, Syntax::Markup, Syntax::Json] {
            let text = "a\tb \u{202e}\u{7f} 日 <p class='x'> // y\n{\"a\": [1]}\n";
            let doc = Document::text(text.into(), syntax);
            for n in 0..doc.lines.len() {
                let line = doc.line(n).text;
                assert_eq!(
                    doc.lines[n].width as usize,
                    width(&line),
                    "{syntax:?} {line}"
                );
            }
        }
    }
}
