//! What goes over the wire, and what does not.

use corscope::cors::{Browser, Check, Outcome, Stage};
use corscope::proxy::{Courier, Reach};
use corscope::replay::{Edit, Ending, Manner, Plan};
use corscope::wire::{End, FailureKind, FailureStage, Origin, Source};

use super::world::{Got, Says, World, impatient, play};

const PAGE: &str = "https://app.test";

fn plan(url: &str) -> Plan {
    let page = Origin::of_url(PAGE).unwrap();
    Plan::new(Browser::Chromium, page, url.parse().unwrap())
}

fn edited(url: &str, method: &str, headers: &[&str], body: Option<&str>) -> Plan {
    let headers = headers.iter().map(|h| Edit::header(h).unwrap()).collect();
    let edit = Edit {
        method: Some(method.into()),
        headers,
        body: body.map(|b| b.to_owned().into()),
        ..Edit::default()
    };
    plan(url).edited(&edit).unwrap()
}

/// Lets everybody in, with everything.
fn open(got: &Got) -> Says {
    let origin = got.header("origin").unwrap_or("*");
    let mut headers = vec![
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ];
    if got.method == "OPTIONS" {
        headers.push(("Access-Control-Allow-Methods", "PUT, DELETE"));
        headers.push((
            "Access-Control-Allow-Headers",
            "content-type, authorization",
        ));
        return Says::new(204, &headers, "");
    }
    Says::new(200, &headers, "{}")
}

fn with(says: Says, name: &str, value: &str) -> Says {
    let mut says = says;
    says.headers.push((name.into(), value.into()));
    says
}

#[tokio::test]
async fn a_refused_preflight_stops_it() {
    let world = World::new(|got| match got.method.as_str() {
        "OPTIONS" => Says::new(405, &[], ""),
        _ => open(got),
    })
    .await;
    let plan = edited(
        "https://api.test/cart",
        "PUT",
        &["Content-Type: application/json"],
        Some("{}"),
    );
    let played = world.play(&plan).await;
    assert_eq!(world.asked(), ["OPTIONS https://api.test/cart"]);
    assert!(matches!(
        played.ran.ending,
        Ending::Stopped(Stage::Preflight)
    ));
    let diagnosis = played.diagnosis();
    assert_eq!(diagnosis.outcome, Outcome::Blocked);
    assert!(diagnosis.when_include.is_none(), "the mode is known");
    assert!(diagnosis.fetch.members.iter().any(|m| m.never_sent));
}

#[tokio::test]
async fn a_passing_preflight_is_followed_by_the_request_over_http2() {
    let world = World::new(open).await;
    let mut plan = edited(
        "https://api.test/cart",
        "PUT",
        &["Content-Type: application/json"],
        Some("{\"n\":1}"),
    )
    .with_cookies("session=s3cret");
    plan.include = Some(true);
    let played = world.play(&plan).await;
    let got = world.got();
    assert_eq!(
        world.asked(),
        ["OPTIONS https://api.test/cart", "PUT https://api.test/cart"]
    );
    assert!(got.iter().all(|g| g.http2), "over HTTP/2");
    let [preflight, actual] = &got[..] else {
        panic!("two requests")
    };
    assert_eq!(
        preflight.header("access-control-request-method"),
        Some("PUT")
    );
    assert_eq!(
        preflight.header("access-control-request-headers"),
        Some("content-type")
    );
    assert_eq!(
        preflight.header("cookie"),
        None,
        "a preflight has no credentials"
    );
    assert_eq!(actual.header("cookie"), Some("session=s3cret"));
    assert_eq!(actual.header("sec-fetch-site"), Some("cross-site"));
    assert_eq!(actual.header("sec-fetch-storage-access"), Some("active"));
    assert_eq!(actual.header("origin"), Some(PAGE));
    assert_eq!(actual.body, "{\"n\":1}");
    let diagnosis = played.diagnosis();
    assert_eq!(diagnosis.outcome, Outcome::Allowed);
    assert!(!format!("{plan:?}").contains("s3cret"));
    for id in &played.ran.sent {
        let exchange = played.reader.exchange(*id).unwrap();
        assert_eq!(exchange.end, End::Complete);
        assert!(
            matches!(exchange.source, Source::Replay(r) if r.of.is_none() && r.include == Some(true))
        );
    }
}

