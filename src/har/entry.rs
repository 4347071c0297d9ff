//! One entry of a HAR, in our nouns.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::creator::Creator;
use super::end::{end, own_end, told};
use super::fetched::{Fetched, own_said, own_source};
use super::lenient::{micros, moment, number, text};
use crate::wire::{
    End, FailureKind, HeaderList, HttpVersion, Kind, Message, MessageKind, Patch, RequestHead,
    ResponseHead, Said, Side, Source, Timestamp, Timings,
};

/// An entry as it stands in the file. What is not listed is not even parsed: stacks in
/// `_initiator` may be nested deeper than a parser follows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    started_date_time: Value,
    time: Value,
    request: Value,
    response: Value,
    timings: Value,
    #[serde(rename = "serverIPAddress")]
    server_ip_address: Value,
    connection: Value,
    /// Chrome's: the socket. Its `connection` is the port of the server.
    #[serde(rename = "_connectionId")]
    connection_id: Value,
    #[serde(rename = "_error")]
    error: Value,
    /// Playwright's name for the same.
    #[serde(rename = "_failureText")]
    failure_text: Value,
    /// Why it was never sent, in the words of the browser.
    #[serde(rename = "_blockedReason")]
    blocked_reason: Value,
    #[serde(rename = "_resourceType")]
    resource_type: Value,
    /// Chrome's: `disk`, `memory`.
    #[serde(rename = "_fromCache")]
    from_cache: Value,
    /// Safari's: `Network Load`, `Memory Cache`, `Disk Cache`, `Service Worker`.
    #[serde(rename = "_fetchType")]
    fetch_type: Value,
    #[serde(rename = "_webSocketMessages")]
    web_socket_messages: Value,
    /// What our own writer adds.
    #[serde(rename = "_corscope")]
    own: Value,
}

/// An entry, ready to be told.
pub(super) struct Entry {
    /// `startedDateTime`, if it can be read.
    pub(super) started: Option<Timestamp>,
    /// From `started` until the request went out: waiting, dns, connect, in microseconds.
    pub(super) held_micros: u64,
    /// From `started` until the response head, in microseconds.
    pub(super) answered_micros: u64,
    /// From `started` to the end, in microseconds.
    pub(super) total_micros: u64,
    pub(super) source: Source,
    pub(super) kind: Kind,
    pub(super) connection: u64,
    pub(super) server: Option<SocketAddr>,
    pub(super) request: RequestHead,
    pub(super) request_body: Body,
    pub(super) response: Option<ResponseHead>,
    pub(super) response_body: Body,
    pub(super) messages: Vec<Message>,
    pub(super) timings: Timings,
    pub(super) end: End,
    /// What a trial fix changed in the answer.
    pub(super) patch: Option<Patch>,
    /// The error that the browser itself noted.
    pub(super) told: Option<String>,
    /// What the browser itself said it did with it.
    pub(super) said: Option<Said>,
}

/// A body: what the file has of it, and how long it was.
#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) len_bytes: u64,
}

impl Entry {
    /// Whether the browser may have listed this request without ever sending it: nothing came back,
    /// and nothing says that a connection broke.
    pub(super) fn may_be_unsent(&self) -> bool {
        self.response.is_none()
            && match &self.end {
                End::Failed(failure) => failure.kind == FailureKind::Other,
                end => *end == End::Aborted,
            }
    }

    /// Reads one entry; the error is a short reason why it cannot be used. `None` is a row of our own
    /// writer for a request that was never sent: the judgement says that by itself.
    pub(super) fn parse(json: &str, creator: Creator) -> Result<Option<Self>, String> {
        let raw: Raw = serde_json::from_str(json).map_err(|error| {
            if json.trim_start().starts_with('{') {
                error.to_string()
            } else {
                "it is not an object".to_owned()
            }
        })?;
        if raw.own["never_sent"] == true {
            return Ok(None);
        }
        Self::new(raw, creator).map(Some)
    }

