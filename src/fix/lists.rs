//! `Access-Control-Allow-Methods` and `-Headers`: what they grant already, and what they have to.

use std::collections::HashSet;

use crate::cors::is_token;

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Compared letter by letter.
    Methods,
    /// Compared without regard to case.
    Headers,
}

impl Names {
    /// What is equal in names that are the same.
    fn key(self, name: &str) -> String {
        match self {
            Self::Methods => name.to_owned(),
            Self::Headers => name.to_ascii_lowercase(),
        }
    }
}

/// The list that grants what is wanted. What it grants by name already is kept, a wildcard that did
/// not help is not.
pub(super) fn granting(listed: &[String], wanted: &[&String], names: Names) -> Vec<String> {
    let readable = listed.iter().all(|item| is_token(item));
    let kept = if readable {
        listed.to_vec()
    } else {
        salvage(listed, names)
    };
    let mut value: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    let all = kept.iter().filter(|item| *item != "*");
    for name in all.chain(wanted.iter().copied()) {
        if known.insert(names.key(name)) {
            value.push(name.clone());
        }
    }
    value
}

/// The names that were meant in a list that does not parse: `["GET", "PUT"]`, `GET PUT`, `a;b`.
fn salvage(listed: &[String], names: Names) -> Vec<String> {
    let separates = |c: char| c.is_ascii_whitespace() || matches!(c, ';' | '|' | '/' | ':');
    let mut meant = Vec::new();
    for word in listed.iter().flat_map(|item| item.split(separates)) {
        let word = word.trim_matches(|c: char| "\"'[](){}<>`".contains(c));
        if is_token(word) && is_meant(word, names) {
            meant.push(word.to_owned());
        }
    }
    meant
}

/// Whether a word in an unreadable list is a name and not prose or a stringified nothing.
fn is_meant(word: &str, names: Names) -> bool {
    const PROSE: [&str; 12] = [
        "all",
        "and",
        "any",
        "false",
        "header",
        "headers",
        "none",
        "null",
        "nil",
        "or",
        "true",
        "undefined",
    ];
    match names {
        Names::Methods => word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'),
        Names::Headers => !PROSE.contains(&word.to_ascii_lowercase().as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(listed: &str, wanted: &[&str], names: Names) -> String {
        let listed: Vec<String> = super::super::hop::tokens(listed).collect();
        let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
        granting(&listed, &wanted.iter().collect::<Vec<_>>(), names).join(", ")
    }

    #[test]
    fn grants_are_kept_and_wildcards_are_not() {
        use Names::{Headers, Methods};
        for (listed, wanted, names, want) in [
            ("GET,PUT", &["DELETE"][..], Methods, "GET, PUT, DELETE"),
            ("*", &["PATCH"], Methods, "PATCH"),
            ("patch", &["PATCH"], Methods, "patch, PATCH"),
            ("X-A, x-a", &["x-b"], Headers, "X-A, x-b"),
            (
                "Content-Type",
                &["content-type", "x-b"],
                Headers,
                "Content-Type, x-b",
            ),
        ] {
            assert_eq!(value(listed, wanted, names), want, "{listed}");
        }
    }

    #[test]
    fn unreadable_lists_give_what_was_meant() {
        use Names::{Headers, Methods};
        for (listed, wanted, names, want) in [
            ("GET PUT", &[][..], Methods, "GET, PUT"),
            ("[\"GET\", \"PUT\"]", &["PUT"], Methods, "GET, PUT"),
            ("all methods", &["PUT"], Methods, "PUT"),
            (
                "Content-Type Authorization",
                &["x-a"],
                Headers,
                "Content-Type, Authorization, x-a",
            ),
            ("any header; *", &[], Headers, ""),
            ("X-A: X-B", &[], Headers, "X-A, X-B"),
            ("\u{e9}", &[], Headers, ""),
        ] {
            assert_eq!(value(listed, wanted, names), want, "{listed}");
        }
    }
}
