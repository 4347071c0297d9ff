//! Putting an authority into the stores and taking it out again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::look::{Look, look, missing_tool};
use super::places::{Around, Kind, Store};
use super::run::{find_program, run};
use super::steps::{self, Step, Subject};

/// Where it is remembered which databases were made here, one path to a line, beside the authority.
const MADE_FILE: &str = "made-stores";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    In,
    Out,
    /// Other corscope authorities out.
    OthersOut,
}

/// What became of one store.
#[derive(Debug)]
pub(super) enum Became {
    /// It was as wished already.
    Already,
    /// It is as wished now.
    Done,
    /// These commands do it.
    Commands(Vec<Step>),
    /// It cannot be.
    Failed(anyhow::Error),
}

/// Who changes the stores, and how far that may go.
pub(super) struct Hand<'a> {
    pub(super) around: &'a Around,
    /// The authority's directory.
    pub(super) directory: &'a Path,
    pub(super) is_root: bool,
    /// Commands are told, not run.
    pub(super) dry: bool,
}

impl Hand<'_> {
    pub(super) fn change(&self, store: &Store, subject: &Subject, wish: Wish) -> Became {
        self.try_change(store, subject, wish)
            .unwrap_or_else(Became::Failed)
    }

    fn try_change(&self, store: &Store, subject: &Subject, wish: Wish) -> Result<Became> {
        let now = match look(store, self.around, subject) {
            // What cannot be looked at can still be told.
            Err(_) if self.dry => Look::default(),
            other => other?,
        };
        let steps = needed(store, subject, wish, &now);
        if steps.is_empty() {
            if wish != Wish::In {
                self.tidy(store)?;
            }
            return Ok(Became::Already);
        }
        if self.dry || (!self.is_root && steps.iter().any(|s| s.needs_root)) {
            return Ok(Became::Commands(steps));
        }
        if let Some(step) = steps.iter().find(|s| find_program(s.program).is_none()) {
            return Err(missing_tool(step, self.around));
        }
        if !store.exists() {
            self.remember(store)?;
        }
        for step in &steps {
            if let Err(error) = run(step) {
                self.undo(store, subject, wish);
                let text = error.to_string();
                if text.contains("BAD_PASSWORD") {
                    bail!(
                        "it has a primary password; import {} by hand, in its own settings",
                        subject.file.display()
                    );
                }
                return Err(error);
            }
        }
        if wish != Wish::In {
            self.tidy(store)?;
        }
        // Believed only when seen.
        let after = look(store, self.around, subject)?;
        if needed(store, subject, wish, &after).is_empty() {
            Ok(Became::Done)
        } else {
            bail!("the commands went well but changed nothing; try corscope ca status")
        }
    }

    /// A certificate that could not be trusted does not stay behind.
    fn undo(&self, store: &Store, subject: &Subject, wish: Wish) {
        let Kind::Nss(dir) = &store.kind else { return };
        if wish == Wish::In {
            let now = look(store, self.around, subject).unwrap_or_default();
            for held in now.ours(&subject.sha256).filter(|h| !h.trusted) {
                let _ = run(&steps::remove_nss(dir, &held.nickname));
            }
            let _ = self.tidy(store);
        }
    }

    fn made(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string(self.directory.join(MADE_FILE)).unwrap_or_default();
        text.lines().map(PathBuf::from).collect()
    }

    fn remember(&self, store: &Store) -> Result<()> {
        let Kind::Nss(dir) = &store.kind else {
            return Ok(());
        };
        let mut made = self.made();
        if !made.contains(dir) {
            made.push(dir.clone());
        }
        self.write_made(&made)
    }

    fn write_made(&self, made: &[PathBuf]) -> Result<()> {
        let file = self.directory.join(MADE_FILE);
        if made.is_empty() {
            if file.exists() {
                fs::remove_file(file)?;
            }
            return Ok(());
        }
        let lines: Vec<String> = made.iter().map(|d| format!("{}\n", d.display())).collect();
        let mut beside = tempfile::NamedTempFile::new_in(self.directory)?;
        std::io::Write::write_all(&mut beside, lines.concat().as_bytes())?;
        beside.persist(file)?;
        Ok(())
    }

    /// A database that was made here, for this, and holds nothing any more, goes too.
    fn tidy(&self, store: &Store) -> Result<()> {
        let Kind::Nss(dir) = &store.kind else {
            return Ok(());
        };
        let mut made = self.made();
        if self.dry || !made.contains(dir) {
            return Ok(());
        }
        if dir.exists() {
            if !is_empty(dir) {
                return Ok(());
            }
            for file in ["cert9.db", "key4.db", "pkcs11.txt"] {
                let _ = fs::remove_file(dir.join(file));
            }
            // Only where nothing else is in them.
            let _ = fs::remove_dir(dir);
            if let Some(parent) = dir.parent().filter(|p| *p != self.around.home) {
                let _ = fs::remove_dir(parent);
            }
        }
        made.retain(|d| d != dir);
        self.write_made(&made)
    }
}

/// Whether an NSS database holds no certificate and no key.
fn is_empty(dir: &Path) -> bool {
    let list = |what: &str| {
        run(&Step {
            program: "certutil",
            arguments: vec![
                what.to_owned(),
                "-d".to_owned(),
                format!("sql:{}", dir.display()),
            ],
            needs_root: false,
        })
    };
    let certificates = list("-L").map(|text| {
        let rows = text.lines().filter(|l| !l.trim().is_empty());
        rows.count()
    });
    // The heading is two lines. Listing no keys is a failure that says so.
    let no_keys = list("-K").is_err_and(|e| e.to_string().contains("no keys found"));
    no_keys && certificates.is_ok_and(|rows| rows <= 2)
}

/// The commands that turn what is into what is wished.
fn needed(store: &Store, subject: &Subject, wish: Wish, now: &Look) -> Vec<Step> {
    let sha256 = &subject.sha256;
    match (wish, &store.kind) {
        (Wish::In, _) if now.is_trusted(sha256) => Vec::new(),
        (Wish::In, Kind::Nss(dir)) => {
            if let Some(held) = now.ours(sha256).next() {
                return vec![steps::trust(dir, &held.nickname)];
            }
            let create = !store.exists();
            let mut all = if create {
                steps::create(&store.kind)
            } else {
                Vec::new()
            };
            all.extend(steps::install(&store.kind, subject));
            all
        }
        (Wish::In, _) => steps::install(&store.kind, subject),
        (Wish::Out, Kind::Nss(dir)) => {
            let held = now.ours(sha256);
            held.map(|h| steps::remove_nss(dir, &h.nickname)).collect()
        }
        (Wish::Out, _) if now.ours(sha256).next().is_none() => Vec::new(),
        (Wish::Out, _) => steps::uninstall(&store.kind, subject),
        (Wish::OthersOut, kind) => {
            let others = now.others(sha256);
            others
                .flat_map(|held| match kind {
                    Kind::Nss(dir) => vec![steps::remove_nss(dir, &held.nickname)],
                    _ => steps::uninstall(kind, &super::subject(&held.certificate, &subject.file)),
                })
                .collect()
        }
    }
}
