//! Every fix, applied literally to the recorded answers, is judged again: it must mend the fetch, and
//! none of its lines may be left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use corscope::cors::{Browser, Check, Credentials, Outcome, Stage};
use corscope::diagnose::{Cause, Diagnosis, Exchanges, diagnose_all};
use corscope::fix::{Fix, Reach, suggest_for};
use corscope::wire::{
    Exchange, ExchangeId, HeaderList, HttpVersion, Origin, Patch, RequestHead, ResponseHead,
};
use url::Url;

use super::lines::{Which, without_each_line};
use crate::verdicts::{Recorded, all_requests};

const SETS: [(&str, &str); 5] = [
    ("curated", include_str!("../../corpus/curated.jsonl")),
    ("random", include_str!("../../corpus/random.jsonl")),
    ("sessions", include_str!("../../corpus/sessions.jsonl")),
    (
        "third-party cookies blocked",
        include_str!("../../corpus/third-party-cookies-blocked.jsonl"),
    ),
    (
        "local network checks on",
        include_str!("../../corpus/local-network-checks-on.jsonl"),
    ),
];

/// The exchanges after the fix: as the browser would have got them.
fn mended(diagnosis: &Diagnosis, fix: &Fix, exchanges: &[Arc<Exchange>]) -> Vec<Arc<Exchange>> {
    let members: Vec<ExchangeId> = diagnosis.fetch.exchanges().collect();
    let apply = |exchange: &Arc<Exchange>| {
        let mut exchange = Exchange::clone(exchange);
        if exchange.request.url == fix.url && members.contains(&exchange.id) {
            let patch = if exchange.request.is_preflight() {
                &fix.preflight
            } else {
                &fix.actual
            };
            exchange.response = match (exchange.response, patch) {
                (Some(head), Some(patch)) => Some(patch.apply(&head)),
                (head, _) => head,
            };
        }
        Arc::new(exchange)
    };
    exchanges.iter().map(apply).collect()
}

/// The request that follows once the preflight is answered well, with an answer that has nothing but
/// what the fix puts there.
fn following(preflight: &Exchange, patch: Option<&Patch>) -> Arc<Exchange> {
    let asked = &preflight.request.headers;
    let mut headers = HeaderList::new();
    for field in asked.iter() {
        if !field
            .name
            .to_ascii_lowercase()
            .starts_with("access-control-")
        {
            headers.push(field.name, field.value);
        }
    }
    let names = asked
        .get("access-control-request-headers")
        .unwrap_or_default();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let value = match name {
            "content-type" => "application/json",
            _ => "value",
        };
        headers.push(name, value.as_bytes());
    }
    let at = preflight.closed_at.unwrap().plus_micros(10);
    let request = RequestHead {
        method: asked.get("access-control-request-method").unwrap(),
        url: preflight.request.url.clone(),
        version: HttpVersion::Http11,
        headers: Arc::new(headers),
    };
    let mut exchange = Exchange::opened(ExchangeId(1_000_000), at, request);
    let head = ResponseHead {
        status: 200,
        reason: None,
        version: HttpVersion::Http11,
        headers: Arc::default(),
    };
    exchange.response = Some(patch.map_or(head.clone(), |patch| patch.apply(&head)));
    exchange.answered_at = Some(at);
    exchange.closed_at = Some(at);
    exchange.end = corscope::wire::End::Complete;
    Arc::new(exchange)
}

/// What becomes of the same fetch, were the answers these.
fn judge(
    diagnosis: &Diagnosis,
    include: bool,
    exchanges: Vec<Arc<Exchange>>,
) -> (Outcome, Option<Check>) {
    let first = diagnosis.fetch.exchanges().next();
    let again = diagnose_all(exchanges, Some(diagnosis.browser));
    let same = again
        .iter()
        .find(|d| d.fetch.exchanges().next() == first)
        .expect("the fetch is still there");
    in_mode(same, include)
}

