//! JSON made readable without being changed: the original tokens, on lines of their own.
//!
//! No value is parsed: key order, duplicate keys, the spelling of numbers and escapes stay as they
//! came, and a document that is cut or not quite JSON is shown as far as it goes, what does not
//! belong marked.

use std::sync::Arc;

use super::document::{DocLine, Document, Fold, LineAt, Token, floor_boundary, measured};
use super::lex::{State, Syntax};

/// Indentation is cut off beyond this depth; JSON that deep is an attack, not a document.
const DEPTH_SHOWN_MAX: usize = 64;
/// How many misplaced bytes are marked.
const FAULTS_MARKED_MAX: usize = 10_000;

const WHITE: [char; 5] = [' ', '\t', '\r', '\n', '\u{feff}'];

/// Lays JSON text out, two spaces a level.
pub(crate) fn json_document(text: Arc<str>) -> Document {
    let mut layout = Layout::default();
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() && layout.lines.len() < Document::LINES_MAX {
        at = match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => at + 1,
            0xef if text[at..].starts_with('\u{feff}') => at + 3,
            b'{' | b'[' => layout.open(&text, at),
            b'}' | b']' => layout.close(&text, at),
            b',' => layout.comma(at),
            b':' => layout.colon(at),
            b'"' => {
                let end = string_end(&text, at);
                layout.value(&text, at..end, State::IN_STRING, true)
            }
            _ => {
                let end = bare_end(&text, at);
                let sound = is_bare_value(&text[at..end]);
                layout.value(&text, at..end, State::default(), sound)
            }
        };
    }
    let more = at < bytes.len();
    layout.finish(text, more)
}

/// Whether text looks like JSON from its first character: what a body of an unknown type is tried
/// as.
pub(crate) fn looks_like_json(text: &str) -> bool {
    let trimmed = text.trim_start_matches(WHITE);
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

/// Draws a line of laid out JSON: its tokens without the white space between them.
pub(super) fn draw_line(text: &str, start: usize, state: State, faults: &[u32], out: &mut DocLine) {
    let mut at = 0;
    if state == State::IN_STRING {
        at = string_rest_end(text, 0);
        out.push(&text[..at], start, Token::Text);
    }
    while at < text.len() {
        let fault = || faults.binary_search(&((start + at) as u32)).is_ok();
        let (end, token) = match text.as_bytes()[at] {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            0xef if text[at..].starts_with('\u{feff}') => {
                at += 3;
                continue;
            }
            b'{' | b'[' | b'}' | b']' | b',' if fault() => (at + 1, Token::Invalid),
            b'}' | b']' | b',' => (at + 1, Token::Punctuation),
            b':' => {
                out.push(":", start + at, Token::Punctuation);
                out.push_ours(" ", Token::Plain);
                at += 1;
                continue;
            }
            b'{' | b'[' => (at + 1, Token::Punctuation),
            b'"' => {
                let end = string_end(text, at);
                let key = text[end..].trim_start().starts_with(':');
                (end, if key { Token::Key } else { Token::Text })
            }
            _ => {
                let end = bare_end(text, at);
                (end, bare_token(&text[at..end]))
            }
        };
        let value = !matches!(text.as_bytes()[at], b'}' | b']' | b',');
        if value && !out.text.is_empty() && !out.text.ends_with([' ', '[', '{']) {
            // Two values with nothing between them: not JSON, but readable.
            out.push_ours(" ", Token::Plain);
        }
        out.push(&text[at..end], start + at, token);
        at = end;
    }
}

/// Where the string that begins here ends, or the text.
pub(super) fn string_end(text: &str, at: usize) -> usize {
    string_rest_end(text, at + 1)
}

fn string_rest_end(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            Some(i) if bytes[at + i] == b'"' => return at + i + 1,
            // A backslash at the very end of a cut document escapes nothing.
            Some(i) => at += i + 2,
            None => return bytes.len(),
        }
    }
    let mut end = at.min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

fn bare_end(text: &str, at: usize) -> usize {
    let inside = text[at..].find([' ', '\t', '\r', '\n', '{', '}', '[', ']', ',', ':', '"']);
    let end = inside.map_or(text.len(), |end| at + end);
    // A stray byte order mark is white space where it begins a word.
    end.max(at + 1)
}

fn is_bare_value(word: &str) -> bool {
    matches!(word, "true" | "false" | "null") || is_number(word)
}

pub(super) fn bare_token(word: &str) -> Token {
    match word {
        "true" | "false" | "null" => Token::Literal,
        _ if is_number(word) => Token::Number,
        _ => Token::Invalid,
    }
}

/// A bracket that is open.
struct Open {
    bracket: u8,
    line: u32,
    commas: u32,
}

#[derive(Default)]
struct Layout {
    lines: Vec<LineAt>,
    line: Option<LineAt>,
    open: Vec<Open>,
    folds: Vec<Fold>,
    /// Whether the next value starts a line of its own.
    fresh: bool,
    /// Whether a value may follow on this line without a space.
    soft: bool,
    faults: Vec<u32>,
    faults_count: usize,
}

