//! Connections to servers: kept, shared and used again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::dial::{DialError, DialTimes, Dialer, Transport, alert_words};
use super::failure::{failure, innermost, kind_of, tls_error_below};
use super::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};
use super::tap::RequestBody;
use super::target::Target;
use super::turns::{InTurns, Progress};
use super::upstream::UpstreamProxy;
use crate::wire::{Failure, FailureStage, Upstream};

/// How many unused HTTP/1 connections are kept per server.
const IDLE_MAX: usize = 256;
/// How long a connection is kept unused, in seconds.
const IDLE_SECONDS_MAX: u64 = 90;
/// How often those are looked for, in seconds.
const SWEEP_SECONDS: u64 = 15;
/// A request that must not be sent twice avoids connections unused for longer than this, in
/// seconds: servers close them after five (Node) and the closing may be on its way.
const SAFE_IDLE_SECONDS: u64 = 3;

/// The connections to servers.
pub(super) struct Pool {
    pub dialer: Dialer,
    hosts: Mutex<HashMap<Arc<Target>, Host>>,
    next_connection: AtomicU64,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

#[derive(Default)]
struct Host {
    idle: Vec<Idle>,
    http2: Option<(http2::SendRequest<RequestBody>, Arc<Link>)>,
    /// One dials at a time while it is not known that the server speaks HTTP/1 only, so that many
    /// requests at once end up on one HTTP/2 connection.
    gate: Arc<tokio::sync::Mutex<()>>,
    http1_only: bool,
}

struct Idle {
    sender: http1::SendRequest<RequestBody>,
    link: Arc<Link>,
    since: Instant,
}

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Link {
    pub target: Arc<Target>,
    number: u64,
    addr: SocketAddr,
    tls: Option<String>,
    insecure: bool,
    pub http2: bool,
    /// The proxy behind us that takes requests whole, in absolute form.
    pub whole_to: Option<Arc<UpstreamProxy>>,
    /// In HTTP/1: whether something becomes of what the server sends.
    pub progress: Progress,
}

impl Link {
    pub(super) fn upstream(&self, reused: bool) -> Upstream {
        Upstream {
            connection: self.number,
            addr: Some(self.addr),
            reused,
            tls: self.tls.clone(),
            insecure: self.insecure,
        }
    }
}

/// What a request needs of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// HTTP/2, if the server speaks it.
    pub http2: bool,
    /// It must not be sent twice.
    pub once: bool,
    /// A new connection, since a used one just proved stale.
    pub fresh: bool,
    /// No proxy in between may take part in what is said.
    pub tunnel: bool,
}

/// A connection to send one request on.
pub(super) struct Lease {
    sender: Sender,
    pub link: Arc<Link>,
    pub reused: bool,
    pub times: DialTimes,
}