#[tokio::test]
async fn over_http1_the_order_is_the_browsers() {
    let world = World::speaking(&[b"http/1.1"], open).await;
    world
        .play(&edited(
            "https://api.test/cart",
            "POST",
            &["Authorization: Bearer t"],
            Some("x"),
        ))
        .await;
    let got = world.got();
    assert!(!got[1].http2);
    let names: Vec<&str> = got[1].headers.iter().map(|(n, _)| n.as_str()).collect();
    // HTTP/2 was offered, so the fields are those of HTTP/2; the connection adds its own in front.
    assert_eq!(names[0], "host");
    let order = [
        "content-length",
        "user-agent",
        "authorization",
        "accept",
        "origin",
        "referer",
    ];
    let at = order.map(|name| names.iter().position(|n| *n == name).expect(name));
    assert!(at.is_sorted(), "{names:?}");
}

#[tokio::test]
async fn redirects_are_followed_by_the_rules() {
    let world = World::new(|got| {
        let to = |status, to| {
            with(
                Says {
                    status,
                    ..open(got)
                },
                "Location",
                to,
            )
        };
        match got.url.as_str() {
            "https://api.test/start" => to(307, "https://auth.test/second"),
            "https://auth.test/second" if got.method != "OPTIONS" => to(303, "/third"),
            _ => open(got),
        }
    })
    .await;
    let plan = edited("https://api.test/start", "POST", &[], Some("x=1"));
    let played = world.play(&plan).await;
    assert_eq!(
        world.asked(),
        [
            "POST https://api.test/start",
            "POST https://auth.test/second",
            "GET https://auth.test/third"
        ]
    );
    let got = world.got();
    let origins: Vec<_> = got.iter().map(|g| g.header("origin").unwrap()).collect();
    assert_eq!(
        origins,
        [PAGE, "null", "null"],
        "tainted from the second server on"
    );
    assert_eq!((got[1].body.as_str(), got[2].body.as_str()), ("x=1", ""));
    assert_eq!(got[2].header("content-type"), None);
    assert_eq!(played.diagnosis().outcome, Outcome::Allowed);
}

#[tokio::test]
async fn a_redirect_drops_the_authorization_and_asks_again() {
    let world = World::new(|got| match (got.url.as_str(), got.method.as_str()) {
        ("https://api.test/start", "GET") => with(
            Says {
                status: 302,
                ..open(got)
            },
            "Location",
            "https://auth.test/x",
        ),
        _ => open(got),
    })
    .await;
    let plan = edited(
        "https://api.test/start",
        "GET",
        &["Authorization: Bearer t", "Content-Type: a/b"],
        None,
    );
    let played = world.play(&plan).await;
    assert_eq!(
        world.asked(),
        [
            "OPTIONS https://api.test/start",
            "GET https://api.test/start",
            "OPTIONS https://auth.test/x",
            "GET https://auth.test/x"
        ]
    );
    let got = world.got();
    assert_eq!(got[1].header("authorization"), Some("Bearer t"));
    assert_eq!(
        got[2].header("access-control-request-headers"),
        Some("content-type")
    );
    assert_eq!(got[3].header("authorization"), None);
    assert_eq!(played.diagnosis().outcome, Outcome::Allowed);
}

