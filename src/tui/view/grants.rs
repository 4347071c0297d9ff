//! What the browser needed of an answer, against what the answer said.

use ratatui::text::Line;

use super::super::effect::Loaded;
use super::super::text::{count, sanitise, width};
use super::super::theme::Theme;
use super::detail::labelled;
use super::headers::{reason, title};
use crate::cors::{Check, Credentials, Outcome, Stage};
use crate::diagnose::{Diagnosis, Role};
use crate::wire::Exchange;

/// How one demand of the browser came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grade {
    Good,
    Bad,
    /// Depends, or comes after what failed and was not looked at.
    Unjudged,
}

/// What the browser needed of this answer ↔ what it said. The grades are read off the diagnosis;
/// nothing is judged here.
pub(super) fn grants(
    loaded: &Loaded,
    exchange: &Exchange,
    role: Role,
    theme: &Theme,
    room: usize,
) -> Vec<Line<'static>> {
    let (Some(diagnosis), Some(response)) = (&loaded.diagnosis, exchange.delivered()) else {
        return Vec::new();
    };
    if diagnosis.outcome == Outcome::Exempt || !exchange.request.headers.contains("origin") {
        return Vec::new();
    }
    let asked = |name: &str| exchange.request.headers.get(name);
    let given = |name: &str| response.headers.get(name);
    let grade = |checks: &[Check]| grade(diagnosis, exchange, checks);
    let mut rows: Vec<(Grade, String, String)> = Vec::new();
    let include = diagnosis.credentials == Credentials::Include;

    if role == Role::Preflight {
        let status = response.status;
        rows.push((
            grade(&[Check::InvalidStatus, Check::DisallowedRedirect]),
            "an answer of 200–299".to_owned(),
            format!("{status} {}", reason(status)),
        ));
    }
    let needed = "access-control-allow-origin";
    rows.push((
        grade(&[
            Check::MissingAllowOrigin,
            Check::WildcardOriginNotAllowed,
            Check::MultipleAllowOriginValues,
            Check::InvalidAllowOriginValue,
            Check::AllowOriginMismatch,
        ]),
        format!("origin {}", asked("origin").unwrap_or_default()),
        header_or_missing(needed, given(needed)),
    ));
    let needed = "access-control-allow-credentials";
    if diagnosis.credentials != Credentials::NotInclude
        && (given(needed).is_some() || diagnosis.credentials == Credentials::Include)
    {
        rows.push((
            grade(&[Check::InvalidAllowCredentials]),
            match diagnosis.credentials {
                Credentials::Include => "credentials (cookies)".to_owned(),
                _ => "credentials, if included".to_owned(),
            },
            header_or_missing(needed, given(needed)),
        ));
    }
    if role == Role::Preflight {
        if let Some(method) = asked("access-control-request-method") {
            let needed = "access-control-allow-methods";
            let grade = missing(diagnosis, exchange, &method)
                .unwrap_or_else(|| grade(&[Check::MethodDisallowed, Check::InvalidAllowMethods]));
            rows.push((
                grade,
                format!("method {method}"),
                header_or_missing(needed, given(needed)),
            ));
        }
        let names = asked("access-control-request-headers").unwrap_or_default();
        for name in names.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            let needed = "access-control-allow-headers";
            let none_at_all: &[Check] = if given(needed).is_none() {
                &[Check::HeaderDisallowed, Check::InvalidAllowHeaders]
            } else {
                &[Check::InvalidAllowHeaders]
            };
            let grade = missing(diagnosis, exchange, name).unwrap_or_else(|| grade(none_at_all));
            rows.push((
                grade,
                format!("header {name}"),
                header_or_missing(needed, given(needed)),
            ));
        }
    }
    let mut out = Vec::new();
    title(&mut out, "Asked ↔ granted", rows.len(), theme);
    let widest = rows.iter().map(|(_, a, _)| width(a)).max().unwrap_or(0);
    let column = widest.min(room * 45 / 100);
    for (grade, asked, given) in rows {
        let why = (grade == Grade::Bad)
            .then(|| why_not(&asked, &given, include))
            .flatten();
        let (sign, style) = match grade {
            Grade::Good => ("✔ ", theme.good),
            Grade::Bad => ("✖ ", theme.blocked),
            Grade::Unjudged => ("· ", theme.dim),
        };
        let asked = sanitise(&asked).into_owned();
        let label = format!("  {sign}{asked}");
        let fits = width(&asked) <= column;
        if fits {
            let label = format!("{label}{} ↔ ", " ".repeat(column - width(&asked)));
            out.extend(labelled(&label, &given, column + 7, room, style, style));
        } else {
            out.extend(labelled("", &label, 0, room, style, style));
            out.extend(labelled("  ↔ ", &given, 4, room, style, style));
        }
        if let Some(why) = why {
            let indent = if fits { column + 7 } else { 4 };
            let label = format!("{}◀ ", " ".repeat(indent));
            out.extend(labelled(&label, why, indent + 2, room, style, style));
        }
    }
    if role == Role::Actual {
        out.extend(exposed(diagnosis, theme, room));
    }
    out
}

