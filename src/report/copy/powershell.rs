//! As `Invoke-WebRequest`.

use base64::Engine as _;

use super::{Copied, Quoting, Request};
use crate::wire::Exchange;

/// Methods `-Method` knows; others need `-CustomMethod`, which the PowerShell of Windows lacks.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "MERGE", "PATCH",
];

/// `Invoke-WebRequest` with this request; `body` is its body as it was sent.
pub fn powershell(exchange: &Exchange, body: &[u8]) -> Copied {
    let mut request = Request::new(exchange, body);
    // Always quoted: a bare word could be read as an expression.
    let quote = |text: &str| {
        let quoted = Quoting::PowerShell.quote(text);
        if quoted.starts_with(['\'', '(']) {
            quoted
        } else {
            format!("'{quoted}'")
        }
    };
    let mut before = String::new();
    let mut parts = vec![format!(
        "Invoke-WebRequest -UseBasicParsing -Uri {}",
        quote(request.url)
    )];
    if METHODS.contains(&request.method) {
        parts.push(format!("-Method {}", request.method));
    } else {
        parts.push(format!("-CustomMethod {}", quote(request.method)));
    }
    if let Some(agent) = request.take("user-agent") {
        parts.push(format!("-UserAgent {}", quote(&agent)));
    }
    if let Some(cookies) = request.take("cookie") {
        before.push_str("$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession\n");
        let line = format!(
            "$session.Cookies.SetCookies({}, {})\n",
            quote(request.url),
            quote(&cookies.replace("; ", ", "))
        );
        before.push_str(&line);
        parts.push("-WebSession $session".to_owned());
    }
    let content_type = request.take("content-type");
    request.take("accept-encoding");
    let mut table: Vec<(&str, String)> = Vec::new();
    for (name, value) in &request.fields {
        match table
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => table.push((name, value.clone())),
        }
    }
    if !table.is_empty() {
        let rows: Vec<String> = table
            .iter()
            .map(|(name, value)| format!("    {} = {}\n", quote(name), quote(value)))
            .collect();
        parts.push(format!("-Headers @{{\n{}  }}", rows.concat()));
    }
    if let Some(content_type) = content_type {
        parts.push(format!("-ContentType {}", quote(&content_type)));
    }
    if exchange
        .upstream
        .as_ref()
        .is_some_and(|upstream| upstream.insecure)
    {
        parts.push("-SkipCertificateCheck".to_owned());
    }
    if !body.is_empty() {
        let bytes = if let Some(text) = request.text() {
            format!("[Text.Encoding]::UTF8.GetBytes({})", quote(text))
        } else {
            let base64 = base64::engine::general_purpose::STANDARD.encode(body);
            format!("[Convert]::FromBase64String('{base64}')")
        };
        parts.push(format!("-Body ({bytes})"));
    }
    request.copied(before + &parts.join(Quoting::PowerShell.continued()))
}
