//! JSON made readable without being changed: the original tokens, on lines of their own.
//!
//! No value is parsed: key order, duplicate keys, the spelling of numbers and escapes stay as they
//! came, and a document that is cut or not quite JSON is shown as far as it goes, what does not
//! belong marked.

use super::document::{DocLine, Document, Token};

/// Indentation is cut off beyond this depth; JSON that deep is an attack, not a document.
const DEPTH_SHOWN_MAX: usize = 64;

/// Lays JSON text out, two spaces a level.
pub(crate) fn json_document(text: &str) -> Document {
    let mut layout = Layout::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            ' ' | '\t' | '\r' | '\n' | '\u{feff}' => &rest[c.len_utf8()..],
            '{' | '[' => layout.open(rest, c),
            '}' | ']' => layout.close(rest, c),
            ',' => layout.comma(rest),
            ':' => layout.colon(rest),
            '"' => layout.string(rest),
            _ => layout.bare(rest),
        };
    }
    layout.finish()
}

/// Whether text looks like JSON from its first character: what a body of an unknown type is tried
/// as.
pub(crate) fn looks_like_json(text: &str) -> bool {
    let trimmed = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let mut chars = trimmed.chars();
    match chars.next() {
        Some('{') => matches!(
            chars.as_str().trim_start().chars().next(),
            Some('"' | '}') | None
        ),
        Some('[') => chars.as_str().trim_start().starts_with([
            '{', '[', '"', ']', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 't', 'f',
            'n',
        ]),
        _ => false,
    }
}

#[derive(Default)]
struct Layout {
    lines: Vec<DocLine>,
    line: DocLine,
    /// The brackets that are open.
    open: Vec<char>,
    /// Whether the next value starts a line of its own.
    fresh: bool,
    /// Whether a key is expected: after `{`, and after `,` in an object.
    key_next: bool,
    faults: usize,
}

impl Layout {
    fn open<'a>(&mut self, rest: &'a str, bracket: char) -> &'a str {
        self.start_value();
        let closing = if bracket == '{' { '}' } else { ']' };
        let inner = rest[1..].trim_start_matches([' ', '\t', '\r', '\n']);
        if inner.starts_with(closing) {
            let both = if bracket == '{' { "{}" } else { "[]" };
            self.line.push(both, Token::Punctuation);
            return &inner[1..];
        }
        self.line.push(&rest[..1], Token::Punctuation);
        self.open.push(bracket);
        self.fresh = true;
        self.key_next = bracket == '{';
        &rest[1..]
    }

    fn close<'a>(&mut self, rest: &'a str, bracket: char) -> &'a str {
        let opening = if bracket == '}' { '{' } else { '[' };
        if self.open.last() == Some(&opening) {
            self.open.pop();
            self.break_line();
            self.line.push(&rest[..1], Token::Punctuation);
        } else {
            self.start_value();
            self.line.push(&rest[..1], Token::Invalid);
            self.faults += 1;
        }
        self.fresh = false;
        self.key_next = false;
        &rest[1..]
    }

    fn comma<'a>(&mut self, rest: &'a str) -> &'a str {
        if self.open.is_empty() || self.fresh {
            self.line.push(",", Token::Invalid);
            self.faults += 1;
        } else {
            self.line.push(",", Token::Punctuation);
        }
        self.fresh = true;
        self.key_next = self.open.last() == Some(&'{');
        &rest[1..]
    }

    fn colon<'a>(&mut self, rest: &'a str) -> &'a str {
        self.line.push(": ", Token::Punctuation);
        self.key_next = false;
        &rest[1..]
    }

    fn string<'a>(&mut self, rest: &'a str) -> &'a str {
        self.start_value();
        let bytes = rest.as_bytes();
        let mut at = 1;
        loop {
            match memchr::memchr2(b'"', b'\\', &bytes[at..]) {
                Some(i) if bytes[at + i] == b'"' => {
                    at += i + 1;
                    break;
                }
                // A backslash at the very end of a cut document escapes nothing.
                Some(i) => at = (at + i + 2).min(bytes.len()),
                None => at = bytes.len(),
            }
            if at >= bytes.len() {
                at = bytes.len();
                break;
            }
        }
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let token = if self.key_next {
            Token::Key
        } else {
            Token::Text
        };
        let mut piece = &rest[..at];
        // One endless string must not become one endless line.
        while piece.len() > Document::LINE_BYTES_MAX {
            let mut cut = Document::LINE_BYTES_MAX;
            while !piece.is_char_boundary(cut) {
                cut -= 1;
            }
            self.line.push(&piece[..cut], token);
            self.lines.push(std::mem::take(&mut self.line));
            piece = &piece[cut..];
        }
        self.line.push(piece, token);
        self.key_next = false;
        &rest[at..]
    }

    /// A number, a literal, or something that is no JSON.
    fn bare<'a>(&mut self, rest: &'a str) -> &'a str {
        self.start_value();
        let end = rest
            .find([' ', '\t', '\r', '\n', '{', '}', '[', ']', ',', ':', '"'])
            .unwrap_or(rest.len());
        let mut word = &rest[..end];
        let token = match word {
            "true" | "false" | "null" => Token::Literal,
            _ if is_number(word) => Token::Number,
            _ => {
                self.faults += 1;
                Token::Invalid
            }
        };
        while word.len() > Document::LINE_BYTES_MAX {
            let mut cut = Document::LINE_BYTES_MAX;
            while !word.is_char_boundary(cut) {
                cut -= 1;
            }
            self.line.push(&word[..cut], token);
            self.lines.push(std::mem::take(&mut self.line));
            word = &word[cut..];
        }
        self.line.push(word, token);
        self.key_next = false;
        &rest[end..]
    }

    fn start_value(&mut self) {
        if self.fresh || (self.open.is_empty() && !self.line.text.is_empty()) {
            self.break_line();
        } else if self
            .line
            .text
            .ends_with(|c: char| !matches!(c, ' ' | '[' | '{'))
        {
            // Two values with nothing between them: not JSON, but readable.
            self.line.push(" ", Token::Plain);
        }
        self.fresh = false;
    }

    fn break_line(&mut self) {
        if !self.line.text.trim().is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
        self.line = DocLine::default();
        let depth = self.open.len().min(DEPTH_SHOWN_MAX);
        self.line.push(&"  ".repeat(depth), Token::Plain);
        self.fresh = false;
    }

    fn finish(mut self) -> Document {
        if !self.line.text.trim().is_empty() {
            self.lines.push(self.line);
        }
        let mut notes = Vec::new();
        if !self.open.is_empty() {
            notes.push("ends before the JSON is complete".to_owned());
        } else if self.faults > 0 {
            notes.push("not valid JSON".to_owned());
        }
        Document {
            form: "JSON",
            lines: self.lines,
            notes,
        }
    }
}

