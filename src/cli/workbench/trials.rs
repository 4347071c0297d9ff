//! Trial fixes: from what the screen (or a file) asks for to what the proxy changes.

use crate::fix::Trial;
use crate::proxy::{FieldRule, Override, Overrides};
use crate::tui::Outcome;

/// Only a preflight has this (Fetch § CORS-preflight fetch).
const ASKS: &str = "access-control-request-method";

/// Puts trials in force and no others.
pub(super) fn set(overrides: &Overrides, trials: Vec<Trial>, before: &mut Vec<Trial>) -> Outcome {
    let why_not = put_in_force(overrides, &trials).err();
    if why_not.is_none() {
        *before = trials;
    }
    Outcome::Trials(before.clone(), why_not)
}

/// Puts trials in force and no others; if that cannot be, why, in one sentence.
pub(in crate::cli) fn put_in_force(overrides: &Overrides, trials: &[Trial]) -> Result<(), String> {
    let list = trials.iter().flat_map(overrides_of).collect();
    overrides.set(list).map_err(|error| error.to_string())
}

fn overrides_of(trial: &Trial) -> impl Iterator<Item = Override> + use<> {
    let page = FieldRule::Is("origin".to_owned(), trial.page.clone());
    let one = |method: Option<&str>, asks: FieldRule, patch: &crate::wire::Patch| Override {
        server: trial.server.clone(),
        path: trial.path.clone(),
        method: method.map(str::to_owned),
        fields: vec![page.clone(), asks],
        patch: patch.clone(),
        stands_in: method.is_some() && patch.status.is_some(),
    };
    let preflight = trial
        .preflight
        .as_ref()
        .map(|patch| one(Some("OPTIONS"), FieldRule::Present(ASKS.to_owned()), patch));
    let actual = trial
        .actual
        .as_ref()
        .map(|patch| one(None, FieldRule::Absent(ASKS.to_owned()), patch));
    preflight.into_iter().chain(actual)
}
