//! Changing a plan before it is sent.

use bytes::Bytes;

use super::persona::Persona;
use super::plan::{Objection, Plan, Unknown};
use crate::cors::{Browser, is_safelisted_header, is_token};
use crate::wire::HeaderList;

/// What is to be different. What is `None` or empty stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Another method; `put` is sent as `PUT`, as `fetch()` does, but `patch` as `patch`.
    pub method: Option<String>,
    /// Another URL.
    pub url: Option<String>,
    /// Headers to set, or with `None` to leave out.
    pub headers: Vec<(String, Option<String>)>,
    /// Another body.
    pub body: Option<Bytes>,
    /// Another browser to play.
    pub browser: Option<Browser>,
}

/// Why an edit cannot be made.
pub type EditError = Objection;

impl Edit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.method.is_none()
            && self.url.is_none()
            && self.headers.is_empty()
            && self.body.is_none()
            && self.browser.is_none()
    }

    /// Reads `Name: value`; `Name:` leaves the header out, `Name;` sets it to nothing, as with curl.
    pub fn header(text: &str) -> Result<(String, Option<String>), Objection> {
        let wrong = || Objection::Header(text.split(':').next().unwrap_or_default().to_owned());
        let (name, value) = match text.split_once(':') {
            Some((name, value)) if value.trim().is_empty() => (name, None),
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (
                text.strip_suffix(';').ok_or_else(wrong)?,
                Some(String::new()),
            ),
        };
        if !is_token(name.trim()) {
            return Err(wrong());
        }
        Ok((name.trim().to_owned(), value))
    }
}

impl Plan {
    /// The plan after the edits, refused if no browser would send it.
    pub fn edited(mut self, edit: &Edit) -> Result<Self, Objection> {
        let mut asked = self.asked.take();
        if let Some(method) = &edit.method {
            self.method = normalised(method);
        }
        if let Some(text) = &edit.url {
            let url = self.url.join(text);
            let mut url = url.map_err(|_| Objection::Url(text.clone()))?;
            url.set_fragment(None);
            super::plan::check_url(&url)?;
            self.url = url;
        }
        if let Some(browser) = edit.browser.filter(|b| *b != self.persona.browser) {
            let mut persona = Persona::new(browser);
            persona.accept.clone_from(&self.persona.accept);
            persona.languages.clone_from(&self.persona.languages);
            persona.dest.clone_from(&self.persona.dest);
            self.persona = persona;
        }
        for (name, value) in &edit.headers {
            self.set(name, value.as_deref(), asked.as_mut());
        }
        if let Some(body) = &edit.body {
            self.body.clone_from(body);
            self.unknown.retain(|u| *u != Unknown::Body);
            if !body.is_empty() && !self.names("content-type") {
                // What fetch() says of a string.
                self.script
                    .push("Content-Type", b"text/plain;charset=UTF-8");
            }
        }
        self.asked = asked;
        let as_recorded = edit.method.is_none()
            && edit.url.is_none()
            && edit.headers.is_empty()
            && edit.browser.is_none();
        if !as_recorded {
            self.recorded = None;
            self.recorded_preflight = None;
        }
        if !edit.is_empty() || self.of.is_none() {
            self.check()?;
        }
        Ok(self)
    }

    fn names(&self, name: &str) -> bool {
        let unknown = Unknown::Header(name.to_owned());
        self.script.contains(name) || self.unknown.contains(&unknown)
    }

