//! What is known of one fetch before any rule is asked.

use std::borrow::Cow;

use crate::cors::{Answer, Ask, Browser, Credentials, Hop, Preflight, Reply};
use crate::wire::{Exchange, ExchangeId, HeaderList, Origin};

use super::exchanges::Exchanges;
use super::fetch::Fetch;
use super::infer::{Class, SAME_ORIGIN, credentials_of, origin_of, value};
use super::steps::HopSteps;
use super::surroundings::{Surroundings, refreshed};

/// Everything known of the fetch that is being judged.
pub(crate) struct Subject<'a> {
    pub(crate) fetch: &'a Fetch,
    pub(crate) browser: Browser,
    pub(crate) hops: &'a [HopSteps],
    pub(crate) page: Option<String>,
    pub(crate) credentials: Credentials,
    pub(crate) around: &'a Surroundings,
    pub(crate) exchanges: &'a dyn Exchanges,
}

impl Subject<'_> {
    /// The hop the fetch ends with.
    pub(crate) fn last(&self) -> Option<&HopSteps> {
        self.hops.last()
    }

    /// The names of its exchanges.
    pub(crate) fn ids(&self) -> Vec<ExchangeId> {
        self.fetch.exchanges().collect()
    }
}

/// A hop as the rules want it; `None` where no exchange of it is known.
pub(super) fn hop_case<'a>(
    subject: &Subject<'a>,
    index: usize,
    hop: &'a HopSteps,
    stored: &'a [Option<HeaderList>],
) -> Option<Hop<'a>> {
    let step = hop.head_step()?;
    let last = index + 1 == subject.hops.len();
    let preflight = hop.preflight.as_ref().zip(hop.ask.as_ref());
    Some(Hop {
        url: &step.exchange.request.url,
        mode: hop.mode(),
        origin: origin_text(&step.exchange),
        preflight: preflight.and_then(|(step, ask)| {
            let head = step.head.as_ref()?;
            Some(Preflight {
                origin: origin_text(&step.exchange),
                ask,
                reply: Reply {
                    answer: Answer {
                        status: head.status,
                        headers: &head.headers,
                    },
                    accepted: hop.preflight_accepted(),
                },
            })
        }),
        answer: hop.actual.as_ref().and_then(|step| {
            let head = step.head.as_ref()?;
            Some(Reply {
                answer: Answer {
                    status: head.status,
                    headers: stored[index].as_ref().unwrap_or(&head.headers),
                },
                accepted: !last,
            })
        }),
    })
}

fn origin_text(exchange: &Exchange) -> &str {
    let headers = &exchange.request.headers;
    headers
        .first("origin")
        .and_then(|f| std::str::from_utf8(f.value).ok())
        .unwrap_or("null")
}

/// For each hop that was answered 304 the headers it has after the update of the stored answer.
///
/// That is so where the browser asked whether its stored answer still holds
/// ([Fetch § HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch)).
/// Without validators, or with those that script set (the preflight asks for them), the 304 is handed on
/// as it is.
pub(super) fn stored_heads(subject: &Subject<'_>) -> Vec<Option<HeaderList>> {
    let merged = |hop: &HopSteps| {
        let step = hop.actual.as_ref()?;
        let head = step.head.as_ref().filter(|h| h.status == 304)?;
        let validators = ["if-none-match", "if-modified-since"];
        let by_script = |ask: &Ask| ask.headers.iter().any(|h| validators.contains(&h.as_str()));
        let request = &step.exchange.request.headers;
        if !validators.iter().any(|name| request.contains(name))
            || hop.ask.as_ref().is_some_and(by_script)
        {
            return None;
        }
        let id = subject.around.stored_before(&step.exchange)?;
        let stored = subject.exchanges.exchange(id)?.delivered()?;
        Some(refreshed(&stored.headers, &head.headers))
    };
    subject.hops.iter().map(merged).collect()
}

/// The origin of the page: the first Origin that names one, else the Referer's; for a navigation none.
pub(super) fn page_of(hops: &[HopSteps]) -> Option<String> {
    let first = hops.first()?.head_step()?;
    if let Some(origin) = origin_of(&first.exchange.request) {
        return Some(origin.into_owned());
    }
    let headers = &first.exchange.request.headers;
    let own = matches!(hops[0].class(), Class::Exempt(SAME_ORIGIN));
    let url = if own {
        Cow::Borrowed(first.exchange.request.url.as_str())
    } else {
        value(headers, "referer")
    };
    Origin::text_of_url(&url).map(Cow::into_owned)
}

/// What the wire tells of the credentials mode, over all hops that CORS applies to.
pub(super) fn credentials(fetch: &Fetch, hops: &[HopSteps], around: &Surroundings) -> Credentials {
    let mut told = Vec::new();
    for hop in hops {
        if !matches!(hop.class(), Class::Cors | Class::NoCors) {
            continue;
        }
        let asked = hop
            .ask
            .as_ref()
            .map(|a| a.headers.iter().any(|h| h == "authorization"));
        for (step, asked) in [(&hop.preflight, None), (&hop.actual, asked)] {
            if let Some(step) = step {
                told.push(credentials_of(&step.exchange, fetch.browser, asked));
            }
        }
    }
    if told.contains(&Credentials::Include) {
        Credentials::Include
    } else if told.contains(&Credentials::NotInclude) {
        Credentials::NotInclude
    } else if fetch.cached_credentials != Credentials::Unknown {
        fetch.cached_credentials
    } else {
        let steps = hops.iter().filter(|hop| hop.class() == Class::Cors);
        steps
            .filter_map(|hop| hop.actual.as_ref())
            .map(|step| around.connection_tells(&step.exchange))
            .find(|told| *told != Credentials::Unknown)
            .unwrap_or(Credentials::Unknown)
    }
}
