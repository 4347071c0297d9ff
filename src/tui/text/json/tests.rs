use super::super::sanitise::width;
use super::*;

fn pretty(text: &str) -> String {
    let doc = json_document(text.into());
    let lines: Vec<String> = (0..doc.lines.len()).map(|n| doc.line(n).text).collect();
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(
            doc.lines[n].width as usize,
            width(line),
            "{line:?} of {text}"
        );
    }
    lines.join("\n")
}

fn notes(text: &str) -> Vec<String> {
    json_document(text.into()).notes
}

#[test]
fn order_duplicates_and_number_spelling_stay() {
    let text = r#"{"z":1.0,"a" : 1e400,"z":12345678901234567890,"e":{},"l":[1,[ ],{"x":null}],"s":"a\"b\\"}"#;
    assert_eq!(
        pretty(text),
        "{\n  \"z\": 1.0,\n  \"a\": 1e400,\n  \"z\": 12345678901234567890,\n  \"e\": {},\n  \"l\": [\n    1,\n    [],\n    {\n      \"x\": null\n    }\n  ],\n  \"s\": \"a\\\"b\\\\\"\n}"
    );
    assert!(notes(text).is_empty());
}

#[test]
fn nothing_but_whitespace_is_lost() {
    let bare = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    for text in [
        r#"{"a":[1,2,{"b":"c d"}],"#,
        r#"{"a":"cut in the mid"#,
        r#"{"a":"cut at escape\"#,
        "[1,2]]}",
        "{a:1, 'b':undefined,}",
        "1 2 \"x\" nonsense",
        "[1 2 \"x\" {} {\"a\" 1} [2] 3]",
        "",
        "\u{feff}[true]",
        "{{{{[[[[",
        "é{\"日\":ü}",
    ] {
        let shown = pretty(text);
        assert_eq!(
            bare(&shown),
            bare(&text.replace('\u{feff}', "")),
            "{text:?} → {shown}"
        );
    }
}

#[test]
fn faults_are_told() {
    assert_eq!(notes("[1,2"), ["ends before the JSON is complete"]);
    assert_eq!(notes("[1,2]]"), ["not valid JSON"]);
    assert_eq!(notes("[01]"), ["not valid JSON"]);
}

#[test]
fn what_belongs_together_can_be_folded() {
    let doc = json_document(r#"{"a":[1,2,3],"b":{},"c":{"d":1}}"#.into());
    let folds: Vec<_> = doc
        .folds
        .iter()
        .map(|f| (f.open, f.close, f.members, f.level))
        .collect();
    assert_eq!(folds, [(0, 10, 3, 0), (1, 5, 3, 1), (7, 9, 1, 1)]);
    assert!(doc.line(7).text.ends_with('{'));
    assert!(doc.line(9).text.starts_with("  }"));
}

#[test]
fn depth_costs_no_stack_and_no_width() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let doc = json_document(deep.into());
    assert_eq!(doc.folds.len(), 199_999);
    let widest = (0..doc.lines.len()).map(|n| doc.line(n).text.len()).max();
    assert!(widest <= Some(2 * DEPTH_SHOWN_MAX + 2), "{widest:?}");
}

#[test]
fn an_endless_string_is_many_lines_and_all_of_it_is_there() {
    let text = format!("[\"{}\",1]", "é".repeat(Document::LINE_BYTES_MAX));
    let shown = pretty(&text);
    assert!(shown.lines().count() > 4);
    let bare: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(bare, text);
}

#[test]
fn numbers() {
    for yes in ["0", "-0", "1.5", "1e9", "1E+9", "-12.25e-3"] {
        assert!(is_number(yes), "{yes}");
    }
    for no in ["01", "1.", ".5", "+1", "0x1", "1e", "NaN", "", "-"] {
        assert!(!is_number(no), "{no}");
    }
}
