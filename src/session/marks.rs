//! The verdict of every row in a few bytes, and which exchanges belong together.

use std::collections::VecDeque;

use crate::cors::{Browser, Check, Credentials, Outcome, Stage};
use crate::diagnose::{Diagnosis, Fetch, FetchId, Member, Role, Root};
use crate::wire::ExchangeId;

/// The verdict of a row in short. Every exchange of a fetch has the fetch's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The fetch this exchange belongs to.
    pub fetch: Option<FetchId>,
    /// What the exchange is within it.
    pub role: Role,
    /// What became of the fetch.
    pub outcome: Outcome,
    /// The rule that failed.
    pub check: Option<Check>,
    /// On which answer.
    pub stage: Option<Stage>,
    /// What made the server answer so.
    pub root: Option<Root>,
    /// Which kind of mismatch.
    pub sub: Option<&'static str>,
    /// Whether the request this preflight asked for never came.
    pub never_sent: bool,
    /// Whether there are warnings.
    pub warnings: bool,
    /// Whether traffic that came after the verdict was settled has changed it.
    pub corrected: bool,
    /// What would have become of the fetch without the trial fix that changed its answers, where one
    /// did.
    pub was: Option<Outcome>,
}

impl Default for Mark {
    fn default() -> Self {
        Self {
            fetch: None,
            role: Role::Actual,
            outcome: Outcome::Pending,
            check: None,
            stage: None,
            root: None,
            sub: None,
            never_sent: false,
            warnings: false,
            corrected: false,
            was: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Packed {
    // 0: none.
    fetch: u32,
    role: Role,
    outcome: Outcome,
    check: Option<Check>,
    stage: Option<Stage>,
    root: Option<Root>,
    sub: u8,
    never_sent: bool,
    warnings: bool,
    corrected: bool,
    was: Option<Outcome>,
}

const EMPTY: Packed = Packed {
    fetch: 0,
    role: Role::Actual,
    outcome: Outcome::Pending,
    check: None,
    stage: None,
    root: None,
    sub: 0,
    never_sent: false,
    warnings: false,
    corrected: false,
    was: None,
};

/// A fetch in 24 bytes: nearly all are one exchange, or a preflight and its request.
#[derive(Clone, Debug)]
struct Held {
    members: Members,
    browser: Browser,
    settled: bool,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Members {
    /// Nobody knows it (any more).
    None,
    One(Role, u32),
    Pair(u32, u32),
    Many(Box<Fetch>),
}

const PAGE: usize = 4_096;
/// How many verdicts that changed are remembered, for those who keep what they were.
const CHANGED_MAX: usize = 65_536;

/// Marks of all rows, all fetches in short, and how many there are of each outcome.
#[derive(Debug)]
pub(super) struct Marks {
    first: u64,
    // Whether whose rules apply was told for the whole session.
    browser_told: bool,
    pages: Vec<Vec<Packed>>,
    fetches: Vec<Vec<Held>>,
    // Where an outcome's kind of mismatch is told by number; number 0 is none.
    subs: Vec<&'static str>,
    outcomes: [u64; 7],
    count: u64,
    unsettled: u64,
    // Heads of fetches whose verdict changed after it was told, the last ones; and how many more there
    // were before them.
    changed: VecDeque<ExchangeId>,
    changed_before: u64,
}

impl Marks {
    pub(super) fn new(first: ExchangeId, browser_told: bool) -> Self {
        Self {
            first: first.0,
            browser_told,
            pages: Vec::new(),
            fetches: Vec::new(),
            subs: Vec::new(),
            outcomes: [0; 7],
            count: 0,
            unsettled: 0,
            changed: VecDeque::new(),
            changed_before: 0,
        }
    }

    /// The mark of an exchange.
    pub(super) fn mark(&self, id: ExchangeId) -> Mark {
        let position = id.0.wrapping_sub(self.first) as usize;
        let packed = self
            .pages
            .get(position / PAGE)
            .and_then(|page| page.get(position % PAGE));
        let packed = packed.copied().unwrap_or(EMPTY);
        Mark {
            fetch: (packed.fetch != 0).then_some(FetchId(packed.fetch)),
            role: packed.role,
            outcome: packed.outcome,
            check: packed.check,
            stage: packed.stage,
            root: packed.root,
            sub: self.name_of_sub(packed.sub),
            never_sent: packed.never_sent,
            warnings: packed.warnings,
            corrected: packed.corrected,
            was: packed.was,
        }
    }

    /// A fetch as it was last judged.
    pub(super) fn fetch(&self, id: FetchId) -> Option<Fetch> {
        let held = self.held(id)?;
        let member =
            |role, position: u32| Member::sent(role, ExchangeId(self.first + u64::from(position)));
        let members = match &held.members {
            Members::None => return None,
            Members::One(role, position) => vec![member(*role, *position)],
            Members::Pair(preflight, actual) => {
                vec![
                    member(Role::Preflight, *preflight),
                    member(Role::Actual, *actual),
                ]
            }
            Members::Many(fetch) => return Some(Fetch::clone(fetch)),
        };
        Some(Fetch {
            id,
            members,
            browser: held.browser,
            browser_told: self.browser_told,
            cached_credentials: Credentials::Unknown,
            settled: held.settled,
        })
    }

    fn held(&self, id: FetchId) -> Option<&Held> {
        let position = (id.0 as usize).checked_sub(1)?;
        self.fetches.get(position / PAGE)?.get(position % PAGE)
    }

    fn held_mut(&mut self, id: FetchId) -> Option<&mut Held> {
        let position = (id.0 as usize).checked_sub(1)?;
        while self.fetches.len() <= position / PAGE {
            if let Some(page) = self.fetches.last_mut() {
                page.resize(PAGE, UNKNOWN);
            }
            self.fetches.push(Vec::new());
        }
        let page = &mut self.fetches[position / PAGE];
        if page.len() <= position % PAGE {
            page.resize(position % PAGE + 1, UNKNOWN);
        }
        page.get_mut(position % PAGE)
    }

    /// All fetches, in the order of first sighting.
    pub(super) fn fetches(&self) -> Vec<FetchId> {
        let all = self.fetches.iter().flatten().enumerate();
        all.filter(|(_, held)| !matches!(held.members, Members::None))
            .map(|(position, _)| FetchId(position as u32 + 1))
            .collect()
    }

    /// The last id that was given to a fetch; 0 if there is none.
    pub(super) fn last(&self) -> u32 {
        self.fetches.iter().map(Vec::len).sum::<usize>() as u32
    }

    /// How many fetches came to this.
    pub(super) fn count_of(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether time alone may still change a verdict.
    pub(super) fn has_unsettled(&self) -> bool {
        self.unsettled > 0
    }

    /// Takes over what a fetch was judged to be, and would have been without a trial fix. `live` is
    /// whether people may have seen the verdict before: then a settled one that changes is marked as
    /// corrected.
    pub(super) fn set(&mut self, diagnosis: &Diagnosis, was: Option<Outcome>, live: bool) {
        let cause = diagnosis.cause.as_ref();
        let mark = Packed {
            fetch: diagnosis.fetch.id.0,
            outcome: diagnosis.outcome,
            check: cause.map(|c| c.check),
            stage: cause.map(|c| c.stage),
            root: cause.and_then(|c| c.root),
            sub: cause.and_then(|c| c.sub).map_or(0, |sub| self.sub(sub)),
            warnings: !diagnosis.warnings.is_empty(),
            was,
            ..EMPTY
        };
        self.take_over(&diagnosis.fetch, mark, live);
    }

    /// As [`set`](Self::set), for a fetch that is exempt and no more.
    pub(super) fn set_exempt(&mut self, fetch: &Fetch, live: bool) {
        let mark = Packed {
            fetch: fetch.id.0,
            outcome: Outcome::Exempt,
            ..EMPTY
        };
        self.take_over(fetch, mark, live);
    }

    fn take_over(&mut self, fetch: &Fetch, mark: Packed, live: bool) {
        let shown = fetch.head().map(|head| self.mark(head));
        let settled = self.held(fetch.id).is_some_and(|held| held.settled);
        self.forget_members_gone(fetch);
        let held = Held {
            members: self.pack(fetch),
            browser: fetch.browser,
            settled: fetch.settled,
            outcome: mark.outcome,
        };
        let Some(slot) = self.held_mut(fetch.id) else {
            return;
        };
        let before = std::mem::replace(slot, held);
        if matches!(before.members, Members::None) {
            self.count += 1;
        } else {
            self.outcomes[before.outcome as usize] -= 1;
            self.unsettled -= u64::from(!before.settled);
        }
        if fetch.members.is_empty() {
            self.count -= 1;
            return;
        }
        self.outcomes[mark.outcome as usize] += 1;
        self.unsettled += u64::from(!fetch.settled);
        let never_sent = fetch.members.iter().any(|m| m.never_sent);
        let moved = shown.as_ref().is_some_and(|shown| {
            let told = shown.fetch == Some(fetch.id) && shown.outcome != Outcome::Pending;
            told && (shown.outcome, shown.stage) != (mark.outcome, mark.stage)
        });
        if let Some(head) = fetch.head().filter(|_| moved) {
            self.changed.push_back(head);
            if self.changed.len() > CHANGED_MAX {
                self.changed.pop_front();
                self.changed_before += 1;
            }
        }
        let sub = self.name_of_sub(mark.sub);
        let verdict = |m: &Mark| (m.outcome, m.check, m.stage, m.root, m.sub);
        let corrected = shown
            .filter(|shown| shown.fetch == Some(fetch.id))
            .is_some_and(|shown| {
                let now = (mark.outcome, mark.check, mark.stage, mark.root, sub);
                shown.corrected || (live && settled && verdict(&shown) != now)
            });
        let mark = Packed {
            never_sent,
            corrected,
            ..mark
        };
        for member in &fetch.members {
            if let Some(id) = member.exchange {
                self.put(
                    id,
                    Packed {
                        role: member.role,
                        ..mark
                    },
                );
            }
        }
    }

    /// Heads of the fetches whose verdict changed after it was told, from the change with this number
    /// on, and the number of the next one; `None` where too many did since.
    pub(super) fn changed(&self, since: u64) -> (Option<Vec<ExchangeId>>, u64) {
        let next = self.changed_before + self.changed.len() as u64;
        let skip = since.checked_sub(self.changed_before);
        let skip = skip.and_then(|skip| usize::try_from(skip).ok());
        (
            skip.map(|skip| self.changed.iter().skip(skip).copied().collect()),
            next,
        )
    }

    fn forget_members_gone(&mut self, fetch: &Fetch) {
        let Some(before) = self.fetch(fetch.id) else {
            return;
        };
        for gone in before
            .exchanges()
            .filter(|id| fetch.exchanges().all(|other| other != *id))
        {
            if self.mark(gone).fetch == Some(fetch.id) {
                self.put(gone, EMPTY);
            }
        }
    }

    fn put(&mut self, id: ExchangeId, mark: Packed) {
        let Some(position) =
            id.0.checked_sub(self.first)
                .and_then(|p| usize::try_from(p).ok())
        else {
            return;
        };
        while self.pages.len() <= position / PAGE {
            if let Some(page) = self.pages.last_mut() {
                page.resize(PAGE, EMPTY);
            }
            self.pages.push(Vec::new());
        }
        let page = &mut self.pages[position / PAGE];
        if page.len() <= position % PAGE {
            page.resize(position % PAGE + 1, EMPTY);
        }
        page[position % PAGE] = mark;
    }

    fn pack(&self, fetch: &Fetch) -> Members {
        let plain = |member: &Member| {
            if *member != Member::sent(member.role, member.exchange?) {
                return None;
            }
            let position = member.exchange?.0.checked_sub(self.first)?;
            Some((member.role, u32::try_from(position).ok()?))
        };
        let packed = match &fetch.members[..] {
            _ if fetch.cached_credentials != Credentials::Unknown => None,
            [] => Some(Members::None),
            [one] => plain(one).map(|(role, position)| Members::One(role, position)),
            [first, second] => match (plain(first), plain(second)) {
                (Some((Role::Preflight, preflight)), Some((Role::Actual, actual))) => {
                    Some(Members::Pair(preflight, actual))
                }
                _ => None,
            },
            _ => None,
        };
        packed.unwrap_or_else(|| Members::Many(Box::new(fetch.clone())))
    }

    fn name_of_sub(&self, number: u8) -> Option<&'static str> {
        let position = usize::from(number).checked_sub(1)?;
        self.subs.get(position).copied()
    }

    fn sub(&mut self, sub: &'static str) -> u8 {
        let known = self.subs.iter().position(|s| *s == sub);
        let position = known.unwrap_or_else(|| {
            self.subs.push(sub);
            self.subs.len() - 1
        });
        u8::try_from(position + 1).unwrap_or(0)
    }
}

const UNKNOWN: Held = Held {
    members: Members::None,
    browser: Browser::Chromium,
    settled: true,
    outcome: Outcome::Pending,
};
