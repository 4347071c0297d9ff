//! What a browser says of its own accord about a request: off the wire, an observation and no verdict.

/// What a browser that was launched here says became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it did with it.
    pub fate: Fate,
    /// The sentence on its console, if it wrote one.
    pub sentence: Option<String>,
    /// The script that asked, as `https://app.test/main.js:42`, if one did.
    pub asked_by: Option<String>,
}

/// What a browser did with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its answer was handed to whoever asked.
    Delivered(Via),
    /// It or its answer was withheld.
    Blocked(Block),
    /// It broke, in the browser's words: `net::ERR_UNSAFE_PORT`.
    Failed(String),
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// From the network.
    Network,
    /// From the browser's cache; the request was not sent.
    Cache,
    /// From a service worker; the request was not sent, or the worker sent one of its own.
    ServiceWorker,
}

/// Why a browser withheld something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A rule of CORS, by the browser's own name: `MissingAllowOriginHeader`,
    /// `CORSMissingAllowOrigin`. Empty where it does not say which.
    Cors(String),
    /// An https page may not load plain http.
    MixedContent,
    /// The page's Content-Security-Policy; the directive, `connect-src`.
    Csp(String),
    /// Another reason, in the browser's words.
    Other(String),
}

impl Said {
    /// Just what became of it.
    pub fn new(fate: Fate) -> Self {
        Self {
            fate,
            sentence: None,
            asked_by: None,
        }
    }
}

impl Fate {
    /// Two words and a detail, as stored: `blocked`, `csp`, `connect-src`.
    pub fn words(&self) -> (&'static str, &'static str, &str) {
        match self {
            Self::Delivered(Via::Network) => ("delivered", "network", ""),
            Self::Delivered(Via::Cache) => ("delivered", "cache", ""),
            Self::Delivered(Via::ServiceWorker) => ("delivered", "service-worker", ""),
            Self::Blocked(Block::Cors(name)) => ("blocked", "cors", name),
            Self::Blocked(Block::MixedContent) => ("blocked", "mixed-content", ""),
            Self::Blocked(Block::Csp(directive)) => ("blocked", "csp", directive),
            Self::Blocked(Block::Other(words)) => ("blocked", "other", words),
            Self::Failed(words) => ("failed", "network", words),
        }
    }

    /// Reads [`words`](Self::words) back; `None` for what nobody knows.
    pub fn from_words(fate: &str, reason: &str, detail: &str) -> Option<Self> {
        let detail = detail.to_owned();
        Some(match (fate, reason) {
            ("delivered", "network") => Self::Delivered(Via::Network),
            ("delivered", "cache") => Self::Delivered(Via::Cache),
            ("delivered", "service-worker") => Self::Delivered(Via::ServiceWorker),
            ("blocked", "cors") => Self::Blocked(Block::Cors(detail)),
            ("blocked", "mixed-content") => Self::Blocked(Block::MixedContent),
            ("blocked", "csp") => Self::Blocked(Block::Csp(detail)),
            ("blocked", "other") => Self::Blocked(Block::Other(detail)),
            ("failed", _) => Self::Failed(detail),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for fate in [
            Fate::Delivered(Via::Network),
            Fate::Delivered(Via::Cache),
            Fate::Delivered(Via::ServiceWorker),
            Fate::Blocked(Block::Cors("MissingAllowOriginHeader".into())),
            Fate::Blocked(Block::MixedContent),
            Fate::Blocked(Block::Csp("connect-src".into())),
            Fate::Blocked(Block::Other("origin".into())),
            Fate::Failed("net::ERR_UNSAFE_PORT".into()),
        ] {
            let (word, reason, detail) = fate.words();
            assert_eq!(Fate::from_words(word, reason, detail), Some(fate.clone()));
        }
        assert_eq!(Fate::from_words("lost", "", ""), None);
    }
}
