//! What does not block but should be known.
use super::diagnose::Subject;
use super::diagnosis::{Diagnosis, Warning};

pub(crate) fn of(_subject: &Subject<'_>, _diagnosis: &Diagnosis) -> Vec<Warning> {
    Vec::new()
}
