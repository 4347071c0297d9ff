//! Which certificate stores there are for this user. Nothing is looked up outside the given roots,
//! so a test brings its own.

use std::fs;
use std::path::{Path, PathBuf};

/// The systems whose stores are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum System {
    Linux,
    MacOs,
    Windows,
}

/// Whose certificates a store decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Family {
    /// Chrome, Chromium, Edge, Brave, Vivaldi, Opera on Linux
    Chromium,
    /// Every profile of Firefox
    Firefox,
    /// The whole system on Linux (needs root); the user's own store on macOS and Windows
    System,
}

impl Family {
    pub(in crate::cli) fn id(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::System => "system",
        }
    }
}

/// How a distribution keeps the authorities its administrator adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchors {
    /// Debian, Ubuntu, Alpine.
    Debian,
    /// Fedora, RHEL and theirs.
    Fedora,
    Suse,
    Arch,
}

impl Anchors {
    const ALL: [Self; 4] = [Self::Arch, Self::Suse, Self::Fedora, Self::Debian];

    /// Where they are put.
    pub(super) fn directory(self) -> &'static str {
        match self {
            Self::Debian => "/usr/local/share/ca-certificates",
            Self::Fedora => "/etc/pki/ca-trust/source/anchors",
            Self::Suse => "/etc/pki/trust/anchors",
            Self::Arch => "/etc/ca-certificates/trust-source/anchors",
        }
    }

    /// The file of everything that is trusted, made from it.
    pub(super) fn bundle(self) -> &'static str {
        match self {
            Self::Debian => "/etc/ssl/certs/ca-certificates.crt",
            Self::Fedora => "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            Self::Suse => "/var/lib/ca-certificates/ca-bundle.pem",
            Self::Arch => "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian's kind",
            Self::Fedora => "Fedora's kind",
            Self::Suse => "openSUSE's kind",
            Self::Arch => "Arch's kind",
        }
    }
}

/// How a store is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A database of NSS.
    Nss(PathBuf),
    Anchors(Anchors),
    /// A keychain of macOS.
    Keychain(PathBuf),
    /// The user's root store of Windows.
    WindowsRoot,
}

/// One certificate store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) kind: Kind,
    pub(super) family: Family,
    /// For people: `Firefox, profile x1y2.default`.
    pub(super) name: String,
}

impl Store {
    /// Where it lies.
    pub(super) fn place(&self) -> String {
        match &self.kind {
            Kind::Nss(path) | Kind::Keychain(path) => path.display().to_string(),
            Kind::Anchors(anchors) => anchors.directory().to_owned(),
            Kind::WindowsRoot => "certificates of the current user, Root".to_owned(),
        }
    }

    /// Whether it is there already.
    pub(super) fn exists(&self) -> bool {
        match &self.kind {
            Kind::Nss(dir) => dir.join("cert9.db").is_file(),
            _ => true,
        }
    }
}

/// Where to look.
#[derive(Clone, Debug)]
pub(super) struct Around {
    pub(super) system: System,
    /// `/`, except in tests.
    pub(super) root: PathBuf,
    pub(super) home: PathBuf,
    /// `XDG_DATA_HOME`.
    pub(super) data: PathBuf,
    /// `XDG_CONFIG_HOME`.
    pub(super) config: PathBuf,
}

/// The stores of this user and system. One of Chromium's that is not there yet is listed too, since
/// it can be made.
pub(super) fn stores(around: &Around) -> Vec<Store> {
    match around.system {
        System::Linux => linux(around),
        System::MacOs => vec![Store {
            kind: Kind::Keychain(around.home.join("Library/Keychains/login.keychain-db")),
            family: Family::System,
            name: "Login keychain: Safari, Chrome, Firefox, most programs".to_owned(),
        }],
        System::Windows => vec![Store {
            kind: Kind::WindowsRoot,
            family: Family::System,
            name: "This user's root certificates: Chrome, Edge, Firefox, most programs".to_owned(),
        }],
    }
}

