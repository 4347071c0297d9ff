//! What holds for any exchanges.

use proptest::prelude::*;

use super::*;

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
