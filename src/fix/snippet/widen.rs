//! From what one endpoint needs to what its whole server needs.

use super::super::Needs;
use crate::wire::{Exchange, HeaderList, ResponseHead};

/// How many names of one kind are added: more is no configuration but noise.
const NAMES_MAX: usize = 64;

/// A snippet is the one place of its server that knows about CORS, so it has to keep everything that
/// works there: for the origins that are to be let in, what they ask of other paths of the same host
/// and what the answers to them grant already.
pub fn widen<'a>(needs: &Needs, host: impl IntoIterator<Item = &'a Exchange>) -> Needs {
    let mut wide = needs.clone();
    for exchange in host {
        let asked = &exchange.request.headers;
        let Some(origin) = asked.get("origin").filter(|o| needs.origins.contains(o)) else {
            continue;
        };
        wide.credentials |= asked.contains("cookie");
        if exchange.request.is_preflight() {
            add_all(
                &mut wide.methods,
                asked,
                "access-control-request-method",
                false,
            );
            add_all(
                &mut wide.headers,
                asked,
                "access-control-request-headers",
                true,
            );
        } else {
            add(&mut wide.methods, &exchange.request.method);
        }
        let Some(head) = exchange
            .response
            .as_ref()
            .filter(|head| lets_in(head, &origin))
        else {
            continue;
        };
        add_all(
            &mut wide.methods,
            &head.headers,
            "access-control-allow-methods",
            false,
        );
        add_all(
            &mut wide.headers,
            &head.headers,
            "access-control-allow-headers",
            true,
        );
        add_all(
            &mut wide.expose,
            &head.headers,
            "access-control-expose-headers",
            true,
        );
    }
    wide.methods.retain(|method| method != "OPTIONS");
    wide.headers
        .retain(|name| !name.starts_with("access-control-"));
    wide
}

fn lets_in(head: &ResponseHead, origin: &str) -> bool {
    head.headers.get("access-control-allow-origin").as_deref() == Some(origin)
}

fn add_all(list: &mut Vec<String>, headers: &HeaderList, name: &str, lower: bool) {
    let value = headers.get(name).unwrap_or_default();
    for item in value.split(',').map(str::trim) {
        let item = if lower {
            item.to_ascii_lowercase()
        } else {
            item.to_owned()
        };
        // What a server sends by mistake (a wildcard, half a list) is no need.
        if crate::cors::is_token(&item) && item != "*" {
            add(list, &item);
        }
    }
}

fn add(list: &mut Vec<String>, name: &str) {
    let known = list.iter().any(|known| known == name);
    if !known && list.len() < NAMES_MAX {
        list.push(name.to_owned());
    }
}
