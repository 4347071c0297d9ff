//! What is packed into a value, unpacked into rows: forms, multipart bodies, JSON Web Tokens, GraphQL.
//! Bounded, never failing: what is not understood is left out, the body itself is shown anyway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde_json::Value;

use super::text::{clean_bytes, json_document, sanitise, size};
use crate::wire::{HeaderList, Timestamp};

/// How many rows a table has at most.
const ROWS_MAX: usize = 300;
/// How much of a value is unpacked, in bytes.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// A body longer than this is not looked into for tokens and GraphQL, in bytes.
const LOOKED_INTO_MAX: usize = 256 << 10;
/// How many tokens are unpacked.
const TOKENS_MAX: usize = 4;

/// Rows with a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) title: String,
    /// What a reader must not take for granted.
    pub(crate) remark: &'static str,
    pub(crate) rows: Vec<Row>,
    /// How many rows there are in all.
    pub(crate) count: usize,
}

/// A row. The texts are as they came, not cleaned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// Empty for what goes on from the row before.
    pub(crate) name: String,
    pub(crate) value: String,
    /// What the value means.
    pub(crate) note: String,
    /// Whether the note is a warning.
    pub(crate) bad: bool,
}

impl Table {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, name: &str, value: &str, note: impl Into<String>) {
        self.count += 1;
        if self.rows.len() < ROWS_MAX {
            let cut = |text: &str| text[..text.floor_char_boundary(VALUE_BYTES_MAX)].to_owned();
            self.rows.push(Row {
                name: cut(name),
                value: cut(value),
                note: note.into(),
                bad: false,
            });
        }
    }
}

/// What is packed into a body whose codings are taken off.
pub(super) fn of_body(headers: &HeaderList, bytes: &[u8], at: Timestamp) -> Vec<Table> {
    let kind = headers.get("content-type").unwrap_or_default();
    let media = kind.split(';').next().unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    let mut tables = Vec::new();
    if media == "application/x-www-form-urlencoded" {
        tables.extend(form(bytes));
    } else if media.starts_with("multipart/") {
        tables.extend(boundary(&kind).and_then(|boundary| multipart(bytes, &boundary)));
    } else if bytes.len() <= LOOKED_INTO_MAX {
        let text = String::from_utf8_lossy(bytes);
        if media == "application/graphql" {
            tables.extend(query_table(&text, None, None));
        } else if text.trim_start().starts_with(['{', '[']) {
            tables.extend(graphql(&text));
        }
        tables.extend(tokens(&text, "the body", at));
    }
    tables
}

/// Tokens in a request's credentials and in cookies, both ways.
pub(super) fn of_headers(lists: &[&HeaderList], at: Timestamp) -> Vec<Table> {
    let mut tables = Vec::new();
    for headers in lists {
        for field in headers.iter() {
            let name = field.name.to_ascii_lowercase();
            if tables.len() < TOKENS_MAX && field.value.len() <= LOOKED_INTO_MAX {
                tables.extend(tokens(&field.text(), &name, at));
            }
        }
    }
    tables.truncate(TOKENS_MAX);
    tables
}

fn form(bytes: &[u8]) -> Option<Table> {
    let mut table = Table::new("Form");
    for (name, value) in url::form_urlencoded::parse(bytes) {
        table.add(&name, &value, "");
    }
    (table.count > 0).then_some(table)
}

/// RFC 2046 § 5.1.1: at most 70 characters, perhaps in quotes.
fn boundary(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let fits = !value.is_empty() && value.len() <= 70;
        (name.trim().eq_ignore_ascii_case("boundary") && fits).then(|| value.to_owned())
    })
}

fn multipart(bytes: &[u8], boundary: &str) -> Option<Table> {
    let mut table = Table::new("Parts");
    let delimiter = format!("--{boundary}");
    let mut starts = memchr::memmem::find_iter(bytes, delimiter.as_bytes()).peekable();
    while let Some(start) = starts.next() {
        let from = start + delimiter.len();
        if bytes[from..].starts_with(b"--") {
            break;
        }
        let to = starts.peek().copied().unwrap_or(bytes.len());
        part(&mut table, &bytes[from..to]);
    }
    (table.count > 0).then_some(table)
}

