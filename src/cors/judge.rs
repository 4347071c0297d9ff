//! A whole fetch against the rules: case in, judgement out.

use super::cause::{Check, Stage};
use super::check::{Asker, Fault, cors_check};
use super::preflight::{Answer, Ask, preflight_check};
use super::redirect::{REDIRECTS_MAX, conflicting_locations, redirect_check};
use super::request::Mode;
use super::verdict::Browser;

/// Everything the rules need to know of one fetch.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Whose rules.
    pub browser: Browser,
    /// Whether the credentials mode is `include`.
    pub include: bool,
    /// The origin of the page, as serialised, where it is known: mixed content depends on it.
    pub page: Option<&'a str>,
    /// The requests in order: one, and one more for each redirect.
    pub hops: &'a [Hop<'a>],
}

/// One request of a fetch with its preflight.
#[derive(Clone, Debug)]
pub struct Hop<'a> {
    /// Its URL.
    pub url: &'a str,
    /// What the rules have to do with it.
    pub mode: Mode,
    /// The origin it is made for, as serialised in its own `Origin`.
    pub origin: &'a str,
    /// Its preflight, where one was answered.
    pub preflight: Option<Preflight<'a>>,
    /// Its answer, where there is one.
    pub answer: Option<Reply<'a>>,
}

/// An answered preflight.
#[derive(Clone, Debug)]
pub struct Preflight<'a> {
    /// Its own `Origin`: after a redirect Firefox sends the page's although the request has `null`.
    pub origin: &'a str,
    /// What it asks for.
    pub ask: &'a Ask,
    /// The answer.
    pub reply: Reply<'a>,
}

/// An answer, and whether the browser took it.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The answer.
    pub answer: Answer<'a>,
    /// Whether what the browser did next shows that it accepted the answer: the request followed its
    /// preflight, the next hop followed the redirect. The wire beats the rules.
    pub accepted: bool,
}

/// What the rules say of a [`Case`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Everything that is wrong, with the index of its hop; the first is the one that blocks. The
    /// rules go on after a fault as if it had passed, so that all can be mended at once.
    pub faults: Vec<(usize, Fault)>,
    /// Where the case ends.
    pub end: CaseEnd,
    /// How many answers the rules would refuse although the browser accepted them: this case's
    /// assumptions (credentials) are wrong, or the model is.
    pub contradictions: usize,
}

/// The last thing a [`Case`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseEnd {
    /// A final answer.
    Answered,
    /// A preflight without its request.
    AwaitsRequest,
    /// A redirect without its next hop.
    AwaitsRedirect,
    /// A request without an answer.
    AwaitsAnswer,
}

/// Applies the rules in the standard's order
/// ([Fetch § HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch)): for each hop its
/// preflight, the CORS check of its answer, then whether it may be redirected there.
pub fn judge(case: &Case<'_>) -> Judgement {
    let mut out = Judgement {
        faults: Vec::new(),
        end: CaseEnd::AwaitsAnswer,
        contradictions: 0,
    };
    for (index, hop) in case.hops.iter().enumerate() {
        out.end = CaseEnd::AwaitsAnswer;
        let asker = |origin| Asker {
            browser: case.browser,
            origin,
            include: case.include,
        };
        if let Some(preflight) = &hop.preflight {
            let asker = asker(preflight.origin);
            let answer = preflight.reply.answer;
            let faults = match conflicting_locations(answer) {
                Some(both) => {
                    vec![Fault::new(Check::PreflightNetworkError, Stage::Preflight).found(both)]
                }
                None => preflight_check(asker, preflight.ask, answer),
            };
            out.add(index, faults, preflight.reply.accepted);
            if hop.answer.is_none() && !preflight.reply.accepted {
                out.end = CaseEnd::AwaitsRequest;
            }
        }
        if let Some(reply) = &hop.answer {
            let answer = reply.answer;
            let redirect = answer.is_redirect(case.browser);
            let stage = if redirect {
                Stage::Redirect
            } else {
                Stage::Actual
            };
            if let Some(both) = conflicting_locations(answer) {
                let fault = Fault::new(Check::NetworkError, stage).found(both);
                out.add(index, vec![fault], reply.accepted);
                continue;
            }
            let mut faults = Vec::new();
            if hop.mode == Mode::Cors {
                faults = cors_check(asker(hop.origin), answer.headers, stage);
            }
            faults.extend(redirect_check(
                case.browser,
                hop.url,
                hop.mode,
                case.page,
                answer,
            ));
            if redirect && index >= REDIRECTS_MAX && hop.mode != Mode::Exempt {
                faults.push(Fault::new(Check::InvalidRedirect, Stage::Redirect));
            }
            out.add(index, faults, reply.accepted);
            out.end = if redirect {
                CaseEnd::AwaitsRedirect
            } else {
                CaseEnd::Answered
            };
        }
    }
    out
}

impl Judgement {
    fn add(&mut self, hop: usize, faults: Vec<Fault>, accepted: bool) {
        if !accepted {
            self.faults.extend(faults.into_iter().map(|f| (hop, f)));
        } else if !faults.is_empty() {
            self.contradictions += 1;
        }
    }

    /// The fault that blocks, if one does.
    pub fn first(&self) -> Option<&(usize, Fault)> {
        self.faults.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HeaderList;

    fn one_hop(include: bool, accepted: bool, preflight: &HeaderList) -> Judgement {
        let ask = Ask {
            method: "PUT".into(),
            headers: vec![],
        };
        let reply = Reply {
            answer: Answer {
                status: 204,
                headers: preflight,
            },
            accepted,
        };
        let origin = "https://app.test";
        let hops = [Hop {
            url: "https://api.test/",
            mode: Mode::Cors,
            origin,
            preflight: Some(Preflight {
                origin,
                ask: &ask,
                reply,
            }),
            answer: None,
        }];
        judge(&Case {
            browser: Browser::Chromium,
            include,
            page: Some(origin),
            hops: &hops,
        })
    }

    #[test]
    fn behaviour_beats_the_rules() {
        let star = HeaderList::from_pairs([
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "PUT"),
        ]);
        assert!(one_hop(false, false, &star).faults.is_empty());
        assert_eq!(
            one_hop(false, false, &star).end,
            CaseEnd::AwaitsRequest,
            "nothing followed yet"
        );
        let refused = one_hop(true, false, &star);
        assert_eq!(
            refused.first().map(|(_, f)| f.check),
            Some(Check::WildcardOriginNotAllowed)
        );
        let contradicted = one_hop(true, true, &star);
        assert!(contradicted.faults.is_empty());
        assert_eq!(contradicted.contradictions, 1);
    }
}
