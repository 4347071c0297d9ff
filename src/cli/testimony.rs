//! What launched browsers say, matched to what was captured.
//!
//! Nothing is added to a request to tell it by, so URL, method, order and time have to do. What was
//! never sent matches nothing and becomes a row of its own.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::capture::{Recorder, now, of_system};
use crate::session::Reader;
use crate::wire::{
    Block, Client, End, ExchangeId, Failure, FailureKind, FailureStage, Fate, HeaderList,
    HttpVersion, Kind, RequestHead, Source, Timestamp, Timings, Via,
};
use crate::witness::Word;

/// How long the capture may take to show an exchange that the browser has already told of.
const WAIT: Duration = Duration::from_millis(1500);
/// How often what waits is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How much earlier than the browser says an exchange may have begun: the clock is the same, the moment
/// it is read is not.
const SLACK_MICROS: i64 = 300_000;
/// How old an exchange may be where the browser does not say when it began.
const RECENT_MICROS: i64 = 10_000_000;
/// How many rows are looked at, from the last one back.
const ROWS_MAX: u64 = 4_000;
/// How many words wait, and how many exchanges are known to be spoken for.
const WAITING_MAX: usize = 1_000;
const CLAIMED_MAX: usize = 20_000;

/// Hears the words of one browser until it is gone.
pub(super) async fn hear(reader: Reader, recorder: Recorder, mut words: mpsc::Receiver<Word>) {
    let mut clerk = Clerk {
        reader,
        recorder,
        claimed: HashSet::new(),
        claims: VecDeque::new(),
        agent: None,
    };
    let mut waiting: VecDeque<(Instant, Word)> = VecDeque::new();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            word = words.recv() => match word {
                Some(mut word) => {
                    // Its clock may have been set back, that of the capture never is.
                    word.at = word.at.map(of_system);
                    clerk.note_agent(&word);
                    // Words about one URL stay in their order: the first has the first exchange.
                    let behind = waiting.iter().any(|(_, before)| before.url == word.url);
                    if (behind || !clerk.take(&word)) && waiting.len() < WAITING_MAX {
                        waiting.push_back((Instant::now(), word));
                    }
                }
                None => break,
            },
            _ = looks.tick(), if !waiting.is_empty() => {
                let mut still: HashSet<String> = HashSet::new();
                waiting.retain(|(since, word)| {
                    if still.contains(&word.url) {
                        return true;
                    }
                    if clerk.take(word) {
                        return false;
                    }
                    let over = since.elapsed() >= WAIT;
                    if over {
                        clerk.unsent(word);
                    } else {
                        still.insert(word.url.clone());
                    }
                    !over
                });
            }
        }
    }
    for (_, word) in waiting {
        if !clerk.take(&word) {
            clerk.unsent(&word);
        }
    }
}

struct Clerk {
    reader: Reader,
    recorder: Recorder,
    /// Exchanges that something was said of.
    claimed: HashSet<ExchangeId>,
    claims: VecDeque<ExchangeId>,
    /// The browser's User-Agent, once a request named it.
    agent: Option<String>,
}

impl Clerk {
    fn note_agent(&mut self, word: &Word) {
        if self.agent.is_none() {
            let named = word
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
            self.agent = named.map(|(_, value)| value.clone());
        }
    }

    /// Records what was said if its exchange is there.
    fn take(&mut self, word: &Word) -> bool {
        let found = self.find(word, &word.url, false);
        // What a redirect led to and was not sent is said of the redirect.
        let found = found.or_else(|| {
            let before = word.before.as_deref().filter(|_| !word.on_wire)?;
            self.find(word, before, true)
        });
        let Some(id) = found else { return false };
        self.claim(id);
        self.recorder.said(id, word.said.clone());
        true
    }

