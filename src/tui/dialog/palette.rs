//! The command palette: every action, and every choice that has no key of its own, found by typing.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{After, Dialog, Picker, Room, edit, key_words, paste};
use crate::tui::action::Action;
use crate::tui::app::{App, Command};
use crate::tui::keymap::{Focus, Place};
use crate::tui::list::{Column, Group};
use crate::tui::options::ThemeChoice;
use crate::tui::text::{ellipsis, sanitise, width};

/// Something the palette can do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    Action(Action, Place),
    Theme(ThemeChoice),
    Column(Column),
    Sort(Column),
    Group(Option<Group>),
    /// A kept filter.
    Filter(String),
}

#[derive(Debug, Default)]
pub(crate) struct PaletteDialog {
    input: Input,
    picker: Picker,
}

/// One line of the palette.
struct Offer {
    choice: Choice,
    text: String,
    key: String,
}

impl PaletteDialog {
    fn offers(&self, app: &App) -> Vec<Offer> {
        let mut all: Vec<Offer> = Vec::new();
        for (binding, keys) in app.keys.bindings() {
            // Moving about needs no palette, and one line per action is enough.
            let known = |o: &Offer| matches!(o.choice, Choice::Action(a, _) if a == binding.action);
            if is_movement(binding.action) || all.iter().any(known) || !app.can(binding.action) {
                continue;
            }
            let text = match binding.action {
                Action::Tab(_) => format!("show {}", binding.help),
                _ => binding.help.to_owned(),
            };
            all.push(Offer {
                choice: Choice::Action(binding.action, binding.place),
                text,
                key: keys.first().map(|k| k.label()).unwrap_or_default(),
            });
        }
        for theme in ThemeChoice::ALL {
            all.push(Offer {
                choice: Choice::Theme(theme),
                text: format!("theme: {}", theme.name()),
                key: String::new(),
            });
        }
        for column in Column::ALL {
            let verb = if app.list.shown.has(column) {
                "hide"
            } else {
                "show"
            };
            all.push(Offer {
                choice: Choice::Column(column),
                text: format!("{verb} column: {} ({})", column.id(), column.about()),
                key: String::new(),
            });
        }
        for column in app.list.shown.columns() {
            all.push(Offer {
                choice: Choice::Sort(*column),
                text: format!("sort by {}", column.id()),
                key: String::new(),
            });
        }
        for group in Group::ALL.into_iter().map(Some).chain([None]) {
            let name = group.map_or("nothing", Group::name);
            all.push(Offer {
                choice: Choice::Group(group),
                text: format!("group by {name}"),
                key: String::new(),
            });
        }
        for (name, text) in &app.options.settings.filters {
            all.push(Offer {
                choice: Choice::Filter(text.clone()),
                text: format!("filter: {name}  {text}"),
                key: String::new(),
            });
        }
        let typed = self.input.value().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        all.retain(|offer| {
            let id = match offer.choice {
                Choice::Action(action, _) => action.id(),
                _ => "",
            };
            let text = offer.text.to_lowercase();
            words.iter().all(|w| text.contains(w) || id.contains(w))
        });
        // What begins with what was typed is most likely meant.
        let first = words.first().copied().unwrap_or_default();
        all.sort_by_key(|o| {
            !o.text
                .split(' ')
                .any(|w| w.to_lowercase().starts_with(first))
        });
        all
    }

    fn choose(&self, app: &mut App, commands: &mut Vec<Command>) -> After {
        let Some(offer) = self.offers(app).into_iter().nth(self.picker.chosen) else {
            return After::Stay;
        };
        app.close_dialog();
        match offer.choice {
            Choice::Action(action, place) => {
                if place == Place::List {
                    app.focus_list();
                }
                app.act(action, commands);
            }
            Choice::Theme(theme) => app.wear(theme),
            Choice::Column(column) => app.list.shown.toggle(column),
            Choice::Sort(column) => app.order(|wish| wish.clicked(column)),
            Choice::Group(group) => app.order(|wish| wish.group = group),
            Choice::Filter(text) => app.set_filter(&text),
        }
        After::Close
    }
}

fn is_movement(action: Action) -> bool {
    matches!(
        action,
        Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::Left
            | Action::Right
            | Action::Back
            | Action::Palette
    )
}

impl Dialog for PaletteDialog {
    fn title(&self, _app: &App) -> String {
        "Commands".to_owned()
    }

    fn room(&self, _app: &App) -> Room {
        Room::Middle(72, 18)
    }

    fn key(&mut self, key: KeyEvent, app: &mut App, commands: &mut Vec<Command>) -> After {
        match key.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter => return self.choose(app, commands),
            _ if self.picker.key(key, 10) => {}
            _ => {
                edit(&mut self.input, key);
                self.picker = Picker::default();
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _app: &mut App) {
        paste(&mut self.input, text);
    }

    fn click(&mut self, at: Position, app: &mut App, commands: &mut Vec<Command>) -> After {
        if at.y == 0 {
            return After::Stay;
        }
        self.picker.chosen = self.picker.top + usize::from(at.y) - 1;
        self.choose(app, commands)
    }

    fn wheel(&mut self, lines: isize, _app: &App) {
        self.picker.step(lines);
    }

    fn settle(&mut self, app: &App, inside: Rect) {
        let len = self.offers(app).len();
        let height = usize::from(inside.height).saturating_sub(1);
        self.picker.settle(len, height);
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, inside: Rect) {
        let theme = &app.theme;
        let room = usize::from(inside.width);
        let line = |y: u16| Rect {
            y: inside.y + y,
            height: 1,
            ..inside
        };
        let typed = Line::from(vec![
            Span::styled(": ", theme.key),
            Span::raw(sanitise(self.input.value()).into_owned()),
        ]);
        frame.render_widget(typed, line(0));
        frame.set_cursor_position((
            inside.x + (2 + self.input.visual_cursor() as u16).min(inside.width.saturating_sub(1)),
            inside.y,
        ));
        let offers = self.offers(app);
        if offers.is_empty() {
            frame.render_widget(Line::styled("nothing is called that", theme.dim), line(1));
        }
        let seen = offers.iter().enumerate().skip(self.picker.top);
        for ((n, offer), y) in seen.zip(1..inside.height) {
            let keys = width(&offer.key);
            let text = ellipsis(&offer.text, room.saturating_sub(keys + 3)).into_owned();
            let gap = room.saturating_sub(width(&text) + keys + 1);
            let base = if n == self.picker.chosen {
                theme.selected
            } else {
                Style::new()
            };
            let spans = vec![
                Span::raw(" "),
                Span::raw(text),
                Span::raw(" ".repeat(gap)),
                Span::styled(offer.key.clone(), theme.key),
            ];
            frame.render_widget(Line::from(spans).style(base), line(y));
        }
    }

    fn keys(&self, _app: &App) -> Vec<(String, String)> {
        key_words(&[
            ("Enter", "do it"),
            ("↑↓", "choose"),
            ("Esc", "back"),
            ("", "type any words of what you want"),
        ])
    }
}

impl App {
    /// Opens the palette from wherever the keys are.
    pub(crate) fn open_palette(&mut self) {
        if self.focus == Focus::Filter {
            self.focus = Focus::List;
        }
        self.open_dialog(Box::new(PaletteDialog::default()));
    }
}
