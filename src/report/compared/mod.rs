//! What differs between two exchanges, laid abreast, and between two captures, endpoint by endpoint.
//!
//! Which one is "before" is the reader's choice; nothing here knows a clock.

mod abreast;
mod bodies;
mod captures;
mod census;
mod shape;
mod to_json;
mod to_text;

pub use abreast::{Abreast, Laid, One, Part, abreast};
pub use bodies::{Body, Difference, compare_bodies};
pub use captures::{Captures, Change, Compared, HeaderChange, ShapeChange, compare_captures};
pub use census::{Census, Side};
pub use to_json::captures_to_json;
pub use to_text::captures_to_text;
