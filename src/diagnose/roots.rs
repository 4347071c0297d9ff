//! Why the server answered so.
use super::diagnose::Subject;
use super::diagnosis::Cause;
use super::steps::Step;

pub(crate) fn find(
    _subject: &Subject<'_>,
    _hop: usize,
    _step: &Step,
    _cause: &mut Cause,
    _include: bool,
) {
}
