//! HTML, SVG and XML, with the scripts and styles in them.

use super::super::document::Token;
use super::{Emit, run, script, style};

// The upper four bits say where we are, the lower four what of it.
const TEXT: u8 = 0;
const COMMENT: u8 = 0x10;
const TAG: u8 = 0x20;
const TAG_OF_SCRIPT: u8 = 0x30;
const TAG_OF_STYLE: u8 = 0x40;
const SCRIPT: u8 = 0x50;
const STYLE: u8 = 0x60;

const DOUBLE: u8 = 1;
const SINGLE: u8 = 2;

pub(super) fn new_line(state: u8) -> u8 {
    let (place, inner) = (state & 0xf0, state & 0x0f);
    match place {
        SCRIPT => SCRIPT | script::new_line(inner),
        STYLE => STYLE | style::new_line(inner),
        _ => state,
    }
}

/// Tells the pieces of a line.
pub(super) fn lex(mut state: u8, line: &str, emit: Emit<'_>) -> u8 {
    let bytes = line.as_bytes();
    let to = bytes.len();
    let mut at = 0;
    while at < to {
        let start = at;
        let (place, inner) = (state & 0xf0, state & 0x0f);
        match place {
            COMMENT => {
                let end = memchr::memmem::find(&bytes[at..], b"-->");
                at = end.map_or(to, |end| at + end + 3);
                state = if end.is_some() { TEXT } else { COMMENT };
                emit(start..at, Token::Comment);
            }
            SCRIPT | STYLE => {
                let name: &[u8] = if place == SCRIPT { b"script" } else { b"style" };
                let end = closing(bytes, at, name);
                let upto = end.unwrap_or(to);
                let inner = if place == SCRIPT {
                    script::lex(inner, line, at, upto, emit)
                } else {
                    style::lex(inner, line, at, upto, emit)
                };
                at = upto;
                state = if end.is_some() { TEXT } else { place | inner };
            }
            TAG | TAG_OF_SCRIPT | TAG_OF_STYLE => {
                let (end, token, next) = in_tag(bytes, at, place, inner);
                at = end;
                state = next;
                emit(start..at, token);
            }
            _ => {
                if bytes[at] == b'<' {
                    let (end, next) = opening(bytes, at, emit);
                    at = end;
                    state = next;
                } else if bytes[at] == b'&' {
                    at = run(bytes, at + 1, to, |b| {
                        b.is_ascii_alphanumeric() || b == b'#'
                    });
                    if bytes.get(at) == Some(&b';') {
                        at += 1;
                    }
                    emit(start..at, Token::Literal);
                } else {
                    at = memchr::memchr2(b'<', b'&', &bytes[at..]).map_or(to, |end| at + end);
                    emit(start..at, Token::Plain);
                }
            }
        }
    }
    state
}

/// A `<` in text: a comment, a declaration, or a tag up to the end of its name.
fn opening(bytes: &[u8], at: usize, emit: Emit<'_>) -> (usize, u8) {
    let rest = &bytes[at..];
    if rest.starts_with(b"<!--") {
        emit(at..at + 4, Token::Comment);
        return (at + 4, COMMENT);
    }
    let skip = match rest.get(1) {
        Some(b'/' | b'?' | b'!') => 2,
        _ => 1,
    };
    let name_at = at + skip;
    let name_end = run(bytes, name_at, bytes.len(), |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.') || b >= 0x80
    });
    if name_end == name_at {
        // A lone `<`.
        emit(at..name_at, Token::Plain);
        return (name_at, TEXT);
    }
    emit(at..name_at, Token::Punctuation);
    emit(name_at..name_end, Token::Tag);
    let name = &bytes[name_at..name_end];
    let place = if skip == 1 && name.eq_ignore_ascii_case(b"script") {
        TAG_OF_SCRIPT
    } else if skip == 1 && name.eq_ignore_ascii_case(b"style") {
        TAG_OF_STYLE
    } else {
        TAG
    };
    (name_end, place)
}

fn in_tag(bytes: &[u8], at: usize, place: u8, inner: u8) -> (usize, Token, u8) {
    let to = bytes.len();
    if inner != 0 {
        let quote = if inner == DOUBLE { b'"' } else { b'\'' };
        return match memchr::memchr(quote, &bytes[at..]) {
            Some(end) => (at + end + 1, Token::Text, place),
            None => (to, Token::Text, place | inner),
        };
    }
    match bytes[at] {
        b'"' => (at + 1, Token::Text, place | DOUBLE),
        b'\'' => (at + 1, Token::Text, place | SINGLE),
        b'>' => {
            let empty = at > 0 && bytes[at - 1] == b'/';
            let next = match place {
                TAG_OF_SCRIPT if !empty => SCRIPT,
                TAG_OF_STYLE if !empty => STYLE,
                _ => TEXT,
            };
            (at + 1, Token::Punctuation, next)
        }
        b'=' | b'/' | b'?' => (at + 1, Token::Punctuation, place),
        byte if byte.is_ascii_whitespace() => {
            let end = run(bytes, at, to, |b| b.is_ascii_whitespace());
            (end, Token::Plain, place)
        }
        _ => {
            let end = run(bytes, at, to, |b| {
                !b.is_ascii_whitespace() && !matches!(b, b'=' | b'>' | b'"' | b'\'' | b'/' | b'?')
            });
            let value = at > 0 && bytes[at - 1] == b'=';
            let token = if value { Token::Text } else { Token::Key };
            (end.max(at + 1), token, place)
        }
    }
}

/// Where `</name` stands.
fn closing(bytes: &[u8], from: usize, name: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(&bytes[from..], b"</")
        .map(|at| from + at)
        .find(|at| {
            let rest = &bytes[at + 2..];
            rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name)
        })
}
