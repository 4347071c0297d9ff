//! `record`: a capture without a screen.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::time::sleep;

use super::args::{HidingArgs, RecordArgs, RecordFormat, ReverseArgs, Rotation};
use super::config::Capture;
use super::exit::Exit;
use super::export::{self, Target};
use super::live::{Facts, Keep, Live};
use super::live_lines::LiveLines;
use super::rotating::Files;
use super::signals::Signals;
use super::{output, workbench};
use crate::capture::Wanted;
use crate::report::{self, Summary};
use crate::session::{Counts, Reader, RowEnd};
use crate::wire::{ExchangeId, Origin, Redactor, RequestHead};

/// How many rows are looked at under one lock.
const ROWS_AT_ONCE: usize = 4096;

/// Runs until it is asked to end, one of the limits is reached, or the proxy breaks.
pub(super) async fn run(args: &RecordArgs) -> Result<Exit> {
    record(args, Capture::of(&args.capture)?).await
}

/// `corscope reverse --out FILE`: the same in front of one server.
pub(super) async fn reverse(args: &ReverseArgs, out: &Path, capture: Capture) -> Result<Exit> {
    let args = RecordArgs {
        out: Some(out.to_owned()),
        at_most: None,
        until_idle: None,
        trial: None,
        format: RecordFormat::Text,
        har: None,
        host: Vec::new(),
        skip: Vec::new(),
        rotation: Rotation::default(),
        hiding: HidingArgs::default(),
        browser: args.browser,
        capture: args.capture.clone(),
    };
    record(&args, capture).await
}

async fn record(args: &RecordArgs, capture: Capture) -> Result<Exit> {
    let redactor = export::redactor(&args.hiding, &args.capture.place, args.out.as_deref())?;
    if let Some(har) = args.har.as_deref().filter(|har| har.exists()) {
        let har = har.display();
        bail!("{har} exists already and is not overwritten; choose another name");
    }
    let rules = args.browser.map(Into::into);
    let trials = args.trial.as_deref().map(workbench::read_trials);
    let trials = trials.transpose()?.unwrap_or_default();
    let mut signals = Signals::listen()?;
    let keep = args.out.as_deref().map_or(Keep::Sessions, Keep::File);
    let wanted = wanted(args)?;
    let mut live = Live::start_with(&capture, keep, rules, wanted).await?;
    // Before the address is told, so that the first request is tried already.
    if let Err(why) = workbench::put_in_force(&live.overrides, &trials) {
        live.finish(std::future::ready(())).await?;
        bail!("the fixes of --trial cannot be tried: {why}");
    }
    let session = live.path.as_deref().unwrap_or(Path::new(""));
    let session = session.display().to_string();

    output::data(&first_line(args.format, &live.facts, &session))?;
    if let Some(remark) = &live.facts.remark {
        output::say(remark);
    }
    for trial in &trials {
        output::say(&format!(
            "⚡ TRIAL FIX: answers of {} to {} are CHANGED in flight ({} header lines).",
            trial.scope(),
            trial.page,
            trial.lines()
        ));
    }
    let into = if live.path.is_some() {
        session.as_str()
    } else {
        "memory only"
    };
    output::say(&format!(
        "Recording to {into}; Ctrl-C ends it. For https the browser must trust {}.",
        live.facts.certificate.display()
    ));

    if let Some(mut remarks) = live.remarks.take() {
        tokio::spawn(async move {
            while let Some(sentence) = remarks.recv().await {
                output::say(&sentence);
            }
        });
    }
    let mut files = Files::new(args.rotation, args.out.as_deref(), live.path.as_deref());
    let mut reader = live.reader();
    let mut broken = None;
    let mut told = None;
    let live_lines = |reader: &Reader| {
        (args.format == RecordFormat::Ndjson)
            .then(|| LiveLines::new(reader.clone(), Redactor::clone(&redactor)))
    };
    let mut lines = live_lines(&reader);
    let over = after(args.at_most);
    tokio::pin!(over);
    let mut spoken = false;
    loop {
        tokio::select! {
            () = tell_troubles(&reader, &mut told) => {}
            error = print(lines.as_ref()) => broken = Some(error),
            () = signals.next() => {}
            () = &mut over => {}
            () = idle(&reader, args.until_idle, spoken) => {}
            error = live.broken() => broken = Some(error),
            () = files.full(&reader) => {
                let path = files.next(&capture.places)?;
                match live.go_on_in(&path, &capture, rules) {
                    Ok(before) => {
                        files.gone_on(&path, before, lines.take());
                        reader = live.reader();
                        lines = live_lines(&reader);
                        spoken = true;
                        if args.format == RecordFormat::Ndjson {
                            let session = path.display().to_string();
                            output::data(&first_line(args.format, &live.facts, &session))?;
                        }
                        continue;
                    }
                    // What is captured until now is safe, and the address would be lost.
                    Err(error) => broken = Some(error),
                }
            }
        }
        break;
    }
    let finished = live.finish(signals.next()).await;
    let before = files.ended().await;
    if let Some(lines) = &lines {
        lines.print(true)?;
    }
    if let Some(har) = &args.har {
        export::write_to(Target::New(har), |out| {
            export::write_har(&reader, None, &redactor, out)
        })?;
    }
    // What is in memory has been told by then, whatever became of the disk.
    finished?;
    let before = before?;
    files.tidy(before.len());
    if let Some(error) = broken {
        return Err(error);
    }
    let readers = before.iter().chain(std::iter::once(&reader));
    let counts = readers.map(Reader::counts).fold(Counts::default(), added);
    output::say(&summary(&counts));
    if counts.skipped_bytes > 0 {
        output::say(&format!(
            "Note: {} bytes of bodies passed and could not be kept.",
            counts.skipped_bytes
        ));
    }
    if counts.unheard > 0 {
        output::say(&format!(
            "Note: {} requests passed and are not recorded, since the disk did not keep up.",
            counts.unheard
        ));
    }
    if let Some(before) = reader.bodies_gone_before() {
        output::say(&format!(
            "Note: the bodies before {before} left to make room for others (--bodies-max); their rows are there."
        ));
    }
    // Also one that is over: it may have come and gone between two looks.
    if let Some(trouble) = reader
        .last_trouble()
        .filter(|last| Some(last) != told.as_ref())
    {
        output::say(&format!("Note: {trouble}"));
    }
    Ok(Exit::of_blocked(counts.blocked))
}

