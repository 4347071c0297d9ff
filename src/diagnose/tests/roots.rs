//! Every root, reached by the conversation it is for.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::*;
use crate::wire::BodyFacts;

/// `METHOD URL`, for a preflight `OPTIONS:ASKED URL`; a path is one of `https://api.app.test`. `@ORIGIN`
/// behind it replaces the page's. Status, response headers by line, body.
pub(super) type Told<'a> = (&'a str, u16, &'a str, &'a str);

fn told(id: u64, (line, status, headers, body): Told<'_>) -> Arc<Exchange> {
    let mut words = line.split(' ');
    let (method, asked) = {
        let word = words.next().unwrap_or_default();
        word.split_once(':').unwrap_or((word, ""))
    };
    let path = words.next().unwrap_or_default();
    let url = if path.starts_with('/') {
        format!("https://api.app.test{path}")
    } else {
        path.to_owned()
    };
    let origin = words.next().map_or(PAGE, |o| o.trim_start_matches('@'));
    let mut request = vec![
        ("Origin", origin),
        ("Sec-Fetch-Mode", "cors"),
        ("Accept", "*/*"),
    ];
    if !asked.is_empty() {
        request.push(("Access-Control-Request-Method", asked));
    }
    let response: Vec<(&str, &str)> = headers.lines().filter_map(|l| l.split_once(": ")).collect();
    let at = i64::try_from(id).unwrap_or(0) * 100;
    let made = exchange(id, at, method, &url, &request, status, &response);
    let mut made = Arc::unwrap_or_clone(made);
    made.response_body = BodyFacts {
        seen_bytes: body.len() as u64,
        kept_bytes: body.len() as u64,
        excerpt: Bytes::copy_from_slice(body.as_bytes()),
    };
    Arc::new(made)
}

