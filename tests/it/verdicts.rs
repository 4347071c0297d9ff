//! What Chromium and Firefox really decided, against our judgement of the same wire.
//!
//! Prints one line: how often each browser is agreed with. `tests/corpus/README.md` describes the records;
//! `CORSCOPE_MISSES=id` prints every miss of the records whose id contains the text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use corscope::cors::{Browser, Check, Credentials, Outcome, Stage};
use corscope::diagnose::{Cause, Diagnosis, diagnose_all};
use corscope::wire::Exchange;

use crate::recorded::{Asked, CHROMIUM, FIREFOX, Record, exchange, headers, untold};
pub(crate) use crate::recorded::{Recorded, all_requests, single_requests, wires};

/// How many of what, for one set in one browser.
#[derive(Default, Debug)]
struct Tally {
    requests: usize,
    unseen: usize,
    outcome: usize,
    depends: usize,
    faults: usize,
    fault: usize,
    lists: usize,
    list: usize,
    stray: usize,
    misses: Vec<String>,
}

/// Requests that no observer of the wire can judge; `id browser: reason` for each line.
fn undecidable() -> BTreeMap<String, String> {
    include_str!("../corpus/undecidable.txt")
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| {
            let (key, why) = l.split_once(": ").expect("id, browser and reason");
            (key.to_owned(), why.to_owned())
        })
        .collect()
}

/// Whether the URL asked for is the one seen: without user and password, `ws` told as `http`; the
/// browser may have upgraded a picture to https.
fn same_url(asked: &str, seen: &str) -> bool {
    let parsed = |u: &str| {
        let mut url =
            url::Url::parse(&u.replacen("ws", "http", usize::from(u.starts_with("ws")))).ok()?;
        url.set_fragment(None);
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        let text = url.to_string();
        Some(text.split_once("://")?.1.to_owned())
    };
    parsed(asked).is_some() && parsed(asked) == parsed(seen)
}

/// Whether an outcome of ours is the browser's.
fn agrees(outcome: Outcome, asked: &Asked) -> bool {
    let told = asked.why.is_string();
    match asked.got.as_str() {
        "ok" => match outcome {
            Outcome::Allowed | Outcome::Exempt => true,
            // An element that loads without CORS: the page uses what script cannot read.
            Outcome::Opaque => !matches!(asked.by.as_str(), "fetch" | "xhr"),
            _ => false,
        },
        // WebSockets are refused by servers, not by CORS.
        "blocked" if asked.by == "websocket" => outcome == Outcome::Exempt,
        "blocked" => matches!(outcome, Outcome::Blocked | Outcome::Failed),
        "opaque" => outcome == Outcome::Opaque,
        _ => outcome != Outcome::Blocked || told,
    }
}

/// What on the wire tells the credentials mode; then nothing may depend on it.
fn told(record: &Record, diagnosis: &Diagnosis) -> Option<&'static str> {
    for id in diagnosis.fetch.exchanges() {
        let entry = &record.wire[id.0 as usize];
        let headers = headers(&entry.4);
        let preflight = entry.2 == "OPTIONS";
        let is = |name: &str, value: &str| headers.get(name).as_deref() == Some(value);
        if headers.contains("cookie") && is("sec-fetch-mode", "cors") {
            return Some("there is a Cookie");
        }
        if headers.contains("sec-fetch-storage-access") {
            return Some("there is Sec-Fetch-Storage-Access");
        }
        if record.browser == "chromium" && !preflight && is("sec-fetch-site", "cross-site") {
            return Some("there is no Sec-Fetch-Storage-Access");
        }
    }
    None
}

fn branch_cause(diagnosis: &Diagnosis, include: bool) -> (Outcome, Option<&Cause>) {
    let branch = if include {
        &diagnosis.when_include
    } else {
        &diagnosis.when_not_include
    };
    match branch {
        Some(branch) => (branch.outcome, branch.cause.as_ref()),
        None => (diagnosis.outcome, diagnosis.cause.as_ref()),
    }
}

