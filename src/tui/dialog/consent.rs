//! Asks once before something is sent that may change data on a server.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use super::{After, Dialog, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::effect::Effect;
use crate::tui::replay::ReplayRequest;
use crate::tui::text::sanitise;

/// Asks before a request with side effects is sent again.
#[derive(Debug)]
pub(crate) struct ConsentDialog {
    request: ReplayRequest,
    method: String,
}

impl ConsentDialog {
    pub(crate) fn new(request: ReplayRequest, method: &str) -> Self {
        Self {
            request,
            method: sanitise(method).into_owned(),
        }
    }
}

impl Dialog for ConsentDialog {
    fn title(&self, _app: &App) -> String {
        format!("Replay {}", self.request.exchange)
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(56, 4)
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        match key.code {
            KeyCode::Char('y' | 'Y') | KeyCode::Enter => {
                app.replays.agreed = true;
                let request = self.request.clone();
                commands.push(Command::Perform(Effect::Replay(request)));
                After::Close
            }
            KeyCode::Esc | KeyCode::Char('n' | 'N' | 'q') => After::Close,
            _ => After::Stay,
        }
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let text = vec![
            Line::styled(
                format!("{} may change data on the server.", self.method),
                app.theme.warning,
            ),
            Line::raw(""),
            Line::raw("Send it again? This is asked once; from then on replays are sent at once."),
        ];
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), inside);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("y", "send it"), ("Esc", "back")])
    }
}
