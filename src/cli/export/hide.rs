//! What is hidden in papers, as the person wants it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use crate::cli::args::{HidingArgs, PlaceArgs};
use crate::cli::config::Places;
use crate::cli::output::reason;
use crate::wire::{RedactOptions, Redactor};

/// File of a person's own patterns, one to a line, among the configuration.
const PATTERNS: &str = "redact.txt";

/// The redactor that was asked for.
pub(in crate::cli) fn redactor(hiding: &HidingArgs, place: &PlaceArgs) -> Result<Redactor> {
    if hiding.secrets {
        return Ok(Redactor::off());
    }
    let mut options = RedactOptions {
        emails: hiding.more.hide_emails,
        patterns: hiding.more.hide.clone(),
        ..RedactOptions::default()
    };
    // Without a home there is no file either.
    if let Ok(places) = Places::of(place) {
        options
            .patterns
            .extend(patterns(&places.config.join(PATTERNS))?);
    }
    SystemRandom::new()
        .fill(&mut options.key)
        .map_err(|_| anyhow!("the system has no randomness to name secrets by; try again"))?;
    Ok(Redactor::new(&options)?)
}

fn patterns(path: &Path) -> Result<Vec<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => {
            return Err(anyhow!(
                "cannot read {} ({}); mend it or take it away",
                path.display(),
                reason(&error)
            ));
        }
    };
    let lines = text.lines().map(str::trim);
    Ok(lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

/// Evidence may be quoted from elsewhere in the capture than the exchanges that were judged.
pub(in crate::cli) fn evidence(value: &mut Value, redactor: &Redactor) {
    if !redactor.is_on() {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| evidence(item, redactor)),
        Value::Object(members) => {
            if members.contains_key("part")
                && let Some(found) = members.get("value").and_then(Value::as_str)
            {
                let name = members
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let hidden = redactor.header(name, found).into_owned();
                members.insert("value".into(), hidden.into());
            }
            members
                .values_mut()
                .for_each(|member| evidence(member, redactor));
        }
        _ => {}
    }
}
