//! What one call of the demo's page is: the call, what the server answers, what is to be found.

use std::time::Duration;

use crate::cors::{Browser, Check, Outcome, Stage};
use crate::diagnose::Root;

/// One call the page makes, and the (mostly broken) server that answers it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Stable name: `server-error`.
    pub id: &'static str,
    /// What the page is doing, in its own words: `Load the orders`.
    pub title: &'static str,
    /// What is wrong on the server, in one sentence.
    pub story: &'static str,
    /// The call as the page's script makes it.
    pub call: Call,
    /// The answer to the preflight; `None` where none is due.
    pub preflight: Option<Answer>,
    /// The answer to the call itself, which may never be asked for.
    pub actual: Answer,
    /// What the page will see, and why.
    pub expected: Expected,
}

/// A call as a script makes it.
#[derive(Clone, Debug)]
pub struct Call {
    /// By which means.
    pub how: How,
    /// The method; what is not GET, HEAD or POST makes a preflight.
    pub method: &'static str,
    /// The absolute URL, `ws:` and `wss:` for a WebSocket.
    pub url: String,
    /// Headers the script sets.
    pub headers: Vec<(&'static str, String)>,
    /// Whether cookies and the like are to be sent: `credentials: 'include'`.
    pub include_credentials: bool,
    /// The body.
    pub body: Option<&'static str>,
}

/// By which means a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `fetch(url)`.
    Fetch,
    /// `fetch(url, {mode: 'no-cors'})`.
    NoCors,
    /// `new EventSource(url)`.
    EventSource,
    /// `new WebSocket(url)`.
    WebSocket,
}

impl How {
    /// As the page's script knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::NoCors => "no-cors",
            Self::EventSource => "eventsource",
            Self::WebSocket => "websocket",
        }
    }
}

/// What a server answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// How long the server thinks about it.
    pub after: Duration,
    /// Fields in order, duplicates meant.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

/// The body of an [`Answer`].
#[derive(Clone, Debug)]
pub enum Body {
    /// These bytes.
    Whole(String),
    /// Server-sent events without end, one every so often.
    Events(Duration),
    /// None: the connection becomes a WebSocket.
    Upgrade,
}

/// What the page sees of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It can read the answer, or the stream is open.
    Ok,
    /// An error without a reason: the browser withheld the answer.
    Blocked,
    /// An empty answer with status 0.
    Opaque,
}

impl Seen {
    /// As the page's script reports it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Blocked => "blocked",
            Self::Opaque => "opaque",
        }
    }
}

/// What is to be found out about a call.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What the page sees.
    pub seen: Seen,
    /// What became of it.
    pub outcome: Outcome,
    /// The rule that failed and on which answer, where one did.
    pub fault: Option<Fault>,
    /// The fault where Firefox, which asks its questions in another order, finds another.
    pub fault_in_firefox: Option<Fault>,
    /// What made the server answer so.
    pub root: Option<Root>,
    /// What the preflight answer should have granted.
    pub missing: &'static [&'static str],
}

/// A rule that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which rule.
    pub check: Check,
    /// On which answer.
    pub stage: Stage,
    /// Which kind of mismatch.
    pub sub: Option<&'static str>,
}

impl Expected {
    /// The fault a browser finds.
    pub fn fault(&self, browser: Browser) -> Option<Fault> {
        match browser {
            Browser::Firefox => self.fault_in_firefox.or(self.fault),
            Browser::Chromium | Browser::Safari => self.fault,
        }
    }
}
