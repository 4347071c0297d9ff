//! `corscope doctor` in set-ups that are whole and in set-ups that are broken, each in one way.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::support::{Done, Home};

/// What it says, by id (the worst, where there are several), and the status.
struct Told {
    status: Option<i32>,
    found: BTreeMap<String, (String, String, String)>,
}

impl Told {
    fn of(done: &Done) -> Self {
        let json: Value =
            serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
        assert_eq!(json["schema"], "corscope/doctor/1");
        let mut found: BTreeMap<String, (String, String, String)> = BTreeMap::new();
        for one in json["findings"].as_array().unwrap() {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            let (state, said, next) = (text("state"), text("said"), text("next"));
            assert_eq!(
                state == "fine",
                next.is_empty(),
                "what is not fine has a next step: {one}"
            );
            let rank = |s: &str| ["fine", "note", "bad"].iter().position(|x| *x == s);
            let before = found.get(&text("id")).and_then(|(s, _, _)| rank(s));
            if before < rank(&state) {
                found.insert(text("id"), (state, said, next));
            }
        }
        let bad = found.values().any(|(state, _, _)| state == "bad");
        assert_eq!(json["fine"], !bad);
        assert_eq!(done.status, Some(i32::from(bad)), "{done:?}");
        Self {
            status: done.status,
            found,
        }
    }

    fn check(&self, id: &str, state: &str, said: &str, next: &str) {
        let (is, says, then) = &self.found[id];
        assert!(
            is == state && says.contains(said) && then.contains(next),
            "{id}: {is}: {says}: {then}"
        );
    }
}

fn doctor(home: &Home, more: &[&str]) -> Told {
    let mut args = vec!["doctor", "--format", "json"];
    if !more.contains(&"--listen") {
        args.extend(["--listen", "127.0.0.1:0"]);
    }
    args.extend_from_slice(more);
    Told::of(&home.run(&args))
}

/// Everything below a directory, with the time it was written.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let written = path.metadata().unwrap().modified().unwrap();
                found.insert(path, written);
            }
        }
    }
    found
}

const KEY: &str = ".local/share/corscope/ca/corscope-ca-key.pem";

/// An authority of corscope's kind that lives from one day to another, counted from today.
fn authority(home: &Home, from_days: i64, to_days: i64) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "corscope on a test bench");
    let organization = "corscope (local development only)";
    name.push(rcgen::DnType::OrganizationName, organization);
    params.distinguished_name = name;
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now + time::Duration::days(from_days);
    params.not_after = now + time::Duration::days(to_days) + time::Duration::HOUR;
    let pem = params.self_signed(&key).unwrap().pem();
    write_key(home, &format!("{}{pem}", key.serialize_pem()));
}

fn write_key(home: &Home, text: &str) {
    let file = home.at(KEY);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    mode(&file, 0o600);
}