/// Outcome and check in the credentials mode the page really used.
fn in_mode(diagnosis: &Diagnosis, include: bool) -> (Outcome, Option<Check>) {
    let branch = if include {
        &diagnosis.when_include
    } else {
        &diagnosis.when_not_include
    };
    let (outcome, cause) = match branch {
        Some(branch) => (branch.outcome, &branch.cause),
        None => (diagnosis.outcome, &diagnosis.cause),
    };
    (outcome, cause.as_ref().map(|cause| cause.check))
}

#[derive(Default)]
struct Figures {
    blocked: usize,
    mended: usize,
    out_of_reach: BTreeMap<&'static str, usize>,
    lines: usize,
    left_out: usize,
}

/// One blocked fetch.
struct Case<'a> {
    diagnosis: &'a Diagnosis,
    /// The mode the page really used.
    include: bool,
    exchanges: &'a Vec<Arc<Exchange>>,
}

impl Case<'_> {
    fn cause(&self) -> Option<&Cause> {
        let branch = if self.include {
            &self.diagnosis.when_include
        } else {
            &self.diagnosis.when_not_include
        };
        match branch {
            Some(branch) => branch.cause.as_ref(),
            None => self.diagnosis.cause.as_ref(),
        }
    }

    /// Why the fix of this fetch is not right, if it is not.
    fn check(&self, figures: &mut Figures) -> Result<(), String> {
        let cause = self.cause().ok_or("no cause")?;
        let Some(fix) = suggest_for(self.diagnosis, self.include, self.exchanges) else {
            return Err(format!("no fix for {}", cause.check));
        };
        if fix.advice.is_empty() {
            return Err("no advice".to_owned());
        }
        let nobody = self.nobody_can(cause);
        if (fix.reach == Reach::Server) == nobody.is_some() {
            return Err(format!("reach {} although {nobody:?}", fix.reach.name()));
        }
        if let Some(why) = nobody {
            *figures.out_of_reach.entry(why).or_default() += 1;
            return if fix.preflight.is_none() && fix.actual.is_none() {
                Ok(())
            } else {
                Err("edits out of reach".to_owned())
            };
        }
        self.is_no_wider_than_it_must(&fix)?;
        self.mends(cause, &fix)?;
        figures.mended += 1;
        figures.lines += super::lines::count(&fix);
        self.needs_every_line(&fix, figures)
    }

    /// The reasons for which no header of the server is right; from the wire, not from the engine.
    fn nobody_can(&self, cause: &Cause) -> Option<&'static str> {
        if !cause.check.is_cors() {
            return Some("not CORS");
        }
        let failed = self.exchanges.exchange(cause.exchange?)?;
        let request = &failed.request;
        if self.diagnosis.browser == Browser::Chromium
            && request.url.starts_with("https:")
            && failed.response.as_ref()?.status == 407
        {
            return Some("407 from a server");
        }
        let origin = request.headers.get("origin").unwrap_or_default();
        let is_foreign = |a: &str, b: &str| match (Origin::of_url(a), Origin::of_url(b)) {
            (Some(a), Some(b)) => !a.same_origin(&b),
            _ => false,
        };
        let location = failed
            .delivered()
            .filter(|head| cause.stage == Stage::Redirect && head.is_redirect())
            .and_then(|head| head.headers.get("location"))
            .and_then(|to| Url::parse(&request.url).ok()?.join(&to).ok());
        if let Some(to) = &location {
            if !to.username().is_empty() || to.password().is_some() {
                return Some("userinfo in a Location");
            }
            if !matches!(to.scheme(), "http" | "https") {
                return Some("foreign scheme in a Location");
            }
            let page = self.diagnosis.origin.clone().unwrap_or_default();
            let secure = page.starts_with("https:") && to.scheme() == "http";
            let here = ["localhost", "127.0.0.1"].contains(&to.host_str().unwrap_or_default());
            if secure && !here {
                return Some("not CORS");
            }
        }
        let ids: Vec<ExchangeId> = self.diagnosis.fetch.exchanges().collect();
        let chain: Vec<Arc<Exchange>> = ids
            .iter()
            .filter_map(|id| self.exchanges.exchange(*id))
            .collect();
        let after_detour = chain.iter().take_while(|e| e.id != failed.id).any(|e| {
            let own = e.request.headers.get("origin").unwrap_or_default();
            !e.request.is_preflight()
                && is_foreign(&e.request.url, &request.url)
                && is_foreign(&own, &e.request.url)
        });
        let next_is_null = location.is_some_and(|to| {
            is_foreign(to.as_str(), &request.url) && is_foreign(&origin, &request.url)
        });
        if origin == "null" || after_detour || next_is_null {
            return Some("null origin");
        }
        let asked = request.headers.get("access-control-request-headers");
        if asked.is_some_and(|names| names.contains("access-control-allow-")) {
            return Some("the client sends Access-Control-Allow-*");
        }
        let method = request.headers.get("access-control-request-method")?;
        let right = method.to_ascii_uppercase();
        let listed = failed
            .delivered()
            .and_then(|head| head.headers.get("access-control-allow-methods"))
            .unwrap_or_default();
        let lists = |name: &str| listed.split(',').any(|m| m.trim() == name);
        let known = right == "PATCH" || lists(&right);
        let granted = lists(&method) || (lists("*") && !self.include);
        (method != right && known && !granted).then_some("method in the wrong case")
    }

    /// Exact values, no `null`, no `*`, nothing granted that was neither asked for nor granted before.
    fn is_no_wider_than_it_must(&self, fix: &Fix) -> Result<(), String> {
        let origin = self.diagnosis.origin.as_deref().unwrap_or_default();
        for (which, patch) in [
            (Which::Preflight, &fix.preflight),
            (Which::Actual, &fix.actual),
        ] {
            let Some(patch) = patch else { continue };
            let answer = self.exchanges.iter().find(|e| {
                self.diagnosis.fetch.exchanges().any(|id| id == e.id)
                    && e.request.url == fix.url
                    && which.is_for(&e.request)
            });
            let before = answer.and_then(|e| e.delivered());
            let asked = |name: &str| {
                answer
                    .and_then(|e| e.request.headers.get(name))
                    .unwrap_or_default()
            };
            for (name, value) in &patch.set {
                let listed = before.as_ref().and_then(|head| head.headers.get(name));
                let listed = listed.unwrap_or_default().to_ascii_lowercase();
                let right = match name.as_str() {
                    "Access-Control-Allow-Origin" => value == origin,
                    "Access-Control-Allow-Credentials" => value == "true" && self.include,
                    "Access-Control-Allow-Methods" => value.split(", ").all(|method| {
                        method == asked("access-control-request-method")
                            || listed.contains(&method.to_ascii_lowercase())
                    }),
                    "Access-Control-Allow-Headers" => value.split(", ").all(|header| {
                        let header = header.to_ascii_lowercase();
                        let asked = asked("access-control-request-headers");
                        asked.split(',').any(|name| name == header) || listed.contains(&header)
                    }),
                    _ => false,
                };
                let star = value.split(", ").any(|item| item == "*" || item == "null");
                if !right || star {
                    return Err(format!("suggests {name}: {value} instead of {listed:?}"));
                }
            }
            let vary = [("Vary".to_owned(), "Origin".to_owned())];
            let computes = patch
                .set
                .iter()
                .any(|(name, _)| name == "Access-Control-Allow-Origin");
            if !(patch.append.is_empty() || patch.append == vary && computes) {
                return Err(format!("appends {:?}", patch.append));
            }
            if patch
                .status
                .is_some_and(|status| status != 204 || which == Which::Actual)
            {
                return Err(format!("status {:?} for {which:?}", patch.status));
            }
        }
        Ok(())
    }

    fn after(&self, fix: &Fix, cause: &Cause) -> (Outcome, Option<Check>) {
        let mut after = mended(self.diagnosis, fix, self.exchanges);
        let never_sent = self.diagnosis.fetch.members.iter().any(|m| m.never_sent);
        if never_sent && cause.stage == Stage::Preflight {
            // Which of two equal preflights a request belongs to cannot be told: this one is alone.
            let own = |e: &Arc<Exchange>| self.diagnosis.fetch.exchanges().any(|id| id == e.id);
            after.retain(|e| own(e) || e.request.url != fix.url);
            let preflight = after.iter().rfind(|e| own(e) && e.request.is_preflight());
            let next = following(preflight.expect("a preflight"), fix.actual.as_ref());
            after.push(next);
        }
        judge(self.diagnosis, self.include, after)
    }

    fn mends(&self, cause: &Cause, fix: &Fix) -> Result<(), String> {
        match self.after(fix, cause) {
            (Outcome::Allowed, _) => Ok(()),
            // The redirect may now be followed; where to, nobody has recorded.
            (Outcome::Pending, _) if cause.stage == Stage::Redirect => Ok(()),
            // An event source or a module wants more than to be readable.
            (Outcome::Blocked, Some(Check::WrongResourceType)) => Ok(()),
            (outcome, check) => Err(format!("it is {outcome} {check:?} after {fix:?}")),
        }
    }

    fn needs_every_line(&self, fix: &Fix, figures: &mut Figures) -> Result<(), String> {
        let seen = |which: Which| {
            self.diagnosis.fetch.exchanges().any(|id| {
                self.exchanges.exchange(id).is_some_and(|e| {
                    e.request.url == fix.url && which.is_for(&e.request) && e.response.is_some()
                })
            })
        };
        for (which, line, lesser) in without_each_line(fix) {
            // Lines of an answer nobody has seen cannot be weighed.
            if !seen(which) {
                continue;
            }
            figures.left_out += 1;
            let after = mended(self.diagnosis, &lesser, self.exchanges);
            let (outcome, _) = judge(self.diagnosis, self.include, after);
            if outcome != Outcome::Blocked {
                return Err(format!("{line} is not needed: without it {outcome}"));
            }
        }
        Ok(())
    }
}

