//! Which way servers are reached: proxies in between, certificates to show.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::args::{DoorArgs, WayArgs};
use super::config::host_pattern;
use crate::proxy::{Access, ClientCert, UpstreamProxy, Upstreams};

/// The proxies as typed, or else as the environment has them.
pub(super) fn upstreams(args: &WayArgs) -> Result<Upstreams> {
    let get = |name: &str| std::env::var(name).ok();
    if args.no_upstream {
        return Ok(Upstreams::none());
    }
    if let Some(typed) = &args.upstream {
        let proxy = UpstreamProxy::parse(typed).map_err(|error| anyhow!("--upstream: {error}"))?;
        let except = get("no_proxy").or_else(|| get("NO_PROXY"));
        return Ok(Upstreams::through(proxy, &except.unwrap_or_default()));
    }
    Upstreams::from_environment(get).map_err(|error| {
        anyhow!(
            "a proxy in the environment (http_proxy, https_proxy, all_proxy) cannot be used: \
             {error}; set it right, or go without with --no-upstream"
        )
    })
}

/// Who beside this machine may use the proxy.
pub(super) fn access(args: &DoorArgs) -> Result<Access> {
    if args.password.as_deref() == Some("") {
        bail!("--password is empty; choose a word that others do not guess");
    }
    Access::new(&args.allow, args.password.as_deref()).map_err(|error| anyhow!("--allow: {error}"))
}

/// `HOST=CERT.pem,KEY.pem`; one file may hold both.
pub(super) fn client_certs(typed: &[String]) -> Result<Vec<ClientCert>> {
    let one = |text: &String| {
        let parts = text.split_once('=').and_then(|(host, files)| {
            let (chain, key) = files.split_once(',').unwrap_or((files, files));
            let named = !chain.is_empty() && !key.is_empty();
            named.then_some((host_pattern(host.trim())?, chain, key))
        });
        let Some((host, chain, key)) = parts else {
            bail!(
                "--client-cert takes HOST=CERT.pem,KEY.pem, such as \
                 api.app.test=me.pem,me.key, not \"{text}\""
            );
        };
        Ok(ClientCert {
            host,
            chain: PathBuf::from(chain),
            key: PathBuf::from(key),
        })
    };
    typed.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_as_typed() {
        let read = |text: &str| client_certs(&[text.to_owned()]);
        let cert = read("*.App.test=me.pem,my.key").expect("one").remove(0);
        assert_eq!(cert.host, "*.app.test");
        assert_eq!((cert.chain, cert.key), ("me.pem".into(), "my.key".into()));
        let both = read("api.test:8443=both.pem").expect("one").remove(0);
        assert_eq!(both.chain, both.key);
        for wrong in [
            "",
            "me.pem,my.key",
            "a b=x,y",
            "api.test=",
            "api.test=x,",
            "*=x,y",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