fn mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_whole_is_fine_and_nothing_is_changed() {
    let home = Home::new();
    let told = doctor(&home, &[]);
    told.check("ca", "note", "no authority yet", "corscope ca install");
    assert_eq!(snapshot(home.path()).len(), 0, "nothing was made");

    let done = home.run(&["ca", "install", "--store", "chromium"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    let before = snapshot(home.path());
    let told = doctor(&home, &[]);
    for id in [
        "ca",
        "ca-key",
        "clock",
        "data",
        "sessions",
        "port",
        "http",
        "https",
        "http2",
        "websocket",
        "recording",
        "browsers",
    ] {
        told.check(id, "fine", "", "");
    }
    assert_eq!(told.status, Some(0));
    assert_eq!(snapshot(home.path()), before);

    let text = home.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(text.status, Some(0), "{text:?}");
    assert!(
        text.stdout.contains("✔ https") && text.stdout.contains("Ready"),
        "{text:?}"
    );
}

#[test]
fn an_authority_that_cannot_be_used_is_told_with_the_way_out() {
    // Each in its own home: state of the finding, what it says, what is next.
    let whole = || {
        let home = Home::new();
        let made = home.run(&["ca", "path"]);
        assert_eq!(made.status, Some(0), "{made:?}");
        home
    };
    let home = whole();
    mode(&home.at(KEY), 0o644);
    let told = doctor(&home, &[]);
    told.check("ca-key", "bad", "mode 644", "chmod 600");
    told.check("https", "fine", "", "");
    let still = home.at(KEY).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(still, 0o644, "a doctor does not operate");

    let home = whole();
    write_key(&home, "garbage");
    doctor(&home, &[]).check("ca", "bad", "no private key in it", "corscope ca rotate");

    let home = whole();
    std::fs::remove_file(home.at(KEY)).unwrap();
    doctor(&home, &[]).check("ca", "bad", "is missing", "corscope ca rotate");

    // Not readable, even for root: it is a directory.
    let home = whole();
    std::fs::remove_file(home.at(KEY)).unwrap();
    std::fs::create_dir(home.at(KEY)).unwrap();
    doctor(&home, &[]).check("ca", "bad", "cannot be read", "--data-dir");

    let home = Home::new();
    authority(&home, -400, -35);
    doctor(&home, &[]).check("ca", "bad", "expired on", "corscope ca rotate");
    let done = home.run(&["record", "--listen", "127.0.0.1:0", "--for", "1s"]);
    assert_eq!(done.status, Some(2), "{done:?}");
    assert!(done.stderr.contains("corscope ca rotate"), "{done:?}");
    // And that is the way out.
    let done = home.run(&["ca", "rotate", "--store", "chromium"]);
    assert_eq!(done.status, Some(0), "{done:?}");
    doctor(&home, &[]).check("ca", "fine", "until", "");

    let home = Home::new();
    authority(&home, -300, 12);
    doctor(&home, &[]).check("ca", "note", "12 days left", "corscope ca rotate");
    let recording = home.record(&[]);
    let done = recording.interrupt();
    assert!(done.stderr.contains("expires in 12 days"), "{done:?}");
}

#[test]
fn a_wrong_clock_is_noticed() {
    let home = Home::new();
    authority(&home, 30, 390);
    let told = doctor(&home, &[]);
    told.check("clock", "bad", "valid only from", "set the clock");
    told.check("https", "bad", "not valid now", "the clock above");
    told.check("http", "fine", "", "");
    let recording = home.record(&[]);
    let done = recording.interrupt();
    assert!(done.stderr.contains("set the clock"), "{done:?}");
}

#[test]
fn what_stands_in_the_way_is_named() {
    let home = Home::new();
    // A port that somebody has: us.
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let told = doctor(&home, &["--listen", &address]);
    told.check(
        "port",
        "bad",
        &format!("(process {})", std::process::id()),
        "--listen",
    );
    let done = home.run(&["doctor", "--listen", "0.0.0.0:0"]);
    assert_eq!(done.status, Some(2), "{done:?}");
    assert!(done.stderr.contains("--password"), "{done:?}");

    let told = doctor(&home, &["--listen", "0.0.0.0:0", "--password", "s3cret"]);
    told.check("port", "note", "other machines", "--listen");

    // What is to be trusted when talking to servers.
    home.run(&["ca", "path"]);
    let own = home.run(&["ca", "path"]).stdout;
    let told = doctor(&home, &["--upstream-ca", own.trim()]);
    told.check("upstream-ca", "fine", "1 certificate in", "");
    told.check("https", "fine", "", "");
    std::fs::write(home.at("empty.pem"), "nothing").unwrap();
    for (file, said) in [("empty.pem", "no certificate"), ("none.pem", "cannot read")] {
        let told = doctor(&home, &["--upstream-ca", file]);
        told.check("upstream-ca", "bad", said, "--upstream-ca");
        told.check("https", "fine", "", "");
    }

    // A place that nobody can write, not even root.
    for place in ["/proc/corscope", "/dev/null/corscope"] {
        let told = doctor(&home, &["--data-dir", place]);
        told.check("data", "bad", "cannot be written", "--data-dir");
        told.check("sessions", "bad", "cannot be written", "--data-dir");
    }

    // No NSS tools, no browsers.
    let profile = home.at(".mozilla/firefox/x.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(profile.join("cert9.db"), "").unwrap();
    home.run(&["ca", "path"]);
    let empty = home.at("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut command = home.command(&["doctor", "--format", "json", "--listen", "127.0.0.1:0"]);
    let done: Done = command.env("PATH", &empty).output().unwrap().into();
    Told::of(&done).check("trust", "bad", "certutil is not installed", "install");

    // What other programs were told.
    for (name, value, said, next) in [
        (
            "HTTPS_PROXY",
            "http://127.0.0.1:1",
            "nothing listens",
            "unset HTTPS_PROXY",
        ),
        (
            "SSL_CERT_FILE",
            "/nowhere.pem",
            "cannot be read",
            "unset SSL_CERT_FILE",
        ),
    ] {
        let mut command = home.command(&["doctor", "--format", "json", "--listen", "127.0.0.1:0"]);
        let done: Done = command.env(name, value).output().unwrap().into();
        Told::of(&done).check("env", "bad", said, next);
    }
    // A server that is not there, asked for on purpose.
    let told = doctor(&home, &["--online", "https://127.0.0.1:1/"]);
    told.check("online", "bad", "refused", "network");

    let done = home.run(&["doctor", "--online", "ftp://x"]);
    assert_eq!(done.status, Some(2), "{done:?}");
}

/// What a capture is told about the network is looked at with the flags of a capture.
#[test]
fn the_flags_of_a_capture_are_looked_at() {
    let home = Home::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:s3cret@{}", proxy.local_addr().unwrap());
    let told = doctor(&home, &["--upstream", &url]);
    told.check("upstream", "fine", "something listens", "");
    let said = &told.found["upstream"].1;
    assert!(!said.contains("s3cret"), "{said}");
    drop(proxy);
    let told = doctor(&home, &["--upstream", &url]);
    told.check("upstream", "bad", "nothing listens", "--upstream");
    // This machine is reached without it.
    told.check("https", "fine", "", "");
    let far = doctor(&home, &["--upstream", "socks5://proxy.test:1080"]);
    far.check("upstream", "note", "was not asked", "--online");
    let told = doctor(
        &home,
        &["--upstream", &url, "--online", "http://192.0.2.1/"],
    );
    told.check("online", "bad", "upstream proxy", "--upstream");

    // Who may come in.
    let open = ["--listen", "0.0.0.0:0", "--allow", "192.0.2.0/24"];
    let told = doctor(&home, &open);
    told.check("port", "note", "other machines", "--listen");

    // What is shown to servers.
    let write = |name: &str, text: &str| std::fs::write(home.at(name), text).unwrap();
    let made = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        write(&format!("{name}.pem"), &made.cert.pem());
        write(&format!("{name}.key"), &made.signing_key.serialize_pem());
    };
    made("me");
    made("other");
    let told = doctor(&home, &["--client-cert", "api.test=me.pem,me.key"]);
    told.check("client-cert", "fine", "me.pem is shown to api.test", "");
    told.check("https", "fine", "", "");
    for (value, said) in [
        (
            "api.test=me.pem,other.key",
            "not the key of that certificate",
        ),
        ("api.test=none.pem,me.key", "No such file"),
        ("api.test=me.key,me.key", "no certificate in it"),
    ] {
        let told = doctor(&home, &["--client-cert", value]);
        told.check("client-cert", "bad", said, "mend the file");
        let done = home.run(&["record", "--listen", "127.0.0.1:0", "--client-cert", value]);
        assert_eq!(done.status, Some(2), "{done:?}");
        assert!(done.stderr.contains(said), "{done:?}");
    }
    // What cannot be read as a flag is refused as by a capture, in one sentence.
    for (flag, value, said) in [
        ("--upstream", "ftp://a:1", "write http://"),
        ("--upstream", "socks4://a:1", "use socks5://"),
        ("--allow", "300.1.1.1", "192.168.1.0/24"),
        ("--client-cert", "x", "HOST=CERT.pem,KEY.pem"),
        ("--listen", "localhost:80", "127.0.0.1:8080"),
    ] {
        for command in ["doctor", "record"] {
            let done = home.run(&[command, flag, value]);
            assert_eq!(done.status, Some(2), "{command} {flag}: {done:?}");
            assert!(done.stderr.contains(said), "{command} {flag}: {done:?}");
            assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
        }
    }
}
