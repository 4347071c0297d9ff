//! What is trusted in a store now.

use anyhow::{Result, anyhow};

use super::places::{Around, Kind, Store, certutil_package};
use super::run::{find_program, run};
use super::steps::{self, Step, Subject};
use crate::proxy::CaCertificate;

/// A corscope authority in a store.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The name by which the store knows it.
    pub(super) nickname: String,
    pub(super) certificate: CaCertificate,
    pub(super) trusted: bool,
}

/// Every corscope authority in a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) held: Vec<Held>,
}

impl Look {
    /// This one, under whatever names.
    pub(super) fn ours<'a>(&'a self, sha256: &'a str) -> impl Iterator<Item = &'a Held> {
        self.held
            .iter()
            .filter(move |h| h.certificate.sha256_bare() == sha256)
    }

    /// The others: of another data directory, or from before a rotation.
    pub(super) fn others<'a>(&'a self, sha256: &'a str) -> impl Iterator<Item = &'a Held> {
        self.held
            .iter()
            .filter(move |h| h.certificate.sha256_bare() != sha256)
    }

    pub(super) fn is_trusted(&self, sha256: &str) -> bool {
        self.ours(sha256).any(|h| h.trusted)
    }
}

/// Looks; fails with a sentence that has the next step in it.
pub(super) fn look(store: &Store, around: &Around, subject: &Subject) -> Result<Look> {
    if let Some(step) = steps::look(&store.kind, subject)
        && store.exists()
        && find_program(step.program).is_none()
    {
        return Err(missing_tool(&step, around));
    }
    match &store.kind {
        Kind::Nss(_) if !store.exists() => Ok(Look::default()),
        Kind::Nss(_) => in_nss(store, subject),
        Kind::Anchors(anchors) => {
            let bundle = around.root.join(anchors.bundle().trim_start_matches('/'));
            Ok(from_pem(&std::fs::read(bundle).unwrap_or_default()))
        }
        Kind::Keychain(_) => {
            let step = steps::look(&store.kind, subject);
            // It fails when it finds none.
            let told = step.and_then(|s| run(&s).ok()).unwrap_or_default();
            Ok(from_pem(told.as_bytes()))
        }
        Kind::WindowsRoot => {
            let step = steps::look(&store.kind, subject);
            let found = step.is_some_and(|s| run(&s).is_ok());
            let ours = std::fs::read(&subject.file).unwrap_or_default();
            Ok(if found {
                from_pem(&ours)
            } else {
                Look::default()
            })
        }
    }
}

/// What to say where the program that a store needs is not there.
pub(super) fn missing_tool(step: &Step, around: &Around) -> anyhow::Error {
    let package = if step.program == "certutil" {
        let file = around.root.join("etc/os-release");
        let release = std::fs::read_to_string(file).unwrap_or_default();
        certutil_package(&release)
    } else {
        "it is part of the system; is PATH set?"
    };
    anyhow!("{} is not installed: {package}", step.program)
}

fn from_pem(text: &[u8]) -> Look {
    let all = CaCertificate::all_from_pem(text).into_iter();
    let held = all
        .filter(CaCertificate::is_corscope)
        .map(|certificate| Held {
            nickname: certificate.name().to_owned(),
            certificate,
            trusted: true,
        });
    Look {
        held: held.collect(),
    }
}

fn in_nss(store: &Store, subject: &Subject) -> Result<Look> {
    let Some(list) = steps::look(&store.kind, subject) else {
        return Ok(Look::default());
    };
    let mut held = Vec::new();
    for (nickname, flags) in nicknames(&run(&list)?) {
        let mut one = list.clone();
        let more = ["-n", nickname.as_str(), "-a"].map(str::to_owned);
        one.arguments.extend(more);
        let Ok(pem) = run(&one) else {
            // Gone since.
            continue;
        };
        for certificate in CaCertificate::all_from_pem(pem.as_bytes()) {
            if certificate.is_corscope() {
                held.push(Held {
                    nickname: nickname.clone(),
                    certificate,
                    trusted: flags.split(',').next().is_some_and(|f| f.contains('C')),
                });
            }
        }
    }
    Ok(Look { held })
}

/// The nicknames that may be ours, with their trust flags, of what `certutil -L` prints.
fn nicknames(listing: &str) -> Vec<(String, String)> {
    let lines = listing.lines().filter_map(|line| {
        let (nickname, flags) = line.trim_end().rsplit_once(char::is_whitespace)?;
        let flags_they_are = flags.split(',').count() == 3;
        let nickname = nickname.trim_end();
        (flags_they_are && nickname.starts_with("corscope"))
            .then(|| (nickname.to_owned(), flags.to_owned()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let listing = "\n\
Certificate Nickname                                         Trust Attributes\n\
                                                             SSL,S/MIME,JAR/XPI\n\n\
corscope on vm, 2026-11-23 (66bdfb)                          C,,  \n\
Some Other Root                                              CT,C,C\n\
corscope on vm, 2026-11-22 (0a1b2c) - corscope (local development only) ,,   \n";
        let found = nicknames(listing);
        let expected = [
            ("corscope on vm, 2026-11-23 (66bdfb)", "C,,"),
            (
                "corscope on vm, 2026-11-22 (0a1b2c) - corscope (local development only)",
                ",,",
            ),
        ];
        assert_eq!(found, expected.map(|(n, f)| (n.to_owned(), f.to_owned())));
    }
}
