//! From a diagnosis to what a person is told.

use std::borrow::Cow;

use super::comparison::Comparison;
use super::console;
use super::facts::{Facts, shortened};
use super::mending::Mending;
use super::network;
use super::pages::{self, Field};
use super::told::told;
use crate::cors::{Certainty, Credentials, Outcome};
use crate::diagnose::{
    Branch, Cause, Diagnosis, Evidence, Exchanges, FetchId, Part, Root, Severity,
};
use crate::fix::{self, Advice, Fix};
use crate::wire::{ExchangeId, Patch, ResponseHead};

/// What a person is told about one fetch, in the screen's words, as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Which fetch.
    pub fetch: FetchId,
    /// What became of it.
    pub outcome: Outcome,
    /// The answer in one line.
    pub headline: String,
    /// Method and URL, as in `PUT https://api.app.test/v1/cart/7`.
    pub request: String,
    /// The page's origin, where the wire tells it.
    pub origin: Option<String>,
    /// CAUSE: one to three sentences.
    pub cause: String,
    /// What the browser's rule says, where the cause is something behind it.
    pub rule: Option<String>,
    /// How sure it is, and what else is wrong: short sentences below the cause.
    pub remarks: Vec<String>,
    /// Whether the browser's own note on it, where the capture has one, says otherwise.
    pub disputed: bool,
    /// PROOF: the bytes that prove it.
    pub proof: Vec<Proof>,
    /// What was found, laid beside what was needed.
    pub comparison: Option<Comparison>,
    /// FIX: steps and header lines.
    pub fix: Vec<FixLine>,
    /// CONSOLE: the sentence of the browser whose rules were applied.
    pub console: Option<String>,
    /// Whether the request itself was never sent.
    pub never_sent: bool,
    /// Id of the page that tells more.
    pub page: Option<&'static str>,
    /// What becomes of it with and without credentials, where that is unknown and differs.
    pub cases: Vec<Case>,
    /// What does not block but should be known.
    pub warnings: Vec<Note>,
    /// Which server it was and the fix in its own words, where [`Servers`](super::Servers) told.
    pub mending: Option<Mending>,
}

/// One line of proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The exchange it was seen in.
    pub exchange: ExchangeId,
    /// What it is: `status`, `header`, `body`, `request`, `asked`, `network`, `then`.
    pub label: &'static str,
    /// The header's name, if it is one.
    pub name: Option<String>,
    /// The value; `missing` where there is none.
    pub value: String,
    /// Why it matters, in a few words; may be empty.
    pub note: String,
    /// Whether it is what went wrong, and not what was asked for.
    pub bad: bool,
}

/// One line of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixLine {
    /// Something to do, in the order it should be done; header lines follow the step that says
    /// where they go.
    Step(String),
    /// A header line (or `status 204`) to add.
    Add(String),
    /// A header line to take away.
    Remove(String),
}

/// One of the two cases of an outcome that depends on the credentials mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Whether credentials are included in this case.
    pub include: bool,
    /// What becomes of it then.
    pub outcome: Outcome,
    /// Why, in one sentence.
    pub text: String,
    /// What would mend it then.
    pub fix: Vec<FixLine>,
}

/// A warning for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Stable id.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub title: String,
    /// What it means, in one or two sentences; empty where there is no page about it.
    pub text: String,
}

