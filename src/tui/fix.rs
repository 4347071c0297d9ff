//! Performing [`Effect::Mend`](super::Effect::Mend): which server it was and what mends it there.
//! Reads the session's file, so never called where something is drawn.

use crate::cors::Credentials;
use crate::diagnose::FetchId;
use crate::fix::{self, Reach};
use crate::report::{self, FixLine, Mending, Servers};
use crate::session::Reader;
use crate::wire::{ExchangeId, Origin};

/// How many rows are searched for others of the same server, from the newest back.
const ROWS_MAX: usize = 20_000;
/// How many of these are looked at: servers show themselves soon.
const EXCHANGES_MAX: usize = 60;

/// What the fix dialog shows.
#[derive(Debug)]
pub struct Mended {
    pub(crate) fetch: FetchId,
    /// Who can mend it; `None` when nothing is broken (any more).
    pub(crate) reach: Option<Reach>,
    /// What to do, and the header lines.
    pub(crate) lines: Vec<FixLine>,
    /// Whether the credentials mode is unknown and the snippet leaves them out.
    pub(crate) credentials_open: bool,
    /// Which server it was and what it has to let in, where a server can mend it.
    pub(crate) mending: Option<Mending>,
}

/// What mends a fetch, and where.
pub(super) fn mend(reader: &Reader, fetch: FetchId) -> Mended {
    let mut mended = Mended {
        fetch,
        reach: None,
        lines: Vec::new(),
        credentials_open: false,
        mending: None,
    };
    let Some(diagnosis) = reader.diagnosis(fetch) else {
        return mended;
    };
    let Some(fix) = fix::suggest(&diagnosis, reader) else {
        return mended;
    };
    mended.reach = Some(fix.reach);
    mended.lines = report::explain(&diagnosis, Some(&fix), reader).fix;
    // Its own exchanges first: they are never crowded out.
    let mut ids: Vec<ExchangeId> = diagnosis.fetch.exchanges().collect();
    ids.extend(of_host(reader, &fix.url));
    let servers = Servers::of_exchanges(ids, reader);
    mended.mending = servers.mending_of(&diagnosis, Some(&fix), reader);
    let open = |mending: &Mending| !mending.needs.credentials;
    mended.credentials_open =
        diagnosis.credentials == Credentials::Unknown && mended.mending.as_ref().is_some_and(open);
    mended
}

/// The newest exchanges with the server of a URL.
fn of_host(reader: &Reader, url: &str) -> Vec<ExchangeId> {
    let Some(host) = Origin::of_url(url).map(|origin| origin.to_string()) else {
        return Vec::new();
    };
    let skip = reader.len().saturating_sub(ROWS_MAX) as u64;
    let from = ExchangeId(reader.first_id().0 + skip);
    let mut found = Vec::new();
    reader.scan(from, ROWS_MAX, &mut |row| {
        if row.origin_text == host {
            found.push(row.id);
        }
    });
    found.split_off(found.len().saturating_sub(EXCHANGES_MAX))
}
