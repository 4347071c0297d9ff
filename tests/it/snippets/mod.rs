//! Snippets: told in JSON and text, and run by real servers.

mod checks;
mod rig;
mod servers;
mod told;
