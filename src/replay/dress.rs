//! The header fields a browser writes, in its order. Recorded on Chromium 156 and Firefox 153 over
//! HTTP/1.1; Safari's as published.

use url::Url;

use super::persona::Persona;
use crate::cors::Browser;
use crate::wire::{HeaderList, Origin};

/// One request as its browser dresses it.
pub(super) struct Dress<'a> {
    pub(super) persona: &'a Persona,
    pub(super) target: &'a Url,
    /// The value of `Origin`, where one is sent.
    pub(super) origin: Option<&'a str>,
    /// The value of `Sec-Fetch-Site`.
    pub(super) site: &'static str,
    /// The value of `Sec-Fetch-Mode`.
    pub(super) mode: &'static str,
    pub(super) referer: Option<String>,
    pub(super) cookie: Option<&'a str>,
    /// Whether credentials are wanted.
    pub(super) include: bool,
    /// What script set.
    pub(super) script: &'a HeaderList,
    /// The length of the body in bytes, where the method or the body makes the browser tell it.
    pub(super) content_length: Option<usize>,
    pub(super) http2: bool,
}

/// Which field comes next.
#[derive(Clone, Copy)]
enum Slot {
    Host,
    Connection,
    ContentLength,
    Platform,
    Agent,
    Brands,
    Mobile,
    Script,
    Accept,
    Languages,
    Encodings,
    Origin,
    Site,
    Mode,
    Dest,
    StorageAccess,
    Referer,
    Cookie,
    Extras,
    Priority,
    AskMethod,
    AskHeaders,
}

use Slot::{
    Accept, Agent, AskHeaders, AskMethod, Brands, Connection, ContentLength, Cookie, Dest,
    Encodings, Extras, Host, Languages, Mobile, Mode, Origin as OriginSlot, Platform, Priority,
    Referer, Script, Site, StorageAccess,
};

const CHROMIUM: &[Slot] = &[
    Host,
    Connection,
    ContentLength,
    Platform,
    Agent,
    Brands,
    Script,
    Mobile,
    Accept,
    Extras,
    OriginSlot,
    Site,
    Mode,
    Dest,
    StorageAccess,
    Referer,
    Encodings,
    Languages,
    Cookie,
    Priority,
];
const CHROMIUM_PREFLIGHT: &[Slot] = &[
    Host, Connection, Accept, AskMethod, AskHeaders, OriginSlot, Agent, Mode, Site, Dest, Referer,
    Encodings, Languages, Priority,
];
const FIREFOX: &[Slot] = &[
    Host,
    Agent,
    Accept,
    Languages,
    Encodings,
    Referer,
    Script,
    ContentLength,
    OriginSlot,
    Extras,
    StorageAccess,
    Connection,
    Cookie,
    Dest,
    Mode,
    Site,
    Priority,
];
const FIREFOX_PREFLIGHT: &[Slot] = &[
    Host, Agent, Accept, Languages, Encodings, AskMethod, AskHeaders, Referer, OriginSlot, Extras,
    Connection, Dest, Mode, Site, Priority,
];
const SAFARI: &[Slot] = &[
    Host,
    Script,
    Accept,
    Site,
    Languages,
    Encodings,
    Mode,
    OriginSlot,
    Agent,
    ContentLength,
    Referer,
    Connection,
    Dest,
    Cookie,
    Priority,
];
const SAFARI_PREFLIGHT: &[Slot] = &[
    Host, Accept, OriginSlot, AskMethod, AskHeaders, Connection, Site, Mode, Dest, Referer, Agent,
    Languages, Encodings, Priority,
];

