//! A long day in short: mixed traffic with faults on both sides through the real program, its screen
//! open and somebody typing. Nothing that came whole is missing in the file, nothing broken is passed on
//! as whole, the screen answers, and what the process holds does not grow.
//!
//! `CORSCOPE_SOAK_SECONDS=1800 cargo test --test it chaos::` runs longer, `CORSCOPE_SEED=…` other faults.

mod client;
mod plan;
mod server;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use corscope::session::{Reader, RowEnd, Session};
use corscope::wire::{ExchangeId, Side};

use crate::support::{Home, OnTerminal};
use client::{Browser, Came};
use plan::{Asked, Dice, Plan};
use server::Server;

const BROWSERS: u64 = 8;

fn from_env(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Holds {
    memory_kib: u64,
    descriptors: usize,
    threads: u64,
}

impl Holds {
    fn now(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let words = line.and_then(|line| line.split_whitespace().next());
            words.and_then(|word| word.parse().ok()).unwrap()
        };
        Self {
            memory_kib: number("VmRSS:"),
            descriptors: std::fs::read_dir(format!("/proc/{pid}/fd"))
                .unwrap()
                .count(),
            threads: number("Threads:"),
        }
    }

    /// When nothing is under way any more: the descriptors do not change for a while.
    fn at_rest(pid: u32) -> Self {
        let since = Instant::now();
        let mut last = (Self::now(pid), Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = Self::now(pid);
            if now.descriptors != last.0.descriptors {
                last = (now, Instant::now());
            } else if last.1.elapsed() > Duration::from_secs(2) {
                return now;
            }
            assert!(
                since.elapsed() < Duration::from_mins(2),
                "never at rest: {now:?}"
            );
        }
    }
}

/// A stretch of traffic; what came of each request is kept.
fn traffic(
    seed: u64,
    faults_percent: u64,
    browser: &Browser,
    numbers: &Arc<AtomicU64>,
    came: &Arc<Mutex<HashMap<u64, Came>>>,
    mut meanwhile: impl FnMut() -> bool,
) {
    let stop = Arc::new(AtomicBool::new(false));
    let browsers: Vec<_> = (0..BROWSERS)
        .map(|_| {
            let (browser, numbers) = (browser.clone(), Arc::clone(numbers));
            let (came, stop) = (Arc::clone(came), Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let number = numbers.fetch_add(1, Ordering::SeqCst);
                    let plan = Plan::of(seed, number, faults_percent);
                    let result = browser.ask(plan);
                    came.lock().unwrap().insert(number, result);
                    // Others test on this machine at the same time.
                    let pause = 10 + Dice::of(11, number).below(60);
                    std::thread::sleep(Duration::from_millis(pause));
                }
            })
        })
        .collect();
    while meanwhile() {}
    stop.store(true, Ordering::SeqCst);
    for browser in browsers {
        browser.join().unwrap();
    }
}

/// Somebody types: whatever is pressed, it is seen.
fn types(terminal: &mut OnTerminal, dice: &mut Dice) {
    match dice.below(6) {
        0 => {
            let word = format!(
                "status:{}xx or zz{}",
                2 + dice.below(4),
                dice.below(1_000_000)
            );
            terminal.keys(&format!("/{word}"));
            terminal.sees(&word);
            terminal.keys("\r\u{1b}");
            terminal.until("the filter is gone", |text| !text.contains(&word));
        }
        1 => {
            terminal.keys("?");
            terminal.sees("Esc");
            terminal.keys("\u{1b}");
        }
        2 => terminal.keys("GkkkkjjG"),
        3 => terminal.keys("!12345671"),
        4 => terminal.keys("gjjjj\r\u{1b}"),
        _ => {
            // As a laptop that sleeps for a moment.
            terminal.signal("STOP");
            std::thread::sleep(Duration::from_millis(200));
            terminal.signal("CONT");
        }
    }
}

