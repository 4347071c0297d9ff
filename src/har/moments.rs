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
        let Some(own) = moments[index] else { continue };
        if brief.may_be_unsent {
            // Files tell milliseconds: one that was made in that of its preflight was made before it.
            let together = preflights.iter().any(|at| {
                let preflight = told[*at].as_ref();
                preflight.is_some_and(|p| p.brief.asks_for(brief))
                    && moments[*at].is_some_and(|preflight| preflight.open == own.open)
            });
            if together {
                moments[index] = Some(Moments {
                    open: Timestamp(own.open.0 - 1),
                    ..own
                });
            }
            continue;
        }
        if !brief.counts_preflight {
            continue;
        }
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
    after_preflights(told, &by_url, &mut moments);
    moments
}

/// Firefox has a request begin when script made it, counts nothing while its preflight is under way, and
/// may have no `wait`: by its phases it was answered before the preflight was. So each preflight is that
/// of the last request made before it that ended after it.
fn after_preflights(
    told: &[Option<Told>],
    preflights: &HashMap<u64, Vec<usize>>,
    moments: &mut [Option<Moments>],
) {
    /// So many requests of one URL may be under way beside the one that a preflight is for.
    const BESIDE_MAX: usize = 32;
    let brief = |index: usize| told[index].as_ref().map(|told| &told.brief);
    let mut made: HashMap<u64, Vec<(Timestamp, usize)>> = HashMap::new();
    for (index, at) in moments.iter().enumerate() {
        if let (Some(at), Some(brief)) = (at, brief(index))
            && !brief.counts_preflight
            && !brief.preflight
            && brief.answered
            && preflights.contains_key(&brief.url)
        {
            made.entry(brief.url).or_default().push((at.open, index));
        }
    }
    for (url, mut made) in made {
        made.sort_unstable();
        let mut asked: Vec<(Moments, usize)> = preflights[&url]
            .iter()
            .filter_map(|index| Some((moments[*index]?, *index)))
            .collect();
        asked.sort_unstable_by_key(|(at, index)| (at.open, *index));
        for (preflight, index) in asked {
            let Some(asks) = brief(index) else { continue };
            let before = made.partition_point(|(open, _)| *open <= preflight.open);
            let from = before.saturating_sub(BESIDE_MAX);
            let of = (from..before).rev().find(|at| {
                let (_, index) = made[*at];
                brief(index).is_some_and(|request| asks.asks_for(request))
                    && moments[index].is_some_and(|at| at.close >= preflight.close)
            });
            let Some(at) = of else { continue };
            // It has its preflight, another is not its.
            let (_, index) = made.remove(at);
            if let Some(own) = &mut moments[index] {
                own.open = own.open.max(preflight.close.plus_micros(1));
                own.answer = own.answer.max(own.open);
                own.close = own.close.max(own.answer);
            }
        }
    }
}
