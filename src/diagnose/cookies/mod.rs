//! Why a cookie is stored or dropped, and why it is sent or held back, after
//! [RFC 6265bis](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis). What a browser
//! decides by itself, and what is not on the wire, is told as doubt.

mod dates;
mod sent;
#[cfg(test)]
mod tests;

pub use sent::why_sent;

use dates::{cookie_date, seconds};

use crate::cors::{Browser, Credentials};
use crate::wire::{Origin, Timestamp, cookie, is_loopback_host};

/// Name and value together are no longer than this, in bytes (§ 5.6).
const PAIR_BYTES_MAX: usize = 4096;
/// An attribute whose value is longer is passed over, in bytes (§ 5.6).
const ATTRIBUTE_BYTES_MAX: usize = 1024;

/// `SameSite` of a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// `Strict`.
    Strict,
    /// `Lax`.
    Lax,
    /// `None`.
    None,
    /// Absent, or a word nobody knows.
    #[default]
    Default,
}

/// A `Set-Cookie` line, read (§ 5.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// The name; empty where the line has none.
    pub name: String,
    /// The value.
    pub value: String,
    /// `Domain` without a leading dot, lower case; `None` where absent or empty.
    pub domain: Option<String>,
    /// `Path`, if it begins with a slash.
    pub path: Option<String>,
    /// The moment `Expires` names.
    pub expires: Option<Timestamp>,
    /// `Max-Age` in seconds.
    pub max_age: Option<i64>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Partitioned`.
    pub partitioned: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// Attributes as they were written, for the eye.
    pub attributes: Vec<String>,
    /// Whether a control character is in it.
    controls: bool,
    /// Bytes of name and value.
    bytes: usize,
}

/// What becomes of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept, or sent.
    Good,
    /// It is taken away, as the server wants it.
    Deleted,
    /// It is dropped, or held back.
    Bad,
    /// Browsers differ, or the wire does not tell.
    Doubtful,
}

/// What becomes of a cookie, why, and which section says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What becomes of it.
    pub fate: Fate,
    /// Why, in a sentence without a full stop.
    pub why: String,
    /// The section of RFC 6265bis; empty where it is not its business.
    pub section: &'static str,
}

/// A request as the cookie rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The page's origin; `None` where the wire does not tell.
    pub page: Option<&'a Origin>,
    /// Where the request goes.
    pub target: &'a Origin,
    /// The path of its URL.
    pub path: &'a str,
    /// The method.
    pub method: &'a str,
    /// Whether a person went there: a navigation of the whole tab.
    pub navigation: bool,
    /// Whose habits count.
    pub browser: Browser,
    /// The credentials mode.
    pub credentials: Credentials,
    /// When.
    pub at: Timestamp,
}

impl Asked<'_> {
    /// Whether the request crosses a site (§ 5.2); for a navigation it is its own site's. Scheme and registrable domain count, ports and
    /// subdomains do not. `None` where the page is not known.
    pub fn crosses_site(&self) -> Option<bool> {
        if self.navigation {
            return Some(false);
        }
        self.page
            .map(|page| page.is_opaque() || !page.same_site(self.target))
    }

    /// Both sites in words: `app.test → api.other.test`.
    pub fn sites(&self) -> String {
        let site = |o: &Origin| format!("{}://{}", o.scheme(), o.registrable_domain());
        let page = self.page.map_or_else(|| "unknown page".to_owned(), site);
        format!("{page} → {}", site(self.target))
    }

    fn is_secure(&self) -> bool {
        matches!(self.target.scheme(), "https" | "wss")
    }

    fn omits(&self) -> bool {
        self.credentials == Credentials::NotInclude
            && self.page.is_none_or(|page| !page.same_origin(self.target))
    }
}

impl SetCookie {
    /// Reads a line.
    pub fn parse(line: &str) -> Self {
        let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let (name, value) = (name.trim(), value.trim());
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            controls: line.chars().any(|c| c.is_control() && c != '\t'),
            bytes: name.len() + value.len(),
            ..Self::default()
        };
        for part in rest.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            cookie.attributes.push(part.to_owned());
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            if value.len() > ATTRIBUTE_BYTES_MAX {
                continue;
            }
            match key.trim().to_ascii_lowercase().as_str() {
                "expires" => cookie.expires = cookie_date(value).or(cookie.expires),
                "max-age" => cookie.max_age = seconds(value).or(cookie.max_age),
                "domain" => {
                    let domain = value.strip_prefix('.').unwrap_or(value);
                    cookie.domain = Some(domain.to_ascii_lowercase()).filter(|d| !d.is_empty());
                }
                "path" => cookie.path = value.starts_with('/').then(|| value.to_owned()),
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                "partitioned" => cookie.partitioned = true,
                "samesite" => {
                    cookie.same_site = match value.to_ascii_lowercase().as_str() {
                        "none" => SameSite::None,
                        "lax" => SameSite::Lax,
                        "strict" => SameSite::Strict,
                        _ => SameSite::Default,
                    };
                }
                _ => {}
            }
        }
        cookie
    }

    /// What becomes of it when it comes in the answer to a request (§ 5.7).
    pub fn stored(&self, asked: &Asked<'_>) -> Judged {
        self.refused(asked)
            .or_else(|| self.deletes(asked))
            .unwrap_or_else(|| self.kept(asked))
    }

    fn refused(&self, asked: &Asked<'_>) -> Option<Judged> {
        let host = asked.target.host();
        if asked.omits() {
            return bad("the request was made without credentials", "");
        }
        if self.controls {
            return bad("a control character is in the line", "§ 5.6");
        }
        if self.name.is_empty() && self.value.is_empty() {
            return bad("it has neither a name nor a value", "§ 5.7");
        }
        if self.bytes > PAIR_BYTES_MAX {
            return bad("name and value are longer than 4096 bytes", "§ 5.6");
        }
        if let Some(domain) = &self.domain
            && domain != host
        {
            if !cookie::is_below(host, domain) {
                return bad(
                    format!("Domain={domain} is not {host} nor above it"),
                    "§ 5.7",
                );
            }
            // A name without a dot, such as `test`, or a public suffix, such as `co.uk`.
            if psl::domain_str(domain).is_none() {
                return bad(
                    format!("Domain={domain} is a public suffix: it would reach everybody's sites"),
                    "§ 5.7",
                );
            }
        }
        if self.secure && !asked.is_secure() {
            if !is_loopback_host(host) {
                return bad("Secure, but it came over plain http", "§ 5.7");
            }
            if asked.browser == Browser::Safari {
                return bad(
                    "Secure over plain http: Safari makes no exception for localhost",
                    "§ 5.7",
                );
            }
        }
        if self.same_site == SameSite::None && !self.secure {
            return bad("SameSite=None needs Secure", "§ 5.7");
        }
        if self.partitioned && !self.secure {
            return bad("Partitioned needs Secure", "");
        }
        let lower = self.name.to_ascii_lowercase();
        if lower.starts_with("__secure-") && !self.secure {
            return bad("a name with __Secure- needs Secure", "§ 5.4");
        }
        let bound = self.secure && self.domain.is_none() && self.path.as_deref() == Some("/");
        if lower.starts_with("__host-") && !bound {
            return bad(
                "a name with __Host- needs Secure, Path=/ and no Domain",
                "§ 5.4",
            );
        }
        if asked.crosses_site() == Some(true) {
            return self.refused_across_sites(asked);
        }
        None
    }

    fn refused_across_sites(&self, asked: &Asked<'_>) -> Option<Judged> {
        let sites = asked.sites();
        match self.same_site {
            SameSite::Lax | SameSite::Strict => bad(
                format!(
                    "SameSite={} in an answer to another site: {sites}",
                    self.reach()
                ),
                "§ 5.7",
            ),
            SameSite::Default if asked.browser == Browser::Chromium => bad(
                format!("no SameSite, so Chromium takes it for Lax, and {sites} crosses sites"),
                "§ 5.7",
            ),
            SameSite::Default | SameSite::None => None,
        }
    }

    fn reach(&self) -> &'static str {
        match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None",
            SameSite::Default => "not set",
        }
    }

    fn deletes(&self, asked: &Asked<'_>) -> Option<Judged> {
        let why = match (self.max_age, self.expires) {
            (Some(seconds), _) if seconds <= 0 => format!("Max-Age={seconds} deletes it"),
            (None, Some(at)) if at <= asked.at => "Expires is past, which deletes it".to_owned(),
            _ => return None,
        };
        Some(Judged {
            fate: Fate::Deleted,
            why,
            section: "§ 5.7",
        })
    }

    fn kept(&self, asked: &Asked<'_>) -> Judged {
        let host = asked.target.host();
        let reach = match &self.domain {
            Some(domain) => format!("for {domain} and everything below"),
            None => format!("for {host} only"),
        };
        let doubt = |why: String| Judged {
            fate: Fate::Doubtful,
            why,
            section: "",
        };
        match asked.crosses_site() {
            Some(true) if self.partitioned => Judged {
                fate: Fate::Good,
                why: format!("kept {reach}, in a jar of its own for this page's site"),
                section: "§ 5.7",
            },
            Some(true) => doubt(match asked.browser {
                Browser::Chromium => {
                    format!("kept {reach}, unless third-party cookies are blocked in this Chromium")
                }
                Browser::Firefox => {
                    format!("kept {reach}, but in a jar that only this page's site sees (Firefox)")
                }
                Browser::Safari => {
                    "dropped unless a person has used this site: Safari blocks third-party cookies"
                        .to_owned()
                }
            }),
            None => doubt(format!(
                "kept {reach}, if the page is of the same site: which page asked is not on the wire"
            )),
            Some(false) if self.secure && !asked.is_secure() => doubt(format!(
                "kept {reach}: for localhost this browser lets Secure pass over http, Safari does not"
            )),
            Some(false)
                if asked.credentials == Credentials::Unknown
                    && asked.page.is_some_and(|p| !p.same_origin(asked.target)) =>
            {
                doubt(format!("kept {reach}, if the request included credentials"))
            }
            Some(false) => Judged {
                fate: Fate::Good,
                why: format!("kept {reach}"),
                section: "§ 5.7",
            },
        }
    }
}

#[allow(clippy::unnecessary_wraps)] // every caller returns what it gives
fn bad(why: impl Into<String>, section: &'static str) -> Option<Judged> {
    Some(Judged {
        fate: Fate::Bad,
        why: why.into(),
        section,
    })
}
