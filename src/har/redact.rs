//! A HAR of any tool without its secrets: what the tool wrote stays, member by member.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lenient::without_lone_surrogates;
use super::read::HarError;
use super::source::Text;
use crate::wire::{RedactedBody, Redactor, json_escaped};

/// Reads a HAR and writes it without secrets, one entry in memory at a time; says how many there
/// were. Members nobody knows are kept, their text searched.
pub fn redact(
    reader: impl Read,
    out: &mut dyn Write,
    redactor: &Redactor,
) -> Result<u64, HarError> {
    let mut source = Text::new(reader, |_| {});
    let pen = RefCell::new(Pen {
        out,
        redactor,
        entries: None,
        broken: None,
    });
    let mut json = serde_json::Deserializer::from_reader(&mut source);
    let read = Level {
        pen: &pen,
        log: false,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    let mut pen = pen.into_inner();
    if let Some(broken) = pen.broken.take() {
        return Err(HarError::Io(broken));
    }
    drop(json);
    read.map_err(|error| HarError::of_json(error, source.offset()))?;
    pen.out.write_all(b"\n").map_err(HarError::Io)?;
    pen.entries.ok_or(HarError::NoEntries)
}

struct Pen<'a> {
    out: &'a mut dyn Write,
    redactor: &'a Redactor,
    /// How many entries were written, once their list was found.
    entries: Option<u64>,
    /// Why writing failed, if it did.
    broken: Option<io::Error>,
}

impl Pen<'_> {
    fn write<E: de::Error>(&mut self, text: &str) -> Result<(), E> {
        // What would steer a terminal occurs in strings only.
        self.out
            .write_all(json_escaped(text).as_bytes())
            .map_err(|error| {
                self.broken = Some(error);
                E::custom("writing failed")
            })
    }
}

/// The document, or its log.
#[derive(Clone, Copy)]
struct Level<'p, 'a> {
    pen: &'p RefCell<Pen<'a>>,
    log: bool,
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a HAR")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut between = "{";
        while let Some(name) = map.next_key::<String>()? {
            let label = format!("{between}{}:", Value::from(name.as_str()));
            self.pen.borrow_mut().write(&label)?;
            between = ",";
            match (self.log, name.as_str()) {
                (false, "log") => map.next_value_seed(Level { log: true, ..self })?,
                (true, "entries") => map.next_value_seed(Entries(self.pen))?,
                _ => {
                    let raw: Box<RawValue> = map.next_value()?;
                    let mut pen = self.pen.borrow_mut();
                    let text = value_text(raw.get(), pen.redactor);
                    pen.write(&text)?;
                }
            }
        }
        let end = if between == "{" { "{}" } else { "}" };
        self.pen.borrow_mut().write(end)
    }
}

struct Entries<'p, 'a>(&'p RefCell<Pen<'a>>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut between = "[\n";
        let mut entries = 0;
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            let mut pen = self.0.borrow_mut();
            let text = value_text(raw.get(), pen.redactor);
            pen.write(between)?;
            pen.write(&text)?;
            between = ",\n";
            entries += 1;
        }
        let mut pen = self.0.borrow_mut();
        pen.entries = Some(entries);
        pen.write(if entries == 0 { "[]" } else { "\n]" })
    }
}

fn value_text(json: &str, redactor: &Redactor) -> String {
    let parsed = serde_json::from_str(json).or_else(|error| match without_lone_surrogates(json) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    });
    if let Ok(mut value) = parsed {
        walk("", &mut value, redactor);
        return value.to_string();
    }
    // Nested deeper than is followed: searched as text.
    let kept = redactor.body(Some("application/json"), json.as_bytes());
    String::from_utf8_lossy(&kept.into_bytes()).into_owned()
}

