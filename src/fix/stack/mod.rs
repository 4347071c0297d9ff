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

use crate::diagnose::Evidence;

pub use hops::Layer;
pub use recognise::{Survey, recognise};

/// The servers that answers of one host passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// What was recognised, outermost first.
    pub hops: Vec<Hop>,
    /// Id of the snippet for the place to mend: the innermost hop with one, or the outer hop that
    /// made the failed answer by itself. `None` when no hop with a snippet was recognised.
    pub best: Option<&'static str>,
    /// Why that one, in a few words: `x-powered-by: Express`.
    pub why: Option<String>,
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
