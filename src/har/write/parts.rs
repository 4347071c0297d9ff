//! The smaller parts of an entry.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};
use url::Url;

use crate::wire::{Exchange, HeaderList, Timestamp, Timings};

/// The id of the one page all entries belong to; Firefox wants at least one.
pub(super) const PAGE: &str = "page_1";

/// A moment as HAR writes it: ISO 8601, here in UTC with microseconds.
pub(super) fn moment(at: Timestamp) -> String {
    DateTime::from_timestamp_micros(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) fn millis(micros: u64) -> Value {
    // Three digits: a microsecond. Never NaN.
    json!(micros as f64 / 1000.0)
}

/// Chrome's word for what the list calls `doc`, `css`...
pub fn resource_type(kind: &str) -> &str {
    match kind {
        "doc" => "document",
        "css" => "stylesheet",
        "js" | "worker" => "script",
        "img" => "image",
        "ws" => "websocket",
        "sse" => "eventsource",
        "report" => "cspviolationreport",
        "font" | "media" | "fetch" | "preflight" | "manifest" | "wasm" => kind,
        _ => "other",
    }
}

/// Who started it, as Chrome tells: a preflight by its request, the rest by its kind.
pub(super) fn initiator(exchange: &Exchange, kind: &str, url: &str) -> Value {
    if exchange.request.is_preflight() {
        return json!({"type": "preflight", "url": url});
    }
    match kind {
        "fetch" | "ws" | "sse" | "worker" => json!({"type": "script"}),
        "css" | "js" | "img" | "font" | "media" | "manifest" => json!({"type": "parser"}),
        _ => json!({"type": "other"}),
    }
}

pub(super) fn headers(list: &HeaderList) -> Value {
    let fields = list
        .iter()
        .map(|field| json!({"name": field.name, "value": text(field.value)}));
    fields.collect()
}

// Each byte one character, as Chrome has it; UTF-8 is told by the reader.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => crate::wire::isomorphic(value),
    }
}

pub(super) fn query(url: &str) -> Value {
    let Ok(url) = Url::parse(url) else {
        return json!([]);
    };
    let pairs = url
        .query_pairs()
        .map(|(name, value)| json!({"name": name, "value": value}));
    pairs.collect()
}

pub(super) fn form(text: &str) -> Value {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// The cookies of a `Cookie` header.
pub(super) fn cookies(list: &HeaderList) -> Value {
    let Some(value) = list.get("cookie") else {
        return json!([]);
    };
    let pairs = value
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    let cookie = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        json!({"name": name.trim(), "value": value.trim()})
    };
    pairs.map(cookie).collect()
}

/// The cookies of `Set-Cookie` headers, with their attributes.
pub(super) fn set_cookies(list: &HeaderList) -> Value {
    list.all("set-cookie")
        .map(|field| set_cookie(&text(field.value)))
        .collect()
}

fn set_cookie(value: &str) -> Value {
    let mut parts = value.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let mut cookie = Map::new();
    cookie.insert("name".into(), name.trim().into());
    cookie.insert("value".into(), value.trim().into());
    for attribute in parts {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "path" => cookie.insert("path".into(), value.into()),
            "domain" => cookie.insert("domain".into(), value.into()),
            "httponly" => cookie.insert("httpOnly".into(), true.into()),
            "secure" => cookie.insert("secure".into(), true.into()),
            "samesite" => cookie.insert("sameSite".into(), value.into()),
            "expires" => match DateTime::parse_from_rfc2822(&value.replace('-', " ")) {
                Ok(at) => cookie.insert(
                    "expires".into(),
                    at.to_utc()
                        .to_rfc3339_opts(SecondsFormat::Millis, true)
                        .into(),
                ),
                Err(_) => None,
            },
            _ => None,
        };
    }
    cookie.into()
}

/// The phases, and what they sum up to. Where the moments of answer and end are known, `wait` and
/// `receive` make up for what no phase accounts for, so that everything lies where it was.
pub(super) fn timings(exchange: &Exchange) -> (Value, u64) {
    let Timings {
        queued,
        dns,
        connect,
        tls,
        send,
        wait,
        receive,
    } = exchange.timings;
    let known = |phases: &[Option<u64>]| phases.iter().flatten().sum::<u64>();
    let before = known(&[queued, dns, connect, tls, send]);
    let since_opening = |at: Option<Timestamp>| at.map(|at| at.micros_since(exchange.opened_at));
    let answered = since_opening(exchange.answered_at);
    let closed = since_opening(exchange.closed_at);
    let wait = match answered.or(closed) {
        Some(at) => at.saturating_sub(before).max(wait.unwrap_or(0)),
        None => wait.unwrap_or(0),
    };
    let receive = match (answered, closed) {
        (Some(answered), Some(closed)) => closed.saturating_sub(answered.max(before + wait)),
        _ => receive.unwrap_or(0),
    };
    let optional = |phase: Option<u64>| phase.map_or_else(|| json!(-1), millis);
    // HAR counts the handshake within `connect`.
    let connect = connect.map(|connect| connect + tls.unwrap_or(0)).or(tls);
    let value = json!({
        "blocked": optional(queued),
        "dns": optional(dns),
        "connect": optional(connect),
        "ssl": optional(tls),
        "send": millis(send.unwrap_or(0)),
        "wait": millis(wait),
        "receive": millis(receive),
    });
    (value, before + wait + receive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_keep_their_attributes() {
        let list = HeaderList::from_pairs([
            (
                "Set-Cookie",
                "sid=a=b; Path=/; HttpOnly; SameSite=None; Secure; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            ),
            ("Set-Cookie", "bare"),
            ("Cookie", "a=1; b=2=3; c"),
        ]);
        assert_eq!(
            set_cookies(&list),
            json!([
                {"name": "sid", "value": "a=b", "path": "/", "httpOnly": true, "sameSite": "None",
                 "secure": true, "expires": "2026-10-21T07:28:00.000Z"},
                {"name": "", "value": "bare"},
            ])
        );
        assert_eq!(
            cookies(&list),
            json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2=3"}, {"name": "", "value": "c"}])
        );
    }
}
