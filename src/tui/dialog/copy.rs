//! As what to copy the selected exchange.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{After, Dialog, Picker, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::copying::CopyForm;

/// As what to copy the selected exchange: a letter is enough.
#[derive(Debug, Default)]
pub(crate) struct CopyDialog {
    picker: Picker,
    height: usize,
}

impl CopyDialog {
    fn chosen(&self) -> CopyForm {
        CopyForm::ALL[self.picker.chosen.min(CopyForm::ALL.len() - 1)]
    }
}

impl Dialog for CopyDialog {
    fn title(&self, app: &App) -> String {
        let selected = app.list.selected_exchange(&app.reader);
        selected.map_or_else(|| "Copy as".to_owned(), |id| format!("Copy {id} as"))
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(50, CopyForm::ALL.len() as u16 + 2)
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return After::Close,
            KeyCode::Enter => {
                app.copy_as(self.chosen(), commands);
                return After::Close;
            }
            KeyCode::Char('j') => self.picker.step(1),
            KeyCode::Char('k') => self.picker.step(-1),
            KeyCode::Char(letter) => {
                if let Some(form) = CopyForm::ALL.into_iter().find(|f| f.key() == letter) {
                    app.copy_as(form, commands);
                    return After::Close;
                }
            }
            _ => {
                self.picker.key(key, self.height);
            }
        }
        After::Stay
    }

    fn click(&mut self, at: Position, app: &mut App, commands: &mut Vec<Command>) -> After {
        let row = usize::from(at.y);
        match CopyForm::ALL.get(self.picker.top + row) {
            Some(form) if row < self.height => {
                app.copy_as(*form, commands);
                After::Close
            }
            _ => After::Stay,
        }
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.picker.step(lines);
    }

    fn settle(&mut self, _app: &App, inside: Rect) {
        self.height = usize::from(inside.height.saturating_sub(2).max(1));
        self.picker.settle(CopyForm::ALL.len(), self.height);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let theme = &app.theme;
        let forms = CopyForm::ALL.into_iter().enumerate();
        let shown = forms.skip(self.picker.top).take(self.height);
        for ((n, form), y) in shown.zip(inside.y..inside.bottom()) {
            let mark = if n == self.picker.chosen { "▌" } else { " " };
            let line = Line::from(vec![
                Span::raw(mark),
                Span::styled(form.key().to_string(), theme.key),
                Span::raw(format!("  {}", form.about())),
            ]);
            let line = if n == self.picker.chosen {
                line.style(theme.selected)
            } else {
                line
            };
            frame.render_widget(
                line,
                Rect {
                    y,
                    height: 1,
                    ..inside
                },
            );
        }
        if inside.height > 2 {
            let said = Line::styled(
                "Secrets are in it: whoever gets it can use them.",
                theme.dim,
            );
            let y = inside.bottom() - 1;
            frame.render_widget(
                said,
                Rect {
                    y,
                    height: 1,
                    ..inside
                },
            );
        }
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("↑↓", "choose"), ("Enter", "copy"), ("Esc", "back")])
    }
}
