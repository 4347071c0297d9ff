use super::*;

const NOW: Timestamp = Timestamp(1_772_453_040_000_000);

fn origin(text: &str) -> Origin {
    Origin::of_url(text).expect("a URL")
}

fn stored(line: &str, page: &str, target: &str, browser: Browser) -> (Fate, String) {
    let (page, target) = (origin(page), origin(target));
    let asked = Asked {
        page: Some(&page),
        target: &target,
        path: "/v1/me",
        method: "GET",
        navigation: false,
        browser,
        credentials: Credentials::Include,
        at: NOW,
    };
    let judged = SetCookie::parse(line).stored(&asked);
    (judged.fate, judged.why)
}

#[test]
fn stored_or_dropped() {
    use Browser::{Chromium, Firefox, Safari};
    let (page, same, other) = (
        "https://app.test",
        "https://api.app.test",
        "https://other.test",
    );
    for (line, target, browser, fate, why) in [
        ("a=b", same, Chromium, Fate::Good, "for api.app.test only"),
        (
            "a=b; Domain=.app.test",
            same,
            Chromium,
            Fate::Good,
            "for app.test and",
        ),
        ("a=b", other, Chromium, Fate::Bad, "takes it for Lax"),
        ("a=b", other, Firefox, Fate::Doubtful, "jar"),
        (
            "a=b; SameSite=None; Secure",
            other,
            Chromium,
            Fate::Doubtful,
            "third-party",
        ),
        (
            "a=b; SameSite=None; Secure",
            other,
            Safari,
            Fate::Doubtful,
            "Safari blocks",
        ),
        (
            "a=b; SameSite=None; Secure; Partitioned",
            other,
            Chromium,
            Fate::Good,
            "jar of its own",
        ),
        (
            "a=b; SameSite=None",
            same,
            Chromium,
            Fate::Bad,
            "needs Secure",
        ),
        (
            "a=b; SameSite=Strict",
            other,
            Firefox,
            Fate::Bad,
            "SameSite=Strict",
        ),
        (
            "a=b; Secure",
            "http://api.app.test",
            Chromium,
            Fate::Bad,
            "plain http",
        ),
        (
            "a=b; Domain=evil.test",
            same,
            Chromium,
            Fate::Bad,
            "nor above it",
        ),
        (
            "a=b; Domain=test",
            same,
            Chromium,
            Fate::Bad,
            "public suffix",
        ),
        (
            "a=b; Partitioned",
            same,
            Chromium,
            Fate::Bad,
            "Partitioned needs",
        ),
        ("__Host-a=b; Secure", same, Chromium, Fate::Bad, "__Host-"),
        (
            "__host-a=b; Secure; Path=/",
            same,
            Chromium,
            Fate::Good,
            "kept",
        ),
        ("__Secure-a=b", same, Chromium, Fate::Bad, "__Secure-"),
        ("a=b; Max-Age=0", same, Chromium, Fate::Deleted, "Max-Age=0"),
        (
            "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            same,
            Chromium,
            Fate::Deleted,
            "past",
        ),
        (
            "a=b; Max-Age=60; Expires=Thu, 01-Jan-70 00:00:00 GMT",
            same,
            Chromium,
            Fate::Good,
            "",
        ),
        ("", same, Chromium, Fate::Bad, "neither"),
        ("a=b\u{1}", same, Chromium, Fate::Bad, "control"),
    ] {
        let (found, said) = stored(line, page, target, browser);
        assert_eq!(found, fate, "{line} at {target} in {browser:?}: {said}");
        assert!(said.contains(why), "{line}: {said}");
    }
    let long = format!("a={}", "b".repeat(4096));
    assert_eq!(stored(&long, page, same, Chromium).0, Fate::Bad);
    let local = stored(
        "a=b; Secure",
        "http://localhost:3000",
        "http://localhost:4000",
        Safari,
    );
    assert_eq!(local.0, Fate::Bad);
}

#[test]
fn sent_or_held_back() {
    let (page, target, from) = (
        origin("https://app.test"),
        origin("https://api.app.test"),
        origin("https://api.app.test"),
    );
    let asked = Asked {
        page: Some(&page),
        target: &target,
        path: "/v1/me",
        method: "GET",
        navigation: false,
        browser: Browser::Chromium,
        credentials: Credentials::Include,
        at: NOW,
    };
    let fate = |line: &str, asked: &Asked<'_>| {
        let judged = SetCookie::parse(line).sent(&from, "/v1/login", NOW, asked);
        (judged.fate == Fate::Good, judged.why)
    };
    assert!(fate("a=b", &asked).0);
    assert!(fate("a=b; Max-Age=99999999999999999999", &asked).0);
    for (line, why) in [
        ("a=b; Path=/v2", "does not cover"),
        ("a=b; Path=/v1/m", "does not cover"),
        ("a=b; Max-Age=0", "expired"),
        ("a=b; Domain=other.test", "it is for other.test"),
    ] {
        let (sent, said) = fate(line, &asked);
        assert!(!sent && said.contains(why), "{line}: {said}");
    }
    let elsewhere = origin("https://www.app.test");
    let other_host = Asked {
        target: &elsewhere,
        ..asked
    };
    assert!(fate("a=b", &other_host).1.contains("for api.app.test only"));
    assert!(fate("a=b; Domain=app.test; Path=/", &other_host).0);
    let foreign = origin("https://shop.example");
    let crossing = Asked {
        page: Some(&foreign),
        ..asked
    };
    assert!(fate("a=b", &crossing).1.contains("takes it for Lax"));
    assert!(fate("a=b; SameSite=None; Secure", &crossing).0);
    let led_here = Asked {
        navigation: true,
        ..crossing
    };
    assert!(
        fate("a=b; SameSite=Strict", &led_here)
            .1
            .contains("led here")
    );
    assert!(fate("a=b; SameSite=Lax", &led_here).0);
    let posted = Asked {
        method: "POST",
        ..led_here
    };
    assert!(!fate("a=b; SameSite=Lax", &posted).0);
    let without = Asked {
        credentials: Credentials::NotInclude,
        ..asked
    };
    assert!(fate("a=b", &without).1.contains("without credentials"));
}

#[test]
fn dates_as_browsers_read_them() {
    let at = Some(Timestamp(784_111_777_000_000));
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994 06 nov 08:49:37",
    ] {
        assert_eq!(cookie_date(text), at, "{text}");
    }
    for text in [
        "",
        "tomorrow",
        "06 Nov 1994",
        "31 Feb 2026 00:00:00",
        "6 Nov 1200 1:1:1",
    ] {
        assert_eq!(cookie_date(text), None, "{text}");
    }
}
