//! What a list needs of each exchange, packed: 72 bytes and the path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::types::{TYPES, type_of};
use crate::wire::{
    End, Exchange, ExchangeId, FailureKind, FailureStage, HeaderList, HttpVersion, Kind, Origin,
    Source, Timestamp,
};

/// How much of path and query a row holds at most, in bytes; the exchange has all of it.
pub const ROW_PATH_BYTES_MAX: usize = 8 << 10;

/// How an exchange ended, as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowEnd {
    /// It has not, yet.
    Open,
    /// Both messages were complete.
    Complete,
    /// The client went away.
    Aborted,
    /// It broke below HTTP.
    Failed(FailureStage, FailureKind),
}

impl From<&End> for RowEnd {
    fn from(end: &End) -> Self {
        match end {
            End::Open => Self::Open,
            End::Complete => Self::Complete,
            End::Aborted => Self::Aborted,
            End::Failed(failure) => Self::Failed(failure.stage, failure.kind),
        }
    }
}

/// What a list shows of an exchange, borrowed from its packed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    /// Which exchange.
    pub id: ExchangeId,
    /// What sort of conversation.
    pub kind: Kind,
    /// Whether corscope sent it again itself.
    pub replayed: bool,
    /// Whether only the browser told of it: no byte of it was on the wire.
    pub told: bool,
    /// The method, letter case as sent.
    pub method: &'a str,
    /// For a preflight, the method it asks for.
    pub wanted_method: Option<&'a str>,
    /// Status code, once there is one.
    pub status: Option<u16>,
    /// Scheme, host and port as an origin: `https://api.app.test:8443`.
    pub origin_text: &'a str,
    /// Path and query, at most [`ROW_PATH_BYTES_MAX`].
    pub path: &'a str,
    /// What it loads, in a word: `doc css js img font media fetch ws sse preflight tunnel`...
    pub type_: &'static str,
    /// When the request head was read.
    pub opened_at: Timestamp,
    /// From opening to the response head, in microseconds.
    pub answered_micros: Option<u64>,
    /// From opening to the end, in microseconds; `None` while open.
    pub duration_micros: Option<u64>,
    /// Response body bytes that crossed the wire.
    pub response_bytes: u64,
    /// How it ended.
    pub end: RowEnd,
    /// The version the server answered in, or the browser's where no answer came.
    pub version: HttpVersion,
    /// Whether the server's certificate went unverified.
    pub insecure: bool,
    /// Whether a trial fix changed the answer.
    pub patched: bool,
    /// The page's origin, where the wire tells it.
    pub page_origin: Option<&'a str>,
    /// Number of the connection to the server.
    pub connection: Option<u32>,
    /// How many Set-Cookie lines the answer has; 255 stands for more.
    pub set_cookies: u8,
}

/// Texts that recur (methods, origins), each held once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    ids: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    pub(super) fn id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    pub(super) fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |text| text)
    }
}

/// The packed form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    opened_at: Timestamp,
    duration_micros: u64,
    response_bytes: u64,
    answered_micros: u32,
    path_start: u32,
    path_len: u16,
    status: u16,
    method: u32,
    origin: u32,
    page_origin: u32,
    connection: u32,
    set_cookies: u8,
    type_: u8,
    flags: u8,
    kind: Kind,
    version: HttpVersion,
    end: RowEnd,
}

const NEVER_MICROS: u64 = u64::MAX;
const NO_TEXT: u32 = u32::MAX;
const INSECURE: u8 = 1;
const PATCHED: u8 = 2;
const REPLAYED: u8 = 4;
const PREFLIGHT: u8 = 8;
const TOLD: u8 = 16;

