//! The filter language: words and `key:value` terms, all of which must hold; `-` in front negates.
//!
//! ```text
//! api status:5xx            the URL holds "api" and the status is 500 to 599
//! host:api,auth -is:allowed two hosts; not those that were allowed
//! ```

use std::ops::{Range, RangeInclusive};

use crate::cors::{Check, Outcome};
use crate::diagnose::{Role, Root};

/// What a filter looks at: one exchange and what is known of its fetch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) status: Option<u16>,
    /// Origin of the URL, port included.
    pub(crate) server: &'a str,
    /// Path and query.
    pub(crate) path: &'a str,
    pub(crate) type_: &'a str,
    pub(crate) page_origin: Option<&'a str>,
    pub(crate) outcome: Outcome,
    pub(crate) check: Option<Check>,
    pub(crate) root: Option<Root>,
    pub(crate) sub: Option<&'a str>,
    pub(crate) role: Option<Role>,
    pub(crate) never_sent: bool,
    pub(crate) warnings: bool,
    pub(crate) insecure: bool,
    pub(crate) chatter: bool,
}

/// A filter that was understood. The empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    terms: Vec<Term>,
}

/// Why a filter was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilterError {
    /// Where in the text, in bytes.
    pub(crate) at: Range<usize>,
    /// What is wrong, with the nearest right thing.
    pub(crate) message: String,
}

/// Every key with what it looks at; help is printed from it.
pub(crate) const KEYS: [(&str, &str); 11] = [
    ("host", "host and port the request went to"),
    ("method", "method: method:put,patch"),
    ("status", "status: 404, 5xx, 400-499"),
    ("type", "doc js css img font fetch ws sse …"),
    (
        "cause",
        "id of check, root or kind: cause:missing-allow-origin",
    ),
    (
        "is",
        "blocked allowed opaque depends failed preflight never-sent …",
    ),
    ("origin", "origin of the page that asked"),
    ("path", "path and query"),
    ("url", "the whole URL"),
    ("scheme", "http or https"),
    ("port", "port of the server: port:8443"),
];

const STATES: [&str; 15] = [
    "blocked",
    "allowed",
    "opaque",
    "exempt",
    "failed",
    "depends",
    "pending",
    "preflight",
    "redirect",
    "never-sent",
    "warning",
    "error",
    "cross-origin",
    "insecure",
    "chatter",
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    /// Any of these.
    tests: Vec<Test>,
}

/// Texts are lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Word(String),
    Host(String),
    Method(String),
    Status(RangeInclusive<u16>),
    Type(String),
    Cause(String),
    Is(&'static str),
    Origin(String),
    Path(String),
    Url(String),
    Scheme(String),
    Port(String),
}

impl Filter {
    /// Reads a filter. What is not understood is left out, and the first of it reported.
    pub(crate) fn parse(text: &str) -> (Self, Option<FilterError>) {
        let mut terms = Vec::new();
        let mut first_error = None;
        for (at, token) in tokens(text) {
            match term(at, &token) {
                Ok(term) => terms.extend(term),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        (Self { terms }, first_error)
    }

    /// Whether it lets everything through.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the subject passes.
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.terms
            .iter()
            .all(|t| t.tests.iter().any(|test| test.holds(subject)) != t.negated)
    }
}

/// Splits at spaces outside double quotes; quotes are kept, positions are those of the text.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut quoted = false;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        }
        if c.is_whitespace() && !quoted {
            inside = false;
            continue;
        }
        if !inside {
            out.push((at, String::new()));
            inside = true;
        }
        if let Some((_, token)) = out.last_mut() {
            token.push(c);
        }
    }
    out
}

