//! Colours for the languages of the web. Small lexers that read one line at a time, know what it
//! began within, never fail and never look back: what they cannot place is plain text.

mod markup;
mod script;
mod style;

use std::ops::Range;

use super::document::Token;
use super::json;

/// The language of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// No language.
    #[default]
    Plain,
    Json,
    /// HTML, SVG, XML.
    Markup,
    /// JavaScript, TypeScript; GraphQL looks like it.
    Script,
    /// CSS.
    Style,
}

impl Syntax {
    /// What a text in it is called where nothing better is known.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Json => "JSON",
            Self::Markup => "markup",
            Self::Script => "script",
            Self::Style => "CSS",
        }
    }
}

/// What a line begins within. Its meaning is the lexer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State(u8);

impl State {
    /// Within a string of JSON.
    pub(crate) const IN_STRING: Self = Self(1);
}

/// Takes pieces of a line.
type Emit<'a> = &'a mut dyn FnMut(Range<usize>, Token);

/// Tells the pieces of a line, all of it and in order; returns what the next piece begins within.
pub(crate) fn lex(syntax: Syntax, state: State, line: &str, emit: Emit<'_>) -> State {
    State(match syntax {
        Syntax::Plain => {
            emit(0..line.len(), Token::Plain);
            0
        }
        Syntax::Json => json_line(state.0, line, emit),
        Syntax::Markup => markup::lex(state.0, line, emit),
        Syntax::Script => script::lex(state.0, line, 0, line.len(), emit),
        Syntax::Style => style::lex(state.0, line, 0, line.len(), emit),
    })
}

/// What a new line begins within, where the one before ended within `state`.
pub(crate) fn new_line(syntax: Syntax, state: State) -> State {
    State(match syntax {
        Syntax::Plain | Syntax::Json => 0,
        Syntax::Markup => markup::new_line(state.0),
        Syntax::Script => script::new_line(state.0),
        Syntax::Style => style::new_line(state.0),
    })
}

/// JSON as it came, white space and all.
fn json_line(state: u8, line: &str, emit: Emit<'_>) -> u8 {
    let mut at = 0;
    if State(state) == State::IN_STRING {
        let Some(end) = string_body_end(line.as_bytes(), 0, b'"') else {
            emit(0..line.len(), Token::Text);
            return state;
        };
        at = end;
        emit(0..at, Token::Text);
    }
    while let Some(byte) = line.as_bytes().get(at) {
        let (end, token) = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => (at + 1, Token::Plain),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => (at + 1, Token::Punctuation),
            b'"' => {
                let Some(end) = string_body_end(line.as_bytes(), at + 1, b'"') else {
                    emit(at..line.len(), Token::Text);
                    return State::IN_STRING.0;
                };
                let key = line[end..].trim_start().starts_with(':');
                (end, if key { Token::Key } else { Token::Text })
            }
            _ => {
                let end = line[at..]
                    .find([' ', '\t', '\r', '{', '}', '[', ']', ',', ':', '"'])
                    .map_or(line.len(), |end| at + end);
                (end, json::bare_token(&line[at..end]))
            }
        };
        emit(at..end, token);
        at = end;
    }
    0
}

/// Behind the closing quote, a backslash taking the next byte along; `None` if there is none.
fn string_body_end(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    while at < bytes.len() {
        let i = memchr::memchr2(quote, b'\\', &bytes[at..])?;
        if bytes[at + i] == quote {
            return Some(at + i + 1);
        }
        at += i + 2;
    }
    None
}

/// Where a run of bytes that satisfy something ends. They must not be parts of a character, or all
/// of them.
fn run(bytes: &[u8], at: usize, to: usize, holds: impl Fn(u8) -> bool) -> usize {
    let mut end = at;
    while end < to && holds(bytes[end]) {
        end += 1;
    }
    end
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(syntax: Syntax, lines: &[&str]) -> Vec<(String, Token)> {
        let mut state = State::default();
        let mut out: Vec<(String, Token)> = Vec::new();
        for line in lines {
            state = new_line(syntax, state);
            let mut upto = 0;
            state = lex(syntax, state, line, &mut |range, token| {
                assert_eq!(range.start, upto, "{line}");
                upto = range.end;
                if line[range.clone()].trim().is_empty() || token == Token::Plain {
                    return;
                }
                match out.last_mut() {
                    Some((text, last)) if *last == token && token == Token::Text => {
                        text.push_str(&line[range]);
                    }
                    _ => out.push((line[range].trim().to_owned(), token)),
                }
            });
            assert_eq!(upto, line.len(), "{syntax:?} {line}");
        }
        out
    }

    fn has(syntax: Syntax, lines: &[&str], wanted: &[(&str, Token)]) {
        let found = tokens(syntax, lines);
        for (text, token) in wanted {
            let there = found.iter().any(|(t, k)| t == text && k == token);
            assert!(there, "no {token:?} {text:?} in {found:?}");
        }
    }

    #[test]
    fn scripts() {
        let lines = [
            "const a = 'x\\'y' + `t ${b}`; // end",
            "/* one",
            "two */ return 0x1f + 2.5e3 && null;",
        ];
        has(
            Syntax::Script,
            &lines,
            &[
                ("const", Token::Keyword),
                ("'x\\'y'", Token::Text),
                ("// end", Token::Comment),
                ("/* one", Token::Comment),
                ("two */", Token::Comment),
                ("return", Token::Keyword),
                ("0x1f", Token::Number),
                ("null", Token::Literal),
            ],
        );
    }

    #[test]
    fn markup_with_script_and_style_in_it() {
        let lines = [
            "<!doctype html><p class=\"a b\" hidden>x &amp; y</p>",
            "<!-- c",
            "d --><script type=module>let s = \"</p>\"; //",
            "return 1</script><style>p { color: red }</style><br/>",
        ];
        has(
            Syntax::Markup,
            &lines,
            &[
                ("p", Token::Tag),
                ("class", Token::Key),
                ("\"a b\"", Token::Text),
                ("hidden", Token::Key),
                ("&amp;", Token::Literal),
                ("d -->", Token::Comment),
                ("let", Token::Keyword),
                ("return", Token::Keyword),
                ("color", Token::Key),
                ("br", Token::Tag),
            ],
        );
    }

    #[test]
    fn styles() {
        let lines = [
            "@media (min-width: 40em) { .a > p:hover {",
            "color: #fff; margin: -1.5rem 0 /* x",
            "*/ ; content: \"}\" } }",
        ];
        has(
            Syntax::Style,
            &lines,
            &[
                ("@media", Token::Keyword),
                ("color", Token::Key),
                ("#fff", Token::Number),
                ("*/", Token::Comment),
                ("\"}\"", Token::Text),
            ],
        );
    }

    #[test]
    fn nothing_makes_them_fail_or_lose_text() {
        let odd = [
            "é<é é='",
            "\"\\",
            "\\",
            "`${`",
            "<",
            "</",
            "<!",
            "<!--",
            "&",
            "/*",
            "/",
            "'\\",
            "@",
            "#",
            "{\"a",
            "日本<script>日",
            "<script",
            "<style>p{",
            "0x",
            "1.",
            "..",
            "\u{202e}<p \u{7f}>",
            "<a b=c d='e\\' f>",
        ];
        for syntax in [
            Syntax::Plain,
            Syntax::Json,
            Syntax::Markup,
            Syntax::Script,
            Syntax::Style,
        ] {
            for first in odd {
                for second in odd {
                    tokens(syntax, &[first, second, first]);
                }
            }
        }
    }
}
