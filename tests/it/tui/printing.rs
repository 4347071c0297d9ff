//! Traffic that wants to get at a terminal, at every place that prints: the screen with all its panes
//! and ways to show a body, and every command's every format.

use bytes::Bytes;
use corscope::session::{Options as Recording, Reader, Session};
use corscope::tui::{Draft, Event, Exported, LoadRequest, Options, Outcome, Replayed};
use corscope::wire::{ExchangeId, Kind, MessageKind};
use ratatui::buffer::Buffer;
use serde_json::json;

use super::super::support::Home;
use super::capture::{Call, session};
use super::driver::{Person, live};

/// CSI, OSC 0, OSC 52, OSC 8, DCS, C1 in one character each, bidi and zero-width marks, separators,
/// tags, a pile of combining marks, wide characters.
fn evil() -> String {
    let marks = "\u{301}".repeat(200);
    format!(
        "a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]8;;http://evil\u{1b}\\x\
         \u{1b}Pq\u{1b}\\\u{9b}31m\u{9d}0;x\u{9c}\u{202e}gpj.exe\u{2066}\u{200b}\u{2028}\u{2029}\
         \u{feff}\u{7f}\u{0}\u{8}\r\u{85}\u{e0041}日本z{marks}"
    )
}

fn is_hostile(c: char) -> bool {
    let code = u32::from(c);
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || (0x200b..=0x200f).contains(&code)
        || (0x2028..=0x202e).contains(&code)
        || (0x2060..=0x206f).contains(&code)
        || (0xe0000..=0xe0fff).contains(&code)
        || code == 0xfeff
}

#[track_caller]
fn innocent(buffer: &Buffer) {
    for cell in &buffer.content {
        let symbol = cell.symbol();
        assert!(
            !symbol
                .chars()
                .any(|c| is_hostile(c) || c == '\n' || c == '\t'),
            "{symbol:?} reached the terminal"
        );
        assert!(symbol.chars().count() <= 6, "{symbol:?} is a pile");
    }
}

#[track_caller]
fn tame(what: &str, text: &str) {
    if let Some(at) = text.find(is_hostile) {
        let from = text.floor_char_boundary(at.saturating_sub(80));
        let to = text.ceil_char_boundary((at + 20).min(text.len()));
        panic!("{what} prints {:?}", &text[from..to]);
    }
}

fn traffic() -> Reader {
    let evil = evil();
    session(|recorder| {
        let mut call = Call::fetch("GET", "", 500)
            .asks("cookie", &format!("{evil}={evil}; b={evil}"))
            .asks("authorization", &evil)
            .says(
                "set-cookie",
                &format!("{evil}={evil}; Path={evil}; Domain={evil}"),
            )
            .says("server-timing", &format!("{evil};dur=1;desc=\"{evil}\""))
            .says("access-control-allow-origin", &evil)
            .says("server", &format!("nginx/{evil}"))
            .says("x-powered-by", &format!("Express {evil}"))
            .says("via", &evil)
            .says("location", &evil)
            .says("content-type", "application/json")
            .body(format!("{{\"{evil}\": [\"{evil}\", {{\"x\": {evil}}}]}}"));
        call.url = format!("https://api.app.test/{evil}?{evil}={evil}");
        call.play(recorder, 0, 10);
        let parts = format!(
            "--x\r\nContent-Disposition: form-data; name=\"{evil}\"; filename=\"{evil}\"\r\n\
             Content-Type: {evil}\r\n\r\n{evil}\r\n--x--"
        );
        for (media, body) in [
            ("multipart/form-data; boundary=x".to_owned(), parts),
            (
                "application/x-www-form-urlencoded".to_owned(),
                format!("{evil}={evil}"),
            ),
            (
                "text/html".to_owned(),
                format!("<p {evil}=\"{evil}\"><!-- {evil} --><script>{evil}"),
            ),
            (format!("text/plain; charset={evil}"), evil.repeat(100)),
            (
                "application/json".to_owned(),
                format!("{{\"query\":\"query {{ {} }}\"}}", "x\u{202e}"),
            ),
        ] {
            Call::fetch("GET", "/x", 200)
                .says("content-type", &media)
                .body(body)
                .play(recorder, 20, 10);
        }
        let mut broken = evil.clone().into_bytes();
        broken.extend_from_slice(b"\xff\xfe\xc3\x28\xed\xa0\x80");
        Call::fetch("GET", "/broken", 200)
            .body(broken.clone())
            .play(recorder, 40, 10);
        // Far too long, so read by windows, and no UTF-8.
        broken.push(b'\n');
        let long = broken.repeat((5 << 20) / broken.len());
        Call::fetch("GET", "/long", 200)
            .says("content-type", "text/plain")
            .body(long)
            .play(recorder, 45, 10);
        for kind in [Kind::WebSocket, Kind::Http] {
            let mut talk = Call::new("GET", "https://live.app.test/feed", 101);
            talk.kind = kind;
            talk.messages = [
                MessageKind::Text,
                MessageKind::Binary,
                MessageKind::Ping,
                MessageKind::Close,
                MessageKind::ServerSentEvent,
            ]
            .map(|kind| {
                (
                    kind,
                    Bytes::from(format!("event: {evil}\ndata: {evil}\n{evil}")),
                )
            })
            .to_vec();
            talk.play(recorder, 50, 10);
        }
        Call::new("G\u{1b}[2JT", &format!("not a url {evil}"), 200).play(recorder, 60, 10);
        Call::fetch("GET", "/vast", 200)
            .says("access-control-allow-origin", &"v".repeat(1 << 20))
            .says("set-cookie", &format!("c={}", "w".repeat(1 << 20)))
            .play(recorder, 70, 10);
    })
}

