//! `ca install`, `uninstall`, `status`, `rotate`, on the certificate stores of an empty home, with
//! the real certutil and real browsers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Done, Home, through};

/// How long a browser may take for what takes it a few seconds.
const PATIENCE: Duration = Duration::from_mins(1);

fn certutil(args: &[&str]) -> String {
    let output = Command::new("certutil").args(args).output();
    let output = output.expect("certutil is there: tests/run installs libnss3-tools");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn sql(dir: &Path) -> String {
    format!("sql:{}", dir.display())
}

/// A profile as Firefox leaves it: a certificate database and nothing of ours.
fn firefox_profile(home: &Home) -> PathBuf {
    let profile = home.at(".mozilla/firefox/x1y2.default");
    std::fs::create_dir_all(&profile).unwrap();
    certutil(&["-N", "--empty-password", "-d", &sql(&profile)]);
    profile
}

/// Every file of a home but corscope's own.
fn files(home: &Home) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut todo = vec![home.path().to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let own = path.strip_prefix(home.path()).unwrap().to_owned();
            if own.starts_with(".local") {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            }
            found.insert(own);
        }
    }
    found
}

fn status(home: &Home, more: &[&str]) -> (Option<i32>, Value) {
    let mut args = vec!["ca", "status", "--format", "json"];
    args.extend_from_slice(more);
    let done = home.run(&args);
    let json = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
    (done.status, json)
}

/// The state of the one store of a kind.
fn state(home: &Home, kind: &str) -> String {
    let (_, json) = status(home, &["--store", kind]);
    let [store] = json["stores"].as_array().unwrap().as_slice() else {
        panic!("not one store: {json}");
    };
    store["state"].as_str().unwrap().to_owned()
}

fn fine(done: &Done) {
    assert_eq!(done.status, Some(0), "{done:?}");
}

const BROWSERS: [&str; 4] = ["--store", "chromium", "--store", "firefox"];

fn ca(home: &Home, words: &[&str]) -> Done {
    let mut args = vec!["ca"];
    args.extend_from_slice(words);
    args.extend_from_slice(&BROWSERS);
    home.run(&args)
}

#[test]
fn in_and_out_again_leaves_the_home_as_it_was() {
    let home = Home::new();
    let profile = firefox_profile(&home);
    let before = files(&home);
    let listed = certutil(&["-L", "-d", &sql(&profile)]);

    // What would be done is printed, and nothing is.
    let told = ca(&home, &["install", "--dry-run"]);
    fine(&told);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{told:?}");
    assert!(
        lines
            .iter()
            .all(|l| l.starts_with("certutil -") || l.starts_with("mkdir -p -m 700 "))
    );
    assert_eq!(files(&home), before);

    let done = ca(&home, &["install"]);
    fine(&done);
    assert_eq!(done.stdout.matches("trusted now").count(), 2, "{done:?}");
    assert_eq!(
        (state(&home, "chromium"), state(&home, "firefox")),
        ("trusted".into(), "trusted".into())
    );
    assert_eq!(status(&home, &BROWSERS).0, Some(0));
    let held = certutil(&["-L", "-d", &sql(&home.at(".pki/nssdb"))]);
    assert!(
        held.contains("corscope on ") && held.contains("C,,"),
        "{held}"
    );

    // Once more is once too often, and harmless.
    let again = ca(&home, &["install"]);
    fine(&again);
    assert_eq!(
        again.stdout.matches("trusted already").count(),
        2,
        "{again:?}"
    );
    assert_eq!(certutil(&["-L", "-d", &sql(&home.at(".pki/nssdb"))]), held);

    // Somebody took the trust away, not the certificate.
    let nickname = held
        .lines()
        .find(|l| l.starts_with("corscope on "))
        .unwrap();
    let nickname = nickname.rsplit_once("C,,").unwrap().0.trim();
    certutil(&[
        "-M",
        "-d",
        &sql(&home.at(".pki/nssdb")),
        "-t",
        ",,",
        "-n",
        nickname,
    ]);
    assert_eq!(state(&home, "chromium"), "untrusted");
    fine(&ca(&home, &["install"]));
    assert_eq!(state(&home, "chromium"), "trusted");

    let done = ca(&home, &["uninstall"]);
    fine(&done);
    assert_eq!(files(&home), before, "{done:?}");
    assert_eq!(certutil(&["-L", "-d", &sql(&profile)]), listed);
    let done = ca(&home, &["uninstall"]);
    fine(&done);
    assert!(done.stdout.contains("already"), "{done:?}");
    assert_eq!(files(&home), before);
    assert_eq!(status(&home, &BROWSERS).0, Some(1));
}

