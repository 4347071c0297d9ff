use std::sync::Arc;

use bytes::Bytes;

use super::hops::KNOWN;
use super::marks::MARKS;
use super::{Hop, Stack, recognise};
use crate::fix::snippet;
use crate::wire::{
    BodyFacts, Exchange, ExchangeId, HeaderList, HttpVersion, RequestHead, ResponseHead, Timestamp,
};

pub(super) fn answer(url: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    let request = RequestHead {
        method: "GET".into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::new()),
    };
    let mut exchange = Exchange::opened(ExchangeId(7), Timestamp(0), request);
    exchange.response = Some(ResponseHead {
        status,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::new(HeaderList::from_pairs(headers.iter().copied())),
    });
    exchange.response_body = BodyFacts {
        seen_bytes: body.len() as u64,
        kept_bytes: body.len() as u64,
        excerpt: Bytes::copy_from_slice(body.as_bytes()),
    };
    exchange
}

pub(super) fn told(stack: &Stack) -> Vec<&str> {
    stack.hops.iter().map(|hop| hop.id).collect()
}

const URL: &str = "https://api.app.test/v1";
const NGINX_502: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
const EXPRESS_404: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot GET /v1</pre>\n</body>\n</html>\n";

type Headers = &'static [(&'static str, &'static str)];

