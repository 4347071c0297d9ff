//! Secrets are planted wherever one is known to stand, and looked for in everything that leaves.

mod capture;
mod words;

use std::fs;

use corscope::diagnose::Diagnosis;
use corscope::har;
use corscope::session::{Options, Reader, Session};
use corscope::tui::{self, Effect, Outcome};
use serde_json::Value;

use self::capture::{PAGE, Plants};
use crate::har_rules::faults;
use crate::redaction::gist;
use crate::support::{Home, Origin, answer, through};

/// What no reader of a HAR takes from it: only `redact` writes it again.
const ONLY_IN_THE_FILE: [&str; 5] = [
    "fragment",
    "queryString of a HAR",
    "comment of an entry",
    "comment of a HAR",
    "title of a page",
];

/// Every paper and every command form.
const PAPERS: [&[&str]; 11] = [
    &["--to", "har"],
    &["--to", "md"],
    &["--to", "html"],
    &["--to", "json"],
    &["--to", "ndjson"],
    &["--to", "curl", "--shell", "sh"],
    &["--to", "curl", "--shell", "fish"],
    &["--to", "curl", "--shell", "cmd"],
    &["--to", "curl", "--shell", "powershell"],
    &["--to", "httpie"],
    &["--to", "fetch"],
];
const VERDICTS: [&[&str]; 3] = [
    &["--format", "text"],
    &["--format", "json"],
    &["--format", "ndjson"],
];

/// The capture as a HAR and as a session, in a home of its own.
struct Planted {
    home: Home,
    har: String,
    plants: Plants,
}

impl Planted {
    fn new() -> Self {
        let home = Home::new();
        let (har, plants) = capture::har();
        fs::write(home.at("cart.har"), &har).unwrap();
        let sessions = home.at("data/sessions");
        fs::create_dir_all(&sessions).unwrap();
        let options = Options::new(sessions.join("cart.corscope"));
        let (session, recorder) = Session::create(options).unwrap();
        let read = har::read(har.as_bytes(), &recorder).unwrap();
        assert_eq!(read.skipped, Vec::<String>::new());
        drop(recorder);
        session.finish().unwrap();
        Self { home, har, plants }
    }

    /// What a command prints, its errors included.
    fn told(&self, args: &[&str]) -> String {
        let done = self.home.run(args);
        assert!(matches!(done.status, Some(0 | 1)), "{args:?}: {done:?}");
        done.stdout + &done.stderr
    }

    fn clean(&self, what: &str, text: &str) {
        assert_eq!(self.plants.found(text), [""; 0], "in {what}:\n{text}");
    }
}

fn session(path: &std::path::Path) -> Reader {
    Session::open(path, None).unwrap().reader()
}

fn reread(har: &str) -> Reader {
    let (session, recorder) = Session::in_memory(None, 0).unwrap();
    har::read(har.as_bytes(), &recorder).unwrap();
    drop(recorder);
    let reader = session.reader();
    session.finish().unwrap();
    reader
}

fn gists(reader: &Reader) -> Vec<String> {
    let fetches = reader.fetches();
    let all = fetches.iter().filter_map(|id| reader.diagnosis(*id));
    all.map(|diagnosis: Diagnosis| gist(&diagnosis)).collect()
}

#[test]
fn no_paper_holds_a_secret_unless_it_was_asked_for() {
    let planted = Planted::new();
    println!("{} secrets", planted.plants.all.len());
    assert!(planted.plants.all.len() > 60);
    for file in ["cart.har", "data/sessions/cart.corscope"] {
        let mut open = String::new();
        for paper in PAPERS {
            let args = [&["export", file], paper].concat();
            planted.clean(&args.join(" "), &planted.told(&args));
            let with = planted.told(&[&args[..], &["--secrets"]].concat());
            assert!(planted.plants.found(&with).len() > 10, "{args:?}");
            open.push_str(&with);
        }
        for format in VERDICTS {
            let args = [&["diagnose", file], format].concat();
            let told = planted.told(&args);
            assert!(told.contains("https://api.app.test/v1/bearer"), "{told}");
            planted.clean(&args.join(" "), &told);
            let with = planted.told(&[&args[..], &["--secrets"]].concat());
            assert!(planted.plants.found(&with).len() > 10, "{args:?}");
        }
        // All of them can be found, so that not finding one says something.
        let found = planted.plants.found(&open);
        let lost = planted.plants.all.iter().map(|(place, _)| place.as_str());
        let lost: Vec<&str> = lost.filter(|place| !found.contains(place)).collect();
        assert_eq!(lost, ONLY_IN_THE_FILE);
    }
    assert_eq!(
        planted.plants.found(&planted.har).len(),
        planted.plants.all.len()
    );
    planted.clean("redact", &planted.told(&["redact", "cart.har"]));
}

