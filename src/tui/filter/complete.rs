//! What could be typed next.

use std::ops::Range;

use super::{KEYS, STATES};
use crate::cors::Check;
use crate::diagnose::Root;

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    /// Which bytes of the filter it takes the place of.
    pub(crate) at: Range<usize>,
    pub(crate) text: String,
    /// What it is.
    pub(crate) about: String,
}

/// Ways to go on from the cursor (in bytes). `origins` are those of servers and pages of the session.
pub(crate) fn suggestions(text: &str, cursor: usize, origins: &[String]) -> Vec<Suggestion> {
    let cursor = text.floor_char_boundary(cursor.min(text.len()));
    let before = &text[..cursor];
    // In the middle of quotes nothing is suggested: the text is a person's own.
    if before.matches('"').count() % 2 == 1 {
        return Vec::new();
    }
    let start = before
        .rfind(|c: char| c.is_whitespace() || c == '(')
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    let token = &before[start..];
    let signs = token.len() - token.trim_start_matches(['-', '!']).len();
    let (start, token) = (start + signs, &token[signs..]);
    let Some((key, typed)) = token.split_once(':') else {
        if token.is_empty() {
            return Vec::new();
        }
        let lower = token.to_ascii_lowercase();
        let keys = KEYS.iter().filter(|(key, _)| key.starts_with(&lower));
        return keys
            .map(|(key, about)| Suggestion {
                at: start..cursor,
                text: format!("{key}:"),
                about: (*about).to_owned(),
            })
            .collect();
    };
    // The value behind the last comma.
    let value = typed.rsplit(',').next().unwrap_or_default();
    let at = cursor - value.len()..cursor;
    let lower = value.to_ascii_lowercase();
    let known = values(&key.to_ascii_lowercase(), origins);
    let fits = |v: &String| {
        let v = v.to_ascii_lowercase();
        v != lower && v.contains(&lower)
    };
    let mut found: Vec<String> = known.into_iter().filter(fits).collect();
    found.sort_by_key(|v| !v.to_ascii_lowercase().starts_with(&lower));
    found
        .into_iter()
        .map(|text| Suggestion {
            at: at.clone(),
            text,
            about: String::new(),
        })
        .collect()
}

fn values(key: &str, origins: &[String]) -> Vec<String> {
    let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    match key {
        "is" => owned(&STATES),
        "cors" => owned(&STATES[..7]),
        "method" => owned(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
        "type" => owned(&[
            "fetch", "doc", "js", "css", "img", "font", "media", "ws", "sse", "tunnel",
        ]),
        "scheme" => owned(&["https", "http"]),
        "protocol" => owned(&["h2", "HTTP/1.1"]),
        "status" => owned(&["2xx", "3xx", "4xx", "5xx", ">=400"]),
        "size" => owned(&[">10k", ">100k", ">1M"]),
        "larger-than" => owned(&["10k", "100k", "1M"]),
        "time" => owned(&[">100ms", ">300ms", ">1s"]),
        "slower-than" => owned(&["100ms", "300ms", "1s"]),
        "host" => {
            let hosts = origins.iter();
            hosts
                .map(|o| super::holds::authority(o).to_owned())
                .collect()
        }
        "origin" => origins.to_vec(),
        "cause" => {
            let checks = Check::ALL.iter().map(|c| c.id());
            let roots = Root::ALL.iter().map(|r| r.id());
            checks.chain(roots).map(str::to_owned).collect()
        }
        "root" => Root::ALL.iter().map(|r| r.id().to_owned()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let origins = ["https://api.app.test:8443".to_owned()];
        let all = suggestions(text, text.len(), &origins);
        all.into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn keys_then_values() {
        assert_eq!(texts("api st"), ["status:"]);
        assert_eq!(texts("-is:bl"), ["blocked"]);
        assert_eq!(texts("(host:ap"), ["api.app.test:8443"]);
        assert_eq!(texts("method:get,del"), ["DELETE"]);
        assert!(texts("cause:missing").contains(&"missing-allow-origin".to_owned()));
        assert!(texts("body:\"st").is_empty() && texts("").is_empty() && texts("é ").is_empty());
    }
}
