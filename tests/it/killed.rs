//! A recording that is killed at any moment, under load: what had reached a browser before the last
//! transaction is in the file, whole, and the file is sound.
//!
//! `CORSCOPE_KILLS=200 cargo test --test it killed::` kills more often; `CORSCOPE_SEED=…` at other moments.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corscope::session::{Reader, Session};
use corscope::wire::{ExchangeId, Side};

use crate::support::{Home, Origin, answer};

/// How many browsers ask at once.
const CLIENTS: u64 = 6;

/// A response that a client has: the moments are numbers of one clock that all clients share.
#[derive(Clone, Copy)]
struct Had {
    sent: u64,
    /// `None` until all of it is there.
    received: Option<u64>,
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// SplitMix64.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The body of one request: of any length up to some pieces of the file, and no two alike.
fn body_of(number: u64) -> String {
    let mut seed = number;
    let len = match next(&mut seed) % 8 {
        0 => 300_000,
        1 => 40_000,
        n => n as usize * 97,
    };
    let mut text = format!("{number}:");
    while text.len() < len {
        write!(text, "{:016x}", next(&mut seed)).unwrap();
    }
    text
}

/// One request; `None` if it did not come to its end.
fn get(proxy: SocketAddr, url: &str) -> Option<String> {
    let mut stream = TcpStream::connect(proxy).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let host = url.split('/').nth(2)?;
    let head = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}

#[test]
fn a_killed_recording_has_all_that_reached_a_browser_before_its_last_transaction() {
    let kills = from_env("CORSCOPE_KILLS", 25);
    let mut seed = from_env("CORSCOPE_SEED", 20_261_123);
    let home = Home::new();
    let origin = Arc::new(Origin::serve(|head| {
        let number = head.split(['/', ' ']).nth(2).and_then(|n| n.parse().ok());
        answer("200 OK", &[], &body_of(number.unwrap_or(0)))
    }));
    let numbers = Arc::new(AtomicU64::new(1));
    let (mut seen, mut checked) = (0, 0);
    for round in 0..kills {
        let name = format!("killed{round}.corscope");
        let recording = home.record(&["--out", &name, "--data-dir", "data"]);
        let clock = Arc::new(AtomicU64::new(1));
        let had: Arc<Mutex<HashMap<u64, Had>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let proxy = recording.address;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (clock, had, stop) = (clock.clone(), had.clone(), stop.clone());
                let (numbers, origin) = (numbers.clone(), origin.clone());
                std::thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let number = numbers.fetch_add(1, Ordering::SeqCst);
                        let url = origin.url(&format!("/{number}"));
                        let sent = clock.fetch_add(1, Ordering::SeqCst);
                        let received = None;
                        had.lock().unwrap().insert(number, Had { sent, received });
                        let Some(body) = get(proxy, &url) else { break };
                        if body != body_of(number) {
                            break;
                        }
                        let received = Some(clock.fetch_add(1, Ordering::SeqCst));
                        had.lock().unwrap().insert(number, Had { sent, received });
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(5 + next(&mut seed) % 250));
        recording.signal("KILL");
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().unwrap();
        }
        let ended = recording.wait();
        assert_eq!(ended.status, None, "it was killed: {ended:?}");
        let had = had.lock().unwrap();
        let (rows, sure) = check(&home.at(&name), &had);
        seen += rows;
        checked += sure;
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(home.at(&format!("{name}{ending}")));
        }
    }
    println!("{kills} kills: {seen} exchanges in the files, {checked} had to be there");
    assert!(checked > kills, "the test had something to look for");
}

fn check(path: &Path, had: &HashMap<u64, Had>) -> (u64, u64) {
    let db = rusqlite::Connection::open(path).unwrap();
    let sound: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    drop(db);
    let session = Session::open(path, None).expect("it opens again");
    let reader = session.reader();
    let rows: HashMap<u64, ExchangeId> = (1..=reader.len() as u64)
        .map(ExchangeId)
        .map(|id| (number_of(&reader, id), id))
        .collect();
    assert_eq!(rows.len(), reader.len(), "no row is there twice or missing");
    // What a client had before another request was sent, which is in the file, came before that.
    let known = rows.keys().map(|number| had[number].sent);
    let last = known.max().unwrap_or(0);
    let mut sure = 0;
    for (number, had) in had {
        if had.received.is_none_or(|received| received > last) {
            continue;
        }
        sure += 1;
        let id = *rows
            .get(number)
            .unwrap_or_else(|| panic!("number {number} reached its client and is not in the file"));
        let exchange = reader.exchange(id).unwrap();
        assert_eq!(exchange.response.as_ref().map(|r| r.status), Some(200));
        let body = reader.body(id, Side::Response, 0, 1 << 20).unwrap();
        assert!(
            body == body_of(*number).as_bytes(),
            "of number {number} {} bytes are in the file",
            body.len()
        );
    }
    (rows.len() as u64, sure)
}

fn number_of(reader: &Reader, id: ExchangeId) -> u64 {
    let url = reader.exchange(id).unwrap().request.url.clone();
    url.rsplit('/').next().unwrap().parse().unwrap()
}