/// Puts a diagnosis into words. `fix` is [`fix::suggest`]'s answer for the same diagnosis.
pub fn explain(diagnosis: &Diagnosis, fix: Option<&Fix>, exchanges: &dyn Exchanges) -> Explanation {
    let facts = diagnosis
        .cause
        .as_ref()
        .map(|cause| Facts::new(diagnosis, cause, exchanges));
    let cause = facts.as_ref().map(|facts| facts.cause);
    let told = told(diagnosis, exchanges);
    let sentence = told.as_ref().and_then(|told| told.sentence.clone());
    let mut remarks = facts.as_ref().map(remarks).unwrap_or_default();
    remarks.extend(sentence);
    Explanation {
        fetch: diagnosis.fetch.id,
        outcome: diagnosis.outcome,
        headline: headline(diagnosis, facts.as_ref(), exchanges),
        request: format!("{} {}", diagnosis.method, diagnosis.url),
        origin: diagnosis.origin.clone(),
        cause: cause_text(diagnosis, facts.as_ref(), exchanges),
        rule: facts.as_ref().and_then(rule_text),
        remarks: testimony(diagnosis).chain(remarks).collect(),
        disputed: told.is_some_and(|told| told.agrees == Some(false))
            || diagnosis.disagreement.is_some(),
        proof: cause
            .map(|cause| proof(cause, exchanges))
            .unwrap_or_default(),
        comparison: cause.and_then(Comparison::of),
        fix: fix
            .map(|fix| fix_lines(fix, diagnosis, exchanges))
            .unwrap_or_default(),
        console: facts.as_ref().and_then(console::sentence),
        never_sent: diagnosis.fetch.members.iter().any(|m| m.never_sent),
        page: cause.map(page_id),
        cases: cases(diagnosis, exchanges),
        warnings: diagnosis.warnings.iter().map(note).collect(),
        mending: None,
    }
}

// Where the browser itself contradicts the verdict, and that nothing else decided it.
fn testimony(diagnosis: &Diagnosis) -> impl Iterator<Item = String> {
    let doubt = diagnosis
        .disagreement
        .as_ref()
        .map(|said| format!("DISAGREEMENT: {said} One of us is wrong; please report it."));
    doubt.into_iter()
}

/// The headline of a cause, as in the JSON.
pub(super) fn title_of(facts: &Facts<'_>) -> String {
    if let Some((title, _)) = network::refusal(facts) {
        return title.to_owned();
    }
    facts.fill(line_of(facts.cause, Field::Title))
}

/// The explanation of a cause, as in the JSON.
pub(super) fn explanation_of(facts: &Facts<'_>) -> String {
    if let Some((_, text)) = network::refusal(facts) {
        return text.to_owned();
    }
    let cause = facts.cause;
    let text = facts.fill(line_of(cause, Field::Explanation));
    let Some(root) = cause.root.filter(|root| !root.is_not_cors()) else {
        return text;
    };
    // Two headers are two layers: the mismatch has said that already.
    if root == Root::DuplicateCorsLayers && cause.sub == Some("duplicate-headers") {
        return text;
    }
    // A mismatch explains the value, the root behind it why it is there: both are worth saying.
    let stage = Some(cause.stage.name());
    let of_root = facts.fill(pages::of_root(root).line(Field::Explanation, stage, None));
    if of_root == text {
        text
    } else {
        format!("{text} {of_root}")
    }
}

fn line_of(cause: &Cause, field: Field) -> &'static str {
    pages::of_cause(field, cause.check, cause.stage, cause.root, cause.sub)
}

fn page_id(cause: &Cause) -> &'static str {
    cause.root.map_or(cause.check.id(), |root| root.id())
}

fn headline(diagnosis: &Diagnosis, facts: Option<&Facts<'_>>, exchanges: &dyn Exchanges) -> String {
    match facts {
        Some(facts) => title_of(facts),
        None => of_outcome(Field::Title, diagnosis, exchanges),
    }
}

fn cause_text(
    diagnosis: &Diagnosis,
    facts: Option<&Facts<'_>>,
    exchanges: &dyn Exchanges,
) -> String {
    match facts {
        Some(facts) => explanation_of(facts),
        None if diagnosis.is_of_no_browser() => format!(
            "{} {}",
            of_outcome(Field::Explanation, diagnosis, exchanges).trim_end(),
            "Only browsers enforce CORS: that is why a call works here, as it does in curl and Postman, \
             though a page may not make it."
        ),
        None => of_outcome(Field::Explanation, diagnosis, exchanges),
    }
}

