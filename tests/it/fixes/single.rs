//! Single fixes, each for one trap.

use corscope::cors::Outcome;
use corscope::fix::{Fix, Reach, suggest, suggest_for};

use corscope::wire::FailureKind;

use super::story::{FIREFOX, Pairs, Story, asks, sentences};

const PAGE: &str = "https://app.test";
const URL: &str = "https://api.app.test/cart";
const OWN: (&str, &str) = ("Origin", PAGE);
const ALLOW: (&str, &str) = ("Access-Control-Allow-Origin", PAGE);
/// Tells Chromium's credentials mode: not included.
const CROSS: Pairs<'_> = &[
    OWN,
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Dest", "empty"),
];

fn get(sent: Pairs<'_>, status: u16, got: Pairs<'_>) -> Fix {
    let mut story = Story::default();
    story.add(&format!("GET {URL}"), sent, status, got);
    story.fix()
}

fn options(method: &str, names: &str, status: u16, got: Pairs<'_>) -> Fix {
    let mut story = Story::default();
    let asks = asks(PAGE, method, names);
    story.add(&format!("OPTIONS {URL}"), &asks, status, got);
    story.fix()
}

fn set(pairs: Pairs<'_>) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn beyond_the_server(fix: &Fix, reach: Reach, first: &str) {
    assert_eq!(fix.reach, reach, "{fix:?}");
    assert!(fix.preflight.is_none() && fix.actual.is_none(), "{fix:?}");
    let told = sentences(fix);
    assert!(told[0].contains(first), "{told:?}");
}

#[test]
fn the_real_error_comes_first_and_the_headers_second() {
    let fix = get(CROSS, 500, &[("Server", "nginx/1.26.2")]);
    let told = sentences(&fix);
    assert!(told[0].starts_with("Mend the 500 first"), "{told:?}");
    assert!(
        told[1].contains("error answers") && told[1].contains("always"),
        "{told:?}"
    );
    assert_eq!(fix.actual.expect("lines").set, set(&[ALLOW]));
    for (status, first) in [
        (401, "Look at the 401"),
        (404, "Mend the 404"),
        (413, "Send less"),
        (429, "Send fewer"),
        (502, "Mend the 502"),
    ] {
        let fix = get(CROSS, status, &[]);
        let told = sentences(&fix);
        assert!(told[0].starts_with(first), "{status}: {told:?}");
        assert!(told.iter().all(|text| !text.contains("always")), "{told:?}");
    }
}

#[test]
fn one_fix_for_all_faults_at_once() {
    let fix = options(
        "PUT",
        "authorization,x-b",
        401,
        &[
            ("Access-Control-Allow-Origin", "https://www.app.test"),
            ("Access-Control-Allow-Methods", "GET, POST"),
            ("Access-Control-Allow-Headers", "Content-Type X-A"),
            ("Vary", "Accept-Encoding, origin"),
        ],
    );
    let preflight = fix.preflight.as_ref().expect("lines");
    assert_eq!(preflight.status, Some(204));
    assert_eq!(
        preflight.set,
        set(&[
            ALLOW,
            ("Access-Control-Allow-Methods", "GET, POST, PUT"),
            (
                "Access-Control-Allow-Headers",
                "Content-Type, X-A, authorization, x-b"
            ),
        ])
    );
    assert!(preflight.append.is_empty(), "it varies by origin already");
    let actual = fix.actual.as_ref().expect("lines");
    assert_eq!(actual.set, set(&[ALLOW]));
    assert_eq!(actual.append, set(&[("Vary", "Origin")]));
    assert!(sentences(&fix)[0].contains("Exempt OPTIONS from authentication"));
}

#[test]
fn a_wildcard_stays_where_it_is_and_never_comes_anew() {
    let star = ("Access-Control-Allow-Origin", "*");
    let fix = options("GET", "x-a", 204, &[star]);
    let preflight = fix.preflight.expect("lines");
    assert_eq!(
        preflight.set,
        set(&[("Access-Control-Allow-Headers", "x-a")])
    );
    let mut story = Story::default();
    story.add(
        &format!("GET {URL}"),
        &[OWN, ("Cookie", "sid=1")],
        200,
        &[star, ("Access-Control-Allow-Headers", "*")],
    );
    let fix = story.fix();
    assert_eq!(
        fix.actual.as_ref().expect("lines").set,
        set(&[ALLOW, ("Access-Control-Allow-Credentials", "true")])
    );
    assert!(
        sentences(&fix)
            .iter()
            .any(|t| t.contains("leave credentials: 'include' out"))
    );
}

