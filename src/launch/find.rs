//! Where browsers are installed.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::LaunchError;

/// A browser by the name people give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Brand {
    /// Google Chrome.
    Chrome,
    /// Chromium.
    Chromium,
    /// Microsoft Edge.
    Edge,
    /// Brave.
    Brave,
    /// Vivaldi.
    Vivaldi,
    /// Opera.
    Opera,
    /// Firefox, whichever edition.
    Firefox,
}

/// How a browser is told what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// By Chromium's command line.
    Chromium,
    /// By the preferences in its profile.
    Firefox,
}

impl Brand {
    /// Every brand, in the order in which one is looked for.
    pub const ALL: [Self; 7] = [
        Self::Chrome,
        Self::Chromium,
        Self::Edge,
        Self::Brave,
        Self::Vivaldi,
        Self::Opera,
        Self::Firefox,
    ];

    /// As on the command line: `chromium`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Chromium => "chromium",
            Self::Edge => "edge",
            Self::Brave => "brave",
            Self::Vivaldi => "vivaldi",
            Self::Opera => "opera",
            Self::Firefox => "firefox",
        }
    }

    /// Reads [`id`](Self::id) back.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|brand| brand.id() == id)
    }

    /// How it is told what to do.
    pub fn family(self) -> Family {
        match self {
            Self::Firefox => Family::Firefox,
            _ => Family::Chromium,
        }
    }

    /// Names of its program in the search path.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &["google-chrome-stable", "google-chrome", "chrome"],
            Self::Chromium => &["chromium", "chromium-browser"],
            Self::Edge => &["microsoft-edge-stable", "microsoft-edge", "msedge"],
            Self::Brave => &["brave-browser", "brave-browser-stable", "brave"],
            Self::Vivaldi => &["vivaldi-stable", "vivaldi"],
            Self::Opera => &["opera"],
            Self::Firefox => &[
                "firefox",
                "firefox-esr",
                "firefox-developer-edition",
                "firefox-nightly",
            ],
        }
    }

    /// Places outside the search path; below each of [`roots`].
    fn places(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &[
                "opt/google/chrome/chrome",
                "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "Google/Chrome/Application/chrome.exe",
            ],
            Self::Chromium => &[
                "snap/bin/chromium",
                "Applications/Chromium.app/Contents/MacOS/Chromium",
                "Chromium/Application/chrome.exe",
            ],
            Self::Edge => &[
                "opt/microsoft/msedge/msedge",
                "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
                "Microsoft/Edge/Application/msedge.exe",
            ],
            Self::Brave => &[
                "opt/brave.com/brave/brave",
                "snap/bin/brave",
                "Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
                "BraveSoftware/Brave-Browser/Application/brave.exe",
            ],
            Self::Vivaldi => &[
                "opt/vivaldi/vivaldi",
                "Applications/Vivaldi.app/Contents/MacOS/Vivaldi",
                "Vivaldi/Application/vivaldi.exe",
            ],
            Self::Opera => &[
                "snap/bin/opera",
                "Applications/Opera.app/Contents/MacOS/Opera",
                "Programs/Opera/opera.exe",
            ],
            Self::Firefox => &[
                "snap/bin/firefox",
                "opt/firefox/firefox",
                "Applications/Firefox.app/Contents/MacOS/firefox",
                "Applications/Firefox Developer Edition.app/Contents/MacOS/firefox",
                "Applications/Firefox Nightly.app/Contents/MacOS/firefox",
                "Mozilla Firefox/firefox.exe",
                "Firefox Developer Edition/firefox.exe",
                "Firefox Nightly/firefox.exe",
            ],
        }
    }
}

/// An installed browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Which one.
    pub brand: Brand,
    /// Its executable.
    pub path: PathBuf,
}

impl Program {
    /// Finds a browser: this brand, or the first there is.
    pub fn find(brand: Option<Brand>) -> Result<Self, LaunchError> {
        let brands = brand.map_or_else(|| Brand::ALL.to_vec(), |b| vec![b]);
        let found = brands.into_iter().find_map(|brand| {
            let path = installed(brand)?;
            Some(Self { brand, path })
        });
        found.ok_or(LaunchError::NotFound { brand })
    }

    /// The name of the snap this browser lives in, if it does. Confined so, it sees no profile
    /// outside its own folders.
    pub(super) fn snap(&self) -> Option<String> {
        if self.path.starts_with("/snap") {
            let name = self.path.file_name()?.to_str()?;
            return Some(name.to_owned());
        }
        // Ubuntu's `/usr/bin/firefox` is a script that starts the snap.
        let mut head = String::new();
        let file = File::open(&self.path).ok()?;
        file.take(4096).read_to_string(&mut head).ok()?;
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
}

fn installed(brand: Brand) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = brand.programs().iter().flat_map(|name| {
        env::split_paths(&path)
            .map(move |dir| dir.join(name).with_extension(env::consts::EXE_EXTENSION))
    });
    let elsewhere = brand
        .places()
        .iter()
        .flat_map(|place| roots().into_iter().map(move |root| root.join(place)));
    in_path.chain(elsewhere).find(|p| is_executable(p))
}

/// What [`Brand::places`] are relative to.
fn roots() -> Vec<PathBuf> {
    if cfg!(windows) {
        let folders = ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"];
        folders
            .iter()
            .filter_map(env::var_os)
            .map(PathBuf::from)
            .collect()
    } else {
        let home = env::var_os("HOME").map(PathBuf::from);
        std::iter::once(PathBuf::from("/")).chain(home).collect()
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        for brand in Brand::ALL {
            assert_eq!(Brand::from_id(brand.id()), Some(brand));
        }
        assert_eq!(Brand::from_id("lynx"), None);
    }

    #[test]
    fn a_script_that_starts_a_snap_is_one() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("firefox");
        let program = |path: PathBuf| Program {
            brand: Brand::Firefox,
            path,
        };
        std::fs::write(&path, "#!/bin/sh\nexec /snap/bin/firefox \"$@\"\n").expect("writable");
        assert_eq!(program(path.clone()).snap().as_deref(), Some("firefox"));
        std::fs::write(&path, "#!/bin/sh\nexec /usr/lib/firefox/firefox \"$@\"\n")
            .expect("writable");
        assert_eq!(program(path).snap(), None);
        let direct = program("/snap/bin/chromium".into());
        assert_eq!(direct.snap().as_deref(), Some("chromium"));
    }
}
