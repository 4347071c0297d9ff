//! What connections and their requests share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::Version;
use hyper::upgrade::OnUpgrade;
use tokio::sync::watch;

use super::dial::DialTimes;
use super::flow::Flow;
use super::leaf::Leaves;
use super::overrides::Overrides;
use super::page::{Site, is_ours};
use super::pool::Pool;
use super::raw::Raw;
use super::remarks::Remarks;
use super::target::{HostList, Target};
use crate::capture::{ExchangeRecorder, Recorder};
use crate::wire::{Client, RequestHead, WebSocketDeflate};

/// What all connections share.
pub(super) struct Shared {
    pub recorder: Recorder,
    pub pool: Arc<Pool>,
    pub leaves: Leaves,
    pub pass_through: HostList,
    pub only: HostList,
    pub overrides: Overrides,
    pub remarks: Remarks,
    pub addresses: Vec<SocketAddr>,
    /// Our own page.
    pub site: Site,
}

impl Shared {
    /// Whether a tunnel to this host is passed through unread.
    pub(super) fn passes_through(&self, target: &Target) -> bool {
        !is_ours(&target.host)
            && (self.pass_through.contains(&target.host, target.port)
                || (!self.only.is_empty() && !self.only.contains(&target.host, target.port)))
    }

    /// Whether a host and port, as in a `Host` field, mean this proxy.
    pub(super) fn is_own_name(&self, target: &Target) -> bool {
        let local = crate::wire::is_loopback_host(&target.host);
        self.addresses
            .iter()
            .any(|a| a.port() == target.port && (local || target.host.parse() == Ok(a.ip())))
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
}

/// What the requests of one connection share.
pub(super) struct Context {
    pub shared: Arc<Shared>,
    pub client: Client,
    pub route: Route,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
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
            after: Mutex::new(None),
        }
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
