//! What can befall the disk under a recording, with the built program: each ends in one clear sentence,
//! the traffic goes on, and what was captured is there.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::support::{Done, Home, Origin, answer, eventually, through};

fn api() -> Origin {
    let seed = AtomicU64::new(1);
    Origin::serve(move |head| {
        let words = if head.starts_with("GET /big") {
            1 << 14
        } else {
            64
        };
        // No two alike, and nothing that could be packed.
        let noise = (0..words).fold(String::new(), |mut text, _| {
            let n = seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            write!(text, "{:016x}", n ^ (n >> 27)).unwrap();
            text
        });
        answer("200 OK", &[], &noise)
    })
}

fn works(proxy: SocketAddr, url: &str) {
    let answer = through(proxy, "GET", url, &[]);
    assert!(
        answer.starts_with("HTTP/1.1 200"),
        "traffic goes on: {answer:.200}"
    );
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(
        body.len() == 1024 || body.len() == 256 << 10,
        "{}",
        body.len()
    );
}

/// The exchanges of a session as the program itself tells them.
fn count(home: &Home, file: &str) -> u64 {
    let done = home.run(&["diagnose", file, "--format", "json"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    json["summary"]["exchanges"].as_u64().unwrap()
}

fn one_sentence(done: &Done, words: &[&str]) {
    assert_eq!(
        (done.status, done.stderr.lines().count()),
        (Some(2), 1),
        "{done:?}"
    );
    for word in words {
        assert!(done.stderr.contains(word), "{word}: {done:?}");
    }
}

/// Whether this process may have file systems of its own.
fn can_mount() -> bool {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The program in a shell that sets its surroundings up first; `"$@"` is its command line.
fn under(home: &Home, script: &str, args: &[&str]) -> Command {
    let plain = home.command(args);
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn a_full_disk_is_told_and_traffic_goes_on() {
    let home = Home::new();
    let api = api();
    // The authority lies elsewhere, so that only the session meets the full disk.
    let args = [
        "record",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "data",
        "--out",
        "small/x.corscope",
    ];
    fs::create_dir_all(home.at("small")).unwrap();
    let mut command = if can_mount() {
        // Gone with the process, which keeps a copy of the file where the test finds it.
        let script = "mount -t tmpfs -o size=1500k tmpfs small && cd small/.. && \"$@\"; \
                      status=$?; cp small/x.corscope kept.corscope; \
                      [ ! -e small/x.corscope-wal ] || cp small/x.corscope-wal kept.corscope-wal; \
                      exit $status";
        under(&home, script, &args)
    } else {
        println!(
            "no file systems of one's own here: a limit of the file's size in place of a full disk"
        );
        let plain = home.command(&args);
        let mut command = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 3000; \"$@\"; status=$?; \
                      cp small/x.corscope kept.corscope; \
                      [ ! -e small/x.corscope-wal ] || cp small/x.corscope-wal kept.corscope-wal; \
                      exit $status";
        command
            .args(["-c", script, "sh"])
            .arg(plain.get_program())
            .args(plain.get_args());
        command.current_dir(home.path()).env("HOME", home.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let recording = crate::support::Recording::of(&mut command);
    for _ in 0..3 {
        works(recording.address, &api.url("/small"));
    }
    // More than there is room for, three times over.
    for _ in 0..18 {
        works(recording.address, &api.url("/big"));
    }
    works(recording.address, &api.url("/small"));
    recording.interrupt_child();
    let done = recording.wait();
    // SQLite calls a limit of the file's size by another name.
    let full = if can_mount() { "no room left" } else { "disk" };
    let told = [full, "Traffic goes on", "could not be kept"];
    assert!(
        told.iter().all(|words| done.stderr.contains(words)),
        "{done:?}"
    );
    // Heads are small: they find room in the end, or the end says that they did not.
    let kept = count(&home, "kept.corscope");
    match done.status {
        Some(0) => assert_eq!(kept, 22),
        _ => assert!(
            done.status == Some(2) && (3..22).contains(&kept),
            "{kept} {done:?}"
        ),
    }
}

#[test]
fn where_no_session_can_be_kept_the_traffic_is_still_shown() {
    let home = Home::new();
    // Makes the authority.
    home.record(&["--data-dir", "data"]).interrupt();
    let sessions = home.at("data/sessions");
    let _ = fs::remove_dir_all(&sessions);
    // A file where the directory should be: nobody can write there, root neither.
    fs::write(&sessions, "in the way").unwrap();
    let recording = home.record(&["--data-dir", "data", "--har", "x.har"]);
    let api = api();
    works(recording.address, &api.url("/small"));
    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(
        done.stderr.contains("not kept") && done.stderr.contains("--data-dir"),
        "{done:?}"
    );
    assert_eq!(count(&home, "x.har"), 1);
    // Asked for by name it is a fault.
    let refused = home.run(&["record", "--out", "data/sessions/x.corscope", "--for", "1s"]);
    one_sentence(&refused, &["cannot create", "choose"]);

    if can_mount() {
        fs::remove_file(&sessions).unwrap();
        let script = "mount --bind data data && mount -o remount,ro,bind data && exec \"$@\"";
        let args = ["record", "--listen", "127.0.0.1:0", "--data-dir", "data"];
        let recording = crate::support::Recording::of(&mut under(&home, script, &args));
        works(recording.address, &api.url("/small"));
        let done = recording.interrupt();
        assert!(
            done.status == Some(0) && done.stderr.contains("not kept"),
            "{done:?}"
        );
    }
}

#[test]
fn a_deleted_session_is_written_anew() {
    let home = Home::new();
    let api = api();
    let recording = home.record(&["--data-dir", "data", "--out", "x.corscope"]);
    for _ in 0..3 {
        works(recording.address, &api.url("/small"));
    }
    eventually("rows on disk", || {
        let db = rusqlite::Connection::open(home.at("x.corscope")).unwrap();
        let ended = "SELECT count(*) FROM exchange WHERE \"end\" = 'complete'";
        db.query_row(ended, [], |row| row.get::<_, i64>(0)).unwrap() == 3
    });
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(home.at(&format!("x.corscope{ending}"))).unwrap();
    }
    for _ in 0..3 {
        works(recording.address, &api.url("/big"));
    }
    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(done.stderr.contains("was deleted"), "{done:?}");
    assert_eq!(count(&home, "x.corscope"), 6);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(home.at("x.corscope")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(
        left.iter()
            .filter(|n| n.to_string_lossy().starts_with('x'))
            .count(),
        1,
        "{left:?}"
    );
}

#[test]
fn a_deleted_directory_is_told() {
    let home = Home::new();
    let api = api();
    fs::create_dir(home.at("gone")).unwrap();
    let recording = home.record(&[
        "--data-dir",
        "data",
        "--out",
        "gone/x.corscope",
        "--har",
        "x.har",
    ]);
    works(recording.address, &api.url("/small"));
    fs::remove_dir_all(home.at("gone")).unwrap();
    works(recording.address, &api.url("/small"));
    let done = recording.interrupt();
    assert!(
        done.status == Some(2) && done.stderr.contains("was deleted"),
        "{done:?}"
    );
}

#[test]
fn another_process_in_the_file_holds_nothing_up() {
    let home = Home::new();
    let api = api();
    let recording = home.record(&["--data-dir", "data", "--out", "x.corscope"]);
    works(recording.address, &api.url("/small"));
    let again = home.run(&[
        "record",
        "--data-dir",
        "data",
        "--out",
        "x.corscope",
        "--for",
        "1s",
    ]);
    one_sentence(&again, &["exists already", "choose another name"]);
    // One that looks, and one that holds the file for itself.
    eventually("a row", || count(&home, "x.corscope") == 1);
    let other = rusqlite::Connection::open(home.at("x.corscope")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        works(recording.address, &api.url("/small"));
    }
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    works(recording.address, &api.url("/small"));
    let done = recording.interrupt();
    assert_eq!(done.status, Some(0), "{done:?}");
    assert_eq!(count(&home, "x.corscope"), 5);
}

#[test]
fn a_session_of_a_newer_version_is_told_and_left_alone() {
    let home = Home::new();
    home.record(&["--data-dir", "data", "--out", "x.corscope"])
        .interrupt();
    let path = home.at("x.corscope");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    let newer =
        |args: &[&str]| one_sentence(&home.run(args), &["newer corscope", "update corscope"]);
    newer(&["diagnose", "x.corscope"]);
    newer(&["export", "x.corscope", "--to", "md"]);
    assert!(before == fs::read(&path).unwrap());
    assert!(!Path::new(&home.at("x.corscope-wal")).exists());
}
