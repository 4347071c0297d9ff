//! As an HTTPie command.

use super::{Copied, Quoting, Request};
use crate::wire::Exchange;

/// An HTTPie command that sends this request; `body` is its body as it was sent.
pub fn httpie(exchange: &Exchange, body: &[u8], quoting: Quoting) -> Copied {
    let mut request = Request::new(exchange, body);
    let mut parts = vec![format!(
        "http {} {}",
        quoting.quote(request.method),
        quoting.quote(request.url)
    )];
    request.take("accept-encoding");
    for (name, value) in &request.fields {
        // A backslash before a character that separates names from values would be lost.
        if ["\\:", "\\=", "\\@", "\\;"]
            .iter()
            .any(|lost| value.contains(lost))
        {
            request.note = Some(format!("HTTPie leaves out backslashes of {name}."));
        }
        parts.push(quoting.quote(&if value.is_empty() {
            format!("{name};")
        } else {
            // The space keeps `=` and `@` from being read as part of the separator.
            format!("{name}: {value}")
        }));
    }
    if exchange
        .upstream
        .as_ref()
        .is_some_and(|upstream| upstream.insecure)
    {
        parts.push("--verify=no".to_owned());
    }
    if !body.is_empty() {
        if let Some(text) = request.text() {
            parts.push(format!("--raw={}", quoting.quote(text)));
        } else {
            parts.push("@body.bin".to_owned());
            let note = "The body is binary: save it as body.bin, where the command reads it.";
            request.note = Some(note.to_owned());
        }
    }
    request.copied(parts.join(quoting.continued()))
}
