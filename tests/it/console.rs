//! The sentences we put into the browsers' mouths, against what stood in their consoles.
//!
//! Prints one line for each set and browser: how many recorded sentences are ours, word for word.

use std::collections::{BTreeMap, HashMap};

use corscope::cors::Outcome;
use corscope::diagnose::diagnose_all;
use corscope::report::{self, Servers};

use crate::verdicts::{Recorded, all_requests};

const SETS: [(&str, &str); 5] = [
    ("curated", include_str!("../corpus/curated.jsonl")),
    ("random", include_str!("../corpus/random.jsonl")),
    ("sessions", include_str!("../corpus/sessions.jsonl")),
    (
        "local-network-checks-on",
        include_str!("../corpus/local-network-checks-on.jsonl"),
    ),
    (
        "third-party-cookies-blocked",
        include_str!("../corpus/third-party-cookies-blocked.jsonl"),
    ),
];

/// Sentences that we cannot know: set, scenario, browser; the reason beside each.
const OTHERWISE: [(&str, &str); 16] = [
    ("curated http-cache-img-then-fetch-no-vary chromium", CACHED),
    (
        "curated http-cache-img-then-fetch-include-no-vary chromium",
        CACHED,
    ),
    (
        "curated http-cache-img-then-fetch-include-no-vary firefox",
        CACHED,
    ),
    (
        "curated http-cache-img-then-img-usecred-no-vary chromium",
        CACHED,
    ),
    (
        "curated http-cache-img-then-img-usecred-no-vary firefox",
        CACHED,
    ),
    ("curated http-cache-nocors-then-cors chromium", CACHED),
    ("curated http-cache-nocors-then-cors firefox", CACHED),
    ("curated init-module-script-403-noacao firefox", MODULE),
    ("random rd-0933 firefox", MODULE),
    ("random rd-1347 firefox", MODULE),
    ("random rd-1759 firefox", MODULE),
    (
        "curated init-preload-fetch-anonymous-missing chromium",
        INITIATOR,
    ),
    (
        "curated init-beacon-json-preflight-star chromium",
        INITIATOR,
    ),
    (
        "curated init-beacon-json-preflight-bare chromium",
        INITIATOR,
    ),
    ("random rd-0539 chromium", INITIATOR),
    ("random rd-1749 chromium", INITIATOR),
];

const CACHED: &str = "the browser's own cache answered, and nothing was on the wire";
const MODULE: &str = "Firefox looks at the type of a module first; whether a script is a module is not \
                      on the wire";
const INITIATOR: &str = "a preload, a beacon's preflight and plain http do not tell who asks";

/// XHR and fetch are the same on the wire; Chromium words them differently.
fn for_fetch(text: &str) -> String {
    let Some(of_xhr) = text.strip_prefix("Access to XMLHttpRequest") else {
        return text.to_owned();
    };
    format!("Access to fetch{of_xhr}").replace(
        " The credentials mode of requests initiated by the XMLHttpRequest is controlled by the \
         withCredentials attribute.",
        "",
    )
}

fn agree(ours: &str, theirs: &str) -> bool {
    // Firefox words a closed connection at random.
    if theirs.contains("(Reason: Multiple CORS header") && ours.ends_with("(null).") {
        let url = |text: &str| text.split(" (Reason: ").next().map(str::to_owned);
        return url(ours) == url(theirs);
    }
    let told = for_fetch(theirs);
    let ours = if told == theirs {
        ours.to_owned()
    } else {
        ours.replace(" Have the server send the header with a valid value.", "")
    };
    ours == told || frame(&ours).is_some_and(|frame_| Some(frame_) == frame(&told))
}

/// Chromium names any of the missing headers.
fn frame(text: &str) -> Option<(String, String)> {
    let (before, rest) = text.split_once("Request header field ")?;
    let (_, after) = rest.split_once(' ')?;
    Some((before.to_owned(), after.to_owned()))
}

