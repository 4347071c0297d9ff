//! `ca install`, `uninstall`, `status`, `rotate`: the authority in the certificate stores of this
//! user, and what is to be run as root for those of the system.
//!
//! Which stores there are ([`places`]) and which commands they take ([`steps`]) are tables; what is in
//! them is asked ([`look`]), the commands are run or told ([`change`]).

mod change;
mod look;
mod places;
mod run;
mod status;
mod steps;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::args::CaChangeArgs;
use super::config::Places;
use super::exit::Exit;
use super::output;
use crate::launch;
use crate::proxy::{Authority, CaCertificate};
use change::{Became, Hand, Wish};
pub(super) use places::Family;
use places::{Around, Store, System, stores};
pub(super) use status::{Standing, State, standings, status, strangers};
use steps::Subject;

fn around() -> Result<Around> {
    let xdg = Xdg::new().context("no home directory is known; set HOME")?;
    let system = if cfg!(windows) {
        System::Windows
    } else if cfg!(target_os = "macos") {
        System::MacOs
    } else {
        System::Linux
    };
    Ok(Around {
        system,
        root: "/".into(),
        home: xdg.home_dir().to_owned(),
        data: xdg.data_dir(),
        config: xdg.config_dir(),
    })
}

fn subject(certificate: &CaCertificate, file: &Path) -> Subject {
    Subject {
        file: file.to_owned(),
        name: certificate.name().to_owned(),
        sha256: certificate.sha256_bare(),
        sha1: certificate.sha1_bare(),
    }
}

/// What no certificate is: beside it, every authority of corscope is another one.
fn nobody(file: &Path) -> Subject {
    Subject {
        file: file.to_owned(),
        name: String::new(),
        sha256: "0".repeat(64),
        sha1: "0".repeat(40),
    }
}

fn subject_of(authority: &Authority) -> Subject {
    subject(authority.certificate(), &authority.certificate_path())
}

/// The stores that are meant: of these families, or all that there are. A database of Chromium's
/// that is not there is made only where there is a browser to read it, or when it is asked for.
fn chosen(around: &Around, families: &[Family]) -> Vec<Store> {
    let meant = |store: &Store| {
        if !families.is_empty() {
            return families.contains(&store.family);
        }
        store.exists() || chromium_is_here()
    };
    stores(around).into_iter().filter(meant).collect()
}

