//! What a proxy must change in a head, and nothing else: fields that belong to one connection
//! (RFC 9110 § 7.6.1, RFC 9113 § 8.2.2), and `Host` against `:authority`.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::wire::HeaderList;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The fields as they crossed the wire.
pub(super) fn recorded(headers: &HeaderMap) -> HeaderList {
    let bytes = headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len() + 2)
        .sum();
    let mut list = HeaderList::with_capacity(headers.len(), bytes);
    for (name, value) in headers {
        list.push_lawful(name.as_str(), value.as_bytes());
    }
    list
}

/// The fields of a request as they crossed the wire, but for a cookie that HTTP/2 split: it is one
/// field to everybody who is not HTTP/2 (RFC 9113 § 8.2.3).
pub(super) fn recorded_request(headers: &HeaderMap) -> HeaderList {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return recorded(headers);
    }
    let mut joined = headers.clone();
    joined.insert(header::COOKIE, joined_cookies(headers));
    recorded(&joined)
}

/// How a request head is passed on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passage<'a> {
    /// Whether the client spoke to us as to a proxy, so that `Proxy-Authorization` was for us.
    pub for_proxy: bool,
    /// Whether it becomes a WebSocket.
    pub websocket: bool,
    /// Whether the server is spoken to in HTTP/2.
    pub http2: bool,
    /// The value of `Host`, where the request has none: HTTP/1 to the server.
    pub host: Option<&'a HeaderValue>,
}

/// Makes request fields fit for the next connection. Order is kept.
pub(super) fn pass_request(headers: &mut HeaderMap, passage: Passage<'_>) {
    let wanted = |name: &HeaderName| passage.for_proxy || *name != header::PROXY_AUTHORIZATION;
    let crumbs = !passage.http2 && headers.get_all(header::COOKIE).iter().nth(1).is_some();
    let touched = headers
        .keys()
        .any(|name| is_hop_by_hop(name) && wanted(name));
    if !touched && !crumbs && passage.host.is_none() {
        return;
    }
    let trailers = accepts_trailers(headers);
    let nominated = nominated(headers);
    let old = std::mem::take(headers);
    headers.reserve(old.len() + 2);
    if let Some(host) = passage.host {
        headers.insert(header::HOST, host.clone());
    }
    let mut cookie = crumbs.then(|| joined_cookies(&old));
    let mut last = None;
    for (name, value) in old {
        if name.is_some() {
            last = name;
        }
        let Some(name) = &last else { continue };
        if *name == header::TE || *name == header::UPGRADE {
            // Passed on below, or on its own terms.
            if *name == header::UPGRADE && passage.websocket {
                headers.append(name.clone(), value);
            }
        } else if *name == header::CONNECTION && passage.websocket {
            headers.insert(name.clone(), HeaderValue::from_static("Upgrade"));
        } else if *name == header::HOST && passage.host.is_some() {
            // Ours came first.
        } else if *name == header::TRANSFER_ENCODING && !passage.http2 {
            headers.append(name.clone(), value);
        } else if *name == header::COOKIE && crumbs {
            if let Some(whole) = cookie.take() {
                headers.insert(name.clone(), whole);
            }
        } else if (is_hop_by_hop(name) && wanted(name)) || nominated.contains(name) {
            // Ends here.
        } else {
            headers.append(name.clone(), value);
        }
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if !passage.http2 {
            headers.append(header::CONNECTION, HeaderValue::from_static("TE"));
        }
    }
}

/// Makes response fields fit for the client's connection. Order is kept.
pub(super) fn pass_response(headers: &mut HeaderMap, http1_on_both_sides: bool) {
    if !headers.keys().any(is_hop_by_hop) {
        return;
    }
    let nominated = nominated(headers);
    let old = std::mem::take(headers);
    headers.reserve(old.len());
    // A length beside a coding is not the body's, and must not go on (RFC 9112 § 6.3): the client
    // would read another message than we do.
    let coded = old.contains_key(header::TRANSFER_ENCODING);
    let mut last = None;
    for (name, value) in old {
        if name.is_some() {
            last = name;
        }
        let Some(name) = &last else { continue };
        if coded && *name == header::CONTENT_LENGTH {
            continue;
        }
        // Framing is hyper's; but a coding besides chunked is still on the body.
        let framing = *name == header::TRANSFER_ENCODING && http1_on_both_sides;
        if framing || (!is_hop_by_hop(name) && !nominated.contains(name)) {
            headers.append(name.clone(), value);
        }
    }
}

