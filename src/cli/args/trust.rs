//! The authority and the doctor, as typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::super::trust::Family;
use super::capturing::address;
use super::{DoorArgs, LineFormat, PlaceArgs, WayArgs};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CaCommand {
    /// Print where its certificate lies, for a browser's import dialogue
    Path(PlaceArgs),
    /// Print its certificate as PEM
    Export(PlaceArgs),
    /// Let the browsers of this user trust it; prints what root has to run for the whole system
    Install(CaChangeArgs),
    /// Take it out of every store again: exactly this one, nothing else
    Uninstall {
        #[command(flatten)]
        change: CaChangeArgs,
        /// Take out the other authorities of corscope too: of other data directories, or forgotten
        #[arg(long)]
        stale: bool,
    },
    /// Where it is trusted, when it expires
    Status(CaStatusArgs),
    /// Make a new one with a new key, and put it wherever the old one was trusted
    Rotate(CaChangeArgs),
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  corscope ca install                    Chromium's and Firefox's stores; the system's as root
  corscope ca install --store firefox    only Firefox's profiles
  corscope ca install --dry-run          the commands, to read or to run by hand

Exit status: 0 as wished (or told what root has to run), 2 at least one store is not.")]
pub(in crate::cli) struct CaChangeArgs {
    /// Only this kind of store; repeatable [default: all there are]
    #[arg(long, value_name = "KIND", value_enum)]
    pub(in crate::cli) store: Vec<Family>,
    /// Print the commands and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Exit status: 0 every browser's store that is there trusts it, 1 one does not, or it expires within
30 days, or an older one is still trusted, 2 corscope could not look.")]
pub(in crate::cli) struct CaStatusArgs {
    /// Only this kind of store; repeatable [default: all there are]
    #[arg(long, value_name = "KIND", value_enum)]
    pub(in crate::cli) store: Vec<Family>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(in crate::cli) format: LineFormat,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Nothing is changed, and nothing but this machine is asked unless --online says so.

Exit status: 0 fine (what is marked ⚠ may be as you want it), 1 something will not work, 2 corscope
could not look.")]
pub(in crate::cli) struct DoctorArgs {
    /// Where corscope is to listen; repeatable [default: this machine only, from port 8080 on]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub(in crate::cli) listen: Vec<SocketAddr>,
    #[command(flatten)]
    pub(in crate::cli) doors: DoorArgs,
    /// The PEM file of certificates to trust too when talking to servers
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) upstream_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) way: WayArgs,
    /// Ask this server too: names, way out, its certificate, the clock
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        default_missing_value = "https://example.com/"
    )]
    pub(in crate::cli) online: Option<String>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(in crate::cli) format: LineFormat,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArgs,
}
