//! `ca`: the local authority, made on the first use.

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
    }
    Ok(Exit::Clean)
}

fn authority(place: &PlaceArgs) -> Result<Authority> {
    Ok(Authority::load_or_create(&Places::of(place)?.authority)?)
}
