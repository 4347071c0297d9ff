use std::collections::HashMap;

use super::*;

/// A system that exists on paper: files with their beginnings, links, variables.
#[derive(Default)]
struct Paper {
    files: HashMap<PathBuf, String>,
    links: HashMap<PathBuf, PathBuf>,
    variables: HashMap<&'static str, PathBuf>,
    path: Vec<PathBuf>,
}

impl Paper {
    fn new(files: &[&str]) -> Self {
        Self {
            files: files
                .iter()
                .map(|f| (PathBuf::from(f), String::new()))
                .collect(),
            variables: HashMap::from([("HOME", "/home/ann".into())]),
            path: vec!["/usr/local/bin".into(), "/usr/bin".into()],
            ..Self::default()
        }
    }
}

impl System for Paper {
    fn is_executable(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn head(&self, path: &Path) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        self.links.get(path).cloned().unwrap_or(path.to_owned())
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(name).cloned()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        self.path.clone()
    }
}

fn told(os: Os, system: &Paper) -> Vec<String> {
    let found = all(os, system);
    found
        .iter()
        .map(|p| format!("{p} {}", p.path.display()))
        .collect()
}

#[test]
fn names_are_read_back() {
    for brand in Brand::ALL {
        assert_eq!(Brand::from_id(brand.id()), Some(brand));
        assert_eq!(
            Wish::parse(brand.id()),
            Some(Wish::Named(brand, None)),
            "{brand}"
        );
    }
    let nightly = Wish::Named(Brand::Firefox, Some(Edition::Nightly));
    assert_eq!(Wish::parse("firefox-nightly"), Some(nightly.clone()));
    assert_eq!(nightly.text(), "firefox-nightly");
    assert_eq!(
        Wish::parse("./chrome"),
        Some(Wish::At(PathBuf::from("./chrome")))
    );
    for no in ["lynx", "firefox-", "firefox-old", "", "-esr"] {
        assert_eq!(Wish::parse(no), None, "{no}");
    }
}

#[test]
fn linux() {
    let mut system = Paper::new(&[
        "/usr/bin/google-chrome",
        "/opt/google/chrome/chrome",
        "/usr/bin/google-chrome-beta",
        "/snap/bin/chromium",
        "/usr/bin/firefox",
        "/usr/bin/firefox-esr",
        "/home/ann/.local/share/flatpak/exports/bin/com.brave.Browser",
        "/var/lib/flatpak/exports/bin/org.mozilla.firefox",
        "/opt/firefox-nightly/firefox",
    ]);
    // Debian's.
    system.files.insert(
        "/usr/bin/firefox".into(),
        "#!/bin/sh\nexec /usr/lib/firefox-esr/firefox-esr \"$@\"\n".into(),
    );
    assert_eq!(
        told(Os::Linux, &system),
        [
            "Chrome /usr/bin/google-chrome",
            "Chromium /snap/bin/chromium",
            "Brave /home/ann/.local/share/flatpak/exports/bin/com.brave.Browser",
            "Firefox /var/lib/flatpak/exports/bin/org.mozilla.firefox",
            "Firefox ESR /usr/bin/firefox",
            "Chrome Beta /usr/bin/google-chrome-beta",
            "Firefox Nightly /opt/firefox-nightly/firefox",
        ]
    );
    let found = all(Os::Linux, &system);
    assert_eq!(found[1].pack, Pack::Snap("chromium".into()));
    assert_eq!(found[2].pack, Pack::Flatpak("com.brave.Browser".into()));
    assert_eq!(found[4].id(), "firefox-esr");
}

#[test]
fn one_program_with_two_names_is_one_browser() {
    let mut system = Paper::new(&["/usr/bin/firefox", "/usr/bin/firefox-developer-edition"]);
    let target = PathBuf::from("/usr/lib/firefox-developer-edition/firefox");
    for link in ["/usr/bin/firefox", "/usr/bin/firefox-developer-edition"] {
        system.links.insert(link.into(), target.clone());
    }
    assert_eq!(told(Os::Linux, &system), ["Firefox /usr/bin/firefox"]);
}

#[test]
fn macos() {
    let system = Paper::new(&[
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/home/ann/Applications/Firefox Developer Edition.app/Contents/MacOS/firefox",
        "/usr/bin/google-chrome",
    ]);
    assert_eq!(
        told(Os::Mac, &system),
        [
            "Chrome /Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "Firefox Developer Edition \
             /home/ann/Applications/Firefox Developer Edition.app/Contents/MacOS/firefox",
        ]
    );
}

