//! A redacted capture has the diagnosis of the original.

use std::sync::Arc;

use corscope::diagnose::{Cause, Diagnosis, diagnose_all};
use corscope::wire::{Exchange, RedactOptions, Redactor};

use crate::support::Home;
use crate::verdicts::all_requests;

/// What must be the same, in one line: everything but the values that were hidden.
pub(crate) fn gist(diagnosis: &Diagnosis) -> String {
    let cause = |cause: &Option<Cause>| {
        cause.as_ref().map(|cause| {
            let evidence: Vec<_> = cause
                .evidence
                .iter()
                .map(|e| (e.exchange, e.part, e.name.clone(), e.value.is_some()))
                .collect();
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {evidence:?}",
                cause.check,
                cause.stage,
                cause.exchange,
                cause.sub,
                cause.root,
                cause.missing,
                cause.next,
                cause.certainty,
            )
        })
    };
    let branch = |branch: &Option<corscope::diagnose::Branch>| {
        branch.as_ref().map(|b| (b.outcome, cause(&b.cause)))
    };
    let warnings: Vec<_> = diagnosis
        .warnings
        .iter()
        .map(|w| (w.id, w.severity))
        .collect();
    format!(
        "{:?} {} {:?} {} {:?} {:?} {:?} | {:?} | {:?} | {:?} | {warnings:?} {:?} {:?} {:?}",
        diagnosis.fetch,
        diagnosis.method,
        diagnosis.origin,
        diagnosis.initiator,
        diagnosis.browser,
        diagnosis.credentials,
        diagnosis.outcome,
        cause(&diagnosis.cause),
        branch(&diagnosis.when_include),
        branch(&diagnosis.when_not_include),
        diagnosis.exposed_headers,
        diagnosis.hidden_headers,
        diagnosis.exempt_because,
    )
}

#[test]
fn the_diagnosis_survives_redaction() {
    let redactor = Redactor::new(&RedactOptions {
        emails: true,
        ..RedactOptions::default()
    })
    .expect("no patterns");
    let mut fetches = 0;
    let mut changed = 0;
    for lines in [
        include_str!("../corpus/curated.jsonl"),
        include_str!("../corpus/random.jsonl"),
        include_str!("../corpus/sessions.jsonl"),
    ] {
        for record in all_requests(lines) {
            let redacted: Vec<Arc<Exchange>> = record
                .exchanges
                .iter()
                .map(|exchange| Arc::new(redactor.exchange(exchange)))
                .collect();
            changed += usize::from(redacted != record.exchanges);
            let whole: Vec<String> = diagnose_all(record.exchanges, None)
                .iter()
                .map(gist)
                .collect();
            let without: Vec<String> = diagnose_all(redacted, None).iter().map(gist).collect();
            assert_eq!(whole, without, "{} {}", record.id, record.browser);
            fetches += whole.len();
        }
    }
    println!("{fetches} fetches; secrets in {changed} scenarios");
    assert!(fetches > 1000 && changed > 100);
}

/// The only pseudonym of a file with one secret.
fn pseudonym(home: &Home, args: &[&str]) -> String {
    let done = home.run(args);
    assert!(matches!(done.status, Some(0 | 1)), "{args:?}: {done:?}");
    let at = done.stdout.find("redacted-").expect("something was hidden");
    done.stdout[at..]
        .chars()
        .take("redacted-".len() + 10)
        .collect()
}

#[test]
fn papers_of_one_capture_have_the_same_pseudonyms() {
    let home = Home::new();
    let har = r#"{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/?token=hunter2hunter2"},
        "response":{"status":200}}]}}"#;
    std::fs::write(home.at("x.har"), har).unwrap();
    std::fs::write(home.at("y.har"), har).unwrap();
    let har = pseudonym(&home, &["export", "x.har", "--to", "har"]);
    assert_eq!(
        har,
        pseudonym(&home, &["export", "x.har", "--to", "ndjson"])
    );
    assert_eq!(har, pseudonym(&home, &["redact", "./x.har"]));
    assert_eq!(
        har,
        pseudonym(&home, &["diagnose", "x.har", "--format", "json"])
    );
    // Nobody can tell from two captures that they share a secret.
    assert_ne!(har, pseudonym(&home, &["redact", "y.har"]));
    // Another person with the same file cannot make them, so nobody can try secrets.
    let other = ["redact", "x.har", "--data-dir", "other"];
    assert_ne!(har, pseudonym(&home, &other));
    let key = home.at("other/pseudonyms.key");
    let made = std::fs::read(&key).unwrap();
    assert_eq!(made.len(), 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(pseudonym(&home, &other), pseudonym(&home, &other));
    // Where no key can be kept there are pseudonyms all the same.
    std::fs::remove_file(&key).unwrap();
    std::fs::create_dir(&key).unwrap();
    assert_ne!(pseudonym(&home, &other), pseudonym(&home, &other));
}