#[test]
fn what_others_put_into_a_store_stays() {
    let home = Home::new();
    let other = tempfile::tempdir().unwrap();
    let pem = other.path().join("other.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    // A name like ours does not make it ours.
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "corscope on a t-shirt");
    params.distinguished_name = name;
    std::fs::write(&pem, params.self_signed(&key).unwrap().pem()).unwrap();

    fine(&ca(&home, &["install"]));
    let database = sql(&home.at(".pki/nssdb"));
    let file = pem.to_str().unwrap();
    certutil(&[
        "-A",
        "-d",
        &database,
        "-t",
        "C,,",
        "-n",
        "corscope on a t-shirt",
        "-i",
        file,
    ]);
    fine(&ca(&home, &["uninstall", "--stale"]));
    let left = certutil(&["-L", "-d", &database]);
    assert!(left.contains("corscope on a t-shirt"), "{left}");
    assert_eq!(left.matches("corscope").count(), 1, "{left}");
}

#[test]
fn a_new_authority_takes_the_place_of_the_old_one_everywhere() {
    let home = Home::new();
    let profile = firefox_profile(&home);
    fine(&home.run(&["ca", "install", "--store", "firefox"]));
    let (_, old) = status(&home, &BROWSERS);
    let told = ca(&home, &["rotate", "--dry-run"]);
    fine(&told);
    assert_eq!(status(&home, &BROWSERS).1, old, "only told");
    let done = ca(&home, &["rotate"]);
    fine(&done);
    let (_, new) = status(&home, &BROWSERS);
    assert_ne!(new["certificate"]["sha256"], old["certificate"]["sha256"]);
    assert_eq!(state(&home, "firefox"), "trusted", "{done:?}");
    assert_eq!(
        state(&home, "chromium"),
        "absent",
        "where it was not it is not put"
    );
    let held = certutil(&["-L", "-d", &sql(&profile)]);
    assert_eq!(held.matches("corscope on ").count(), 1, "{held}");

    // An authority of another data directory is told, and removed only when that is asked for.
    let elsewhere = home.at("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    fine(&home.run(&[
        "ca",
        "install",
        "--store",
        "firefox",
        "--data-dir",
        elsewhere,
    ]));
    let (code, json) = status(&home, &["--store", "firefox"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        json["stores"][0]["others"].as_array().unwrap().len(),
        1,
        "{json}"
    );
    let told = home.run(&["ca", "status", "--store", "firefox"]);
    assert!(told.stdout.contains("ca uninstall --stale"), "{told:?}");
    // So it is where no authority was made yet, or it was deleted.
    let nowhere = ["--data-dir", "nowhere", "--store", "firefox"];
    let (code, json) = status(&home, &nowhere);
    assert_eq!((code, &json["certificate"]), (Some(1), &Value::Null));
    let others = json["stores"][0]["others"].as_array().unwrap();
    assert_eq!(others.len(), 2, "{json}");
    let told = home.run(&[&["ca", "status"], &nowhere[..]].concat());
    assert!(told.stdout.contains("ca uninstall --stale"), "{told:?}");
    assert!(!home.at("nowhere").exists(), "nothing was made");
    fine(&home.run(&["ca", "uninstall", "--stale", "--store", "firefox"]));
    let held = certutil(&["-L", "-d", &sql(&profile)]);
    assert!(!held.contains("corscope"), "{held}");
}

#[test]
fn what_cannot_be_done_is_said_with_the_next_step() {
    let home = Home::new();
    let profile = firefox_profile(&home);
    // No NSS tools.
    let nowhere = home.at("empty");
    std::fs::create_dir(&nowhere).unwrap();
    for args in [["ca", "install"], ["ca", "status"]] {
        let output = home
            .command(&args)
            .args(["--store", "firefox"])
            .env("PATH", &nowhere)
            .output();
        let done: Done = output.unwrap().into();
        assert!(
            done.stdout.contains("certutil is not installed"),
            "{done:?}"
        );
        assert!(done.stdout.contains("install"), "{done:?}");
        assert_eq!(
            done.status,
            Some(if args[1] == "install" { 2 } else { 1 }),
            "{done:?}"
        );
    }
    // A primary password: nothing half done stays behind.
    let password = home.at("password");
    std::fs::write(&password, "secret\n").unwrap();
    std::fs::write(home.at("nothing"), "\n").unwrap();
    let (file, before) = (password.to_str().unwrap(), home.at("nothing"));
    certutil(&[
        "-W",
        "-d",
        &sql(&profile),
        "-f",
        before.to_str().unwrap(),
        "-@",
        file,
    ]);
    let done = ca(&home, &["install"]);
    assert_eq!(done.status, Some(2), "{done:?}");
    assert!(done.stdout.contains("primary password"), "{done:?}");
    let held = certutil(&["-L", "-d", &sql(&profile)]);
    assert!(!held.contains("corscope"), "{held}");
    // The other store was served all the same.
    assert_eq!(state(&home, "chromium"), "trusted");
}

