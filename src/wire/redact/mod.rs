//! Secrets out of what leaves: each is replaced by a pseudonym, the same one wherever it stands, so
//! that the evidence still compares.
//!
//! What the verdict is made of is never touched: `Origin`, `Access-Control-*`, `Vary`,
//! `Sec-Fetch-*`, scheme, host, port and path (but for tokens in it), statuses, names of headers,
//! cookies, attributes, parameters and members. A redacted capture has the diagnosis of the
//! original.

mod body;
mod exchange;
mod json;
mod names;
mod pseudonym;
mod text;

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

use pseudonym::Pseudonyms;

pub use body::RedactedBody;
pub(crate) use pseudonym::is_redacted;

/// What to hide, and under which key.
#[derive(Clone, Debug, Default)]
pub struct RedactOptions {
    /// Nobody else has it, so that pseudonyms cannot be guessed by trying secrets; those made under
    /// different keys cannot be compared.
    pub key: [u8; 32],
    /// Regular expressions of the user's own: their groups are hidden, or all they match if they
    /// have none. They do not reach into the evidence.
    pub patterns: Vec<String>,
    /// Whether e-mail addresses are secrets.
    pub emails: bool,
}

/// A pattern of the user's own that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern \"{pattern}\" is no regular expression: {why}; mend it or leave it out")]
pub struct BadPattern {
    /// As it was given.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

/// Replaces secrets by pseudonyms, or does nothing if it was told to.
///
/// ```
/// use corscope::wire::{RedactOptions, Redactor};
/// let redactor = Redactor::new(&RedactOptions::default()).expect("no patterns");
/// let url = redactor.url("https://api.app.test/v1?page=2&access_token=hunter2");
/// assert!(url.starts_with("https://api.app.test/v1?page=2&access_token=redacted-"));
/// assert_eq!(redactor.header("Origin", "https://app.test"), "https://app.test");
/// ```
#[derive(Clone)]
pub struct Redactor {
    /// `None`: nothing is hidden.
    names: Option<Pseudonyms>,
    patterns: Vec<Regex>,
    emails: bool,
    /// How many values, each within another, are being looked into.
    depth: u8,
}

impl std::fmt::Debug for Redactor {
    // Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor")
            .field("on", &self.is_on())
            .field("patterns", &self.patterns.len())
            .field("emails", &self.emails)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// One that hides secrets.
    pub fn new(options: &RedactOptions) -> Result<Self, BadPattern> {
        let patterns = options.patterns.iter().map(|pattern| {
            RegexBuilder::new(pattern)
                .size_limit(1 << 20)
                .build()
                .map_err(|error| BadPattern {
                    pattern: pattern.clone(),
                    why: last_line(&error.to_string()),
                })
        });
        Ok(Self {
            names: Some(Pseudonyms::new(&options.key)),
            patterns: patterns.collect::<Result<_, _>>()?,
            emails: options.emails,
            depth: 0,
        })
    }

    /// One that changes nothing.
    pub fn off() -> Self {
        Self {
            names: None,
            patterns: Vec::new(),
            emails: false,
            depth: 0,
        }
    }

    /// The same, for what stands within a value; `None` where that is too deep.
    fn within(&self) -> Option<Self> {
        const DEPTH_MAX: u8 = 4;
        (self.depth < DEPTH_MAX).then(|| Self {
            depth: self.depth + 1,
            ..self.clone()
        })
    }

    /// Whether it hides anything.
    pub fn is_on(&self) -> bool {
        self.names.is_some()
    }

    /// The value of a header without secrets.
    pub fn header<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if !self.is_on() {
            return Cow::Borrowed(value);
        }
        match names::of_header(name) {
            names::Value::Evidence => Cow::Borrowed(value),
            names::Value::Credentials => Cow::Owned(self.credentials(value)),
            names::Value::Cookies => Cow::Owned(self.cookies(value)),
            names::Value::SetCookie => Cow::Owned(self.set_cookie(value)),
            names::Value::Secret => Cow::Owned(self.token(value.as_bytes())),
            names::Value::Url => Cow::Owned(self.url(value)),
            names::Value::Text => self.text(value),
        }
    }