impl Packed {
    /// Packs a newly opened exchange; the path goes to the end of `paths`.
    pub(super) fn new(exchange: &Exchange, texts: &mut Texts, paths: &mut String) -> Self {
        let (origin, path) = split_url(&exchange.request.url, exchange.kind);
        let page = page_origin(&exchange.request.headers);
        let cut = path.floor_char_boundary(ROW_PATH_BYTES_MAX.min(path.len()));
        let mut packed = Self {
            opened_at: exchange.opened_at,
            duration_micros: NEVER_MICROS,
            response_bytes: 0,
            answered_micros: u32::MAX,
            path_start: paths.len() as u32,
            path_len: cut as u16,
            status: 0,
            // A preflight's own method is OPTIONS, always; the one it asks for takes its place.
            method: match wanted_method(exchange) {
                Some(wanted) => texts.id(&wanted),
                None => texts.id(&exchange.request.method),
            },
            origin: texts.id(&origin),
            page_origin: page.map_or(NO_TEXT, |page| texts.id(&page)),
            connection: NO_TEXT,
            set_cookies: 0,
            type_: 0,
            flags: 0,
            kind: exchange.kind,
            version: exchange.request.version,
            end: RowEnd::Open,
        };
        paths.push_str(&path[..cut]);
        packed.update(exchange);
        packed
    }

    /// Takes over what may have changed since.
    pub(super) fn update(&mut self, exchange: &Exchange) {
        if let Some(response) = &exchange.response {
            self.status = response.status;
            self.version = response.version;
            let cookies = response.headers.all("set-cookie").count();
            self.set_cookies = u8::try_from(cookies).unwrap_or(u8::MAX);
        }
        if let Some(upstream) = &exchange.upstream {
            self.connection = u32::try_from(upstream.connection).unwrap_or(NO_TEXT);
        }
        let answered = exchange
            .answered_at
            .map(|at| at.micros_since(exchange.opened_at));
        self.answered_micros =
            answered.map_or(u32::MAX, |m| u32::try_from(m).unwrap_or(u32::MAX - 1));
        self.duration_micros = exchange.duration_micros().unwrap_or(NEVER_MICROS);
        self.response_bytes = exchange.response_body.seen_bytes;
        self.end = RowEnd::from(&exchange.end);
        self.type_ = type_of(exchange);
        let insecure = exchange.upstream.as_ref().is_some_and(|u| u.insecure);
        let flags = [
            (INSECURE, insecure),
            (PATCHED, exchange.patch.is_some()),
            (REPLAYED, matches!(exchange.source, Source::Replay(_))),
            (PREFLIGHT, exchange.request.is_preflight()),
            (TOLD, exchange.source == Source::Browser),
        ];
        self.flags = flags
            .iter()
            .filter(|(_, set)| *set)
            .map(|(flag, _)| flag)
            .sum();
    }

    pub(super) fn summary<'a>(
        &self,
        id: ExchangeId,
        texts: &'a Texts,
        paths: &'a str,
    ) -> Summary<'a> {
        let start = self.path_start as usize;
        let preflight = self.flags & PREFLIGHT != 0;
        Summary {
            id,
            kind: self.kind,
            replayed: self.flags & REPLAYED != 0,
            told: self.flags & TOLD != 0,
            method: if preflight {
                "OPTIONS"
            } else {
                texts.text(self.method)
            },
            wanted_method: preflight.then(|| texts.text(self.method)),
            status: (self.status != 0).then_some(self.status),
            origin_text: texts.text(self.origin),
            path: paths
                .get(start..start + usize::from(self.path_len))
                .unwrap_or(""),
            type_: TYPES
                .get(usize::from(self.type_))
                .copied()
                .unwrap_or("other"),
            opened_at: self.opened_at,
            answered_micros: (self.answered_micros != u32::MAX)
                .then_some(self.answered_micros.into()),
            duration_micros: (self.duration_micros != NEVER_MICROS).then_some(self.duration_micros),
            response_bytes: self.response_bytes,
            end: self.end,
            version: self.version,
            insecure: self.flags & INSECURE != 0,
            patched: self.flags & PATCHED != 0,
            page_origin: (self.page_origin != NO_TEXT).then(|| texts.text(self.page_origin)),
            connection: (self.connection != NO_TEXT).then_some(self.connection),
            set_cookies: self.set_cookies,
        }
    }
}

