//! What one capture says about each endpoint: who asked, how it came out, with which answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, Role, Root, template_of};
use crate::report;
use crate::wire::{Exchange, ExchangeId, Origin};

/// More endpoints are counted only.
const ENDPOINTS_MAX: usize = 20_000;
/// More values of one header are not told apart.
pub(super) const VALUES_MAX: usize = 4;
/// Of a longer value the beginning is compared, in bytes.
const VALUE_BYTES_MAX: usize = 400;

/// Which calls belong together: the same page, method, server and path, ids in the path as `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The origin of the server; empty where the URL has none.
    pub server: String,
    /// The path, numbers and ids in it as `*`.
    pub path: String,
    /// The method.
    pub method: String,
    /// The origin of the page that asked.
    pub page: Option<String>,
}

/// What one capture says about an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How many fetches.
    pub fetches: u32,
    /// How many of them came to what; by [`Outcome`] as a number.
    pub outcomes: [u32; 7],
    /// Statuses of the requests that were answered.
    pub statuses: BTreeSet<u16>,
    /// Media types of those answers.
    pub types: BTreeSet<String>,
    /// What stopped it: check, stage, kind of mismatch, root; each with the newest it stopped.
    pub causes: BTreeMap<CauseId, Stopped>,
    /// Values of response headers, by what was asked (`preflight`, `actual`...) and name.
    pub(super) headers: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// The newest success whose answer is JSON: its shape can be looked at.
    pub json: Option<ExchangeId>,
    /// Whether a preflight came before it.
    pub preflights: u32,
}

/// A cause in the ids of the JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseId {
    /// The rule that failed.
    pub check: &'static str,
    /// On which answer.
    pub stage: &'static str,
    /// Which kind of mismatch.
    pub sub: Option<&'static str>,
    /// What made the server answer so.
    pub root: Option<&'static str>,
}

/// The newest fetch that was stopped by a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many were.
    pub times: u32,
    /// Number of the fetch.
    pub fetch: u32,
    /// The cause in one line.
    pub headline: String,
    /// What the console said.
    pub console: Option<String>,
}

impl Side {
    /// How many fetches came to this.
    pub fn of(&self, outcome: Outcome) -> u32 {
        self.outcomes[outcome as usize]
    }

    /// Every outcome that was seen, the worst first, with how often.
    pub fn told(&self) -> Vec<(Outcome, u32)> {
        let all = [
            Outcome::Blocked,
            Outcome::Failed,
            Outcome::Depends,
            Outcome::Opaque,
            Outcome::Allowed,
            Outcome::Exempt,
        ];
        let seen = all.into_iter().map(|o| (o, self.of(o)));
        seen.filter(|(_, count)| *count > 0).collect()
    }
}

/// All endpoints of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub(super) endpoints: BTreeMap<Endpoint, Side>,
    /// Fetches that were counted.
    pub fetches: u64,
    /// Fetches of endpoints that were too many.
    pub left_out: u64,
}

impl Census {
    /// Takes a fetch into account; one that is not over yet says nothing.
    pub fn add(&mut self, diagnosis: &Diagnosis, exchanges: &dyn Exchanges) {
        if diagnosis.outcome == Outcome::Pending {
            return;
        }
        self.fetches += 1;
        let endpoint = Endpoint {
            server: Origin::of_url(&diagnosis.url).map_or(String::new(), |o| o.to_string()),
            path: template_of(&diagnosis.url),
            method: diagnosis.method.clone(),
            page: diagnosis.origin.clone(),
        };
        if self.endpoints.len() >= ENDPOINTS_MAX && !self.endpoints.contains_key(&endpoint) {
            self.left_out += 1;
            return;
        }
        let side = self.endpoints.entry(endpoint).or_default();
        side.fetches += 1;
        side.outcomes[diagnosis.outcome as usize] += 1;
        side.note_cause(diagnosis, exchanges);
        for member in &diagnosis.fetch.members {
            let exchange = member.exchange.and_then(|id| exchanges.exchange(id));
            if let Some(exchange) = exchange {
                side.note_answer(member.role, &exchange);
            }
        }
    }

