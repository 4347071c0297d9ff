//! The cookies of an exchange, each with what became of it and why. Looks back in the session for who
//! set them, so it reads the disk.

use std::collections::HashSet;

use crate::cors::Credentials;
use crate::diagnose::{Asked, Diagnosis, Fate, Judged, SetCookie, why_sent};
use crate::session::Reader;
use crate::wire::{Exchange, ExchangeId, Origin, isomorphic};

/// How many exchanges before this one are looked at for who set a cookie.
const LOOKED_AT_MAX: usize = 5_000;
/// How many answers that set cookies are read.
const READ_MAX: usize = 60;
/// How many cookies are told of in each part.
const TOLD_MAX: usize = 300;

/// The cookies of an exchange.
#[derive(Debug, Default)]
pub(crate) struct Cookies {
    /// From which site to which, and whether that crosses sites.
    pub(crate) sites: Option<(String, Option<bool>)>,
    pub(crate) sent: Vec<Told>,
    /// Those the session saw set for this site, and that were not sent.
    pub(crate) held_back: Vec<Told>,
    pub(crate) set: Vec<Told>,
    /// How many were too many to be told of.
    pub(crate) left_out: usize,
}

/// One cookie.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: Vec<String>,
    /// Who set it.
    pub(crate) set_by: Option<ExchangeId>,
    pub(crate) judged: Judged,
}

/// A cookie an earlier answer set.
struct Earlier {
    cookie: SetCookie,
    from: Origin,
    path: String,
    by: ExchangeId,
    at: crate::wire::Timestamp,
    stored: Judged,
}

/// Works them out. Blocks.
pub(super) fn cookies(
    reader: &Reader,
    exchange: &Exchange,
    diagnosis: Option<&Diagnosis>,
) -> Cookies {
    let mut out = Cookies::default();
    let Some(target) = Origin::of_url(&exchange.request.url) else {
        return out;
    };
    let page = page_of(exchange, diagnosis);
    let path = path_of(exchange);
    let headers = &exchange.request.headers;
    let has_cookie = headers.contains("cookie");
    let asked = Asked {
        page: page.as_ref(),
        target: &target,
        path: &path,
        method: &exchange.request.method,
        navigation: is_navigation(exchange),
        browser: diagnosis.map(|d| d.browser).unwrap_or_default(),
        credentials: match diagnosis.map(|d| d.credentials) {
            _ if has_cookie => Credentials::Include,
            known => known.unwrap_or_default(),
        },
        at: exchange.opened_at,
    };
    out.sites = Some((asked.sites(), asked.crosses_site()));
    let earlier = earlier(reader, exchange.id, &asked);
    let mut sent = HashSet::new();
    for field in headers.all("cookie") {
        let text = text_of(field.value);
        for pair in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            sent.insert(name.to_owned());
            let known = earlier.iter().find(|e| e.cookie.name == name);
            let judged = known.map(|e| e.cookie.sent(&e.from, &e.path, e.at, &asked));
            // What is on the wire was sent, whatever the rules make of it.
            let judged = judged.map(|judged| match judged.fate {
                Fate::Good => judged,
                _ => Judged {
                    fate: Fate::Doubtful,
                    why: format!(
                        "sent, though by the rules it is not ({}): it was set anew since, or this \
                         client is no browser",
                        judged.why
                    ),
                    ..judged
                },
            });
            out.sent.push(Told {
                name: name.to_owned(),
                value: value.to_owned(),
                attributes: known
                    .map(|e| e.cookie.attributes.clone())
                    .unwrap_or_default(),
                set_by: known.map(|e| e.by),
                judged: judged.unwrap_or_else(|| why_sent(&asked)),
            });
        }
    }
    for known in earlier.iter().filter(|e| !sent.contains(&e.cookie.name)) {
        out.held_back.extend(held_back(known, &asked));
    }
    if let Some(response) = &exchange.response {
        for field in response.headers.all("set-cookie") {
            let cookie = SetCookie::parse(&text_of(field.value));
            let judged = cookie.stored(&asked);
            out.set.push(told(&cookie, None, judged));
        }
    }
    for part in [&mut out.sent, &mut out.held_back, &mut out.set] {
        out.left_out += part.len().saturating_sub(TOLD_MAX);
        part.truncate(TOLD_MAX);
    }
    out
}

