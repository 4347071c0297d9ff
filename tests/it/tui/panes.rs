//! Every pane at three sizes, in colour and without: text and styles.

use std::fmt::Write as _;

use corscope::session::Reader;
use corscope::tui::{Options, ThemeChoice};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::capture::{Call, session, shop};
use super::driver::{Person, live};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];

/// The screen, and below it the styles: a letter each, runs of cells as `a12`, plain ones left out at
/// the end of a row.
fn dump(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut known: Vec<String> = Vec::new();
    let (mut text, mut styles) = (String::new(), String::new());
    for y in 0..area.height {
        let cells: Vec<&Cell> = (0..area.width).map(|x| &buffer[(x, y)]).collect();
        let line: String = cells.iter().map(|c| c.symbol()).collect();
        let _ = writeln!(text, "{}", line.trim_end());
        let mut runs: Vec<(char, usize)> = Vec::new();
        for cell in cells {
            let letter = letter(&mut known, cell);
            match runs.last_mut() {
                Some((last, count)) if *last == letter => *count += 1,
                _ => runs.push((letter, 1)),
            }
        }
        if runs.last().is_some_and(|(letter, _)| *letter == '.') {
            runs.pop();
        }
        let runs: Vec<String> = runs.iter().map(|(l, n)| format!("{l}{n}")).collect();
        let _ = writeln!(styles, "{}", runs.join(" "));
    }
    let mut out = format!("{text}--- styles\n{styles}--- where\n");
    for (n, style) in known.iter().enumerate() {
        let _ = writeln!(out, "{} = {style}", char::from(b'a' + n as u8));
    }
    out
}

fn letter(known: &mut Vec<String>, cell: &Cell) -> char {
    let mut words = Vec::new();
    if cell.fg != Color::Reset {
        words.push(format!("{:?}", cell.fg));
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {:?}", cell.bg));
    }
    if cell.modifier != Modifier::empty() {
        words.push(format!("{:?}", cell.modifier));
    }
    if words.is_empty() {
        return '.';
    }
    let style = words.join(" ");
    let at = known.iter().position(|s| *s == style).unwrap_or_else(|| {
        known.push(style);
        known.len() - 1
    });
    char::from(b'a' + at as u8)
}

fn options(theme: ThemeChoice) -> Options {
    Options {
        theme,
        many_colours: Some(true),
        ..live()
    }
}

fn check(name: &str, reader: &Reader, keys: &str, sizes: &[(u16, u16)]) {
    for (columns, rows) in sizes {
        for (theme, word) in [
            (ThemeChoice::Dark, "dark"),
            (ThemeChoice::Monochrome, "mono"),
        ] {
            let mut person = Person::before(reader.clone(), options(theme), *columns, *rows);
            let shown = dump(&person.types(keys).buffer());
            if theme == ThemeChoice::Monochrome {
                let styles = shown.split("--- where").nth(1).unwrap();
                for colour in ["Red", "Green", "Cyan", "Indexed", "Rgb", "Yellow", "Blue"] {
                    assert!(
                        !styles.contains(colour),
                        "{colour} without colour: {styles}"
                    );
                }
            }
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path("../snapshots/panes");
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            let file = format!("{name}-{columns}x{rows}-{word}");
            settings.bind(|| insta::assert_snapshot!(file, shown));
        }
    }
}

#[test]
fn every_pane() {
    let reader = session(shop);
    for (name, keys) in [
        ("verdict", "!1"),
        ("headers", "!!!2"),
        ("request", "!3"),
        ("response", "!4<Enter>"),
        ("preflight", "!!5"),
        ("timing", "G<Up>6"),
        ("cookies", "!!!7"),
        ("messages", "G8<Enter><Down> "),
    ] {
        check(name, &reader, keys, &SIZES);
    }
}

/// Bodies of all kinds, one call each.
fn kinds() -> Reader {
    session(|recorder| {
        let bodies: [(&str, &str); 5] = [
            (
                "application/json",
                r#"{"items":[{"id":1,"tags":["new","sale"]},{"id":2,"tags":[]}],"total":1.50,"ok":true}"#,
            ),
            (
                "text/html",
                "<!doctype html>\n<!-- shop -->\n<p class=\"x\">a &amp; b</p>\n<style>.a { color: #fff }\
                 </style>\n<script>\nconst n = 0x1f // hex\n</script>",
            ),
            (
                "text/css",
                "@media print {\n  a:hover { margin: 1.5rem } /* c */\n}",
            ),
            (
                "application/x-www-form-urlencoded",
                "name=Ada+L&lang=%C3%A9&lang=b",
            ),
            (
                "font/woff2",
                "wOF2\0\u{1}\0\0\0\0\0\0\0\u{c}\0\0\0\u{1}\0\0",
            ),
        ];
        for (n, (media, body)) in bodies.into_iter().enumerate() {
            Call::fetch("GET", &format!("/{n}"), 200)
                .says("access-control-allow-origin", "https://app.test")
                .says("content-type", media)
                .body(body)
                .play(recorder, n as u64 * 20, 10);
        }
        // {"alg":"RS256"} {"sub":"ada","exp":1772453000,"iat":1772449440}
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjE3NzI0NTMwMDAsImlhdCI6MTc3MjQ0OTQ0MH0.c2ln";
        Call::fetch("GET", "/me", 200)
            .asks("authorization", &format!("Bearer {token}"))
            .says("access-control-allow-origin", "https://app.test")
            .says("set-cookie", "a=1; Domain=test; Path=/")
            .says("set-cookie", "__Host-b=2; Secure; Path=/")
            .says("set-cookie", "c=3; SameSite=None")
            .says("server-timing", "db;dur=5.2;desc=\"orders\", app;dur=2")
            .json("{}")
            .play(recorder, 200, 10);
    })
}

#[test]
fn bodies_of_every_kind() {
    let reader = kinds();
    let middle = &SIZES[1..2];
    for (name, keys) in [
        ("body-json-folded", "g4<Enter>z<Down><Down> "),
        ("body-json-found", "g4<Enter>z/tags<Enter>n"),
        ("body-json-hex", "g4<Enter>zvv"),
        ("body-html", "g<Down>4<Enter>z"),
        ("body-css", "g<Down><Down>4<Enter>z"),
        ("body-form", "g<Down><Down><Down>4<Enter>z"),
        ("body-font", "g<Down><Down><Down><Down>4<Enter>z"),
        ("token", "G2<Enter>zG"),
        ("cookies-dropped", "G7<Enter>z"),
        ("server-timing", "G6<Enter>z"),
    ] {
        check(name, &reader, keys, middle);
    }
}

#[test]
fn two_layers_are_told_once_and_not_compared_by_the_letter() {
    let reader = session(|recorder| {
        Call::fetch("GET", "/v1/prices", 200)
            .says("access-control-allow-origin", "https://app.test")
            .says("access-control-allow-origin", "*")
            .json("{}")
            .play(recorder, 0, 10);
    });
    let screen = Person::before(reader, live(), 120, 36).types("!").screen();
    assert!(
        screen.contains("Two layers each add the CORS headers"),
        "{screen}"
    );
    assert_eq!(screen.matches("layers each add it;").count(), 1, "{screen}");
    assert!(!screen.contains("because two layers"), "{screen}");
    assert!(
        !screen.contains("\\u{20}") && !screen.contains("^^"),
        "{screen}"
    );
}
