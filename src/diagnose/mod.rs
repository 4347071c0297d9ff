//! From exchanges to causes: which exchanges belong together, which rule failed, and why.
//!
//! [`Pairer`] puts exchanges together into a [`Fetch`] as they happen; [`diagnose`] judges one fetch
//! with the rules of [`cors`](crate::cors), once for each credentials mode that the wire leaves open,
//! and then asks why the server answered so. [`Surroundings`] holds what the rest of the session says.
//! Nothing here is stored; everything can be judged anew at any time.

mod align;
mod asking;
mod configuration;
mod connections;
mod csp;
mod decide;
mod demand;
mod diagnosis;
mod elements;
mod evidence;
mod exchanges;
mod fetch;
mod grants;
mod hindsight;
mod infer;
mod open;
mod other;
mod pair;
mod redirects;
mod resemble;
mod root;
mod roots;
mod set_cookie;
mod siblings;
mod signatures;
mod slots;
mod steps;
mod subject;
mod subs;
mod surroundings;
mod warnings;

pub use align::{Alignment, Piece, visible};
pub use decide::{diagnose, diagnose_all};
pub use demand::Demand;
pub use diagnosis::{Branch, Cause, Diagnosis, Evidence, Part, Severity, Warning};
pub use exchanges::Exchanges;
pub use fetch::{Fetch, FetchId, Member, Role};
pub use pair::{Moment, Pairer};
pub use root::Root;
pub use surroundings::Surroundings;

#[cfg(test)]
mod tests;
