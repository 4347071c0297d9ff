//! The walls of the house: which room may know which, what the pure rooms must not name, what the
//! lock file must not hold, and that every cause a verdict can name has its page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and all it may import. The order is that of the floors, lowest first; an import
/// always goes to a line above it, so there is no circle.
const ROOMS: [(&str, &[&str]); 15] = [
    ("wire", &[]),
    ("cors", &["wire"]),
    ("capture", &["wire"]),
    ("launch", &["wire"]),
    ("witness", &["wire", "capture", "launch"]),
    ("proxy", &["wire", "capture"]),
    ("har", &["wire", "capture"]),
    ("diagnose", &["wire", "cors"]),
    ("replay", &["wire", "cors", "capture", "proxy", "diagnose"]),
    ("demo", &["wire", "cors", "diagnose"]),
    ("fix", &["wire", "cors", "diagnose"]),
    ("report", &["wire", "cors", "diagnose", "fix", "har"]),
    ("session", &["wire", "cors", "capture", "diagnose"]),
    (
        "tui",
        &["wire", "cors", "diagnose", "fix", "session", "report"],
    ),
    (
        "cli",
        &[
            "wire", "cors", "capture", "launch", "demo", "proxy", "har", "diagnose", "fix",
            "report", "session", "replay", "tui", "witness",
        ],
    ),
];

/// Rooms without IO, clock or runtime.
const PURE: [&str; 4] = ["wire", "cors", "diagnose", "fix"];

/// What a pure room does not name.
const IMPURE: [&str; 16] = [
    "tokio::",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "File::open",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "Instant::now",
    "SystemTime::now",
    "Utc::now",
    "Local::now",
    "println!",
    "stdout()",
];

/// A file longer than this, its own small tests not counted, holds two things.
const LINES_ASKED: usize = 450;
/// Longer than this nobody may be.
const LINES_MAX: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Source text without line comments; good enough for paths, which no string of ours holds.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let uncommented = text.lines().map(|line| match line.find("//") {
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    });
    uncommented.collect::<Vec<_>>().join("\n")
}

/// The room a file of `src` belongs to: its folder, or nothing for `lib.rs` and `main.rs`.
fn room_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let mut parts = inside.iter();
    let first = parts.next()?.to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// Every path after `prefix` (`crate::`), with the braces of use trees multiplied out.
fn paths(code: &str, prefix: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut rest = &code[at + prefix.len()..];
        tree(&mut rest, &mut Vec::new(), &mut found);
    }
    found
}

fn tree(rest: &mut &str, stem: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let depth = stem.len();
    *rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        *rest = inner;
        loop {
            *rest = rest.trim_start();
            if rest.is_empty() {
                break;
            }
            if let Some(after) = rest.strip_prefix('}') {
                *rest = after;
                break;
            }
            if let Some(after) = rest.strip_prefix(',') {
                *rest = after;
                continue;
            }
            let before = rest.len();
            tree(rest, stem, found);
            if rest.len() == before {
                // `as name`, `*`: nothing a wall cares about.
                *rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
            }
        }
        return;
    }
    loop {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        stem.push(rest[..end].to_owned());
        *rest = &rest[end..];
        let Some(after) = rest.strip_prefix("::") else {
            if let Some(renamed) = rest.strip_prefix(" as ") {
                let end = renamed.find([',', '}', ';', '\n']).unwrap_or(renamed.len());
                *rest = &renamed[end..];
            }
            break;
        };
        *rest = after;
        if rest.starts_with('{') {
            tree(rest, stem, found);
            stem.truncate(depth);
            return;
        }
    }
    if stem.len() > depth {
        found.push(stem.clone());
    }
    stem.truncate(depth);
}

#[test]
fn use_trees_are_read() {
    let all = paths(
        "use crate::{wire::{End, Side as S}, cors::Check};\nlet x = crate::har::read(y);",
        "crate::",
    );
    let all: Vec<String> = all.iter().map(|p| p.join("::")).collect();
    assert_eq!(all, ["wire::End", "wire::Side", "cors::Check", "har::read"]);
}

