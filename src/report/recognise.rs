//! From a pasted line of a browser's console back to the rule it speaks of.

use crate::cors::{Check, Stage};
use crate::diagnose::Root;

/// What a line of a console is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The rule that failed; `None` where the line names a status, or nothing at all.
    pub check: Option<Check>,
    /// On which answer, where the line tells.
    pub stage: Option<Stage>,
    /// The URL that was asked for.
    pub url: Option<String>,
    /// The page's origin.
    pub origin: Option<String>,
    /// The values named: the Allow-Origin that was sent, the header or method that is missing.
    pub value: Option<String>,
    /// The status named.
    pub status: Option<u16>,
    /// What may have made the server answer so, the likeliest first.
    pub behind: Vec<Root>,
}

/// Phrases of Chromium, Firefox and Safari, quotes made plain; the first that fits wins, so that
/// the more particular stand before.
const PHRASES: &[(&str, Check)] = &[
    ("must not be the wildcard", Check::WildcardOriginNotAllowed),
    (
        "Cannot use wildcard in Access-Control-Allow-Origin",
        Check::WildcardOriginNotAllowed,
    ),
    (
        "Credential is not supported if the CORS header",
        Check::WildcardOriginNotAllowed,
    ),
    ("contains multiple values", Check::MultipleAllowOriginValues),
    (
        "cannot contain more than one origin",
        Check::MultipleAllowOriginValues,
    ),
    (
        "Multiple CORS header 'Access-Control-Allow-Origin'",
        Check::MultipleAllowOriginValues,
    ),
    ("contains the invalid value", Check::InvalidAllowOriginValue),
    (
        "that is not equal to the supplied origin",
        Check::AllowOriginMismatch,
    ),
    (
        "CORS header 'Access-Control-Allow-Origin' does not match",
        Check::AllowOriginMismatch,
    ),
    (
        "CORS header 'Access-Control-Allow-Origin' missing",
        Check::MissingAllowOrigin,
    ),
    (
        "No 'Access-Control-Allow-Origin' header is present",
        Check::MissingAllowOrigin,
    ),
    (
        "is not allowed by Access-Control-Allow-Origin",
        Check::MissingAllowOrigin,
    ),
    (
        "'Access-Control-Allow-Credentials' header in the response is",
        Check::InvalidAllowCredentials,
    ),
    (
        "in CORS header 'Access-Control-Allow-Credentials'",
        Check::InvalidAllowCredentials,
    ),
    (
        "Credentials flag is true, but",
        Check::InvalidAllowCredentials,
    ),
    ("It does not have HTTP ok status", Check::InvalidStatus),
    (
        "CORS preflight response did not succeed",
        Check::InvalidStatus,
    ),
    (
        "CORS preflight channel did not succeed",
        Check::InvalidStatus,
    ),
    ("Preflight response is not successful", Check::InvalidStatus),
    (
        "Redirect is not allowed for a preflight request",
        Check::DisallowedRedirect,
    ),
    (
        "CORS request external redirect not allowed",
        Check::DisallowedRedirect,
    ),
    (
        "Cannot parse Access-Control-Allow-Methods",
        Check::InvalidAllowMethods,
    ),
    (
        "Header Access-Control-Allow-Methods has an invalid value",
        Check::InvalidAllowMethods,
    ),
    (
        "Cannot parse Access-Control-Allow-Headers",
        Check::InvalidAllowHeaders,
    ),
    (
        "Header Access-Control-Allow-Headers has an invalid value",
        Check::InvalidAllowHeaders,
    ),
    (
        "is not allowed by Access-Control-Allow-Methods",
        Check::MethodDisallowed,
    ),
    (
        "Did not find method in CORS header",
        Check::MethodDisallowed,
    ),
    (
        "is not allowed by Access-Control-Allow-Headers",
        Check::HeaderDisallowed,
    ),
    (
        "is not allowed according to header",
        Check::HeaderDisallowed,
    ),
    ("missing token", Check::HeaderDisallowed),
    (
        "contains a username and password",
        Check::RedirectContainsCredentials,
    ),
    ("redirection URL", Check::RedirectContainsCredentials),
    (
        "Cross origin requests are only supported for",
        Check::CorsDisabledScheme,
    ),
    ("CORS request not http", Check::CorsDisabledScheme),
    ("Content Security Policy directive", Check::CspConnectSrc),
    (
        "violates the document's Content Security Policy",
        Check::CspConnectSrc,
    ),
    ("Content-Security-Policy:", Check::CspConnectSrc),
    ("address space", Check::LocalNetworkAccess),
    (
        "ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
        Check::LocalNetworkAccess,
    ),
    ("Mixed Content", Check::MixedContent),
    ("Blocked loading mixed active content", Check::MixedContent),
    (
        "was not allowed to display insecure content",
        Check::MixedContent,
    ),
    (
        "was not allowed to run insecure content",
        Check::MixedContent,
    ),
    ("ERR_BLOCKED_BY_ORB", Check::OpaqueResponseBlocked),
    ("OpaqueResponseBlocking", Check::OpaqueResponseBlocked),
    ("ERR_BLOCKED_BY_RESPONSE", Check::BlockedByCorp),
    ("Cross-Origin-Resource-Policy", Check::BlockedByCorp),
    (
        "blocked because of a disallowed MIME type",
        Check::WrongResourceType,
    ),
    ("Expected a JavaScript", Check::WrongResourceType),
    (
        "X-Content-Type-Options: nosniff",
        Check::OpaqueResponseBlocked,
    ),
    ("ERR_TOO_MANY_REDIRECTS", Check::InvalidRedirect),
    ("ERR_INVALID_REDIRECT", Check::InvalidRedirect),
    ("ERR_UNSAFE_REDIRECT", Check::CorsDisabledScheme),
    ("CORS request did not succeed", Check::NetworkError),
    (
        "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION",
        Check::NetworkError,
    ),
    ("Could not connect to the server", Check::NetworkError),
];

