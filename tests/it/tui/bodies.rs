//! Bodies in the detail pane: folded, searched, in hex, and far too long.

use std::io::Write as _;

use ratatui::style::Modifier;

use super::capture::{Call, session};
use super::driver::{Person, live};

const ALLOW: &str = "access-control-allow-origin";

/// A person who looks at the response of one call, keys going to the pane, on the whole screen.
fn reading(media: &str, body: impl Into<Vec<u8>>) -> Person {
    reading_coded(media, "", body)
}

fn reading_coded(media: &str, coding: &str, body: impl Into<Vec<u8>>) -> Person {
    let reader = session(|recorder| {
        let mut call = Call::fetch("GET", "/body", 200)
            .says(ALLOW, "https://app.test")
            .says("content-type", media)
            .body(body);
        if !coding.is_empty() {
            call = call.says("content-encoding", coding);
        }
        call.play(recorder, 0, 10);
    });
    let mut person = Person::before(reader, live(), 100, 30);
    person.types("g4<Enter>z");
    person
}

/// What is drawn reversed: what was found.
fn marked(person: &mut Person) -> String {
    let buffer = person.buffer();
    let area = buffer.area;
    let rows = 3..area.height.saturating_sub(2);
    let cells = rows.flat_map(|y| (0..area.width).map(move |x| (x, y)));
    let marked = cells.filter(|at| buffer[*at].modifier.contains(Modifier::REVERSED));
    marked.map(|at| buffer[at].symbol().to_owned()).collect()
}

#[test]
fn json_is_folded_by_hand_by_level_and_by_mouse() {
    let mut person = reading(
        "application/json",
        r#"{"a":[1,2,3],"z":{"b":{"c":1.50}},"a":12345678901234567890}"#,
    );
    let screen = person.screen();
    for line in [
        "JSON · pretty",
        "\"a\": [",
        "      \"c\": 1.50",
        "12345678901234567890",
    ] {
        assert!(screen.contains(line), "no {line} on\n{screen}");
    }
    let screen = person.types("<Down> ").screen();
    assert!(screen.contains("\"a\": [ … 3 ],"), "{screen}");
    assert!(person.types(" ").screen().contains("\"a\": ["));
    // Within something, that is what is folded.
    let screen = person.types("<Down><Down> ").screen();
    assert!(screen.contains("▸  \"a\": [ … 3 ],"), "{screen}");
    let screen = person.types("-").screen();
    assert!(screen.contains("\"b\": { … 1 }"), "{screen}");
    let screen = person.types("--").screen();
    assert!(
        screen.contains("{ … 3 }") && !screen.contains("\"z\""),
        "{screen}"
    );
    assert!(person.types("+++").screen().contains("\"c\": 1.50"));
    let screen = person.click_on("\"z\": {").click_on("\"z\": {").screen();
    assert!(screen.contains("\"z\": { … 1 },"), "{screen}");
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_broken_coding_is_told_and_what_came_before_it_shown() {
    let items: Vec<String> = (0..3_000_u32)
        .map(|n| format!("{{\"id\":{}}}", n.wrapping_mul(2_654_435_761)))
        .collect();
    let whole = gzip(format!("[{}]", items.join(",")).as_bytes());
    let half = &whole[..whole.len() / 2];
    let screen = reading_coded("application/json", "gzip", half).screen();
    assert!(
        screen.contains("gzip is cut off before its end: ")
            && screen.contains("kB came out before that, shown here"),
        "{screen}"
    );
    assert!(screen.contains("\"id\": 2654435761"), "{screen}");
    assert!(!screen.contains("not valid"), "{screen}");
    // No brotli at all: its bytes.
    let junk: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(37) | 0x80).collect();
    let screen = reading_coded("application/json", "br", junk).screen();
    assert!(
        screen.contains("br is broken or cut off: nothing can be decoded, shown as it came"),
        "{screen}"
    );
    assert!(screen.contains("80 a5 ca ef"), "{screen}");
    // Plain text under a coding: the browser's fault is not in the text.
    let screen = reading_coded("application/json", "br", "{\"a\":1}").screen();
    assert!(
        screen.contains("content-encoding says br, but it is not coded: browsers refuse it"),
        "{screen}"
    );
    assert!(screen.contains("\"a\": 1"), "{screen}");
}

#[test]
fn a_text_is_looked_for_while_it_is_typed() {
    let items: Vec<String> = (0..200)
        .map(|n| format!("{{\"name\":\"item {n}\"}}"))
        .collect();
    let mut person = reading("application/json", format!("[{}]", items.join(",")));
    let screen = person.types("/ITEM 1").screen();
    assert!(screen.contains("found nowhere"), "{screen}");
    let screen = person.types("<Ctrl-u>item 19").screen();
    assert!(screen.contains("1 of 11"), "{screen}");
    assert!(screen.contains("\"item 19\""), "{screen}");
    assert_eq!(marked(&mut person), "item 19");
    let screen = person.types("<Enter>n").screen();
    assert!(
        screen.contains("2 of 11") && screen.contains("\"item 190\""),
        "{screen}"
    );
    assert!(person.types("NN").screen().contains("11 of 11"));
    // What is found in something folded is shown.
    let screen = person.types("g--n").screen();
    assert!(
        screen.contains("1 of 11") && screen.contains("\"item 19\""),
        "{screen}"
    );
    let screen = person.types("<Esc>").screen();
    assert!(!screen.contains("of 11"), "{screen}");
    assert_eq!(marked(&mut person), "");
}

