//! Asks what to write, of what, and where.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{After, Dialog, Room, edit, key_words, paste};
use crate::diagnose::FetchId;
use crate::tui::app::{App, Command};
use crate::tui::effect::Outcome;
use crate::tui::export::{ExportFormat, ExportRequest, Exported, order};
use crate::tui::text::sanitise;

/// The lines that can be changed, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Format,
    Of,
    Secrets,
    File,
}

const FIELDS: [Field; 4] = [Field::Format, Field::Of, Field::Secrets, Field::File];
const LABEL_COLUMNS: u16 = 10;

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Selected,
    Listed,
    All,
}

/// What the lower lines say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Asking,
    Writing,
    /// There is such a file; Enter writes over it.
    Exists(String),
    Failed(String),
}

/// Asks what to write, of what, and where.
#[derive(Debug)]
pub(crate) struct ExportDialog {
    /// What files are called unless somebody types another name.
    stem: String,
    selected: Option<FetchId>,
    listed: Vec<FetchId>,
    format: ExportFormat,
    of: Of,
    secrets: bool,
    file: Input,
    /// Whether somebody typed the name.
    named: bool,
    field: Field,
    state: State,
}

impl ExportDialog {
    pub(crate) fn new(stem: &str, selected: Option<FetchId>, listed: Vec<FetchId>) -> Self {
        let mut dialog = Self {
            stem: stem.to_owned(),
            selected,
            listed,
            format: ExportFormat::default(),
            of: Of::All,
            secrets: false,
            file: Input::default(),
            named: false,
            field: Field::Format,
            state: State::Asking,
        };
        dialog.name();
        dialog
    }

    /// Names the file, unless somebody did.
    fn name(&mut self) {
        if self.named {
            return;
        }
        let part = match (self.of, self.selected) {
            (Of::Selected, Some(fetch)) => format!("-{fetch}"),
            (Of::Listed, _) => "-part".to_owned(),
            _ => String::new(),
        };
        let name = format!("{}{part}.{}", self.stem, self.format.ending());
        self.file = Input::new(name);
    }

    fn move_by(&mut self, steps: usize) {
        let at = FIELDS.iter().position(|f| *f == self.field).unwrap_or(0);
        self.field = FIELDS[(at + steps) % FIELDS.len()];
    }

    /// Changes what the chosen line says.
    fn turn(&mut self, right: bool) {
        match self.field {
            Field::Format => self.format = beside(&ExportFormat::ALL, self.format, right),
            Field::Of => {
                let mut choices = vec![Of::All, Of::Listed];
                choices.extend(self.selected.map(|_| Of::Selected));
                self.of = beside(&choices, self.of, right);
            }
            Field::Secrets => self.secrets = !self.secrets,
            Field::File => return,
        }
        self.state = State::Asking;
        self.name();
    }

    fn request(&self) -> Option<ExportRequest> {
        let file = self.file.value().trim();
        (!file.is_empty()).then(|| ExportRequest {
            format: self.format,
            only: match (self.of, self.selected) {
                (Of::Selected, Some(fetch)) => Some(vec![fetch]),
                (Of::Listed, _) => Some(self.listed.clone()),
                _ => None,
            },
            file: file.to_owned(),
            secrets: self.secrets,
            overwrite: matches!(self.state, State::Exists(_)),
        })
    }

    fn said_of(&self, field: Field) -> String {
        match field {
            Field::Format => self.format.about().to_owned(),
            Field::Of => match self.of {
                Of::All => "everything captured".to_owned(),
                Of::Listed => format!("what the list shows ({})", self.listed.len()),
                Of::Selected => self
                    .selected
                    .map_or_else(String::new, |fetch| format!("the selected call ({fetch})")),
            },
            Field::Secrets if self.secrets => {
                "LEFT IN: passwords, tokens, cookies, keys".to_owned()
            }
            Field::Secrets => "replaced by pseudonyms".to_owned(),
            Field::File => self.file.value().to_owned(),
        }
    }
}

fn beside<T: Copy + PartialEq>(all: &[T], one: T, right: bool) -> T {
    let at = all.iter().position(|other| *other == one).unwrap_or(0);
    let step = if right { 1 } else { all.len() - 1 };
    all[(at + step) % all.len()]
}

impl Dialog for ExportDialog {
    fn title(&self, _app: &App) -> String {
        "Export".to_owned()
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(64, 7)
    }

