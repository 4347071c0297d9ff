//! The shape of a JSON text: which paths it has, and what kind of value each.

use std::collections::BTreeMap;

use serde_json::Value;

/// More paths are not looked at.
const PATHS_MAX: usize = 400;
/// Deeper values are not looked at.
const DEPTH_MAX: usize = 12;
/// More items of an array are not looked at: they are alike.
const ITEMS_MAX: usize = 20;

/// Kinds of value by path: `items[].id` → `number`; several kinds are joined by `|`.
pub(super) type Shape = BTreeMap<String, String>;

/// The shape of a text; `None` if it is no JSON.
pub(super) fn shape_of(bytes: &[u8]) -> Option<Shape> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    if !(value.is_object() || value.is_array()) {
        return None;
    }
    let mut shape = Shape::new();
    note(&value, "", 0, &mut shape);
    Some(shape)
}

fn note(value: &Value, path: &str, depth: usize, shape: &mut Shape) {
    if shape.len() >= PATHS_MAX || depth > DEPTH_MAX {
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let name = if path.is_empty() { "the whole" } else { path };
    let kinds = shape.entry(name.to_owned()).or_default();
    if kinds.is_empty() {
        kind.clone_into(kinds);
    } else if !kinds.split('|').any(|known| known == kind) {
        let mut all: Vec<&str> = kinds.split('|').chain([kind]).collect();
        all.sort_unstable();
        *kinds = all.join("|");
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                note(value, &path, depth + 1, shape);
            }
        }
        Value::Array(items) => {
            for item in items.iter().take(ITEMS_MAX) {
                note(item, &format!("{path}[]"), depth + 1, shape);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_paths_and_kinds() {
        let shape = shape_of(br#"{"items":[{"id":1},{"id":"x","tag":null}]}"#).expect("JSON");
        let told: Vec<String> = shape.iter().map(|(p, k)| format!("{p}={k}")).collect();
        assert_eq!(
            told,
            [
                "items=array",
                "items[]=object",
                "items[].id=number|string",
                "items[].tag=null",
                "the whole=object"
            ]
        );
        assert!(shape_of(b"<html>").is_none() && shape_of(b"12").is_none());
    }
}
