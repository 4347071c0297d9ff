//! Text selected with the mouse: within one part of the screen, copied when the button is let go.
//!
//! With the mouse captured a terminal cannot select by itself (but with Shift it does); this keeps to
//! the pane the drag began in, which the terminal's own selection would not.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use super::app::{App, Command};
use super::dialog;
use super::keymap::Focus;
use super::text::width;
use super::view;
use crate::wire::Timestamp;

/// Two clicks within this time are a double click, in microseconds.
const DOUBLE_MICROS: u64 = 400_000;
/// How long a selection stays to be seen once it was copied, in microseconds.
const SHOWN_MICROS: u64 = 4_000_000;

/// What is selected, or about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The part of the screen it stays in.
    area: Rect,
    anchor: Position,
    to: Position,
    /// Whether it is more than a click.
    made: bool,
    /// When it was copied.
    copied_at: Option<Timestamp>,
}

impl Selection {
    /// For each of its lines: the row, the first column, the column behind the last.
    fn lines(self) -> impl Iterator<Item = (u16, u16, u16)> {
        let order = |a: Position, b: Position| (a.y, a.x) <= (b.y, b.x);
        let (from, to) = if order(self.anchor, self.to) {
            (self.anchor, self.to)
        } else {
            (self.to, self.anchor)
        };
        (from.y..=to.y).map(move |y| {
            let left = if y == from.y { from.x } else { self.area.x };
            let right = if y == to.y {
                to.x.saturating_add(1).min(self.area.right())
            } else {
                self.area.right()
            };
            (y, left, right)
        })
    }
}

/// Letters of what people copy in one piece: an origin, a header name, a path.
fn is_of_word(symbol: &str) -> bool {
    let parts = |c: char| c.is_whitespace() || "\"'`<>()[]{},;│".contains(c);
    !symbol.chars().any(parts)
}

impl App {
    /// The button went down. Text may be selected from here; a second time on the same place selects
    /// the word. Returns whether it was such a double click in text.
    pub(super) fn begin_selection(&mut self, at: Position) -> bool {
        let clicked = (at, self.now);
        let before = self.clicked.replace(clicked);
        let again = before.is_some_and(|(place, when)| {
            place == at && self.now.micros_since(when) <= DOUBLE_MICROS
        });
        self.selection = self.selectable(at).map(|area| Selection {
            area,
            anchor: at,
            to: at,
            made: false,
            copied_at: None,
        });
        if again {
            // A third click begins anew.
            self.clicked = None;
            self.select_word(at);
        }
        again
    }

    /// The part of the screen in which text can be selected from a place.
    fn selectable(&self, at: Position) -> Option<Rect> {
        if let Some(dialog) = &self.dialog {
            let (inside, _) = dialog::areas(self, &**dialog);
            return Some(inside).filter(|area| area.contains(at));
        }
        let areas = view::areas(self);
        let text = [areas.pane_text(), areas.rows].into_iter();
        if !matches!(self.focus, Focus::List | Focus::Pane) {
            return None;
        }
        text.into_iter().find(|area| area.contains(at))
    }

    /// The mouse moved with the button down.
    pub(super) fn extend_selection(&mut self, at: Position) {
        if let Some(selection) = &mut self.selection
            && selection.copied_at.is_none()
        {
            let area = selection.area;
            selection.to = Position {
                x: at.x.clamp(area.x, area.right().saturating_sub(1)),
                y: at.y.clamp(area.y, area.bottom().saturating_sub(1)),
            };
            selection.made |= selection.to != selection.anchor;
        }
    }

    /// The button was let go: what is selected is copied.
    pub(super) fn end_selection(&mut self, commands: &mut Vec<Command>) {
        let Some(selection) = self.selection.filter(|s| s.copied_at.is_none()) else {
            return;
        };
        let text = selection.made.then(|| self.text_in(selection)).flatten();
        match text.filter(|text| !text.trim().is_empty()) {
            Some(text) => {
                commands.push(Command::Copy(text, "the selection"));
                if let Some(selection) = &mut self.selection {
                    selection.copied_at = Some(self.now);
                }
            }
            None => self.selection = None,
        }
    }

    /// What was copied is shown for a while only: what is behind it may change.
    pub(super) fn fade_selection(&mut self) {
        let copied_at = self.selection.and_then(|s| s.copied_at);
        if copied_at.is_some_and(|at| self.now.micros_since(at) >= SHOWN_MICROS) {
            self.selection = None;
        }
    }

    fn select_word(&mut self, at: Position) {
        let (Some(buffer), Some(selection)) = (self.drawn(), &mut self.selection) else {
            return;
        };
        let area = selection.area;
        let of_word = |x: u16| is_of_word(buffer[(x, at.y)].symbol());
        if !of_word(at.x) {
            return;
        }
        let left = (area.x..=at.x).rev().take_while(|x| of_word(*x)).last();
        let right = (at.x..area.right()).take_while(|x| of_word(*x)).last();
        selection.anchor.x = left.unwrap_or(at.x);
        selection.to.x = right.unwrap_or(at.x);
        selection.made = true;
    }

    /// The screen as it is now.
    fn drawn(&self) -> Option<Buffer> {
        let (columns, rows) = self.size;
        if columns == 0 || rows == 0 {
            return None;
        }
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).ok()?;
        terminal.draw(|frame| view::draw(self, frame)).ok()?;
        Some(terminal.backend().buffer().clone())
    }

    fn text_in(&self, selection: Selection) -> Option<String> {
        let buffer = self.drawn()?;
        let lines = selection.lines().map(|(y, left, right)| {
            let mut line = String::new();
            let mut x = left;
            while x < right.min(buffer.area.right()) && y < buffer.area.bottom() {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                // The cell behind a wide character is its second half.
                x += (width(symbol) as u16).max(1);
            }
            line.trim_end().to_owned()
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// Shows what is selected, on a screen that is drawn already.
    pub(super) fn mark_selection(&self, buffer: &mut Buffer) {
        let Some(selection) = self.selection.filter(|s| s.made) else {
            return;
        };
        for (y, left, right) in selection.lines() {
            for x in left..right {
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.modifier.toggle(Modifier::REVERSED);
                }
            }
        }
    }
}
