//! What two requests come to, row by row, at a width.

use super::BESIDE_FROM;
use crate::report::{Laid, Part};
use crate::tui::text::{count, ellipsis, sanitise, wrap};

/// A value takes at most so many rows; the detail pane shows all of it.
const VALUE_ROWS_MAX: usize = 8;
/// Of a longer value only the beginning is laid out, in bytes.
const VALUE_BYTES_MAX: usize = 2 << 10;

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Note,
    Same,
    Differs,
    OnlyBefore,
    OnlyAfter,
}

impl Kind {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Differs => "≠",
            Self::OnlyBefore => "-",
            Self::OnlyAfter => "+",
            _ => " ",
        }
    }
}

/// A row of the screen.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) left: String,
    pub(super) right: String,
    /// Whether it is the first of a difference: `n` stops here.
    pub(super) begins: bool,
}

pub(super) fn part_rows(part: &Part, all: bool, label: usize, columns: u16) -> Vec<Row> {
    let row = |kind, label: &str, left: &str, right: &str| Row {
        kind,
        label: label.to_owned(),
        left: left.to_owned(),
        right: right.to_owned(),
        begins: false,
    };
    // What decides is always shown whole; of the rest what differs.
    let quiet = part.title.contains("other");
    let hidden = if quiet && !all {
        part.lines.iter().filter(|l| !l.differs()).count()
    } else {
        0
    };
    let mut facts = Vec::new();
    match part.differences() {
        0 => {}
        1 => facts.push("1 differs".to_owned()),
        n => facts.push(format!("{n} differ")),
    }
    if hidden > 0 {
        facts.push(format!("{hidden} the same"));
    }
    let mut rows = vec![
        row(Kind::Note, "", "", ""),
        row(Kind::Heading, part.title, &facts.join(", "), ""),
    ];
    rows.extend(part.notes.iter().map(|n| row(Kind::Note, "", n, "")));
    for laid in &part.lines {
        if laid.skipped > 0 {
            let text = format!("… {}", count(laid.skipped as u64, "equal line"));
            rows.push(row(Kind::Note, "", &text, ""));
        } else if hidden == 0 || laid.differs() {
            rows.extend(laid_rows(laid, label, columns));
        }
    }
    rows
}

/// Widths of label and one value, where two stand side by side.
pub(super) fn widths(laid_label: &str, label: usize, columns: u16) -> (usize, usize) {
    // Lines of a body have no name.
    let label = if laid_label.is_empty() { 0 } else { label };
    let room = usize::from(columns).saturating_sub(label + 6);
    (label, (room / 2).max(4))
}

fn laid_rows(laid: &Laid, label: usize, columns: u16) -> Vec<Row> {
    let kind = match (&laid.before, &laid.after) {
        _ if !laid.counts => Kind::Same,
        (Some(one), Some(other)) if one == other => Kind::Same,
        (Some(_), Some(_)) => Kind::Differs,
        (Some(_), None) => Kind::OnlyBefore,
        (None, _) => Kind::OnlyAfter,
    };
    let clean = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        let cut = text.floor_char_boundary(VALUE_BYTES_MAX.min(text.len()));
        sanitise(&text[..cut].replace('\t', "    ")).into_owned()
    };
    let (one, other) = (clean(&laid.before), clean(&laid.after));
    let name = sanitise(&laid.label).into_owned();
    if columns < BESIDE_FROM {
        return stacked(kind, &name, &one, &other, columns);
    }
    let (_, room) = widths(&laid.label, label, columns);
    let (one, other) = (broken(&one, room), broken(&other, room));
    let rows = one.len().max(other.len()).max(1);
    let cell = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    (0..rows)
        .map(|at| Row {
            kind,
            label: if at == 0 { name.clone() } else { String::new() },
            left: cell(&one, at),
            right: cell(&other, at),
            begins: at == 0 && kind != Kind::Same,
        })
        .collect()
}

/// One under the other: what is on the left with `-`, what is on the right with `+`.
fn stacked(kind: Kind, name: &str, one: &str, other: &str, columns: u16) -> Vec<Row> {
    let room = usize::from(columns).saturating_sub(3).max(4);
    let named = |text: &str| match name {
        "" => text.to_owned(),
        name => format!("{name}: {text}"),
    };
    let mut rows = Vec::new();
    let mut add = |kind: Kind, text: &str, begins: bool| {
        for (at, line) in broken(&named(text), room).into_iter().enumerate() {
            rows.push(Row {
                kind,
                label: String::new(),
                left: line,
                right: String::new(),
                begins: begins && at == 0,
            });
        }
    };
    match kind {
        Kind::Same if one == other => add(Kind::Same, one, false),
        Kind::Same => add(Kind::Same, &format!("{one} ↔ {other}"), false),
        Kind::OnlyAfter => add(Kind::OnlyAfter, other, true),
        Kind::OnlyBefore => add(Kind::OnlyBefore, one, true),
        _ => {
            add(Kind::OnlyBefore, one, true);
            add(Kind::OnlyAfter, other, false);
        }
    }
    rows
}

fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = wrap(text, room)
        .into_iter()
        .take(VALUE_ROWS_MAX + 1)
        .map(|range| text[range].trim_end().to_owned())
        .collect();
    if lines.len() > VALUE_ROWS_MAX {
        lines.truncate(VALUE_ROWS_MAX);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}…", ellipsis(last, room.saturating_sub(1)));
        }
    }
    lines
}
