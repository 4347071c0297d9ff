//! As a curl command.

use std::fmt::Write as _;

use base64::Engine as _;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::{Copied, Quoting, Request};
use crate::wire::Exchange;

/// A curl command that sends this request; `body` is its body as it was sent.
pub fn curl(exchange: &Exchange, body: &[u8], quoting: Quoting) -> Copied {
    let mut request = Request::new(exchange, body);
    let mut arguments: Vec<Vec<String>> = vec![vec![plain_url(request.url)]];
    let mut add = |parts: &[&str]| arguments.push(parts.iter().map(|p| (*p).to_owned()).collect());
    // curl gives brackets and braces in URLs a meaning of its own.
    if request.url.contains(['[', ']', '{', '}']) {
        add(&["--globoff"]);
    }
    let has_body = !body.is_empty();
    match request.method {
        "HEAD" if !has_body => add(&["--head"]),
        "GET" if !has_body => {}
        "POST" if has_body => {}
        method => add(&["-X", method]),
    }
    if request.take("accept-encoding").is_some() {
        add(&["--compressed"]);
    }
    for (name, value) in &request.fields {
        if value.is_empty() {
            add(&["-H", &format!("{name};")]);
        } else {
            add(&["-H", &format!("{name}: {value}")]);
        }
    }
    // What curl would send unasked.
    for (name, sent) in [
        ("User-Agent", true),
        ("Accept", true),
        ("Content-Type", has_body),
    ] {
        if sent && !request.has(name) {
            add(&["-H", &format!("{name}:")]);
        }
    }
    if exchange
        .upstream
        .as_ref()
        .is_some_and(|upstream| upstream.insecure)
    {
        add(&["--insecure"]);
    }
    let mut before = String::new();
    if has_body {
        match request.text() {
            Some(text) => add(&["--data-raw", text]),
            None => match quoting {
                Quoting::Posix | Quoting::Fish => {
                    before = format!("printf {} | ", quoting.quote(&octal(body)));
                    add(&["--data-binary", "@-"]);
                }
                Quoting::Cmd => {
                    add(&["--data-binary", "@body.bin"]);
                    request.note = Some(
                        "The body is binary: save it as body.bin, where the command reads it."
                            .to_owned(),
                    );
                }
                Quoting::PowerShell => {
                    let base64 = base64::engine::general_purpose::STANDARD.encode(body);
                    before = format!(
                        "[IO.File]::WriteAllBytes(\"$PWD/body.bin\", [Convert]::FromBase64String('{base64}'))\n"
                    );
                    add(&["--data-binary", "@body.bin"]);
                }
            },
        }
    }
    let text = match quoting {
        Quoting::PowerShell if arguments.iter().flatten().any(|text| is_mangled(text)) => {
            configured(&arguments)
        }
        _ => command(&arguments, quoting),
    };
    request.copied(before + &text)
}

fn command(arguments: &[Vec<String>], quoting: Quoting) -> String {
    let program = match quoting {
        // `curl` alone is something else in the PowerShell that comes with Windows.
        Quoting::PowerShell => "curl.exe",
        Quoting::Posix | Quoting::Fish | Quoting::Cmd => "curl",
    };
    let lines: Vec<String> = arguments
        .iter()
        .map(|parts| {
            let quoted: Vec<String> = parts
                .iter()
                .map(|part| match part.as_str() {
                    option if is_option(option) => option.to_owned(),
                    value => quoting.quote(value),
                })
                .collect();
            quoted.join(" ")
        })
        .collect();
    format!("{program} {}", lines.join(quoting.continued()))
}

/// A browser's URLs are ASCII; one of a file that is not is written as a browser would send it.
fn plain_url(url: &str) -> String {
    utf8_percent_encode(url, CONTROLS).to_string()
}

fn is_option(part: &str) -> bool {
    part.starts_with('-')
        && part.len() < 20
        && part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        && [
            "-X",
            "-H",
            "--globoff",
            "--head",
            "--compressed",
            "--insecure",
            "--data-raw",
            "--data-binary",
        ]
        .contains(&part)
}

// PowerShell before 7.3 passes quotes, empty arguments and final backslashes on broken.
fn is_mangled(text: &str) -> bool {
    text.is_empty() || text.contains('"') || text.ends_with('\\')
}

// The same as a configuration on standard input, which no shell takes apart.
fn configured(arguments: &[Vec<String>]) -> String {
    let mut out = String::new();
    if arguments.iter().flatten().any(|text| !text.is_ascii()) {
        out.push_str("$OutputEncoding = [Text.UTF8Encoding]::new($false)\n");
    }
    out.push_str("@'\n");
    for (index, parts) in arguments.iter().enumerate() {
        let (option, value) = match &parts[..] {
            [url] if index == 0 => ("url", Some(url)),
            [option] => (option.trim_start_matches('-'), None),
            [option, value, ..] => match option.as_str() {
                "-X" => ("request", Some(value)),
                "-H" => ("header", Some(value)),
                long => (long.trim_start_matches('-'), Some(value)),
            },
            [] => continue,
        };
        out.push_str(option);
        if let Some(value) = value {
            out.push_str(" = \"");
            for c in value.chars() {
                match c {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    c => out.push(c),
                }
            }
            out.push('"');
        }
        out.push('\n');
    }
    out.push_str("'@ | curl.exe --config -");
    out
}

// For printf: every byte but letters and digits as `\ooo`.
fn octal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\{byte:03o}");
        }
    }
    out
}
