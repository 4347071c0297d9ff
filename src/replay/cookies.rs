//! The cookies of one fetch: those that were recorded, and those that redirects set on the way
//! ([RFC 6265bis](https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html)).

use url::Url;

use crate::cors::Browser;
use crate::wire::{HeaderList, cookie};

/// How many cookies one fetch may collect.
const COOKIES_MAX: usize = 500;

/// Cookies by host. Values are never printed.
#[derive(Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    /// Whether hosts below get it too.
    below: bool,
    path: String,
    secure: bool,
    reach: SameSite,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SameSite {
    None,
    /// `Lax` or `Strict`: the same for what a script asks.
    Kept,
    Untold,
    /// It was seen being sent there.
    Proven,
}

impl std::fmt::Debug for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Jar({} cookies)", self.cookies.len())
    }
}

impl Jar {
    /// Takes over the value of a `Cookie` header that was sent to a URL.
    pub(super) fn sent(&mut self, url: &Url, header: &str) {
        for pair in header.split(';') {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            self.put(Cookie {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                host: url.host_str().unwrap_or_default().to_owned(),
                below: false,
                path: "/".to_owned(),
                secure: false,
                reach: SameSite::Proven,
            });
        }
    }

    /// Learns from the `Set-Cookie` lines of an answer.
    pub(super) fn learn(
        &mut self,
        browser: Browser,
        url: &Url,
        cross_site: bool,
        got: &HeaderList,
    ) {
        for line in got.all("set-cookie") {
            self.learn_one(browser, url, cross_site, &line.text());
        }
    }

    fn learn_one(&mut self, browser: Browser, url: &Url, cross_site: bool, line: &str) {
        let mut parts = line.split(';');
        let Some((name, value)) = parts.next().and_then(|p| p.split_once('=')) else {
            return;
        };
        let from = url.host_str().unwrap_or_default();
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            host: from.to_owned(),
            below: false,
            path: cookie::default_path(url.path()),
            secure: false,
            reach: SameSite::Untold,
        };
        let mut gone = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    if domain.is_empty() {
                        continue;
                    }
                    if (from != domain && !cookie::is_below(from, &domain))
                        || psl::domain_str(&domain).is_none()
                    {
                        return;
                    }
                    cookie.host = domain;
                    cookie.below = true;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => {
                    if let Ok(seconds) = value.parse::<i64>() {
                        gone = Some(seconds <= 0);
                    }
                }
                "expires" if gone.is_none() => {
                    let at = chrono::DateTime::parse_from_rfc2822(value).ok();
                    gone = at.map(|at| at < chrono::Utc::now());
                }
                "samesite" => {
                    cookie.reach = match value.to_ascii_lowercase().as_str() {
                        "none" => SameSite::None,
                        "lax" | "strict" => SameSite::Kept,
                        _ => SameSite::Untold,
                    };
                }
                _ => {}
            }
        }
        if (cookie.secure && !is_secure(url)) || (cross_site && !cookie.crosses(browser)) {
            return;
        }
        if gone == Some(true) {
            self.remove(&cookie);
        } else {
            self.put(cookie);
        }
    }

    fn remove(&mut self, cookie: &Cookie) {
        self.cookies
            .retain(|c| c.name != cookie.name || c.host != cookie.host || c.path != cookie.path);
    }

    fn put(&mut self, cookie: Cookie) {
        if !cookie.name.is_empty() && self.cookies.len() < COOKIES_MAX {
            self.remove(&cookie);
            self.cookies.push(cookie);
        }
    }

    /// The value of `Cookie` for a request; `None` where none is due.
    pub(super) fn header(&self, browser: Browser, url: &Url, cross_site: bool) -> Option<String> {
        let host = url.host_str()?;
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .filter(|c| c.host == host || (c.below && cookie::is_below(host, &c.host)))
            .filter(|c| cookie::covers(&c.path, url.path()))
            .filter(|c| !c.secure || is_secure(url))
            .filter(|c| !cross_site || c.crosses(browser))
            .map(|c| format!("{}={}", c.name, c.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The values.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|c| c.value.as_str())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.cookies.len()
    }
}

impl Cookie {
    /// Whether it goes with what a script asks of another site. Without `SameSite` only Chromium
    /// takes it for `Lax`.
    fn crosses(&self, browser: Browser) -> bool {
        match self.reach {
            SameSite::Proven => true,
            SameSite::None => self.secure,
            SameSite::Kept => false,
            SameSite::Untold => browser != Browser::Chromium,
        }
    }
}

fn is_secure(url: &Url) -> bool {
    crate::wire::Origin::of(url).is_some_and(|o| o.potentially_trustworthy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn recorded_cookies_go_where_they_went() {
        let mut jar = Jar::default();
        jar.sent(&url("https://api.test/v1"), "a=1; b=2");
        let at = |text: &str| jar.header(Browser::Chromium, &url(text), true);
        assert_eq!(at("https://api.test/x").as_deref(), Some("a=1; b=2"));
        assert_eq!(at("https://other.test/x"), None);
        assert!(
            !format!("{jar:?}").contains('1'),
            "values are never printed"
        );
    }

    #[test]
    fn redirects_set_and_delete() {
        let from = url("https://auth.api.test/login/step");
        let learnt = |lines: &[&str], cross| {
            let mut jar = Jar::default();
            jar.sent(&from, "old=1");
            let got = HeaderList::from_pairs(lines.iter().map(|l| ("set-cookie", *l)));
            jar.learn(Browser::Chromium, &from, cross, &got);
            jar
        };
        let at = |jar: &Jar, text: &str| jar.header(Browser::Chromium, &url(text), false);
        let wide = learnt(&["s=2; Domain=api.test; Path=/"], false);
        assert_eq!(at(&wide, "https://api.test/").as_deref(), Some("s=2"));
        let narrow = learnt(&["s=2"], false);
        assert_eq!(
            at(&narrow, "https://auth.api.test/").as_deref(),
            Some("old=1")
        );
        let deep = at(&narrow, "https://auth.api.test/login/x");
        assert_eq!(deep.as_deref(), Some("old=1; s=2"));
        for refused in ["s=2; Domain=test", "s=2; Domain=other.test"] {
            let jar = learnt(&[refused], false);
            assert_eq!(
                at(&jar, "https://auth.api.test/login/").as_deref(),
                Some("old=1")
            );
        }
        for deleted in [
            "old=; Path=/; Max-Age=0",
            "old=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert_eq!(
                at(&learnt(&[deleted], false), "https://auth.api.test/"),
                None
            );
        }
        // In the answer to another site's request.
        let lax = learnt(&["s=2; Path=/"], true);
        assert_eq!(at(&lax, "https://auth.api.test/").as_deref(), Some("old=1"));
        let none = learnt(&["s=2; Path=/; SameSite=None; Secure"], true);
        let both = at(&none, "https://auth.api.test/");
        assert_eq!(both.as_deref(), Some("old=1; s=2"));
    }
}
