//! The whole picture of a capture: per server, which endpoint did what for which page, and what of
//! the deployment checklist the capture shows to be right, wrong, or not at all.

mod checklist;

use self::checklist::{Facts, RULES, Rule, broken};
use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, FetchId, Role, template_of};
use crate::wire::{Exchange, ExchangeId, Origin, is_loopback_host};

/// How something came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The capture does not show it.
    #[default]
    NotSeen,
    /// Right, every time it was seen.
    Right,
    /// Depends on the credentials mode, which was not visible.
    Unsure,
    /// Wrong at least once.
    Wrong,
}

impl Shown {
    /// The glyph that carries it where colour cannot.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::NotSeen => "·",
            Self::Right => "✔",
            Self::Unsure => "?",
            Self::Wrong => "✖",
        }
    }
}

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In which fetch.
    pub fetch: FetchId,
    /// In which exchange.
    pub exchange: ExchangeId,
}

/// One kind of answer of an endpoint to one page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How it came out.
    pub shown: Shown,
    /// Whether it was right at other times: the answers differ.
    pub mixed: bool,
    /// The newest answer that speaks for `shown`.
    pub proof: Option<Seen>,
    /// Its status.
    pub status: Option<u16>,
}

/// The kinds of answers, in the order of [`Endpoint::coverage`].
pub const KINDS: [&str; 3] = ["preflight", "success", "error"];

/// A method and a path, numbers and ids in it as `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Per page (as in [`Server::pages`]): preflight, success, error.
    pub coverage: Vec<[Coverage; 3]>,
}

/// One item of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What should be so.
    pub title: &'static str,
    /// How it came out.
    pub shown: Shown,
    /// Where it was seen to be wrong, else where it was seen to be right.
    pub proof: Option<Seen>,
    /// The id of what is wrong; empty where nothing is.
    pub id: &'static str,
}

/// One server, by its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `https://api.app.test:8443`.
    pub origin: String,
    /// The origins of the pages that called it, in the order of first sighting.
    pub pages: Vec<String>,
    /// The endpoints that were called across origins.
    pub endpoints: Vec<Endpoint>,
    /// The deployment checklist.
    pub checklist: Vec<Item>,
}

/// The whole picture: one server after the other, those with faults first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// The servers that pages of other origins called.
    pub servers: Vec<Server>,
}

impl Whole {
    /// Takes a fetch into account. Calls to the page's own origin, and what is no call of a page, do
    /// not count.
    pub fn add(&mut self, diagnosis: &Diagnosis, exchanges: &dyn Exchanges) {
        let (Some(page), Some(server)) = (&diagnosis.origin, Origin::of_url(&diagnosis.url)) else {
            return;
        };
        if matches!(diagnosis.outcome, Outcome::Exempt | Outcome::Pending) {
            return;
        }
        let https = server.scheme() == "https" && !is_loopback_host(server.host());
        let origin = server.to_string();
        let known = self.servers.iter().position(|s| s.origin == origin);
        let at = known.unwrap_or_else(|| {
            self.servers.push(Server::new(origin));
            self.servers.len() - 1
        });
        let server = &mut self.servers[at];
        let known = server.pages.iter().position(|p| p == page);
        let page = known.unwrap_or_else(|| {
            server.pages.push(page.clone());
            server.pages.len() - 1
        });
        let last = |role: Role| {
            let members = diagnosis.fetch.members.iter().rev();
            let member = members.into_iter().find(|m| m.role == role);
            exchanges.exchange(member?.exchange?)
        };
        let (preflight, actual) = (last(Role::Preflight), last(Role::Actual));
        let facts = Facts {
            diagnosis,
            preflight: preflight.as_deref(),
            actual: actual.as_deref(),
            https,
        };
        server.cover(page, &facts);
        server.check(&facts);
    }

    /// Those with faults first; endpoints by path.
    pub fn sort(&mut self) {
        for server in &mut self.servers {
            let pages = server.pages.len();
            for endpoint in &mut server.endpoints {
                endpoint.coverage.resize(pages, Default::default());
            }
            server
                .endpoints
                .sort_by(|a, b| (&a.path, &a.method).cmp(&(&b.path, &b.method)));
        }
        self.servers.sort_by_key(|s| std::cmp::Reverse(s.faults()));
    }
}

impl Server {
    fn new(origin: String) -> Self {
        let item = |rule: &Rule| Item {
            title: rule.title,
            shown: Shown::NotSeen,
            proof: None,
            id: "",
        };
        Self {
            origin,
            pages: Vec::new(),
            endpoints: Vec::new(),
            checklist: RULES.iter().map(item).collect(),
        }
    }

    /// How many items of the checklist are wrong.
    pub fn faults(&self) -> usize {
        let wrong = self.checklist.iter().filter(|i| i.shown == Shown::Wrong);
        wrong.count()
    }

