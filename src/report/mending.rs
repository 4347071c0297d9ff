//! Where a server-side fix goes: which server it was, and the fix in its own words.

use std::collections::HashMap;
use std::sync::Arc;

use super::facts::shortened;
use crate::diagnose::{Cause, Diagnosis, Exchanges, Part};
use crate::fix::{Fix, Needs, Reach, snippet, stack};
use crate::wire::{Exchange, ExchangeId, Origin};

/// Where a fix goes, and in which words.
#[derive(Clone, Debug, PartialEq)]
pub struct Mending {
    /// The servers that were recognised.
    pub stack: stack::Stack,
    /// What the whole server has to let in.
    pub needs: Needs,
    /// The snippet for the best of them; `None` when none was recognised or a value is refused.
    pub snippet: Option<snippet::Snippet>,
    /// Why there is no snippet although the server was recognised.
    pub refused: Option<snippet::Refused>,
}

impl Mending {
    /// The servers behind the endpoint from the outside in, each with what gave it away:
    /// `nginx (server: nginx/1.22)`.
    pub fn hops(&self) -> Vec<String> {
        self.stack.hops.iter().map(told).collect()
    }

    /// What other endpoints show, where the endpoint's own answers leave open what runs there:
    /// `at other endpoints of this host: Express (x-powered-by: Express)`.
    pub fn elsewhere(&self) -> Option<String> {
        let told: Vec<String> = self.stack.siblings.iter().map(told).collect();
        (!told.is_empty()).then(|| format!("at other endpoints of this host: {}", told.join(", ")))
    }
}

fn told(hop: &stack::Hop) -> String {
    let sign = hop.evidence.first().map(|evidence| {
        let value = evidence.value.as_deref().unwrap_or_default();
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let value = shortened(&value, 60);
        match (&evidence.name, evidence.part) {
            (Some(name), _) => format!("{name}: {value}"),
            (None, Part::ResponseStatus) => format!("status {value}"),
            (None, Part::RequestLine) => format!("host {value}"),
            (None, _) => format!("body {value}"),
        }
    });
    let doubt = if hop.sure { "" } else { "likely " };
    format!("{doubt}{} ({})", hop.name, sign.unwrap_or_default())
}

/// The exchanges of a capture by the server they went to.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    of_host: HashMap<String, Server>,
}

/// What is known of one server.
#[derive(Clone, Debug, Default)]
struct Server {
    ids: Vec<ExchangeId>,
    survey: stack::Survey,
}

impl Servers {
    /// How many exchanges of one server are looked at.
    pub const EXCHANGES_MAX: usize = 200;

    /// The servers that these fetches went to.
    pub fn of(diagnoses: &[Diagnosis], exchanges: &dyn Exchanges) -> Self {
        let ids = diagnoses.iter().flat_map(|d| d.fetch.exchanges());
        Self::of_exchanges(ids, exchanges)
    }

    /// The servers that these exchanges went to.
    pub fn of_exchanges(
        ids: impl IntoIterator<Item = ExchangeId>,
        exchanges: &dyn Exchanges,
    ) -> Self {
        let mut servers = Self::default();
        for id in ids {
            let Some(exchange) = exchanges.exchange(id) else {
                continue;
            };
            if let Some(host) = host_of(&exchange.request.url) {
                let ids = &mut servers.of_host.entry(host).or_default().ids;
                if ids.len() < Self::EXCHANGES_MAX && !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        for server in servers.of_host.values_mut() {
            let known = look_up(&server.ids, exchanges);
            server.survey = stack::Survey::of(known.iter().map(|exchange| &**exchange));
        }
        servers
    }

    /// Where the fix of this diagnosis goes; `fix` is [`fix::suggest`](crate::fix::suggest)'s answer.
    pub fn mending_of(
        &self,
        diagnosis: &Diagnosis,
        fix: Option<&Fix>,
        exchanges: &dyn Exchanges,
    ) -> Option<Mending> {
        let otherwise = diagnosis.when_not_include.as_ref();
        let cause = diagnosis.cause.as_ref();
        let cause = cause.or_else(|| otherwise?.cause.as_ref());
        self.mending(fix?, cause, exchanges)
    }

    /// Where this fix goes; `None` when no server can make it. `cause` is the fault it mends.
    pub fn mending(
        &self,
        fix: &Fix,
        cause: Option<&Cause>,
        exchanges: &dyn Exchanges,
    ) -> Option<Mending> {
        if fix.reach != Reach::Server {
            return None;
        }
        let failed = cause.and_then(|cause| exchanges.exchange(cause.exchange?));
        let server = host_of(&fix.url).and_then(|host| self.of_host.get(&host));
        let alone = Server::default();
        let server = server.unwrap_or(&alone);
        let known = look_up(&server.ids, exchanges);
        let stack = server.survey.stack(&fix.url, failed.as_deref());
        let host = known.iter().chain(&failed).map(|exchange| &**exchange);
        let needs = snippet::widen(&fix.needs, host);
        let (snippet, refused) = match stack.best.map(|id| snippet::render(id, &needs)) {
            None => (None, None),
            Some(Ok(snippet)) => (Some(snippet), None),
            Some(Err(refused)) => (None, Some(refused)),
        };
        Some(Mending {
            stack,
            needs,
            snippet,
            refused,
        })
    }
}

fn look_up(ids: &[ExchangeId], exchanges: &dyn Exchanges) -> Vec<Arc<Exchange>> {
    ids.iter()
        .filter_map(|id| exchanges.exchange(*id))
        .collect()
}

fn host_of(url: &str) -> Option<String> {
    Some(Origin::of_url(url)?.to_string())
}