#[test]
fn neither_does_what_is_compared_listed_or_copied() {
    let planted = Planted::new();
    let path = planted.home.at("data/sessions/cart.corscope");
    for format in ["text", "json"] {
        // Whatever was answered is answered otherwise: everything is told of.
        let after = planted
            .har
            .replace(PAGE, "https://www.app.test")
            .replace("\"status\":500", "\"status\":502")
            .replace("\"error\":", "\"fault\":");
        fs::write(planted.home.at("after.har"), after).unwrap();
        for pair in [
            ["cart.har", "after.har"],
            ["after.har", path.to_str().unwrap()],
        ] {
            let args = ["compare", pair[0], pair[1], "--format", format];
            planted.clean(&args.join(" "), &planted.told(&args));
        }
        let args = ["sessions", "--data-dir", "data", "--format", format];
        let list = planted.told(&args);
        assert!(list.contains("cart"), "{list}");
        planted.clean("sessions", &list);
    }
    let reader = session(&path);
    let fetches = reader.fetches();
    assert!(fetches.len() > 25);
    for id in fetches {
        let Some(Outcome::Copy(brief, toast)) = tui::perform(&reader, &Effect::Brief(id)) else {
            panic!("no brief of fetch {id}");
        };
        planted.clean("a brief", &brief);
        planted.clean("what is said of it", toast);
        // A command copied on the screen is to work, and says no more than that it was copied.
        let first = reader.fetch(id).and_then(|f| f.exchanges().next()).unwrap();
        let Some(Outcome::Copy(_, toast)) =
            tui::perform(&reader, &Effect::CopyAs(tui::CopyForm::Curl, first))
        else {
            panic!("no command for {first}");
        };
        planted.clean("what is said of a command", toast);
        let number = id.to_string();
        let args = [
            "export",
            path.to_str().unwrap(),
            "--to",
            "md",
            "--fetch",
            &number,
        ];
        planted.clean(&args.join(" "), &planted.told(&args));
    }
}

/// Name and value of the header fields that a verdict is made of, and of all others the name alone.
fn evidence(har: &Value) -> Vec<String> {
    const WHOLE: [&str; 12] = [
        "origin",
        "vary",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-request-method",
        "access-control-request-headers",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-dest",
        "user-agent",
        "content-type",
        "upgrade",
    ];
    let mut out = Vec::new();
    for entry in har["log"]["entries"].as_array().unwrap() {
        out.push(format!(
            "{} {}",
            entry["request"]["method"], entry["response"]["status"]
        ));
        for side in ["request", "response"] {
            for field in entry[side]["headers"].as_array().unwrap() {
                let name = field["name"].as_str().unwrap().to_ascii_lowercase();
                let value = field["value"].as_str().unwrap();
                out.push(if WHOLE.contains(&name.as_str()) {
                    format!("{name}: {value}")
                } else if name == "set-cookie" {
                    // Name and attributes.
                    let (pair, attributes) = value.split_once(';').unwrap();
                    format!("{name}: {} {attributes}", pair.split('=').next().unwrap())
                } else if name == "cookie" {
                    let names = value
                        .split("; ")
                        .map(|pair| pair.split('=').next().unwrap());
                    format!("{name}: {}", names.collect::<Vec<_>>().join(" "))
                } else {
                    name
                });
            }
        }
    }
    out
}

