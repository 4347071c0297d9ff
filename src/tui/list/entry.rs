//! A line of the list, the quick filters, and what decides whether a line is listed.

use super::super::filter::Filter;
use crate::cors::{Outcome, Stage};
use crate::diagnose::FetchId;
use crate::wire::ExchangeId;

/// A quick filter, as in DevTools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chip {
    #[default]
    All,
    Blocked,
    Fetch,
    Doc,
    Js,
    Css,
    Img,
    Font,
    Ws,
}

impl Chip {
    /// In the order of the screen.
    pub(crate) const ALL: [Self; 9] = [
        Self::All,
        Self::Blocked,
        Self::Fetch,
        Self::Doc,
        Self::Js,
        Self::Css,
        Self::Img,
        Self::Font,
        Self::Ws,
    ];

    /// As DevTools writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Blocked => "Blocked",
            Self::Fetch => "Fetch/XHR",
            Self::Doc => "Doc",
            Self::Js => "JS",
            Self::Css => "CSS",
            Self::Img => "Img",
            Self::Font => "Font",
            Self::Ws => "WS",
        }
    }

    pub(super) fn of_type(type_: &str) -> Self {
        match type_ {
            "fetch" | "xhr" | "sse" | "preflight" | "beacon" => Self::Fetch,
            "doc" => Self::Doc,
            "js" | "worker" | "wasm" => Self::Js,
            "css" => Self::Css,
            "img" => Self::Img,
            "font" => Self::Font,
            "ws" => Self::Ws,
            _ => Self::All,
        }
    }
}

/// Whether the exchanges of an entry are shown under it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fold {
    /// Open where the preflight or a redirect is what failed.
    #[default]
    Automatic,
    Open,
    Closed,
}

/// One line of the list (and the lines folded into it): a fetch. Kept as [`Packed`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The fetch, where the session knows one.
    pub(crate) fetch: Option<FetchId>,
    /// The exchange that stands for it: the last that is no preflight, or the first preflight.
    pub(crate) head: ExchangeId,
    /// Whether `head` is a preflight, so that the request itself was not sent, or not yet.
    pub(crate) only_preflight: bool,
    pub(crate) outcome: Outcome,
    pub(super) stage: Option<Stage>,
    pub(crate) fold: Fold,
    pub(super) chip: Chip,
    pub(super) chatter: bool,
    /// How many exchanges it has.
    pub(super) members: u16,
    /// The newest of them.
    pub(super) last: ExchangeId,
}

/// An entry as it is kept, in 20 bytes: there may be millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    /// 0: none.
    fetch: u32,
    /// Exchanges as their distance from the session's first.
    pub(super) head: u32,
    last: u32,
    members: u16,
    only_preflight: bool,
    outcome: Outcome,
    stage: Option<Stage>,
    fold: Fold,
    chip: Chip,
    chatter: bool,
}

impl Packed {
    pub(super) fn of(entry: &Entry, first: ExchangeId) -> Self {
        let distance = |id: ExchangeId| {
            let distance = id.0.saturating_sub(first.0);
            u32::try_from(distance).unwrap_or(u32::MAX)
        };
        Self {
            fetch: entry.fetch.map_or(0, |fetch| fetch.0),
            head: distance(entry.head),
            last: distance(entry.last),
            members: entry.members,
            only_preflight: entry.only_preflight,
            outcome: entry.outcome,
            stage: entry.stage,
            fold: entry.fold,
            chip: entry.chip,
            chatter: entry.chatter,
        }
    }

    pub(super) fn entry(&self, first: ExchangeId) -> Entry {
        Entry {
            fetch: (self.fetch != 0).then_some(FetchId(self.fetch)),
            head: ExchangeId(first.0 + u64::from(self.head)),
            only_preflight: self.only_preflight,
            outcome: self.outcome,
            stage: self.stage,
            fold: self.fold,
            chip: self.chip,
            chatter: self.chatter,
            members: self.members,
            last: ExchangeId(first.0 + u64::from(self.last)),
        }
    }

    /// Whether a lens lets it through, the filter aside.
    pub(super) fn is_in(&self, lens: &Lens) -> bool {
        (lens.chatter || !self.chatter)
            && match lens.chip {
                Chip::All => true,
                Chip::Blocked => self.outcome == Outcome::Blocked,
                chip => self.chip == chip,
            }
    }
}

impl Entry {
    /// How many exchanges are folded into the line.
    pub(crate) fn children(&self) -> usize {
        usize::from(self.members) - usize::from(!self.only_preflight)
    }

    /// Whether they are shown.
    pub(crate) fn is_open(&self) -> bool {
        self.children() > 0
            && match self.fold {
                Fold::Open => true,
                Fold::Closed => false,
                Fold::Automatic => self.failed_in_preflight() || self.failed_in_redirect(),
            }
    }

    /// Whether the answer to a preflight is what the browser stumbled over.
    pub(crate) fn failed_in_preflight(&self) -> bool {
        self.outcome == Outcome::Blocked && self.stage == Some(Stage::Preflight)
    }

    fn failed_in_redirect(&self) -> bool {
        self.outcome == Outcome::Blocked && self.stage == Some(Stage::Redirect)
    }

    /// Lines it takes on the screen.
    pub(crate) fn lines(&self) -> usize {
        if self.is_open() {
            1 + self.children()
        } else {
            1
        }
    }
}

/// What decides whether an entry is listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lens {
    pub(crate) filter: Filter,
    pub(crate) chip: Chip,
    pub(crate) chatter: bool,
    /// Entries before this one are hidden.
    pub(crate) hidden_before: u32,
}
