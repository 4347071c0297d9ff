//! Snippets: told in JSON and text, and run by real servers.

mod checks;
pub(crate) mod rig;
mod servers;
mod told;
