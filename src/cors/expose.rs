//! Which response headers script may read.

use std::collections::HashSet;

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
    let all = !include && listed.contains("*");
    split(headers, |name| {
        is_safelisted_response_header(name) || all || listed.contains(name)
    })
}

/// What script can see of a same-origin answer: all but `Set-Cookie`
/// ([Fetch § basic filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-basic)).
pub fn basic_headers(headers: &HeaderList) -> Exposed {
    split(headers, |_| true)
}

fn listed(headers: &HeaderList) -> HashSet<String> {
    let Some(value) = headers.combined("access-control-expose-headers") else {
        return HashSet::new();
    };
    let names = value
        .split(',')
        .map(|name| name.trim_matches([' ', '\t']))
        .filter(|name| !name.is_empty());
    if names.clone().all(is_token) {
        names.map(str::to_ascii_lowercase).collect()
    } else {
        HashSet::new()
    }
}

fn split(headers: &HeaderList, readable: impl Fn(&str) -> bool) -> Exposed {
    let mut out = Exposed::default();
    let mut told = Told::default();
    for field in headers.iter() {
        let name = field.name.to_ascii_lowercase();
        if told.is_new(&name, out.exposed.iter().chain(&out.hidden)) {
            let hidden = is_forbidden_response_header(&name) || !readable(&name);
            let list = if hidden {
                &mut out.hidden
            } else {
                &mut out.exposed
            };
            list.push(name);
        }
    }
    out
}

/// Names that were told already: looked for among a few, kept apart of many.
#[derive(Default)]
struct Told {
    count: usize,
    many: HashSet<String>,
}

impl Told {
    const FEW: usize = 64;

    fn is_new<'a>(&mut self, name: &str, mut few: impl Iterator<Item = &'a String>) -> bool {
        self.count += 1;
        if self.count <= Self::FEW {
            return !few.any(|known| known == name);
        }
        if self.many.is_empty() {
            self.many.extend(few.cloned());
        }
        self.many.insert(name.to_owned())
    }
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
