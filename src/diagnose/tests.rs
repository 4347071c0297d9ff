//! Pairing and judging of small conversations, told line by line.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::cors::{Browser, Certainty, Check, Credentials, Outcome, Stage};
use crate::wire::{
    End, Exchange, ExchangeId, Failure, FailureKind, FailureStage, HeaderList, HttpVersion,
    RequestHead, ResponseHead, Timestamp,
};

const CHROME: &str = "Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";
const PAGE: &str = "https://app.test";
const ALLOW: (&str, &str) = ("access-control-allow-origin", PAGE);
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// An exchange that opens at `at` ms and is answered 10 ms later; status 0 is a reset.
fn exchange(
    id: u64,
    at: i64,
    method: &str,
    url: &str,
    request: Pairs<'_>,
    status: u16,
    response: Pairs<'_>,
) -> Arc<Exchange> {
    let mut headers = HeaderList::from_pairs(request.iter().copied());
    if !headers.contains("user-agent") {
        headers.push("user-agent", CHROME.as_bytes());
    }
    let head = RequestHead {
        method: method.into(),
        url: url.into(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut made = Exchange::opened(ExchangeId(id), Timestamp(at * 1000), head);
    let end = Timestamp((at + 10) * 1000);
    made.closed_at = Some(end);
    if status == 0 {
        made.end = End::Failed(Failure {
            stage: FailureStage::Wait,
            kind: FailureKind::Reset,
            detail: "connection reset".into(),
        });
    } else {
        made.end = End::Complete;
        made.answered_at = Some(end);
        made.response = Some(ResponseHead {
            status,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(response.iter().copied())),
        });
    }
    Arc::new(made)
}

fn preflight(id: u64, at: i64, status: u16, response: Pairs<'_>) -> Arc<Exchange> {
    let request = [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")];
    exchange(
        id,
        at,
        "OPTIONS",
        "https://api.app.test/x",
        &request,
        status,
        response,
    )
}

fn put(id: u64, at: i64, status: u16, response: Pairs<'_>) -> Arc<Exchange> {
    exchange(
        id,
        at,
        "PUT",
        "https://api.app.test/x",
        &[("Origin", PAGE)],
        status,
        response,
    )
}

const GRANT: Pairs<'static> = &[
    ALLOW,
    ("access-control-allow-methods", "PUT"),
    ("access-control-allow-credentials", "true"),
];

fn all(exchanges: &[Arc<Exchange>]) -> Vec<Diagnosis> {
    diagnose_all(exchanges.to_vec(), None)
}

fn roles(diagnosis: &Diagnosis) -> Vec<(&'static str, Option<u64>)> {
    let members = diagnosis.fetch.members.iter();
    members
        .map(|m| (m.role.name(), m.exchange.map(|e| e.0)))
        .collect()
}

#[test]
fn a_refused_preflight_is_a_fetch_whose_request_was_never_sent() {
    let found = all(&[preflight(0, 0, 500, &[("content-type", "text/plain")])]);
    assert_eq!(found.len(), 1);
    assert_eq!(roles(&found[0]), [("preflight", Some(0)), ("actual", None)]);
    assert!(found[0].fetch.members[1].never_sent);
    assert_eq!(found[0].method, "PUT");
    let cause = found[0].cause.as_ref().expect("blocked");
    assert_eq!(
        (cause.check, cause.stage, cause.root, cause.certainty),
        (
            Check::MissingAllowOrigin,
            Stage::Preflight,
            Some(Root::PreflightServerError),
            Certainty::Certain
        )
    );
    assert!(
        cause
            .next
            .contains(&(Check::InvalidStatus, Stage::Preflight))
    );
    assert!(
        found[0].when_include.is_some(),
        "its unseen answer needs another line then"
    );
}

#[test]
fn identical_requests_side_by_side_are_told_apart() {
    let found = all(&[
        preflight(0, 0, 204, GRANT),
        preflight(1, 2, 204, GRANT),
        put(2, 11, 200, GRANT),
        preflight(3, 11, 204, GRANT),
        put(4, 14, 200, GRANT),
        put(5, 30, 200, GRANT),
    ]);
    let roles: Vec<_> = found.iter().map(roles).collect();
    assert_eq!(
        roles,
        [
            [("preflight", Some(0)), ("actual", Some(2))],
            [("preflight", Some(1)), ("actual", Some(4))],
            [("preflight", Some(3)), ("actual", Some(5))],
        ]
    );
    assert!(found.iter().all(|d| d.outcome == Outcome::Allowed));
}

#[test]
fn a_remembered_preflight_has_its_place() {
    let found = all(&[
        preflight(0, 0, 204, GRANT),
        put(1, 12, 200, GRANT),
        put(2, 3000, 200, GRANT),
        put(3, 9000, 200, GRANT),
    ]);
    assert_eq!(found.len(), 3);
    let member = found[1].fetch.members[0];
    assert!(member.cached);
    assert_eq!(member.remembered, Some(ExchangeId(0)));
    let later = found[2].fetch.members[0];
    assert!(
        later.cached,
        "an unsafe request without a preflight proves one"
    );
    assert_eq!(later.remembered, None, "five seconds are over");
}

#[test]
fn a_redirect_is_followed_as_null() {
    let found = all(&[
        exchange(
            0,
            0,
            "GET",
            "https://api.app.test/a",
            &[("Origin", PAGE)],
            302,
            &[ALLOW, ("location", "https://other.test/b")],
        ),
        exchange(
            1,
            11,
            "GET",
            "https://other.test/b",
            &[("Origin", "null")],
            200,
            &[ALLOW],
        ),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        roles(&found[0]),
        [("redirect", Some(0)), ("actual", Some(1))]
    );
    let cause = found[0].cause.as_ref().expect("blocked");
    assert_eq!(
        (cause.check, cause.sub, cause.root),
        (
            Check::AllowOriginMismatch,
            Some("null-origin"),
            Some(Root::TaintedRedirect)
        )
    );
    assert_eq!(found[0].url, "https://api.app.test/a");
    assert_eq!(found[0].origin.as_deref(), Some(PAGE));
}

#[test]
fn retries_of_a_closed_connection_are_one_fetch() {
    let found = all(&[
        preflight(0, 0, 0, &[]),
        preflight(1, 15, 0, &[]),
        preflight(2, 40, 204, GRANT),
        put(3, 55, 0, &[]),
        put(4, 70, 200, GRANT),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].outcome, Outcome::Allowed);
    let again = all(&[put(0, 0, 0, &[]), put(1, 5000, 0, &[])]);
    assert_eq!(again.len(), 2, "after five seconds it is another call");
    assert_eq!(again[0].outcome, Outcome::Failed);
}

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
fn devtools_tells_the_request_before_its_preflight() {
    let from_har = |e: Arc<Exchange>, end: i64| {
        let mut made = Arc::unwrap_or_clone(e);
        made.source = crate::wire::Source::Har;
        made.closed_at = Some(Timestamp(end * 1000));
        made.answered_at = made.response.as_ref().and(made.closed_at);
        Arc::new(made)
    };
    let good = all(&[
        from_har(put(0, 0, 200, GRANT), 30),
        from_har(preflight(1, 2, 204, GRANT), 12),
    ]);
    assert_eq!(good.len(), 1);
    assert_eq!(
        roles(&good[0]),
        [("preflight", Some(1)), ("actual", Some(0))]
    );
    assert_eq!(good[0].outcome, Outcome::Allowed);
    let bad = all(&[
        from_har(put(0, 0, 0, &[]), 30),
        from_har(preflight(1, 2, 404, &[]), 12),
    ]);
    let cause = bad[0].cause.as_ref().expect("blocked");
    assert_eq!(
        (cause.check, cause.stage),
        (Check::MissingAllowOrigin, Stage::Preflight)
    );
}

/// Tells one exchange up to a moment.
fn tell(pairer: &mut Pairer, exchange: &Exchange, moments: &[Moment]) -> Vec<FetchId> {
    moments
        .iter()
        .flat_map(|moment| pairer.observe(exchange, *moment))
        .collect()
}

const WHOLE: &[Moment] = &[Moment::Opened, Moment::Answered, Moment::Closed];

#[test]
fn live_it_waits_then_settles_then_corrects_itself() {
    let mut pairer = Pairer::new(None);
    let asked = preflight(1, 0, 204, GRANT);
    let id = tell(&mut pairer, &asked, WHOLE)[0];
    let fetch = |p: &Pairer| p.fetch(id).cloned().expect("open");
    assert!(!fetch(&pairer).settled);
    assert!(pairer.tick(Timestamp(1_000_000)).is_empty());
    assert_eq!(pairer.tick(Timestamp(6_000_000)), [id]);
    assert!(fetch(&pairer).settled && fetch(&pairer).members[1].never_sent);
    let late = put(2, 8000, 200, GRANT);
    assert_eq!(tell(&mut pairer, &late, WHOLE), [id, id, id]);
    assert!(fetch(&pairer).settled);
    assert_eq!(fetch(&pairer).exchanges().count(), 2);
    assert_eq!(pairer.fetch_of(ExchangeId(2)), Some(id));
    assert!(pairer.finish().is_empty());
}

#[test]
fn an_unsettled_verdict_is_pending() {
    let mut pairer = Pairer::new(None);
    let star: Pairs<'_> = &[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "PUT"),
    ];
    let asked = preflight(1, 0, 204, star);
    let id = tell(&mut pairer, &asked, WHOLE)[0];
    let known: HashMap<_, _> = [(asked.id, Arc::clone(&asked))].into();
    let around = Surroundings::new();
    let outcome = |p: &Pairer| diagnose(p.fetch(id).expect("open"), &known, &around).outcome;
    assert_eq!(outcome(&pairer), Outcome::Pending);
    pairer.finish();
    assert_eq!(outcome(&pairer), Outcome::Depends);
}

#[test]
fn memory_is_bounded() {
    let mut pairer = Pairer::new(None);
    for n in 0..52_000_u64 {
        let made = preflight(n, i64::try_from(n).expect("small") * 6, 204, GRANT);
        tell(&mut pairer, &made, WHOLE);
    }
    let kept = (1..=52_000)
        .filter(|n| pairer.fetch(FetchId(*n)).is_some())
        .count();
    assert!(kept <= 50_001, "{kept} fetches are remembered");
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

/// Header fields that matter to some rule, or to none, with any value.
fn any_headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "Origin",
        "origin",
        "Cookie",
        "Authorization",
        "User-Agent",
        "Content-Type",
        "Location",
        "Vary",
        "Age",
        "Set-Cookie",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
        "Access-Control-Allow-Origin",
        "access-control-allow-origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-Fetch-Dest",
        "Cross-Origin-Resource-Policy",
        "X-\u{e9}",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "*",
            "null",
            PAGE,
            "https://app.test/",
            "https://b.test",
            "true",
            "PUT",
            "a, b",
            "",
            "cors",
            "no-cors",
            "cross-site",
            "/next",
            "http://c.test/",
            "a=b; SameSite",
            CHROME,
        ])
        .prop_map(|v| v.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..10)
}

