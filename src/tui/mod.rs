//! The screen: state ([`App`](app)), drawing (`view`), and effects that leave as data.

mod effect;
mod options;
#[allow(dead_code, unused_imports, reason = "the views that use it land next")]
mod text;

pub use effect::{Effect, LoadRequest, Loaded, Outcome};
pub use options::{Options, ThemeChoice};