fn part(table: &mut Table, part: &[u8]) {
    let part = part
        .strip_prefix(b"\r\n")
        .or_else(|| part.strip_prefix(b"\n"))
        .unwrap_or(part);
    let (head, body) = match memchr::memmem::find(part, b"\r\n\r\n") {
        Some(end) => (&part[..end], &part[end + 4..]),
        None => match memchr::memmem::find(part, b"\n\n") {
            Some(end) => (&part[..end], &part[end + 2..]),
            None => (part, &part[part.len()..]),
        },
    };
    let body = body
        .strip_suffix(b"\r\n")
        .or_else(|| body.strip_suffix(b"\n"))
        .unwrap_or(body);
    let head = String::from_utf8_lossy(&head[..head.len().min(VALUE_BYTES_MAX)]);
    let (mut name, mut file, mut media) = (String::new(), None, String::new());
    let mut others = Vec::new();
    for line in head.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                name = parameter(value, "name").unwrap_or_default();
                file = parameter(value, "filename*")
                    .map(|text| extended(&text))
                    .or_else(|| parameter(value, "filename"));
            }
            "content-type" => value.trim().clone_into(&mut media),
            "" => {}
            _ => others.push(line.trim().to_owned()),
        }
    }
    let mut facts = Vec::new();
    facts.extend(file.as_ref().map(|file| format!("file {file:?}")));
    facts.extend(Some(media.clone()).filter(|m| !m.is_empty()));
    facts.push(size(body.len() as u64));
    facts.extend(others);
    let text = file.is_none()
        && (media.is_empty() || media.starts_with("text/") || media.contains("json"));
    let value = if text {
        clean_bytes(&body[..body.len().min(VALUE_BYTES_MAX)])
    } else {
        String::new()
    };
    table.add(&name, &value, facts.join(" · "));
}

/// A parameter of `Content-Disposition`; browsers escape a quote in it as `%22`, others as `\"`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value;
    loop {
        rest = rest.split_once(';')?.1;
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, left) = if let Some(quoted) = after.strip_prefix('"') {
            let end = quoted
                .char_indices()
                .scan(false, |escaped, (at, c)| {
                    let ends = c == '"' && !*escaped;
                    *escaped = c == '\\' && !*escaped;
                    Some((at, ends))
                })
                .find(|(_, ends)| *ends)
                .map_or(quoted.len(), |(at, _)| at);
            (&quoted[..end], quoted.get(end..).unwrap_or_default())
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim(), &after[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text.replace("\\\"", "\""));
        }
        rest = left;
        if !rest.contains(';') {
            return None;
        }
    }
}

/// `UTF-8''na%C3%AFve.txt` (RFC 8187).
fn extended(text: &str) -> String {
    let value = text.splitn(3, '\'').nth(2).unwrap_or(text);
    percent_encoding::percent_decode_str(value)
        .decode_utf8_lossy()
        .into_owned()
}

fn graphql(text: &str) -> Vec<Table> {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Vec::new();
    };
    let batch = match &value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let one = |value: &Value| {
        let query = value.get("query")?.as_str()?;
        let is_query = query.contains('{')
            && ["query", "mutation", "subscription", "fragment", "{", "#"]
                .iter()
                .any(|word| query.trim_start().starts_with(word));
        let name = value.get("operationName").and_then(Value::as_str);
        is_query.then(|| query_table(query, name, value.get("variables")))?
    };
    batch.into_iter().take(10).filter_map(one).collect()
}

fn query_table(query: &str, name: Option<&str>, variables: Option<&Value>) -> Option<Table> {
    let mut table = Table::new("GraphQL");
    if let Some(name) = name {
        table.add("operation", name, "");
    }
    for line in query.lines() {
        table.add("", line, "");
    }
    if let Some(variables) = variables.filter(|v| !v.is_null()) {
        let text = serde_json::to_string_pretty(variables).unwrap_or_default();
        for (n, line) in text.lines().enumerate() {
            table.add(if n == 0 { "variables" } else { "" }, line, "");
        }
    }
    (table.count > 0).then_some(table)
}

/// The JSON Web Tokens in a text (RFC 7519), unpacked.
fn tokens(text: &str, place: &str, at: Timestamp) -> Vec<Table> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let words = text
        .split(|c: char| !letter(c))
        .filter(|word| word.starts_with("eyJ"));
    words
        .filter_map(|word| token(word, place, at))
        .take(TOKENS_MAX)
        .collect()
}

fn token(word: &str, place: &str, at: Timestamp) -> Option<Table> {
    let mut parts = word.split('.');
    let (header, claims) = (json_part(parts.next()?)?, json_part(parts.next()?)?);
    parts.next()?;
    let mut table = Table::new(format!("JWT in {place}"));
    table.remark = "the signature is not verified";
    let value: Value = serde_json::from_str(&header).ok()?;
    let alg = value.get("alg").and_then(Value::as_str).unwrap_or_default();
    table.add("header", &header, "");
    if alg.eq_ignore_ascii_case("none")
        && let Some(row) = table.rows.last_mut()
    {
        "not signed at all".clone_into(&mut row.note);
        row.bad = true;
    }
    let document = json_document(claims.into());
    for n in 0..document.lines.len() {
        let line = document.line(n).text;
        let depth = document.lines[n].indent;
        if depth == 0 {
            continue;
        }
        let trimmed = line.trim_start().trim_end_matches(',');
        let named = trimmed
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\": "));
        match named.filter(|_| depth == 1) {
            Some((name, value)) => {
                table.add(name, value, "");
                if let (Some(row), Some((note, bad))) =
                    (table.rows.last_mut(), when(name, value, at))
                {
                    row.note = note;
                    row.bad = bad;
                }
            }
            None => table.add("", line.get(2..).unwrap_or_default(), ""),
        }
    }
    Some(table)
}