/// A screen for which everything would be done; what it is told by others is as evil.
fn all() -> Options {
    Options {
        can_try: true,
        can_replay: true,
        can_export: true,
        can_pass: true,
        browsers: vec![(evil(), evil())],
        notices: vec![evil()],
        history: vec![evil()],
        passing: vec![evil()],
        ..live()
    }
}

#[test]
fn nothing_steers_the_terminal_whatever_is_shown() {
    let reader = traffic();
    for (columns, rows, calls) in [(80, 24, 12), (160, 40, 2)] {
        let mut person = Person::before(reader.clone(), all(), columns, rows);
        person.types("g");
        for _ in 0..calls {
            for tab in "12345678".chars() {
                innocent(&person.types(&tab.to_string()).buffer());
            }
            // Every way to show both bodies, folded and not, with something looked for.
            for keys in [
                "3<Enter>v",
                "v",
                "v",
                "4v",
                "v",
                "v",
                "-",
                "+",
                " ",
                "w",
                ">",
                "w",
                "G",
            ] {
                innocent(&person.types(keys).buffer());
            }
            innocent(&person.types("/\u{202e}").buffer());
            innocent(&person.types("gpj").buffer());
            innocent(&person.types("<Enter>nN<Esc>").buffer());
            // Messages, each shown whole.
            for keys in ["8g<Down> ", "<Down><Down> ", "G ", "/\u{1b}x", "<Esc>"] {
                innocent(&person.types(keys).buffer());
            }
            person.types("<Esc><Esc>");
            for keys in [
                "y",
                "f",
                "<Esc>",
                "o",
                "<Esc>",
                "M",
                "x\u{202e}",
                "<Esc>",
                "R",
                "<Esc>",
                "a",
                "<Down><Enter>",
                "4<Enter>s",
                "<Esc><Esc>",
                "e",
                "<Esc>",
                "?",
                "/\u{202e}",
                "<Esc><Esc>",
                ":x\u{202e}",
                "<Esc>",
                "C",
                "<Esc>",
                "Cggg<Esc>",
                "Cg<Esc>",
                "/host:",
                "<Down>",
                "<Esc><Esc>",
                "/header:\u{1b}~(",
                "<Esc>",
                "/\u{202e}:x",
                "<Ctrl-s>x",
                "<Esc>",
                "<Esc>",
            ] {
                innocent(&person.types(keys).buffer());
            }
            person.types("<Esc><Esc>md<Esc><Esc><Down>");
        }
        innocent(&person.types("g<Enter>").buffer());
        person.happens(Event::Paste(evil()));
        innocent(&person.buffer());
        person.types("<Esc><Esc>/");
        person.happens(Event::Paste(evil()));
        innocent(&person.buffer());
    }
}