    /// How many endpoints it has.
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }
}

impl Side {
    fn note_cause(&mut self, diagnosis: &Diagnosis, exchanges: &dyn Exchanges) {
        let Some(cause) = &diagnosis.cause else {
            return;
        };
        let id = CauseId {
            check: cause.check.id(),
            stage: cause.stage.name(),
            sub: cause.sub,
            root: cause.root.map(Root::id),
        };
        if let Some(known) = self.causes.get_mut(&id) {
            known.times += 1;
            known.fetch = diagnosis.fetch.id.0;
            return;
        }
        let explained = report::explain(diagnosis, None, exchanges);
        let stopped = Stopped {
            times: 1,
            fetch: diagnosis.fetch.id.0,
            headline: explained.headline,
            console: explained.console,
        };
        self.causes.insert(id, stopped);
    }

    fn note_answer(&mut self, role: Role, exchange: &Exchange) {
        let Some(response) = exchange.delivered() else {
            return;
        };
        self.preflights += u32::from(role == Role::Preflight);
        if role == Role::Actual {
            self.statuses.insert(response.status);
            let media = response.media_type().unwrap_or_default();
            let json = media.ends_with("/json") || media.ends_with("+json");
            if json && response.is_ok() && exchange.response_body.kept_bytes > 0 {
                self.json = Some(exchange.id);
            }
            self.types.insert(media);
        } else {
            let name = (role.name(), "status".to_owned());
            self.put(name, response.status.to_string());
        }
        let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in response.headers.iter() {
            let name = field.name.to_ascii_lowercase();
            if !is_passing(&name) {
                let value = told(&name, field.text());
                lists.entry(name).or_default().push(value);
            }
        }
        for (name, values) in lists {
            // Two lines of one name are not the same as one with a comma in it.
            self.put((role.name(), name), values.join(" ⏎ "));
        }
    }

    fn put(&mut self, name: (&'static str, String), value: String) {
        let values = self.headers.entry(name).or_default();
        if values.len() <= VALUES_MAX {
            values.insert(value);
        }
    }
}

/// A value as it is compared and told: no secrets, no end of it that nobody reads.
fn told(name: &str, value: String) -> String {
    let mut value = match name {
        // The name and the attributes; the value is a secret and another one each time.
        "set-cookie" => {
            let (pair, rest) = value.split_once(';').unwrap_or((&value, ""));
            let name = pair.split('=').next().unwrap_or_default().trim();
            format!("{name}=…;{rest}").trim_end_matches(';').to_owned()
        }
        "location" => value
            .split_once('?')
            .map_or(value.clone(), |(path, _)| format!("{path}?…")),
        _ => value,
    };
    if value.len() > VALUE_BYTES_MAX {
        value.truncate(value.floor_char_boundary(VALUE_BYTES_MAX));
        value.push('…');
    }
    value
}

/// Headers that are another with every answer, or say nothing about the server's ways.
fn is_passing(name: &str) -> bool {
    const NAMES: [&str; 26] = [
        "age",
        "alt-svc",
        "cf-ray",
        "connection",
        "content-length",
        "date",
        "etag",
        "expires",
        "fly-request-id",
        "keep-alive",
        "last-modified",
        "nel",
        "report-to",
        "retry-after",
        "server-timing",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "via",
        "x-cache-hits",
        "x-response-time",
        "x-runtime",
        "x-served-by",
        "x-timer",
        "x-vercel-id",
        "x-varnish",
    ];
    NAMES.contains(&name)
        || name.contains("request-id")
        || name.contains("requestid")
        || name.contains("trace-id")
        || name.contains("correlation-id")
        || name.contains("ratelimit")
        || name.starts_with("x-amz-")
        || name.starts_with(':')
}