/// Lists in Firefox, which says what is wrong with a token before it says of which header.
const TOKENS: [(&str, Check); 2] = [
    (
        "in CORS header 'Access-Control-Allow-Methods'",
        Check::InvalidAllowMethods,
    ),
    (
        "in CORS header 'Access-Control-Allow-Headers'",
        Check::InvalidAllowHeaders,
    ),
];

/// What script is told, whatever happened.
const NOTHING_TOLD: [&str; 7] = [
    "Failed to fetch",
    "NetworkError when attempting to fetch resource",
    "Load failed",
    "Network Error",
    "ERR_NETWORK",
    "ERR_FAILED",
    "due to access control checks",
];

/// Reads one line of a console: Chromium's, Firefox's or Safari's; `None` when it is none we know.
pub fn recognise(line: &str) -> Option<Recognised> {
    let plain: String = line
        .chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            c => c,
        })
        .collect();
    let status = status_in(&plain);
    let check = check_in(&plain);
    let told = NOTHING_TOLD.iter().any(|words| plain.contains(words));
    if check.is_none() && status.is_none() && !told {
        return None;
    }
    let preflight = check.is_some_and(|check| {
        matches!(
            check,
            Check::InvalidStatus
                | Check::DisallowedRedirect
                | Check::InvalidAllowMethods
                | Check::InvalidAllowHeaders
                | Check::MethodDisallowed
                | Check::HeaderDisallowed
        )
    }) || plain.contains("Response to preflight request");
    // Chromium and Safari tell the preflight; a Firefox line may be about either.
    let chromium = plain.contains("has been blocked by CORS policy");
    let stage = match (preflight, chromium) {
        (true, _) => Some(Stage::Preflight),
        (false, true) => Some(Stage::Actual),
        (false, false) => None,
    };
    Some(Recognised {
        check,
        stage,
        url: url_in(&plain),
        origin: between(&plain, "from origin '", "'").map(str::to_owned),
        value: check.and_then(|check| value_in(&plain, check)),
        status,
        behind: behind(check, stage, status),
    })
}

