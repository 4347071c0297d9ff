//! What the rest of a session says about hosts, endpoints and pages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::quality::RandomState;

use crate::cors::{Answer, Browser, Credentials};
use crate::wire::{Exchange, ExchangeId, HeaderList, Origin, is_redacted};

use super::connections::Connections;
use super::demand::Wish;
use super::endpoint::{endpoint_of, template_of};
use super::infer::{Class, classify, origin_of, value};
use super::sightings::{Host, Keys, Sighting};
use super::signatures::is_cors_header;
use super::slots::key_of;

/// What a session has seen, for evidence from siblings: which endpoints of a host ever carried CORS
/// headers, for which origins, on which statuses; which documents the pages are.
///
/// Fed with every exchange that has an answer ([`learn`](Self::learn)); asked by
/// [`diagnose`](super::diagnose). Bounded: the last sightings of each host and of all hosts.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    hosts: HashMap<String, Host, RandomState>,
    order: VecDeque<String>,
    pages: HashMap<String, VecDeque<Page>, RandomState>,
    connections: Connections,
}

#[derive(Clone, Debug)]
struct Page {
    id: ExchangeId,
    embedder_policy: Option<String>,
    security_policy: Option<String>,
}

impl Surroundings {
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
        let Some(host) = Origin::text_of_url(&exchange.request.url) else {
            return false;
        };
        let host = &*host;
        let connected = self.connections.learn(exchange, host);
        // What a trial fix made of an answer says nothing about the server.
        if exchange.patch.is_some() {
            return connected;
        }
        let request = &exchange.request;
        if matches!(
            &*value(&request.headers, "sec-fetch-dest"),
            "document" | "iframe"
        ) {
            self.learn_page(host, exchange.id, &response.headers);
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
                |o| o == host,
            ),
            origin: origin.map(Cow::into_owned),
            status: response.status,
            allow_origin: headers.get("access-control-allow-origin"),
            any_cors: headers
                .iter_where(|name| is_cors_header(name))
                .next()
                .is_some(),
            wish: None,
        };
        // Without an Origin it is neither.
        if sighting.origin.is_some()
            && matches!(
                classify(exchange, None, false),
                Class::Preflight | Class::Cors
            )
        {
            sighting.wish = Some(Box::new(Wish::of(exchange, Some(&response))));
        }
        if let Some(known) = self.hosts.get_mut(host) {
            return known.learn(sighting) || connected;
        }
        self.order.push_back(host.to_owned());
        if self.order.len() > Self::HOSTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.hosts.remove(&oldest);
            self.pages.remove(&oldest);
        }
        let target = Origin::of_url(host);
        let mut known = Host::default();
        known.is_loopback = target.is_some_and(|o| crate::wire::is_loopback_host(o.host()));
        let known = self.hosts.entry(host.to_owned()).or_insert(known);
        known.learn(sighting) || connected
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

    fn host_of(&self, url: &str) -> Option<&Host> {
        self.hosts.get(&*Origin::text_of_url(url)?)
    }

    /// Sightings of the target's host, oldest first.
    pub(crate) fn of_host(&self, url: &str) -> impl DoubleEndedIterator<Item = &Sighting> {
        self.host_of(url).into_iter().flat_map(|host| &host.seen)
    }

    /// Sightings of the same endpoint, those of a fetch itself apart, oldest first.
    pub(crate) fn of_endpoint(&self, url: &str, own: &[ExchangeId]) -> Vec<&Sighting> {
        let Some(host) = self.host_of(url) else {
            return Vec::new();
        };
        let mut endpoint = endpoint_of(url);
        let mut seen = own.iter().filter_map(|id| {
            let at = host.keys.iter().rposition(|keys| keys.id == *id);
            at.map(|at| host.keys[at].endpoint)
        });
        // Judged without its secrets, a fetch has another URL than it was seen with.
        if is_redacted(url)
            && let Some(first) = seen.next()
            && first != endpoint
            && seen.all(|other| other == first)
        {
            endpoint = first;
        }
        let wanted = |keys: &Keys| keys.endpoint == endpoint && !own.contains(&keys.id);
        host.matching(wanted).collect()
    }

    /// Sightings of the host in which the same origin asked and an origin other than this one was let
    /// in, oldest first.
    pub(crate) fn let_in_otherwise(
        &self,
        url: &str,
        origin: &str,
        allow_origin: &str,
    ) -> impl DoubleEndedIterator<Item = &Sighting> {
        let (asks, let_in) = (key_of(origin).max(1), key_of(allow_origin).max(1));
        let wanted = move |keys: &Keys| {
            keys.origin == asks && keys.allow_origin != 0 && keys.allow_origin != let_in
        };
        let host = self.host_of(url).into_iter();
        host.flat_map(move |host| host.matching(wanted))
    }

    /// Sightings of servers on this machine.
    pub(crate) fn on_loopback(&self) -> impl Iterator<Item = &Sighting> {
        let hosts = self.hosts.values().filter(|host| host.is_loopback);
        hosts.flat_map(|host| &host.seen)
    }

    /// The answer that a 304 to this request refreshes: the last one before it at the same URL that is
    /// not a 304 itself.
    pub(crate) fn stored_before(&self, exchange: &Exchange) -> Option<ExchangeId> {
        // By the URL it was seen with: where it is judged without its secrets, it has another one.
        let mut seen = self.of_host(&exchange.request.url);
        let own = seen.find(|s| s.id == exchange.id).map(|s| s.url);
        let url = own.unwrap_or_else(|| key_of(&exchange.request.url));
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
    fn what_is_judged_without_its_secrets_is_found_again() {
        use crate::wire::{HttpVersion, RequestHead, ResponseHead, Timestamp};
        use std::sync::Arc;
        let exchange = |id: u64, url: &str, status: u16| {
            let request = RequestHead {
                method: "GET".into(),
                url: url.into(),
                version: HttpVersion::Http11,
                headers: Arc::default(),
            };
            let mut exchange = Exchange::opened(ExchangeId(id), Timestamp(0), request);
            exchange.answered_at = Some(Timestamp(1));
            exchange.response = Some(ResponseHead {
                status,
                reason: None,
                version: HttpVersion::Http11,
                headers: Arc::default(),
            });
            exchange
        };
        let mut around = Surroundings::new();
        for (id, url, status) in [
            (1, "https://a.test/webhooks/Zk3-secret-x1?token=abc", 200),
            (2, "https://a.test/webhooks/Zk3-secret-x1?token=other", 200),
            (3, "https://a.test/webhooks/Zk3-secret-x1?token=abc", 304),
        ] {
            around.learn(&exchange(id, url, status));
        }
        let shown = "https://a.test/webhooks/redacted-abcdefghij?token=redacted-abcdefgh23";
        let again = exchange(3, shown, 304);
        assert_eq!(around.stored_before(&again), Some(ExchangeId(1)));
        assert_eq!(around.of_endpoint(shown, &[ExchangeId(3)]).len(), 2);
        // Nobody is taken for another.
        assert!(
            around
                .of_endpoint("https://a.test/else", &[ExchangeId(3)])
                .is_empty()
        );
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
