//! How many files this process may have open, sockets among them.

/// Raises the limit as far as a process may by itself: shells set it low for programs that count
/// descriptors in a fixed array, which this is not. Where that does not work, fewer clients are
/// served at a time.
pub(super) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let raised = Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            };
            let _ = setrlimit(Resource::Nofile, raised);
        }
    }
}
