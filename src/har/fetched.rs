//! Where the browser that wrote a HAR says an answer came from, and what our own writer notes of a
//! browser's word.

use serde_json::Value;

use crate::wire::{Fate, Said, Source, Via};

/// What the tools note about an answer that did not come over the wire. Firefox notes nothing: its
/// `cache` is filled for a 304 only, which did.
pub(super) struct Fetched<'a> {
    /// Chrome's `_fromCache`: `disk` or `memory`.
    pub(super) cache: &'a Value,
    /// Chrome's `_fetchedViaServiceWorker` of the response.
    pub(super) worker: &'a Value,
    /// Safari's `_fetchType`.
    pub(super) kind: &'a Value,
}

impl Fetched<'_> {
    /// `None` where it came from the network, as far as anybody says.
    pub(super) fn said(&self) -> Option<Said> {
        let via = match (self.worker, self.kind.as_str(), self.cache) {
            (Value::Bool(true), _, _) | (_, Some("Service Worker"), _) => Via::ServiceWorker,
            (_, Some("Memory Cache" | "Disk Cache"), _) | (_, _, Value::Bool(true)) => Via::Cache,
            (_, _, Value::String(place)) if !place.is_empty() => Via::Cache,
            _ => return None,
        };
        Some(Said::new(Fate::Delivered(via)))
    }
}

/// The word of a launched browser, as our own writer noted it with its diagnosis.
pub(super) fn own_said(own: &Value) -> Option<Said> {
    let said = &own["diagnosis"]["said"];
    let text = |name: &str| said[name].as_str();
    let words = [text("fate")?, text("reason")?, text("detail")?];
    Some(Said {
        fate: Fate::from_words(words[0], words[1], words[2])?,
        sentence: text("console").map(str::to_owned),
        asked_by: text("asked_by").map(str::to_owned),
    })
}

/// Whether our own writer had it from a browser, and not from the wire.
pub(super) fn own_source(own: &Value) -> Source {
    if own["source"] == "browser" {
        Source::Browser
    } else {
        Source::Har
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_browser_says_it_in_its_own_way() {
        let fate = |cache: Value, worker: Value, kind: Value| {
            let fetched = Fetched {
                cache: &cache,
                worker: &worker,
                kind: &kind,
            };
            fetched.said().map(|said| said.fate)
        };
        let none = Value::Null;
        for cache in [json!("disk"), json!("memory"), json!(true)] {
            let found = fate(cache, json!(false), none.clone());
            assert_eq!(found, Some(Fate::Delivered(Via::Cache)));
        }
        for kind in ["Memory Cache", "Disk Cache"] {
            let found = fate(none.clone(), none.clone(), json!(kind));
            assert_eq!(found, Some(Fate::Delivered(Via::Cache)));
        }
        // What the worker answers with may come from a cache of its own.
        let worker = Some(Fate::Delivered(Via::ServiceWorker));
        assert_eq!(fate(json!("disk"), json!(true), none.clone()), worker);
        assert_eq!(
            fate(none.clone(), none.clone(), json!("Service Worker")),
            worker
        );
        for cache in [none.clone(), json!(false), json!(""), json!({}), json!(3)] {
            assert_eq!(fate(cache, json!(false), json!("Network Load")), None);
        }
    }
}
