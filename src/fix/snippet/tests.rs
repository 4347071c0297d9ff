use proptest::prelude::*;

use super::super::Needs;
use super::language::Language;
use super::{Refused, all, render};

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn full() -> Needs {
    Needs {
        origins: strings(&["https://app.example.com", "http://localhost:5173"]),
        methods: strings(&["GET", "POST", "PUT", "PATCH", "DELETE"]),
        headers: strings(&["content-type", "authorization", "x-request-id"]),
        expose: strings(&["x-request-id", "etag"]),
        credentials: true,
    }
}

fn least() -> Needs {
    Needs {
        origins: strings(&["http://[::1]:5173"]),
        ..Needs::default()
    }
}

#[test]
fn every_template_renders_whatever_is_needed() {
    let odd = Needs {
        methods: strings(&["PURGE", "M-SEARCH"]),
        headers: strings(&["x_y.z", "x-a!#%&+^|~"]),
        ..full()
    };
    for template in all() {
        for needs in [full(), least(), odd.clone()] {
            let snippet = render(template.id, &needs)
                .unwrap_or_else(|refused| panic!("{}: {refused}", template.id));
            let code = snippet.code();
            let host = needs.origins[0].split("//").nth(1).expect("given above");
            let host = host.split([':', '.']).next().expect("given above");
            assert!(code.contains(host), "{}:\n{code}", template.id);
            assert!(
                !code.contains("{{") && !code.contains("{%") && !code.contains("\n\n\n\n"),
                "{}:\n{code}",
                template.id
            );
            let trailing = code.lines().find(|line| line.ends_with([' ', '\t']));
            assert_eq!(trailing, None, "white space at an end: {}", template.id);
            if !needs.credentials {
                let lower = code.to_ascii_lowercase();
                let granted = lower.lines().filter(|line| {
                    line.contains("credentials")
                        && (line.contains("true") || line.contains("allowcredentials()"))
                });
                assert_eq!(granted.count(), 0, "{}:\n{code}", template.id);
            }
        }
    }
}

#[test]
fn every_template_says_where_it_goes_and_what_not_to_do() {
    let mut ids: Vec<&str> = all().iter().map(|t| t.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all().len(), "ids twice");
    for template in all() {
        let id = template.id;
        let snippet = render(id, &full()).expect("given above");
        assert!(
            template.never.starts_with("No ") && template.never.len() < 170,
            "{id}"
        );
        assert!(
            !snippet.file().is_empty() && snippet.place().len() > 20,
            "{id}"
        );
        let notes = template.notes.iter().chain([&template.never]);
        let open: Vec<_> = notes.filter(|note| !note.ends_with('.')).collect();
        assert!(open.is_empty(), "{id}: {open:?}");
        for part in &snippet.parts {
            // Who pastes several files needs to see where one begins.
            let first = part
                .code
                .lines()
                .find(|l| *l != "<?php")
                .expect("given above")
                .trim_start();
            let plain = matches!(template.language, Language::Xml | Language::Json);
            assert!(
                plain || first.starts_with("//") || first.starts_with('#'),
                "{id}: {first}"
            );
        }
    }
}

