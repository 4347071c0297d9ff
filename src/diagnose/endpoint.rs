//! Which endpoint of its host a URL belongs to.

use memchr::memmem;

use crate::wire::PathPattern;

use super::slots::key_of;

/// The path with numbers, UUIDs and long hexadecimal words replaced by `*`, without query.
pub(crate) fn template_of(url: &str) -> String {
    let scheme = memmem::find(url.as_bytes(), b"://");
    let rest = scheme.map_or(url, |at| &url[at + 3..]);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    PathPattern::of_path(path).into_string()
}

/// Key of the endpoint a URL belongs to, within its host.
pub(crate) fn endpoint_of(url: &str) -> u64 {
    key_of(template_of(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_apart_from_ids() {
        assert_eq!(template_of("https://a.test/v1/cart/77?x=1"), "/v1/cart/*");
        assert_eq!(template_of("https://a.test/u/3f2b9c1e-aa11"), "/u/*");
        assert_eq!(template_of("https://a.test"), "/");
        assert_eq!(template_of("https://a.test/facade"), "/facade");
    }
}
