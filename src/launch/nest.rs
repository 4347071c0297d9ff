//! Where a launched browser lives: a directory of its own that goes when it goes, with everything a
//! browser writes beside its profile. Nothing is written into the person's home directory.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::find::{Pack, Program};
use super::table::Os;

/// What the name of every such directory begins with.
const PREFIX: &str = "corscope-browser-";
/// The file in it that is locked while the corscope that made it lives.
const LOCK: &str = "lock";
/// A directory without that file may be about to get it, this long.
const YOUNG: Duration = Duration::from_mins(5);
/// The longest path below which Chromium can still make the socket it knows its other windows by
/// (108 bytes are allowed, the socket's own part takes less than 50).
const TMP_BYTES_MAX: usize = 56;

/// The directories of one launched browser.
pub(super) struct Nest {
    /// All of them but a kept profile.
    dir: Option<TempDir>,
    root: PathBuf,
    profile: PathBuf,
    // Held until the browser is gone; the system lets go of them when this process ends somehow.
    _locks: Vec<File>,
}

/// Why there is no place for a browser.
pub(super) enum NestError {
    Io(io::Error),
    /// The kept profile is open in another browser.
    InUse,
}

impl From<io::Error> for NestError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Nest {
    /// Makes room, with the profile in `kept` if it is to be kept. Sweeps what others left behind.
    pub(super) fn make(program: &Program, kept: Option<&Path>) -> Result<Self, NestError> {
        let base = base(program)?;
        sweep(&base);
        let mut builder = tempfile::Builder::new();
        let dir = builder.prefix(PREFIX).tempdir_in(&base)?;
        let root = dir.path().to_owned();
        let mut locks = vec![lock(&root.join(LOCK))?];
        for name in ["home", "tmp", "home/Downloads"] {
            fs::create_dir_all(root.join(name))?;
        }
        let profile = match kept {
            None => root.join("profile"),
            Some(kept) => kept.to_owned(),
        };
        private_dir(&profile)?;
        if kept.is_some() {
            locks.push(lock(&profile.join("corscope.lock"))?);
        }
        Ok(Self {
            dir: Some(dir),
            root,
            profile,
            _locks: locks,
        })
    }

    /// The browser's profile.
    pub(super) fn profile(&self) -> &Path {
        &self.profile
    }

    /// What goes with the browser.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What the browser is told about where to write.
    ///
    /// Browsers write a little outside their profile: crash reports, caches of the desktop's
    /// libraries, certificates of the system's store. On Linux all of it follows `HOME` and the
    /// `XDG_*` variables. A snap or a flatpak has folders of its own and must not be told otherwise;
    /// on macOS the login keychain hangs on `HOME`, and Windows has no such thing.
    pub(super) fn environment(&self, program: &Program) -> Vec<(&'static str, OsString)> {
        let mut set: Vec<(&'static str, OsString)> = vec![(
            "BREAKPAD_DUMP_LOCATION",
            self.root.join("tmp").into_os_string(),
        )];
        if Os::HERE != Os::Linux || program.pack != Pack::Plain {
            return set;
        }
        let home = self.root.join("home");
        for (name, folder) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
        ] {
            set.push((name, home.join(folder).into_os_string()));
        }
        if self.root.as_os_str().len() <= TMP_BYTES_MAX {
            set.push(("TMPDIR", self.root.join("tmp").into_os_string()));
        }
        // The key to the X server lies in the home directory unless something else is said.
        let authority = person_home().map(|home| home.join(".Xauthority"));
        if let Some(authority) = authority.filter(|file| file.exists())
            && env::var_os("XAUTHORITY").is_none()
        {
            set.push(("XAUTHORITY", authority.into_os_string()));
        }
        set.push(("HOME", home.into_os_string()));
        set
    }

    /// Takes everything away that is not kept; whether nothing of it is left.
    pub(super) fn remove(&mut self) -> bool {
        let Some(dir) = &self.dir else { return true };
        let _ = fs::remove_dir_all(dir.path());
        let gone = !dir.path().exists();
        if gone && let Some(dir) = self.dir.take() {
            // Nothing is left for it to remove.
            let _ = dir.keep();
        }
        gone
    }
}

/// Where a person finds what they downloaded: files they asked for outlive the browser.
pub(super) fn downloads() -> Option<PathBuf> {
    let home = person_home()?;
    let config = env::var_os("XDG_CONFIG_HOME").map_or(home.join(".config"), PathBuf::from);
    let named = fs::read_to_string(config.join("user-dirs.dirs"))
        .ok()
        .and_then(|text| user_dir(&text, &home));
    let usual = home.join("Downloads");
    [named, Some(usual), Some(home)]
        .into_iter()
        .flatten()
        .find(|dir| dir.is_dir())
}

/// The download folder of a `user-dirs.dirs` file: `XDG_DOWNLOAD_DIR="$HOME/Downloads"`.
fn user_dir(text: &str, home: &Path) -> Option<PathBuf> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("XDG_DOWNLOAD_DIR="))?;
    let value = line.trim_matches('"');
    match value.strip_prefix("$HOME/") {
        Some(rest) => Some(home.join(rest)),
        None => value.starts_with('/').then(|| value.into()),
    }
}

fn person_home() -> Option<PathBuf> {
    env::var_os("HOME")
        .filter(|h| !h.is_empty())
        .map(PathBuf::from)
}

/// The directory in which the browser's own is made: one that it can see.
fn base(program: &Program) -> io::Result<PathBuf> {
    let Some(inside) = person_home().and_then(|home| inside(&program.pack, &home)) else {
        return Ok(env::temp_dir());
    };
    fs::create_dir_all(&inside)?;
    Ok(inside)
}

