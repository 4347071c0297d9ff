//! Finding and starting a browser in a profile of its own that uses the proxy and trusts its
//! authority. Nothing on the system, in the home directory or in the user's own profile changes.
//!
//! Only Linux has been tried. What is known of macOS and Windows is in the table of places and
//! behind `cfg`; there nobody ends the browser when corscope is killed without a word.

mod chromium;
mod find;
mod firefox;
mod guard;
mod nest;
mod table;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use find::Pack;
use guard::Guard;
use nest::{Nest, NestError};

pub use find::{Program, Wish};
pub use table::{Brand, Edition, Family};

/// How long a browser may take to close after it was asked to.
const CLOSE_AT_MOST: Duration = Duration::from_secs(3);
/// How often, and after which pause, removing the profile is tried: helper processes of a browser
/// that just ended may still write into it.
const REMOVE_TRIES: u32 = 40;
/// On a machine that is busy it may take longer; nothing else is left to be done by then.
const REMOVE_TRIES_AT_THE_END: u32 = 200;
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// How a browser is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// The proxy's certificate authority, PEM.
    pub ca_pem: String,
    /// SHA-256 of the authority's public key, base64, as `--ignore-certificate-errors-spki-list`
    /// has it. The proxy must serve the authority's certificate in its chain for this to work.
    pub ca_spki_sha256_base64: String,
    /// What to open; an empty page if nothing.
    pub url: Option<String>,
    /// Without a window.
    pub headless: bool,
    /// The profile to use and keep; a throw-away one if none is named.
    pub kept: Option<PathBuf>,
    /// Whether the browser can be asked what it decided, through its [`Wire`].
    pub wired: bool,
    /// Further arguments of the command line.
    pub arguments: Vec<String>,
    /// Further preferences for Firefox: name, and value as JavaScript.
    pub preferences: Vec<(String, String)>,
}

impl Options {
    /// For this proxy and its authority: a window on an empty page, a throw-away profile.
    pub fn new(proxy: SocketAddr, ca_pem: String, ca_spki_sha256_base64: String) -> Self {
        Self {
            proxy,
            ca_pem,
            ca_spki_sha256_base64,
            url: None,
            headless: false,
            kept: None,
            wired: false,
            arguments: Vec::new(),
            preferences: Vec::new(),
        }
    }
}

/// The way to ask a launched browser.
#[derive(Debug)]
pub enum Wire {
    /// Chromium's DevTools protocol: messages on a pair of pipes, each with a zero byte behind it.
    /// No port is open; when our end closes, the browser closes.
    Pipe {
        /// To the browser.
        to: ChildStdin,
        /// From the browser.
        from: ChildStdout,
    },
    /// Firefox's WebDriver BiDi on a port of loopback, which this file in the profile tells once the
    /// browser listens.
    Port {
        /// `WebDriverBiDiServer.json`.
        file: PathBuf,
    },
}

