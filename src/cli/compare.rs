//! `compare`: two captures, endpoint by endpoint. What did the change mend, what did it break?

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use super::args::{BrowserName, HidingArgs, LineFormat, PlaceArgs};
use super::exit::Exit;
use super::{export, input, output};
use crate::cors::Browser;
use crate::report::{Census, Redacted, captures_to_json, captures_to_text, compare_captures};
use crate::session::Reader;
use crate::wire::{ExchangeId, RedactedBody, Redactor, Side, decode_body};

/// More of a JSON answer is not looked at, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope compare before.corscope after.corscope
  corscope compare main.har branch.har --format json

Calls are matched by page, method, server and path (ids in it as *). Exit status: 0 nothing got
worse, 1 something did (newly blocked, failed, or no longer readable), 2 corscope could not do it.

Secrets become pseudonyms, the same secret the same one in both captures.")]
pub(super) struct CompareArgs {
    /// The capture before: a recorded session, or a HAR file of any tool
    before: PathBuf,
    /// The capture after
    after: PathBuf,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: LineFormat,
    /// Whose rules to judge by, whoever asked: chromium, firefox or safari
    #[arg(long, value_name = "NAME", hide_possible_values = true)]
    browser: Option<BrowserName>,
    #[command(flatten)]
    hiding: HidingArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A capture, and what it says about each endpoint.
struct Taken {
    reader: Reader,
    census: Census,
}

pub(super) fn run(args: &CompareArgs) -> Result<Exit> {
    if args.before.as_os_str() == "-" && args.after.as_os_str() == "-" {
        bail!("only one of the two captures can come from stdin; give the other as a file");
    }
    let rules = args.browser.map(Into::into);
    // One for both: what stayed the same has the same pseudonym.
    let redactor = export::redactor(&args.hiding, &args.place, Some(&args.before))?;
    let before = take(&args.before, rules, &redactor)?;
    let after = take(&args.after, rules, &redactor)?;
    let compared = compare_captures(
        &before.census,
        &after.census,
        (&|id| body(&before.reader, &redactor, id), &|id| {
            body(&after.reader, &redactor, id)
        }),
    );
    let names = [&args.before, &args.after].map(|path| path.display().to_string());
    let names = [names[0].as_str(), names[1].as_str()];
    match args.format {
        LineFormat::Text => output::prose(&captures_to_text(&compared, names))?,
        LineFormat::Json => output::data(&format!("{}\n", captures_to_json(&compared, names)))?,
    }
    Ok(Exit::of_blocked(compared.regressions() as u64))
}

fn take(path: &std::path::Path, rules: Option<Browser>, redactor: &Redactor) -> Result<Taken> {
    let loaded = input::load(path, rules)?;
    for reason in &loaded.skipped {
        output::say(&format!("Note: {}: {reason}", path.display()));
    }
    let mut census = Census::default();
    let redacted = Redacted::new(&loaded.reader, redactor);
    for id in loaded.reader.fetches() {
        if let Some(diagnosis) = loaded.reader.diagnosis_from(id, &redacted) {
            census.add(&diagnosis, &redacted);
        }
    }
    if census.endpoints() == 0 {
        let name = path.display();
        output::say(&format!(
            "Note: {name} has no finished request; everything counts as new or gone"
        ));
    }
    Ok(Taken {
        reader: loaded.reader,
        census,
    })
}

/// The body of an answer, content coding and secrets off; `None` if not all of it is there, or it is
/// binary and may hold secrets.
fn body(reader: &Reader, redactor: &Redactor, id: ExchangeId) -> Option<Vec<u8>> {
    let exchange = reader.exchange(id)?;
    let kept = exchange.response_body.kept_bytes;
    if exchange.response_body.is_truncated() || kept > BODY_BYTES_MAX as u64 {
        return None;
    }
    let raw = reader.body(id, Side::Response, 0, BODY_BYTES_MAX).ok()?;
    let response = exchange.response.as_ref()?;
    let decoded = decode_body(&response.headers, &raw, BODY_BYTES_MAX);
    if decoded.cut || decoded.fault.is_some() {
        return None;
    }
    let kind = response.headers.get("content-type");
    match redactor.body(kind.as_deref(), &decoded.bytes) {
        RedactedBody::Kept(bytes) => Some(bytes.into_owned()),
        RedactedBody::LeftOut => None,
    }
}