/// Whether all who read this head will agree where its body ends: of codings there is `chunked`, once,
/// or none. What else may stand there (RFC 9112 § 6.1) some servers know, some overlook, and some take
/// for something else, which is how requests are smuggled past who stands in between.
pub(super) fn is_framed_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match codings.next() {
        None => true,
        Some(only) => only.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none(),
    }
}

/// Whether the head asks for, or grants, a WebSocket.
pub(super) fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TRANSFER_ENCODING
        || *name == header::TE
        || *name == header::UPGRADE
        || *name == header::PROXY_AUTHORIZATION
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::TE)
        .iter()
        .flat_map(tokens)
        .any(|t| t.eq_ignore_ascii_case(b"trailers"))
}

/// Fields named in `Connection`. Framing and routing cannot be nominated away: a request without
/// them would be another one.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(tokens)
        .filter_map(|t| HeaderName::from_bytes(t).ok())
        .filter(|n| {
            !matches!(
                *n,
                header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::UPGRADE
            )
        })
        .collect()
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|t| !t.is_empty())
}

/// HTTP/2 may split a cookie; HTTP/1 may not (RFC 9113 § 8.2.3).
fn joined_cookies(headers: &HeaderMap) -> HeaderValue {
    let crumbs: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        map
    }

    fn shown(map: &HeaderMap) -> Vec<String> {
        map.iter()
            .map(|(n, v)| format!("{n}: {}", v.to_str().expect("text")))
            .collect()
    }

    #[test]
    fn requests() {
        let host = HeaderValue::from_static("a.test");
        let proxy = Passage {
            for_proxy: true,
            ..Passage::default()
        };
        let websocket = Passage {
            websocket: true,
            ..Passage::default()
        };
        let http2 = Passage {
            http2: true,
            ..Passage::default()
        };
        let to_http1 = Passage {
            host: Some(&host),
            ..Passage::default()
        };
        for (passage, before, after) in [
            (
                proxy,
                &[
                    ("host", "a.test"),
                    ("proxy-connection", "keep-alive"),
                    ("accept", "*/*"),
                    ("connection", "X-Mine, close, Host"),
                    ("x-mine", "1"),
                    ("keep-alive", "timeout=5"),
                    ("proxy-authorization", "Basic x"),
                    ("upgrade", "h2c"),
                    ("origin", "https://b.test"),
                ][..],
                &["host: a.test", "accept: */*", "origin: https://b.test"][..],
            ),
            (
                Passage::default(),
                &[("proxy-authorization", "x"), ("te", "gzip")],
                &["proxy-authorization: x"],
            ),
            (
                Passage::default(),
                &[("te", "trailers, gzip;q=0.5"), ("connection", "TE")],
                &["te: trailers", "connection: TE"],
            ),
            (http2, &[("te", "trailers")], &["te: trailers"]),
            (
                Passage::default(),
                &[("transfer-encoding", "chunked"), ("connection", "close")],
                &["transfer-encoding: chunked"],
            ),
            (
                websocket,
                &[
                    ("host", "a.test"),
                    ("connection", "keep-alive, Upgrade"),
                    ("upgrade", "websocket"),
                    ("sec-websocket-key", "k"),
                ],
                &[
                    "host: a.test",
                    "connection: Upgrade",
                    "upgrade: websocket",
                    "sec-websocket-key: k",
                ],
            ),
            (
                to_http1,
                &[("cookie", "a=1"), ("cookie", "b=2"), ("x", "1")],
                &["host: a.test", "cookie: a=1; b=2", "x: 1"],
            ),
            (
                http2,
                &[("cookie", "a=1"), ("cookie", "b=2")],
                &["cookie: a=1", "cookie: b=2"],
            ),
        ] {
            let mut headers = map(before);
            pass_request(&mut headers, passage);
            assert_eq!(shown(&headers), after);
        }
    }

    #[test]
    fn responses() {
        let mut headers = map(&[
            ("server", "x"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("trailer", "x-sum"),
        ]);
        let mut http2 = headers.clone();
        pass_response(&mut headers, true);
        let all = [
            "server: x",
            "transfer-encoding: chunked",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "trailer: x-sum",
        ];
        assert_eq!(shown(&headers), all);
        pass_response(&mut http2, false);
        assert_eq!(shown(&http2), [all[0], all[2], all[3], all[4]]);
    }

    #[test]
    fn a_head_that_needs_nothing_is_not_rebuilt() {
        let mut headers = map(&[("b", "1"), ("a", "2"), ("proxy-authorization", "x")]);
        pass_request(&mut headers, Passage::default());
        assert_eq!(shown(&headers).len(), 3);
    }
}
