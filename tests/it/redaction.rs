//! A redacted capture has the diagnosis of the original.

use std::sync::Arc;

use corscope::diagnose::{Cause, Diagnosis, diagnose_all};
use corscope::wire::{Exchange, RedactOptions, Redactor};

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