    fn claim(&mut self, id: ExchangeId) {
        if self.claimed.insert(id) {
            self.claims.push_back(id);
        }
        if self.claims.len() > CLAIMED_MAX
            && let Some(oldest) = self.claims.pop_front()
        {
            self.claimed.remove(&oldest);
        }
    }

    /// The first exchange with this URL, since the browser began with it, that nothing was said of; its
    /// preflight if only that was sent.
    fn find(&self, word: &Word, url: &str, redirect: bool) -> Option<ExchangeId> {
        let since = match word.at {
            Some(at) => at.0 - SLACK_MICROS,
            None => now().0 - RECENT_MICROS,
        };
        let first = self.reader.first_id().0;
        let end = first + self.reader.len() as u64;
        let from = end.saturating_sub(ROWS_MAX).max(first);
        let refused = matches!(
            word.said.fate,
            Fate::Blocked(Block::Cors(_)) | Fate::Failed(_)
        );
        let (mut own, mut preflight) = (None, None);
        self.reader
            .scan(ExchangeId(from), ROWS_MAX as usize, &mut |row| {
                let same = url.strip_prefix(row.origin_text) == Some(row.path);
                let late = redirect || row.opened_at.0 >= since;
                let open = redirect || !self.claimed.contains(&row.id);
                if !same || !late || !open || row.replayed || row.kind != Kind::Http {
                    return;
                }
                let wanted = |method: &str| word.method.as_deref().is_none_or(|m| m == method);
                if row.wanted_method.is_some_and(wanted) {
                    preflight = preflight.or(Some(row.id));
                } else if row.wanted_method.is_none() && wanted(row.method) {
                    own = own.or(Some(row.id));
                }
            });
        own.or(preflight.filter(|_| refused))
    }

    /// Whether something was said already of another request to the same, made since.
    fn was_told(&self, word: &Word) -> bool {
        let Some(at) = word.at else { return false };
        let first = self.reader.first_id().0;
        let end = first + self.reader.len() as u64;
        let from = end.saturating_sub(ROWS_MAX).max(first);
        let mut told = false;
        self.reader
            .scan(ExchangeId(from), ROWS_MAX as usize, &mut |row| {
                let same = word.url.strip_prefix(row.origin_text) == Some(row.path);
                let method = word.method.as_deref().is_none_or(|m| m == row.method);
                let since = row.opened_at.0 >= at.0 - SLACK_MICROS;
                told |= same && method && since && self.claimed.contains(&row.id);
            });
        told
    }

    /// Makes a row for what never reached the wire.
    fn unsent(&mut self, word: &Word) {
        let via = match &word.said.fate {
            // It went where it is not read: past the proxy, or through a tunnel.
            Fate::Delivered(Via::Network) => return,
            _ if word.on_wire => return,
            // A service worker asked in the page's place, and what became of that is told of its own
            // request.
            Fate::Failed(_) if self.was_told(word) => return,
            Fate::Delivered(via) => Some(*via),
            Fate::Blocked(_) | Fate::Failed(_) => None,
        };
        let mut headers = word.headers.clone();
        let named = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        if let Some(agent) = self.agent.as_ref().filter(|_| !named) {
            headers.push(("User-Agent".to_owned(), agent.clone()));
        }
        let pairs = headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let request = RequestHead {
            method: word.method.clone().unwrap_or_else(|| "GET".to_owned()),
            url: word.url.clone(),
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(pairs)),
        };
        let at = word.at.unwrap_or_else(now);
        let exchange =
            self.recorder
                .open_now(Source::Browser, Kind::Http, Client::default(), request, at);
        self.claim(exchange.id());
        self.recorder.said(exchange.id(), word.said.clone());
        let end = match via {
            Some(_) => End::Complete,
            None => End::Failed(Failure {
                stage: FailureStage::Send,
                kind: FailureKind::Other,
                detail: why(&word.said.fate),
            }),
        };
        exchange.close_at(Timestamp(at.0 + 1), end, Timings::default(), None, None);
    }
}

