//! One argument, written so that a shell hands it over as it is.

use std::fmt::Write as _;

use crate::wire::is_treacherous;

/// Whose rules of quoting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// sh, bash, zsh, dash.
    #[default]
    Posix,
    /// fish, where a backslash means something between single quotes.
    Fish,
    /// The command prompt of Windows.
    Cmd,
    /// PowerShell, old and new.
    PowerShell,
}

impl Quoting {
    /// All of them, for lists.
    pub const ALL: [Self; 4] = [Self::Posix, Self::Fish, Self::Cmd, Self::PowerShell];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posix => "sh",
            Self::Fish => "fish",
            Self::Cmd => "cmd",
            Self::PowerShell => "powershell",
        }
    }

    /// The one this system's terminals understand.
    pub fn of_this_system() -> Self {
        if cfg!(windows) {
            Self::PowerShell
        } else {
            Self::Posix
        }
    }

    /// Between two arguments, where a line is continued on the next.
    pub(super) fn continued(self) -> &'static str {
        match self {
            Self::Posix | Self::Fish => " \\\n  ",
            Self::Cmd => " ^\n  ",
            Self::PowerShell => " `\n  ",
        }
    }

    /// An argument that reads back as this text. No shell hands over NUL; it is left out.
    pub fn quote(self, text: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
        if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
            return text.to_owned();
        }
        let text = text.replace('\0', "");
        match self {
            Self::Posix => {
                let quoted = format!("'{}'", text.replace('\'', "'\\''"));
                spell(&quoted, |c, out| {
                    let mut octal = String::new();
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        let _ = write!(octal, "\\{byte:03o}");
                    }
                    let _ = write!(out, "'\"$(printf '{octal}')\"'");
                })
            }
            Self::Fish => {
                let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
                spell(&format!("'{escaped}'"), |c, out| {
                    let _ = write!(out, "'\\U{:08x}'", u32::from(c));
                })
            }
            Self::PowerShell => powershell(&text),
            Self::Cmd => cmd(&text),
        }
    }
}

