//! What commands that ask servers themselves have in common: words typed, turned into plans.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Args as ClapArgs;
use url::Url;

use super::args::{HidingArgs, PlaceArgs, WayArgs, duration};
use super::output::reason;
use super::way;
use super::{config, export};
use crate::proxy::{Courier, Limits, Reach};
use crate::replay::{Edit, Plan};
use crate::wire::{Origin, Redactor, is_loopback_host};

/// The largest body that is read from a file or stdin to be sent, in bytes.
const DATA_BYTES_MAX: u64 = 64 << 20;

/// How servers are reached.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Connection")]
pub(super) struct ReachArgs {
    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(super) upstream_ca: Option<PathBuf>,
    /// Do not verify the certificate of this server; repeatable
    #[arg(long, value_name = "HOST")]
    pub(super) insecure: Vec<String>,
    #[command(flatten)]
    pub(super) way: WayArgs,
    /// How long to wait for a connection and for an answer, such as 10s [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
}

impl ReachArgs {
    /// Who sends.
    pub(super) fn courier(&self) -> Result<Courier> {
        let reach = Reach {
            upstream_ca: self.upstream_ca.clone(),
            upstream_ca_pem: None,
            insecure: config::hosts("--insecure", &self.insecure)?,
            upstreams: way::upstreams(&self.way)?,
            client_certs: way::client_certs(&self.way.client_cert)?,
        };
        Ok(Courier::new(&reach)?)
    }

    /// What may be spent on each request.
    pub(super) fn limits(&self) -> Limits {
        let limits = Limits::default();
        match self.timeout {
            Some(time) => Limits {
                connect: time,
                answer: time,
                body: time,
                ..limits
            },
            None => limits,
        }
    }
}

/// A page's origin as people type it, and what a browser makes of it where that differs.
pub(super) fn origin(typed: &str) -> Result<(Origin, Option<String>)> {
    let text = typed.trim();
    if text == "null" {
        return Ok((Origin::Opaque, None));
    }
    if text == "*" {
        bail!(
            "* is no origin but what a server may answer; give a page's, such as https://app.test"
        );
    }
    let url = Url::parse(text).ok().filter(Url::has_host);
    let origin = url.as_ref().and_then(Origin::of);
    let (Some(url), Some(origin)) = (url, origin) else {
        let guess = if is_loopback_host(text.split(':').next().unwrap_or_default()) {
            "http://"
        } else {
            "https://"
        };
        bail!("\"{typed}\" is no origin; write it with its scheme: {guess}{text}");
    };
    let meant = origin.to_string();
    let why = if text == meant {
        None
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        Some("an origin has no path")
    } else if text.ends_with('/') {
        Some("an origin has no slash at the end")
    } else {
        Some("that is how browsers write it")
    };
    let said = why.map(|why| format!("Note: asking as {meant}, not {text}: {why}."));
    Ok((origin, said))
}

/// A server's URL as people type it: `localhost:4000/v1` will do.
pub(super) fn server(typed: &str) -> Result<Url> {
    let text = typed.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        let authority = text.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(h, _)| h);
        let scheme = if is_loopback_host(host) {
            "http"
        } else {
            "https"
        };
        format!("{scheme}://{text}")
    };
    let named = !with_scheme.ends_with("://") && !with_scheme.contains(":///");
    match Url::parse(&with_scheme) {
        Ok(mut url) if named && matches!(url.scheme(), "http" | "https") && url.has_host() => {
            url.set_fragment(None);
            Ok(url)
        }
        _ => bail!("\"{typed}\" is no URL of a server; write it like https://api.app.test/v1/cart"),
    }
}

/// A body as given: the text itself, `@FILE`, or `@-` for stdin.
pub(super) fn data(typed: &str) -> Result<Bytes> {
    let Some(name) = typed.strip_prefix('@') else {
        return Ok(Bytes::copy_from_slice(typed.as_bytes()));
    };
    let source: Box<dyn Read> = if name == "-" {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(name).map_err(|error| {
            let why = reason(&error);
            anyhow!("cannot read {name} ({why}); check the path after --data @")
        })?;
        Box::new(file)
    };
    let mut bytes = Vec::new();
    source
        .take(DATA_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > DATA_BYTES_MAX {
        bail!("{name} is larger than 64 MiB; check with less data");
    }
    Ok(bytes.into())
}

/// What of a request is to be as typed.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct RequestArgs {
    /// Method [default: GET, or POST with --data]
    #[arg(short = 'X', long = "method", value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// Header that script sets, 'Name: value'; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,
    /// Body: the text itself, @FILE, or @- for stdin
    #[arg(short = 'd', long, value_name = "DATA")]
    pub(super) data: Option<String>,
}

impl RequestArgs {
    /// The edit that makes a request so.
    pub(super) fn edit(&self) -> Result<Edit> {
        let headers = self.headers.iter().map(|text| Edit::header(text));
        Ok(Edit {
            method: self.method.clone(),
            headers: headers.collect::<Result<_, _>>()?,
            body: self.data.as_deref().map(data).transpose()?,
            ..Edit::default()
        })
    }
}

/// What was sent and must not be printed, even where a server repeats it; and what a server says that
/// is nobody else's business.
pub(super) struct Secrets {
    /// As they were sent, the longest first.
    sent: Vec<String>,
    redactor: Redactor,
}

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";
/// Shorter values are no secrets, and would be found in every word.
const SECRET_BYTES_MIN: usize = 5;

impl Secrets {
    pub(super) fn of<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Result<Self> {
        let all = plans.into_iter().flat_map(Plan::secrets);
        let mut sent: Vec<String> = all.filter(|s| s.len() >= SECRET_BYTES_MIN).collect();
        // The longer first: one may be part of another.
        sent.sort_unstable_by_key(|s| std::cmp::Reverse(s.len()));
        sent.dedup();
        let redactor = export::redactor(&HidingArgs::default(), &PlaceArgs::default(), None)?;
        Ok(Self { sent, redactor })
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A text made of redacted exchanges without what was sent; JSON stays JSON.
    pub(super) fn hidden(&self, text: String) -> String {
        let mut text = text;
        for secret in &self.sent {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
            let quoted = serde_json::Value::from(secret.as_str()).to_string();
            let escaped = quoted.trim_matches('"');
            if escaped != secret && text.contains(escaped) {
                text = text.replace(escaped, HIDDEN);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_typed() {
        for (typed, meant, said) in [
            ("https://app.test", "https://app.test", false),
            ("https://app.test/", "https://app.test", true),
            ("https://app.test/cart?x", "https://app.test", true),
            ("HTTPS://App.test:443", "https://app.test", true),
            ("http://localhost:3000", "http://localhost:3000", false),
            ("null", "null", false),
        ] {
            let (origin, note) = origin(typed).expect(typed);
            assert_eq!(origin.to_string(), meant);
            assert_eq!(note.is_some(), said, "{typed}: {note:?}");
        }
        for (wrong, hint) in [
            ("app.test", "https://app.test"),
            ("localhost:3000", "http://localhost:3000"),
            ("*", "https://app.test"),
            ("", "https://"),
        ] {
            let error = origin(wrong).expect_err(wrong).to_string();
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn servers_as_typed() {
        for (typed, meant) in [
            ("https://api.test/v1#x", "https://api.test/v1"),
            ("localhost:4000/v1", "http://localhost:4000/v1"),
            ("api.test/v1?q", "https://api.test/v1?q"),
        ] {
            assert_eq!(server(typed).expect(typed).as_str(), meant);
        }
        for wrong in ["", "ftp://api.test", "http://", "/v1"] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }
}
