//! The fix: header lines, and the file of the server that answered.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::{After, Dialog, Picker, Room, key_words};
use crate::diagnose::FetchId;
use crate::fix::{Reach, snippet};
use crate::report::FixLine;
use crate::tui::app::{App, Command};
use crate::tui::effect::{Effect, Outcome};
use crate::tui::fix::Mended;
use crate::tui::keymap::Focus;
use crate::tui::view::{draw_fix, fix_areas, fix_rows};

/// Fix dialog: servers on the left, the fix for the chosen one on the right.
#[derive(Debug)]
pub(crate) struct FixDialog {
    fetch: FetchId,
    /// Method and URL.
    request: String,
    /// What was found out; `None` until it came.
    pub(crate) mended: Option<Box<Mended>>,
    /// The servers, recognised and likely ones first.
    pub(crate) choices: Vec<Choice>,
    pub(crate) picker: Picker,
    /// The snippet for the chosen one.
    pub(crate) snippet: Option<Result<snippet::Snippet, snippet::Refused>>,
    pub(crate) scroll: usize,
}

/// A server to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Whether it was recognised.
    pub(crate) seen: bool,
}

impl FixDialog {
    fn waiting(fetch: FetchId, request: String) -> Self {
        Self {
            fetch,
            request,
            mended: None,
            choices: Vec::new(),
            picker: Picker::default(),
            snippet: None,
            scroll: 0,
        }
    }

    fn arrived(&mut self, mended: Box<Mended>) {
        if let Some(mending) = &mended.mending {
            // The best first, then what else was recognised from the inside out, then what is likely,
            // then all others.
            let stack = &mending.stack;
            let hops = stack.hops.iter().rev().chain(stack.siblings.iter().rev());
            let seen: Vec<&'static str> = hops.filter_map(|hop| hop.snippet).collect();
            let mut first: Vec<&'static str> = stack.best.into_iter().collect();
            for id in seen.iter().chain(stack.kin()) {
                if !first.contains(id) {
                    first.push(id);
                }
            }
            let known = first.iter().filter_map(|id| snippet::by_id(id));
            let others = snippet::all().iter().filter(|t| !first.contains(&t.id));
            self.choices = known
                .chain(others)
                .map(|template| Choice {
                    id: template.id,
                    title: template.title,
                    seen: seen.contains(&template.id),
                })
                .collect();
        }
        self.mended = Some(mended);
        self.render();
    }

    /// Renders the snippet of the chosen server.
    fn render(&mut self) {
        let needs = self
            .mended
            .as_ref()
            .and_then(|mended| Some(&mended.mending.as_ref()?.needs));
        let chosen = self.choices.get(self.picker.chosen);
        self.snippet = chosen
            .zip(needs)
            .map(|(choice, needs)| snippet::render(choice.id, needs));
        self.scroll = 0;
    }

    fn choose(&mut self, change: impl FnOnce(&mut Picker)) {
        let before = self.picker.chosen;
        change(&mut self.picker);
        self.picker.chosen = self.picker.chosen.min(self.choices.len().saturating_sub(1));
        if self.picker.chosen != before {
            self.render();
        }
    }

    /// What `y` copies: the snippet, or where there is none the header lines.
    fn copy(&self) -> Option<String> {
        match &self.snippet {
            Some(Ok(snippet)) => Some(format!("{}\n", snippet.code())),
            _ => self.header_lines(),
        }
    }

    fn header_lines(&self) -> Option<String> {
        let lines = self.mended.as_ref()?.lines.iter();
        let headers: Vec<&str> = lines
            .filter_map(|line| match line {
                FixLine::Add(header) if !header.starts_with("status ") => Some(header.as_str()),
                _ => None,
            })
            .collect();
        (!headers.is_empty()).then(|| headers.join("\n") + "\n")
    }
}

