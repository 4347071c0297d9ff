//! `redact`: another tool's HAR without its secrets.

use anyhow::{Context, Result, bail};

use super::args::RedactArgs;
use super::exit::Exit;
use super::export::{Target, redactor, write_to};
use super::{input, output};
use crate::har;

pub(super) fn run(args: &RedactArgs) -> Result<Exit> {
    let redactor = redactor(&args.hiding.clone().into(), &args.place, Some(&args.file))?;
    let name = args.file.display().to_string();
    let Some(reader) = input::har_text(&args.file)? else {
        bail!("{name} is a session; corscope export {name} --to har writes a HAR without secrets");
    };
    let target = args.out.as_deref().map_or(Target::Stdout, Target::New);
    let written = write_to(target, |out| {
        har::redact(reader, out, &redactor).with_context(|| name.clone())
    })?;
    if let (Some(out), Some(entries)) = (&args.out, written) {
        let out = out.display();
        output::say(&format!(
            "{out} has {entries} entries; the same secret has the same pseudonym in all of them."
        ));
    }
    Ok(Exit::Clean)
}
