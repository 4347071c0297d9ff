//! One entry.

use std::cell::RefCell;
use std::io::{self, Write};

use base64::Engine as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::body::Body;
use super::escaped::Escaped;
use super::parts::{
    PAGE, cookies, form, headers, initiator, millis, moment, query, set_cookies, timings,
};
use super::{Item, Unsent, error, net_error, resource_type};
use crate::wire::{
    Exchange, HeaderList, HttpVersion, Kind, Message, MessageKind, Redactor, RequestHead,
    ResponseHead, Side, Source,
};

pub(super) fn write(out: &mut impl Write, item: Item<'_>, redactor: &Redactor) -> io::Result<()> {
    let Item {
        exchange,
        request_body,
        response_body,
        messages,
        kind,
        notes,
    } = item;
    let request = redactor.request(&exchange.request);
    let delivered = exchange.delivered();
    let answer = delivered.as_ref().map(|head| redactor.response(head));
    let url = shown_url(exchange, &request.url);
    let sent = Body::new(
        &exchange.request.headers,
        request_body,
        &exchange.request_body,
        redactor,
    );
    let got = match &exchange.response {
        Some(head) => Body::new(
            &head.headers,
            response_body,
            &exchange.response_body,
            redactor,
        ),
        None => Body::default(),
    };
    let (phases, total) = timings(exchange);
    let mut entry = Map::new();
    entry.insert("pageref".into(), PAGE.into());
    entry.insert("startedDateTime".into(), moment(exchange.opened_at).into());
    entry.insert("time".into(), millis(total));
    entry.insert(
        "request".into(),
        request_value(exchange, &request, &url, sent),
    );
    entry.insert(
        "response".into(),
        match &answer {
            Some(head) => response_value(exchange, head, got),
            None => no_response(net_error(&exchange.end)),
        },
    );
    entry.insert("cache".into(), json!({}));
    entry.insert("timings".into(), phases);
    let server = exchange
        .upstream
        .as_ref()
        .and_then(|upstream| upstream.addr);
    if let Some(server) = server {
        entry.insert("serverIPAddress".into(), server.ip().to_string().into());
        // Both importers show it as the server's port, as both exporters write it.
        entry.insert("connection".into(), server.port().to_string().into());
    }
    if exchange.client.connection > 0 {
        entry.insert(
            "_connectionId".into(),
            exchange.client.connection.to_string().into(),
        );
    }
    if let Some(patch) = &exchange.patch
        && !patch.is_empty()
    {
        let comment = "corscope changed this answer, as a trial: it is what the browser got.";
        entry.insert("comment".into(), comment.into());
    }
    entry.insert("_resourceType".into(), resource_type(kind).into());
    entry.insert("_initiator".into(), initiator(exchange, kind, &url));
    let own = own_notes(exchange, notes, redactor);
    // As Chrome says that it was not on the wire.
    let said = &own["diagnosis"]["said"];
    if said["fate"] == "delivered" {
        match said["reason"].as_str() {
            Some("cache") => {
                entry.insert("_fromCache".into(), "disk".into());
            }
            Some("service-worker") => {
                entry["response"]["_fetchedViaServiceWorker"] = true.into();
            }
            _ => {}
        }
    }
    let messages: Box<dyn Iterator<Item = Message>> =
        Box::new(messages.map(|message| redactor.message(&message)));
    let whole = Whole {
        entry,
        messages: (exchange.kind == Kind::WebSocket).then(|| RefCell::new(messages)),
        own,
    };
    serde_json::to_writer(Escaped(out), &whole).map_err(io::Error::from)
}

/// The entry, its messages written as they come.
struct Whole<'a> {
    entry: Map<String, Value>,
    messages: Option<RefCell<Box<dyn Iterator<Item = Message> + 'a>>>,
    own: Value,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.entry {
            map.serialize_entry(name, value)?;
        }
        if let Some(messages) = &self.messages {
            map.serialize_entry("_webSocketMessages", &Messages(messages))?;
        }
        map.serialize_entry("_corscope", &self.own)?;
        map.end()
    }
}

struct Messages<'m, 'a>(&'m RefCell<Box<dyn Iterator<Item = Message> + 'a>>);

impl Serialize for Messages<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut messages = self.0.borrow_mut();
        serializer.collect_seq(
            messages
                .by_ref()
                .filter_map(|message| message_value(&message)),
        )
    }
}

// As Chrome writes them; text that is no text, and binary, in base64.
fn message_value(message: &Message) -> Option<Value> {
    let opcode = match message.kind {
        MessageKind::Text => 1,
        MessageKind::Binary => 2,
        MessageKind::Close => 8,
        MessageKind::Ping => 9,
        MessageKind::Pong => 10,
        MessageKind::ServerSentEvent => return None,
    };
    let data = match (opcode, std::str::from_utf8(&message.payload)) {
        (2, _) | (_, Err(_)) => base64::engine::general_purpose::STANDARD.encode(&message.payload),
        (_, Ok(text)) => text.to_owned(),
    };
    Some(json!({
        "type": if message.from == Side::Request { "send" } else { "receive" },
        "time": message.at.0 as f64 / 1e6,
        "opcode": opcode,
        "data": data,
    }))
}

