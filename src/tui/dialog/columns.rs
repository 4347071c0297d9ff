//! Which columns the list has.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{After, Dialog, Picker, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::list::{Column, Group, Shown, Wish};
use crate::tui::text::ellipsis;

#[derive(Debug, Default)]
pub(crate) struct ColumnsDialog {
    picker: Picker,
}

impl ColumnsDialog {
    fn column(&self, app: &App) -> Column {
        let order = app.list.shown.order();
        order[self.picker.chosen.min(order.len() - 1)]
    }

    fn shift(&mut self, app: &mut App, down: bool) {
        app.list.shown.shift(self.column(app), down);
        self.picker.step(if down { 1 } else { -1 });
    }
}

impl Dialog for ColumnsDialog {
    fn title(&self, app: &App) -> String {
        let group = app.list.entries.wish().group;
        let group = group.map_or("none", Group::name);
        format!("Columns · groups: {group}")
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(62, Column::ALL.len() as u16)
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, _commands: &mut Vec<Command>) -> After {
        let column = self.column(app);
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return After::Close,
            KeyCode::Char(' ') => app.list.shown.toggle(column),
            KeyCode::Char('j') => self.picker.step(1),
            KeyCode::Char('k') => self.picker.step(-1),
            KeyCode::Char('<' | 'K') => self.shift(app, false),
            KeyCode::Char('>' | 'J') => self.shift(app, true),
            KeyCode::Char('s') => app.order(|wish| wish.clicked(column)),
            KeyCode::Char('g') => app.order(|wish| {
                let now = wish
                    .group
                    .and_then(|g| Group::ALL.iter().position(|k| *k == g));
                wish.group = Group::ALL.get(now.map_or(0, |n| n + 1)).copied();
            }),
            KeyCode::Char('r') => {
                app.list.shown = Shown::default();
                app.order(|wish| *wish = Wish::default());
            }
            _ => {
                self.picker.key(key, 5);
            }
        }
        After::Stay
    }

    fn click(&mut self, at: Position, app: &mut App, _commands: &mut Vec<Command>) -> After {
        self.picker.chosen = self.picker.top + usize::from(at.y);
        let column = self.column(app);
        app.list.shown.toggle(column);
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.picker.step(lines);
    }

    fn settle(&mut self, _app: &App, inside: Rect) {
        self.picker
            .settle(Column::ALL.len(), usize::from(inside.height));
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let theme = &app.theme;
        let seen = app
            .list
            .shown
            .order()
            .iter()
            .enumerate()
            .skip(self.picker.top);
        for ((n, column), y) in seen.zip(inside.y..inside.bottom()) {
            let sign = if app.list.shown.has(*column) {
                "✔"
            } else {
                " "
            };
            let base = if n == self.picker.chosen {
                theme.selected
            } else {
                Style::new()
            };
            let about = ellipsis(column.about(), usize::from(inside.width).saturating_sub(18));
            let mut spans = vec![
                Span::styled(format!(" {sign} "), theme.good),
                Span::styled(format!("{:<13}", column.id()), theme.strong),
                Span::styled(about.into_owned(), theme.dim),
            ];
            let sorted = app.list.entries.wish().sort.filter(|(c, _)| c == column);
            if let Some((_, down)) = sorted {
                spans[0] = Span::styled(if down { " ▼ " } else { " ▲ " }, theme.label);
            }
            let row = Rect {
                y,
                height: 1,
                ..inside
            };
            frame.render_widget(Line::from(spans).style(base), row);
        }
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[
            ("Space", "show"),
            ("< >", "move"),
            ("s", "sort"),
            ("g", "group by page, host, verdict"),
            ("r", "as usual"),
            ("↑↓", "choose"),
            ("Esc", "done"),
        ])
    }
}
