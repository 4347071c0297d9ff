//! The program in a real terminal: keys typed, screen read back.

use super::super::support::{Home, OnTerminal, eventually};

fn demo(columns: u16, rows: u16) -> (Home, OnTerminal) {
    let home = Home::new();
    let args = ["demo", "--listen", "127.0.0.1:0"];
    let terminal = OnTerminal::start(&home, &args, columns, rows);
    // The last call of the demo.
    terminal.sees("/chat");
    (home, terminal)
}

fn selected(terminal: &OnTerminal) -> String {
    let text = terminal.text();
    let line = text.lines().find(|l| l.starts_with('▌'));
    line.unwrap_or_default().to_owned()
}

#[test]
fn from_the_red_line_to_the_cause_in_two_keys() {
    let (_home, mut terminal) = demo(80, 24);
    terminal.keys("g");
    eventually("the first line is selected", || {
        selected(&terminal).trim_end().ends_with(" /")
    });
    terminal.keys("!");
    eventually("the crash is selected", || {
        selected(&terminal).contains("server error 500")
    });
    terminal.sees("the server crashed first");
    terminal.keys("4");
    terminal.sees("\"error\"");
    // Filter, live, and a mistake in it.
    terminal.keys("/is:never-sent");
    eventually("only requests that were never sent", || {
        let text = terminal.text();
        text.contains("OPTIONS → 405") && !text.contains("trailing slash")
    });
    terminal.keys(" hots:x");
    terminal.sees("did you mean host:?");
    terminal.keys("\u{1b}");
    terminal.sees("/ filter");
    terminal.keys("?");
    terminal.sees("Everywhere");
    terminal.keys("\u{1b}");
    // Esc never leaves.
    terminal.keys("\u{1b}");
    terminal.sees("next blocked");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    eventually("the screen is given back", || !terminal.is_taken());
}

#[test]
fn two_requests_side_by_side() {
    let (_home, mut terminal) = demo(120, 36);
    terminal.keys("g!");
    eventually("the crash is selected", || {
        selected(&terminal).contains("server error 500")
    });
    terminal.keys("d");
    terminal.sees("is marked: choose another");
    terminal.keys("!!");
    eventually("another one is selected", || {
        selected(&terminal).contains("OPTIONS → 401")
    });
    terminal.keys("d");
    terminal.sees("differences");
    terminal.sees("Answer: what decides about CORS");
    terminal.keys("\u{1b}");
    terminal.sees("1 Verdict");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_mark_stays_with_the_file() {
    let home = Home::new();
    let file = home.at("marked.corscope");
    {
        let options = corscope::session::Options::new(&file);
        let (session, recorder) = corscope::session::Session::create(options).unwrap();
        super::capture::shop(&recorder);
        drop(recorder);
        session.finish().unwrap();
    }
    let args = ["view", file.to_str().unwrap()];
    let mut terminal = OnTerminal::start(&home, &args, 120, 36);
    terminal.sees("/v1/orders");
    terminal.keys("!");
    terminal.sees("crashed first");
    terminal.keys("m");
    terminal.sees("◆");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    let mut terminal = OnTerminal::start(&home, &args, 120, 36);
    terminal.sees("◆");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_mouse_reaches_lines_and_tabs() {
    let (_home, mut terminal) = demo(120, 36);
    let text = terminal.text();
    let row = text
        .lines()
        .position(|l| l.contains("two Allow-Origin"))
        .unwrap();
    // SGR mouse reports count from 1.
    terminal.keys(&format!("\u{1b}[<0;20;{0}M\u{1b}[<0;20;{0}m", row + 1));
    eventually("the clicked line is selected", || {
        selected(&terminal).contains("two Allow-Origin")
    });
    let tabs = text.lines().position(|l| l.contains("2 Headers")).unwrap();
    terminal.keys(&format!("\u{1b}[<0;16;{0}M\u{1b}[<0;16;{0}m", tabs + 1));
    terminal.sees("Asked ↔ granted");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

/// Processor time the program used so far, in clock ticks.
#[cfg(target_os = "linux")]
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How often its threads went to sleep so far, all together.
#[cfg(target_os = "linux")]
fn sleeps(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |thread: std::fs::DirEntry| {
        // One that is gone meanwhile sleeps no more.
        let status = std::fs::read_to_string(thread.path().join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    };
    threads.flatten().filter_map(of).sum()
}

#[cfg(target_os = "linux")]
#[test]
fn idle_costs_nothing() {
    let home = Home::new();
    let mut terminal = OnTerminal::start(&home, &["--listen", "127.0.0.1:0"], 120, 36);
    terminal.sees("Nothing captured yet");
    let before = ticks(terminal.id());
    let drawn = terminal.bytes();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let used = ticks(terminal.id()) - before;
    // Three seconds have 300 ticks; a debug build redrawing its clock three times needs a few.
    assert!(used <= 15, "{used} ticks");
    let written = terminal.bytes() - drawn;
    assert!(
        written < 2_000,
        "{written} bytes for three ticks of a clock"
    );
    // It wakes up once a second, for the clock it shows. Noise of a busy machine passes: three seconds
    // without any are waited for.
    let pid = terminal.id();
    let quiet = (0..20).any(|_| {
        let (before, started) = (sleeps(pid), std::time::Instant::now());
        std::thread::sleep(std::time::Duration::from_secs(3));
        sleeps(pid) - before <= 2 * started.elapsed().as_secs() + 4
    });
    assert!(quiet, "more than two wake-ups a second, for a minute");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_is_told_what_prints() {
    let home = Home::new();
    let dumb = [("TERM", std::path::Path::new("dumb"))];
    let mut terminal = OnTerminal::start_with(&home, &["demo"], &dumb, 80, 24);
    assert_eq!(terminal.wait(), 2);
    terminal.sees("TERM=dumb");
    terminal.sees("corscope demo --once");
}

#[test]
fn started_in_the_same_instant_each_has_a_port_of_its_own() {
    let home = Home::new();
    let mut terminals: Vec<OnTerminal> = (0..3)
        .map(|_| OnTerminal::start(&home, &["demo"], 120, 36))
        .collect();
    let mut ports: Vec<String> = terminals
        .iter()
        .map(|terminal| {
            terminal.sees("\u{25cf} 127.0.0.1:");
            let text = terminal.text();
            let port = text.split("127.0.0.1:").nth(1).unwrap();
            port.split_whitespace().next().unwrap().to_owned()
        })
        .collect();
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 3, "{ports:?}");
    for terminal in &mut terminals {
        terminal.keys("q");
        assert_eq!(terminal.wait(), 0);
    }
}

#[test]
fn a_key_that_would_shadow_quit_is_refused_at_the_start() {
    let home = Home::new();
    let config = home.path().join("keys.toml");
    std::fs::write(&config, "[keys]\nnext-blocked = \"q\"\n").unwrap();
    let config = config.display().to_string();
    let mut terminal = OnTerminal::start(&home, &["demo", "--config", &config], 200, 24);
    terminal.sees("keys.toml, line 2: q is the key of quit: choose another one for next-blocked");
    assert_eq!(terminal.wait(), 2);
    assert!(!terminal.is_taken());
}
