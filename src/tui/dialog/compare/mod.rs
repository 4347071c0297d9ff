//! Two requests side by side, what differs marked.

mod rows;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{After, Dialog, Room, key_words};
use crate::report::{Abreast, Laid, Part};
use crate::tui::app::{App, Command};
use crate::tui::compare::Pair;
use crate::tui::effect::{Effect, Outcome};
use crate::tui::text::{count, ellipsis, width};
use crate::tui::theme::Theme;
use rows::{Kind, Row, part_rows, widths};

/// From this width on the two stand side by side; below it one under the other.
const BESIDE_FROM: u16 = 100;
/// Width of the names of headers.
const LABEL: std::ops::RangeInclusive<usize> = 12..=34;

/// The dialog; empty until the two were laid abreast.
#[derive(Debug)]
pub(crate) struct CompareDialog {
    pair: Pair,
    abreast: Option<Abreast>,
    /// Whether headers that are the same are shown too.
    all: bool,
    rows: Vec<Row>,
    /// Width the rows were made for; 0: they are to be made anew.
    made_for: u16,
    label: usize,
    scroll: usize,
    height: usize,
}

impl CompareDialog {
    pub(crate) fn new(pair: Pair) -> Self {
        Self {
            pair,
            abreast: None,
            all: false,
            rows: Vec::new(),
            made_for: 0,
            label: 0,
            scroll: 0,
            height: 1,
        }
    }

    fn differences(&self) -> usize {
        let parts = self.abreast.iter().flat_map(|a| &a.parts);
        parts.map(Part::differences).sum()
    }

    fn step(&mut self, lines: isize) {
        self.scroll = self.scroll.saturating_add_signed(lines);
    }

    /// To the next difference below the top line, or the one above it.
    fn jump(&mut self, down: bool) {
        let begins = |(_, row): &(usize, &Row)| row.begins;
        let mut rows = self.rows.iter().enumerate().filter(begins);
        let found = if down {
            rows.find(|(at, _)| *at > self.scroll)
        } else {
            rows.rfind(|(at, _)| *at < self.scroll)
        };
        if let Some((at, _)) = found {
            self.scroll = at;
        }
    }

    /// Makes the rows for a width.
    fn make(&mut self, columns: u16) {
        self.made_for = columns;
        self.rows.clear();
        let Some(abreast) = &self.abreast else { return };
        let names = abreast.parts.iter().flat_map(|p| &p.lines);
        let widest = names.map(|l| width(&l.label)).max().unwrap_or(0);
        let room = usize::from(columns);
        self.label = widest.clamp(*LABEL.start(), *LABEL.end()).min(room / 3);
        for part in &abreast.parts {
            self.rows
                .extend(part_rows(part, self.all, self.label, columns));
        }
    }

    /// All of it as text.
    fn text(&self) -> String {
        let mut lines = vec![format!("{} ↔ {}", self.pair.before, self.pair.after)];
        for part in self.abreast.iter().flat_map(|a| &a.parts) {
            lines.push(format!("\n{}", part.title));
            lines.extend(part.notes.iter().map(|n| format!("  ({n})")));
            for laid in &part.lines {
                lines.extend(text_of(laid));
            }
        }
        lines.join("\n")
    }
}

fn text_of(laid: &Laid) -> Vec<String> {
    let name = match laid.label.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    match (&laid.before, &laid.after) {
        _ if laid.skipped > 0 => {
            vec![format!("  … {}", count(laid.skipped as u64, "equal line"))]
        }
        (Some(one), Some(other)) if one == other => vec![format!("  {name}{one}")],
        (one, other) => {
            let one = one.iter().map(|v| format!("- {name}{v}"));
            one.chain(other.iter().map(|v| format!("+ {name}{v}")))
                .collect()
        }
    }
}

/// The middle of a value in which it differs from another, with what is around it.
fn emphasised<'a>(own: &'a str, other: &str, plain: Style, strong: Style) -> Vec<Span<'a>> {
    let alike = |a: &str, b: &str| -> usize {
        let pairs = a.char_indices().zip(b.chars());
        let differ = pairs.into_iter().find(|((_, x), y)| x != y);
        differ.map_or(a.len().min(b.len()), |((at, _), _)| at)
    };
    let start = own.floor_char_boundary(alike(own, other));
    let tail: usize = own[start..]
        .chars()
        .rev()
        .zip(other.get(start..).unwrap_or_default().chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let end = own.len() - tail;
    vec![
        Span::styled(&own[..start], plain),
        Span::styled(&own[start..end], strong),
        Span::styled(&own[end..], plain),
    ]
}

