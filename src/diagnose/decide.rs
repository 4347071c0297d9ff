//! The judgement of one fetch: both credentials modes against the rules and against what the browser
//! did next.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cors::{Browser, CaseEnd, Certainty, Check, Fault, Judgement, Outcome, Stage};
use crate::wire::{Exchange, ExchangeId, Failure, FailureKind};

use super::demand::{self, Demand};
use super::diagnosis::{Branch, Cause, Diagnosis};
use super::evidence;
use super::exchanges::Exchanges;
use super::expose::expose;
use super::fetch::{Fetch, FetchId};
use super::infer::{Class, initiator};
use super::modes::Judged;
use super::other;
use super::pair::{Moment, Pairer};
use super::root::Root;
use super::roots;
use super::steps::{HopSteps, Step, hops_of, is_unexpected_proxy_auth};
use super::subject::{Subject, credentials, page_of, stored_heads};
use super::subs;
use super::surroundings::Surroundings;
use super::testimony;
use super::warnings;

/// What became of a fetch, and why.
///
/// Where the credentials mode is not visible both are judged; what the browser did next rules out
/// those that it contradicts. `around` gives evidence from the rest of the session. Left out is what
/// only a fix needs to know, and which headers a same-origin script reads: [`diagnose_to_mend`].
pub fn diagnose(fetch: &Fetch, exchanges: &dyn Exchanges, around: &Surroundings) -> Diagnosis {
    diagnosed(fetch, exchanges, around, false)
}

/// As [`diagnose`], with what the fix of a fetch that failed has to cover beyond it
/// ([`Diagnosis::demand`]).
pub fn diagnose_to_mend(
    fetch: &Fetch,
    exchanges: &dyn Exchanges,
    around: &Surroundings,
) -> Diagnosis {
    diagnosed(fetch, exchanges, around, true)
}

fn diagnosed(
    fetch: &Fetch,
    exchanges: &dyn Exchanges,
    around: &Surroundings,
    to_mend: bool,
) -> Diagnosis {
    let hops = hops_of(fetch, exchanges);
    let page = page_of(&hops);
    let mut subject = Subject {
        fetch,
        browser: fetch.browser,
        hops: &hops,
        page,
        credentials: credentials(fetch, &hops, around),
        around,
        exchanges,
    };
    if let Some(diagnosis) = testimony::of_unsent(&subject) {
        return diagnosis;
    }
    let said = testimony::of(&subject);
    let stored = stored_heads(&subject);
    let mut judged = Judged::of(&subject, &stored);
    if let Some(said) = said.as_deref().or(testimony::noted(&subject).as_ref()) {
        judged.hear(said);
    }
    subject.credentials = judged.credentials;
    let mut diagnosis = blank(&subject);
    let last = subject.last().map(HopSteps::class);
    match last {
        None => return diagnosis,
        Some(Class::Exempt(why)) if judged.passes() => {
            diagnosis.exempt_because = Some(why);
            decide_exempt(&subject, &mut diagnosis);
        }
        Some(Class::NoCors) if judged.passes() => {
            decide(&subject, &mut diagnosis, &judged);
            if diagnosis.outcome == Outcome::Allowed {
                diagnosis.outcome = Outcome::Opaque;
            }
        }
        Some(_) => decide(&subject, &mut diagnosis, &judged),
    }
    // Same-origin script reads nearly all: no warning comes of it.
    if to_mend || diagnosis.outcome != Outcome::Exempt {
        expose(&subject, &stored, &mut diagnosis);
    }
    if to_mend {
        diagnosis.demand = demanded(&subject, &diagnosis);
    }
    diagnosis.warnings = warnings::of(&subject, &diagnosis);
    if let Some(said) = said {
        diagnosis.disagreement = testimony::disagreement(&subject, &diagnosis, &said);
        diagnosis.said = Some(said);
    }
    diagnosis
}

