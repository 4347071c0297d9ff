//! The browser as a witness: a launched one is asked over its own protocol what it did with each
//! request, and why. It knows what no proxy sees: which rule it applied, and what it never sent.
//!
//! It only listens. Chromium is asked over the DevTools protocol through a pair of pipes (no port is
//! open), Firefox over WebDriver BiDi on a port of loopback. Nothing is intercepted, no cache is
//! switched off, no script is run, no header is added; what differs from a browser that is not asked
//! is that Firefox sets `navigator.webdriver` and draws its address bar in another colour.
//!
//! [`DevTools`] and [`BiDi`] turn messages into [`Word`]s and do nothing else; [`listen`] carries the
//! messages. Whoever puts the parts together matches words to exchanges.

mod bidi;
mod devtools;
mod firefox_words;
mod line;
mod listen;

use serde_json::Value;

use crate::wire::{Said, Timestamp};

pub use bidi::BiDi;
pub use devtools::DevTools;
pub use listen::{Unheard, listen};

/// What a browser said about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its URL, without the fragment.
    pub url: String,
    /// Its method, if that was told.
    pub method: Option<String>,
    /// When the browser began with it, if that was told.
    pub at: Option<Timestamp>,
    /// The URL that redirected to it, if one did.
    pub before: Option<String>,
    /// The request headers as far as the browser told them.
    pub headers: Vec<(String, String)>,
    /// Whether the browser says, or leaves open, that it went to the network.
    pub on_wire: bool,
    /// What became of it.
    pub said: Said,
}

/// What follows from a message.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// Messages to answer with.
    pub reply: Vec<Value>,
    /// What was learned.
    pub words: Vec<Word>,
    /// Why the browser will not be listened to, if it said so.
    pub refused: Option<String>,
}

/// How many requests, sentences and the like are remembered; the oldest go.
const REMEMBERED_MAX: usize = 10_000;

/// Whether a proxy could see such a request at all.
fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

fn without_fragment(url: &str) -> String {
    url.split('#').next().unwrap_or(url).to_owned()
}

/// A moment in seconds or milliseconds since 1970, as microseconds.
fn timestamp(value: &Value, per_unit: f64) -> Option<Timestamp> {
    let number = value.as_f64()?;
    (number > 0.0).then_some(Timestamp((number * per_unit) as i64))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
