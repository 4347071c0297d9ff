//! The command lines of what is kept and of what leaves: `export`, `redact`, `sessions`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{BrowserName, LineFormat, PlaceArgs, duration, size};
use crate::report::Quoting;

/// What is hidden in what leaves.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Secrets")]
pub(in crate::cli) struct HidingArgs {
    /// Leave passwords, tokens, cookies and keys in
    #[arg(long, conflicts_with_all = ["hide", "hide_emails"])]
    pub(in crate::cli) secrets: bool,
    #[command(flatten)]
    pub(in crate::cli) more: HideArgs,
}

/// What is hidden beyond passwords, tokens, cookies and keys.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Secrets")]
pub(in crate::cli) struct HideArgs {
    /// Hide what this regular expression (or its groups) matches too; repeatable
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) hide: Vec<String>,
    /// Hide e-mail addresses too
    #[arg(long)]
    pub(in crate::cli) hide_emails: bool,
}

impl From<HideArgs> for HidingArgs {
    fn from(more: HideArgs) -> Self {
        Self {
            secrets: false,
            more,
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope redact devtools.har --out shareable.har
  corscope redact run.har.gz --hide 'employee ([A-Z]{2}[0-9]+)' --hide-emails > shareable.har

Nothing else of the file changes, and it is diagnosed as before.")]
pub(in crate::cli) struct RedactArgs {
    /// A HAR file of any tool (gzip is fine); - reads stdin
    pub(in crate::cli) file: PathBuf,
    /// File to write, which must not exist [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) hiding: HideArgs,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope export cart.corscope --to har --out cart.har
  corscope export cart.corscope --to md --fetch 3
  corscope export cart.corscope --to html --out cart.html
  corscope export devtools.har --to ndjson | jq .cause.check

Secrets become pseudonyms: the same secret the same pseudonym, so that they still compare.
Own patterns, one to a line, are read from redact.txt in the configuration directory.")]
pub(in crate::cli) struct ExportArgs {
    /// A recorded session, or a HAR file of any tool (gzip is fine); - reads a HAR from stdin
    pub(in crate::cli) file: PathBuf,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) to: Paper,
    /// File to write, which must not exist [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Only this fetch
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) fetch: Option<u32>,
    /// Whose quotes the commands of curl and HTTPie have [default: those of this system]
    #[arg(long, value_name = "SHELL")]
    pub(in crate::cli) shell: Option<Shell>,
    /// Whose rules to judge by, whoever asked: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(in crate::cli) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(in crate::cli) hiding: HidingArgs,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope sessions
  corscope sessions prune --older-than 7d --keep 1GB
  corscope sessions rename 2026-11-23_12-05-23 cart-bug

Nothing is removed unless prune is asked for.")]
pub(in crate::cli) struct SessionsArgs {
    #[command(subcommand)]
    pub(in crate::cli) what: Option<SessionsCommand>,
    /// How to print the list: text, or json with one session per line [default: text]
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(in crate::cli) format: LineFormat,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SessionsCommand {
    /// Remove old sessions, and the oldest of too many
    Prune {
        /// Remove those that nobody wrote to for this time
        #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration)]
        older_than: Duration,
        /// Keep the newest up to this size in all
        #[arg(long, value_name = "SIZE", default_value = "10GB", value_parser = size)]
        keep: u64,
        /// Say what would go, remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give a session a name
    Rename {
        /// Its name now
        from: String,
        /// Its new name
        to: String,
    },
}

/// A kind of paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Paper {
    /// HAR 1.2, for DevTools and other tools
    Har,
    /// A report in Markdown, to be pasted into an issue
    Md,
    /// The same as one HTML file, for the screen and for paper
    Html,
    /// All verdicts in one document
    Json,
    /// One fetch per line
    Ndjson,
    /// Commands that send the requests again
    Curl,
    /// The same for HTTPie
    Httpie,
    /// Calls of fetch(), for the console of the page's browser
    Fetch,
    /// Commands for PowerShell without curl
    Powershell,
}

/// A family of shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Shell {
    Sh,
    Fish,
    Cmd,
    Powershell,
}

impl From<Shell> for Quoting {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Sh => Self::Posix,
            Shell::Fish => Self::Fish,
            Shell::Cmd => Self::Cmd,
            Shell::Powershell => Self::PowerShell,
        }
    }
}