/// All of a finished capture at once: pairs and judges, ready to be mended. Fetches come in the order they began.
pub fn diagnose_all(exchanges: Vec<Arc<Exchange>>, rules: Option<Browser>) -> Vec<Diagnosis> {
    let mut around = Surroundings::new();
    let mut moments = Vec::with_capacity(exchanges.len() * 3);
    for exchange in &exchanges {
        moments.push((exchange.opened_at, exchange.id, Moment::Opened, exchange));
        if let Some(at) = exchange.answered_at {
            moments.push((at, exchange.id, Moment::Answered, exchange));
        }
        if let Some(at) = exchange.closed_at {
            moments.push((at, exchange.id, Moment::Closed, exchange));
        }
        around.learn(exchange);
    }
    moments.sort_by_key(|(at, id, moment, _)| (*at, *id, *moment));
    let mut pairer = Pairer::new(rules);
    let mut fetches: HashMap<FetchId, Fetch> = HashMap::new();
    let mut keep = |pairer: &Pairer, id: FetchId| {
        if let Some(fetch) = pairer.fetch(id) {
            fetches.insert(id, fetch.clone());
        }
    };
    for (_, _, moment, exchange) in moments {
        for id in pairer.observe(exchange, moment) {
            keep(&pairer, id);
        }
    }
    for id in pairer.finish() {
        keep(&pairer, id);
    }
    let by_id: HashMap<ExchangeId, Arc<Exchange>> =
        exchanges.into_iter().map(|e| (e.id, e)).collect();
    let mut fetches: Vec<Fetch> = fetches.into_values().collect();
    fetches.sort_unstable_by_key(|f| f.id);
    fetches
        .iter()
        .map(|fetch| diagnose_to_mend(fetch, &by_id, &around))
        .collect()
}

pub(super) fn blank(subject: &Subject<'_>) -> Diagnosis {
    let first = subject.hops.first();
    let step = first.and_then(HopSteps::head_step);
    let method = match first {
        Some(HopSteps {
            actual: None,
            ask: Some(ask),
            ..
        }) => ask.method.clone(),
        _ => step.map_or_else(String::new, |s| s.exchange.request.method.clone()),
    };
    let initiator = match (first, step) {
        (Some(hop), Some(step)) => initiator(&step.exchange, &hop.class()),
        _ => "other",
    };
    Diagnosis {
        fetch: subject.fetch.clone(),
        method,
        url: step.map_or_else(String::new, |s| s.exchange.request.url.clone()),
        origin: subject.page.clone(),
        initiator,
        browser: subject.browser,
        credentials: subject.credentials,
        outcome: Outcome::Pending,
        cause: None,
        when_include: None,
        when_not_include: None,
        demand: None,
        warnings: Vec::new(),
        exposed_headers: None,
        hidden_headers: Vec::new(),
        exposed_unless_included: Vec::new(),
        exempt_because: None,
        said: None,
        disagreement: None,
    }
}

/// What is asked of the endpoint that failed, where one did.
fn demanded(subject: &Subject<'_>, diagnosis: &Diagnosis) -> Option<Box<Demand>> {
    let branches = [&diagnosis.when_not_include, &diagnosis.when_include];
    let causes = branches.into_iter().flatten().map(|b| b.cause.as_ref());
    let failed = std::iter::once(diagnosis.cause.as_ref())
        .chain(causes)
        .flatten()
        .find_map(|cause| cause.exchange);
    let of_failed = |hop: &&HopSteps| {
        let steps = [&hop.preflight, &hop.actual];
        steps.into_iter().flatten().any(|s| Some(s.id()) == failed)
    };
    let hop = failed.and_then(|_| subject.hops.iter().find(of_failed));
    hop.map(|hop| Box::new(demand::of(subject, hop)))
}

fn decide_exempt(subject: &Subject<'_>, diagnosis: &mut Diagnosis) {
    diagnosis.outcome = Outcome::Exempt;
    let proxied = || {
        let browser = !diagnosis.is_of_no_browser();
        refused_as_proxy(subject).filter(|_| browser)
    };
    if let Some(cause) = failed_below_http(subject).or_else(proxied) {
        diagnosis.outcome = Outcome::Failed;
        diagnosis.cause = Some(cause);
        diagnosis.exempt_because = None;
    } else if let Some(cause) = other::same_origin_redirected(subject) {
        diagnosis.outcome = Outcome::Blocked;
        diagnosis.cause = Some(cause);
        diagnosis.exempt_because = None;
    }
}

