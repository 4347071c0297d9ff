//! The sentences of Firefox's console that say why a request was refused. BiDi has no field for that.
//!
//! They are translated with the browser; the words looked for here are those of the English one and,
//! where they are names of headers or of CORS itself, of every other.

use crate::wire::Block;

/// Firefox's name of a reason by words of its sentence, the more telling first
/// (`dom/locales/en-US/chrome/security/security.properties`).
const REASONS: [(&str, &str); 15] = [
    (
        "Credential is not supported",
        "CORSNotSupportingCredentials",
    ),
    ("Multiple CORS header", "CORSMultipleAllowOriginNotAllowed"),
    (
        "expected ‘true’ in CORS header",
        "CORSMissingAllowCredentials",
    ),
    ("Did not find method in CORS header", "CORSMethodNotFound"),
    (
        "is not allowed according to header ‘Access-Control-Allow-Headers’",
        "CORSMissingAllowHeaderFromPreflight",
    ),
    (
        "in CORS header ‘Access-Control-Allow-Methods’",
        "CORSInvalidAllowMethod",
    ),
    (
        "in CORS header ‘Access-Control-Allow-Headers’",
        "CORSInvalidAllowHeader",
    ),
    (
        "CORS header ‘Access-Control-Allow-Origin’ missing",
        "CORSMissingAllowOrigin",
    ),
    (
        "CORS header ‘Access-Control-Allow-Origin’ does not match",
        "CORSAllowOriginNotMatchingOrigin",
    ),
    (
        "CORS preflight response did not succeed",
        "CORSPreflightDidNotSucceed",
    ),
    (
        "external redirect not allowed",
        "CORSExternalRedirectNotAllowed",
    ),
    ("CORS request did not succeed", "CORSDidNotSucceed"),
    ("CORS request not HTTP", "CORSRequestNotHttp"),
    (
        "CORS header ‘Origin’ cannot be added",
        "CORSOriginHeaderNotAdded",
    ),
    ("CORS disabled", "CORSDisabled"),
];

/// What a sentence of the console says was blocked, and why; `None` if it is about something else.
pub(super) fn block(sentence: &str) -> Option<(String, Block)> {
    if sentence.contains("CORS") || sentence.contains("Cross-Origin Request Blocked") {
        let reason = REASONS.iter().find(|(words, _)| sentence.contains(words));
        let name = reason.map_or("", |(_, name)| name);
        return Some((url_in(sentence)?, Block::Cors(name.to_owned())));
    }
    if sentence.contains("Content-Security-Policy") {
        // A policy that only reports blocks nothing.
        if sentence.contains("report-only") || sentence.contains("Report-Only") {
            return None;
        }
        let directive = ["connect-src", "default-src"]
            .into_iter()
            .find(|name| sentence.contains(&format!("({name})")));
        let named = directive.unwrap_or_else(|| between(sentence, '(', ')').unwrap_or_default());
        return Some((url_in(sentence)?, Block::Csp(named.to_owned())));
    }
    if sentence.contains("mixed active content") || sentence.contains("mixed display content") {
        // What was upgraded, or loaded with a warning, was not blocked.
        let blocked = sentence.starts_with("Blocked");
        return blocked.then(|| Some((url_in(sentence)?, Block::MixedContent)))?;
    }
    None
}

/// The first URL of a sentence.
fn url_in(sentence: &str) -> Option<String> {
    let at = ["http://", "https://"]
        .into_iter()
        .filter_map(|scheme| sentence.find(scheme))
        .min()?;
    let rest = &sentence[at..];
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '’' | '”' | '"' | '»'))
        .unwrap_or(rest.len());
    let url = rest[..end].trim_end_matches('.');
    Some(super::without_fragment(url))
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    let rest = &text[text.find(open)? + open.len_utf8()..];
    Some(&rest[..rest.find(close)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_firefox_153() {
        let missing = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the \
            remote resource at http://api.localhost:36379/none. (Reason: CORS header \
            ‘Access-Control-Allow-Origin’ missing). Status code: 200.";
        let star = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the \
            remote resource at ‘http://api.localhost:1/star?c’. (Reason: Credential is not \
            supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’).";
        let policy = "Content-Security-Policy: The page’s settings blocked the loading of a resource \
            (connect-src) at http://evil.localhost:1/csp because it violates the following \
            directive: “connect-src 'self' http://127.0.0.1:*”";
        let mixed = "Blocked loading mixed active content “http://plain.test/x”";
        for (sentence, url, block) in [
            (
                missing,
                "http://api.localhost:36379/none",
                Block::Cors("CORSMissingAllowOrigin".into()),
            ),
            (
                star,
                "http://api.localhost:1/star?c",
                Block::Cors("CORSNotSupportingCredentials".into()),
            ),
            (
                policy,
                "http://evil.localhost:1/csp",
                Block::Csp("connect-src".into()),
            ),
            (mixed, "http://plain.test/x", Block::MixedContent),
        ] {
            assert_eq!(super::block(sentence), Some((url.to_owned(), block)));
        }
        for other in [
            "Loading mixed (insecure) display content “http://plain.test/x” on a secure page",
            "Uncaught TypeError: x is not a function http://app.test/",
            "",
        ] {
            assert_eq!(super::block(other), None, "{other}");
        }
    }
}
