//! What the rest of a session says about hosts, endpoints and pages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::quality::RandomState;

use crate::cors::{Answer, Browser, Credentials};
use crate::wire::{Exchange, ExchangeId, HeaderList, Origin};

use super::connections::Connections;
use super::demand::Wish;
use super::infer::{Class, classify, origin_of, value};
use super::signatures::is_cors_header;
use super::slots::key_of;

/// What a session has seen, for evidence from siblings: which endpoints of a host ever carried CORS
/// headers, for which origins, on which statuses; which documents the pages are.
///
/// Fed with every exchange that has an answer ([`learn`](Self::learn)); asked by
/// [`diagnose`](super::diagnose). Bounded: the last sightings of each host and of all hosts.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    hosts: HashMap<String, VecDeque<Sighting>, RandomState>,
    order: VecDeque<String>,
    pages: HashMap<String, VecDeque<Page>>,
    connections: Connections,
}

/// What is remembered of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) id: ExchangeId,
    /// Method, for a preflight the one asked for.
    pub(crate) method: String,
    pub(crate) preflight: bool,
    /// Path with ids replaced, so that `/cart/7` and `/cart/8` are one endpoint.
    pub(crate) template: String,
    /// Key of that, for comparisons with many.
    pub(crate) endpoint: u64,
    /// Key of the whole URL.
    pub(crate) url: u64,
    pub(crate) origin: Option<String>,
    pub(crate) same_origin: bool,
    pub(crate) status: u16,
    pub(crate) allow_origin: Option<String>,
    /// Whether the answer had any `Access-Control-*` header.
    pub(crate) any_cors: bool,
    /// What it asked for and what was granted, where a page of another origin asked.
    pub(crate) wish: Option<Box<Wish>>,
}

#[derive(Clone, Debug)]
struct Page {
    id: ExchangeId,
    embedder_policy: Option<String>,
    security_policy: Option<String>,
}

impl Sighting {
    /// Whether another sighting is no further evidence beside this one.
    fn says_the_same(&self, other: &Self) -> bool {
        self.preflight == other.preflight
            && self.method == other.method
            && self.endpoint == other.endpoint
            && self.origin == other.origin
            && self.status == other.status
            && self.allow_origin == other.allow_origin
            && self.any_cors == other.any_cors
    }
}

impl Surroundings {
    const PER_HOST_MAX: usize = 256;
    const HOSTS_MAX: usize = 1024;
    const PAGES_MAX: usize = 8;

    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers an exchange that was answered; seeing it again replaces what was remembered. Says
    /// whether that is news for the other exchanges of its host: then what was judged before may be
    /// judged otherwise now.
    pub fn learn(&mut self, exchange: &Exchange) -> bool {
        let Some(response) = exchange.delivered() else {
            return false;
        };
        let Some(target) = Origin::of_url(&exchange.request.url) else {
            return false;
        };
        let connected = self.connections.learn(exchange, &target);
        // What a trial fix made of an answer says nothing about the server.
        if exchange.patch.is_some() {
            return connected;
        }
        let request = &exchange.request;
        let host = target.to_string();
        if matches!(
            &*value(&request.headers, "sec-fetch-dest"),
            "document" | "iframe"
        ) {
            self.learn_page(&host, exchange.id, &response.headers);
        }
        let asked = value(&request.headers, "access-control-request-method");
        let preflight = request.is_preflight();
        let origin = origin_of(request);
        let headers = &response.headers;
        let template = template_of(&request.url);
        let mut sighting = Sighting {
            id: exchange.id,
            method: if preflight {
                asked.into_owned()
            } else {
                request.method.clone()
            },
            preflight,
            endpoint: key_of(&template),
            template,
            url: key_of(&request.url),
            same_origin: origin.as_deref().map_or_else(
                || value(&request.headers, "sec-fetch-site") == "same-origin",
                |o| *o == host,
            ),
            origin: origin.map(Cow::into_owned),
            status: response.status,
            allow_origin: headers.get("access-control-allow-origin"),
            any_cors: headers.iter().any(|f| is_cors_header(f.name)),
            wish: None,
        };
        if matches!(
            classify(exchange, None, false),
            Class::Preflight | Class::Cors
        ) {
            sighting.wish = Some(Box::new(Wish::of(exchange, Some(&response))));
        }
        if !self.hosts.contains_key(&host) {
            self.order.push_back(host.clone());
            if self.order.len() > Self::HOSTS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.hosts.remove(&oldest);
                self.pages.remove(&oldest);
            }
        }
        let seen = self.hosts.entry(host).or_default();
        let news = !seen.iter().any(|s| s.says_the_same(&sighting));
        seen.retain(|s| s.id != sighting.id);
        seen.push_back(sighting);
        if seen.len() > Self::PER_HOST_MAX {
            seen.pop_front();
        }
        news || connected
    }

    fn learn_page(&mut self, origin: &str, id: ExchangeId, headers: &HeaderList) {
        if !self.pages.contains_key(origin) && self.pages.len() >= Self::HOSTS_MAX {
            return;
        }
        let pages = self.pages.entry(origin.to_owned()).or_default();
        pages.retain(|p| p.id != id);
        pages.push_back(Page {
            id,
            embedder_policy: headers.get("cross-origin-embedder-policy"),
            security_policy: headers.get("content-security-policy"),
        });
        if pages.len() > Self::PAGES_MAX {
            pages.pop_front();
        }
    }

    /// What the connection a request came on tells of its credentials mode.
    pub(crate) fn connection_tells(&self, exchange: &Exchange) -> Credentials {
        self.connections.credentials(exchange)
    }

    /// Sightings of the target's host, oldest first.
    pub(crate) fn of_host(&self, url: &str) -> impl DoubleEndedIterator<Item = &Sighting> {
        let host = Origin::text_of_url(url);
        host.and_then(|h| self.hosts.get(&*h)).into_iter().flatten()
    }

    /// Sightings of the same endpoint, those of a fetch itself apart, oldest first.
    pub(crate) fn of_endpoint(&self, url: &str, own: &[ExchangeId]) -> Vec<&Sighting> {
        let endpoint = endpoint_of(url);
        self.of_host(url)
            .filter(|s| s.endpoint == endpoint && !own.contains(&s.id))
            .collect()
    }

    /// Sightings of servers on this machine.
    pub(crate) fn on_loopback(&self) -> impl Iterator<Item = &Sighting> {
        let local = |origin: &str| {
            Origin::of_url(origin).is_some_and(|o| crate::wire::is_loopback_host(o.host()))
        };
        let hosts = self.hosts.iter().filter(move |(host, _)| local(host));
        hosts.flat_map(|(_, seen)| seen)
    }

    /// The answer that a 304 to this request refreshes: the last one before it at the same URL that is
    /// not a 304 itself.
    pub(crate) fn stored_before(&self, exchange: &Exchange) -> Option<ExchangeId> {
        let url = key_of(&exchange.request.url);
        self.of_host(&exchange.request.url)
            .filter(|s| s.id < exchange.id && s.url == url && s.status != 304 && !s.preflight)
            .map(|s| s.id)
            .next_back()
    }

    /// The embedder policy of the page's document, where it was seen before `id`.
    pub(crate) fn embedder_policy(&self, page: &str, id: ExchangeId) -> Option<(ExchangeId, &str)> {
        let page = self.page_before(page, id)?;
        Some((page.id, page.embedder_policy.as_deref()?))
    }

    /// The Content-Security-Policy of the page's document, where it was seen before `id`.
    pub(crate) fn security_policy(&self, page: &str, id: ExchangeId) -> Option<(ExchangeId, &str)> {
        let page = self.page_before(page, id)?;
        Some((page.id, page.security_policy.as_deref()?))
    }

    fn page_before(&self, page: &str, id: ExchangeId) -> Option<&Page> {
        self.pages.get(page)?.iter().rev().find(|p| p.id < id)
    }
}

