//! What was found beside what was needed, the bytes that differ marked by colour and by a line of
//! `^`.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use crate::report::Comparison;

/// Columns before the values: the mark of a proof line and the label.
const LEAD: usize = 10;

/// The lines of a comparison, in at most `room` columns.
pub(super) fn lines(comparison: &Comparison, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    for strip in comparison.strips(room.saturating_sub(LEAD)) {
        let marks: Vec<bool> = strip.marks.chars().map(|c| c == '^').collect();
        for (label, text, style) in [
            (comparison.found_label, &strip.found, theme.blocked),
            (comparison.needed_label, &strip.needed, theme.good),
        ] {
            let label = format!("  {label:<width$}", width = LEAD - 2);
            let mut spans = vec![Span::styled(label, theme.dim)];
            spans.extend(marked(text, &marks, style));
            out.push(Line::from(spans));
        }
        if !strip.marks.is_empty() {
            let line = format!("{:LEAD$}{}", "", strip.marks);
            out.push(Line::styled(line, theme.blocked));
        }
    }
    out
}

/// The text in runs, those that are marked in a style of their own.
fn marked(text: &str, marks: &[bool], style: Style) -> Vec<Span<'static>> {
    let mut spans: Vec<(bool, String)> = Vec::new();
    for (at, c) in text.chars().enumerate() {
        let differs = marks.get(at).copied().unwrap_or(false);
        match spans.last_mut() {
            Some((last, run)) if *last == differs => run.push(c),
            _ => spans.push((differs, c.to_string())),
        }
    }
    let style_of = |differs| if differs { style } else { Style::new() };
    spans
        .into_iter()
        .map(|(differs, run)| Span::styled(run, style_of(differs)))
        .collect()
}