fn term(at: usize, token: &str) -> Result<Option<Term>, FilterError> {
    let (negated, body, body_at) = match token.strip_prefix('-') {
        Some(rest) => (true, rest, at + 1),
        None => (false, token, at),
    };
    let unquoted = |s: &str| s.replace('"', "").to_ascii_lowercase();
    let word = || {
        let word = unquoted(body);
        (!word.is_empty()).then_some(Term {
            negated,
            tests: vec![Test::Word(word)],
        })
    };
    let Some((key, value)) = body.split_once(':').filter(|_| !body.starts_with('"')) else {
        return Ok(word());
    };
    let lower = key.to_ascii_lowercase();
    if !KEYS.iter().any(|(k, _)| *k == lower) {
        // A pasted URL or host:port is a word, not a key.
        let port = value.split('/').next().unwrap_or_default();
        let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        if value.starts_with("//") || is_port {
            return Ok(word());
        }
        return Err(FilterError {
            at: body_at..body_at + key.len(),
            message: unknown("key", key, &KEYS.map(|(k, _)| k), ":"),
        });
    }
    let mut tests = Vec::new();
    let mut value_at = body_at + key.len() + 1;
    for part in value.split(',') {
        let text = unquoted(part);
        if !text.is_empty() {
            tests.push(test(&lower, text, value_at..value_at + part.len())?);
        }
        value_at += part.len() + 1;
    }
    // Nothing typed behind the colon yet.
    Ok((!tests.is_empty()).then_some(Term { negated, tests }))
}

fn test(key: &str, text: String, at: Range<usize>) -> Result<Test, FilterError> {
    Ok(match key {
        "host" => Test::Host(text),
        "method" => Test::Method(text),
        "type" => Test::Type(if text == "xhr" { "fetch".into() } else { text }),
        "cause" => Test::Cause(text),
        "origin" => Test::Origin(text),
        "path" => Test::Path(text),
        "url" => Test::Url(text),
        "scheme" => Test::Scheme(text),
        "port" => Test::Port(text),
        "status" => Test::Status(status_range(&text).ok_or_else(|| FilterError {
            at,
            message: format!("\"{text}\" is no status: try 404, 5xx or 400-499"),
        })?),
        _ => match STATES.iter().find(|s| **s == text) {
            Some(state) => Test::Is(state),
            // Still being typed.
            None if STATES.iter().any(|s| s.starts_with(text.as_str())) => {
                let state = STATES.iter().find(|s| s.starts_with(text.as_str()));
                Test::Is(state.expect("just seen"))
            }
            None => {
                return Err(FilterError {
                    at,
                    message: unknown("state", &text, &STATES, ""),
                });
            }
        },
    })
}

/// `404`, `5xx`, `40x`, `5` (still being typed), `400-499`, `400-`.
fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    if let Some((from, to)) = text.split_once('-') {
        let from = status_range(from)?;
        let to = if to.is_empty() {
            999..=999
        } else {
            status_range(to)?
        };
        return Some(*from.start()..=*to.end());
    }
    if text.is_empty() || text.len() > 3 || !text.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    let (mut low, mut high) = (0_u16, 0_u16);
    for i in 0..3 {
        let (l, h) = match text.as_bytes().get(i) {
            Some(d) if d.is_ascii_digit() => (u16::from(d - b'0'), u16::from(d - b'0')),
            Some(b'x') | None => (0, 9),
            Some(_) => return None,
        };
        low = low * 10 + l;
        high = high * 10 + h;
    }
    Some(low..=high)
}

fn unknown(what: &str, got: &str, known: &[&str], suffix: &str) -> String {
    let nearest = known
        .iter()
        .min_by_key(|k| distance(&got.to_ascii_lowercase(), k))
        .copied()
        .unwrap_or_default();
    format!("unknown {what} \"{got}\": did you mean {nearest}{suffix} ?").replace(" ?", "?")
}

/// Edits (insert, delete, replace) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(ca != *cb))
                .min(above + 1)
                .min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

impl Test {
    fn holds(&self, s: &Subject<'_>) -> bool {
        match self {
            Self::Word(word) => {
                in_url(s, word)
                    || s.method.eq_ignore_ascii_case(word)
                    || s.type_.eq_ignore_ascii_case(word)
                    || s.status.is_some_and(|n| is_status(n, word))
                    || (word.len() > 3 && in_cause(s, word))
            }
            Self::Host(text) => holds_text(authority(s.server), text),
            Self::Method(text) => s.method.eq_ignore_ascii_case(text),
            Self::Status(range) => s.status.is_some_and(|n| range.contains(&n)),
            Self::Type(text) => s.type_.eq_ignore_ascii_case(text),
            Self::Cause(text) => in_cause(s, text),
            Self::Is(state) => is(s, state),
            Self::Origin(text) => s.page_origin.is_some_and(|o| holds_text(o, text)),
            Self::Path(text) => holds_text(s.path, text),
            Self::Url(text) => in_url(s, text),
            Self::Scheme(text) => scheme(s.server).eq_ignore_ascii_case(text),
            Self::Port(text) => port(s.server) == text,
        }
    }
}

