//! The filter language.
//!
//! ```text
//! api status:5xx              the URL holds "api" and the status is 500 to 599
//! host:api,auth -is:allowed   either host; not those that were allowed
//! (is:blocked or status:>=400) and not path:~^/health
//! size:>100k time:300ms-2s header:"x-cache: HIT" body:"out of stock"
//! ```
//!
//! Words and terms beside each other must all hold; commas in a value, and `or`, mean any; `not`, `-`
//! and `!` negate; `~` makes a regular expression of what follows. While it is typed, what is not
//! finished yet restricts nothing.

mod complete;
mod expr;
mod holds;
mod parse;
mod quantity;
mod subject;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub(crate) use complete::{Suggestion, suggestions};
pub(crate) use expr::{Deep, DeepTest};
pub(crate) use subject::{Found, Subject};

use expr::Expr;

/// A filter that was understood. The empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    expr: Expr,
    /// What has to be looked up in headers and bodies, in the order of the text.
    deep: Vec<DeepTest>,
}

/// Why a filter was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilterError {
    /// Where in the text, in bytes.
    pub(crate) at: Range<usize>,
    /// What is wrong, with the nearest right thing.
    pub(crate) message: String,
}

/// Every key with what it looks at; help and completion are made from it.
pub(crate) const KEYS: [(&str, &str); 23] = [
    ("host", "host and port the request went to"),
    ("method", "method: method:put,patch"),
    ("status", "status: 404, 5xx, 400-499, >=400"),
    ("type", "doc js css img font fetch ws sse …"),
    (
        "is",
        "blocked allowed opaque depends failed preflight never-sent …",
    ),
    ("cors", "what the browser did: cors:blocked"),
    (
        "cause",
        "id of check, root or kind: cause:missing-allow-origin",
    ),
    ("root", "id of what is behind it: root:server-error"),
    ("origin", "origin of the page that asked"),
    ("path", "path and query"),
    ("url", "the whole URL"),
    ("scheme", "http or https"),
    ("port", "port of the server: port:8443"),
    ("size", "bytes of the answer: size:>100k, size:1k-2M"),
    ("larger-than", "larger-than:100k"),
    ("time", "how long it took: time:>300ms, time:1s-2s"),
    ("slower-than", "slower-than:1s"),
    (
        "header",
        "in a header line: header:x-cache, header:\"vary: origin\"",
    ),
    ("body", "in a body or message, over the whole session"),
    ("set-cookie", "in a Set-Cookie line"),
    ("protocol", "HTTP/1.1 or h2"),
    ("connection", "number of the connection to the server"),
    ("comment", "in your own comment"),
];

/// The words of `is:`.
pub(crate) const STATES: [&str; 22] = [
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
    "open",
    "stream",
    "patched",
    "replayed",
    "marked",
    "commented",
    "cookies",
];

impl Filter {
    /// Reads a filter. What is not understood is left out, and the first of it reported.
    pub(crate) fn parse(text: &str) -> (Self, Option<FilterError>) {
        parse::parse(text)
    }

    /// Whether it lets everything through.
    pub(crate) fn is_empty(&self) -> bool {
        self.expr == Expr::All
    }

    /// What has to be looked up in headers and bodies.
    pub(crate) fn deep(&self) -> &[DeepTest] {
        &self.deep
    }

    /// Whether the subject passes. Of what was not looked up yet nothing passes.
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.expr.holds(subject) == Some(true)
    }
}

/// What the language makes of a text: for fuzzers, who have no screen to type it into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterReading {
    /// The filter in words of its own that mean the same.
    pub means: String,
    /// What of the text was not understood: where, in bytes, and what is wrong.
    pub error: Option<(Range<usize>, String)>,
    /// What could be typed at the cursor: in place of which bytes, and what.
    pub offers: Vec<(Range<usize>, String)>,
    /// Whether an exchange of which nothing is known passes.
    pub passes: bool,
}

impl FilterReading {
    /// Reads a filter with the cursor at this byte.
    pub fn of(text: &str, cursor: usize) -> Self {
        let (filter, error) = Filter::parse(text);
        let offers = suggestions(text, cursor, &[]).into_iter();
        Self {
            means: filter.to_string(),
            error: error.map(|error| (error.at, error.message)),
            offers: offers.map(|offer| (offer.at, offer.text)).collect(),
            passes: filter.matches(&Subject::default()),
        }
    }
}

/// A text that means the same.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.write(f, &self.deep, false)
    }
}
