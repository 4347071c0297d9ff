//! The filter box: it reads letters itself, offers what could come next, and remembers.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;

use super::app::{App, Command};
use super::dialog::{self, After, NameDialog};
use super::effect::Effect;
use super::filter::{Filter, FilterError, Suggestion, suggestions};
use super::keymap::Focus;

/// How many filters are remembered.
const HISTORY_MAX: usize = 50;
/// How many lines of the list are looked at for origins to offer.
const ORIGINS_FROM: usize = 2000;
/// How many suggestions are offered.
const OFFERED_MAX: usize = 8;

/// The filter box.
#[derive(Debug, Default)]
pub(crate) struct FilterBox {
    pub(crate) input: Input,
    pub(crate) error: Option<FilterError>,
    /// What could come next.
    pub(crate) offers: Vec<Suggestion>,
    /// The one that Enter would take.
    pub(crate) chosen: Option<usize>,
    /// What it was before it was opened.
    before: String,
    /// The newest last.
    history: Vec<String>,
    /// Origins of the session, for suggestions.
    origins: Vec<String>,
}

impl FilterBox {
    pub(super) fn new(filter: &str, history: &[String]) -> Self {
        let newest = history.len().saturating_sub(HISTORY_MAX);
        Self {
            input: Input::new(filter.to_owned()),
            history: history[newest..].to_vec(),
            ..Self::default()
        }
    }

    /// Remembers what is typed; returns it unless it is nothing.
    fn remember(&mut self) -> Option<String> {
        let text = self.input.value().trim().to_owned();
        if text.is_empty() {
            return None;
        }
        self.history.retain(|old| *old != text);
        self.history.push(text.clone());
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
        Some(text)
    }

    /// The cursor, in bytes.
    fn cursor(&self) -> usize {
        let value = self.input.value();
        let nth = value.char_indices().nth(self.input.cursor());
        nth.map_or(value.len(), |(at, _)| at)
    }

    fn offer(&mut self, saved: &[(String, String)]) {
        self.chosen = None;
        if self.input.value().is_empty() {
            let named = saved.iter().map(|(name, text)| (text, name.as_str()));
            let used = self.history.iter().rev().map(|text| (text, "used before"));
            self.offers = named
                .chain(used)
                .map(|(text, about)| Suggestion {
                    at: 0..0,
                    text: text.clone(),
                    about: about.to_owned(),
                })
                .collect();
        } else {
            self.offers = suggestions(self.input.value(), self.cursor(), &self.origins);
        }
        self.offers.truncate(OFFERED_MAX);
    }

    /// Takes an offer over into the text.
    fn take(&mut self, n: usize) {
        let Some(offer) = self.offers.get(n).cloned() else {
            return;
        };
        let value = self.input.value();
        let (Some(before), Some(after)) = (value.get(..offer.at.start), value.get(offer.at.end..))
        else {
            return;
        };
        let text = format!("{before}{}{after}", offer.text);
        let cursor = before.chars().count() + offer.text.chars().count();
        self.input = Input::new(text).with_cursor(cursor);
    }

    fn choose(&mut self, down: bool) {
        let count = self.offers.len();
        self.chosen = match (self.chosen, down) {
            _ if count == 0 => None,
            (None, true) => Some(0),
            (None, false) => Some(count - 1),
            (Some(at), true) => (at + 1 < count).then_some(at + 1),
            (Some(at), false) => at.checked_sub(1),
        };
    }
}

impl App {
    pub(super) fn open_filter(&mut self) {
        self.leave_pane_zoom();
        self.filter.before = self.filter.input.value().to_owned();
        self.filter.origins = self.origins();
        self.focus = Focus::Filter;
        self.filter.offer(&self.options.settings.filters);
    }

    /// Origins that occur in the list, servers and pages.
    fn origins(&self) -> Vec<String> {
        let listed = self.list.entries.listed().iter().rev().take(ORIGINS_FROM);
        let heads: Vec<_> = listed
            .filter_map(|n| Some(self.list.entries.get(*n)?.head))
            .collect();
        let mut origins = std::collections::BTreeSet::new();
        self.reader.rows(&heads, &mut |row| {
            origins.insert(row.origin_text.to_owned());
            origins.extend(row.page_origin.map(str::to_owned));
        });
        origins.into_iter().filter(|o| !o.is_empty()).collect()
    }

    pub(super) fn filter_key(&mut self, key: KeyEvent, commands: &mut Vec<Command>) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let chosen = self.filter.chosen;
        match (key.code, chosen) {
            (KeyCode::Down, _) => return self.filter.choose(true),
            (KeyCode::Up, _) => return self.filter.choose(false),
            (KeyCode::Tab, _) => self.filter.take(chosen.unwrap_or(0)),
            (KeyCode::Enter, Some(n)) => self.filter.take(n),
            (KeyCode::Esc, Some(_)) => {
                self.filter.chosen = None;
                return;
            }
            (KeyCode::Enter, None) => {
                let used = self.filter.remember().filter(|_| self.options.can_keep);
                commands.extend(used.map(|used| Command::Perform(Effect::RememberFilter(used))));
                self.focus = Focus::List;
            }
            (KeyCode::Esc, None) => {
                let before = std::mem::take(&mut self.filter.before);
                self.filter.input = Input::new(before);
                self.focus = Focus::List;
            }
            (KeyCode::Char('s'), _) if ctrl => return self.ask_filter_name(),
            _ => dialog::edit(&mut self.filter.input, key),
        }
        self.apply_filter();
        self.filter.offer(&self.options.settings.filters);
    }

    /// Asks under which name the filter is to be kept.
    fn ask_filter_name(&mut self) {
        if self.filter.input.value().trim().is_empty() {
            self.say("there is no filter to keep".to_owned());
            return;
        }
        self.filter.remember();
        self.focus = Focus::List;
        let keep = |app: &mut App, name: String, commands: &mut Vec<Command>| {
            let filter = app.filter.input.value().trim().to_owned();
            let filters = &mut app.options.settings.filters;
            filters.retain(|(known, _)| *known != name);
            filters.push((name.clone(), filter.clone()));
            if app.options.can_keep {
                commands.push(Command::Perform(Effect::KeepFilter { name, filter }));
            } else {
                app.say(format!("kept as \"{name}\" until corscope ends"));
            }
        };
        self.open_dialog(Box::new(NameDialog::new("Keep this filter as", "", keep)));
    }

    /// Puts a filter in force.
    pub(crate) fn set_filter(&mut self, text: &str) {
        self.filter.input = Input::new(text.to_owned());
        self.apply_filter();
        self.filter.remember();
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.focus == Focus::Filter {
            dialog::paste(&mut self.filter.input, text);
            self.apply_filter();
            self.filter.offer(&self.options.settings.filters);
        } else if self.pane.finding.is_some() && self.focus == Focus::Pane {
            self.find_paste(text);
        } else {
            self.tell_dialog(|dialog, app| {
                dialog.paste(text, app);
                After::Stay
            });
        }
    }

    pub(super) fn apply_filter(&mut self) {
        let (filter, error) = Filter::parse(self.filter.input.value());
        self.filter.error = error;
        if self.list.entries.lens().filter != filter {
            self.search_anew();
            self.change_lens(|lens| lens.filter = filter);
        }
    }
}
