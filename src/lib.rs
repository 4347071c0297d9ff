//! corscope names the real cause of "blocked by CORS policy".
//!
//! Everything that enters is told in one kind of sentence, [`capture::Event`], and heard by one
//! ear, the session. Behind it stands one derived chain, recomputable at any time, never stored:
//!
//! ```text
//! bytes → Event → Session (SQLite file + rows) → Fetch (pairing) → Diagnosis → Explanation → screen / report
//! ```
//!
//! Floors; imports only run downwards:
//!
//! ```text
//! 7  main
//! 6  cli ............................. words in, exit code out; puts the parts together
//! 5  tui ............................. App (state) → view (drawing); effects leave as data
//! 4  session  report  replay  demo ... the live whole; explanations; do it again; broken servers
//! 3  diagnose  fix  proxy  har  witness  which rule broke; what mends it; the ways in; papers
//! 2  cors         capture ............ the rules (pure); remembering (memory + disk)
//! 1  wire                launch ...... the nouns (pure); starting a browser
//! ```
//!
//! What stays absent: the rules know no exchange, no proxy, no clock; the proxy knows no CORS; the
//! screen knows no proxy; verdicts are never stored; traffic is changed only as a proxy must;
//! nothing is dropped silently; no queue is without a bound.

pub mod capture;
pub mod cli;
pub mod cors;
pub mod demo;
pub mod diagnose;
pub mod fix;
pub mod har;
pub mod launch;
pub mod proxy;
pub mod replay;
pub mod report;
pub mod session;
pub mod tui;
pub mod wire;
pub mod witness;
