//! What lines are ordered by, read from their rows.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::column::Column;
use super::super::entries::is_unsettled;
use super::{Group, Tally, Wish};
use crate::cors::Outcome;
use crate::session::Row;

/// How much of a path orders, in bytes: what is alike for longer stays in the order of arrival.
const PATH_BYTES_MAX: usize = 512;

/// What a line is ordered by.
enum Value<'a> {
    Number(u64),
    /// One of a few texts.
    Text(Cow<'a, str>),
    /// A text of its own.
    Path(&'a str),
}

impl<'a> Value<'a> {
    fn of(column: Column, row: &Row<'a>) -> Self {
        Self::Number(match column {
            Column::Number => row.id.0,
            Column::Status => row.status.map_or(0, u64::from),
            Column::Connection => row.connection.map_or(u64::MAX, u64::from),
            Column::Cookies => row.set_cookies.into(),
            Column::Size => row.response_bytes,
            Column::Time => row.duration_micros.unwrap_or(u64::MAX),
            Column::Waterfall => row.opened_at.0 as u64,
            Column::Path => return Self::Path(row.path),
            Column::Method => return Self::text(row.wanted_method.unwrap_or(row.method)),
            Column::Origin => return Self::text(row.origin_text),
            Column::Initiator => return Self::text(row.page_origin.unwrap_or("")),
            Column::Type => return Self::text(row.type_),
            Column::Protocol => return Self::text(row.version.name()),
            // What needs a hand first, then by what it is.
            Column::Cors => {
                let check = row.mark.check.map_or("", |c| c.id());
                let text = format!("{}{check}", urgency(row.mark.outcome));
                return Self::Text(Cow::Owned(text));
            }
        })
    }

    fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

fn group_of<'a>(group: Group, row: &Row<'a>) -> &'a str {
    match group {
        // A page itself was asked for by none.
        Group::Page if row.type_ == "doc" => row.page_origin.unwrap_or(row.origin_text),
        Group::Page => row.page_origin.unwrap_or("no page"),
        Group::Host => row.origin_text,
        Group::Verdict => row.mark.outcome.name(),
    }
}

/// Tells whether a row is to stand where another did: 32 bits of its group and its value.
pub(super) fn print(wish: Wish, row: &Row<'_>) -> u32 {
    let group = wish.group.map_or("", |group| group_of(group, row));
    let value = wish.sort.map(|(column, _)| Value::of(column, row));
    print_of(group, row.mark.outcome, value.as_ref())
}

fn print_of(group: &str, outcome: Outcome, value: Option<&Value<'_>>) -> u32 {
    // FNV-1a: short texts, and nobody gains by making two alike.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    take(group.as_bytes());
    // It is counted in the headings of groups.
    take(&[outcome as u8]);
    match value {
        None => {}
        Some(Value::Number(number)) => take(&number.to_le_bytes()),
        Some(Value::Text(text)) => take(text.as_bytes()),
        Some(Value::Path(path)) => take(path.as_bytes()),
    }
    (hash ^ (hash >> 32)) as u32
}

/// Texts that recur are held once, and meant by their numbers.
#[derive(Debug, Default)]
pub(super) struct Texts {
    ids: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }
}

/// Texts of several parts in their order, and what each part's numbers are among them.
fn ranked(
    parts: &[&Texts],
    order: impl Fn(&str, &str) -> std::cmp::Ordering,
) -> (Vec<Box<str>>, Vec<Vec<u32>>) {
    let mut all: Vec<Box<str>> = parts.iter().flat_map(|p| p.texts.iter().cloned()).collect();
    all.sort_unstable_by(|a, b| order(a, b));
    all.dedup();
    let rank = |text: &str| {
        all.binary_search_by(|known| order(known, text))
            .unwrap_or(0)
    };
    let each = parts.iter().map(|part| {
        let ranks = part.texts.iter().map(|text| rank(text) as u32);
        ranks.collect()
    });
    let each = each.collect();
    (all, each)
}

/// What was read of some lines, in their order.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Numbers; of texts, their numbers among `texts`.
    values: Vec<u64>,
    texts: Texts,
    /// Where the path of each begins in `paths`; and where the last one ends.
    starts: Vec<u32>,
    paths: String,
    groups: Vec<u32>,
    names: Texts,
    tallies: Vec<Tally>,
    /// Of lines that can still change: which, and what tells whether they did.
    prints: Vec<(u32, u32)>,
    taken: u32,
}

