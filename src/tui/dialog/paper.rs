//! A text to be read: scrolled, and closed.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::{After, Dialog, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::text::sanitise;

/// A text to be read.
#[derive(Debug)]
pub(crate) struct PaperDialog {
    title: String,
    lines: Vec<String>,
    scroll: u16,
    height: u16,
}

impl PaperDialog {
    pub(crate) fn new(title: String, text: &str) -> Self {
        Self {
            title,
            lines: text.lines().map(|l| sanitise(l).into_owned()).collect(),
            scroll: 0,
            height: 1,
        }
    }

    fn move_by(&mut self, lines: i32) {
        let last = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        let to = i32::from(self.scroll).saturating_add(lines);
        let to = to.clamp(0, i32::from(last.saturating_sub(1)));
        self.scroll = u16::try_from(to).unwrap_or(0);
    }
}

impl Dialog for PaperDialog {
    fn title(&self, _app: &App) -> String {
        self.title.clone()
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, _app: &mut App, commands: &mut Vec<Command>) -> After {
        let page = i32::from(self.height.saturating_sub(1).max(1));
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') | KeyCode::Enter => return After::Close,
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp => self.move_by(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.move_by(page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll = 0,
            KeyCode::Char('y') => {
                commands.push(Command::Copy(self.lines.join("\n"), "the comparison"));
            }
            _ => {}
        }
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.move_by(i32::try_from(lines).unwrap_or(0));
    }

    fn settle(&mut self, _app: &App, inside: Rect) {
        self.height = inside.height;
    }

    fn draw(&self, _app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let lines: Vec<Line<'_>> = self.lines.iter().map(|l| Line::raw(l.as_str())).collect();
        let text = Paragraph::new(Text::from(lines))
            .wrap(Wrap { trim: false })
            .scroll((self.scroll, 0));
        frame.render_widget(text, inside);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("↑↓", "scroll"), ("y", "copy"), ("Esc", "back")])
    }
}
