//! Browsers, and the stores in which the authority is to be trusted.

use std::path::Path;

use super::finding::Finding;
use crate::cli::trust::{self, Family, State};
use crate::launch::Program;
use crate::proxy::{Authority, CaCertificate};

pub(super) fn look(directory: &Path) -> Vec<Finding> {
    let mut found = vec![browsers()];
    if let Some(certificate) = Authority::certificate_in(directory) {
        found.extend(stores(&certificate, directory));
        return found;
    }
    found.push(Finding::note(
        "trust",
        "nothing to trust yet",
        "corscope open needs no trust; corscope ca install is for your own browser",
    ));
    let file = Authority::certificate_path_in(directory);
    let all = trust::strangers(&file, &[]).unwrap_or_default();
    found.extend(all.iter().flat_map(others));
    found
}

fn browsers() -> Finding {
    let mut names: Vec<&str> = Program::all().iter().map(|p| p.brand.id()).collect();
    names.dedup();
    if names.is_empty() {
        return Finding::note(
            "browsers",
            "none was found, so corscope open cannot start one",
            "install Chromium or Firefox, or set a browser elsewhere to use the proxy",
        );
    }
    Finding::fine("browsers", names.join(", "))
}

fn stores(certificate: &CaCertificate, directory: &Path) -> Vec<Finding> {
    let file = Authority::certificate_path_in(directory);
    let all = match trust::standings(certificate, &file, &[]) {
        Ok(all) => all,
        Err(error) => return vec![Finding::bad("trust", format!("{error:#}"), "set HOME")],
    };
    let mut found = Vec::new();
    for store in all {
        let name = &store.name;
        let system = store.family == Family::System && cfg!(target_os = "linux");
        found.push(match &store.state {
            State::Trusted => Finding::fine("trust", format!("{name}: trusted")),
            State::Untrusted => Finding::bad(
                "trust",
                format!("{name}: the authority is there, but not trusted for websites"),
                "corscope ca install",
            ),
            State::Absent if system => Finding::note(
                "trust",
                format!("{name}: not trusted"),
                "only if such programs are to go through corscope: corscope ca install --store system",
            ),
            State::Absent => Finding::note(
                "trust",
                format!("{name}: not trusted"),
                "corscope ca install, or let corscope open start a browser that needs nothing",
            ),
            State::Unknown(why) => match why.split_once(": ") {
                Some((said, next)) => Finding::bad("trust", format!("{name}: {said}"), next),
                None => Finding::bad("trust", format!("{name}: {why}"), "corscope ca status"),
            },
        });
        found.extend(others(&store));
    }
    found
}

/// Authorities of corscope that are not the one here, and trusted.
fn others(store: &trust::Standing) -> impl Iterator<Item = Finding> {
    store.others.iter().map(|other| {
        Finding::note(
            "trust",
            format!(
                "{}: another authority is trusted still, \"{other}\"",
                store.name
            ),
            "corscope ca uninstall --stale",
        )
    })
}
