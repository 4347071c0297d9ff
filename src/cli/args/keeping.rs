//! How much of a capture is kept.

use clap::Args as ClapArgs;

use super::size;
use crate::session::Options;

/// How much of a capture is kept.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Keeping")]
#[expect(
    clippy::struct_field_names,
    reason = "the flags are called --body-max, --bodies-max, --exchanges-max"
)]
pub(in crate::cli) struct KeepingArgs {
    /// Keep no more than this of each body; the rest is counted [default: 32MB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in crate::cli) body_max: Option<u64>,
    /// Keep no more than this of all bodies: the oldest leave, their rows stay [default: 4GB]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in crate::cli) bodies_max: Option<u64>,
    /// Record no more than so many exchanges [default: 5000000]
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    pub(in crate::cli) exchanges_max: Option<u64>,
}

impl KeepingArgs {
    /// The same as the session takes it.
    pub(in crate::cli) fn bound(self, options: Options) -> Options {
        Options {
            kept_bytes_max: self.body_max.unwrap_or(options.kept_bytes_max),
            stored_bytes_max: self.bodies_max.unwrap_or(options.stored_bytes_max),
            exchanges_max: self.exchanges_max.unwrap_or(options.exchanges_max),
            ..options
        }
    }
}
