//! Starting a real server, asking it, ending it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start or a build to end; generous, as machines are slow and shared.
const PATIENCE: Duration = Duration::from_mins(5);

/// A family of servers, installed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Node,
    Python,
    /// Packages of the system.
    System,
    /// Built by cargo.
    Rust,
    Go,
}

impl Family {
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::System => "system",
            Self::Rust => "rust",
            Self::Go => "go",
        }
    }

    /// Where `tests/run` has put what this family needs, and where its servers are run; `None`, said
    /// aloud, where it is not there. `tests/run` names the folder in `CORSCOPE_SNIPPETS`; then a family
    /// that is missing is a failure, unless `CORSCOPE_SNIPPETS_SKIP` names it.
    pub(crate) fn home(self, has: &str) -> Option<PathBuf> {
        let told = std::env::var_os("CORSCOPE_SNIPPETS");
        let cache = told.as_ref().map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("snippets"),
            PathBuf::from,
        );
        let skipped = std::env::var("CORSCOPE_SNIPPETS_SKIP").unwrap_or_default();
        let home = cache.join(self.name());
        let there = if has.starts_with('/') {
            Path::new(has).exists()
        } else {
            home.join(has).exists()
        };
        let skipped = skipped.split(' ').any(|name| name == self.name());
        if !there || skipped {
            assert!(
                told.is_none() || skipped,
                "{has} is not in {}",
                home.display()
            );
            eprintln!(
                "SKIPPED: {} is not installed; tests/run installs it",
                self.name()
            );
            return None;
        }
        fs::create_dir_all(home.join("run")).unwrap();
        Some(home)
    }
}

/// A folder for one run, empty.
pub(super) fn folder(home: &Path, name: &str) -> PathBuf {
    let dir = home.join("run").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Writes a file, its folders too.
pub(super) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs something to its end.
pub(crate) fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A server that was started; it ends with this.
pub(super) struct Running {
    child: Child,
    pub(super) port: u16,
    log: PathBuf,
}

impl Running {
    /// Starts a server and waits until it answers at `path`.
    pub(super) fn start(command: &mut Command, port: u16, log: &Path, path: &str) -> Self {
        let out = File::create(log).unwrap();
        let err = out.try_clone().unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // A group of its own: some of them start workers.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut running = Self {
            child,
            port,
            log: log.to_owned(),
        };
        let start = Instant::now();
        while running.try_ask("GET", path, &[]).is_none() {
            let ended = running.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "{command:?} does not answer ({ended:?}):\n{}",
                running.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks for something and returns the answer.
    pub(super) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.try_ask(method, path, headers);
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}:\n{}", self.log()))
    }

    fn try_ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n",
            self.port
        );
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        stream.write_all((request + "\r\n").as_bytes()).ok()?;
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).ok()?;
        Answer::parse(&String::from_utf8_lossy(&raw))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    fn parse(raw: &str) -> Option<Self> {
        let (head, body) = raw.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            status,
            headers: fields
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: body.to_owned(),
        })
    }

    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.headers.iter().filter(|(n, _)| n == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a list header has this in it.
    pub(super) fn lists(&self, name: &str, item: &str) -> bool {
        let all = self.all(name).join(",");
        all.split(',')
            .any(|listed| listed.trim().eq_ignore_ascii_case(item))
    }
}
