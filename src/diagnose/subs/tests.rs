//! Every kind of mismatch with its near misses.

use super::*;

/// Value, origin, sub; each sub of the taxonomy with its near misses.
const KINDS: [(&str, &str, Option<&str>); 91] = [
    (
        "https://app.test:8443/",
        "https://app.test:8443",
        Some("trailing-slash"),
    ),
    (
        "https://app.test//",
        "https://app.test",
        Some("trailing-slash"),
    ),
    ("https://APP.test/", "https://app.test", Some("case")),
    ("https://app.test/x", "https://app.test", Some("has-path")),
    ("https://app.test/?", "https://app.test", Some("has-path")),
    ("https://app.test/#a", "https://app.test", Some("has-path")),
    (
        "https://app.test:443/x",
        "https://app.test",
        Some("has-path"),
    ),
    ("https://b.test/x", "https://app.test", Some("other-origin")),
    (
        "app.test:8443",
        "https://app.test:8443",
        Some("missing-scheme"),
    ),
    ("app.test", "https://app.test:8443", Some("missing-scheme")),
    ("App.test", "https://app.test", Some("missing-scheme")),
    ("//app.test", "https://app.test", Some("missing-scheme")),
    ("app.test/", "https://app.test", Some("missing-scheme")),
    ("b.test", "https://app.test", None),
    (
        "http://app.test:8443",
        "https://app.test:8443",
        Some("scheme"),
    ),
    ("http://app.test", "https://app.test", Some("scheme")),
    ("https://app.test", "http://app.test", Some("scheme")),
    ("http://b.test", "https://app.test", Some("other-origin")),
    ("ftp://app.test", "https://app.test", Some("other-origin")),
    ("https://www.app.test", "https://app.test", Some("www-apex")),
    ("https://app.test", "https://www.app.test", Some("www-apex")),
    (
        "https://www2.app.test",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://www.b.test",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://www.app.test:81",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://app.test:3000",
        "https://app.test:8443",
        Some("port"),
    ),
    ("https://app.test:443", "https://app.test", Some("port")),
    ("https://app.test:", "https://app.test", Some("port")),
    ("http://localhost", "http://localhost:3000", Some("port")),
    ("http://localhost:80", "http://localhost:3000", Some("port")),
    (
        "http://app.test:8080",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://APP.test:8443",
        "https://app.test:8443",
        Some("case"),
    ),
    ("HTTPS://app.test", "https://app.test", Some("case")),
    ("https://APP.tes", "https://app.test", Some("other-origin")),
    (
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        Some("localhost-alias"),
    ),
    (
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        Some("localhost-alias"),
    ),
    (
        "http://[::1]:3000",
        "http://localhost:5173",
        Some("localhost-alias"),
    ),
    (
        "http://10.0.0.1:3000",
        "http://localhost:3000",
        Some("other-origin"),
    ),
    (
        "http://localhost:3000",
        "https://app.test",
        Some("dev-origin-in-production"),
    ),
    (
        "http://192.168.1.9",
        "https://app.test",
        Some("dev-origin-in-production"),
    ),
    (
        "http://macbook.local:3000",
        "https://app.test",
        Some("dev-origin-in-production"),
    ),
    (
        "https://localhost.test",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://app.test",
        "http://localhost:3000",
        Some("other-origin"),
    ),
    (
        "https://app.test",
        "https://x-git-main.vercel.app",
        Some("preview-deployment"),
    ),
    (
        "https://main.netlify.app",
        "https://pr-7.netlify.app",
        Some("preview-deployment"),
    ),
    (
        "https://app.test",
        "https://vercel.app.test",
        Some("other-origin"),
    ),
    (
        "https://*.app.test",
        "https://shop.app.test",
        Some("wildcard-subdomain"),
    ),
    (
        "*.app.test",
        "https://shop.app.test",
        Some("wildcard-subdomain"),
    ),
    (
        "https?://.*\\.app",
        "https://app.test",
        Some("wildcard-subdomain"),
    ),
    ("**", "https://app.test", Some("wildcard-subdomain")),
    ("\"*\"", "https://app.test", None),
    (
        "https://\u{c3}\u{a4}pp.test",
        "https://xn--pp-uia.test",
        Some("idn"),
    ),
    (
        "https://\u{c3}\u{b6}pp.test",
        "https://xn--pp-uia.test",
        Some("other-origin"),
    ),
    ("https://a.test", "null", Some("null-origin")),
    ("undefined", "null", Some("null-origin")),
    ("NULL", "null", Some("null-origin")),
    ("null", "https://app.test", Some("literal-null")),
    ("nullable", "https://app.test", None),
    (
        "https://null.test",
        "https://app.test",
        Some("other-origin"),
    ),
    ("undefined", "https://app.test", Some("placeholder")),
    ("None", "https://app.test", Some("placeholder")),
    ("${ORIGIN}", "https://app.test", Some("placeholder")),
    ("{{ origin }}", "https://app.test", Some("placeholder")),
    ("{{origin}}", "https://app.test", Some("placeholder")),
    ("$http_origin", "https://app.test", Some("placeholder")),
    ("%{HTTP_ORIGIN}e", "https://app.test", Some("placeholder")),
    ("%FRONTEND_URL%", "https://app.test", Some("placeholder")),
    ("<your-origin>", "https://app.test", Some("placeholder")),
    (
        "process.env.ORIGIN",
        "https://app.test",
        Some("placeholder"),
    ),
    (
        "https://example.com",
        "https://app.test",
        Some("placeholder"),
    ),
    (
        "https://example.com/",
        "https://app.test",
        Some("placeholder"),
    ),
    (
        "https://your-domain.com",
        "https://app.test",
        Some("placeholder"),
    ),
    (
        "https://yourdomain.com",
        "https://app.test",
        Some("placeholder"),
    ),
    (
        "https://example.com",
        "https://www.example.com",
        Some("www-apex"),
    ),
    (
        "https://example.com",
        "https://app.example.com",
        Some("other-origin"),
    ),
    (
        "https://example.test",
        "https://app.test",
        Some("other-origin"),
    ),
    ("https://b.test", "https://app.test", Some("other-origin")),
    (
        "https://shop.app.test",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://evilapp.test",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://app.test.",
        "https://app.test",
        Some("other-origin"),
    ),
    (
        "https://app.test;",
        "https://app.test",
        Some("other-origin"),
    ),
    ("\"https://app.test\"", "https://app.test", None),
    ("'https://app.test'", "https://app.test", None),
    ("[https://app.test]", "https://app.test", None),
    ("<https://app.test:8443>", "https://app.test:8443", None),
    ("https://user@app.test:8443", "https://app.test:8443", None),
    ("https://app.test\tx", "https://app.test", None),
    ("", "https://app.test", None),
    ("true", "https://app.test", None),
    ("all", "https://app.test", None),
    ("$", "https://app.test", None),
    ("https://app.test", "https://app.test", None),
];

