//! The program as a person or a script meets it: words in, text and exit status out.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Done, Home, OnTerminal, Origin, answer, eventually, through};

const PAGE: &str = "http://app.localhost:3000";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                       Chrome/156.0.0.0 Safari/537.36";

/// What a Chromium sends with `fetch()` from [`PAGE`].
const FETCH: [(&str, &str); 6] = [
    ("Origin", PAGE),
    ("User-Agent", BROWSER),
    ("Accept", "*/*"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Dest", "empty"),
];

/// An API that crashes on `/orders` and works, with CORS, elsewhere.
fn api() -> Origin {
    Origin::serve(|head| {
        if head.starts_with("GET /orders") {
            answer(
                "500 Internal Server Error",
                &[("Content-Type", "application/json")],
                "{\"error\":\"no table\"}",
            )
        } else {
            answer(
                "200 OK",
                &[("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin")],
                "fine",
            )
        }
    })
}

fn har(entries: &str) -> String {
    format!(
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"x\",\"version\":\"1\"}},\"entries\":[{entries}]}}}}"
    )
}

/// One `fetch()` without an Allow-Origin in its answer.
fn blocked_entry() -> String {
    let pairs = |all: &[(&str, &str)]| {
        let all: Vec<String> = all
            .iter()
            .map(|(n, v)| format!("{{\"name\":\"{n}\",\"value\":\"{v}\"}}"))
            .collect();
        all.join(",")
    };
    format!(
        "{{\"startedDateTime\":\"2026-11-23T09:00:00.000Z\",\"time\":12,\
         \"request\":{{\"method\":\"GET\",\"url\":\"https://api.app.test/v1/me\",\"httpVersion\":\"HTTP/1.1\",\
         \"cookies\":[],\"headers\":[{}],\"queryString\":[],\"headersSize\":-1,\"bodySize\":0}},\
         \"response\":{{\"status\":200,\"statusText\":\"OK\",\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\
         \"headers\":[{}],\"content\":{{\"size\":2,\"mimeType\":\"application/json\",\"text\":\"{{}}\"}},\
         \"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":2}},\"cache\":{{}},\
         \"timings\":{{\"send\":0,\"wait\":10,\"receive\":2}}}}",
        pairs(&FETCH),
        pairs(&[("Content-Type", "application/json")]),
    )
}

/// Refused: status 2, nothing on stdout, one line on stderr with all of these words in it.
#[track_caller]
fn refused(done: &Done, words: &[&str]) {
    assert_eq!(done.status, Some(2), "{done:?}");
    assert_eq!(done.stdout, "", "{done:?}");
    assert_eq!(
        done.stderr.trim_end().lines().count(),
        1,
        "one sentence: {done:?}"
    );
    assert!(done.stderr.starts_with("corscope: "), "{done:?}");
    for word in words {
        assert!(
            done.stderr.contains(word),
            "no \"{word}\" in {:?}",
            done.stderr
        );
    }
}

// === help ===

#[test]
fn help_lists_what_there_is_and_nothing_else() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!(help.status, Some(0));
    let listed: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|l| *l != "Commands:")
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert_eq!(
        listed,
        [
            "open",
            "demo",
            "record",
            "reverse",
            "view",
            "diagnose",
            "check",
            "audit",
            "replay",
            "compare",
            "export",
            "redact",
            "sessions",
            "explain",
            "doctor",
            "ca",
            "completions",
            "man",
            "help"
        ]
    );
    for command in listed.iter().filter(|c| **c != "help") {
        let own = home.run(&[command, "--help"]);
        assert_eq!(own.status, Some(0), "{command}");
        assert!(own.stdout.contains("Usage: corscope"), "{command}");
    }
    assert!(help.stdout.contains("Examples:") && help.stdout.contains("Exit status:"));
}

#[test]
fn a_shell_and_man_are_told_what_there_is() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = home.run(&["completions", shell]);
        assert_eq!(done.status, Some(0), "{shell}: {}", done.stderr);
        for known in ["diagnose", "--upstream-ca", "completions"] {
            let known = if shell == "fish" {
                known.trim_start_matches('-')
            } else {
                known
            };
            assert!(done.stdout.contains(known), "{shell}: no {known}");
        }
    }
    let page = home.run(&["man"]);
    assert_eq!(page.status, Some(0), "{}", page.stderr);
    assert!(page.stdout.contains(".TH CORSCOPE 1"), "{}", page.stdout);
    for (args, title) in [
        (&["man", "record"][..], ".TH CORSCOPE-RECORD 1"),
        (&["man", "ca", "install"], ".TH CORSCOPE-CA-INSTALL 1"),
    ] {
        let page = home.run(args);
        assert!(page.stdout.contains(title), "{args:?}: {}", page.stdout);
    }
    let done = home.run(&["man", "nothing"]);
    assert_eq!(done.status, Some(2));
    assert!(
        done.stderr
            .contains("there is no command \"corscope nothing\""),
        "{}",
        done.stderr
    );
}