#[test]
fn what_is_not_an_origin_is_refused_with_its_reason() {
    for (origin, why) in [
        ("null", "any sandboxed page"),
        ("*", "wildcard"),
        ("https://*.app.test", "wildcard"),
        ("https://a'b.test", "quote"),
        ("https://a\"b.test", "quote"),
        ("https://a`b.test", "backtick"),
        ("https://a$b.test", "dollar"),
        ("https://a\\b.test", "backslash"),
        ("https://a{b}.test", "brace"),
        ("https://a.test\nX: y", "control"),
        ("https://a.test b", "white space"),
        ("https://ä.test", "ASCII"),
        ("https://a.test/", "not an origin"),
        ("https://a.test/path", "not an origin"),
        ("https://A.test", "not an origin"),
        ("https://a.test:443", "not an origin"),
        ("https://u@a.test", "not an origin"),
        ("a.test", "not an origin"),
        ("https://a.test;evil", "no real host"),
        ("https://a(b).test", "no real host"),
        ("", "not an origin"),
    ] {
        let needs = Needs {
            origins: strings(&["https://good.test", origin]),
            ..full()
        };
        match render("nginx", &needs) {
            Err(Refused::Value {
                value, why: said, ..
            }) => {
                assert_eq!(value, origin);
                assert!(said.contains(why), "{origin:?}: {said}");
            }
            other => panic!("{origin:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_a_plain_token_is_refused() {
    for name in [
        "", "*", "a b", "x'", "x\"", "x`", "$x", "x\\", "x\r\ny", "ü", "x,y", "x:y", "(x)", "x*",
    ] {
        for field in 0..3 {
            let mut needs = full();
            let list = [&mut needs.methods, &mut needs.headers, &mut needs.expose];
            for (at, list) in list.into_iter().enumerate() {
                if at == field {
                    list.push(name.to_owned());
                }
            }
            let refused = render("express", &needs).expect_err("refused");
            assert!(
                matches!(&refused, Refused::Value { value, .. } if value == name),
                "{name:?}"
            );
        }
    }
}

#[test]
fn nobody_to_let_in_is_no_snippet() {
    let none = Needs::default();
    for template in all() {
        assert_eq!(render(template.id, &none), Err(Refused::NoOrigin));
    }
    assert!(matches!(
        render("cobol", &full()),
        Err(Refused::Unknown { .. })
    ));
    let many = Needs {
        origins: (0..200).map(|n| format!("https://a{n}.test")).collect(),
        ..full()
    };
    assert!(matches!(
        render("express", &many),
        Err(Refused::TooMany { .. })
    ));
}

/// What a string literal of the language means, for the languages with backslashes.
fn read_back(escaped: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    Some(out)
}

/// Whether nothing in an escaped text ends the string or expands.
fn is_inert(language: Language, escaped: &str) -> bool {
    let active: &[char] = match language {
        Language::Nginx => return !escaped.contains(['$', '"', '\'', '\\', '\n']),
        Language::Apache => {
            return !escaped.contains(['$', '"', '\\', '\n'])
                && !escaped.replace("%%", "").contains('%');
        }
        Language::Caddyfile => return !escaped.contains(['{', '}', '"', '`', '\\', '\n']),
        Language::Xml => return !escaped.contains(['<', '>', '"', '\'']),
        Language::JavaScript | Language::TypeScript => &['\'', '"', '`', '$', '\n'],
        Language::Python | Language::Java | Language::CSharp => &['\'', '"', '\n'],
        Language::Ruby => &['\'', '"', '#', '\n'],
        Language::Php => &['\'', '\n'],
        Language::Haproxy => &['"', '\'', '$', ' ', '#', '\n'],
        Language::Go | Language::Rust | Language::Yaml | Language::Json => &['"', '\n'],
    };
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            if chars.next().is_none() {
                return false;
            }
        } else if active.contains(&c) {
            return false;
        }
    }
    true
}

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[a-z'\"`$\\\\{}%#<>&;\n\r\t ().*\\[\\]]{0,24}",
        "https://[a-z'\"`$\\\\{}%#;().*-]{1,20}\\.test(:[0-9]{1,5})?",
        "[a-zA-Z'\"`$\\\\{}%#!&+^|~*-]{1,16}",
        Just("https://app.test".to_owned()),
        Just("x-ok".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_escaped_text_means_itself_and_nothing_else(text in nasty(), at in 0..Language::ALL.len()) {
        let language = Language::ALL[at];
        if let Some(escaped) = language.escape(&text) {
            prop_assert!(is_inert(language, &escaped), "{language:?}: {text:?} -> {escaped:?}");
            match language {
                Language::Json => {
                    let read: String = serde_json::from_str(&format!("\"{escaped}\"")).expect("given above");
                    prop_assert_eq!(read, text);
                }
                Language::Xml => {
                    let read = escaped.replace("&lt;", "<").replace("&gt;", ">")
                        .replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&");
                    prop_assert_eq!(read, text);
                }
                Language::Nginx | Language::Caddyfile => prop_assert_eq!(escaped, text),
                Language::Apache => prop_assert_eq!(escaped.replace("%%", "%"), text),
                Language::Haproxy => {
                    prop_assert_eq!(read_back(&escaped).expect("given above").replace("%%", "%"), text);
                }
                _ => prop_assert_eq!(read_back(&escaped).expect("given above"), text),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    // Whatever a page, a server or a HAR says: what gets into a snippet are serialised origins and
    // plain tokens, and the snippet is the one that harmless values would have given, letter by letter.
    #[test]
    fn only_harmless_values_reach_a_snippet(
        origin in nasty(), method in nasty(), header in nasty(), exposed in nasty(),
        at in 0..all().len(),
    ) {
        let template = &all()[at];
        let needs = Needs {
            origins: vec![origin.clone()],
            methods: vec![method.clone()],
            headers: vec![header.clone()],
            expose: vec![exposed.clone()],
            credentials: true,
        };
        match render(template.id, &needs) {
            Err(Refused::Value { value, .. }) => {
                prop_assert!([&origin, &method, &header, &exposed].contains(&&value));
            }
            Err(other) => prop_assert!(false, "{}", other),
            Ok(snippet) => {
                for name in [&method, &header, &exposed] {
                    let clean = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#%&+-.^_|~".contains(&b));
                    prop_assert!(clean && !name.is_empty(), "{name:?} in {}", template.id);
                }
                let tuple = crate::wire::Origin::from_header(&origin);
                prop_assert_eq!(tuple.map(|o| o.to_string()), Some(origin.clone()));
                prop_assert!(
                    origin.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._:/[]".contains(&b)),
                    "{origin:?}"
                );
                // The shape does not depend on the values.
                let tame = Needs {
                    origins: vec!["https://app.test".into()],
                    methods: vec!["PUT".into()],
                    headers: vec!["x-tame".into()],
                    expose: vec!["x-tame".into()],
                    credentials: true,
                };
                let lines = |needs: &Needs| render(template.id, needs).expect("given above").code().lines().count();
                if template.id != "axum" {
                    prop_assert_eq!(lines(&needs), lines(&tame));
                }
                prop_assert!(snippet.code().chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            }
        }
    }
}
