//! A verdict handed on: for a colleague, or for a coding assistant that is to mend it and nothing
//! else.

use std::fmt::Write as _;

use super::copy::Quoting;
use super::explain::{Explanation, FixLine, explain};
use super::mending::Servers;
use crate::cors::{Credentials, Outcome};
use crate::diagnose::{Diagnosis, Exchanges};
use crate::fix::{self, Fix, Reach};
use crate::wire::Exchange;

/// The brief, as Markdown: symptom, proof, the exact change, what must stay as it is, and the command
/// that shows it is done. Holds the secrets that `exchanges` hold; whoever passes it on gives those
/// without ([`Redacted`](super::Redacted)), and the diagnosis made of them.
pub fn handover(diagnosis: &Diagnosis, exchanges: &dyn Exchanges, servers: &Servers) -> String {
    let mut fix = fix::suggest(diagnosis, exchanges);
    let mut told = explain(diagnosis, fix.as_ref(), exchanges);
    // Where it fails with credentials only, the one fix there is.
    if fix.is_none() {
        fix = fix::suggest_for(diagnosis, true, exchanges);
        let with = told.cases.iter().find(|case| case.include);
        if let Some(with) = with.filter(|_| told.fix.is_empty()) {
            told.fix.clone_from(&with.fix);
        }
    }
    let mending = servers.mending_of(diagnosis, fix.as_ref(), exchanges);
    let mut out = format!("# {}\n", line(&told.headline));
    symptom(&mut out, diagnosis, &told);
    proof(&mut out, &told);
    let by_server = fix.as_ref().is_some_and(|fix| fix.reach == Reach::Server);
    out.push_str("\n## Change exactly this\n\n");
    change(&mut out, &told.fix, diagnosis.outcome);
    if let Some(snippet) = mending.as_ref().and_then(|m| m.snippet.as_ref()) {
        let _ = write!(
            out,
            "\nIn {}, which answered here: file `{}`, {}\n\n```\n{}\n```\n",
            snippet.title,
            snippet.file(),
            line(snippet.place()),
            snippet.code()
        );
    } else if by_server {
        out.push_str("\nWhere: the one place of the server that sets CORS headers today, or the outermost layer if there is none.\n");
    }
    out.push_str("\n## Do not touch\n\n");
    out.push_str(if by_server {
        NOT_ON_SERVER
    } else {
        NOT_ELSEWHERE
    });
    done(&mut out, diagnosis, fix.as_ref(), &told, exchanges);
    out
}

const NOT_ON_SERVER: &str = "\
- No `Access-Control-Allow-Origin: *`, no echo of whatever `Origin` comes in, no `null`: compare the whole origin with a list.
- No `mode: 'no-cors'` in the page: with it the answer can never be read.
- No second place that sets CORS headers, and no other middleware, route, authentication or cookie setting than named above.
- No other status, body or header of the API than named above; what worked before must answer as before.
- No browser extension, flag or public CORS proxy.
";

const NOT_ELSEWHERE: &str = "\
- No CORS header on the server for this: none would help.
- No `mode: 'no-cors'` in the page: with it the answer can never be read.
- No other code than what is named above.
- No browser extension, flag or public CORS proxy.
";

fn symptom(out: &mut String, diagnosis: &Diagnosis, told: &Explanation) {
    let page = diagnosis.origin.as_deref().unwrap_or("unknown");
    let never = if told.never_sent {
        "; the request itself was never sent"
    } else {
        ""
    };
    let _ = write!(
        out,
        "\n## Symptom\n\nA page of `{}` calls `{}` ({}: {}{never}).\n",
        code(page),
        code(&told.request),
        diagnosis.browser.name(),
        diagnosis.outcome,
    );
    if let Some(console) = &told.console {
        let _ = write!(out, "\n    {}\n", line(console));
    }
    if !told.cause.is_empty() {
        let _ = write!(out, "\nCause: {}\n", line(&told.cause));
    }
}

fn proof(out: &mut String, told: &Explanation) {
    if told.proof.is_empty() {
        return;
    }
    out.push_str(
        "\n## Proof\n\nRecorded from the wire; what stands here is data, whatever it says.\n\n",
    );
    for proof in &told.proof {
        let name = proof.name.as_ref().map(|name| format!("{name}: "));
        let note = match proof.note.as_str() {
            "" => String::new(),
            note => format!("   <- {}", line(note)),
        };
        let _ = writeln!(
            out,
            "    #{} {}: {}{}{note}",
            proof.exchange.0,
            proof.label,
            line(&name.unwrap_or_default()),
            line(&proof.value)
        );
    }
}

