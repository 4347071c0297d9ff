//! A watchman for the case that corscope dies without a word (killed, crashed): it ends the browser
//! and removes its directory then.
//!
//! It is a shell that reads from a pipe whose other end corscope holds: however corscope ends, the
//! system closes that pipe. A signal to the parent's death exists on Linux only, and cannot be asked
//! for without unsafe code. Other systems do without; there the directory is swept at the next start.

use std::path::Path;

use tokio::process::Child;

/// While this lives, the browser does not outlive corscope.
pub(super) struct Guard(Option<Child>);

/// `$1` is the process group, `$2` the directory. It waits up to three seconds for the group to end
/// when asked, and removes again what its last helpers may still have written.
#[cfg(unix)]
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT
while read -r _; do :; done
kill -TERM -"$1" 2>/dev/null
n=0
while [ $n -lt 30 ] && kill -0 -"$1" 2>/dev/null; do sleep 0.1 || sleep 1; n=$((n + 1)); done
kill -KILL -"$1" 2>/dev/null
rm -rf -- "$2"
n=0
while [ $n -lt 5 ] && [ -e "$2" ]; do sleep 1; rm -rf -- "$2"; n=$((n + 1)); done
"#;

impl Guard {
    /// Posts a watchman; where there is no shell there is none.
    #[cfg(unix)]
    pub(super) fn post(group: Option<u32>, dir: &Path) -> Self {
        use std::process::Stdio;
        let Some(group) = group.filter(|id| *id > 1) else {
            return Self(None);
        };
        let mut command = tokio::process::Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "corscope-guard"])
            .arg(group.to_string())
            .arg(dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its own group: what ends corscope from the terminal must not end it first.
            .process_group(0);
        Self(command.spawn().ok())
    }

    #[cfg(not(unix))]
    pub(super) fn post(_group: Option<u32>, _dir: &Path) -> Self {
        Self(None)
    }

    /// The browser has ended, and its number may soon be another's: nobody is to be ended any more.
    pub(super) fn dismiss(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.start_kill();
            // tokio reaps it once it is dropped.
        }
    }
}
