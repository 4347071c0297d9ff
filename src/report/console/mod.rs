//! The browsers' own words: what stands in the console, and what they call the fault.
//!
//! The sentences are those of Chromium 156 and Firefox 153, and of Safari 18, with the real
//! values put in. A browser that says nothing, or says it with values that are not on the wire
//! (the full URL of the page), gets none.

mod chromium;
mod firefox;
mod safari;

use super::facts::Facts;
use crate::cors::{Browser, Check};

pub(super) use chromium::name as chromium_name;
pub(super) use firefox::name as firefox_name;

/// The sentence in the console of the browser whose rules were applied.
pub(super) fn sentence(facts: &Facts<'_>) -> Option<String> {
    match facts.diagnosis.browser {
        Browser::Chromium => chromium::sentence(facts),
        Browser::Firefox => firefox::sentence(facts),
        Browser::Safari => safari::sentence(facts),
    }
}

// To where a redirect from the web must not lead, CORS or not.
fn unsafe_redirect(facts: &Facts<'_>) -> bool {
    facts.cause.check == Check::CorsDisabledScheme
        && facts.location().is_some_and(|url| {
            ["data:", "file:", "javascript:", "about:", "blob:"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
        })
}
