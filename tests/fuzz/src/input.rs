//! Bytes read as decisions: which header, which status, how long.

use std::sync::Arc;

use corscope::wire::{Exchange, HeaderList, Timestamp};

use super::exchanges::{Asked, Became, exchange};

/// Names that rules look at; a fuzzer should not have to guess them.
const NAMES: [&str; 32] = [
    "Access-Control-Allow-Origin",
    "access-control-allow-origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    "Origin",
    "Vary",
    "Location",
    "Content-Type",
    "Set-Cookie",
    "Cookie",
    "Authorization",
    "User-Agent",
    "Referer",
    "Accept",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Storage-Access",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Age",
    "If-None-Match",
    "Range",
    "Upgrade-Insecure-Requests",
    "X-Total-Count",
];

/// Values that lead somewhere.
const VALUES: [&str; 16] = [
    "*",
    "https://app.test",
    "https://api.test",
    "null",
    "true",
    "PUT",
    "content-type",
    "cors",
    "no-cors",
    "navigate",
    "empty",
    "cross-site",
    "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (rv:153.0) Gecko/20100101 Firefox/153.0",
    "600",
    "require-corp",
];

/// Reads bytes as decisions.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// A few fields, their names mostly known ones.
    pub(crate) fn headers(&mut self) -> HeaderList {
        let mut list = HeaderList::new();
        for _ in 0..self.byte() % 12 {
            let kind = self.byte();
            let value = if kind & 1 == 0 {
                self.pick(&VALUES).as_bytes()
            } else {
                let len = usize::from(self.byte() % 40);
                self.bytes(len)
            };
            let own = String::from_utf8_lossy(self.bytes(usize::from(kind >> 6) * 3)).into_owned();
            let name = if kind & 2 == 0 || own.is_empty() {
                self.pick(&NAMES)
            } else {
                &own
            };
            list.push(name, value);
        }
        list
    }

    pub(crate) fn url(&mut self) -> String {
        const URLS: [&str; 6] = [
            "https://api.test/v1",
            "https://api.test/v2?x=1#y",
            "http://api.test/v1",
            "https://app.test/v1",
            "http://localhost:8080/",
            "wss://api.test/s",
        ];
        match self.byte() {
            0 => {
                let len = usize::from(self.byte() % 60);
                String::from_utf8_lossy(self.bytes(len)).into_owned()
            }
            n => URLS[usize::from(n) % URLS.len()].to_owned(),
        }
    }

    pub(crate) fn exchange(&mut self, id: u64, at: Timestamp) -> Exchange {
        const METHODS: [&str; 6] = ["GET", "OPTIONS", "PUT", "POST", "patch", "HEAD"];
        const STATUSES: [u16; 12] = [200, 200, 204, 204, 301, 302, 307, 304, 101, 401, 404, 500];
        let method = self.pick(&METHODS);
        let url = self.url();
        let asked = Asked {
            id,
            at,
            method,
            url: &url,
            headers: self.headers(),
            took_micros: u64::from(self.byte()) * 1000,
        };
        let became = match self.byte() {
            0 => Became::Aborted,
            1 => Became::Reset,
            n => {
                let status = STATUSES[usize::from(n) % STATUSES.len()];
                let headers = self.headers();
                let len = usize::from(self.byte() % 32);
                Became::Answered(status, headers, self.bytes(len).to_vec())
            }
        };
        exchange(asked, became)
    }

    pub(crate) fn exchanges(&mut self, most: u64) -> Vec<Arc<Exchange>> {
        let mut at = Timestamp::default().plus_micros(1_700_000_000_000_000);
        let mut made = Vec::new();
        while !self.0.is_empty() && (made.len() as u64) < most {
            at = at.plus_micros(u64::from(self.byte()) * 5000);
            made.push(Arc::new(self.exchange(made.len() as u64, at)));
        }
        made
    }
}
