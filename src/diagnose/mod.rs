//! From exchanges to causes: which exchanges belong together, which rule failed, and why.

mod diagnosis;
mod exchanges;
mod fetch;
mod root;

pub use diagnosis::{Branch, Cause, Diagnosis, Evidence, Part, Severity, Warning};
pub use exchanges::Exchanges;
pub use fetch::{Fetch, FetchId, Member, Role};
pub use root::Root;
