//! Which browser to open.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::{After, Dialog, Picker, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::effect::Effect;
use crate::tui::text::sanitise;

/// The widest that names and places are together, in columns.
const WIDTH_MAX: usize = 72;
/// What opening one does not do.
const PROMISE: &str = "Its profile is its own; nothing on the system changes.";

/// The browsers that are installed, to choose one from.
#[derive(Debug, Default)]
struct BrowsersDialog {
    picker: Picker,
    height: usize,
}

impl App {
    /// Opens the only browser there is, or asks which.
    pub(in crate::tui) fn open_browsers(&mut self, commands: &mut Vec<Command>) {
        if self.options.browsers.len() == 1 {
            self.launch(0, commands);
        } else {
            self.open_dialog(Box::new(BrowsersDialog::default()));
        }
    }

    fn launch(&mut self, number: usize, commands: &mut Vec<Command>) {
        if let Some((name, _)) = self.options.browsers.get(number) {
            self.say(format!("opening {}…", sanitise(name)));
            commands.push(Command::Perform(Effect::LaunchBrowser(number)));
        }
    }
}

/// How wide names are at most.
fn names_width(app: &App) -> usize {
    let names = app.options.browsers.iter();
    names.map(|(name, _)| name.width()).max().unwrap_or(0)
}

impl Dialog for BrowsersDialog {
    fn title(&self, _app: &App) -> String {
        "Open a browser that uses this proxy".to_owned()
    }

    fn room(&self, app: &App) -> Room {
        let places = app.options.browsers.iter().map(|(_, place)| place.width());
        let width = names_width(app) + places.max().unwrap_or(0) + 6;
        let rows = app.options.browsers.len() + 2;
        let columns = width.clamp(PROMISE.width(), WIDTH_MAX);
        Room::Middle(
            u16::try_from(columns).unwrap_or(u16::MAX),
            u16::try_from(rows).unwrap_or(u16::MAX),
        )
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return After::Close,
            KeyCode::Enter => {
                app.launch(self.picker.chosen, commands);
                return After::Close;
            }
            KeyCode::Char(digit @ '1'..='9') => {
                let number = usize::from(digit as u8 - b'1');
                if number < app.options.browsers.len() {
                    app.launch(number, commands);
                    return After::Close;
                }
            }
            KeyCode::Char('j') => self.picker.step(1),
            KeyCode::Char('k') => self.picker.step(-1),
            _ => {
                self.picker.key(key, self.height);
            }
        }
        After::Stay
    }

    fn click(&mut self, at: Position, app: &mut App, commands: &mut Vec<Command>) -> After {
        let row = usize::from(at.y);
        let number = self.picker.top + row;
        if row < self.height && number < app.options.browsers.len() {
            app.launch(number, commands);
            return After::Close;
        }
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.picker.step(lines);
    }

    fn settle(&mut self, app: &App, inside: Rect) {
        self.height = usize::from(inside.height.saturating_sub(2).max(1));
        self.picker.settle(app.options.browsers.len(), self.height);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let width = names_width(app);
        let theme = &app.theme;
        let browsers = app.options.browsers.iter().enumerate();
        let mut lines: Vec<Line<'_>> = browsers
            .skip(self.picker.top)
            .take(self.height)
            .map(|(number, (name, place))| {
                let chosen = number == self.picker.chosen;
                let key = match number {
                    0..9 => (number + 1).to_string(),
                    _ => " ".to_owned(),
                };
                let name = sanitise(name);
                let gap = " ".repeat(width.saturating_sub(name.width()));
                let mark = if chosen { "▌" } else { " " };
                let line = Line::from(vec![
                    Span::raw(format!("{mark}{key} {name}{gap}  ")),
                    Span::styled(sanitise(place).into_owned(), theme.dim),
                ]);
                if chosen {
                    line.style(theme.selected)
                } else {
                    line
                }
            })
            .collect();
        lines.push(Line::raw(""));
        lines.push(Line::styled(PROMISE, theme.dim));
        frame.render_widget(Paragraph::new(Text::from(lines)), inside);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("↑↓", "choose"), ("Enter", "open"), ("Esc", "back")])
    }
}
