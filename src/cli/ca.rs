//! `ca`: the local authority, made on the first use.

use std::fmt::Write as _;

use anyhow::Result;

use super::args::{CaCommand, PlaceArgs};
use super::config::Places;
use super::exit::Exit;
use super::output;
use crate::proxy::Authority;

pub(super) fn run(what: &CaCommand) -> Result<Exit> {
    match what {
        CaCommand::Path(place) => {
            let path = authority(place)?.certificate_path();
            output::data(&format!("{}\n", path.display()))?;
        }
        CaCommand::Export(place) => output::data(authority(place)?.certificate_pem())?,
        CaCommand::Rotate(place) => rotate(place)?,
    }
    Ok(Exit::Clean)
}

fn rotate(place: &PlaceArgs) -> Result<()> {
    let rotated = Authority::rotate(&Places::of(place)?.authority)?;
    let certificate = rotated.authority.certificate();
    let mut text = format!(
        "The new authority is \"{}\", valid until {}.\n  SHA-256   {}\n",
        certificate.name(),
        certificate.expires_on(),
        certificate.sha256()
    );
    if let Some(aside) = &rotated.set_aside {
        let _ = writeln!(
            text,
            "The key before was unusable; it lies in {} now.",
            aside.display()
        );
    }
    if let Some(before) = &rotated.before {
        let _ = writeln!(
            text,
            "Wherever \"{}\" was trusted, remove it and trust the new one; start a running \
             corscope again.",
            before.name()
        );
    }
    output::data(&text)
}

fn authority(place: &PlaceArgs) -> Result<Authority> {
    Ok(Authority::load_or_create(&Places::of(place)?.authority)?)
}