fn of_outcome(field: Field, diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> String {
    let template = pages::of_outcome(field, diagnosis.outcome);
    pages::fill(template, |name| match name {
        "because" => Some(Cow::Borrowed(
            diagnosis
                .exempt_because
                .unwrap_or("it is not a cross-origin call of a page"),
        )),
        "status" => {
            let head = diagnosis.fetch.head()?;
            let answer = exchanges.exchange(head)?.delivered()?;
            Some(Cow::Owned(answer.status.to_string()))
        }
        _ => None,
    })
}

// The browser's rule, where the text tells what is behind it. An error answer speaks for itself.
fn rule_text(facts: &Facts<'_>) -> Option<String> {
    let cause = facts.cause;
    cause.root?;
    if network::refusal(facts).is_some() {
        return None;
    }
    if facts.answer.as_ref().is_some_and(|head| !head.is_ok()) {
        return None;
    }
    let stage = Some(cause.stage.name());
    let page = pages::of_check(cause.check);
    let text = facts.fill(page.line(Field::Explanation, stage, cause.sub));
    (!explanation_of(facts).contains(&text)).then_some(text)
}

fn remarks(facts: &Facts<'_>) -> Vec<String> {
    let cause = facts.cause;
    let mut remarks = Vec::new();
    match cause.certainty {
        Certainty::Certain => {}
        Certainty::Conditional => remarks.push(
            "Whether the page sends credentials is not visible in this capture; the reason depends on it."
                .to_owned(),
        ),
        Certainty::Inferred => remarks.push(
            "This is inferred from the signs below; the bytes do not prove it.".to_owned(),
        ),
    }
    remarks.extend(network::remark(facts));
    // Behind an error answer, everything would fail next: nobody meant it to allow anything.
    if facts.answer.as_ref().is_some_and(ResponseHead::is_ok) {
        let mut next: Vec<String> = Vec::new();
        for (check, stage) in &cause.next {
            let page = pages::of_check(*check);
            let title = facts.fill(page.line(Field::Title, Some(stage.name()), None));
            if !next.contains(&title) {
                next.push(title);
            }
        }
        if !next.is_empty() {
            remarks.push(format!(
                "Mended alone, it would fail next: {}.",
                next.join("; ")
            ));
        }
    }
    remarks
}

fn proof(cause: &Cause, exchanges: &dyn Exchanges) -> Vec<Proof> {
    cause
        .evidence
        .iter()
        .map(|evidence| proof_line(evidence, exchanges))
        .collect()
}

fn proof_line(evidence: &Evidence, exchanges: &dyn Exchanges) -> Proof {
    let (label, bad) = match evidence.part {
        Part::RequestLine => ("request", false),
        Part::RequestHeader => ("asked", false),
        Part::ResponseStatus => ("status", true),
        Part::ResponseHeader => ("header", true),
        Part::ResponseBody => ("body", true),
        Part::Connection => ("network", true),
        Part::Behaviour => ("then", false),
    };
    let value = match (&evidence.value, evidence.part) {
        (Some(status), Part::ResponseStatus) => with_reason(status, evidence.exchange, exchanges),
        (Some(value), Part::ResponseHeader | Part::RequestHeader) if value.is_empty() => {
            "(empty)".to_owned()
        }
        (Some(value), Part::ResponseBody) => {
            shortened(&value.split_whitespace().collect::<Vec<_>>().join(" "), 240)
        }
        (Some(value), _) => value.clone(),
        (None, Part::ResponseHeader | Part::RequestHeader) => "missing".to_owned(),
        (None, _) => String::new(),
    };
    let note = if evidence.note == value {
        String::new()
    } else {
        evidence.note.clone().into_owned()
    };
    Proof {
        exchange: evidence.exchange,
        label,
        name: evidence.name.clone().map(Cow::into_owned),
        value,
        note,
        bad,
    }
}

fn with_reason(status: &str, id: ExchangeId, exchanges: &dyn Exchanges) -> String {
    let sent = exchanges
        .exchange(id)
        .and_then(|e| e.response.as_ref()?.reason.clone())
        .filter(|reason| !reason.is_empty());
    let known = || {
        let code = http::StatusCode::from_bytes(status.as_bytes()).ok()?;
        code.canonical_reason().map(str::to_owned)
    };
    match sent.or_else(known) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_owned(),
    }
}

