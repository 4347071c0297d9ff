//! Papers written from the screen, and the session of a crash opened again: on a real terminal.

use std::fs;

use serde_json::Value;

use crate::export::{all_sorts, save};
use crate::har_rules::faults;
use crate::kept::abandon;
use crate::support::{Home, OnTerminal, eventually};

#[test]
fn papers_are_written_from_the_screen_and_nothing_is_written_over_unasked() {
    let home = Home::new();
    save(&home.at("cart.corscope"), &all_sorts());
    let mut screen = OnTerminal::start(
        &home,
        &["view", "cart.corscope", "--data-dir", "data"],
        110,
        32,
    );
    screen.sees("GET");
    screen.keys("e");
    screen.sees("HTML report");
    screen.sees("cart.html");
    screen.keys("\r");
    screen.until("the dialog is gone", |text| {
        text.contains("written: ") && !text.contains("HTML report")
    });
    let html = fs::read_to_string(home.at("cart.html")).unwrap();
    assert!(html.starts_with("<!doctype html") || html.starts_with("<!DOCTYPE html"));
    assert!(!html.contains("Zx9-planted"), "secrets are replaced");

    // Two formats on, for the list alone; the name follows until somebody types one.
    screen.keys("e");
    screen.sees("HTML report");
    screen.keys("\x1b[C\x1b[C");
    screen.sees("cart.har");
    screen.keys("\x1b[B\x1b[C");
    screen.sees("what the list shows");
    screen.sees("cart-part.har");
    screen.keys("\r");
    eventually("the HAR is there", || home.at("cart-part.har").exists());
    let har: Value =
        serde_json::from_str(&fs::read_to_string(home.at("cart-part.har")).unwrap()).unwrap();
    assert_eq!(faults(&har), Vec::<String>::new());
    screen.until("the dialog is gone", |text| {
        text.contains("written: ") && !text.contains("HTML report")
    });

    // What is there stays there until it is said twice.
    fs::write(home.at("cart.html"), "mine").unwrap();
    screen.keys("e");
    screen.sees("HTML report");
    screen.keys("\r");
    screen.sees("Enter writes over it");
    assert_eq!(fs::read_to_string(home.at("cart.html")).unwrap(), "mine");
    screen.keys("\r");
    eventually("written over", || {
        fs::read_to_string(home.at("cart.html")).unwrap() != "mine"
    });
    screen.until("the dialog is gone", |text| !text.contains("HTML report"));

    // A place that is none is told in the dialog.
    screen.keys("e");
    screen.sees("HTML report");
    screen.keys("\x1b[A\x15nowhere/at/all.html\r");
    screen.sees("cannot write");
    screen.keys("\x1b");
    screen.keys("q");
    assert_eq!(screen.wait(), 0);
}

#[test]
fn the_session_of_a_crash_is_offered_once() {
    let home = Home::new();
    let sessions = home.at("data/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let path = sessions.join("yesterday.corscope");
    save(&path, &all_sorts());
    abandon(&path);
    let args = ["--data-dir", "data", "--listen", "127.0.0.1:0"];
    let mut screen = OnTerminal::start(&home, &args, 110, 32);
    screen.sees("ended abruptly");
    screen.keys("\r");
    screen.sees("yesterday");
    eventually("the screen", || screen.is_taken());
    screen.keys("q");
    assert_eq!(screen.wait(), 0);

    // Asked once; from then on by name.
    let mut screen = OnTerminal::start(&home, &args, 110, 32);
    eventually("the screen", || screen.is_taken());
    assert!(!screen.text().contains("abruptly"));
    screen.keys("q");
    assert_eq!(screen.wait(), 0);
    let mut screen = OnTerminal::start(&home, &["view", "--last", "--data-dir", "data"], 110, 32);
    screen.sees("yesterday");
    screen.keys("q");
    assert_eq!(screen.wait(), 0);
    let done = home.run(&["view", "--last", "--data-dir", "empty"]);
    assert!(
        done.status == Some(2) && done.stderr.contains("no session"),
        "{done:?}"
    );
    let done = home.run(&["view", "--data-dir", "empty"]);
    assert!(
        done.status == Some(2) && done.stderr.contains("--help"),
        "{done:?}"
    );
}