#[test]
fn the_evidence_stays_and_the_verdicts_with_it() {
    let planted = Planted::new();
    let before: Value = serde_json::from_str(&planted.har).unwrap();
    for args in [
        &["redact", "cart.har"][..],
        &["export", "cart.har", "--to", "har"],
        &["export", "data/sessions/cart.corscope", "--to", "har"],
    ] {
        let text = planted.told(args);
        let mut after: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(faults(&after), Vec::<String>::new());
        assert!(text.contains("redacted-"), "{text}");
        // A file that was judged has a row more: the request that was never sent.
        let entries = after["log"]["entries"].as_array_mut().unwrap();
        entries.retain(|entry| entry["_corscope"]["never_sent"] != true);
        assert_eq!(evidence(&before), evidence(&after), "{args:?}");
        if args[0] == "redact" {
            assert_eq!(gists(&reread(&planted.har)), gists(&reread(&text)));
        }
    }
    // What is printed is the same but for the names of what was hidden.
    let printed = |more: &[&str]| -> Vec<Value> {
        let args = [&["diagnose", "cart.har", "--format", "ndjson"], more].concat();
        let lines = planted.told(&args);
        lines
            .lines()
            .map(|line| {
                let fetch: Value = serde_json::from_str(line).unwrap();
                let told = [
                    "id",
                    "method",
                    "origin",
                    "exchanges",
                    "credentials",
                    "outcome",
                ];
                let fields = told.map(|name| fetch[name].clone());
                let cause = &fetch["cause"];
                let fix = &fetch["fix"];
                serde_json::json!([
                    fields,
                    [
                        &cause["check"],
                        &cause["stage"],
                        &cause["sub"],
                        &cause["root"]
                    ],
                    [&fix["reach"], &fix["preflight"], &fix["actual"]],
                ])
            })
            .collect()
    };
    assert_eq!(printed(&[]), printed(&["--secrets"]));
}

/// A server whose every answer has secrets, blocked and allowed ones; it repeats what it is sent.
fn server(plants: &mut Plants) -> Origin {
    let json = format!(
        "{{\"error\":\"no\",\"password\":\"{}\"}}",
        plants.plant("live answer")
    );
    let location = format!("/fine?token={}", plants.plant("live Location"));
    let cookie = format!("sid={}; Path=/", plants.plant("live Set-Cookie"));
    Origin::serve(move |head| {
        let allow = [
            ("Access-Control-Allow-Origin", PAGE),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Headers", "x-api-key, authorization"),
            ("Set-Cookie", &cookie),
        ];
        let asked = head.lines().next().unwrap_or_default().to_owned();
        if asked.contains("/moved") {
            let location = [&allow[..], &[("Location", location.as_str())]].concat();
            answer("302 Found", &location, &json)
        } else if asked.contains("/fine") || asked.starts_with("OPTIONS") {
            answer("200 OK", &allow, &json)
        } else {
            answer(
                "500 Oops",
                &[("X-Auth-Token", &cookie)],
                &format!("{json}\n{head}"),
            )
        }
    })
}

#[test]
fn the_password_of_a_proxy_behind_is_never_said() {
    let home = Home::new();
    let mut plants = Plants::new();
    let password = plants.plant("password of an upstream proxy");
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let clean = |what: &str, text: &str| {
        assert_eq!(plants.found(text), [""; 0], "in {what}:\n{text}");
    };
    let proxy = format!("http://ann:{password}@{nobody}");
    for args in [
        &["doctor", "--upstream", &proxy][..],
        &["doctor", "--format", "json", "--upstream", &proxy],
    ] {
        let done = home.run(args);
        assert!(done.stdout.contains(&nobody.to_string()), "{done:?}");
        clean("doctor", &(done.stdout + &done.stderr));
    }
    for odd in [
        format!("ftp://ann:{password}@{nobody}"),
        format!("http://ann:{password}"),
        format!("http://ann:{password}@"),
        format!("http://ann:{password}@proxy.test:99999"),
    ] {
        let done = home.run(&["record", "--out", "odd.corscope", "--upstream", &odd]);
        assert_eq!(done.status, Some(2), "{odd}: {done:?}");
        clean("what is said of an odd one", &(done.stdout + &done.stderr));
    }
    let recording = home.record(&["--out", "x.corscope", "--upstream", &proxy]);
    let got = through(recording.address, "GET", "http://api.test/", &[]);
    let got = format!("{got:?}");
    assert!(got.contains("The proxy behind corscope"), "{got}");
    clean("the page instead of an answer", &got);
    let done = recording.interrupt();
    clean("record", &(done.stdout + &done.stderr));
    for format in ["text", "json"] {
        // Not even where secrets were asked for: it never was on the wire.
        let done = home.run(&["diagnose", "x.corscope", "--secrets", "--format", format]);
        assert!(done.stdout.contains("proxy behind corscope"), "{done:?}");
        clean("diagnose", &(done.stdout + &done.stderr));
    }
    clean(
        "the file",
        &String::from_utf8_lossy(&fs::read(home.at("x.corscope")).unwrap()),
    );
}