/// The number grammar of RFC 8259 § 6.
fn is_number(word: &str) -> bool {
    let rest = word.strip_prefix('-').unwrap_or(word);
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let int = digits(rest);
    if int == 0 || (int > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[int..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let n = digits(fraction);
        if n == 0 {
            return false;
        }
        rest = &fraction[n..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let n = digits(exponent);
        return n > 0 && n == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pretty(text: &str) -> String {
        let doc = json_document(text);
        doc.lines
            .iter()
            .map(|l| l.text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn order_duplicates_and_number_spelling_stay() {
        let text = r#"{"z":1.0,"a":1e400,"z":12345678901234567890,"e":{},"l":[1,[ ],{"x":null}],"s":"a\"b\\"}"#;
        assert_eq!(
            pretty(text),
            "{\n  \"z\": 1.0,\n  \"a\": 1e400,\n  \"z\": 12345678901234567890,\n  \"e\": {},\n  \"l\": [\n    1,\n    [],\n    {\n      \"x\": null\n    }\n  ],\n  \"s\": \"a\\\"b\\\\\"\n}"
        );
        assert!(json_document(text).notes.is_empty());
    }

    #[test]
    fn nothing_but_whitespace_is_lost() {
        let bare = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        for text in [
            r#"{"a":[1,2,{"b":"c d"}],"#,
            r#"{"a":"cut in the mid"#,
            r#"{"a":"cut at escape\"#,
            "[1,2]]}",
            "{a:1, 'b':undefined,}",
            "1 2 \"x\" nonsense",
            "",
            "\u{feff}[true]",
            "{{{{[[[[",
            "é{\"日\":ü}",
        ] {
            let shown = pretty(text);
            assert_eq!(
                bare(&shown),
                bare(&text.replace('\u{feff}', "")),
                "{text:?} → {shown}"
            );
        }
    }

    #[test]
    fn faults_are_told() {
        assert_eq!(
            json_document("[1,2").notes,
            ["ends before the JSON is complete"]
        );
        assert_eq!(json_document("[1,2]]").notes, ["not valid JSON"]);
        assert_eq!(json_document("[01]").notes, ["not valid JSON"]);
    }

    #[test]
    fn depth_costs_no_stack_and_no_width() {
        let doc = json_document(&"[".repeat(200_000));
        assert!(
            doc.lines
                .iter()
                .all(|l| l.text.len() <= 2 * DEPTH_SHOWN_MAX + 1)
        );
    }

    #[test]
    fn numbers() {
        for yes in ["0", "-0", "1.5", "1e9", "1E+9", "-12.25e-3"] {
            assert!(is_number(yes), "{yes}");
        }
        for no in ["01", "1.", ".5", "+1", "0x1", "1e", "NaN", "", "-"] {
            assert!(!is_number(no), "{no}");
        }
    }
}
