//! Asks for one line of text.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{After, Dialog, Room, edit, key_words, paste};
use crate::tui::app::{App, Command};
use crate::tui::text::sanitise;

/// What is done with the text.
type Done = Box<dyn Fn(&mut App, String, &mut Vec<Command>) + Send>;

/// Asks for one line of text; an empty one is an answer too where `empty_is_fine`.
pub(crate) struct NameDialog {
    title: String,
    input: Input,
    done: Done,
    empty_is_fine: bool,
}

impl std::fmt::Debug for NameDialog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NameDialog({})", self.title)
    }
}

impl NameDialog {
    /// Asks; what was typed (trimmed, not empty) goes to `done`.
    pub(crate) fn new(
        title: &str,
        before: &str,
        done: impl Fn(&mut App, String, &mut Vec<Command>) + Send + 'static,
    ) -> Self {
        Self {
            title: title.to_owned(),
            input: Input::new(before.to_owned()),
            done: Box::new(done),
            empty_is_fine: false,
        }
    }

    /// Takes an empty answer too.
    pub(crate) fn or_empty(mut self) -> Self {
        self.empty_is_fine = true;
        self
    }
}

impl Dialog for NameDialog {
    fn title(&self, _app: &App) -> String {
        self.title.clone()
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(60, 1)
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        match key.code {
            KeyCode::Esc => After::Close,
            KeyCode::Enter => {
                let typed = self.input.value().trim().to_owned();
                if typed.is_empty() && !self.empty_is_fine {
                    return After::Stay;
                }
                (self.done)(app, typed, commands);
                After::Close
            }
            _ => {
                edit(&mut self.input, key);
                After::Stay
            }
        }
    }

    fn paste(&mut self, text: &str, _app: &mut App) {
        paste(&mut self.input, text);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let room = usize::from(inside.width).saturating_sub(1);
        let scroll = self.input.visual_scroll(room.max(1));
        let shown: String = self.input.value().chars().skip(scroll).collect();
        let shown = sanitise(&shown).into_owned();
        let line = Line::from(vec![Span::styled(shown, app.theme.strong)]);
        frame.render_widget(line, inside);
        let cursor = self.input.visual_cursor().saturating_sub(scroll) as u16;
        let x = inside.x + cursor.min(inside.width.saturating_sub(1));
        frame.set_cursor_position((x, inside.y));
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("Enter", "done"), ("Ctrl-U", "empty"), ("Esc", "back")])
    }
}
