//! A fetch judged in both credentials modes, less those that the browser's behaviour rules out.

use crate::cors::{Case, Credentials, Hop, Judgement, judge};
use crate::wire::{HeaderList, Said};

use super::subject::{Subject, hop_case};
use super::testimony;

/// Both credentials modes, judged, less those that the browser's behaviour rules out.
pub(super) struct Judged {
    pub(super) credentials: Credentials,
    pub(super) include: Option<Judgement>,
    pub(super) not_include: Option<Judgement>,
}

impl Judged {
    pub(super) fn of(subject: &Subject<'_>, stored: &[Option<HeaderList>]) -> Self {
        let hops: Vec<Hop<'_>> = subject
            .hops
            .iter()
            .enumerate()
            .filter_map(|(index, hop)| hop_case(subject, index, hop, stored))
            .collect();
        let run = |include| {
            judge(&Case {
                browser: subject.browser,
                include,
                page: subject.page.as_deref(),
                hops: &hops,
            })
        };
        let (mut include, mut not_include) = match subject.credentials {
            Credentials::Include => (Some(run(true)), None),
            Credentials::NotInclude => (None, Some(run(false))),
            Credentials::Unknown => (Some(run(true)), Some(run(false))),
        };
        if let (Some(with), Some(without)) = (&include, &not_include) {
            if with.contradictions > without.contradictions {
                include = None;
            } else if with.contradictions < without.contradictions {
                not_include = None;
            }
        }
        let mut judged = Self {
            credentials: Credentials::Unknown,
            include,
            not_include,
        };
        judged.settle();
        judged
    }

    fn settle(&mut self) {
        self.credentials = match (&self.include, &self.not_include) {
            (Some(_), None) => Credentials::Include,
            (None, Some(_)) => Credentials::NotInclude,
            _ => Credentials::Unknown,
        };
    }

    /// Drops the credentials mode in which the browser would not have done what it says it did. Where
    /// it would have in neither, both stay: that is a disagreement.
    pub(super) fn hear(&mut self, said: &Said) {
        let (Some(with), Some(without)) = (&self.include, &self.not_include) else {
            return;
        };
        let fits = |judgement: &Judgement| {
            testimony::fits(said, judgement.first().map(|(_, fault)| fault))
        };
        match (fits(with), fits(without)) {
            (Some(true), Some(false)) => self.not_include = None,
            (Some(false), Some(true)) => self.include = None,
            _ => {}
        }
        self.settle();
    }

    pub(super) fn passes(&self) -> bool {
        [&self.include, &self.not_include]
            .into_iter()
            .flatten()
            .all(|j| j.faults.is_empty())
    }
}