/// The cause of the fetch that the last exchange belongs to.
pub(super) fn cause_of(conversation: &[Told<'_>]) -> Option<Cause> {
    let exchanges: Vec<_> = (0..)
        .zip(conversation)
        .map(|(id, t)| told(id, *t))
        .collect();
    let last = exchanges.last()?.id;
    let found = all(&exchanges)
        .into_iter()
        .find(|d| d.fetch.exchanges().any(|id| id == last))?;
    found
        .cause
        .or(found.when_not_include.and_then(|b| b.cause))
        .or(found.when_include.and_then(|b| b.cause))
}

pub(super) const LET_IN: &str = "Access-Control-Allow-Origin: https://app.test\n\
                      Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Methods: PUT";
const HTML: &str = "<!doctype html><title>App</title><div id=root></div>";

#[test]
fn every_root_is_reached() {
    use Root as R;
    let json = "Content-Type: application/json";
    let page = "Content-Type: text/html";
    let cases: &[(R, &[Told<'_>])] = &[
        (R::NetworkFailure, &[("GET /x", 0, "", "")]),
        (R::NetworkFailure, &[("OPTIONS:PUT /x", 0, "", "")]),
        (
            R::ExplicitRefusal,
            &[("OPTIONS:PUT /x", 400, "", "Disallowed CORS origin")],
        ),
        (
            R::ExplicitRefusal,
            &[("OPTIONS:PUT /x", 403, "", "Invalid CORS request")],
        ),
        (
            R::ExplicitRefusal,
            &[("GET /x", 500, "", "<pre>Error: Not allowed by CORS<br>")],
        ),
        (
            R::ExplicitRefusal,
            &[("GET /x", 200, "X-Rack-CORS: miss; no-origin", "[]")],
        ),
        (
            R::ExplicitRefusal,
            &[(
                "GET /x",
                403,
                "",
                "<Code>AccessForbidden</Code><Message>CORSResponse: no",
            )],
        ),
        (
            R::TaintedRedirect,
            &[
                (
                    "GET /x",
                    302,
                    "Access-Control-Allow-Origin: *\nLocation: https://b.test/y",
                    "",
                ),
                (
                    "GET https://b.test/y @null",
                    200,
                    "Access-Control-Allow-Origin: https://app.test",
                    "",
                ),
            ],
        ),
        (
            R::RedirectHttpToHttps,
            &[(
                "OPTIONS:PUT http://api.app.test/x",
                301,
                "Location: https://api.app.test/x",
                "",
            )],
        ),
        (
            R::RedirectHttpsToHttp,
            &[("OPTIONS:PUT /x", 301, "Location: http://api.app.test/x", "")],
        ),
        (
            R::RedirectTrailingSlash,
            &[("OPTIONS:PUT /x", 308, "Location: /x/", "")],
        ),
        (
            R::RedirectWwwApex,
            &[(
                "OPTIONS:PUT https://app2.test/x",
                301,
                "Location: https://www.app2.test/x",
                "",
            )],
        ),
        (
            R::RedirectLogin,
            &[(
                "OPTIONS:PUT /x",
                302,
                "Location: https://sso.b.test/?next=x",
                "",
            )],
        ),
        (
            R::RedirectLocale,
            &[("OPTIONS:PUT /x", 302, "Location: /de-CH/x", "")],
        ),
        (
            R::RedirectOtherHost,
            &[("OPTIONS:PUT /x", 307, "Location: https://b.test/x", "")],
        ),
        (
            R::PreflightBlockedByAuth,
            &[("OPTIONS:PUT /x", 401, "WWW-Authenticate: Bearer", "")],
        ),
        (
            R::PreflightBlockedByAuth,
            &[("OPTIONS:PUT /x", 403, json, "{\"error\":\"no token\"}")],
        ),
        (
            R::PreflightNotHandled,
            &[("OPTIONS:PUT /x", 405, "Allow: GET, PUT", "")],
        ),
        (
            R::PreflightNotHandled,
            &[("OPTIONS:PUT /x", 404, page, "Cannot OPTIONS /x")],
        ),
        (R::PreflightNotHandled, &[("OPTIONS:PUT /x", 501, "", "")]),
        (
            R::PreflightNotHandled,
            &[("OPTIONS:PUT /x", 200, "Allow: GET, PUT", "")],
        ),
        (
            R::PreflightServerError,
            &[("OPTIONS:PUT /x", 500, json, "{\"error\":\"empty body\"}")],
        ),
        (
            R::PreflightBlockedByEdge,
            &[("OPTIONS:PUT /x", 403, "cf-mitigated: challenge", HTML)],
        ),
        (
            R::PreflightBlockedByEdge,
            &[("OPTIONS:PUT /x", 429, "", "")],
        ),
        (R::GatewayError, &[("OPTIONS:PUT /x", 503, "", "")]),
        (
            R::GatewayError,
            &[("GET /x", 502, page, "<title>502 Bad Gateway</title>")],
        ),
        (R::GatewayError, &[("GET /x", 522, "", "")]),
        (
            R::ServerError,
            &[("GET /x", 500, "", "Traceback (most recent call last)")],
        ),
        (
            R::AuthError,
            &[("GET /x", 401, "WWW-Authenticate: Bearer", "")],
        ),
        (R::AuthError, &[("GET /x", 403, json, "{}")]),
        (
            R::AuthError,
            &[("GET /x", 302, "Location: https://app.test/login", "")],
        ),
        (R::WrongUrl, &[("GET /x", 404, page, HTML)]),
        (
            R::WrongUrl,
            &[
                ("PUT /x @https://app.test", 404, "", ""),
                ("OPTIONS:PUT /x", 404, "", ""),
            ],
        ),
        (R::SpaFallback, &[("GET /x", 200, page, HTML)]),
        (R::MethodNotAllowed, &[("POST /x", 405, "Allow: GET", "")]),
        (
            R::PayloadTooLarge,
            &[(
                "POST /x",
                413,
                page,
                "<title>413 Request Entity Too Large</title>",
            )],
        ),
        (R::RateLimited, &[("GET /x", 429, "Retry-After: 30", "")]),
        (R::OtherClientError, &[("POST /x", 422, json, "{}")]),
        (
            R::OtherClientError,
            &[
                ("POST /other", 200, LET_IN, ""),
                ("POST /x", 422, json, "{}"),
            ],
        ),
        // The application refuses what was sent; on success it has the header.
        (
            R::ErrorResponseWithoutCors,
            &[("POST /x", 201, LET_IN, "{}"), ("POST /x", 422, json, "{}")],
        ),
        (
            R::ErrorResponseWithoutCors,
            &[
                ("GET /u/7", 200, LET_IN, "{}"),
                ("GET /u/8", 409, json, "{}"),
            ],
        ),
        (
            R::ErrorResponseWithoutCors,
            &[
                ("GET /u/7", 200, LET_IN, "{}"),
                ("GET /u/8", 302, "Location: /v/8", ""),
            ],
        ),
        // A crash stays a crash, whatever else it lacks.
        (
            R::ServerError,
            &[("GET /u/7", 200, LET_IN, "{}"), ("GET /u/8", 500, "", "")],
        ),
        (
            R::DuplicateCorsLayers,
            &[(
                "GET /x",
                200,
                "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Origin: https://app.test",
                "",
            )],
        ),
        (
            R::DuplicateCorsLayers,
            &[(
                "GET /x",
                200,
                "Access-Control-Allow-Origin: *, https://app.test",
                "",
            )],
        ),
        (R::CorsNotConfigured, &[("GET /x", 200, json, "{}")]),
        (R::CorsNotConfigured, &[("OPTIONS:PUT /x", 204, "", "")]),
        (
            R::CorsPartialCoverage,
            &[
                ("GET /v1/a", 200, LET_IN, ""),
                ("GET /v2/b", 200, json, "{}"),
            ],
        ),
        (
            R::CorsPartialCoverage,
            &[
                ("GET /v1/a", 200, LET_IN, ""),
                ("POST /v1/a", 200, json, "{}"),
            ],
        ),
        (
            R::OriginNotInAllowList,
            &[
                (
                    "GET /x @https://b.test",
                    200,
                    "Access-Control-Allow-Origin: https://b.test",
                    "",
                ),
                ("GET /x", 200, json, "{}"),
            ],
        ),
        (
            R::AllowListRefused,
            &[("GET /x", 200, "Vary: Origin", "{}")],
        ),
        (
            R::AllowListRefused,
            &[(
                "OPTIONS:PUT /x",
                204,
                "Access-Control-Allow-Methods: PUT",
                "",
            )],
        ),
        (
            R::CachedResponseWrongOrigin,
            &[(
                "GET /x",
                200,
                "Age: 20\nAccess-Control-Allow-Origin: https://b.test",
                "",
            )],
        ),
        (
            R::CachedWithoutCors,
            &[("GET /x", 200, "x-cache: Hit from edge", "{}")],
        ),
        (
            R::CredentialsHalfConfigured,
            &[(
                "GET /x",
                200,
                "Access-Control-Allow-Origin: https://app.test",
                "{}",
            )],
        ),
        (
            R::PreflightOkActualMissingHeaders,
            &[
                ("OPTIONS:PUT /x", 204, LET_IN, ""),
                ("PUT /x", 200, json, "{}"),
            ],
        ),
        (
            R::ActualOkPreflightMissingHeaders,
            &[
                ("GET /x", 200, LET_IN, "{}"),
                ("OPTIONS:PUT /x", 200, "", ""),
            ],
        ),
        (
            R::ThirdPartyApi,
            &[(
                "GET https://maps.googleapis.com/maps/api/place",
                200,
                json,
                "{}",
            )],
        ),
        (
            R::DevProxyMasksCors,
            &[
                (
                    "GET http://localhost:5173/api/cart @http://localhost:5173",
                    200,
                    json,
                    "{}",
                ),
                ("GET /api/cart", 200, json, "{}"),
            ],
        ),
    ];
    let mut reached = BTreeSet::new();
    for (root, conversation) in cases {
        let cause = cause_of(conversation);
        let found = cause.as_ref().and_then(|c| c.root);
        assert_eq!(found, Some(*root), "{conversation:?} {cause:?}");
        reached.insert(*root);
    }
    for root in Root::ALL {
        assert!(reached.contains(&root), "{root} has no case");
    }
}
