//! Text on the clipboard, by every way there is; says which way it went.
//!
//! OSC 52 asks the terminal itself, which works over SSH too, but no terminal says whether it
//! listened. Where the clipboard of this machine is the person's own, its own command is asked as
//! well, and inside tmux, tmux, which by default does not pass OSC 52 on.

use std::env;
use std::io::{self, Write, stdout};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::size;

/// More than this many bytes are not copied: terminals cut OSC 52 at about 100 kB without a word, and
/// base64 adds a third.
const COPY_BYTES_MAX: usize = 74_000;
/// How long a command may take before it is left alone.
const COMMAND_AT_MOST: Duration = Duration::from_millis(500);

/// Copies; returns what to tell the person. `what` is what it is, in a few words.
pub(super) fn copy(text: &str, what: &str) -> io::Result<String> {
    let (text, whole) = (cut(text), text.len());
    let mut ways = vec!["the terminal (OSC 52)".to_owned()];
    let mut out = stdout();
    out.write_all(sequence(text).as_bytes())?;
    out.flush()?;
    for command in commands(|name| env::var_os(name).is_some_and(|value| !value.is_empty())) {
        if given_to(command, text) {
            ways.push(command[0].to_owned());
        }
    }
    let bytes = size(text.len() as u64);
    let how_much = if text.len() < whole {
        format!("only the first {bytes} of {}", size(whole as u64))
    } else {
        bytes
    };
    Ok(format!(
        "copied {what} ({how_much}) through {}",
        ways.join(" and ")
    ))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(COPY_BYTES_MAX.min(text.len()))]
}

/// XTerm's "Manipulate Selection Data": `c` is the clipboard.
fn sequence(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

/// The commands that reach the person's clipboard; `has` tells of an environment variable.
fn commands(has: impl Fn(&str) -> bool) -> Vec<&'static [&'static str]> {
    let mut commands: Vec<&'static [&'static str]> = Vec::new();
    if has("TMUX") {
        // -w: to the terminal's clipboard as well.
        commands.push(&["tmux", "load-buffer", "-w", "-"]);
    }
    // The clipboard of the machine at the far end is nobody's.
    if has("SSH_CONNECTION") || has("SSH_TTY") {
        return commands;
    }
    if cfg!(target_os = "macos") {
        commands.push(&["pbcopy"]);
    } else if cfg!(windows) || has("WSL_DISTRO_NAME") {
        commands.push(&["clip.exe"]);
    } else if has("WAYLAND_DISPLAY") {
        commands.push(&["wl-copy"]);
    } else if has("DISPLAY") {
        commands.push(&["xclip", "-selection", "clipboard"]);
    }
    commands
}

fn given_to(command: &[&str], text: &str) -> bool {
    let child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return false;
    };
    // What fits no pipe waits for its reader, and the screen must not: on a thread of its own.
    let (stdin, text) = (child.stdin.take(), text.to_owned());
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(text.as_bytes())));
    let done = ended_well(&mut child);
    if !done {
        // Not there, or stuck: nothing of it may stay.
        let _ = child.kill();
        let _ = child.wait();
    }
    let _ = writer.join();
    done
}

fn ended_well(child: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < COMMAND_AT_MOST {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(environment: &[&str]) -> Vec<&'static str> {
        let commands = commands(|name| environment.contains(&name));
        commands.iter().map(|command| command[0]).collect()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_clipboard_of_a_far_machine_is_left_alone() {
        assert_eq!(asked(&["DISPLAY"]), ["xclip"]);
        assert_eq!(asked(&["DISPLAY", "WAYLAND_DISPLAY"]), ["wl-copy"]);
        assert_eq!(asked(&["TMUX", "SSH_TTY", "DISPLAY"]), ["tmux"]);
        assert_eq!(asked(&["SSH_CONNECTION", "WAYLAND_DISPLAY"]), [""; 0]);
        assert_eq!(asked(&[]), [""; 0]);
    }

    #[test]
    fn what_is_copied_is_bounded_and_whole_characters() {
        let text = "é".repeat(COPY_BYTES_MAX);
        assert_eq!(cut(&text).len(), COPY_BYTES_MAX);
        assert_eq!(cut("aé"), "aé");
        assert_eq!(sequence("hi"), "\x1b]52;c;aGk=\x07");
    }

    #[test]
    #[cfg(unix)]
    fn a_command_that_fails_or_hangs_is_no_way() {
        assert!(given_to(&["cat"], &"x".repeat(COPY_BYTES_MAX)));
        assert!(!given_to(&["false"], "x"));
        assert!(!given_to(&["no-such-command-anywhere"], "x"));
        assert!(!given_to(&["sleep", "60"], &"x".repeat(COPY_BYTES_MAX)));
    }
}
