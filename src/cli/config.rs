//! The command line as meant: defaults filled in, words turned into values, contradictions refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use etcetera::base_strategy::{BaseStrategy, Xdg};
use url::Url;

use super::args::{CaptureArgs, KeepingArgs, PlaceArgs};
use super::output::reason;
use super::way;
use crate::proxy::{Access, ClientCert, Reverse, Upstreams};
use crate::wire::{canonical_host, is_loopback_host};

/// The port people know.
const PORT_DEFAULT: u16 = 8080;
/// How many ports after it are tried.
const PORTS_TRIED: u16 = 100;

/// What a capture needs to know.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) listen: Listen,
    pub(super) places: Places,
    pub(super) upstream_ca: Option<PathBuf>,
    /// The demo's own.
    pub(super) upstream_ca_pem: Option<String>,
    pub(super) insecure: Vec<String>,
    pub(super) pass_through: Vec<String>,
    pub(super) only: Vec<String>,
    /// How much of it is kept.
    pub(super) keeping: KeepingArgs,
    pub(super) access: Access,
    pub(super) head_timeout: Option<Duration>,
    /// The one server everything goes to, if there is one.
    pub(super) reverse: Option<Reverse>,
    pub(super) upstreams: Upstreams,
    pub(super) client_certs: Vec<ClientCert>,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// At these addresses or not at all.
    Exactly(Vec<SocketAddr>),
    /// On both loopback addresses, at the first port of these that is free on both.
    FirstFree(std::ops::Range<u16>),
}

impl Listen {
    /// The address lists to try, in order.
    pub(super) fn attempts(&self) -> Vec<Vec<SocketAddr>> {
        match self {
            Self::Exactly(addresses) => vec![addresses.clone()],
            Self::FirstFree(ports) => ports
                .clone()
                .map(|port| {
                    vec![
                        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
                        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
                    ]
                })
                .collect(),
        }
    }
}

/// Where things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The certificate authority: `XDG_DATA_HOME/corscope/ca`.
    pub(super) authority: PathBuf,
    /// Session files: `XDG_STATE_HOME/corscope/sessions`.
    pub(super) sessions: PathBuf,
    /// What a person configures: `XDG_CONFIG_HOME/corscope`.
    pub(super) config: PathBuf,
    /// Kept browser profiles: `XDG_DATA_HOME/corscope/profiles`.
    pub(super) profiles: PathBuf,
}

impl Places {
    pub(super) fn of(args: &PlaceArgs) -> Result<Self> {
        if let Some(dir) = &args.data_dir {
            if dir.as_os_str().is_empty() {
                bail!(
                    "the data directory has an empty name; give --data-dir or CORSCOPE_DATA_DIR a path"
                );
            }
            let dir = std::path::absolute(dir)
                .with_context(|| format!("{} is no usable path", dir.display()))?;
            return Ok(Self {
                authority: dir.join("ca"),
                sessions: dir.join("sessions"),
                profiles: dir.join("profiles"),
                config: dir,
            });
        }
        let xdg = Xdg::new().context("no home directory is known; give --data-dir DIR")?;
        let state = xdg.state_dir().unwrap_or_else(|| xdg.data_dir());
        Ok(Self {
            authority: xdg.data_dir().join("corscope").join("ca"),
            sessions: state.join("corscope").join("sessions"),
            config: xdg.config_dir().join("corscope"),
            profiles: xdg.data_dir().join("corscope").join("profiles"),
        })
    }

    /// A session file that does not exist yet, named after this moment.
    pub(super) fn new_session(&self) -> Result<PathBuf> {
        create_private_dir(&self.sessions).map_err(|error| {
            anyhow!(
                "cannot create {} for the sessions ({}); choose another place with --data-dir DIR",
                self.sessions.display(),
                reason(&error)
            )
        })?;
        let name = chrono::Local::now().format("%Y-%m-%d_%H-%M-%S").to_string();
        let numbered = (2_u32..).map(|n| format!("{name}_{n}.corscope"));
        std::iter::once(format!("{name}.corscope"))
            .chain(numbered)
            .map(|file| self.sessions.join(file))
            .find(|path| !path.exists())
            .context("every session name is taken; choose another place with --data-dir DIR")
    }
}

/// The person's home directory.
pub(super) fn home_of() -> Option<PathBuf> {
    Some(Xdg::new().ok()?.home_dir().to_owned())
}

