//! What happens to each request: decided by its number and the seed alone, whichever thread asks it.

/// SplitMix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// How the server treats a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    Json,
    Chunked,
    NotFound,
    /// An error page without a CORS header.
    Broken,
    NotModified,
    Redirect,
    Events,
    // The faults.
    ClosedUnanswered,
    ResetUnanswered,
    HalfHead,
    CutBody,
    CutChunks,
    ResetBody,
    NoHttp,
    TwoLengths,
    LongHeader,
    ManyHeaders,
    Trickled,
    /// Before the request's body was read.
    Early,
}

/// How the browser behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Get,
    Cors,
    Preflight,
    Post,
    // The faults.
    LeavesInHead,
    LeavesInBody,
    LeavesUnanswered,
    LeavesInAnswer,
    Resets,
    Trickles,
    Nonsense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) number: u64,
    pub(super) asked: Asked,
    pub(super) served: Served,
    /// Through a tunnel with TLS, which the proxy takes apart.
    pub(super) tls: bool,
}

impl Plan {
    /// `faults_percent` of the requests have a server with a fault, and as many a browser.
    pub(super) fn of(seed: u64, number: u64, faults_percent: u64) -> Self {
        use Asked::{
            Cors, Get, LeavesInAnswer, LeavesInBody, LeavesInHead, LeavesUnanswered, Nonsense,
            Post, Preflight, Resets, Trickles,
        };
        use Served::{
            Broken, Chunked, ClosedUnanswered, CutBody, CutChunks, Early, Events, HalfHead, Json,
            LongHeader, ManyHeaders, NoHttp, NotFound, NotModified, Redirect, ResetBody,
            ResetUnanswered, Trickled, TwoLengths,
        };
        let mut dice = Dice::of(seed, number);
        let tls = dice.below(3) == 0;
        let served = if dice.below(100) < faults_percent {
            dice.pick(&[
                ClosedUnanswered,
                ResetUnanswered,
                HalfHead,
                CutBody,
                CutChunks,
                ResetBody,
                NoHttp,
                TwoLengths,
                LongHeader,
                ManyHeaders,
                Trickled,
                Early,
            ])
        } else {
            dice.pick(&[
                Json,
                Json,
                Json,
                Json,
                Chunked,
                Chunked,
                NotFound,
                Broken,
                NotModified,
                Redirect,
                Events,
            ])
        };
        let asked = if dice.below(100) < faults_percent {
            dice.pick(&[
                LeavesInHead,
                LeavesInBody,
                LeavesUnanswered,
                LeavesInAnswer,
                Resets,
                Trickles,
                Nonsense,
            ])
        } else {
            dice.pick(&[Get, Get, Cors, Cors, Cors, Preflight, Post])
        };
        Self {
            number,
            asked,
            served,
            tls,
        }
    }

    /// The whole answer of a server without a fault: status and body.
    pub(super) fn due(&self) -> Option<(u16, Vec<u8>)> {
        let text = |status, text: String| Some((status, text.into_bytes()));
        match self.served {
            Served::Json | Served::LongHeader | Served::ManyHeaders | Served::Trickled => {
                let filler = "x".repeat(Dice::of(7, self.number).below(3_000) as usize);
                text(200, format!("{{\"n\":{},\"x\":\"{filler}\"}}", self.number))
            }
            Served::Chunked => {
                let lines = 1 + Dice::of(8, self.number).below(400);
                let line = |i| format!("line {i} of {}\n", self.number);
                text(200, (0..lines).map(line).collect())
            }
            Served::NotFound => text(404, format!("no {}", self.number)),
            Served::Broken => text(500, format!("TypeError at {}", self.number)),
            Served::NotModified => text(304, String::new()),
            Served::Redirect => text(302, String::new()),
            Served::Events => {
                let event = |i| format!("id: {i}\ndata: {}\n\n", self.number);
                text(200, (0..5).map(event).collect())
            }
            Served::Early => text(413, "too large".to_owned()),
            _ => None,
        }
    }
}
