//! Keys of the filter box, which reads letters itself.

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::app::App;
use super::dialog::{self, After};
use super::filter::Filter;
use super::keymap::Focus;

impl App {
    pub(super) fn filter_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.focus = Focus::List,
            KeyCode::Esc => {
                let before = std::mem::take(&mut self.filter.before);
                self.filter.input = Input::new(before);
                self.focus = Focus::List;
            }
            KeyCode::Up => self.list.step(-1),
            KeyCode::Down => self.list.step(1),
            _ => dialog::edit(&mut self.filter.input, key),
        }
        self.apply_filter();
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.focus == Focus::Filter {
            dialog::paste(&mut self.filter.input, text);
            self.apply_filter();
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
        if *self.filter_in_force() != filter {
            self.change_lens(|lens| lens.filter = filter);
        }
    }

    fn filter_in_force(&self) -> &Filter {
        &self.list.entries.lens().filter
    }
}
