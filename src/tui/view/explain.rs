//! The verdict: headline, cause, proof, fix, console sentence.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::effect::Loaded;
use super::super::text::{ellipsis, sanitise, width};
use super::super::theme::Theme;
use super::changes;
use super::comparison;
use super::detail::labelled;
use crate::cors::Outcome;
use crate::report::{Case, Explanation, FixLine, Proof};

/// Width of the column of labels.
const LABEL: usize = 9;

/// The verdict of what is loaded.
pub(super) fn lines(loaded: &Loaded, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let Some(told) = &loaded.explanation else {
        let head = &loaded.exchange.request;
        return labelled(
            "",
            &format!("{} {}\nNot judged yet.", head.method, head.url),
            0,
            room,
            theme.label,
            theme.dim,
        );
    };
    let mut out = headline(told, loaded.corrected, theme, room);
    let mut section = |label: &str, lines: Vec<Line<'static>>| {
        for (n, mut line) in lines.into_iter().enumerate() {
            let head = if n == 0 { label } else { "" };
            line.spans
                .insert(0, Span::styled(format!("{head:<LABEL$}"), theme.label));
            out.push(line);
        }
    };
    let inner = room.saturating_sub(LABEL);
    for (label, lines) in changes::before_and_after(loaded, theme, inner) {
        section(label, lines);
    }
    let text = |text: &str, style: Style| labelled("", text, 0, inner, Style::new(), style);

    if let Some((of, was, why)) = &loaded.repeats {
        let sentence = format!("↻ {of} once more: {} {was} ({why})", was.glyph().trim());
        let now = format!("now {} {}", told.outcome.glyph().trim(), told.outcome);
        let mut lines = text(&sentence, theme.outcome(*was));
        lines.extend(text(&now, theme.outcome(told.outcome)));
        section("REPLAY", lines);
    }
    let mut cause = Vec::new();
    if !told.cause.is_empty() {
        cause.extend(text(&told.cause, Style::new()));
    }
    if let Some(rule) = &told.rule {
        cause.extend(text(rule, theme.dim));
    }
    for remark in &told.remarks {
        cause.extend(text(remark, theme.dim));
    }
    section("CAUSE", cause);
    let mut shown = proof(&told.proof, theme, inner);
    if let Some(compared) = &told.comparison {
        shown.extend(comparison::lines(compared, theme, inner));
    }
    section("PROOF", shown);
    // Where both modes are blocked the fix for the likelier one comes first, and the other says only
    // what it needs besides.
    let depends = told.outcome == Outcome::Depends;
    if depends {
        for case in &told.cases {
            let label = if case.include { "WITH" } else { "WITHOUT" };
            let sentence = format!("credentials: {} {}", case.outcome.glyph(), case.text);
            let mut lines = text(&sentence, theme.outcome(case.outcome));
            lines.extend(fix(&case.fix, theme, inner));
            section(label, lines);
        }
    }
    if !depends || told.cases.iter().all(|c| c.fix.is_empty()) {
        section("FIX", fix(&told.fix, theme, inner));
    }
    if !depends {
        for case in &told.cases {
            section("IF", other_case(told, case, theme, inner));
        }
    }
    for warning in &told.warnings {
        section("⚠", text(&warning.title, theme.warning));
    }
    if let Some(console) = &told.console {
        section("CONSOLE", text(console, theme.dim));
    }
    out
}

/// What differs if credentials were (or were not) included after all.
fn other_case(told: &Explanation, case: &Case, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let besides: Vec<FixLine> = case
        .fix
        .iter()
        .filter(|line| matches!(line, FixLine::Add(_) | FixLine::Remove(_)))
        .filter(|line| !told.fix.contains(line))
        .cloned()
        .collect();
    let same_fault = case.outcome == told.outcome && case.text == told.cause;
    if same_fault && besides.is_empty() {
        return Vec::new();
    }
    let mode = if case.include {
        "included"
    } else {
        "not included"
    };
    let mut sentence = format!("credentials (cookies) are {mode}:");
    if !same_fault {
        sentence.extend([" ", case.outcome.glyph(), " ", &case.text]);
    }
    let style = if same_fault {
        Style::new()
    } else {
        theme.outcome(case.outcome)
    };
    let mut lines = labelled("", &sentence, 0, room, Style::new(), style);
    lines.extend(fix(&besides, theme, room));
    lines
}