/// The method a preflight asks for.
fn wanted_method(exchange: &Exchange) -> Option<String> {
    let request = &exchange.request;
    let wanted = request.headers.first("access-control-request-method")?;
    request.is_preflight().then(|| wanted.text())
}

/// Origin and path with query of a URL. What is no URL is all path, so that it is seen as it came.
fn split_url(url: &str, kind: Kind) -> (Cow<'_, str>, &str) {
    let Some(origin) = Origin::text_of_url(url) else {
        return (Cow::Borrowed(""), url);
    };
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url[after_scheme..]
        .find(['/', '?'])
        .map_or("/", |at| &url[after_scheme + at..]);
    let path = path.split('#').next().unwrap_or_default();
    let path = if kind == Kind::Tunnel { "" } else { path };
    (origin, path)
}

/// The origin of the page that asked: `Origin`, else the origin of `Referer`.
fn page_origin(headers: &HeaderList) -> Option<Cow<'_, str>> {
    if let Some(origin) = headers.first("origin") {
        return Some(origin.as_text());
    }
    match headers.first("referer")?.as_text() {
        Cow::Borrowed(referer) => Origin::text_of_url(referer),
        Cow::Owned(referer) => {
            let origin = Origin::text_of_url(&referer)?;
            Some(Cow::Owned(origin.into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{RequestHead, ResponseHead};

    fn exchange(url: &str, request: &[(&str, &str)], content_type: &str) -> Exchange {
        let head = RequestHead {
            method: "GET".into(),
            url: url.into(),
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs(request.iter().copied())),
        };
        let mut exchange = Exchange::opened(ExchangeId(7), Timestamp(10), head);
        if !content_type.is_empty() {
            exchange.response = Some(ResponseHead {
                status: 200,
                reason: None,
                version: HttpVersion::Http11,
                headers: Arc::new(HeaderList::from_pairs([("content-type", content_type)])),
            });
        }
        exchange
    }

    #[test]
    fn a_row_is_small() {
        assert!(size_of::<Packed>() <= 72, "{}", size_of::<Packed>());
    }

    #[test]
    fn url_and_page_are_told_apart() {
        let (mut texts, mut paths) = (Texts::default(), String::new());
        let mut row = |url: &str, headers: &[(&str, &str)]| {
            let packed = Packed::new(&exchange(url, headers, ""), &mut texts, &mut paths);
            let s = packed.summary(ExchangeId(7), &texts, &paths);
            (
                s.origin_text.to_owned(),
                s.path.to_owned(),
                s.page_origin.map(str::to_owned),
            )
        };
        assert_eq!(
            row(
                "https://API.app.test:8443/v1?q=/x",
                &[("Referer", "https://app.test/a/b")]
            ),
            (
                "https://api.app.test:8443".into(),
                "/v1?q=/x".into(),
                Some("https://app.test".into())
            )
        );
        assert_eq!(
            row("http://u:p@a.test:80?q", &[("Origin", "null")]),
            ("http://a.test".into(), "?q".into(), Some("null".into()))
        );
        assert_eq!(
            row("not a url", &[]),
            (String::new(), "not a url".into(), None)
        );
    }

    #[test]
    fn the_browser_says_the_type_and_else_the_content() {
        for (request, content_type, word) in [
            (&[("sec-fetch-dest", "empty")][..], "image/png", "fetch"),
            (&[("sec-fetch-dest", "document")], "text/html", "doc"),
            (&[], "text/html; charset=utf-8", "doc"),
            (&[("origin", "https://a.test")], "text/html", "fetch"),
            (&[], "application/problem+json", "fetch"),
            (&[], "image/svg+xml", "img"),
            (&[("sec-fetch-dest", "empty")], "text/event-stream", "sse"),
            (&[], "", "other"),
        ] {
            let exchange = exchange("https://a.test/", request, content_type);
            assert_eq!(
                TYPES[usize::from(type_of(&exchange))],
                word,
                "{request:?} {content_type}"
            );
        }
    }
}
