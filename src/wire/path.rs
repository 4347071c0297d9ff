//! Which paths something is meant for.

use std::fmt;

/// A path whose segments may be `*`: any one segment. A `*` as the last segment of a pattern that was
/// written by hand means that too, never the rest of the path.
///
/// ```
/// use corscope::wire::PathPattern;
/// let pattern = PathPattern::of_path("/v1/cart/7?full=1");
/// assert_eq!(pattern.to_string(), "/v1/cart/*");
/// assert!(pattern.matches("/v1/cart/8") && !pattern.matches("/v1/cart/8/items"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern(String);

impl PathPattern {
    /// A pattern as it is written.
    pub fn new(text: &str) -> Self {
        Self(without_query(text).to_owned())
    }

    /// The endpoint a path belongs to: segments that look like ids (numbers, UUIDs, long hexadecimal
    /// words) become `*`.
    pub fn of_path(path: &str) -> Self {
        let path = without_query(path);
        let redacted = super::is_redacted(path);
        let mut pattern = String::with_capacity(path.len());
        for (number, segment) in path.split('/').enumerate() {
            if number > 0 {
                pattern.push('/');
            }
            // What stands in place of a secret stands for what nobody types either.
            let id = is_id(segment) || redacted && super::is_redacted(segment);
            pattern.push_str(if id { "*" } else { segment });
        }
        Self(pattern)
    }

    /// As it is written.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Whether a path, query and all, is meant.
    pub fn matches(&self, path: &str) -> bool {
        let mut segments = without_query(path).split('/');
        let same = self.0.split('/').all(|wanted| {
            segments
                .next()
                .is_some_and(|segment| wanted == segment || (wanted == "*" && !segment.is_empty()))
        });
        same && segments.next().is_none()
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

fn is_id(segment: &str) -> bool {
    const HEX_DIGITS_MIN: usize = 16;
    // With a decimal digit among them it is no word.
    const HEX_MIXED_BYTES_MIN: usize = 8;
    let decimal = segment.bytes().filter(u8::is_ascii_digit).count();
    let number = decimal > 0 && decimal == segment.len();
    let hex = || {
        let digits = segment.bytes().filter(u8::is_ascii_hexdigit).count();
        let mixed = decimal > 0 && segment.len() >= HEX_MIXED_BYTES_MIN;
        (mixed || digits >= HEX_DIGITS_MIN)
            && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    number || hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_stars() {
        for (path, pattern) in [
            ("/", "/"),
            ("/v1/orders", "/v1/orders"),
            ("/v1/orders/", "/v1/orders/"),
            ("/v2/cart/17/items?x=1", "/v2/cart/*/items"),
            ("/u/9b2f6a1e-7c1d-4f0b-9a52-0c1d2e3f4a5b", "/u/*"),
            ("/u/65f1c0ffee65f1c0ffee0001", "/u/*"),
            ("/u/redacted-abcdefgh2345/items", "/u/*/items"),
            ("/u/3f2b9c1e-aa11", "/u/*"),
            ("/cafe/beef", "/cafe/beef"),
        ] {
            assert_eq!(PathPattern::of_path(path).to_string(), pattern);
            assert!(PathPattern::of_path(path).matches(path));
        }
    }

    #[test]
    fn a_star_is_one_segment() {
        let pattern = PathPattern::new("/v1/cart/*");
        for (path, meant) in [
            ("/v1/cart/7", true),
            ("/v1/cart/7?x=/y", true),
            ("/v1/cart/", false),
            ("/v1/cart", false),
            ("/v1/cart/7/8", false),
            ("/V1/cart/7", false),
        ] {
            assert_eq!(pattern.matches(path), meant, "{path}");
        }
    }
}