#[test]
fn neither_does_what_is_said_of_live_traffic() {
    let home = Home::new();
    let mut plants = Plants::new();
    let api = server(&mut plants);
    let query = |plants: &mut Plants, path: &str| {
        let token = plants.plant(&format!("live query of {path}"));
        api.url(&format!("/{path}?access_token={token}"))
    };
    let bearer = format!("Bearer {}", plants.plant("live Authorization"));
    let key = plants.plant("live X-Api-Key");
    let sid = format!("sid={}", plants.plant("live Cookie"));
    let page = [
        ("Origin", PAGE),
        ("Sec-Fetch-Mode", "cors"),
        ("User-Agent", crate::recorded::CHROMIUM),
        ("Authorization", &bearer),
        ("X-Api-Key", &key),
        ("Cookie", &sid),
    ];
    let recording = home.record(&[
        "--out",
        "x.corscope",
        "--format",
        "ndjson",
        "--har",
        "x.har",
    ]);
    let urls = ["broken", "fine", "moved"].map(|path| query(&mut plants, path));
    for url in &urls {
        through(recording.address, "GET", url, &page);
    }
    let done = recording.interrupt();
    assert_eq!(done.status, Some(1), "{done:?}");
    assert!(done.stdout.lines().count() >= 3, "{done:?}");
    let har = fs::read_to_string(home.at("x.har")).unwrap();
    let clean = |what: &str, text: &str| {
        assert_eq!(plants.found(text), [""; 0], "in {what}:\n{text}");
    };
    clean("the lines of record", &(done.stdout + &done.stderr));
    clean("its HAR", &har);
    let open = home.run(&["export", "x.corscope", "--to", "har", "--secrets"]);
    assert!(plants.found(&open.stdout).len() > 6, "{open:?}");

    // What is asked anew is said without them, too, whether it works or not.
    let header = format!("Authorization: {bearer}");
    let cookie = format!("Cookie: {sid}");
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        urls[0].replace(&api.address.port().to_string(), &port.to_string())
    };
    for url in urls.iter().chain([&nobody]) {
        for format in ["text", "json"] {
            let own = ["--origin", PAGE, "--credentials", "--format", format];
            let check = ["check", url, "-H", &header, "-H", &cookie];
            let audit = ["audit", url, "-H", "authorization"];
            for args in [&check[..], &audit[..]] {
                let done = home.run(&[args, &own[..]].concat());
                let works = url != &nobody;
                assert_eq!(done.status == Some(2), !works, "{done:?}");
                clean(args[0], &(done.stdout + &done.stderr));
            }
        }
    }
    for id in ["1", "2", "3"] {
        for format in ["text", "json", "ndjson"] {
            let done = home.run(&[
                "replay",
                "x.corscope",
                id,
                "--as",
                "both",
                "--format",
                format,
            ]);
            assert!(matches!(done.status, Some(0 | 1)), "{done:?}");
            clean("replay", &(done.stdout + &done.stderr));
        }
    }
    let unasked = home.run(&["replay", "x.corscope", "1", "-X", "DELETE"]);
    assert_eq!(unasked.status, Some(2), "{unasked:?}");
    clean("a question", &unasked.stderr);
    let checks = format!(
        "[[check]]\nurl = \"{}\"\norigin = \"{PAGE}\"\nheaders = {{ Authorization = \"{bearer}\" }}\n",
        urls[0]
    );
    fs::write(home.at("checks.toml"), checks).unwrap();
    for format in ["text", "json", "ndjson"] {
        let done = home.run(&["check", "--file", "checks.toml", "--format", format]);
        assert_eq!(done.status, Some(1), "{done:?}");
        clean("a file of checks", &(done.stdout + &done.stderr));
    }
}
