//! What a person can do to a session from the screen, performed beside it.

use std::path::Path;

use tokio::sync::mpsc;

use super::browser::Launcher;
use super::settings;
use crate::session::Reader;
use crate::tui::{self, Effect, Outcome};

/// Performs what the screen asks for, one after the other, until the screen is gone.
pub(super) async fn run(
    reader: Reader,
    mut launcher: Option<&mut Launcher>,
    configuration: &Path,
    effects: mpsc::Receiver<Effect>,
    outcomes: mpsc::Sender<Outcome>,
) {
    tui::serve(reader, effects, outcomes, |effect| match effect {
        Effect::LaunchBrowser => {
            let launcher = launcher.as_deref_mut()?;
            let said = launcher.open().unwrap_or_else(|error| error.to_string());
            Some(Outcome::Notice(said))
        }
        Effect::KeepFilter { name, filter } => {
            let said = settings::keep_filter(configuration, &name, &filter);
            Some(Outcome::Notice(said))
        }
        // The session itself does the others.
        _ => None,
    })
    .await;
}