    fn key(&mut self, key: KeyEvent, _app: &mut App, commands: &mut Vec<Command>) -> After {
        let typing = self.field == Field::File;
        match key.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter => {
                if self.state != State::Writing
                    && let Some(request) = self.request()
                {
                    self.state = State::Writing;
                    commands.push(order(request));
                }
            }
            KeyCode::Up | KeyCode::BackTab => self.move_by(FIELDS.len() - 1),
            KeyCode::Down | KeyCode::Tab => self.move_by(1),
            KeyCode::Left if !typing => self.turn(false),
            KeyCode::Right | KeyCode::Char(' ') if !typing => self.turn(true),
            // A name is typed wherever the keys go.
            KeyCode::Char(_) if !typing && !key.modifiers.contains(KeyModifiers::CONTROL) => {}
            _ => {
                let before = self.file.value().to_owned();
                edit(&mut self.file, key);
                if self.file.value() != before {
                    self.named = true;
                    self.field = Field::File;
                    self.state = State::Asking;
                }
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _app: &mut App) {
        self.field = Field::File;
        self.named = true;
        self.state = State::Asking;
        paste(&mut self.file, text);
    }

    fn click(&mut self, at: Position, _app: &mut App, _commands: &mut Vec<Command>) -> After {
        if let Some(field) = FIELDS.get(usize::from(at.y)) {
            if self.field == *field {
                self.turn(true);
            }
            self.field = *field;
        }
        After::Stay
    }

    fn outcome(&mut self, outcome: Outcome, app: &mut App) -> Option<Outcome> {
        match outcome {
            Outcome::Exported(Exported::Written(..)) => {
                app.close_dialog();
                Some(outcome)
            }
            Outcome::Exported(Exported::Exists(path)) => {
                self.state = State::Exists(path.display().to_string());
                None
            }
            Outcome::Exported(Exported::Failed(why)) => {
                self.state = State::Failed(why);
                None
            }
            other => Some(other),
        }
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let theme = &app.theme;
        for (row, field) in FIELDS.into_iter().enumerate() {
            let Some(line) = line_of(inside, row) else {
                continue;
            };
            let chosen = field == self.field;
            let label = match field {
                Field::Format => "Format",
                Field::Of => "Of",
                Field::Secrets => "Secrets",
                Field::File => "File",
            };
            let marker = if chosen { "> " } else { "  " };
            let said = sanitise(&self.said_of(field)).into_owned();
            let style = match field {
                Field::Secrets if self.secrets => theme.warning,
                _ if chosen => theme.strong,
                _ => Style::default(),
            };
            let label = format!(
                "{marker}{label:<width$}",
                width = usize::from(LABEL_COLUMNS) - 2
            );
            if field != Field::File {
                let text = Line::from(vec![Span::raw(label), Span::styled(said, style)]);
                frame.render_widget(text, line);
                continue;
            }
            let room = usize::from(line.width.saturating_sub(LABEL_COLUMNS + 1)).max(1);
            let scroll = self.file.visual_scroll(room);
            let shown: String = said.chars().skip(scroll).take(room).collect();
            let text = Line::from(vec![Span::raw(label), Span::styled(shown, style)]);
            frame.render_widget(text, line);
            if chosen {
                let cursor = self.file.visual_cursor().saturating_sub(scroll) as u16;
                let x = line.x + LABEL_COLUMNS + cursor;
                frame.set_cursor_position((x.min(line.right().saturating_sub(1)), line.y));
            }
        }
        let said = match &self.state {
            State::Asking => Span::raw(""),
            State::Writing => Span::raw("writing\u{2026}"),
            State::Exists(path) => Span::styled(
                format!("{} exists; Enter writes over it", sanitise(path)),
                theme.warning,
            ),
            State::Failed(why) => Span::styled(sanitise(why).into_owned(), theme.warning),
        };
        let below = Rect {
            y: inside.y + (FIELDS.len() as u16 + 1).min(inside.height),
            height: inside.height.saturating_sub(FIELDS.len() as u16 + 1),
            ..inside
        };
        let paragraph = ratatui::widgets::Paragraph::new(Line::from(said))
            .wrap(ratatui::widgets::Wrap { trim: true });
        frame.render_widget(paragraph, below);
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        let enter = match self.state {
            State::Exists(_) => "write over it",
            _ => "write",
        };
        key_words(&[
            ("Enter", enter),
            ("\u{2191}\u{2193}", "choose"),
            ("\u{2190}\u{2192}", "change"),
            ("Esc", "back"),
        ])
    }
}

fn line_of(inside: Rect, row: usize) -> Option<Rect> {
    let row = u16::try_from(row).ok()?;
    (row < inside.height).then_some(Rect {
        y: inside.y + row,
        height: 1,
        ..inside
    })
}
