//! What the process says with its exit status.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing is blocked: 0.
    Clean,
    /// Done, and something is blocked: 1.
    Blocked,
    /// corscope could not do it: 2.
    Failed,
}

impl Exit {
    /// [`Blocked`](Self::Blocked) if at least one fetch is.
    pub(super) fn of_blocked(blocked: u64) -> Self {
        if blocked == 0 {
            Self::Clean
        } else {
            Self::Blocked
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Blocked => 1,
            Exit::Failed => 2,
        })
    }
}
