//! A fetch before and now, and as a browser beside curl: what each sent and what each got.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::cors::{Outcome, Stage};
use crate::diagnose::{Diagnosis, Exchanges, Role};
use crate::fix;
use crate::replay::{Ending, Manner, Plan, Ran};
use crate::report;
use crate::wire::{Exchange, ExchangeId, HeaderList};

/// The width of one of two columns.
const COLUMN: usize = 48;
/// The width of a paragraph.
const TEXT: usize = 88;

/// Values of these say who asks; those of all others may be secrets and are not shown.
const SHOWN: [&str; 12] = [
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "content-type",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-storage-access",
    "sec-fetch-user",
    "user-agent",
    "x-requested-with",
];

/// Before and now; and where it was done both ways, the two side by side.
pub(super) fn written(
    before: &Diagnosis,
    judged: &[(&Plan, &Ran, Diagnosis)],
    exchanges: &dyn Exchanges,
) -> String {
    let from = before.origin.as_deref().unwrap_or("no page");
    let mut out = format!("↻ {} {}   from {from}\n", before.method, before.url);
    let _ = writeln!(out, "  BEFORE    {}", verdict(before, exchanges));
    for (plan, ran, diagnosis) in judged {
        let label = match plan.manner {
            Manner::Browser => "NOW",
            Manner::Curl => "AS CURL",
        };
        let said = match (&ran.ending, plan.manner) {
            (Ending::Withheld, Manner::Browser) => {
                "the preflight passes; the request itself was not sent".to_owned()
            }
            (Ending::Withheld, Manner::Curl) => "not sent".to_owned(),
            (Ending::Answered(status), Manner::Curl) => format!("answered {status}, readable"),
            _ => verdict(diagnosis, exchanges),
        };
        let _ = writeln!(out, "  {label:<10}{said}");
    }
    if let [browser, curl] = judged {
        side_by_side(&mut out, browser, curl, exchanges);
    }
    out
}

/// Outcome and headline: `blocked: The server crashed on the preflight`.
fn verdict(diagnosis: &Diagnosis, exchanges: &dyn Exchanges) -> String {
    let suggested = fix::suggest(diagnosis, exchanges);
    let explained = report::explain(diagnosis, suggested.as_ref(), exchanges);
    let outcome = diagnosis.outcome;
    let glyph = outcome.glyph().trim();
    if explained.headline.eq_ignore_ascii_case(outcome.name()) {
        return format!("{glyph} {outcome}").trim().to_owned();
    }
    format!("{glyph} {outcome}: {}", explained.headline)
        .trim()
        .to_owned()
}

fn side_by_side(
    out: &mut String,
    browser: &(&Plan, &Ran, Diagnosis),
    curl: &(&Plan, &Ran, Diagnosis),
    exchanges: &dyn Exchanges,
) {
    let name = browser.0.browser().name();
    let left = steps(browser, exchanges);
    let right = steps(curl, exchanges);
    out.push('\n');
    row(out, &format!("AS A BROWSER ({name})"), "AS CURL OR POSTMAN");
    for at in 0..left.len().max(right.len()) {
        let cell = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        row(out, &cell(&left), &cell(&right));
    }
    let heads = |ran: &Ran| {
        let actual = |id: &&ExchangeId| {
            exchanges
                .exchange(**id)
                .is_some_and(|e| !e.request.is_preflight())
        };
        let first = ran.sent.iter().find(actual).or_else(|| ran.sent.first());
        first.and_then(|id| exchanges.exchange(*id))
    };
    if let (Some(one), Some(other)) = (heads(browser.1), heads(curl.1)) {
        out.push('\n');
        let asked = one.request.is_preflight();
        let of = if asked {
            "ONLY IN THE BROWSER'S PREFLIGHT"
        } else {
            "ONLY IN THE BROWSER'S REQUEST"
        };
        only_in(out, of, &one, &other);
        only_in(out, "ONLY IN CURL'S REQUEST", &other, &one);
    }
    out.push('\n');
    let mut label = "WHY";
    for line in wrapped(why(browser, curl, exchanges)) {
        let _ = writeln!(out, "  {label:<10}{line}");
        label = "";
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |l| l.width());
        if line > 0 && line + 1 + word.width() > TEXT {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn row(out: &mut String, left: &str, right: &str) {
    let pad = COLUMN.saturating_sub(left.width()).max(2);
    let _ = writeln!(out, "  {left}{:pad$}{right}", "");
}

/// What was sent and what came, line by line.
fn steps(
    (plan, ran, diagnosis): &(&Plan, &Ran, Diagnosis),
    exchanges: &dyn Exchanges,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = plan.url().to_string();
    for exchange in ran.sent.iter().filter_map(|id| exchanges.exchange(*id)) {
        if exchange.request.url != last {
            lines.push(format!("  to {}", exchange.request.url));
            last.clone_from(&exchange.request.url);
        }
        let got = match &exchange.response {
            Some(response) => response.status.to_string(),
            None => "no answer".to_owned(),
        };
        lines.push(format!("{} → {got}", exchange.request.method));
    }
    let method = plan.method();
    lines.push(match (&ran.ending, plan.manner) {
        (Ending::Failed(_), _) => "nothing came".to_owned(),
        (Ending::Withheld, _) => format!("{method} not sent: it is not known well enough"),
        (Ending::Stopped(Stage::Preflight), _) => format!("{method} was never sent"),
        (Ending::Stopped(Stage::Redirect), _) => "the redirect was not followed".to_owned(),
        (_, Manner::Curl) => "whoever sent it reads the answer".to_owned(),
        _ => match diagnosis.outcome {
            Outcome::Allowed | Outcome::Exempt => "the page reads the answer".to_owned(),
            Outcome::Opaque => "the page gets an empty answer".to_owned(),
            _ => "the page gets an error, not the answer".to_owned(),
        },
    });
    lines
}

fn only_in(out: &mut String, label: &str, one: &Exchange, other: &Exchange) {
    let lines: Vec<String> = one
        .request
        .headers
        .iter()
        .filter(|field| differs(&other.request.headers, field.name, field.value))
        .map(|field| {
            let shown = SHOWN.iter().any(|name| field.is(name));
            match field.text() {
                value if shown => format!("{}: {value}", field.name),
                _ => field.name.to_owned(),
            }
        })
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "  {label}");
        for line in lines {
            let _ = writeln!(out, "            {line}");
        }
    }
}

