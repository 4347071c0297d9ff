//! Doing it again: what a browser would ask for, or what curl would, sent to the live server and
//! recorded as any other traffic.
//!
//! ```text
//! a recorded fetch ─┐                      ┌─ as browser: preflight → request → redirects, by the rules
//! `check URL`      ─┴→ Plan (+ Edit) → run ┴─ as curl: the request, and whatever it is redirected to
//!                                      └→ the Recorder, source = replay → rows, pairing, judgement
//! ```
//!
//! What is sent is decided by [`cors`](crate::cors); what became of it is not judged here but by the
//! session that hears it, as for traffic of a real browser.

mod cookies;
mod dress;
mod edit;
mod persona;
mod plan;
mod recorded;
mod run;

pub use edit::{Edit, EditError};
pub use plan::{Manner, Mode, Objection, Plan};
pub use recorded::{Unrepeatable, plan_of};
pub use run::{Ending, Ran, run};
