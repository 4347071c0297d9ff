//! What several topics need: the built program with an empty home, a server to call, raw requests
//! through a proxy.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An empty home directory, removed in the end, and the program run in it.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in this home.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program with these arguments, nothing of the tester's environment that matters to it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corscope"));
        command
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in [
            "CORSCOPE_DATA_DIR",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CONFIG_HOME",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "CORSCOPE_UPSTREAM",
            "CORSCOPE_PASSWORD",
            "NO_COLOR",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    /// Starts `record` at any free port and waits until it listens.
    pub(crate) fn record(&self, args: &[&str]) -> Recording {
        self.record_with(args, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn record_with(&self, args: &[&str], vars: &[(&str, &String)]) -> Recording {
        let mut all = vec!["record", "--listen", "127.0.0.1:0"];
        all.extend_from_slice(args);
        self.listening(&all, vars)
    }

    /// Starts what says as its first line where it listens.
    pub(crate) fn listening(&self, args: &[&str], vars: &[(&str, &String)]) -> Recording {
        let mut command = self.command(args);
        Recording::of(command.envs(vars.iter().copied()))
    }
}

/// The packages that tests have from npm, installed once: `tests/run` says where, else they are put
/// beside what cargo makes.
pub(crate) fn node_modules() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = std::env::var_os("CORSCOPE_NPM").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm"),
            PathBuf::from,
        );
        let modules = place.join("node_modules");
        let packages = ["playwright-core@1", "har-schema@2", "ajv@6"];
        let there = |package: &&str| {
            let name = package.split('@').next().unwrap();
            modules.join(name).join("package.json").exists()
        };
        if !packages.iter().all(there) {
            std::fs::create_dir_all(&place).unwrap();
            println!("installing {packages:?} into {}", place.display());
            let done = Command::new("npm")
                .args(["install", "--silent", "--no-audit", "--no-fund"])
                .args(packages)
                .current_dir(&place)
                .status();
            assert!(done.expect("npm is installed").success());
        }
        modules
    })
}

/// A running `record`; killed if a test forgets it.
pub(crate) struct Recording {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Recording {
    /// Starts `record` and waits until it listens.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let json: Option<serde_json::Value> = serde_json::from_str(&first).ok();
        let told = json.as_ref().and_then(|line| line["address"].as_str());
        let Ok(address) = told.unwrap_or(first.trim()).parse() else {
            let done: Done = child.wait_with_output().unwrap().into();
            panic!("record did not say its address but {first:?}: {done:?}");
        };
        Self {
            child: Some(child),
            stdout,
            address,
        }
    }

    /// Ends the program as Ctrl-C does where a shell runs it, which waits for it.
    pub(crate) fn interrupt_child(&self) {
        let listed = std::fs::read_dir("/proc").unwrap().flatten();
        let parent = self.pid().to_string();
        let child = listed.filter_map(|entry| {
            let pid = entry.file_name().into_string().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let ppid = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
            (ppid == parent).then_some(pid)
        });
        for pid in child {
            Command::new("kill").args(["-INT", &pid]).status().unwrap();
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal by name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> Done {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let child = self.child.take().unwrap();
        let mut done: Done = child.wait_with_output().unwrap().into();
        done.stdout = stdout;
        done
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(self) -> Done {
        self.signal("INT");
        self.wait()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A server on loopback that answers each connection once, with bytes of the test's choosing.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
}

impl Origin {
    /// `answer` gets the request head and returns the whole response.
    pub(crate) fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::serve_at([127, 0, 0, 1].into(), answer)
    }

    /// The same at another address of this machine.
    pub(crate) fn serve_at(
        ip: std::net::IpAddr,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || {
                    let mut stream = stream;
                    if let Some(head) = read_head(&mut stream) {
                        let _ = stream.write_all(answer(&head).as_bytes());
                    }
                });
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A complete HTTP/1.1 answer that closes its connection.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    text + "\r\n" + body
}

/// Sends one request through a proxy and returns all that comes back.
pub(crate) fn through(
    proxy: SocketAddr,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> String {
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = url.split('/').nth(2).unwrap();
    let mut request = format!("{method} {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all((request + "\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// How long what takes a moment may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until something holds; panics with `what` if it never does.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program on a terminal of its own, as a person has it.
pub(crate) struct OnTerminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    written: Arc<AtomicUsize>,
    /// All that was written, for what a screen does not show.
    raw: Arc<Mutex<Vec<u8>>>,
    keyboard: Box<dyn Write + Send>,
    // Holds the terminal open.
    master: Box<dyn portable_pty::MasterPty + Send>,
}

impl OnTerminal {
    pub(crate) fn start(home: &Home, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(home, args, &[], columns, rows)
    }

    /// The same with some variables of the environment set.
    pub(crate) fn start_with(
        home: &Home,
        args: &[&str],
        variables: &[(&str, &Path)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let size = portable_pty::PtySize {
            rows,
            cols: columns,
            ..Default::default()
        };
        let pair = portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_corscope"));
        command.args(args);
        command.cwd(home.path());
        command.env("HOME", home.path());
        command.env("TERM", "xterm-256color");
        for name in [
            "CORSCOPE_DATA_DIR",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "NO_COLOR",
        ] {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            rows.try_into().unwrap(),
            columns.try_into().unwrap(),
            0,
        )));
        let drawn = Arc::clone(&screen);
        let written = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&written);
        let raw = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&raw);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut bytes) {
                count.fetch_add(n, Ordering::Relaxed);
                kept.lock().unwrap().extend_from_slice(&bytes[..n]);
                drawn.lock().unwrap().process(&bytes[..n]);
            }
        });
        Self {
            child,
            screen,
            written,
            raw,
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
        }
    }

    /// What is on the screen now.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// How many bytes the program wrote so far.
    pub(crate) fn bytes(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether it wrote this, seen or not.
    pub(crate) fn wrote(&self, what: &str) -> bool {
        let raw = self.raw.lock().unwrap();
        raw.windows(what.len()).any(|some| some == what.as_bytes())
    }

    /// What it asked the terminal to put on the clipboard last (OSC 52).
    pub(crate) fn clipboard(&self) -> Option<String> {
        let raw = String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned();
        let (_, last) = raw.rsplit_once("\u{1b}]52;c;")?;
        let coded = last.split_once('\u{7}')?.0;
        let bytes = STANDARD.decode(coded).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut screen = self.screen.lock().unwrap();
        screen
            .screen_mut()
            .set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        let size = portable_pty::PtySize {
            rows,
            cols: columns,
            ..Default::default()
        };
        self.master.resize(size).unwrap();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Whether the program has the screen to itself.
    pub(crate) fn is_taken(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    pub(crate) fn sees(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Waits until what it shows is as it should be; a failure tells what it shows instead.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let start = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "never: {what}\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end; returns the status.
    pub(crate) fn wait(&mut self) -> u32 {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().exit_code()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
