//! What the screen costs with many exchanges: opening, drawing, filtering, sorting, memory, and keys
//! while exchanges pour in. `cargo bench --bench screen [-- SIZE...]`, by default 1,000, 100,000 and
//! 1,000,000; each in a process of its own, so that its memory is its own. Session files are made once
//! and kept below `target/tmp`.
//!
//! Aims at 1,000,000: opened < 1 s, a frame < 4 ms, a key of the filter < 50 ms, sorted < 300 ms
//! and no key waits longer than a frame, < 250 MB.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corscope::capture::{Recorder, now};
use corscope::session::{Options as Recording, Reader, Session};
use corscope::tui::{App, Command as Todo, Event, Options, ThemeChoice, perform};
use corscope::wire::{
    Client, End, HeaderList, HttpVersion, Kind, RequestHead, ResponseHead, Source, Timings,
    Upstream,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const CHILD: &str = "--alone";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let sizes = || {
        args.iter()
            .filter_map(|a| a.replace(['_', ','], "").parse().ok())
    };
    if args.iter().any(|a| a == CHILD) {
        sizes().for_each(measure);
        return;
    }
    let mut sizes: Vec<usize> = sizes().collect();
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    println!(
        "{:>9}  {:>9} {:>9}  {:>8} {:>8}  {:>9} {:>9}  {:>8} {:>8}  {:>8}  {:>12}",
        "exchanges",
        "1st frame",
        "all rows",
        "frame",
        "worst",
        "filter",
        "its keys",
        "sort",
        "its keys",
        "memory",
        "live 2,000/s"
    );
    for size in sizes {
        let file = file(size);
        if !file.exists() {
            make(&file, size);
        }
        let run = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, &size.to_string()])
            .status();
        assert!(run.unwrap().success());
    }
}

fn file(size: usize) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("screen-{size}.corscope"))
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36";