fn linux(around: &Around) -> Vec<Store> {
    let mut found = Vec::new();
    for (dir, name) in chromium(around) {
        found.push(Store {
            kind: Kind::Nss(dir),
            family: Family::Chromium,
            name,
        });
    }
    for (profile, name) in firefox(around) {
        found.push(Store {
            kind: Kind::Nss(profile),
            family: Family::Firefox,
            name,
        });
    }
    let there = |path: &str| around.root.join(path.trim_start_matches('/')).is_dir();
    if let Some(anchors) = Anchors::ALL.into_iter().find(|a| there(a.directory())) {
        found.push(Store {
            kind: Kind::Anchors(anchors),
            family: Family::System,
            name: format!("The system, {}: curl, git, Python…", anchors.name()),
        });
    }
    found
}

/// Chromium reads `~/.pki/nssdb` where that is there, newer ones else the one below
/// `XDG_DATA_HOME`; a snap or a flatpak has a home of its own.
fn chromium(around: &Around) -> Vec<(PathBuf, String)> {
    let home = &around.home;
    let everyone = "Chrome, Chromium, Edge, Brave…";
    let old = home.join(".pki/nssdb");
    let new = around.data.join("pki/nssdb");
    let is_database = |dir: &Path| dir.join("cert9.db").is_file();
    let mut found = Vec::new();
    if is_database(&old) || !is_database(&new) {
        found.push((old, everyone.to_owned()));
    }
    if is_database(&new) {
        found.push((new, format!("{everyone} (newer)")));
    }
    for snap in children(&home.join("snap")) {
        let dir = snap.join("current/.pki/nssdb");
        if is_database(&dir) {
            found.push((dir, format!("{} (snap)", file_name(&snap))));
        }
    }
    for app in children(&home.join(".var/app")) {
        for dir in ["data/pki/nssdb", ".pki/nssdb"].map(|d| app.join(d)) {
            if is_database(&dir) {
                found.push((dir, format!("{} (flatpak)", file_name(&app))));
            }
        }
    }
    found
}

fn firefox(around: &Around) -> Vec<(PathBuf, String)> {
    let home = &around.home;
    let mut parents = vec![
        (home.join(".mozilla/firefox"), "Firefox"),
        (around.config.join("mozilla/firefox"), "Firefox"),
        (
            home.join("snap/firefox/common/.mozilla/firefox"),
            "Firefox (snap)",
        ),
        (home.join(".librewolf"), "LibreWolf"),
        (around.config.join("librewolf/librewolf"), "LibreWolf"),
    ];
    let flatpak = home.join(".var/app/org.mozilla.firefox");
    for dir in [".mozilla/firefox", "config/mozilla/firefox"] {
        parents.push((flatpak.join(dir), "Firefox (flatpak)"));
    }
    let mut found = Vec::new();
    for (parent, name) in parents {
        for profile in children(&parent) {
            if profile.join("cert9.db").is_file() {
                let name = format!("{name}, profile {}", file_name(&profile));
                found.push((profile, name));
            }
        }
    }
    found
}

