//! Pairing and judging as events come: what changed is judged once per batch.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use foldhash::quality::RandomState;

use super::before::before;
use super::whole::Whole;
use crate::cors::{Browser, Outcome};
use crate::diagnose::{
    Diagnosis, Exchanges, FetchId, Moment, Pairer, Root, diagnose, is_plainly_exempt,
};
use crate::wire::{Exchange, ExchangeId, Origin, Source, Timestamp, is_loopback_host};

/// How many fetches are judged again at the end, when all siblings are known: so many with a cause,
/// and as many of the last that all rules were asked about.
const JUDGED_AGAIN_MAX: usize = 20_000;

/// How many fetches of one host are judged anew when something new is seen of it, and for how many hosts.
const OPEN_QUESTIONS_MAX: usize = 64;
const HOSTS_MAX: usize = 512;

/// Watches exchanges and keeps the marks right. Works the same for what happens now and for what is
/// read from a file.
pub(super) struct Judging {
    pairer: Pairer,
    changed: BTreeSet<FetchId>,
    with_cause: BTreeSet<FetchId>,
    /// The last fetches of each host whose verdict others may still change: those with a cause, and those
    /// that depend on what is not visible.
    questions: HashMap<String, BTreeSet<FetchId>, RandomState>,
    /// The last fetches of servers that seem to know nothing of CORS: the development server on this
    /// machine may still show that it has hidden that so far.
    masked: BTreeSet<FetchId>,
    /// The last fetches that all rules were asked about: nothing can change what was plain.
    asked: BTreeSet<FetchId>,
    imported: bool,
    /// Whether people see the verdicts as they come.
    live: bool,
}

impl Judging {
    pub(super) fn new(rules: Option<Browser>, live: bool) -> Self {
        Self {
            pairer: Pairer::new(rules),
            changed: BTreeSet::new(),
            with_cause: BTreeSet::new(),
            questions: HashMap::default(),
            masked: BTreeSet::new(),
            asked: BTreeSet::new(),
            imported: false,
            live,
        }
    }

    /// Whether a fetch is forgotten with the next exchange, opened then, that changed since it was
    /// judged: after a pause in what is read from a file, where the time in it runs faster than ours.
    pub(super) fn forgets_unjudged(&self, opened_at: Timestamp) -> bool {
        let mut forgotten = self.pairer.forgotten_at(opened_at);
        !self.changed.is_empty() && forgotten.any(|id| self.changed.contains(&id))
    }

    pub(super) fn opened(&mut self, exchange: &Exchange) {
        self.imported = exchange.source == Source::Har;
        let changed = self.pairer.observe(exchange, Moment::Opened);
        self.changed.extend(changed);
    }

    /// A response head came, or was changed by a trial fix.
    pub(super) fn answered(&mut self, exchange: &Exchange, whole: &Whole) {
        if whole.learn(exchange)
            && let Some(host) = Origin::text_of_url(&exchange.request.url)
        {
            if let Some(questions) = self.questions.get(&*host) {
                self.changed.extend(questions);
            }
            let on_loopback = || Origin::of_url(&host).is_some_and(|o| is_loopback_host(o.host()));
            if !self.masked.is_empty() && on_loopback() {
                self.changed.extend(&self.masked);
            }
        }
        let changed = self.pairer.observe(exchange, Moment::Answered);
        self.changed.extend(changed);
    }

    pub(super) fn closed(&mut self, exchange: &Exchange) {
        let changed = self.pairer.observe(exchange, Moment::Closed);
        self.changed.extend(changed);
    }

    /// A launched browser said what it did with an exchange.
    pub(super) fn said(&mut self, id: ExchangeId, whole: &Whole) {
        let known = self.pairer.fetch_of(id);
        self.changed
            .extend(known.or_else(|| whole.read().marks.mark(id).fetch));
    }

