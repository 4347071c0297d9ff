//! A body laid out for reading: lines of clean text, each with its tokens.

use super::sanitise::{sanitise, width};

/// What a piece of a line is; the theme gives each its style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Token {
    /// Anything.
    #[default]
    Plain,
    /// A key of a JSON object.
    Key,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// Brackets, commas, colons.
    Punctuation,
    /// What does not belong there.
    Invalid,
    /// Offsets and remarks of ours, not of the body.
    Ours,
}

/// One line: clean text, and where each token ends in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DocLine {
    /// The line, already clean.
    pub(crate) text: String,
    /// Byte offset at which each token ends, ascending.
    pub(crate) tokens: Vec<(u32, Token)>,
}

/// A body laid out for reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// What it was taken for: `JSON`, `text`, `hex`.
    pub(crate) form: &'static str,
    /// The lines.
    pub(crate) lines: Vec<DocLine>,
    /// What a reader should know first: cut, coding taken off, not valid.
    pub(crate) notes: Vec<String>,
}

impl DocLine {
    /// Adds text from traffic as one token.
    pub(crate) fn push(&mut self, text: &str, token: Token) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(&sanitise(text));
        let end = self.text.len() as u32;
        match self.tokens.last_mut() {
            Some(last) if last.1 == token => last.0 = end,
            _ => self.tokens.push((end, token)),
        }
    }

    /// The pieces with their tokens.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&str, Token)> {
        let mut start = 0;
        self.tokens.iter().map(move |(end, token)| {
            let piece = &self.text[start..*end as usize];
            start = *end as usize;
            (piece, *token)
        })
    }
}

impl Document {
    /// Lines longer than this are broken when the document is made, so that one line is never the
    /// whole body.
    pub(crate) const LINE_BYTES_MAX: usize = 8 << 10;

    /// Plain text, line by line; tabs become four spaces.
    pub(crate) fn text(text: &str, form: &'static str) -> Self {
        let mut lines = Vec::new();
        for raw in text.split('\n') {
            let raw = raw.strip_suffix('\r').unwrap_or(raw);
            let mut rest = raw;
            loop {
                let cut = floor_boundary(rest, Self::LINE_BYTES_MAX);
                let mut line = DocLine::default();
                line.push(&rest[..cut].replace('\t', "    "), Token::Plain);
                lines.push(line);
                rest = &rest[cut..];
                if rest.is_empty() {
                    break;
                }
            }
        }
        if lines.last().is_some_and(|l| l.text.is_empty()) {
            lines.pop();
        }
        Self {
            form,
            lines,
            notes: Vec::new(),
        }
    }

    /// For a pane of this width: the row at which each line starts, and the number of rows last.
    pub(crate) fn row_starts(&self, room: usize) -> Vec<u32> {
        let room = room.max(1);
        let mut starts = Vec::with_capacity(self.lines.len() + 1);
        let mut row = 0_u32;
        for line in &self.lines {
            starts.push(row);
            row += rows_of(&line.text, room);
        }
        starts.push(row);
        starts
    }
}

/// Rows that a line takes when broken at `room` columns.
fn rows_of(text: &str, room: usize) -> u32 {
    if text.is_ascii() {
        return text.len().div_ceil(room).max(1) as u32;
    }
    if width(text) <= room {
        return 1;
    }
    break_rows(text, room).len() as u32
}

/// Breaks a line hard at `room` columns, as [`Document::row_starts`] counts it.
pub(crate) fn break_rows(text: &str, room: usize) -> Vec<std::ops::Range<usize>> {
    use unicode_width::UnicodeWidthChar;
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

fn floor_boundary(text: &str, at: usize) -> usize {
    if text.len() <= at {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_add_up() {
        let doc = Document::text("abcdef\n\n日本語日\nx\n", "text");
        assert_eq!(doc.lines.len(), 4);
        assert_eq!(doc.row_starts(4), [0, 2, 3, 5, 6]);
        assert_eq!(break_rows("日本語日", 5).len(), 2);
    }

    #[test]
    fn one_endless_line_is_broken() {
        let doc = Document::text(&"é".repeat(Document::LINE_BYTES_MAX), "text");
        assert_eq!(doc.lines.len(), 2);
    }
}