/// What a time claim means (RFC 7519 § 4.1), as seen from the request.
fn when(name: &str, value: &str, at: Timestamp) -> Option<(String, bool)> {
    if !matches!(name, "exp" | "iat" | "nbf" | "auth_time") {
        return None;
    }
    let seconds = value.split('.').next()?.parse::<i64>().ok()?;
    let text = DateTime::from_timestamp(seconds, 0)?
        .format("%Y-%m-%d %H:%M:%S UTC")
        .to_string();
    let apart = |micros: u64| {
        let hours = micros / 3_600_000_000;
        match hours {
            0..=1 => super::text::duration(micros),
            2..=47 => format!("{hours} h"),
            _ => format!("{} days", hours / 24),
        }
    };
    let moment = Timestamp(seconds.checked_mul(1_000_000)?);
    Some(match name {
        "exp" if moment < at => {
            let ago = apart(at.micros_since(moment));
            (format!("{text}: expired {ago} before the request"), true)
        }
        "exp" => (
            format!(
                "{text}: {} after the request",
                apart(moment.micros_since(at))
            ),
            false,
        ),
        "nbf" if moment > at => (format!("{text}: not yet valid at the request"), true),
        _ => (text, false),
    })
}

fn json_part(part: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.trim_start().starts_with('{').then_some(text)
}

/// A row's value on one line, clean.
pub(crate) fn one_line(text: &str) -> String {
    sanitise(text.trim_end()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_772_453_040_000_000);

    fn tables(kind: &str, body: &[u8]) -> Vec<Table> {
        of_body(&HeaderList::from_pairs([("content-type", kind)]), body, AT)
    }

    fn rows(table: &Table) -> Vec<(&str, &str, &str)> {
        let rows = table.rows.iter();
        rows.map(|r| (r.name.as_str(), r.value.as_str(), r.note.as_str()))
            .collect()
    }

    #[test]
    fn forms() {
        let found = tables("application/x-www-form-urlencoded", b"a=1+2&b=%C3%A9&a=3&c");
        let wanted = [
            ("a", "1 2", ""),
            ("b", "é", ""),
            ("a", "3", ""),
            ("c", "", ""),
        ];
        assert_eq!(rows(&found[0]), wanted);
    }

    #[test]
    fn parts() {
        let body =
            b"--xx\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\r\n--xx\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"a;\\\"b.png\"\r\n\
            Content-Type: image/png\r\nX-Y: z\r\n\r\n\x89PNG\r\n\r\n\r\n--xx--\r\n";
        let found = tables("multipart/form-data; boundary=\"xx\"", body);
        assert_eq!(
            rows(&found[0]),
            [
                ("title", "hello", "5 B"),
                ("f", "", "file \"a;\\\"b.png\" · image/png · 8 B · X-Y: z"),
            ]
        );
        for odd in [
            "--xx",
            "--xx--",
            "--xx\r\n",
            "--xx\r\n\r\n",
            "nothing",
            "--xx\nA",
        ] {
            tables("multipart/form-data; boundary=xx", odd.as_bytes());
        }
    }

    #[test]
    fn tokens_are_unpacked_and_their_times_told() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = r#"{"sub":"ada","exp":1772453000,"iat":1772449440,"n":1.50,"roles":["a"]}"#;
        let word = format!("{}.{}.sig", part(r#"{"alg":"none"}"#), part(claims));
        let headers = HeaderList::from_pairs([("Authorization", format!("Bearer {word}"))]);
        let found = of_headers(&[&headers], AT);
        assert_eq!(found[0].title, "JWT in authorization");
        let rows = rows(&found[0]);
        assert_eq!(rows[0].2, "not signed at all");
        assert_eq!(rows[1], ("sub", "\"ada\"", ""));
        assert_eq!(
            rows[2],
            (
                "exp",
                "1772453000",
                "2026-03-02 12:03:20 UTC: expired 40 s before the request"
            )
        );
        assert!(rows.contains(&("n", "1.50", "")));
        let body = format!("{{\"token\":\"{word}\"}}");
        assert_eq!(tables("application/json", body.as_bytes()).len(), 1);
        for odd in ["eyJ", "eyJ.eyJ.", "eyJh.b.c", "e.y.J"] {
            assert!(tables("text/plain", odd.as_bytes()).is_empty(), "{odd}");
        }
    }

    #[test]
    fn graphql_is_readable() {
        let body = br#"{"operationName":"Me","query":"query Me($id: ID) {\n  me(id: $id) { name }\n}","variables":{"id":7}}"#;
        let found = tables("application/json", body);
        let rows = rows(&found[0]);
        assert_eq!(rows[0], ("operation", "Me", ""));
        assert_eq!(rows[2].1, "  me(id: $id) { name }");
        assert!(tables("application/json", br#"{"query":"shoes"}"#).is_empty());
    }
}