fn from_parts(
    id: u64,
    method: &str,
    request: &[(String, Vec<u8>)],
    status: u16,
    response: &[(String, Vec<u8>)],
) -> Arc<Exchange> {
    let list = |parts: &[(String, Vec<u8>)]| {
        Arc::new(HeaderList::from_pairs(parts.iter().map(|(n, v)| (n, v))))
    };
    let at = i64::try_from(id).expect("small") * 10;
    let mut made = Arc::unwrap_or_clone(exchange(
        id,
        at,
        method,
        "https://api.app.test/x",
        &[],
        status,
        &[],
    ));
    made.request.headers = list(request);
    if let Some(head) = &mut made.response {
        head.headers = list(response);
    }
    Arc::new(made)
}

proptest! {
    /// Whatever comes over the wire is judged, each exchange belongs to exactly one fetch, and a second
    /// look says the same.
    #[test]
    fn anything_is_judged(
        parts in prop::collection::vec(
            (
                prop::sample::select(vec!["GET", "PUT", "OPTIONS", "patch", ""]),
                any_headers(),
                prop::sample::select(vec![0_u16, 101, 200, 204, 302, 304, 401, 500, 999]),
                any_headers(),
            ),
            1..6,
        )
    ) {
        let exchanges: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(n, (method, request, status, response))| {
                from_parts(n as u64, method, request, *status, response)
            })
            .collect();
        for rules in [None, Some(Browser::Firefox), Some(Browser::Safari)] {
            let found = diagnose_all(exchanges.clone(), rules);
            let mut seen: Vec<_> = found.iter().flat_map(|d| d.fetch.exchanges()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, exchanges.iter().map(|e| e.id).collect::<Vec<_>>());
            prop_assert_eq!(&found, &diagnose_all(exchanges.clone(), rules));
        }
    }

    /// The order of different headers and the letter case of names change no verdict (Firefox's name
    /// for a repeated header apart, which needs its exact spelling).
    #[test]
    fn order_and_case_do_not_matter(
        request in any_headers(),
        status in prop::sample::select(vec![200_u16, 204, 302, 404]),
        response in any_headers(),
        preflight in any::<bool>(),
    ) {
        let method = if preflight { "OPTIONS" } else { "PUT" };
        let plain = from_parts(0, method, &request, status, &response);
        let turned = |parts: &[(String, Vec<u8>)]| {
            let mut parts = parts.to_vec();
            // Stable: fields of one name keep their order, which is part of their value.
            parts.sort_by_key(|(name, _)| name.to_ascii_lowercase());
            for (name, _) in &mut parts {
                name.make_ascii_uppercase();
            }
            parts
        };
        let other = from_parts(0, method, &turned(&request), status, &turned(&response));
        for rules in [Browser::Chromium, Browser::Safari] {
            let verdict = |e: &Arc<Exchange>| {
                let found = diagnose_all(vec![Arc::clone(e)], Some(rules)).remove(0);
                let fault = |c: Cause| (c.check, c.stage, c.sub, c.missing, c.next);
                (
                    found.outcome,
                    found.cause.map(fault),
                    found.when_include.map(|b| (b.outcome, b.cause.map(fault))),
                )
            };
            prop_assert_eq!(verdict(&plain), verdict(&other));
        }
    }
}