    fn cover(&mut self, page: usize, facts: &Facts<'_>) {
        let diagnosis = facts.diagnosis;
        let path = template_of(&diagnosis.url);
        let is = |e: &Endpoint| e.method == diagnosis.method && e.path == path;
        let at = self.endpoints.iter().position(is).unwrap_or_else(|| {
            self.endpoints.push(Endpoint {
                method: diagnosis.method.clone(),
                path,
                coverage: Vec::new(),
            });
            self.endpoints.len() - 1
        });
        let coverage = &mut self.endpoints[at].coverage;
        if coverage.len() <= page {
            coverage.resize(page + 1, Default::default());
        }
        let here = |exchange: &Exchange, fine: Shown| {
            let cause = diagnosis.cause.as_ref();
            let at_fault = cause.is_some_and(|c| c.exchange == Some(exchange.id));
            if at_fault { Shown::Wrong } else { fine }
        };
        let fine = match diagnosis.outcome {
            Outcome::Allowed => Shown::Right,
            Outcome::Depends => Shown::Unsure,
            Outcome::Blocked => Shown::Wrong,
            _ => Shown::NotSeen,
        };
        if let Some(preflight) = facts.preflight {
            let blocked = diagnosis.outcome == Outcome::Blocked;
            let fine = if blocked { Shown::Right } else { fine };
            coverage[page][0].add(diagnosis, preflight, here(preflight, fine));
        }
        if let Some(actual) = facts.actual {
            let kind = if facts.failed() { 2 } else { 1 };
            coverage[page][kind].add(diagnosis, actual, here(actual, fine));
        }
    }

    fn check(&mut self, facts: &Facts<'_>) {
        let diagnosis = facts.diagnosis;
        let seen = |exchange: Option<ExchangeId>| {
            let exchange = exchange.or_else(|| diagnosis.fetch.head())?;
            Some(Seen {
                fetch: diagnosis.fetch.id,
                exchange,
            })
        };
        for (rule, item) in RULES.iter().zip(&mut self.checklist) {
            if let Some((id, exchange)) = broken(rule, facts) {
                item.shown = Shown::Wrong;
                item.id = id;
                item.proof = seen(exchange);
            } else if item.shown == Shown::NotSeen && (rule.seen_with)(facts) {
                item.shown = Shown::Right;
                item.proof = seen(None);
            }
        }
    }
}

impl Coverage {
    fn add(&mut self, diagnosis: &Diagnosis, exchange: &Exchange, shown: Shown) {
        if shown == Shown::NotSeen {
            return;
        }
        let both = [self.shown, shown];
        self.mixed |= both.contains(&Shown::Right) && both.contains(&Shown::Wrong);
        let worse = |s: Shown| match s {
            Shown::NotSeen => 0,
            Shown::Right => 1,
            Shown::Unsure => 2,
            Shown::Wrong => 3,
        };
        if worse(shown) >= worse(self.shown) {
            self.shown = shown;
            self.status = exchange.response.as_ref().map(|r| r.status);
            self.proof = Some(Seen {
                fetch: diagnosis.fetch.id,
                exchange: exchange.id,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnose::diagnose_all;
    use crate::wire::{End, HeaderList, HttpVersion, RequestHead, ResponseHead, Timestamp};

    #[test]
    fn every_id_of_the_checklist_has_a_page() {
        for id in RULES.iter().flat_map(|r| r.broken_by) {
            assert!(super::super::page(id).is_some(), "no page about {id}");
        }
    }

    fn call(id: u64, page: &str, path: &str, status: u16, allow: Option<&str>) -> Arc<Exchange> {
        let head = RequestHead {
            method: "GET".into(),
            url: format!("https://api.test{path}"),
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs([
                ("origin", page),
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
                (
                    "user-agent",
                    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
                ),
            ])),
        };
        let mut exchange = Exchange::opened(ExchangeId(id), Timestamp(id as i64 * 1000), head);
        let credentials = ("access-control-allow-credentials", "true");
        let allow = allow.map(|a| ("access-control-allow-origin", a));
        let headers = allow.into_iter().chain([credentials, ("vary", "Origin")]);
        exchange.response = Some(ResponseHead {
            status,
            reason: None,
            version: HttpVersion::Http2,
            headers: Arc::new(HeaderList::from_pairs(headers)),
        });
        exchange.answered_at = Some(Timestamp(id as i64 * 1000 + 10));
        exchange.closed_at = Some(Timestamp(id as i64 * 1000 + 20));
        exchange.end = End::Complete;
        Arc::new(exchange)
    }

    #[test]
    fn drift_between_endpoints_pages_and_errors_is_seen() {
        let app = "https://app.test";
        let exchanges = vec![
            call(1, app, "/v1/cart/7", 200, Some(app)),
            call(2, app, "/v1/cart/8", 500, None),
            call(3, "https://www.app.test", "/v1/cart/9", 200, Some(app)),
            call(4, app, "/v1/ok", 200, Some(app)),
        ];
        let mut whole = Whole::default();
        for diagnosis in diagnose_all(exchanges.clone(), None) {
            whole.add(&diagnosis, &exchanges);
        }
        whole.sort();
        let server = &whole.servers[0];
        assert_eq!(server.pages, [app, "https://www.app.test"]);
        let shown: Vec<(&str, Vec<[Shown; 3]>)> = server
            .endpoints
            .iter()
            .map(|e| {
                let each = e.coverage.iter().map(|c| c.map(|c| c.shown));
                (e.path.as_str(), each.collect())
            })
            .collect();
        let no = Shown::NotSeen;
        assert_eq!(
            shown,
            [
                (
                    "/v1/cart/*",
                    vec![[no, Shown::Right, Shown::Wrong], [no, Shown::Wrong, no]]
                ),
                ("/v1/ok", vec![[no, Shown::Right, no], [no, no, no]]),
            ]
        );
        let item = |title: &str| {
            let found = server.checklist.iter().find(|i| i.title.starts_with(title));
            found.expect("an item").shown
        };
        assert_eq!(item("Errors carry"), Shown::Wrong);
        assert_eq!(item("Allow-Origin is"), Shown::Wrong);
        assert_eq!(item("Vary"), Shown::Right);
        assert_eq!(item("Preflights are"), Shown::NotSeen);
    }
}
