//! What statuses, headers and bodies of known servers say: data, not rules.

use crate::wire::HeaderList;

use super::diagnosis::Part;
use super::root::Root;

/// The root that the status of an answer without passing CORS headers stands for, and what it is in a
/// few words; `None` for 1xx to 3xx.
pub(crate) fn status_root(status: u16) -> Option<(Root, &'static str)> {
    Some(match status {
        401 => (Root::AuthError, "not logged in, or the token is not valid"),
        403 => (Root::AuthError, "not allowed"),
        404 | 410 => (Root::WrongUrl, "nothing is served here"),
        405 => (Root::MethodNotAllowed, "the method is not served here"),
        413 => (Root::PayloadTooLarge, "the body is too large"),
        429 => (Root::RateLimited, "too many requests"),
        400..=499 => (Root::OtherClientError, "the request is refused"),
        502..=504 | 520..=527 | 530 => (Root::GatewayError, "the application was not reached"),
        500..=599 => (Root::ServerError, "the server crashed"),
        _ => return None,
    })
}

/// Texts by which servers say that CORS refused a request; lower case.
const REFUSALS: [&str; 12] = [
    "disallowed cors",
    "invalid cors request",
    "origin is not allowed to make this request",
    "requested method is not allowed",
    "requested header is not allowed",
    "cors preflight request failed",
    "not allowed by cors",
    "corsresponse: this cors request is not allowed",
    "corsresponse: cors is not enabled",
    "<code>accessforbidden</code>",
    "cors policy",
    "cors origin not allowed",
];

/// Where and in which words an answer says that CORS refused the request.
pub(crate) fn refusal(
    headers: &HeaderList,
    body: &str,
) -> Option<(Part, Option<&'static str>, String)> {
    if let Some(miss) = headers.get("x-rack-cors")
        && miss.starts_with("miss")
    {
        return Some((Part::ResponseHeader, Some("x-rack-cors"), miss));
    }
    if body.is_empty() {
        return None;
    }
    let lower = body.to_ascii_lowercase();
    let at = REFUSALS.iter().find_map(|text| lower.find(text))?;
    let rest = body.get(at..)?;
    let line = rest.split(['\n', '<', '"', '\r']).find(|l| !l.is_empty())?;
    Some((Part::ResponseBody, None, shortened(line)))
}

/// The header by which a CDN or firewall can be told when it answers by itself.
pub(crate) fn edge_mark(headers: &HeaderList, body: &str) -> Option<&'static str> {
    const MARKS: [&str; 8] = [
        "cf-mitigated",
        "x-sucuri-id",
        "x-sucuri-block",
        "akamai-grn",
        "x-amzn-waf-action",
        "x-azure-ref",
        "x-iinfo",
        "x-datadome",
    ];
    if let Some(mark) = MARKS.into_iter().find(|name| headers.contains(name)) {
        return Some(mark);
    }
    let server = headers
        .get("server")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ["akamaighost", "cloudfront", "sucuri", "imperva", "bigip"]
        .iter()
        .any(|s| server.contains(s))
    {
        return Some("server");
    }
    (headers.contains("cf-ray") && is_document(body)).then_some("cf-ray")
}

/// Whether a body is an HTML page.
pub(crate) fn is_document(body: &str) -> bool {
    let start: String = body
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .take(64)
        .collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")
}

/// Whether a header is one of CORS' own.
pub(crate) fn is_cors_header(name: impl AsRef<[u8]>) -> bool {
    const PREFIX: &[u8] = b"access-control-";
    let name = name.as_ref();
    name.len() > PREFIX.len() && name[..PREFIX.len()].eq_ignore_ascii_case(PREFIX)
}

/// The beginning of a body that can be quoted: text, white space folded, at most 200 characters; of an
/// HTML page its title.
pub(crate) fn quotable(body: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let start = at + lower[at..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        // ASCII lower-casing keeps every byte where it was.
        body.get(start..end)
    });
    let text = match title {
        Some(title) if !title.trim().is_empty() => title,
        _ => body,
    };
    if text
        .chars()
        .take(200)
        .any(|c| c.is_control() && !c.is_whitespace())
    {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = shortened(&words.join(" "));
    (!text.is_empty()).then_some(text)
}

/// The text, or its beginning up to the end of a word and `…`.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    // A word longer than this (a token, text without spaces) is cut inside.
    const WORD_BYTES_MAX: usize = 40;
    let Some((cut, _)) = text.char_indices().nth(CHARS_MAX) else {
        return text.to_owned();
    };
    let head = &text[..cut];
    let word = head.rfind(' ').filter(|at| cut - at <= WORD_BYTES_MAX);
    let head = &head[..word.unwrap_or(cut)];
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_ends_at_a_word_and_says_that_it_was_cut() {
        let long = "A null value in column id violates a constraint. ".repeat(6);
        let quoted = quotable(&long).expect("words");
        assert!(quoted.ends_with(" constraint. A…"), "{quoted}");
        assert_eq!(quotable("short  words\n"), Some("short words".into()));
        let endless = quotable(&"x".repeat(500)).expect("words");
        assert_eq!(endless.chars().count(), 201);
    }

    #[test]
    fn statuses() {
        for (status, root) in [
            (401, Root::AuthError),
            (404, Root::WrongUrl),
            (418, Root::OtherClientError),
            (500, Root::ServerError),
            (503, Root::GatewayError),
            (521, Root::GatewayError),
        ] {
            assert_eq!(status_root(status).map(|r| r.0), Some(root), "{status}");
        }
        assert!(status_root(204).is_none());
    }

    #[test]
    fn refusals_are_quoted() {
        let none = HeaderList::new();
        let said = refusal(&none, "<p>Error: Not allowed by CORS</p>");
        assert_eq!(said.map(|s| s.2).as_deref(), Some("Not allowed by CORS"));
        assert!(refusal(&none, "Internal Server Error").is_none());
    }

    #[test]
    fn quotes_are_short_and_clean() {
        assert_eq!(
            quotable("<html><title>502 Bad\n Gateway</title>").as_deref(),
            Some("502 Bad Gateway")
        );
        assert_eq!(quotable("\u{0}\u{1}binary"), None);
        assert_eq!(quotable("  "), None);
    }
}
