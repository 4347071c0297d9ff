//! The plan of what a browser did: read back from a recorded fetch.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::cookies::Jar;
use super::persona::Persona;
use super::plan::{Manner, Mode, Plan, Unknown};
use crate::cors::{Ask, Credentials, Outcome, is_safelisted_method, is_written_by_browser};
use crate::diagnose::{Diagnosis, Exchanges, Role};
use crate::proxy::Limits;
use crate::wire::{Exchange, ExchangeId, HeaderList, HttpVersion, Kind, Origin};

/// Why a fetch cannot be done again; each sentence says what can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrepeatable {
    /// A WebSocket.
    #[error("a WebSocket is a conversation and cannot be replayed; reload the page instead")]
    WebSocket,
    /// A tunnel whose bytes were not read.
    #[error("this is a tunnel whose requests were not read; capture without --pass-through")]
    Tunnel,
    /// The exchange is gone, or its URL is none.
    #[error("the recording no longer holds that request; choose another one")]
    Gone,
}

/// The plan of a recorded fetch. `body` reads back what is kept of a request body.
pub fn plan_of(
    diagnosis: &Diagnosis,
    exchanges: &dyn Exchanges,
    body: &dyn Fn(ExchangeId) -> Option<Vec<u8>>,
) -> Result<Plan, Unrepeatable> {
    let (preflight, actual) = first_hop(diagnosis, exchanges);
    let head = actual.as_ref().or(preflight.as_ref());
    let head = head.ok_or(Unrepeatable::Gone)?;
    match head.kind {
        Kind::WebSocket => return Err(Unrepeatable::WebSocket),
        Kind::Tunnel => return Err(Unrepeatable::Tunnel),
        Kind::Http => {}
    }
    let mut url = Url::parse(&head.request.url).map_err(|_| Unrepeatable::Gone)?;
    url.set_fragment(None);
    let headers = &head.request.headers;
    let ask = preflight.as_ref().and_then(|p| Ask::of(&p.request.headers));
    let persona = Persona::read(headers);
    let browser = persona.as_ref().map_or(diagnosis.browser, |p| p.browser);
    let manner = if persona.is_some() {
        Manner::Browser
    } else {
        Manner::Curl
    };
    let page = diagnosis.origin.as_deref().and_then(Origin::from_header);
    let page = page.unwrap_or(Origin::Opaque);
    let asked = ask.as_ref().map(|a| a.headers.clone());
    let script = match &actual {
        Some(actual) => script_of(&actual.request.headers, asked.as_deref()),
        None => HeaderList::new(),
    };
    let mut unknown: Vec<Unknown> = asked
        .iter()
        .flatten()
        .filter(|name| !script.contains(name))
        .map(|name| Unknown::Header(name.clone()))
        .collect();
    let (sent_body, body_unknown) = match &actual {
        Some(actual) => body_of(actual, body),
        None => (
            Bytes::new(),
            may_have_body(&diagnosis.method, asked.as_deref()),
        ),
    };
    if body_unknown {
        unknown.push(Unknown::Body);
    }
    let referer = headers.first("referer").map(|f| f.text());
    let page_url = referer.filter(|r| Origin::of_url(r).is_some_and(|o| o.same_origin(&page)));
    Ok(Plan {
        of: diagnosis.fetch.head().or(Some(head.id)),
        manner,
        mode: mode_of(diagnosis, head),
        include: match diagnosis.credentials {
            Credentials::Include => Some(true),
            Credentials::NotInclude => Some(false),
            Credentials::Unknown => None,
        },
        limits: Limits::default(),
        page,
        page_url,
        method: diagnosis.method.clone(),
        url,
        script,
        body: sent_body,
        persona: persona.unwrap_or_else(|| Persona::new(browser)),
        jar: cookies_of(diagnosis, exchanges),
        http2: !matches!(
            head.request.version,
            HttpVersion::Http10 | HttpVersion::Http11
        ),
        recorded: actual.as_ref().map(|a| end_to_end(&a.request.headers)),
        recorded_preflight: preflight.as_ref().map(|p| end_to_end(&p.request.headers)),
        always_asks: ask.is_some_and(|a| is_safelisted_method(&a.method) && a.headers.is_empty()),
        asked,
        unknown,
    })
}

/// The preflight and the request of the first hop; of several attempts the last.
fn first_hop(
    diagnosis: &Diagnosis,
    exchanges: &dyn Exchanges,
) -> (Option<Arc<Exchange>>, Option<Arc<Exchange>>) {
    let (mut preflight, mut actual): (Option<Arc<Exchange>>, Option<Arc<Exchange>>) = (None, None);
    for member in &diagnosis.fetch.members {
        let found = member.exchange.and_then(|id| exchanges.exchange(id));
        match member.role {
            Role::Preflight if actual.is_some() => break,
            Role::Preflight => {
                let remembered = member.remembered.and_then(|id| exchanges.exchange(id));
                preflight = found.or(remembered).or(preflight);
            }
            Role::Redirect | Role::Actual => {
                let Some(found) = found else { continue };
                let retry = actual.as_ref().is_some_and(|a| a.response.is_none());
                if actual.is_none() || retry {
                    actual = Some(found);
                } else {
                    break;
                }
            }
        }
    }
    (preflight, actual)
}