#[test]
fn it_is_shown_as_it_came_and_in_hex() {
    let mut person = reading("application/json", "{\"a\" :\t1}\n[2]");
    let screen = person.types("v").screen();
    assert!(
        screen.contains("as it came") && screen.contains("{\"a\" :    1}"),
        "{screen}"
    );
    let screen = person.types("v").screen();
    assert!(
        screen.contains("7b 22 61 22 20 3a 09 31  7d 0a"),
        "{screen}"
    );
    let screen = person.types("/[2").screen();
    assert!(screen.contains("1 of 1"), "{screen}");
    assert_eq!(marked(&mut person), "5b 32[2".replace(' ', ""));
    let screen = person.types("<Enter>v").screen();
    assert!(screen.contains("\"a\": 1"), "{screen}");
    person.types("v").types("y");
    assert_eq!(person.copied.as_deref(), Some("{\"a\" :\t1}\n[2]"));
    person.types("vvgG<Up>L");
    assert_eq!(person.copied.as_deref(), Some("2"));
}

#[test]
fn long_lines_go_on_beyond_the_edge_where_that_is_wanted() {
    let line = format!("{}END", "x".repeat(150));
    let mut person = reading("text/plain", line);
    assert!(person.screen().contains("xEND"));
    assert!(!person.types("w").screen().contains("xEND"));
    let screen = person.types(">>>>>>>>>").screen();
    assert!(screen.contains("xEND"), "{screen}");
    assert!(!person.types("<lt><lt><lt>").screen().contains("xEND"));
    assert!(person.types("w").screen().contains("xEND"));
}

#[test]
fn code_is_coloured() {
    let options = corscope::tui::Options {
        theme: corscope::tui::ThemeChoice::Dark,
        ..live()
    };
    let reader = session(|recorder| {
        Call::fetch("GET", "/a.html", 200)
            .says("content-type", "text/html")
            .body("<p class=\"x\">hi</p>\n<script>\nconst a = 1 // c\n</script>")
            .play(recorder, 0, 10);
    });
    let mut person = Person::before(reader, options, 100, 30);
    let buffer = person.types("g4<Enter>z").buffer();
    let colour = |text: &str| {
        let area = buffer.area;
        for y in 0..area.height {
            let line: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
            if let Some(at) = line.find(text) {
                return buffer[(line[..at].chars().count() as u16, y)].fg;
            }
        }
        panic!("no {text}");
    };
    let plain = colour("hi<");
    for text in ["p class", "class", "\"x\"", "const", "// c"] {
        assert_ne!(colour(text), plain, "{text}");
    }
}

#[test]
fn a_body_far_too_long_is_read_by_windows() {
    let mut text = Vec::new();
    for n in 0..400_000 {
        writeln!(text, "line {n} of many").unwrap();
    }
    let mut person = reading("text/plain", text);
    let screen = person.screen();
    assert!(
        screen.contains("line 0 of many") && screen.contains("400000 lines"),
        "{screen}"
    );
    assert!(person.types("G").screen().contains("line 399999 of many"));
    assert!(
        person
            .types("<PgUp>")
            .screen()
            .contains("line 399950 of many")
    );
    let screen = person.types("/line 123456 ").screen();
    assert!(
        screen.contains("line 123456 of many") && screen.contains("1 of 1"),
        "{screen}"
    );
    assert_eq!(marked(&mut person), "line 123456 ");
    let screen = person.types("<Enter>v").screen();
    assert!(
        screen.contains("1 of 1") || screen.contains("6c 69 6e 65 20 30"),
        "{screen}"
    );
    assert!(
        person
            .types("<Esc>g")
            .screen()
            .contains("6c 69 6e 65 20 30")
    );
    let screen = person.types("G").screen();
    assert!(screen.contains(" 6d 61 6e 79 0a"), "{screen}");
}

#[test]
fn one_endless_line_and_endless_depth_do_no_harm() {
    let mut line = "x".repeat(9 << 20);
    line.push_str("END");
    let mut person = reading("application/json", line);
    let screen = person.types("G").screen();
    assert!(screen.contains("▌END"), "{screen}");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let mut person = reading("application/json", deep);
    let screen = person.types("G-+ ").screen();
    assert!(screen.contains("pretty"), "{screen}");
    let open = "{\"a\":".repeat(100_000);
    let mut person = reading("application/json", open);
    assert!(person.screen().contains("ends before the JSON is complete"));
}

#[test]
fn a_bomb_is_cut_and_that_is_said() {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..300 {
        coder.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    let mut person = reading_coded("text/plain", "gzip", coder.finish().unwrap());
    let screen = person.types("G").screen();
    assert!(
        screen.contains("decoded as far as 268 MB, there is more"),
        "{screen}"
    );
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for n in 0..500_000 {
        writeln!(coder, "row {n} of many").unwrap();
    }
    let mut person = reading_coded("text/plain", "gzip", coder.finish().unwrap());
    let screen = person.types("G").screen();
    assert!(
        screen.contains("row 499999 of many") && screen.contains("500000 lines"),
        "{screen}"
    );
}
