//! Keys and what they mean, as one table: the loop looks keys up in it, help and key bar are
//! printed from it.

mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use Place::{Everywhere, List, Pane};

pub(crate) use table::BINDINGS;

/// Who gets the keys. One value, so that two dialogs cannot both believe they have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    /// The list.
    #[default]
    List,
    /// The detail pane.
    Pane,
    /// The filter box.
    Filter,
    /// The dialog that is open: [`App::dialog`](super::app::App).
    Dialog,
}

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Everywhere,
    List,
    Pane,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) place: Place,
    /// All keys that do it; the first is the one shown.
    pub(crate) keys: &'static [Key],
    pub(crate) action: Action,
    /// The line in the help.
    pub(crate) help: &'static str,
    /// The word in the key bar, for the most useful ones.
    pub(crate) bar: Option<&'static str>,
}

/// A key as the table writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Ctrl(char),
    Code(KeyCode),
}

impl Key {
    fn is(self, event: KeyEvent) -> bool {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        match self {
            Self::Char(c) => event.code == KeyCode::Char(c) && !ctrl && !alt,
            Self::Ctrl(c) => event.code == KeyCode::Char(c) && ctrl,
            Self::Code(code) => event.code == code,
        }
    }

    /// A key as a person writes it in the configuration: `x`, `G`, `space`, `ctrl-d`, `f5`, `enter`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        if let (Some(c), None) = (letters.next(), letters.next()) {
            return Some(Self::Char(c));
        }
        let lower = text.to_ascii_lowercase();
        if let Some(c) = lower.strip_prefix("ctrl-") {
            let mut letters = c.chars();
            return match (letters.next(), letters.next()) {
                (Some(c), None) => Some(Self::Ctrl(c)),
                _ => None,
            };
        }
        if let Some(n) = lower.strip_prefix('f').and_then(|n| n.parse().ok()) {
            return (1..=24).contains(&n).then_some(Self::Code(KeyCode::F(n)));
        }
        Some(Self::Code(match lower.as_str() {
            "space" => return Some(Self::Char(' ')),
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "shift-tab" => KeyCode::BackTab,
            "backspace" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            "insert" => KeyCode::Insert,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "page-up" => KeyCode::PageUp,
            "page-down" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            _ => return None,
        }))
    }

    /// As printed.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Char(c) => c.to_string(),
            Self::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Code(code) => match code {
                KeyCode::Up => "↑".to_owned(),
                KeyCode::Down => "↓".to_owned(),
                KeyCode::Left => "←".to_owned(),
                KeyCode::Right => "→".to_owned(),
                KeyCode::PageUp => "PgUp".to_owned(),
                KeyCode::PageDown => "PgDn".to_owned(),
                KeyCode::BackTab => "Shift-Tab".to_owned(),
                KeyCode::F(n) => format!("F{n}"),
                other => format!("{other:?}"),
            },
        }
    }
}

/// The table as one person has it: with the keys of the configuration in it.
#[derive(Clone, Debug)]
pub(crate) struct Keymap {
    keys: Vec<Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self {
            keys: BINDINGS.iter().map(|b| b.keys.to_vec()).collect(),
        }
    }
}

impl Keymap {
    /// Every binding with its keys.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        BINDINGS.iter().zip(self.keys.iter().map(Vec::as_slice))
    }

    /// What a key means where the focus is. Filter box and dialogs read keys themselves and ask this
    /// for the rest.
    pub(crate) fn action(&self, focus: Focus, event: KeyEvent) -> Option<Action> {
        self.bindings()
            .find(|(b, keys)| holds(b.place, focus) && keys.iter().any(|k| k.is(event)))
            .map(|(b, _)| b.action)
    }

    /// Gives an action other keys, wherever it is bound; they are taken from whatever had them there.
    /// Returns what was left without any key by that.
    pub(crate) fn rebind(&mut self, action: Action, keys: &[Key]) -> Vec<Action> {
        let mut bare = Vec::new();
        for (at, binding) in BINDINGS.iter().enumerate() {
            if binding.action == action {
                self.keys[at] = keys.to_vec();
                continue;
            }
            let meets = BINDINGS
                .iter()
                .any(|own| own.action == action && overlap(own.place, binding.place));
            let before = self.keys[at].len();
            if meets {
                self.keys[at].retain(|k| !keys.contains(k));
            }
            if before > 0 && self.keys[at].is_empty() {
                bare.push(binding.action);
            }
        }
        bare
    }

    /// The key that is shown for an action; where it has none, how the palette finds it.
    pub(crate) fn label(&self, action: Action) -> String {
        let found = self
            .bindings()
            .find(|(b, keys)| b.action == action && !keys.is_empty());
        found.map_or_else(|| format!(":{}", action.id()), |(_, keys)| keys[0].label())
    }
}

/// Whether there is a focus in which both places hold.
fn overlap(one: Place, other: Place) -> bool {
    [Focus::List, Focus::Pane]
        .into_iter()
        .any(|focus| holds(one, focus) && holds(other, focus))
}

/// Whether one key cannot mean both.
pub(crate) fn meet(one: Action, other: Action) -> bool {
    let of = |action| BINDINGS.iter().filter(move |b| b.action == action);
    of(one).any(|a| of(other).any(|b| overlap(a.place, b.place)))
}

/// Whether a binding's place is where the focus is.
pub(crate) fn holds(place: Place, focus: Focus) -> bool {
    match place {
        Everywhere => matches!(focus, Focus::List | Focus::Pane),
        List => focus == Focus::List,
        Pane => focus == Focus::Pane,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for focus in [Focus::List, Focus::Pane] {
            let keys: Vec<Key> = BINDINGS
                .iter()
                .filter(|b| holds(b.place, focus))
                .flat_map(|b| b.keys.iter().copied())
                .collect();
            for (i, key) in keys.iter().enumerate() {
                assert!(
                    !keys[..i].contains(key),
                    "{} twice in {focus:?}",
                    key.label()
                );
            }
        }
    }

    #[test]
    fn a_key_given_to_an_action_is_taken_from_others() {
        let mut keymap = Keymap::default();
        let bare = keymap.rebind(Action::Follow, &[Key::Char('p')]);
        assert_eq!(bare, [Action::Pause]);
        let p = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::NONE);
        assert_eq!(keymap.action(Focus::List, p), Some(Action::Follow));
        let f = KeyEvent::new(KeyCode::Char('F'), KeyModifiers::SHIFT);
        assert_eq!(keymap.action(Focus::List, f), None);
    }

    #[test]
    fn keys_as_people_write_them() {
        assert_eq!(Key::read("ctrl-D"), Some(Key::Ctrl('d')));
        assert_eq!(Key::read("F5"), Some(Key::Code(KeyCode::F(5))));
        assert_eq!(Key::read("space"), Some(Key::Char(' ')));
        assert_eq!(Key::read("é"), Some(Key::Char('é')));
        for wrong in ["", "ctrl-", "f99", "hyper-x"] {
            assert_eq!(Key::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_action_has_its_own_name() {
        let mut names = std::collections::HashMap::new();
        for binding in BINDINGS {
            let before = names.insert(binding.action.id(), binding.action);
            assert!(before.is_none_or(|a| a == binding.action), "{before:?}");
        }
    }
}
