//! Text selected with the mouse, groups that fold, and what is remembered from one time to the next.

use corscope::session::{Options as Recording, Session};
use corscope::tui::{Effect, Options};
use crossterm::event::{MouseButton, MouseEventKind};
use ratatui::style::Modifier;

use super::capture::{session, shop};
use super::driver::{Person, live};

const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
const DRAG: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);
const UP: MouseEventKind = MouseEventKind::Up(MouseButton::Left);

fn person(columns: u16, rows: u16) -> Person {
    Person::before(session(shop), live(), columns, rows)
}

/// Column and row of a text on the screen.
fn place(person: &mut Person, text: &str) -> (u16, u16) {
    let screen = person.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(text)?;
        Some((line[..at].chars().count() as u16, row as u16))
    });
    found.unwrap_or_else(|| panic!("no {text:?} on\n{screen}"))
}

#[test]
fn a_drag_selects_text_and_copies_it_when_let_go() {
    let mut person = person(120, 36);
    person.types("!");
    let (x, y) = place(&mut person, "500 Internal Server Error");
    person.mouse(DOWN, x, y).mouse(DRAG, x + 2, y);
    let cell = person.buffer()[(x + 1, y)].clone();
    assert!(cell.modifier.contains(Modifier::REVERSED), "it is seen");
    person.mouse(DRAG, x + 24, y).mouse(UP, x + 24, y);
    assert_eq!(person.copied.as_deref(), Some("500 Internal Server Error"));
    // Any key takes it away.
    person.types("<Down><Up>");
    let cell = person.buffer()[(x + 1, y)].clone();
    assert!(!cell.modifier.contains(Modifier::REVERSED));
}

#[test]
fn a_selection_stays_in_the_pane_it_began_in() {
    let mut person = person(200, 40);
    person.types("!");
    let (x, y) = place(&mut person, "CAUSE");
    person
        .mouse(DOWN, x, y)
        .mouse(DRAG, 2, y + 3)
        .mouse(UP, 2, y + 3);
    let copied = person.copied.clone().unwrap_or_default();
    assert!(copied.starts_with("CAUSE"), "{copied}");
    assert!(!copied.contains("GET") && !copied.contains('│'), "{copied}");
    // From the list only the list.
    let (x, y) = place(&mut person, "/main.js");
    person
        .mouse(DOWN, x, y)
        .mouse(DRAG, 199, y)
        .mouse(UP, 199, y);
    let copied = person.copied.clone().unwrap_or_default();
    assert!(copied.starts_with("/main.js"), "{copied}");
    assert!(!copied.contains('│'), "{copied}");
}

#[test]
fn a_click_copies_nothing_and_a_double_click_a_word() {
    let mut person = person(120, 36);
    person.types("!2");
    let (x, y) = place(&mut person, "https://api.app.test:8443/v1/orders");
    person.mouse(DOWN, x + 3, y).mouse(UP, x + 3, y);
    assert_eq!(person.copied, None);
    person.mouse(DOWN, x + 3, y).mouse(UP, x + 3, y);
    let word = "https://api.app.test:8443/v1/orders";
    assert_eq!(person.copied.as_deref(), Some(word));
}

#[test]
fn text_in_a_dialog_can_be_selected_too() {
    let mut person = person(120, 36);
    person.types("!d!!!d");
    let (x, y) = place(&mut person, "A slash too many");
    person
        .mouse(DOWN, x, y)
        .mouse(DRAG, x + 6, y)
        .mouse(UP, x + 6, y);
    assert_eq!(person.copied.as_deref(), Some("A slash"));
    assert!(person.screen().contains("differences"), "it stays open");
}

#[test]
fn a_double_click_in_the_list_gives_the_keys_to_the_pane() {
    let mut person = person(120, 36);
    let (x, y) = place(&mut person, "/v1/tags");
    person.click(x, y).click(x, y);
    assert!(person.screen().contains("Esc list"), "{}", person.screen());
}

