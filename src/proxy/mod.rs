//! The way in: an intercepting HTTP proxy that records, and alters nothing unasked.
//!
//! ```text
//! accept → detect → HTTP/1 or HTTP/2 ─ absolute form ─→ forward → pool → dial → server
//!                        └ CONNECT → detect ─ TLS: our leaf → HTTP ──┘
//!                                         ├── HTTP ─────────────────┘
//!                                         └── anything else, or a host to pass through: bytes
//! ```
//!
//! Every exchange speaks through the [`Recorder`] from its first byte, before the server is looked
//! for; bodies pass the tap unchanged, frame by frame, and nothing is held back for the recording.
//! A head is changed only as a proxy must (fields of one connection, `Host`), or as [`Overrides`]
//! that a person has set say; then the record has what the server said and what was changed. A server that cannot
//! be asked is told to the browser as a page of ours and to the recorder as a failure, never as a
//! response. CORS is unknown here.
//!
//! Not passed on, since hyper's server cannot send them: informational responses besides
//! `100 Continue` (`103 Early Hints`). Over HTTP/1, trailers pass if announced in `Trailer`.

mod access;
mod ask;
mod behind;
mod ca;
mod chain;
mod connect;
mod connection;
mod context;
mod courier;
mod detect;
mod dial;
mod distrust;
mod failure;
mod flow;
mod forward;
mod half;
mod heads;
mod hygiene;
mod identity;
mod leaf;
mod limits;
mod listen;
mod overrides;
mod page;
mod passing;
mod pool;
mod raw;
mod relay;
mod remarks;
mod reverse;
mod scope;
mod tap;
mod target;
mod tls;
mod tunnel;
mod turns;
mod upstream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, TryAcquireError, mpsc, watch};

use url::Url;

use crate::capture::Recorder;
use crate::wire::Client;
use access::Admission;
use connection::serve_client;
use context::Shared;
use dial::Dialer;
use distrust::Distrust;
use leaf::Leaves;
pub use limits::HEAD_SECONDS_MAX;
use limits::{DRAIN_MILLIS, connections_max};
use pool::Pool;
use remarks::Remarks;
use scope::Scope;
use target::HostList;
use tls::UpstreamTls;

pub use access::{Access, AccessError};
pub use ca::{Authority, CaCertificate, CaError, Rotated};
pub use courier::{Courier, Delivered, Errand, Limits, Reach};
pub use identity::ClientCert;
pub use listen::loopback;
pub use overrides::{FieldRule, Override, OverrideError, Overrides};
pub use passing::Passing;
pub use reverse::Reverse;
pub use upstream::{UpstreamError, UpstreamProxy, Upstreams};

/// How many ports after the asked one are tried by [`Proxy::bind_near`].
const PORTS_TRIED_MAX: u16 = 64;
/// How long accepting rests after it failed, in milliseconds.
const ACCEPT_PAUSE_MILLIS: u64 = 50;
/// How long it is not said again that accepting fails, in seconds.
const EXHAUSTED_SECONDS: u64 = 60;

/// How a proxy is to run.
pub struct Config {
    /// Where to listen; see [`loopback`]. Port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Where to listen instead, in this order, where somebody is there already.
    pub otherwise: Vec<Vec<SocketAddr>>,
    /// Who issues the certificates shown to the browser.
    pub authority: Authority,
    /// PEM file of authorities to trust for servers, beside the system's.
    pub upstream_ca: Option<PathBuf>,
    /// Further ones, as PEM text.
    pub upstream_ca_pem: Option<String>,
    /// Hosts whose certificate is not verified: `api.test`, `api.test:8443`, `*.api.test`.
    pub insecure: Vec<String>,
    /// Hosts whose tunnels are passed through unread.
    pub pass_through: Vec<String>,
    /// Further ones; whoever keeps a clone changes them while it runs.
    pub passing: Passing,
    /// If not empty: the only hosts whose tunnels are not passed through unread, and whose plain
    /// requests are recorded.
    pub only: Vec<String>,
    /// Who beside this machine may use it.
    pub access: Access,
    /// The one server everything goes to, for clients that take this for a server.
    pub reverse: Option<Reverse>,
    /// How long a client may take to send the head of a request, once it has begun. Without it, only
    /// those of other machines are held to [`HEAD_SECONDS_MAX`].
    pub head_timeout: Option<Duration>,
    /// Proxies to go through. Not used for this machine.
    pub upstreams: Upstreams,
    /// Certificates to show to servers that ask for one.
    pub client_certs: Vec<ClientCert>,
    /// Answers to change on their way; whoever keeps a clone sets them.
    pub overrides: Overrides,
}