impl Capture {
    pub(super) fn of(args: &CaptureArgs) -> Result<Self> {
        let listen = if args.listen.is_empty() {
            Listen::FirstFree(PORT_DEFAULT..PORT_DEFAULT + PORTS_TRIED)
        } else {
            Listen::Exactly(args.listen.clone())
        };
        if let Some(file) = &args.upstream_ca {
            std::fs::File::open(file).map_err(|error| {
                anyhow!(
                    "cannot read {} ({}); check the path given with --upstream-ca",
                    file.display(),
                    reason(&error)
                )
            })?;
        }
        let access = way::access(&args.doors)?;
        if let Listen::Exactly(addresses) = &listen
            && let Some(open) = addresses.iter().find(|a| !a.ip().is_loopback())
            && !access.admits_others()
        {
            bail!(
                "{open} is open to other machines: --listen there needs --password WORD, or --allow \
                 NETWORK such as --allow 192.168.1.0/24"
            );
        }
        Ok(Self {
            listen,
            keeping: args.keeping,
            access,
            head_timeout: args.doors.head_timeout,
            reverse: None,
            places: Places::of(&args.place)?,
            upstream_ca: args.upstream_ca.clone(),
            upstream_ca_pem: None,
            insecure: hosts("--insecure", &args.insecure)?,
            pass_through: hosts("--pass-through", &args.pass_through)?,
            only: hosts("--only", &args.only)?,
            upstreams: way::upstreams(&args.way)?,
            client_certs: way::client_certs(&args.way.client_cert)?,
        })
    }

    /// The same, at any free port of 127.0.0.1 unless told otherwise: for a demonstration, which
    /// should not stand in the way of a real capture.
    pub(super) fn or_any_port(mut self) -> Self {
        if matches!(self.listen, Listen::FirstFree(_)) {
            self.listen =
                Listen::Exactly(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)]);
        }
        self
    }
}

/// The page to open, as people type it: `localhost:3000` will do.
pub(super) fn page(typed: &str) -> Result<Url> {
    let looks_like_a_host = typed.contains(['.', ':', '/']) || typed == "localhost";
    if !looks_like_a_host {
        bail!("there is no command \"{typed}\"; corscope --help lists what there is");
    }
    let with_scheme = if typed.contains("://") {
        typed.to_owned()
    } else {
        let authority = typed.split('/').next().unwrap_or_default();
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        let scheme = if is_loopback_host(host) {
            "http"
        } else {
            "https"
        };
        format!("{scheme}://{typed}")
    };
    match Url::parse(&with_scheme) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => bail!("\"{typed}\" is no page to open; write it like http://localhost:3000"),
    }
}

/// Creates a directory that only its owner may enter; one that exists stays as it is.
pub(super) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

// A host, `*.host` for all below it, either with `:port`.
pub(super) fn hosts(flag: &str, typed: &[String]) -> Result<Vec<String>> {
    let one = |text: &String| {
        host_pattern(text.trim()).with_context(|| {
            format!("{flag} takes a host such as api.app.test, *.app.test or api.app.test:8443, not \"{text}\"")
        })
    };
    typed.iter().map(one).collect()
}

pub(super) fn host_pattern(text: &str) -> Option<String> {
    let (star, rest) = match text.strip_prefix("*.") {
        Some(rest) => ("*.", rest),
        None => ("", text),
    };
    let canonical = |host: &str| {
        let host = host.trim_end_matches('.');
        let known = canonical_host(host).or_else(|| canonical_host(&format!("[{host}]")));
        known.filter(|_| !host.is_empty() && !host.contains('*'))
    };
    if let Some(host) = canonical(rest) {
        return Some(format!("{star}{host}"));
    }
    let (host, port) = rest.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    Some(format!("{star}{}:{port}", canonical(host)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_as_typed() {
        for (typed, meant) in [
            ("http://localhost:3000", "http://localhost:3000/"),
            ("localhost:3000/x", "http://localhost:3000/x"),
            ("app.localhost:3000", "http://app.localhost:3000/"),
            ("app.test", "https://app.test/"),
            ("app.test:8443", "https://app.test:8443/"),
            ("localhost", "http://localhost/"),
        ] {
            assert_eq!(
                page(typed).ok().map(String::from).as_deref(),
                Some(meant),
                "{typed}"
            );
        }
        for wrong in ["demoo", "ftp://app.test", "http://", "file:///etc/passwd"] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_as_typed() {
        let typed = [
            "API.App.test.",
            "127.0.0.1",
            "::1",
            "[::1]:8443",
            "*.app.test",
            "*.App.test:1",
        ]
        .map(String::from);
        let meant = [
            "api.app.test",
            "127.0.0.1",
            "[::1]",
            "[::1]:8443",
            "*.app.test",
            "*.app.test:1",
        ];
        let understood = hosts("--insecure", &typed);
        assert_eq!(
            understood.ok().as_deref(),
            Some(&meant.map(String::from)[..])
        );
        for wrong in [
            "https://api.app.test",
            "api.app.test/x",
            "",
            "a b",
            "*",
            "a.test:99999",
        ] {
            assert!(hosts("--insecure", &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_data_dir_holds_everything() {
        let places = Places::of(&PlaceArgs {
            data_dir: Some("/somewhere".into()),
        });
        let places = places.expect("a path");
        assert_eq!(places.authority, Path::new("/somewhere/ca"));
        assert_eq!(places.sessions, Path::new("/somewhere/sessions"));
    }
}
