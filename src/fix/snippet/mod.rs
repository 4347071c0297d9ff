//! A fix in a server's own words: which file, what goes into it, where it belongs.
//!
//! ```text
//! Needs → checked values → template (assets/snippets/<id>.tmpl) → Snippet
//! ```
//!
//! Every snippet holds an explicit list of origins and is the one place of its server that knows
//! about CORS. What is filled in passes two walls: only serialised origins and tokens without any
//! character that means something in a configuration come in ([`Refused`] says which value did not
//! and why), and what came in is escaped for the language it is written into.

mod language;
mod render;
mod template;
mod values;
mod widen;

#[cfg(test)]
mod tests;

pub use language::Language;
pub use render::{Part, Snippet, render};
pub use template::{Template, all, by_id};
pub use values::{Kind, Refused};
pub use widen::widen;
