//! Turning a body's leaves: work on a body that is done beside the screen, a slice at a time.

use std::sync::Arc;

use super::find::{Finding, Found, find};
use super::huge::{Huge, HugeView, Window};
use crate::session::Reader;

/// Something to be read of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRequest {
    pub(crate) want: Want,
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Go on counting lines.
    Count(Arc<Huge>),
    /// The lines around one.
    Lines(Arc<Huge>, u64),
    /// The bytes around one.
    Bytes(Arc<Huge>, u64),
    /// The line that holds a byte.
    LineOf(Arc<Huge>, u64),
    /// Where a text is.
    Find(Finding),
}

/// What was read of a body.
#[derive(Debug)]
pub struct LeafAnswer {
    pub(crate) huge: Option<Arc<Huge>>,
    pub(crate) view: HugeView,
    pub(crate) line: Option<u64>,
    pub(crate) found: Option<Found>,
}

/// Reads it. Blocks.
pub(crate) fn turn(reader: &Reader, request: &LeafRequest) -> LeafAnswer {
    let mut window: Option<Window> = None;
    let (mut line, mut found) = (None, None);
    let huge = match &request.want {
        Want::Count(huge) => {
            huge.go_on(reader);
            Some(huge)
        }
        Want::Lines(huge, at) => {
            window = Some(huge.lines_around(reader, *at));
            Some(huge)
        }
        Want::Bytes(huge, at) => {
            window = Some(huge.bytes_around(reader, *at));
            Some(huge)
        }
        Want::LineOf(huge, byte) => {
            line = Some(huge.line_of(reader, *byte));
            Some(huge)
        }
        Want::Find(finding) => {
            found = Some(find(reader, finding));
            None
        }
    };
    let mut view = huge.map(|huge| huge.view()).unwrap_or_default();
    view.window = window;
    LeafAnswer {
        huge: huge.cloned(),
        view,
        line,
        found,
    }
}