#[test]
fn every_kind_and_its_near_misses() {
    for (found, needed, sub) in KINDS {
        assert_eq!(mismatch(found, needed, false), sub, "{found} for {needed}");
    }
}

#[test]
fn a_cache_explains_another_site_only() {
    let page = "https://app.test";
    for (found, sub) in [
        ("https://b.test", "cached-other-origin"),
        ("https://app.test/", "trailing-slash"),
        ("undefined", "placeholder"),
    ] {
        assert_eq!(mismatch(found, page, true), Some(sub), "{found}");
    }
}

#[test]
fn only_values_that_had_to_be_equal_are_aligned() {
    use crate::cors::Stage;
    let fault = |check, found: &str| {
        let fault = Fault::new(check, Stage::Actual).needed("https://app.test");
        alignment(&fault.found(found))
    };
    let aligned = fault(Check::AllowOriginMismatch, "https://app.test/");
    let differs = aligned.expect("both are known").found_differs();
    assert_eq!(differs.first(), Some(&(16..17)));
    assert!(fault(Check::InvalidAllowOriginValue, "\u{ff}").is_some());
    assert_eq!(fault(Check::MethodDisallowed, "PUT"), None);
    let bare = Fault::new(Check::AllowOriginMismatch, Stage::Actual);
    assert_eq!(alignment(&bare), None);
}