#[test]
fn where_it_depends_the_line_for_credentials_is_in_its_own_branch() {
    let mut story = Story::default();
    let asks = asks(PAGE, "PUT", "");
    story.add(
        &format!("OPTIONS {URL}"),
        &asks,
        204,
        &[ALLOW, ("Access-Control-Allow-Methods", "PUT")],
    );
    let diagnosis = story.last();
    assert_eq!(diagnosis.outcome, Outcome::Depends);
    assert_eq!(suggest(&diagnosis, &story.0), None);
    let fix = suggest_for(&diagnosis, true, &story.0).expect("a fix");
    let credentials = ("Access-Control-Allow-Credentials", "true");
    assert_eq!(fix.preflight.expect("lines").set, set(&[credentials]));
    assert_eq!(fix.actual.expect("lines").set, set(&[ALLOW, credentials]));
    assert!(fix.needs.credentials);
    assert_eq!(suggest_for(&diagnosis, false, &story.0), None);
}

#[test]
fn no_header_helps_behind_these_redirects() {
    for (location, reach, first) in [
        (
            "https://u:p@api.app.test/x",
            Reach::Client,
            "user name and password",
        ),
        ("myapp://done", Reach::None, "http or https"),
        ("http://api.app.test/x", Reach::None, "redirect to https"),
        (
            "https://other.test/x",
            Reach::Client,
            "Call https://other.test/x directly",
        ),
    ] {
        // With the header missing in front of it as well.
        for got in [
            &[("Location", location), ALLOW][..],
            &[("Location", location)],
        ] {
            if reach == Reach::Client && got.len() == 2 && !location.contains('@') {
                continue;
            }
            beyond_the_server(&get(CROSS, 302, got), reach, first);
        }
    }
    let fix = get(CROSS, 302, &[("Location", "/cart/")]);
    assert_eq!(fix.reach, Reach::Server);
    assert!(sentences(&fix).contains(&"The answer at https://api.app.test/cart/ needs them too."));
    let fix = get(
        CROSS,
        302,
        &[("Location", "https://login.other.test/signin")],
    );
    beyond_the_server(&fix, Reach::Client, "answered with 401");
    assert_eq!(
        fix.advice.len(),
        1,
        "nobody should call the login page: {fix:?}"
    );
}

#[test]
fn an_origin_that_a_detour_made_null_is_never_allowed() {
    let sent = asks(PAGE, "PUT", "");
    let grants = [ALLOW, ("Access-Control-Allow-Methods", "PUT")];
    for agent in ["", FIREFOX] {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let mut pairs = pairs.to_vec();
            if !agent.is_empty() {
                pairs.push(("User-Agent", agent));
            }
            pairs
        };
        let mut first = sent.clone();
        let mut second = sent.clone();
        if agent.is_empty() {
            second[0].1 = "null";
        } else {
            first.push(("User-Agent", agent));
            second.push(("User-Agent", agent));
        }
        let mut story = Story::default();
        story
            .add(&format!("OPTIONS {URL}"), &first, 204, &grants)
            .add(
                &format!("PUT {URL}"),
                &with(&[OWN]),
                307,
                &[ALLOW, ("Location", "https://other.test/cart")],
            )
            .add("OPTIONS https://other.test/cart", &second, 204, &[]);
        let fix = story.fix();
        beyond_the_server(&fix, Reach::Client, "Call https://other.test/cart directly");
        assert_eq!(fix.url, "https://other.test/cart");
    }
    let null = [("Origin", "null"), CROSS[1], CROSS[2], CROSS[3]];
    beyond_the_server(
        &get(&null, 401, &[]),
        Reach::Client,
        "Look at the 401 first",
    );
    beyond_the_server(&get(&null, 200, &[]), Reach::Client, "origin is null");
}