/// Whether check and stage are what the browser named.
fn same_fault(record: &Record, asked: &Asked, cause: Option<&Cause>, closed: bool) -> bool {
    let Some(why) = asked.why.as_str() else {
        // Blocked, but for no reason of CORS.
        return cause.is_none_or(|c| !c.check.is_cors());
    };
    let Some(cause) = cause else { return false };
    if record.browser == "chromium" {
        let named = cause.check.chromium_name(cause.stage) == Some(why);
        let listed = cause.check != Check::HeaderDisallowed
            || asked
                .name
                .as_ref()
                .is_none_or(|n| cause.missing.contains(n));
        return named && listed;
    }
    let why = why.trim_end_matches(|c: char| c.is_ascii_digit());
    // Firefox words a closed connection at random.
    if closed
        && matches!(
            why,
            "CORSDidNotSucceed" | "CORSMultipleAllowOriginNotAllowed"
        )
    {
        return !cause.check.is_cors();
    }
    // It says the same of redirects that are blocked for other reasons; of module scripts that are
    // error pages, whether or not they have Allow-Origin; and sometimes first of a preflight that is
    // redirected.
    if why == "CORSDidNotSucceed" {
        let redirected = cause
            .next
            .contains(&(Check::DisallowedRedirect, Stage::Preflight));
        return !cause.check.is_cors()
            || asked.by == "module-script"
            || redirected
            || cause.firefox_name == Some(why);
    }
    cause.firefox_name == Some(why)
}

fn judge_record(record: &Record, tally: &mut Tally, known: &BTreeMap<String, String>) {
    let agent = if record.browser == "chromium" {
        CHROMIUM
    } else {
        FIREFOX
    };
    let exchanges: Vec<Arc<Exchange>> = record
        .wire
        .iter()
        .enumerate()
        .map(|(index, entry)| exchange(index, entry, agent))
        .collect();
    let diagnoses = diagnose_all(exchanges, None);
    let members: usize = diagnoses.iter().map(|d| d.fetch.exchanges().count()).sum();
    assert_eq!(members, record.wire.len(), "{}: one fetch each", record.id);
    let mut free: Vec<&Diagnosis> = diagnoses.iter().collect();
    for (index, asked) in record.asked.iter().enumerate() {
        tally.requests += 1;
        let found = free.iter().position(|d| {
            same_url(&d.url, &asked.url) && d.method.eq_ignore_ascii_case(&asked.method)
        });
        let Some(found) = found else {
            tally.unseen += 1;
            continue;
        };
        let diagnosis = free.remove(found);
        let (outcome, cause) = branch_cause(diagnosis, asked.include);
        let mut wrong = String::new();
        if diagnosis.outcome == Outcome::Depends {
            tally.depends += 1;
            if let Some(what) = told(record, diagnosis) {
                tally.misses.push(format!(
                    "{} {}: depends, although {what}",
                    record.id, record.browser
                ));
            }
        }
        if agrees(outcome, asked) {
            tally.outcome += 1;
        } else {
            write!(wrong, " outcome {}", diagnosis.outcome).expect("a string");
        }
        let closed = diagnosis.outcome == Outcome::Failed;
        if asked.got == "blocked" && asked.why != untold() {
            tally.faults += 1;
            if same_fault(record, asked, cause, closed) {
                tally.fault += 1;
            } else {
                wrong.push_str(" fault");
            }
        }
        if let (Some(seen), Some(ours)) = (&asked.seen, &diagnosis.exposed_headers) {
            tally.lists += 1;
            let mut ours = ours.clone();
            ours.sort_unstable();
            let mut seen = seen.clone();
            seen.sort_unstable();
            seen.dedup();
            if ours == seen {
                tally.list += 1;
            } else {
                write!(wrong, " readable {ours:?} not {seen:?}").expect("a string");
            }
        }
        let claimed = match diagnosis.credentials {
            Credentials::Include => Some(true),
            Credentials::NotInclude => Some(false),
            Credentials::Unknown => None,
        };
        let script = matches!(asked.by.as_str(), "fetch" | "xhr" | "img" | "script");
        let cors = !matches!(outcome, Outcome::Exempt | Outcome::Opaque);
        // An element without crossorigin is loaded with credentials, whatever was asked.
        let cors = cors && cause.is_none_or(|c| c.check.is_cors());
        if script && cors && claimed.is_some_and(|c| c != asked.include) {
            write!(wrong, " credentials {:?}", diagnosis.credentials).expect("a string");
        }
        let key = format!("{}#{index} {}", record.id, record.browser);
        let listed = known.contains_key(&key);
        if wrong.is_empty() == listed {
            let cause = cause.map(|c| (c.check.id(), c.stage.name(), c.firefox_name));
            tally.misses.push(format!(
                "{key} ({}){}: ours {} {cause:?}{}, theirs {} {:?} {:?}",
                record.of,
                if listed {
                    " is listed as undecidable and agrees"
                } else {
                    &wrong
                },
                diagnosis.outcome,
                if diagnosis.outcome == Outcome::Depends {
                    " (this branch)"
                } else {
                    ""
                },
                asked.got,
                asked.why,
                asked.name,
            ));
        }
    }
    check_strays(record, &free, &diagnoses, tally);
}

