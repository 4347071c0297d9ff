//! Title, chips with the filter box, and the key bar.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::app::{App, Zoom};
use super::super::keymap::{Focus, holds};
use super::super::list::{Chip, Steering};
use super::super::text::{clock, count, duration, ellipsis, ellipsis_left, sanitise, width};
use crate::cors::Outcome;

/// Name, address, counts, session, clock; what does not fit is left out, the least telling first.
pub(super) fn title(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = &app.theme;
    let counts = app.reader.counts();
    let room = usize::from(area.width);
    let dot = if app.paused { "‖" } else { "●" };
    let mut left: Vec<Span<'_>> = vec![Span::styled(" corscope", theme.brand)];
    if let Some(address) = app.options.addresses.first() {
        let style = if app.paused {
            theme.warning
        } else {
            theme.live
        };
        left.push(Span::styled(format!("  {dot} "), style));
        left.push(Span::raw(address.to_string()));
    }
    if app.paused {
        left.push(Span::styled("  paused", theme.warning));
    }
    let mut optional: Vec<(u8, Span<'_>)> = Vec::new();
    let requests = count(counts.exchanges, "request");
    optional.push(match app.reader.reading() {
        Some(all) => (
            10,
            Span::styled(format!("   reading… {requests} of {all}"), theme.warning),
        ),
        None => (2, Span::styled(format!("   {requests}"), theme.dim)),
    });
    let told = |outcome| app.list.entries.outcome_count(outcome);
    let (blocked, depends, failed) = (
        told(Outcome::Blocked),
        told(Outcome::Depends),
        told(Outcome::Failed),
    );
    if blocked > 0 {
        optional.push((
            9,
            Span::styled(format!("  ✖ {blocked} blocked"), theme.blocked),
        ));
    }
    if depends > 0 {
        optional.push((
            6,
            Span::styled(format!("  ? {depends} depend"), theme.warning),
        ));
    }
    if failed > 0 {
        optional.push((
            7,
            Span::styled(format!("  ! {failed} failed"), theme.blocked),
        ));
    }
    if counts.preflights > 0 {
        let cost = duration(counts.preflight_micros);
        let text = format!("  {} cost {cost}", count(counts.preflights, "preflight"));
        optional.push((4, Span::raw(text)));
    }
    if let Some(trouble) = app.reader.trouble() {
        optional.push((
            8,
            Span::styled(format!("  ⚠ {}", sanitise(&trouble)), theme.notice),
        ));
    } else if let Some(skipped) = app.skipped() {
        optional.push((5, Span::styled(format!("  ⚠ {skipped}"), theme.warning)));
    }
    let clock = if app.is_live() {
        format!("  {} ", clock(app.now, app.utc_offset))
    } else {
        " ".to_owned()
    };
    let name = app.reader.name();
    let name = sanitise(&name);
    let left_width: usize = left.iter().map(|s| width(&s.content)).sum();
    let mut free = room.saturating_sub(left_width + width(&clock));
    // The most telling first; then shown in their own order.
    let mut by_worth: Vec<usize> = (0..optional.len()).collect();
    by_worth.sort_by_key(|i| std::cmp::Reverse(optional[*i].0));
    let mut shown = vec![false; optional.len()];
    for i in by_worth {
        let w = width(&optional[i].1.content);
        if w <= free {
            shown[i] = true;
            free -= w;
        }
    }
    let spans = optional.into_iter().zip(shown).filter(|(_, s)| *s);
    left.extend(spans.map(|((_, span), _)| span));
    let mut right = clock;
    if free > 16 {
        right = format!("  {}{right}", ellipsis_left(&name, (free - 2).min(48)));
    }
    let used: usize = left.iter().map(|s| width(&s.content)).sum();
    left.push(Span::raw(
        " ".repeat(room.saturating_sub(used + width(&right))),
    ));
    left.push(Span::styled(right, theme.dim));
    frame.render_widget(Line::from(left).style(theme.bar), area);
}

/// Columns the filter has at least, its mark included, and while somebody types in it.
const FILTER_COLUMNS: u16 = 11;
const FILTER_COLUMNS_TYPING: u16 = 28;

/// The chips with where each lies, from the left edge.
fn chip_spans(app: &App) -> Vec<(Chip, Range<u16>, String)> {
    let entries = &app.list.entries;
    let narrow = app.size.0 < 100;
    let mut x = 0_u16;
    let mut spans = Vec::new();
    for chip in Chip::ALL {
        let n = entries.count(chip);
        let with_count = match chip {
            Chip::Blocked => n > 0,
            Chip::All => false,
            _ => n > 0 && !narrow,
        };
        let name = match chip {
            Chip::Fetch if narrow => "Fetch",
            _ => chip.name(),
        };
        let chosen = entries.lens().chip == chip;
        // Errors only where there are some; on a narrow screen only kinds that occurred.
        if matches!(chip, Chip::Status4 | Chip::Status5) && n == 0 && !chosen {
            continue;
        }
        if narrow && n == 0 && !chosen && !matches!(chip, Chip::All | Chip::Blocked | Chip::Fetch) {
            continue;
        }
        let text = if with_count {
            format!(" {name} {n} ")
        } else {
            format!(" {name} ")
        };
        let w = width(&text) as u16;
        spans.push((chip, x..x + w, text));
        x += w;
    }
    // The filter has to have some room, more while somebody types in it.
    let typing = app.focus == Focus::Filter;
    let wanted = if typing || !app.filter.input.value().is_empty() {
        FILTER_COLUMNS_TYPING
    } else {
        FILTER_COLUMNS
    };
    let room = app.size.0.saturating_sub(wanted);
    if x > room {
        let chosen = entries.lens().chip;
        let mut left = 0;
        spans.retain_mut(|(chip, range, _)| {
            let w = range.end - range.start;
            let keeps = *chip == chosen || (!typing && left + w <= room);
            if keeps {
                *range = left..left + w;
                left += w;
            }
            keeps
        });
    }
    spans
}

pub(super) fn chip_at(app: &App, at: Position) -> Option<Chip> {
    let spans = chip_spans(app);
    spans
        .into_iter()
        .find(|(_, range, _)| range.contains(&at.x))
        .map(|(chip, _, _)| chip)
}

/// Chips, and the filter box behind them.
pub(super) fn chips(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = &app.theme;
    let chosen = app.list.entries.lens().chip;
    let mut line: Vec<Span<'_>> = Vec::new();
    let mut x = 0;
    for (chip, range, text) in chip_spans(app) {
        let style = if chip == chosen {
            theme.chosen
        } else if chip == Chip::Blocked && app.list.entries.count(chip) > 0 {
            theme.blocked
        } else {
            Style::new()
        };
        x = range.end;
        line.push(Span::styled(text, style));
    }
    line.push(Span::styled(" │ ", theme.rule));
    let start = x + 3;
    let room = usize::from(area.width.saturating_sub(start));
    let value = app.filter.input.value();
    let typing = app.focus == Focus::Filter;
    if typing {
        let (shown, cursor) = filter_view(app, room.saturating_sub(3));
        line.push(Span::styled("/ ", theme.key));
        line.push(Span::raw(shown));
        frame.set_cursor_position((start + 2 + cursor as u16, area.y));
    } else if value.is_empty() {
        line.push(Span::styled("/ filter", theme.dim));
        let hidden = hidden(app);
        if let Some(hidden) = hidden.filter(|h| width(h) + 10 < room) {
            line.push(Span::styled(format!("  {hidden}"), theme.dim));
        }
    } else {
        line.push(Span::styled("/ ", theme.key));
        line.push(Span::styled(
            ellipsis(&sanitise(value), room.saturating_sub(18)).into_owned(),
            theme.strong,
        ));
    }
    let total = app.list.entries.count(Chip::All) as usize;
    let listed = app.list.entries.listed().len();
    if (!value.is_empty() || typing) && (listed < total || app.is_behind()) {
        let more = if app.is_behind() { "…" } else { "" };
        let search = app.search_progress().map(|p| format!("searching {p} % · "));
        let search = search.unwrap_or_default();
        let text = format!("{search}{listed} of {total}{more} ");
        let used: usize = line.iter().map(|s| width(&s.content)).sum();
        let gap = usize::from(area.width).saturating_sub(used + width(&text));
        if gap > 0 {
            line.push(Span::raw(" ".repeat(gap)));
            line.push(Span::styled(text, theme.dim));
        }
    }
    frame.render_widget(Line::from(line), area);
}

/// The part of the filter that fits, and the column of the cursor in it.
fn filter_view(app: &App, room: usize) -> (String, usize) {
    let input = &app.filter.input;
    let scroll = input.visual_scroll(room.max(1));
    let mut skipped = 0;
    let shown: String = input
        .value()
        .chars()
        .skip_while(|c| {
            let skip = skipped < scroll;
            if skip {
                skipped += width(c.encode_utf8(&mut [0; 4]));
            }
            skip
        })
        .collect();
    let shown = sanitise(&shown).into_owned();
    (shown, input.visual_cursor().saturating_sub(skipped))
}

/// Where the filter's text begins, in columns from the left edge.
pub(super) fn filter_column(app: &App) -> u16 {
    chip_spans(app).last().map_or(0, |(_, r, _)| r.end) + 5
}

/// Where the error of the filter points to, in columns from the left edge.
pub(super) fn error_column(app: &App, at: usize) -> u16 {
    let start = filter_column(app);
    let before = app.filter.input.value().get(..at).unwrap_or_default();
    start + width(before) as u16
}

/// What is hidden although no filter says so.
fn hidden(app: &App) -> Option<String> {
    let lens = app.list.entries.lens();
    if lens.hidden_before > 0 {
        let key = app.keys.label(Action::ShowAll);
        return Some(format!("earlier requests hidden: {key} brings back"));
    }
    let chatter = app.list.entries.chatter_count();
    let key = app.keys.label(Action::Chatter);
    (chatter > 0 && !lens.chatter).then(|| format!("{chatter} of the browser itself hidden: {key}"))
}

/// A notice where there is one, else the keys that work now.
pub(super) fn bottom(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let theme = &app.theme;
    let room = usize::from(area.width);
    if let Some((notice, _)) = &app.notice {
        let text = format!(" {} ", sanitise(notice));
        let text = ellipsis(&text, room).into_owned();
        frame.render_widget(Line::styled(text, theme.notice).style(theme.bar), area);
        return;
    }
    let mut line = vec![Span::raw(" ")];
    let mut used = 1;
    let keys = keys(app);
    let needs = |(key, word): &(String, String)| width(key) + 1 + width(word) + 2;
    // Where not all have room, the key that tells all others has.
    let help = keys.iter().position(|(_, word)| word == "help");
    for (n, pair) in keys.iter().enumerate() {
        let w = needs(pair);
        let kept = help
            .filter(|help| n < *help)
            .map_or(0, |help| needs(&keys[help]));
        if used + w + kept > room {
            continue;
        }
        let (key, word) = pair.clone();
        used += w;
        line.push(Span::styled(key, theme.key));
        line.push(Span::raw(format!(" {word}  ")));
    }
    let (_, after) = app.list.beyond();
    if app.focus != Focus::Dialog && after > 0 && app.list.steering == Steering::Person {
        let text = format!("▼ {after} more ");
        let gap = room.saturating_sub(used + width(&text));
        if gap > 0 {
            line.push(Span::raw(" ".repeat(gap)));
            line.push(Span::styled(text, theme.dim));
        }
    }
    frame.render_widget(Line::from(line).style(theme.bar), area);
}

/// The keys that do something now, in the order of the table.
fn keys(app: &App) -> Vec<(String, String)> {
    let fixed = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, w)| ((*k).to_owned(), (*w).to_owned()))
            .collect()
    };
    match app.focus {
        Focus::Filter => fixed(&[
            ("Enter", "done"),
            ("Esc", "as before"),
            ("Tab", "complete"),
            ("↑↓", "choose"),
            ("Ctrl-S", "keep"),
            ("Ctrl-U", "empty"),
            ("", "words, host: status: is: cause: body:, and or not ( )"),
        ]),
        Focus::Dialog => app
            .dialog
            .as_ref()
            .map(|dialog| dialog.keys(app))
            .unwrap_or_default(),
        focus => app
            .keys
            .bindings()
            .filter(|(b, _)| holds(b.place, focus) && app.can(b.action))
            .filter_map(|(b, keys)| Some((keys.first()?.label(), word(app, b.action, b.bar?))))
            .collect(),
    }
}

fn word(app: &App, action: Action, word: &str) -> String {
    match action {
        Action::Pause if app.paused => "go on".to_owned(),
        Action::Zoom if app.zoomed != Zoom::Nothing => "unzoom".to_owned(),
        Action::Chatter if app.list.entries.lens().chatter => "hide browser chatter".to_owned(),
        _ => word.to_owned(),
    }
}