#[test]
fn a_day_of_traffic_with_faults() {
    let seconds = from_env("CORSCOPE_SOAK_SECONDS", 120);
    let seed = from_env("CORSCOPE_SEED", 20_261_123);
    let faults_percent = from_env("CORSCOPE_FAULTS_PERCENT", 12);
    let server = Server::start(seed, faults_percent);
    let home = Home::new();
    let trusted = home.at("upstream.pem");
    std::fs::write(&trusted, &server.ca_pem).unwrap();
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--upstream-ca",
        trusted.to_str().unwrap(),
    ];
    let mut terminal = OnTerminal::start(&home, &args, 130, 40);
    terminal.sees("Nothing captured yet");
    let text = terminal.text();
    let address = text.split_once("● ").unwrap().1.split_whitespace().next();
    let proxy = address.unwrap().parse().unwrap();
    let ca = home.run(&["ca", "path"]);
    let ca_pem = std::fs::read(ca.stdout.trim()).unwrap();
    let browser = Browser::new(proxy, server.plain, server.tls, &ca_pem);

    let numbers = Arc::new(AtomicU64::new(1));
    let came = Arc::default();
    let mut dice = Dice::of(seed, 0);
    let pid = terminal.id();
    let stretches: Vec<Holds> = (0..4)
        .map(|_| {
            let since = Instant::now();
            traffic(seed, faults_percent, &browser, &numbers, &came, || {
                types(&mut terminal, &mut dice);
                std::thread::sleep(Duration::from_millis(300));
                since.elapsed() < Duration::from_secs(seconds) / 4
            });
            Holds::at_rest(pid)
        })
        .collect();
    let came = came.lock().unwrap();
    println!("{} requests; {stretches:?}", came.len());
    let [_, before, _, after] = stretches[..] else {
        unreachable!("there were four")
    };
    assert!(after.descriptors <= before.descriptors + 8, "{stretches:?}");
    assert!(after.threads <= before.threads + 4, "{stretches:?}");
    // What is remembered of each exchange, and what an allocator keeps.
    let room = 24 * 1_024 + came.len() as u64;
    assert!(
        after.memory_kib <= before.memory_kib + room,
        "{stretches:?}"
    );

    terminal.keys("q");
    assert_eq!(terminal.wait(), 0, "{}", terminal.text());
    let sessions = std::fs::read_dir(home.at(".local/state/corscope/sessions")).unwrap();
    let files: Vec<PathBuf> = sessions.map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let session = Session::open(&files[0], None).expect("it opens again");
    check(&session.reader(), seed, faults_percent, &came);
    let told = home.run(&["diagnose", files[0].to_str().unwrap(), "--format", "json"]);
    assert_eq!(told.status, Some(1), "there are blocks: {}", told.stderr);
}

fn check(reader: &Reader, seed: u64, faults_percent: u64, came: &HashMap<u64, Came>) {
    let mut wrong = Vec::new();
    let mut rows: HashMap<u64, Vec<ExchangeId>> = HashMap::new();
    let ids: Vec<_> = (1..=reader.len() as u64).map(ExchangeId).collect();
    reader.rows(&ids, &mut |row| {
        if row.end == RowEnd::Open {
            wrong.push(format!("#{} is still open", row.id.0));
        }
    });
    for id in ids {
        let exchange = reader.exchange(id).unwrap();
        if exchange.request.method == "CONNECT" {
            continue;
        }
        let last = exchange.request.url.rsplit('/').next();
        if let Some(number) = last.and_then(|n| n.parse().ok())
            && exchange.request.method != "OPTIONS"
        {
            rows.entry(number).or_default().push(id);
        }
    }
    for (number, came) in came {
        let plan = Plan::of(seed, *number, faults_percent);
        let due = plan.due();
        if let Came::Whole(status @ ..500, _) = came
            && due.as_ref().is_none_or(|(due, _)| due != status)
        {
            wrong.push(format!("{plan:?}: passed on as whole: {status}"));
        }
        let waits = matches!(
            plan.asked,
            Asked::Get | Asked::Cors | Asked::Preflight | Asked::Post | Asked::Trickles
        );
        if waits && let Some((status, body)) = &due {
            // A server that answers before it has read everything may cut its own answer off.
            let early = *status == 413;
            if *came != Came::Whole(*status, body.clone()) && !early {
                let came = short(came);
                wrong.push(format!("{plan:?}: {status} was due, {came} came"));
            }
        }
        let Came::Whole(status, body) = came else {
            continue;
        };
        let kept = rows.get(number).map_or(&[][..], Vec::as_slice);
        let found = kept.iter().any(|id| {
            let exchange = reader.exchange(*id).unwrap();
            let Some(response) = &exchange.response else {
                // The proxy's own error page is no answer of the server.
                return *status == 502;
            };
            let bytes = reader.body(*id, Side::Response, 0, 1 << 20);
            response.status == *status && bytes.is_ok_and(|bytes| bytes == *body)
        });
        if !found {
            wrong.push(format!(
                "{plan:?}: {status} came and is not in the file: {kept:?}"
            ));
        }
    }
    let some = &wrong[..wrong.len().min(20)];
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        some.join("\n")
    );
}

fn short(came: &Came) -> String {
    match came {
        Came::Whole(status, body) => {
            let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
            format!("{status} with {} bytes ({text})", body.len())
        }
        other => format!("{other:?}"),
    }
}
