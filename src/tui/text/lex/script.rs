//! JavaScript and TypeScript, and what looks like them.

use super::super::document::Token;
use super::{Emit, is_word, run, string_body_end};

const CODE: u8 = 0;
const COMMENT: u8 = 1;
const DOUBLE: u8 = 2;
const SINGLE: u8 = 3;
const TEMPLATE: u8 = 4;

/// A string in quotes ends with its line; a comment and a template do not.
pub(super) fn new_line(state: u8) -> u8 {
    match state {
        DOUBLE | SINGLE => CODE,
        other => other,
    }
}

/// Tells the pieces of `line[from..to]`.
pub(super) fn lex(mut state: u8, line: &str, from: usize, to: usize, emit: Emit<'_>) -> u8 {
    let bytes = &line.as_bytes()[..to];
    let mut at = from;
    while at < to {
        let start = at;
        let token = match state {
            COMMENT => {
                let end = memchr::memmem::find(&bytes[at..], b"*/");
                at = end.map_or(to, |end| at + end + 2);
                state = if end.is_some() { CODE } else { COMMENT };
                Token::Comment
            }
            DOUBLE | SINGLE | TEMPLATE => {
                let quote = [b'"', b'\'', b'`'][usize::from(state - DOUBLE)];
                let end = string_body_end(bytes, at, quote);
                at = end.unwrap_or(to);
                if end.is_some() {
                    state = CODE;
                }
                Token::Text
            }
            _ => {
                let (end, token, next) = code(line, bytes, at, to);
                at = end;
                state = next;
                token
            }
        };
        emit(start..at, token);
    }
    state
}

fn code(line: &str, bytes: &[u8], at: usize, to: usize) -> (usize, Token, u8) {
    let next = bytes.get(at + 1);
    match bytes[at] {
        b'/' if next == Some(&b'/') => (to, Token::Comment, CODE),
        b'/' if next == Some(&b'*') => {
            let end = memchr::memmem::find(&bytes[at + 2..], b"*/");
            let after = end.map_or(to, |end| at + end + 4);
            let state = if end.is_some() { CODE } else { COMMENT };
            (after, Token::Comment, state)
        }
        quote @ (b'"' | b'\'' | b'`') => {
            let state = match quote {
                b'"' => DOUBLE,
                b'\'' => SINGLE,
                _ => TEMPLATE,
            };
            match string_body_end(bytes, at + 1, quote) {
                Some(end) => (end, Token::Text, CODE),
                None => (to, Token::Text, state),
            }
        }
        b'0'..=b'9' => {
            let mut end = run(bytes, at, to, |b| is_word(b) || b == b'.');
            // 2.5e-3
            if end < to
                && matches!(bytes[end], b'+' | b'-')
                && matches!(bytes[end - 1], b'e' | b'E')
                && !bytes[at..end].starts_with(b"0x")
            {
                end = run(bytes, end + 1, to, is_word);
            }
            (end, Token::Number, CODE)
        }
        byte if is_word(byte) => {
            let end = run(bytes, at, to, is_word);
            let token = match &line[at..end] {
                "true" | "false" | "null" | "undefined" | "NaN" | "Infinity" | "this" | "super" => {
                    Token::Literal
                }
                word if is_keyword(word) => Token::Keyword,
                _ if end < to && bytes[end] == b':' => Token::Key,
                _ => Token::Plain,
            };
            (end, token, CODE)
        }
        byte if byte.is_ascii_whitespace() => {
            let end = run(bytes, at, to, |b| b.is_ascii_whitespace());
            (end, Token::Plain, CODE)
        }
        _ => {
            let punctuation = |b: u8| {
                b.is_ascii_punctuation() && !matches!(b, b'/' | b'"' | b'\'' | b'`' | b'_' | b'$')
            };
            let end = run(bytes, at, to, punctuation).max(at + 1);
            (end, Token::Punctuation, CODE)
        }
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "abstract"
            | "as"
            | "async"
            | "await"
            | "break"
            | "case"
            | "catch"
            | "class"
            | "const"
            | "continue"
            | "debugger"
            | "declare"
            | "default"
            | "delete"
            | "do"
            | "else"
            | "enum"
            | "export"
            | "extends"
            | "finally"
            | "for"
            | "fragment"
            | "from"
            | "function"
            | "if"
            | "implements"
            | "import"
            | "in"
            | "instanceof"
            | "interface"
            | "let"
            | "mutation"
            | "namespace"
            | "new"
            | "of"
            | "private"
            | "protected"
            | "public"
            | "query"
            | "readonly"
            | "return"
            | "static"
            | "subscription"
            | "switch"
            | "throw"
            | "try"
            | "type"
            | "typeof"
            | "var"
            | "void"
            | "while"
            | "with"
            | "yield"
    )
}
