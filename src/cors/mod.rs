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
//! ```
//! use corscope::cors::{Asker, Browser, Check, Stage, cors_check, exposed_headers};
//! use corscope::wire::HeaderList;
//!
//! let page = |include| Asker { browser: Browser::Chromium, origin: "https://app.test", include };
//! let answer = HeaderList::from_pairs([
//!     ("Access-Control-Allow-Origin", "*"),
//!     ("Access-Control-Expose-Headers", "*"),
//!     ("X-Total-Count", "42"),
//! ]);
//! // Without credentials the answer may be read, headers and all ...
//! assert!(cors_check(page(false), &answer, Stage::Actual).is_empty());
//! assert!(exposed_headers(&answer, false).exposed.contains(&"x-total-count".to_owned()));
//! // ... and with them it may not: the same bytes, another credentials mode.
//! let faults = cors_check(page(true), &answer, Stage::Actual);
//! assert_eq!(faults[0].check, Check::WildcardOriginNotAllowed);
//! assert!(!exposed_headers(&answer, true).exposed.contains(&"x-total-count".to_owned()));
//! ```
//!
//! A whole fetch is a [`Case`]; [`judge`] names the fault that blocks first, and then all that would
//! block next, so that one repair is enough:
//!
//! ```
//! use corscope::cors::{Answer, Ask, Browser, Case, CaseEnd, Check, Hop, Mode, Preflight, Reply, judge};
//! use corscope::wire::HeaderList;
//!
//! let ask = Ask { method: "PUT".into(), headers: vec!["x-cart".into()] };
//! let headers = HeaderList::from_pairs([("Access-Control-Allow-Origin", "https://app.test")]);
//! let hop = Hop {
//!     url: "https://api.app.test/v1/cart",
//!     mode: Mode::Cors,
//!     origin: "https://app.test",
//!     preflight: Some(Preflight {
//!         origin: "https://app.test",
//!         ask: &ask,
//!         reply: Reply { answer: Answer { status: 204, headers: &headers }, accepted: false },
//!     }),
//!     answer: None,
//! };
//! let case = Case { browser: Browser::Firefox, include: false, page: None, hops: &[hop] };
//! let judgement = judge(&case);
//! let checks: Vec<Check> = judgement.faults.iter().map(|(_, fault)| fault.check).collect();
//! assert_eq!(checks, [Check::MethodDisallowed, Check::HeaderDisallowed]);
//! assert_eq!(judgement.end, CaseEnd::AwaitsRequest);
//! ```
//!
//! # Where browsers leave the standard
//!
//! Each rule links its section of the [Fetch standard](https://fetch.spec.whatwg.org/) and names the
//! browsers that deviate. Deviations were recorded, not read: Chromium 156 and Firefox 153 ESR loaded
//! pages against servers with every mistake we could think of, a proxy in between wrote down the wire,
//! and what script could see was the verdict (`tests/corpus`; the kind of scenario is in the last
//! column). WebKitGTK 2.50 was watched on the points marked W.
//!
//! | rule | the standard | deviation | recorded as |
//! | --- | --- | --- | --- |
//! | [`cors_check`]: a repeated header | [one failure](https://fetch.spec.whatwg.org/#concept-cors-check) | Firefox ignores an empty one beside another, unless Allow-Origin is spelled exactly `Access-Control-Allow-Origin` | `acao-value` |
//! | [`cors_check`]: its name | one failure | Chromium tells three kinds of wrong Allow-Origin apart, Firefox two by spelling | `acao-value`, `order-of-faults` |
//! | [`header_value`]: space before the colon | [no field](https://fetch.spec.whatwg.org/#concept-header-list-get) | Chromium accepts it, Firefox ignores the line | `headers` |
//! | [`preflight_check`]: order | [the CORS check, then the status](https://fetch.spec.whatwg.org/#cors-preflight-fetch) | each browser has its own, see there | `order-of-faults`, `preflight-redirect` |
//! | [`Grant::covers_header`]: `*` and `authorization` | [not covered](https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name) | covered in all three (W) | `headers` |
//! | [`max_age_seconds`] | [absent or unreadable is 5](https://fetch.spec.whatwg.org/#cors-preflight-fetch) | caps of 7200, 86400 and 600; Firefox does not keep what it cannot read | `preflight-cache` |
//! | [`Grant::covers`]: `*` used again | [covers](https://fetch.spec.whatwg.org/#concept-cache-match-header) | Firefox asks again for each method and header | `preflight-cache` |
//! | [`is_safelisted_header`]: client hints | [five names](https://fetch.spec.whatwg.org/#cors-safelisted-request-header) | Chromium lets `dpr`, `save-data` and the like through (W: not) | `headers` |
//! | [`next_hop`]: Origin after a foreign redirect | [`null`](https://fetch.spec.whatwg.org/#serializing-a-request-origin) | Firefox's preflight says the page's origin, its request `null` | `redirects` |
//! | [`Answer::is_redirect`]: empty Location | [the URL itself](https://fetch.spec.whatwg.org/#concept-response-location-url) | Chromium takes it for no redirect | `redirects` |
//! | [`redirect_check`]: user name on the own origin | [allowed](https://fetch.spec.whatwg.org/#http-redirect-fetch) | Chromium refuses it, not as CORS | `redirects` |
//! | [`conflicting_locations`] | [the first one's failure](https://fetch.spec.whatwg.org/#concept-response-location-url) | both browsers fail below HTTP, at any status | `redirects` |
//!
//! What one browser has not been seen to do otherwise, it is taken to do as the standard says.

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
