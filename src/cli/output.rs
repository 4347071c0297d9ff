//! Stdout is data, stderr is talk. A reader that went away is not an error.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};

use crate::wire::{json_escaped, spelled};

/// Writes data to stdout.
pub(super) fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    // JSON means the same with escapes in it, and a terminal may be what reads it.
    let text = if text.starts_with(['{', '[']) {
        json_escaped(text)
    } else {
        text.into()
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // `corscope diagnose … | head -1`: who asked has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

/// Writes text for people to stdout: coloured where that is wanted, and never able to steer the
/// terminal, whatever a server sent.
pub(super) fn prose(text: &str) -> Result<()> {
    data(&tamed(text))
}

/// Text for people as [`prose`] writes it.
pub(super) fn tamed(text: &str) -> String {
    let tame = spelled(text);
    if coloured() {
        paint(&tame)
    } else {
        tame.into_owned()
    }
}

// The first line of each block stands at the margin and begins with the outcome's glyph; labels are
// upper case at two spaces. Colour repeats what the glyph and the word say.
fn paint(text: &str) -> String {
    const RESET: &str = "\x1b[0m";
    let mut out = String::with_capacity(text.len() + 256);
    for line in text.lines() {
        let label = line.strip_prefix("  ").map_or(0, |rest| {
            rest.find(|c: char| !c.is_ascii_uppercase())
                .unwrap_or(rest.len())
        });
        let style = match line.chars().next() {
            Some('✖' | '!') => "\x1b[1;31m",
            Some('✔') => "\x1b[1;32m",
            Some('?' | '◌' | '⚠') => "\x1b[1;33m",
            _ => "",
        };
        if !style.is_empty() {
            out.extend([style, line, RESET]);
        } else if label > 1 {
            out.extend(["  \x1b[1m", &line[2..2 + label], RESET, &line[2 + label..]]);
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Says something to the person, on stderr, as a line of its own. If nobody listens it is lost,
/// which is what they asked for.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", spelled(text));
}

/// Says why it did not work, in one sentence.
pub(super) fn complain(error: &anyhow::Error) {
    say(&format!("corscope: {}", sentence(error)));
}

/// What the system says, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Whether stdout and stdin are a terminal that a screen can be drawn on.
pub(super) fn on_a_terminal() -> bool {
    io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// Whether text for people on stdout may be coloured.
pub(super) fn coloured() -> bool {
    let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    !asked_not_to && !dumb && io::stdout().is_terminal()
}

// The chain from what was tried to what the system said, on one line; a cause that its outer error
// already quotes is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for link in error.chain() {
        let link = link.to_string().replace(['\n', '\r'], " ");
        if text.is_empty() {
            text = link;
        } else if !text.contains(&link) {
            text.push_str(": ");
            text.push_str(&link);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_changes_no_text() {
        let text = "✖ GET x\n  CAUSE     why\n            more\nPlain\n";
        let painted = paint(text);
        let bare: String = painted
            .split('\x1b')
            .enumerate()
            .map(|(at, part)| {
                if at == 0 {
                    part
                } else {
                    part.split_once('m').map_or(part, |p| p.1)
                }
            })
            .collect();
        assert_eq!(bare, text);
        assert!(painted.contains("\x1b[1mCAUSE\x1b[0m"));
        // What is only worth knowing does not look as bad as what will not work.
        assert!(paint("⚠ port x\n").starts_with("\x1b[1;33m"));
        assert!(paint("✖ port x\n").starts_with("\x1b[1;31m"));
    }

    #[test]
    fn a_chain_is_one_line_without_repeats() {
        let error = anyhow::anyhow!("refused")
            .context("cannot bind: refused")
            .context("no\nproxy");
        assert_eq!(sentence(&error), "no proxy: cannot bind: refused");
    }
}
