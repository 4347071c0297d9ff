//! Traffic that wants to get at the terminal.

use ratatui::buffer::Buffer;

use super::capture::{Call, session};
use super::driver::{Person, live};

const EVIL: &str = "a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}gpj.exe\u{200b}\u{2066}z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}日本\u{7f}";

fn innocent(buffer: &Buffer) {
    for cell in &buffer.content {
        let symbol = cell.symbol();
        for c in symbol.chars() {
            let code = u32::from(c);
            assert!(
                !c.is_control()
                    && !(0x202a..=0x202e).contains(&code)
                    && !(0x2066..=0x2069).contains(&code),
                "{symbol:?} reached the terminal"
            );
        }
        assert!(symbol.chars().count() <= 6, "{symbol:?} is a pile");
    }
}

#[test]
fn nothing_from_the_wire_commands_the_terminal() {
    let reader = session(|recorder| {
        let mut call = Call::fetch("GET", "/x", 500)
            .asks("cookie", EVIL)
            .asks("x-evil", EVIL)
            .says("x-evil", EVIL)
            .says("set-cookie", EVIL)
            .says("access-control-allow-origin", EVIL)
            .says("content-encoding", EVIL)
            .says("content-type", &format!("application/json; {EVIL}"))
            .body(format!("{{\"{EVIL}\": \"{EVIL}\""));
        call.url = format!("https://api.app.test/{EVIL}?{EVIL}={EVIL}");
        call.play(recorder, 0, 10);
        let mut call =
            Call::new("G\u{1b}[2JT", "not a url \u{1b}[31m", 200).says("content-type", "text/html");
        call.body = EVIL.repeat(100).into_bytes().into();
        call.play(recorder, 20, 10);
        let long = "v".repeat(1 << 20);
        let binary: Vec<u8> = (0..=255).cycle().take(5000).collect();
        Call::fetch("GET", "/long", 200)
            .says("access-control-allow-origin", &long)
            .body(binary)
            .play(recorder, 40, 10);
    });
    for (columns, rows) in [(80, 24), (160, 50)] {
        for row in ["g", "g<Down>", "g<Down><Down>"] {
            let mut person = Person::before(reader.clone(), live(), columns, rows);
            person.types(row);
            for tab in "12345678".chars() {
                innocent(&person.types(&tab.to_string()).buffer());
                innocent(&person.types("<Enter><PgDn>").buffer());
                person.types("<Esc>");
            }
            innocent(&person.types("y/\u{1b}").buffer());
            for keys in ["<Esc>o", "<Tab>", "<Esc>:x", "<Esc>C", "<Esc>Mx", "<Esc>?"] {
                innocent(&person.types(keys).buffer());
            }
            person.types("<Esc>");
            for keys in [
                "/",
                "host:",
                "<Esc>",
                ":group by page<Enter>",
                ":group by host<Enter>",
            ] {
                innocent(&person.types(keys).buffer());
            }
        }
    }
}

#[test]
fn a_huge_header_does_not_stall_the_screen() {
    let reader = session(|recorder| {
        let long = "v".repeat(1 << 20);
        Call::fetch("GET", "/long", 200)
            .says("x-long", &long)
            .play(recorder, 0, 10);
    });
    let mut person = Person::before(reader, live(), 120, 36);
    let started = std::time::Instant::now();
    person.types("g2<Enter><PgDn><PgDn>");
    person.screen();
    // Generous: a debug build on a busy machine.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