fn differs(other: &HeaderList, name: &str, value: &[u8]) -> bool {
    const OF_THE_CONNECTION: [&str; 3] = ["host", "connection", "content-length"];
    !OF_THE_CONNECTION
        .iter()
        .any(|n| name.eq_ignore_ascii_case(n))
        && !other.all(name).any(|field| field.value == value)
}

/// Why the one works and the other does not, in a sentence or two.
fn why(
    (_, browser, verdict): &(&Plan, &Ran, Diagnosis),
    (_, curl, _): &(&Plan, &Ran, Diagnosis),
    exchanges: &dyn Exchanges,
) -> &'static str {
    let status = |ran: &Ran| {
        let last = ran.sent.last().and_then(|id| exchanges.exchange(*id))?;
        (!last.request.is_preflight()).then_some(last.response.as_ref()?.status)
    };
    let (seen, plain) = (status(browser), status(curl));
    let asked = verdict
        .fetch
        .members
        .iter()
        .any(|m| m.role == Role::Preflight);
    match (&browser.ending, &curl.ending) {
        (Ending::Failed(_), Ending::Failed(_)) => {
            "Neither gets an answer: this is not CORS but the connection."
        }
        (Ending::Failed(_), _) => {
            "Only curl gets an answer: the server breaks off when it is asked as a browser asks."
        }
        (Ending::Stopped(Stage::Preflight), Ending::Answered(_)) => {
            "curl asks no permission: it sends the request at once and shows whatever comes back. A \
             browser first asks with OPTIONS, and what the server answers to that does not let the \
             request go."
        }
        (Ending::Stopped(Stage::Redirect), Ending::Answered(_)) => {
            "curl follows any redirect; a browser follows one only where the server that redirects \
             and the one it leads to let the page in."
        }
        (_, Ending::Answered(_)) if seen.is_some() && seen != plain => {
            "The server answers the two differently; the header lines above are all that differs."
        }
        (_, Ending::Answered(500..)) if verdict.outcome == Outcome::Blocked => {
            "The server fails for both. curl shows the error; the browser hides it behind a CORS \
             error, since error answers carry no CORS headers here."
        }
        (_, Ending::Answered(_)) if verdict.outcome == Outcome::Blocked => {
            "Both get the same answer. curl shows it to whoever asks; the browser keeps it from the \
             page, because the answer does not say that pages of this origin may read it."
        }
        (Ending::Withheld, _) => {
            "The preflight passes now. The request itself could not be sent again as it was."
        }
        _ if asked => "Both get through: the browser asked with OPTIONS and was let in.",
        _ => "Both get through.",
    }
}
