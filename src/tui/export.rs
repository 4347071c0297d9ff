//! Writing papers from the screen: what is wanted, and what became of it. Whoever put the parts
//! together writes them.

use std::path::PathBuf;

use super::app::{App, Command};
use super::dialog::ExportDialog;
use super::effect::Effect;
use super::text::minute;
use crate::diagnose::FetchId;
use crate::session::UNSAVED;
use crate::wire::{ExchangeId, Side};

/// A kind of paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// A report as one page for the browser.
    #[default]
    Html,
    /// The same to be pasted into an issue.
    Markdown,
    /// For other tools.
    Har,
    /// Verdicts in one document.
    Json,
    /// One verdict per line.
    Ndjson,
    /// Commands that send the requests again.
    Curl,
}

impl ExportFormat {
    /// In the order they are offered.
    pub const ALL: [Self; 6] = [
        Self::Html,
        Self::Markdown,
        Self::Har,
        Self::Json,
        Self::Ndjson,
        Self::Curl,
    ];

    /// What it is, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Html => "HTML report, one file",
            Self::Markdown => "Markdown report, for an issue",
            Self::Har => "HAR, for DevTools and other tools",
            Self::Json => "JSON, all verdicts",
            Self::Ndjson => "NDJSON, one verdict per line",
            Self::Curl => "curl commands",
        }
    }

    /// The ending of its files.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "md",
            Self::Har => "har",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Curl => "sh",
        }
    }
}

/// A paper that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// Which kind.
    pub format: ExportFormat,
    /// These fetches, or all.
    pub only: Option<Vec<FetchId>>,
    /// The file, as typed; `~/` is the home directory.
    pub file: String,
    /// Whether passwords, tokens, cookies and keys are left in.
    pub secrets: bool,
    /// Whether a file that is there may be written over.
    pub overwrite: bool,
}

/// A body that is to be written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRequest {
    /// Whose.
    pub exchange: ExchangeId,
    /// Of the request or of the answer.
    pub side: Side,
    /// The file, as typed; `~/` is the home directory.
    pub file: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// It is written, here, and takes so many bytes.
    Written(PathBuf, u64),
    /// There is such a file; nothing was written.
    Exists(PathBuf),
    /// Why it could not be written, in one sentence.
    Failed(String),
}

impl App {
    /// Asks what to write and where.
    pub(super) fn export(&mut self) {
        if !self.options.can_export {
            self.say("nobody here writes papers; corscope export does".to_owned());
            return;
        }
        let selected = self.list.selected_entry().and_then(|entry| entry.fetch);
        let entries = &self.list.entries;
        let listed: Vec<FetchId> = entries
            .listed()
            .iter()
            .filter_map(|number| entries.get(*number)?.fetch)
            .collect();
        // What has no name of its own is named after the moment.
        let name = match self.reader.name() {
            name if name == UNSAVED => format!("corscope-{}", minute(self.now, self.utc_offset)),
            name => name,
        };
        self.open_dialog(Box::new(ExportDialog::new(&name, selected, listed)));
    }
}

/// What leaves when the dialog is done.
pub(crate) fn order(request: ExportRequest) -> Command {
    Command::Perform(Effect::Export(request))
}
