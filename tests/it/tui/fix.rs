//! The fix dialog: `f` on a blocked row.

use corscope::capture::Recorder;

use super::capture::{Call, session};
use super::driver::{Person, live};
use crate::support::{Home, OnTerminal};

const EXPRESS: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot OPTIONS /v1/cart/7</pre>\n</body>\n</html>\n";

/// Express behind nginx: an unanswered preflight, a read without headers, nginx' own 502, and a call
/// that works.
fn cart(recorder: &Recorder) {
    let asked = |method: &str, status| {
        Call::fetch("OPTIONS", "/v1/cart/7", status)
            .asks("access-control-request-method", method)
            .asks("access-control-request-headers", "content-type,x-trace")
    };
    let express = |call: Call| {
        call.says("server", "nginx/1.22.1")
            .says("x-powered-by", "Express")
    };
    express(asked("PUT", 404))
        .body(EXPRESS)
        .play(recorder, 0, 12);
    express(Call::fetch("GET", "/v1/me", 200))
        .json("{}")
        .play(recorder, 100, 9);
    Call::fetch("GET", "/v1/orders", 502)
        .says("server", "nginx/1.22.1")
        .body("<html>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n")
        .play(recorder, 200, 30);
    express(Call::fetch("GET", "/v1/ok", 200))
        .says("access-control-allow-origin", "*")
        .json("{}")
        .play(recorder, 300, 8);
}

fn person(columns: u16, rows: u16) -> Person {
    Person::before(session(cart), live(), columns, rows)
}

#[test]
fn the_fix_as_it_is_shown() {
    for (name, keys, (columns, rows)) in [
        ("fix", "!f", (80, 24)),
        ("fix", "!f", (120, 36)),
        ("fix", "!f", (200, 60)),
        ("fix-scrolled", "!f<PgDn>", (80, 24)),
        ("fix-other-server", "!f<Down><Down>", (120, 36)),
        ("fix-gateway", "!!!f", (120, 36)),
    ] {
        let screen = person(columns, rows).types(keys).screen();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("tui-{name}-{columns}x{rows}"), screen));
    }
}

#[test]
fn y_copies_the_snippet_and_h_the_header_lines() {
    let mut person = person(120, 36);
    person.types("!fy");
    let copied = person.copied.clone().unwrap();
    assert!(copied.starts_with("// cors.js: "), "{copied}");
    assert!(
        copied.contains("origin: ['https://app.test'],\n"),
        "{copied}"
    );
    assert!(copied.contains("methods: ['PUT', 'GET'],\n"), "{copied}");
    // The second of the recognised ones.
    person.types("<Down>y");
    let copied = person.copied.clone().unwrap();
    assert!(copied.contains("map $http_origin $cors_origin"), "{copied}");
    assert!(
        copied.contains("add_header Vary Origin always;"),
        "{copied}"
    );
    person.types("h");
    assert_eq!(
        person.copied.as_deref(),
        Some(
            "Access-Control-Allow-Origin: https://app.test\nAccess-Control-Allow-Methods: PUT\n\
             Access-Control-Allow-Headers: content-type, x-trace\nVary: Origin\n\
             Access-Control-Allow-Origin: https://app.test\nVary: Origin\n"
        )
    );
}

#[test]
fn it_opens_on_what_is_blocked_and_closes_again() {
    let mut person = person(120, 36);
    let list = person.types("!").screen();
    assert!(list.lines().last().unwrap().contains("f fix"), "{list}");
    assert!(
        person
            .types("f")
            .screen()
            .contains("─ Fix for PUT https://api.app.test:8443/v1/cart/7 ")
    );
    assert_eq!(person.types("<Esc>").screen(), list);
    // A call that works has no fix.
    let screen = person.types("G").screen();
    assert!(
        !screen.lines().last().unwrap().contains("f fix"),
        "{screen}"
    );
    let screen = person.types("f").screen();
    assert!(screen.contains("nothing is blocked here"), "{screen}");
}

#[test]
fn the_server_in_front_is_chosen_where_it_made_the_answer() {
    let screen = person(120, 36).types("!!!f").screen();
    assert!(screen.contains("▌● nginx"), "{screen}");
    assert!(
        screen.contains("nginx made the failed answer itself"),
        "{screen}"
    );
}

#[test]
fn an_unknown_server_is_said_to_be_unknown_and_can_be_chosen() {
    let mut person = Person::before(
        session(|recorder| {
            Call::fetch("GET", "/v1/me", 200)
                .json("{}")
                .play(recorder, 0, 9);
        }),
        live(),
        120,
        36,
    );
    let screen = person.types("!f").screen();
    assert!(screen.contains("which server this is"), "{screen}");
    person.types("y");
    assert!(person.copied.clone().unwrap().contains("require('cors')"));
}

#[test]
fn what_no_server_mends_is_told_in_sentences() {
    let mut person = Person::before(
        session(|recorder| {
            Call::fetch("OPTIONS", "/v1/cart", 204)
                .asks("access-control-request-method", "PUT")
                .asks(
                    "access-control-request-headers",
                    "access-control-allow-origin",
                )
                .says("access-control-allow-origin", "https://app.test")
                .says("access-control-allow-methods", "PUT")
                .says("x-powered-by", "Express")
                .play(recorder, 0, 9);
        }),
        live(),
        120,
        36,
    );
    let screen = person.types("!f").screen();
    assert!(
        screen.contains("No header of the server mends this"),
        "{screen}"
    );
    assert!(screen.contains("access-control-allow-origin"), "{screen}");
    assert!(!screen.contains("cors.js"), "{screen}");
    person.types("y");
    assert_eq!(person.copied, None);
}

#[test]
fn the_mouse_chooses_and_any_size_can_be_drawn() {
    let mut person = person(120, 36);
    person.types("!f").click_on("FastAPI, Starlette");
    assert!(person.screen().contains("def with_cors(app):"));
    for columns in [1, 30, 31, 45, 60, 80, 150, 300] {
        for rows in [1, 7, 8, 9, 12, 24, 70] {
            self::person(columns, rows)
                .types("!f<Down><PgDn><End>")
                .screen();
        }
    }
}

#[test]
fn in_a_real_terminal_every_key_of_a_finished_capture_is_heard() {
    let home = Home::new();
    let file = home.at("cart.har");
    std::fs::write(&file, include_str!("cart.har")).unwrap();
    // Nothing else happens there: no traffic, no clock, only keys.
    let args = ["view", file.to_str().unwrap()];
    let mut terminal = OnTerminal::start(&home, &args, 120, 36);
    terminal.sees("never sent: OPTIONS");
    for _ in 0..3 {
        terminal.keys("!");
        terminal.sees("f fix");
        terminal.keys("f");
        terminal.sees("Fix for PUT https://api.app.test/v1/cart/7");
        terminal.sees("x-powered-by: Express");
        terminal.keys("\u{1b}");
        terminal.sees("Waterfall");
    }
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}
