//! From answers to the servers behind them.

use super::hops::{KNOWN, Layer};
use super::look::Seen;
use super::marks::MARKS;
use super::{Hop, Stack};
use crate::diagnose::{Evidence, Part, template_of};
use crate::wire::Exchange;

/// How many answers are looked at: servers show themselves soon, mostly in the first.
const ANSWERS_MAX: usize = 200;

/// What the answers of one host tell of the servers behind the endpoint of `failed`, the exchange whose
/// answer is to be mended (without one, of the first): if a server in front of the application made
/// that answer, it is the place to mend.
pub fn recognise<'a>(
    exchanges: impl IntoIterator<Item = &'a Exchange>,
    failed: Option<&Exchange>,
) -> Stack {
    let exchanges: Vec<&Exchange> = exchanges.into_iter().collect();
    let at = failed.or(exchanges.first().copied());
    let url = at.map_or("", |exchange| &exchange.request.url);
    Survey::of(exchanges.iter().copied()).stack(url, failed)
}

/// The marks seen in the answers of one host: found once, asked for each failed answer.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    endpoints: Vec<Endpoint>,
}

/// The marks seen in the answers of one endpoint.
#[derive(Clone, Debug, Default)]
struct Endpoint {
    /// Its path, ids replaced.
    path: String,
    hops: Vec<Hop>,
}

impl Survey {
    /// Looks at the answers of one host.
    pub fn of<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Self {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let answers = exchanges.into_iter().filter_map(Seen::of);
        for seen in answers.take(ANSWERS_MAX) {
            let path = template_of(&seen.exchange.request.url);
            let at = endpoints.iter().position(|e| e.path == path);
            let at = at.unwrap_or_else(|| {
                let hops = Vec::new();
                endpoints.push(Endpoint { path, hops });
                endpoints.len() - 1
            });
            look(&mut endpoints[at].hops, &seen);
        }
        Self { endpoints }
    }

    /// The servers behind a URL of the host, and which of them is the place to mend this failed
    /// answer.
    pub fn stack(&self, url: &str, failed: Option<&Exchange>) -> Stack {
        let path = template_of(url);
        let (own, mut others): (Vec<Endpoint>, Vec<Endpoint>) =
            self.endpoints.iter().cloned().partition(|e| e.path == path);
        let mut hops: Vec<Hop> = own.into_iter().flat_map(|e| e.hops).collect();
        let seen = failed.and_then(Seen::of);
        let makers = seen.as_ref().map(|seen| look(&mut hops, seen));
        let all = || hops.iter().chain(others.iter().flat_map(|e| &e.hops));
        if all().any(is_application) {
            go_in_front(&mut hops);
            for other in &mut others {
                go_in_front(&mut other.hops);
            }
        }
        tidy(&mut hops);
        let own_framework = hops.iter().any(|hop| hop.layer == Layer::Framework);
        let useful = |hop: &Hop| {
            let more = hops.iter().any(|own| special(own.id).contains(&hop.id));
            more || !own_framework
        };
        let of = |other: &Endpoint| -> Vec<Hop> {
            other
                .hops
                .iter()
                .filter(|hop| useful(hop))
                .cloned()
                .collect()
        };
        let mut siblings = Vec::new();
        for other in &others {
            add(&mut siblings, of(other));
        }
        siblings.retain(|hop| !hops.iter().any(|own| own.id == hop.id));
        tidy(&mut siblings);
        let mut near = hops.clone();
        let mendable = |other: &Endpoint| of(other).iter().any(|hop| hop.snippet.is_some());
        if let Some(other) = behind_the_same(&hops, others.iter().filter(|o| mendable(o)), &path) {
            add(&mut near, of(other));
            tidy(&mut near);
        }
        let makers = makers.unwrap_or_default();
        let (best, why) = choose(&near, &hops, &makers, seen.map(|s| s.status));
        Stack {
            hops,
            siblings,
            best,
            why,
        }
    }
}

