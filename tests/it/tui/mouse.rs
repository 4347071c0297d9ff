//! The mouse in a real terminal: its reports typed as a terminal sends them, the screen and the
//! clipboard read back.

use super::super::support::{Home, OnTerminal, eventually};

/// The program on a file with the shop's traffic.
fn shop(columns: u16, rows: u16) -> (Home, OnTerminal) {
    let home = Home::new();
    let file = home.at("shop.corscope");
    let options = corscope::session::Options::new(&file);
    let (session, recorder) = corscope::session::Session::create(options).unwrap();
    super::capture::shop(&recorder);
    drop(recorder);
    session.finish().unwrap();
    let terminal = OnTerminal::start(&home, &["view", file.to_str().unwrap()], columns, rows);
    terminal.sees("/v1/orders");
    terminal.until("the pane is filled", |text| text.contains("CAUSE"));
    (home, terminal)
}

/// SGR reports (XTerm, "Extended coordinates") count from 1; the driver's places from 0.
fn report(terminal: &mut OnTerminal, button: u8, column: usize, row: usize, end: char) {
    terminal.keys(&format!("\u{1b}[<{button};{};{}{end}", column + 1, row + 1));
}

fn click(terminal: &mut OnTerminal, (column, row): (usize, usize)) {
    report(terminal, 0, column, row, 'M');
    report(terminal, 0, column, row, 'm');
}

fn drag(terminal: &mut OnTerminal, from: (usize, usize), to: (usize, usize)) {
    report(terminal, 0, from.0, from.1, 'M');
    report(terminal, 32, to.0, to.1, 'M');
    report(terminal, 0, to.0, to.1, 'm');
}

/// Column and row of a text on the screen.
fn place(terminal: &OnTerminal, text: &str) -> (usize, usize) {
    let screen = terminal.text();
    let found = screen.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(text)?;
        Some((line[..at].chars().count(), row))
    });
    found.unwrap_or_else(|| panic!("no {text:?} on\n{screen}"))
}

fn selected(text: &str) -> &str {
    text.lines()
        .find(|l| l.starts_with('▌'))
        .unwrap_or_default()
}

#[test]
fn a_click_selects_and_a_double_click_gives_the_keys_to_the_pane() {
    let (_home, mut terminal) = shop(120, 36);
    let at = place(&terminal, "/v1/tags");
    click(&mut terminal, at);
    terminal.until("it is selected", |text| selected(text).contains("/v1/tags"));
    // Twice at once, as the hand does it: a slow machine may see three clicks, which end the same.
    let at = place(&terminal, "/v1/me");
    click(&mut terminal, at);
    click(&mut terminal, at);
    terminal.until("the pane has the keys", |text| {
        selected(text).contains("/v1/me") && text.contains("Esc list")
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_wheel_moves_what_is_under_it() {
    let (_home, mut terminal) = shop(120, 24);
    let tabs = place(&terminal, "1 Verdict").1;
    let top = terminal.text().lines().nth(tabs + 1).unwrap().to_owned();
    report(&mut terminal, 65, 10, tabs + 3, 'M');
    terminal.until("the pane is further down", |text| {
        text.lines().nth(tabs + 1).is_some_and(|line| line != top)
    });
    report(&mut terminal, 64, 10, tabs + 3, 'M');
    terminal.until("and up again", |text| {
        text.lines().nth(tabs + 1) == Some(&*top)
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_divider_goes_where_it_is_dragged() {
    for (columns, rows) in [(120, 36), (120, 41), (100, 50)] {
        let (_home, mut terminal) = shop(columns, rows);
        let (_, from) = place(&terminal, "1 Verdict");
        // Behind the tabs there is nothing but the line.
        for to in [from + 3, from + 1, from + 2] {
            let at = place(&terminal, "1 Verdict").1;
            let end = usize::from(columns) - 3;
            drag(&mut terminal, (end, at), (end, to));
            terminal.until("it is where it was let go", |text| {
                text.lines().position(|l| l.contains("1 Verdict")) == Some(to)
            });
        }
        terminal.keys("q");
        assert_eq!(terminal.wait(), 0);
    }
    // Beside the list it is a column.
    let (_home, mut terminal) = shop(170, 40);
    let line = |text: &str| {
        let row = text.lines().nth(10).unwrap_or_default().to_owned();
        row.chars().position(|c| c == '│')
    };
    let from = line(&terminal.text()).unwrap();
    for to in [from - 7, from + 5] {
        let at = line(&terminal.text()).unwrap();
        drag(&mut terminal, (at, 10), (to, 10));
        terminal.until("it is where it was let go", |text| line(text) == Some(to));
    }
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_column_is_as_wide_as_its_edge_is_dragged() {
    let (_home, mut terminal) = shop(120, 36);
    let (path, heading) = place(&terminal, "Path");
    let (after, _) = place(&terminal, "Type");
    drag(&mut terminal, (after - 1, heading), (path + 6, heading));
    terminal.until("the path is cut", |text| {
        let line = text.lines().nth(heading).unwrap_or_default();
        line.find("Type").is_some_and(|at| at == path + 7)
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_selection_is_copied_when_it_is_let_go() {
    let (_home, mut terminal) = shop(120, 36);
    let (column, row) = place(&terminal, "500 Internal Server Error");
    drag(&mut terminal, (column, row), (column + 24, row));
    eventually("it is on the clipboard", || {
        terminal.clipboard().as_deref() == Some("500 Internal Server Error")
    });
    terminal.sees("copied the selection");
    // And the keys' way to the same: the fix, as text.
    terminal.keys("y");
    eventually("the header lines are on the clipboard", || {
        let copied = terminal.clipboard().unwrap_or_default();
        copied.contains("Access-Control-Allow-Origin: https://app.test")
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_mouse_can_be_left_to_the_terminal() {
    let (_home, mut terminal) = shop(120, 36);
    assert!(terminal.wrote("\u{1b}[?1006h"));
    assert!(!terminal.wrote("\u{1b}[?1006l"));
    terminal.keys("S");
    terminal.sees("the mouse is the terminal's now");
    eventually("it is let go", || terminal.wrote("\u{1b}[?1006l"));
    terminal.keys("S");
    terminal.sees("the mouse works here again");
    let at = place(&terminal, "/v1/tags");
    click(&mut terminal, at);
    terminal.until("it is selected", |text| selected(text).contains("/v1/tags"));
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}
