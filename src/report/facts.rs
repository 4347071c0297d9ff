//! The values that texts about one cause are filled with.

use std::borrow::Cow;
use std::sync::Arc;

use url::Url;

use super::pages;
use crate::cors::{Check, Stage};
use crate::diagnose::{Cause, Diagnosis, Exchanges, visible};
use crate::wire::{Exchange, HeaderList, Origin, ResponseHead};

/// A cause together with the exchange that shows it.
pub(super) struct Facts<'a> {
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) cause: &'a Cause,
    /// The exchange whose answer failed.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// Its answer as the browser got it.
    pub(super) answer: Option<ResponseHead>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        diagnosis: &'a Diagnosis,
        cause: &'a Cause,
        exchanges: &dyn Exchanges,
    ) -> Self {
        let exchange = cause.exchange.and_then(|id| exchanges.exchange(id));
        let answer = exchange.as_ref().and_then(|e| e.delivered());
        Self {
            diagnosis,
            cause,
            exchange,
            answer,
        }
    }

    /// URL of the hop that failed.
    pub(super) fn url(&self) -> &str {
        let hop = self.exchange.as_ref().map(|e| e.request.url.as_str());
        hop.unwrap_or(&self.diagnosis.url)
    }

    /// The `Origin` the browser compares with: the one that was sent.
    pub(super) fn origin(&self) -> Option<String> {
        let sent = self
            .exchange
            .as_ref()
            .and_then(|e| e.request.headers.get("origin"));
        sent.or_else(|| self.diagnosis.origin.clone())
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|head| head.status)
    }

    /// The combined value of a header of the answer.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.answer.as_ref()?.headers.get(name)
    }

    /// The combined value of a header of the request.
    pub(super) fn request_header(&self, name: &str) -> Option<String> {
        self.exchange.as_ref()?.request.headers.get(name)
    }

    pub(super) fn answer_headers(&self) -> Option<&HeaderList> {
        self.answer.as_ref().map(|head| &*head.headers)
    }

    /// Where the answer redirects to, made absolute.
    pub(super) fn location(&self) -> Option<String> {
        let location = self.header("location")?;
        match Url::parse(self.url()).and_then(|base| base.join(&location)) {
            Ok(url) => Some(url.to_string()),
            Err(_) => Some(location),
        }
    }

    /// Request headers that were asked for and not granted.
    pub(super) fn missing_headers(&self) -> Vec<&str> {
        let method = self.asked_method();
        let missing = self.cause.missing.iter().map(String::as_str);
        missing
            .filter(|name| Some(*name) != method.as_deref())
            .collect()
    }

    /// The method in question: the one the preflight asked for, else the request's own.
    pub(super) fn method(&self) -> String {
        self.asked_method()
            .unwrap_or_else(|| self.diagnosis.method.clone())
    }

    fn asked_method(&self) -> Option<String> {
        let exchange = self.exchange.as_ref()?;
        exchange
            .request
            .headers
            .get("access-control-request-method")
    }

    /// The header the check looks at.
    fn checked_header(&self) -> Option<&'static str> {
        Some(match self.cause.check {
            Check::InvalidAllowCredentials => "access-control-allow-credentials",
            Check::InvalidAllowMethods | Check::MethodDisallowed => "access-control-allow-methods",
            Check::InvalidAllowHeaders | Check::HeaderDisallowed => "access-control-allow-headers",
            Check::WildcardOriginNotAllowed
            | Check::MultipleAllowOriginValues
            | Check::InvalidAllowOriginValue
            | Check::AllowOriginMismatch => "access-control-allow-origin",
            _ => return None,
        })
    }

    /// The first item of the list the check looks at that is no token.
    pub(super) fn bad_token(&self) -> Option<String> {
        let value = self.header(self.checked_header()?)?;
        let item = value
            .split(',')
            .map(|item| item.trim_matches([' ', '\t']))
            .find(|item| !item.is_empty() && !item.bytes().all(is_token_byte))?;
        Some(item.to_owned())
    }

    /// A template of a page with everything known put in.
    pub(super) fn fill(&self, template: &str) -> String {
        pages::fill(template, |name| self.value(name))
    }

    fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        Some(match name {
            "answer" => Cow::Borrowed(match self.cause.stage {
                Stage::Preflight => "answer to the preflight",
                Stage::Redirect => "redirect",
                Stage::Actual => "answer",
            }),
            "status" => Cow::Owned(self.status()?.to_string()),
            "origin" => Cow::Owned(self.origin().unwrap_or_else(|| "another origin".to_owned())),
            "url" => Cow::Owned(self.url().to_owned()),
            "host" => Cow::Owned(
                Origin::of_url(self.url())
                    .map_or_else(|| "the server".to_owned(), |o| o.to_string()),
            ),
            "method" => Cow::Owned(self.method()),
            "location" => Cow::Owned(self.location().unwrap_or_else(|| "another URL".to_owned())),
            "missing" => Cow::Owned(match &self.missing_headers()[..] {
                [] => "these headers".to_owned(),
                names => names.join(", "),
            }),
            "token" => Cow::Owned(self.bad_token().unwrap_or_else(|| "one of them".to_owned())),
            "value" => Cow::Owned(self.found()),
            _ => return None,
        })
    }

    // What stands in the header in question, in words where there is nothing to quote.
    fn found(&self) -> String {
        let value = self.checked_header().and_then(|name| self.header(name));
        let value = value.or_else(|| self.cause.found.clone());
        match value.as_deref() {
            None => "nothing".to_owned(),
            Some("") => "nothing (it is empty)".to_owned(),
            Some(value) if value.bytes().all(|b| (b' '..=b'~').contains(&b)) => {
                shortened(value, 200)
            }
            // Something in it cannot be seen, or looks like something else.
            Some(value) => {
                let bytes = value.chars().map(|c| u8::try_from(c).unwrap_or(b'?'));
                visible(&bytes.collect::<Vec<u8>>(), 200)
            }
        }
    }
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// At most this many characters, an ellipsis in place of the rest.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
