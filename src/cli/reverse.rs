//! `reverse`: in front of one server, for clients that cannot set a proxy.

use anyhow::{Result, bail};
use url::Url;

use super::args::ReverseArgs;
use super::config::Capture;
use super::exit::Exit;
use super::{asking, inspect, record};
use crate::proxy::Reverse;

/// `corscope reverse --to URL`: the screen, or with `--out` a recording without one.
pub(super) async fn run(args: &ReverseArgs) -> Result<Exit> {
    let mut capture = Capture::of(&args.capture)?;
    for (flag, given) in [
        ("--only", !args.capture.only.is_empty()),
        ("--pass-through", !args.capture.pass_through.is_empty()),
    ] {
        if given {
            bail!("{flag} chooses among servers, and reverse has one only; leave it out");
        }
    }
    if args.capture.doors.password.is_some() {
        bail!(
            "--password is for clients that know a proxy; with reverse say who may come in with \
             --allow NETWORK"
        );
    }
    capture.reverse = Some(Reverse {
        to: to(&args.to)?,
        keep_host: args.keep_host,
    });
    match &args.out {
        Some(out) => record::reverse(args, out, capture).await,
        None => inspect::reverse(args, capture).await,
    }
}

// The server as people type it: localhost:8000 will do.
fn to(typed: &str) -> Result<Url> {
    let url = asking::server(typed)?;
    if url.path() != "/" || url.query().is_some() {
        let mut server = url.clone();
        server.set_path("");
        server.set_query(None);
        bail!(
            "--to takes a server without a path, as {server}: paths are those that the client asks for"
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!("--to takes a server without user and password; let the client send them");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_typed() {
        for (typed, meant) in [
            ("http://localhost:8000", "http://localhost:8000/"),
            ("localhost:8000", "http://localhost:8000/"),
            ("https://api.app.test/", "https://api.app.test/"),
            ("api.app.test", "https://api.app.test/"),
        ] {
            assert_eq!(to(typed).expect(typed).as_str(), meant);
        }
        for wrong in [
            "http://localhost/v1",
            "ftp://x",
            "http://me:pw@x",
            "x/?q",
            "",
        ] {
            assert!(to(wrong).is_err(), "{wrong}");
        }
    }
}
