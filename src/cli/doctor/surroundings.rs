//! What the environment says: proxies, authorities of other programs, the terminal.

use std::io::IsTerminal;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use url::Url;

use super::finding::Finding;
use crate::proxy::CaCertificate;
use crate::tui;

/// How long a connection on loopback may take.
const LOOPBACK_AT_MOST: Duration = Duration::from_secs(1);

/// The variables that name a proxy.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The variables that name a file of authorities, and whether the file replaces those of the system.
const BUNDLES: [(&str, bool); 5] = [
    ("NODE_EXTRA_CA_CERTS", false),
    ("SSL_CERT_FILE", true),
    ("REQUESTS_CA_BUNDLE", true),
    ("CURL_CA_BUNDLE", true),
    ("GIT_SSL_CAINFO", true),
];

pub(super) fn look(certificate: Option<&CaCertificate>) -> Vec<Finding> {
    let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let mut found = proxies(&var);
    found.extend(bundles(&var, certificate));
    found.extend(system_proxy(&var));
    found.push(terminal(&var, std::io::stdout().is_terminal()));
    found
}

fn proxies(var: &impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in PROXIES {
        let Some(value) = var(name) else { continue };
        let with_scheme = if value.contains("://") {
            value.clone()
        } else {
            format!("http://{value}")
        };
        let Some(url) = Url::parse(&with_scheme).ok().filter(Url::has_host) else {
            // Not shown: it may hold a password.
            found.push(Finding::bad(
                "env",
                format!("{name} is set to what is no proxy's URL"),
                format!("unset {name}, or set it like http://127.0.0.1:8080"),
            ));
            continue;
        };
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(1080);
        let shown = format!("{}://{host}:{port}", url.scheme());
        if !crate::wire::is_loopback_host(host) {
            found.push(Finding::note(
                "env",
                format!("{name} is {shown}: programs started here go through that, corscope too"),
                "that is right behind a company's proxy; else unset it, or --no-upstream for corscope",
            ));
            continue;
        }
        let bare = host.trim_matches(['[', ']']);
        let mut addresses = (bare, port).to_socket_addrs().into_iter().flatten();
        let connects = |a: SocketAddr| TcpStream::connect_timeout(&a, LOOPBACK_AT_MOST).is_ok();
        found.push(if addresses.any(connects) {
            Finding::fine(
                "env",
                format!("{name} is {shown}, and something listens there"),
            )
        } else {
            Finding::bad(
                "env",
                format!("{name} is {shown}, where nothing listens: what is started here fails"),
                format!("unset {name}, or start corscope there: corscope --listen {bare}:{port}"),
            )
        });
    }
    let leaves_out = var("NO_PROXY")
        .or_else(|| var("no_proxy"))
        .unwrap_or_default();
    let local = ["localhost", "127.0.0.1", "*"];
    let mut words = leaves_out.split(',').map(str::trim);
    if !found.is_empty() && words.any(|w| local.contains(&w)) {
        found.push(Finding::note(
            "env",
            format!(
                "NO_PROXY is {leaves_out}: programs started here go past corscope to localhost"
            ),
            "unset NO_PROXY to see those calls too",
        ));
    }
    if found.is_empty() {
        found.push(Finding::fine("env", "no proxy is set in the environment"));
    }
    found
}

fn bundles(
    var: &impl Fn(&str) -> Option<String>,
    certificate: Option<&CaCertificate>,
) -> Vec<Finding> {
    let mut files: Vec<(String, Vec<(&str, bool)>)> = Vec::new();
    for (name, replaces) in BUNDLES {
        let Some(file) = var(name) else { continue };
        match files.iter_mut().find(|(f, _)| *f == file) {
            Some((_, names)) => names.push((name, replaces)),
            None => files.push((file, vec![(name, replaces)])),
        }
    }
    let told = files
        .iter()
        .map(|(file, names)| bundle(file, names, certificate));
    told.collect()
}

/// One file of authorities, and the variables that name it.
fn bundle(file: &str, names: &[(&str, bool)], certificate: Option<&CaCertificate>) -> Finding {
    let replaces = names.iter().any(|(_, replaces)| *replaces);
    let first = names[0].0;
    let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let all = all.join(", ");
    let unset = format!(
        "unset {}, or name a PEM file of certificates",
        all.replace(',', "")
    );
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) => {
            let why = crate::cli::output::reason(&error);
            let said = format!("{all}: {file} cannot be read ({why})");
            return Finding::bad("env", said, unset);
        }
    };
    let held = CaCertificate::all_from_pem(&text);
    if held.is_empty() {
        return Finding::bad(
            "env",
            format!("{all}: there is no certificate in {file}"),
            unset,
        );
    }
    let ours = certificate.is_some_and(|c| held.iter().any(|h| h.der() == c.der()));
    if ours && replaces && held.len() == 1 {
        return Finding::note(
            "env",
            format!("{all}: corscope is trusted and nobody else"),
            "right while everything goes through corscope; unset it afterwards",
        );
    }
    if ours {
        return Finding::fine("env", format!("{all}: corscope is trusted"));
    }
    let next = format!("export {first}=\"$(corscope ca path)\"");
    if held.iter().any(CaCertificate::is_corscope) {
        let said = format!("{all}: {file} is an older authority of corscope");
        return Finding::bad("env", said, next);
    }
    Finding::note(
        "env",
        format!("{all}: {file} does not trust corscope"),
        format!("only for programs that are to go through corscope: {next}"),
    )
}

