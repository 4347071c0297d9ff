//! As a call of `fetch()`.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{Copied, Request};
use crate::wire::{Exchange, isomorphic, json_escaped};

/// Headers that script cannot set
/// ([Fetch § forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header)), and
/// `User-Agent`, which browsers leave as it is.
const NOT_SCRIPTS: [&str; 17] = [
    "accept-charset",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "origin",
    "referer",
    "set-cookie",
    "trailer",
    "upgrade",
    "user-agent",
    "via",
];

/// A `fetch()` for the console of the page's browser; `body` is the request's body as it was sent.
/// `credentials` is the mode, where it is known: `include`, `same-origin`, `omit`.
pub fn fetch_js(exchange: &Exchange, body: &[u8], credentials: Option<&str>) -> Copied {
    // Script gives each byte of a value as a character, beyond ASCII too.
    let request = Request::reading(exchange, body, isomorphic);
    let cookies = request.has("cookie").then_some("include");
    let credentials = credentials.or(cookies);
    let mode = request.value("sec-fetch-mode").map(str::to_ascii_lowercase);
    let mut init = Map::new();
    if request.method != "GET" {
        init.insert("method".into(), request.method.into());
    }
    if let Some(mode @ ("no-cors" | "same-origin")) = mode.as_deref() {
        init.insert("mode".into(), mode.into());
    }
    if let Some(credentials) = credentials {
        init.insert("credentials".into(), credentials.into());
    }
    let fields: Vec<_> = request
        .fields
        .iter()
        .filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            !NOT_SCRIPTS.contains(&name.as_str())
                && !name.starts_with("sec-")
                && !name.starts_with("proxy-")
        })
        .collect();
    if !fields.is_empty() {
        init.insert("headers".into(), headers(&fields));
    }
    let mut call = Value::Object(init);
    let bytes = match request.text() {
        _ if body.is_empty() => None,
        Some(text) => {
            call["body"] = text.into();
            None
        }
        None => Some(base64::engine::general_purpose::STANDARD.encode(body)),
    };
    // serde_json writes what JavaScript reads: line separators are allowed in strings since 2019.
    let written = serde_json::to_string_pretty(&call).unwrap_or_default();
    // Whoever prints the call is not to be steered by it.
    let mut options = json_escaped(&written).into_owned();
    if let Some(base64) = bytes {
        let array = format!("Uint8Array.from(atob(\"{base64}\"), (c) => c.charCodeAt(0))");
        let inner = options.strip_suffix('}').unwrap_or(&options).trim_end();
        options.truncate(inner.len());
        let comma = if options.ends_with('{') { "" } else { "," };
        options = format!("{options}{comma}\n  \"body\": {array}\n}}");
    }
    let url = Value::from(request.url).to_string();
    let url = json_escaped(&url);
    let text = match options.as_str() {
        "{}" => format!("await fetch({url});"),
        options => format!("await fetch({url}, {options});"),
    };
    request.copied(text)
}

// An object where every name comes once, else a list of pairs.
fn headers(fields: &[&(&str, String)]) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        let twice = object.keys().any(|known| known.eq_ignore_ascii_case(name));
        if twice {
            let pairs = fields
                .iter()
                .map(|(name, value)| Value::from(vec![*name, value.as_str()]));
            return pairs.collect();
        }
        object.insert((*name).to_owned(), value.as_str().into());
    }
    Value::Object(object)
}
