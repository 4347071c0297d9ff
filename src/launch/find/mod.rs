//! Looking for installed browsers.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::LaunchError;
use super::table::{Brand, Edition, Os, Place, candidates};

/// How much of a program is read to see whether it is a script that starts a snap, in bytes.
const HEAD_BYTES_MAX: u64 = 4096;

/// How a browser is packed: what is packed sees only part of the file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pack {
    /// As any other program.
    Plain,
    /// In a snap of this name.
    Snap(String),
    /// In a flatpak of this id.
    Flatpak(String),
}

/// An installed browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which one.
    pub brand: Brand,
    /// Which line of releases.
    pub edition: Edition,
    /// Its executable.
    pub path: PathBuf,
    pub(super) pack: Pack,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.brand, self.edition.name(self.brand))
    }
}

/// The browser that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Whichever is found first.
    #[default]
    Any,
    /// This brand, and this edition of it if one is named.
    Named(Brand, Option<Edition>),
    /// This program.
    At(PathBuf),
}

impl Wish {
    /// Reads what a person wrote: `firefox`, `chrome-beta`, `/opt/firefox/firefox`. `None` if it is
    /// no browser that is known.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(['/', '\\']) {
            return Some(Self::At(text.into()));
        }
        let (brand, edition) = match text.split_once('-') {
            None => (text, None),
            Some((brand, edition)) => {
                let same = |e: &Edition| e.id() == edition;
                (brand, Some(Edition::ALL.into_iter().skip(1).find(same)?))
            }
        };
        Some(Self::Named(Brand::from_id(brand)?, edition))
    }

    /// In words: `firefox-nightly`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Any => "browser".to_owned(),
            Self::Named(brand, None | Some(Edition::Stable)) => brand.id().to_owned(),
            Self::Named(brand, Some(edition)) => format!("{}-{}", brand.id(), edition.id()),
            Self::At(path) => path.display().to_string(),
        }
    }
}

impl Program {
    /// Finds a browser: this brand, or the first there is.
    pub fn find(brand: Option<Brand>) -> Result<Self, LaunchError> {
        Self::choose(&brand.map_or(Wish::Any, |brand| Wish::Named(brand, None)))
    }

    /// Finds the browser that is wanted.
    pub fn choose(wish: &Wish) -> Result<Self, LaunchError> {
        choose(Os::HERE, &Here, wish)
    }

    /// All browsers that are installed, in the order in which one is chosen.
    pub fn all() -> Vec<Self> {
        all(Os::HERE, &Here)
    }

    /// As on the command line: `firefox-nightly`.
    pub fn id(&self) -> String {
        Wish::Named(self.brand, Some(self.edition)).text()
    }
}

/// What is asked of a system; a test has one of its own.
trait System {
    fn is_executable(&self, path: &Path) -> bool;
    /// The beginning of a file, if it is text.
    fn head(&self, path: &Path) -> Option<String>;
    /// Where links lead.
    fn resolve(&self, path: &Path) -> PathBuf;
    fn variable(&self, name: &str) -> Option<PathBuf>;
    fn search_path(&self) -> Vec<PathBuf>;
}

fn choose(os: Os, system: &dyn System, wish: &Wish) -> Result<Program, LaunchError> {
    if let Wish::At(path) = wish {
        return at(system, path);
    }
    let fits = |program: &Program| match wish {
        Wish::Any => true,
        Wish::Named(brand, edition) => {
            program.brand == *brand && edition.is_none_or(|e| e == program.edition)
        }
        Wish::At(_) => false,
    };
    let found = all(os, system);
    let others = found.iter().map(Program::id).collect();
    found
        .into_iter()
        .find(fits)
        .ok_or_else(|| LaunchError::NotFound {
            wanted: (*wish != Wish::Any).then(|| wish.text()),
            others,
        })
}

/// A program that a person named. What is not known by name is taken for a Chromium: there are more
/// of them.
fn at(system: &dyn System, path: &Path) -> Result<Program, LaunchError> {
    if !system.is_executable(path) {
        return Err(LaunchError::NoProgram {
            path: path.to_owned(),
        });
    }
    let name = path.to_string_lossy().to_ascii_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let brand = if named(&[
        "firefox",
        "librewolf",
        "waterfox",
        "floorp",
        "zen",
        "mullvad",
    ]) {
        Brand::Firefox
    } else {
        let known = Brand::ALL.into_iter().rev();
        known
            .into_iter()
            .find(|brand| name.contains(brand.id()))
            .unwrap_or(Brand::Chromium)
    };
    Ok(Program {
        brand,
        edition: Edition::Stable,
        path: path.to_owned(),
        pack: snap_behind(system, path).map_or(Pack::Plain, Pack::Snap),
    })
}

