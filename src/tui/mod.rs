//! The screen: state ([`App`](app)), drawing (`view`), and effects that leave as data.

mod effect;
mod options;
mod text;

pub use effect::{Effect, LoadRequest, Loaded, Outcome};
pub use options::{Options, ThemeChoice};