    fn set(&mut self, name: &str, value: Option<&str>, asked: Option<&mut Vec<String>>) {
        let lower = name.to_ascii_lowercase();
        self.unknown
            .retain(|u| *u != Unknown::Header(lower.clone()));
        if let Some(asked) = asked {
            asked.retain(|n| *n != lower);
            let browser = self.persona.browser;
            if value.is_some_and(|v| !is_safelisted_header(browser, &lower, v.as_bytes())) {
                asked.push(lower.clone());
                asked.sort_unstable();
            }
        }
        if lower == "user-agent" {
            // As DevTools lets a person do; a page cannot.
            if let Some(value) = value {
                value.clone_into(&mut self.persona.agent);
                return;
            }
        }
        // In its place, or at the end.
        let mut list = HeaderList::new();
        let mut value = value;
        for field in self.script.iter() {
            if !field.is(&lower) {
                list.push(field.name, field.value);
            } else if let Some(value) = value.take() {
                list.push(name, value.as_bytes());
            }
        }
        if let Some(value) = value {
            list.push(name, value.as_bytes());
        }
        self.script = list;
    }
}

/// As `fetch()` has it: six methods in upper case, all others as they are
/// ([Fetch § normalize a method](https://fetch.spec.whatwg.org/#concept-method-normalize)).
fn normalised(method: &str) -> String {
    let upper = method.trim().to_ascii_uppercase();
    match upper.as_str() {
        "DELETE" | "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" => upper,
        _ => method.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::wire::Origin;

    fn plan() -> Plan {
        let page = Origin::of_url("https://app.test").expect("an origin");
        let url = Url::parse("https://api.test/v1/cart").expect("a URL");
        Plan::new(Browser::Chromium, page, url)
    }

    fn edited(edit: &Edit) -> Result<Plan, Objection> {
        plan().edited(edit)
    }

    #[test]
    fn headers_as_typed() {
        let read = |text: &str| Edit::header(text).ok();
        let pair = |n: &str, v: Option<&str>| Some((n.to_owned(), v.map(str::to_owned)));
        assert_eq!(read("X-A: b: c "), pair("X-A", Some("b: c")));
        assert_eq!(read("X-A:"), pair("X-A", None));
        assert_eq!(read("X-A;"), pair("X-A", Some("")));
        for wrong in ["X-A", "X A: b", ": b", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_edited_decides_whether_a_preflight_is_due() {
        let due = |method: Option<&str>, header: Option<&str>| {
            let edit = Edit {
                method: method.map(str::to_owned),
                headers: header
                    .map(|h| Edit::header(h).expect("a header"))
                    .into_iter()
                    .collect(),
                ..Edit::default()
            };
            edited(&edit).expect("sendable").needs_preflight()
        };
        assert!(!due(None, None));
        assert!(!due(Some("post"), Some("Content-Type: text/plain")));
        assert!(due(Some("POST"), Some("Content-Type: application/json")));
        assert!(due(Some("patch"), None));
        assert!(due(None, Some("Cache-Control: no-cache")));
    }

    #[test]
    fn methods_as_fetch_has_them() {
        for (typed, sent) in [("put", "PUT"), ("patch", "patch"), ("Patch", "Patch")] {
            let edit = Edit {
                method: Some(typed.into()),
                ..Edit::default()
            };
            assert_eq!(edited(&edit).expect("sendable").method(), sent);
        }
    }

    #[test]
    fn what_no_browser_sends() {
        let header = |text: &str| Edit {
            headers: vec![Edit::header(text).expect("a header")],
            ..Edit::default()
        };
        let method = |text: &str| Edit {
            method: Some(text.into()),
            ..Edit::default()
        };
        let url = |text: &str| Edit {
            url: Some(text.into()),
            ..Edit::default()
        };
        let body = Edit {
            body: Some("x".into()),
            ..Edit::default()
        };
        for edit in [
            header("Host: x.test"),
            header("Sec-Fetch-Mode: cors"),
            header("Cookie: a=b"),
            method("TRACE"),
            method("P UT"),
            url("ftp://api.test/"),
            url("https://u:p@api.test/"),
            url("http://api.test/"),
            body,
        ] {
            assert!(edited(&edit).is_err(), "{edit:?}");
        }
        assert!(edited(&url("http://localhost:3000/")).is_ok());
        assert!(edited(&url("/v2")).is_ok_and(|p| p.url().path() == "/v2"));
    }
}
