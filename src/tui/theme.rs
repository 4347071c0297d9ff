//! Named styles. Colour never carries a meaning alone: a glyph or a word stands beside it, so the
//! monochrome theme says the same.

use std::env;
use std::time::Duration;

use ratatui::style::{Color, Modifier, Style};
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::options::ThemeChoice;
use super::text::Token;
use crate::cors::Outcome;

/// What a person may give a colour of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Blocked,
    Allowed,
    Warning,
    Opaque,
    Accent,
    Dim,
    Selection,
}

impl Paint {
    /// With their names.
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("blocked", Self::Blocked),
        ("allowed", Self::Allowed),
        ("warning", Self::Warning),
        ("opaque", Self::Opaque),
        ("accent", Self::Accent),
        ("dim", Self::Dim),
        ("selection", Self::Selection),
    ];
}

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
    pub(crate) trial: Style,
    pub(crate) waterfall: Style,
    /// How well pictures can be shown.
    pub(crate) depth: Depth,
    tokens: Tokens,
}

/// Colours a picture can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// None, or too few.
    None,
    /// 256.
    Many,
    /// 16 million.
    All,
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

/// What the terminal can show, asked once before anything else reads from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    pub(crate) dark: bool,
    /// 256 colours, not 16.
    pub(crate) many: bool,
    /// No colour is wanted.
    pub(crate) none: bool,
}

impl Ground {
    /// Asks the environment, and the terminal where the choice leaves its background open.
    pub(crate) fn ask(choice: ThemeChoice) -> Self {
        let none = no_colour();
        let open = match choice {
            ThemeChoice::Auto => !none,
            ThemeChoice::HighContrast | ThemeChoice::ColourBlind => true,
            ThemeChoice::Dark | ThemeChoice::Light | ThemeChoice::Monochrome => false,
        };
        let dark = match choice {
            ThemeChoice::Light => false,
            _ if open => {
                let mut options = QueryOptions::default();
                options.timeout = ASK_TIMEOUT;
                !matches!(theme_mode(options), Ok(ThemeMode::Light))
            }
            _ => true,
        };
        Self {
            dark,
            many: many_colours(),
            none,
        }
    }
}

impl Theme {
    /// The theme of a choice on a terminal.
    pub(crate) fn of(choice: ThemeChoice, ground: Ground) -> Self {
        match choice {
            ThemeChoice::Dark => Self::coloured(true, ground.many),
            ThemeChoice::Light => Self::coloured(false, ground.many),
            ThemeChoice::Monochrome => Self::monochrome(),
            ThemeChoice::Auto if ground.none => Self::monochrome(),
            ThemeChoice::Auto => Self::coloured(ground.dark, ground.many),
            ThemeChoice::HighContrast => Self::high_contrast(ground.dark),
            ThemeChoice::ColourBlind => Self::colour_blind(ground.dark, ground.many),
        }
    }

    /// Red and green apart for everybody: orange for what is wrong, blue for what is right.
    fn colour_blind(dark: bool, many: bool) -> Self {
        let mut theme = Self::coloured(dark, many);
        let colour = |on_dark: u8, on_light: u8, of_sixteen: Color| {
            Style::new().fg(match (many, dark) {
                (true, true) => Color::Indexed(on_dark),
                (true, false) => Color::Indexed(on_light),
                (false, _) => of_sixteen,
            })
        };
        // After Okabe and Ito's palette: vermilion, blue, yellow, reddish purple.
        let wrong = colour(208, 166, Color::Yellow).add_modifier(Modifier::BOLD);
        let right = colour(75, 25, Color::Blue);
        let doubt = colour(227, 94, Color::White);
        theme.blocked = wrong;
        theme.good = right;
        theme.live = right.add_modifier(Modifier::BOLD);
        theme.warning = doubt;
        theme.notice = doubt.add_modifier(Modifier::BOLD);
        theme.opaque = colour(175, 127, Color::Magenta);
        theme.tokens.text = right;
        theme.tokens.invalid = wrong.add_modifier(Modifier::UNDERLINED);
        theme
    }

    /// Full intensity everywhere, on the terminal's own background.
    fn high_contrast(dark: bool) -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let bright =
            |on_dark: Color, on_light: Color| bold.fg(if dark { on_dark } else { on_light });
        let accent = bright(Color::LightCyan, Color::Blue);
        let wrong = bright(Color::LightRed, Color::Red);
        let doubt = bright(Color::LightYellow, Color::Magenta);
        // No green is readable on every light background; what is right can be plain.
        let right = if dark {
            bold.fg(Color::LightGreen)
        } else {
            bold
        };
        let reversed = plain.add_modifier(Modifier::REVERSED | Modifier::BOLD);
        Self {
            dim: plain,
            strong: bold,
            brand: accent,
            live: right,
            heading: bold.add_modifier(Modifier::UNDERLINED),
            rule: plain,
            rule_focused: accent,
            selected: reversed,
            selected_elsewhere: bold.add_modifier(Modifier::UNDERLINED),
            chosen: accent.add_modifier(Modifier::REVERSED),
            label: accent,
            blocked: wrong,
            warning: doubt,
            good: right,
            opaque: bright(Color::LightMagenta, Color::Magenta),
            bar: plain,
            key: accent,
            notice: doubt,
            trial: doubt.add_modifier(Modifier::REVERSED),
            waterfall: accent,
            depth: depth(true),
            tokens: Tokens {
                key: accent,
                text: right,
                number: doubt,
                literal: bold,
                punctuation: plain,
                invalid: wrong.add_modifier(Modifier::UNDERLINED),
                ours: plain,
            },
        }
    }

    /// Takes over colours a person has chosen.
    pub(crate) fn recolour(&mut self, colours: &[(Paint, Color)]) {
        for (paint, colour) in colours {
            match paint {
                Paint::Blocked => self.blocked.fg = Some(*colour),
                Paint::Allowed => {
                    self.good.fg = Some(*colour);
                    self.live.fg = Some(*colour);
                }
                Paint::Warning => {
                    self.warning.fg = Some(*colour);
                    self.notice.fg = Some(*colour);
                }
                Paint::Opaque => self.opaque.fg = Some(*colour),
                Paint::Dim => {
                    for style in [&mut self.dim, &mut self.rule, &mut self.heading] {
                        style.fg = Some(*colour);
                    }
                }
                Paint::Selection => {
                    self.selected = Style::new().bg(*colour).add_modifier(Modifier::BOLD);
                }
                Paint::Accent => {
                    for style in [
                        &mut self.brand,
                        &mut self.rule_focused,
                        &mut self.chosen,
                        &mut self.label,
                        &mut self.key,
                        &mut self.waterfall,
                        &mut self.tokens.key,
                    ] {
                        style.fg = Some(*colour);
                    }
                }
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
            trial: fg(Color::Magenta).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            waterfall: fg(accent),
            depth: depth(many),
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
            trial: bold.add_modifier(Modifier::REVERSED),
            waterfall: plain,
            depth: Depth::None,
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
            Token::Literal | Token::Keyword => self.tokens.literal,
            Token::Tag => self.tokens.key,
            Token::Comment => self.tokens.ours,
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

/// Whether a terminal of many colours has all of them.
fn depth(many: bool) -> Depth {
    let all = env::var("COLORTERM").is_ok_and(|c| c == "truecolor" || c == "24bit");
    match (many, all) {
        (false, _) => Depth::None,
        (true, false) => Depth::Many,
        (true, true) => Depth::All,
    }
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