fn headline(told: &Explanation, corrected: bool, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let style = theme.outcome(told.outcome).patch(theme.strong);
    let glyph = told.outcome.glyph();
    let head = format!("{glyph} {}", sanitise(&told.headline));
    let request = sanitise(&told.request).into_owned();
    let mut out = Vec::new();
    let from = told.origin.as_ref().map(|origin| {
        let never = if told.never_sent {
            " · never sent"
        } else {
            ""
        };
        // Later traffic has thrown another light on it.
        let corrected = if corrected { " · corrected" } else { "" };
        format!("from {}{never}{corrected}", sanitise(origin))
    });
    // On one line where both fit, as the request is what the eye looks for next.
    if width(&head) + width(&request) + 3 <= room {
        let gap = room - width(&head) - width(&request);
        out.push(Line::from(vec![
            Span::styled(head, style),
            Span::raw(" ".repeat(gap)),
            Span::styled(request, theme.dim),
        ]));
        if let Some(from) = from {
            let from = ellipsis(&from, room).into_owned();
            let gap = room.saturating_sub(width(&from));
            let rule = "─".repeat(gap.saturating_sub(1));
            out.push(Line::from(vec![
                Span::styled(format!("{rule} "), theme.rule),
                Span::styled(from, theme.dim),
            ]));
        } else {
            out.push(Line::styled("─".repeat(room), theme.rule));
        }
        return out;
    }
    out.extend(labelled("", &head, 0, room, style, style));
    match from {
        Some(from) if width(&request) + 2 + width(&from) <= room => {
            out.push(Line::styled(format!("{request}  {from}"), theme.dim));
        }
        from => {
            for text in std::iter::once(request).chain(from) {
                out.push(Line::styled(ellipsis(&text, room).into_owned(), theme.dim));
            }
        }
    }
    out
}

fn proof(proof: &[Proof], theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let label = proof.iter().map(|p| p.label.len()).max().unwrap_or(0) + 2;
    let mut out = Vec::new();
    let mut said = "";
    for line in proof {
        let value = match &line.name {
            Some(name) => format!("{name}: {}", line.value),
            None => line.value.clone(),
        };
        let style = if line.bad {
            theme.blocked
        } else {
            Style::new()
        };
        let value = sanitise(&value).into_owned();
        // What several lines prove together is said once.
        let note = if line.note.is_empty() || line.note == said {
            String::new()
        } else {
            format!("◀ {}", sanitise(&line.note))
        };
        said = &line.note;
        let (mark, mark_style) = if line.bad {
            ("✖ ", theme.blocked)
        } else {
            ("  ", theme.dim)
        };
        let mut rows = labelled(
            line.label,
            &value,
            label,
            room.saturating_sub(2),
            theme.dim,
            style,
        );
        for (n, row) in rows.iter_mut().enumerate() {
            let mark = if n == 0 { mark } else { "  " };
            row.spans.insert(0, Span::styled(mark, mark_style));
        }
        if !note.is_empty() {
            let last = rows.last_mut().map_or(0, |l| l.width());
            if last + 3 + width(&note) <= room {
                if let Some(row) = rows.last_mut() {
                    row.push_span(Span::raw("   "));
                    row.push_span(Span::styled(note, theme.dim));
                }
            } else {
                rows.extend(labelled("", &note, label + 2, room, theme.dim, theme.dim));
            }
        }
        out.extend(rows);
    }
    out
}

fn fix(fix: &[FixLine], theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let mut step = 0;
    let steps = fix.iter().filter(|l| matches!(l, FixLine::Step(_))).count();
    for line in fix {
        match line {
            FixLine::Step(text) => {
                step += 1;
                let number = if steps > 1 {
                    format!("{step}")
                } else {
                    "•".to_owned()
                };
                out.extend(labelled(&number, text, 3, room, theme.strong, Style::new()));
            }
            // Header lines are pasted, so they are cut nowhere and have nothing in front but a sign.
            FixLine::Add(text) => {
                out.extend(labelled("   +", text, 5, room, theme.good, theme.good));
            }
            FixLine::Remove(text) => {
                out.extend(labelled(
                    "   -",
                    text,
                    5,
                    room,
                    theme.blocked,
                    theme.blocked,
                ));
            }
        }
    }
    out
}