/// Takes secrets out of a value; `name` is what it is called where it stands.
fn walk(name: &str, value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor_for(name)(redactor, text),
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(members) if is_named(members) => named(name, members, redactor),
                    item => walk(name, item, redactor),
                }
            }
        }
        // Some tools write headers as an object.
        Value::Object(members) if name == "headers" => {
            for (header, value) in members {
                if let Value::String(text) = value {
                    *text = redactor.header(header, text).into_owned();
                }
            }
        }
        Value::Object(members) => object(name, members, redactor),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redactor_for(name: &str) -> fn(&Redactor, &str) -> String {
    match name {
        "url" | "redirectURL" | "documentURL" | "referrer" => Redactor::url,
        // Names of what is on the wire are evidence.
        "method" | "httpVersion" | "mimeType" | "startedDateTime" | "serverIPAddress"
        | "connection" | "_connectionId" | "encoding" => |_, text| text.to_owned(),
        _ => |redactor, text| redactor.text(text).into_owned(),
    }
}

fn is_named(members: &Map<String, Value>) -> bool {
    members.get("name").is_some_and(Value::is_string)
        && members.get("value").is_some_and(Value::is_string)
}

// A header, cookie or parameter.
fn named(list: &str, members: &mut Map<String, Value>, redactor: &Redactor) {
    let text = |key: &str| {
        members
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (name, value) = (text("name"), text("value"));
    let hidden = match list {
        "cookies" => redactor.cookie(&value),
        "queryString" | "params" => redactor.parameter(&name, &value),
        _ => redactor.header(&name, &value),
    };
    members.insert("value".into(), hidden.into_owned().into());
    for (key, member) in members {
        if key != "name" && key != "value" {
            walk(key, member, redactor);
        }
    }
}

fn object(name: &str, members: &mut Map<String, Value>, redactor: &Redactor) {
    let is_body = matches!(name, "content" | "postData") && members.contains_key("text");
    if is_body {
        body(members, redactor);
    }
    let is_message = members.contains_key("opcode") && members.contains_key("data");
    if is_message {
        message(members, redactor);
    }
    for (key, member) in members {
        if !(is_body && key == "text" || is_message && key == "data") {
            walk(key, member, redactor);
        }
    }
}

fn body(members: &mut Map<String, Value>, redactor: &Redactor) {
    let Some(text) = members.get("text").and_then(Value::as_str) else {
        return;
    };
    let kind = members.get("mimeType").and_then(Value::as_str);
    let coded = members.get("encoding").and_then(Value::as_str);
    let coded = coded.is_some_and(|name| name.eq_ignore_ascii_case("base64"));
    let bytes = coded.then(|| {
        let compact: String = text.split_ascii_whitespace().collect();
        STANDARD.decode(compact).ok()
    });
    let bytes = bytes.flatten();
    let plain = bytes.as_deref().unwrap_or(text.as_bytes());
    match redactor.body(kind, plain) {
        RedactedBody::Kept(kept) => {
            let text = if bytes.is_some() {
                STANDARD.encode(&kept)
            } else {
                String::from_utf8_lossy(&kept).into_owned()
            };
            members.insert("text".into(), text.into());
        }
        RedactedBody::LeftOut => {
            // Chrome's importer shows "undefined" where what was sent has none.
            members.insert("text".into(), "".into());
            members.remove("encoding");
            let comment = "The body is binary and may hold secrets; it was left out.";
            members.insert("comment".into(), comment.into());
        }
    }
}

// Binary is in base64.
fn message(members: &mut Map<String, Value>, redactor: &Redactor) {
    let Some(data) = members.get("data").and_then(Value::as_str) else {
        return;
    };
    let bytes = (members.get("opcode").and_then(Value::as_i64) == Some(2))
        .then(|| STANDARD.decode(data).ok())
        .flatten();
    let hidden = if let Some(bytes) = &bytes {
        STANDARD.encode(redactor.body(None, bytes).into_bytes())
    } else {
        let kept = redactor.body(None, data.as_bytes()).into_bytes();
        String::from_utf8_lossy(&kept).into_owned()
    };
    members.insert("data".into(), hidden.into());
}