/// What script set, as far as it shows: what the browser does not write of its own accord, and what
/// the preflight asked for.
fn script_of(headers: &HeaderList, asked: Option<&[String]>) -> HeaderList {
    let set = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let was_asked = asked.is_some_and(|a| a.contains(&lower));
        let own =
            matches!(lower.as_str(), "accept" | "accept-language") || is_written_by_browser(name);
        was_asked || !own
    };
    HeaderList::from_pairs(
        headers
            .iter()
            .filter(|field| set(field.name))
            .map(|field| (field.name, field.value)),
    )
}

/// A head as the next connection may carry it, and without what makes the answer a mere "unchanged".
fn end_to_end(headers: &HeaderList) -> HeaderList {
    const LEFT_OUT: [&str; 12] = [
        "host",
        "connection",
        "proxy-connection",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
        "if-none-match",
        "if-modified-since",
        "if-match",
        "if-unmodified-since",
    ];
    HeaderList::from_pairs(
        headers
            .iter()
            .filter(|f| !LEFT_OUT.iter().any(|name| f.is(name)))
            .map(|f| (f.name, f.value)),
    )
}

fn mode_of(diagnosis: &Diagnosis, head: &Exchange) -> Mode {
    let told = head.request.headers.first("sec-fetch-mode");
    match told.map(|f| f.text()).as_deref() {
        _ if head.request.is_preflight() => Mode::Cors,
        Some("navigate" | "nested-navigate") => Mode::Navigate,
        Some("no-cors") => Mode::NoCors,
        Some("same-origin") => Mode::SameOrigin,
        Some(_) => Mode::Cors,
        None if diagnosis.initiator == "navigation" => Mode::Navigate,
        None if diagnosis.outcome == Outcome::Opaque => Mode::NoCors,
        None => Mode::Cors,
    }
}

/// The body, and whether it is not known.
fn body_of(actual: &Exchange, body: &dyn Fn(ExchangeId) -> Option<Vec<u8>>) -> (Bytes, bool) {
    let facts = &actual.request_body;
    let told = actual.request.headers.first("content-length");
    let told: u64 = told.and_then(|f| f.text().trim().parse().ok()).unwrap_or(0);
    if facts.seen_bytes == 0 {
        // Exports leave bodies out.
        return (Bytes::new(), told > 0);
    }
    if facts.is_truncated() {
        return (Bytes::new(), true);
    }
    match body(actual.id) {
        Some(bytes) if bytes.len() as u64 == facts.seen_bytes => (bytes.into(), false),
        _ => (Bytes::new(), true),
    }
}

/// Whether a request that was never sent would have had a body.
fn may_have_body(method: &str, asked: Option<&[String]>) -> bool {
    let typed = asked.is_some_and(|a| a.iter().any(|n| n == "content-type"));
    !matches!(method, "GET" | "HEAD") && (typed || !matches!(method, "DELETE" | "OPTIONS"))
}

/// The cookies that were sent, for the hosts they were sent to.
fn cookies_of(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Jar {
    let mut jar = Jar::default();
    for exchange in diagnosis
        .fetch
        .exchanges()
        .filter_map(|id| exchanges.exchange(id))
    {
        let cookie = exchange.request.headers.first("cookie");
        if let (Some(cookie), Ok(url)) = (cookie, Url::parse(&exchange.request.url)) {
            jar.sent(&url, &cookie.text());
        }
    }
    jar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_script_set_is_told_from_what_the_browser_wrote() {
        let headers = HeaderList::from_pairs([
            ("user-agent", "Mozilla/5.0"),
            ("accept", "*/*"),
            ("sec-fetch-mode", "cors"),
            ("cache-control", "no-cache"),
            ("content-type", "application/json"),
            ("x-trace", "1"),
            ("cookie", "a=b"),
        ]);
        let names = |asked: Option<&[String]>| {
            let script = script_of(&headers, asked);
            let names: Vec<String> = script.iter().map(|f| f.name.to_owned()).collect();
            names.join(" ")
        };
        assert_eq!(names(None), "content-type x-trace");
        let asked = ["cache-control".to_owned()];
        assert_eq!(names(Some(&asked)), "cache-control content-type x-trace");
    }

    #[test]
    fn a_request_that_was_never_sent_may_have_had_a_body() {
        let typed = ["content-type".to_owned()];
        for (method, asked, may) in [
            ("GET", Some(&typed[..]), false),
            ("DELETE", None, false),
            ("DELETE", Some(&typed[..]), true),
            ("PUT", None, true),
        ] {
            assert_eq!(may_have_body(method, asked), may, "{method}");
        }
    }
}