/// What desktops say of a proxy for everybody. Only read; nothing is said where nothing is known.
fn system_proxy(var: &impl Fn(&str) -> Option<String>) -> Option<Finding> {
    let desktop = var("XDG_CURRENT_DESKTOP")
        .unwrap_or_default()
        .to_lowercase();
    let set = if cfg!(target_os = "macos") {
        said(&["scutil", "--proxy"]).map(|t| t.contains("HTTPSEnable : 1"))
    } else if cfg!(windows) {
        let key = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings";
        said(&["reg", "query", key, "/v", "ProxyEnable"]).map(|t| t.contains("0x1"))
    } else if desktop.contains("kde") {
        let home = var("HOME").unwrap_or_default();
        let text = std::fs::read_to_string(Path::new(&home).join(".config/kioslaverc"));
        text.ok().map(|t| {
            t.lines()
                .any(|l| l.starts_with("ProxyType=") && l != "ProxyType=0")
        })
    } else if ["gnome", "unity", "cinnamon", "budgie"]
        .iter()
        .any(|d| desktop.contains(d))
    {
        let mode = said(&["gsettings", "get", "org.gnome.system.proxy", "mode"]);
        mode.map(|t| !t.contains("none"))
    } else {
        None
    }?;
    Some(if set {
        Finding::note(
            "system",
            "a proxy is set for the whole system",
            "if it is corscope's, switch it off again when you stop; else --upstream URL",
        )
    } else {
        Finding::fine("system", "no proxy is set for the whole system")
    })
}

fn said(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn terminal(var: &impl Fn(&str) -> Option<String>, is_terminal: bool) -> Finding {
    let term = var("TERM").unwrap_or_default();
    if !is_terminal {
        let said = "this output is none, so it was not looked at; a screen needs one";
        return Finding::fine("terminal", said);
    }
    if term == "dumb" || term.is_empty() {
        let next = "start corscope in another terminal, or use corscope record";
        return Finding::bad("terminal", "TERM says it cannot draw a screen", next);
    }
    let colours = match var("COLORTERM").as_deref() {
        _ if var("NO_COLOR").is_some() => "no colours (NO_COLOR)",
        Some("truecolor" | "24bit") => "all colours",
        _ if term.contains("256") => "256 colours",
        _ => "16 colours",
    };
    let signs = if tui::knows_ascii_only() {
        "ASCII only"
    } else {
        "Unicode"
    };
    // No terminal says whether it takes the clipboard (OSC 52); of these it is known that they do not.
    let deaf =
        var("VTE_VERSION").is_some() || var("TERM_PROGRAM").as_deref() == Some("Apple_Terminal");
    let said = format!("{term}, {colours}, {signs}");
    if deaf && var("TMUX").is_none() {
        return Finding::note(
            "terminal",
            format!("{said}; copying through it (OSC 52) may not work here"),
            "install wl-clipboard or xclip; over SSH use tmux with set-clipboard on",
        );
    }
    Finding::fine("terminal", said)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn with<'a>(all: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            let found = all.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn proxies_of_the_environment() {
        let levels = |all: &[(&str, &str)]| -> Vec<Level> {
            proxies(&with(all)).iter().map(|f| f.level).collect()
        };
        assert_eq!(levels(&[]), [Level::Fine]);
        assert_eq!(levels(&[("HTTP_PROXY", "http://")]), [Level::Bad]);
        assert_eq!(
            levels(&[("https_proxy", "http://127.0.0.1:1")]),
            [Level::Bad]
        );
        let far = [
            ("HTTPS_PROXY", "http://me:secret@proxy.example:3128"),
            ("NO_PROXY", "a,localhost"),
        ];
        assert_eq!(levels(&far), [Level::Note, Level::Note]);
        let told = proxies(&with(&far));
        assert!(
            told[0].said.contains("http://proxy.example:3128"),
            "{told:?}"
        );
        assert!(!format!("{told:?}").contains("secret"));
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let here = held.local_addr().expect("bound").to_string();
        assert_eq!(levels(&[("all_proxy", &here)]), [Level::Fine]);
    }

    #[test]
    fn terminals() {
        for (all, is_terminal, level, says) in [
            (
                &[("TERM", "xterm-256color")][..],
                false,
                Level::Fine,
                "a screen needs one",
            ),
            (&[("TERM", "dumb")], true, Level::Bad, "another terminal"),
            (
                &[("TERM", "xterm-256color")],
                true,
                Level::Fine,
                "256 colours",
            ),
            (
                &[("TERM", "x"), ("COLORTERM", "truecolor")],
                true,
                Level::Fine,
                "all colours",
            ),
            (
                &[("TERM", "x"), ("VTE_VERSION", "7000")],
                true,
                Level::Note,
                "OSC 52",
            ),
        ] {
            let told = terminal(&with(all), is_terminal);
            assert_eq!(told.level, level, "{told:?}");
            assert!(format!("{told:?}").contains(says), "{told:?}");
        }
    }
}
