//! From causes to cures: exact edits for the preflight answer and for the actual answer.
//!
//! The edits are the fewest that turn the failure into a success: what an answer already does right
//! is left alone, what it grants already is kept in its lists, and a wildcard is never suggested.

mod advice;
mod connection;
mod edits;
mod first;
mod hop;
mod lists;
mod needs;
mod reach;
pub mod snippet;
pub mod stack;
mod suggest;
mod trial;

use crate::wire::Patch;

pub use needs::Needs;
pub use suggest::{suggest, suggest_for};
pub use trial::{Trial, trial};

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Headers on the server's answers.
    Server,
    /// The page's own code.
    Client,
    /// Neither.
    None,
}

impl Reach {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::None => "none",
        }
    }
}

/// What would mend a blocked fetch: edits to the answers of the hop that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Who can mend it.
    pub reach: Reach,
    /// URL of the hop it is for.
    pub url: String,
    /// Edits to the preflight answer.
    pub preflight: Option<Patch>,
    /// Edits to the actual answer (or the redirect's).
    pub actual: Option<Patch>,
    /// What to do, first things first.
    pub advice: Vec<Advice>,
    /// What a lasting configuration of the server has to grant.
    pub needs: Needs,
}

/// One thing to do, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Needs no header lines.
    Do(String),
    /// Introduces the lines of [`Fix::preflight`].
    OnPreflight(String),
    /// Introduces the lines of [`Fix::actual`].
    OnActual(String),
}

impl Advice {
    /// The sentence.
    pub fn text(&self) -> &str {
        let (Self::Do(text) | Self::OnPreflight(text) | Self::OnActual(text)) = self;
        text
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        Self::Do(text.to_owned())
    }
}
