use super::recognise;
use super::tests::{answer, told};
use crate::wire::Exchange;

/// Ids of the hops, of what other endpoints show, and the place to mend.
type Told = (
    &'static [&'static str],
    &'static [&'static str],
    Option<&'static str>,
);

#[test]
fn what_other_endpoints_show_is_no_hop_of_this_one() {
    const NGINX: (&str, &str) = ("server", "nginx/1.22");
    const EXPRESS: (&str, &str) = ("x-powered-by", "Express");
    const NEST: &str = r#"{"statusCode":404,"message":"Cannot GET /v2","error":"Not Found"}"#;
    let at = |path: &str, status, headers: &[(&str, &str)], body: &str| {
        answer(
            &format!("https://api.app.test{path}"),
            status,
            headers,
            body,
        )
    };
    let express = at("/v1/orders/7", 200, &[EXPRESS], "{}");
    let express_behind = at("/v1/orders/7", 200, &[NGINX, EXPRESS], "{}");
    let checkout = at("/v1/checkout", 200, &[NGINX], "{}");
    let flask = at("/v2/tags", 200, &[("server", "Werkzeug/3.0")], "");
    let nest = at("/v2/x", 404, &[("content-type", "application/json")], NEST);
    let laravel = at("/old/a", 200, &[("set-cookie", "laravel_session=1")], "");
    let gunicorn = at("/v1/cart/7", 405, &[("server", "gunicorn")], "");
    let powered = at("/v1/me", 500, &[EXPRESS], "");
    let passed = at("/v1/pay", 500, &[NGINX], "{}");
    let bare = at("/v1/tags", 404, &[], "");
    let bare_old = at("/old/b", 404, &[], "");
    let cases: &[(&Exchange, &[&Exchange], Told)] = &[
        // The framework of other endpoints is not behind this one's.
        (
            &gunicorn,
            &[&express, &checkout],
            (&["gunicorn"], &[], None),
        ),
        (
            &powered,
            &[&gunicorn, &laravel],
            (&["express"], &[], Some("express")),
        ),
        // But it may tell more of the same.
        (
            &gunicorn,
            &[&flask],
            (&["gunicorn"], &["flask"], Some("flask")),
        ),
        (
            &powered,
            &[&nest],
            (&["express"], &["nestjs"], Some("nestjs")),
        ),
        // Nothing tells what is behind this server: what is behind it elsewhere, if anything is.
        (
            &passed,
            &[&express_behind],
            (&["nginx"], &["express"], Some("express")),
        ),
        (
            &passed,
            &[&express, &gunicorn],
            (&["nginx"], &["gunicorn", "express"], Some("nginx")),
        ),
        // Nothing tells anything: the nearest path, not the last of the table.
        (
            &bare,
            &[&laravel, &express_behind],
            (&[], &["nginx", "express", "laravel"], Some("express")),
        ),
        (
            &bare_old,
            &[&laravel, &express_behind],
            (&[], &["nginx", "express", "laravel"], Some("laravel")),
        ),
        (&bare, &[&checkout], (&[], &["nginx"], Some("nginx"))),
        (&bare, &[], (&[], &[], None)),
    ];
    for (failed, others, (hops, siblings, best)) in cases {
        let all = std::iter::once(failed).chain(others.iter()).copied();
        let stack = recognise(all, Some(failed));
        let url = &failed.request.url;
        assert_eq!(told(&stack), *hops, "{url}: {stack:#?}");
        let seen: Vec<&str> = stack.siblings.iter().map(|hop| hop.id).collect();
        assert_eq!(
            (&seen[..], stack.best),
            (*siblings, *best),
            "{url}: {stack:#?}"
        );
        assert_eq!(stack.best.is_some(), stack.why.is_some());
        let elsewhere = best.is_some_and(|best| !hops.contains(&best));
        let why = stack.why.as_deref().unwrap_or_default();
        assert_eq!(why.contains("at other endpoints"), elsewhere, "{why}");
    }
    let stack = recognise([&gunicorn, &express], Some(&gunicorn));
    assert_eq!(stack.kin(), ["flask", "django", "fastapi"]);
    assert!(recognise([&flask], None).kin().is_empty());
    // Another id, the same endpoint.
    let other_cart = at("/v1/cart/8", 200, &[("server", "uvicorn")], "");
    let stack = recognise([&gunicorn, &other_cart], Some(&gunicorn));
    assert_eq!(
        (told(&stack), stack.best),
        (vec!["fastapi"], Some("fastapi"))
    );
}