/// What lies in a directory, in order; nothing where there is none.
fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The package that has NSS's `certutil`, and the command that installs it, by the contents of
/// `/etc/os-release`.
pub(super) fn certutil_package(os_release: &str) -> &'static str {
    let mut ids = Vec::new();
    for line in os_release.lines() {
        if let Some((key @ ("ID" | "ID_LIKE"), value)) = line.split_once('=') {
            let at = if key == "ID" { 0 } else { ids.len() };
            let words = value.trim_matches(['"', '\'']).split_whitespace();
            ids.splice(at..at, words.map(str::to_owned));
        }
    }
    let known = ids.iter().find_map(|id| match id.as_str() {
        "debian" | "ubuntu" => Some("sudo apt install libnss3-tools"),
        "fedora" | "rhel" | "centos" => Some("sudo dnf install nss-tools"),
        "arch" => Some("sudo pacman -S nss"),
        "alpine" => Some("sudo apk add nss-tools"),
        "suse" | "opensuse" | "opensuse-tumbleweed" | "opensuse-leap" => {
            Some("sudo zypper install mozilla-nss-tools")
        }
        "nixos" => Some("nix-shell -p nssTools"),
        _ => None,
    });
    known.unwrap_or("install the package of your system that has NSS's certutil (nss-tools)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(dir: &Path, system: System) -> Around {
        Around {
            system,
            root: dir.join("root"),
            home: dir.join("home"),
            data: dir.join("home/.local/share"),
            config: dir.join("home/.config"),
        }
    }

    #[test]
    fn every_store_of_a_linux_user_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let here = around(dir.path(), System::Linux);
        let empty = stores(&here);
        assert_eq!(empty.len(), 1, "only the one that could be made: {empty:?}");
        assert!(!empty[0].exists() && empty[0].place().ends_with(".pki/nssdb"));
        let expected = [
            ".local/share/pki/nssdb",
            "snap/chromium/current/.pki/nssdb",
            ".var/app/org.chromium.Chromium/data/pki/nssdb",
            ".mozilla/firefox/x1.default",
            ".config/mozilla/firefox/x2.default-esr",
            "snap/firefox/common/.mozilla/firefox/x3.default",
            ".librewolf/x5.default",
            ".var/app/org.mozilla.firefox/.mozilla/firefox/x4.default",
        ];
        for place in expected {
            let place = here.home.join(place);
            fs::create_dir_all(&place).expect("made");
            fs::write(place.join("cert9.db"), "").expect("written");
        }
        fs::create_dir_all(here.home.join(".mozilla/firefox/Crash Reports")).expect("made");
        fs::create_dir_all(here.root.join("usr/local/share/ca-certificates")).expect("made");
        let found = stores(&here);
        let places: Vec<String> = found.iter().map(Store::place).collect();
        let mut wanted = expected
            .map(|p| here.home.join(p).display().to_string())
            .to_vec();
        wanted.push("/usr/local/share/ca-certificates".to_owned());
        let (mut sorted, mut due) = (places.clone(), wanted);
        sorted.sort();
        due.sort();
        assert_eq!(sorted, due);
        let of = |family| found.iter().filter(|s| s.family == family).count();
        assert_eq!((of(Family::Chromium), of(Family::Firefox)), (3, 5));
    }

    #[test]
    fn the_users_own_store_elsewhere() {
        let here = |system| around(Path::new("/Users/me"), system);
        let [keychain] = &stores(&here(System::MacOs))[..] else {
            panic!("one store on macOS");
        };
        let login = "home/Library/Keychains/login.keychain-db";
        assert!(keychain.place().ends_with(login), "{}", keychain.place());
        let windows = stores(&here(System::Windows));
        let kinds: Vec<&Kind> = windows.iter().map(|s| &s.kind).collect();
        assert_eq!(kinds, [&Kind::WindowsRoot]);
        for store in [&windows[0], keychain] {
            assert_eq!((store.family, store.exists()), (Family::System, true));
        }
    }

    #[test]
    fn a_distribution_is_known_by_its_folder() {
        for anchors in Anchors::ALL {
            let dir = tempfile::tempdir().expect("a directory");
            let here = around(dir.path(), System::Linux);
            let folder = here.root.join(anchors.directory().trim_start_matches('/'));
            fs::create_dir_all(folder).expect("made");
            let found = stores(&here).pop().expect("the system's");
            assert_eq!(found.kind, Kind::Anchors(anchors));
        }
    }

    #[test]
    fn the_package_is_that_of_the_distribution() {
        for (text, says) in [
            ("ID=debian\n", "apt install libnss3-tools"),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt install"),
            (
                "NAME=x\nID_LIKE=\"rhel fedora\"\nID=\"rocky\"\n",
                "dnf install nss-tools",
            ),
            ("ID=endeavouros\nID_LIKE=arch\n", "pacman -S nss"),
            (
                "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
                "zypper",
            ),
            ("", "certutil"),
        ] {
            assert!(certutil_package(text).contains(says), "{text}");
        }
    }
}