fn decide(subject: &Subject<'_>, diagnosis: &mut Diagnosis, judged: &Judged) {
    match (&judged.include, &judged.not_include) {
        (Some(with), Some(without)) => {
            let no = branch(subject, without);
            let yes = branch_like(subject, with, &no, without);
            diagnosis.outcome = no.outcome;
            diagnosis.cause.clone_from(&no.cause);
            let waiting = !subject.fetch.settled && no.outcome == Outcome::Pending;
            if yes.outcome != no.outcome && !waiting {
                diagnosis.outcome = Outcome::Depends;
                diagnosis.cause = None;
            }
            if let (Some(cause), Some(other)) = (&mut diagnosis.cause, &yes.cause)
                && (cause.check, cause.stage) != (other.check, other.stage)
            {
                cause.certainty = Certainty::Conditional;
            }
            // The actual answer of a refused preflight was never seen: what it will need differs.
            let unseen = no.outcome == Outcome::Blocked
                && no
                    .cause
                    .as_ref()
                    .is_some_and(|c| c.stage == Stage::Preflight);
            if !waiting && (yes.outcome != no.outcome || with.faults != without.faults || unseen) {
                diagnosis.when_include = Some(yes);
                diagnosis.when_not_include = Some(no);
            }
        }
        (Some(one), None) | (None, Some(one)) => {
            let branch = branch(subject, one);
            diagnosis.outcome = branch.outcome;
            diagnosis.cause = branch.cause;
        }
        (None, None) => {}
    }
}

/// As [`branch`], where the other credentials mode has been judged already: the same first fault has the
/// same cause.
fn branch_like(
    subject: &Subject<'_>,
    judgement: &Judgement,
    known: &Branch,
    known_judgement: &Judgement,
) -> Branch {
    let same_end = judgement.end == known_judgement.end;
    if !same_end || judgement.first() != known_judgement.first() {
        return branch(subject, judgement);
    }
    let mut branch = known.clone();
    if let (Some(cause), Some((_, fault))) = (&mut branch.cause, judgement.first())
        && judgement.faults != known_judgement.faults
        && !is_refused_as_proxy(subject)
    {
        cause.next = next_of(fault, judgement);
    }
    branch
}

/// What would fail next, were this fault mended.
fn next_of(fault: &Fault, judgement: &Judgement) -> Vec<(Check, Stage)> {
    let mut next: Vec<(Check, Stage)> = Vec::new();
    for (_, other) in &judgement.faults {
        let known = (other.check, other.stage);
        if known != (fault.check, fault.stage) && !next.contains(&known) {
            next.push(known);
        }
    }
    next
}

fn branch(subject: &Subject<'_>, judgement: &Judgement) -> Branch {
    // Below CORS: the browser has not read the answer's other headers.
    if let Some(cause) = refused_as_proxy(subject) {
        return Branch {
            outcome: Outcome::Failed,
            cause: Some(cause),
        };
    }
    if let Some((hop, fault)) = judgement.first() {
        let below = [Check::NetworkError, Check::PreflightNetworkError];
        let outcome = if below.contains(&fault.check) {
            Outcome::Failed
        } else {
            Outcome::Blocked
        };
        return Branch {
            outcome,
            cause: Some(cause_of(subject, *hop, fault, judgement)),
        };
    }
    if let Some(cause) = failed_below_http(subject) {
        return Branch {
            outcome: Outcome::Failed,
            cause: Some(cause),
        };
    }
    if judgement.end == CaseEnd::Answered
        && let Some(cause) = other::blocked(subject)
    {
        return Branch {
            outcome: Outcome::Blocked,
            cause: Some(cause),
        };
    }
    if judgement.end == CaseEnd::AwaitsRedirect
        && subject.fetch.settled
        && let Some(cause) = other::policy_stopped_redirect(subject)
    {
        return Branch {
            outcome: Outcome::Blocked,
            cause: Some(cause),
        };
    }
    let outcome = match judgement.end {
        CaseEnd::Answered => Outcome::Allowed,
        CaseEnd::AwaitsRequest | CaseEnd::AwaitsRedirect | CaseEnd::AwaitsAnswer => {
            Outcome::Pending
        }
    };
    Branch {
        outcome,
        cause: None,
    }
}

