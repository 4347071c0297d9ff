//! Snippets: told in JSON and text, and run by real servers.

mod told;