#[tokio::test]
async fn a_redirect_that_the_rules_forbid_is_not_followed() {
    for (to, check) in [
        ("https://u:p@auth.test/", Check::RedirectContainsCredentials),
        ("http://api.test/", Check::MixedContent),
        ("myapp://x", Check::CorsDisabledScheme),
    ] {
        let world = World::new(move |got| {
            with(
                Says {
                    status: 302,
                    ..open(got)
                },
                "Location",
                to,
            )
        })
        .await;
        let played = world.play(&plan("https://api.test/")).await;
        assert_eq!(world.got().len(), 1, "{to}");
        let cause = played.diagnosis().cause.expect("a cause");
        assert_eq!((cause.check, cause.stage), (check, Stage::Redirect), "{to}");
    }
    // Without permission for the redirect itself, likewise.
    let world = World::new(|_| Says::new(302, &[("Location", "/y")], "")).await;
    let played = world.play(&plan("https://api.test/")).await;
    assert_eq!(world.got().len(), 1);
    assert!(matches!(
        played.ran.ending,
        Ending::Stopped(Stage::Redirect)
    ));
    assert_eq!(played.diagnosis().outcome, Outcome::Blocked);
}

#[tokio::test]
async fn endless_redirects_end() {
    let world = World::new(|got| {
        with(
            Says {
                status: 302,
                ..open(got)
            },
            "Location",
            "/again",
        )
    })
    .await;
    let played = world.play(&plan("https://api.test/")).await;
    assert_eq!(world.got().len(), 21, "twenty redirects are followed");
    assert!(matches!(
        played.ran.ending,
        Ending::Stopped(Stage::Redirect)
    ));
    assert_eq!(played.diagnosis().outcome, Outcome::Blocked);
}

#[tokio::test]
async fn cookies_that_redirects_set_travel_on() {
    let world = World::new(|got| match got.url.as_str() {
        "https://api.test/login" => {
            let says = with(
                Says {
                    status: 302,
                    ..open(got)
                },
                "Location",
                "/in",
            );
            with(says, "Set-Cookie", "sid=1; Path=/; SameSite=None; Secure")
        }
        _ => open(got),
    })
    .await;
    let mut plan = plan("https://api.test/login");
    plan.include = Some(true);
    world.play(&plan).await;
    assert_eq!(world.got()[1].header("cookie"), Some("sid=1"));
    let mut plan = plan.clone();
    plan.include = Some(false);
    world.play(&plan).await;
    assert_eq!(world.got()[3].header("cookie"), None);
}

#[tokio::test]
async fn as_curl_it_goes_straight() {
    let world = World::new(|got| match got.url.as_str() {
        "https://api.test/cart" => Says::new(308, &[("Location", "https://auth.test/cart")], ""),
        _ => Says::new(200, &[], "{}"),
    })
    .await;
    let mut plan = edited(
        "https://api.test/cart",
        "PUT",
        &["Authorization: Bearer t"],
        Some("x"),
    );
    plan.manner = Manner::Curl;
    let played = world.play(&plan).await;
    let got = world.got();
    assert_eq!(
        world.asked(),
        ["PUT https://api.test/cart", "PUT https://auth.test/cart"]
    );
    for name in ["origin", "referer", "sec-fetch-mode", "sec-ch-ua"] {
        assert_eq!(got[0].header(name), None, "{name}");
    }
    assert_eq!(got[0].header("authorization"), Some("Bearer t"));
    assert_eq!(got[1].header("authorization"), None, "not to another host");
    assert_eq!(got[1].body, "x");
    assert!(matches!(played.ran.ending, Ending::Answered(200)));
    assert_eq!(played.diagnosis().outcome, Outcome::Exempt);
}

#[tokio::test]
async fn firefox_asks_in_its_own_way() {
    let world = World::new(|got| match got.url.as_str() {
        "https://api.test/a" if got.method == "GET" => with(
            Says {
                status: 302,
                ..open(got)
            },
            "Location",
            "https://auth.test/b",
        ),
        _ => open(got),
    })
    .await;
    let edit = Edit {
        browser: Some(Browser::Firefox),
        headers: vec![Edit::header("Content-Type: a/b").unwrap()],
        ..Edit::default()
    };
    let plan = plan("https://api.test/a").edited(&edit).unwrap();
    world.play(&plan).await;
    let got = world.got();
    assert!(got[0].header("user-agent").unwrap().contains("Firefox/"));
    // For a tainted request Firefox asks on behalf of the page.
    assert_eq!(got[2].header("origin"), Some(PAGE));
    assert_eq!(got[3].header("origin"), Some("null"));
}

