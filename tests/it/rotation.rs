//! `record` in several files, and of part of the traffic.

use serde_json::Value;

use crate::support::{Done, Home, Origin, answer, eventually, through};

const PAGE: [(&str, &str); 4] = [
    ("Origin", "https://app.test"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Dest", "empty"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
    ),
];

fn api() -> Origin {
    Origin::serve(|head| {
        let any = ("Access-Control-Allow-Origin", "*");
        let blocked = head.starts_with("GET /blocked");
        answer(
            "200 OK",
            if blocked {
                &[]
            } else {
                std::slice::from_ref(&any)
            },
            "{}",
        )
    })
}

fn fetches(home: &Home, file: &str) -> Vec<Value> {
    let done = home.run(&["diagnose", file, "--format", "json"]);
    assert!(done.status < Some(2), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    json["fetches"].as_array().unwrap().clone()
}

#[test]
fn a_recording_goes_on_in_another_file_and_keeps_the_newest() {
    let home = Home::new();
    let api = api();
    let args = [
        "--data-dir",
        "data",
        "--out",
        "day.corscope",
        "--format",
        "ndjson",
    ];
    let limits = ["--rotate-count", "3", "--keep-files", "2"];
    let recording = home.record(&[&args[..], &limits].concat());
    through(recording.address, "GET", &api.url("/blocked"), &PAGE);
    let mut calls = 2; // The first and the last.
    let newest = || (2..1_000).rfind(|n| home.at(&format!("day.{n}.corscope")).exists());
    for number in 2..=5 {
        for _ in 0..3 {
            through(recording.address, "GET", &api.url("/fine"), &PAGE);
            calls += 1;
        }
        // A file is there a moment before it is written to, so one call more may be needed; but
        // calls without a pause put off the moment in which no verdict is open.
        let mut looks = 0;
        eventually("the next file", || {
            looks += 1;
            if looks % 100 == 0 {
                through(recording.address, "GET", &api.url("/fine"), &PAGE);
                calls += 1;
            }
            newest() >= Some(number)
        });
    }
    through(recording.address, "GET", &api.url("/last"), &PAGE);
    let done = recording.interrupt();
    assert_eq!(
        done.status,
        Some(1),
        "one was blocked, in a file that is gone: {done:?}"
    );
    let told = format!("{calls} requests in {calls} calls: 1 blocked");
    assert!(done.stderr.contains(&told), "{told}: {done:?}");
    let lines: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdicts = lines.iter().filter(|line| line["outcome"].is_string());
    assert_eq!(verdicts.count(), calls);
    let newest = newest().expect("the newest is kept");
    let files = lines.iter().filter_map(|line| line["session"].as_str());
    assert_eq!(
        files.count(),
        newest - 1,
        "each file after the first is told"
    );
    assert!(fetches(&home, &format!("day.{}.corscope", newest - 1)).len() >= 3);
    assert!(!home.at("day.corscope").exists());
    for number in 2..newest - 1 {
        let gone = home.at(&format!("day.{number}.corscope"));
        assert!(!gone.exists(), "{}", gone.display());
    }
}

#[test]
fn only_what_is_wanted_is_recorded_and_all_passes() {
    let home = Home::new();
    let (api, other) = (api(), api());
    let host = format!("{}", api.address.ip());
    let args = [
        "--data-dir",
        "data",
        "--out",
        "x.corscope",
        "--host",
        &host,
        "--skip",
        "images",
    ];
    let recording = home.record(&args);
    let there = |url: &str, headers: &[(&str, &str)]| {
        let answer = through(recording.address, "GET", url, headers);
        assert!(answer.starts_with("HTTP/1.1 200"), "it passes: {answer}");
    };
    there(&api.url("/fine"), &PAGE);
    there(&api.url("/picture"), &[("Sec-Fetch-Dest", "image")]);
    let elsewhere = format!("http://localhost:{}/blocked", other.address.port());
    there(&elsewhere, &PAGE);
    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    let recorded = fetches(&home, "x.corscope");
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert!(recorded[0]["url"].as_str().unwrap().ends_with("/fine"));
    let refused = |args: &[&str], word: &str| {
        let done: Done = home.run(&[&["record", "--for", "1s"], args].concat());
        assert!(
            done.status == Some(2) && done.stderr.contains(word),
            "{done:?}"
        );
    };
    refused(&["--host", "not a host"], "--host");
    refused(&["--rotate-count", "5", "--har", "y.har"], "--har");
    refused(&["--keep-files", "0"], "keep-files");
}

#[test]
fn every_way_of_ending_closes_the_file() {
    let home = Home::new();
    let api = api();
    for (number, signal) in ["INT", "TERM", "HUP"].into_iter().enumerate() {
        let file = format!("{number}.corscope");
        let recording = home.record(&["--data-dir", "data", "--out", &file]);
        through(recording.address, "GET", &api.url("/blocked"), &PAGE);
        recording.signal(signal);
        let done = recording.wait();
        assert_eq!(done.status, Some(1), "{signal}: {done:?}");
        assert_eq!(fetches(&home, &file).len(), 1);
        assert!(
            !home.at(&format!("{file}-wal")).exists(),
            "closed in one piece"
        );
    }
    let recording = home.record(&[
        "--data-dir",
        "data",
        "--out",
        "idle.corscope",
        "--until-idle",
        "300ms",
    ]);
    through(recording.address, "GET", &api.url("/fine"), &PAGE);
    assert_eq!(recording.wait().status, Some(0));
    let recording = home.record(&[
        "--data-dir",
        "data",
        "--out",
        "time.corscope",
        "--for",
        "300ms",
    ]);
    assert_eq!(
        recording.wait().status,
        Some(0),
        "nothing was blocked, nothing came"
    );
}
