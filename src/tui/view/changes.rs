//! What a trial fix changed in an answer: the server's lines and the browser's, one above the other.

use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{clean_bytes, sanitise};
use super::super::theme::Theme;
use super::detail::labelled;
use super::headers::reason;
use crate::diagnose::Role;
use crate::wire::{Exchange, Field, HeaderList};

/// A line that the server said and the browser did not get (`false`), or the other way round.
fn changes(exchange: &Exchange) -> Vec<(bool, String)> {
    let (Some(_), Some(delivered)) = (&exchange.patch, exchange.delivered()) else {
        return Vec::new();
    };
    let none = HeaderList::new();
    let said = exchange.response.as_ref();
    let said_headers = said.map_or(&none, |head| &head.headers);
    let mut out = Vec::new();
    let before = said.map(|head| head.status);
    if before != Some(delivered.status) {
        let line = |status: u16| format!("status {status} {}", reason(status));
        out.extend(before.map(|status| (false, line(status))));
        out.push((true, line(delivered.status)));
    }
    let text =
        |field: &Field<'_>| format!("{}: {}", sanitise(field.name), clean_bytes(field.value));
    let same =
        |a: &Field<'_>, b: &Field<'_>| a.name.eq_ignore_ascii_case(b.name) && a.value == b.value;
    let gone = said_headers
        .iter()
        .filter(|field| !delivered.headers.iter().any(|d| same(&d, field)));
    out.extend(gone.map(|field| (false, text(&field))));
    let new = delivered
        .headers
        .iter()
        .filter(|field| !said_headers.iter().any(|s| same(&s, field)));
    out.extend(new.map(|field| (true, text(&field))));
    out
}

/// The changes of one answer, line by line.
pub(super) fn lines(exchange: &Exchange, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let changes = changes(exchange);
    if changes.is_empty() {
        return Vec::new();
    }
    let mut out = vec![
        Line::raw(""),
        Line::from(vec![
            Span::styled("⚡ Changed by a trial fix", theme.notice),
            Span::styled("  − the server said  + the browser got", theme.dim),
        ]),
    ];
    if exchange.is_stood_in_for() {
        let text = "The server gave no answer; corscope answered in its place.";
        out.extend(labelled("  ", text, 2, room, theme.warning, theme.warning));
    }
    out.extend(listed(&changes, theme, room));
    out
}

fn listed(changes: &[(bool, String)], theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let line = |(new, text): &(bool, String)| {
        let (sign, style) = if *new {
            ("  + ", theme.good)
        } else {
            ("  − ", theme.blocked)
        };
        labelled(sign, text, 4, room, style, style)
    };
    changes.iter().flat_map(line).collect()
}

/// Before and after, for the verdict: what would have become of it, and what was changed. Pairs of
/// label and lines.
pub(super) fn before_and_after(
    loaded: &Loaded,
    theme: &Theme,
    room: usize,
) -> Vec<(&'static str, Vec<Line<'static>>)> {
    let (Some(before), Some(now)) = (&loaded.before, &loaded.explanation) else {
        return Vec::new();
    };
    let told = |glyph: &str, outcome: String, text: &str, style| {
        let text = if text.is_empty() {
            format!("{glyph} {outcome}")
        } else {
            format!("{glyph} {outcome}: {text}")
        };
        labelled("", &text, 0, room, style, style)
    };
    let was = told(
        before.outcome.glyph(),
        before.outcome.to_string(),
        &before.headline,
        theme.outcome(before.outcome),
    );
    let mut changed = Vec::new();
    for (role, exchange) in &loaded.members {
        let changes = changes(exchange);
        if changes.is_empty() {
            continue;
        }
        let whose = match role {
            Role::Preflight if exchange.is_stood_in_for() => {
                "⚡ OPTIONS, answered by corscope since the server did not"
            }
            Role::Preflight => "⚡ the answer to OPTIONS",
            Role::Redirect => "⚡ the redirect",
            Role::Actual => "⚡ the answer to the request",
        };
        changed.extend(labelled("", whose, 0, room, theme.strong, theme.strong));
        changed.extend(listed(&changes, theme, room));
    }
    let is = told(
        now.outcome.glyph(),
        now.outcome.to_string(),
        "with the changes of the trial fix; the server itself has not changed",
        theme.outcome(now.outcome),
    );
    vec![("BEFORE", was), ("CHANGED", changed), ("AFTER", is)]
}
