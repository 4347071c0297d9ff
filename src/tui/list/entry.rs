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
    /// Answered with a status of 400 to 499; of a request that was never sent, its preflight was.
    Status4,
    /// Answered with 500 or above.
    Status5,
}

impl Chip {
    /// In the order of the screen.
    pub(crate) const ALL: [Self; 11] = [
        Self::All,
        Self::Blocked,
        Self::Fetch,
        Self::Doc,
        Self::Js,
        Self::Css,
        Self::Img,
        Self::Font,
        Self::Ws,
        Self::Status4,
        Self::Status5,
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
            Self::Status4 => "4xx",
            Self::Status5 => "5xx",
        }
    }

    /// The one for a status, if it has one.
    pub(super) fn of_status(status: Option<u16>) -> Option<Self> {
        match status? {
            400..=499 => Some(Self::Status4),
            500.. => Some(Self::Status5),
            _ => None,
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
    /// What kind of thing was asked for.
    pub(super) chip: Chip,
    /// What its status says, if that is bad.
    pub(super) error: Option<Chip>,
    pub(super) chatter: bool,
    /// How many exchanges it has.
    pub(super) members: u16,
    /// The newest of them.
    pub(super) last: ExchangeId,
}

/// An entry as it is kept, in 16 bytes: there may be millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    /// 0: none.
    fetch: u32,
    /// Exchanges as their distance from the session's first.
    pub(super) head: u32,
    last: u32,
    members: u16,
    /// All that is one of a few; see the places below.
    few: u16,
}

/// Where each lies in [`Packed::few`]: its lowest bit, and how many.
const OUTCOME: (u32, u32) = (0, 3);
const STAGE: (u32, u32) = (3, 2);
const FOLD: (u32, u32) = (5, 2);
const CHIP: (u32, u32) = (7, 4);
const ERROR: (u32, u32) = (11, 2);
const CHATTER: (u32, u32) = (13, 1);
const ONLY_PREFLIGHT: (u32, u32) = (14, 1);

const STAGES: [Option<Stage>; 4] = [
    None,
    Some(Stage::Preflight),
    Some(Stage::Actual),
    Some(Stage::Redirect),
];
const FOLDS: [Fold; 3] = [Fold::Automatic, Fold::Open, Fold::Closed];
const ERRORS: [Option<Chip>; 3] = [None, Some(Chip::Status4), Some(Chip::Status5)];

/// The number of one of a few.
fn number_of<T: PartialEq>(few: &[T], one: &T) -> u16 {
    let at = few.iter().position(|known| known == one);
    at.unwrap_or_default() as u16
}

impl Packed {
    pub(super) fn of(entry: &Entry, first: ExchangeId) -> Self {
        let distance = |id: ExchangeId| {
            let distance = id.0.saturating_sub(first.0);
            u32::try_from(distance).unwrap_or(u32::MAX)
        };
        let few = [
            (OUTCOME, number_of(&Outcome::ALL, &entry.outcome)),
            (STAGE, number_of(&STAGES, &entry.stage)),
            (FOLD, number_of(&FOLDS, &entry.fold)),
            (CHIP, entry.chip as u16),
            (ERROR, number_of(&ERRORS, &entry.error)),
            (CHATTER, entry.chatter.into()),
            (ONLY_PREFLIGHT, entry.only_preflight.into()),
        ];
        Self {
            fetch: entry.fetch.map_or(0, |fetch| fetch.0),
            head: distance(entry.head),
            last: distance(entry.last),
            members: entry.members,
            few: few
                .into_iter()
                .fold(0, |all, ((lowest, _), n)| all | n << lowest),
        }
    }

    fn one(&self, (lowest, bits): (u32, u32)) -> usize {
        usize::from(self.few >> lowest & ((1 << bits) - 1))
    }

    fn outcome(&self) -> Outcome {
        Outcome::ALL
            .get(self.one(OUTCOME))
            .copied()
            .unwrap_or_default()
    }

    fn chip(&self) -> Chip {
        Chip::ALL.get(self.one(CHIP)).copied().unwrap_or_default()
    }

    fn error(&self) -> Option<Chip> {
        ERRORS.get(self.one(ERROR)).copied().flatten()
    }

    fn chatter(&self) -> bool {
        self.one(CHATTER) != 0
    }

    pub(super) fn entry(&self, first: ExchangeId) -> Entry {
        Entry {
            fetch: (self.fetch != 0).then_some(FetchId(self.fetch)),
            head: ExchangeId(first.0 + u64::from(self.head)),
            only_preflight: self.one(ONLY_PREFLIGHT) != 0,
            outcome: self.outcome(),
            stage: STAGES[self.one(STAGE)],
            fold: FOLDS.get(self.one(FOLD)).copied().unwrap_or_default(),
            chip: self.chip(),
            error: self.error(),
            chatter: self.chatter(),
            members: self.members,
            last: ExchangeId(first.0 + u64::from(self.last)),
        }
    }

    /// Whether a lens lets it through, the filter aside.
    pub(super) fn is_in(&self, lens: &Lens) -> bool {
        (lens.chatter || !self.chatter())
            && match lens.chip {
                Chip::All => true,
                Chip::Blocked => self.outcome() == Outcome::Blocked,
                Chip::Status4 | Chip::Status5 => self.error() == Some(lens.chip),
                chip => self.chip() == chip,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        assert_eq!(size_of::<Packed>(), 16);
        let mut told = 0;
        for outcome in Outcome::ALL {
            for (n, chip) in Chip::ALL.into_iter().enumerate() {
                let entry = Entry {
                    fetch: (n % 2 == 0).then_some(FetchId(7)),
                    head: ExchangeId(12),
                    only_preflight: n % 3 == 0,
                    outcome,
                    stage: STAGES[n % 4],
                    fold: FOLDS[n % 3],
                    chip,
                    error: ERRORS[n % 3],
                    chatter: n % 5 == 0,
                    members: 3,
                    last: ExchangeId(14),
                };
                let first = ExchangeId(10);
                let back = Packed::of(&entry, first).entry(first);
                assert_eq!(format!("{back:?}"), format!("{entry:?}"));
                told += 1;
            }
        }
        assert_eq!(told, 77);
    }
}