#[test]
fn groups_fold_by_key_and_by_mouse() {
    let mut person = person(120, 36);
    // The columns' dialog: groups by page, then by host.
    let screen = person.types("Cgg<Esc>g<Up><Up>").screen();
    assert!(screen.contains("▌▾ https://a"), "{screen}");
    let lines = |p: &mut Person| {
        p.screen()
            .lines()
            .take(16)
            .filter(|l| l.contains("/v1/"))
            .count()
    };
    let before = lines(&mut person);
    let (_, row) = place(&mut person, "▾ https://api.app.test:8443");
    let screen = person.click(10, row).screen();
    assert!(screen.contains("▸ https://api.app.test:8443"), "{screen}");
    assert!(lines(&mut person) < before, "{screen}");
    assert!(
        screen.contains("✖ 4 blocked"),
        "what it hides is counted:\n{screen}"
    );
    // Up and down pass over it; what is blocked in it is found all the same.
    person.types("<Up><Down><Down><Up><Up>");
    let screen = person.types(" ").screen();
    assert!(screen.contains("▾ https://api.app.test:8443"), "{screen}");
    assert_eq!(lines(&mut person), before, "{screen}");
    for keys in [
        "G",
        "g",
        "<PgDn>",
        "<PgUp>",
        "!",
        "!",
        " ",
        "G <Up> ",
        "/a<Enter>",
        "<Esc>",
    ] {
        person.types(keys).screen();
    }
}

#[test]
fn what_is_blocked_in_a_folded_group_is_found() {
    let mut person = person(120, 36);
    person.types("Cgg<Esc>");
    let (_, row) = place(&mut person, "▾ https://api.app.test:8443");
    person.click(10, row);
    assert!(
        person.types("!").selected().contains("✖"),
        "{}",
        person.screen()
    );
}

#[test]
fn marks_and_comments_are_there_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.corscope");
    let (written, recorder) = Session::create(Recording::new(&path)).unwrap();
    shop(&recorder);
    drop(recorder);
    let reader = written.reader();
    written.finish().unwrap();
    let mut person = Person::before(reader, live(), 120, 36);
    person.types("!Mlook here<Enter>!m");
    let open = || {
        let opened = Session::open(&path, None).unwrap();
        Person::before(opened.reader(), live(), 120, 36)
    };
    let mut person = open();
    let screen = person.screen();
    assert!(screen.contains("◆ look here"), "{screen}");
    assert_eq!(screen.matches('◆').count(), 2, "{screen}");
    person.types("g'm");
    assert_eq!(open().screen().matches('◆').count(), 1);
}

#[test]
fn filters_that_were_used_are_offered_the_next_time() {
    let options = Options {
        can_keep: true,
        history: vec!["host:old".to_owned(), "status:5xx".to_owned()],
        ..live()
    };
    let mut person = Person::before(session(shop), options, 120, 36);
    let screen = person.types("/").screen();
    assert!(
        screen.contains("status:5xx") && screen.contains("used before"),
        "{screen}"
    );
    person.types("is:blocked<Enter>");
    let used = Effect::RememberFilter("is:blocked".to_owned());
    assert!(person.asked.contains(&used), "{:?}", person.asked);
}

#[test]
fn a_filter_tried_on_many_rows_finds_all_that_pass() {
    let many = |recorder: &corscope::capture::Recorder| {
        for n in 0..9_000_u64 {
            let status = if n % 1000 == 7 { 503 } else { 200 };
            super::capture::Call::fetch("GET", "/v1/x", status).play(recorder, n, 1);
        }
    };
    let mut person = Person::before(session(many), live(), 120, 36);
    let screen = person.types("/status:503<Enter>").screen();
    assert!(screen.contains("9 of"), "{screen}");
    // Sorted beside the screen, and back.
    let screen = person.types("<Esc>Cjjs<Esc>g").screen();
    assert!(screen.lines().nth(3).unwrap().contains("503"), "{screen}");
}
