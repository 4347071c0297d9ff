//! A recorded request as a command or a call that sends it again.
//!
//! What a client adds by itself is left to it: `Host`, `Content-Length`, connection management.
//! Secrets are in it, since without them the call would not be the same; who passes it on redacts
//! the exchange first ([`Redactor::exchange`](crate::wire::Redactor::exchange)).

mod curl;
mod fetch;
mod httpie;
mod powershell;
mod quote;

use crate::wire::{Exchange, HeaderList};

pub use curl::curl;
pub use fetch::fetch_js;
pub use httpie::httpie;
pub use powershell::powershell;
pub use quote::Quoting;

/// What was copied, and what the person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The command or call, without a line end.
    pub text: String,
    /// Where it is not quite what was recorded: one sentence.
    pub note: Option<String>,
}

/// A request and what there is of its body, for all forms.
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    /// Name and value, without what clients add by themselves.
    fields: Vec<(&'a str, String)>,
    body: &'a [u8],
    note: Option<String>,
}

impl<'a> Request<'a> {
    /// For a command line: values are text, UTF-8 where they are.
    fn new(exchange: &'a Exchange, body: &'a [u8]) -> Self {
        let mut request = Self::reading(exchange, body, text);
        let headers = &exchange.request.headers;
        let other = headers
            .iter()
            .find(|field| std::str::from_utf8(field.value).is_err());
        if let (None, Some(field)) = (&request.note, other) {
            request.note = Some(format!(
                "{} was not UTF-8, and is sent as UTF-8.",
                field.name
            ));
        }
        request
    }

    fn reading(exchange: &'a Exchange, body: &'a [u8], read: fn(&[u8]) -> String) -> Self {
        let head = &exchange.request;
        let lacking = exchange
            .request_body
            .seen_bytes
            .saturating_sub(body.len() as u64);
        let coded = head.headers.contains("content-encoding") && !body.is_empty();
        let note = if lacking > 0 {
            Some(format!(
                "The last {lacking} bytes of the body were not kept and are missing."
            ))
        } else if coded {
            Some("The body was sent with a content coding.".to_owned())
        } else {
            None
        };
        Self {
            method: &head.method,
            url: &head.url,
            fields: own_fields(&head.headers, &head.url, read),
            body,
            note,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut found = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?.to_owned();
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        Some(value)
    }

    /// The body as text, if a command line can hold it.
    fn text(&self) -> Option<&'a str> {
        let text = std::str::from_utf8(self.body).ok()?;
        (!text.contains('\0')).then_some(text)
    }

    fn copied(&self, text: String) -> Copied {
        Copied {
            text,
            note: self.note.clone(),
        }
    }
}

fn own_fields<'a>(
    headers: &'a HeaderList,
    url: &str,
    read: fn(&[u8]) -> String,
) -> Vec<(&'a str, String)> {
    let host = url::Url::parse(url).ok().and_then(|url| {
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    });
    let own = |name: &str, value: &str| {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "host" => host
                .as_deref()
                .is_some_and(|host| !host.eq_ignore_ascii_case(value)),
            "content-length" | "connection" | "proxy-connection" | "keep-alive"
            | "transfer-encoding" | "te" => false,
            _ => true,
        }
    };
    headers
        .iter()
        .map(|field| (field.name, read(field.value)))
        .filter(|(name, value)| own(name, value))
        .collect()
}

// UTF-8 where it is UTF-8, else each byte a character.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => crate::wire::isomorphic(value),
    }
}

#[cfg(test)]
mod tests;