/// The row of a request that was never sent, as DevTools has it: status 0 and an error.
pub(super) fn unsent(unsent: &Unsent<'_>, redactor: &Redactor) -> Value {
    let list = HeaderList::from_pairs(unsent.headers.iter().map(|(name, value)| (name, value)));
    let list = redactor.headers(&list);
    let url = redactor.url(unsent.url);
    let mut notes = unsent.notes.clone();
    notes["never_sent"] = true.into();
    json!({
        "pageref": PAGE,
        "startedDateTime": moment(unsent.at),
        "time": 0,
        "request": {
            "method": unsent.method,
            "url": url,
            "httpVersion": "",
            "headers": headers(&list),
            "queryString": query(&url),
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": no_response(Some("net::ERR_FAILED")),
        "cache": {},
        "timings": {
            "blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0
        },
        "_resourceType": "fetch",
        "_initiator": {"type": "script"},
        "_corscope": notes,
    })
}

fn shown_url(exchange: &Exchange, url: &str) -> String {
    match url.strip_prefix("http") {
        Some(rest) if exchange.kind == Kind::WebSocket => format!("ws{rest}"),
        _ => url.to_owned(),
    }
}

// HTTP/2 and 3 have no such size.
fn head_size(version: HttpVersion, first_line: usize, headers: &HeaderList) -> i64 {
    match version {
        HttpVersion::Http10 | HttpVersion::Http11 => {
            first_line as i64 + 2 + headers.wire_size() as i64 + 2
        }
        HttpVersion::Http2 | HttpVersion::Http3 => -1,
    }
}

fn request_value(exchange: &Exchange, head: &RequestHead, url: &str, body: Body) -> Value {
    let first_line = head.method.len() + head.url.len() + "  HTTP/1.1".len();
    let mut request = json!({
        "method": head.method,
        "url": url,
        "httpVersion": head.version.name(),
        "headers": headers(&head.headers),
        "queryString": query(url),
        "cookies": cookies(&head.headers),
        "headersSize": head_size(head.version, first_line, &exchange.request.headers),
        "bodySize": exchange.request_body.seen_bytes,
    });
    if exchange.request_body.seen_bytes > 0 || body.text.is_some() {
        let kind = head.headers.get("content-type").unwrap_or_default();
        let mut post = Map::new();
        post.insert("mimeType".into(), kind.as_str().into());
        if kind.starts_with("application/x-www-form-urlencoded")
            && let Some(text) = &body.text
        {
            post.insert("params".into(), form(text));
        }
        body.members(&mut post);
        // Chrome's importer shows "undefined" where there is none.
        post.entry("text").or_insert_with(|| "".into());
        request["postData"] = post.into();
    }
    request
}

fn response_value(exchange: &Exchange, head: &ResponseHead, body: Body) -> Value {
    let usual = http::StatusCode::from_u16(head.status)
        .ok()
        .and_then(|s| s.canonical_reason());
    let reason = match head.version {
        HttpVersion::Http10 | HttpVersion::Http11 => head.reason.as_deref().or(usual),
        HttpVersion::Http2 | HttpVersion::Http3 => head.reason.as_deref(),
    };
    let reason = reason.unwrap_or_default();
    let seen = exchange.response_body.seen_bytes;
    let kind = head.headers.get("content-type");
    let mut content = Map::new();
    content.insert("size".into(), body.size.into());
    content.insert(
        "mimeType".into(),
        kind.as_deref().unwrap_or("x-unknown").into(),
    );
    if head.headers.contains("content-encoding") && body.comment.is_none() {
        content.insert(
            "compression".into(),
            (body.size as i64 - seen as i64).into(),
        );
    }
    body.members(&mut content);
    let first_line = "HTTP/1.1 200 ".len() + reason.len();
    let headers_size = head_size(head.version, first_line, &head.headers);
    let crossed = u64::try_from(headers_size).unwrap_or_else(|_| head.headers.wire_size());
    let mut response = json!({
        "status": head.status,
        "statusText": reason,
        "httpVersion": head.version.name(),
        "headers": headers(&head.headers),
        "cookies": set_cookies(&head.headers),
        "content": content,
        "redirectURL": head.headers.get("location").unwrap_or_default(),
        "headersSize": headers_size,
        "bodySize": seen,
        "_transferSize": seen + crossed,
    });
    if let Some(error) = net_error(&exchange.end) {
        response["_error"] = error.into();
    }
    response
}

fn no_response(error: Option<&str>) -> Value {
    let mut response = json!({
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "headers": [],
        "cookies": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1,
        // Nothing came. Firefox would show -1 as it stands.
        "bodySize": 0,
        "_transferSize": 0,
    });
    if let Some(error) = error {
        response["_error"] = error.into();
    }
    response
}

fn own_notes(exchange: &Exchange, mut notes: Value, redactor: &Redactor) -> Value {
    if !notes.is_object() {
        notes = json!({});
    }
    notes["exchange"] = exchange.id.0.into();
    if let Some(mut end) = error::own(exchange) {
        if let Some(detail) = end["detail"].as_str() {
            end["detail"] = redactor.text(detail).into_owned().into();
        }
        notes["end"] = end;
    }
    if let (Some(patch), Some(head)) = (&exchange.patch, &exchange.response) {
        let head = redactor.response(head);
        notes["trial"] = json!({
            "answer": {"status": head.status, "headers": headers(&head.headers)},
            "set": patch.set, "append": patch.append, "remove": patch.remove, "status": patch.status,
        });
    }
    if let Some(told) = &exchange.told {
        notes["told"] = redactor.text(told).into_owned().into();
    }
    if exchange.kind == Kind::Tunnel {
        notes["tunnel"] = true.into();
    }
    if exchange.source == Source::Browser {
        notes["source"] = "browser".into();
    }
    if let Source::Replay(replay) = exchange.source {
        notes["replay_of"] = replay.of.map(|of| of.0).into();
    }
    if let Some(upstream) = &exchange.upstream {
        notes["server"] = json!({
            "connection": upstream.connection,
            "reused": upstream.reused,
            "tls": upstream.tls,
            "insecure": upstream.insecure,
        });
    }
    notes
}