/// What other parts of the program tell the screen comes from traffic, files and servers too.
#[test]
fn nothing_steers_the_terminal_whatever_the_screen_is_told() {
    let evil = evil();
    let reader = traffic();
    for (columns, rows) in [(80, 24), (160, 40)] {
        let mut person = Person::before(reader.clone(), all(), columns, rows);
        for keys in [
            "g1",
            "t",
            "T",
            "P",
            "b",
            "<Down><Esc>",
            "r",
            "<Esc>",
            "o<Tab>",
            "<Down><Enter>",
            "d<Down>d",
            "<Down><PgDn>",
            "<Esc>",
            ":",
            "<Down>",
            "<Esc>",
            "z",
            "z",
            "p",
            "S",
            "F",
            "B",
            "x",
            "X",
        ] {
            innocent(&person.types(keys).buffer());
        }
        person.types("!");
        let exchange = ExchangeId(1);
        let request = LoadRequest {
            fetch: None,
            exchange,
            edition: 0,
            messages_from: None,
        };
        let draft = Draft {
            exchange,
            text: format!("GET https://x.test/{evil}\n{evil}: {evil}\n\n{evil}"),
            remark: Some(evil.clone()),
        };
        for outcome in [
            Outcome::Notice(evil.clone()),
            Outcome::Noted(Some(evil.clone())),
            Outcome::NotLoaded(request, evil.clone()),
            Outcome::Exported(Exported::Written(evil.clone().into(), 3)),
            Outcome::Exported(Exported::Exists(evil.clone().into())),
            Outcome::Exported(Exported::Failed(evil.clone())),
            Outcome::Passing(vec![evil.clone()], evil.clone()),
            Outcome::Trials(Vec::new(), Some(evil.clone())),
            Outcome::Replayed(Replayed::Paper(evil.clone(), evil.clone())),
            Outcome::Drafted(draft),
        ] {
            person.happens(Event::Outcome(outcome));
            innocent(&person.buffer());
            innocent(&person.types("<Down><PgDn>").buffer());
            person.types("<Esc><Esc>");
        }
    }
}

/// A session's name is that of its file, whoever named it.
#[test]
fn nothing_steers_the_terminal_whatever_a_session_is_called() {
    let folder = tempfile::tempdir().unwrap();
    // No slash and no NUL: the rest can stand in the name of a file.
    let name = "a\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}gpj\u{200b}\r日本z\u{301}.corscope";
    let path = folder.path().join(name);
    let (session, recorder) = Session::create(Recording::new(&path)).unwrap();
    Call::fetch("GET", "/x", 500).play(&recorder, 0, 10);
    drop(recorder);
    session.finish().unwrap();
    let session = Session::open(&path, None).unwrap();
    for (columns, rows) in [(80, 24), (160, 40)] {
        let mut person = Person::before(session.reader(), all(), columns, rows);
        for keys in ["", "e", "<Esc>", "o", "<Esc>", "Y"] {
            innocent(&person.types(keys).buffer());
        }
    }
}

