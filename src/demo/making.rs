//! Calls, answers and expectations in few words.

use std::time::Duration;

use crate::cors::Outcome;
use crate::diagnose::Root;

use super::scenario::{Answer, Body, Call, Expected, Fault, How, Seen};

const JSON: &str = "application/json; charset=utf-8";

pub(super) fn get(url: String) -> Call {
    Call {
        how: How::Fetch,
        method: "GET",
        url,
        headers: Vec::new(),
        include_credentials: false,
        body: None,
    }
}

pub(super) fn send(method: &'static str, url: String, json: &'static str) -> Call {
    Call {
        method,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: Some(json),
        ..get(url)
    }
}

pub(super) fn with_token(mut call: Call) -> Call {
    call.headers
        .push(("Authorization", "Bearer demo-token".to_owned()));
    call
}

pub(super) fn answer(status: u16, after_millis: u64) -> Answer {
    Answer {
        status,
        after: Duration::from_millis(after_millis),
        headers: Vec::new(),
        body: Body::Whole(String::new()),
    }
}

impl Answer {
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn json(self, body: &str) -> Self {
        Self {
            body: Body::Whole(body.to_owned()),
            ..self.header("Content-Type", JSON)
        }
    }

    pub(super) fn html(self, body: &str) -> Self {
        Self {
            body: Body::Whole(body.to_owned()),
            ..self.header("Content-Type", "text/html")
        }
    }
}

pub(super) fn fine(seen: Seen, outcome: Outcome) -> Expected {
    Expected {
        seen,
        outcome,
        fault: None,
        fault_in_firefox: None,
        root: None,
        missing: &[],
    }
}

pub(super) fn blocked(fault: Fault, root: Option<Root>) -> Expected {
    Expected {
        fault: Some(fault),
        root,
        ..fine(Seen::Blocked, Outcome::Blocked)
    }
}
