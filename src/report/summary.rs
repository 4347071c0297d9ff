//! The counts of a whole capture.

use crate::cors::Outcome;
use crate::diagnose::{Diagnosis, Exchanges, Role};

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests on the wire.
    pub exchanges: usize,
    /// Fetches they belong to.
    pub fetches: usize,
    /// Fetches the browser blocked.
    pub blocked: usize,
    /// Fetches whose outcome depends on the credentials mode.
    pub depends: usize,
    /// Fetches that broke below HTTP.
    pub failed: usize,
    /// Fetches whose answer script cannot read.
    pub opaque: usize,
    /// Preflights on the wire.
    pub preflights: usize,
    /// Time those took, in microseconds.
    pub preflight_micros: u64,
    /// Entries of a file that could not be used.
    pub skipped: usize,
}

impl Summary {
    /// Counts diagnoses, and the exchanges that belong to them; `skipped` is the reader's.
    pub fn of(diagnoses: &[Diagnosis], exchanges: &dyn Exchanges, skipped: usize) -> Self {
        let mut summary = Self {
            fetches: diagnoses.len(),
            skipped,
            ..Self::default()
        };
        for diagnosis in diagnoses {
            match diagnosis.outcome {
                Outcome::Blocked => summary.blocked += 1,
                Outcome::Depends => summary.depends += 1,
                Outcome::Failed => summary.failed += 1,
                Outcome::Opaque => summary.opaque += 1,
                Outcome::Allowed | Outcome::Exempt | Outcome::Pending => {}
            }
            for member in &diagnosis.fetch.members {
                let Some(id) = member.exchange else { continue };
                summary.exchanges += 1;
                if member.role == Role::Preflight {
                    summary.preflights += 1;
                    let duration = exchanges.exchange(id).and_then(|e| e.duration_micros());
                    summary.preflight_micros += duration.unwrap_or(0);
                }
            }
        }
        summary
    }

    /// Adds the counts of more.
    pub fn add(&mut self, more: &Self) {
        self.exchanges += more.exchanges;
        self.fetches += more.fetches;
        self.blocked += more.blocked;
        self.depends += more.depends;
        self.failed += more.failed;
        self.opaque += more.opaque;
        self.preflights += more.preflights;
        self.preflight_micros += more.preflight_micros;
        self.skipped += more.skipped;
    }

    /// Time the preflights took in milliseconds.
    pub fn preflight_ms(&self) -> f64 {
        self.preflight_micros as f64 / 1000.0
    }
}