/// URL, status, headers, body; the hops it tells and the snippet chosen.
type Case = (
    &'static str,
    u16,
    Headers,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

#[test]
fn servers_are_known_by_their_answers() {
    const NODE: (&str, &str) = ("keep-alive", "timeout=5");
    const PHP: (&str, &str) = ("x-powered-by", "PHP/8.3.1");
    const NOSNIFF: (&str, &str) = ("x-content-type-options", "nosniff");
    const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
    const JSON: (&str, &str) = ("content-type", "application/json");
    let cases: &[Case] = &[
        (
            URL,
            200,
            &[("X-Powered-By", "Express"), NODE],
            "{}",
            &["express"],
            Some("express"),
        ),
        (
            URL,
            404,
            &[("content-security-policy", "default-src 'none'"), NOSNIFF],
            EXPRESS_404,
            &["express"],
            Some("express"),
        ),
        (
            URL,
            404,
            &[("x-powered-by", "Express"), JSON],
            r#"{"statusCode":404,"message":"Cannot GET /x","error":"Not Found"}"#,
            &["nestjs"],
            Some("nestjs"),
        ),
        (
            URL,
            500,
            &[JSON],
            r#"{"statusCode":500,"message":"Internal server error"}"#,
            &["nestjs"],
            Some("nestjs"),
        ),
        (
            URL,
            404,
            &[JSON],
            r#"{"message":"Route GET:/x not found","error":"Not Found","statusCode":404}"#,
            &["fastify"],
            Some("fastify"),
        ),
        (
            URL,
            415,
            &[JSON],
            r#"{"statusCode":415,"code":"FST_ERR_CTP_INVALID_MEDIA_TYPE","error":"Unsupported Media Type","message":"x"}"#,
            &["fastify"],
            Some("fastify"),
        ),
        (URL, 404, &[TEXT], "404 Not Found", &["hono"], Some("hono")),
        (URL, 404, &[TEXT, NODE], "Not Found", &["koa"], Some("koa")),
        (URL, 200, &[NODE], "{}", &["node"], None),
        (
            URL,
            200,
            &[("x-powered-by", "Next.js")],
            "",
            &["nextjs"],
            Some("nextjs"),
        ),
        (
            URL,
            200,
            &[("vary", "RSC, Next-Router-State-Tree, Next-Router-Prefetch")],
            "",
            &["nextjs"],
            Some("nextjs"),
        ),
        (
            URL,
            404,
            &[("server", "uvicorn"), JSON],
            r#"{"detail":"Not Found"}"#,
            &["fastapi"],
            Some("fastapi"),
        ),
        (
            URL,
            400,
            &[TEXT],
            "Disallowed CORS origin, method",
            &["fastapi"],
            Some("fastapi"),
        ),
        (
            URL,
            200,
            &[("server", "Werkzeug/3.1.9 Python/3.11.7")],
            "",
            &["flask"],
            Some("flask"),
        ),
        (
            URL,
            404,
            &[("server", "gunicorn")],
            "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>",
            &["flask"],
            Some("flask"),
        ),
        (
            URL,
            200,
            &[
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                NOSNIFF,
            ],
            "",
            &["django"],
            Some("django"),
        ),
        (
            URL,
            403,
            &[JSON],
            r#"{"detail":"Authentication credentials were not provided."}"#,
            &["django"],
            Some("django"),
        ),
        (
            URL,
            200,
            &[("set-cookie", "csrftoken=abc; Path=/")],
            "",
            &["django"],
            Some("django"),
        ),
        (
            URL,
            500,
            &[("server", "Python/3.11 aiohttp/3.14.5")],
            "500 Internal Server Error\n\nServer got itself in trouble",
            &["aiohttp"],
            Some("aiohttp"),
        ),
        (
            URL,
            403,
            &[],
            "Invalid CORS request",
            &["spring"],
            Some("spring"),
        ),
        (
            URL,
            404,
            &[JSON],
            r#"{"timestamp":"2026-01-01T00:00:00.000+00:00","status":404,"error":"Not Found","path":"/x"}"#,
            &["spring"],
            Some("spring"),
        ),
        (
            URL,
            404,
            &[("content-type", "application/problem+json")],
            r#"{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404,"traceId":"00-ab"}"#,
            &["aspnet"],
            Some("aspnet"),
        ),
        (
            URL,
            200,
            &[("server", "Kestrel")],
            "",
            &["aspnet"],
            Some("aspnet"),
        ),
        (
            URL,
            405,
            &[
                ("server", "Microsoft-IIS/10.0"),
                ("x-powered-by", "ASP.NET"),
            ],
            "",
            &["iis", "aspnet"],
            Some("aspnet"),
        ),
        (
            URL,
            419,
            &[PHP, JSON],
            r#"{"message":"CSRF token mismatch."}"#,
            &["laravel"],
            Some("laravel"),
        ),
        (
            URL,
            200,
            &[PHP, ("set-cookie", "laravel_session=secret; httponly")],
            "",
            &["laravel"],
            Some("laravel"),
        ),
        (
            URL,
            200,
            &[("x-runtime", "0.012345"), ("x-request-id", "5f0a")],
            "",
            &["rails"],
            Some("rails"),
        ),
        (
            URL,
            404,
            &[TEXT, NOSNIFF],
            "404 page not found\n",
            &["go"],
            Some("go-rs-cors"),
        ),
        (
            URL,
            422,
            &[TEXT],
            "Failed to deserialize the JSON body into the target type: missing field `x` at line 1 column 2",
            &["axum"],
            Some("axum"),
        ),
        (
            URL,
            400,
            &[TEXT],
            "Origin is not allowed to make this request",
            &["actix"],
            Some("actix"),
        ),
        (
            URL,
            502,
            &[("server", "cloudflare"), ("cf-ray", "8a-FRA")],
            NGINX_502,
            &["cloudflare", "nginx"],
            Some("nginx"),
        ),
        (
            URL,
            404,
            &[("server", "Apache/2.4.57 (Debian)")],
            "",
            &["apache"],
            Some("apache"),
        ),
        (
            URL,
            403,
            &[("server", "Apache")],
            "",
            &["apache"],
            Some("apache"),
        ),
        (
            URL,
            503,
            &[("cache-control", "no-cache")],
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
            &["haproxy"],
            Some("haproxy"),
        ),
        (
            URL,
            200,
            &[("server", "Caddy")],
            "",
            &["caddy"],
            Some("caddy"),
        ),
        (
            URL,
            503,
            &[("server", "envoy")],
            "no healthy upstream",
            &["envoy"],
            Some("envoy"),
        ),
        (
            URL,
            404,
            &[("server", "kong/3.4.1")],
            r#"{"message":"no Route matched with those values"}"#,
            &["kong"],
            Some("kong"),
        ),
        (
            URL,
            200,
            &[("via", "1.1 kong/3.4.1"), ("x-powered-by", "Express")],
            "",
            &["kong", "express"],
            Some("express"),
        ),
        (
            "https://x1.execute-api.eu-west-1.amazonaws.com/prod/a",
            403,
            &[
                ("x-amzn-errortype", "MissingAuthenticationTokenException"),
                ("x-amz-apigw-id", "x"),
            ],
            r#"{"message":"Missing Authentication Token"}"#,
            &["aws-apigw"],
            Some("aws-apigw"),
        ),
        (
            "https://abc.lambda-url.eu-west-1.on.aws/",
            200,
            &[],
            "",
            &["aws-lambda"],
            Some("aws-lambda"),
        ),
        (
            "https://b.s3.eu-west-1.amazonaws.com/k",
            403,
            &[("server", "AmazonS3")],
            "",
            &["s3"],
            Some("s3"),
        ),
        (
            URL,
            502,
            &[("server", "awselb/2.0")],
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
            &["aws-alb"],
            None,
        ),
        (
            "https://p.supabase.co/functions/v1/hello",
            500,
            &[
                ("sb-request-id", "1"),
                ("x-served-by", "supabase-edge-runtime"),
                ("cf-ray", "1"),
            ],
            "",
            &["cloudflare", "supabase-edge"],
            Some("supabase-edge"),
        ),
        (
            "https://p.supabase.co/rest/v1/t",
            401,
            &[("sb-gateway-version", "1"), ("server", "cloudflare")],
            "",
            &["cloudflare", "supabase"],
            None,
        ),
        (
            "https://w.example.workers.dev/",
            200,
            &[("server", "cloudflare")],
            "",
            &["cloudflare", "cloudflare-workers"],
            Some("cloudflare-workers"),
        ),
        (
            URL,
            500,
            &[
                ("server", "Vercel"),
                ("x-vercel-id", "fra1::x"),
                ("x-vercel-error", "FUNCTION_INVOCATION_FAILED"),
            ],
            "",
            &["vercel"],
            Some("vercel"),
        ),
        (
            URL,
            200,
            &[
                ("server", "Vercel"),
                ("x-vercel-id", "fra1::x"),
                ("x-powered-by", "Next.js"),
            ],
            "",
            &["vercel", "nextjs"],
            Some("nextjs"),
        ),
        (
            URL,
            200,
            &[("x-nf-request-id", "1")],
            "",
            &["netlify"],
            Some("netlify"),
        ),
        (
            URL,
            503,
            &[("server", "Heroku"), ("via", "1.1 vegur")],
            "",
            &["heroku"],
            None,
        ),
        // Near misses: what looks alike and tells nothing, or something else.
        (
            URL,
            404,
            &[JSON],
            r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#,
            &[],
            None,
        ),
        (URL, 404, &[JSON], r#"{"detail":"Not found."}"#, &[], None),
        (URL, 404, &[TEXT], "Not Found", &[], None),
        (
            URL,
            404,
            &[("content-type", "text/html")],
            "404 Not Found",
            &[],
            None,
        ),
        (URL, 404, &[TEXT], "404 page not found", &[], None),
        (URL, 200, &[("server", "Apache-Coyote/1.1")], "", &[], None),
        (
            URL,
            200,
            &[("server", "ApacheTrafficServer/9.2")],
            "",
            &[],
            None,
        ),
        (
            URL,
            500,
            &[JSON],
            r#"{"message":"Internal server error"}"#,
            &[],
            None,
        ),
        (
            URL,
            503,
            &[],
            "<html><body><h1>503 Service Unavailable</h1>\nOverloaded.\n</body></html>",
            &[],
            None,
        ),
        (URL, 200, &[("x-amzn-requestid", "1")], "", &[], None),
        (
            URL,
            200,
            &[("x-runtime", "fast"), ("x-request-id", "1")],
            "",
            &[],
            None,
        ),
        (URL, 200, &[("x-request-id", "1")], "", &[], None),
        (URL, 200, &[PHP], "", &["php"], None),
        (URL, 200, &[("server", "gunicorn")], "", &["gunicorn"], None),
        (URL, 200, &[("x-served-by", "app-3")], "", &[], None),
        (
            URL,
            200,
            &[("set-cookie", "not_csrf=csrftoken")],
            "",
            &[],
            None,
        ),
        ("https://workers.dev.evil.test/", 200, &[], "", &[], None),
        ("https://notworkers.dev/", 200, &[], "", &[], None),
        (URL, 200, &[], "I run nginx and Express", &[], None),
        (URL, 200, &[], "", &[], None),
    ];
    for (url, status, headers, body, hops, best) in cases {
        let exchange = answer(url, *status, headers, body);
        let stack = recognise([&exchange], None);
        assert_eq!(told(&stack), *hops, "{status} {headers:?} {body}");
        assert_eq!(stack.best, *best, "{status} {headers:?} {body}");
        for hop in &stack.hops {
            assert!(!hop.evidence.is_empty() && hop.evidence.len() <= Hop::EVIDENCE_MAX);
        }
        assert_eq!(stack.best.is_some(), stack.why.is_some());
        let shown = format!("{stack:?}");
        assert!(
            !shown.contains("secret"),
            "a cookie's value is no evidence: {shown}"
        );
    }
}

#[test]
fn the_place_to_mend_is_where_the_failed_answer_was_made() {
    let numbered = |id: u64, mut exchange: Exchange| {
        exchange.id = ExchangeId(id);
        exchange
    };
    let express: &[(&str, &str)] = &[("server", "nginx/1.22"), ("x-powered-by", "Express")];
    let ok = numbered(1, answer(URL, 200, express, "{}"));
    let not_found = numbered(2, answer(URL, 404, express, EXPRESS_404));
    let by_nginx = numbered(3, answer(URL, 502, &[("server", "nginx/1.22")], NGINX_502));
    let own_page = numbered(
        4,
        answer(URL, 503, &[("server", "nginx/1.22")], "<h1>Back soon</h1>"),
    );
    let all = [&ok, &not_found, &by_nginx, &own_page];
    for (failed, best, why) in [
        (None, "express", "x-powered-by: Express"),
        (Some(1), "express", "x-powered-by: Express"),
        (Some(2), "express", "x-powered-by: Express"),
        (
            Some(3),
            "nginx",
            "nginx made the failed answer itself; Express behind it was not asked",
        ),
        (
            Some(4),
            "nginx",
            "nginx stands in front: 503 is what it answers when the application does not",
        ),
    ] {
        let stack = recognise(
            all,
            failed.and_then(|id: u64| all.into_iter().find(|e| e.id.0 == id)),
        );
        assert_eq!(told(&stack), ["nginx", "express"]);
        assert_eq!(stack.best, Some(best), "{failed:?}");
        assert_eq!(stack.why.as_deref(), Some(why));
    }
    // Go's 404 before an application that is something else.
    let go = answer(
        URL,
        404,
        &[
            ("content-type", "text/plain; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
        ],
        "404 page not found\n",
    );
    assert_eq!(
        told(&recognise([&ok, &go], None)),
        ["traefik", "nginx", "express"]
    );
}

#[test]
fn bodies_are_looked_at_as_they_were_meant() {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(EXPRESS_404.as_bytes()).expect("given above");
    let mut exchange = answer(URL, 404, &[("content-encoding", "gzip")], "");
    exchange.response_body.excerpt = gzip.finish().expect("given above").into();
    assert_eq!(told(&recognise([&exchange], None)), ["express"]);
    // No answer tells nothing.
    exchange.response = None;
    assert_eq!(recognise([&exchange], None), Stack::default());
}

#[test]
fn every_mark_has_its_hop_and_every_hop_its_mark_and_snippet() {
    for mark in MARKS {
        assert!(
            KNOWN.iter().any(|known| known.id == mark.hop),
            "{}",
            mark.hop
        );
    }
    for known in KNOWN.iter().filter(|known| known.id != "traefik") {
        assert!(
            MARKS.iter().any(|mark| mark.hop == known.id),
            "{}",
            known.id
        );
    }
    for id in KNOWN.iter().filter_map(|known| known.snippet) {
        assert!(snippet::by_id(id).is_some(), "{id}");
    }
}
