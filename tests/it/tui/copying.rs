//! What the copy keys give: header lines, a command, a brief to hand on. And the trial keys, as far as
//! they need no traffic.

use corscope::tui::{Effect, Event, Options, Outcome};

use super::capture::{API, Call, PAGE, session, shop};
use super::driver::{Person, live};

fn person() -> Person {
    person_with(live())
}

fn person_with(options: Options) -> Person {
    let reader = session(|recorder| {
        shop(recorder);
        let token = "/v1/search?access_token=hunter2-hunter2-hunter2";
        Call::fetch("GET", token, 200)
            .asks("authorization", "Bearer hunter2-hunter2-hunter2")
            .json("{}")
            .play(recorder, 300, 5);
        Call::new("OPTIONS", "http://api.app.test/v1/moved", 301)
            .asks("origin", PAGE)
            .asks("access-control-request-method", "PATCH")
            .asks("access-control-request-headers", "content-type,x-tenant")
            .says("location", "https://api.app.test/v1/moved")
            .play(recorder, 310, 5);
    });
    Person::before(reader, options, 140, 50)
}

fn brief(path: &str) -> String {
    let mut person = person();
    person.types(&format!("/path:{path}<Enter>gY"));
    let copied = person.copied.take();
    copied.unwrap_or_else(|| panic!("nothing copied on\n{}", person.screen()))
}

/// A brief says what is wrong, what to change, what not to, and how to see that it is done.
#[test]
fn a_brief_can_be_worked_by_and_holds_no_secret() {
    let opaque = ["mode: 'no-cors'", "No CORS header on the server"];
    let server = ["No `Access-Control-Allow-Origin: *`", "no other middleware"];
    for (path, must) in [
        (
            "/v1/orders",
            &[
                "500",
                "+ Access-Control-Allow-Origin: https://app.test",
                "curl -i",
                "db/orders.js:41",
                server[0],
                server[1],
            ][..],
        ),
        (
            "/v1/cart/7",
            &[
                "never sent",
                "405",
                "+ status 204",
                "Access-Control-Allow-Methods: PUT",
                "-X OPTIONS",
                "-H 'Access-Control-Request-Method: PUT'",
                server[0],
                "corscope check",
                "-X PUT",
            ],
        ),
        (
            "/v1/me",
            &[
                "+ Access-Control-Allow-Credentials: true",
                "- Access-Control-Allow-Origin: *",
                server[1],
            ],
        ),
        (
            "/v1/tags",
            &[
                "https://app.test/",
                "+ Access-Control-Allow-Origin: https://app.test",
                server[0],
            ],
        ),
        ("/track", &opaque),
        (
            "/v1/search",
            &[
                "+ Access-Control-Allow-Origin: https://app.test",
                "curl -i",
                server[0],
            ],
        ),
        (
            "/v1/moved",
            &["301", "https://api.app.test/v1/moved", "x-tenant"],
        ),
    ] {
        let text = brief(path);
        println!("==== {path}\n{text}");
        for part in must {
            assert!(text.contains(part), "{path}: no {part:?} in\n{text}");
        }
        for section in ["## Symptom", "## Change exactly this", "## Do not touch"] {
            assert!(text.contains(section), "{path}: no {section} in\n{text}");
        }
        for secret in ["hunter2", "sid=abc"] {
            assert!(!text.contains(secret), "{path}: {secret} in\n{text}");
        }
        assert!(!text.contains(['\u{1b}', '\r']), "{path}");
    }
}

#[test]
fn header_lines_are_ready_to_paste() {
    let mut person = person();
    let lines = person.types("/path:/v1/tags<Enter>gy").copied.take();
    assert_eq!(
        lines.as_deref(),
        Some("Access-Control-Allow-Origin: https://app.test\nVary: Origin")
    );
    let lines = person
        .types("<Esc>/path:/v1/cart/7<Enter>gy")
        .copied
        .take()
        .unwrap();
    let comments = lines.lines().filter(|l| l.starts_with("# ")).count();
    assert_eq!(comments, 2, "one for each answer:\n{lines}");
    assert!(
        lines.contains("\nAccess-Control-Allow-Methods: PUT\n"),
        "{lines}"
    );
}

#[test]
fn a_request_is_copied_as_curl() {
    let copied = person()
        .types("/path:/v1/search<Enter>gc")
        .copied
        .take()
        .unwrap();
    let url = format!("{API}/v1/search?access_token=hunter2-hunter2-hunter2");
    assert!(
        copied.starts_with("curl") && copied.contains(&url),
        "{copied}"
    );
    assert!(copied.contains("uthorization: Bearer hunter2"), "{copied}");
}

