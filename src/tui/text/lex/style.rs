//! CSS.

use super::super::document::Token;
use super::{Emit, run, string_body_end};

/// Within a declaration's value, between `:` and `;`.
const VALUE: u8 = 1;
const COMMENT: u8 = 2;
const DOUBLE: u8 = 4;
const SINGLE: u8 = 8;

/// A string ends with its line.
pub(super) fn new_line(state: u8) -> u8 {
    state & (VALUE | COMMENT)
}

/// Tells the pieces of `line[from..to]`.
pub(super) fn lex(mut state: u8, line: &str, from: usize, to: usize, emit: Emit<'_>) -> u8 {
    let bytes = &line.as_bytes()[..to];
    let mut at = from;
    while at < to {
        let start = at;
        let token = if state & COMMENT != 0 {
            let end = memchr::memmem::find(&bytes[at..], b"*/");
            at = end.map_or(to, |end| at + end + 2);
            if end.is_some() {
                state &= !COMMENT;
            }
            Token::Comment
        } else if state & (DOUBLE | SINGLE) != 0 {
            let quote = if state & DOUBLE != 0 { b'"' } else { b'\'' };
            let end = string_body_end(bytes, at, quote);
            at = end.unwrap_or(to);
            if end.is_some() {
                state &= !(DOUBLE | SINGLE);
            }
            Token::Text
        } else {
            match bytes[at] {
                b'/' if bytes.get(at + 1) == Some(&b'*') => {
                    state |= COMMENT;
                    at += 2;
                    Token::Comment
                }
                quote @ (b'"' | b'\'') => {
                    state |= if quote == b'"' { DOUBLE } else { SINGLE };
                    at += 1;
                    Token::Text
                }
                b'{' | b'}' | b';' => {
                    state &= !VALUE;
                    at += 1;
                    Token::Punctuation
                }
                b':' => {
                    at += 1;
                    Token::Punctuation
                }
                b'@' => {
                    at = run(bytes, at + 1, to, is_name);
                    Token::Keyword
                }
                b'#' if state & VALUE != 0 => {
                    at = run(bytes, at + 1, to, is_name);
                    Token::Number
                }
                b'0'..=b'9' => {
                    at = run(bytes, at, to, |b| is_name(b) || b == b'.' || b == b'%');
                    Token::Number
                }
                b'#' | b'.' => {
                    at = run(bytes, at + 1, to, is_name);
                    Token::Tag
                }
                byte if is_name(byte) => {
                    at = run(bytes, at, to, is_name);
                    if state & VALUE != 0 {
                        Token::Plain
                    } else if is_property(&bytes[at..]) {
                        state |= VALUE;
                        Token::Key
                    } else {
                        Token::Tag
                    }
                }
                byte if byte.is_ascii_whitespace() => {
                    at = run(bytes, at, to, |b| b.is_ascii_whitespace());
                    Token::Plain
                }
                _ => {
                    at += 1;
                    Token::Punctuation
                }
            }
        };
        emit(start..at, token);
    }
    state
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte >= 0x80
}

/// A name is a property, not a selector with a pseudo-class, where white space, the end of the line
/// or a value that ends in `;` or `}` before any `{` follows its colon.
fn is_property(after: &[u8]) -> bool {
    let space = run(after, 0, after.len(), |b| b.is_ascii_whitespace());
    let Some(rest) = after[space..].strip_prefix(b":") else {
        return false;
    };
    match rest
        .iter()
        .take(200)
        .find(|b| matches!(b, b'{' | b';' | b'}'))
    {
        Some(b'{') => false,
        Some(_) => true,
        None => rest.first().is_none_or(u8::is_ascii_whitespace),
    }
}
