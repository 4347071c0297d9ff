//! What the screen is told when it starts.

use std::net::SocketAddr;

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
    /// Light, dark or no colour; asked of the terminal unless given.
    pub theme: ThemeChoice,
    /// Whether [`Effect::LaunchBrowser`](super::Effect::LaunchBrowser) will be answered.
    pub can_launch: bool,
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
    /// No colour: bold, underlined and reversed only.
    Monochrome,
}
