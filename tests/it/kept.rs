//! What lasts beyond a run: sessions among others, papers written while or after recording.

use std::fs;
use std::time::{Duration, SystemTime};

use corscope::session::{Options, Session};
use serde_json::Value;

use crate::export::save;
use crate::har_rules::faults;
use crate::support::{Done, Home, Origin, answer, through};

fn sessions(home: &Home, args: &[&str]) -> Done {
    let place = home.at("data");
    home.run(&[&["sessions", "--data-dir", place.to_str().unwrap()], args].concat())
}

fn make(home: &Home, name: &str, days_old: u64) -> std::path::PathBuf {
    let directory = home.at("data/sessions");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(format!("{name}.corscope"));
    save(&path, &crate::export::all_sorts());
    let then = SystemTime::now() - Duration::from_hours(24 * days_old);
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(then).unwrap();
    path
}

/// As a process that was killed leaves it: not finished, and by a number that nobody has.
pub(crate) fn abandon(path: &std::path::Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute("DELETE FROM meta WHERE key = 'finished_at'", [])
        .unwrap();
    db.execute("UPDATE meta SET value = 99999999 WHERE key = 'pid'", [])
        .unwrap();
}

#[test]
fn sessions_are_listed_renamed_and_pruned() {
    let home = Home::new();
    let none = sessions(&home, &[]);
    assert!(
        none.status == Some(0) && none.stderr.contains("no sessions"),
        "{none:?}"
    );
    for (name, days) in [("new", 0), ("older", 10), ("ancient", 40)] {
        make(&home, name, days);
    }
    let ancient = make(&home, "crashed", 5);
    abandon(&ancient);
    // One that is being recorded, by this very process.
    let live = home.at("data/sessions/live.corscope");
    let (session, recorder) = Session::create(Options::new(&live)).unwrap();

    let list = sessions(&home, &[]);
    let names: Vec<&str> = list
        .stdout
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert_eq!(names.len(), 5, "{list:?}");
    assert_eq!(
        names[names.len() - 1],
        "ancient",
        "the newest come first: {list:?}"
    );
    let line = |name: &str| list.stdout.lines().find(|l| l.starts_with(name)).unwrap();
    assert!(line("live").ends_with("recording") && line("crashed").contains("not closed"));
    assert!(line("older").contains("19 exchanges"), "{}", line("older"));
    let json = sessions(&home, &["--format", "json"]);
    let first: Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert!(
        first["bytes"].as_u64().unwrap() > 1000 && first["path"].is_string(),
        "{first}"
    );

    let refused = |args: &[&str], word: &str| {
        let done = sessions(&home, args);
        assert!(
            done.status == Some(2) && done.stderr.contains(word),
            "{done:?}"
        );
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    };
    refused(&["rename", "nobody", "x"], "no session");
    refused(&["rename", "older", "new"], "already");
    refused(&["rename", "older", "../x"], "no name");
    refused(&["rename", "live", "x"], "being recorded");
    assert_eq!(
        sessions(&home, &["rename", "older", "cart"]).status,
        Some(0)
    );
    assert!(home.at("data/sessions/cart.corscope").exists());

    let would = sessions(&home, &["prune", "--dry-run"]);
    assert!(
        would.stdout.starts_with("ancient ") && would.stdout.lines().count() == 1,
        "{would:?}"
    );
    assert!(home.at("data/sessions/ancient.corscope").exists());
    assert_eq!(sessions(&home, &["prune"]).status, Some(0));
    assert!(!home.at("data/sessions/ancient.corscope").exists());
    assert_eq!(sessions(&home, &["prune", "--keep", "1"]).status, Some(0));
    let left: Vec<_> = fs::read_dir(home.at("data/sessions"))
        .unwrap()
        .flatten()
        .collect();
    assert!(
        left.iter()
            .all(|e| e.file_name().to_string_lossy().starts_with("live")),
        "{left:?}"
    );
    drop(recorder);
    session.finish().unwrap();
}

const PAGE: [(&str, &str); 4] = [
    ("Origin", "https://app.test"),
    ("Sec-Fetch-Mode", "cors"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
    ),
    ("X-Api-Key", "Zx9-planted.Secret7"),
];

#[test]
fn record_prints_verdicts_while_it_runs_and_writes_a_har() {
    let home = Home::new();
    let api = Origin::serve(|head| {
        let allowed = ("Access-Control-Allow-Origin", "https://app.test");
        if head.starts_with("GET /fine") {
            let credentials = ("Access-Control-Allow-Credentials", "true");
            answer("200 OK", &[allowed, credentials], "fine")
        } else {
            answer("500 Oops", &[], "{\"password\":\"Zx9-planted.Secret7\"}")
        }
    });
    let recording = home.record(&[
        "--out",
        "x.corscope",
        "--format",
        "ndjson",
        "--har",
        "x.har",
    ]);
    through(recording.address, "GET", &api.url("/orders"), &PAGE);
    through(recording.address, "GET", &api.url("/fine"), &PAGE);
    let done = recording.interrupt();
    assert_eq!(done.status, Some(1), "{done:?}");
    let outcomes: Vec<String> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].to_string())
        .collect();
    assert_eq!(outcomes, ["\"blocked\"", "\"allowed\""], "{done:?}");
    let text = fs::read_to_string(home.at("x.har")).unwrap();
    let har: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(faults(&har), Vec::<String>::new());
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 2);
    assert!(!text.contains("planted") && !done.stdout.contains("planted"));
    let again = home.run(&["record", "--har", "x.har", "--for", "1s"]);
    assert!(
        again.status == Some(2) && again.stderr.contains("not overwritten"),
        "{again:?}"
    );
}
