//! Snapshots with their styles, at three sizes, in colour and without: every dialog, every pane, the
//! bars that are not always there, and the empty screen.

use corscope::tui::{Draft, Effect, Event, Options, Outcome, Replayed, ThemeChoice};

use super::capture::{Call, session, shop};
use super::driver::{Person, live};
use super::pictures::{SIZES, painted};

/// Someone for whom everything would be done.
fn able(theme: ThemeChoice) -> Options {
    let browser = |name: &str, place: &str| (name.to_owned(), place.to_owned());
    Options {
        theme,
        browsers: vec![
            browser("Chromium", "/usr/bin/chromium"),
            browser("Firefox", "/usr/bin/firefox"),
        ],
        can_try: true,
        can_pass: true,
        can_replay: true,
        can_export: true,
        can_keep: true,
        ..live()
    }
}

/// A person before the shop's traffic.
fn person(theme: ThemeChoice, (columns, rows): (u16, u16)) -> Person {
    Person::before(session(shop), able(theme), columns, rows)
}

/// The screen as text, its styles in colour, and its styles without.
fn picture(name: &str, (columns, rows): (u16, u16), mut seen: impl FnMut(ThemeChoice) -> Person) {
    let mut coloured = seen(ThemeChoice::Dark);
    let mut plain = seen(ThemeChoice::Monochrome);
    let screen = coloured.screen();
    assert_eq!(screen, plain.screen(), "colour changes what is written");
    let styles = painted(&mut plain);
    for colour in ["Red", "Green", "Cyan", "Indexed", "Rgb", "Yellow", "Blue"] {
        assert!(
            !styles.contains(colour),
            "{colour} without colour: {styles}"
        );
    }
    let coloured = painted(&mut coloured);
    let picture = format!("{screen}\n\n{coloured}\n\nwithout colour\n{styles}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/styled");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{name}-{columns}x{rows}"), picture));
}

/// Someone who typed this.
fn typed(keys: &str, size: (u16, u16)) -> impl FnMut(ThemeChoice) -> Person {
    move |theme| {
        let mut person = person(theme, size);
        person.types(keys);
        person
    }
}

#[test]
fn every_pane() {
    for (name, keys) in [
        ("verdict", "!1"),
        ("verdict-zoomed", "!!1<Enter>z"),
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
            picture(&format!("pane-{name}"), size, typed(keys, size));
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
        ("list-zoomed", "!z"),
        ("groups", "Cgg<Esc>g<Up><Up> "),
        ("paused", "p"),
    ] {
        for size in SIZES {
            picture(name, size, typed(keys, size));
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
        ("help-search", "?/blocked"),
        ("palette", ":copy"),
        ("columns", "gC<Down> "),
        ("whole", "o"),
        ("whole-checklist", "o<Tab>"),
        ("compare", "!d!!!d"),
        ("fix-unknown", "!f"),
        ("copy-as", "!a"),
        ("name-comment", "!Mask the back end about this"),
        ("name-filter", "/status:5xx<Ctrl-s>crashes"),
        ("name-body", "!4<Enter>s"),
    ] {
        for size in SIZES {
            picture(&format!("dialog-{name}"), size, typed(keys, size));
        }
    }
    for size in SIZES {
        picture("dialog-fix-known", size, |theme| {
            let orders = session(|recorder| {
                Call::fetch("GET", "/v1/orders", 500)
                    .says("server", "nginx/1.27.3")
                    .says("x-powered-by", "Express")
                    .json("{}")
                    .play(recorder, 0, 10);
            });
            let options = Options { theme, ..live() };
            let mut known = Person::before(orders, options, size.0, size.1);
            known.types("!f");
            known
        });
        picture("dialog-editor", size, |theme| {
            let mut editing = person(theme, size);
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
            editing
        });
        picture("dialog-paper", size, |theme| {
            let mut reading = person(theme, size);
            let text = "#14  GET https://api.app.test:8443/v1/orders\n\n\
                        before   blocked: no Access-Control-Allow-Origin\nnow      allowed\n\n\
                        + access-control-allow-origin: https://app.test";
            let paper = Replayed::Paper("Replay of #14".into(), text.into());
            reading.happens(Event::Outcome(Outcome::Replayed(paper)));
            reading
        });
    }
}

#[test]
fn what_is_changed_or_left_alone_has_a_bar_of_its_own() {
    for size in SIZES {
        picture("bar-trial", size, |theme| {
            let mut trying = person(theme, size);
            trying.types("!t");
            let Some(Effect::Trials(trials)) = trying.asked.last() else {
                panic!("no trial was asked for: {:?}", trying.asked)
            };
            let trials = trials.clone();
            trying.happens(Event::Outcome(Outcome::Trials(trials, None)));
            trying
        });
        picture("bar-passing", size, |theme| {
            let mut passing = person(theme, size);
            let hosts = vec!["login.app.test".to_owned(), "bank.test:8443".to_owned()];
            let said = "login.app.test is passed through unread from now on".to_owned();
            passing.happens(Event::Outcome(Outcome::Passing(hosts, said)));
            passing
        });
    }
}

#[test]
fn nothing_yet() {
    for size in SIZES {
        picture("empty", size, |theme| {
            Person::before(session(|_| {}), able(theme), size.0, size.1)
        });
        picture("empty-help", size, |theme| {
            let mut person = Person::before(session(|_| {}), able(theme), size.0, size.1);
            person.types("?");
            person
        });
    }
}