impl Dress<'_> {
    /// The request itself.
    pub(super) fn request(&self) -> HeaderList {
        self.fill(
            match self.persona.browser {
                Browser::Chromium => CHROMIUM,
                Browser::Firefox => FIREFOX,
                Browser::Safari => SAFARI,
            },
            "",
            &[],
        )
    }

    /// Its preflight
    /// ([Fetch § CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch)).
    pub(super) fn preflight(&self, method: &str, names: &[String]) -> HeaderList {
        self.fill(
            match self.persona.browser {
                Browser::Chromium => CHROMIUM_PREFLIGHT,
                Browser::Firefox => FIREFOX_PREFLIGHT,
                Browser::Safari => SAFARI_PREFLIGHT,
            },
            method,
            names,
        )
    }

    fn fill(&self, order: &[Slot], asks: &str, names: &[String]) -> HeaderList {
        let persona = self.persona;
        let preflight = !asks.is_empty();
        // Fetch metadata and client hints go to trustworthy URLs only.
        let trusted = Origin::of(self.target).is_some_and(|o| o.potentially_trustworthy());
        let mut list = HeaderList::new();
        let mut push = |name: &str, value: &str| list.push(name, value.as_bytes());
        let hint = |at: usize| persona.hints.as_ref().filter(|_| trusted).map(|h| &h[at]);
        let own = |name: &str| preflight || !self.script.contains(name);
        for slot in order {
            match slot {
                Host if !self.http2 => push("Host", &host_of(self.target)),
                Connection if !self.http2 => push("Connection", "keep-alive"),
                ContentLength => {
                    if let Some(length) = self.content_length {
                        push("Content-Length", &length.to_string());
                    }
                }
                Brands => hint(0).into_iter().for_each(|v| push("sec-ch-ua", v)),
                Mobile => hint(1)
                    .into_iter()
                    .for_each(|v| push("sec-ch-ua-mobile", v)),
                Platform => hint(2)
                    .into_iter()
                    .for_each(|v| push("sec-ch-ua-platform", v)),
                Agent if own("user-agent") => push("User-Agent", &persona.agent),
                Accept if preflight => push("Accept", "*/*"),
                Accept if own("accept") => push("Accept", &persona.accept),
                Languages if own("accept-language") => {
                    push("Accept-Language", &persona.languages);
                }
                Encodings => push("Accept-Encoding", &persona.encodings),
                OriginSlot => self.origin.into_iter().for_each(|v| push("Origin", v)),
                Site if trusted => push("Sec-Fetch-Site", self.site),
                Mode if trusted => push("Sec-Fetch-Mode", self.mode),
                Dest if trusted => push("Sec-Fetch-Dest", &persona.dest),
                StorageAccess
                    if trusted
                        && self.include
                        && !preflight
                        && self.site == "cross-site"
                        && persona.browser != Browser::Safari =>
                {
                    push("Sec-Fetch-Storage-Access", &persona.storage_access);
                }
                Referer => self.referer.iter().for_each(|v| push("Referer", v)),
                Cookie => self.cookie.into_iter().for_each(|v| push("Cookie", v)),
                Extras => persona.extras.iter().for_each(|(n, v)| push(n, v)),
                Priority => {
                    let value = if self.http2 {
                        &persona.priority_http2
                    } else {
                        &persona.priority_http1
                    };
                    if let Some(value) = value {
                        push("Priority", value);
                    }
                }
                AskMethod => push("Access-Control-Request-Method", asks),
                // Comma without space, as the standard has it.
                AskHeaders if !names.is_empty() => {
                    push("Access-Control-Request-Headers", &names.join(","));
                }
                Script => {
                    for field in self.script.iter() {
                        push(field.name, &field.text());
                    }
                }
                _ => {}
            }
        }
        list
    }
}

/// The value of `Host`: the port only where it is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// `Sec-Fetch-Site` over all URLs of a request so far
/// ([Fetch Metadata § 2.3](https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-site-header)).
pub(super) fn site(page: &Origin, urls: &[Url]) -> &'static str {
    let mut site = "same-origin";
    for url in urls {
        match Origin::of(url) {
            Some(target) if page.same_origin(&target) => {}
            Some(target) if page.same_site(&target) => site = "same-site",
            _ => return "cross-site",
        }
    }
    site
}

