//! What a person is told, as plain data, and the formats it is written in.
//!
//! ```text
//! Diagnosis + Fix + exchanges → Explanation → text, screen        (explain, to_text)
//!                             → corscope/diagnosis/1              (to_json)
//!                             → Markdown, one HTML file           (Paper)
//! Glance (what a row remembers) → a few words for a column        (brief)
//! two exchanges, two captures → what differs                      (abreast, compare_captures)
//! ```
//!
//! All wording about causes comes from the pages in `assets/causes`; the browsers' own sentences are
//! theirs, with the real values in them.

mod brief;
mod compared;
mod comparison;
mod console;
mod copy;
mod explain;
mod facts;
mod handover;
mod json;
mod mending;
mod network;
mod pages;
mod paper;
mod recognise;
mod redacted;
mod summary;
mod text;
mod told;
mod whole;

pub use brief::{Glance, brief};
pub use compared::{
    Abreast, Body, Captures, Census, Change, Compared, Difference, HeaderChange, Laid, One, Part,
    ShapeChange, Side, abreast, captures_to_json, captures_to_text, compare_bodies,
    compare_captures,
};
pub use comparison::{Cell, Comparison, Strip};
pub use copy::{Copied, Quoting, curl, fetch_js, httpie, powershell};
pub use explain::{Case, Explanation, FixLine, Note, Proof, explain};
pub use handover::handover;
pub use json::{JSON_TAIL, fetch_to_json, json_head, to_json};
pub use mending::{Mending, Servers};
pub use pages::{Page, page, pages};
pub use paper::Paper;
pub use recognise::{Recognised, recognise};
pub use redacted::Redacted;
pub use summary::Summary;
pub(crate) use text::count;
pub use text::{TextPaper, to_text};
pub use whole::{Coverage, Endpoint, Item, KINDS, Seen, Server, Shown, Whole};