impl App {
    /// Opens the fix of the selected fetch.
    pub(crate) fn open_fix(&mut self, commands: &mut Vec<Command>) {
        let Some(entry) = self.list.selected_entry() else {
            return;
        };
        let (Some(fetch), exchange) = (entry.fetch, entry.head) else {
            return;
        };
        let mut request = String::new();
        self.reader.rows(&[exchange], &mut |row| {
            let method = row.wanted_method.unwrap_or(row.method);
            request = format!("{method} {}{}", row.origin_text, row.path);
        });
        commands.push(Command::Perform(Effect::Mend(fetch)));
        self.open_dialog(Box::new(FixDialog::waiting(fetch, request)));
    }
}

impl Dialog for FixDialog {
    fn title(&self, _app: &App) -> String {
        format!("Fix for {}", self.request)
    }

    fn room(&self, _app: &App) -> Room {
        Room::Whole
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        let page = usize::from(crate::tui::view::areas(app).body.height / 2).max(1);
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | 'f') => return After::Close,
            KeyCode::Char('y') => match self.copy() {
                Some(text) => commands.push(Command::Copy(text, "the snippet")),
                None => app.say("there is nothing to copy here".to_owned()),
            },
            KeyCode::Char('h') => match self.header_lines() {
                Some(text) => commands.push(Command::Copy(text, "the header lines of the fix")),
                None => app.say("no header mends this".to_owned()),
            },
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll += page,
            KeyCode::Left => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Right => self.scroll += 1,
            // Without servers to choose from the arrows have nothing else to move.
            KeyCode::Up | KeyCode::Char('k') if self.choices.is_empty() => {
                self.scroll = self.scroll.saturating_sub(1);
            }
            KeyCode::Down | KeyCode::Char('j') if self.choices.is_empty() => self.scroll += 1,
            KeyCode::Char('j') => self.choose(|picker| picker.step(1)),
            KeyCode::Char('k') => self.choose(|picker| picker.step(-1)),
            _ => {
                if app.keys.action(Focus::List, key) == Some(crate::tui::action::Action::Help) {
                    app.act(crate::tui::action::Action::Help, commands);
                    return After::Close;
                }
                self.choose(|picker| {
                    picker.key(key, page);
                });
            }
        }
        After::Stay
    }

    fn click(&mut self, at: Position, app: &mut App, _commands: &mut Vec<Command>) -> After {
        let (inside, _) = super::areas(app, self);
        let areas = fix_areas(self, Rect::new(0, 0, inside.width, inside.height));
        if areas.servers.contains(at) {
            let line = usize::from(at.y - areas.servers.y);
            self.choose(|picker| picker.chosen = picker.top + line);
        }
        After::Stay
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.scroll = self.scroll.saturating_add_signed(lines);
    }

    fn outcome(&mut self, outcome: Outcome, _app: &mut App) -> Option<Outcome> {
        match outcome {
            Outcome::Mended(mended) if mended.fetch == self.fetch => {
                self.arrived(mended);
                None
            }
            other => Some(other),
        }
    }

    fn settle(&mut self, app: &App, inside: Rect) {
        let areas = fix_areas(self, inside);
        self.picker
            .settle(self.choices.len(), usize::from(areas.servers.height));
        let rows = fix_rows(self, app, areas.text.width);
        let most = rows.saturating_sub(usize::from(areas.text.height));
        self.scroll = self.scroll.min(most);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        draw_fix(self, app, frame, inside);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        if matches!(self.snippet, Some(Ok(_))) {
            keys.push(("y", "copy snippet"));
        }
        let server = self.mended.as_ref().and_then(|m| m.reach) == Some(Reach::Server);
        if server {
            keys.push(("h", "copy headers"));
        }
        if !self.choices.is_empty() {
            keys.push(("↑↓", "server"));
        }
        keys.extend([("PgUp PgDn", "scroll"), ("Esc", "back")]);
        key_words(&keys)
    }
}
