//! Named styles. Colour never carries a meaning alone: a glyph or a word stands beside it, so the
//! monochrome theme says the same.

use std::env;
use std::time::Duration;

use ratatui::style::{Color, Modifier, Style};
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::options::ThemeChoice;
use super::text::Token;
use crate::cors::Outcome;

/// How long the terminal may take to say which colours it has; one that does not know the question
/// is found out much earlier.
const ASK_TIMEOUT: Duration = Duration::from_millis(150);

/// The styles of the screen by what they are for. Foregrounds are the sixteen colours of the
/// terminal's own palette, which its owner chose to be readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    pub(crate) dim: Style,
    pub(crate) strong: Style,
    pub(crate) brand: Style,
    pub(crate) live: Style,
    pub(crate) heading: Style,
    pub(crate) rule: Style,
    pub(crate) rule_focused: Style,
    pub(crate) selected: Style,
    pub(crate) selected_elsewhere: Style,
    pub(crate) chosen: Style,
    pub(crate) label: Style,
    pub(crate) blocked: Style,
    pub(crate) warning: Style,
    pub(crate) good: Style,
    pub(crate) opaque: Style,
    pub(crate) bar: Style,
    pub(crate) key: Style,
    pub(crate) notice: Style,
    pub(crate) waterfall: Style,
    tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tokens {
    key: Style,
    text: Style,
    number: Style,
    literal: Style,
    punctuation: Style,
    invalid: Style,
    ours: Style,
}

impl Theme {
    /// The theme of a choice; [`ThemeChoice::Auto`] asks the environment and the terminal, so it must
    /// run before anything else reads the keyboard.
    pub(crate) fn choose(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::Dark => Self::coloured(true, many_colours()),
            ThemeChoice::Light => Self::coloured(false, many_colours()),
            ThemeChoice::Monochrome => Self::monochrome(),
            ThemeChoice::Auto if no_colour() => Self::monochrome(),
            ThemeChoice::Auto => {
                let mut options = QueryOptions::default();
                options.timeout = ASK_TIMEOUT;
                let dark = !matches!(theme_mode(options), Ok(ThemeMode::Light));
                Self::coloured(dark, many_colours())
            }
        }
    }

    /// Colours for a dark or a light background; `many` = 256 of them.
    pub(crate) fn coloured(dark: bool, many: bool) -> Self {
        let plain = Style::new();
        let fg = |c: Color| plain.fg(c);
        // On light backgrounds the palette's yellow and cyan are hard to read; its blue and magenta
        // are not.
        let (accent, amber) = if dark {
            (Color::Cyan, Color::Yellow)
        } else if many {
            (Color::Blue, Color::Indexed(130))
        } else {
            (Color::Blue, Color::Magenta)
        };
        let (selected, elsewhere, bar) = match (many, dark) {
            (true, true) => (Color::Indexed(24), Color::Indexed(237), Color::Indexed(235)),
            (true, false) => (
                Color::Indexed(153),
                Color::Indexed(253),
                Color::Indexed(254),
            ),
            (false, _) => (Color::Blue, Color::DarkGray, Color::Reset),
        };
        let dim = if many {
            fg(Color::Indexed(if dark { 246 } else { 242 }))
        } else {
            fg(Color::DarkGray)
        };
        let selected = if many {
            plain.bg(selected).add_modifier(Modifier::BOLD)
        } else {
            plain.add_modifier(Modifier::REVERSED)
        };
        let selected_elsewhere = if many {
            plain.bg(elsewhere)
        } else {
            plain.add_modifier(Modifier::BOLD)
        };
        Self {
            dim,
            strong: plain.add_modifier(Modifier::BOLD),
            brand: fg(accent).add_modifier(Modifier::BOLD),
            live: fg(Color::Green).add_modifier(Modifier::BOLD),
            heading: dim.add_modifier(Modifier::BOLD),
            rule: dim,
            rule_focused: fg(accent),
            selected,
            selected_elsewhere,
            chosen: fg(accent).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            label: fg(accent).add_modifier(Modifier::BOLD),
            blocked: fg(Color::Red).add_modifier(Modifier::BOLD),
            warning: fg(amber),
            good: fg(Color::Green),
            opaque: fg(Color::Magenta),
            bar: plain.bg(bar),
            key: fg(accent).add_modifier(Modifier::BOLD),
            notice: fg(amber).add_modifier(Modifier::BOLD),
            waterfall: fg(accent),
            tokens: Tokens {
                key: fg(accent),
                text: fg(Color::Green),
                number: fg(amber),
                literal: fg(Color::Magenta),
                punctuation: dim,
                invalid: fg(Color::Red).add_modifier(Modifier::UNDERLINED),
                ours: dim,
            },
        }
    }

    /// No colour at all.
    pub(crate) fn monochrome() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        Self {
            dim,
            strong: bold,
            brand: bold,
            live: bold,
            heading: plain.add_modifier(Modifier::UNDERLINED),
            rule: dim,
            rule_focused: bold,
            selected: plain.add_modifier(Modifier::REVERSED),
            selected_elsewhere: bold,
            chosen: plain.add_modifier(Modifier::REVERSED),
            label: bold,
            blocked: bold,
            warning: bold,
            good: plain,
            opaque: plain,
            bar: plain,
            key: bold,
            notice: bold,
            waterfall: plain,
            tokens: Tokens {
                key: bold,
                text: plain,
                number: plain,
                literal: plain,
                punctuation: plain,
                invalid: plain.add_modifier(Modifier::UNDERLINED),
                ours: dim,
            },
        }
    }

    /// The style of a piece of a body.
    pub(crate) fn token(&self, token: Token) -> Style {
        match token {
            Token::Plain => Style::new(),
            Token::Key => self.tokens.key,
            Token::Text => self.tokens.text,
            Token::Number => self.tokens.number,
            Token::Literal => self.tokens.literal,
            Token::Punctuation => self.tokens.punctuation,
            Token::Invalid => self.tokens.invalid,
            Token::Ours => self.tokens.ours,
        }
    }

    /// The style of an outcome.
    pub(crate) fn outcome(&self, outcome: Outcome) -> Style {
        match outcome {
            Outcome::Blocked | Outcome::Failed => self.blocked,
            Outcome::Depends => self.warning,
            Outcome::Allowed => self.good,
            Outcome::Opaque => self.opaque,
            Outcome::Exempt | Outcome::Pending => self.dim,
        }
    }
}

/// `NO_COLOR` set to anything but the empty string (<https://no-color.org>), or a terminal without
/// colours.
fn no_colour() -> bool {
    env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || env::var("TERM").is_ok_and(|t| t == "dumb" || t.ends_with("-m") || t.starts_with("vt1"))
}

fn many_colours() -> bool {
    env::var_os("COLORTERM").is_some_and(|v| !v.is_empty())
        || env::var("TERM").is_ok_and(|t| {
            t.contains("256")
                || t.contains("direct")
                || t.contains("kitty")
                || t.contains("ghostty")
        })
}