/// The blocked fetches of a record, each with the mode the page really used, or with both where the
/// wire does not tell: the nth fetch of a URL is the nth request for it.
fn blocked(record: &Recorded, rules: Option<Browser>) -> Vec<(Diagnosis, bool)> {
    let mut nth: BTreeMap<String, usize> = BTreeMap::new();
    let mut blocked = Vec::new();
    for diagnosis in diagnose_all(record.exchanges.clone(), rules) {
        let nth = nth.entry(diagnosis.url.clone()).or_default();
        let mut asked = record
            .asked
            .iter()
            .filter(|asked| asked.url == diagnosis.url);
        let include = asked
            .nth(*nth)
            .map_or(record.include, |asked| asked.include);
        *nth += 1;
        for mode in [include, !include] {
            let possible = mode == include || diagnosis.credentials == Credentials::Unknown;
            if possible && in_mode(&diagnosis, mode).0 == Outcome::Blocked {
                blocked.push((diagnosis.clone(), mode));
            }
        }
    }
    blocked
}

#[test]
fn every_fix_mends_and_has_no_line_too_many() {
    let mut figures = Figures::default();
    let mut faults = Vec::new();
    for (set, lines) in SETS {
        for record in all_requests(lines) {
            for (diagnosis, include) in blocked(&record, None) {
                figures.blocked += 1;
                let case = Case {
                    diagnosis: &diagnosis,
                    include,
                    exchanges: &record.exchanges,
                };
                if let Err(why) = case.check(&mut figures) {
                    faults.push(format!("{set} {} {}: {why}", record.id, record.browser));
                }
            }
        }
    }
    let Figures {
        blocked,
        mended,
        out_of_reach,
        lines,
        left_out,
    } = figures;
    println!(
        "fixes: {blocked} blocked, {mended} mended by {lines} lines, {left_out} lines left out and \
         blocked again, {} beyond the server {out_of_reach:?}, {} faults",
        out_of_reach.values().sum::<usize>(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        mended >= 6000 && left_out >= 10_000,
        "the corpus has shrunk"
    );
}

#[test]
fn the_rules_of_the_browser_do_not_change_what_mends() {
    let mut figures = Figures::default();
    let mut faults = Vec::new();
    for record in all_requests(SETS[0].1) {
        for rules in [Browser::Chromium, Browser::Firefox] {
            for (diagnosis, include) in blocked(&record, Some(rules)) {
                let case = Case {
                    diagnosis: &diagnosis,
                    include,
                    exchanges: &record.exchanges,
                };
                if let Err(why) = case.check(&mut figures) {
                    faults.push(format!("{} {rules:?}: {why}", record.id));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