// The header lines stand right below the sentence that introduces them.
fn fix_lines(fix: &Fix, diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Vec<FixLine> {
    let mut lines: Vec<FixLine> = Vec::new();
    for advice in &fix.advice {
        lines.push(FixLine::Step(advice.text().to_owned()));
        let (patch, preflight) = match advice {
            Advice::Do(_) => continue,
            Advice::OnPreflight(_) => (&fix.preflight, true),
            Advice::OnActual(_) => (&fix.actual, false),
        };
        if let Some(patch) = patch {
            patch_lines(&mut lines, patch, fix, preflight, exchanges, diagnosis);
        }
    }
    let server = fix.preflight.is_some() || fix.actual.is_some();
    if server && diagnosis.credentials == Credentials::Unknown && !differ(diagnosis) {
        let answers = if fix.preflight.is_some() {
            "both answers"
        } else {
            "this answer"
        };
        lines.push(FixLine::Step(format!(
            "Only if the call includes credentials (cookies): send Access-Control-Allow-Credentials: \
             true on {answers} too."
        )));
    }
    lines
}

fn patch_lines(
    lines: &mut Vec<FixLine>,
    patch: &Patch,
    fix: &Fix,
    preflight: bool,
    exchanges: &dyn Exchanges,
    diagnosis: &Diagnosis,
) {
    let answer = diagnosis
        .fetch
        .exchanges()
        .filter_map(|id| exchanges.exchange(id))
        .find(|e| e.request.url == fix.url && e.request.is_preflight() == preflight)
        .and_then(|e| e.delivered());
    if let Some(status) = patch.status {
        if let Some(head) = &answer {
            lines.push(FixLine::Remove(format!("status {}", head.status)));
        }
        lines.push(FixLine::Add(format!("status {status}")));
    }
    let set = patch.set.iter().map(|(name, _)| name);
    for name in patch.remove.iter().chain(set) {
        let fields = answer.iter().flat_map(|head| head.headers.all(name));
        for field in fields {
            lines.push(FixLine::Remove(format!(
                "{name}: {}",
                shortened(&field.text(), 200)
            )));
        }
    }
    for (name, value) in patch.set.iter().chain(&patch.append) {
        lines.push(FixLine::Add(format!("{name}: {value}")));
    }
}

fn cases(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> Vec<Case> {
    let case = |include: bool, branch: &Option<Branch>| {
        let branch = branch.as_ref()?;
        let text = match &branch.cause {
            Some(cause) => explanation_of(&Facts::new(diagnosis, cause, exchanges)),
            None => pages::fill(
                pages::of_outcome(Field::Explanation, branch.outcome),
                |_| None,
            ),
        };
        let fix = fix::suggest_for(diagnosis, include, exchanges);
        Some(Case {
            include,
            outcome: branch.outcome,
            text,
            fix: fix
                .map(|fix| fix_lines(&fix, diagnosis, exchanges))
                .unwrap_or_default(),
        })
    };
    if !differ(diagnosis) {
        return Vec::new();
    }
    case(true, &diagnosis.when_include)
        .into_iter()
        .chain(case(false, &diagnosis.when_not_include))
        .collect()
}

// Only the fix differs: that is one line of advice, not two stories.
fn differ(diagnosis: &Diagnosis) -> bool {
    let told = |branch: &Option<Branch>| {
        let branch = branch.as_ref()?;
        let cause = branch.cause.as_ref();
        Some((
            branch.outcome,
            cause.map(|c| (c.check, c.stage, c.sub, c.root)),
        ))
    };
    told(&diagnosis.when_include) != told(&diagnosis.when_not_include)
}

fn note(warning: &crate::diagnose::Warning) -> Note {
    Note {
        id: warning.id,
        severity: warning.severity,
        title: warning_title(warning.id),
        text: pages::page(warning.id)
            .map(|page| page.line(Field::Explanation, None, None).to_owned())
            .unwrap_or_default(),
    }
}

/// The headline of a warning; its id in words where there is no page yet.
pub(super) fn warning_title(id: &str) -> String {
    match pages::page(id) {
        Some(page) => page.title().to_owned(),
        None => id.replace('-', " "),
    }
}
