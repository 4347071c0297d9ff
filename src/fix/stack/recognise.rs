//! From answers to the servers behind them.

use super::hops::{KNOWN, Layer};
use super::look::Seen;
use super::marks::MARKS;
use super::{Hop, Stack};
use crate::diagnose::{Evidence, Part};
use crate::wire::Exchange;

/// How many answers are looked at: servers show themselves soon, mostly in the first.
const ANSWERS_MAX: usize = 200;

/// What the answers of one host tell of the servers they passed. `failed` is the exchange whose answer
/// is to be mended: if a server in front of the application made that answer, it is the place to mend.
pub fn recognise<'a>(
    exchanges: impl IntoIterator<Item = &'a Exchange>,
    failed: Option<&Exchange>,
) -> Stack {
    Survey::of(exchanges).stack(failed)
}

/// The marks seen in the answers of one host: found once, asked for each failed answer.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    hops: Vec<Hop>,
}

impl Survey {
    /// Looks at the answers of one host.
    pub fn of<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Self {
        let mut survey = Self::default();
        let answers = exchanges.into_iter().filter_map(Seen::of);
        for seen in answers.take(ANSWERS_MAX) {
            look(&mut survey.hops, &seen);
        }
        survey
    }

    /// The servers, and which of them is the place to mend this failed answer.
    pub fn stack(&self, failed: Option<&Exchange>) -> Stack {
        let mut hops = self.hops.clone();
        let seen = failed.and_then(Seen::of);
        let makers = seen.as_ref().map(|seen| look(&mut hops, seen));
        function_of_supabase(&mut hops);
        go_in_front(&mut hops);
        drop_the_general(&mut hops);
        hops.sort_by_key(|hop| KNOWN.iter().position(|known| known.id == hop.id));
        let (best, why) = choose(&hops, &makers.unwrap_or_default(), seen.map(|s| s.status));
        Stack { hops, best, why }
    }
}

/// Notes whose marks an answer bears; returns who made it.
fn look(hops: &mut Vec<Hop>, seen: &Seen<'_>) -> Vec<&'static str> {
    let mut makers = Vec::new();
    for mark in MARKS {
        let Some((part, name, value)) = seen.find(mark.sign) else {
            continue;
        };
        let note = if mark.made { "made by it" } else { "" };
        let evidence = Evidence {
            exchange: seen.exchange.id,
            part,
            name: name.map(Into::into),
            value: Some(shortened(&value)),
            note: note.into(),
        };
        observe(hops, mark.hop, mark.sure, evidence);
        if mark.made {
            makers.push(mark.hop);
        }
    }
    makers
}

fn observe(hops: &mut Vec<Hop>, id: &'static str, sure: bool, evidence: Evidence) {
    let Some(known) = KNOWN.iter().find(|known| known.id == id) else {
        return;
    };
    let at = hops.iter().position(|hop| hop.id == id).unwrap_or_else(|| {
        hops.push(Hop {
            id,
            name: known.name,
            layer: known.layer,
            snippet: known.snippet,
            sure: false,
            evidence: Vec::new(),
        });
        hops.len() - 1
    });
    let hop = &mut hops[at];
    hop.sure |= sure;
    let same = |e: &Evidence| e.part == evidence.part && e.name == evidence.name;
    if hop.evidence.len() < Hop::EVIDENCE_MAX && !hop.evidence.iter().any(same) {
        hop.evidence.push(evidence);
    }
}

/// What Supabase answers under `/functions/` is a function's; its database and auth are not mended by
/// code.
fn function_of_supabase(hops: &mut Vec<Hop>) {
    let Some(at) = hops.iter().position(|hop| hop.id == "supabase") else {
        return;
    };
    if hops.iter().any(|hop| hop.id == "supabase-edge") {
        hops.remove(at);
    }
}

/// Go's 404 in front of something else is a proxy written in Go: Traefik, mostly.
fn go_in_front(hops: &mut [Hop]) {
    let behind = hops
        .iter()
        .any(|hop| hop.layer == Layer::Framework && hop.snippet.is_some() && hop.id != "go");
    let traefik = KNOWN.iter().find(|known| known.id == "traefik");
    let go = hops.iter_mut().find(|hop| hop.id == "go");
    if let (true, Some(traefik), Some(go)) = (behind, traefik, go) {
        go.id = traefik.id;
        go.name = traefik.name;
        go.layer = traefik.layer;
        go.snippet = traefik.snippet;
    }
}

/// A hop that another one implies: NestJS stands on Express, Express on Node.js.
fn drop_the_general(hops: &mut Vec<Hop>) {
    const IMPLIED: [(&str, &[&str]); 5] = [
        ("express", &["nestjs"]),
        (
            "node",
            &["express", "nestjs", "nextjs", "koa", "hono", "fastify"],
        ),
        ("php", &["laravel"]),
        ("gunicorn", &["flask", "django", "fastapi"]),
        ("azure", &["aspnet", "iis"]),
    ];
    for (general, special) in IMPLIED {
        let implied = hops.iter().any(|hop| special.contains(&hop.id));
        // Azure marks its own answers too: only a guess gives way.
        if implied {
            hops.retain(|hop| hop.id != general || (general == "azure" && hop.sure));
        }
    }
}

fn choose(
    hops: &[Hop],
    makers: &[&'static str],
    status: Option<u16>,
) -> (Option<&'static str>, Option<String>) {
    let mendable = || hops.iter().filter(|hop| hop.snippet.is_some());
    let Some(innermost) = mendable().next_back() else {
        return (None, None);
    };
    let made = mendable().rfind(|hop| makers.contains(&hop.id));
    if let Some(maker) = made {
        let why = if maker.id == innermost.id {
            because(maker)
        } else {
            format!(
                "{} made the failed answer itself; {} behind it was not asked",
                maker.name, innermost.name
            )
        };
        return (maker.snippet, Some(why));
    }
    // What a proxy says when it does not reach the application.
    let gateway = status.is_some_and(|status| matches!(status, 502..=504));
    if let (true, Some(proxy)) = (gateway, mendable().rfind(|hop| hop.layer == Layer::Proxy)) {
        let why = format!(
            "{} stands in front: {} is what it answers when the application does not",
            proxy.name,
            status.unwrap_or_default()
        );
        return (proxy.snippet, Some(why));
    }
    (innermost.snippet, Some(because(innermost)))
}

/// `x-powered-by: Express`.
fn because(hop: &Hop) -> String {
    let sign = hop.evidence.first().map(sign_of).unwrap_or_default();
    if hop.sure {
        sign
    } else {
        format!("likely: {sign}")
    }
}

/// An observation in a few words.
fn sign_of(evidence: &Evidence) -> String {
    let value = evidence.value.as_deref().unwrap_or_default();
    match (&evidence.name, evidence.part) {
        (Some(name), _) => format!("{name}: {value}"),
        (None, Part::ResponseStatus) => format!("status {value}"),
        (None, Part::RequestLine) => format!("host {value}"),
        (None, _) => format!(
            "body: {}",
            value.split_whitespace().collect::<Vec<_>>().join(" ")
        ),
    }
}

fn shortened(value: &str) -> String {
    const CHARS_MAX: usize = 80;
    match value.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}
