//! Trial fixes from a file: what `diagnose --format json` prints, or one fetch of it.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::cli::output::reason;
use crate::fix::Trial;
use crate::wire::Patch;

/// Larger than any diagnosis that a person would try, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The trials in a file.
pub(in crate::cli) fn read(path: &Path) -> Result<Vec<Trial>> {
    let name = path.display();
    let size = std::fs::metadata(path).map(|m| m.len());
    if size.is_ok_and(|size| size > FILE_BYTES_MAX) {
        bail!("{name} is too large for --trial; give the fetch to be tried alone");
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| anyhow!("cannot read {name} ({}); check the path", reason(&error)))?;
    let value: Value = serde_json::from_str(&text).with_context(|| {
        format!("{name} is no JSON; --trial takes what corscope diagnose --format json prints")
    })?;
    let fetches = match (value.get("fetches"), &value) {
        (Some(Value::Array(fetches)), _) | (None, Value::Array(fetches)) => fetches.clone(),
        _ => vec![value],
    };
    let mut trials: Vec<Trial> = Vec::new();
    for trial in fetches.iter().filter_map(trial) {
        match trials.iter_mut().find(|known| known.is_beside(&trial)) {
            Some(known) => *known = known.then(&trial),
            None => trials.push(trial),
        }
    }
    if trials.is_empty() {
        bail!(
            "{name} has no fix of header lines to try; --trial takes what corscope diagnose --format json prints of a blocked fetch"
        );
    }
    Ok(trials)
}

// Where the credentials mode is unknown, the fix for requests with them: it serves those without too.
fn trial(fetch: &Value) -> Option<Trial> {
    let fix = [&fetch["when_include"]["fix"], &fetch["fix"]]
        .into_iter()
        .find(|fix| fix["reach"] == "server")?;
    let page = fetch["origin"]
        .as_str()
        .filter(|origin| *origin != "null")?;
    Trial::new(
        page,
        fix["url"].as_str()?,
        patch(&fix["preflight"]),
        patch(&fix["actual"]),
    )
}

fn patch(value: &Value) -> Option<Patch> {
    let pairs = |name: &str| {
        let lines = value[name].as_array().into_iter().flatten();
        let pair =
            |line: &Value| Some((line[0].as_str()?.to_owned(), line[1].as_str()?.to_owned()));
        lines.filter_map(pair).collect()
    };
    let names = value["remove"].as_array().into_iter().flatten();
    value.is_object().then(|| Patch {
        status: value["status"].as_u64().and_then(|s| s.try_into().ok()),
        set: pairs("set"),
        append: pairs("append"),
        remove: names
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
    })
}