fn cause_of(subject: &Subject<'_>, index: usize, fault: &Fault, judgement: &Judgement) -> Cause {
    let hop = &subject.hops[index];
    let step = match fault.stage {
        Stage::Preflight => hop.preflight.as_ref(),
        Stage::Actual | Stage::Redirect => hop.actual.as_ref(),
    };
    let mut cause = Cause {
        check: fault.check,
        stage: fault.stage,
        exchange: step.map(super::steps::Step::id),
        sub: None,
        root: None,
        also: Vec::new(),
        missing: fault.missing.clone(),
        next: next_of(fault, judgement),
        certainty: Certainty::Certain,
        evidence: Vec::new(),
        found: fault.found.clone(),
        needed: fault.needed.clone(),
        alignment: subs::alignment(fault),
        firefox_name: fault.firefox_name(),
    };
    let Some(step) = step else { return cause };
    cause.evidence = evidence::of_fault(step, fault, cause.alignment.as_ref());
    cause.sub = subs::of(step, fault);
    roots::find(subject, index, step, &mut cause);
    cause
}

/// The cause, where the last attempt got no answer at all.
fn failed_below_http(subject: &Subject<'_>) -> Option<Cause> {
    let (step, check, stage) = last_attempt(subject)?;
    let failure = step.failure()?;
    let proof = vec![evidence::of_failure(step, failure)];
    let mut cause = other::cause(check, stage, step, proof);
    cause.root = Some(Root::NetworkFailure);
    cause.certainty = certainty_of(failure);
    cause.firefox_name = check.firefox_name();
    Some(cause)
}

fn is_refused_as_proxy(subject: &Subject<'_>) -> bool {
    last_attempt(subject).is_some_and(|(step, ..)| is_unexpected_proxy_auth(subject.browser, step))
}

/// The cause, where Chromium takes the answer for that of a broken proxy.
fn refused_as_proxy(subject: &Subject<'_>) -> Option<Cause> {
    let (step, check, stage) = last_attempt(subject)?;
    is_unexpected_proxy_auth(subject.browser, step).then_some(())?;
    let proof = vec![evidence::of_status(
        step,
        "Chromium takes it for a broken proxy",
    )];
    let mut cause = other::cause(check, stage, step, proof);
    cause.root = Some(match stage {
        Stage::Preflight => Root::PreflightBlockedByAuth,
        Stage::Actual | Stage::Redirect => Root::AuthError,
    });
    cause.firefox_name = check.firefox_name();
    Some(cause)
}

fn last_attempt<'a>(subject: &'a Subject<'_>) -> Option<(&'a Step, Check, Stage)> {
    let hop = subject.last()?;
    match (&hop.actual, &hop.preflight) {
        (Some(actual), _) => Some((actual, Check::NetworkError, Stage::Actual)),
        (None, Some(preflight)) => {
            Some((preflight, Check::PreflightNetworkError, Stage::Preflight))
        }
        (None, None) => None,
    }
}

/// Browsers note `net::ERR_FAILED` for answers that they withheld too, Safari its reason for that: this
/// alone proves no broken connection.
fn certainty_of(failure: &Failure) -> Certainty {
    let vague = ["ERR_FAILED", "Access-Control-", "reflight response"];
    let has = |word: &&str| failure.detail.contains(*word);
    if failure.kind == FailureKind::Other && vague.iter().any(has) {
        Certainty::Inferred
    } else {
        Certainty::Certain
    }
}