#[test]
fn imports_only_run_downwards() {
    for (at, (room, may)) in ROOMS.iter().enumerate() {
        for other in *may {
            let below = ROOMS[..at].iter().any(|(name, _)| name == other);
            assert!(below, "{room} may know {other}, which is not below it");
        }
    }
    let mut wrong = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        let Some(room) = room_of(&file) else { continue };
        let (_, may) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} is a room this test does not know"));
        let text = code(&file);
        for prefix in ["crate::", "corscope::"] {
            for path in paths(&text, prefix) {
                let target = path[0].as_str();
                let known = ROOMS.iter().any(|(name, _)| *name == target);
                if known && target != room && !may.contains(&target) {
                    wrong.insert(format!("{}: {}", file.display(), path.join("::")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that run upwards:\n{wrong:#?}");
}

#[test]
fn a_room_is_entered_by_its_front_door() {
    let mut wrong = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        let own = room_of(&file).unwrap_or_default();
        for path in paths(&code(&file), "crate::") {
            let [target, next, ..] = path.as_slice() else {
                continue;
            };
            let known = ROOMS.iter().any(|(name, _)| name == target);
            // A lower-case name with something behind it is a module.
            let module = path.len() > 2 && next.starts_with(char::is_lowercase);
            if known && *target != own && module {
                wrong.insert(format!("{}: {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "rooms entered by a window:\n{wrong:#?}");
}

#[test]
fn pure_rooms_name_no_io_and_no_clock() {
    let mut wrong = BTreeSet::new();
    for room in PURE {
        for file in rust_files(&root().join("src").join(room)) {
            let text = code(&file);
            for name in IMPURE.iter().filter(|name| text.contains(**name)) {
                wrong.insert(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "IO in a pure room:\n{wrong:#?}");
}

#[test]
fn the_proxy_knows_no_cors_and_the_screen_no_proxy() {
    let header = "access-control-";
    for file in rust_files(&root().join("src/proxy")) {
        let text = code(&file).to_lowercase();
        let judged = text.split("mod tests").next().unwrap_or_default();
        assert!(
            !judged.contains(header),
            "{} names {header}*",
            file.display()
        );
    }
    for file in rust_files(&root().join("src/tui")) {
        let text = code(&file);
        for crate_ in ["hyper::", "rustls::", "rusqlite::", "TcpStream"] {
            assert!(!text.contains(crate_), "{} names {crate_}", file.display());
        }
    }
}

#[test]
fn one_tls_stack_and_no_foreign_build_tools() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in [
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "boring",
        "cmake",
        "link-cplusplus",
    ] {
        assert!(
            !lock.contains(&format!("name = \"{name}\"\n")),
            "{name} is in Cargo.lock"
        );
    }
    for name in ["rustls", "ring", "hyper", "tokio", "rusqlite"] {
        let versions = lock.matches(&format!("name = \"{name}\"\n")).count();
        assert_eq!(versions, 1, "versions of {name} in Cargo.lock");
    }
}

#[test]
fn files_hold_one_thing() {
    let mut far_too_long = Vec::new();
    // A test file holds a topic, case after case.
    for (dir, factor) in [("src", 1), ("tests", 2)] {
        for file in rust_files(&root().join(dir)) {
            let text = fs::read_to_string(&file).unwrap();
            let own = text.lines().take_while(|line| *line != "#[cfg(test)]");
            let lines = own.count();
            if lines > LINES_ASKED * factor {
                println!("{lines} lines, does it hold two things? {}", file.display());
            }
            if lines > LINES_MAX * factor {
                far_too_long.push(format!("{} ({lines} lines)", file.display()));
            }
        }
    }
    assert!(far_too_long.is_empty(), "split: {far_too_long:#?}");
}

#[test]
fn every_cause_has_its_page_and_every_page_its_cause() {
    let dir = root().join("assets/causes");
    let checks = corscope::cors::Check::ALL.map(corscope::cors::Check::id);
    let roots = corscope::diagnose::Root::ALL.map(corscope::diagnose::Root::id);
    let named: BTreeSet<&str> = checks.into_iter().chain(roots).collect();
    for id in &named {
        assert!(dir.join(format!("{id}.md")).is_file(), "no page about {id}");
    }
    for page in corscope::report::pages() {
        assert!(dir.join(format!("{}.md", page.id)).is_file(), "{}", page.id);
    }
    let mut todo = vec![dir.clone()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let id = path.strip_prefix(&dir).unwrap().with_extension("");
            let id = id.to_str().unwrap();
            let served = corscope::report::page(id).is_some();
            assert!(served, "assets/causes/{id}.md is shown nowhere");
        }
    }
}