#[test]
fn what_the_call_gets_wrong_is_mended_in_the_call() {
    let fix = options(
        "patch",
        "",
        204,
        &[ALLOW, ("Access-Control-Allow-Methods", "PATCH")],
    );
    beyond_the_server(&fix, Reach::Client, "Write the method as PATCH");
    assert_eq!(fix.advice.len(), 1);
    let fix = options("patch", "x-a", 404, &[]);
    beyond_the_server(&fix, Reach::Client, "Write the method as PATCH");
    assert_eq!(
        sentences(&fix)[1],
        "Then have the server answer OPTIONS with 204; Access-Control-Allow-Origin: https://app.test; \
         Access-Control-Allow-Methods: PATCH; Access-Control-Allow-Headers: x-a; Vary: Origin."
    );
    let names = "access-control-allow-origin,content-type";
    let fix = options("GET", names, 204, &[ALLOW]);
    beyond_the_server(&fix, Reach::Client, "Remove access-control-allow-origin");
    assert!(sentences(&fix)[1].ends_with("Access-Control-Allow-Headers: content-type."));
    let fix = options("GET", "content-type,mode", 204, &[ALLOW]);
    let told = sentences(&fix);
    assert!(told[0].starts_with("Take mode out"), "{told:?}");
    assert!(
        told.iter().any(|t| t.contains("a GET has no body")),
        "{told:?}"
    );
}

#[test]
fn nothing_that_is_no_token_and_no_origin_gets_into_a_line() {
    let fix = get(
        &[
            ("Origin", "https://app.test\r\nX-Evil: 1"),
            CROSS[1],
            CROSS[2],
            CROSS[3],
        ],
        200,
        &[],
    );
    beyond_the_server(&fix, Reach::Client, "no origin that can be allowed");
    assert!(fix.needs.origins.is_empty());
    let fix = options("PU\"T", "x-a,x b,$(x),x\"c\\", 204, &[ALLOW]);
    let preflight = fix.preflight.expect("lines");
    assert_eq!(
        preflight.set,
        set(&[("Access-Control-Allow-Headers", "x-a")])
    );
    assert_eq!(fix.needs.headers, ["x-a"]);
    assert!(fix.needs.methods.is_empty(), "{:?}", fix.needs);
}

#[test]
fn a_304_is_read_together_with_the_answer_it_refreshes() {
    let mut story = Story::default();
    let sent = [OWN, ("Cookie", "sid=1")];
    story
        .add(&format!("GET {URL}"), &sent, 200, &[ALLOW, ("ETag", "1")])
        .add(
            &format!("GET {URL}"),
            &[OWN, ("Cookie", "sid=1"), ("If-None-Match", "1")],
            304,
            &[("ETag", "1")],
        );
    let fix = story.fix();
    assert_eq!(
        fix.actual.expect("lines").set,
        set(&[("Access-Control-Allow-Credentials", "true")]),
        "Allow-Origin is stored"
    );
}

#[test]
fn the_page_over_plain_http_is_told() {
    let page = [("Origin", "http://app.test")];
    let told = |sent: Pairs<'_>| {
        let fix = get(sent, 200, &[]);
        sentences(&fix)
            .iter()
            .any(|t| t.contains("over https as well"))
    };
    assert!(told(&page));
    assert!(!told(&[("Origin", "http://localhost:3000")]));
    assert!(!told(&[OWN]));
}

#[test]
fn what_broke_below_http_is_named() {
    for (kind, first) in [
        (
            FailureKind::Refused,
            "Start the server: nothing listens at https://api.app.test.",
        ),
        (FailureKind::NameNotResolved, "Check the host name"),
        (FailureKind::Certificate, "Mend the certificate"),
        (
            FailureKind::Reset,
            "Find out why https://api.app.test closes the connection on OPTIONS",
        ),
    ] {
        let mut story = Story::default();
        story.add(&format!("OPTIONS {URL}"), &asks(PAGE, "PUT", ""), 204, &[]);
        story.break_last(kind);
        beyond_the_server(&story.fix(), Reach::None, first);
    }
    let two = [("Location", "/a"), ("Location", "/b"), ALLOW];
    beyond_the_server(&get(CROSS, 302, &two), Reach::None, "single Location");
    beyond_the_server(&get(CROSS, 407, &[]), Reach::None, "answer with 401");
}