enum Sender {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

/// An HTTP/1 connection that goes back to the pool when the response has ended.
pub(super) struct Returning {
    pool: Arc<Pool>,
    sender: http1::SendRequest<RequestBody>,
    link: Arc<Link>,
}

impl Pool {
    pub(super) fn new(dialer: Dialer) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .preserve_header_case(true)
            .max_headers(HEADER_FIELDS_MAX)
            .max_header_size(HEADER_BYTES_MAX);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES_MAX as u32);
        Self {
            dialer,
            hosts: Mutex::default(),
            next_connection: AtomicU64::new(1),
            http1,
            http2,
        }
    }

    /// As [`new`](Self::new), for requests of our own: HTTP/1 field names are sent as `Title-Case`.
    pub(super) fn for_own_requests(dialer: Dialer) -> Self {
        let mut pool = Self::new(dialer);
        pool.http1.title_case_headers(true);
        pool
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Arc<Target>, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next connection to a server.
    pub(super) fn next_number(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// A connection for one request: a kept one, or a new one.
    pub(super) async fn lease(&self, target: &Arc<Target>, need: Need) -> Result<Lease, DialError> {
        let need = Need {
            // What was kept may lead to a proxy that takes requests whole.
            fresh: need.fresh || (need.tunnel && !self.dialer.upstreams.is_none()),
            ..need
        };
        if !need.fresh
            && let Some(lease) = self.kept(target, need)
        {
            return Ok(lease);
        }
        let gate = self.gate(target, need);
        let _turn = match &gate {
            Some(gate) => {
                let turn = gate.lock().await;
                if let Some(lease) = self.kept(target, need) {
                    return Ok(lease);
                }
                Some(turn)
            }
            None => None,
        };
        self.open(target, need).await
    }

    fn kept(&self, target: &Arc<Target>, need: Need) -> Option<Lease> {
        let mut hosts = self.hosts();
        let host = hosts.get_mut(target)?;
        if need.http2
            && let Some((sender, link)) = &host.http2
        {
            if !sender.is_closed() {
                return Some(Lease {
                    sender: Sender::Http2(sender.clone()),
                    link: Arc::clone(link),
                    reused: true,
                    times: DialTimes::default(),
                });
            }
            host.http2 = None;
        }
        // An HTTP/2 client gets HTTP/2 where the server has it, whoever was here before: HTTP/1 loses
        // what that carries, such as trailers nobody asked for.
        if target.prior_knowledge || (need.http2 && target.tls && !host.http1_only) {
            return None;
        }
        let safe = Duration::from_secs(if need.once {
            SAFE_IDLE_SECONDS
        } else {
            IDLE_SECONDS_MAX
        });
        while let Some(idle) = host.idle.pop() {
            if !idle.sender.is_ready() {
                continue;
            }
            if idle.since.elapsed() > safe {
                // The others have been waiting for longer still.
                host.idle.push(idle);
                return None;
            }
            return Some(Lease {
                sender: Sender::Http1(idle.sender),
                link: idle.link,
                reused: true,
                times: DialTimes::default(),
            });
        }
        None
    }

    fn gate(&self, target: &Arc<Target>, need: Need) -> Option<Arc<tokio::sync::Mutex<()>>> {
        if !need.http2 || need.fresh || !(target.tls || target.prior_knowledge) {
            return None;
        }
        let mut hosts = self.hosts();
        let host = hosts.entry(Arc::clone(target)).or_default();
        (!host.http1_only).then(|| Arc::clone(&host.gate))
    }

    async fn open(&self, target: &Arc<Target>, need: Need) -> Result<Lease, DialError> {
        let dialed = self.dialer.dial(target, need.http2, need.tunnel).await?;
        let link = Arc::new(Link {
            target: Arc::clone(target),
            number: self.next_number(),
            addr: dialed.addr,
            tls: dialed.tls,
            insecure: dialed.insecure,
            http2: dialed.http2,
            whole_to: dialed.whole_to,
            progress: Progress::default(),
        });
        let times = dialed.times;
        let sender = match dialed.io {
            Transport::Plain(io) => self.shake_hands(io, &link).await,
            Transport::Tls(io) => self.shake_hands(io, &link).await,
            Transport::Far(io) => self.shake_hands(io, &link).await,
        };
        let sender = sender.map_err(|error| DialError {
            failure: send_failure(&error, &link.target, true),
            times,
        })?;
        if need.http2 {
            let mut hosts = self.hosts();
            let host = hosts.entry(Arc::clone(target)).or_default();
            match &sender {
                Sender::Http2(sender) => host.http2 = Some((sender.clone(), Arc::clone(&link))),
                Sender::Http1(_) => host.http1_only = target.tls,
            }
        }
        Ok(Lease {
            sender,
            link,
            reused: false,
            times,
        })
    }

    async fn shake_hands<S>(&self, io: S, link: &Link) -> hyper::Result<Sender>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if link.http2 {
            let (sender, connection) = self.http2.handshake(TokioIo::new(io)).await?;
            tokio::spawn(async move {
                // How it ended, each request on it is told.
                let _ = connection.await;
            });
            return Ok(Sender::Http2(sender));
        }
        let io = InTurns::new(io, link.progress.clone());
        let (sender, connection) = self.http1.handshake(TokioIo::new(io)).await?;
        tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Sender::Http1(sender))
    }

    fn keep(&self, sender: http1::SendRequest<RequestBody>, link: Arc<Link>) {
        let mut hosts = self.hosts();
        let host = match hosts.get_mut(&link.target) {
            Some(host) => host,
            None => hosts.entry(Arc::clone(&link.target)).or_default(),
        };
        if host.idle.len() < IDLE_MAX {
            host.idle.push(Idle {
                sender,
                link,
                since: Instant::now(),
            });
        }
    }

    /// Drops what nobody used for long or the server closed, for ever; and whatever is unused as soon as
    /// no more files can be opened.
    pub(super) async fn sweep(&self) {
        loop {
            let at_most = tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(SWEEP_SECONDS)) => IDLE_SECONDS_MAX,
                () = self.dialer.exhausted.notified() => 0,
            };
            let at_most = Duration::from_secs(at_most);
            self.hosts().retain(|_, host| {
                host.idle
                    .retain(|i| i.sender.is_ready() && i.since.elapsed() < at_most);
                host.http2.take_if(|(sender, _)| sender.is_closed());
                !host.idle.is_empty() || host.http2.is_some() || Arc::strong_count(&host.gate) > 1
            });
        }
    }

    /// Drops all that is not in use.
    pub(super) fn clear(&self) {
        self.hosts().clear();
    }
}