/// A HAR file with evil in every field.
fn har() -> String {
    let evil = evil();
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    let entry = |n: usize, method: &str, url: &str, status: u16, given: Vec<serde_json::Value>| {
        json!({
            "startedDateTime": format!("2026-11-23T07:51:{n:02}.190Z"), "time": 44,
            "comment": evil, "_resourceType": evil, "pageref": evil,
            "request": {
                "method": method, "url": url, "httpVersion": evil, "comment": evil,
                "headers": [
                    header("origin", "https://app.test"), header("sec-fetch-mode", "cors"),
                    header("sec-fetch-dest", "empty"), header("sec-fetch-site", "same-site"),
                    header("cookie", &format!("sid={evil}")), header("user-agent", &evil),
                    header("x-evil", &evil),
                ],
                "cookies": [header(&evil, &evil)], "queryString": [header(&evil, &evil)],
                "postData": {"mimeType": evil, "text": evil}, "headersSize": -1, "bodySize": 1
            },
            "response": {
                "status": status, "statusText": evil, "httpVersion": evil, "redirectURL": evil,
                "headers": given, "cookies": [header(&evil, &evil)], "comment": evil,
                "content": {"size": 9, "mimeType": "application/json", "comment": evil,
                            "text": format!("{{\"error\":\"{evil}\"}}")},
                "headersSize": -1, "bodySize": 9, "_error": evil
            },
            "timings": {"send": 0, "wait": 44, "receive": 0, "comment": evil},
            "serverIPAddress": evil, "connection": evil, "cache": {}
        })
    };
    let allow = "access-control-allow-origin";
    let entries = vec![
        entry(
            1,
            "GET",
            &format!("https://api.app.test/v1/{evil}?{evil}={evil}"),
            500,
            vec![
                header("x-evil", &evil),
                header("set-cookie", &format!("{evil}=1; Path={evil}")),
                header("server", &evil),
                header("x-powered-by", &evil),
            ],
        ),
        entry(
            2,
            "GET",
            "https://api.app.test/b",
            200,
            vec![
                header(allow, &evil),
                header(&evil, "x"),
                header("location", &evil),
            ],
        ),
        entry(
            3,
            "GET",
            "https://api.app.test/c",
            200,
            vec![
                header(allow, "https://app.test"),
                header(allow, &format!("https://app.test{evil}")),
            ],
        ),
        entry(
            4,
            &format!("G{evil}T"),
            &format!("not a url {evil}"),
            200,
            vec![header(allow, "*")],
        ),
        entry(5, "GET", "https://evil\u{202e}.test/x", 0, vec![]),
        entry(
            6,
            "PUT",
            "https://api.app.test/big",
            200,
            vec![header(allow, &"v".repeat(200_000))],
        ),
    ];
    json!({"log": {
        "version": "1.2", "comment": evil, "creator": {"name": evil, "version": evil},
        "browser": {"name": evil, "version": evil}, "entries": entries,
        "pages": [{"id": evil, "title": evil, "startedDateTime": "2026-11-23T07:51:00.000Z",
                   "pageTimings": {}}]
    }})
    .to_string()
}

#[test]
fn nothing_steers_the_terminal_whatever_is_printed() {
    let home = Home::new();
    std::fs::write(home.at("evil.har"), har()).unwrap();
    for args in [
        "diagnose evil.har --format text",
        "diagnose evil.har --format json",
        "diagnose evil.har --format ndjson",
        "export evil.har --to md",
        "export evil.har --to html",
        "export evil.har --to json",
        "export evil.har --to ndjson",
        "export evil.har --to har",
        "export evil.har --to har --secrets",
        "export evil.har --to curl --secrets --shell sh",
        "export evil.har --to curl --secrets --shell fish",
        "export evil.har --to httpie --secrets --shell sh",
        "export evil.har --to fetch --secrets",
        "export evil.har --to powershell --secrets",
        "export evil.har --to curl --secrets --shell powershell",
        "redact evil.har",
        "compare evil.har evil.har",
        "compare evil.har evil.har --format json",
    ] {
        let done = home.run(&args.split(' ').collect::<Vec<_>>());
        assert!(
            matches!(done.status, Some(0 | 1)),
            "{args}: {}",
            done.stderr
        );
        assert!(done.stdout.len() > 20, "{args} says nothing");
        tame(args, &done.stdout);
        tame(args, &done.stderr);
        if args.contains("json") || args.contains("har ") {
            let lines = if args.contains("ndjson") {
                done.stdout.lines().collect()
            } else {
                vec![done.stdout.as_str()]
            };
            for line in lines {
                let read: Result<serde_json::Value, _> = serde_json::from_str(line);
                assert!(read.is_ok() || !line.starts_with('{'), "{args}: {read:?}");
            }
        }
    }
    // What a person gives themselves, and what a file is called.
    let name = "e\u{202e}\u{1b}[2J.har";
    std::fs::write(home.at(name), "no HAR").unwrap();
    for args in [
        ["diagnose", name],
        ["explain", "Access to \u{1b}[2J\u{202e} fetch"],
    ] {
        let done = home.run(&args);
        tame("an error", &done.stdout);
        tame("an error", &done.stderr);
        assert_eq!(done.status, Some(2), "{}", done.stderr);
    }
}

#[test]
fn the_text_of_a_vast_header_is_cut_and_that_is_said() {
    let home = Home::new();
    std::fs::write(home.at("evil.har"), har()).unwrap();
    let done = home.run(&["diagnose", "evil.har", "--format", "text"]);
    let longest = done.stdout.lines().map(str::len).max();
    assert!(longest < Some(100_000), "{longest:?}");
    assert!(done.stdout.contains("bytes in all"));
}
