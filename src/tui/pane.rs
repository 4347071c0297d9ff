//! The detail pane: which tab, what is loaded, how far it is scrolled.

use ratatui::text::Line;
use tui_input::Input;

use super::body::{Body, Reading};
use super::effect::{LoadRequest, Loaded};
use super::talk::Talk;
use super::theme::Theme;
use crate::wire::ExchangeId;

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
    /// The row with the cursor, in tabs that have one; until it is moved, where the body begins.
    pub(crate) cursor: Option<usize>,
    /// Columns moved to the left.
    pub(crate) across: usize,
    /// Whether long lines go on beyond the edge.
    pub(crate) unwrapped: bool,
    /// What is being typed to be looked for.
    pub(crate) finding: Option<Input>,
    pub(crate) request: Reading,
    pub(crate) response: Reading,
    pub(crate) talk: Talk,
    /// Where a person was among messages before others were read.
    pub(crate) place: Option<Place>,
    /// Whether part of a body is being read.
    pub(crate) leaf_under_way: bool,
    /// What stands before a body, or all there is.
    pub(crate) fixed: Fixed,
}

/// Lines laid out once, and what they were laid out for.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    pub(crate) key: Option<FixedKey>,
    pub(crate) lines: Vec<Line<'static>>,
    /// Of messages: the number of the one each line belongs to.
    pub(crate) owners: Vec<Option<usize>>,
}

/// Where a person was among messages: a message, and which of its rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    cursor: Option<(usize, usize)>,
    /// What stood in the first row.
    top: Option<(usize, usize)>,
}

/// What laid out lines depend on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FixedKey {
    pub(crate) tab: Tab,
    pub(crate) room: usize,
    pub(crate) request: LoadRequest,
    pub(crate) mode: super::body::Mode,
    /// Of messages: what is shown of them.
    pub(crate) talk: u64,
    pub(crate) theme: Theme,
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
    pub(crate) fn arrived(&mut self, mut loaded: Box<Loaded>) -> Option<LoadRequest> {
        self.under_way = None;
        let wanted = self.wanted.is_some_and(|w| {
            (w.fetch, w.exchange) == (loaded.request.fetch, loaded.request.exchange)
        });
        if wanted {
            let same = self
                .loaded
                .as_ref()
                .is_some_and(|l| l.request.exchange == loaded.request.exchange);
            if same {
                self.go_on_with(&mut loaded);
            } else {
                self.top();
                self.request = Reading::default();
                self.response = Reading::default();
                self.talk = Talk::default();
            }
            self.loaded = Some(loaded);
            self.fixed.key = None;
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

    /// Whether what it should show cannot be read.
    pub(crate) fn is_missing(&self) -> bool {
        self.wanted.is_some() && self.missing == self.wanted
    }

    /// Goes to a tab, at its top.
    pub(crate) fn show(&mut self, tab: Tab) {
        if self.tab != tab {
            self.tab = tab;
            self.top();
        }
    }

    fn top(&mut self) {
        self.scroll = 0;
        self.across = 0;
        self.cursor = None;
        self.finding = None;
        self.request.forget_asked();
        self.response.forget_asked();
    }

    /// A body that has grown is read on where it was.
    fn go_on_with(&mut self, loaded: &mut Loaded) {
        let before = self.loaded.take();
        let Some(before) = before else { return };
        if self.tab == Tab::Messages {
            self.go_on_among_messages(&before, loaded);
        }
        for (reading, old, new) in [
            (
                &mut self.request,
                &before.request_body,
                &mut loaded.request_body,
            ),
            (
                &mut self.response,
                &before.response_body,
                &mut loaded.response_body,
            ),
        ] {
            match (&old.huge, &new.huge) {
                (Some(known), Some(longer)) if known.goes_on_as(longer) => {
                    new.huge = Some(known.clone());
                    reading.huge.done = false;
                }
                _ => reading.huge = super::body::HugeView::default(),
            }
            reading.changed();
        }
    }

    /// Other messages leave what a person looks at where it is.
    fn go_on_among_messages(&mut self, before: &Loaded, loaded: &Loaded) {
        let sought = loaded.request.messages_from == self.talk.from;
        if let Some(end) = self.talk.edge.take_if(|_| sought) {
            self.cursor = Some(if end { usize::MAX } else { 0 });
            self.scroll = if end { usize::MAX } else { 0 };
        } else if before.messages_before != loaded.messages_before {
            let owners = &self.fixed.owners;
            let spot = |row: usize| {
                let owner = owners.iter().skip(row).find_map(|owner| *owner)?;
                let first = owners.iter().position(|o| *o == Some(owner))?;
                Some((owner, row.saturating_sub(first)))
            };
            self.place = Some(Place {
                cursor: self.cursor.and_then(spot),
                top: spot(self.scroll),
            });
        }
    }

    /// Goes back to where the person was, among the messages as they are laid out now.
    pub(crate) fn find_place(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        let owners = &self.fixed.owners;
        let row = |(message, within): (usize, usize)| {
            let first = owners.iter().position(|o| o.is_some_and(|n| n >= message));
            first.map(|first| first + within)
        };
        self.cursor = place.cursor.and_then(row).or(self.cursor);
        self.scroll = place.top.and_then(row).unwrap_or(self.scroll);
    }

    /// From which message on those of an exchange are wanted.
    pub(crate) fn messages_from(&self, exchange: ExchangeId) -> Option<usize> {
        let loaded = self.loaded.as_ref()?;
        self.talk
            .from
            .filter(|_| loaded.request.exchange == exchange)
    }

    /// The body the tab shows, and where a person is in it.
    pub(crate) fn body(&self) -> Option<(&Body, &Reading)> {
        let loaded = self.loaded.as_ref()?;
        match self.tab {
            Tab::Request => Some((&loaded.request_body, &self.request)),
            Tab::Response => Some((&loaded.response_body, &self.response)),
            _ => None,
        }
    }

    /// As [`body`](Self::body), to be changed.
    pub(crate) fn body_mut(&mut self) -> Option<(&Body, &mut Reading)> {
        let loaded = self.loaded.as_ref()?;
        match self.tab {
            Tab::Request => Some((&loaded.request_body, &mut self.request)),
            Tab::Response => Some((&loaded.response_body, &mut self.response)),
            _ => None,
        }
    }
}
