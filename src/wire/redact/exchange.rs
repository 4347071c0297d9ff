//! Whole exchanges without secrets.

use std::sync::Arc;

use bytes::Bytes;

use super::Redactor;
use crate::wire::{
    BodyFacts, End, Exchange, HeaderList, Message, Patch, RequestHead, ResponseHead, decode_body,
    isomorphic,
};

impl Redactor {
    /// An exchange without secrets: what the excerpts of its bodies hold has its content coding
    /// taken off, as in a HAR.
    pub fn exchange(&self, exchange: &Exchange) -> Exchange {
        let mut out = exchange.clone();
        if !self.is_on() {
            return out;
        }
        out.request = self.request(&exchange.request);
        out.request_body = self.excerpt(&exchange.request_body, &exchange.request.headers);
        if let Some(response) = &exchange.response {
            out.response_body = self.excerpt(&exchange.response_body, &response.headers);
        }
        out.response = exchange.response.as_ref().map(|head| self.response(head));
        out.trailers = self.headers(&exchange.trailers);
        out.patch = exchange.patch.as_ref().map(|patch| self.patch(patch));
        if let End::Failed(failure) = &mut out.end {
            failure.detail = self.text(&failure.detail).into_owned();
        }
        if let Some(told) = &mut out.told {
            *told = self.text(told).into_owned();
        }
        out
    }

    /// A request head without secrets.
    pub fn request(&self, head: &RequestHead) -> RequestHead {
        RequestHead {
            url: self.url(&head.url),
            headers: Arc::new(self.headers(&head.headers)),
            ..head.clone()
        }
    }

    /// A response head without secrets.
    pub fn response(&self, head: &ResponseHead) -> ResponseHead {
        ResponseHead {
            reason: head
                .reason
                .as_ref()
                .map(|reason| self.text(reason).into_owned()),
            headers: Arc::new(self.headers(&head.headers)),
            ..head.clone()
        }
    }

    /// Header fields without secrets.
    pub fn headers(&self, list: &HeaderList) -> HeaderList {
        let mut out = HeaderList::with_capacity(list.len(), list.as_block().len());
        for field in list.iter() {
            if let Ok(value) = std::str::from_utf8(field.value) {
                out.push(field.name, self.header(field.name, value).as_bytes());
                continue;
            }
            let value = isomorphic(field.value);
            let value = self.header(field.name, &value);
            let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
            let bytes = bytes.unwrap_or_else(|| value.as_bytes().to_vec());
            out.push(field.name, &bytes);
        }
        out
    }

    /// A WebSocket message or server-sent event without secrets.
    pub fn message(&self, message: &Message) -> Message {
        let payload = self.body(None, &message.payload).into_bytes();
        Message {
            payload: Bytes::from(payload),
            ..message.clone()
        }
    }

    fn patch(&self, patch: &Patch) -> Patch {
        let fields = |fields: &[(String, String)]| {
            let one = |(name, value): &(String, String)| {
                (name.clone(), self.header(name, value).into_owned())
            };
            fields.iter().map(one).collect()
        };
        Patch {
            set: fields(&patch.set),
            append: fields(&patch.append),
            ..patch.clone()
        }
    }

    fn excerpt(&self, facts: &BodyFacts, headers: &HeaderList) -> BodyFacts {
        let decoded = decode_body(headers, &facts.excerpt, BodyFacts::EXCERPT_BYTES_MAX);
        let content_type = headers.get("content-type");
        let mut bytes = self
            .body(content_type.as_deref(), &decoded.bytes)
            .into_bytes();
        bytes.truncate(BodyFacts::EXCERPT_BYTES_MAX);
        BodyFacts {
            excerpt: Bytes::from(bytes),
            ..facts.clone()
        }
    }
}
