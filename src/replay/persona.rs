//! Who is played: what a browser says of itself in every request.

use crate::cors::{Browser, browser_of};
use crate::wire::HeaderList;

/// What a browser says of itself in every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Persona {
    pub(super) browser: Browser,
    pub(super) agent: String,
    /// `sec-ch-ua`, `sec-ch-ua-mobile` and `sec-ch-ua-platform`, where it sends them.
    pub(super) hints: Option<[String; 3]>,
    pub(super) accept: String,
    pub(super) languages: String,
    pub(super) encodings: String,
    /// The value of `Sec-Fetch-Dest`.
    pub(super) dest: String,
    /// Over HTTP/1.1; Firefox only.
    pub(super) priority_http1: Option<String>,
    pub(super) priority_http2: Option<String>,
    /// What it says of its access to cookies of another site, when they are wanted.
    pub(super) storage_access: String,
    /// What the person set in the browser: `DNT`, `Sec-GPC`.
    pub(super) extras: Vec<(String, String)>,
}

const HINTS: [&str; 3] = ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"];
const EXTRAS: [&str; 3] = ["DNT", "Sec-GPC", "Save-Data"];

impl Persona {
    /// A browser of this family, in the version whose behaviour is known here, making a `fetch()`.
    pub(super) fn new(browser: Browser) -> Self {
        let (agent, hints) = match browser {
            Browser::Chromium => (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/156.0.0.0 Safari/537.36",
                Some([
                    "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"",
                    "?0",
                    "\"Linux\"",
                ]),
            ),
            Browser::Firefox => (
                "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
                None,
            ),
            Browser::Safari => (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                None,
            ),
        };
        let (http1, http2) = match browser {
            Browser::Chromium => (None, "u=1, i"),
            Browser::Firefox => (Some("u=4"), "u=4"),
            Browser::Safari => (None, "u=3, i"),
        };
        Self {
            browser,
            agent: agent.to_owned(),
            hints: hints.map(|h| h.map(str::to_owned)),
            accept: "*/*".to_owned(),
            languages: "en-US,en;q=0.9".to_owned(),
            encodings: match browser {
                Browser::Safari => "gzip, deflate, br",
                Browser::Chromium | Browser::Firefox => "gzip, deflate, br, zstd",
            }
            .to_owned(),
            dest: "empty".to_owned(),
            priority_http1: http1.map(str::to_owned),
            priority_http2: Some(http2.to_owned()),
            storage_access: "active".to_owned(),
            extras: Vec::new(),
        }
    }

    /// The browser that made a recorded request; `None` if it was none.
    pub(super) fn read(headers: &HeaderList) -> Option<Self> {
        let value = |name: &str| headers.first(name).map(|f| f.text());
        let agent = value("user-agent");
        let browser = match &agent {
            Some(agent) => browser_of(agent)?,
            // Exports are sometimes stripped of it.
            None => Browser::default(),
        };
        let mut persona = Self::new(browser);
        let take = |name: &str, slot: &mut String| {
            if let Some(value) = value(name) {
                *slot = value;
            }
        };
        take("user-agent", &mut persona.agent);
        take("accept", &mut persona.accept);
        take("accept-language", &mut persona.languages);
        take("accept-encoding", &mut persona.encodings);
        take("sec-fetch-dest", &mut persona.dest);
        take("sec-fetch-storage-access", &mut persona.storage_access);
        if let Some(hints) = &mut persona.hints {
            for (name, hint) in HINTS.into_iter().zip(hints) {
                take(name, hint);
            }
        }
        if let Some(priority) = value("priority") {
            if persona.priority_http1.is_some() {
                persona.priority_http1 = Some(priority.clone());
            }
            persona.priority_http2 = Some(priority);
        }
        let extras = EXTRAS
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), value(name)?)));
        persona.extras = extras.collect();
        Some(persona)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_recognised_by_what_it_says_of_itself() {
        for browser in [Browser::Chromium, Browser::Firefox, Browser::Safari] {
            assert_eq!(browser_of(&Persona::new(browser).agent), Some(browser));
        }
    }

    #[test]
    fn a_recorded_browser_stays_itself() {
        let headers = HeaderList::from_pairs([
            (
                "user-agent",
                "Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("accept-language", "de"),
            ("dnt", "1"),
        ]);
        let persona = Persona::read(&headers).expect("a browser");
        assert_eq!(persona.browser, Browser::Firefox);
        assert_eq!(persona.languages, "de");
        assert_eq!(persona.extras, [("DNT".to_owned(), "1".to_owned())]);
        let curl = HeaderList::from_pairs([("user-agent", "curl/8")]);
        assert_eq!(Persona::read(&curl), None);
    }
}