#[test]
fn windows() {
    let mut system = Paper::new(&[
        "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
        "C:/Users/Ann/AppData/Local/Google/Chrome SxS/Application/chrome.exe",
        "C:/Program Files/Mozilla Firefox/firefox.exe",
    ]);
    system.variables = HashMap::from([
        ("ProgramFiles", "C:/Program Files".into()),
        ("ProgramFiles(x86)", "C:/Program Files (x86)".into()),
        ("LocalAppData", "C:/Users/Ann/AppData/Local".into()),
    ]);
    assert_eq!(
        told(Os::Windows, &system),
        [
            "Edge C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
            "Firefox C:/Program Files/Mozilla Firefox/firefox.exe",
            "Chrome Canary C:/Users/Ann/AppData/Local/Google/Chrome SxS/Application/chrome.exe",
        ]
    );
}

/// Each brand that each system has can be found there, alone on it, where its installer puts it.
#[test]
fn every_brand_on_every_system() {
    for os in [Os::Linux, Os::Mac, Os::Windows] {
        for (index, &(brand, edition, place)) in candidates(os).iter().enumerate() {
            let mut system = Paper::new(&[]);
            for name in ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"] {
                system.variables.insert(name, format!("C:/{name}").into());
            }
            for (path, pack) in places(os, &system, place) {
                system.files = HashMap::from([(path.clone(), String::new())]);
                let found = all(os, &system);
                assert_eq!(found.len(), 1, "{os:?} {index}: {found:?}");
                let same = (found[0].brand, found[0].edition) == (brand, edition);
                assert!(same && found[0].path == path, "{os:?}: {}", path.display());
                if !matches!(place, Place::Path(_)) {
                    assert_eq!(found[0].pack, pack, "{os:?}: {}", path.display());
                }
            }
        }
        for brand in Brand::ALL {
            let known = candidates(os)
                .iter()
                .any(|(b, e, _)| *b == brand && *e == Edition::Stable);
            assert!(known, "{brand} on {os:?}");
        }
        let (nightly, developer) = (Edition::Nightly, Edition::Developer);
        for edition in [nightly, developer] {
            let known = candidates(os)
                .iter()
                .any(|c| (c.0, c.1) == (Brand::Firefox, edition));
            assert!(known, "Firefox{} on {os:?}", edition.name(Brand::Firefox));
        }
    }
}

#[test]
fn a_wish_is_met_or_told_why_not() {
    let system = Paper::new(&["/usr/bin/chromium", "/usr/bin/firefox-nightly"]);
    let choose = |text: &str| choose(Os::Linux, &system, &Wish::parse(text).expect("a wish"));
    assert_eq!(
        choose("firefox").expect("the nightly").edition,
        Edition::Nightly
    );
    let missing = choose("edge").expect_err("not there").to_string();
    assert_eq!(
        missing,
        "edge is not installed; installed are chromium, firefox-nightly: choose with --browser"
    );
    let named = choose("/usr/bin/chromium").expect("there");
    assert_eq!((named.brand, named.pack), (Brand::Chromium, Pack::Plain));
    let missing = choose("/nowhere/firefox")
        .expect_err("not there")
        .to_string();
    assert!(missing.contains("/nowhere/firefox"), "{missing}");
    let nothing = super::choose(Os::Linux, &Paper::new(&[]), &Wish::Any);
    let nothing = nothing.expect_err("nothing there").to_string();
    assert!(nothing.contains("install one of chrome,"), "{nothing}");
}

#[test]
fn a_script_that_starts_a_snap_is_one() {
    let script = |text: &str| {
        let mut system = Paper::new(&[]);
        system.files.insert("/usr/bin/firefox".into(), text.into());
        snap_behind(&system, Path::new("/usr/bin/firefox"))
    };
    let snap = script("#!/bin/sh\nexec /snap/bin/firefox \"$@\"\n");
    assert_eq!(snap.as_deref(), Some("firefox"));
    assert_eq!(script("#!/bin/sh\nexec /usr/lib/firefox \"$@\"\n"), None);
    assert_eq!(script("not a script /snap/bin/firefox"), None);
}