fn is(s: &Subject<'_>, state: &str) -> bool {
    match state {
        "preflight" => s.role == Some(Role::Preflight),
        "redirect" => s.role == Some(Role::Redirect),
        "never-sent" => s.never_sent,
        "warning" => s.warnings,
        "error" => s.status.is_some_and(|n| n >= 400),
        "insecure" => s.insecure,
        "chatter" => s.chatter,
        "cross-origin" => s.page_origin.is_some_and(|o| o != s.server),
        outcome => s.outcome.name() == outcome,
    }
}

fn in_cause(s: &Subject<'_>, text: &str) -> bool {
    s.check.is_some_and(|c| c.id().contains(text))
        || s.root.is_some_and(|r| r.id().contains(text))
        || s.sub.is_some_and(|sub| sub.contains(text))
}

fn in_url(s: &Subject<'_>, text: &str) -> bool {
    holds_text(s.path, text)
        || holds_text(s.server, text)
        // Only a text with a slash can lie across the border of both.
        || (text.contains('/') && holds_text(&format!("{}{}", s.server, s.path), text))
}

fn is_status(status: u16, word: &str) -> bool {
    word.len() == 3 && word.parse() == Ok(status)
}

/// Whether `text` holds `part` (lower case), ASCII case ignored.
fn holds_text(text: &str, part: &str) -> bool {
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

fn scheme(origin: &str) -> &str {
    origin.split_once("://").map_or("", |(s, _)| s)
}

fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, a)| a)
}

fn port(origin: &str) -> &str {
    match authority(origin).rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => port,
        _ if scheme(origin) == "https" => "443",
        _ => "80",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Subject<'static> {
        Subject {
            method: "GET",
            status: Some(500),
            server: "https://api.app.test:8443",
            path: "/v1/Orders?page=2",
            type_: "fetch",
            page_origin: Some("https://app.test"),
            outcome: Outcome::Blocked,
            check: Some(Check::MissingAllowOrigin),
            root: Some(Root::ServerError),
            role: Some(Role::Actual),
            ..Subject::default()
        }
    }

    #[test]
    fn what_holds_and_what_does_not() {
        for yes in [
            "",
            "orders",
            "GET",
            "500",
            "host:api",
            "host:8443",
            "status:5xx",
            "status:500-",
            "status:404,5xx",
            "is:blocked",
            "is:bl",
            "cause:missing-allow",
            "cause:server-error",
            "-is:allowed",
            "-method:put orders",
            "\"orders?page\"",
            "https://api.app.test:8443/v1",
            "api.app.test:8443",
            "origin:app.test",
            "port:8443",
            "scheme:https",
            "host:",
            "-",
            "is:cross-origin",
            "type:xhr",
            "server-error",
        ] {
            let (filter, error) = Filter::parse(yes);
            assert_eq!(error, None, "{yes}");
            assert!(filter.matches(&orders()), "{yes} should let it through");
        }
        for no in [
            "cart",
            "-orders",
            "status:4xx",
            "status:400-499",
            "is:allowed",
            "host:app.test:9",
            "method:put",
            "type:doc",
            "host:v1",
            "scheme:http",
            "port:443",
        ] {
            let (filter, error) = Filter::parse(no);
            assert_eq!(error, None, "{no}");
            assert!(!filter.matches(&orders()), "{no} should not");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = Filter::parse("api hots:x").1.expect("a mistake");
        assert_eq!(error.at, 4..8);
        assert_eq!(error.message, "unknown key \"hots\": did you mean host:?");
        let error = Filter::parse("-staus:5xx").1.expect("a mistake");
        assert_eq!((error.at, error.message.contains("status:")), (1..6, true));
    }

    #[test]
    fn the_rest_of_a_wrong_filter_still_holds() {
        let (filter, error) = Filter::parse("cart hots:x");
        assert!(error.is_some() && !filter.matches(&orders()));
    }

    #[test]
    fn an_unusable_value_says_so() {
        let error = Filter::parse("status:abc").1.expect("a mistake");
        assert_eq!(error.at, 7..10);
        let error = Filter::parse("is:blokced").1.expect("a mistake");
        assert!(error.message.contains("blocked"), "{}", error.message);
    }
}
