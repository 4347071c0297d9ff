//! The detail pane: which tab, what is loaded, how far it is scrolled.

use super::effect::{LoadRequest, Loaded};

/// The tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Verdict,
    Headers,
    Request,
    Response,
    Preflight,
    Timing,
    Cookies,
    Messages,
}

impl Tab {
    /// In the order of the screen; the key is the position.
    pub(crate) const ALL: [Self; 8] = [
        Self::Verdict,
        Self::Headers,
        Self::Request,
        Self::Response,
        Self::Preflight,
        Self::Timing,
        Self::Cookies,
        Self::Messages,
    ];

    /// As written on the screen.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Verdict => "Verdict",
            Self::Headers => "Headers",
            Self::Request => "Request",
            Self::Response => "Response",
            Self::Preflight => "Preflight",
            Self::Timing => "Timing",
            Self::Cookies => "Cookies",
            Self::Messages => "Messages",
        }
    }

    /// As written where there is less room.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Self::Request => "Req",
            Self::Response => "Resp",
            Self::Messages => "Msgs",
            _ => self.name(),
        }
    }

    /// The tab with this number, from 1.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The tab beside this one.
    pub(crate) fn beside(self, right: bool) -> Self {
        let at = self as usize;
        let count = Self::ALL.len();
        Self::ALL[if right { at + 1 } else { at + count - 1 } % count]
    }
}

/// The detail pane.
#[derive(Debug, Default)]
pub(crate) struct Pane {
    pub(crate) tab: Tab,
    /// Rows scrolled off the top.
    pub(crate) scroll: usize,
    pub(crate) loaded: Option<Box<Loaded>>,
    /// What it should show.
    wanted: Option<LoadRequest>,
    /// What was asked for and has not come yet.
    under_way: Option<LoadRequest>,
    /// What was asked for in vain.
    missing: Option<LoadRequest>,
    /// Where each line of the shown body starts, for the width it was computed for.
    pub(crate) row_starts: RowStarts,
}

/// Row positions of the two bodies at one width.
#[derive(Debug, Default)]
pub(crate) struct RowStarts {
    pub(crate) room: usize,
    pub(crate) request: Vec<u32>,
    pub(crate) response: Vec<u32>,
}

impl Pane {
    /// The pane should show this from now on; returns what to load, if it is to be loaded now.
    pub(crate) fn want(&mut self, request: Option<LoadRequest>) -> Option<LoadRequest> {
        self.wanted = request;
        if request.is_none() {
            self.loaded = None;
        }
        self.next_load()
    }

    /// Something came; returns what to load next, if the person has moved on meanwhile.
    pub(crate) fn arrived(&mut self, loaded: Box<Loaded>) -> Option<LoadRequest> {
        self.under_way = None;
        let wanted = self.wanted.is_some_and(|w| {
            (w.fetch, w.exchange) == (loaded.request.fetch, loaded.request.exchange)
        });
        if wanted {
            let same = self
                .loaded
                .as_ref()
                .is_some_and(|l| l.request.exchange == loaded.request.exchange);
            if !same {
                self.scroll = 0;
            }
            self.loaded = Some(loaded);
            self.row_starts = RowStarts::default();
        }
        self.next_load()
    }

    /// What was asked for is not there. It is not asked for again until it changes; returns what to
    /// load next, if the person has moved on meanwhile.
    pub(crate) fn failed(&mut self, request: LoadRequest) -> Option<LoadRequest> {
        self.under_way = None;
        self.loaded = None;
        self.missing = Some(request);
        self.next_load()
    }

    /// What was asked for could not be handed over; it is asked for again at the next occasion.
    pub(crate) fn not_sent(&mut self) {
        self.under_way = None;
    }

    /// What to load now: what is wanted, unless it is there or something is under way already.
    pub(crate) fn next_load(&mut self) -> Option<LoadRequest> {
        let wanted = self.wanted?;
        let there = self.loaded.as_ref().is_some_and(|l| l.request == wanted);
        if there || self.under_way.is_some() || self.missing == Some(wanted) {
            return None;
        }
        self.under_way = Some(wanted);
        Some(wanted)
    }

    /// What it should show.
    pub(crate) fn wanted(&self) -> Option<LoadRequest> {
        self.wanted
    }

    /// Whether what is shown is not yet what is wanted.
    pub(crate) fn is_stale(&self) -> bool {
        self.wanted.map(|w| w.exchange) != self.loaded.as_ref().map(|l| l.request.exchange)
    }

    /// Goes to a tab, at its top.
    pub(crate) fn show(&mut self, tab: Tab) {
        if self.tab != tab {
            self.tab = tab;
            self.scroll = 0;
        }
    }

    /// Computes where the lines of the bodies start at this width, if that is not known yet.
    pub(crate) fn measure(&mut self, room: usize) {
        let Some(loaded) = &self.loaded else { return };
        if self.row_starts.room != room {
            self.row_starts = RowStarts {
                room,
                request: loaded.request_body.row_starts(room),
                response: loaded.response_body.row_starts(room),
            };
        }
    }
}
