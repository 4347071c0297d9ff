//! What corscope says in its own name, where no server did.

mod profile;
mod seen;
mod site;

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::tap::Outgoing;
use crate::wire::{Failure, FailureKind, FailureStage};

pub(super) use site::{Asked, Site, Way, is_ours};

/// Nobody else's page reads, frames, caches or re-interprets what we say. `style-src` is widened by
/// the one page that has a style sheet.
const STRICT: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
];

/// Told instead of an answer that never came.
pub(super) fn failed(failure: &Failure, url: &str, asked: &HeaderMap) -> Response<Outgoing> {
    let status = match failure.kind {
        FailureKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        FailureKind::Loop => StatusCode::LOOP_DETECTED,
        _ => StatusCode::BAD_GATEWAY,
    };
    let (title, hint) = match (failure.stage, failure.kind) {
        (_, FailureKind::Loop) => (
            "This request would come back to corscope",
            "It is addressed to the proxy itself. Ask for the server behind it instead.",
        ),
        (FailureStage::Upstream, _) => (
            "The proxy behind corscope did not pass it on",
            "Is it running, and the right one? --upstream URL names another, --no-upstream does without.",
        ),
        (_, FailureKind::NameNotResolved) => (
            "The server's name is not known",
            "Is it spelled right? Is it in the hosts file, or in a DNS that this machine asks?",
        ),
        (_, FailureKind::Refused) => (
            "Nothing listens there",
            "Is the server running, and on this port?",
        ),
        (_, FailureKind::Certificate) => (
            "The server's certificate is not accepted",
            "Start corscope with --upstream-ca FILE to trust the authority that issued it, or with \
             --insecure HOST to do without.",
        ),
        (FailureStage::Tls, _) => (
            "No TLS with the server",
            "Is this really an https:// server, on this port?",
        ),
        (FailureStage::Wait, FailureKind::Reset) => (
            "The server closed the connection without an answer",
            "It may have crashed: look at its log.",
        ),
        _ => (
            "The server could not be asked",
            "Is it up, and reachable from this machine?",
        ),
    };
    let facts = [("Asked for", url), ("What happened", &*failure.detail)];
    page(status, title, hint, &facts, asked)
}

/// Told to who sends a request that has no way to go.
pub(super) fn unusable(status: StatusCode, why: &str, asked: &HeaderMap) -> Response<Outgoing> {
    let hint = match status {
        StatusCode::BAD_REQUEST => "A request to a proxy names the whole URL (RFC 9112 § 3.2.2).",
        StatusCode::MISDIRECTED_REQUEST => {
            "corscope's own page is at http://corscope.test/ for who uses the proxy, and at \
             127.0.0.1 or localhost for who does not."
        }
        _ => "corscope's own page is http://corscope.test/.",
    };
    page(
        status,
        "corscope cannot use this request",
        hint,
        &[("Why", why)],
        asked,
    )
}

/// Told to a client of another machine that did not bring the password.
pub(super) fn locked(asked: &HeaderMap) -> Response<Outgoing> {
    let hint =
        "Give the password that corscope was started with (--password); any user name will do.";
    let facts = [(
        "Why",
        "it listens for other machines, and they need a password",
    )];
    let status = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    let mut response = page(status, "This proxy wants a password", hint, &facts, asked);
    response.headers_mut().insert(
        header::PROXY_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"corscope\", charset=\"UTF-8\""),
    );
    response
}

fn page(
    status: StatusCode,
    title: &str,
    hint: &str,
    facts: &[(&str, &str)],
    asked: &HeaderMap,
) -> Response<Outgoing> {
    let (kind, text) = if wants_html(asked) {
        ("text/html; charset=utf-8", as_html(title, hint, facts))
    } else {
        ("text/plain; charset=utf-8", as_text(title, hint, facts))
    };
    said(status, kind, Bytes::from(text))
}

fn wants_html(asked: &HeaderMap) -> bool {
    asked
        .get(header::ACCEPT)
        .is_some_and(|v| memchr::memmem::find(v.as_bytes(), b"text/html").is_some())
}

/// An answer of our own, with the headers that all of them have.
fn said(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::Page(Full::new(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in STRICT {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn as_text(title: &str, hint: &str, facts: &[(&str, &str)]) -> String {
    let mut text = format!("corscope: {title}.\n\n");
    for (name, value) in facts {
        let _ = writeln!(text, "{name}: {value}");
    }
    let _ = write!(
        text,
        "\n{hint}\n\nThis page is made by corscope, not by the server.\n"
    );
    text
}

fn as_html(title: &str, hint: &str, facts: &[(&str, &str)]) -> String {
    let mut list = String::new();
    for (name, value) in facts {
        let _ = write!(
            list,
            "<dt>{}</dt><dd>{}</dd>",
            escaped(name),
            escaped(value)
        );
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>corscope: {title}</title>\
         <meta name=viewport content=\"width=device-width\"><style>\
         :root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;\
         max-width:40em;margin:4em auto;padding:0 1em}}dt{{opacity:.7}}\
         dd{{margin:0 0 .7em;font-family:ui-monospace,monospace;overflow-wrap:anywhere}}\
         footer{{opacity:.7;border-top:1px solid;margin-top:2em;padding-top:.5em}}</style>\
         <h1>{title}</h1><dl>{list}</dl><p>{hint}</p>\
         <footer>This page is made by <b>corscope</b>, not by the server.</footer></html>\n",
        title = escaped(title),
        hint = escaped(hint),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_request_becomes_markup() {
        let page = as_html("t", "h", &[("n", "<script>\"&")]);
        assert!(page.contains("&lt;script&gt;&quot;&amp;"));
        assert!(!page.contains("<script>"));
    }
}
