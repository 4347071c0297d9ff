//! Text from traffic, made fit to be printed: nothing in it steers a terminal, hides or turns around
//! what stands beside it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How many combining marks may follow one character.
const MARKS_MAX: usize = 8;

/// C1 controls, bidi controls, zero-width and other format characters, line separators, tags, and
/// what no font draws.
pub fn is_treacherous(c: char) -> bool {
    matches!(u32::from(c),
        0x80..=0x9f | 0xad | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180e
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xffa0
        | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c),
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f
        | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f)
}

/// For people: control characters but tab and line break, and what [`is_treacherous`], are spelled
/// out as `\u{202e}`; piled-up combining marks are cut.
pub fn spelled(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| matches!(b, 0x20..=0x7e | b'\n' | b'\t'))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if is_treacherous(c) || (c.is_control() && !matches!(c, '\n' | '\t')) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else if marks <= MARKS_MAX {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// For programs: JSON in which the same characters are written as escapes, which means the same.
/// They occur in strings only, so nothing but the spelling changes.
pub fn json_escaped(json: &str) -> Cow<'_, str> {
    let odd = |c: char| is_treacherous(c) || c == '\u{7f}';
    if !json.contains(odd) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelled_out_for_people() {
        assert_eq!(
            spelled("a\x1b[2J\u{9b}\u{202e}b\n\tc\r"),
            "a\\u{1b}[2J\\u{9b}\\u{202e}b\n\tc\\u{d}"
        );
        let piled = format!("e{}", "\u{301}".repeat(500));
        assert_eq!(spelled(&piled).chars().count(), 1 + MARKS_MAX);
        assert!(matches!(spelled("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn escaped_for_programs_and_still_the_same() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}31m\u{7f}\u{e0041}é\x1b"});
        let text = value.to_string();
        let escaped = json_escaped(&text);
        assert!(
            !escaped.chars().any(|c| is_treacherous(c) || c.is_control()),
            "{escaped}"
        );
        let read: serde_json::Value = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(read, value);
    }
}