/// What we say of each fetch of a record: the sentence, or those of both cases.
fn ours(record: &Recorded) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    let diagnoses = diagnose_all(record.exchanges.clone(), None);
    // Where the page made one call, it is known which of the two cases it was.
    let branches: &[&str] = match (diagnoses.len(), record.include) {
        (1, true) => &["when_include"],
        (1, false) => &["when_not_include"],
        _ => &["when_include", "when_not_include"],
    };
    for diagnosis in diagnoses {
        let fetch = report::fetch_to_json(&diagnosis, &Servers::default(), &record.exchanges);
        let of = |cause: &serde_json::Value| cause["console"].as_str().map(str::to_owned);
        let mut said: Vec<String> = branches
            .iter()
            .filter_map(|branch| of(&fetch[*branch]["cause"]))
            .collect();
        if said.is_empty() {
            said.extend(of(&fetch["cause"]));
        }
        let certain = matches!(diagnosis.outcome, Outcome::Blocked | Outcome::Failed);
        if certain || !said.is_empty() {
            out.push(said);
        }
    }
    out
}

#[test]
fn our_sentences_are_the_browsers() {
    let mut recorded: HashMap<(&str, &str, &str), Vec<&str>> = HashMap::new();
    for line in include_str!("../corpus/console.tsv").lines() {
        let mut parts = line.splitn(4, '\t');
        let mut part = || parts.next().unwrap();
        let key = (part(), part(), part());
        recorded.entry(key).or_default().push(part());
    }
    let mut wrong = Vec::new();
    for (set, lines) in SETS {
        let mut tally: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
        for record in all_requests(lines) {
            let key = (set, record.id.as_str(), record.browser.as_str());
            let Some(theirs) = recorded.get(&key) else {
                continue;
            };
            let said = ours(&record);
            let (all, same, unseen) = tally.entry(record.browser.clone()).or_default();
            for text in theirs {
                let url = |e: &std::sync::Arc<corscope::wire::Exchange>| {
                    text.contains(e.request.url.as_str())
                };
                if !record.exchanges.iter().any(url) {
                    *unseen += 1;
                    continue;
                }
                *all += 1;
                if said.iter().flatten().any(|ours| agree(ours, text)) {
                    *same += 1;
                    continue;
                }
                let name = format!("{set} {} {}", record.id, record.browser);
                if !OTHERWISE.iter().any(|(known, _)| *known == name) {
                    wrong.push(format!("{name}\n  theirs {text}\n  ours   {said:?}"));
                }
            }
        }
        for (browser, (all, same, unseen)) in tally {
            println!(
                "console, {set} {browser}: {same} of {all} sentences equal, {unseen} of requests \
                 that left no trace"
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} wrong",
        wrong.join("\n"),
        wrong.len()
    );
}

#[test]
fn every_recorded_sentence_is_recognised() {
    let mut wrong = Vec::new();
    for line in include_str!("../corpus/console.tsv").lines() {
        let text = line.splitn(4, '\t').nth(3).unwrap();
        let told = report::recognise(text);
        let fine = told.is_some_and(|told| {
            let url = told.url.is_some_and(|url| text.contains(&url));
            let known = told.check.is_some();
            known && (url || !text.contains("://"))
        });
        if !fine {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Read back, our own sentences name the rule they were made of; Firefox has one for several.
#[test]
fn our_own_sentences_are_read_back() {
    for record in all_requests(SETS[0].1) {
        for diagnosis in diagnose_all(record.exchanges.clone(), None) {
            let fetch = report::fetch_to_json(&diagnosis, &Servers::default(), &record.exchanges);
            let (Some(cause), Some(text)) = (&diagnosis.cause, fetch["cause"]["console"].as_str())
            else {
                continue;
            };
            let told = report::recognise(text).unwrap_or_else(|| panic!("not recognised: {text}"));
            let named = fetch["cause"]["names"][&record.browser].as_str();
            let read = told.check.expect("a rule");
            let again = if record.browser == "chromium" {
                read.chromium_name(told.stage.unwrap_or(cause.stage))
            } else {
                read.firefox_name()
            };
            // A repeated line is Firefox's own reason; a net error is none of CORS.
            let repeated = named == Some("CORSMultipleAllowOriginNotAllowed");
            if named.is_some() && !repeated {
                assert_eq!(again, named, "{}: {text}", record.id);
            }
        }
    }
}
