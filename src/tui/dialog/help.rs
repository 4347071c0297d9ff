//! The help: what every key does, found by typing.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{After, Dialog, Room, edit, key_words};
use crate::tui::action::Action;
use crate::tui::app::{App, Command};
use crate::tui::keymap::Focus;
use crate::tui::text::sanitise;
use crate::tui::view::help_lines;

#[derive(Debug, Default)]
pub(crate) struct HelpDialog {
    scroll: usize,
    /// How many lines are in view.
    rows: usize,
    /// What is looked for, once `/` was pressed.
    search: Option<Input>,
}

impl HelpDialog {
    fn lines(&self, app: &App, room: u16) -> Vec<Line<'static>> {
        let wanted = self.search.as_ref().map_or("", Input::value);
        help_lines(app, usize::from(room), &wanted.to_lowercase())
    }

    /// A screenful, but for a line that stays.
    fn page(&self) -> usize {
        self.rows.saturating_sub(1).max(1)
    }

    /// Rows of the search line.
    fn above(&self) -> u16 {
        u16::from(self.search.is_some())
    }
}

impl Dialog for HelpDialog {
    fn title(&self, app: &App) -> String {
        let place = if app.focus_behind == Focus::Pane {
            "the detail pane"
        } else {
            "the list"
        };
        format!("Help: keys of {place} first")
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        let action = app.keys.action(Focus::List, key);
        match (&mut self.search, key.code) {
            (Some(_), KeyCode::Esc) => self.search = None,
            (Some(input), code)
                if !matches!(
                    code,
                    KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown
                ) =>
            {
                edit(input, key);
                self.scroll = 0;
            }
            (None, KeyCode::Esc) => return After::Close,
            (None, KeyCode::Char('/')) => self.search = Some(Input::default()),
            _ => match action {
                Some(Action::Help) => return After::Close,
                Some(Action::Quit) => commands.push(Command::Quit),
                Some(Action::Up) => self.scroll = self.scroll.saturating_sub(1),
                Some(Action::Down) => self.scroll += 1,
                Some(Action::PageUp) => self.scroll = self.scroll.saturating_sub(self.page()),
                Some(Action::PageDown) => self.scroll += self.page(),
                Some(Action::First) => self.scroll = 0,
                Some(Action::Last) => self.scroll = usize::MAX,
                _ => {}
            },
        }
        After::Stay
    }

    fn click(&mut self, _at: Position, _app: &mut App, _commands: &mut Vec<Command>) -> After {
        After::Close
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.scroll = self.scroll.saturating_add_signed(lines);
    }

    fn settle(&mut self, app: &App, inside: Rect) {
        let rows = usize::from(inside.height - self.above().min(inside.height));
        self.rows = rows;
        let most = self.lines(app, inside.width).len().saturating_sub(rows);
        self.scroll = self.scroll.min(most);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let row = |y: u16| Rect {
            y,
            height: 1,
            ..inside
        };
        if let Some(input) = &self.search {
            let typed = Line::from(vec![
                Span::styled(" / ", app.theme.key),
                Span::raw(sanitise(input.value()).into_owned()),
            ]);
            frame.render_widget(typed, row(inside.y));
            let x = inside.x + 3 + input.visual_cursor() as u16;
            frame.set_cursor_position((x.min(inside.right().saturating_sub(1)), inside.y));
        }
        let lines = self.lines(app, inside.width);
        let below = inside.y + self.above()..inside.bottom();
        if lines.is_empty() && !below.is_empty() {
            let nothing = Line::styled(" no key does that", app.theme.dim);
            frame.render_widget(nothing, row(below.start));
        }
        for (line, y) in lines.into_iter().skip(self.scroll).zip(below) {
            frame.render_widget(line, row(y));
        }
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        if self.search.is_some() {
            return key_words(&[("↑↓", "scroll"), ("Esc", "all keys")]);
        }
        key_words(&[
            ("↑↓", "scroll"),
            ("/", "search"),
            ("Esc", "back"),
            ("q", "quit"),
        ])
    }
}
