//! The Fetch standard's rules as pure functions: same input, same verdict, forever. No exchange, no
//! proxy, no clock is known here.
//!
//! The algorithm on one page; [`judge`] walks through it, hop by hop:
//!
//! 1. **Is a preflight due?** Not for GET, HEAD and POST ([`is_safelisted_method`]) with safelisted
//!    headers only ([`is_safelisted_header`]).
//! 2. **Does its answer pass?** [`preflight_check`]: the CORS check, a status of 200 to 299, the
//!    method and every header granted. What it grants is a [`Grant`], kept for
//!    [`max_age_seconds`].
//! 3. **May this origin read the answer?** [`cors_check`], on the final answer and on every redirect
//!    to it.
//! 4. **May the redirect be followed?** [`redirect_check`]; [`next_hop`] says where to and as whom.
//! 5. **What of the answer does script see?** [`exposed_headers`].
//!
//! Each rule links its section of the [Fetch standard](https://fetch.spec.whatwg.org/) and names the
//! browsers that deviate; deviations were recorded on Chromium 156, Firefox 153 ESR and WebKitGTK 2.50.

mod cache;
mod cause;
mod check;
mod expose;
mod forbidden;
mod judge;
mod preflight;
mod redirect;
mod request;
mod safelist;
mod user_agent;
mod verdict;

pub use cache::max_age_seconds;
pub use cause::{Check, Stage};
pub use check::{Asker, Fault, cors_check, header_value};
pub use expose::{Exposed, basic_headers, exposed_headers};
pub use forbidden::{is_forbidden_method, is_forbidden_request_header};
pub use judge::{Case, CaseEnd, Hop, Judgement, Preflight, Reply, judge};
pub use preflight::{Answer, Ask, Grant, preflight_check};
pub use redirect::{NextHop, REDIRECTS_MAX, conflicting_locations, next_hop, redirect_check};
pub use request::{
    Mode, is_safelisted_method, is_token, is_written_by_browser, unsafe_header_names,
};
pub use safelist::{
    is_forbidden_response_header, is_safelisted_header, is_safelisted_response_header,
};
pub use user_agent::{browser_of, major_version};
pub use verdict::{Browser, Certainty, Credentials, Outcome};
