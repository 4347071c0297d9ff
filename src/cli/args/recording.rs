//! The command line of `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};

use super::{BrowserName, CaptureArgs, HidingArgs, duration, size};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope record --out cart.corscope --until-idle 5s
  corscope record --out ci.corscope --listen 127.0.0.1:0 --format json
  corscope record --har ci.har --format ndjson | jq -r .outcome
  corscope record --out day.corscope --rotate-every 1h --keep-files 24 --skip images --skip fonts

The first line on stdout is the address the proxy listens on.
Exit status: 0 nothing is blocked, 1 something is, 2 corscope could not do it.")]
pub(in crate::cli) struct RecordArgs {
    /// Session file to write, which must not exist [default: a new one among the sessions]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Stop after this time, such as 30s, 2m, 500ms
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(in crate::cli) at_most: Option<Duration>,
    /// Stop when nothing has happened for this time after the first exchange
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(in crate::cli) until_idle: Option<Duration>,
    /// Change answers in flight: try the fixes in what diagnose --format json printed. Nothing else
    /// is changed, and nothing without this
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trial: Option<PathBuf>,
    /// What to print: text is the address, json with all that is good to know; ndjson goes on with
    /// one line per settled fetch [default: text]
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(in crate::cli) format: RecordFormat,
    /// Write a HAR in the end too, into this file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) har: Option<PathBuf>,
    /// Record only requests to this host, *.HOST for those below it too; repeatable. All others pass
    /// as ever
    #[arg(long, value_name = "HOST", hide_short_help = true)]
    pub(in crate::cli) host: Vec<String>,
    /// Do not record what loads images, fonts, media, styles, scripts or pages; repeatable
    #[arg(
        long,
        value_name = "KIND",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(in crate::cli) skip: Vec<Skipped>,
    #[command(flatten)]
    pub(in crate::cli) rotation: Rotation,
    #[command(flatten)]
    pub(in crate::cli) hiding: HidingArgs,
    /// Whose rules to judge by, whoever asks: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    pub(in crate::cli) browser: Option<BrowserName>,
    #[command(flatten)]
    pub(in crate::cli) capture: CaptureArgs,
}

/// When a new session file is begun.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Rotation")]
pub(in crate::cli) struct Rotation {
    /// Go on in a new session file when this one has this size
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "har", hide_short_help = true)]
    pub(in crate::cli) rotate_size: Option<u64>,
    /// Go on in a new one after this time
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "har", hide_short_help = true)]
    pub(in crate::cli) rotate_every: Option<Duration>,
    /// Go on in a new one after so many exchanges
    #[arg(
        long,
        value_name = "NUMBER",
        conflicts_with = "har",
        hide_short_help = true
    )]
    pub(in crate::cli) rotate_count: Option<u64>,
    /// Remove the oldest files of this run beyond so many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..),
          hide_short_help = true)]
    pub(in crate::cli) keep_files: Option<u64>,
}

/// What need not be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Skipped {
    Images,
    Fonts,
    Media,
    Styles,
    Scripts,
    Pages,
}

impl Skipped {
    /// Whether a `Sec-Fetch-Dest` is of this kind (Fetch § request destination).
    pub(in crate::cli) fn covers(self, destination: &str) -> bool {
        match self {
            Self::Images => destination == "image",
            Self::Fonts => destination == "font",
            Self::Media => matches!(destination, "audio" | "video" | "track"),
            Self::Styles => matches!(destination, "style" | "xslt"),
            Self::Scripts => destination == "script",
            Self::Pages => matches!(destination, "document" | "iframe" | "frame"),
        }
    }
}

/// What `record` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RecordFormat {
    /// The address.
    Text,
    /// The address with all that is good to know.
    Json,
    /// That, and then one fetch per line as it is settled.
    Ndjson,
}