fn why(fate: &Fate) -> String {
    let (_, reason, detail) = fate.words();
    let what = if detail.is_empty() { reason } else { detail };
    format!("the browser never sent it: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Exchanges;
    use crate::session::Session;
    use crate::wire::Said;

    const NOTHING: &str = "http://api.test/nothing";

    fn word(url: &str, method: &str, at: i64, on_wire: bool, fate: Fate) -> Word {
        Word {
            url: url.into(),
            method: Some(method.into()),
            at: Some(Timestamp(at)),
            before: None,
            headers: vec![("User-Agent".into(), "Mozilla/5.0 Chrome/156.0.0.0".into())],
            on_wire,
            said: Said::new(fate),
        }
    }

    fn head(method: &str, url: &str, pairs: &[(&str, &str)]) -> RequestHead {
        RequestHead {
            method: method.into(),
            url: url.into(),
            version: HttpVersion::Http11,
            headers: Arc::new(HeaderList::from_pairs(pairs.iter().copied())),
        }
    }

    #[tokio::test]
    async fn words_find_their_exchanges_and_the_unsent_get_rows() {
        let (session, recorder) = Session::in_memory(None, 1).expect("memory");
        let reader = session.reader();
        let at = now().0;
        let (a, put) = ("http://api.test/a?x=1", "http://api.test/put");
        let open = |method: &str, url: &str, pairs: &[(&str, &str)], later: i64| {
            let request = head(method, url, pairs);
            let at = Timestamp(at + later);
            recorder.open_now(Source::Proxy, Kind::Http, Client::default(), request, at)
        };
        let asks = [
            ("Origin", "http://app.test"),
            ("Access-Control-Request-Method", "PUT"),
        ];
        let sent = [
            open("GET", a, &[], 0),
            open("GET", a, &[], 1000),
            open("OPTIONS", put, &asks, 2000),
        ];
        let (tell, told) = mpsc::channel(16);
        let cors = |name: &str| Fate::Blocked(Block::Cors(name.into()));
        for word in [
            word(a, "GET", at, true, cors("First")),
            word(a, "GET", at, true, Fate::Delivered(Via::Network)),
            word(put, "PUT", at + 1500, false, cors("PreflightInvalidStatus")),
            word(
                NOTHING,
                "GET",
                at,
                false,
                Fate::Blocked(Block::MixedContent),
            ),
            // Sent where it is not read.
            word("http://past.test/", "GET", at, true, cors("Third")),
        ] {
            tell.send(word).await.expect("heard");
        }
        drop(tell);
        // All of it is in the rows before the words are looked at.
        while reader.len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        hear(reader.clone(), recorder.clone(), told).await;
        let ids: Vec<ExchangeId> = sent
            .iter()
            .map(crate::capture::ExchangeRecorder::id)
            .collect();
        drop(sent);
        session.finish().expect("finished");

        let fate = |id: ExchangeId| reader.said(id).map(|said| said.fate.clone());
        assert_eq!(fate(ids[0]), Some(cors("First")));
        assert_eq!(fate(ids[1]), Some(Fate::Delivered(Via::Network)));
        assert_eq!(fate(ids[2]), Some(cors("PreflightInvalidStatus")));
        assert_eq!(reader.len(), 4, "one row more, and not two");
        let unsent = reader.exchange(ExchangeId(4)).expect("a row of its own");
        assert_eq!(unsent.source, Source::Browser);
        assert_eq!(unsent.request.url, NOTHING);
        let fetch = reader.fetch_of(unsent.id).expect("a fetch of its own");
        let diagnosis = reader.diagnosis(fetch).expect("judged");
        assert_eq!(diagnosis.outcome, crate::cors::Outcome::Blocked);
        let check = diagnosis.cause.map(|cause| cause.check);
        assert_eq!(check, Some(crate::cors::Check::MixedContent));
    }
}