    /// A URL, absolute or not, without secrets in its userinfo, path, query and fragment.
    pub fn url(&self, url: &str) -> String {
        if !self.is_on() {
            return url.to_owned();
        }
        let (before, rest) = match url.find(['?', '#']) {
            Some(at) => url.split_at(at),
            None => (url, ""),
        };
        // The authority but for its userinfo is evidence, whatever a pattern says.
        let (authority, path) = match before.find("//") {
            Some(at) => match before[at + 2..].find(['/', '\\']) {
                Some(slash) => before.split_at(at + 2 + slash),
                None => (before, ""),
            },
            None => ("", before),
        };
        let start = authority.find("//").map_or(0, |n| n + 2);
        let (scheme, authority) = authority.split_at(start);
        let mut out = scheme.to_owned();
        match authority.rsplit_once('@') {
            Some((userinfo, host)) => {
                let hidden: Vec<String> = userinfo
                    .splitn(2, ':')
                    .map(|part| self.pseudonym(&text::percent_decoded(part.as_bytes())))
                    .collect();
                out.push_str(&hidden.join(":"));
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        out.push_str(&self.text(path));
        out.push_str(&self.text(rest));
        out
    }

    /// The value of a parameter of a URL or form, decoded, without secrets.
    pub fn parameter<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if self.is_on() && names::is_secret_parameter(name, value) {
            return Cow::Owned(self.token(value.as_bytes()));
        }
        self.text(value)
    }

    /// The value of a cookie without secrets: a pseudonym.
    pub fn cookie<'a>(&self, value: &'a str) -> Cow<'a, str> {
        if self.is_on() {
            Cow::Owned(self.cookie_value(value))
        } else {
            Cow::Borrowed(value)
        }
    }

    /// Any text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.is_on() || text.is_empty() {
            return Cow::Borrowed(text);
        }
        match text::redact(self, text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    fn credentials(&self, value: &str) -> String {
        match value.trim().split_once([' ', '\t']) {
            Some((scheme, secret)) => {
                format!("{scheme} {}", self.token(secret.trim().as_bytes()))
            }
            None => self.token(value.trim().as_bytes()),
        }
    }

    fn cookies(&self, value: &str) -> String {
        let one = |cookie: &str| {
            if let Some((name, value)) = cookie.split_once('=') {
                return format!("{name}={}", self.cookie_value(value));
            }
            // A cookie without a name is all value.
            let bare = cookie.trim_start();
            let space = &cookie[..cookie.len() - bare.len()];
            format!("{space}{}", self.cookie_value(bare))
        };
        let cookies: Vec<String> = value.split(';').map(one).collect();
        cookies.join(";")
    }

    fn set_cookie(&self, value: &str) -> String {
        let (pair, attributes) = match value.find(';') {
            Some(at) => value.split_at(at),
            None => (value, ""),
        };
        format!("{}{attributes}", self.cookies(pair))
    }

    fn cookie_value(&self, value: &str) -> String {
        let bare = value.trim();
        let quoted = bare.len() >= 2 && bare.starts_with('"') && bare.ends_with('"');
        let inner = if quoted {
            &bare[1..bare.len() - 1]
        } else {
            bare
        };
        let name = self.token(&text::percent_decoded(inner.as_bytes()));
        if quoted { format!("\"{name}\"") } else { name }
    }

    fn pseudonym(&self, secret: &[u8]) -> String {
        match &self.names {
            Some(names) => names.of(secret),
            None => String::from_utf8_lossy(secret).into_owned(),
        }
    }

    fn token(&self, secret: &[u8]) -> String {
        match &self.names {
            Some(names) => names.of_token(secret),
            None => String::from_utf8_lossy(secret).into_owned(),
        }
    }
}

fn looks_like_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let first = text.iter().find(|b| !b.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default().trim();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;