impl Config {
    /// Loopback on this port, everything else left as it is.
    pub fn new(port: u16, authority: Authority) -> Self {
        Self {
            listen: loopback(port),
            otherwise: Vec::new(),
            authority,
            upstream_ca: None,
            upstream_ca_pem: None,
            insecure: Vec::new(),
            pass_through: Vec::new(),
            passing: Passing::default(),
            only: Vec::new(),
            access: Access::default(),
            reverse: None,
            head_timeout: None,
            upstreams: Upstreams::none(),
            client_certs: Vec::new(),
            overrides: Overrides::default(),
        }
    }
}

/// Why a proxy cannot start. Every message ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// An address cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another address with --listen")]
    Bind {
        /// Which.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file of authorities to trust cannot be used.
    #[error("cannot use {}: {why}; --upstream-ca takes a PEM file of certificates", path.display())]
    UpstreamCa {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate for servers that ask for one cannot be used.
    #[error("cannot show {} to {host}: {why}; --client-cert takes HOST=CERT.pem,KEY.pem", path.display())]
    ClientCert {
        /// To which servers.
        host: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The server of [`Config::reverse`] is none.
    #[error(
        "{url} is no server everything could go to; --to takes one such as http://localhost:8000"
    )]
    Reverse {
        /// Which.
        url: Url,
    },
    /// No keys could be made for the certificates shown to the browser.
    #[error("cannot make keys for the browser's side: {why}; try again")]
    Keys {
        /// What the crypto library said.
        why: String,
    },
}

/// A proxy that listens.
pub struct Proxy {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    remarked: Option<mpsc::Receiver<String>>,
}

impl Proxy {
    /// Listens; connections wait until [`run`](Self::run).
    #[expect(
        clippy::unused_async,
        reason = "needs a runtime around it, and says so"
    )]
    pub async fn bind(config: Config, recorder: Recorder) -> Result<Self, ProxyError> {
        Self::bind_at(&config.listen.clone(), config, recorder)
    }

    /// As [`bind`](Self::bind); but where a port is taken, all addresses move to the next one that
    /// is free.
    #[expect(
        clippy::unused_async,
        reason = "needs a runtime around it, and says so"
    )]
    pub async fn bind_near(config: Config, recorder: Recorder) -> Result<Self, ProxyError> {
        let taken = |addresses: &[SocketAddr]| match listen::listen(addresses) {
            Err(e) => e.source.kind() == io::ErrorKind::AddrInUse,
            Ok(_) => false,
        };
        let moved = |by: u16| -> Vec<SocketAddr> {
            let mut listen = config.listen.clone();
            for addr in &mut listen {
                if addr.port() != 0 {
                    addr.set_port(addr.port().saturating_add(by));
                }
            }
            listen
        };
        let listen = (0..PORTS_TRIED_MAX).map(moved).find(|a| !taken(a));
        Self::bind_at(&listen.unwrap_or(config.listen.clone()), config, recorder)
    }

    fn bind_at(
        listen: &[SocketAddr],
        config: Config,
        recorder: Recorder,
    ) -> Result<Self, ProxyError> {
        let mut dialer = dialer(&Reach {
            upstream_ca: config.upstream_ca,
            upstream_ca_pem: config.upstream_ca_pem,
            insecure: config.insecure,
            upstreams: config.upstreams,
            client_certs: config.client_certs,
        })?;
        let reverse = match &config.reverse {
            Some(reverse) => match reverse.target() {
                Some(target) => Some((target, reverse.keep_host)),
                None => {
                    return Err(ProxyError::Reverse {
                        url: reverse.to.clone(),
                    });
                }
            },
            None => None,
        };
        let leaves = Leaves::new(config.authority).map_err(|error| ProxyError::Keys {
            why: error.to_string(),
        })?;
        let site = page::Site::new().map_err(|error| ProxyError::Keys {
            why: error.to_string(),
        })?;
        config.passing.add(&config.pass_through);
        let taken = |e: &listen::ListenError| e.source.kind() == io::ErrorKind::AddrInUse;
        let mut bound = listen::listen(listen);
        for addresses in &config.otherwise {
            match &bound {
                Err(error) if taken(error) => bound = listen::listen(addresses),
                _ => break,
            }
        }
        let listeners = bound.map_err(|e| ProxyError::Bind {
            addr: e.addr,
            source: e.source,
        })?;
        let addresses: Vec<SocketAddr> = listeners
            .iter()
            .filter_map(|l| l.local_addr().ok())
            .collect();
        dialer.ourselves.clone_from(&addresses);
        let (remarks, remarked) = Remarks::new();
        for proxy in dialer.leave_ourselves_out() {
            remarks.say(format!(
                "The upstream proxy {proxy} is this corscope itself: servers are reached without it."
            ));
        }
        Ok(Self {
            listeners,
            addresses: addresses.clone(),
            shared: Arc::new(Shared {
                recorder,
                pool: Arc::new(Pool::new(dialer)),
                leaves,
                scope: Scope::new(config.passing, &config.only),
                access: config.access,
                reverse,
                head_timeout: config.head_timeout,
                overrides: config.overrides,
                remarks,
                distrust: Distrust::default(),
                addresses,
                site,
            }),
            remarked: Some(remarked),
        })
    }

    /// Where it listens; ports chosen by the system filled in.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Sentences a person should see that belong to no exchange; to be had once.
    pub fn remarks(&mut self) -> Option<mpsc::Receiver<String>> {
        self.remarked.take()
    }

    /// The authority that issues the certificates shown to the browser.
    pub fn authority(&self) -> &Authority {
        self.shared.leaves.authority()
    }

    /// Serves until `shutdown` is ready, lets open exchanges go on for half a second, and cuts off
    /// what is left.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (closing, closing_seen) = watch::channel(false);
        let (cut, cut_seen) = watch::channel(false);
        let connections_max = connections_max();
        let room = Arc::new(Semaphore::new(connections_max));
        let numbers = Arc::new(AtomicU64::new(1));
        let mut accepting = tokio::task::JoinSet::new();
        for listener in self.listeners {
            accepting.spawn(accept(
                listener,
                Arc::clone(&self.shared),
                Arc::clone(&room),
                Arc::clone(&numbers),
                (closing_seen.clone(), cut_seen.clone()),
            ));
        }
        let pool = Arc::clone(&self.shared.pool);
        accepting.spawn(async move { pool.sweep().await });
        shutdown.await;
        accepting.shutdown().await;
        let everybody = u32::try_from(connections_max).unwrap_or(u32::MAX);
        for signal in [&closing, &cut] {
            signal.send_replace(true);
            let left = room.acquire_many(everybody);
            if tokio::time::timeout(Duration::from_millis(DRAIN_MILLIS), left)
                .await
                .is_ok()
            {
                break;
            }
        }
        self.shared.pool.clear();
    }
}

