//! The one gate between text from traffic and the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::wire::is_treacherous;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many combining marks may follow one character; a browser draws no more that make sense, and a
/// megabyte of them in one cell would stall a terminal.
const MARKS_MAX: usize = 4;

/// Text that a terminal can be given: control characters become their pictures (`␛`), characters
/// that reorder or hide text (bidi overrides, zero width) are spelled out (`‹U+202E›`), piled-up
/// combining marks are cut. Visible, because an invisible character in a header is often the fault.
pub(crate) fn sanitise(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut marks = 0;
    for c in text.chars() {
        let code = u32::from(c);
        if code < 0x20 {
            out.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'));
        } else if code == 0x7f {
            out.push('\u{2421}');
        } else if is_treacherous(c) {
            let _ = write!(out, "\u{2039}U+{code:04X}\u{203a}");
        } else if c.width() == Some(0) {
            marks += 1;
            if marks <= MARKS_MAX {
                out.push(c);
            }
            continue;
        } else {
            out.push(c);
        }
        marks = 0;
    }
    Cow::Owned(out)
}

/// Bytes of a header value or the like as clean text: UTF-8 where they are, else each byte one
/// character.
pub(crate) fn clean_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => sanitise(text).into_owned(),
        Err(_) => sanitise(&crate::wire::isomorphic(bytes)).into_owned(),
    }
}

/// Columns that text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// The text, or its beginning and `…`, in at most `room` columns.
pub(crate) fn ellipsis(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) <= room {
        return Cow::Borrowed(text);
    }
    if room == 0 {
        return Cow::Borrowed("");
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room - 1 {
            break;
        }
        used += w;
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// The text, or `…` and its end, in at most `room` columns: for hosts and paths, whose end tells
/// them apart.
pub(crate) fn ellipsis_left(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) <= room {
        return Cow::Borrowed(text);
    }
    if room == 0 {
        return Cow::Borrowed("");
    }
    let mut used = 0;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room - 1 {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("…{}", &text[start..]))
}

/// The text, or its two ends around `…`, in at most `room` columns: for hosts, where the first label
/// and the port tell them apart.
pub(crate) fn ellipsis_middle(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) <= room || room < 3 {
        return ellipsis(text, room);
    }
    let end = room / 2;
    let head = ellipsis(text, room - end);
    let head = head.trim_end_matches('…');
    let tail = ellipsis_left(text, end + 1);
    Cow::Owned(format!("{head}…{}", tail.trim_start_matches('…')))
}

/// Breaks text into rows of at most `room` columns, at spaces where there are any; returns byte
/// ranges. A line break in the text ends a row.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<std::ops::Range<usize>> {
    let room = room.max(1);
    let mut rows = Vec::new();
    let mut line_start = 0;
    for line in text.split('\n') {
        wrap_line(line, line_start, room, &mut rows);
        line_start += line.len() + 1;
    }
    rows
}

fn wrap_line(line: &str, offset: usize, room: usize, rows: &mut Vec<std::ops::Range<usize>>) {
    let mut start = 0;
    let mut used = 0;
    let mut space = None;
    for (at, c) in line.char_indices() {
        let w = c.width().unwrap_or(0);
        if used + w > room && at > start {
            // Break behind the last space of this row, unless that would leave it almost empty.
            let cut = space.filter(|s| s - start > room / 3).unwrap_or(at);
            rows.push(offset + start..offset + cut);
            start = cut;
            used = width(&line[start..at]);
            space = None;
        }
        used += w;
        if c == ' ' {
            space = Some(at + 1);
        }
    }
    rows.push(offset + start..offset + line.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_comes_through() {
        let evil = "a\x1b[2Jb\x07\u{9b}31m\u{202e}gpj\u{200b}\r\n\t\u{2028}\x7f";
        let clean = sanitise(evil);
        assert!(
            clean.chars().all(|c| !c.is_control() && !is_treacherous(c)),
            "{clean}"
        );
        assert!(
            clean.starts_with("a␛[2Jb␇‹U+009B›31m‹U+202E›gpj‹U+200B›"),
            "{clean}"
        );
    }

    #[test]
    fn piled_marks_are_cut() {
        let zalgo = format!("e{}", "\u{301}".repeat(1000));
        assert_eq!(sanitise(&zalgo).chars().count(), 1 + MARKS_MAX);
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(sanitise("/v1/orders?x=1"), Cow::Borrowed(_)));
        assert_eq!(sanitise("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn measured_in_columns() {
        assert_eq!(ellipsis("日本語", 5), "日本…");
        assert_eq!(ellipsis("日本語", 4), "日…");
        assert_eq!(
            ellipsis_left("api.app.test:8443", 10),
            "….test:8443".replace(".test:8443", "test:8443")
        );
        assert_eq!(ellipsis_middle("api.localhost:45871", 13), "api.lo…:45871");
        assert!((0..30).all(|room| width(&ellipsis_middle("日本.localhost:45871", room)) <= room));
        assert_eq!(ellipsis("abc", 3), "abc");
        assert_eq!(ellipsis("abc", 0), "");
    }

    #[test]
    fn wraps_at_spaces_and_long_words() {
        let text = "send the headers on errors too abcdefghijklmnop";
        let rows: Vec<&str> = wrap(text, 10).into_iter().map(|r| &text[r]).collect();
        assert_eq!(
            rows,
            [
                "send the ",
                "headers ",
                "on errors ",
                "too ",
                "abcdefghij",
                "klmnop"
            ]
        );
        assert!(rows.iter().all(|r| width(r.trim_end()) <= 10));
        assert_eq!(wrap("", 5).len(), 1);
    }
}
