//! Which exchanges are one fetch.

use std::collections::HashMap;

use super::*;

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