#[tokio::test]
async fn what_breaks_below_http_is_a_row_too() {
    let world = World::new(open).await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let direct = Courier::new(&Reach::default()).unwrap();
    for (courier, url, stage, kind) in [
        (
            &direct,
            format!("http://localhost:{nobody}/"),
            FailureStage::Connect,
            FailureKind::Refused,
        ),
        (
            &direct,
            "https://nosuch.invalid/".to_owned(),
            FailureStage::Dns,
            FailureKind::NameNotResolved,
        ),
        (
            &direct,
            format!("https://localhost:{}/", world.address.port()),
            FailureStage::Tls,
            FailureKind::Certificate,
        ),
    ] {
        let played = play(&plan(&url), courier).await;
        let Ending::Failed(failure) = &played.ran.ending else {
            panic!("{url}: {:?}", played.ran.ending)
        };
        assert_eq!(
            (failure.stage, failure.kind),
            (stage, kind),
            "{url}: {failure:?}"
        );
        let exchange = played.reader.exchange(played.ran.sent[0]).unwrap();
        assert_eq!(exchange.end, End::Failed(failure.clone()));
        assert_eq!(played.diagnosis().outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn a_server_of_a_known_authority_is_believed() {
    let world = World::new(open).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, &world.ca_pem).unwrap();
    let courier = Courier::new(&Reach {
        upstream_ca: Some(file),
        ..Reach::default()
    })
    .unwrap();
    let url = format!("https://localhost:{}/", world.address.port());
    let played = play(&plan(&url), &courier).await;
    assert_eq!(played.diagnosis().outcome, Outcome::Allowed);
    let exchange = played.reader.exchange(played.ran.sent[0]).unwrap();
    let upstream = exchange.upstream.as_ref().unwrap();
    assert!(upstream.tls.is_some() && !upstream.insecure);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let world = World::new(|_| Says {
        hangs: true,
        ..Says::new(200, &[], "")
    })
    .await;
    let mut plan = plan("https://api.test/");
    plan.limits = impatient();
    let played = world.play(&plan).await;
    let Ending::Failed(failure) = &played.ran.ending else {
        panic!("{:?}", played.ran.ending)
    };
    assert_eq!(
        (failure.stage, failure.kind),
        (FailureStage::Wait, FailureKind::TimedOut)
    );
    assert!(failure.detail.contains("api.test"), "{}", failure.detail);
}

#[tokio::test]
async fn a_body_without_end_is_left() {
    let world = World::new(|got| Says {
        body: "x".repeat(100_000),
        ..open(got)
    })
    .await;
    let mut plan = plan("https://api.test/");
    plan.limits.body_bytes_max = 1_000;
    let played = world.play(&plan).await;
    let exchange = played.reader.exchange(played.ran.sent[0]).unwrap();
    assert_eq!(exchange.end, End::Aborted);
    assert!(exchange.response_body.seen_bytes < 100_000);
    assert_eq!(
        played.diagnosis().outcome,
        Outcome::Allowed,
        "the head is what counts"
    );
}

#[tokio::test]
async fn stopping_ends_what_is_open() {
    let world = World::new(|_| Says {
        hangs: true,
        ..Says::new(200, &[], "")
    })
    .await;
    let (session, recorder) = corscope::session::Session::in_memory(None, 1).unwrap();
    let (plan, courier) = (plan("https://api.test/"), world.courier());
    let running = corscope::replay::run(&plan, &courier, &recorder);
    let stopped = tokio::time::timeout(std::time::Duration::from_millis(200), running).await;
    assert!(stopped.is_err(), "it hangs");
    drop(recorder);
    let reader = session.reader();
    tokio::task::spawn_blocking(move || session.finish())
        .await
        .unwrap()
        .unwrap();
    let exchange = reader.exchange(corscope::wire::ExchangeId(1)).unwrap();
    assert_eq!(exchange.end, End::Aborted);
}
