//! Edits a request before it is done again: method and URL, header lines, an empty line, the body.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui_textarea::{CursorMove, TextArea};

use super::{After, Dialog, Room, key_words};
use crate::tui::app::{App, Command};
use crate::tui::effect::{Effect, Outcome};
use crate::tui::replay::{Draft, ReplayRequest, about, has_side_effects};
use crate::tui::text::{ellipsis, sanitise};
use crate::tui::theme::Theme;
use crate::wire::ExchangeId;

/// How many steps can be undone.
const UNDO_MAX: usize = 200;
/// How much is taken of what is pasted, in bytes.
const PASTED_BYTES_MAX: usize = 1 << 20;

/// Edits a request before it is done again.
#[derive(Debug)]
pub(crate) struct EditorDialog {
    exchange: ExchangeId,
    before: String,
    remark: Option<String>,
    area: TextArea<'static>,
    /// What stands in the last line: why it was not sent, what has to be confirmed.
    said: Option<String>,
    /// What the next key of its kind confirms.
    confirming: Option<Confirming>,
    /// Whether it was handed over and nothing came back yet.
    sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirming {
    Send,
    Leave,
}

impl EditorDialog {
    pub(crate) fn new(draft: Draft, theme: &Theme) -> Self {
        let mut area = TextArea::new(draft.text.lines().map(str::to_owned).collect());
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(theme.selected);
        area.set_selection_style(theme.chosen);
        area.set_max_histories(UNDO_MAX);
        area.move_cursor(CursorMove::End);
        Self {
            exchange: draft.exchange,
            before: area.lines().join("\n"),
            remark: draft.remark,
            area,
            said: None,
            confirming: None,
            sent: false,
        }
    }

    fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    fn method(&self) -> String {
        let line = self.area.lines().first();
        let word = line.and_then(|l| l.split_whitespace().next());
        word.unwrap_or_default().to_owned()
    }

    fn send(&mut self, app: &mut App, commands: &mut Vec<Command>) {
        let method = self.method();
        let agreed = app.replays.agreed || self.confirming == Some(Confirming::Send);
        if has_side_effects(&method) && !agreed {
            let method = sanitise(&method).into_owned();
            self.said = Some(format!(
                "{method} may change data on the server: Ctrl-S again sends it"
            ));
            self.confirming = Some(Confirming::Send);
            return;
        }
        app.replays.agreed |= has_side_effects(&method);
        self.confirming = None;
        self.said = Some("sending…".to_owned());
        self.sent = true;
        let text = self.text();
        let request = ReplayRequest {
            exchange: self.exchange,
            text: Some(text).filter(|text| *text != self.before),
        };
        commands.push(Command::Perform(Effect::Replay(request)));
    }
}

impl Dialog for EditorDialog {
    fn title(&self, _app: &App) -> String {
        format!("Edit {} and replay it", self.exchange)
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('s') if ctrl => {
                self.send(app, commands);
                return After::Stay;
            }
            KeyCode::Esc => {
                if self.text() == self.before || self.confirming == Some(Confirming::Leave) {
                    return After::Close;
                }
                self.said = Some("Esc again drops what you changed".to_owned());
                self.confirming = Some(Confirming::Leave);
                return After::Stay;
            }
            _ => {}
        }
        self.confirming = None;
        self.said = None;
        self.area.input(key);
        After::Stay
    }

    fn paste(&mut self, text: &str, _app: &mut App) {
        let mut end = text.len().min(PASTED_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.area
            .insert_str(text[..end].replace("\r\n", "\n").replace('\r', "\n"));
        self.said = None;
    }

    fn outcome(&mut self, outcome: Outcome, app: &mut App) -> Option<Outcome> {
        match about(&outcome, self.exchange).filter(|_| self.sent) {
            Some(Ok(())) => {
                // Its row is what is looked at from now on.
                app.focus = app.focus_behind;
                Some(outcome)
            }
            Some(Err(why)) => {
                self.sent = false;
                self.said = Some(why);
                None
            }
            None => Some(outcome),
        }
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let room = usize::from(inside.width);
        let mut area = inside;
        let hint = "Method and URL, one header per line, an empty line, the body.";
        let mut top = vec![(hint.to_owned(), app.theme.dim)];
        if let Some(remark) = &self.remark {
            top.push((sanitise(remark).into_owned(), app.theme.warning));
        }
        for (text, style) in top {
            let line = Line::styled(ellipsis(&text, room).into_owned(), style);
            frame.render_widget(
                line,
                Rect {
                    height: 1.min(area.height),
                    ..area
                },
            );
            area.y += 1.min(area.height);
            area.height = area.height.saturating_sub(1);
        }
        if let Some(said) = &self.said {
            let at = Rect {
                y: area.y + area.height.saturating_sub(1),
                height: 1.min(area.height),
                ..area
            };
            area.height = area.height.saturating_sub(1);
            let text = sanitise(said).into_owned();
            let line = Line::styled(ellipsis(&text, room).into_owned(), app.theme.warning);
            frame.render_widget(line, at);
        }
        frame.render_widget(&self.area, area);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[("Ctrl-S", "send"), ("Ctrl-U", "undo"), ("Esc", "back")])
    }
}