#[test]
fn the_bar_is_there_from_the_key_to_the_end() {
    let capturing = || Options {
        can_try: true,
        ..live()
    };
    let shop = session(shop);
    let mut person = Person::before(shop.clone(), capturing(), 120, 36);
    let bar = "trial fix on https://api.app.test:8443/v1/cart/*";
    let asked = person.types("/path:/v1/cart/7<Enter>gt").screen();
    assert!(asked.contains(bar) && asked.contains("T stop"), "{asked}");
    assert!(
        asked.contains("headers changed in flight: reload the page"),
        "{asked}"
    );
    // Nobody said yet that it stopped.
    assert!(person.types("T").screen().contains(bar));
    person.happens(Event::Outcome(Outcome::Trials(Vec::new(), None)));
    let over = person.screen();
    assert!(
        !over.contains("trial fix on") && over.contains("stopped"),
        "{over}"
    );
    // Twice the same is once; what no header mends is not tried, and says so.
    assert!(person.types("tt").screen().contains("being tried already"));
    let refused = person.types("<Esc>/path:/track<Enter>gt").screen();
    assert!(
        refused.contains("no header of the server mends this"),
        "{refused}"
    );
    assert_eq!(refused.matches("trial fix on").count(), 1);

    let mut reading = Person::before(shop, live(), 120, 36);
    let screen = reading.types("!t").screen();
    assert!(screen.contains("a file has no traffic to change") && !screen.contains("trial fix on"));
}

/// A key that comes before the pane has read its request waits for it, and is not of the one before.
#[test]
fn keys_wait_for_the_request_they_are_about() {
    let options = Options {
        can_try: true,
        ..live()
    };
    let mut person = person_with(options);
    person.types("/path:/v1/me<Enter>g");
    person.busy = true;
    person.types("<Esc>/path:/v1/tags<Enter>gy");
    assert_eq!(person.copied, None);
    person.catches_up();
    let copied = person.copied.take().unwrap_or_default();
    assert!(
        copied.contains("Origin: https://app.test") && !copied.contains("Credentials"),
        "{copied}\n{}",
        person.screen()
    );

    person.busy = true;
    person.types("<Esc>/path:/v1/me<Enter>gt");
    assert!(person.asked.is_empty());
    person.catches_up();
    let [Effect::Trials(trials)] = &person.asked[..] else {
        panic!("{:?}", person.asked);
    };
    assert_eq!(trials[0].path.to_string(), "/v1/me");

    // Who has gone on did not mean the next one.
    person.busy = true;
    person.types("<Esc>/path:/v1/tags<Enter>gt<Esc>/path:/v1/me<Enter>g");
    person.catches_up();
    assert_eq!(person.asked.len(), 1, "{:?}", person.asked);
}

#[test]
fn a_letter_says_as_what_to_copy() {
    let mut person = person();
    person.types("/path:/v1/cart<Enter>g");
    for (letter, must) in [
        ("u", &["https://api.app.test:8443/v1/cart/7"][..]),
        ("c", &["curl ", "/v1/cart/7"]),
        ("f", &["fetch(", "/v1/cart/7"]),
        ("h", &["http ", "/v1/cart/7"]),
        ("p", &["Invoke-WebRequest", "/v1/cart/7"]),
        (
            "r",
            &["OPTIONS https://api.app.test", "origin: https://app.test\n"],
        ),
        ("a", &["405", "\n"]),
    ] {
        person.copied = None;
        person.types(&format!("a{letter}"));
        let copied = person.copied.clone();
        let copied =
            copied.unwrap_or_else(|| panic!("{letter} copies nothing:\n{}", person.screen()));
        for part in must {
            assert!(copied.contains(part), "{letter}: no {part:?} in\n{copied}");
        }
    }
    // By choosing, and a body that is packed.
    person.types("<Esc><Esc>/path:/v1/orders<Enter>ga<Up><Down><Down><Down>");
    person.types("<Down><Down><Down><Down><Down><Enter>");
    let copied = person.copied.clone().unwrap_or_default();
    assert!(
        copied.starts_with('{') && copied.contains("db/orders.js:41"),
        "{copied}"
    );
    // Nothing is copied where the dialog is only looked at.
    person.copied = None;
    person.types("a<Down>x<Esc>");
    assert_eq!(person.copied, None);
}

#[test]
fn a_body_is_saved_under_the_name_it_has() {
    let options = Options {
        can_export: true,
        ..live()
    };
    let mut person = person_with(options);
    person.types("/path:/v1/orders<Enter>g4<Enter>s");
    assert!(
        person.screen().contains("Save this body as"),
        "{}",
        person.screen()
    );
    person.types(".json<Enter>");
    let Some(Effect::SaveBody(request)) = person.asked.last() else {
        panic!("nothing was asked for: {:?}", person.asked)
    };
    assert_eq!(request.file, "orders.json");
    assert_eq!(request.side, corscope::wire::Side::Response);
}