#[test]
fn short_help_fits_a_screen() {
    let home = Home::new();
    for command in [
        &["-h"][..],
        &["record", "-h"],
        &["demo", "-h"],
        &["diagnose", "-h"],
        &["check", "-h"],
        &["replay", "-h"],
        &["export", "-h"],
        &["sessions", "-h"],
    ] {
        let help = home.run(command);
        let lines = help.stdout.lines().count();
        // The list of all commands may take more than each of them.
        let lines_max = if *command == ["-h"] { 60 } else { 48 };
        assert!(lines <= lines_max, "{command:?} takes {lines} lines");
    }
}

#[test]
fn what_is_mistyped_is_refused_in_one_sentence() {
    let home = Home::new();
    refused(
        &home.run(&["record", "--frobnicate"]),
        &["--frobnicate", "corscope record --help"],
    );
    refused(&home.run(&["diagnos"]), &["diagnos", "corscope --help"]);
    refused(
        &home.run(&["diagnose"]),
        &["<FILE>", "corscope diagnose --help"],
    );
    refused(
        &home.run(&["diagnose", "x", "--format", "xml"]),
        &["xml", "json"],
    );
    refused(&home.run(&["record", "--for", "soon"]), &["soon", "30s"]);
    refused(&home.run(&["record", "--listen", "nowhere"]), &["nowhere"]);
    refused(
        &home.run(&["record", "--insecure", "https://x/"]),
        &["--insecure", "https://x/"],
    );
    refused(
        &home.run(&["record", "--upstream", "ftp://me:hunter2@x"]),
        &["--upstream: \"ftp://...@x\"", "socks5h://"],
    );
    refused(&home.run(&["ca"]), &["corscope ca --help"]);
}

#[test]
fn without_a_terminal_there_is_no_screen() {
    let home = Home::new();
    refused(&home.run(&[]), &["terminal", "corscope record"]);
    refused(&home.run(&["demo"]), &["terminal", "--once"]);
    fs::write(home.at("x.har"), har(&blocked_entry())).unwrap();
    refused(
        &home.run(&["view", "x.har"]),
        &["terminal", "corscope diagnose"],
    );
}

// === record and diagnose ===