/// What corscope saw of a browser that loaded its page: whether a certificate was accepted.
fn accepts(home: &Home, browse: impl FnOnce(&str) -> Command) -> bool {
    let recording = home.record(&[]);
    let mut browser = browse(&recording.address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a browser is there: tests/run installs it");
    let started = Instant::now();
    let accepted = loop {
        let page = through(
            recording.address,
            "GET",
            "http://corscope.test/",
            &[("Accept", "text/html")],
        );
        if page.contains("last accepted") {
            break true;
        }
        if page.contains("the check of this page") {
            break false;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "the browser never asked: {page}"
        );
        std::thread::sleep(Duration::from_millis(100));
    };
    while browser.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            browser.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    recording.interrupt();
    accepted
}

#[test]
fn a_real_chromium_believes_what_was_installed_and_no_longer_what_was_removed() {
    let home = Home::new();
    let program = ["chromium", "chromium-browser", "google-chrome"];
    let program = program.into_iter().find(|p| {
        let there = Command::new(p).arg("--version").output();
        there.is_ok_and(|o| o.status.success())
    });
    let program = program.expect("a Chromium is there: tests/run installs it");
    let trusts = || {
        let profile = tempfile::tempdir().unwrap();
        accepts(&home, |proxy| {
            let mut command = Command::new(program);
            command
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                ])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg(format!("--proxy-server={proxy}"))
                .args([
                    "--proxy-bypass-list=<-loopback>",
                    "--dump-dom",
                    "http://corscope.test/",
                ])
                .env("HOME", home.path())
                .env_remove("XDG_DATA_HOME");
            command
        })
    };
    assert!(!trusts());
    fine(&home.run(&["ca", "install", "--store", "chromium"]));
    assert!(trusts());
    fine(&home.run(&["ca", "uninstall", "--store", "chromium"]));
    assert!(!trusts());
}

#[test]
fn a_real_firefox_believes_what_was_installed_and_no_longer_what_was_removed() {
    let home = Home::new();
    let profile = firefox_profile(&home);
    let program = ["firefox-esr", "firefox"].into_iter().find(|p| {
        let there = Command::new(p).arg("--version").output();
        there.is_ok_and(|o| o.status.success())
    });
    let program = program.expect("a Firefox is there: tests/run installs it");
    let picture = home.at("picture.png");
    let trusts = || {
        accepts(&home, |proxy| {
            let (host, port) = proxy.split_once(':').unwrap();
            let preferences = format!(
                "user_pref('network.proxy.type', 1);\n\
                 user_pref('network.proxy.http', '{host}');\nuser_pref('network.proxy.http_port', {port});\n\
                 user_pref('network.proxy.ssl', '{host}');\nuser_pref('network.proxy.ssl_port', {port});\n\
                 user_pref('network.captive-portal-service.enabled', false);\n\
                 user_pref('network.connectivity-service.enabled', false);\n\
                 user_pref('dom.security.https_first', false);\n\
                 user_pref('services.settings.server', 'data:,');\n\
                 user_pref('datareporting.policy.dataSubmissionEnabled', false);\n"
            );
            std::fs::write(profile.join("user.js"), preferences).unwrap();
            let mut command = Command::new(program);
            command
                .args(["--headless", "--no-remote", "--profile"])
                .arg(&profile)
                .arg("--screenshot")
                .arg(&picture)
                .arg("http://corscope.test/")
                .env("HOME", home.path())
                .env("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1");
            command
        })
    };
    assert!(!trusts());
    fine(&home.run(&["ca", "install", "--store", "firefox"]));
    assert!(trusts());
    fine(&home.run(&["ca", "uninstall", "--store", "firefox"]));
    assert!(!trusts());
}
