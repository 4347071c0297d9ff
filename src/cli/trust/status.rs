//! `ca status`: where the authority is trusted, and which others still are.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::places::Family;
use super::steps::Subject;
use super::{around, chosen, look, nobody, subject};
use crate::cli::args::{CaStatusArgs, LineFormat};
use crate::cli::config::Places;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::proxy::{Authority, CaCertificate};

/// One store as `status` and `doctor` tell it.
pub(in crate::cli) struct Standing {
    pub(in crate::cli) family: Family,
    pub(in crate::cli) name: String,
    pub(in crate::cli) place: String,
    pub(in crate::cli) exists: bool,
    pub(in crate::cli) state: State,
    /// Names of other corscope authorities that are trusted there.
    pub(in crate::cli) others: Vec<String>,
}

/// Whether this authority is trusted in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum State {
    Trusted,
    /// It is there, but not trusted for servers.
    Untrusted,
    Absent,
    /// It could not be looked at; a sentence with the next step in it.
    Unknown(String),
}

impl State {
    pub(in crate::cli) fn id(&self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::Absent => "absent",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// How every store of this user stands to a certificate.
pub(in crate::cli) fn standings(
    certificate: &CaCertificate,
    file: &Path,
    families: &[Family],
) -> Result<Vec<Standing>> {
    standings_of(&subject(certificate, file), families)
}

/// The stores that trust an authority of corscope although there is none here: its data directory is
/// gone, or another one.
pub(in crate::cli) fn strangers(file: &Path, families: &[Family]) -> Result<Vec<Standing>> {
    let mut all = standings_of(&nobody(file), families)?;
    all.retain(|store| !store.others.is_empty());
    Ok(all)
}

fn standings_of(subject: &Subject, families: &[Family]) -> Result<Vec<Standing>> {
    let around = around()?;
    let all = chosen(&around, families).into_iter();
    let standings = all.map(|store| {
        let place = store.place();
        let exists = store.exists();
        let (state, others) = match look::look(&store, &around, subject) {
            Err(error) => (State::Unknown(error.to_string()), Vec::new()),
            Ok(now) => {
                let state = if now.is_trusted(&subject.sha256) {
                    State::Trusted
                } else if now.ours(&subject.sha256).next().is_some() {
                    State::Untrusted
                } else {
                    State::Absent
                };
                let others = now.others(&subject.sha256).filter(|h| h.trusted);
                let names = others.map(|h| h.certificate.name().to_owned()).collect();
                (state, names)
            }
        };
        Standing {
            family: store.family,
            name: store.name,
            place,
            exists,
            state,
            others,
        }
    });
    Ok(standings.collect())
}

/// `ca status`.
pub(in crate::cli) fn status(args: &CaStatusArgs) -> Result<Exit> {
    let directory = Places::of(&args.place)?.authority;
    let Some(certificate) = Authority::certificate_in(&directory) else {
        let file = Authority::certificate_path_in(&directory);
        let all = strangers(&file, &args.store)?;
        output::say("There is no authority here yet; corscope ca install makes one.");
        match args.format {
            LineFormat::Json => {
                let text = json!({
                    "schema": "corscope/trust/1",
                    "certificate": null,
                    "stores": stores_json(&all),
                });
                output::data(&format!("{text}\n"))?;
            }
            LineFormat::Text => output::prose(&strangers_text(&all))?,
        }
        return Ok(Exit::Blocked);
    };
    let file = Authority::certificate_path_in(&directory);
    let all = standings(&certificate, &file, &args.store)?;
    let days = certificate.days_left(chrono::Utc::now().timestamp());
    match args.format {
        LineFormat::Json => {
            let text = as_json(&certificate, &file, days, &all);
            output::data(&format!("{text}\n"))?;
        }
        LineFormat::Text => output::prose(&as_text(&certificate, &file, days, &all))?,
    }
    // The system's own store is for programs beside browsers, and root's to decide about.
    let fine = |s: &Standing| {
        let due = s.family != Family::System || !cfg!(target_os = "linux");
        s.others.is_empty() && (!due || !s.exists || s.state == State::Trusted)
    };
    let somewhere = all.iter().any(|s| s.state == State::Trusted);
    Ok(if days >= 30 && somewhere && all.iter().all(fine) {
        Exit::Clean
    } else {
        Exit::Blocked
    })
}

fn as_json(certificate: &CaCertificate, file: &Path, days: i64, all: &[Standing]) -> Value {
    json!({
        "schema": "corscope/trust/1",
        "certificate": {
            "name": certificate.name(),
            "sha256": certificate.sha256(),
            "sha1": certificate.sha1_bare(),
            "expires": certificate.expires_on(),
            "days_left": days,
            "file": file,
        },
        "stores": stores_json(all),
    })
}

fn stores_json(all: &[Standing]) -> Vec<Value> {
    let stores = all.iter().map(|s| {
        let why = match &s.state {
            State::Unknown(why) => Some(why),
            _ => None,
        };
        json!({
            "store": s.family.id(),
            "name": s.name,
            "place": s.place,
            "exists": s.exists,
            "state": s.state.id(),
            "why": why,
            "others": s.others,
        })
    });
    stores.collect()
}

fn strangers_text(all: &[Standing]) -> String {
    let mut text = String::new();
    for store in all {
        for other in &store.others {
            let _ = writeln!(
                text,
                "✖ {}: \"{other}\" is trusted, which is not this one's: corscope ca uninstall --stale \
                 removes it\n  {}",
                store.name, store.place
            );
        }
    }
    text
}

fn as_text(certificate: &CaCertificate, file: &Path, days: i64, all: &[Standing]) -> String {
    let mut text = format!(
        "{}\n  SHA256    {}\n  EXPIRES   {}, {}\n  FILE      {}\n\n",
        certificate.name(),
        certificate.sha256(),
        certificate.expires_on(),
        match days {
            ..0 => "which is over: corscope ca rotate makes a new one".to_owned(),
            0..30 => format!("in {days} days: corscope ca rotate makes a new one"),
            _ => format!("in {days} days"),
        },
        file.display()
    );
    for store in all {
        let (glyph, said) = match &store.state {
            State::Trusted => ('✔', "trusted".to_owned()),
            State::Untrusted => (
                '✖',
                "there, but not trusted for websites: corscope ca install".to_owned(),
            ),
            State::Absent if store.family == Family::System && cfg!(target_os = "linux") => {
                ('◌', "not trusted; corscope ca install says how".to_owned())
            }
            State::Absent if !store.exists => {
                ('◌', "no store yet; corscope ca install makes it".to_owned())
            }
            State::Absent => ('✖', "not trusted: corscope ca install".to_owned()),
            State::Unknown(why) => ('?', why.clone()),
        };
        let _ = writeln!(text, "{glyph} {}: {said}\n  {}", store.name, store.place);
        for other in &store.others {
            let _ = writeln!(
                text,
                "  and another one, \"{other}\": corscope ca uninstall --stale removes it"
            );
        }
    }
    if all.is_empty() {
        text.push_str("No certificate store was found.\n");
    }
    text
}
