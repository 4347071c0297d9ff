//! What is hidden in papers, as the person wants it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use crate::cli::args::{HidingArgs, PlaceArgs};
use crate::cli::config::{Places, create_private_dir};
use crate::cli::output::reason;
use crate::wire::{RedactOptions, Redactor};

/// File of a person's own patterns, one to a line, among the configuration.
const PATTERNS: &str = "redact.txt";

/// What pseudonyms are made with, among the data. It never leaves: who has a paper cannot try secrets.
const KEY: &str = "pseudonyms.key";

/// The redactor that was asked for. All papers made of one capture, `of`, have the same pseudonyms for
/// the same secrets, those of two captures do not.
pub(in crate::cli) fn redactor(
    hiding: &HidingArgs,
    place: &PlaceArgs,
    of: Option<&Path>,
) -> Result<Redactor> {
    if hiding.secrets {
        return Ok(Redactor::off());
    }
    let mut options = RedactOptions {
        emails: hiding.more.hide_emails,
        patterns: hiding.more.hide.clone(),
        ..RedactOptions::default()
    };
    options.key = random()?;
    // Without a home there is no file either.
    if let Ok(places) = Places::of(place) {
        options
            .patterns
            .extend(patterns(&places.config.join(PATTERNS))?);
        let own = of.and_then(whole_path);
        if let Some((own, key)) = own.and_then(|own| Some((own, kept_key(&places.authority)?))) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            let tag = hmac::sign(&key, own.as_os_str().as_encoded_bytes());
            options.key.copy_from_slice(tag.as_ref());
        }
    }
    Ok(Redactor::new(&options)?)
}

fn random() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| anyhow!("the system has no randomness to name secrets by; try again"))?;
    Ok(key)
}

/// Where a capture lies; it may not be there yet.
fn whole_path(file: &Path) -> Option<PathBuf> {
    let parent = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let name = file.file_name().filter(|name| *name != "-")?;
    Some(parent.canonicalize().ok()?.join(name))
}

/// The key that lies beside the authority's, made where there is none; `None` where it can neither be
/// read nor made, and pseudonyms are then good for one paper.
fn kept_key(authority: &Path) -> Option<[u8; 32]> {
    let dir = authority.parent()?;
    let path = dir.join(KEY);
    let read = || fs::read(&path).ok()?.try_into().ok();
    if let Some(key) = read() {
        return Some(key);
    }
    let key = random().ok()?;
    create_private_dir(dir).ok()?;
    // Complete before it has its name: another corscope may be doing the same.
    let mut made = tempfile::NamedTempFile::new_in(dir).ok()?;
    made.write_all(&key).ok()?;
    match made.persist_noclobber(&path) {
        Ok(_) => Some(key),
        Err(_) => read(),
    }
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
