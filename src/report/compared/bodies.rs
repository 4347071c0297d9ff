//! Two bodies line by line: JSON in one layout, so that only what it says is compared.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// More lines of a body are not compared.
const LINES_MAX: usize = 20_000;
/// Longer lines are cut, in bytes: one line must not be the whole body.
const LINE_BYTES_MAX: usize = 2 << 10;
/// Deeper than this, JSON stays on one line as it came.
const DEPTH_MAX: usize = 96;
/// Lines shown around what differs.
const AROUND: usize = 3;

/// A body, content coding off, as much of it as is compared.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
}

/// A line of two bodies laid abreast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// In both.
    Same(String),
    /// In both, but not the same.
    Changed(String, String),
    /// Only in the first.
    OnlyBefore(String),
    /// Only in the second.
    OnlyAfter(String),
    /// So many lines that are in both are left out.
    Skipped(usize),
}

/// Lays two bodies abreast: what differs with a few lines around it, and notes on what was not
/// compared. No lines: they say the same.
pub fn compare_bodies(before: &Body, after: &Body) -> (Vec<Difference>, Vec<String>) {
    let mut notes = Vec::new();
    if before.cut || after.cut {
        notes.push("only the beginning of the bodies was compared".to_owned());
    }
    if before.bytes == after.bytes {
        return (Vec::new(), notes);
    }
    let (Ok(one), Ok(other)) = (text_of(before), text_of(after)) else {
        notes.push(binary(before, after));
        return (Vec::new(), notes);
    };
    let (mut left, mut right) = match (json_lines(one), json_lines(other)) {
        (Some(left), Some(right)) => {
            if left == right {
                notes.push(
                    "the same JSON: only white space or the order of keys differs".to_owned(),
                );
                return (Vec::new(), notes);
            }
            notes.push("JSON, keys in alphabetical order".to_owned());
            (left, right)
        }
        _ => (plain_lines(one), plain_lines(other)),
    };
    if left.len() > LINES_MAX || right.len() > LINES_MAX {
        notes.push(format!("only the first {LINES_MAX} lines were compared"));
        left.truncate(LINES_MAX);
        right.truncate(LINES_MAX);
    }
    (diff(&left, &right), notes)
}

fn text_of(body: &Body) -> Result<&str, ()> {
    let text = match std::str::from_utf8(&body.bytes) {
        Ok(text) => text,
        // The cut may lie inside a character.
        Err(error) if body.cut && error.error_len().is_none() => {
            std::str::from_utf8(&body.bytes[..error.valid_up_to()]).map_err(|_| ())?
        }
        Err(_) => return Err(()),
    };
    if text.contains('\0') {
        return Err(());
    }
    Ok(text)
}

/// Where two bodies that are no text differ.
fn binary(before: &Body, after: &Body) -> String {
    let (one, other) = (&before.bytes, &after.bytes);
    let at = one.iter().zip(other).position(|(a, b)| a != b);
    let at = at.unwrap_or(one.len().min(other.len()));
    format!(
        "not text: {} bytes and {} bytes, the first difference at byte {at}",
        one.len(),
        other.len()
    )
}

fn plain_lines(text: &str) -> Vec<String> {
    let line = |line: &str| shortened(line.strip_suffix('\r').unwrap_or(line));
    text.lines().take(LINES_MAX + 1).map(line).collect()
}

fn shortened(line: &str) -> String {
    let end = line.floor_char_boundary(LINE_BYTES_MAX.min(line.len()));
    if end == line.len() {
        line.to_owned()
    } else {
        format!("{}…", &line[..end])
    }
}

fn diff(left: &[String], right: &[String]) -> Vec<Difference> {
    let mut out = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, left, right) {
        let (before, after) = (&left[op.old_range()], &right[op.new_range()]);
        if let DiffOp::Equal { .. } = op {
            out.extend(before.iter().cloned().map(Difference::Same));
            continue;
        }
        let both = before.len().min(after.len());
        for (one, other) in before.iter().zip(after) {
            out.push(Difference::Changed(one.clone(), other.clone()));
        }
        let only = |line: &String| Difference::OnlyBefore(line.clone());
        out.extend(before[both..].iter().map(only));
        let only = |line: &String| Difference::OnlyAfter(line.clone());
        out.extend(after[both..].iter().map(only));
    }
    fold(out)
}

