//! Which browsers there are and where each system keeps them: facts, nothing is looked up here.

use std::fmt;

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
    /// Firefox.
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

/// Which line of releases of a brand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// What most people have.
    #[default]
    Stable,
    /// Firefox's long-term releases.
    Esr,
    /// The next release.
    Beta,
    /// Earlier still: Chrome's and Edge's Dev, Firefox's Developer Edition.
    Developer,
    /// Every night's build: Firefox Nightly, Chrome's and Edge's Canary.
    Nightly,
}

/// A system on which browsers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Os {
    Linux,
    Mac,
    Windows,
}

impl Os {
    /// The one this program was built for.
    pub(super) const HERE: Self = if cfg!(target_os = "macos") {
        Self::Mac
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

/// Where an installed browser would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A program of this name in the search path.
    Path(&'static str),
    /// Below the root of the file system.
    Root(&'static str),
    /// A snap of this name; its program has the same.
    Snap(&'static str),
    /// A flatpak of this id, for everybody or for this user.
    Flatpak(&'static str),
    /// Below `/Applications` or `~/Applications`.
    Applications(&'static str),
    /// Below one of Windows' folders for programs, or the user's own.
    Programs(&'static str),
}

/// A browser and a place where it may be.
pub(super) type Candidate = (Brand, Edition, Place);

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

    /// As its maker writes it: `Chromium`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrome => "Chrome",
            Self::Chromium => "Chromium",
            Self::Edge => "Edge",
            Self::Brave => "Brave",
            Self::Vivaldi => "Vivaldi",
            Self::Opera => "Opera",
            Self::Firefox => "Firefox",
        }
    }

    /// How it is told what to do.
    pub fn family(self) -> Family {
        match self {
            Self::Firefox => Family::Firefox,
            _ => Family::Chromium,
        }
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Edition {
    /// Every edition, the one that most people have first.
    pub const ALL: [Self; 5] = [
        Self::Stable,
        Self::Esr,
        Self::Beta,
        Self::Developer,
        Self::Nightly,
    ];

    /// As on the command line, behind the brand: `nightly` of `firefox-nightly`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Stable => "",
            Self::Esr => "esr",
            Self::Beta => "beta",
            Self::Developer => "developer",
            Self::Nightly => "nightly",
        }
    }

    /// As its maker calls it, with a space before it; nothing for the usual one.
    pub(super) fn name(self, brand: Brand) -> &'static str {
        match (self, brand.family()) {
            (Self::Stable, _) => "",
            (Self::Esr, _) => " ESR",
            (Self::Beta, _) => " Beta",
            (Self::Developer, Family::Firefox) => " Developer Edition",
            (Self::Developer, Family::Chromium) => " Dev",
            (Self::Nightly, Family::Firefox) => " Nightly",
            (Self::Nightly, Family::Chromium) => " Canary",
        }
    }
}

/// Every place on this system, the better one of a browser first.
pub(super) fn candidates(os: Os) -> &'static [Candidate] {
    match os {
        Os::Linux => LINUX,
        Os::Mac => MAC,
        Os::Windows => WINDOWS,
    }
}

use Brand::{Brave, Chrome, Chromium, Edge, Firefox, Opera, Vivaldi};
use Edition::{Beta, Developer, Esr, Nightly, Stable};
use Place::{Applications, Flatpak, Path, Programs, Root, Snap};

const LINUX: &[Candidate] = &[
    (Chrome, Stable, Path("google-chrome-stable")),
    (Chrome, Stable, Path("google-chrome")),
    (Chrome, Stable, Path("chrome")),
    (Chrome, Stable, Root("opt/google/chrome/chrome")),
    (Chrome, Stable, Flatpak("com.google.Chrome")),
    (Chrome, Beta, Path("google-chrome-beta")),
    (Chrome, Beta, Root("opt/google/chrome-beta/chrome")),
    (Chrome, Developer, Path("google-chrome-unstable")),
    (Chrome, Developer, Root("opt/google/chrome-unstable/chrome")),
    (Chrome, Developer, Flatpak("com.google.ChromeDev")),
    (Chrome, Nightly, Path("google-chrome-canary")),
    (Chromium, Stable, Path("chromium")),
    (Chromium, Stable, Path("chromium-browser")),
    (Chromium, Stable, Snap("chromium")),
    (Chromium, Stable, Flatpak("org.chromium.Chromium")),
    (
        Chromium,
        Stable,
        Flatpak("io.github.ungoogled_software.ungoogled_chromium"),
    ),
    (Edge, Stable, Path("microsoft-edge-stable")),
    (Edge, Stable, Path("microsoft-edge")),
    (Edge, Stable, Root("opt/microsoft/msedge/msedge")),
    (Edge, Stable, Flatpak("com.microsoft.Edge")),
    (Edge, Beta, Path("microsoft-edge-beta")),
    (Edge, Developer, Path("microsoft-edge-dev")),
    (Edge, Developer, Flatpak("com.microsoft.EdgeDev")),
    (Brave, Stable, Path("brave-browser")),
    (Brave, Stable, Path("brave-browser-stable")),
    (Brave, Stable, Path("brave")),
    (Brave, Stable, Root("opt/brave.com/brave/brave")),
    (Brave, Stable, Snap("brave")),
    (Brave, Stable, Flatpak("com.brave.Browser")),
    (Brave, Beta, Path("brave-browser-beta")),
    (Brave, Nightly, Path("brave-browser-nightly")),
    (Vivaldi, Stable, Path("vivaldi-stable")),
    (Vivaldi, Stable, Path("vivaldi")),
    (Vivaldi, Stable, Root("opt/vivaldi/vivaldi")),
    (Vivaldi, Stable, Snap("vivaldi")),
    (Vivaldi, Stable, Flatpak("com.vivaldi.Vivaldi")),
    (Vivaldi, Beta, Path("vivaldi-snapshot")),
    (Opera, Stable, Path("opera")),
    (Opera, Stable, Path("opera-stable")),
    (Opera, Stable, Snap("opera")),
    (Opera, Stable, Flatpak("com.opera.Opera")),
    (Opera, Beta, Path("opera-beta")),
    (Opera, Beta, Snap("opera-beta")),
    (Opera, Developer, Path("opera-developer")),
    (Opera, Developer, Snap("opera-developer")),
    (Firefox, Stable, Path("firefox")),
    (Firefox, Stable, Root("opt/firefox/firefox")),
    (Firefox, Stable, Snap("firefox")),
    (Firefox, Stable, Flatpak("org.mozilla.firefox")),
    (Firefox, Esr, Path("firefox-esr")),
    (Firefox, Beta, Path("firefox-beta")),
    (Firefox, Developer, Path("firefox-developer-edition")),
    (Firefox, Developer, Path("firefox-devedition")),
    (
        Firefox,
        Developer,
        Root("opt/firefox-developer-edition/firefox"),
    ),
    (Firefox, Nightly, Path("firefox-nightly")),
    (Firefox, Nightly, Root("opt/firefox-nightly/firefox")),
];

const MAC: &[Candidate] = &[
    (
        Chrome,
        Stable,
        Applications("Google Chrome.app/Contents/MacOS/Google Chrome"),
    ),
    (
        Chrome,
        Beta,
        Applications("Google Chrome Beta.app/Contents/MacOS/Google Chrome Beta"),
    ),
    (
        Chrome,
        Developer,
        Applications("Google Chrome Dev.app/Contents/MacOS/Google Chrome Dev"),
    ),
    (
        Chrome,
        Nightly,
        Applications("Google Chrome Canary.app/Contents/MacOS/Google Chrome Canary"),
    ),
    (
        Chromium,
        Stable,
        Applications("Chromium.app/Contents/MacOS/Chromium"),
    ),
    (
        Edge,
        Stable,
        Applications("Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
    ),
    (
        Edge,
        Beta,
        Applications("Microsoft Edge Beta.app/Contents/MacOS/Microsoft Edge Beta"),
    ),
    (
        Edge,
        Developer,
        Applications("Microsoft Edge Dev.app/Contents/MacOS/Microsoft Edge Dev"),
    ),
    (
        Edge,
        Nightly,
        Applications("Microsoft Edge Canary.app/Contents/MacOS/Microsoft Edge Canary"),
    ),
    (
        Brave,
        Stable,
        Applications("Brave Browser.app/Contents/MacOS/Brave Browser"),
    ),
    (
        Brave,
        Beta,
        Applications("Brave Browser Beta.app/Contents/MacOS/Brave Browser Beta"),
    ),
    (
        Brave,
        Nightly,
        Applications("Brave Browser Nightly.app/Contents/MacOS/Brave Browser Nightly"),
    ),
    (
        Vivaldi,
        Stable,
        Applications("Vivaldi.app/Contents/MacOS/Vivaldi"),
    ),
    (
        Vivaldi,
        Beta,
        Applications("Vivaldi Snapshot.app/Contents/MacOS/Vivaldi Snapshot"),
    ),
    (
        Opera,
        Stable,
        Applications("Opera.app/Contents/MacOS/Opera"),
    ),
    (
        Opera,
        Stable,
        Applications("Opera GX.app/Contents/MacOS/Opera"),
    ),
    (
        Opera,
        Beta,
        Applications("Opera Beta.app/Contents/MacOS/Opera"),
    ),
    (
        Opera,
        Developer,
        Applications("Opera Developer.app/Contents/MacOS/Opera"),
    ),
    (
        Firefox,
        Stable,
        Applications("Firefox.app/Contents/MacOS/firefox"),
    ),
    (
        Firefox,
        Developer,
        Applications("Firefox Developer Edition.app/Contents/MacOS/firefox"),
    ),
    (
        Firefox,
        Nightly,
        Applications("Firefox Nightly.app/Contents/MacOS/firefox"),
    ),
    (Firefox, Stable, Path("firefox")),
    (Chromium, Stable, Path("chromium")),
];

const WINDOWS: &[Candidate] = &[
    (
        Chrome,
        Stable,
        Programs("Google/Chrome/Application/chrome.exe"),
    ),
    (
        Chrome,
        Beta,
        Programs("Google/Chrome Beta/Application/chrome.exe"),
    ),
    (
        Chrome,
        Developer,
        Programs("Google/Chrome Dev/Application/chrome.exe"),
    ),
    (
        Chrome,
        Nightly,
        Programs("Google/Chrome SxS/Application/chrome.exe"),
    ),
    (
        Chromium,
        Stable,
        Programs("Chromium/Application/chrome.exe"),
    ),
    (
        Edge,
        Stable,
        Programs("Microsoft/Edge/Application/msedge.exe"),
    ),
    (
        Edge,
        Beta,
        Programs("Microsoft/Edge Beta/Application/msedge.exe"),
    ),
    (
        Edge,
        Developer,
        Programs("Microsoft/Edge Dev/Application/msedge.exe"),
    ),
    (
        Edge,
        Nightly,
        Programs("Microsoft/Edge SxS/Application/msedge.exe"),
    ),
    (
        Brave,
        Stable,
        Programs("BraveSoftware/Brave-Browser/Application/brave.exe"),
    ),
    (
        Brave,
        Beta,
        Programs("BraveSoftware/Brave-Browser-Beta/Application/brave.exe"),
    ),
    (
        Brave,
        Nightly,
        Programs("BraveSoftware/Brave-Browser-Nightly/Application/brave.exe"),
    ),
    (Vivaldi, Stable, Programs("Vivaldi/Application/vivaldi.exe")),
    (Opera, Stable, Programs("Programs/Opera/opera.exe")),
    (Opera, Stable, Programs("Opera/opera.exe")),
    (Opera, Stable, Programs("Programs/Opera GX/opera.exe")),
    (Opera, Beta, Programs("Programs/Opera beta/opera.exe")),
    (
        Opera,
        Developer,
        Programs("Programs/Opera developer/opera.exe"),
    ),
    (Firefox, Stable, Programs("Mozilla Firefox/firefox.exe")),
    (
        Firefox,
        Developer,
        Programs("Firefox Developer Edition/firefox.exe"),
    ),
    (Firefox, Nightly, Programs("Firefox Nightly/firefox.exe")),
    (Firefox, Stable, Path("firefox.exe")),
    (Chrome, Stable, Path("chrome.exe")),
    (Edge, Stable, Path("msedge.exe")),
];