fn drawn<'a>(row: &'a Row, label: usize, columns: u16, theme: &Theme) -> Line<'a> {
    let room = usize::from(columns);
    match row.kind {
        Kind::Heading => {
            return Line::from(vec![
                Span::styled(format!(" {}", row.label), theme.heading),
                Span::styled(format!("  {}", row.left), theme.dim),
            ]);
        }
        Kind::Note => return Line::styled(format!("   {}", row.left), theme.dim),
        _ => {}
    }
    let plain = match row.kind {
        Kind::Same => theme.dim,
        _ => Style::new(),
    };
    // A value that goes on has its sign in front of its first row only.
    let sign = if row.begins || columns < BESIDE_FROM {
        row.kind.sign()
    } else {
        " "
    };
    let sign = Span::styled(format!(" {sign} "), theme.label);
    if columns < BESIDE_FROM {
        let style = match row.kind {
            Kind::OnlyBefore => theme.opaque,
            Kind::OnlyAfter => theme.warning,
            _ => plain,
        };
        return Line::from(vec![sign, Span::styled(row.left.as_str(), style)]);
    }
    // A row below the first of a value has no name either; the value tells by its width.
    let (label, value) = if label == 0 {
        widths("", 0, columns)
    } else {
        widths("x", label, columns)
    };
    let fill = |used: usize, of: usize| " ".repeat(of.saturating_sub(used));
    let name = ellipsis(&row.label, label);
    let mut spans = vec![sign, Span::styled(name.clone().into_owned(), theme.label)];
    spans.push(Span::raw(fill(width(&name), label)));
    if label > 0 {
        spans.push(Span::raw(" "));
    }
    let (left, right) = match row.kind {
        Kind::Differs => (
            emphasised(
                &row.left,
                &row.right,
                plain,
                theme.opaque.patch(theme.strong),
            ),
            emphasised(&row.right, &row.left, plain, theme.notice),
        ),
        Kind::OnlyBefore => (
            vec![Span::styled(row.left.as_str(), theme.opaque)],
            Vec::new(),
        ),
        Kind::OnlyAfter => (
            Vec::new(),
            vec![Span::styled(row.right.as_str(), theme.notice)],
        ),
        _ => (
            vec![Span::styled(row.left.as_str(), plain)],
            vec![Span::styled(row.right.as_str(), plain)],
        ),
    };
    spans.extend(left);
    spans.push(Span::raw(fill(width(&row.left), value)));
    spans.push(Span::styled("│ ", theme.rule));
    spans.extend(right);
    debug_assert!(label + 2 * value <= room);
    Line::from(spans)
}

impl Dialog for CompareDialog {
    fn title(&self, _app: &App) -> String {
        let Pair { before, after } = self.pair;
        if self.abreast.is_none() {
            return format!("{before} ↔ {after}");
        }
        let differences = count(self.differences() as u64, "difference");
        format!("{before} ↔ {after}: {differences}")
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        let page = self.height.saturating_sub(2).max(1) as isize;
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'd') => return After::Close,
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown => self.step(page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll = 0,
            KeyCode::End | KeyCode::Char('G') => self.scroll = usize::MAX,
            KeyCode::Char('n') => self.jump(true),
            KeyCode::Char('N') => self.jump(false),
            KeyCode::Char(' ') => {
                self.all = !self.all;
                self.made_for = 0;
            }
            KeyCode::Char('x') => {
                self.pair = Pair {
                    before: self.pair.after,
                    after: self.pair.before,
                };
                self.abreast = None;
                self.made_for = 0;
                commands.push(Command::Perform(Effect::Compare(self.pair)));
            }
            KeyCode::Char('y') => commands.push(Command::Copy(self.text(), "the comparison")),
            KeyCode::Enter => {
                app.close_dialog();
                app.go_to(self.pair.after);
                return After::Close;
            }
            _ => {}
        }
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.step(lines);
    }

    fn outcome(&mut self, outcome: Outcome, _app: &mut App) -> Option<Outcome> {
        match outcome {
            Outcome::Compared(paired) if paired.pair == self.pair => {
                self.abreast = Some(paired.abreast);
                self.made_for = 0;
                None
            }
            other => Some(other),
        }
    }

    fn settle(&mut self, _app: &App, inside: Rect) {
        if self.made_for != inside.width {
            self.make(inside.width);
        }
        self.height = usize::from(inside.height);
        // One line is the names of the two.
        let seen = self.height.saturating_sub(1);
        self.scroll = self.scroll.min(self.rows.len().saturating_sub(seen));
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let theme = &app.theme;
        let line = |y: u16| Rect {
            y: inside.y + y,
            height: 1,
            ..inside
        };
        if self.abreast.is_none() {
            let text = Line::styled(" reading both…", theme.dim);
            frame.render_widget(text, line(0));
            return;
        }
        frame.render_widget(self.names(theme, inside.width), line(0));
        let mut in_body = false;
        for row in &self.rows[..self.scroll.min(self.rows.len())] {
            if row.kind == Kind::Heading {
                in_body = row.label.ends_with("body");
            }
        }
        let seen = self.rows.iter().skip(self.scroll);
        for (row, y) in seen.zip(1..inside.height) {
            if row.kind == Kind::Heading {
                in_body = row.label.ends_with("body");
            }
            let label = if in_body { 0 } else { self.label };
            frame.render_widget(drawn(row, label, inside.width, theme), line(y));
        }
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[
            ("n", "next difference"),
            (
                "Space",
                if self.all {
                    "only what differs"
                } else {
                    "all headers"
                },
            ),
            ("x", "swap"),
            ("y", "copy"),
            ("↑↓", "scroll"),
            ("Esc", "back"),
        ])
    }
}

impl CompareDialog {
    /// The line with the numbers of the two, each above its column.
    fn names(&self, theme: &Theme, columns: u16) -> Line<'static> {
        let Pair { before, after } = self.pair;
        if columns < BESIDE_FROM {
            let text = format!(" - {before}   + {after}");
            return Line::styled(text, theme.heading);
        }
        let (label, value) = widths("x", self.label, columns);
        let before = before.to_string();
        let fill = value.saturating_sub(width(&before));
        let text = format!(
            "{}{before}{}│ {after}",
            " ".repeat(label + 4),
            " ".repeat(fill)
        );
        Line::styled(text, theme.heading)
    }
}
