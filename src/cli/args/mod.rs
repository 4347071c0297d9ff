//! The command line as typed. What it means is for [`config`](super::config).

mod capturing;
mod keeping;
mod papers;
mod recording;
mod trust;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::audit::AuditArgs;
use super::check::CheckArgs;
use super::compare::CompareArgs;
use super::replay::ReplayArgs;
use crate::cors::Browser;
use crate::launch::{Brand, Edition, Wish};
use crate::tui::ThemeChoice;
pub(super) use capturing::{CaptureArgs, DoorArgs, WayArgs};
pub(super) use keeping::KeepingArgs;
pub(super) use papers::{ExportArgs, HidingArgs, Paper, RedactArgs, SessionsArgs, SessionsCommand};
pub(super) use recording::{RecordArgs, RecordFormat, Rotation};
pub(super) use trust::{CaChangeArgs, CaCommand, CaStatusArgs, DoctorArgs};

const EXAMPLES: &str = "\
Examples:
  corscope demo                              broken APIs on loopback, explained on the screen
  corscope                                   proxy on 127.0.0.1:8080 and the screen
  corscope http://localhost:3000             the same, and a browser of its own opens that page
  corscope record --out cart.corscope        no screen; Ctrl-C ends it
  corscope diagnose cart.corscope            what was blocked, why, and what mends it
  corscope diagnose devtools.har --format json

Exit status: 0 nothing is blocked, 1 something is, 2 corscope could not do it.";

/// Names the real cause of "blocked by CORS policy".
#[derive(Debug, Parser)]
#[command(name = "corscope", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Page to open in a browser with a throw-away profile that uses the proxy
    pub(super) url: Option<String>,
    /// Whose rules to judge by, whoever asks: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(super) screen: ScreenArgs,
    #[command(flatten)]
    pub(super) capture: CaptureArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Proxy, screen, and a browser in a throw-away profile that needs no set-up
    Open(OpenArgs),
    /// Broken APIs on loopback, called through the real proxy, explained on the screen
    Demo(DemoArgs),
    /// Capture without a screen, until Ctrl-C
    Record(RecordArgs),
    /// In front of one server, for clients that cannot set a proxy; the same screen
    Reverse(ReverseArgs),
    /// Show a recorded session or a HAR file on the screen
    View(ViewArgs),
    /// Say what a session or HAR file shows: what was blocked, why, what mends it
    Diagnose(DiagnoseArgs),
    /// Ask a live server what a browser would ask, and judge its answers; no capture needed
    Check(CheckArgs),
    /// The checklist before a deployment, by asking the live server
    Audit(AuditArgs),
    /// Do a recorded fetch again, as the browser and as curl, and compare
    Replay(ReplayArgs),
    /// Compare two captures: what got worse, what was mended, what else moved
    Compare(CompareArgs),
    /// Write a capture as HAR, report, JSON or commands; without secrets unless asked
    Export(ExportArgs),
    /// Copy a HAR file of any tool without the secrets in it
    Redact(RedactArgs),
    /// List the sessions that are kept, do away with old ones, rename one
    Sessions(SessionsArgs),
    /// The page about one cause, such as missing-allow-origin; without ID the list of all
    Explain(ExplainArgs),
    /// Is everything ready, and if not, what is the next step
    Doctor(DoctorArgs),
    /// The local certificate authority
    Ca {
        #[command(subcommand)]
        what: CaCommand,
    },
    /// Print a script with which a shell completes commands and flags
    Completions(CompletionsArgs),
    /// Print the manual page, of all or of one command
    Man(ManArgs),
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope completions bash > ~/.local/share/bash-completion/completions/corscope
  corscope completions zsh > ~/.zfunc/_corscope
  corscope completions fish > ~/.config/fish/completions/corscope.fish")]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope man > ~/.local/share/man/man1/corscope.1
  corscope man record > ~/.local/share/man/man1/corscope-record.1
  corscope man ca install | man -l -")]