    /// Time passes; the time of an import is that of its entries.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if !self.imported {
            let changed = self.pairer.tick(now);
            self.changed.extend(changed);
        }
    }

    /// Nothing more will come. Roots and warnings may lie in something that came after the fetch was
    /// judged, so that is done once more.
    pub(super) fn finish(&mut self) {
        let changed = self.pairer.finish();
        self.changed.extend(changed);
        self.changed.append(&mut self.with_cause);
        self.changed.append(&mut self.asked);
    }

    /// Judges what changed; says whether anything did.
    pub(super) fn judge(&mut self, whole: &Whole) -> bool {
        let (mut diagnoses, mut exempt) = (Vec::new(), Vec::new());
        {
            let around = whole.around();
            for id in &self.changed {
                let known = self.pairer.fetch(*id).map(Cow::Borrowed);
                let Some(fetch) = known.or_else(|| whole.read().marks.fetch(*id).map(Cow::Owned))
                else {
                    continue;
                };
                // One fetch that cannot be judged must not end the recording of all others.
                let judged = catch_unwind(AssertUnwindSafe(|| {
                    if is_plainly_exempt(&fetch, whole) {
                        debug_assert!(is_exempt(&diagnose(&fetch, whole, &around)));
                        return None;
                    }
                    let was = before(&fetch, whole, &around).map(|d| d.outcome);
                    Some((diagnose(&fetch, whole, &around), was))
                }));
                match judged {
                    Ok(Some(diagnosis)) => diagnoses.push(diagnosis),
                    Ok(None) => exempt.push(fetch),
                    Err(_) => {}
                }
            }
        }
        let anything = !diagnoses.is_empty() || !exempt.is_empty();
        if anything {
            let live = self.live && !self.imported;
            let marks = &mut whole.write().marks;
            for fetch in &exempt {
                marks.set_exempt(fetch, live);
            }
            for (diagnosis, was) in &diagnoses {
                marks.set(diagnosis, *was, live);
            }
        }
        self.changed.clear();
        for (diagnosis, _) in &diagnoses {
            self.asked.insert(diagnosis.fetch.id);
            if diagnosis.cause.is_some() {
                self.with_cause.insert(diagnosis.fetch.id);
            }
            self.note_question(diagnosis, whole);
        }
        for kept in [&mut self.asked, &mut self.with_cause] {
            while kept.len() > JUDGED_AGAIN_MAX {
                kept.pop_first();
            }
        }
        anything
    }

    /// Remembers a fetch that later traffic of its host may throw another light on.
    fn note_question(&mut self, diagnosis: &Diagnosis, whole: &Whole) {
        let id = diagnosis.fetch.id;
        let failed = diagnosis.cause.as_ref().and_then(|c| c.exchange);
        let failed = failed.and_then(|id| whole.exchange(id));
        let urls = [
            Some(diagnosis.url.as_str()),
            failed.as_ref().map(|e| e.request.url.as_str()),
        ];
        let open = diagnosis.cause.is_some() || diagnosis.when_include.is_some();
        let branches = [&diagnosis.when_include, &diagnosis.when_not_include];
        let causes = branches.into_iter().flatten().map(|b| b.cause.as_ref());
        let masked = causes.chain([diagnosis.cause.as_ref()]).flatten();
        let mut roots = masked.filter_map(|cause| cause.root);
        if roots.any(|root| matches!(root, Root::CorsNotConfigured | Root::ThirdPartyApi)) {
            self.masked.insert(id);
            if self.masked.len() > OPEN_QUESTIONS_MAX {
                self.masked.pop_first();
            }
        } else {
            self.masked.remove(&id);
        }
        for host in urls.into_iter().flatten().filter_map(Origin::text_of_url) {
            let host = &*host;
            if !open {
                if let Some(questions) = self.questions.get_mut(host) {
                    questions.remove(&id);
                }
                continue;
            }
            if self.questions.len() >= HOSTS_MAX && !self.questions.contains_key(host) {
                self.questions.clear();
            }
            if !self.questions.contains_key(host) {
                self.questions.insert(host.to_owned(), BTreeSet::new());
            }
            let Some(questions) = self.questions.get_mut(host) else {
                continue;
            };
            questions.insert(id);
            if questions.len() > OPEN_QUESTIONS_MAX {
                questions.pop_first();
            }
        }
    }
}

/// Whether a diagnosis says no more than that a fetch is exempt.
fn is_exempt(diagnosis: &Diagnosis) -> bool {
    diagnosis.outcome == Outcome::Exempt
        && diagnosis.cause.is_none()
        && diagnosis.warnings.is_empty()
        && diagnosis.said.is_none()
}
