//! Finding and starting a browser in a throw-away profile that uses the proxy and trusts its
//! authority. Nothing on the system and nothing in the user's own profile changes.

mod chromium;
mod find;
mod firefox;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

pub use find::{Brand, Family, Program};

/// How long a browser may take to close after it was asked to.
const CLOSE_AT_MOST: Duration = Duration::from_secs(3);
/// How often, and after which pause, removing the profile is tried: helper processes of a browser
/// that just ended may still write into it.
const REMOVE_TRIES: u32 = 40;
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
    /// Further arguments of the command line.
    pub arguments: Vec<String>,
    /// Further preferences for Firefox: name, and value as JavaScript.
    pub preferences: Vec<(String, String)>,
}

/// Why a browser does not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such browser is installed.
    #[error("{}", not_found(*.brand))]
    NotFound {
        /// The one that was asked for, if one was.
        brand: Option<Brand>,
    },
    /// There is no screen to open a window on.
    #[error("there is no display to open a browser window on; add --headless to do without")]
    NoDisplay,
    /// The profile cannot be written.
    #[error("cannot write the browser's throw-away profile: {0}")]
    Profile(#[source] io::Error),
    /// The profile's certificate database cannot be written.
    #[error("cannot write the certificate into the browser's throw-away profile: {0}")]
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

fn not_found(brand: Option<Brand>) -> String {
    if let Some(brand) = brand {
        return format!(
            "{} is not installed; install it or choose another browser with --browser",
            brand.id()
        );
    }
    let known: Vec<_> = Brand::ALL.iter().map(|b| b.id()).collect();
    format!("no browser found; install one of {}", known.join(", "))
}

/// A browser that was started here. When this is dropped the browser ends and its profile goes.
pub struct Running {
    program: Program,
    child: Child,
    profile: Option<TempDir>,
    notes: Vec<String>,
}

impl Running {
    /// Starts a browser. Within a tokio runtime.
    pub fn start(program: &Program, options: &Options) -> Result<Self, LaunchError> {
        if !options.headless && !has_display() {
            return Err(LaunchError::NoDisplay);
        }
        let profile = new_profile(program).map_err(LaunchError::Profile)?;
        let mut notes = Vec::new();
        let arguments = match program.brand.family() {
            Family::Chromium => {
                let no_sandbox = is_root();
                if no_sandbox {
                    notes.push(format!(
                        "running as root, so {} is started with --no-sandbox",
                        program.brand.id()
                    ));
                }
                chromium::arguments(profile.path(), options, no_sandbox)
            }
            Family::Firefox => {
                firefox::prepare(profile.path(), options)?;
                firefox::arguments(profile.path(), options)
            }
        };
        let mut command = Command::new(&program.path);
        command
            .args(arguments)
            .stdin(Stdio::null())
            // What browsers complain about would be drawn over the screen.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // Its own group: it can be ended with all its helpers, and the terminal's Ctrl-C is ours.
        #[cfg(unix)]
        command.process_group(0);
        // Both write a little outside their profile, else.
        command
            .env("BREAKPAD_DUMP_LOCATION", profile.path())
            .env("XDG_CACHE_HOME", profile.path().join("cache"));
        if program.brand.family() == Family::Firefox {
            // Makes the preference for the settings server count; else it is asked dozens of times.
            command.env("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1");
        }
        let child = command.spawn().map_err(|source| LaunchError::Start {
            path: program.path.clone(),
            source,
        })?;
        Ok(Self {
            program: program.clone(),
            child,
            profile: Some(profile),
            notes,
        })
    }

    /// The browser.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its throw-away profile.
    pub fn profile(&self) -> &Path {
        self.profile.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// What the user should be told about how it was started.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Waits until the user closes it.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to close, insists after a while, and removes the profile.
    pub async fn close(mut self) {
        self.ask_to_close();
        if tokio::time::timeout(CLOSE_AT_MOST, self.child.wait())
            .await
            .is_err()
        {
            self.kill();
            let _ = self.child.wait().await;
        }
        if let Some(profile) = self.profile.take() {
            for _ in 0..REMOVE_TRIES {
                if remove(profile.path()) {
                    break;
                }
                tokio::time::sleep(REMOVE_PAUSE).await;
            }
        }
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
        if let Some(profile) = self.profile.take() {
            for _ in 0..REMOVE_TRIES {
                if remove(profile.path()) {
                    break;
                }
                std::thread::sleep(REMOVE_PAUSE);
            }
        }
    }
}

/// Whether the directory is gone.
fn remove(dir: &Path) -> bool {
    let _ = std::fs::remove_dir_all(dir);
    !dir.exists()
}

fn new_profile(program: &Program) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("corscope-browser-");
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match program.snap().zip(home) {
        Some((snap, home)) => {
            let own = home.join("snap").join(snap).join("common");
            std::fs::create_dir_all(&own)?;
            builder.tempdir_in(own)
        }
        None => builder.tempdir(),
    }
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
