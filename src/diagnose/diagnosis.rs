//! The answer: what became of a fetch, why, and how sure that is.

use std::borrow::Cow;
use std::sync::Arc;

use crate::cors::{Browser, Certainty, Check, Credentials, Outcome, Stage};
use crate::wire::{ExchangeId, Said};

use super::align::Alignment;
use super::demand::Demand;
use super::fetch::Fetch;
use super::infer::NO_BROWSER;
use super::root::Root;

/// What became of one fetch and why. Derived from its exchanges at any time; never stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// Which fetch.
    pub fetch: Fetch,
    /// Method of the first hop's actual request (from the preflight where none was sent).
    pub method: String,
    /// URL of the first hop.
    pub url: String,
    /// The page's origin as serialised, where the wire tells it.
    pub origin: Option<String>,
    /// Who asked: `fetch`, `script`, `image`, `font`, `style`, `navigation`, `websocket`,
    /// `eventsource`, `beacon`, `other`... `fetch` stands for XHR as well, which looks the same.
    pub initiator: &'static str,
    /// Whose rules were applied.
    pub browser: Browser,
    /// The credentials mode, as far as the wire tells.
    pub credentials: Credentials,
    /// What became of it.
    pub outcome: Outcome,
    /// The fault; `None` unless blocked or failed.
    pub cause: Option<Cause>,
    /// The case that credentials were included, where that makes a difference and is unknown.
    pub when_include: Option<Branch>,
    /// The case that they were not.
    pub when_not_include: Option<Branch>,
    /// What is asked of the endpoint that failed, by this fetch and by others of the session: for its
    /// fix, which is seldom asked for. `None` where nothing failed, and where it was not looked up:
    /// [`diagnose_to_mend`](super::diagnose_to_mend) does.
    pub demand: Option<Box<Demand>>,
    /// What does not block but should be known.
    pub warnings: Vec<Warning>,
    /// Names of response headers script can read, lower case, in wire order; `None` when the
    /// response is not readable.
    pub exposed_headers: Option<Vec<String>>,
    /// Names of response headers hidden from script.
    pub hidden_headers: Vec<String>,
    /// Names that script can read only if credentials are not included, which nothing tells:
    /// `Access-Control-Expose-Headers: *` exposes them then. In which of the two lists above they stand
    /// is the likelier guess.
    pub exposed_unless_included: Vec<String>,
    /// Why CORS does not apply, for [`Outcome::Exempt`]; one short phrase: `same origin`.
    pub exempt_because: Option<&'static str>,
    /// What a launched browser said about the exchange that decided, where one was asked.
    pub said: Option<Arc<Said>>,
    /// Where that contradicts this verdict: how, in one sentence. Then one of the two is wrong.
    pub disagreement: Option<String>,
}

impl Diagnosis {
    /// Whether no browser asked: then nobody enforces CORS.
    pub fn is_of_no_browser(&self) -> bool {
        self.exempt_because == Some(NO_BROWSER)
    }
}

/// One of the two cases of a diagnosis that depends on the credentials mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// What becomes of it then.
    pub outcome: Outcome,
    /// The fault then.
    pub cause: Option<Cause>,
}

/// The fault that stopped a fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The rule that failed first.
    pub check: Check,
    /// On which answer.
    pub stage: Stage,
    /// The exchange whose answer failed.
    pub exchange: Option<ExchangeId>,
    /// Which kind of mismatch: `trailing-slash`, `port`, `duplicate-headers`...
    pub sub: Option<&'static str>,
    /// What made the server answer so.
    pub root: Option<Root>,
    /// What else is behind it, in the order of the taxonomy: the crash comes first, that errors lose the
    /// headers comes next.
    pub also: Vec<Root>,
    /// Every method and header the preflight answer should have granted and did not.
    pub missing: Vec<String>,
    /// What else is wrong and would fail next, were this mended.
    pub next: Vec<(Check, Stage)>,
    /// How sure it is.
    pub certainty: Certainty,
    /// The bytes that prove it.
    pub evidence: Vec<Evidence>,
    /// The value found where another was needed: the Allow-Origin value, the bad token, the
    /// Location. For texts.
    pub found: Option<String>,
    /// The value that was needed: the origin, `true`...
    pub needed: Option<String>,
    /// Both, byte for byte; for values that had to be equal and are not.
    pub alignment: Option<Alignment>,
    /// Firefox's name of the reason as on MDN, `CORSMissingAllowOrigin`; Chromium's is
    /// [`Check::chromium_name`].
    pub firefox_name: Option<&'static str>,
}

/// One observation that proves something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Where it was observed.
    pub exchange: ExchangeId,
    /// Which part of the exchange.
    pub part: Part,
    /// Name of the header, if it is one; lower case.
    pub name: Option<Cow<'static, str>>,
    /// The value; `None` when the point is that there is none.
    pub value: Option<String>,
    /// Why it matters, in a few words: `missing`, `the real error`.
    pub note: Cow<'static, str>,
}

/// Part of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Method and URL.
    RequestLine,
    /// A request header.
    RequestHeader,
    /// The status code.
    ResponseStatus,
    /// A response header.
    ResponseHeader,
    /// The response body.
    ResponseBody,
    /// The connection: what broke below HTTP.
    Connection,
    /// What the browser did next.
    Behaviour,
}

impl Part {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestLine => "request-line",
            Self::RequestHeader => "request-header",
            Self::ResponseStatus => "response-status",
            Self::ResponseHeader => "response-header",
            Self::ResponseBody => "response-body",
            Self::Connection => "connection",
            Self::Behaviour => "behaviour",
        }
    }
}

/// Something that does not block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable id: `missing-vary-origin`.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The bytes that prove it.
    pub evidence: Vec<Evidence>,
}

/// How bad a warning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Will bite some day.
    Warn,
    /// A security risk.
    Risk,
    /// Breaks something.
    Error,
}

impl Severity {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Risk => "risk",
            Self::Error => "error",
        }
    }
}
