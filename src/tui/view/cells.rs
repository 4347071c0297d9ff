//! What the lines in the window say, column by column; texts are clean.

use std::borrow::Cow;

use super::super::app::App;
use super::super::list::{Column, Entry, Place, children};
use super::super::text::{clean_bytes, duration, sanitise, size};
use crate::cors::Outcome;
use crate::diagnose::{Exchanges, Role};
use crate::report::{self, Glance};
use crate::session::{Row, RowEnd};
use crate::wire::{ExchangeId, Fate, Kind, Timestamp, Via};

/// One line, ready to be put into columns; texts are clean.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) place: Place,
    pub(super) folded: Option<bool>,
    pub(super) number: String,
    pub(super) method: String,
    pub(super) status: String,
    pub(super) glyph: &'static str,
    pub(super) outcome: Outcome,
    pub(super) server: String,
    pub(super) path: String,
    pub(super) initiator: String,
    pub(super) type_: &'static str,
    pub(super) protocol: &'static str,
    pub(super) connection: String,
    pub(super) cookies: String,
    pub(super) size: String,
    pub(super) time: String,
    pub(super) cors: String,
    pub(super) never_sent: bool,
    pub(super) bar: (Timestamp, Timestamp, Timestamp),
    pub(super) open: bool,
    /// Whether it is meant to stay open: its end says nothing about the others.
    pub(super) stream: bool,
}

impl Cells {
    /// What a column says; the waterfall is drawn, and the status has the verdict's sign behind it.
    pub(super) fn text(&self, column: Column) -> &str {
        match column {
            Column::Number => &self.number,
            Column::Method => &self.method,
            Column::Status => &self.status,
            Column::Origin => &self.server,
            Column::Path => &self.path,
            Column::Initiator => &self.initiator,
            Column::Type => self.type_,
            Column::Protocol => self.protocol,
            Column::Connection => &self.connection,
            Column::Cookies => &self.cookies,
            Column::Size => &self.size,
            Column::Time => &self.time,
            Column::Waterfall => "",
            Column::Cors => &self.cors,
        }
    }
}

/// Reads the rows of the window under one short lock.
pub(super) fn read(app: &App) -> Vec<Cells> {
    read_places(app, app.list.window())
}

/// Reads the rows of these lines under one short lock.
pub(super) fn read_places(app: &App, places: impl Iterator<Item = Place>) -> Vec<Cells> {
    let mut lines: Vec<(Place, Entry, ExchangeId)> = Vec::new();
    let mut below: Option<(u32, Vec<ExchangeId>)> = None;
    for place in places.filter(|p| !p.is_heading()) {
        let Some(entry) = app.list.entries.get(place.entry) else {
            continue;
        };
        let id = match place.child {
            None => Some(entry.head),
            Some(child) => {
                if below.as_ref().is_none_or(|(n, _)| *n != place.entry) {
                    below = Some((place.entry, children(&entry, &app.reader)));
                }
                below
                    .as_ref()
                    .and_then(|(_, ids)| ids.get(usize::from(child)).copied())
            }
        };
        if let Some(id) = id {
            lines.push((place, entry, id));
        }
    }
    let preflights = preflight_statuses(app, &lines);
    let ids: Vec<ExchangeId> = lines.iter().map(|(_, _, id)| *id).collect();
    let mut at = 0;
    let mut told = Vec::new();
    let mut cells = Vec::with_capacity(lines.len());
    app.reader.rows(&ids, &mut |row| {
        // Rows that left the session are not told; the others come in the order asked for.
        while lines.get(at).is_some_and(|(_, _, id)| *id != row.id) {
            at += 1;
        }
        if let Some((place, entry, _)) = lines.get(at) {
            let preflight = preflights.iter().find(|(n, _)| *n == place.entry);
            let preflight = preflight.map(|(_, status)| *status);
            let mut line = cells_of(*place, entry, row, preflight, app.now);
            if let (None, Some(note)) = (place.child, app.list.entries.notes.get(entry.head)) {
                let note = sanitise(note);
                line.cors = format!("◆ {note} {}", line.cors).replace("  ", " ");
            }
            told.push((cells.len(), row.id, row.told));
            cells.push(line);
            at += 1;
        }
    });
    // What never was on the wire has no size and took no time that anybody measured.
    for (at, id, only_told) in told {
        let via = match app.reader.said(id).map(|said| said.fate.clone()) {
            Some(Fate::Delivered(Via::Cache)) => "(cache)",
            Some(Fate::Delivered(Via::ServiceWorker)) => "(worker)",
            _ if only_told => "–",
            _ => continue,
        };
        via.clone_into(&mut cells[at].size);
        if only_told {
            "–".clone_into(&mut cells[at].time);
        }
    }
    cells
}

/// What the preflights of the lines were answered with, where a preflight is what failed.
fn preflight_statuses(app: &App, lines: &[(Place, Entry, ExchangeId)]) -> Vec<(u32, u16)> {
    let mut found = Vec::new();
    for (place, entry, _) in lines {
        if place.child.is_none() && entry.failed_in_preflight() {
            let members = children(entry, &app.reader);
            app.reader.rows(&members, &mut |row| {
                if let (Role::Preflight, Some(status)) = (row.mark.role, row.status) {
                    found.retain(|(n, _)| *n != place.entry);
                    found.push((place.entry, status));
                }
            });
        }
    }
    found
}