pub(super) struct ManArgs {
    /// A command, such as record, or ca install [default: the program]
    #[arg(value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

/// Flags of every command that has a screen.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Screen")]
pub(super) struct ScreenArgs {
    /// auto, dark, light, high-contrast, colour-blind or mono [default: as the terminal is]
    #[arg(long, value_name = "NAME", value_parser = theme)]
    pub(super) theme: Option<ThemeChoice>,
    /// Draw with ASCII only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Configuration to read (or CORSCOPE_CONFIG) [default: config.toml, per XDG]
    #[arg(long, value_name = "FILE", env = "CORSCOPE_CONFIG", hide_env = true)]
    pub(super) config: Option<PathBuf>,
}

/// Where corscope keeps what it keeps.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct PlaceArgs {
    /// Where authority and sessions are kept (or CORSCOPE_DATA_DIR) [default: per XDG]
    #[arg(long, value_name = "DIR", env = "CORSCOPE_DATA_DIR", hide_env = true)]
    pub(super) data_dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope open http://localhost:3000
  corscope open --browser firefox https://app.test
  corscope open --browser chrome-beta --profile work https://app.test")]
pub(super) struct OpenArgs {
    /// Page to open
    pub(super) url: Option<String>,
    /// chrome, chromium, edge, brave, vivaldi, opera or firefox, with -beta, -developer, -nightly or
    /// -esr behind it if that is meant; or a program's path [default: the first that is found]
    #[arg(long, value_name = "NAME", value_parser = wish)]
    pub(super) browser: Option<Wish>,
    /// Keep the browser's profile under this name, for the next time [default: a throw-away one]
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    pub(super) profile: Option<String>,
    /// Do not ask the browser what it did with each request and why
    #[arg(long)]
    pub(super) no_ask: bool,
    /// The browser opens no window
    #[arg(long)]
    pub(super) headless: bool,
    #[command(flatten)]
    pub(super) screen: ScreenArgs,
    #[command(flatten)]
    pub(super) capture: CaptureArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope demo                        a client that follows the browsers' rules makes the calls
  corscope demo --browser firefox      a real Firefox loads the page
  corscope demo --once --format json   no screen: print the verdicts and leave")]
pub(super) struct DemoArgs {
    /// A real browser makes the calls: chromium, firefox...
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "any",
          value_parser = wanted)]
    pub(super) browser: Option<Wanted>,
    /// The browser opens no window
    #[arg(long, requires = "browser")]
    pub(super) headless: bool,
    /// No screen: make every call once, print the verdicts, leave
    #[arg(long)]
    pub(super) once: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "once")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) screen: ScreenArgs,
    #[command(flatten)]
    pub(super) capture: CaptureArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope reverse --to http://localhost:8000 --listen 127.0.0.1:9000
  corscope reverse --to https://api.app.test --out api.corscope

Every path goes to that server. Host becomes the server's (--keep-host: stays as it came); nothing else
is changed, so redirects and links that name the server lead past corscope. Clients may use http or
https; for https they must trust corscope's authority.")]
pub(super) struct ReverseArgs {
    /// The server everything goes to
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// Leave the Host header as the client sent it
    #[arg(long)]
    pub(super) keep_host: bool,
    /// No screen: record into this file, which must not exist, until Ctrl-C
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Whose rules to judge by, whoever asks: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(super) screen: ScreenArgs,
    #[command(flatten)]
    pub(super) capture: CaptureArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ViewArgs {
    /// A recorded session, or a HAR file of any tool (gzip is fine)
    #[arg(required_unless_present = "last")]
    pub(super) file: Option<PathBuf>,
    /// The session that was recorded last
    #[arg(long, conflicts_with = "file")]
    pub(super) last: bool,
    /// Whose rules to judge by, whoever asked: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(super) screen: ScreenArgs,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope diagnose cart.corscope
  corscope diagnose devtools.har --format json
  curl -s https://ci.test/run.har.gz | corscope diagnose - --format ndjson

Secrets become pseudonyms unless --secrets, so that what is printed can be pasted anywhere.
Exit status: 0 nothing is blocked, 1 something is, 2 corscope could not do it.")]
pub(super) struct DiagnoseArgs {
    /// A recorded session, or a HAR file of any tool (gzip is fine); - reads a HAR from stdin
    pub(super) file: PathBuf,
    /// How to print the verdicts
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Whose rules to judge by, whoever asked: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(super) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(super) hiding: HidingArgs,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ExplainArgs {
    /// Id of a cause as printed in verdicts, or a line pasted from the browser's console
    #[arg(value_name = "ID|TEXT")]
    pub(super) text: Vec<String>,
}

/// A family of browsers whose rules can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BrowserName {
    Chromium,
    Firefox,
    Safari,
}

impl From<BrowserName> for Browser {
    fn from(name: BrowserName) -> Self {
        match name {
            BrowserName::Chromium => Self::Chromium,
            BrowserName::Firefox => Self::Firefox,
            BrowserName::Safari => Self::Safari,
        }
    }
}

/// The browser that is wanted: this one, or the first that is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted(pub(super) Wish);

/// How verdicts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// One fetch per line.
    Ndjson,
}

/// How single facts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LineFormat {
    Text,
    Json,
}

