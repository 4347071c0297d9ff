//! Snapshots with their styles, at three sizes: every pane, and every dialog that needs more than a
//! session.

use corscope::tui::{Draft, Effect, Event, Options, Outcome, Replayed, ThemeChoice};

use super::capture::{Call, session, shop};
use super::driver::{Person, live};
use super::pictures::{SIZES, painted};

/// A screen for which everything would be done.
fn person((columns, rows): (u16, u16)) -> Person {
    let browser = |name: &str, place: &str| (name.to_owned(), place.to_owned());
    let options = Options {
        theme: ThemeChoice::Dark,
        browsers: vec![
            browser("Chromium", "/usr/bin/chromium"),
            browser("Firefox", "/usr/bin/firefox"),
        ],
        can_try: true,
        can_replay: true,
        can_export: true,
        can_keep: true,
        ..live()
    };
    Person::before(session(shop), options, columns, rows)
}

fn picture(name: &str, person: &mut Person, (columns, rows): (u16, u16)) {
    let screen = person.screen();
    let picture = format!("{screen}\n\n{}", painted(person));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/styled");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{name}-{columns}x{rows}"), picture));
}

#[test]
fn every_pane() {
    for (name, keys) in [
        ("verdict", "!1"),
        ("verdict-zoomed", "!!1z"),
        ("headers", "!!!!2"),
        ("request", "!3"),
        ("response", "!4<Enter>"),
        ("response-find", "!4<Enter>/order"),
        ("preflight", "!!5"),
        ("timing", "G<Up>6"),
        ("cookies", "!!!7"),
        ("messages", "G8<Enter>"),
    ] {
        for size in SIZES {
            picture(&format!("pane-{name}"), person(size).types(keys), size);
        }
    }
}

#[test]
fn the_list_in_other_ways() {
    for (name, keys) in [
        ("filter-offers", "/host:api is:"),
        ("filter-error", "/hots:api"),
        ("filter-nothing", "/nowhere<Enter>"),
        ("sorted", "gC<Down><Down><Down><Down>s<Esc>"),
        // Initiator, connection and set-cookies instead of type and time.
        (
            "other-columns",
            "gC<Down><Down><Down><Down><Down> <Down> <Down><Down> <Down> <Down><Down> <Esc>",
        ),
        ("chip-5xx", ":x<Esc><Left>"),
    ] {
        for size in SIZES {
            picture(name, person(size).types(keys), size);
        }
    }
}

#[test]
fn every_dialog() {
    for (name, keys) in [
        ("browsers", "b"),
        ("consent", "!!r"),
        ("export", "e"),
        ("export-secrets", "e<Down><Down><Right>"),
        ("help", "?"),
        ("copy-as", "!a"),
        ("name-comment", "!Mask the back end about this"),
        ("name-filter", "/status:5xx<Ctrl-s>crashes"),
        ("name-body", "!4<Enter>s"),
    ] {
        for size in SIZES {
            picture(&format!("dialog-{name}"), person(size).types(keys), size);
        }
    }
    for size in SIZES {
        let mut known = Person::before(
            session(|recorder| {
                Call::fetch("GET", "/v1/orders", 500)
                    .says("server", "nginx/1.27.3")
                    .says("x-powered-by", "Express")
                    .json("{}")
                    .play(recorder, 0, 10);
            }),
            Options {
                theme: ThemeChoice::Dark,
                ..live()
            },
            size.0,
            size.1,
        );
        picture("dialog-fix-known", known.types("!f"), size);

        let mut editing = person(size);
        editing.types("!R");
        let Some(Effect::Draft(exchange)) = editing.asked.last() else {
            panic!("no draft was asked for: {:?}", editing.asked)
        };
        let draft = Draft {
            exchange: *exchange,
            text: "PUT https://api.app.test:8443/v1/cart/7\ncontent-type: application/json\n\
                   authorization: \n\n{\n  \"item\": 7\n}"
                .into(),
            remark: Some("Never recorded: the value of authorization; fill it in.".into()),
        };
        editing.happens(Event::Outcome(Outcome::Drafted(draft)));
        picture("dialog-editor", &mut editing, size);

        let mut reading = person(size);
        let text = "#14  GET https://api.app.test:8443/v1/orders\n\n\
                    before   blocked: no Access-Control-Allow-Origin\nnow      allowed\n\n\
                    + access-control-allow-origin: https://app.test";
        let paper = Replayed::Paper("Replay of #14".into(), text.into());
        reading.happens(Event::Outcome(Outcome::Replayed(paper)));
        picture("dialog-paper", &mut reading, size);
    }
}
