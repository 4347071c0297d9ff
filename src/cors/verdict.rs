//! The nouns of a judgement.

use std::fmt;

/// Whose rules are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Browser {
    /// Chrome, Edge, Brave, Opera and the rest of the family; also the rules for whoever is unknown.
    #[default]
    Chromium,
    /// Firefox.
    Firefox,
    /// Safari and other WebKit browsers.
    Safari,
}

impl Browser {
    /// `chromium`, `firefox` or `safari`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Safari => "safari",
        }
    }
}

/// The request's credentials mode, as far as the wire tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// `include`.
    Include,
    /// `omit`, or `same-origin` on a cross-origin request: the same to the rules.
    NotInclude,
    /// Nothing on the wire tells.
    #[default]
    Unknown,
}

impl Credentials {
    /// `include`, `not-include` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::NotInclude => "not-include",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a fetch, for the page that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Script may read the response.
    Allowed,
    /// The browser withheld it, or never sent the request.
    Blocked,
    /// Delivered, but script cannot read it (`no-cors`).
    Opaque,
    /// CORS does not apply: same origin, navigation, not a browser, WebSocket.
    Exempt,
    /// It broke below HTTP.
    Failed,
    /// It depends on the credentials mode, which was not visible.
    Depends,
    /// Not over yet.
    #[default]
    Pending,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Allowed,
        Self::Blocked,
        Self::Opaque,
        Self::Exempt,
        Self::Failed,
        Self::Depends,
        Self::Pending,
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Opaque => "opaque",
            Self::Exempt => "exempt",
            Self::Failed => "failed",
            Self::Depends => "depends",
            Self::Pending => "pending",
        }
    }

    /// The glyph that carries it where colour cannot.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Allowed => "✔",
            Self::Blocked => "✖",
            Self::Opaque => "◌",
            Self::Exempt => " ",
            Self::Failed => "!",
            Self::Depends => "?",
            Self::Pending => "…",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// It follows from the bytes, or from what the browser did next.
    Certain,
    /// It depends on the credentials mode.
    Conditional,
    /// A heuristic; the evidence says which.
    Inferred,
}

impl Certainty {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Conditional => "conditional",
            Self::Inferred => "inferred",
        }
    }
}
