//! Asking a subject what a filter says.

use super::expr::{Expr, Field, Pattern, Test};
use super::subject::Subject;
use crate::diagnose::Role;
use crate::wire::is_chatter;

impl Expr {
    /// Whether it holds; `None` while that hangs on something not looked up yet (Kleene's logic).
    pub(super) fn holds(&self, s: &Subject<'_>) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Test(test) => test.holds(s),
            Self::Not(part) => part.holds(s).map(|h| !h),
            Self::And(parts) => {
                let mut known = Some(true);
                for part in parts {
                    match part.holds(s) {
                        Some(false) => return Some(false),
                        None => known = None,
                        Some(true) => {}
                    }
                }
                known
            }
            Self::Or(parts) => {
                let mut known = Some(false);
                for part in parts {
                    match part.holds(s) {
                        Some(true) => return Some(true),
                        None => known = None,
                        Some(false) => {}
                    }
                }
                known
            }
        }
    }
}

impl Test {
    fn holds(&self, s: &Subject<'_>) -> Option<bool> {
        Some(match self {
            Self::Text(field, pattern) => text_holds(*field, pattern, s),
            Self::Status(range) => s.status.is_some_and(|n| range.contains(&n)),
            Self::Size(range) => range.contains(&s.size),
            Self::Time(range) => s.time.is_some_and(|t| range.contains(&t)),
            Self::Is(state) => is(s, state),
            Self::Cors(outcome) => s.outcome == *outcome,
            Self::Deep(n) => return s.found.and_then(|found| found.says(*n, s.id)),
        })
    }
}

fn text_holds(field: Field, pattern: &Pattern, s: &Subject<'_>) -> bool {
    match field {
        Field::Any => {
            in_url(s, pattern)
                || pattern.is(s.method)
                || pattern.is(s.type_)
                || s.status.is_some_and(|n| is_status(n, pattern))
                || (is_long(pattern) && (in_cause(s, pattern) || in_root(s, pattern)))
                || s.comment.is_some_and(|c| pattern.is_in(c))
        }
        Field::Host => pattern.is_in(authority(s.server)),
        Field::Method => pattern.is(s.method),
        Field::Type => pattern.is(s.type_),
        Field::Cause => in_cause(s, pattern) || in_root(s, pattern),
        Field::Root => in_root(s, pattern),
        Field::Origin => s.page_origin.is_some_and(|o| pattern.is_in(o)),
        Field::Path => pattern.is_in(s.path),
        Field::Url => in_url(s, pattern),
        Field::Scheme => pattern.is(scheme(s.server)),
        Field::Port => pattern.is(port(s.server)),
        Field::Protocol => pattern.is_in(s.protocol),
        Field::Connection => s.connection.is_some_and(|n| pattern.is(&n.to_string())),
        Field::Comment => s.comment.is_some_and(|c| pattern.is_in(c)),
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
        "chatter" => is_chatter(s.server, s.path, s.page_origin),
        "cross-origin" => s.page_origin.is_some_and(|o| o != s.server),
        "open" => s.open,
        "stream" => matches!(s.type_, "ws" | "sse"),
        "patched" => s.patched,
        "replayed" => s.replayed,
        "marked" => s.marked,
        "commented" => s.comment.is_some(),
        "cookies" => s.cookies,
        outcome => s.outcome.name() == outcome,
    }
}

/// Short words are in too many ids to mean one.
fn is_long(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Part(part) => part.len() > 3,
        Pattern::Regex(..) => true,
    }
}

fn in_cause(s: &Subject<'_>, pattern: &Pattern) -> bool {
    s.check.is_some_and(|c| pattern.is_in(c.id())) || s.sub.is_some_and(|sub| pattern.is_in(sub))
}

fn in_root(s: &Subject<'_>, pattern: &Pattern) -> bool {
    s.root.is_some_and(|r| pattern.is_in(r.id()))
}

fn in_url(s: &Subject<'_>, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Part(part) => {
            pattern.is_in(s.path) || pattern.is_in(s.server) || across(s.server, s.path, part)
        }
        Pattern::Regex(..) => pattern.is_in(&format!("{}{}", s.server, s.path)),
    }
}

/// Whether a text (ASCII lower case) lies across the border of two.
fn across(before: &str, after: &str, part: &str) -> bool {
    let (before, after, part) = (before.as_bytes(), after.as_bytes(), part.as_bytes());
    let Some(border) = after.first() else {
        return false;
    };
    (1..part.len().min(before.len() + 1)).any(|at| {
        let (left, right) = part.split_at(at);
        right[0] == border.to_ascii_lowercase()
            && after.len() >= right.len()
            && after[..right.len()].eq_ignore_ascii_case(right)
            && before[before.len() - left.len()..].eq_ignore_ascii_case(left)
    })
}

fn is_status(status: u16, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Part(word) => word.len() == 3 && word.parse() == Ok(status),
        Pattern::Regex(..) => false,
    }
}

pub(super) fn scheme(origin: &str) -> &str {
    origin.split_once("://").map_or("", |(s, _)| s)
}

pub(super) fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, a)| a)
}

pub(super) fn port(origin: &str) -> &str {
    match authority(origin).rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => port,
        _ if scheme(origin) == "https" => "443",
        _ => "80",
    }
}