impl Part {
    /// Takes in a row; `None` is one that left the session.
    pub(super) fn take(&mut self, wish: Wish, row: Option<&Row<'_>>) {
        let group = match (wish.group, row) {
            (Some(group), Some(row)) => group_of(group, row),
            _ => "",
        };
        if wish.group.is_some() {
            let id = self.names.id(group);
            self.groups.push(id);
            self.tallies
                .resize(self.names.texts.len(), Tally::default());
            let tally = &mut self.tallies[id as usize];
            tally.all += 1;
            let blocked = row.is_some_and(|row| row.mark.outcome == Outcome::Blocked);
            tally.blocked += u32::from(blocked);
        }
        let line = self.taken;
        self.taken += 1;
        if let Some(row) = row.filter(|row| is_unsettled(row)) {
            self.prints.push((line, print(wish, row)));
        }
        let Some((column, _)) = wish.sort else {
            return;
        };
        let value = match row {
            Some(row) => Value::of(column, row),
            None if column == Column::Path => Value::Path(""),
            None => Value::Number(0),
        };
        match value {
            Value::Number(number) => self.values.push(number),
            Value::Text(text) => {
                let id = self.texts.id(&text);
                self.values.push(id.into());
            }
            Value::Path(path) => {
                self.starts.push(self.paths.len() as u32);
                let end = path.floor_char_boundary(PATH_BYTES_MAX.min(path.len()));
                self.paths.push_str(&path[..end]);
            }
        }
    }
}

/// What was read of all lines, ready to be ordered by.
pub(super) struct Keys {
    parts: Vec<Part>,
    /// Lines of each part but the last.
    share: usize,
    text_ranks: Vec<Vec<u32>>,
    group_ranks: Vec<Vec<u32>>,
    /// Names of the groups in their order, and what is in them.
    pub(super) groups: Vec<(Box<str>, Tally)>,
}

impl Keys {
    /// Parts in the order of the lines, all but the last of `share` lines.
    pub(super) fn of(parts: Vec<Part>, share: usize, wish: Wish) -> Self {
        let texts: Vec<&Texts> = parts.iter().map(|p| &p.texts).collect();
        let (_, text_ranks) = ranked(&texts, str::cmp);
        let names: Vec<&Texts> = parts.iter().map(|p| &p.names).collect();
        let (names, group_ranks) = ranked(&names, |a, b| {
            if wish.group == Some(Group::Verdict) {
                rank_of(a).cmp(&rank_of(b)).then_with(|| a.cmp(b))
            } else {
                a.cmp(b)
            }
        });
        let mut groups: Vec<(Box<str>, Tally)> = names
            .into_iter()
            .map(|name| (name, Tally::default()))
            .collect();
        for (part, ranks) in parts.iter().zip(&group_ranks) {
            for (tally, rank) in part.tallies.iter().zip(ranks) {
                let sum = &mut groups[*rank as usize].1;
                sum.all += tally.all;
                sum.blocked += tally.blocked;
            }
        }
        Self {
            parts,
            share: share.max(1),
            text_ranks,
            group_ranks,
            groups,
        }
    }

    fn part(&self, line: usize) -> (usize, usize) {
        (line / self.share, line % self.share)
    }

    /// The group of a line, by its place among the groups.
    pub(super) fn group(&self, line: usize) -> u32 {
        let (part, at) = self.part(line);
        let id = self.parts[part].groups.get(at).copied();
        id.map_or(0, |id| self.group_ranks[part][id as usize])
    }

    /// The value of a line: of a text its place among the texts.
    pub(super) fn value(&self, line: usize) -> u64 {
        let (part, at) = self.part(line);
        let value = self.parts[part].values.get(at).copied().unwrap_or(0);
        let rank = self.text_ranks[part].get(value as usize);
        rank.map_or(value, |rank| u64::from(*rank))
    }

    /// The path of a line, where lines are ordered by it.
    pub(super) fn path(&self, line: usize) -> &[u8] {
        let (part, at) = self.part(line);
        let part = &self.parts[part];
        let Some(start) = part.starts.get(at) else {
            return &[];
        };
        let next = part.starts.get(at + 1).map(|n| *n as usize);
        let end = next.unwrap_or(part.paths.len());
        &part.paths.as_bytes()[*start as usize..end]
    }

    /// Which lines can still change, ascending, each with its print.
    pub(super) fn prints(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(move |(n, part)| {
            let prints = part.prints.iter();
            prints.map(move |(line, print)| (n * self.share + *line as usize, *print))
        })
    }
}

/// What needs a hand comes first.
fn urgency(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Blocked => 0,
        Outcome::Failed => 1,
        Outcome::Depends => 2,
        Outcome::Opaque => 3,
        Outcome::Pending => 4,
        Outcome::Allowed => 5,
        Outcome::Exempt => 6,
    }
}

/// The place of an outcome's name among groups.
fn rank_of(name: &str) -> u8 {
    let all = [
        Outcome::Blocked,
        Outcome::Failed,
        Outcome::Depends,
        Outcome::Opaque,
        Outcome::Pending,
        Outcome::Allowed,
        Outcome::Exempt,
    ];
    let found = all.into_iter().find(|o| o.name() == name);
    found.map_or(u8::MAX, urgency)
}
