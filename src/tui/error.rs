//! What can go wrong with a terminal.

use std::io;

/// Why there is no screen (any more).
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard input or output is not a terminal.
    #[error(
        "this is not a terminal: `corscope record` captures without a screen, `corscope diagnose` \
         reads a file"
    )]
    NoTerminal,
    /// The terminal refused to be taken over, or to be written to.
    #[error("the terminal cannot be used")]
    Terminal(#[from] io::Error),
}
