//! `corscope check` as people and scripts use it.

use serde_json::Value;

use crate::support::{Home, Origin, answer};

const PAGE: &str = "https://app.test";

fn server() -> Origin {
    Origin::serve(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let preflight = head.starts_with("OPTIONS");
        let allow = [
            ("Access-Control-Allow-Origin", PAGE),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "PUT"),
            (
                "Access-Control-Allow-Headers",
                "content-type, authorization",
            ),
            ("Vary", "Origin"),
        ];
        match path {
            "/open" if preflight => answer("204 No Content", &allow, ""),
            "/open" => answer("200 OK", &allow, "{}"),
            "/star" => answer("200 OK", &[("Access-Control-Allow-Origin", "*")], "{}"),
            _ => answer("404 Not Found", &[], "nothing here"),
        }
    })
}

#[test]
fn what_passes_is_0_and_what_is_blocked_is_1() {
    let (home, server) = (Home::new(), server());
    let open = server.url("/open");
    let done = home.run(&[
        "check",
        &open,
        "--origin",
        PAGE,
        "-X",
        "put",
        "-H",
        "Content-Type: application/json",
        "--data",
        "{}",
        "--credentials",
    ]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(
        done.stdout.starts_with("✔ PUT http://127.0.0.1:"),
        "{}",
        done.stdout
    );
    let done = home.run(&["check", &server.url("/none"), "--origin", PAGE]);
    assert_eq!(done.status, Some(1), "{done:?}");
    assert!(
        done.stdout
            .contains("+ Access-Control-Allow-Origin: https://app.test")
    );
}

#[test]
fn credentials_are_known_so_nothing_depends() {
    let (home, server) = (Home::new(), server());
    let json = |args: &[&str]| -> (Option<i32>, Value) {
        let url = server.url("/star");
        let mut all = vec!["check", &url, "--origin", PAGE, "--format", "json"];
        all.extend_from_slice(args);
        let done = home.run(&all);
        (
            done.status,
            serde_json::from_str(&done.stdout).expect("JSON"),
        )
    };
    let (status, without) = json(&[]);
    let fetch = &without["fetches"][0];
    assert_eq!(
        (status, &fetch["outcome"]),
        (Some(0), &Value::from("allowed"))
    );
    assert_eq!(fetch["credentials"], "not-include");
    assert_eq!(without["schema"], "corscope/diagnosis/1");
    for browser in ["chromium", "firefox", "safari"] {
        let (status, with) = json(&["--credentials", "--browser", browser]);
        let fetch = &with["fetches"][0];
        assert_eq!(
            (status, &fetch["outcome"]),
            (Some(1), &Value::from("blocked")),
            "{browser}"
        );
        assert_eq!(fetch["cause"]["check"], "wildcard-origin-not-allowed");
        assert_eq!(fetch["browser"], browser);
        assert_eq!(fetch["when_include"], Value::Null);
        assert!(
            fetch["fix"]["actual"]["set"]
                .as_array()
                .is_some_and(|s| !s.is_empty())
        );
    }
}

#[test]
fn a_refused_preflight_leaves_the_credentials_mode_known() {
    let (home, server) = (Home::new(), server());
    let url = server.url("/none");
    let done = home.run(&[
        "check", &url, "--origin", PAGE, "-X", "DELETE", "--format", "json",
    ]);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    let fetch = &told["fetches"][0];
    assert_eq!(fetch["credentials"], "not-include");
    assert_eq!(fetch["when_include"], Value::Null);
    assert_eq!(fetch["exchanges"][1]["never_sent"], true);
}

#[test]
fn several_origins_are_asked_for_in_turn() {
    let (home, server) = (Home::new(), server());
    let url = server.url("/open");
    let done = home.run(&[
        "check",
        &url,
        "--origin",
        PAGE,
        "--origin",
        "https://www.app.test",
        "--format",
        "ndjson",
    ]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let lines: Vec<Value> = done
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let outcomes: Vec<_> = lines
        .iter()
        .map(|l| l["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["allowed", "blocked"]);
    assert_eq!(lines[1]["cause"]["check"], "allow-origin-mismatch");
}

#[test]
fn an_origin_with_a_slash_is_put_right_and_that_is_said() {
    let (home, server) = (Home::new(), server());
    let url = server.url("/open");
    let done = home.run(&["check", &url, "--origin", "https://app.test/"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("asking as https://app.test"),
        "{}",
        done.stderr
    );
    assert_eq!(done.stderr.lines().count(), 1);
}

#[test]
fn what_cannot_be_asked_is_2_in_one_sentence() {
    let home = Home::new();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (args, said) in [
        (
            &["check", &nobody, "--origin", PAGE][..],
            "connection refused",
        ),
        (
            &["check", "https://nosuch.invalid", "--origin", PAGE],
            "nosuch.invalid",
        ),
        (
            &["check", &nobody, "--origin", "app.test"],
            "https://app.test",
        ),
        (&["check", &nobody, "--origin", "*"], "https://app.test"),
        (&["check", "ftp://x.test", "--origin", PAGE], "ftp://x.test"),
        (
            &["check", "http://api.test", "--origin", PAGE],
            "mixed content",
        ),
        (
            &["check", "https://u:p@api.test", "--origin", PAGE],
            "Authorization",
        ),
        (
            &["check", &nobody, "--origin", PAGE, "-X", "TRACE"],
            "TRACE",
        ),
        (&["check", &nobody, "--origin", PAGE, "-X", "P UT"], "P UT"),
        (
            &["check", &nobody, "--origin", PAGE, "-H", "Host: x.test"],
            "Host",
        ),
        (
            &["check", &nobody, "--origin", PAGE, "-H", "nonsense"],
            "nonsense",
        ),
        (
            &["check", &nobody, "--origin", PAGE, "-H", "Origin: x"],
            "--origin",
        ),
        (
            &["check", &nobody, "--origin", PAGE, "-H", "Cookie: a=b"],
            "--credentials",
        ),
        (
            &[
                "check", &nobody, "--origin", PAGE, "-X", "GET", "--data", "x",
            ],
            "body",
        ),
        (
            &[
                "check",
                &nobody,
                "--origin",
                PAGE,
                "--data",
                "@missing.json",
            ],
            "missing.json",
        ),
        (
            &[
                "check",
                &nobody,
                "--origin",
                PAGE,
                "--insecure",
                "https://x",
            ],
            "--insecure",
        ),
        (
            &[
                "check",
                &nobody,
                "--origin",
                PAGE,
                "--upstream-ca",
                "no.pem",
            ],
            "no.pem",
        ),
        (&["check", &nobody], "--origin"),
    ] {
        let done = home.run(args);
        assert_eq!(done.status, Some(2), "{args:?}: {done:?}");
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{args:?}: {}", done.stderr);
        assert!(lines[0].contains(said), "{args:?}: {}", done.stderr);
    }
}

#[test]
fn secrets_are_sent_and_never_shown() {
    let (home, server) = (Home::new(), server());
    for format in ["text", "json", "ndjson"] {
        for path in ["/open", "/none"] {
            let url = server.url(path);
            let done = home.run(&[
                "check",
                &url,
                "--origin",
                PAGE,
                "-H",
                "Authorization: Bearer t0psecret",
                "-H",
                "Cookie: sid=c00kie",
                "--credentials",
                "--format",
                format,
            ]);
            let all = format!("{}{}", done.stdout, done.stderr);
            assert!(
                !all.contains("t0psecret") && !all.contains("c00kie"),
                "{all}"
            );
        }
    }
}

const CHECKS: &str = r#"
origin = "https://app.test"

[[check]]
name = "open"
url = "BASE/open"
method = ["GET", "PUT", "DELETE"]

[[check]]
name = "strangers"
url = "BASE/open"
origin = "https://evil.test"
expect = "blocked"
"#;

#[test]
fn a_file_of_checks_is_one_run_and_a_table() {
    let (home, server) = (Home::new(), server());
    let write = |text: &str| {
        let text = text.replace("BASE", &server.url(""));
        std::fs::write(home.at("checks.toml"), text).unwrap();
    };
    write(CHECKS);
    let done = home.run(&["check", "--file", "checks.toml"]);
    assert_eq!(done.status, Some(1), "{done:?}");
    let text = &done.stdout;
    assert!(text.contains("4 checks: 3 as expected, 1 not."), "{text}");
    assert!(text.contains("✖  open       DELETE"), "{text}");
    assert!(
        text.contains("method-disallowed-by-preflight-response (preflight)"),
        "{text}"
    );
    assert!(text.contains("✔  strangers  GET"), "{text}");

    write(&CHECKS.replace(", \"DELETE\"", ""));
    let done = home.run(&["check", "--file", "checks.toml", "--format", "json"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(told["schema"], "corscope/diagnosis/1");
    assert_eq!(told["fetches"].as_array().unwrap().len(), 3);
    let as_expected: Vec<_> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["as_expected"])
        .collect();
    assert_eq!(as_expected, [true, true, true]);

    write(&CHECKS.replace("expect", "exspect"));
    let done = home.run(&["check", "--file", "checks.toml"]);
    assert_eq!(done.status, Some(2), "{done:?}");
    assert_eq!(
        done.stderr.trim_end(),
        "corscope: checks.toml, line 13: unknown key \"exspect\": did you mean expect?"
    );
    let done = home.run(&["check", "https://api.test", "--file", "checks.toml"]);
    assert_eq!(done.status, Some(2), "{done:?}");
}
