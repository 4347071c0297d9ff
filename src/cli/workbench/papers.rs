//! Papers written from the screen.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::cli::args::{HidingArgs, Paper, PlaceArgs};
use crate::cli::config::home_of;
use crate::cli::export::{self, Order, Target};
use crate::diagnose::FetchId;
use crate::report::Quoting;
use crate::session::Reader;
use crate::tui::{self, BodyRequest, ExportFormat, ExportRequest, Exported, Outcome};
use crate::wire::Redactor;

/// Who writes papers of a session.
#[derive(Clone)]
pub(in crate::cli) struct Papers {
    pub(in crate::cli) reader: Reader,
    /// Where a person's own patterns of secrets lie.
    pub(in crate::cli) place: PlaceArgs,
    /// Entries of a file that could not be used.
    pub(in crate::cli) skipped: usize,
    /// The file it lies in.
    pub(in crate::cli) capture: Option<PathBuf>,
}

impl Papers {
    /// Writes one, beside everything else, and tells the screen.
    pub(super) fn write(self, request: ExportRequest, screen: mpsc::Sender<Outcome>) {
        tokio::spawn(async move {
            let writing = move || {
                self.written(&request)
                    .unwrap_or_else(|error| Exported::Failed(format!("{error:#}")))
            };
            let written = tokio::task::spawn_blocking(writing).await;
            let lost = |_| Exported::Failed("this could not be written".to_owned());
            // Nobody waits for it when the screen is gone.
            let _ = screen
                .send(Outcome::Exported(written.unwrap_or_else(lost)))
                .await;
        });
    }

    /// A brief to hand on, without secrets, the person's own included; beside everything else.
    pub(super) fn brief(self, fetch: FetchId, screen: mpsc::Sender<Outcome>) {
        tokio::spawn(async move {
            let writing = move || match self.usual_redactor() {
                Ok(redactor) => tui::brief(&self.reader, fetch, &redactor),
                Err(error) => Outcome::Notice(format!("nothing is copied: {error:#}")),
            };
            let written = tokio::task::spawn_blocking(writing).await;
            let lost = |_| Outcome::Notice("this could not be written".to_owned());
            // Nobody waits for it when the screen is gone.
            let _ = screen.send(written.unwrap_or_else(lost)).await;
        });
    }

    /// Writes a body to a file that is not there yet, and tells the screen.
    pub(super) fn save(self, request: BodyRequest, screen: mpsc::Sender<Outcome>) {
        tokio::spawn(async move {
            let saving = move || {
                self.saved(&request)
                    .unwrap_or_else(|error| format!("the body is not saved: {error:#}"))
            };
            let said = tokio::task::spawn_blocking(saving).await;
            let said = said.unwrap_or_else(|_| "the body could not be saved".to_owned());
            // Nobody waits for it when the screen is gone.
            let _ = screen.send(Outcome::Notice(said)).await;
        });
    }

    fn saved(&self, request: &BodyRequest) -> anyhow::Result<String> {
        let path = place_of(&request.file)?;
        let shown = path.display();
        if path.exists() {
            return Ok(format!("{shown} exists and was left as it is"));
        }
        let poured = export::write_to(Target::New(&path), |out| {
            Ok(tui::pour(
                &self.reader,
                request.exchange,
                request.side,
                out,
            )?)
        })?;
        let (bytes, amiss) = poured.unwrap_or_default();
        let amiss = amiss.map(|amiss| format!("; {amiss}")).unwrap_or_default();
        Ok(format!("written: {shown} ({bytes} bytes{amiss})"))
    }

    fn usual_redactor(&self) -> anyhow::Result<Redactor> {
        export::redactor(&HidingArgs::default(), &self.place, self.capture.as_deref())
    }

    fn written(&self, request: &ExportRequest) -> anyhow::Result<Exported> {
        let path = place_of(&request.file)?;
        if path.exists() && !request.overwrite {
            return Ok(Exported::Exists(path));
        }
        let hiding = HidingArgs {
            secrets: request.secrets,
            ..HidingArgs::default()
        };
        let redactor = export::redactor(&hiding, &self.place, self.capture.as_deref())?;
        let order = Order {
            title: self.reader.name(),
            paper: paper(request.format),
            only: request.only.clone(),
            shell: Quoting::of_this_system(),
            skipped: self.skipped,
        };
        let target = if request.overwrite {
            Target::Over(&path)
        } else {
            Target::New(&path)
        };
        export::write_to(target, |out| order.write(&self.reader, &redactor, out))?;
        let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
        Ok(Exported::Written(path, bytes))
    }
}

// As a person types it: `~/` is the home directory.
fn place_of(typed: &str) -> anyhow::Result<PathBuf> {
    let path = match (typed.strip_prefix("~/"), home_of()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(typed).to_owned(),
    };
    Ok(std::path::absolute(path)?)
}

fn paper(format: ExportFormat) -> Paper {
    match format {
        ExportFormat::Html => Paper::Html,
        ExportFormat::Markdown => Paper::Md,
        ExportFormat::Har => Paper::Har,
        ExportFormat::Json => Paper::Json,
        ExportFormat::Ndjson => Paper::Ndjson,
        ExportFormat::Curl => Paper::Curl,
    }
}