// A command is pasted by people who see what it does: characters that steer a terminal or hide
// something are spelled, by what the shell has for that.
fn spell(quoted: &str, write: impl Fn(char, &mut String)) -> String {
    let hostile = |c: char| is_treacherous(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
    if !quoted.contains(hostile) {
        return quoted.to_owned();
    }
    let mut out = String::with_capacity(quoted.len() + 32);
    for c in quoted.chars() {
        if hostile(c) {
            write(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out
}

// PowerShell takes typographic quotes for quotes (about_Quoting_Rules).
fn powershell(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    // Its plain strings have no escapes: what is spelled is put together, in an expression.
    let spelled = spell(&out, |c, out| {
        let number = u32::from(c);
        let _ = match number {
            0x1_0000.. => write!(out, "' + [char]::ConvertFromUtf32(0x{number:x}) + '"),
            _ => write!(out, "' + [char]0x{number:x} + '"),
        };
    });
    if spelled == out {
        return out;
    }
    format!("({spelled})")
}

// Two readers come one after the other: cmd, for which carets make every special character plain
// (its own quotes included, so that it is never between quotes), then the program, which splits its
// command line by the rules of the C runtime: backslashes count only before a quote.
fn cmd(text: &str) -> String {
    let mut argument = String::from("\"");
    let mut backslashes = 0;
    for c in text.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                argument.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        argument.push(c);
    }
    argument.extend(std::iter::repeat_n('\\', backslashes));
    argument.push('"');
    let mut out = String::new();
    for c in argument.chars() {
        match c {
            // A caret takes a line break's meaning; the break itself has to come again.
            '\n' => out.push_str("^\n\n"),
            '\r' => {}
            '"' | '^' | '&' | '|' | '<' | '>' | '(' | ')' | '%' | '!' => {
                out.push('^');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_needs_no_quotes_has_none() {
        for quoting in Quoting::ALL {
            assert_eq!(
                quoting.quote("https://a.test:1/x-y_z"),
                "https://a.test:1/x-y_z"
            );
            assert_ne!(quoting.quote(""), "");
            assert_ne!(quoting.quote("-X"), "-X");
        }
        assert_eq!(Quoting::Posix.quote("it's"), "'it'\\''s'");
        assert_eq!(Quoting::Fish.quote("it's \\"), "'it\\'s \\\\'");
        assert_eq!(
            Quoting::PowerShell.quote("it\u{2019}s 'x'"),
            "'it\u{2019}\u{2019}s ''x'''"
        );
        assert_eq!(
            Quoting::Cmd.quote("a\"b & %PATH%"),
            "^\"a\\^\"b ^& ^%PATH^%^\""
        );
    }

    // What cmd makes of a line it reads outside of quotes.
    fn cmd_reads(line: &str) -> Option<String> {
        let mut out = String::new();
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '^' => match chars.next()? {
                    '\n' => out.push(chars.next()?),
                    escaped => out.push(escaped),
                },
                '"' | '&' | '|' | '<' | '>' | '%' | '\n' => return None,
                c => out.push(c),
            }
        }
        Some(out)
    }

    // The arguments the C runtime of Windows makes of a command line.
    fn runtime_reads(line: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        let (mut current, mut quoted, mut some) = (String::new(), false, false);
        let mut backslashes = 0;
        for c in line.chars() {
            if c == '\\' {
                backslashes += 1;
                continue;
            }
            if c == '"' {
                current.extend(std::iter::repeat_n('\\', backslashes / 2));
                if backslashes % 2 == 1 {
                    current.push('"');
                } else {
                    quoted = !quoted;
                }
                some = true;
            } else {
                current.extend(std::iter::repeat_n('\\', backslashes));
                if c == ' ' && !quoted {
                    if some || !current.is_empty() {
                        arguments.push(std::mem::take(&mut current));
                    }
                    some = false;
                } else {
                    current.push(c);
                }
            }
            backslashes = 0;
        }
        current.extend(std::iter::repeat_n('\\', backslashes));
        if some || !current.is_empty() {
            arguments.push(current);
        }
        arguments
    }

    #[test]
    fn powershell_puts_together_what_would_steer_a_terminal() {
        for (text, quoted) in [
            ("it's\u{1b}[2J", "('it''s' + [char]0x1b + '[2J')"),
            ("\u{202e}", "('' + [char]0x202e + '')"),
            (
                "a\u{e0041}b",
                "('a' + [char]::ConvertFromUtf32(0xe0041) + 'b')",
            ),
            ("a\tb\nc", "'a\tb\nc'"),
        ] {
            assert_eq!(Quoting::PowerShell.quote(text), quoted);
        }
    }

    proptest! {
        #[test]
        fn the_command_prompt_reads_it_back(text in r#"[a-c \\"^&|<>%!()'\n*-]{0,24}"#) {
            let line = format!("x {} y", Quoting::Cmd.quote(&text));
            let seen = cmd_reads(&line).expect("nothing special is left to cmd");
            prop_assert_eq!(runtime_reads(&seen), vec!["x".to_owned(), text, "y".to_owned()]);
        }

        #[test]
        fn powershell_and_fish_read_it_back(text in "[a-c '\\\\\"$`\u{2018}\u{201b}\n]{0,24}") {
            let quoted = Quoting::PowerShell.quote(&text);
            if let Some(inner) = quoted.strip_prefix('\'').and_then(|q| q.strip_suffix('\'')) {
                let mut chars = inner.chars();
                let mut read = String::new();
                while let Some(c) = chars.next() {
                    if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                        prop_assert_eq!(chars.next(), Some(c));
                    }
                    read.push(c);
                }
                prop_assert_eq!(read, text.clone());
            }
            let quoted = Quoting::Fish.quote(&text);
            if let Some(inner) = quoted.strip_prefix('\'').and_then(|q| q.strip_suffix('\'')) {
                let mut chars = inner.chars();
                let mut read = String::new();
                while let Some(c) = chars.next() {
                    prop_assert_ne!(c, '\'');
                    read.push(if c == '\\' { chars.next().expect("escaped") } else { c });
                }
                prop_assert_eq!(read, text);
            }
        }
    }
}
