//! Few files to open: who is let in is served, who waits is let in when somebody leaves, and it is said.
#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Home, Origin, answer, eventually};

/// A `record` of which everything on stderr is heard as it comes.
struct Held {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
}

impl Held {
    /// Starts one that may open so many files, its session in `few.corscope`.
    fn to(home: &Home, files: u32) -> Self {
        let program = env!("CARGO_BIN_EXE_corscope");
        let line = format!(
            "ulimit -n {files}; exec {program} record --listen 127.0.0.1:0 --out few.corscope"
        );
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .current_dir(home.path())
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().unwrap();
        let listening = Some(listen(stderr, Arc::clone(&said)));
        Self {
            address: first
                .trim()
                .parse()
                .unwrap_or_else(|e| panic!("{e}: {first}")),
            child,
            said,
            listening,
        }
    }

    fn hears(&self, words: &str) {
        eventually(words, || self.said.lock().unwrap().contains(words));
    }

    /// How many files it has open.
    #[cfg(target_os = "linux")]
    fn open(&self) -> u64 {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        files.unwrap().count() as u64
    }

    /// Lets it open so many files more than it has.
    #[cfg(target_os = "linux")]
    fn limit(&self, more: u64) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let files = Some(self.open() + more);
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let limit = Rlimit {
            current: files,
            maximum: files,
        };
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }

    /// How much it has computed so far, in ticks of the clock (a hundred to a second).
    #[cfg(target_os = "linux")]
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let rest = stat.rsplit(')').next().unwrap();
        let fields = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|n| n.parse::<u64>().unwrap());
        fields.sum()
    }

    /// Ends it as Ctrl-C does; what it said.
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap();
        self.listening.take().unwrap().join().unwrap();
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(stderr: ChildStderr, said: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            writeln!(said.lock().unwrap(), "{line}").unwrap();
        }
    })
}

/// A client that keeps its connection and asks one thing after the other.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_mins(1));
        stream.set_read_timeout(patience).unwrap();
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, url: &str) {
        let ask = format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n");
        self.0.get_mut().write_all(ask.as_bytes()).unwrap();
    }

    /// The status of the answer, and its body.
    fn answer(&mut self) -> (String, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "closed: {head}");
        }
        let status = head.split(' ').nth(1).unwrap().to_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let same = name.eq_ignore_ascii_case("content-length");
            same.then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}

/// Each client may need a connection to a server: who is let in has one to be had, however few there
/// are.
#[test]
fn who_is_let_in_is_served() {
    let origin = Origin::serve(|_| answer("200 OK", &[], "fine"));
    let home = Home::new();
    let held = Held::to(&home, 64);
    let mut clients: Vec<Client> = (0..100).map(|_| Client::new(held.address)).collect();
    // Connected is not yet let in: the system does the first without the program.
    held.hears("24 clients are connected, as many as the limit of open files allows");
    let fine = ("200".to_owned(), "fine".to_owned());
    let mut waiting = clients.split_off(24);
    for round in 0..3 {
        for (at, client) in clients.iter_mut().enumerate() {
            client.ask(&origin.url(&format!("/{round}/{at}")));
        }
        for client in &mut clients {
            assert_eq!(client.answer(), fine);
        }
    }
    // Waiting costs nothing: in so many pauses a loop without one would use hundreds of ticks.
    #[cfg(target_os = "linux")]
    {
        let before = held.ticks();
        std::thread::sleep(Duration::from_secs(3));
        let used = held.ticks() - before;
        assert!(used < 100, "{used} ticks");
    }
    for client in &mut waiting {
        client.ask(&origin.url("/waited"));
    }
    clients.clear();
    // They take turns, as those before them leave.
    for mut client in waiting {
        assert_eq!(client.answer(), fine);
    }
    let said = held.end();
    assert!(said.contains("148 requests"), "{said}");
    let done = home.run(&["diagnose", "few.corscope", "--format", "json"]);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    let fetches = json["fetches"].as_array().unwrap();
    assert_eq!(fetches.len(), 148);
    assert!(fetches.iter().all(|f| f["outcome"] != "failed"), "{done:?}");
}

/// Where not even that is possible, it is said once, and those who wait come in later.
#[cfg(target_os = "linux")]
#[test]
fn no_file_is_left_for_anybody() {
    let origin = Origin::serve(|_| answer("200 OK", &[], "fine"));
    let home = Home::new();
    let held = Held::to(&home, 400);
    let fine = ("200".to_owned(), "fine".to_owned());
    // All that it opens once is open by then.
    let mut first = Client::new(held.address);
    first.ask(&origin.url("/first"));
    assert_eq!(first.answer(), fine);
    drop(first);
    let mut least = held.open();
    eventually("the first client is gone", || {
        let now = held.open();
        std::mem::replace(&mut least, now) == now
    });
    held.limit(6);
    let idle: Vec<Client> = (0..20).map(|_| Client::new(held.address)).collect();
    held.hears("No more clients can be let in for now");
    let before = held.ticks();
    std::thread::sleep(Duration::from_secs(3));
    let used = held.ticks() - before;
    assert!(used < 100, "{used} ticks");
    let mut last = Client::new(held.address);
    last.ask(&origin.url("/last"));
    drop(idle);
    assert_eq!(last.answer(), fine);
    let said = held.end();
    assert_eq!(said.matches("ulimit -n").count(), 1, "{said}");
    assert!(said.contains("2 requests"), "{said}");
}

/// A server that keeps its connections.
#[cfg(target_os = "linux")]
fn keeping() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let mut stream = stream;
                while let Some(Ok(line)) = lines.next() {
                    if line.is_empty() {
                        let fine = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
                        let _ = stream.write_all(fine);
                    }
                }
            });
        }
    });
    address
}

/// Connections to servers that are kept for later make room for one that is wanted now.
#[cfg(target_os = "linux")]
#[test]
fn what_is_kept_makes_room() {
    let home = Home::new();
    let held = Held::to(&home, 400);
    let fine = ("200".to_owned(), "fine".to_owned());
    let mut client = Client::new(held.address);
    client.ask(&format!("http://{}/", keeping()));
    assert_eq!(client.answer(), fine);
    // From here on not one more.
    held.limit(0);
    client.ask(&format!("http://{}/", keeping()));
    assert_eq!(client.answer(), fine);
    let said = held.end();
    assert!(said.contains("2 requests"), "{said}");
}

/// With more files the limit is higher, and others are let in as soon as somebody leaves.
#[test]
fn many_idle_clients_and_few_files() {
    let origin = Origin::serve(|_| answer("200 OK", &[], "fine"));
    let home = Home::new();
    let held = Held::to(&home, 400);
    let mut idle: Vec<Client> = (0..300).map(|_| Client::new(held.address)).collect();
    let mut waiting = Client::new(held.address);
    waiting.ask(&origin.url("/"));
    held.hears("204 clients are connected");
    idle.clear();
    assert_eq!(waiting.answer().1, "fine");
    let said = held.end();
    assert!(said.contains("1 request"), "{said}");
}