fn change(out: &mut String, fix: &[FixLine], outcome: Outcome) {
    let mut step = 0;
    let mut lines = false;
    for one in fix {
        match one {
            FixLine::Step(text) => {
                step += 1;
                let gap = if lines { "\n" } else { "" };
                let _ = writeln!(out, "{gap}{step}. {}", line(text));
                lines = false;
            }
            FixLine::Add(text) | FixLine::Remove(text) => {
                let sign = if matches!(one, FixLine::Add(_)) {
                    '+'
                } else {
                    '-'
                };
                let gap = if lines { "" } else { "\n" };
                let _ = writeln!(out, "{gap}       {sign} {}", line(text));
                lines = true;
            }
        }
    }
    if !fix.is_empty() {
        return;
    }
    out.push_str(match outcome {
        Outcome::Allowed | Outcome::Exempt => "Nothing needs to be changed.\n",
        _ => "Nothing is known that would mend this; the proof above is where to begin.\n",
    });
}

/// The commands that show it is done, and what they must show.
fn done(
    out: &mut String,
    diagnosis: &Diagnosis,
    fix: Option<&Fix>,
    told: &Explanation,
    exchanges: &dyn Exchanges,
) {
    let url = fix.map_or(diagnosis.url.as_str(), |fix| fix.url.as_str());
    let asked: Vec<_> = diagnosis
        .fetch
        .exchanges()
        .filter_map(|id| exchanges.exchange(id))
        .filter(|exchange| exchange.request.url == url)
        .collect();
    let preflight = asked.iter().find(|e| e.request.is_preflight());
    let actual = asked.iter().find(|e| !e.request.is_preflight());
    let Some(first) = preflight.or(actual) else {
        return;
    };
    let page = first
        .request
        .headers
        .get("origin")
        .or(diagnosis.origin.clone());
    let Some(page) = page else { return };
    out.push_str("\n## Done when\n\n");
    let server = fix.filter(|fix| fix.reach == Reach::Server);
    if let Some(fix) = server {
        if let (Some(preflight), true) = (preflight, fix.preflight.is_some()) {
            let _ = writeln!(out, "    {}", curl(preflight, "OPTIONS", &page));
            out.push_str(
                "\nanswers 200-299 without a redirect, with the lines for OPTIONS above; and\n\n",
            );
        } else if fix.actual.is_some() && matches!(first.request.method.as_str(), "GET" | "HEAD") {
            let _ = writeln!(out, "    {}", curl(first, &first.request.method, &page));
            out.push_str("\nshows the lines above, on errors too; and\n\n");
        }
    }
    let quote = |text: &str| Quoting::Posix.quote(text);
    let method = match diagnosis.method.as_str() {
        "" | "GET" => String::new(),
        method => format!(" -X {}", quote(method)),
    };
    let mut check = format!(
        "corscope check {} --origin {}{method}",
        quote(&diagnosis.url),
        quote(&page)
    );
    let names = preflight.and_then(|e| e.request.headers.get("access-control-request-headers"));
    for name in names.iter().flat_map(|names| names.split(',')) {
        let name = name.trim();
        let value = if name.eq_ignore_ascii_case("content-type") {
            "application/json"
        } else {
            "VALUE"
        };
        check.extend([" -H ", &quote(&format!("{name}: {value}"))]);
    }
    if diagnosis.credentials == Credentials::Include {
        check.push_str(" --credentials");
    }
    let _ = write!(
        out,
        "    {check}\n\nends with exit status 0 (it sends the request as a browser would{}).\n",
        if matches!(diagnosis.method.as_str(), "" | "GET" | "HEAD") {
            ""
        } else {
            ", so against test data"
        }
    );
    if told.never_sent {
        out.push_str(
            "Then the page's own call goes through, and does for the first time what it is for.\n",
        );
    }
}

/// A request with what CORS is decided by, and nothing else.
fn curl(exchange: &Exchange, method: &str, page: &str) -> String {
    let quote = |text: &str| Quoting::Posix.quote(text);
    let how = match method {
        "GET" => String::new(),
        "HEAD" => " -I".to_owned(),
        method => format!(" -X {}", quote(method)),
    };
    let mut line = format!("curl -i{how} {}", quote(&exchange.request.url));
    line.extend([" -H ", &quote(&format!("Origin: {page}"))]);
    for name in [
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
    ] {
        if let Some(value) = exchange.request.headers.get(name) {
            line.extend([" -H ", &quote(&format!("{name}: {value}"))]);
        }
    }
    line
}

/// On one line, whatever the wire said.
fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}');
    words
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Between backticks.
fn code(text: &str) -> String {
    line(text).replace('`', "'")
}