fn theme(name: &str) -> Result<ThemeChoice, String> {
    let known = ThemeChoice::ALL.map(ThemeChoice::name);
    ThemeChoice::from_name(name).ok_or_else(|| format!("it is one of {}", known.join(", ")))
}

fn wanted(id: &str) -> Result<Wanted, String> {
    Ok(Wanted(if id == "any" { Wish::Any } else { wish(id)? }))
}

fn wish(text: &str) -> Result<Wish, String> {
    Wish::parse(text).ok_or_else(|| {
        let brands: Vec<&str> = Brand::ALL.iter().map(|b| b.id()).collect();
        let editions: Vec<_> = Edition::ALL[1..].iter().map(|e| e.id()).collect();
        format!(
            "it is one of {}, perhaps with -{} behind it, or the path of a program",
            brands.join(", "),
            editions.join(", -")
        )
    })
}

// It becomes the name of a directory.
fn profile_name(name: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(fine) {
        return Err(
            "a name has up to 64 letters, digits, -, _ and ., and begins with no dot".into(),
        );
    }
    Ok(name.to_owned())
}

// `30s`, `500ms`, `2m`, `1h`; a bare number means seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write it as 500ms, 30s, 2m, 1h or 7d".into()),
    };
    let seconds = number.parse::<f64>().ok().map(|n| n * factor);
    match seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(time)) if !time.is_zero() => Ok(time),
        _ => Err("write it as 500ms, 30s, 2m, 1h or 7d".into()),
    }
}

// `500MB`, `10GB`; a bare number means bytes.
fn size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        _ => return Err("write it as 500MB or 10GB".into()),
    };
    match number.parse::<f64>() {
        Ok(number) if number * factor < 1e18 => Ok((number * factor) as u64),
        _ => Err("write it as 500MB or 10GB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_agrees_with_itself() {
        Args::command().debug_assert();
    }

    #[test]
    fn durations() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        assert_eq!(duration("30d"), Ok(Duration::from_hours(720)));
        assert_eq!((size("1.5GB"), size("7")), (Ok(1_500_000_000), Ok(7)));
        assert!(size("GB").is_err() && size("1 apple").is_err() && size("9e9TB").is_err());
        for wrong in ["", "s", "0s", "-1s", "5 days", "1e9h", "..s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_and_a_command_are_told_apart() {
        let typed =
            |words: &[&str]| Args::try_parse_from(words).map(|a| (a.command.is_some(), a.url));
        assert_eq!(typed(&["corscope"]).ok(), Some((false, None)));
        assert_eq!(
            typed(&["corscope", "http://localhost:3000"]).ok(),
            Some((false, Some("http://localhost:3000".into())))
        );
        assert_eq!(
            typed(&["corscope", "demo", "--browser", "--once"]).ok(),
            Some((true, None))
        );
    }
}
