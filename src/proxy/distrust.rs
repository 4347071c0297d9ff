//! Clients that refuse the certificates we show: which program it is, and what would help. One that
//! takes them for other hosts pins those of this one; one that takes none does not trust us yet.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How many programs, and how many hosts, are remembered; those after them are taken as new.
const REMEMBERED_MAX: usize = 1_024;
/// How much of a program's name is kept, in characters.
const NAME_CHARS_MAX: usize = 40;

/// Who took our certificates, and who did not.
#[derive(Default)]
pub(super) struct Distrust {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Programs that trust us, by machine and name.
    trusting: HashSet<(IpAddr, String)>,
    /// How often a certificate for a host was refused, by machine and program.
    refused: HashMap<(IpAddr, String, Box<str>), u32>,
}

impl Distrust {
    /// A client took our certificate.
    pub(super) fn accepted(&self, client: IpAddr, agent: Option<&str>) {
        let key = (client, program(agent));
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.trusting.len() < REMEMBERED_MAX && !inner.trusting.contains(&key) {
            inner.trusting.insert(key);
        }
    }

    /// A client did not. What to say of it.
    pub(super) fn refused(&self, client: IpAddr, agent: Option<&str>, host: &str) -> String {
        let name = program(agent);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let trusting = inner.trusting.contains(&(client, name.clone()));
        let key = (client, name.clone(), Box::from(host));
        let full = inner.refused.len() >= REMEMBERED_MAX;
        let times = match inner.refused.get_mut(&key) {
            Some(times) => {
                *times = times.saturating_add(1);
                *times
            }
            None if full => 1,
            None => {
                inner.refused.insert(key, 1);
                1
            }
        };
        drop(inner);
        let times = if times > 1 {
            format!(", {times} times by now")
        } else {
            String::new()
        };
        if trusting {
            return format!(
                "{name} takes corscope's certificates for other hosts but not for {host}{times}: it \
                 pins that host's own. Leave it alone: P on this row, or --pass-through {host}"
            );
        }
        format!(
            "{name} does not trust corscope's authority{times}. {}; or leave the host alone: P \
             on this row, or --pass-through {host}",
            trust(&name)
        )
    }
}

/// The program behind a `User-Agent`, by the name people know.
fn program(agent: Option<&str>) -> String {
    let Some(agent) = agent.map(str::trim).filter(|a| !a.is_empty()) else {
        return "the client".to_owned();
    };
    for (mark, name) in [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("CFNetwork/", "an app on Apple's system"),
        ("Safari/", "Safari"),
    ] {
        if agent.contains(mark) {
            return name.to_owned();
        }
    }
    let first = agent.split(['/', ' ', '(']).next().unwrap_or(agent);
    let plain = first.chars().filter(|c| !c.is_control());
    let name: String = plain.take(NAME_CHARS_MAX).collect();
    if name.is_empty() {
        "the client".to_owned()
    } else {
        name
    }
}

/// How a program is made to trust the authority.
fn trust(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    let is = |names: &[&str]| names.iter().any(|n| lower.starts_with(n));
    if is(&["curl"]) {
        "Let it: curl --cacert \"$(corscope ca path)\""
    } else if is(&["wget"]) {
        "Let it: wget --ca-certificate=\"$(corscope ca path)\""
    } else if is(&[
        "node", "undici", "axios", "got", "npm", "yarn", "pnpm", "deno",
    ]) {
        "Let it: NODE_EXTRA_CA_CERTS=\"$(corscope ca path)\""
    } else if is(&["python", "aiohttp", "httpx", "pip", "urllib"]) {
        "Let it: SSL_CERT_FILE=\"$(corscope ca path)\", or REQUESTS_CA_BUNDLE for requests and pip"
    } else if is(&["go-http-client", "git", "ruby", "faraday", "php", "guzzle"]) {
        "Let it: SSL_CERT_FILE=\"$(corscope ca path)\""
    } else if is(&["java", "okhttp", "apache-httpclient"]) {
        "Let it: keytool -importcert -cacerts -file \"$(corscope ca path)\""
    } else if is(&["edge", "opera", "firefox", "chrome", "safari"]) {
        "Start a browser with corscope open, or see http://corscope.test/ in this one"
    } else {
        "http://corscope.test/ says how it is made to"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_and_strangers_are_told_apart() {
        let distrust = Distrust::default();
        let here: IpAddr = [127, 0, 0, 1].into();
        let curl = Some("curl/8.5.0");
        let said = distrust.refused(here, curl, "api.test");
        assert!(
            said.contains("curl does not trust") && said.contains("--cacert"),
            "{said}"
        );
        let said = distrust.refused(here, curl, "api.test");
        assert!(said.contains("2 times"), "{said}");
        distrust.accepted(here, curl);
        let said = distrust.refused(here, curl, "pinned.test");
        assert!(
            said.contains("pins") && said.ends_with("--pass-through pinned.test"),
            "{said}"
        );
        // Another program, or another machine's, is another matter.
        let said = distrust.refused(here, Some("node"), "pinned.test");
        assert!(said.contains("NODE_EXTRA_CA_CERTS"), "{said}");
        let said = distrust.refused([10, 0, 0, 1].into(), curl, "pinned.test");
        assert!(said.contains("does not trust"), "{said}");
    }

    #[test]
    fn programs_by_name() {
        for (agent, name) in [
            (None, "the client"),
            (Some(""), "the client"),
            (Some("\u{1b}[31m/1"), "[31m"),
            (Some("Python/3.11 aiohttp/3.9"), "Python"),
            (
                Some("Mozilla/5.0 (X11) Gecko/20100101 Firefox/153.0"),
                "Firefox",
            ),
            (
                Some("Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156"),
                "Edge",
            ),
            (
                Some("MyApp/1 CFNetwork/1490 Darwin/23"),
                "an app on Apple's system",
            ),
        ] {
            assert_eq!(program(agent), name);
        }
    }
}
