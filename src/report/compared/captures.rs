//! Two captures, endpoint by endpoint: what got worse, what got better, what else moved.

use std::collections::BTreeSet;

use super::census::{Census, Endpoint, Side, VALUES_MAX};
use super::shape::shape_of;
use crate::cors::Outcome;
use crate::wire::ExchangeId;

/// More changes of a shape are counted only.
const SHAPE_CHANGES_MAX: usize = 24;

/// What became of an endpoint from one capture to the next, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was not blocked and is.
    NewlyBlocked,
    /// It did not break below HTTP and does.
    NewlyFailed,
    /// Script could read the answer and cannot: `no-cors`.
    NewlyOpaque,
    /// It was not called before, and is blocked.
    AddedBlocked,
    /// Blocked before and after, for another reason.
    CauseChanged,
    /// It was blocked or failed and is not.
    NewlyAllowed,
    /// Another outcome, neither better nor worse for sure.
    OutcomeChanged,
    /// The same outcome; something else changed.
    AlsoChanged,
    /// It was not called before.
    Added,
    /// It is not called any more.
    Gone,
    /// Nothing changed.
    Same,
}

impl Change {
    /// As in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::NewlyBlocked => "newly-blocked",
            Self::NewlyFailed => "newly-failed",
            Self::NewlyOpaque => "newly-opaque",
            Self::AddedBlocked => "added-blocked",
            Self::CauseChanged => "cause-changed",
            Self::NewlyAllowed => "newly-allowed",
            Self::OutcomeChanged => "outcome-changed",
            Self::AlsoChanged => "also-changed",
            Self::Added => "added",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::NewlyBlocked => "newly blocked",
            Self::NewlyFailed => "newly failed",
            Self::NewlyOpaque => "no longer readable",
            Self::AddedBlocked => "new, and blocked",
            Self::CauseChanged => "blocked for another reason",
            Self::NewlyAllowed => "no longer blocked",
            Self::OutcomeChanged => "another outcome",
            Self::AlsoChanged => "also changed",
            Self::Added => "only after",
            Self::Gone => "only before",
            Self::Same => "the same",
        }
    }

    /// Whether somebody who could read the answer now cannot.
    pub fn is_regression(self) -> bool {
        self <= Self::AddedBlocked
    }
}

/// A response header whose values are others than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    /// Of which answer: `preflight`, `redirect`, `actual`.
    pub role: &'static str,
    /// The name, lower case; `status` for that of a preflight or redirect.
    pub name: String,
    /// The values before; empty: it was not there.
    pub before: BTreeSet<String>,
    /// The values after.
    pub after: BTreeSet<String>,
}

/// A path in the JSON of an answer that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeChange {
    /// The path: `items[].id`.
    pub path: String,
    /// The kind of value before; `None`: it was not there.
    pub before: Option<String>,
    /// The kind of value after.
    pub after: Option<String>,
}

/// One endpoint in both captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Which.
    pub endpoint: Endpoint,
    /// What became of it.
    pub change: Change,
    /// Before.
    pub before: Option<Side>,
    /// After.
    pub after: Option<Side>,
    /// Headers that changed.
    pub headers: Vec<HeaderChange>,
    /// What changed in the JSON of its answers.
    pub shape: Vec<ShapeChange>,
    /// So many more changes of the shape are left out.
    pub shape_left_out: usize,
}

impl Compared {
    /// Whether the statuses of the request itself are others.
    pub fn status_changed(&self) -> bool {
        self.both(|s| &s.statuses)
    }

    /// Whether the media types are others.
    pub fn type_changed(&self) -> bool {
        self.both(|s| &s.types)
    }

    fn both<T: PartialEq>(&self, of: impl Fn(&Side) -> &T) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => of(before) != of(after),
            _ => false,
        }
    }
}

/// Two captures compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// Every endpoint of either, the worst changes first.
    pub endpoints: Vec<Compared>,
    /// Fetches before and after.
    pub fetches: [u64; 2],
    /// Fetches of endpoints that were too many, before and after.
    pub left_out: [u64; 2],
}

impl Captures {
    /// How many endpoints changed in this way.
    pub fn count(&self, change: Change) -> usize {
        self.endpoints.iter().filter(|e| e.change == change).count()
    }

    /// How many got worse.
    pub fn regressions(&self) -> usize {
        let worse = self.endpoints.iter().filter(|e| e.change.is_regression());
        worse.count()
    }
}

/// Reads the body of an answer, content coding off; `None` if not all of it was kept.
type ReadBody<'a> = &'a dyn Fn(ExchangeId) -> Option<Vec<u8>>;

/// Compares two captures. The bodies are those of each.
pub fn compare_captures(
    before: &Census,
    after: &Census,
    bodies: (ReadBody<'_>, ReadBody<'_>),
) -> Captures {
    let names: BTreeSet<&Endpoint> = before
        .endpoints
        .keys()
        .chain(after.endpoints.keys())
        .collect();
    let mut endpoints: Vec<Compared> = names
        .into_iter()
        .map(|endpoint| {
            let sides = (
                before.endpoints.get(endpoint),
                after.endpoints.get(endpoint),
            );
            compare(endpoint, sides, bodies)
        })
        .collect();
    endpoints.sort_by(|a, b| (a.change, &a.endpoint).cmp(&(b.change, &b.endpoint)));
    Captures {
        endpoints,
        fetches: [before.fetches, after.fetches],
        left_out: [before.left_out, after.left_out],
    }
}

