//! The report as one HTML file.

use crate::wire::spelled;
use minijinja::value::Value;
use minijinja::{Environment, context};

use super::waterfall::{Placed, place};
use super::{Incident, Paper, duration, moment};
use crate::report::explain::{Explanation, FixLine};
use crate::report::text::sum_up;

/// The page. Its name ends in `.html`, so every value in it is escaped.
const TEMPLATE: &str = include_str!("../../../assets/report.html");

/// Height of a row of the picture, in its units.
const ROW: usize = 18;
/// Width of the comparison's lines, in columns.
const COLUMNS: usize = 72;

pub(super) fn write(paper: &Paper) -> String {
    let mut environment = Environment::new();
    environment
        .add_template("report.html", TEMPLATE)
        .and_then(|()| {
            environment
                .get_template("report.html")?
                .render(whole(paper))
        })
        // What is in a string of HTML never is markup by being spelled out.
        .map(|text| spelled(&text).into_owned())
        .expect("the template of this program fits what it is given")
}

fn whole(paper: &Paper) -> Value {
    let (bars, micros) = place(&paper.bars);
    let rows = bars.len();
    let bars: Vec<Value> = bars
        .iter()
        .enumerate()
        .map(|(row, bar)| drawn(row, bar))
        .collect();
    let incidents: Vec<Value> = paper.in_order().into_iter().map(incident).collect();
    context! {
        title => paper.title.clone(),
        summary => sum_up(&paper.summary),
        secrets => paper.secrets(),
        version => env!("CARGO_PKG_VERSION"),
        missing => paper.missing(),
        bars => bars,
        bars_missing => paper.left_out.1,
        height => rows * ROW + 22,
        axis => rows * ROW + 14,
        ticks => ticks(micros),
        incidents => incidents,
    }
}

fn ticks(micros: u64) -> Vec<Value> {
    (0..=4_u64)
        .map(|n| {
            let anchor = match n {
                0 => "start",
                4 => "end",
                _ => "middle",
            };
            context! { x => 300 + n * 150, label => duration(micros * n / 4), anchor => anchor }
        })
        .collect()
}

// Labels to the left of 300, bars from there to 900, times behind.
fn drawn(row: usize, bar: &Placed<'_>) -> Value {
    let wide = |thousandths: f64| thousandths * 0.6;
    let x = 300.0 + wide(bar.x);
    let waiting = wide(bar.waiting).min(900.0 - x);
    let receiving = wide(bar.receiving).min(900.0 - x - waiting).max(0.0);
    context! {
        y => row * ROW,
        text => row * ROW + 12,
        label => bar.label.clone(),
        class => bar.bar.class,
        preflight => bar.bar.preflight,
        status => bar.bar.status.clone(),
        x => format!("{x:.1}"),
        waiting => format!("{waiting:.1}"),
        then => format!("{:.1}", x + waiting),
        receiving => format!("{receiving:.1}"),
        took => bar.took.clone(),
    }
}

fn incident(incident: &Incident) -> Value {
    let told = &incident.explanation;
    let facts: Vec<String> = incident.at.map(moment).into_iter().collect();
    let proof: Vec<Value> = told
        .proof
        .iter()
        .map(|proof| {
            context! {
                label => proof.label, name => proof.name.clone(), value => proof.value.clone(), note => proof.note.clone(),
                bad => proof.bad, exchange => proof.exchange.to_string(),
            }
        })
        .collect();
    let cases: Vec<Value> = told
        .cases
        .iter()
        .map(|case| {
            context! {
                when => if case.include { "With credentials" } else { "Without credentials" },
                outcome => case.outcome.to_string(),
                text => case.text.clone(),
                fix => if case.fix == told.fix { Vec::new() } else { fix(&case.fix) },
            }
        })
        .collect();
    let warnings: Vec<Value> = told
        .warnings
        .iter()
        .map(|warning| {
            context! {
                severity => warning.severity.name(), title => warning.title.clone(), text => warning.text.clone(),
                id => warning.id,
            }
        })
        .collect();
    context! {
        glyph => told.outcome.glyph(),
        outcome => told.outcome.to_string(),
        class => told.outcome.name(),
        headline => incident.title(),
        request => told.request.clone(),
        origin => told.origin.clone(),
        times => incident.times,
        facts => facts,
        cause => told.cause.clone(),
        rule => told.rule.clone(),
        remarks => told.remarks.clone(),
        never_sent => told.never_sent,
        proof => proof,
        comparison => comparison(told),
        cases => cases,
        fix => fix(&told.fix),
        snippet => snippet(told),
        verify => incident
            .verify
            .clone()
            .map(|(command, note)| context! { command => command, note => note }),
        console => told.console.clone(),
        warnings => warnings,
    }
}

fn comparison(told: &Explanation) -> Option<String> {
    let comparison = told.comparison.as_ref()?;
    let mut lines = Vec::new();
    for strip in comparison.strips(COLUMNS) {
        for (label, line) in [
            (comparison.found_label, &strip.found),
            (comparison.needed_label, &strip.needed),
            ("", &strip.marks),
        ] {
            lines.push(format!("{label:<8}{line}").trim_end().to_owned());
        }
    }
    Some(lines.join("\n"))
}

// Steps, each with the header lines that follow it.
fn fix(lines: &[FixLine]) -> Vec<Value> {
    let mut steps: Vec<(&str, Vec<Value>)> = Vec::new();
    for line in lines {
        let (sign, header) = match line {
            FixLine::Step(step) => {
                steps.push((step, Vec::new()));
                continue;
            }
            FixLine::Add(header) => ("+", header),
            FixLine::Remove(header) => ("-", header),
        };
        if steps.is_empty() {
            steps.push(("", Vec::new()));
        }
        if let Some((_, headers)) = steps.last_mut() {
            headers.push(context! { sign, header });
        }
    }
    let value = |(step, headers): (&str, Vec<Value>)| context! { step, headers };
    steps.into_iter().map(value).collect()
}

fn snippet(told: &Explanation) -> Option<Value> {
    let mending = told.mending.as_ref()?;
    let snippet = mending.snippet.as_ref();
    let hops: Vec<String> = mending
        .hops()
        .into_iter()
        .chain(mending.elsewhere())
        .collect();
    if snippet.is_none() && hops.is_empty() {
        return None;
    }
    let parts: Vec<Value> = snippet
        .into_iter()
        .flat_map(|snippet| &snippet.parts)
        .map(|part| context! { file => part.file, place => part.place, code => part.code.clone() })
        .collect();
    let notes: Vec<&str> = snippet
        .into_iter()
        .flat_map(|snippet| snippet.notes.iter().copied().chain([snippet.never]))
        .filter(|note| !note.is_empty())
        .collect();
    Some(context! {
        hops => hops,
        title => snippet.map(|snippet| snippet.title),
        install => snippet.map(|snippet| snippet.install),
        parts => parts,
        notes => notes,
    })
}
