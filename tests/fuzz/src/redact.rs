//! What leaves the machine: no planted secret in it, and the verdict as it was.

use std::sync::Arc;

use bytes::Bytes;
use corscope::diagnose::diagnose_all;
use corscope::wire::{Exchange, HeaderList, RedactOptions, Redactor};

use super::input::Input;

/// Long enough that no pseudonym holds it by chance.
const SECRET: &str = "Zx9plantedSecret77";

fn redactor() -> Redactor {
    let options = RedactOptions {
        key: [7; 32],
        patterns: vec!["acct_[0-9]{4,}".to_owned()],
        emails: true,
    };
    Redactor::new(&options).expect("a good pattern")
}

/// A capture with a secret planted in every request, and its bodies as text of any type.
pub fn redact(data: &[u8]) {
    let redactor = redactor();
    let text = String::from_utf8_lossy(data);
    for kind in [
        None,
        Some("application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("text/html"),
        Some("multipart/form-data; boundary=b"),
        Some("application/octet-stream"),
    ] {
        let _ = redactor.body(kind, data).into_bytes();
    }
    let _ = (
        redactor.text(&text),
        redactor.url(&text),
        redactor.cookie(&text),
    );
    let mut input = Input(data);
    let exchanges = input.exchanges(4);
    let planted: Vec<Arc<Exchange>> = exchanges.iter().map(|e| Arc::new(plant(e))).collect();
    let left: Vec<Arc<Exchange>> = planted
        .iter()
        .map(|e| Arc::new(redactor.exchange(e)))
        .collect();
    for exchange in &left {
        let said = format!("{exchange:?}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let before = diagnose_all(planted, None);
    let after = diagnose_all(left, None);
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.outcome, after.outcome, "{}", before.url);
        let check =
            |d: &corscope::diagnose::Diagnosis| d.cause.as_ref().map(|c| (c.check, c.stage));
        assert_eq!(check(before), check(after), "{}", before.url);
    }
}

fn plant(exchange: &Exchange) -> Exchange {
    let mut out = exchange.clone();
    let mut list = HeaderList::clone(&out.request.headers);
    list.push("Authorization", format!("Bearer {SECRET}").as_bytes());
    list.push("Cookie", format!("sid={SECRET}; theme=dark").as_bytes());
    list.push("X-Api-Key", SECRET.as_bytes());
    out.request.headers = Arc::new(list);
    let body = format!("{{\"password\":\"{SECRET}\",\"page\":2}}");
    out.request_body.excerpt = Bytes::from(body.into_bytes());
    if let Some(response) = &mut out.response {
        let mut list = HeaderList::clone(&response.headers);
        list.push("Set-Cookie", format!("sid={SECRET}; Path=/").as_bytes());
        response.headers = Arc::new(list);
    }
    out
}