fn held_back(known: &Earlier, asked: &Asked<'_>) -> Option<Told> {
    let judged = match known.stored.fate {
        Fate::Deleted => return None,
        Fate::Bad => Judged {
            why: format!("never stored: {}", known.stored.why),
            ..known.stored.clone()
        },
        Fate::Good | Fate::Doubtful => {
            let judged = known.cookie.sent(&known.from, &known.path, known.at, asked);
            if judged.fate == Fate::Good {
                Judged {
                    fate: Fate::Doubtful,
                    why: match &known.stored.fate {
                        Fate::Doubtful => format!(
                            "nothing in the rules holds it back, but when it was set: {}",
                            known.stored.why
                        ),
                        _ => "nothing in the rules holds it back: the request was made without \
                              credentials, or the browser blocked or has dropped it"
                            .to_owned(),
                    },
                    section: "",
                }
            } else {
                judged
            }
        }
    };
    Some(told(&known.cookie, Some(known.by), judged))
}

fn told(cookie: &SetCookie, set_by: Option<ExchangeId>, judged: Judged) -> Told {
    Told {
        name: cookie.name.clone(),
        value: cookie.value.clone(),
        attributes: cookie.attributes.clone(),
        set_by,
        judged,
    }
}

/// Cookies that earlier answers of the same site set, the newest of each name.
fn earlier(reader: &Reader, before: ExchangeId, asked: &Asked<'_>) -> Vec<Earlier> {
    let first = reader.first_id().0;
    let from = before.0.saturating_sub(LOOKED_AT_MAX as u64).max(first);
    let ids: Vec<ExchangeId> = (from..before.0).rev().map(ExchangeId).collect();
    let mut setting = Vec::new();
    reader.rows(&ids, &mut |row| {
        if row.set_cookies > 0
            && setting.len() < READ_MAX
            && Origin::of_url(row.origin_text)
                .is_some_and(|o| o.registrable_domain() == asked.target.registrable_domain())
        {
            setting.push(row.id);
        }
    });
    setting.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    let mut found: Vec<Earlier> = Vec::new();
    let mut known = HashSet::new();
    for exchange in setting.into_iter().filter_map(|id| reader.exchange(id)) {
        let (Some(from), Some(response)) =
            (Origin::of_url(&exchange.request.url), &exchange.response)
        else {
            continue;
        };
        let page = page_of(&exchange, None);
        let path = path_of(&exchange);
        let then = Asked {
            page: page.as_ref(),
            target: &from,
            path: &path,
            method: &exchange.request.method,
            navigation: is_navigation(&exchange),
            browser: asked.browser,
            credentials: Credentials::Include,
            at: exchange.opened_at,
        };
        // The last line of a name in one answer wins.
        for field in response
            .headers
            .all("set-cookie")
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            let cookie = SetCookie::parse(&text_of(field.value));
            let home = cookie
                .domain
                .clone()
                .unwrap_or_else(|| from.host().to_owned());
            if !known.insert((cookie.name.clone(), home, cookie.path.clone())) {
                continue;
            }
            found.push(Earlier {
                stored: cookie.stored(&then),
                cookie,
                from: from.clone(),
                path: path.clone(),
                by: exchange.id,
                at: exchange.answered_at.unwrap_or(exchange.opened_at),
            });
        }
    }
    found
}

fn page_of(exchange: &Exchange, diagnosis: Option<&Diagnosis>) -> Option<Origin> {
    let told = diagnosis
        .and_then(|d| d.origin.as_deref())
        .and_then(Origin::from_header);
    let headers = &exchange.request.headers;
    let origin = || Origin::from_header(&headers.get("origin")?);
    let referer = || Origin::of_url(&headers.get("referer")?);
    told.or_else(origin).or_else(referer)
}

fn path_of(exchange: &Exchange) -> String {
    url::Url::parse(&exchange.request.url).map_or_else(|_| "/".to_owned(), |u| u.path().to_owned())
}

fn is_navigation(exchange: &Exchange) -> bool {
    let is = |name: &str, wanted: &str| {
        let value = exchange.request.headers.get(name);
        value.is_some_and(|v| v.eq_ignore_ascii_case(wanted))
    };
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// A header value as text, whatever its bytes.
fn text_of(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap_or_else(|_| isomorphic(value))
}
