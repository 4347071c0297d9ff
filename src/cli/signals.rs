//! Being asked to end: Ctrl-C, a service manager, a terminal that is closed.

#[cfg(unix)]
use anyhow::Context;
use anyhow::Result;

/// Listens for the signals that ask a process to end. From then on they do not end it by
/// themselves: whoever holds this must.
pub(super) struct Signals {
    #[cfg(unix)]
    kinds: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// Must be called within a runtime.
    pub(super) fn listen() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let open = |kind| signal(kind).context("cannot listen for signals");
            Ok(Self {
                kinds: [
                    open(SignalKind::interrupt())?,
                    open(SignalKind::terminate())?,
                    open(SignalKind::hangup())?,
                ],
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Comes back when the process is asked to end, once for each time.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.kinds;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
