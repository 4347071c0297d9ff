//! HAR files: papers that browsers, proxies and test tools leave behind.
//!
//! [`read`] plays a HAR into a recorder, as if its exchanges were happening: each opens, is
//! answered and closes at its own moment, so that a file is paired and judged by the same code as
//! live traffic. Facts about files in the wild that the reader has to know:
//!
//! - The id of an exchange is the index of its entry, also behind entries that had to be skipped.
//! - Entries need not be in the order of time. DevTools lists a request before its preflight, and
//!   counts the time of the preflight as the request's own `blocked`: an answered request is opened
//!   when that time is over, since only then it went out. One without an answer, which the refused
//!   preflight may have stopped, stays where script made it.
//! - `response.content.text` has its content coding taken off already, while `Content-Encoding` is
//!   still among the headers and stays there: it is evidence. [`decode_body`](crate::wire::decode_body)
//!   recognises text that is not coded.
//! - Status 0 means that no response came. Chrome says why in `_error`
//!   of the response.
//! - What came from a browser's cache or a service worker is listed beside what was on the wire.
//!   Chrome says so in `_fromCache` and `_fetchedViaServiceWorker`, Safari in `_fetchType`, Firefox
//!   does not.

mod creator;
mod end;
mod entry;
mod fetched;
mod lenient;
mod moments;
mod read;
mod redact;
mod shelf;
mod source;
mod tell;
mod write;

pub use read::{HarError, HarProgress, HarRead, read, read_large};
pub use redact::redact;
pub use write::{About, HarWriter, Item, Unsent, net_error, resource_type};
