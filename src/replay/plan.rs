//! What is to be sent: one request of a page, or of a program.

use bytes::Bytes;
use url::Url;

use super::cookies::Jar;
use super::persona::Persona;
use crate::cors::{
    Browser, is_forbidden_method, is_forbidden_request_header, is_safelisted_header,
    is_safelisted_method, is_token,
};
use crate::proxy::Limits;
use crate::wire::{ExchangeId, HeaderList, Origin};

/// As whom a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Manner {
    /// As a page in a browser: preflight when one is due, the request only if that passes, redirects
    /// followed as far as the rules let them.
    #[default]
    Browser,
    /// As curl, Postman or a server would: the request, without `Origin`, and wherever it is
    /// redirected to.
    Curl,
}

impl Manner {
    /// `browser` or `curl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Curl => "curl",
        }
    }
}

/// The request's mode
/// ([Fetch § request mode](https://fetch.spec.whatwg.org/#concept-request-mode)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `fetch(url)`, XHR, and elements with `crossorigin`.
    #[default]
    Cors,
    /// `fetch(url, {mode: 'no-cors'})`, and elements without `crossorigin`.
    NoCors,
    /// `fetch(url, {mode: 'same-origin'})`.
    SameOrigin,
    /// The browser goes there.
    Navigate,
}

impl Mode {
    /// As in `Sec-Fetch-Mode`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::NoCors => "no-cors",
            Self::SameOrigin => "same-origin",
            Self::Navigate => "navigate",
        }
    }
}

/// Something of the request that was never on the wire, since its preflight was refused, or that the
/// recording does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unknown {
    Header(String),
    Body,
}

/// What is to be sent, and as whom. Holds secrets; its [`Debug`](std::fmt::Debug) shows none.
#[derive(Clone)]
pub struct Plan {
    /// The exchange it repeats, if it repeats one.
    pub of: Option<ExchangeId>,
    /// As whom.
    pub manner: Manner,
    /// The mode, for [`Manner::Browser`].
    pub mode: Mode,
    /// Whether the credentials mode is `include`; `None` where the recording does not tell.
    pub include: Option<bool>,
    /// What may be spent on each request.
    pub limits: Limits,
    pub(super) page: Origin,
    /// The page's whole URL, where it is known.
    pub(super) page_url: Option<String>,
    pub(super) method: String,
    pub(super) url: Url,
    /// What script set, in its order.
    pub(super) script: HeaderList,
    pub(super) body: Bytes,
    pub(super) persona: Persona,
    pub(super) jar: Jar,
    /// Whether HTTP/2 is spoken over TLS, if the server does.
    pub(super) http2: bool,
    /// The first request and its preflight as they were recorded.
    pub(super) recorded: Option<HeaderList>,
    pub(super) recorded_preflight: Option<HeaderList>,
    /// Whether a preflight is due whatever the method and the headers: recorded where script
    /// listened to the progress of an upload
    /// ([Fetch § main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), use-CORS-preflight).
    pub(super) always_asks: bool,
    /// The names its preflight asked for: the better truth about what script set.
    pub(super) asked: Option<Vec<String>>,
    pub(super) unknown: Vec<Unknown>,
}

/// Why no browser would send it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// Not the URL of a server.
    #[error("\"{0}\" is no URL of a server; write it like https://api.app.test/v1/cart")]
    Url(String),
    /// A user name or password in the URL.
    #[error(
        "the URL holds a user name or password, and browsers refuse to fetch such a URL; put them \
         into a header: -H 'Authorization: Basic ...'"
    )]
    UserInfo,
    /// Not a method.
    #[error("\"{0}\" is no method; write it like PUT")]
    Method(String),
    /// A method no page may use.
    #[error("browsers let no page send {0}; choose another method")]
    ForbiddenMethod(String),
    /// A body with GET or HEAD.
    #[error("browsers refuse to send a body with {0}; leave the data out or choose another method")]
    BodyWith(String),
    /// Not a header.
    #[error("\"{0}\" is no header; write it like 'Content-Type: application/json'")]
    Header(String),
    /// A header no page may set.
    #[error("browsers let no page set {0}; leave it out")]
    ForbiddenHeader(String),
    /// http from a page on https.
    #[error(
        "browsers block {url} as mixed content before anything is sent, since the page \
         ({page}) is on https; give the server's https URL"
    )]
    MixedContent {
        /// The page's origin.
        page: String,
        /// What it wants.
        url: String,
    },
}

impl Plan {
    /// A `GET` that a page of this origin makes with `fetch()`, without credentials.
    pub fn new(browser: Browser, page: Origin, url: Url) -> Self {
        Self {
            of: None,
            manner: Manner::Browser,
            mode: Mode::Cors,
            include: Some(false),
            limits: Limits::default(),
            page,
            page_url: None,
            method: "GET".to_owned(),
            url,
            script: HeaderList::new(),
            body: Bytes::new(),
            persona: Persona::new(browser),
            jar: Jar::default(),
            http2: true,
            recorded: None,
            recorded_preflight: None,
            always_asks: false,
            asked: None,
            unknown: Vec::new(),
        }
    }

