//! What leaves the screen and what comes back: plain data, performed by others.

use std::sync::Arc;

use super::body::{Body, LeafAnswer, LeafRequest};
use super::compare::{Pair, Paired};
use super::cookies::Cookies;
use super::copying::CopyForm;
use super::export::{BodyRequest, ExportRequest, Exported};
use super::filter::DeepTest;
use super::fix::Mended;
use super::replay::{Draft, ReplayRequest, Replayed};
use super::tables::Table;
use crate::cors::Outcome as Verdict;
use crate::diagnose::{Diagnosis, FetchId, Role};
use crate::fix::Trial;
use crate::report::{Explanation, Whole};
use crate::wire::{Exchange, ExchangeId, Message};

/// Something the screen wants done. [`perform`](super::perform) does those that need nothing but
/// the session; the rest is for whoever put the parts together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Fetch what the detail pane shows. At most one is under way at a time; it must be answered.
    Load(LoadRequest),
    /// Launch a browser that uses the proxy: one of [`Options::browsers`](super::Options::browsers),
    /// by its place there.
    LaunchBrowser(usize),
    /// Look into headers and bodies for what the filter wants. One is under way at a time; each looks
    /// at a slice and must be answered.
    Search(SearchRequest),
    /// Read a part of a body, or look for something in it. One is under way at a time; each does a
    /// slice and must be answered.
    Leaf(LeafRequest),
    /// Write an exchange in some form, for the clipboard.
    CopyAs(CopyForm, ExchangeId),
    /// Write a body to a file; only asked for when
    /// [`Options::can_export`](super::Options::can_export) says somebody can. It must be answered.
    SaveBody(BodyRequest),
    /// Write a brief about a fetch, for the clipboard.
    Brief(FetchId),
    /// Change answers in flight as these have it, and no others; only asked for when
    /// [`Options::can_try`](super::Options::can_try) says somebody can. It must be answered.
    Trials(Vec<Trial>),
    /// Pass the host of this URL through unread from now on, or read it again; only asked for when
    /// [`Options::can_pass`](super::Options::can_pass) says somebody can.
    PassThrough(String),
    /// Find out what mends a fetch and which server it was, for the fix dialog.
    Mend(FetchId),
    /// Draw the whole picture of the session.
    Picture,
    /// Lay two requests abreast.
    Compare(Pair),
    /// Do a request again as the browser would; only asked for when
    /// [`Options::can_replay`](super::Options::can_replay) says somebody can.
    Replay(ReplayRequest),
    /// Write a request as text to be edited; only asked for as above.
    Draft(ExchangeId),
    /// Keep a mark or a comment with the session, or take it away.
    KeepNote(ExchangeId, Option<String>),
    /// Remember a filter that was used; only asked for as [`KeepFilter`](Self::KeepFilter) is.
    RememberFilter(String),
    /// Write a paper; only asked for when [`Options::can_export`](super::Options::can_export) says
    /// somebody can. It must be answered.
    Export(ExportRequest),
    /// Keep a filter under a name in the configuration; only asked for when
    /// [`Options::can_keep`](super::Options::can_keep) says somebody can.
    KeepFilter {
        /// The name.
        name: String,
        /// The filter.
        filter: String,
    },
}

/// What became of an [`Effect`], or something else the screen should say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// What the detail pane asked for.
    Loaded(Box<Loaded>),
    /// What the detail pane asked for is not there; the reason in one sentence.
    NotLoaded(LoadRequest, String),
    /// Put this on the clipboard; what it is, in a few words.
    Copy(String, &'static str),
    /// These trial fixes are in force now, and no others; and why not those that were asked for.
    Trials(Vec<Trial>, Option<String>),
    /// These hosts are passed through unread now, and no others; and a sentence about it.
    Passing(Vec<String>, String),
    /// What became of a paper.
    Exported(Exported),
    /// One sentence for the bottom line.
    Notice(String),
    /// A mark or comment was kept; or why not, in one sentence.
    Noted(Option<String>),
    /// A request as text to be edited.
    Drafted(Draft),
    /// What became of a replay.
    Replayed(Replayed),
    /// A slice was looked at.
    Searched(Searched),
    /// A part of a body; `None` where it could not be read.
    Leaf(Option<Box<LeafAnswer>>),
    /// What mends a fetch.
    Mended(Box<Mended>),
    /// Two requests laid abreast.
    Compared(Box<Paired>),
    /// The whole picture, and how many fetches were too many for it.
    Picture(Box<Whole>, usize),
}

/// A slice of a search in headers and bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// Which search; an answer to an earlier one counts for nothing.
    pub(crate) number: u64,
    pub(crate) tests: std::sync::Arc<[DeepTest]>,
    /// The first exchange to look at.
    pub(crate) from: ExchangeId,
    /// Exchanges before it that were still open when they were looked at.
    pub(crate) again: Vec<ExchangeId>,
}

/// What a slice of a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    pub(crate) number: u64,
    /// Which test holds for which exchange.
    pub(crate) hits: Vec<(usize, ExchangeId)>,
    /// Everything before this one was looked at.
    pub(crate) upto: ExchangeId,
    /// Exchanges that are still open.
    pub(crate) open: Vec<ExchangeId>,
}

/// Names what the detail pane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadRequest {
    /// The fetch, where the session knows one.
    pub fetch: Option<FetchId>,
    /// The exchange whose heads and bodies are shown.
    pub exchange: ExchangeId,
    /// Grows when the same thing is asked for again because it changed.
    pub edition: u64,
    /// Number of the first message that is wanted; the newest ones where nobody looks at others.
    pub messages_from: Option<usize>,
}

/// What the detail pane shows; opaque to everybody else.
#[derive(Debug)]
pub struct Loaded {
    /// Whether later traffic has changed the verdict.
    pub(crate) corrected: bool,
    pub(crate) request: LoadRequest,
    /// The exchange whose heads and bodies are shown.
    pub(crate) exchange: Arc<Exchange>,
    /// The exchanges of the fetch in order, with what they are in it.
    pub(crate) members: Vec<(Role, Arc<Exchange>)>,
    pub(crate) diagnosis: Option<Diagnosis>,
    pub(crate) explanation: Option<Explanation>,
    /// What it would have come to without the trial fix that changed its answers.
    pub(crate) before: Option<Explanation>,
    /// The fix made ready to be tried, or why there is none.
    pub(crate) trial: Result<Trial, String>,
    /// For a replay: what it repeats, what became of that, and why.
    pub(crate) repeats: Option<(ExchangeId, Verdict, String)>,
    pub(crate) request_body: Body,
    pub(crate) response_body: Body,
    pub(crate) cookies: Cookies,
    /// What is packed into the headers.
    pub(crate) tokens: Vec<Table>,
    pub(crate) messages: Vec<Message>,
    /// Messages that came before the first of `messages`.
    pub(crate) messages_before: usize,
    /// Messages that came after the last of them.
    pub(crate) messages_after: usize,
}

impl Loaded {
    /// What the shown exchange is within its fetch.
    pub(crate) fn role(&self) -> Role {
        self.members
            .iter()
            .find(|(_, e)| e.id == self.exchange.id)
            .map_or(Role::Actual, |(role, _)| *role)
    }

    /// The preflight of the shown exchange: the last one before it, or itself.
    pub(crate) fn preflight(&self) -> Option<&Arc<Exchange>> {
        let preflights = self.members.iter().filter(|(r, _)| *r == Role::Preflight);
        preflights
            .map(|(_, e)| e)
            .rfind(|e| e.id <= self.exchange.id)
    }
}