impl Lease {
    /// Sends a request. With the answer comes what gives the connection back, when it can be.
    pub(super) async fn send(
        self,
        pool: &Arc<Pool>,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Option<Returning>), TrySendError<Request<RequestBody>>> {
        match self.sender {
            Sender::Http1(mut sender) => {
                let response = sender.try_send_request(request).await?;
                self.link.progress.made();
                let returning = Returning {
                    pool: Arc::clone(pool),
                    sender,
                    link: self.link,
                };
                Ok((response, Some(returning)))
            }
            Sender::Http2(mut sender) => {
                let response = sender.try_send_request(request).await?;
                Ok((response, None))
            }
        }
    }
}

impl Returning {
    /// A piece of the response came.
    pub(super) fn progress(&self) {
        self.link.progress.made();
    }

    /// The response has ended: others may use the connection.
    pub(super) fn give_back(self) {
        if self.sender.is_ready() {
            self.pool.keep(self.sender, self.link);
        } else if !self.sender.is_closed() {
            // Its task is about to notice the end.
            tokio::spawn(async move {
                let Self {
                    pool,
                    mut sender,
                    link,
                } = self;
                if sender.ready().await.is_ok() {
                    pool.keep(sender, link);
                }
            });
        }
    }
}

/// What a request that got no answer is told.
pub(super) fn send_failure(error: &hyper::Error, target: &Target, sent: bool) -> Failure {
    use crate::wire::FailureKind::{Protocol, Reset, TimedOut};
    // With TLS 1.3 a server that refuses the client says so after the handshake.
    if let Some(tls @ rustls::Error::AlertReceived(alert)) = tls_error_below(error) {
        return failure(FailureStage::Tls, kind_of(tls), alert_words(target, *alert));
    }
    let kind = kind_of(error);
    let stage = if sent {
        FailureStage::Wait
    } else {
        FailureStage::Send
    };
    let detail = match kind {
        Reset => format!("{target} closed the connection without an answer"),
        Protocol => format!("{target} did not answer in HTTP ({})", innermost(error)),
        TimedOut => format!("{target} did not answer in time"),
        _ => format!("no answer from {target} ({})", innermost(error)),
    };
    failure(stage, kind, detail)
}
