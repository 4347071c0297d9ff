//! The authority, the page that offers it, the stores it is put into.

mod page;
mod stores;