    fn new(mut raw: Raw, creator: Creator) -> Result<Self, String> {
        let request = &raw.request;
        if !request.is_object() {
            return Err("it has no request".to_owned());
        }
        let url = request["url"].as_str().map(str::trim).unwrap_or_default();
        if url.is_empty() {
            return Err("its request has no URL".to_owned());
        }
        let (url, web_socket) = wire_url(url);
        let version = version(&request["httpVersion"]).unwrap_or_default();
        let head = RequestHead {
            method: text(&request["method"])
                .map(|method| method.trim().to_owned())
                .filter(|method| !method.is_empty())
                .unwrap_or_else(|| "GET".to_owned()),
            url,
            version,
            headers: Arc::new(headers(&request["headers"])),
        };
        // DevTools puts it into the response, others beside it.
        let mut error = [
            &raw.response["_error"],
            &raw.error,
            &raw.response["_failureText"],
            &raw.failure_text,
            &raw.response["_blockedReason"],
            &raw.blocked_reason,
        ]
        .into_iter()
        .filter_map(text)
        .map(|error| error.trim().to_owned())
        .find(|error| !error.is_empty())
        .unwrap_or_default();
        // What the server said, where a trial fix changed it on its way.
        let trial = &raw.own["trial"];
        let patch = trial.is_object().then(|| patch(trial));
        let mut response = response(&raw.response, version);
        if let (Some(response), Some(_)) = (&mut response, &patch) {
            let said = &trial["answer"];
            response.headers = Arc::new(headers(&said["headers"]));
            response.status = number(&said["status"]).map_or(response.status, |n| n as u16);
        }
        // Charles shows its own page where a connection broke.
        let broken = text(&raw.response["_charlesStatus"])
            .filter(|status| !status.eq_ignore_ascii_case("complete"));
        if let Some(status) = broken {
            response = None;
            error = format!("Charles notes {status} for this connection");
        }
        let told = told(creator, &raw.own, response.is_some(), &error);
        let fetched = Fetched {
            cache: &raw.from_cache,
            worker: &raw.response["_fetchedViaServiceWorker"],
            kind: &raw.fetch_type,
        };
        let said = own_said(&raw.own).or_else(|| {
            fetched
                .said()
                .filter(|_| response.is_some() && error.is_empty())
        });
        let end = own_end(&raw.own["end"]).unwrap_or_else(|| end(response.is_some(), &error));
        let declared = number(&raw.request["bodySize"]);
        let request_body = request_body(taken(&mut raw.request, "postData"), declared);
        let response_body = content(taken(&mut raw.response, "content"));
        let is_web_socket = web_socket || head.is_websocket() || raw.resource_type == "websocket";
        let phases = phases(&raw.timings);
        let held = sum(&[phases.queued, phases.dns, phases.connect, phases.tls]);
        let answered = held + sum(&[phases.send, phases.wait]);
        let total = micros(&raw.time).unwrap_or_else(|| phases.total_micros());
        Ok(Self {
            started: moment(&raw.started_date_time),
            held_micros: held.min(total),
            answered_micros: answered.min(total),
            total_micros: total,
            source: own_source(&raw.own),
            kind: if is_web_socket {
                Kind::WebSocket
            } else if raw.own["tunnel"] == true {
                Kind::Tunnel
            } else {
                Kind::Http
            },
            connection: [&raw.connection_id, &raw.connection]
                .into_iter()
                .filter_map(text)
                .find_map(|number| number.trim().parse().ok())
                .unwrap_or(0),
            server: server(&raw.server_ip_address, &head.url),
            messages: messages(&raw.web_socket_messages),
            request: head,
            request_body,
            response,
            response_body,
            timings: phases,
            end,
            patch,
            told,
            said,
        })
    }
}

// As it is sent: no fragment, ws told as http.
fn wire_url(url: &str) -> (String, bool) {
    let url = url.split('#').next().unwrap_or_default();
    for (web_socket, http) in [("wss:", "https:"), ("ws:", "http:")] {
        let scheme = url.get(..web_socket.len());
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(web_socket)) {
            return (format!("{http}{}", &url[web_socket.len()..]), true);
        }
    }
    (url.to_owned(), false)
}

fn version(value: &Value) -> Option<HttpVersion> {
    let name = value.as_str()?.trim();
    let known = !name.is_empty() && !name.eq_ignore_ascii_case("unknown");
    known.then(|| HttpVersion::from_name(name))
}

// `[{name, value}]`, or, from some tools, `{name: value}`. Several values of one name may be joined
// by line breaks; a break before white space is a folded line (RFC 9112 § 5.2).
fn headers(value: &Value) -> HeaderList {
    let mut list = HeaderList::new();
    match value {
        Value::Array(fields) => {
            for field in fields {
                if let Some(name) = text(&field["name"]) {
                    push(&mut list, &name, &field["value"]);
                }
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                push(&mut list, name, value);
            }
        }
        _ => {}
    }
    list
}

fn push(list: &mut HeaderList, name: &str, value: &Value) {
    // White space before the colon stays: Chromium reads such a field, Firefox ignores it.
    let name = name.trim_start();
    // HTTP/2's `:authority` and the like are no fields.
    if name.is_empty() || name.starts_with(':') {
        return;
    }
    let value = text(value).unwrap_or_default();
    let mut current: Option<String> = None;
    for line in value.split('\n').map(|line| line.trim_end_matches('\r')) {
        match &mut current {
            Some(folded) if line.starts_with([' ', '\t']) => {
                folded.push(' ');
                folded.push_str(line.trim());
            }
            _ => {
                if let Some(whole) = current.replace(line.to_owned()) {
                    list.push(name, &isomorphic(&whole));
                }
            }
        }
    }
    list.push(name, &isomorphic(&current.unwrap_or_default()));
}