/// Why a browser does not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such browser is installed.
    #[error("{}", not_found(.wanted.as_deref(), .others))]
    NotFound {
        /// The one that was asked for, if one was.
        wanted: Option<String>,
        /// Those that are installed.
        others: Vec<String>,
    },
    /// The program that was named is not there.
    #[error(
        "{} is no program that can be run; give --browser the path of one, or a name such as firefox",
        .path.display()
    )]
    NoProgram {
        /// As named.
        path: PathBuf,
    },
    /// There is no screen to open a window on.
    #[error(
        "there is no display to open a browser window on (neither DISPLAY nor WAYLAND_DISPLAY is \
         set); add --headless to do without a window"
    )]
    NoDisplay,
    /// The kept profile is open already.
    #[error("the profile {} is open in another browser; close that one, or choose another name with --profile", .path.display())]
    InUse {
        /// Where it is kept.
        path: PathBuf,
    },
    /// What is packed as a snap or a flatpak does not see where profiles are kept.
    #[error(
        "{name} is a snap or flatpak, which cannot use a kept profile; leave --profile out, or choose another browser"
    )]
    Packed {
        /// Which browser.
        name: String,
    },
    /// The profile cannot be written.
    #[error("cannot write the browser's profile: {0}")]
    Profile(#[source] io::Error),
    /// The profile's certificate database cannot be written.
    #[error("cannot write the certificate into the browser's profile: {0}")]
    Trust(#[from] rusqlite::Error),
    /// The authority's certificate does not parse.
    #[error("the proxy's CA certificate is not a certificate in PEM")]
    Certificate,
    /// The program does not run.
    #[error("cannot run {}: {source}", .path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn not_found(wanted: Option<&str>, others: &[String]) -> String {
    match (wanted, others) {
        (Some(wanted), []) => format!(
            "{wanted} is not installed, nor any other browser that is known; install it or give \
             --browser the path of a program"
        ),
        (Some(wanted), others) => {
            let verb = if others.len() == 1 { "is" } else { "are" };
            let others = others.join(", ");
            format!("{wanted} is not installed; installed {verb} {others}: choose with --browser")
        }
        (None, _) => {
            let known: Vec<_> = Brand::ALL.iter().map(|b| b.id()).collect();
            format!(
                "no browser found; install one of {}, or give --browser the path of one",
                known.join(", ")
            )
        }
    }
}

/// A browser that was started here. When this is dropped the browser ends and its profile goes.
pub struct Running {
    program: Program,
    child: Child,
    nest: Nest,
    guard: Guard,
    wire: Option<Wire>,
    notes: Vec<String>,
    /// Number of its process group, which its helpers share.
    #[cfg(unix)]
    group: Option<u32>,
}

impl Running {
    /// Starts a browser. Within a tokio runtime.
    pub fn start(program: &Program, options: &Options) -> Result<Self, LaunchError> {
        if !options.headless && !has_display() {
            return Err(LaunchError::NoDisplay);
        }
        if options.kept.is_some() && program.pack != Pack::Plain {
            return Err(LaunchError::Packed {
                name: program.to_string(),
            });
        }
        let nest = Nest::make(program, options.kept.as_deref()).map_err(|error| match error {
            NestError::Io(error) => LaunchError::Profile(error),
            NestError::InUse => LaunchError::InUse {
                path: options.kept.clone().unwrap_or_default(),
            },
        })?;
        // A profile that was kept may tell where an earlier one listened.
        let _ = std::fs::remove_file(nest.profile().join(firefox::PORT_FILE));
        let mut notes = Vec::new();
        let profile = nest.profile();
        let arguments = match program.brand.family() {
            Family::Chromium => {
                let no_sandbox = is_root();
                if no_sandbox {
                    notes.push(format!(
                        "running as root, so {program} is started with --no-sandbox"
                    ));
                }
                chromium::prepare(profile)?;
                chromium::arguments(profile, options, no_sandbox)
            }
            Family::Firefox => {
                firefox::prepare(profile, options)?;
                firefox::arguments(profile, options)
            }
        };
        let wired = options.wired && program.has_wire();
        let piped = wired && program.brand.family() == Family::Chromium;
        let mut command = command(program, &arguments, piped);
        command.envs(nest.environment(program));
        if program.brand.family() == Family::Firefox {
            command.envs(firefox::ENVIRONMENT);
        }
        let mut child = command.spawn().map_err(|source| LaunchError::Start {
            path: program.path.clone(),
            source,
        })?;
        let wire = if piped {
            let ends = child.stdin.take().zip(child.stdout.take());
            ends.map(|(to, from)| Wire::Pipe { to, from })
        } else {
            wired.then(|| Wire::Port {
                file: profile.join(firefox::PORT_FILE),
            })
        };
        Ok(Self {
            guard: Guard::post(child.id(), nest.root()),
            #[cfg(unix)]
            group: child.id(),
            program: program.clone(),
            child,
            nest,
            wire,
            notes,
        })
    }

    /// The browser.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its profile.
    pub fn profile(&self) -> &Path {
        self.nest.profile()
    }

    /// What the user should be told about how it was started.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The way to ask it, if [`Options::wired`] asked for one and this browser has one; once.
    pub fn take_wire(&mut self) -> Option<Wire> {
        self.wire.take()
    }

    /// Its process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the user closes it.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to close, insists after a while, and removes the profile unless it is kept.
    pub async fn close(mut self) {
        self.ask_to_close();
        let asked = tokio::time::timeout(CLOSE_AT_MOST, self.child.wait()).await;
        if asked.is_err() {
            self.kill();
            let _ = self.child.wait().await;
        }
        self.end_helpers().await;
        self.guard.dismiss();
        for _ in 0..REMOVE_TRIES_AT_THE_END {
            if self.nest.remove() {
                break;
            }
            tokio::time::sleep(REMOVE_PAUSE).await;
        }
    }

    /// Ends what the browser left behind: its helpers write into the profile until they notice that
    /// it is gone, which can take them seconds. Called right after the browser was waited for, since
    /// its number belongs to the group as long as one of them lives and is not given anew that soon.
    #[cfg(unix)]
    async fn end_helpers(&self) {
        use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
        let group = self.group.and_then(|id| i32::try_from(id).ok());
        let Some(group) = group.and_then(Pid::from_raw) else {
            return;
        };
        for asked in 0..REMOVE_TRIES {
            // First they may end by themselves: a profile that is kept is still being written.
            let left = match asked * 4 / REMOVE_TRIES {
                0 => test_kill_process_group(group),
                1 | 2 => kill_process_group(group, Signal::TERM),
                _ => kill_process_group(group, Signal::KILL),
            };
            // Fails when nobody is left.
            if left.is_err() {
                break;
            }
            tokio::time::sleep(REMOVE_PAUSE).await;
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_async, reason = "as on Unix, where it waits")]
    async fn end_helpers(&self) {
        // There are no process groups.
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: rustix::process::Signal) {
        // Not after it was waited for: the number may be another process's by then.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended this moment; then there is nothing left to do.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    #[cfg(unix)]
    fn ask_to_close(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn ask_to_close(&mut self) {
        self.kill();
    }

    #[cfg(unix)]
    fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }

    #[cfg(not(unix))]
    fn kill(&mut self) {
        let _ = self.child.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        self.guard.dismiss();
        for _ in 0..REMOVE_TRIES {
            if self.nest.remove() {
                break;
            }
            std::thread::sleep(REMOVE_PAUSE);
        }
    }
}

impl Program {
    /// Whether it can be asked what it decided, through a [`Wire`]. A Chromium gets its pipes from a
    /// shell, which only Unix has; what is packed may not see them.
    pub fn has_wire(&self) -> bool {
        self.pack == Pack::Plain && (cfg!(unix) || self.brand.family() == Family::Firefox)
    }
}

/// `piped`: standard input and output become the pipes where Chromium looks for them.
fn command(program: &Program, arguments: &[String], piped: bool) -> Command {
    let mut command;
    if piped {
        command = Command::new("/bin/sh");
        let move_pipes = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
        command
            .args(["-c", move_pipes])
            .arg(&program.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
    } else {
        command = Command::new(&program.path);
        command.stdin(Stdio::null()).stdout(Stdio::null());
    }
    command
        .args(arguments)
        // What browsers complain about would be drawn over the screen.
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // Its own group: it can be ended with all its helpers, and the terminal's Ctrl-C is ours.
    #[cfg(unix)]
    command.process_group(0);
    command
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
