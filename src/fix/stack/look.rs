//! Looking for the marks of known servers in an answer.

use super::marks::Sign::{
    self, Body, BodyAll, BodyIs, BodyStarts, Both, Cookie, Has, Header, HeaderPrefix, Host, Starts,
    Status, Together,
};
use crate::diagnose::Part;
use crate::wire::{Exchange, HeaderList, decode_body, decode_charset};

/// How much of a body is looked at, in bytes.
const BODY_BYTES_MAX: usize = 4096;

/// An answer, ready to be looked at.
pub(super) struct Seen<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) status: u16,
    headers: &'a HeaderList,
    body: String,
    host: String,
}

/// Where a sign was found: part, header name, value.
pub(super) type Found = (Part, Option<String>, String);

impl<'a> Seen<'a> {
    pub(super) fn of(exchange: &'a Exchange) -> Option<Self> {
        // What the server said, before any trial of ours.
        let head = exchange.response.as_ref()?;
        let raw = &exchange.response_body.excerpt;
        let body = if raw.is_empty() {
            String::new()
        } else {
            let decoded = decode_body(&head.headers, raw, BODY_BYTES_MAX);
            decode_charset(&head.headers, &decoded.bytes).0
        };
        let url = url::Url::parse(&exchange.request.url).ok();
        let host = url.and_then(|url| url.host_str().map(str::to_owned));
        Some(Self {
            exchange,
            status: head.status,
            headers: &head.headers,
            body,
            host: host.unwrap_or_default(),
        })
    }

    pub(super) fn find(&self, sign: Sign) -> Option<Found> {
        let header = |name: &str| -> Option<(String, String)> {
            let value = self.headers.get(name)?;
            Some((value.to_ascii_lowercase(), value))
        };
        let of_header =
            |name: &str, value: String| (Part::ResponseHeader, Some(name.to_owned()), value);
        let of_body = |quote: &str| (Part::ResponseBody, None, quote.to_owned());
        match sign {
            Header(name) => Some(of_header(name, header(name)?.1)),
            HeaderPrefix(prefix) => {
                let field = self.headers.iter().find(|field| {
                    let name = field.name.as_bytes().get(..prefix.len());
                    name.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
                })?;
                Some(of_header(&field.name.to_ascii_lowercase(), field.text()))
            }
            Starts(name, prefix) => {
                let (lower, value) = header(name)?;
                let fits = lower.starts_with(&prefix.to_ascii_lowercase());
                fits.then(|| of_header(name, value))
            }
            Has(name, part) => {
                let (lower, value) = header(name)?;
                lower.contains(part).then(|| of_header(name, value))
            }
            Cookie(suffix) => self.headers.all("set-cookie").find_map(|field| {
                let text = field.text();
                let name = text.split('=').next()?.trim();
                // The value is a secret.
                name.ends_with(suffix)
                    .then(|| of_header("set-cookie", format!("{name}=…")))
            }),
            Status(status) => {
                (self.status == status).then(|| (Part::ResponseStatus, None, status.to_string()))
            }
            BodyStarts(start) => self.body.starts_with(start).then(|| of_body(start)),
            BodyIs(text) => (self.body.trim() == text).then(|| of_body(text)),
            Body(part) => self.body.contains(part).then(|| of_body(part)),
            BodyAll(parts) => parts
                .iter()
                .all(|part| self.body.contains(part))
                .then(|| of_body(&parts.join(" … "))),
            Host(part, suffix) => {
                let fits = self.host.ends_with(suffix) && self.host.contains(part);
                fits.then(|| (Part::RequestLine, None, self.host.clone()))
            }
            Together(pairs) => {
                let mut shown = Vec::new();
                for (name, start) in pairs {
                    let (lower, value) = header(name)?;
                    let fits = match start.strip_prefix('=') {
                        Some(whole) => value == whole,
                        None => lower.starts_with(&start.to_ascii_lowercase()),
                    };
                    if !fits {
                        return None;
                    }
                    shown.push((*name, value));
                }
                let (name, value) = shown.into_iter().next()?;
                Some(of_header(name, value))
            }
            Both(first, second) => {
                self.find(*first)?;
                self.find(*second)
            }
        }
    }
}
