//! A list in a dialog: which line is chosen, which part is seen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Position in a list that may change its length at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picker {
    pub(crate) chosen: usize,
    /// The first line that is seen.
    pub(crate) top: usize,
}

impl Picker {
    /// Moves by a key; `false` if the key is none that moves.
    pub(crate) fn key(&mut self, key: KeyEvent, page: usize) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::Char('p') if ctrl => self.step(-1),
            KeyCode::Char('n') if ctrl => self.step(1),
            KeyCode::PageUp => self.step(-(page.max(1) as isize)),
            KeyCode::PageDown => self.step(page.max(1) as isize),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = usize::MAX,
            _ => return false,
        }
        true
    }

    pub(crate) fn step(&mut self, lines: isize) {
        self.chosen = self.chosen.saturating_add_signed(lines);
    }

    /// Brings both in line with how many there are and how many fit.
    pub(crate) fn settle(&mut self, len: usize, height: usize) {
        self.chosen = self.chosen.min(len.saturating_sub(1));
        let height = height.max(1);
        if self.chosen < self.top {
            self.top = self.chosen;
        }
        if self.chosen >= self.top + height {
            self.top = self.chosen + 1 - height;
        }
        self.top = self.top.min(len.saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_line_is_always_seen() {
        let mut picker = Picker { chosen: 7, top: 0 };
        picker.settle(10, 3);
        assert_eq!(picker, Picker { chosen: 7, top: 5 });
        picker.step(-5);
        picker.settle(10, 3);
        assert_eq!(picker, Picker { chosen: 2, top: 2 });
        picker.settle(1, 3);
        assert_eq!(picker, Picker { chosen: 0, top: 0 });
        picker.settle(0, 0);
        assert_eq!(picker.chosen, 0);
    }
}