/// Every fetch must be one that the page made; the load of the page itself is not asked for, nor is
/// what a page does that was not told to. In a session the k-th request has `/qk/` in its URL.
fn check_strays(record: &Record, free: &[&Diagnosis], all: &[Diagnosis], tally: &mut Tally) {
    for stray in free {
        if stray.initiator != "navigation" {
            tally.stray += 1;
            tally.misses.push(format!(
                "{} {}: a fetch nobody asked for, {} {} {}",
                record.id, record.browser, stray.method, stray.url, stray.outcome
            ));
        }
    }
    for diagnosis in all {
        let marks: Vec<&str> = diagnosis
            .fetch
            .exchanges()
            .filter_map(|id| {
                record.wire[id.0 as usize]
                    .3
                    .split("/q")
                    .nth(1)?
                    .split('/')
                    .next()
            })
            .collect();
        assert!(
            record.of != "session" || marks.windows(2).all(|w| w[0] == w[1]),
            "{} {}: {marks:?} in one fetch",
            record.id,
            record.browser
        );
    }
}

/// Judges a set: a tally for each browser.
fn tallies(lines: &str) -> BTreeMap<String, Tally> {
    let known = undecidable();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in lines.lines() {
        let record: Record = serde_json::from_str(line).expect("a record");
        let tally = tallies.entry(record.browser.clone()).or_default();
        judge_record(&record, tally, &known);
    }
    tallies
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.requests += other.requests;
        self.unseen += other.unseen;
        self.outcome += other.outcome;
        self.depends += other.depends;
        self.faults += other.faults;
        self.fault += other.fault;
        self.lists += other.lists;
        self.list += other.list;
        self.stray += other.stray;
        self.misses.extend(other.misses);
    }
}

/// Judges sets, side by side; prints one line, with the misses that `CORSCOPE_MISSES` asks for below it.
/// A request disagrees only if it is listed as undecidable.
fn check(sets: &[&str]) {
    let wanted = std::env::var("CORSCOPE_MISSES").unwrap_or_default();
    let mut all: BTreeMap<String, Tally> = BTreeMap::new();
    std::thread::scope(|scope| {
        let judged: Vec<_> = sets
            .iter()
            .map(|lines| scope.spawn(|| tallies(lines)))
            .collect();
        for set in judged {
            for (browser, tally) in set.join().expect("judged") {
                all.entry(browser).or_default().add(tally);
            }
        }
    });
    let mut line = String::from("verdicts:");
    for (browser, tally) in &all {
        write!(
            line,
            " {browser}: outcome {}/{}, check and stage {}/{}, readable headers {}/{}, depends {}, \
             not on the wire {}, stray fetches {}, misses {};",
            tally.outcome,
            tally.requests - tally.unseen,
            tally.fault,
            tally.faults,
            tally.list,
            tally.lists,
            tally.depends,
            tally.unseen,
            tally.stray,
            tally.misses.len(),
        )
        .expect("a string");
    }
    println!("{}", line.trim_end_matches(';'));
    let misses: Vec<&String> = all
        .values()
        .flat_map(|t| &t.misses)
        .filter(|m| m.contains(&wanted))
        .collect();
    for miss in &misses {
        println!("  {miss}");
    }
    assert!(misses.is_empty(), "{} misses", misses.len());
}

#[test]
fn recorded_browsers_agree() {
    check(&[
        include_str!("../corpus/curated.jsonl"),
        include_str!("../corpus/traps.jsonl"),
        include_str!("../corpus/random.jsonl"),
        include_str!("../corpus/sessions.jsonl"),
        include_str!("../corpus/third-party-cookies-blocked.jsonl"),
        include_str!("../corpus/local-network-checks-on.jsonl"),
    ]);
}

/// Records from elsewhere: `CORSCOPE_CORPUS=FILE cargo test --test it verdicts::elsewhere -- --ignored`.
#[test]
#[ignore = "needs CORSCOPE_CORPUS, a file in the form of the corpus"]
fn elsewhere() {
    let file = std::env::var("CORSCOPE_CORPUS").expect("CORSCOPE_CORPUS names a file");
    let lines = std::fs::read_to_string(&file).expect("a readable corpus");
    check(&[&lines]);
}

#[test]
fn stages_and_browsers_have_names() {
    for check in Check::ALL {
        assert_eq!(Check::from_id(check.id()), Some(check));
        assert_eq!(
            check.chromium_name(Stage::Actual).is_some(),
            check.is_cors(),
            "{check}"
        );
    }
    assert_eq!(Browser::default(), Browser::Chromium);
}
