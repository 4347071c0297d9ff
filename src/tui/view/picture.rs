//! An image as half blocks: each cell shows two pixels, one above the other.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::super::body::Preview;
use super::super::theme::{Depth, Theme};

/// The picture; nothing where there are too few colours for one.
pub(super) fn lines(picture: &Preview, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let colour = |pixel: [u8; 3]| match theme.depth {
        Depth::None => None,
        Depth::Many => Some(Color::Indexed(nearest(pixel))),
        Depth::All => Some(Color::Rgb(pixel[0], pixel[1], pixel[2])),
    };
    if picture.width == 0 || theme.depth == Depth::None {
        return Vec::new();
    }
    let shown = picture.width.min(room.saturating_sub(2));
    let rows: Vec<&[[u8; 3]]> = picture.pixels.chunks(picture.width).collect();
    let line = |pair: &[&[[u8; 3]]]| {
        let mut spans = vec![Span::raw("  ")];
        for x in 0..shown {
            let upper = pair.first().and_then(|row| row.get(x)).copied();
            let lower = pair.get(1).and_then(|row| row.get(x)).copied();
            let style = Style {
                fg: upper.and_then(colour),
                bg: lower.and_then(colour),
                ..Style::default()
            };
            spans.push(Span::styled("▀", style));
        }
        Line::from(spans)
    };
    rows.chunks(2).map(line).collect()
}

/// The colour of the 6 × 6 × 6 cube, or of the greys, that is nearest.
fn nearest([r, g, b]: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |c: u8| {
        let by = |s: &u8| s.abs_diff(c);
        (0..6_u8)
            .min_by_key(|i| by(&STEPS[usize::from(*i)]))
            .unwrap_or(0)
    };
    let (spread, mean) = (
        r.max(g).max(b) - r.min(g).min(b),
        (u16::from(r) + u16::from(g) + u16::from(b)) / 3,
    );
    if spread < 12 && (8..=238).contains(&mean) {
        return 232 + ((mean - 8) / 10).min(23) as u8;
    }
    16 + 36 * step(r) + 6 * step(g) + step(b)
}
