//! From exchanges to causes: which exchanges belong together, which rule failed, and why.
//!
//! [`Pairer`] puts exchanges together into a [`Fetch`] as they happen; [`diagnose`] judges one fetch
//! with the rules of [`cors`](crate::cors), once for each credentials mode that the wire leaves open,
//! and then asks why the server answered so. [`Surroundings`] holds what the rest of the session says.
//! Nothing here is stored; everything can be judged anew at any time.
//!
//! # What counts as evidence
//!
//! The wire does not show the request's mode, its credentials mode, the page's policy or the verdict. What
//! it shows is ranked; an earlier kind outweighs all later ones:
//!
//! 1. **What the browser did next.** A request that follows its preflight proves that the preflight
//!    passed, whatever the rules say; so does the next hop after a redirect.
//! 2. **What a server says in words**: `Disallowed CORS origin`, `Invalid CORS request`.
//! 3. **The rules** of [`cors`](crate::cors), on the bytes.
//! 4. **Absence.** A request that never came may have been refused, aborted, or answered from a cache.
//!
//! Where the credentials mode is not on the wire, both are judged; where they differ the outcome
//! [depends](crate::cors::Outcome::Depends), and the [`Diagnosis`] has both branches. What tells it: a
//! Cookie; `Sec-Fetch-Storage-Access`, sent on cross-site requests with credentials only, and in Chromium
//! on all of them (589 of 589 recorded, and on none of 702 others); an Authorization that no preflight
//! asked for; and 1. above.
//!
//! ```
//! use std::sync::Arc;
//! use corscope::cors::{Certainty, Check, Outcome};
//! use corscope::diagnose::diagnose_all;
//! use corscope::wire::{
//!     End, Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, ResponseHead, Timestamp,
//! };
//!
//! let head = RequestHead {
//!     method: "GET".into(),
//!     url: "https://api.app.test/v1/orders".into(),
//!     version: HttpVersion::Http11,
//!     headers: Arc::new(HeaderList::from_pairs([
//!         ("Origin", "https://app.test"),
//!         ("Sec-Fetch-Mode", "cors"),
//!         ("Sec-Fetch-Site", "same-site"),
//!         ("Cookie", "sid=1"),
//!     ])),
//! };
//! let mut exchange = Exchange::opened(ExchangeId(0), Timestamp(1), head);
//! exchange.response = Some(ResponseHead {
//!     status: 500,
//!     reason: None,
//!     version: HttpVersion::Http11,
//!     headers: Arc::default(),
//! });
//! (exchange.answered_at, exchange.closed_at) = (Some(Timestamp(2)), Some(Timestamp(3)));
//! exchange.end = End::Complete;
//!
//! let diagnosis = &diagnose_all(vec![Arc::new(exchange)], None)[0];
//! assert_eq!(diagnosis.outcome, Outcome::Blocked);
//! let cause = diagnosis.cause.as_ref().unwrap();
//! // The browser speaks of a missing header; the root is that the server crashed.
//! assert_eq!(cause.check, Check::MissingAllowOrigin);
//! assert_eq!(cause.root.map(|root| root.id()), Some("server-error"));
//! assert_eq!(cause.certainty, Certainty::Certain);
//! ```
//!
//! # From check to root
//!
//! A [check](crate::cors::Check) is the rule that failed: deterministic, named by the browser. A [`Root`]
//! is why the server answered so: a status, a redirect, words in the body, or the comparison with other
//! answers of the same endpoint, which are then cited as [`Evidence`]. [`Alignment`] lays a wrong value
//! beside the right one, byte for byte. A [`Warning`] blocks nothing. A [`Certainty`](crate::cors::Certainty)
//! goes with each cause: it follows from the bytes, hangs on the credentials mode, or is inferred from signs.

mod align;
mod asking;
mod configuration;
mod connections;
mod cookies;
mod csp;
mod decide;
mod demand;
mod diagnosis;
mod elements;
mod endpoint;
mod evidence;
mod exchanges;
mod expose;
mod fetch;
mod grants;
mod hindsight;
mod infer;
mod modes;
mod open;
mod other;
mod pair;
mod plain;
mod redirects;
mod resemble;
mod root;
mod roots;
mod set_cookie;
mod siblings;
mod sightings;
mod signatures;
mod slots;
mod steps;
mod subject;
mod subs;
mod surroundings;
mod testimony;
mod warnings;

pub use align::{Alignment, Piece, visible};
pub use cookies::{Asked, Fate, Judged, SameSite, SetCookie, why_sent};
pub use decide::{diagnose, diagnose_all, diagnose_to_mend};
pub use demand::Demand;
pub use diagnosis::{Branch, Cause, Diagnosis, Evidence, Part, Severity, Warning};
pub(crate) use endpoint::template_of;
pub use exchanges::Exchanges;
pub use fetch::{Fetch, FetchId, Member, Role};
pub use pair::{Changed, Moment, Pairer};
pub use plain::is_plainly_exempt;
pub use root::Root;
pub use surroundings::Surroundings;

#[cfg(test)]
mod tests;
