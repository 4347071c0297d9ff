//! `ca`: the local authority, made on the first use.

use anyhow::Result;

use super::args::{CaCommand, PlaceArgs};
use super::config::Places;
use super::exit::Exit;
use super::{output, trust};
use crate::proxy::Authority;

pub(super) fn run(what: &CaCommand) -> Result<Exit> {
    match what {
        CaCommand::Path(place) => {
            let path = authority(place)?.certificate_path();
            output::data(&format!("{}\n", path.display()))?;
        }
        CaCommand::Export(place) => output::data(authority(place)?.certificate_pem())?,
        CaCommand::Install(args) => return trust::install(args),
        CaCommand::Uninstall { change, stale } => return trust::uninstall(change, *stale),
        CaCommand::Status(args) => return trust::status(args),
        CaCommand::Rotate(args) => return trust::rotate(args),
    }
    Ok(Exit::Clean)
}

fn authority(place: &PlaceArgs) -> Result<Authority> {
    let authority = Authority::load_or_create(&Places::of(place)?.authority)?;
    authority.remarks().iter().for_each(|r| output::say(r));
    Ok(authority)
}
