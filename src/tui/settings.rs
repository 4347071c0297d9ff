//! What a person has configured: read from TOML, every mistake with its line and the nearest right
//! word. Reading and writing the file is for whoever put the parts together.

use std::ops::Range;
use std::str::FromStr;

use ratatui::style::Color;
use toml_edit::{Document, DocumentMut, Item, Table, TomlError, value};

use super::action::Action;
use super::keymap::{BINDINGS, Key, Keymap, meet};
use super::list::Column;
use super::nearest::nearest;
use super::options::ThemeChoice;
use super::theme::Paint;

/// What a person has configured. The default is what there is without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub(crate) theme: Option<ThemeChoice>,
    pub(crate) ascii: Option<bool>,
    pub(crate) columns: Option<Vec<Column>>,
    pub(crate) keys: Vec<(Action, Vec<Key>)>,
    /// Name and text.
    pub(crate) filters: Vec<(String, String)>,
    pub(crate) colours: Vec<(Paint, Color)>,
}

/// Why a configuration was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SettingsError {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong there, with the nearest right thing.
    pub message: String,
}

/// The keys of the file's top.
const KEYS: [&str; 6] = ["theme", "ascii", "columns", "keys", "filters", "colours"];

impl Settings {
    /// Reads a configuration.
    ///
    /// ```
    /// use corscope::tui::Settings;
    ///
    /// let text = "theme = \"light\"\n[keys]\nfollow = \"ctrl-g\"\n";
    /// assert!(Settings::parse(text).is_ok());
    /// let error = Settings::parse("\nthem = \"light\"").expect_err("a mistake");
    /// assert_eq!(error.to_string(), "line 2: unknown key \"them\": did you mean theme?");
    /// ```
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let file = File { text };
        let document = Document::parse(text).map_err(|error| file.no_toml(&error))?;
        let mut settings = Self::default();
        for (name, item) in document.iter() {
            let at = File::key(document.as_table(), name);
            match name {
                "theme" => {
                    let typed = file.string(item, name, &at)?;
                    let known = ThemeChoice::ALL.map(ThemeChoice::name);
                    let theme = ThemeChoice::from_name(typed);
                    let theme = theme.ok_or_else(|| file.unknown("theme", typed, &known, &at))?;
                    settings.theme = Some(theme);
                }
                "ascii" => {
                    let wanted = item.as_bool();
                    let wrong = || file.error(&at, "ascii is true or false".to_owned());
                    settings.ascii = Some(wanted.ok_or_else(wrong)?);
                }
                "columns" => settings.columns = Some(file.columns(item, &at)?),
                "keys" => {
                    let mut spots = Vec::new();
                    for (action, item, at) in file.entries(item, name, &at)? {
                        settings.keys.push(file.binding(action, item, &at)?);
                        spots.push(at);
                    }
                    if let Some(clash) = Clash::among(&settings.keys) {
                        return Err(file.error(&spots[clash.at], clash.message));
                    }
                }
                "filters" => {
                    for (name, item, at) in file.entries(item, name, &at)? {
                        let text = file.string(item, name, &at)?;
                        settings.filters.push((name.to_owned(), text.to_owned()));
                    }
                }
                "colours" => {
                    for (paint, item, at) in file.entries(item, name, &at)? {
                        settings.colours.push(file.colour(paint, item, &at)?);
                    }
                }
                _ => return Err(file.unknown("key", name, &KEYS, &at)),
            }
        }
        Ok(settings)
    }

    /// The text of a configuration with one more filter in it, all else as it was.
    pub fn with_filter(text: &str, name: &str, filter: &str) -> Result<String, SettingsError> {
        let file = File { text };
        let mut document: DocumentMut = text.parse().map_err(|e: TomlError| file.no_toml(&e))?;
        let filters = document.entry("filters");
        let filters = filters.or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = filters.as_table_like_mut() else {
            return Err(file.error(&None, "filters is no table".to_owned()));
        };
        table.insert(name, value(filter));
        Ok(document.to_string())
    }
}

/// Keys that cannot be as they were configured.
struct Clash {
    /// Which of the bindings.
    at: usize,
    message: String,
}

