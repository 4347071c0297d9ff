//! What Chromium writes into its requests, in its order.

use crate::wire::{HeaderList, Origin};

use super::super::scenario::{Call, How};

pub(super) const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
const BRANDS: &str = r#""Chromium";v="150", "Not.A/Brand";v="24""#;
const ENCODINGS: &str = "gzip, deflate, br, zstd";
const LANGUAGES: &str = "en-US,en;q=0.9";

/// What kind of thing of its own a page loads.
#[derive(Clone, Copy)]
pub(super) enum Load {
    Document,
    Style,
    Script,
    Image,
}

/// The page's document and what belongs to it.
pub(super) fn of_load(load: Load, page: &str) -> HeaderList {
    let (accept, site, mode, dest) = match load {
        Load::Document => (
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
            "none",
            "navigate",
            "document",
        ),
        Load::Style => ("text/css,*/*;q=0.1", "same-origin", "no-cors", "style"),
        Load::Script => ("*/*", "same-origin", "no-cors", "script"),
        Load::Image => (
            "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
            "same-origin",
            "no-cors",
            "image",
        ),
    };
    let mut list = HeaderList::from_pairs(hints());
    let document = matches!(load, Load::Document);
    if document {
        push(&mut list, "Upgrade-Insecure-Requests", "1");
    }
    push(&mut list, "User-Agent", USER_AGENT);
    push(&mut list, "Accept", accept);
    push(&mut list, "Sec-Fetch-Site", site);
    push(&mut list, "Sec-Fetch-Mode", mode);
    if document {
        push(&mut list, "Sec-Fetch-User", "?1");
    }
    push(&mut list, "Sec-Fetch-Dest", dest);
    if !document {
        push(&mut list, "Referer", page);
    }
    push(&mut list, "Accept-Encoding", ENCODINGS);
    push(&mut list, "Accept-Language", LANGUAGES);
    list
}

/// A preflight ([Fetch § CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch)).
pub(super) fn of_preflight(call: &Call, unsafe_names: &[String], parties: &Parties) -> HeaderList {
    let mut list = HeaderList::from_pairs([("Accept", "*/*")]);
    push(&mut list, "Access-Control-Request-Method", call.method);
    if !unsafe_names.is_empty() {
        // Comma without space, as the standard has it.
        let names = unsafe_names.join(",");
        push(&mut list, "Access-Control-Request-Headers", &names);
    }
    push(&mut list, "Origin", &parties.page.to_string());
    push(&mut list, "User-Agent", USER_AGENT);
    push(&mut list, "Sec-Fetch-Mode", "cors");
    push(&mut list, "Sec-Fetch-Site", parties.site());
    push(&mut list, "Sec-Fetch-Dest", "empty");
    push(&mut list, "Referer", &parties.referer());
    push(&mut list, "Accept-Encoding", ENCODINGS);
    push(&mut list, "Accept-Language", LANGUAGES);
    list
}

/// The request itself. `cookies` is the value of the header, `None` where none are due.
pub(super) fn of_call(call: &Call, parties: &Parties, cookies: Option<&str>) -> HeaderList {
    let mut list = HeaderList::from_pairs(hints());
    push(&mut list, "User-Agent", USER_AGENT);
    for (name, value) in &call.headers {
        push(&mut list, name, value);
    }
    let events = call.how == How::EventSource;
    if events {
        push(&mut list, "Cache-Control", "no-cache");
    }
    if call.body.is_some()
        && !call
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case("content-type"))
    {
        push(&mut list, "Content-Type", "text/plain;charset=UTF-8");
    }
    push(
        &mut list,
        "Accept",
        if events { "text/event-stream" } else { "*/*" },
    );
    let no_cors = call.how == How::NoCors;
    // Without CORS only what is not GET or HEAD says where it comes from.
    if !no_cors || !matches!(call.method, "GET" | "HEAD") {
        push(&mut list, "Origin", &parties.page.to_string());
    }
    push(&mut list, "Sec-Fetch-Site", parties.site());
    push(
        &mut list,
        "Sec-Fetch-Mode",
        if no_cors { "no-cors" } else { "cors" },
    );
    push(&mut list, "Sec-Fetch-Dest", "empty");
    if call.include_credentials && parties.site() == "cross-site" {
        push(&mut list, "Sec-Fetch-Storage-Access", "active");
    }
    push(&mut list, "Referer", &parties.referer());
    push(&mut list, "Accept-Encoding", ENCODINGS);
    push(&mut list, "Accept-Language", LANGUAGES);
    if let Some(cookies) = cookies {
        push(&mut list, "Cookie", cookies);
    }
    list
}

/// The handshake of a WebSocket; key, version and upgrade are for whoever makes it.
pub(super) fn of_web_socket(parties: &Parties) -> HeaderList {
    HeaderList::from_pairs([
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("User-Agent", USER_AGENT),
        ("Origin", &parties.page.to_string()),
        ("Accept-Encoding", ENCODINGS),
        ("Accept-Language", LANGUAGES),
    ])
}

/// Who calls whom.
pub(super) struct Parties {
    pub(super) page: Origin,
    pub(super) target: Origin,
}

impl Parties {
    /// `Sec-Fetch-Site` ([Fetch Metadata § 2.3](https://w3c.github.io/webappsec-fetch-metadata/)).
    fn site(&self) -> &'static str {
        if self.page.same_origin(&self.target) {
            "same-origin"
        } else if self.page.same_site(&self.target) {
            "same-site"
        } else {
            "cross-site"
        }
    }

    /// What `strict-origin-when-cross-origin`, the default policy, leaves of the page's URL.
    fn referer(&self) -> String {
        format!("{}/", self.page)
    }
}

fn hints() -> [(&'static str, &'static str); 3] {
    [
        ("sec-ch-ua", BRANDS),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
    ]
}

fn push(list: &mut HeaderList, name: &str, value: &str) {
    list.push(name, value.as_bytes());
}