// Header values are bytes; a HAR shows each as one character, or has decoded them as UTF-8.
fn isomorphic(text: &str) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn response(value: &Value, request_version: HttpVersion) -> Option<ResponseHead> {
    let status = number(&value["status"])?;
    if !(100.0..1000.0).contains(&status) {
        return None;
    }
    let status = status as u16;
    let usual = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason());
    Some(ResponseHead {
        status,
        reason: text(&value["statusText"])
            .map(|reason| reason.trim().to_owned())
            .filter(|reason| !reason.is_empty() && Some(reason.as_str()) != usual),
        version: version(&value["httpVersion"]).unwrap_or(request_version),
        headers: Arc::new(headers(&value["headers"])),
    })
}

// Of our own writer.
fn patch(value: &Value) -> Patch {
    let pairs = |name: &str| -> Vec<(String, String)> {
        serde_json::from_value(value[name].clone()).unwrap_or_default()
    };
    Patch {
        status: number(&value["status"]).map(|status| status as u16),
        set: pairs("set"),
        append: pairs("append"),
        remove: serde_json::from_value(value["remove"].clone()).unwrap_or_default(),
    }
}

fn request_body(mut post: Value, declared: Option<f64>) -> Body {
    let params = match &post["params"] {
        Value::Array(params) if !post["text"].is_string() => urlencoded(params),
        _ => None,
    };
    let bytes = params.unwrap_or_else(|| {
        let base64 = is_base64(&post["encoding"]);
        body_bytes(taken(&mut post, "text"), base64)
    });
    Body::new(bytes, declared)
}

fn urlencoded(params: &[Value]) -> Option<Bytes> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for param in params {
        form.append_pair(
            &text(&param["name"])?,
            &text(&param["value"]).unwrap_or_default(),
        );
    }
    Some(Bytes::from(form.finish()))
}

/// A member out of what should be an object; nothing out of what is none.
fn taken(from: &mut Value, name: &str) -> Value {
    from.get_mut(name).map(Value::take).unwrap_or_default()
}

fn content(mut content: Value) -> Body {
    let base64 = is_base64(&content["encoding"]);
    let declared = number(&content["size"]);
    Body::new(body_bytes(taken(&mut content, "text"), base64), declared)
}

impl Body {
    fn new(bytes: Bytes, declared: Option<f64>) -> Self {
        let declared = declared.filter(|n| (0.0..1e18).contains(n)).unwrap_or(0.0);
        Self {
            len_bytes: (declared as u64).max(bytes.len() as u64),
            bytes,
        }
    }
}

fn is_base64(value: &Value) -> bool {
    let name = value.as_str().unwrap_or_default();
    name.eq_ignore_ascii_case("base64")
}

fn body_bytes(value: Value, base64: bool) -> Bytes {
    let Value::String(text) = value else {
        return Bytes::new();
    };
    if base64 {
        let compact: String = text.split_ascii_whitespace().collect();
        if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(compact) {
            return Bytes::from(bytes);
        }
    }
    Bytes::from(text)
}

fn phases(value: &Value) -> Timings {
    let phase = |name: &str| micros(&value[name]);
    let (connect, tls) = (phase("connect"), phase("ssl"));
    Timings {
        queued: phase("blocked"),
        dns: phase("dns"),
        // HAR counts the handshake within `connect`.
        connect: connect.map(|all| all.saturating_sub(tls.unwrap_or(0))),
        tls: connect.and(tls),
        send: phase("send"),
        wait: phase("wait"),
        receive: phase("receive"),
    }
}

fn sum(phases: &[Option<u64>]) -> u64 {
    phases.iter().flatten().sum()
}

fn server(value: &Value, url: &str) -> Option<SocketAddr> {
    let text = value.as_str()?.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = bare.parse().ok()?;
    let port = Url::parse(url).ok()?.port_or_known_default()?;
    Some(SocketAddr::new(ip, port))
}

// Chrome: `[{type: "send" | "receive", time: seconds, opcode, data}]`, binary data in base64.
fn messages(value: &Value) -> Vec<Message> {
    let Value::Array(messages) = value else {
        return Vec::new();
    };
    messages.iter().filter_map(message).collect()
}

fn message(value: &Value) -> Option<Message> {
    let kind = match number(&value["opcode"])? as i64 {
        1 => MessageKind::Text,
        2 => MessageKind::Binary,
        8 => MessageKind::Close,
        9 => MessageKind::Ping,
        10 => MessageKind::Pong,
        _ => return None,
    };
    let data = value["data"].clone();
    let mut payload = body_bytes(data, kind == MessageKind::Binary);
    let len_bytes = payload.len() as u64;
    payload.truncate(Message::KEPT_BYTES_MAX);
    let seconds = number(&value["time"]).filter(|n| (0.0..1e11).contains(n))?;
    Some(Message {
        at: Timestamp((seconds * 1e6) as i64),
        from: if value["type"] == "send" {
            Side::Request
        } else {
            Side::Response
        },
        kind,
        len_bytes,
        payload,
    })
}
