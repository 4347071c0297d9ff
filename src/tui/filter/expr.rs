//! What a filter says, as a tree.

use std::fmt;
use std::ops::RangeInclusive;

use regex::{Regex, RegexBuilder};

use super::quantity;
use crate::cors::Outcome;

/// What a filter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Expr {
    /// Everything passes.
    #[default]
    All,
    Test(Test),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text(Field, Pattern),
    Status(RangeInclusive<u16>),
    /// In bytes.
    Size(RangeInclusive<u64>),
    /// In microseconds.
    Time(RangeInclusive<u64>),
    Is(&'static str),
    Cors(Outcome),
    /// Position among the filter's deep tests.
    Deep(usize),
}

/// A text of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// URL, method, type, status, cause.
    Any,
    Host,
    Method,
    Type,
    Cause,
    Root,
    Origin,
    Path,
    Url,
    Scheme,
    Port,
    Protocol,
    Connection,
    Comment,
}

impl Field {
    pub(super) const KEYED: [(&'static str, Self); 13] = [
        ("host", Self::Host),
        ("method", Self::Method),
        ("type", Self::Type),
        ("cause", Self::Cause),
        ("root", Self::Root),
        ("origin", Self::Origin),
        ("path", Self::Path),
        ("url", Self::Url),
        ("scheme", Self::Scheme),
        ("port", Self::Port),
        ("protocol", Self::Protocol),
        ("connection", Self::Connection),
        ("comment", Self::Comment),
    ];
}

/// A question that memory cannot answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeepTest {
    pub(crate) place: Deep,
    pub(crate) pattern: Pattern,
}

/// Where a deep test looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deep {
    /// In each header line, `name: value`, of request and response.
    Header,
    /// In each Set-Cookie line.
    SetCookie,
    /// In both bodies, and in messages.
    Body,
}

impl Deep {
    pub(super) const KEYED: [(&'static str, Self); 3] = [
        ("header", Self::Header),
        ("set-cookie", Self::SetCookie),
        ("body", Self::Body),
    ];
}

/// A text to look for, letter case ignored.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// ASCII lower case.
    Part(String),
    Regex(String, Box<Regex>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Part(a), Self::Part(b)) | (Self::Regex(a, _), Self::Regex(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// How much memory a compiled expression may take, in bytes.
    const REGEX_BYTES_MAX: usize = 1 << 20;

    pub(super) fn part(text: &str) -> Self {
        Self::Part(text.to_ascii_lowercase())
    }

    pub(super) fn regex(text: &str) -> Result<Self, String> {
        let built = RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(Self::REGEX_BYTES_MAX)
            .build();
        match built {
            Ok(regex) => Ok(Self::Regex(text.to_owned(), Box::new(regex))),
            Err(error) => {
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default();
                let last = last.trim_start_matches("error: ");
                Err(format!("this is no regular expression: {last}"))
            }
        }
    }

    /// Whether a text holds it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => holds_text(text, part),
            Self::Regex(_, regex) => regex.is_match(text),
        }
    }

    /// Whether a text is it.
    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => text.eq_ignore_ascii_case(part),
            Self::Regex(_, regex) => regex.is_match(text),
        }
    }
}

/// Whether `text` holds `part` (ASCII lower case), ASCII case ignored.
pub(super) fn holds_text(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let Some((first, rest)) = part.split_first() else {
        return true;
    };
    if text.len() < part.len() {
        return false;
    }
    let last = text.len() - part.len();
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), &text[..=last])
        .any(|at| text[at + 1..at + part.len()].eq_ignore_ascii_case(rest))
}

impl Expr {
    pub(super) fn and(mut parts: Vec<Self>) -> Self {
        parts.retain(|p| *p != Self::All);
        match parts.len() {
            0 => Self::All,
            1 => parts.remove(0),
            _ => Self::And(parts),
        }
    }

    pub(super) fn or(mut parts: Vec<Self>) -> Self {
        // What is not finished yet restricts nothing, so it must not open everything either.
        parts.retain(|p| *p != Self::All);
        match parts.len() {
            0 => Self::All,
            1 => parts.remove(0),
            _ => Self::Or(parts),
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::All => Self::All,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        deep: &[DeepTest],
        inner: bool,
    ) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str| {
            if inner {
                f.write_str("(")?;
            }
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    f.write_str(between)?;
                }
                part.write(f, deep, true)?;
            }
            if inner {
                f.write_str(")")?;
            }
            Ok(())
        };
        match self {
            Self::All => Ok(()),
            Self::Test(test) => test.write(f, deep),
            Self::Not(part) => {
                f.write_str("not ")?;
                part.write(f, deep, true)
            }
            Self::And(parts) => list(f, parts, " "),
            Self::Or(parts) => list(f, parts, " or "),
        }
    }
}

impl Test {
    fn write(&self, f: &mut fmt::Formatter<'_>, deep: &[DeepTest]) -> fmt::Result {
        match self {
            Self::Text(field, pattern) => {
                if let Some((key, _)) = Field::KEYED.iter().find(|(_, k)| k == field) {
                    write!(f, "{key}:")?;
                }
                pattern.write(f)
            }
            Self::Status(range) => {
                write!(f, "status:{:03}-{:03}", range.start(), range.end())
            }
            Self::Size(range) => {
                f.write_str("size:")?;
                quantity::write(f, range, "")
            }
            Self::Time(range) => {
                f.write_str("time:")?;
                quantity::write(f, range, "us")
            }
            Self::Is(state) => write!(f, "is:{state}"),
            Self::Cors(outcome) => write!(f, "cors:{outcome}"),
            Self::Deep(n) => match deep.get(*n) {
                Some(test) => {
                    let key = Deep::KEYED.iter().find(|(_, d)| *d == test.place);
                    write!(f, "{}:", key.map_or("", |(k, _)| k))?;
                    test.pattern.write(f)
                }
                None => Ok(()),
            },
        }
    }
}

impl Pattern {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, text) = match self {
            Self::Part(text) => ("", text),
            Self::Regex(text, _) => ("~", text),
        };
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "{sign}\"{escaped}\"")
    }
}