/// The endpoint whose application most likely answers here too: behind the same servers, and of those
/// the one with the most of the path in common.
fn behind_the_same<'a>(
    own: &[Hop],
    others: impl Iterator<Item = &'a Endpoint>,
    path: &str,
) -> Option<&'a Endpoint> {
    // Traefik leaves no mark on what it passes on; a framework's kind may be told elsewhere.
    let fronts = own
        .iter()
        .filter(|hop| hop.layer != Layer::Framework && hop.id != "traefik");
    let in_common = |other: &str| {
        let same = |(a, b): &(&str, &str)| a == b;
        path.split('/')
            .zip(other.split('/'))
            .take_while(same)
            .count()
    };
    others
        .filter(|other| {
            let passed = |front: &Hop| other.hops.iter().any(|hop| hop.id == front.id);
            fronts.clone().all(passed)
        })
        .max_by_key(|other| {
            let application = other.hops.iter().any(is_application);
            (application, in_common(&other.path))
        })
}

fn is_application(hop: &Hop) -> bool {
    hop.layer == Layer::Framework && hop.snippet.is_some() && hop.id != "go"
}

/// Adds the hops that are not there yet.
fn add(hops: &mut Vec<Hop>, more: Vec<Hop>) {
    for hop in more {
        if !hops.iter().any(|known| known.id == hop.id) {
            hops.push(hop);
        }
    }
}

/// Drops what others imply, and puts the outermost first.
fn tidy(hops: &mut Vec<Hop>) {
    function_of_supabase(hops);
    drop_the_general(hops);
    hops.sort_by_key(|hop| KNOWN.iter().position(|known| known.id == hop.id));
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

/// Go's 404 on a host where something else answers too is a proxy written in Go: Traefik, mostly.
fn go_in_front(hops: &mut [Hop]) {
    let traefik = KNOWN.iter().find(|known| known.id == "traefik");
    let go = hops.iter_mut().find(|hop| hop.id == "go");
    if let (Some(traefik), Some(go)) = (traefik, go) {
        go.id = traefik.id;
        go.name = traefik.name;
        go.layer = traefik.layer;
        go.snippet = traefik.snippet;
    }
}

/// Hops that others imply: NestJS stands on Express, Express on Node.js.
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

/// What runs on a hop that tells no more than the kind.
pub(super) fn special(general: &str) -> &'static [&'static str] {
    let found = IMPLIED.iter().find(|(id, _)| *id == general);
    found.map_or(&[], |(_, special)| special)
}

fn drop_the_general(hops: &mut Vec<Hop>) {
    for (general, special) in IMPLIED {
        let implied = hops.iter().any(|hop| special.contains(&hop.id));
        // Azure marks its own answers too: only a guess gives way.
        if implied {
            hops.retain(|hop| hop.id != general || (general == "azure" && hop.sure));
        }
    }
}

/// The place to mend among `hops`, of which the endpoint's own answers show `own`.
fn choose(
    hops: &[Hop],
    own: &[Hop],
    makers: &[&'static str],
    status: Option<u16>,
) -> (Option<&'static str>, Option<String>) {
    let mendable = || hops.iter().filter(|hop| hop.snippet.is_some());
    let Some(innermost) = mendable().next_back() else {
        return (None, None);
    };
    let is_own = |hop: &Hop| own.iter().any(|own| own.id == hop.id);
    let made = mendable().rfind(|hop| makers.contains(&hop.id));
    if let Some(maker) = made {
        let why = if maker.id == innermost.id {
            because(maker)
        } else {
            let place = if is_own(innermost) {
                " behind it"
            } else {
                ", seen at other endpoints,"
            };
            format!(
                "{} made the failed answer itself; {}{place} was not asked",
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
    let why = because(innermost);
    if is_own(innermost) {
        return (innermost.snippet, Some(why));
    }
    let why = format!("{} answers at other endpoints ({why})", innermost.name);
    (innermost.snippet, Some(why))
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
