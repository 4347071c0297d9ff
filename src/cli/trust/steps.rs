//! What has to be run, per kind of store: a table, and nothing of it is run here.

use std::path::{Path, PathBuf};

use super::places::{Anchors, Kind};

/// What the steps are about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The certificate, PEM.
    pub(super) file: PathBuf,
    /// Its common name, which is its nickname in NSS.
    pub(super) name: String,
    /// Without colons: lower case, upper case.
    pub(super) sha256: String,
    pub(super) sha1: String,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
    pub(super) needs_root: bool,
}

impl Step {
    fn new(program: &'static str, arguments: &[&str]) -> Self {
        Self {
            program,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            needs_root: false,
        }
    }

    fn by_root(mut self) -> Self {
        self.needs_root = true;
        self
    }

    /// As a person would type it in a shell: with sudo where that is needed.
    pub(super) fn shown(&self) -> String {
        let words = std::iter::once(self.program).chain(self.arguments.iter().map(String::as_str));
        let line = words.map(quoted).collect::<Vec<_>>().join(" ");
        if self.needs_root {
            format!("sudo {line}")
        } else {
            line
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn nss(dir: &Path) -> String {
    format!("sql:{}", dir.display())
}

/// The file in a distribution's folder. Its name has the fingerprint in it, so that the authorities
/// of two users do not meet.
fn anchor_file(anchors: Anchors, subject: &Subject) -> String {
    let end = if anchors == Anchors::Debian {
        "crt"
    } else {
        "pem"
    };
    let print = &subject.sha256[..12];
    format!("{}/corscope-{print}.{end}", anchors.directory())
}

/// Makes a database that is not there yet.
pub(super) fn create(kind: &Kind) -> Vec<Step> {
    match kind {
        Kind::Nss(dir) => vec![
            Step::new("mkdir", &["-p", "-m", "700", &text(dir)]),
            Step::new("certutil", &["-N", "--empty-password", "-d", &nss(dir)]),
        ],
        Kind::Anchors(_) | Kind::Keychain(_) | Kind::WindowsRoot => Vec::new(),
    }
}

/// Puts the certificate in, trusted for servers and nothing else.
pub(super) fn install(kind: &Kind, subject: &Subject) -> Vec<Step> {
    let file = text(&subject.file);
    match kind {
        Kind::Nss(dir) => vec![Step::new(
            "certutil",
            &[
                "-A",
                "-d",
                &nss(dir),
                "-t",
                "C,,",
                "-n",
                &subject.name,
                "-i",
                &file,
            ],
        )],
        Kind::Anchors(anchors) => {
            let there = anchor_file(*anchors, subject);
            vec![
                Step::new("install", &["-m", "644", &file, &there]).by_root(),
                refresh(*anchors, false),
            ]
        }
        Kind::Keychain(keychain) => vec![Step::new(
            "security",
            &[
                "add-trusted-cert",
                "-r",
                "trustRoot",
                "-p",
                "ssl",
                "-k",
                &text(keychain),
                &file,
            ],
        )],
        Kind::WindowsRoot => {
            vec![Step::new(
                "certutil",
                &["-user", "-addstore", "Root", &file],
            )]
        }
    }
}

/// Trusts a certificate that is in an NSS database already, under whatever nickname.
pub(super) fn trust(dir: &Path, nickname: &str) -> Step {
    Step::new(
        "certutil",
        &["-M", "-d", &nss(dir), "-t", "C,,", "-n", nickname],
    )
}

/// Takes a certificate out of an NSS database.
pub(super) fn remove_nss(dir: &Path, nickname: &str) -> Step {
    Step::new("certutil", &["-D", "-d", &nss(dir), "-n", nickname])
}

/// Takes exactly this certificate out; of NSS, under the nickname that we give it.
pub(super) fn uninstall(kind: &Kind, subject: &Subject) -> Vec<Step> {
    match kind {
        Kind::Nss(dir) => vec![remove_nss(dir, &subject.name)],
        Kind::Anchors(anchors) => vec![
            Step::new("rm", &["-f", &anchor_file(*anchors, subject)]).by_root(),
            refresh(*anchors, true),
        ],
        Kind::Keychain(keychain) => vec![Step::new(
            "security",
            &[
                "delete-certificate",
                "-Z",
                &subject.sha256.to_uppercase(),
                "-t",
                &text(keychain),
            ],
        )],
        Kind::WindowsRoot => {
            vec![Step::new(
                "certutil",
                &["-user", "-delstore", "Root", &subject.sha1],
            )]
        }
    }
}

/// Debian's program forgets what is gone only if told to begin anew.
fn refresh(anchors: Anchors, anew: bool) -> Step {
    let step = match anchors {
        Anchors::Debian if anew => Step::new("update-ca-certificates", &["--fresh"]),
        Anchors::Debian | Anchors::Suse => Step::new("update-ca-certificates", &[]),
        Anchors::Fedora | Anchors::Arch => Step::new("update-ca-trust", &[]),
    };
    step.by_root()
}

/// What lists the corscope authorities of a store of macOS or Windows.
pub(super) fn look(kind: &Kind, subject: &Subject) -> Option<Step> {
    match kind {
        Kind::Nss(dir) => Some(Step::new("certutil", &["-L", "-d", &nss(dir)])),
        Kind::Keychain(keychain) => Some(Step::new(
            "security",
            &[
                "find-certificate",
                "-a",
                "-p",
                "-c",
                "corscope",
                &text(keychain),
            ],
        )),
        Kind::WindowsRoot => Some(Step::new(
            "certutil",
            &["-user", "-store", "Root", &subject.sha1],
        )),
        Kind::Anchors(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            file: "/home/me/my data/corscope-ca.pem".into(),
            name: "corscope on box, 2026-11-23 (0a1b2c)".to_owned(),
            sha256: "0123456789abcdef".repeat(4),
            sha1: "AB".repeat(20),
        }
    }

    fn lines(steps: &[Step]) -> Vec<String> {
        steps.iter().map(Step::shown).collect()
    }

    #[cfg(not(windows))]
    #[test]
    fn the_table_of_steps() {
        let of = subject();
        let file = "'/home/me/my data/corscope-ca.pem'";
        let nss = Kind::Nss("/home/me/.pki/nssdb".into());
        let keychain = Kind::Keychain("/Users/me/Library/Keychains/login.keychain-db".into());
        let login = "/Users/me/Library/Keychains/login.keychain-db";
        let name = "'corscope on box, 2026-11-23 (0a1b2c)'";
        for (kind, put_in, take_out) in [
            (
                nss.clone(),
                vec![format!(
                    "certutil -A -d sql:/home/me/.pki/nssdb -t C,, -n {name} -i {file}"
                )],
                vec![format!("certutil -D -d sql:/home/me/.pki/nssdb -n {name}")],
            ),
            (
                Kind::Anchors(Anchors::Debian),
                vec![
                    format!(
                        "sudo install -m 644 {file} /usr/local/share/ca-certificates/corscope-0123456789ab.crt"
                    ),
                    "sudo update-ca-certificates".to_owned(),
                ],
                vec![
                    "sudo rm -f /usr/local/share/ca-certificates/corscope-0123456789ab.crt"
                        .to_owned(),
                    "sudo update-ca-certificates --fresh".to_owned(),
                ],
            ),
            (
                Kind::Anchors(Anchors::Fedora),
                vec![
                    format!(
                        "sudo install -m 644 {file} /etc/pki/ca-trust/source/anchors/corscope-0123456789ab.pem"
                    ),
                    "sudo update-ca-trust".to_owned(),
                ],
                vec![
                    "sudo rm -f /etc/pki/ca-trust/source/anchors/corscope-0123456789ab.pem"
                        .to_owned(),
                    "sudo update-ca-trust".to_owned(),
                ],
            ),
            (
                Kind::Anchors(Anchors::Suse),
                vec![
                    format!(
                        "sudo install -m 644 {file} /etc/pki/trust/anchors/corscope-0123456789ab.pem"
                    ),
                    "sudo update-ca-certificates".to_owned(),
                ],
                vec![
                    "sudo rm -f /etc/pki/trust/anchors/corscope-0123456789ab.pem".to_owned(),
                    "sudo update-ca-certificates".to_owned(),
                ],
            ),
            (
                Kind::Anchors(Anchors::Arch),
                vec![
                    format!("sudo install -m 644 {file} /etc/ca-certificates/trust-source/anchors/corscope-0123456789ab.pem"),
                    "sudo update-ca-trust".to_owned(),
                ],
                vec![
                    "sudo rm -f /etc/ca-certificates/trust-source/anchors/corscope-0123456789ab.pem".to_owned(),
                    "sudo update-ca-trust".to_owned(),
                ],
            ),
            (
                keychain,
                vec![format!(
                    "security add-trusted-cert -r trustRoot -p ssl -k {login} {file}"
                )],
                vec![format!(
                    "security delete-certificate -Z {} -t {login}",
                    "0123456789ABCDEF".repeat(4)
                )],
            ),
            (
                Kind::WindowsRoot,
                vec![format!("certutil -user -addstore Root {file}")],
                vec![format!("certutil -user -delstore Root {}", "AB".repeat(20))],
            ),
        ] {
            assert_eq!(lines(&install(&kind, &of)), put_in);
            assert_eq!(lines(&uninstall(&kind, &of)), take_out);
        }
        assert_eq!(
            lines(&create(&nss)),
            [
                "mkdir -p -m 700 /home/me/.pki/nssdb",
                "certutil -N --empty-password -d sql:/home/me/.pki/nssdb"
            ]
        );
    }

    #[cfg(not(windows))]
    #[test]
    fn how_the_stores_are_read() {
        let of = subject();
        let read = |kind: Kind| look(&kind, &of).map(|step| step.shown());
        let keychain = read(Kind::Keychain("/Users/me/login.keychain-db".into()));
        assert_eq!(
            keychain.as_deref(),
            Some("security find-certificate -a -p -c corscope /Users/me/login.keychain-db")
        );
        let windows = read(Kind::WindowsRoot).expect("a command");
        assert_eq!(
            windows,
            format!("certutil -user -store Root {}", "AB".repeat(20))
        );
        assert_eq!(read(Kind::Anchors(Anchors::Arch)), None);
    }

    #[cfg(not(windows))]
    #[test]
    fn what_is_shown_can_be_pasted() {
        let step = Step::new("certutil", &["-n", "it's $HOME", ""]);
        assert_eq!(step.shown(), r"certutil -n 'it'\''s $HOME' ''");
    }
}
