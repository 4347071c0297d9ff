//! What an exchange loads, in the words of a list's type column.

use crate::wire::{Exchange, Kind, ResponseHead};

/// The words of [`Summary::type_`](super::Summary::type_).
pub(super) const TYPES: [&str; 16] = [
    "other",
    "doc",
    "css",
    "js",
    "img",
    "font",
    "media",
    "fetch",
    "ws",
    "sse",
    "preflight",
    "tunnel",
    "manifest",
    "worker",
    "wasm",
    "report",
];

fn type_id(word: &str) -> u8 {
    TYPES.iter().position(|t| *t == word).unwrap_or(0) as u8
}

/// What an exchange loads: what the browser says (`Sec-Fetch-Dest`) first, then what came.
pub(super) fn type_of(exchange: &Exchange) -> u8 {
    match exchange.kind {
        Kind::WebSocket => return type_id("ws"),
        Kind::Tunnel => return type_id("tunnel"),
        Kind::Http => {}
    }
    let request = &exchange.request;
    if request.is_preflight() {
        return type_id("preflight");
    }
    let media = exchange
        .response
        .as_ref()
        .and_then(ResponseHead::media_type)
        .unwrap_or_default();
    let header = |name| {
        request
            .headers
            .first(name)
            .map(|f| f.as_text())
            .unwrap_or_default()
    };
    if media == "text/event-stream" || header("accept") == "text/event-stream" {
        return type_id("sse");
    }
    type_id(match &*header("sec-fetch-dest") {
        "document" | "iframe" | "frame" | "fencedframe" => "doc",
        "style" | "xslt" => "css",
        "script" => "js",
        "image" => "img",
        "font" => "font",
        "audio" | "video" | "track" => "media",
        "empty" | "json" | "text" => "fetch",
        "manifest" => "manifest",
        "worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet" => "worker",
        "report" => "report",
        "" => type_of_media(&media, request.headers.contains("origin")),
        _ => "other",
    })
}

fn type_of_media(media: &str, has_origin: bool) -> &'static str {
    let (major, minor) = media.split_once('/').unwrap_or((media, ""));
    match (major, minor) {
        ("text", "css") => "css",
        ("text" | "application", "javascript" | "x-javascript" | "ecmascript") => "js",
        ("font", _) | ("application", "font-woff" | "font-woff2" | "vnd.ms-fontobject") => "font",
        ("application", "wasm") => "wasm",
        ("application", "manifest+json") => "manifest",
        ("image", _) => "img",
        ("audio" | "video", _) => "media",
        _ if has_origin => "fetch",
        ("text", "html") | ("application", "xhtml+xml") => "doc",
        ("application", "json" | "xml" | "grpc" | "x-ndjson") | ("text", "xml") => "fetch",
        ("application", minor) if minor.ends_with("+json") || minor.ends_with("+xml") => "fetch",
        _ => "other",
    }
}
