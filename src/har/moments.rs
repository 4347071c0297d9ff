//! When what happened, by what a file says of its entries.

use std::collections::HashMap;

use super::shelf::Told;
use crate::wire::Timestamp;

/// When an entry opens, is answered and closes.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    pub(super) open: Timestamp,
    pub(super) answer: Timestamp,
    pub(super) close: Timestamp,
}

/// When each entry opens, is answered and closes. One without a readable start is told at the
/// moment of the entry before it.
pub(super) fn moments(told: &[Option<Told>]) -> Vec<Option<Moments>> {
    let mut latest = Timestamp(0);
    let brief = |index: usize| told[index].as_ref().map(|told| &told.brief);
    let mut moments: Vec<Option<Moments>> = (0..told.len())
        .map(|index| {
            let brief = brief(index)?;
            let started = brief.started.unwrap_or(latest);
            latest = started;
            Some(Moments {
                open: started,
                answer: started.plus_micros(brief.answered_micros),
                close: started.plus_micros(brief.total_micros),
            })
        })
        .collect();
    let mut by_url: HashMap<u64, Vec<usize>> = HashMap::new();
    for index in 0..told.len() {
        if let Some(brief) = brief(index)
            && brief.preflight
        {
            by_url.entry(brief.url).or_default().push(index);
        }
    }
    for index in 0..told.len() {
        let Some(brief) = brief(index) else { continue };
        let preflights = by_url.get(&brief.url);
        let Some(preflights) = preflights.filter(|_| !brief.preflight) else {
            continue;
        };
        if brief.may_be_unsent {
            continue;
        }
        let Some(own) = moments[index] else { continue };
        let sent = own.open.plus_micros(brief.held_micros);
        let within = preflights
            .iter()
            .filter(|at| told[**at].as_ref().is_some_and(|p| p.brief.asks_for(brief)))
            .filter_map(|at| moments[*at])
            .filter(|preflight| preflight.open >= own.open && preflight.open < sent)
            .map(|preflight| preflight.close)
            .max();
        if let (Some(preflight_end), Some(own)) = (within, &mut moments[index]) {
            own.open = sent.max(preflight_end.plus_micros(1));
            own.answer = own.answer.max(own.open);
            own.close = own.close.max(own.answer);
        }
    }
    moments
}