fn check_in(plain: &str) -> Option<Check> {
    if plain.contains("invalid token '") {
        return TOKENS
            .iter()
            .find(|(words, _)| plain.contains(words))
            .map(|(_, check)| *check);
    }
    let known = PHRASES.iter().find(|(words, _)| plain.contains(words));
    known.map(|(_, check)| *check).or_else(|| {
        // What is left of Chromium's net errors is below HTTP, save for two that tell nothing.
        let net = between(plain, "net::", " ").or_else(|| plain.split("net::").nth(1))?;
        let error = net.trim_end_matches(|c: char| !c.is_ascii_uppercase() && c != '_');
        let vague = ["ERR_FAILED", "ERR_ABORTED", "ERR_BLOCKED_BY_CLIENT"];
        (error.starts_with("ERR_") && !vague.contains(&error)).then_some(Check::NetworkError)
    })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn url_in(plain: &str) -> Option<String> {
    let quoted = between(plain, " at '", "'");
    let firefox = || between(plain, "remote resource at ", ". (Reason");
    let safari = || {
        let words = ["Fetch API cannot load ", "XMLHttpRequest cannot load "];
        words
            .iter()
            .find_map(|words| between(plain, words, " due to"))
    };
    let any = || {
        let at = plain.find("http://").or_else(|| plain.find("https://"))?;
        plain[at..].split([' ', '\'', '"', ')']).next()
    };
    let url = quoted.or_else(firefox).or_else(safari).or_else(any)?;
    Some(url.trim_matches('\'').to_owned())
}

fn value_in(plain: &str, check: Check) -> Option<String> {
    let value = match check {
        Check::MultipleAllowOriginValues => between(plain, "multiple values '", "',"),
        Check::InvalidAllowOriginValue => between(plain, "invalid value '", "'."),
        Check::AllowOriginMismatch => between(plain, "has a value '", "' that is not")
            .or_else(|| between(plain, "does not match '", "').")),
        Check::InvalidAllowCredentials => between(plain, "in the response is '", "' which"),
        Check::MethodDisallowed => between(plain, "Method ", " is not allowed"),
        Check::HeaderDisallowed => between(plain, "Request header field ", " is not allowed")
            .or_else(|| between(plain, "header '", "' is not allowed")),
        Check::InvalidAllowMethods | Check::InvalidAllowHeaders => {
            between(plain, "invalid token '", "' in")
        }
        _ => None,
    };
    value.filter(|v| !v.is_empty()).map(str::to_owned)
}

fn status_in(plain: &str) -> Option<u16> {
    let words = [
        "Status code: ",
        "responded with a status of ",
        "net::ERR_FAILED ",
    ];
    let after = words.iter().find_map(|words| plain.split(words).nth(1))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status))
}

