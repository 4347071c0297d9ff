//! Dialogs: one at a time, over list and pane, with all keys until it is closed.
//!
//! A dialog is a type of its own in a file of its own; nothing else has to know it but the action
//! that opens it: `app.open_dialog(Box::new(...))`. What it needs done leaves as a [`Command`], as
//! everywhere; what comes back to it comes through [`Dialog::outcome`].

mod browsers;
mod columns;
mod compare;
mod consent;
mod copy;
mod editor;
mod export;
mod fix;
mod help;
mod name;
mod palette;
mod paper;
mod picker;
mod whole;

use std::fmt::Debug;

use crossterm::event::{Event as Raw, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::app::{App, Command};
use super::effect::Outcome;
use super::keymap::Focus;
use super::view;

pub(crate) use columns::ColumnsDialog;
pub(crate) use compare::CompareDialog;
pub(crate) use consent::ConsentDialog;
pub(crate) use copy::CopyDialog;
pub(crate) use editor::EditorDialog;
pub(crate) use export::ExportDialog;
pub(crate) use fix::FixDialog;
pub(crate) use help::HelpDialog;
pub(crate) use name::NameDialog;
pub(crate) use paper::PaperDialog;
pub(crate) use picker::Picker;

/// What becomes of a dialog after it was told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It stays open.
    Stay,
    /// It is closed; keys go back to where they went before.
    Close,
}

/// Where a dialog is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// In a frame in the middle, with so many columns and rows inside (fewer on a small screen).
    Middle(u16, u16),
    /// On all of list and pane, under a line with its title.
    Whole,
}

/// A dialog. While it is asked something it is out of the [`App`], so it may change that freely; it
/// may open another one, which then takes its place.
pub(crate) trait Dialog: Debug + Send {
    /// What its frame says.
    fn title(&self, app: &App) -> String;

    /// How much room it wants.
    fn room(&self, app: &App) -> Room;

    /// A key was pressed. Ctrl-C never comes here: it leaves from anywhere.
    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After;

    /// Text was pasted.
    fn paste(&mut self, _text: &str, _app: &mut App) {}

    /// A click at this place inside, from its top left corner.
    fn click(&mut self, _at: Position, _app: &mut App, _commands: &mut Vec<Command>) -> After {
        After::Stay
    }

    /// The wheel was turned.
    fn wheel(&mut self, _lines: isize, _app: &App) {}

    /// Something came back; returns it unless it was meant for this dialog.
    fn outcome(&mut self, outcome: Outcome, _app: &mut App) -> Option<Outcome> {
        Some(outcome)
    }

    /// Brings itself in line with the room it has, after every event.
    fn settle(&mut self, _app: &App, _inside: Rect) {}

    /// Draws it. Text from traffic goes through [`sanitise`](super::text::sanitise) first.
    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect);

    /// The key bar: key and word.
    fn keys(&self, app: &App) -> Vec<(String, String)>;
}

/// The room inside the frame of a dialog, and the frame.
pub(crate) fn areas(app: &App, dialog: &dyn Dialog) -> (Rect, Rect) {
    let body = view::areas(app).body;
    match dialog.room(app) {
        Room::Whole => {
            let mut inside = body;
            inside.y += inside.height.min(1);
            inside.height = inside.height.saturating_sub(1);
            (inside, body)
        }
        Room::Middle(columns, rows) => {
            let width = columns.saturating_add(4).min(body.width);
            let height = rows.saturating_add(2).min(body.height);
            let frame = Rect {
                x: body.x + (body.width - width) / 2,
                // A little above the middle is where one looks first.
                y: body.y + (body.height - height) / 3,
                width,
                height,
            };
            let inside = Rect {
                x: frame.x + 2.min(width),
                y: frame.y + 1.min(height),
                width: width.saturating_sub(4),
                height: height.saturating_sub(2),
            };
            (inside, frame)
        }
    }
}

impl App {
    /// Opens a dialog; one that is open gives way.
    pub(crate) fn open_dialog(&mut self, dialog: Box<dyn Dialog>) {
        if self.focus != Focus::Dialog {
            self.focus_behind = match self.focus {
                Focus::Pane => Focus::Pane,
                _ => Focus::List,
            };
        }
        self.focus = Focus::Dialog;
        self.dialog = Some(dialog);
    }

    /// Closes whatever dialog is open.
    pub(crate) fn close_dialog(&mut self) {
        self.dialog = None;
        if self.focus == Focus::Dialog {
            self.focus = self.focus_behind;
        }
    }

    /// Asks the open dialog something.
    pub(super) fn tell_dialog(&mut self, tell: impl FnOnce(&mut dyn Dialog, &mut Self) -> After) {
        let Some(mut dialog) = self.dialog.take() else {
            return;
        };
        let after = tell(&mut *dialog, self);
        if self.dialog.is_some() {
            return;
        }
        if after == After::Close || self.focus != Focus::Dialog {
            self.close_dialog();
        } else {
            self.dialog = Some(dialog);
        }
    }

    /// Offers something that came back to the open dialog.
    pub(super) fn offer_to_dialog(&mut self, outcome: Outcome) -> Option<Outcome> {
        let mut left = None;
        if self.dialog.is_none() {
            return Some(outcome);
        }
        self.tell_dialog(|dialog, app| {
            left = dialog.outcome(outcome, app);
            After::Stay
        });
        left
    }

    pub(super) fn settle_dialog(&mut self) {
        if let Some(mut dialog) = self.dialog.take() {
            let (inside, _) = areas(self, &*dialog);
            dialog.settle(self, inside);
            self.dialog = Some(dialog);
        }
    }
}

/// A key in a line of text. Ctrl-U empties it.
pub(crate) fn edit(input: &mut Input, key: KeyEvent) {
    if key.code == KeyCode::Char('u') && key.modifiers.contains(KeyModifiers::CONTROL) {
        input.reset();
    } else {
        input.handle_event(&Raw::Key(key));
    }
}

/// How much of what is pasted into a line of text is taken, in characters.
const PASTED_CHARS_MAX: usize = 4000;

/// Pasted text in a line of text: without its line breaks.
pub(crate) fn paste(input: &mut Input, text: &str) {
    for c in text
        .chars()
        .filter(|c| !c.is_control())
        .take(PASTED_CHARS_MAX)
    {
        input.handle(InputRequest::InsertChar(c));
    }
}

/// Pairs of key and word, for [`Dialog::keys`].
pub(crate) fn key_words(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(k, w): &(&str, &str)| ((*k).to_owned(), (*w).to_owned());
    pairs.iter().map(owned).collect()
}