#[test]
fn a_recorded_call_is_explained() {
    let (home, api) = (Home::new(), api());
    let recording = home.record(&["--out", "cart.corscope"]);
    let got = through(recording.address, "GET", &api.url("/orders"), &FETCH);
    assert!(
        got.starts_with("HTTP/1.1 500") && got.ends_with("{\"error\":\"no table\"}"),
        "{got}"
    );
    through(recording.address, "GET", &api.url("/fine"), &FETCH);
    let done = recording.interrupt();
    assert_eq!(done.status, Some(1), "{done:?}");
    assert!(
        done.stderr.contains("2 requests in 2 calls: 1 blocked"),
        "{done:?}"
    );

    let done = home.run(&["diagnose", "cart.corscope", "--format", "json"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["schema"], "corscope/diagnosis/1");
    assert_eq!(json["summary"]["exchanges"], 2);
    assert_eq!(json["summary"]["blocked"], 1);
    let fetch = &json["fetches"][0];
    assert_eq!(fetch["url"], api.url("/orders"));
    assert_eq!(fetch["origin"], PAGE);
    assert_eq!(fetch["outcome"], "blocked");
    assert_eq!(
        fetch["exchanges"][0]["entry"], 1,
        "ids of a capture start at 1"
    );
    assert_eq!(fetch["cause"]["check"], "missing-allow-origin");
    assert_eq!(fetch["cause"]["stage"], "actual");
    assert_eq!(fetch["cause"]["root"], "server-error");
    assert_eq!(json["fetches"][1]["outcome"], "allowed");

    let lines = home.run(&["diagnose", "cart.corscope", "--format", "ndjson"]);
    let fetches: Vec<Value> = lines
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(fetches, *json["fetches"].as_array().unwrap());

    let text = home.run(&["diagnose", "cart.corscope"]);
    assert_eq!(text.status, Some(1));
    assert!(
        text.stdout.contains(&api.url("/orders")) && text.stdout.contains("500"),
        "{}",
        text.stdout
    );
    assert!(!text.stdout.contains('\u{1b}'), "no colour when piped");
}

#[test]
fn nothing_blocked_is_status_0() {
    let (home, api) = (Home::new(), api());
    let recording = home.record(&["--out", "ok.corscope", "--until-idle", "300ms"]);
    through(recording.address, "GET", &api.url("/fine"), &FETCH);
    let done = recording.wait();
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(home.run(&["diagnose", "ok.corscope"]).status, Some(0));
}

#[test]
fn record_ends_by_itself_and_says_its_address_as_json() {
    let home = Home::new();
    let mut command = home.command(&[
        "record",
        "--out",
        "x.corscope",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
        "--for",
        "400ms",
        "--format",
        "json",
    ]);
    let done: Done = command.output().unwrap().into();
    assert_eq!(done.status, Some(0), "{done:?}");
    let line: Value = serde_json::from_str(done.stdout.lines().next().unwrap()).unwrap();
    let addresses: Vec<std::net::SocketAddr> = line["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a.as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(addresses.len(), 2);
    assert!(addresses.iter().all(|a| a.port() != 0));
    assert_eq!(line["address"], addresses[0].to_string());
    assert_eq!(line["session"], home.at("x.corscope").to_str().unwrap());
    assert!(
        fs::metadata(line["ca"].as_str().unwrap())
            .unwrap()
            .is_file()
    );
}

#[test]
fn sigterm_ends_a_recording_cleanly() {
    let (home, api) = (Home::new(), api());
    let recording = home.record(&["--out", "x.corscope"]);
    through(recording.address, "GET", &api.url("/fine"), &FETCH);
    recording.signal("TERM");
    let done = recording.wait();
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("1 request in 1 call: 0 blocked"),
        "{done:?}"
    );
}

#[test]
fn sessions_go_where_the_home_says() {
    let home = Home::new();
    let recording = home.record(&[]);
    recording.interrupt();
    let sessions = home.at(".local/state/corscope/sessions");
    let names: Vec<_> = fs::read_dir(sessions).unwrap().flatten().collect();
    assert!(
        names
            .iter()
            .any(|n| n.path().extension().is_some_and(|e| e == "corscope"))
    );
    assert!(home.at(".local/share/corscope/ca").is_dir());

    let recording = home.record(&["--data-dir", "here"]);
    recording.interrupt();
    assert!(home.at("here/ca").is_dir() && home.at("here/sessions").is_dir());
}

#[test]
fn a_killed_recording_loses_nothing_that_was_answered_a_while_ago() {
    let (home, api) = (Home::new(), api());
    let recording = home.record(&["--out", "killed.corscope"]);
    let proxy = recording.address;
    let url = api.url("/orders");
    for _ in 0..20 {
        through(proxy, "GET", &url, &FETCH);
    }
    std::thread::sleep(Duration::from_millis(300));
    // Killed in the middle of traffic.
    let load = std::thread::spawn(move || {
        for _ in 0..2_000 {
            let Ok(mut stream) = std::net::TcpStream::connect(proxy) else {
                return;
            };
            let head = format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let sent = stream.write_all(head.as_bytes());
            if sent.is_err() || stream.read_to_end(&mut Vec::new()).is_err() {
                return;
            }
        }
    });
    std::thread::sleep(Duration::from_millis(100));
    recording.signal("KILL");
    assert_eq!(recording.wait().status, None, "killed");
    load.join().unwrap();

    let done = home.run(&["diagnose", "killed.corscope", "--format", "json"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    let browsers = json["fetches"].as_array().unwrap().iter();
    let explained = browsers
        .filter(|f| f["cause"]["root"] == "server-error")
        .count();
    assert_eq!(explained, 20, "the twenty before the kill");
}

#[test]
fn a_har_is_judged_wherever_it_comes_from() {
    let home = Home::new();
    let text = har(&blocked_entry());
    fs::write(home.at("plain.har"), &text).unwrap();
    fs::write(home.at("bom.json"), format!("\u{feff}{text}")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    fs::write(home.at("packed.har.gz"), gz.finish().unwrap()).unwrap();
    let expected = home.run(&["diagnose", "plain.har", "--format", "json"]);
    assert_eq!(expected.status, Some(1), "{expected:?}");
    let json: Value = serde_json::from_str(&expected.stdout).unwrap();
    assert_eq!(json["fetches"][0]["cause"]["check"], "missing-allow-origin");
    assert_eq!(
        json["fetches"][0]["exchanges"][0]["entry"], 0,
        "entries of a HAR start at 0"
    );
    for name in ["bom.json", "packed.har.gz"] {
        let done = home.run(&["diagnose", name, "--format", "json"]);
        assert_eq!(done.stdout, expected.stdout, "{name}: {}", done.stderr);
    }
    let mut command = home.command(&["diagnose", "-", "--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!(done.stdout, expected.stdout, "stdin: {}", done.stderr);
}

#[test]
fn odd_entries_are_counted_and_said() {
    let home = Home::new();
    fs::write(
        home.at("odd.har"),
        har(&format!("{},{{\"request\":7}}", blocked_entry())),
    )
    .unwrap();
    let done = home.run(&["diagnose", "odd.har", "--format", "json"]);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["summary"]["skipped"], 1, "{done:?}");
    assert_eq!(json["summary"]["blocked"], 1);
    assert!(done.stderr.contains("entry 1"), "{done:?}");
}

#[test]
fn whose_rules_apply_can_be_said() {
    let home = Home::new();
    fs::write(home.at("x.har"), har(&blocked_entry())).unwrap();
    for browser in ["chromium", "firefox", "safari"] {
        let done = home.run(&[
            "diagnose",
            "x.har",
            "--format",
            "json",
            "--browser",
            browser,
        ]);
        let json: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(json["fetches"][0]["browser"], browser);
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let home = Home::new();
    let many: Vec<String> = (0..500).map(|_| blocked_entry()).collect();
    fs::write(home.at("many.har"), har(&many.join(","))).unwrap();
    for format in ["text", "json", "ndjson"] {
        let mut child = home
            .command(&["diagnose", "many.har", "--format", format])
            .spawn()
            .unwrap();
        let mut start = [0];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut start).unwrap();
        drop(stdout);
        let done: Done = child.wait_with_output().unwrap().into();
        assert_eq!(
            (done.status, done.stderr.as_str()),
            (Some(1), ""),
            "{format}"
        );
    }
}

// === bad input ===

#[test]
fn a_port_that_cannot_be_had() {
    let home = Home::new();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let done = home.run(&["record", "--out", "x.corscope", "--listen", &address]);
    refused(&done, &[&address, "taken", "--listen"]);
    assert!(!home.at("x.corscope").exists(), "nothing is left behind");
    let done = home.run(&[
        "record",
        "--out",
        "x.corscope",
        "--listen",
        "192.0.2.1:8080",
    ]);
    refused(&done, &["192.0.2.1:8080", "--listen"]);
}

#[test]
fn a_place_that_cannot_be_written() {
    let home = Home::new();
    fs::write(home.at("file"), "mine").unwrap();
    let done = home.run(&["record", "--data-dir", "file", "--listen", "127.0.0.1:0"]);
    refused(&done, &["file", "--data-dir"]);
    assert_eq!(fs::read_to_string(home.at("file")).unwrap(), "mine");
    let done = home.run(&[
        "record",
        "--out",
        "nowhere/x.corscope",
        "--listen",
        "127.0.0.1:0",
    ]);
    refused(&done, &["nowhere"]);
    fs::write(home.at("taken.corscope"), "mine").unwrap();
    let done = home.run(&[
        "record",
        "--out",
        "taken.corscope",
        "--listen",
        "127.0.0.1:0",
    ]);
    refused(&done, &["taken.corscope", "exists"]);
    assert_eq!(
        fs::read_to_string(home.at("taken.corscope")).unwrap(),
        "mine"
    );
    let done = home.run(&["record", "--out", "x.har", "--listen", "127.0.0.1:0"]);
    refused(&done, &["x.corscope"]);
}

#[test]
fn a_corrupt_authority_is_said_and_left_alone() {
    let home = Home::new();
    let path = home.run(&["ca", "path", "--data-dir", "d"]);
    assert_eq!(path.status, Some(0), "{path:?}");
    let dir = home.at("d/ca");
    let files: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert!(files.len() >= 2, "a key and a certificate: {files:?}");
    for file in &files {
        let whole = fs::read(file).unwrap();
        for broken in [&b"not a pem file"[..], b"", &whole[..whole.len() / 2]] {
            fs::write(file, broken).unwrap();
            let done = home.run(&["record", "--data-dir", "d", "--listen", "127.0.0.1:0"]);
            refused(&done, &["d/ca"]);
            assert_eq!(fs::read(file).unwrap(), broken, "not overwritten");
        }
        fs::write(file, whole).unwrap();
    }
    let again = home.run(&["ca", "path", "--data-dir", "d"]);
    assert_eq!(again.stdout, path.stdout, "mended: {}", again.stderr);
}

#[test]
fn files_that_are_no_capture() {
    let home = Home::new();
    let whole = har(&blocked_entry());
    let cases: [(&str, &[u8], &[&str]); 7] = [
        ("empty", b"", &["empty"]),
        ("noise", b"\x00\x01\x02 noise", &["neither"]),
        ("page.html", b"<!doctype html>", &["neither"]),
        ("other.json", b"{\"a\":1}", &["other.json"]),
        (
            "cut.har",
            &whole.as_bytes()[..whole.len() - 40],
            &["cut.har"],
        ),
        (
            "cut.corscope",
            b"SQLite format 3\0 and no more",
            &["cut.corscope"],
        ),
        ("a.zip", b"PK\x03\x04....", &["zip"]),
    ];
    for (name, bytes, words) in cases {
        fs::write(home.at(name), bytes).unwrap();
        for format in ["text", "json"] {
            refused(&home.run(&["diagnose", name, "--format", format]), words);
        }
        assert_eq!(
            fs::read(home.at(name)).unwrap(),
            bytes,
            "{name} is left alone"
        );
    }
    refused(
        &home.run(&["diagnose", "missing"]),
        &["missing", "check the path"],
    );
    refused(&home.run(&["diagnose", "."]), &["directory"]);
}

#[test]
fn a_cut_session_is_refused_or_read_as_far_as_it_goes() {
    let (home, api) = (Home::new(), api());
    let recording = home.record(&["--out", "whole.corscope"]);
    for _ in 0..5 {
        through(recording.address, "GET", &api.url("/orders"), &FETCH);
    }
    recording.interrupt();
    let whole = fs::read(home.at("whole.corscope")).unwrap();
    for tenths in 1..10 {
        let cut = &whole[..whole.len() * tenths / 10];
        fs::write(home.at("cut.corscope"), cut).unwrap();
        let done = home.run(&["diagnose", "cut.corscope", "--format", "json"]);
        match done.status {
            Some(2) => refused(&done, &["cut.corscope"]),
            Some(0 | 1) => drop(serde_json::from_str::<Value>(&done.stdout).unwrap()),
            _ => panic!("{done:?}"),
        }
        assert_eq!(
            fs::read(home.at("cut.corscope")).unwrap(),
            cut,
            "not written to"
        );
    }
}

// === the rest ===

#[test]
fn the_authority_can_be_exported() {
    let home = Home::new();
    let path = home.run(&["ca", "path"]);
    assert_eq!(path.status, Some(0), "{path:?}");
    let file = fs::read_to_string(path.stdout.trim_end()).unwrap();
    let pem = home.run(&["ca", "export"]);
    assert_eq!(pem.stdout, file);
    assert!(pem.stdout.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!pem.stdout.contains("PRIVATE KEY"));
}

#[cfg(unix)]
#[test]
fn what_is_secret_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.record(&["--data-dir", "d"]).interrupt();
    let files = ["d/ca", "d/sessions"]
        .iter()
        .flat_map(|dir| fs::read_dir(home.at(dir)).unwrap());
    let mut keys = 0;
    for file in files.map(Result::unwrap) {
        let text = fs::read(file.path()).unwrap();
        let key = String::from_utf8_lossy(&text).contains("PRIVATE KEY");
        let session = text.starts_with(b"SQLite");
        keys += usize::from(key);
        if key || session {
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?} is {mode:o}", file.path());
        }
    }
    assert_eq!(keys, 1);
}

#[test]
fn a_pasted_line_of_the_console_is_explained() {
    let home = Home::new();
    let pasted = home.run(&[
        "explain",
        "Access to fetch at 'https://api.app.test/v1' from origin 'https://app.test' has been blocked \
         by CORS policy: Response to preflight request doesn't pass access control check: It does \
         not have HTTP ok status.",
    ]);
    let text = pasted.stdout;
    assert_eq!(pasted.status, Some(0));
    for words in [
        "This is invalid-status, on the answer to the preflight.",
        "https://api.app.test/v1",
        "**How to fix.**",
        "preflight-not-handled",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let vague = home.run(&["explain", "TypeError: Failed to fetch"]);
    let text = vague.stdout;
    assert!(text.contains("The line that says why"), "{text}");
    let other = home.run(&["explain", "Uncaught ReferenceError: x is not defined"]);
    assert_eq!(other.status, Some(2));
}

#[test]
fn causes_are_explained() {
    let home = Home::new();
    let list = home.run(&["explain"]);
    assert_eq!(list.status, Some(0), "{list:?}");
    for check in corscope::cors::Check::ALL {
        let page = home.run(&["explain", check.id()]);
        assert_eq!(page.status, Some(0), "{check:?}: {page:?}");
        assert!(page.stdout.lines().count() > 2, "{check:?}: {page:?}");
        assert!(list.stdout.contains(check.id()), "{check:?} is not listed");
    }
    for root in corscope::diagnose::Root::ALL {
        let page = home.run(&["explain", root.id()]);
        assert_eq!(page.status, Some(0), "{root:?}: {page:?}");
    }
    refused(
        &home.run(&["explain", "missing-alow-origin"]),
        &["missing-alow-origin", "corscope explain"],
    );
}

#[test]
fn the_demo_prints_its_verdicts_and_leaves() {
    let home = Home::new();
    let done = home.run(&["demo", "--once", "--format", "json"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(
        json["summary"]["blocked"].as_u64().unwrap() >= 8,
        "{}",
        json["summary"]
    );
    let text = home.run(&["demo", "--once"]);
    assert_eq!(text.status, Some(1), "{text:?}");
    assert!(text.stdout.contains("blocked"), "{text:?}");
}

// === on a terminal ===

/// The address in the title bar.
fn address_on(terminal: &OnTerminal) -> std::net::SocketAddr {
    terminal.sees("127.0.0.1:");
    let text = terminal.text();
    let after = text.split("127.0.0.1:").nth(1).unwrap();
    let port = after.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    format!("127.0.0.1:{port}").parse().unwrap()
}

#[test]
fn every_way_out_restores_the_terminal_and_keeps_the_session() {
    let api = api();
    for way in ["q", "\u{3}", "TERM", "HUP", "INT"] {
        let home = Home::new();
        let args = ["--listen", "127.0.0.1:0"];
        let mut terminal = OnTerminal::start(&home, &args, 100, 30);
        let proxy = address_on(&terminal);
        assert!(terminal.is_taken());
        through(proxy, "GET", &api.url("/orders"), &FETCH);
        terminal.sees("/orders");
        if way.len() == 1 {
            terminal.keys(way);
        } else {
            terminal.signal(way);
        }
        assert_eq!(terminal.wait(), 0, "{way}");
        eventually("the screen is given back", || !terminal.is_taken());
        terminal.sees("The session is ");
        let sessions = fs::read_dir(home.at(".local/state/corscope/sessions")).unwrap();
        let files: Vec<_> = sessions.map(|f| f.unwrap().path()).collect();
        assert_eq!(
            files.len(),
            1,
            "one file and no journal beside it: {files:?}"
        );
        let done = home.run(&["diagnose", files[0].to_str().unwrap(), "--format", "json"]);
        let json: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(json["summary"]["blocked"], 1, "{way}");
    }
}

#[test]
fn an_unused_session_is_not_kept() {
    let home = Home::new();
    let mut terminal = OnTerminal::start(&home, &["--listen", "127.0.0.1:0"], 80, 24);
    address_on(&terminal);
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    terminal.sees("no session is kept");
    let sessions = fs::read_dir(home.at(".local/state/corscope/sessions")).unwrap();
    assert_eq!(sessions.count(), 0);
}

#[test]
fn a_taken_port_is_said_on_the_screen() {
    let home = Home::new();
    // Whether or not somebody has 8080 already, afterwards it is taken.
    let _held = std::net::TcpListener::bind("127.0.0.1:8080");
    let terminal = OnTerminal::start(&home, &[], 100, 30);
    let address = address_on(&terminal);
    assert!(address.port() > 8080, "{address}");
    terminal.sees("8080 is taken");
}

#[test]
fn the_demo_and_a_har_are_shown() {
    let home = Home::new();
    let mut terminal = OnTerminal::start(&home, &["demo", "--listen", "127.0.0.1:0"], 120, 40);
    terminal.sees("trailing slash");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    fs::write(home.at("x.har"), har(&blocked_entry())).unwrap();
    let mut terminal = OnTerminal::start(&home, &["view", "x.har"], 120, 40);
    terminal.sees("/v1/me");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}
