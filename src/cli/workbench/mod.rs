//! What a person can do to a session from the screen, performed beside it.

mod trial_file;
mod trials;

use std::path::Path;

use tokio::sync::mpsc;

use super::browser::Launcher;
use super::settings;
use crate::fix::Trial;
use crate::proxy::Overrides;
use crate::session::Reader;
use crate::tui::{self, Effect, Outcome};

pub(super) use trial_file::read as read_trials;
pub(super) use trials::put_in_force;

/// Performs what the screen asks for, one after the other, until the screen is gone.
pub(super) async fn run(
    reader: Reader,
    mut launcher: Option<&mut Launcher>,
    overrides: Option<&Overrides>,
    configuration: &Path,
    effects: mpsc::Receiver<Effect>,
    outcomes: mpsc::Sender<Outcome>,
) {
    let mut in_force: Vec<Trial> = Vec::new();
    tui::serve(reader, effects, outcomes, |effect| match effect {
        Effect::LaunchBrowser => {
            let launcher = launcher.as_deref_mut()?;
            let said = launcher.open().unwrap_or_else(|error| error.to_string());
            Some(Outcome::Notice(said))
        }
        Effect::Trials(trials) => Some(trials::set(overrides?, trials, &mut in_force)),
        Effect::KeepFilter { name, filter } => {
            let said = settings::keep_filter(configuration, &name, &filter);
            Some(Outcome::Notice(said))
        }
        // The session itself does the others.
        _ => None,
    })
    .await;
    // What no bar tells of must not go on.
    if let Some(overrides) = overrides {
        overrides.clear();
    }
}
