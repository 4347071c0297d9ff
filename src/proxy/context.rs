//! What connections and their requests share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Version;
use hyper::upgrade::OnUpgrade;
use tokio::sync::watch;

use super::access::Access;
use super::dial::DialTimes;
use super::distrust::Distrust;
use super::flow::Flow;
use super::leaf::Leaves;
use super::limits::HEAD_SECONDS_MAX;
use super::overrides::Overrides;
use super::page::{Site, is_ours};
use super::pool::Pool;
use super::raw::Raw;
use super::remarks::Remarks;
use super::reverse::Fixed;
use super::scope::Scope;
use super::target::Target;
use crate::capture::{ExchangeRecorder, Recorder};
use crate::wire::{Client, RequestHead, WebSocketDeflate};

/// What all connections share.
pub(super) struct Shared {
    pub recorder: Recorder,
    pub pool: Arc<Pool>,
    pub leaves: Leaves,
    pub scope: Scope,
    pub access: Access,
    /// The one server everything goes to, and whether `Host` stays what the client sent.
    pub reverse: Option<(Target, bool)>,
    pub head_timeout: Option<Duration>,
    pub overrides: Overrides,
    pub remarks: Remarks,
    pub distrust: Distrust,
    pub addresses: Vec<SocketAddr>,
    /// Our own page.
    pub site: Site,
}

impl Shared {
    /// Whether a host and port, as in a `Host` field, mean this proxy.
    pub(super) fn is_own_name(&self, target: &Target) -> bool {
        let local = crate::wire::is_loopback_host(&target.host);
        self.addresses
            .iter()
            .any(|a| a.port() == target.port && (local || target.host.parse() == Ok(a.ip())))
    }

    /// How long this client may take to send a head.
    pub(super) fn head_timeout(&self, client: &Client) -> Option<Duration> {
        let stranger = client
            .addr
            .is_some_and(|a| !a.ip().to_canonical().is_loopback());
        let default = stranger.then_some(Duration::from_secs(HEAD_SECONDS_MAX));
        self.head_timeout.or(default)
    }

    /// Whether a `Host` field may name this proxy where it is asked as a server. An address always
    /// may where we listen on all of them; a name only if it means this machine everywhere, since
    /// any other can be made to point here by who owns it (DNS rebinding).
    pub(super) fn is_own_host(&self, target: &Target) -> bool {
        let open = |a: &SocketAddr| a.ip().is_unspecified() && a.port() == target.port;
        let address = target.host.parse::<std::net::IpAddr>().is_ok();
        self.is_own_name(target)
            || is_ours(&target.host)
            || (address && self.addresses.iter().any(open))
    }
}

/// Where the requests of a connection go.
pub(super) enum Route {
    /// Wherever each says: the client knows that this is a proxy.
    Proxy,
    /// To one server: the client believes it speaks to it.
    Tunnel(Arc<Target>),
    /// To the one server that this stands in front of.
    Fixed(Fixed),
}

/// What the requests of one connection share.
pub(super) struct Context {
    pub shared: Arc<Shared>,
    pub client: Client,
    pub route: Route,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
    /// Whether each request has to bring the password.
    pub guarded: bool,
    /// What becomes of the connection when HTTP ends on it.
    after: Mutex<Option<After>>,
}

/// What an HTTP/1 connection becomes.
pub(super) enum After {
    Tunnel {
        client: OnUpgrade,
        target: Target,
        head: RequestHead,
        /// The server, when the tunnel is passed through unread.
        server: Option<(Raw, ExchangeRecorder, DialTimes)>,
    },
    WebSocket {
        client: OnUpgrade,
        server: OnUpgrade,
        flow: Arc<Flow>,
        deflate: Option<WebSocketDeflate>,
    },
}

impl Context {
    pub(super) fn new(shared: &Arc<Shared>, client: Client, route: Route, http2: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            client,
            route,
            http2,
            guarded: false,
            after: Mutex::new(None),
        }
    }

    /// Each request has to bring the password.
    pub(super) fn guarded(mut self, guarded: bool) -> Self {
        self.guarded = guarded;
        self
    }

    /// What is spoken with the client.
    pub(super) fn version(&self) -> Version {
        if self.http2 {
            Version::HTTP_2
        } else {
            Version::HTTP_11
        }
    }

    pub(super) fn set_after(&self, after: After) {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
    }

    pub(super) fn take_after(&self) -> Option<After> {
        self.after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Asks a connection to end after the exchanges that are open.
pub(super) type Closing = watch::Receiver<bool>;