impl Clash {
    /// A key may be taken from another action, which can still be found by its name. But not the one
    /// of an action that a person must find with their eyes shut, not without giving it another; and
    /// one key cannot be given to two.
    fn among(wanted: &[(Action, Vec<Key>)]) -> Option<Self> {
        let mut keymap = Keymap::default();
        for (at, (action, keys)) in wanted.iter().enumerate() {
            let id = action.id();
            let clash = |message| Some(Self { at, message });
            if keys.is_empty() && ESSENTIAL.contains(action) {
                return clash(format!("{id} needs a key"));
            }
            for (other, others) in &wanted[..at] {
                let both = keys.iter().find(|key| others.contains(key));
                if let Some(key) = both.filter(|_| meet(*action, *other)) {
                    let (key, other) = (key.label(), other.id());
                    return clash(format!(
                        "{key} is given to {other} and to {id}: choose another key for one of them"
                    ));
                }
            }
            for other in ESSENTIAL {
                if wanted.iter().any(|(action, _)| *action == other) || !meet(*action, other) {
                    continue;
                }
                let bindings = BINDINGS.iter().filter(|b| b.action == other);
                let mut theirs = bindings.flat_map(|b| b.keys);
                if let Some(key) = theirs.find(|key| keys.contains(key)) {
                    let (key, other) = (key.label(), other.id());
                    return clash(format!(
                        "{key} is the key of {other}: choose another one for {id}, or give {other} one \
                         of its own in [keys]"
                    ));
                }
            }
            let bare = keymap.rebind(*action, keys);
            let moves = [Action::Up, Action::Down];
            let lost = moves.into_iter().find(|a| bare.contains(a));
            let lost = lost.filter(|lost| !wanted.iter().any(|(action, _)| action == lost));
            if let Some(lost) = lost {
                let lost = lost.id();
                return clash(format!(
                    "{id} takes the last key of {lost}: choose another one, or give {lost} one of its \
                     own in [keys]"
                ));
            }
        }
        None
    }
}

/// What must be found without looking: the ways out, and the ways to find everything else.
const ESSENTIAL: [Action; 5] = [
    Action::Quit,
    Action::Back,
    Action::Open,
    Action::Help,
    Action::Palette,
];

/// The text that is read, for telling where something is.
struct File<'a> {
    text: &'a str,
}

/// Where something is in the text, in bytes.
type Spot = Option<Range<usize>>;

