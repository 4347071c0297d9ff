//! What every command that captures can be told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{KeepingArgs, PlaceArgs, duration};

/// Flags of every command that captures.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Capture")]
pub(in crate::cli) struct CaptureArgs {
    /// Where to listen; repeatable; port 0: any [default: this machine only, from port 8080 on]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub(in crate::cli) listen: Vec<SocketAddr>,
    #[command(flatten)]
    pub(in crate::cli) doors: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
    /// Trust the certificates in this PEM file too when talking to servers
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) upstream_ca: Option<PathBuf>,
    /// Do not verify the certificate of this server; repeatable
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) insecure: Vec<String>,
    /// Pass what goes to this server through unread; repeatable
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) pass_through: Vec<String>,
    /// Read only what goes to this server, pass all else through unrecorded; repeatable
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) only: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) way: WayArgs,
    #[command(flatten)]
    pub(in crate::cli) keeping: KeepingArgs,
}

/// Who else may use the proxy.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Capture")]
pub(in crate::cli) struct DoorArgs {
    /// Let other machines use it that bring this password, any user name (or CORSCOPE_PASSWORD, where
    /// others do not see it); this machine needs none
    #[arg(
        long,
        value_name = "WORD",
        env = "CORSCOPE_PASSWORD",
        hide_env = true,
        hide_short_help = true
    )]
    pub(in crate::cli) password: Option<String>,
    /// Let this machine or network use it, such as 192.168.1.0/24; repeatable
    #[arg(long, value_name = "ADDR|NET", hide_short_help = true)]
    pub(in crate::cli) allow: Vec<String>,
    /// How long a client may take to send the head of a request [default: 1m for other machines]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(in crate::cli) head_timeout: Option<Duration>,
}

/// Which way servers are reached.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(in crate::cli) struct WayArgs {
    /// Reach servers through this proxy: http, https, socks5 (names looked up here) or socks5h
    /// ://[USER:PASSWORD@]HOST:PORT (or CORSCOPE_UPSTREAM, where others do not see the password)
    /// [default: as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say; never for this machine]
    #[arg(
        long,
        visible_alias = "upstream-proxy",
        value_name = "URL",
        env = "CORSCOPE_UPSTREAM",
        hide_env = true,
        hide_short_help = true,
        conflicts_with = "no_upstream"
    )]
    pub(in crate::cli) upstream: Option<String>,
    /// Reach servers directly, whatever the environment says
    #[arg(long, hide_short_help = true)]
    pub(in crate::cli) no_upstream: bool,
    /// Show a certificate to servers that ask for one (mutual TLS), PEM; repeatable
    #[arg(long, value_name = "HOST=CERT,KEY", hide_short_help = true)]
    pub(in crate::cli) client_cert: Vec<String>,
}

/// An address to listen at. A name would be one of several addresses.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an address and a port, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080".to_owned()
    })
}