/// Whether `Vary` has `Origin` or `*`.
pub(crate) fn vary_has_origin(headers: &HeaderList) -> bool {
    headers.combined("vary").is_some_and(|v| {
        v.split(',')
            .map(str::trim)
            .any(|v| v == "*" || v.eq_ignore_ascii_case("origin"))
    })
}

/// Whether a cache in front of the server says that it answered.
pub(crate) fn is_cache_hit(headers: &HeaderList) -> Option<(&'static str, String)> {
    const NAMES: [&str; 5] = [
        "cf-cache-status",
        "x-cache",
        "x-vercel-cache",
        "x-cache-status",
        "x-proxy-cache",
    ];
    if let Some(age) = headers.get("age")
        && age.parse::<u64>().is_ok_and(|a| a > 0)
    {
        return Some(("age", age));
    }
    NAMES.into_iter().find_map(|name| {
        let value = headers.get(name)?;
        value
            .to_ascii_lowercase()
            .contains("hit")
            .then_some((name, value))
    })
}

/// The path with numbers, UUIDs and long hexadecimal words replaced by `*`, without query.
pub(crate) fn template_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut template = String::with_capacity(path.len());
    for (number, segment) in path.split('/').enumerate() {
        if number > 0 {
            template.push('/');
        }
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        let hex = || segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let id = digits > 0 && (digits == segment.len() || (segment.len() >= 8 && hex()));
        template.push_str(if id { "*" } else { segment });
    }
    template
}

/// Key of the endpoint a URL belongs to, within its host.
pub(crate) fn endpoint_of(url: &str) -> u64 {
    key_of(template_of(url))
}

/// The headers of a 304 over those of the answer it refreshes
/// ([RFC 9111 § 3.2](https://www.rfc-editor.org/rfc/rfc9111#section-3.2)).
pub(crate) fn refreshed(stored: &HeaderList, fresh: &HeaderList) -> HeaderList {
    let mut merged = HeaderList::new();
    let replaced: HashSet<String> = fresh
        .iter()
        .map(|field| field.name.to_ascii_lowercase())
        .collect();
    for field in stored.iter() {
        if !replaced.contains(&field.name.to_ascii_lowercase()) {
            merged.push(field.name, field.value);
        }
    }
    for field in fresh.iter() {
        merged.push(field.name, field.value);
    }
    merged
}

/// Whether an answer lets an origin read it, in the mode that needs less.
pub(crate) fn lets_in(origin: &str, allow_origin: Option<&str>) -> bool {
    allow_origin.is_some_and(|a| a == "*" || a == origin)
}

/// Whether a status is a redirect with somewhere to go, for any browser.
pub(crate) fn leads_on(status: u16, headers: &HeaderList) -> bool {
    Answer { status, headers }.is_redirect(Browser::Chromium)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_apart_from_ids() {
        assert_eq!(template_of("https://a.test/v1/cart/77?x=1"), "/v1/cart/*");
        assert_eq!(template_of("https://a.test/u/3f2b9c1e-aa11"), "/u/*");
        assert_eq!(template_of("https://a.test"), "/");
        assert_eq!(template_of("https://a.test/facade"), "/facade");
    }

    #[test]
    fn a_304_replaces_what_it_has() {
        let stored = HeaderList::from_pairs([("ETag", "1"), ("Content-Type", "a/b")]);
        let fresh = HeaderList::from_pairs([("etag", "2")]);
        let merged = refreshed(&stored, &fresh);
        assert_eq!(merged.get("etag").as_deref(), Some("2"));
        assert_eq!(merged.get("content-type").as_deref(), Some("a/b"));
    }
}