/// What the default policy, `strict-origin-when-cross-origin`, leaves of the page's URL
/// ([Referrer Policy § 8.3](https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer)).
/// `whole` is the page's URL where it is known.
pub(super) fn referer(page: &Origin, whole: Option<&str>, target: &Url) -> Option<String> {
    if page.is_opaque() {
        return None;
    }
    let target = Origin::of(target)?;
    if page.same_origin(&target) {
        return Some(whole.map_or_else(|| format!("{page}/"), str::to_owned));
    }
    let downgrade = page.potentially_trustworthy() && !target.potentially_trustworthy();
    (!downgrade).then(|| format!("{page}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn names(list: &HeaderList) -> String {
        let names: Vec<&str> = list.iter().map(|f| f.name).collect();
        names.join(" ")
    }

    /// As recorded from the browsers over HTTP/1.1.
    #[test]
    fn the_order_of_the_browsers() {
        let script = HeaderList::from_pairs([("Content-Type", "application/json")]);
        let target = url("https://api.app.test/items");
        let dress = |persona: &Persona| {
            let dress = Dress {
                persona,
                target: &target,
                origin: Some("https://app.test"),
                site: "same-site",
                mode: "cors",
                referer: Some("https://app.test/".into()),
                cookie: Some("a=b"),
                include: true,
                script: &script,
                content_length: Some(2),
                http2: false,
            };
            let preflight = dress.preflight("PUT", &["content-type".into()]);
            (names(&dress.request()), names(&preflight))
        };
        let (request, preflight) = dress(&Persona::new(Browser::Chromium));
        assert_eq!(
            request,
            "Host Connection Content-Length sec-ch-ua-platform User-Agent sec-ch-ua Content-Type \
             sec-ch-ua-mobile Accept Origin Sec-Fetch-Site Sec-Fetch-Mode Sec-Fetch-Dest Referer \
             Accept-Encoding Accept-Language Cookie"
        );
        assert_eq!(
            preflight,
            "Host Connection Accept Access-Control-Request-Method \
             Access-Control-Request-Headers Origin User-Agent Sec-Fetch-Mode Sec-Fetch-Site \
             Sec-Fetch-Dest Referer Accept-Encoding Accept-Language"
        );
        let (request, preflight) = dress(&Persona::new(Browser::Firefox));
        assert_eq!(
            request,
            "Host User-Agent Accept Accept-Language Accept-Encoding Referer Content-Type \
             Content-Length Origin Connection Cookie Sec-Fetch-Dest Sec-Fetch-Mode \
             Sec-Fetch-Site Priority"
        );
        assert_eq!(
            preflight,
            "Host User-Agent Accept Accept-Language Accept-Encoding \
             Access-Control-Request-Method Access-Control-Request-Headers Referer Origin \
             Connection Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Priority"
        );
    }

    #[test]
    fn sites_over_redirects() {
        let page = Origin::of_url("https://app.test").expect("an origin");
        let at = |urls: &[&str]| {
            let urls: Vec<Url> = urls.iter().map(|u| url(u)).collect();
            site(&page, &urls)
        };
        assert_eq!(at(&["https://app.test/x"]), "same-origin");
        assert_eq!(at(&["https://api.app.test/"]), "same-site");
        assert_eq!(
            at(&["https://api.app.test/", "https://app.test/"]),
            "same-site"
        );
        assert_eq!(at(&["http://app.test/"]), "cross-site");
        assert_eq!(at(&["https://x.test/", "https://app.test/"]), "cross-site");
        assert_eq!(
            site(&Origin::Opaque, &[url("https://app.test/")]),
            "cross-site"
        );
    }

    #[test]
    fn referers() {
        let page = Origin::of_url("https://app.test").expect("an origin");
        let whole = Some("https://app.test/cart?x");
        let at = |target: &str| referer(&page, whole, &url(target));
        assert_eq!(at("https://app.test/y").as_deref(), whole);
        assert_eq!(
            at("https://api.test/y").as_deref(),
            Some("https://app.test/")
        );
        assert_eq!(at("http://api.test/y"), None);
        assert_eq!(
            at("http://localhost:1/").as_deref(),
            Some("https://app.test/")
        );
    }
}
