//! Which response headers script may read.

use crate::wire::HeaderList;

use super::request::is_token;
use super::safelist::{is_forbidden_response_header, is_safelisted_response_header};

/// What script can and cannot see of an answer that passed: names in lower case, in wire order,
/// each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposed {
    /// Readable.
    pub exposed: Vec<String>,
    /// Hidden.
    pub hidden: Vec<String>,
}

/// Applies `Access-Control-Expose-Headers` to a cross-origin answer
/// ([Fetch § CORS filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-cors)).
/// `*` exposes everything only without credentials; one bad token voids the list.
pub fn exposed_headers(headers: &HeaderList, include: bool) -> Exposed {
    let listed = listed(headers);
    let all = !include && listed.iter().any(|name| name == "*");
    split(headers, |name| {
        is_safelisted_response_header(name) || all || listed.iter().any(|l| l == name)
    })
}

/// What script can see of a same-origin answer: all but `Set-Cookie`
/// ([Fetch § basic filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-basic)).
pub fn basic_headers(headers: &HeaderList) -> Exposed {
    split(headers, |_| true)
}

fn listed(headers: &HeaderList) -> Vec<String> {
    let value = headers
        .get("access-control-expose-headers")
        .unwrap_or_default();
    let names: Vec<String> = value
        .split(',')
        .map(|name| name.trim_matches([' ', '\t']).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    if names.iter().all(|name| is_token(name)) {
        names
    } else {
        Vec::new()
    }
}

fn split(headers: &HeaderList, readable: impl Fn(&str) -> bool) -> Exposed {
    let mut out = Exposed::default();
    for field in headers.iter() {
        let name = field.name.to_ascii_lowercase();
        let list = if !is_forbidden_response_header(&name) && readable(&name) {
            &mut out.exposed
        } else {
            &mut out.hidden
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(expose: &str, include: bool) -> Vec<String> {
        let headers = HeaderList::from_pairs([
            ("Content-Type", "text/html"),
            ("ETag", "1"),
            ("Set-Cookie", "a=b"),
            ("Access-Control-Expose-Headers", expose),
        ]);
        exposed_headers(&headers, include).exposed
    }

    #[test]
    fn lists_and_wildcards() {
        assert_eq!(seen("", false), ["content-type"]);
        assert_eq!(seen("etag, Set-Cookie", true), ["content-type", "etag"]);
        assert_eq!(seen("etag, a b", false), ["content-type"]);
        assert_eq!(
            seen("*", false),
            ["content-type", "etag", "access-control-expose-headers"]
        );
        assert_eq!(seen("*", true), ["content-type"]);
    }
}