/// What a packed browser sees of a home. A snap has a `/tmp` of its own and sees no hidden folder but its
/// own, which lies below `~/snap`, or, with snapd's `experimental.hidden-snap-folder`, below
/// `~/.snap/data`. A flatpak sees its `~/.var/app`.
fn inside(pack: &Pack, home: &Path) -> Option<PathBuf> {
    match pack {
        Pack::Plain => None,
        Pack::Snap(name) => {
            let hidden = home.join(".snap/data").join(name);
            let usual = home.join("snap").join(name);
            let dir = if hidden.is_dir() && !usual.is_dir() {
                hidden
            } else {
                usual
            };
            Some(dir.join("common"))
        }
        Pack::Flatpak(id) => Some(home.join(".var/app").join(id)),
    }
}

fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(dir)
}

fn lock(path: &Path) -> Result<File, NestError> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NestError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Removes directories of browsers whose corscope ended without a word.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        // Not through a link that somebody put there.
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_stale(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether nobody lives there any more. What cannot be looked at is somebody else's.
fn is_stale(dir: &Path) -> bool {
    if !is_own(dir) {
        return false;
    }
    match File::options().write(true).open(dir.join(LOCK)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = dir.metadata().and_then(|m| m.modified());
            let age = made.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            age.is_ok_and(|age| age > YOUNG)
        }
        Err(_) => false,
    }
}

#[cfg(unix)]
fn is_own(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    dir.symlink_metadata()
        .is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_own(_dir: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::{Brand, Edition};

    fn program(pack: Pack) -> Program {
        Program {
            brand: Brand::Firefox,
            edition: Edition::Stable,
            path: "/usr/bin/firefox".into(),
            pack,
        }
    }

    #[test]
    fn what_was_left_behind_is_swept_and_nothing_else() {
        let base = tempfile::tempdir().expect("a directory");
        let at = |name: &str| base.path().join(name);
        let make = |name: &str| {
            fs::create_dir(at(name)).expect("made");
            File::create(at(name).join(LOCK)).expect("made")
        };
        drop(make("corscope-browser-dead"));
        let living = make("corscope-browser-living");
        living.lock().expect("locked");
        fs::create_dir(at("corscope-browser-young")).expect("made");
        fs::create_dir(at("somebody-else")).expect("made");
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("somebody-else"), at("corscope-browser-link"))
            .expect("linked");
        sweep(base.path());
        assert!(!at("corscope-browser-dead").exists());
        assert!(at("corscope-browser-living").exists());
        assert!(at("corscope-browser-young").exists());
        assert!(at("somebody-else").exists());
        drop(living);
        sweep(base.path());
        assert!(!at("corscope-browser-living").exists());
    }

    #[test]
    fn a_kept_profile_is_open_once_and_stays() {
        let data = tempfile::tempdir().expect("a directory");
        let kept = data.path().join("kept/mine/firefox");
        let program = program(Pack::Plain);
        let mut first = Nest::make(&program, Some(&kept)).ok().expect("room");
        assert_eq!(first.profile(), kept);
        assert!(matches!(
            Nest::make(&program, Some(&kept)),
            Err(NestError::InUse)
        ));
        let root = first.root().to_owned();
        assert!(root.join("home").is_dir());
        assert!(first.remove());
        assert!(!root.exists() && kept.is_dir());
        drop(first);
        assert!(Nest::make(&program, Some(&kept)).is_ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = kept.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn what_is_packed_gets_a_place_that_it_sees() {
        let home = tempfile::tempdir().expect("a directory");
        let home = home.path();
        let snap = Pack::Snap("firefox".into());
        assert_eq!(inside(&Pack::Plain, home), None);
        assert_eq!(inside(&snap, home), Some(home.join("snap/firefox/common")));
        fs::create_dir_all(home.join(".snap/data/firefox")).expect("made");
        let hidden = home.join(".snap/data/firefox/common");
        assert_eq!(inside(&snap, home), Some(hidden));
        fs::create_dir_all(home.join("snap/firefox")).expect("made");
        assert_eq!(inside(&snap, home), Some(home.join("snap/firefox/common")));
        let flatpak = Pack::Flatpak("org.mozilla.firefox".into());
        let seen = home.join(".var/app/org.mozilla.firefox");
        assert_eq!(inside(&flatpak, home), Some(seen));
    }

    #[test]
    fn only_a_plain_program_is_given_another_home() {
        let names = |pack| {
            let nest = Nest::make(&program(Pack::Plain), None).ok().expect("room");
            let set = nest.environment(&program(pack));
            set.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(Pack::Plain).contains(&"HOME"), Os::HERE == Os::Linux);
        assert!(!names(Pack::Snap("firefox".into())).contains(&"HOME"));
        assert!(!names(Pack::Flatpak("org.mozilla.firefox".into())).contains(&"HOME"));
    }

    #[test]
    fn where_downloads_go() {
        let home = Path::new("/home/ann");
        let text =
            "# comment\nXDG_DESKTOP_DIR=\"$HOME/Desktop\"\nXDG_DOWNLOAD_DIR=\"$HOME/Lädt\"\n";
        assert_eq!(user_dir(text, home), Some("/home/ann/Lädt".into()));
        let other = "XDG_DOWNLOAD_DIR=\"/data/in\"";
        assert_eq!(user_dir(other, home), Some("/data/in".into()));
        assert_eq!(user_dir("XDG_DOWNLOAD_DIR=\"odd\"", home), None);
        assert_eq!(user_dir("", home), None);
    }
}