/// What is usually behind a fault: the status tells most.
fn behind(check: Option<Check>, stage: Option<Stage>, status: Option<u16>) -> Vec<Root> {
    let preflight = stage == Some(Stage::Preflight);
    let mut roots = match (status, preflight) {
        (Some(401 | 407), true) => vec![Root::PreflightBlockedByAuth],
        (Some(403), true) => vec![
            Root::PreflightBlockedByAuth,
            Root::PreflightBlockedByEdge,
            Root::ExplicitRefusal,
        ],
        (Some(502..=504 | 520..=530), _) => vec![Root::GatewayError],
        (Some(500..), true) => vec![Root::PreflightServerError],
        (Some(400..=499), true) => vec![Root::PreflightNotHandled],
        (Some(500..), false) => vec![Root::ServerError, Root::ErrorResponseWithoutCors],
        (Some(401 | 403), false) => vec![Root::AuthError, Root::ErrorResponseWithoutCors],
        (Some(404 | 410), false) => vec![Root::WrongUrl],
        (Some(405), false) => vec![Root::MethodNotAllowed],
        (Some(413), false) => vec![Root::PayloadTooLarge],
        (Some(429), false) => vec![Root::RateLimited],
        (Some(400..=499), false) => vec![Root::OtherClientError],
        _ => Vec::new(),
    };
    roots.extend(match check {
        Some(Check::MissingAllowOrigin) if status.is_none() => match stage {
            Some(Stage::Preflight) => vec![
                Root::PreflightNotHandled,
                Root::PreflightBlockedByAuth,
                Root::CorsNotConfigured,
                Root::AllowListRefused,
            ],
            _ => vec![
                Root::ServerError,
                Root::AuthError,
                Root::WrongUrl,
                Root::CorsNotConfigured,
                Root::AllowListRefused,
                Root::PreflightOkActualMissingHeaders,
            ],
        },
        Some(Check::InvalidStatus) if status.is_none() => vec![
            Root::PreflightNotHandled,
            Root::PreflightBlockedByAuth,
            Root::PreflightServerError,
        ],
        Some(Check::MultipleAllowOriginValues) => vec![Root::DuplicateCorsLayers],
        Some(Check::InvalidAllowCredentials) => vec![Root::CredentialsHalfConfigured],
        Some(Check::AllowOriginMismatch) => {
            vec![Root::OriginNotInAllowList, Root::CachedResponseWrongOrigin]
        }
        Some(Check::NetworkError) => vec![Root::NetworkFailure],
        _ => Vec::new(),
    });
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_out() {
        let told = recognise(
            "Access to fetch at 'https://api.app.test/v1' from origin 'https://app.test' has been \
             blocked by CORS policy: Response to preflight request doesn't pass access control \
             check: The 'Access-Control-Allow-Origin' header has a value 'https://b.test' that is \
             not equal to the supplied origin. Have the server send the header with a valid value.",
        )
        .expect("Chromium's");
        assert_eq!(told.check, Some(Check::AllowOriginMismatch));
        assert_eq!(told.stage, Some(Stage::Preflight));
        assert_eq!(told.url.as_deref(), Some("https://api.app.test/v1"));
        assert_eq!(told.origin.as_deref(), Some("https://app.test"));
        assert_eq!(told.value.as_deref(), Some("https://b.test"));
        let told = recognise(
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote \
             resource at https://api.app.test/v1. (Reason: CORS header \
             ‘Access-Control-Allow-Origin’ missing). Status code: 502.",
        )
        .expect("Firefox's");
        assert_eq!(told.check, Some(Check::MissingAllowOrigin));
        assert_eq!(told.url.as_deref(), Some("https://api.app.test/v1"));
        assert_eq!(
            (told.status, told.behind[0]),
            (Some(502), Root::GatewayError)
        );
    }

    #[test]
    fn safari_and_what_script_sees() {
        for (line, check) in [
            (
                "Access to fetch at 'http://localhost:8000/' from origin 'https://app.test' has been \
                 blocked by CORS policy: Permission was denied for this request to access the \
                 `loopback` address space.",
                Some(Check::LocalNetworkAccess),
            ),
            (
                "Access to fetch at 'http://10.0.0.5/' from origin 'http://app.test' has been blocked \
                 by CORS policy: The request client is not a secure context and the resource is in \
                 more-private address space `local`.",
                Some(Check::LocalNetworkAccess),
            ),
            (
                "Access to fetch at 'http://10.0.0.5/' from origin 'https://app.test' has been \
                 blocked by CORS policy: Request had a target IP address space of `local` yet the \
                 resource is in address space `unknown`.",
                Some(Check::LocalNetworkAccess),
            ),
            (
                "Origin https://app.test is not allowed by Access-Control-Allow-Origin. Status code: 200",
                Some(Check::MissingAllowOrigin),
            ),
            (
                "Preflight response is not successful. Status code: 404",
                Some(Check::InvalidStatus),
            ),
            (
                "Request header field X-A is not allowed by Access-Control-Allow-Headers.",
                Some(Check::HeaderDisallowed),
            ),
            (
                "Header Access-Control-Allow-Methods has an invalid value: a b",
                Some(Check::InvalidAllowMethods),
            ),
            (
                "[Warning] [blocked] The page at https://app.test was not allowed to display \
                 insecure content from http://api.test/.",
                Some(Check::MixedContent),
            ),
            (
                "GET https://api.test/ net::ERR_CONNECTION_REFUSED",
                Some(Check::NetworkError),
            ),
            (
                "GET https://api.test/ net::ERR_FAILED 500 (Internal Server Error)",
                None,
            ),
            ("TypeError: Failed to fetch", None),
            ("AxiosError: Network Error", None),
            (
                "Fetch API cannot load https://api.test/ due to access control checks.",
                None,
            ),
        ] {
            let told = recognise(line).unwrap_or_else(|| panic!("not recognised: {line}"));
            assert_eq!(told.check, check, "{line}");
        }
        for line in ["", "Uncaught ReferenceError: x is not defined", "blocked"] {
            assert_eq!(recognise(line), None, "{line}");
        }
    }
}
