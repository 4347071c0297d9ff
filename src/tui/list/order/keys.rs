//! What lines are ordered by: one number each, with the texts that stand behind the numbers.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::column::Column;
use super::{Group, Wish};
use crate::cors::Outcome;
use crate::session::Row;

/// A text that recurs is held once, and meant by its number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    ids: HashMap<Box<str>, u32>,
    pub(super) texts: Vec<Box<str>>,
}

impl Texts {
    pub(super) fn id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }

    pub(super) fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |t| t)
    }

    /// For each number its place among all texts.
    pub(super) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.text(*a).cmp(self.text(*b)));
        let mut ranks = vec![0; order.len()];
        for (rank, id) in order.into_iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        ranks
    }
}

/// What an entry is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    /// The group, by the number of its name.
    pub(super) group: u32,
    /// The value; of a text its number, of a path where it lies.
    pub(super) value: u64,
}

/// How many of the low bits of a path's value are its length.
const LEN_BITS: u32 = 16;

/// The keys of all entries, by number, and the texts they mean.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) each: Vec<Key>,
    pub(super) texts: Texts,
    pub(super) groups: Texts,
    /// Paths one behind the other: nearly every one is another, so none is looked up. Shared with
    /// whoever is sorting.
    pub(super) paths: Arc<String>,
}

/// The path that a value means.
pub(super) fn path_of(paths: &str, value: u64) -> &str {
    let (start, len) = (
        (value >> LEN_BITS) as usize,
        (value & ((1 << LEN_BITS) - 1)) as usize,
    );
    paths.get(start..start + len).unwrap_or("")
}

impl Keys {
    /// The key of a row; `known` is the one it had.
    pub(super) fn of(&mut self, wish: Wish, row: &Row<'_>, known: Option<Key>) -> Key {
        let group = match wish.group {
            None => 0,
            Some(Group::Page) => self.groups.id(row.page_origin.unwrap_or("no page")),
            Some(Group::Host) => self.groups.id(row.origin_text),
            Some(Group::Verdict) => self.groups.id(row.mark.outcome.name()),
        };
        let Some((column, _)) = wish.sort else {
            return Key {
                group,
                value: row.id.0,
            };
        };
        let mut text = |text: &str| u64::from(self.texts.id(text));
        let value = match column {
            Column::Number => row.id.0,
            Column::Status => row.status.map_or(0, u64::from),
            Column::Connection => row.connection.map_or(u64::MAX, u64::from),
            Column::Cookies => row.set_cookies.into(),
            Column::Size => row.response_bytes,
            Column::Time => row.duration_micros.unwrap_or(u64::MAX),
            Column::Waterfall => row.opened_at.0 as u64,
            Column::Method => text(row.wanted_method.unwrap_or(row.method)),
            Column::Origin => text(row.origin_text),
            Column::Path => self.path(row.path, known),
            Column::Initiator => text(row.page_origin.unwrap_or("")),
            Column::Type => text(row.type_),
            Column::Protocol => text(row.version.name()),
            // What needs a hand first, then by what it is.
            Column::Cors => {
                let check = row.mark.check.map_or("", |c| c.id());
                text(&format!("{}{check}", urgency(row.mark.outcome)))
            }
        };
        Key { group, value }
    }

    fn path(&mut self, path: &str, known: Option<Key>) -> u64 {
        if let Some(key) = known
            && path_of(&self.paths, key.value) == path
        {
            return key.value;
        }
        let paths = Arc::make_mut(&mut self.paths);
        let start = paths.len() as u64;
        paths.push_str(path);
        (start << LEN_BITS) | path.len() as u64
    }
}

/// Whether a column's values are texts that recur.
pub(super) fn is_text(column: Column) -> bool {
    matches!(
        column,
        Column::Method
            | Column::Origin
            | Column::Initiator
            | Column::Type
            | Column::Protocol
            | Column::Cors
    )
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
pub(super) fn rank_of(name: &str) -> u8 {
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
