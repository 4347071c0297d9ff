//! The authority, the page that offers it, the stores it is put into.

mod doctor;
mod page;
mod passing;
mod stores;