impl Layout {
    fn open(&mut self, text: &str, at: usize) -> usize {
        self.start_value();
        let bracket = text.as_bytes()[at];
        let closing = if bracket == b'{' { b'}' } else { b']' };
        let inner = text[at + 1..].trim_start_matches([' ', '\t', '\r', '\n']);
        if inner.as_bytes().first() == Some(&closing) {
            let end = text.len() - inner.len() + 1;
            self.add(at, end, 2, false);
            self.soft = false;
            return end;
        }
        self.add(at, at + 1, 1, false);
        self.open.push(Open {
            bracket,
            line: self.lines.len() as u32,
            commas: 0,
        });
        self.fresh = true;
        self.soft = true;
        at + 1
    }

    fn close(&mut self, text: &str, at: usize) -> usize {
        let opening = if text.as_bytes()[at] == b'}' {
            b'{'
        } else {
            b'['
        };
        if self.open.last().is_some_and(|o| o.bracket == opening) {
            let opened = self.open.pop();
            self.break_line();
            self.add(at, at + 1, 1, false);
            if let Some(opened) = opened {
                self.folds.push(Fold {
                    open: opened.line,
                    close: self.lines.len() as u32,
                    members: opened.commas + 1,
                    level: self.open.len() as u32,
                });
            }
        } else {
            self.start_value();
            self.fault(at);
            // It is drawn without a space, as a bracket.
            self.add(at, at + 1, 1, false);
        }
        self.fresh = false;
        self.soft = false;
        at + 1
    }

    fn comma(&mut self, at: usize) -> usize {
        if self.open.is_empty() || self.fresh {
            self.fault(at);
        }
        if let Some(open) = self.open.last_mut() {
            open.commas = open.commas.saturating_add(1);
        }
        self.add(at, at + 1, 1, false);
        self.fresh = true;
        self.soft = false;
        at + 1
    }

    fn colon(&mut self, at: usize) -> usize {
        self.add(at, at + 1, 2, false);
        self.soft = true;
        at + 1
    }

    /// A string, a number, a literal, or something that is no JSON.
    fn value(
        &mut self,
        text: &str,
        range: std::ops::Range<usize>,
        within: State,
        sound: bool,
    ) -> usize {
        self.start_value();
        if !sound {
            self.faults_count += 1;
        }
        let (mut at, end) = (range.start, range.end);
        // One endless string must not become one endless line.
        while end - at > Document::LINE_BYTES_MAX {
            let cut = at + floor_boundary(&text[at..end], Document::LINE_BYTES_MAX);
            let (columns, wide) = measured(&text[at..cut]);
            self.add(at, cut, columns, wide);
            self.break_line();
            at = cut;
            self.begin(at, within);
        }
        let (columns, wide) = measured(&text[at..end]);
        self.add(at, end, columns, wide);
        self.soft = false;
        end
    }

    fn fault(&mut self, at: usize) {
        self.faults_count += 1;
        if self.faults.len() < FAULTS_MARKED_MAX {
            self.faults.push(at as u32);
        }
    }

    /// Adds bytes to the line, which take so many columns.
    fn add(&mut self, start: usize, end: usize, columns: usize, wide: bool) {
        if self.line.is_none() {
            self.begin(start, State::default());
        }
        if let Some(line) = &mut self.line {
            line.len = (end - line.start as usize) as u32;
            line.width += columns as u32;
            line.wide |= wide;
        }
    }

    fn begin(&mut self, start: usize, state: State) {
        let indent = self.open.len().min(DEPTH_SHOWN_MAX);
        self.line = Some(LineAt {
            start: start as u32,
            len: 0,
            width: 2 * indent as u32,
            indent: indent as u8,
            state,
            wide: false,
        });
        self.soft = true;
    }

    fn start_value(&mut self) {
        if self.fresh || (self.open.is_empty() && self.line.is_some()) {
            self.break_line();
        } else if !self.soft
            && let Some(line) = &mut self.line
        {
            line.width += 1;
        }
        self.fresh = false;
    }

    fn break_line(&mut self) {
        self.lines.extend(self.line.take());
        self.fresh = false;
        self.soft = true;
    }

    fn finish(mut self, text: Arc<str>, more: bool) -> Document {
        self.lines.extend(self.line.take());
        let mut notes = Vec::new();
        if more {
            notes.push(format!(
                "the first {} lines are laid out; as it came, all of it is there",
                self.lines.len()
            ));
        } else if !self.open.is_empty() {
            notes.push("ends before the JSON is complete".to_owned());
        } else if self.faults_count > 0 {
            notes.push("not valid JSON".to_owned());
        }
        self.folds.sort_by_key(|fold| fold.open);
        Document {
            form: "JSON",
            syntax: Syntax::Json,
            laid_out: true,
            text,
            lines: self.lines,
            folds: self.folds,
            faults: self.faults,
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
mod tests;
