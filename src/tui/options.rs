//! What the screen is told when it starts.

use std::net::SocketAddr;

use super::settings::Settings;

/// What the screen is told when it starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the proxy listens; empty when a file is being looked at.
    pub addresses: Vec<SocketAddr>,
    /// Lines for the empty screen, after the address to point at: what to do next.
    pub hints: Vec<String>,
    /// Sentences to show at the start: a port that was taken, a file that ends early.
    pub notices: Vec<String>,
    /// A filter to start with.
    pub filter: String,
    /// Which colours, if not as the settings have it; asked of the terminal unless either says.
    pub theme: ThemeChoice,
    /// Whether the terminal has 256 colours and not 16; asked of the environment unless told.
    pub many_colours: Option<bool>,
    /// Draw with ASCII only: for terminals that know nothing else.
    pub ascii: bool,
    /// What the person has configured.
    pub settings: Settings,
    /// Filters that were used before, the newest last.
    pub history: Vec<String>,
    /// Whether [`Effect::KeepFilter`](super::Effect::KeepFilter) will be answered.
    pub can_keep: bool,
    /// The browsers that [`Effect::LaunchBrowser`](super::Effect::LaunchBrowser) can launch, the
    /// preferred one first: name, and where it is installed.
    pub browsers: Vec<(String, String)>,
    /// Whether [`Effect::Trials`](super::Effect::Trials) will be answered: there is traffic to change.
    pub can_try: bool,
    /// Whether [`Effect::PassThrough`](super::Effect::PassThrough) will be answered.
    pub can_pass: bool,
    /// Hosts that are passed through unread from the start.
    pub passing: Vec<String>,
    /// Whether [`Effect::Replay`](super::Effect::Replay) will be answered.
    pub can_replay: bool,
    /// Whether [`Effect::Export`](super::Effect::Export) will be answered.
    pub can_export: bool,
    /// Becomes true when the program must end: the screen closes as if `q` was pressed. Signals are
    /// watched by the screen itself.
    pub shutdown: Option<tokio::sync::watch::Receiver<bool>>,
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// What the terminal says of its background; none if `NO_COLOR` is set.
    #[default]
    Auto,
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Nothing dim, on whatever background.
    HighContrast,
    /// Orange and blue in place of red and green, on whatever background.
    ColourBlind,
    /// No colour: bold, underlined and reversed only.
    Monochrome,
}

impl ThemeChoice {
    /// All, in the order they are offered.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Dark,
        Self::Light,
        Self::HighContrast,
        Self::ColourBlind,
        Self::Monochrome,
    ];

    /// As typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColourBlind => "colour-blind",
            Self::Monochrome => "mono",
        }
    }

    /// The theme of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}
