//! Keys of the filter box and of the help, which read letters themselves.

use crossterm::event::KeyEvent;
use tui_input::Input;

use super::action::Action;
use super::app::{App, Command};
use super::filter::Filter;
use super::keymap::{self, Focus};
use super::view;

impl App {
    pub(super) fn filter_key(&mut self, key: KeyEvent) {
        use crossterm::event::{Event as Raw, KeyCode, KeyModifiers};
        use tui_input::backend::crossterm::EventHandler;
        match key.code {
            KeyCode::Enter => self.focus = Focus::List,
            KeyCode::Esc => {
                let before = std::mem::take(&mut self.filter.before);
                self.filter.input = Input::new(before);
                self.focus = Focus::List;
            }
            KeyCode::Up => self.list.step(-1),
            KeyCode::Down => self.list.step(1),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.filter.input.reset();
            }
            _ => {
                self.filter.input.handle_event(&Raw::Key(key));
            }
        }
        self.apply_filter();
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.focus == Focus::Filter {
            for c in text.chars().filter(|c| !c.is_control()).take(1000) {
                self.filter
                    .input
                    .handle(tui_input::InputRequest::InsertChar(c));
            }
            self.apply_filter();
        }
    }

    pub(super) fn apply_filter(&mut self) {
        let (filter, error) = Filter::parse(self.filter.input.value());
        self.filter.error = error;
        if *self.filter_in_force() != filter {
            self.change_lens(|lens| lens.filter = filter);
        }
    }

    fn filter_in_force(&self) -> &Filter {
        &self.list.entries.lens().filter
    }

    pub(super) fn help_key(&mut self, key: KeyEvent, commands: &mut Vec<Command>) {
        use crossterm::event::KeyCode;
        match (key.code, keymap::action(Focus::List, key)) {
            (KeyCode::Esc, _) | (_, Some(Action::Help)) => self.focus = Focus::List,
            (_, Some(Action::Quit)) => commands.push(Command::Quit),
            (_, Some(Action::Up)) => self.help_scroll = self.help_scroll.saturating_sub(1),
            (_, Some(Action::Down)) => self.help_scroll += 1,
            (_, Some(Action::PageUp)) => self.help_scroll = self.help_scroll.saturating_sub(10),
            (_, Some(Action::PageDown)) => self.help_scroll += 10,
            (_, Some(Action::First)) => self.help_scroll = 0,
            _ => {}
        }
        self.help_scroll = self.help_scroll.min(view::help_scroll_max(self));
    }
}
