//! What a fetch is judged to be.

use super::*;

#[test]
fn what_is_not_visible_is_left_open_and_what_is_visible_is_not() {
    let star = [("access-control-allow-origin", "*")];
    let get = |request: Pairs<'_>| {
        all(&[exchange(
            0,
            0,
            "GET",
            "https://api.app.test/x",
            request,
            200,
            &star,
        )])
        .remove(0)
    };
    let open = get(&[("Origin", PAGE)]);
    assert_eq!(open.outcome, Outcome::Depends);
    assert_eq!(open.when_include.map(|b| b.outcome), Some(Outcome::Blocked));
    assert_eq!(
        open.when_not_include.map(|b| b.outcome),
        Some(Outcome::Allowed)
    );
    let told = get(&[("Origin", PAGE), ("Cookie", "a=b")]);
    assert_eq!(told.outcome, Outcome::Blocked);
    let check = told.cause.map(|c| c.check);
    assert_eq!(check, Some(Check::WildcardOriginNotAllowed));
    assert!(told.when_include.is_none());
}

#[test]
fn what_the_browser_did_next_tells_too() {
    let star: Pairs<'_> = &[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "*"),
    ];
    let found = all(&[preflight(0, 0, 204, star), put(1, 12, 200, star)]);
    assert_eq!(found[0].outcome, Outcome::Allowed);
    assert_eq!(found[0].credentials, Credentials::NotInclude);
    let alone = all(&[preflight(0, 0, 204, star)]);
    assert_eq!(alone[0].outcome, Outcome::Depends);
    let either = all(&[preflight(0, 0, 204, GRANT)]);
    assert_eq!(either[0].outcome, Outcome::Pending);
}

#[test]
fn never_a_false_alarm() {
    let bare = |method, url, request: Pairs<'_>, response: Pairs<'_>| {
        all(&[exchange(0, 0, method, url, request, 200, response)])
            .remove(0)
            .outcome
    };
    let api = "https://api.app.test/x";
    for request in [
        &[("Origin", "https://api.app.test")][..],
        &[("Origin", PAGE), ("Sec-Fetch-Mode", "navigate")],
        &[("Origin", PAGE), ("Upgrade", "websocket")],
        &[("Origin", PAGE), ("User-Agent", "curl/8.5")],
        &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none")],
    ] {
        assert_eq!(
            bare("POST", api, request, &[]),
            Outcome::Exempt,
            "{request:?}"
        );
    }
    let image = &[
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Dest", "image"),
    ];
    assert_eq!(
        bare("GET", api, image, &[("content-type", "image/png")]),
        Outcome::Opaque
    );
    let login = exchange(
        0,
        0,
        "GET",
        api,
        &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none")],
        302,
        &[("location", "myapp://done")],
    );
    assert_eq!(all(&[login])[0].outcome, Outcome::Exempt);
    let mut aborted = Arc::unwrap_or_clone(put(0, 0, 0, &[]));
    aborted.end = End::Aborted;
    assert_eq!(all(&[Arc::new(aborted)])[0].outcome, Outcome::Pending);
}

#[test]
fn siblings_tell_the_root() {
    let get = |id, at, path: &str, status, response: Pairs<'_>| {
        let url = format!("https://api.app.test{path}");
        exchange(id, at, "GET", &url, &[("Origin", PAGE)], status, response)
    };
    let root = |exchanges: &[Arc<Exchange>]| {
        all(exchanges)
            .pop()
            .and_then(|d| d.when_not_include.and_then(|b| b.cause).or(d.cause))
            .and_then(|c| c.root)
    };
    let good = get(0, 0, "/v1/cart/7", 200, &[ALLOW]);
    assert_eq!(
        root(&[good.clone(), get(1, 100, "/v2/other", 200, &[])]),
        Some(Root::CorsPartialCoverage)
    );
    assert_eq!(
        root(&[get(1, 100, "/v2/other", 200, &[])]),
        Some(Root::CorsNotConfigured)
    );
    assert_eq!(
        root(&[get(1, 100, "/v2/other", 200, &[("vary", "Origin")])]),
        Some(Root::AllowListRefused)
    );
    assert_eq!(
        root(&[get(1, 100, "/", 502, &[])]),
        Some(Root::GatewayError)
    );
    let broken = all(&[good, get(1, 100, "/v1/cart/8", 500, &[])]);
    let cause = broken[1].cause.as_ref().expect("blocked");
    assert_eq!(cause.root, Some(Root::ServerError));
    assert!(
        cause.evidence.iter().any(|e| e.exchange == ExchangeId(0)),
        "the sibling that has the header is cited"
    );
}

#[test]
fn a_304_is_read_with_what_it_refreshes() {
    let get = |id, at, status, response: Pairs<'_>| {
        let url = "https://api.app.test/r";
        let request = [("Origin", PAGE), ("If-None-Match", "1")];
        exchange(id, at, "GET", url, &request, status, response)
    };
    let outcome = |first: Pairs<'_>, second: Pairs<'_>| {
        let found = all(&[get(0, 0, 200, first), get(1, 100, 304, second)]);
        let branch = found[1].when_not_include.as_ref().map(|b| b.outcome);
        branch.unwrap_or(found[1].outcome)
    };
    assert_eq!(outcome(&[ALLOW], &[]), Outcome::Allowed);
    assert_eq!(outcome(&[], &[ALLOW]), Outcome::Allowed);
    let other = [("access-control-allow-origin", "https://b.test")];
    assert_eq!(outcome(&[ALLOW], &other), Outcome::Blocked);
}

#[test]
fn rules_can_be_told() {
    let bare = preflight(0, 0, 302, &[("location", "/y")]);
    let check = |rules| {
        let found = diagnose_all(vec![bare.clone()], rules).remove(0);
        found.cause.map(|c| c.check)
    };
    assert_eq!(check(None), Some(Check::DisallowedRedirect));
    assert_eq!(
        check(Some(Browser::Firefox)),
        Some(Check::MissingAllowOrigin)
    );
}

#[test]
fn a_proxys_question_for_a_password_is_no_cors_error_in_chromium() {
    let origin = [("origin", PAGE), ("sec-fetch-mode", "cors")];
    let refused = exchange(0, 0, "GET", "https://api.test/v1", &origin, 407, &[]);
    let told = &all(&[refused])[0];
    assert_eq!(told.outcome, Outcome::Failed);
    let cause = told.cause.as_ref().expect("failed");
    assert_eq!(
        (cause.check, cause.root),
        (Check::NetworkError, Some(Root::AuthError))
    );
    let asked = [ALLOW, ("proxy-authenticate", "Basic")];
    let told = &all(&[preflight(0, 0, 407, &asked)])[0];
    let cause = told.cause.as_ref().expect("failed");
    assert_eq!(told.outcome, Outcome::Failed);
    assert_eq!(
        (cause.check, cause.root),
        (
            Check::PreflightNetworkError,
            Some(Root::PreflightBlockedByAuth)
        )
    );
    // Over plain http, where there is a proxy to answer so, the rules are asked.
    let plain = exchange(0, 0, "GET", "http://api.test/v1", &origin, 407, &[]);
    assert_eq!(all(&[plain])[0].outcome, Outcome::Blocked);
}