fn all(os: Os, system: &dyn System) -> Vec<Program> {
    let mut found: Vec<(Program, PathBuf)> = Vec::new();
    for &(brand, edition, place) in candidates(os) {
        for (path, pack) in places(os, system, place) {
            if !system.is_executable(&path) {
                continue;
            }
            let is_flatpak = matches!(pack, Pack::Flatpak(_));
            let pack = match pack {
                Pack::Plain => snap_behind(system, &path).map_or(Pack::Plain, Pack::Snap),
                packed => packed,
            };
            // Debian's `firefox` is a script that starts `firefox-esr`.
            let is_esr = brand == Brand::Firefox
                && system
                    .head(&path)
                    .is_some_and(|head| head.starts_with("#!") && head.contains("firefox-esr"));
            let edition = if is_esr { Edition::Esr } else { edition };
            // Several names of one program are one browser; two editions may be, too.
            let target = system.resolve(&path);
            let known = found.iter().any(|(program, seen)| {
                (program.brand, program.edition) == (brand, edition)
                    || (*seen == target && !is_flatpak)
            });
            if !known {
                let program = Program {
                    brand,
                    edition,
                    path,
                    pack,
                };
                found.push((program, target));
            }
        }
    }
    found.sort_by_key(|(program, _)| {
        let brand = Brand::ALL.iter().position(|b| *b == program.brand);
        let edition = Edition::ALL.iter().position(|e| *e == program.edition);
        // A brand's stable edition comes before anybody's unfinished one.
        (edition > Some(1), brand, edition)
    });
    found.into_iter().map(|(program, _)| program).collect()
}

/// The files that would be there.
fn places(os: Os, system: &dyn System, place: Place) -> Vec<(PathBuf, Pack)> {
    let home = system.variable("HOME");
    let plain = |paths: Vec<PathBuf>| paths.into_iter().map(|p| (p, Pack::Plain)).collect();
    match place {
        Place::Path(name) => plain(
            system
                .search_path()
                .into_iter()
                .map(|dir| dir.join(name))
                .collect(),
        ),
        Place::Root(path) => plain(vec![Path::new("/").join(path)]),
        Place::Snap(name) => ["/snap/bin", "/var/lib/snapd/snap/bin"]
            .iter()
            .map(|dir| (Path::new(dir).join(name), Pack::Snap(name.to_owned())))
            .collect(),
        Place::Flatpak(id) => {
            let own = system
                .variable("XDG_DATA_HOME")
                .or_else(|| home.map(|home| home.join(".local/share")));
            let shared = Some(PathBuf::from("/var/lib"));
            [own, shared]
                .into_iter()
                .flatten()
                .map(|data| {
                    let path = data.join("flatpak/exports/bin").join(id);
                    (path, Pack::Flatpak(id.to_owned()))
                })
                .collect()
        }
        Place::Applications(path) => {
            let roots = std::iter::once(PathBuf::from("/")).chain(home);
            plain(
                roots
                    .map(|root| root.join("Applications").join(path))
                    .collect(),
            )
        }
        Place::Programs(path) => {
            debug_assert_eq!(os, Os::Windows, "a place of Windows only");
            let folders = ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"];
            plain(
                folders
                    .iter()
                    .filter_map(|name| system.variable(name))
                    .map(|dir| dir.join(path))
                    .collect(),
            )
        }
    }
}

/// The snap that a program starts, if it does: Ubuntu's `/usr/bin/firefox` is a script that does.
/// Confined so, it sees no profile outside its own folders.
fn snap_behind(system: &dyn System, path: &Path) -> Option<String> {
    if path.starts_with("/snap/bin") || path.starts_with("/var/lib/snapd/snap/bin") {
        return Some(path.file_name()?.to_str()?.to_owned());
    }
    let head = system.head(path)?;
    if !head.starts_with("#!") {
        return None;
    }
    let after = head.split("/snap/bin/").nth(1)?;
    let name: String = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// This machine.
struct Here;

impl System for Here {
    #[cfg(unix)]
    fn is_executable(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        path.metadata()
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    }

    #[cfg(not(unix))]
    fn is_executable(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn head(&self, path: &Path) -> Option<String> {
        let mut head = String::new();
        let file = File::open(path).ok()?;
        file.take(HEAD_BYTES_MAX).read_to_string(&mut head).ok()?;
        Some(head)
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        env::var_os(name).filter(|v| !v.is_empty()).map(Into::into)
    }

    fn search_path(&self) -> Vec<PathBuf> {
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests;
