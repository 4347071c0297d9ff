//! Two requests side by side.

use super::capture::{Call, session, shop};
use super::driver::{Person, live};

#[test]
fn d_marks_one_and_compares_it_with_another() {
    let mut person = Person::before(session(shop), live(), 120, 36);
    let screen = person.types("!d").screen();
    assert!(screen.contains("is marked"), "{screen}");
    let screen = person.types("!!!d").screen();
    for words in [
        "differences",
        "crashed first",
        "≠ status",
        "access-control-allow-origin",
    ] {
        assert!(screen.contains(words), "no {words} on\n{screen}");
    }
    person.types("y");
    let copied = person.copied.clone().unwrap_or_default();
    assert!(copied.contains("- status: 500"), "{copied}");
    assert!(copied.contains("+ status: 200"), "{copied}");
    let screen = person.types("<Esc>").screen();
    assert!(screen.contains("CAUSE"), "Esc closes it:\n{screen}");
}

#[test]
fn a_request_is_not_compared_with_itself() {
    let mut person = Person::before(session(shop), live(), 120, 36);
    let screen = person.types("!dd").screen();
    assert!(screen.contains("choose another request"), "{screen}");
}

#[test]
fn bodies_are_compared_by_what_they_say_and_bounded() {
    let long = |n: u32| {
        let items: Vec<String> = (0..30_000)
            .map(|i| format!("{{\"i\":{}}}", i + n))
            .collect();
        format!("[{}]", items.join(","))
    };
    let play = |recorder: &corscope::capture::Recorder| {
        Call::fetch("GET", "/one", 200)
            .json(r#"{"a":1,"b":{"x":true}}"#)
            .play(recorder, 0, 5);
        Call::fetch("GET", "/two", 200)
            .json(r#"{"b":{"x":false},"a":1}"#)
            .play(recorder, 10, 5);
        Call::fetch("GET", "/three", 200)
            .json(&long(0))
            .play(recorder, 20, 5);
        Call::fetch("GET", "/four", 200)
            .json(&long(1))
            .play(recorder, 30, 5);
    };
    let mut person = Person::before(session(play), live(), 120, 36);
    let screen = person.types("gd<Down>dG").screen();
    for words in ["\"x\": true", "\"x\": false", "\"a\": 1"] {
        assert!(screen.contains(words), "no {words} on\n{screen}");
    }
    let screen = person.types("<Esc>'<Down><Down>mm<Up>").screen();
    assert!(screen.contains("/three"), "{screen}");
    let screen = person.types("<Esc>G<Up>d").screen();
    assert!(screen.contains("differences"), "{screen}");
    // The whole of it can be walked through at any width.
    for _ in 0..50 {
        person.types("n<PgDn>");
    }
    let screen = person.types(" xG").screen();
    assert!(screen.contains("│"), "{screen}");
}