/// Why what is granted is not what was asked for, where the two beside each other do not show it.
fn why_not(asked: &str, given: &str, include: bool) -> Option<&'static str> {
    let value = given.split_once(": ")?.1.trim();
    let (what, wanted) = asked.split_once(' ')?;
    let listed = |exactly: bool| {
        value
            .split(',')
            .map(str::trim)
            .any(|item| item == wanted || (!exactly && item.eq_ignore_ascii_case(wanted)))
    };
    match what {
        "header" if value == "*" && wanted.eq_ignore_ascii_case("authorization") => {
            Some("* never covers Authorization: it has to be named")
        }
        "header" | "method" if value == "*" && include => {
            Some("with credentials * is only a name, and covers nothing")
        }
        "method" if listed(false) && !listed(true) => {
            Some("methods are compared letter case and all")
        }
        "header" | "method" if !listed(false) => Some("not in the list"),
        "origin" if value == "*" && include => Some("* is not enough with credentials"),
        "origin" if value.contains(',') || value.contains(' ') => {
            Some("there may be one origin only")
        }
        "origin" if value.trim_end_matches('/') == wanted => {
            Some("an origin has no slash at its end")
        }
        "origin" if value.eq_ignore_ascii_case(wanted) => {
            Some("origins are compared letter case and all")
        }
        "origin" if value != wanted => Some("scheme, host and port have to be the same"),
        _ => None,
    }
}

fn header_or_missing(name: &str, value: Option<String>) -> String {
    match value {
        Some(value) => format!("{name}: {value}"),
        None => format!("{name} missing"),
    }
}

fn grade(diagnosis: &Diagnosis, exchange: &Exchange, checks: &[Check]) -> Grade {
    let Some(cause) = &diagnosis.cause else {
        let unsure = diagnosis.outcome == Outcome::Depends
            && [&diagnosis.when_include, &diagnosis.when_not_include]
                .into_iter()
                .flatten()
                .filter_map(|b| b.cause.as_ref())
                .any(|c| c.exchange == Some(exchange.id) && checks.contains(&c.check));
        let settled = matches!(diagnosis.outcome, Outcome::Allowed | Outcome::Depends);
        return if settled && !unsure {
            Grade::Good
        } else {
            Grade::Unjudged
        };
    };
    let here = cause.exchange == Some(exchange.id);
    let fails = |check: Check| checks.contains(&check);
    let stage = if exchange.request.is_preflight() {
        Stage::Preflight
    } else {
        Stage::Actual
    };
    if here && (fails(cause.check) || cause.next.iter().any(|(c, s)| fails(*c) && *s == stage)) {
        Grade::Bad
    } else if here && order(checks) > order(&[cause.check]) {
        Grade::Unjudged
    } else if here || cause.exchange.is_some_and(|failed| failed > exchange.id) {
        Grade::Good
    } else {
        Grade::Unjudged
    }
}

/// In which order the standard looks: origin, credentials, status, methods, headers.
fn order(checks: &[Check]) -> usize {
    checks
        .iter()
        .filter_map(|check| Check::ALL.iter().position(|c| c == check))
        .max()
        .unwrap_or(0)
}

/// Whether a method or header is among those the preflight's answer should have granted.
fn missing(diagnosis: &Diagnosis, exchange: &Exchange, name: &str) -> Option<Grade> {
    let cause = diagnosis.cause.as_ref()?;
    let here = cause.exchange == Some(exchange.id);
    let among = cause.missing.iter().any(|m| m.eq_ignore_ascii_case(name));
    (here && among).then_some(Grade::Bad)
}

fn exposed(diagnosis: &Diagnosis, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    if diagnosis.hidden_headers.is_empty() {
        return Vec::new();
    }
    let readable = diagnosis.exposed_headers.as_ref().map_or(0, Vec::len);
    let hidden = count(diagnosis.hidden_headers.len() as u64, "header");
    let text = format!(
        "script can read {}, not these {hidden}: {}",
        readable,
        diagnosis.hidden_headers.join(", ")
    );
    let mut lines = labelled("  · ", &text, 4, room, theme.dim, theme.dim);
    let unsure = &diagnosis.exposed_unless_included;
    if !unsure.is_empty() {
        let text = format!(
            "nothing tells whether credentials were included; only if not, * lets script read {}",
            unsure.join(", ")
        );
        lines.extend(labelled("  · ", &text, 4, room, theme.dim, theme.dim));
    }
    lines
}