/// Leaves out stretches that are the same, but for a few lines around what differs.
fn fold(lines: Vec<Difference>) -> Vec<Difference> {
    let differs: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Difference::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let near = |at: usize| {
        let next = differs.partition_point(|d| *d < at);
        let after = differs.get(next).is_some_and(|d| d - at <= AROUND);
        let before = next.checked_sub(1).and_then(|n| differs.get(n));
        after || before.is_some_and(|d| at - d <= AROUND)
    };
    let mut out = Vec::new();
    let mut skipped = 0;
    for (at, line) in lines.into_iter().enumerate() {
        if near(at) {
            if skipped > 0 {
                out.push(Difference::Skipped(skipped));
            }
            skipped = 0;
            out.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 {
        out.push(Difference::Skipped(skipped));
    }
    out
}

/// JSON with one value to a line, keys in order, numbers as they were written, duplicates kept;
/// `None` if the text is none.
fn json_lines(text: &str) -> Option<Vec<String>> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    if !raw.get().starts_with(['{', '[']) {
        return None;
    }
    let mut lines = Vec::new();
    lay_out(raw, 0, "", &mut lines);
    Some(lines)
}

fn lay_out(raw: &RawValue, depth: usize, key: &str, lines: &mut Vec<String>) {
    let text = raw.get();
    let indent = "  ".repeat(depth);
    let flat = lines.len() > LINES_MAX || depth >= DEPTH_MAX;
    let items: Option<Vec<(String, &RawValue)>> = match text.as_bytes().first() {
        _ if flat => None,
        Some(b'{') => serde_json::from_str(text).ok().map(|Pairs(mut pairs)| {
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            let named = pairs.into_iter();
            named
                .map(|(key, value)| (format!("{}: ", serde_json::json!(key)), value))
                .collect()
        }),
        Some(b'[') => serde_json::from_str(text)
            .ok()
            .map(|Items(items)| items.into_iter().map(|i| (String::new(), i)).collect()),
        _ => None,
    };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        lines.push(shortened(&format!("{indent}{key}{text}")));
        return;
    };
    let (open, close) = if text.starts_with('{') {
        ('{', '}')
    } else {
        ('[', ']')
    };
    lines.push(shortened(&format!("{indent}{key}{open}")));
    // Without commas: an item more must not change the line before it.
    for (key, value) in items {
        lay_out(value, depth + 1, &key, lines);
    }
    lines.push(format!("{indent}{close}"));
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Reading).map(Pairs)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(Reading).map(Items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body {
            bytes: text.into(),
            cut: false,
        }
    }

    fn compare(one: &str, other: &str) -> (Vec<Difference>, Vec<String>) {
        compare_bodies(&body(one), &body(other))
    }

    #[test]
    fn json_is_compared_by_what_it_says() {
        let (lines, notes) = compare(r#"{"b":1,"a":[1,2]}"#, "{ \"a\": [1, 2],\n \"b\": 1 }");
        assert!(lines.is_empty());
        assert!(notes[0].starts_with("the same JSON"), "{notes:?}");
        let (lines, _) = compare(
            r#"{"id":12345678901234567890123,"n":1.0,"same":1}"#,
            r#"{"same":1,"id":12345678901234567890124,"n":1.00}"#,
        );
        let changed = |a: &str, b: &str| Difference::Changed(a.into(), b.into());
        assert_eq!(
            lines[1..3],
            [
                changed(
                    "  \"id\": 12345678901234567890123",
                    "  \"id\": 12345678901234567890124"
                ),
                changed("  \"n\": 1.0", "  \"n\": 1.00"),
            ]
        );
    }

    #[test]
    fn a_key_twice_is_there_twice() {
        let (lines, _) = compare(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
        assert!(
            lines.contains(&Difference::OnlyBefore("  \"a\": 1".into())),
            "{lines:?}"
        );
    }

    #[test]
    fn what_is_the_same_is_folded() {
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let mut other = many.clone();
        other[500] = "x".into();
        other.push("new".into());
        let (lines, _) = compare(&many.join("\n"), &other.join("\n"));
        assert_eq!(lines[0], Difference::Skipped(497));
        assert_eq!(lines[4], Difference::Changed("500".into(), "x".into()));
        assert_eq!(lines.last(), Some(&Difference::OnlyAfter("new".into())));
        assert!(lines.len() < 20);
    }

    #[test]
    fn huge_and_odd_bodies_are_bounded() {
        let one = "[".repeat(100_000);
        let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
        let many = "a\n".repeat(100_000);
        for (one, other) in [
            (one.as_str(), "[]"),
            (deep.as_str(), "[1]"),
            (many.as_str(), "b"),
        ] {
            let (lines, _) = compare(one, other);
            assert!(!lines.is_empty() && lines.len() <= 2 * LINES_MAX + 2);
        }
        let bytes = Body {
            bytes: vec![0xff, 0, 1],
            cut: false,
        };
        let (lines, notes) = compare_bodies(&bytes, &body("abc"));
        assert!(lines.is_empty());
        assert!(notes[0].contains("at byte 0"), "{notes:?}");
    }
}
