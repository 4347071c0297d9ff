//! Which servers a request passes, from what their answers look like: CDN, platform, reverse proxy,
//! framework. And which of them is the best place to mend CORS at.
//!
//! Every hop is told with the bytes that gave it away. Where nothing tells, nothing is said.

mod hops;
mod look;
mod marks;
mod recognise;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_siblings;

use crate::diagnose::Evidence;

pub use hops::Layer;
pub use recognise::{Survey, recognise};

/// The servers that the answers of one endpoint passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// What the endpoint's own answers show, outermost first.
    pub hops: Vec<Hop>,
    /// What only other endpoints of the host show, outermost first; told where the endpoint's own
    /// answers leave open what runs the application. Another server may answer there, so these are
    /// no chain.
    pub siblings: Vec<Hop>,
    /// Id of the snippet for the place to mend: the innermost hop with one, or the outer hop that
    /// made the failed answer by itself. Where the endpoint's own answers show no framework, that of
    /// other endpoints behind the same servers. `None` when no hop with a snippet was recognised.
    pub best: Option<&'static str>,
    /// Why that one, in a few words: `x-powered-by: Express`.
    pub why: Option<String>,
}

impl Stack {
    /// Ids of the snippets for what runs behind the innermost hop, where that tells no more than the
    /// kind: Flask, Django and FastAPI behind gunicorn. Empty where more is known.
    pub fn kin(&self) -> &'static [&'static str] {
        match (self.best, self.hops.last()) {
            (None, Some(hop)) => recognise::special(hop.id),
            _ => &[],
        }
    }
}

/// One server that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Stable id: `nginx`.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// How far out it stands.
    pub layer: Layer,
    /// Id of its snippet, where there is one.
    pub snippet: Option<&'static str>,
    /// Whether a mark that nothing else leaves was seen; else it is only likely.
    pub sure: bool,
    /// What gave it away, at most [`Hop::EVIDENCE_MAX`] observations.
    pub evidence: Vec<Evidence>,
}

impl Hop {
    /// How many observations are kept of one hop.
    pub const EVIDENCE_MAX: usize = 4;
}