/// How servers are reached; refuses what cannot be used.
fn dialer(reach: &Reach) -> Result<Dialer, ProxyError> {
    Ok(Dialer {
        tls: UpstreamTls::new(
            reach.upstream_ca.as_ref(),
            reach.upstream_ca_pem.as_deref(),
            &reach.client_certs,
        )?,
        insecure: HostList::new(&reach.insecure),
        upstreams: reach.upstreams.clone(),
        ourselves: Vec::new(),
        exhausted: Notify::new(),
    })
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    numbers: Arc<AtomicU64>,
    (closing, cut): (watch::Receiver<bool>, watch::Receiver<bool>),
) {
    let mut crowded = false;
    let mut exhausted: Option<Instant> = None;
    loop {
        let place = match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return,
            Err(TryAcquireError::NoPermits) => {
                if !std::mem::replace(&mut crowded, true) {
                    shared.remarks.say(format!(
                        "{} clients are connected, as many as the limit of open files allows: further \
                         ones wait until one leaves (ulimit -n is the limit).",
                        connections_max()
                    ));
                }
                let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                    return;
                };
                place
            }
        };
        let (stream, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A client that left while it waited is nobody's trouble.
                let gone = error.kind() == io::ErrorKind::ConnectionAborted;
                let long = Duration::from_secs(EXHAUSTED_SECONDS);
                if !gone && exhausted.is_none_or(|said| said.elapsed() > long) {
                    exhausted = Some(Instant::now());
                    shared.remarks.say(format!(
                        "No more clients can be let in for now ({error}): they wait until others \
                         leave; raise the limit with ulimit -n."
                    ));
                }
                // Out of file descriptors, most likely: some will be closed.
                shared.pool.dialer.exhausted.notify_one();
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
                continue;
            }
        };
        crowded &= room.available_permits() == 0;
        let admission = shared.access.admission(addr.ip());
        if admission == Admission::Refused {
            shared.remarks.stranger(addr.ip());
            continue;
        }
        // Nagle's algorithm against delayed acknowledgements costs 40 ms a message.
        let _ = stream.set_nodelay(true);
        let client = Client {
            connection: numbers.fetch_add(1, Ordering::Relaxed),
            addr: Some(addr),
        };
        let guarded = admission == Admission::Guarded;
        let served = serve_client(
            Arc::clone(&shared),
            stream,
            client,
            guarded,
            closing.clone(),
        );
        let mut cut = cut.clone();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                biased;
                () = served => {}
                _ = cut.changed() => {}
            }
        });
    }
}
