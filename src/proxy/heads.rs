//! Heads of hyper's as those of the capture, and what they say about their bodies.

use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri, Version, request};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;

use super::context::Route;
use super::hygiene::{recorded, recorded_request};
use super::target::Target;
use crate::wire::{HttpVersion, RequestHead, ResponseHead};

/// Whether a proxy in between wants to know who asks (RFC 9110 § 15.5.8): that is between it and us.
pub(super) fn is_proxy_refusal<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
}

/// RFC 9110 § 6.4.1
pub(super) fn may_have_body(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

pub(super) fn request_head(route: &Route, target: &Target, parts: &request::Parts) -> RequestHead {
    let path = path_of(&parts.uri);
    let (tls, here) = match route {
        Route::Fixed(fixed) => (fixed.client_tls, Some(fixed.here)),
        Route::Proxy | Route::Tunnel(_) => (target.tls, None),
    };
    let scheme = if tls { "https" } else { "http" };
    let default_port = if tls { ":443" } else { ":80" };
    let named = parts.uri.authority().map(|a| {
        let text = a.as_str();
        text.rsplit_once('@').map_or(text, |(_, host)| host)
    });
    let named = match route {
        Route::Tunnel(_) | Route::Fixed(_) => {
            named.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
        }
        Route::Proxy => named,
    };
    let url = match named.filter(|n| !n.is_empty()) {
        Some(named) => {
            let named = named.strip_suffix(default_port).unwrap_or(named);
            let mut url = String::with_capacity(scheme.len() + named.len() + path.len() + 3);
            url.push_str(scheme);
            url.push_str("://");
            url.push_str(named);
            url.push_str(path);
            url
        }
        None => match here {
            Some(here) => format!("{scheme}://{here}{path}"),
            None => format!("{scheme}://{}{path}", target.authority()),
        },
    };
    RequestHead {
        method: parts.method.as_str().to_owned(),
        url,
        version: version_of(parts.version),
        headers: Arc::new(recorded_request(&parts.headers)),
    }
}

/// Path and query, beginning with a slash.
pub(super) fn path_of(uri: &Uri) -> &str {
    match uri.path_and_query().map(PathAndQuery::as_str) {
        None | Some("") => "/",
        Some("*") => "/*",
        Some(path) => path,
    }
}

pub(super) fn absolute(scheme: &str, authority: &str, path: PathAndQuery) -> Uri {
    let relative = Uri::from(path.clone());
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()
        .unwrap_or(relative)
}

pub(super) fn response_head(response: &Response<Incoming>) -> ResponseHead {
    let reason = response
        .extensions()
        .get::<ReasonPhrase>()
        .map(|r| crate::wire::isomorphic(r.as_bytes()));
    ResponseHead {
        status: response.status().as_u16(),
        reason,
        version: version_of(response.version()),
        headers: Arc::new(recorded(response.headers())),
    }
}

/// Server-sent events that can be read as they pass.
pub(super) fn is_event_stream(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|k| {
        let essence = k.split(|b| *b == b';').next().unwrap_or_default();
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"text/event-stream")
    }) && !headers.contains_key(header::CONTENT_ENCODING)
}

pub(super) fn version_of(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_10 | Version::HTTP_09 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

/// RFC 9110 § 10.1.1
pub(super) fn wants_continue(parts: &request::Parts) -> bool {
    parts
        .headers
        .get(header::EXPECT)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
