//! The threads that serve clients.
//!
//! One per core, each with a runtime of its own: what belongs to one client, down to the connection
//! to its server, runs on one thread, and nobody is woken on another one for it.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::limits::DRAIN_MILLIS;

/// The threads that serve clients. They end when this is dropped.
pub(super) struct Workers {
    workers: Vec<Worker>,
}

struct Worker {
    runtime: Handle,
    /// How many clients it serves.
    clients: Arc<AtomicUsize>,
    /// The thread ends when this is gone,
    _stays: oneshot::Sender<()>,
    /// and tells it here.
    ended: oneshot::Receiver<()>,
}

impl Workers {
    /// A thread per core, two at least, so that one exchange that computes does not hold up all others.
    /// Fewer where the system gives no more.
    pub(super) fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
        let workers = (0..cores.max(2)).map_while(|number| Worker::start(number).ok());
        Self {
            workers: workers.collect(),
        }
    }

    /// Has an accepted connection served by who has least to do.
    pub(super) fn serve<F>(
        &self,
        stream: TcpStream,
        serving: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let load = |worker: &&Worker| worker.clients.load(Ordering::Relaxed);
        let Some(worker) = self.workers.iter().min_by_key(load) else {
            tokio::spawn(serving(stream));
            return Ok(());
        };
        let stream = stream.into_std()?;
        let counted = Counted::new(&worker.clients);
        worker.runtime.spawn(async move {
            let _counted = counted;
            if let Ok(stream) = TcpStream::from_std(stream) {
                serving(stream).await;
            }
        });
        Ok(())
    }

    /// Cuts off what is still served, and waits a moment until it has ended.
    pub(super) async fn end(self) {
        let ended: Vec<_> = self.workers.into_iter().map(|w| w.ended).collect();
        let all = async {
            for thread in ended {
                // That it is gone means the same.
                let _ = thread.await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MILLIS), all).await;
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stays, leaves) = oneshot::channel::<()>();
        let (ends, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("corscope-serve-{number}"))
            .spawn(move || {
                // Nothing is ever sent: that the other end is gone is the message.
                let _ = runtime.block_on(leaves);
                // A slow name look-up holds nobody up.
                runtime.shutdown_background();
                let _ = ends.send(());
            })?;
        Ok(Self {
            runtime: handle,
            clients: Arc::default(),
            _stays: stays,
            ended,
        })
    }
}

/// One client more, until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(clients: &Arc<AtomicUsize>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(clients))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