    /// Only its preflight is to be sent: the request never follows.
    pub fn preflight_only(mut self) -> Self {
        self.unknown.push(Unknown::Body);
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers script sets, in its order.
    pub fn headers(&self) -> &HeaderList {
        &self.script
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whose rules are followed.
    pub fn browser(&self) -> Browser {
        self.persona.browser
    }

    /// The page's origin.
    pub fn page(&self) -> &Origin {
        &self.page
    }

    /// How many cookies are known that may go with it.
    pub fn cookies(&self) -> usize {
        self.jar.len()
    }

    /// Cookies that the browser has for the URL, as in a `Cookie` header.
    pub fn with_cookies(mut self, header: &str) -> Self {
        let url = self.url.clone();
        self.jar.sent(&url, header);
        self
    }

    /// Whether sending it may change something on the server: anything but GET, HEAD and OPTIONS.
    pub fn has_side_effects(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Names of headers whose values are not known.
    pub fn unknown_headers(&self) -> Vec<String> {
        let names = self.unknown.iter().filter_map(|unknown| match unknown {
            Unknown::Header(name) => Some(name.clone()),
            Unknown::Body => None,
        });
        names.collect()
    }

    /// Whether there was a body that is not known.
    pub fn lacks_body(&self) -> bool {
        self.unknown.contains(&Unknown::Body)
    }

    /// What must not be printed although it is sent: values of cookies and of headers that hold
    /// credentials, bare and as they stand.
    pub fn secrets(&self) -> Vec<String> {
        let telling = |name: &str| {
            let name = name.to_ascii_lowercase();
            [
                "auth", "token", "secret", "key", "session", "csrf", "xsrf", "password",
            ]
            .iter()
            .any(|part| name.contains(part))
        };
        let mut secrets: Vec<String> = self.jar.values().map(str::to_owned).collect();
        for field in self.script.iter().filter(|f| telling(f.name)) {
            let whole = field.text();
            let bare = whole.split_once(' ').map(|(_, bare)| bare.to_owned());
            secrets.extend(bare);
            secrets.push(whole);
        }
        secrets
    }

    /// What of the request is not known, in words; then only its preflight can be sent.
    pub fn unknown(&self) -> Vec<String> {
        let words = self.unknown.iter().map(|unknown| match unknown {
            Unknown::Header(name) => format!("the value of {name}"),
            Unknown::Body => "the body".to_owned(),
        });
        words.collect()
    }

    /// The names that a preflight has to ask for, lower case and sorted.
    pub(super) fn unsafe_names(&self, script: &HeaderList) -> Vec<String> {
        if let Some(asked) = &self.asked {
            return asked.clone();
        }
        unsafe_names(self.browser(), script)
    }

    /// Whether its first request needs a preflight.
    pub fn needs_preflight(&self) -> bool {
        self.manner == Manner::Browser
            && self.mode == Mode::Cors
            && !Origin::of(&self.url).is_some_and(|target| self.page.same_origin(&target))
            && (self.always_asks
                || !is_safelisted_method(&self.method)
                || !self.unsafe_names(&self.script).is_empty())
    }

    /// Refuses what no browser would send. A recorded request is one that a browser did send, so
    /// this is for what people wrote.
    pub(super) fn check(&self) -> Result<(), Objection> {
        check_url(&self.url)?;
        if !is_token(&self.method) {
            return Err(Objection::Method(self.method.clone()));
        }
        for field in self.script.iter() {
            if !is_token(field.name) || field.value.iter().any(|b| b"\r\n\0".contains(b)) {
                return Err(Objection::Header(field.name.to_owned()));
            }
        }
        if self.manner == Manner::Curl {
            return Ok(());
        }
        if is_forbidden_method(&self.method) {
            return Err(Objection::ForbiddenMethod(self.method.clone()));
        }
        if !self.body.is_empty() && matches!(self.method.as_str(), "GET" | "HEAD") {
            return Err(Objection::BodyWith(self.method.clone()));
        }
        for field in self.script.iter() {
            if is_forbidden_request_header(field.name, field.value) {
                return Err(Objection::ForbiddenHeader(field.name.to_owned()));
            }
        }
        let secure_page = self.page.scheme() == "https";
        let trusted = Origin::of(&self.url).is_some_and(|o| o.potentially_trustworthy());
        if secure_page && !trusted && self.mode != Mode::Navigate {
            return Err(Objection::MixedContent {
                page: self.page.to_string(),
                url: self.url.to_string(),
            });
        }
        Ok(())
    }
}

/// The names of what script set that need a preflight, lower case and sorted.
pub(super) fn unsafe_names(browser: Browser, script: &HeaderList) -> Vec<String> {
    let mut names: Vec<String> = script
        .iter()
        .filter(|field| !is_safelisted_header(browser, field.name, field.value))
        .map(|field| field.name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn check_url(url: &Url) -> Result<(), Objection> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Objection::Url(url.to_string()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Objection::UserInfo);
    }
    Ok(())
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("of", &self.of)
            .field("manner", &self.manner)
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}
