//! How a response head is changed: the fix shown, the fix tried and the fix proved are this value.

use super::headers::HeaderList;
use super::message::ResponseHead;
use std::sync::Arc;

/// Edits to one response head. Applying means: replace the status if one is given, delete every
/// `remove` and every `set` name, add the `set` lines, add the `append` values to what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The status to answer with instead.
    pub status: Option<u16>,
    /// Fields that take the place of all fields of their name.
    pub set: Vec<(String, String)>,
    /// Values added to a list header such as `Vary`, unless already in it.
    pub append: Vec<(String, String)>,
    /// Names of fields to delete.
    pub remove: Vec<String>,
}

impl Patch {
    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.set.is_empty()
            && self.append.is_empty()
            && self.remove.is_empty()
    }

    /// One patch that does what this one and then the other would do.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let replaced = |name: &str| {
            let set = next.set.iter().map(|(name, _)| name);
            next.remove
                .iter()
                .chain(set)
                .any(|n| n.eq_ignore_ascii_case(name))
        };
        let kept = |pairs: &[(String, String)]| -> Vec<(String, String)> {
            let kept = pairs.iter().filter(|(name, _)| !replaced(name));
            kept.cloned().collect()
        };
        let mut both = Self {
            status: next.status.or(self.status),
            set: kept(&self.set),
            append: kept(&self.append),
            remove: self.remove.clone(),
        };
        both.set.extend(next.set.iter().cloned());
        for pair in &next.append {
            if !both.append.contains(pair) {
                both.append.push(pair.clone());
            }
        }
        for name in &next.remove {
            if !both.remove.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                both.remove.push(name.clone());
            }
        }
        both
    }

    /// How many header lines it sets, adds to or takes away.
    pub fn lines(&self) -> usize {
        self.set.len() + self.append.len() + self.remove.len()
    }

    /// The head after the edits.
    pub fn apply(&self, head: &ResponseHead) -> ResponseHead {
        let mut headers = HeaderList::clone(&head.headers);
        for name in self.remove.iter().chain(self.set.iter().map(|(n, _)| n)) {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.push(name, value.as_bytes());
        }
        for (name, value) in &self.append {
            append(&mut headers, name, value);
        }
        ResponseHead {
            status: self.status.unwrap_or(head.status),
            reason: if self.status.is_some() {
                None
            } else {
                head.reason.clone()
            },
            version: head.version,
            headers: Arc::new(headers),
        }
    }
}

// As a line of its own: what the server sent stays as it is.
fn append(headers: &mut HeaderList, name: &str, value: &str) {
    let listed = headers.all(name).any(|field| {
        let text = field.text();
        text.split(',')
            .map(str::trim)
            .any(|v| v == "*" || v.eq_ignore_ascii_case(value))
    });
    if !listed {
        headers.push(name, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HttpVersion;

    fn patch(set: &[(&str, &str)], append: &[(&str, &str)], remove: &[&str]) -> Patch {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect()
        };
        Patch {
            status: None,
            set: owned(set),
            append: owned(append),
            remove: remove.iter().map(|n| (*n).to_owned()).collect(),
        }
    }

    #[test]
    fn two_in_one_do_what_they_do_in_turn() {
        let head = ResponseHead {
            status: 200,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs([("A", "0"), ("Vary", "X")])),
        };
        let patches = [
            patch(&[("A", "1"), ("B", "1")], &[("Vary", "Origin")], &[]),
            patch(&[("a", "2")], &[("Vary", "Origin"), ("B", "2")], &[]),
            patch(&[], &[("A", "3")], &["B", "vary"]),
            patch(&[("Vary", "Y")], &[], &["A"]),
        ];
        for first in &patches {
            for second in &patches {
                let in_turn = second.apply(&first.apply(&head));
                let at_once = first.then(second).apply(&head);
                for name in ["a", "b", "vary"] {
                    assert_eq!(
                        at_once.headers.get(name),
                        in_turn.headers.get(name),
                        "{name}: {first:?} then {second:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn set_replaces_every_line_and_append_keeps_what_is_there() {
        let head = ResponseHead {
            status: 405,
            reason: None,
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs([
                ("access-control-allow-origin", "*"),
                ("Access-Control-Allow-Origin", "*"),
                ("Vary", "Accept"),
            ])),
        };
        let patch = Patch {
            status: Some(204),
            set: vec![(
                "Access-Control-Allow-Origin".into(),
                "https://app.test".into(),
            )],
            append: vec![("Vary".into(), "Origin".into())],
            remove: vec![],
        };
        let after = patch.apply(&head);
        assert_eq!(after.status, 204);
        assert_eq!(
            after.headers.get("access-control-allow-origin").as_deref(),
            Some("https://app.test")
        );
        assert_eq!(after.headers.get("vary").as_deref(), Some("Accept, Origin"));
        let twice = patch.apply(&after);
        assert_eq!(
            twice.headers.len(),
            after.headers.len(),
            "applying twice adds nothing more"
        );
    }
}
