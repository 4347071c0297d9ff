//! Snapshots of the screen at three sizes, and what must hold for all of them.

use ratatui::style::{Color, Modifier};

use super::capture::{session, shop};
use super::driver::{Person, live};
use corscope::tui::{Options, ThemeChoice};

pub(super) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];

fn person(columns: u16, rows: u16) -> Person {
    Person::before(session(shop), live(), columns, rows)
}

/// Compares the screen after some keys with what it was.
fn check(name: &str, keys: &str, (columns, rows): (u16, u16)) {
    let screen = person(columns, rows).types(keys).screen();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("tui-{name}-{columns}x{rows}"), screen));
}

#[test]
fn the_list_and_the_verdict() {
    for size in SIZES {
        check("list", "!", size);
    }
}

#[test]
fn every_tab() {
    for (name, keys) in [
        ("verdict-never-sent", "!!1"),
        ("verdict-credentials", "!!!1"),
        ("headers", "!2"),
        ("headers-slash", "!!!!2"),
        ("request", "!3"),
        ("response", "!4"),
        ("preflight", "!!5"),
        ("timing", "G<Up>6"),
        ("cookies", "!!!7"),
        ("messages", "G8"),
    ] {
        check(name, keys, (120, 36));
    }
    check("response", "!4<Enter>", (80, 24));
    check("verdict-zoomed", "!<Enter>z", (80, 24));
}

#[test]
fn help_and_filter() {
    for size in SIZES {
        check("help", "?", size);
    }
    check("filter", "/host:api status:5xx", (120, 36));
    check("filter-offers", "/host:api is:", (80, 24));
    check("filter-error", "/hots:api", (80, 24));
    check("filter-nothing", "/nowhere<Enter>", (80, 24));
}

#[test]
fn dialogs() {
    for size in SIZES {
        check("palette", ":copy", size);
        check("columns", "gC<Down> ", size);
        check("whole", "o", size);
        check("compare", "!d!!!d", size);
        check("fix-unknown", "!f", size);
        check("comment", "!Mwhy", size);
        check("groups", "Cgg<Esc>g<Up><Up> ", size);
    }
    check("help-search", "?/blocked", (120, 36));
}

/// A letter for each style on the screen, and what the letters mean.
pub(super) fn painted(person: &mut Person) -> String {
    let buffer = person.buffer();
    let mut styles = Vec::new();
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let letters = (0..buffer.area.width).map(|x| {
            let style = buffer[(x, y)].style();
            let plain = (style.fg, style.bg) == (Some(Color::Reset), Some(Color::Reset));
            if plain && style.add_modifier.is_empty() {
                return ' ';
            }
            let known = styles.iter().position(|s| *s == style);
            let known = known.unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            char::from(b'a' + known as u8)
        });
        let line: String = letters.collect();
        lines.push(line.trim_end().to_owned());
    }
    for (letter, style) in ('a'..).zip(&styles) {
        let colour = |c: Option<Color>| c.map_or(String::new(), |c| format!("{c:?}"));
        let (fg, bg) = (colour(style.fg), colour(style.bg));
        lines.push(format!("{letter}: {fg} on {bg} {:?}", style.add_modifier));
    }
    lines.join("\n")
}

#[test]
fn nothing_yet() {
    for size in SIZES {
        let screen = Person::before(session(|_| {}), live(), size.0, size.1).screen();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings
            .bind(|| insta::assert_snapshot!(format!("tui-empty-{}x{}", size.0, size.1), screen));
    }
}

#[test]
fn any_size_can_be_drawn() {
    for columns in [1, 7, 29, 30, 31, 40, 60, 79, 100, 149, 150, 151, 300] {
        for rows in [1, 4, 7, 8, 9, 12, 24, 70] {
            for keys in [
                "",
                "!",
                "!2<Enter>",
                "/hots:",
                "?",
                "z",
                "<Enter>z",
                ":",
                "C",
                "?/x",
                "o",
            ] {
                person(columns, rows).types(keys).screen();
            }
        }
    }
}

#[test]
fn without_colour_there_is_none_and_the_signs_still_speak() {
    let mut person = person(120, 36);
    let buffer = person.types("!").buffer();
    for cell in &buffer.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let screen = person.screen();
    for sign in ["500 ✖", "◌", "✔", "└ OPTIONS 405", "✖ 4 blocked"] {
        assert!(screen.contains(sign), "no {sign} on\n{screen}");
    }
}

#[test]
fn a_terminal_that_knows_ascii_only_gets_nothing_else() {
    let options = Options {
        ascii: true,
        ..live()
    };
    let mut person = Person::before(session(shop), options, 120, 36);
    for keys in ["!", "2", "6", ":", "<Esc>?", "<Esc>C"] {
        let buffer = person.types(keys).buffer();
        let foreign = buffer.content.iter().find(|c| !c.symbol().is_ascii());
        assert!(foreign.is_none(), "{foreign:?} after {keys}");
    }
    person.types("<Esc>1");
    let screen = person.screen();
    for sign in ["500 X", "200 o", "200 v", "` OPTIONS 405", "X 4 blocked"] {
        assert!(screen.contains(sign), "no {sign} on\n{screen}");
    }
}

#[test]
fn every_theme_tells_blocked_from_allowed_and_shows_the_selection() {
    for theme in ThemeChoice::ALL {
        if matches!(theme, ThemeChoice::Auto | ThemeChoice::Monochrome) {
            continue;
        }
        let options = Options { theme, ..live() };
        let mut person = Person::before(session(shop), options, 120, 36);
        let buffer = person.types("!").buffer();
        let of = |sign: &str| {
            let cells = buffer.content.iter();
            cells.clone().find(|c| c.symbol() == sign).map(|c| c.fg)
        };
        let (blocked, allowed) = (of("✖").unwrap(), of("✔").unwrap());
        assert_ne!(blocked, allowed, "{theme:?}");
        if theme == ThemeChoice::ColourBlind {
            for colour in [blocked, allowed] {
                assert!(![Color::Red, Color::Green].contains(&colour), "{colour:?}");
            }
        }
    }
}

#[test]
fn with_colour_blocked_is_red_and_the_selection_is_seen() {
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        let options = Options { theme, ..live() };
        let mut person = Person::before(session(shop), options, 120, 36);
        let buffer = person.types("!").buffer();
        let line = |y: u16| -> String {
            (0..120)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        let row = (0..36).find(|y| line(*y).contains("/v1/orders")).unwrap();
        let red = (0..120)
            .find(|x| buffer[(*x, row)].symbol() == "✖")
            .unwrap();
        assert_eq!(buffer[(red, row)].fg, Color::Red);
        let selected = &buffer[(10, row)];
        let other = &buffer[(10, row + 1)];
        assert!(
            selected.bg != other.bg || selected.modifier.contains(Modifier::REVERSED),
            "the selected line looks like the others in {theme:?}"
        );
    }
}