fn compare(
    endpoint: &Endpoint,
    sides: (Option<&Side>, Option<&Side>),
    bodies: (ReadBody<'_>, ReadBody<'_>),
) -> Compared {
    let mut compared = Compared {
        endpoint: endpoint.clone(),
        change: Change::Same,
        before: sides.0.cloned(),
        after: sides.1.cloned(),
        headers: Vec::new(),
        shape: Vec::new(),
        shape_left_out: 0,
    };
    let (before, after) = match sides {
        (Some(before), Some(after)) => (before, after),
        (None, Some(after)) if after.of(Outcome::Blocked) > 0 => {
            compared.change = Change::AddedBlocked;
            return compared;
        }
        (None, _) => {
            compared.change = Change::Added;
            return compared;
        }
        (Some(_), None) => {
            compared.change = Change::Gone;
            return compared;
        }
    };
    compared.headers = headers(before, after);
    // What a page of the same origin is sent changes with every build; it decides about nothing here.
    let asked_across = |s: &Side| s.of(Outcome::Exempt) < s.fetches;
    if asked_across(before) || asked_across(after) {
        shape(&mut compared, before, after, bodies);
    } else {
        compared.headers.clear();
    }
    let moved = compared.status_changed()
        || compared.type_changed()
        || !compared.headers.is_empty()
        || !compared.shape.is_empty();
    compared.change = match outcome(before, after) {
        Change::Same if moved => Change::AlsoChanged,
        change => change,
    };
    compared
}

fn outcome(before: &Side, after: &Side) -> Change {
    let newly = |outcome: Outcome| before.of(outcome) == 0 && after.of(outcome) > 0;
    let no_longer = |outcome: Outcome| before.of(outcome) > 0 && after.of(outcome) == 0;
    let readable = |s: &Side| s.of(Outcome::Allowed) + s.of(Outcome::Exempt) > 0;
    let causes = |s: &Side| s.causes.keys().cloned().collect::<BTreeSet<_>>();
    let seen = |s: &Side| s.told().into_iter().map(|(o, _)| o).collect::<Vec<_>>();
    if newly(Outcome::Blocked) {
        Change::NewlyBlocked
    } else if newly(Outcome::Failed) {
        Change::NewlyFailed
    } else if newly(Outcome::Opaque) && readable(before) && !readable(after) {
        Change::NewlyOpaque
    } else if no_longer(Outcome::Blocked)
        || no_longer(Outcome::Failed) && after.of(Outcome::Blocked) == 0
    {
        Change::NewlyAllowed
    } else if after.of(Outcome::Blocked) > 0 && causes(before) != causes(after) {
        Change::CauseChanged
    } else if seen(before) != seen(after) {
        Change::OutcomeChanged
    } else {
        Change::Same
    }
}

/// Headers whose values are others. What has many values in one capture already says nothing by
/// having others in the next, unless it decides about CORS.
fn headers(before: &Side, after: &Side) -> Vec<HeaderChange> {
    let names: BTreeSet<_> = before.headers.keys().chain(after.headers.keys()).collect();
    let none = BTreeSet::new();
    let mut changes = Vec::new();
    for name in names {
        let one = before.headers.get(name).unwrap_or(&none);
        let other = after.headers.get(name).unwrap_or(&none);
        let decides = name.1.starts_with("access-control-") || name.1 == "vary";
        let varies = one.len().max(other.len()) > if decides { VALUES_MAX } else { 1 };
        // The answer that has the header must be there on both sides at all.
        let answered = |side: &Side| match name.0 {
            "preflight" => side.preflights > 0,
            "actual" => !side.statuses.is_empty(),
            _ => true,
        };
        if one == other || varies || !answered(before) || !answered(after) {
            continue;
        }
        changes.push(HeaderChange {
            role: name.0,
            name: name.1.clone(),
            before: one.clone(),
            after: other.clone(),
        });
    }
    changes.sort_by_key(|c| (!c.name.starts_with("access-control-"), c.role));
    changes
}

fn shape(
    compared: &mut Compared,
    before: &Side,
    after: &Side,
    bodies: (ReadBody<'_>, ReadBody<'_>),
) {
    let (Some(one), Some(other)) = (before.json, after.json) else {
        return;
    };
    let of = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| shape_of(&bytes));
    let (Some(one), Some(other)) = (of((bodies.0)(one)), of((bodies.1)(other))) else {
        return;
    };
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for path in paths {
        let kinds = (one.get(path), other.get(path));
        if kinds.0 == kinds.1 {
            continue;
        }
        if compared.shape.len() >= SHAPE_CHANGES_MAX {
            compared.shape_left_out += 1;
            continue;
        }
        compared.shape.push(ShapeChange {
            path: path.clone(),
            before: kinds.0.cloned(),
            after: kinds.1.cloned(),
        });
    }
}