fn chromium_is_here() -> bool {
    launch::Brand::ALL
        .into_iter()
        .filter(|b| b.family() == launch::Family::Chromium)
        .any(|b| launch::Program::find(Some(b)).is_ok())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// `ca install`.
pub(super) fn install(args: &CaChangeArgs) -> Result<Exit> {
    let directory = Places::of(&args.place)?.authority;
    let authority = Authority::load_or_create(&directory)?;
    authority.remarks().iter().for_each(|r| output::say(r));
    change(args, &directory, &subject_of(&authority), Wish::In)
}

/// `ca uninstall`.
pub(super) fn uninstall(args: &CaChangeArgs, others_too: bool) -> Result<Exit> {
    let directory = Places::of(&args.place)?.authority;
    // To be taken out an authority need not be usable, and is not made.
    let there = Authority::certificate_in(&directory);
    let file = Authority::certificate_path_in(&directory);
    let mut done = Exit::Clean;
    if let Some(certificate) = &there {
        done = change(args, &directory, &subject(certificate, &file), Wish::Out)?;
    } else if !others_too {
        output::say(
            "There is no authority here, so none of it is trusted; --stale looks for others.",
        );
    }
    if others_too {
        let ours = there.map_or_else(|| nobody(&file), |c| subject(&c, &file));
        let more = change(args, &directory, &ours, Wish::OthersOut)?;
        done = if done == Exit::Clean { more } else { done };
    }
    Ok(done)
}

fn change(args: &CaChangeArgs, directory: &Path, subject: &Subject, wish: Wish) -> Result<Exit> {
    let around = around()?;
    let hand = Hand {
        around: &around,
        directory,
        is_root: is_root(),
        dry: args.dry_run,
    };
    let mut report = Report::default();
    for store in &chosen(&around, &args.store) {
        report.add(store, wish, hand.change(store, subject, wish));
    }
    report.print(wish, &hand, subject)
}

/// What became of the stores, for people.
#[derive(Default)]
struct Report {
    text: String,
    commands: Vec<String>,
    families: Vec<Family>,
    failed: usize,
    stores: usize,
}

impl Report {
    fn add(&mut self, store: &Store, wish: Wish, became: Became) {
        self.stores += 1;
        let (name, place) = (&store.name, store.place());
        let word = match wish {
            Wish::In => "trusted",
            Wish::Out => "not trusted",
            Wish::OthersOut => "no other corscope authority",
        };
        let line = match became {
            Became::Already => format!("✔ {name}: {word} already"),
            Became::Done => {
                self.families.push(store.family);
                format!("✔ {name}: {word} now")
            }
            Became::Commands(steps) => {
                let lines = steps.iter().map(steps::Step::shown);
                for line in lines
                    .filter(|l| !self.commands.contains(l))
                    .collect::<Vec<_>>()
                {
                    self.commands.push(line);
                }
                format!("◌ {name}: see the commands below")
            }
            Became::Failed(error) => {
                self.failed += 1;
                format!("✖ {name}: {error}")
            }
        };
        let _ = writeln!(self.text, "{line}\n  {place}");
    }

    fn print(mut self, wish: Wish, hand: &Hand<'_>, subject: &Subject) -> Result<Exit> {
        if hand.dry {
            // Nothing but what can be pasted, and why something is not in it.
            let mut text = self.commands.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            output::data(&text)?;
            if self.commands.is_empty() {
                output::say("Nothing is to be done.");
            }
            return Ok(if self.failed > 0 {
                Exit::Failed
            } else {
                Exit::Clean
            });
        }
        if self.stores == 0 {
            let _ = writeln!(
                self.text,
                "No certificate store was found; give {} to the program that is to trust it.",
                subject.file.display()
            );
        }
        if !self.commands.is_empty() {
            let _ = writeln!(self.text, "\nAs root, for the whole system:");
            for command in &self.commands {
                let _ = writeln!(self.text, "  {command}");
            }
        }
        if !self.families.is_empty() {
            let again = match wish {
                Wish::In => "A browser that is open notices when it is started again.",
                _ => "A browser that is open goes on as before until it is started again.",
            };
            let _ = writeln!(self.text, "\n{again}");
        }
        output::prose(&self.text)?;
        Ok(if self.failed > 0 {
            Exit::Failed
        } else {
            Exit::Clean
        })
    }
}

/// `ca rotate`: a new authority, in the stores where the old one was trusted.
pub(super) fn rotate(args: &CaChangeArgs) -> Result<Exit> {
    let directory = Places::of(&args.place)?.authority;
    let around = around()?;
    let hand = Hand {
        around: &around,
        directory: &directory,
        is_root: is_root(),
        dry: args.dry_run,
    };
    let file = Authority::certificate_path_in(&directory);
    let before = Authority::certificate_in(&directory).map(|c| subject(&c, &file));
    let trusting: Vec<Store> = match &before {
        None => Vec::new(),
        Some(before) => {
            let held = |store: &Store| {
                let now = look::look(store, &around, before);
                now.is_ok_and(|l| l.ours(&before.sha256).next().is_some())
            };
            chosen(&around, &args.store)
                .into_iter()
                .filter(held)
                .collect()
        }
    };
    let mut report = Report::default();
    // Out with the old while its certificate is still at hand: `trust anchor --remove` takes the file.
    if let Some(before) = &before {
        for store in &trusting {
            report.add(store, Wish::Out, hand.change(store, before, Wish::Out));
        }
    }
    if args.dry_run {
        report.commands.push("# and a new key\n".to_owned());
        output::data(&report.commands.join("\n"))?;
        return Ok(Exit::Clean);
    }
    let rotated = Authority::rotate(&directory)?;
    let certificate = rotated.authority.certificate();
    let mut said = format!(
        "The new authority is \"{}\".\n  SHA256    {}\n  EXPIRES   {}\n",
        certificate.name(),
        certificate.sha256(),
        certificate.expires_on(),
    );
    if let Some(aside) = &rotated.set_aside {
        let _ = writeln!(
            said,
            "The key before was unusable; it lies in {} now.",
            aside.display()
        );
    }
    said.push_str("Start a corscope that runs again, and trust the new one on other devices.\n\n");
    let subject = subject_of(&rotated.authority);
    report.text.insert_str(0, &said);
    for store in &trusting {
        report.add(store, Wish::In, hand.change(store, &subject, Wish::In));
    }
    report.stores += 1;
    report.print(Wish::In, &hand, &subject)
}