/// One exchange of a busy page: mostly calls that work, a preflight now and then, some blocked.
fn play(recorder: &Recorder, number: usize) {
    let preflight = number.is_multiple_of(20);
    let blocked = number % 50 == 7;
    let mut asks = HeaderList::from_pairs([
        ("host", "api.app.test:8443"),
        ("user-agent", AGENT),
        ("accept", "application/json, text/plain, */*"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://app.test"),
        ("referer", "https://app.test/"),
    ]);
    if preflight {
        asks.push("access-control-request-method", b"PUT");
    }
    let request = RequestHead {
        method: if preflight { "OPTIONS" } else { "GET" }.into(),
        url: format!(
            "https://api{}.app.test:8443/v1/items/{}?page={}",
            number % 7,
            number % 5_000,
            number % 11
        ),
        version: HttpVersion::Http2,
        headers: Arc::new(asks),
    };
    let mut says = HeaderList::from_pairs([
        ("server", "nginx/1.26.0"),
        ("content-type", "application/json"),
        ("content-length", "0"),
        ("vary", "Origin"),
    ]);
    if !blocked {
        says.push("access-control-allow-origin", b"https://app.test");
    }
    if preflight {
        says.push("access-control-allow-methods", b"PUT");
    }
    let response = ResponseHead {
        status: if blocked { 500 } else { 200 },
        reason: None,
        version: HttpVersion::Http2,
        headers: Arc::new(says),
    };
    let at = now();
    let client = Client {
        connection: 1,
        addr: None,
    };
    let exchange = recorder.open_now(Source::Proxy, Kind::Http, client, request, at);
    let timings = Timings {
        wait: Some(3_000 + (number as u64 * 7_919) % 90_000),
        receive: Some(400),
        ..Timings::default()
    };
    let upstream = Upstream {
        connection: 1 + (number as u64 % 6),
        addr: None,
        reused: true,
        tls: None,
        insecure: false,
    };
    exchange.answered_at(at.plus_micros(3_000), response, upstream, timings);
    exchange.close(End::Complete, timings);
}

fn make(file: &Path, size: usize) {
    let unfinished = file.with_extension("part");
    let _ = std::fs::remove_file(&unfinished);
    let (session, recorder) = Session::create(Recording::new(&unfinished)).unwrap();
    for number in 0..size {
        play(&recorder, number);
    }
    drop(recorder);
    session.finish().unwrap();
    std::fs::rename(unfinished, file).unwrap();
}

/// A person at a terminal of 200 by 60.
struct Person {
    app: App,
    reader: Reader,
    terminal: Terminal<TestBackend>,
}

impl Person {
    fn sits(reader: Reader, live: bool) -> Self {
        let options = Options {
            addresses: live
                .then(|| "127.0.0.1:8080".parse().unwrap())
                .into_iter()
                .collect(),
            theme: ThemeChoice::Dark,
            ..Options::default()
        };
        let app = App::new(options, reader.clone(), now(), 0);
        let mut person = Self {
            app,
            reader,
            terminal: Terminal::new(TestBackend::new(200, 60)).unwrap(),
        };
        person.happens(Event::Resize(200, 60));
        person
    }

    /// What it took to take this in; what the program does beside the screen is not counted.
    fn happens(&mut self, event: Event) -> Duration {
        let started = Instant::now();
        let mut todo = self.app.update(event, now());
        let took = started.elapsed();
        while let Some(command) = todo.pop() {
            if let Todo::Perform(effect) = command
                && let Some(outcome) = perform(&self.reader, &effect)
            {
                todo.extend(self.app.update(Event::Outcome(outcome), now()));
            }
        }
        took
    }

    fn key(&mut self, code: KeyCode) -> Duration {
        self.happens(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn draw(&mut self) -> Duration {
        let started = Instant::now();
        self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
        started.elapsed()
    }

    /// As the loop does it, until everything is on the screen; the longest a key would have waited.
    fn settle(&mut self) -> Duration {
        let mut longest = Duration::ZERO;
        loop {
            longest = longest.max(self.happens(Event::Captured) + self.draw());
            if !self.app.is_behind() && self.reader.reading().is_none() {
                return longest;
            }
            if self.app.waits() {
                std::thread::sleep(Duration::from_millis(8));
            }
        }
    }
}

fn measure(size: usize) {
    let started = Instant::now();
    let session = Session::view(&file(size), None).unwrap();
    let mut person = Person::sits(session.reader(), false);
    loop {
        person.happens(Event::Captured);
        person.draw();
        if !person.reader.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let first = started.elapsed();
    while person.reader.reading().is_some() {
        person.happens(Event::Captured);
        person.draw();
        std::thread::sleep(Duration::from_millis(16));
    }
    person.settle();
    let opened = started.elapsed();

    let mut frames: Vec<Duration> = (0..300)
        .map(|n| {
            person.key(if n % 3 == 0 {
                KeyCode::PageDown
            } else {
                KeyCode::Down
            });
            person.draw()
        })
        .collect();
    frames.sort();

    let mut filter = Duration::ZERO;
    let mut filter_keys = Duration::ZERO;
    person.key(KeyCode::Char('/'));
    for c in "items/123 status:5xx".chars() {
        let started = Instant::now();
        let key = person.key(KeyCode::Char(c)) + person.draw();
        let longest = person.settle();
        filter = filter.max(started.elapsed());
        filter_keys = filter_keys.max(key).max(longest);
    }
    person.key(KeyCode::Esc);
    person.settle();

    // The columns' dialog: path is the fifth, `s` sorts by it.
    person.key(KeyCode::Char('C'));
    for _ in 0..4 {
        person.key(KeyCode::Down);
    }
    let started = Instant::now();
    let key = person.key(KeyCode::Char('s')) + person.draw();
    let sort_keys = person.settle().max(key);
    let sort = started.elapsed();
    let memory = memory();
    drop(person);
    drop(session);

    let live = live();
    let ms = |d: Duration| format!("{:.1} ms", d.as_secs_f64() * 1e3);
    println!(
        "{size:>9}  {:>9} {:>9}  {:>8} {:>8}  {:>9} {:>9}  {:>8} {:>8}  {:>5} MB  {live:>12}",
        ms(first),
        ms(opened),
        ms(frames[frames.len() / 2]),
        ms(frames[frames.len() - 1]),
        ms(filter),
        ms(filter_keys),
        ms(sort),
        ms(sort_keys),
        memory >> 20,
    );
}

/// The longest a key waits while 2,000 exchanges come each second and somebody scrolls.
fn live() -> String {
    let (session, recorder) = Session::in_memory(None, 1).unwrap();
    let mut person = Person::sits(session.reader(), true);
    let flood = std::thread::spawn(move || {
        let started = Instant::now();
        for number in 0..6_000_usize {
            play(&recorder, number);
            let due = Duration::from_micros(number as u64 * 500);
            if let Some(early) = due.checked_sub(started.elapsed()) {
                std::thread::sleep(early);
            }
        }
    });
    let mut longest = Duration::ZERO;
    let mut keys = 0;
    while !flood.is_finished() {
        let code = match keys % 40 {
            0..20 => KeyCode::Up,
            20 => KeyCode::Char('G'),
            _ => KeyCode::Down,
        };
        let waits = person.happens(Event::Captured) + person.key(code) + person.draw();
        longest = longest.max(waits);
        keys += 1;
        std::thread::sleep(Duration::from_millis(16));
    }
    flood.join().unwrap();
    session.finish().unwrap();
    format!("{:.1} ms", longest.as_secs_f64() * 1e3)
}

/// What the process has in memory, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
