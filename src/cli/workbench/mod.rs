//! What a person can do to a session from the screen, performed beside it.

mod papers;
mod passing;
mod trial_file;
mod trials;

use std::path::Path;

use tokio::sync::mpsc;

use super::browser::Launcher;
use super::doing_again::Replayer;
use super::settings;
use crate::fix::Trial;
use crate::proxy::{Overrides, Passing};
use crate::session::Reader;
use crate::tui::{self, Effect, Outcome};

pub(super) use papers::Papers;
pub(super) use trial_file::read as read_trials;
pub(super) use trials::put_in_force;

/// What is performed with.
pub(super) struct Tools<'a> {
    /// Who opens browsers, if somebody can.
    pub(super) launcher: Option<&'a mut Launcher>,
    /// Where trial fixes are put in force, if there is traffic.
    pub(super) overrides: Option<&'a Overrides>,
    /// The hosts that pass unread, if there is traffic.
    pub(super) passing: Option<&'a Passing>,
    /// Where the configuration is kept.
    pub(super) configuration: &'a Path,
    /// Where the filters that were used are kept.
    pub(super) history: &'a Path,
    /// Who does requests again.
    pub(super) replayer: Replayer,
    /// Who writes papers.
    pub(super) papers: Papers,
}

/// Performs what the screen asks for, one after the other, until the screen is gone.
pub(super) async fn run(
    reader: Reader,
    tools: Tools<'_>,
    effects: mpsc::Receiver<Effect>,
    outcomes: mpsc::Sender<Outcome>,
) {
    let Tools {
        mut launcher,
        overrides,
        passing,
        configuration,
        history,
        replayer,
        papers,
    } = tools;
    let later = outcomes.clone();
    let mut in_force: Vec<Trial> = Vec::new();
    let words = launcher.as_deref_mut().and_then(Launcher::words);
    let passing_on = words.map(|words| tokio::spawn(pass_on(words, later.clone())));
    tui::serve(reader, effects, outcomes, |effect| match effect {
        Effect::LaunchBrowser(number) => {
            let launcher = launcher.as_deref_mut()?;
            let said = launcher.open_one(number);
            Some(Outcome::Notice(
                said.unwrap_or_else(|error| error.to_string()),
            ))
        }
        Effect::Trials(trials) => Some(trials::set(overrides?, trials, &mut in_force)),
        Effect::PassThrough(url) => Some(passing::toggle(passing?, &url)),
        Effect::KeepFilter { name, filter } => {
            let said = settings::keep_filter(configuration, &name, &filter);
            Some(Outcome::Notice(said))
        }
        Effect::RememberFilter(filter) => {
            settings::remember_filter(history, &filter).map(Outcome::Notice)
        }
        // These take their time; the screen does not wait for them.
        Effect::Replay(request) => {
            replayer.clone().replay(request, later.clone());
            None
        }
        Effect::Draft(exchange) => {
            replayer.clone().draft(exchange, later.clone());
            None
        }
        Effect::Brief(fetch) => {
            papers.clone().brief(fetch, later.clone());
            None
        }
        Effect::Export(request) => {
            papers.clone().write(request, later.clone());
            None
        }
        Effect::SaveBody(request) => {
            papers.clone().save(request, later.clone());
            None
        }
        // The session itself does the others.
        _ => None,
    })
    .await;
    if let Some(passing_on) = passing_on {
        passing_on.abort();
    }
    // What no bar tells of must not go on.
    if let Some(overrides) = overrides {
        overrides.clear();
    }
}

/// Hands on what is said about browsers.
async fn pass_on(mut words: mpsc::Receiver<String>, screen: mpsc::Sender<Outcome>) {
    while let Some(said) = words.recv().await {
        if screen.send(Outcome::Notice(said)).await.is_err() {
            break;
        }
    }
}