impl File<'_> {
    fn error(&self, at: &Spot, message: String) -> SettingsError {
        let start = at.as_ref().map_or(0, |at| at.start);
        let before = self.text.get(..start).unwrap_or_default();
        SettingsError {
            line: before.matches('\n').count() + 1,
            message,
        }
    }

    fn no_toml(&self, error: &TomlError) -> SettingsError {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        self.error(&error.span(), format!("this is no TOML: {message}"))
    }

    fn unknown(&self, what: &str, got: &str, known: &[&str], at: &Spot) -> SettingsError {
        let near = nearest(got, known);
        self.error(
            at,
            format!("unknown {what} \"{got}\": did you mean {near}?"),
        )
    }

    fn key(table: &Table, name: &str) -> Spot {
        table.get_key_value(name).and_then(|(key, _)| key.span())
    }

    fn string<'i>(&self, item: &'i Item, name: &str, at: &Spot) -> Result<&'i str, SettingsError> {
        item.as_str()
            .ok_or_else(|| self.error(at, format!("{name} takes a text in quotes")))
    }

    fn entries<'i>(
        &self,
        item: &'i Item,
        name: &str,
        at: &Spot,
    ) -> Result<Vec<(&'i str, &'i Item, Spot)>, SettingsError> {
        let Some(table) = item.as_table_like() else {
            return Err(self.error(
                at,
                format!("{name} is a table: write [{name}] above its lines"),
            ));
        };
        let spot = |name: &str| table.get_key_value(name).and_then(|(key, _)| key.span());
        Ok(table
            .iter()
            .map(|(name, item)| (name, item, spot(name)))
            .collect())
    }

    fn columns(&self, item: &Item, at: &Spot) -> Result<Vec<Column>, SettingsError> {
        let known = Column::ALL.map(Column::id);
        let Some(list) = item.as_array() else {
            let message = "columns is a list such as [\"method\", \"origin\", \"cors\"]";
            return Err(self.error(at, message.to_owned()));
        };
        let one = |item: &toml_edit::Value| {
            let typed = item.as_str().unwrap_or_default();
            let column = Column::ALL.into_iter().find(|c| c.id() == typed);
            column.ok_or_else(|| self.unknown("column", typed, &known, &item.span().or(at.clone())))
        };
        list.iter().map(one).collect()
    }

    fn binding(
        &self,
        name: &str,
        item: &Item,
        at: &Spot,
    ) -> Result<(Action, Vec<Key>), SettingsError> {
        let mut actions: Vec<Action> = BINDINGS.iter().map(|b| b.action).collect();
        actions.dedup();
        let Some(action) = actions.iter().find(|a| a.id() == name) else {
            let known: Vec<&str> = actions.iter().map(|a| a.id()).collect();
            return Err(self.unknown("action", name, &known, at));
        };
        let typed: Vec<&str> = match item.as_array() {
            Some(list) => list.iter().filter_map(toml_edit::Value::as_str).collect(),
            None => vec![self.string(item, name, at)?],
        };
        let one = |typed: &&str| {
            let message = || {
                format!(
                    "\"{typed}\" is no key: write x, G, space, enter, ctrl-d, f5, page-up, home"
                )
            };
            Key::read(typed).ok_or_else(|| self.error(at, message()))
        };
        let keys: Result<Vec<Key>, SettingsError> = typed.iter().map(one).collect();
        Ok((*action, keys?))
    }

    fn colour(&self, name: &str, item: &Item, at: &Spot) -> Result<(Paint, Color), SettingsError> {
        let Some((_, paint)) = Paint::ALL.iter().find(|(n, _)| *n == name) else {
            return Err(self.unknown("colour", name, &Paint::ALL.map(|(n, _)| n), at));
        };
        let typed = self.string(item, name, at)?;
        let message = || format!("\"{typed}\" is no colour: write red, light-blue, 208 or #ff8700");
        let colour = Color::from_str(typed).map_err(|_| self.error(at, message()))?;
        Ok((*paint, colour))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_configured() {
        let text = r##"
theme = "colour-blind"
ascii = true
columns = ["cors", "method", "origin"]

[keys]
next-blocked = ["n", "f8"]

[filters]
crashes = "status:5xx"

[colours]
blocked = "#ff8700"
"##;
        let settings = Settings::parse(text).expect("right");
        assert_eq!(settings.theme, Some(ThemeChoice::ColourBlind));
        assert_eq!(settings.columns.as_ref().map(Vec::len), Some(3));
        assert_eq!(settings.keys[0].0, Action::NextBlocked);
        assert_eq!(settings.keys[0].1.len(), 2);
        assert_eq!(settings.filters[0].1, "status:5xx");
        assert_eq!(settings.colours.len(), 1);
    }

    #[test]
    fn mistakes_have_their_line_and_the_nearest_word() {
        for (text, told) in [
            (
                "theme = \"drak\"",
                "line 1: unknown theme \"drak\": did you mean dark?",
            ),
            (
                "\n[keys]\nfolow = \"x\"",
                "line 3: unknown action \"folow\": did you mean follow?",
            ),
            (
                "columns = [\"metod\"]",
                "line 1: unknown column \"metod\": did you mean method?",
            ),
            (
                "[colours]\nblockd = \"red\"",
                "line 2: unknown colour \"blockd\": did you mean blocked?",
            ),
        ] {
            let error = Settings::parse(text).expect_err(text);
            assert_eq!(error.to_string(), told);
        }
        for text in [
            "theme = ",
            "ascii = 1",
            "keys = 1",
            "[keys]\nfold = \"hyper-x\"",
            "columns = \"x\"",
        ] {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_that_clash_are_said_and_the_rest_may_be_taken() {
        for (keys, told) in [
            (
                "next-blocked = \"q\"",
                "line 2: q is the key of quit: choose another one for next-blocked, or give quit one of \
                 its own in [keys]",
            ),
            (
                "fold = \"x\"\nfollow = [\"f8\", \"esc\"]",
                "line 3: Esc is the key of back: choose another one for follow, or give back one of its \
                 own in [keys]",
            ),
            (
                "follow = \"p\"\nfix = \"p\"",
                "line 3: p is given to follow and to fix: choose another key for one of them",
            ),
            ("quit = []", "line 2: quit needs a key"),
            (
                "pause = [\"j\", \"down\"]",
                "line 2: pause takes the last key of down: choose another one, or give down one of its \
                 own in [keys]",
            ),
        ] {
            let error = Settings::parse(&format!("[keys]\n{keys}\n")).expect_err(keys);
            assert_eq!(error.to_string(), told);
        }
        for keys in [
            "next-blocked = \"q\"\nquit = \"Q\"",
            "quit = \"Q\"\nnext-blocked = [\"q\", \"ctrl-c\"]",
            "follow = \"p\"",
            "pause = \"j\"",
            // One holds in the list alone, the other in the pane alone.
            "columns = \"f8\"\nsave-body = \"f8\"",
        ] {
            assert!(
                Settings::parse(&format!("[keys]\n{keys}\n")).is_ok(),
                "{keys}"
            );
        }
    }

    #[test]
    fn a_filter_is_added_and_all_else_stays() {
        let before = "# mine\ntheme = \"dark\" # at night\n";
        let after = Settings::with_filter(before, "my api", "host:api").expect("fits");
        assert!(after.starts_with(before), "{after}");
        let settings = Settings::parse(&after).expect("still right");
        assert_eq!(
            settings.filters,
            [("my api".to_owned(), "host:api".to_owned())]
        );
        let again = Settings::with_filter(&after, "my api", "host:web").expect("fits");
        assert_eq!(
            Settings::parse(&again).expect("right").filters[0].1,
            "host:web"
        );
    }
}