/// What is to be recorded; `None`: everything.
fn wanted(args: &RecordArgs) -> Result<Option<Wanted>> {
    if args.host.is_empty() && args.skip.is_empty() {
        return Ok(None);
    }
    let mut hosts: Vec<(String, bool)> = Vec::new();
    for typed in &args.host {
        let (name, below) = match typed.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (typed.as_str(), false),
        };
        let Some(host) = Origin::of_url(&format!("http://{name}/")) else {
            bail!("\"{typed}\" is no host; write --host api.app.test or --host '*.app.test'");
        };
        hosts.push((host_of(&host.to_string()), below));
    }
    let skip = args.skip.clone();
    Ok(Some(Arc::new(move |request: &RequestHead| {
        let host = Origin::of_url(&request.url).map(|origin| host_of(&origin.to_string()));
        let meant = |host: &str| {
            let mut known = hosts.iter();
            known.any(|(name, below)| {
                let rest = host.strip_suffix(name.as_str());
                host == name || *below && rest.is_some_and(|rest| rest.ends_with('.'))
            })
        };
        let destination = request.headers.get("sec-fetch-dest").unwrap_or_default();
        (hosts.is_empty() || host.as_deref().is_some_and(meant))
            && !skip.iter().any(|kind| kind.covers(&destination))
    })))
}

// Without scheme and port.
fn host_of(origin: &str) -> String {
    let bare = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match bare.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
        _ => bare.to_owned(),
    }
}

fn added(all: Counts, more: Counts) -> Counts {
    Counts {
        exchanges: all.exchanges + more.exchanges,
        fetches: all.fetches + more.fetches,
        blocked: all.blocked + more.blocked,
        depends: all.depends + more.depends,
        failed: all.failed + more.failed,
        opaque: all.opaque + more.opaque,
        preflights: all.preflights + more.preflights,
        preflight_micros: all.preflight_micros + more.preflight_micros,
        skipped_bytes: all.skipped_bytes + more.skipped_bytes,
        unheard: all.unheard + more.unheard,
    }
}

// The first line on stdout, which scripts wait for.
fn first_line(format: RecordFormat, facts: &Facts, session: &str) -> String {
    let addresses: Vec<String> = facts.addresses.iter().map(ToString::to_string).collect();
    let first = addresses.first().cloned().unwrap_or_default();
    match format {
        RecordFormat::Text => format!("{first}\n"),
        RecordFormat::Json | RecordFormat::Ndjson => {
            let line = json!({
                "schema": "corscope/record/1",
                "address": first,
                "addresses": addresses,
                "proxy": format!("http://{first}"),
                "session": session,
                "ca": facts.certificate.display().to_string(),
                "ca_spki_sha256": facts.spki_sha256,
            });
            format!("{line}\n")
        }
    }
}

// One line about all that was captured, in the words of `diagnose`.
fn summary(counts: &Counts) -> String {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let summary = Summary {
        exchanges: count(counts.exchanges),
        fetches: count(counts.fetches),
        blocked: count(counts.blocked),
        depends: count(counts.depends),
        failed: count(counts.failed),
        opaque: count(counts.opaque),
        preflights: count(counts.preflights),
        preflight_micros: counts.preflight_micros,
        skipped: 0,
    };
    report::to_text(&[], &summary).trim_end().to_owned()
}

async fn print(lines: Option<&LiveLines>) -> anyhow::Error {
    match lines {
        Some(lines) => lines.run().await,
        None => std::future::pending().await,
    }
}

// What goes wrong with the recording is said when it happens, each thing once; never comes back.
async fn tell_troubles(reader: &Reader, told: &mut Option<String>) {
    let mut revision = reader.revision();
    while revision.changed().await.is_ok() {
        let trouble = reader.trouble().filter(|now| Some(now) != told.as_ref());
        if let Some(trouble) = trouble {
            output::say(&format!("Note: {trouble}"));
            *told = Some(trouble);
        }
    }
    std::future::pending::<()>().await;
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

// Idle is: at least one exchange, nothing new for that long, and no request that still waits for
// its answer. Streams that stay open are not waited for.
// `spoken`: there was an exchange before, in a session that is closed by now.
async fn idle(reader: &Reader, at_least: Option<Duration>, spoken: bool) {
    let Some(at_least) = at_least else {
        return std::future::pending().await;
    };
    let mut revision = reader.revision();
    loop {
        match tokio::time::timeout(at_least, revision.changed()).await {
            Ok(Ok(())) => {}
            // Nobody speaks any more.
            Ok(Err(_)) => return,
            Err(_) if (spoken || !reader.is_empty()) && !waits_for_an_answer(reader) => return,
            Err(_) => {}
        }
    }
}

fn waits_for_an_answer(reader: &Reader) -> bool {
    let first = reader.first_id().0;
    let end = first + reader.len() as u64;
    let mut waits = false;
    for from in (first..end).step_by(ROWS_AT_ONCE) {
        reader.scan(ExchangeId(from), ROWS_AT_ONCE, &mut |row| {
            waits |= row.status.is_none() && row.end == RowEnd::Open;
        });
    }
    waits
}
