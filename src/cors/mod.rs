//! The Fetch standard's rules as pure functions: same input, same verdict, forever. No exchange, no
//! proxy, no clock is known here.

mod cause;
mod verdict;

pub use cause::{Check, Stage};
pub use verdict::{Browser, Certainty, Credentials, Outcome};