fn cells_of(
    place: Place,
    entry: &Entry,
    row: &Row<'_>,
    preflight_status: Option<u16>,
    now: Timestamp,
) -> Cells {
    let mark = &row.mark;
    let child = place.child.is_some();
    // A hop of a chain of redirects has a URL of its own.
    let hop = child && mark.role != Role::Preflight;
    let stands_for_unsent = !child && entry.only_preflight;
    let wanted = row.wanted_method.filter(|_| stands_for_unsent);
    let status = match (row.status, row.end) {
        _ if stands_for_unsent => String::new(),
        (Some(status), _) => status.to_string(),
        (None, RowEnd::Failed(..)) => "–".to_owned(),
        (None, RowEnd::Aborted) => "–".to_owned(),
        (None, _) => String::new(),
    };
    let glyph = match mark.outcome {
        // Folded lines say what they were, not what became of the whole.
        _ if child => "",
        Outcome::Allowed | Outcome::Exempt if mark.warnings => "⚠",
        outcome => outcome.glyph(),
    };
    let end = row
        .duration_micros
        .map_or(now.max(row.opened_at), |d| row.opened_at.plus_micros(d));
    let answered = row
        .answered_micros
        .map_or(end, |a| row.opened_at.plus_micros(a));
    let unsent_and_over = stands_for_unsent && mark.never_sent;
    Cells {
        place,
        folded: (!child && entry.children() > 0).then(|| !entry.is_open()),
        number: if child {
            "└".to_owned()
        } else {
            row.id.0.to_string()
        },
        method: if child {
            sanitise(row.method).into_owned()
        } else {
            sanitise(wanted.unwrap_or(row.method)).into_owned()
        },
        status,
        glyph,
        outcome: mark.outcome,
        server: if child && !hop {
            String::new()
        } else {
            sanitise(row.origin_text).into_owned()
        },
        path: if child && !hop {
            String::new()
        } else {
            sanitise(row.path).into_owned()
        },
        initiator: match row.page_origin {
            Some(origin) if !child => sanitise(origin).into_owned(),
            _ => String::new(),
        },
        protocol: match row.status {
            Some(_) => row.version.name(),
            None => "",
        },
        connection: row.connection.map(|n| n.to_string()).unwrap_or_default(),
        cookies: match row.set_cookies {
            0 => String::new(),
            n => n.to_string(),
        },
        stream: matches!(row.type_, "ws" | "sse" | "tunnel"),
        type_: match row.type_ {
            "preflight" if stands_for_unsent => "fetch",
            "preflight" => "",
            other => known_type(other),
        },
        size: match row.status {
            _ if stands_for_unsent => "–".to_owned(),
            None => "–".to_owned(),
            Some(_) => size(row.response_bytes),
        },
        time: match row.duration_micros {
            _ if stands_for_unsent => "–".to_owned(),
            Some(micros) => duration(micros),
            None => duration(now.micros_since(row.opened_at)),
        },
        cors: if hop && mark.role == Role::Redirect {
            "redirected".to_owned()
        } else if child {
            String::new()
        } else {
            cors(
                row,
                &brief(row, preflight_status, wanted.unwrap_or(row.method)),
            )
        },
        never_sent: unsent_and_over,
        bar: (row.opened_at, answered, end),
        open: row.end == RowEnd::Open,
    }
}

fn known_type(type_: &str) -> &'static str {
    const TYPES: [&str; 15] = [
        "doc", "css", "js", "img", "font", "media", "fetch", "ws", "sse", "tunnel", "manifest",
        "worker", "wasm", "report", "xhr",
    ];
    TYPES.into_iter().find(|t| *t == type_).unwrap_or("")
}

/// The cause in a few words.
fn brief(row: &Row<'_>, preflight_status: Option<u16>, method: &str) -> Cow<'static, str> {
    let mark = &row.mark;
    report::brief(&Glance {
        outcome: mark.outcome,
        check: mark.check,
        stage: mark.stage,
        root: mark.root,
        sub: mark.sub,
        method,
        status: row.status,
        preflight_status,
        never_sent: mark.never_sent,
        scripted: matches!(row.type_, "fetch" | "preflight" | "sse" | "other"),
        broke: match row.end {
            RowEnd::Failed(stage, kind) => Some((stage, kind)),
            _ => None,
        },
    })
}

/// The cause in a few words, and what else a person must know of this line.
fn cors(row: &Row<'_>, brief: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    match row.mark.was {
        Some(was) if was != row.mark.outcome => {
            parts.push(format!("⚡ {was} → {}", row.mark.outcome));
        }
        Some(_) => parts.push("⚡".to_owned()),
        None => {}
    }
    if row.replayed {
        parts.push("↻".to_owned());
    }
    if !brief.is_empty() {
        parts.push(clean_bytes(brief.as_bytes()));
    }
    if row.insecure {
        parts.push("certificate not verified".to_owned());
    }
    if row.kind == Kind::Tunnel && row.mark.outcome != Outcome::Failed {
        parts.push("passed through unread".to_owned());
    }
    parts.join(" ")
}
