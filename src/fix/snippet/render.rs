//! A template filled with checked values.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, context};

use super::super::Needs;
use super::language::Language;
use super::template::{Template, by_id};
use super::values::{Refused, Values};

/// How long browsers may remember a preflight, in seconds: the most that every engine honours
/// (Safari's cap).
const MAX_AGE_SECONDS: u32 = 600;

/// A fix in the words of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Id of the template: `express`.
    pub id: &'static str,
    /// Name of the server: `Express (Node.js)`.
    pub title: &'static str,
    /// What it is written in.
    pub language: Language,
    /// The files it is made of, mostly one.
    pub parts: Vec<Part>,
    /// What has to be there for it, as `npm install cors`; empty when nothing is.
    pub install: &'static str,
    /// What must not be done beside it, in one line.
    pub never: &'static str,
    /// What else to know, each one sentence.
    pub notes: Vec<&'static str>,
    /// The versions it was run with; `None` when it was not run.
    pub tested: Option<&'static str>,
}

/// One file of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file it goes into.
    pub file: &'static str,
    /// Where that is called or included, relative to routes, authentication and error handlers.
    pub place: &'static str,
    /// What goes into the file, without a line break at the end.
    pub code: String,
}

impl Snippet {
    /// The file it goes into; the first of several.
    pub fn file(&self) -> &'static str {
        self.parts.first().map_or("", |part| part.file)
    }

    /// Where it is called or included; the first file's.
    pub fn place(&self) -> &'static str {
        self.parts.first().map_or("", |part| part.place)
    }

    /// All of its code, ready to paste; several files one after the other, each with its name.
    pub fn code(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| part.code.as_str()).collect();
        parts.join("\n\n")
    }

    /// Whether it was run against a real server of its kind.
    pub fn verified(&self) -> bool {
        self.tested.is_some()
    }
}

/// The snippet for a server, filled with what it must let in.
///
/// ```
/// use corscope::fix::{Needs, snippet};
/// let needs = Needs {
///     origins: vec!["https://app.test".into()],
///     methods: vec!["PUT".into()],
///     ..Needs::default()
/// };
/// let express = snippet::render("express", &needs).unwrap();
/// assert!(express.code().contains("origin: ['https://app.test'],"));
///
/// let needs = Needs { origins: vec!["https://x'];process.exit()//".into()], ..Needs::default() };
/// let refused = snippet::render("express", &needs).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     r#"no snippet: the origin "https://x\'];process.exit()//" has a quote in it"#
/// );
/// ```
pub fn render(id: &str, needs: &Needs) -> Result<Snippet, Refused> {
    let Some(template) = by_id(id) else {
        return Err(Refused::Unknown { id: id.to_owned() });
    };
    let values = Values::of(needs, template.language)?;
    let fault = |error: &Error| Refused::Template {
        id: template.id,
        fault: error.to_string(),
    };
    let environment = environment(template.language);
    let mut parts = Vec::new();
    for part in &template.parts {
        let code = fill(&environment, part.text, &values).map_err(|e| fault(&e))?;
        // A file that these needs do not call for.
        if !code.trim().is_empty() {
            parts.push(Part {
                file: part.file,
                place: part.place,
                code: code.trim_end().to_owned(),
            });
        }
    }
    Ok(snippet(template, parts))
}

fn snippet(template: &Template, parts: Vec<Part>) -> Snippet {
    Snippet {
        id: template.id,
        title: template.title,
        language: template.language,
        parts,
        install: template.install,
        never: template.never,
        notes: template.notes.clone(),
        tested: template.tested,
    }
}

fn fill(environment: &Environment<'_>, source: &str, values: &Values) -> Result<String, Error> {
    environment.render_str(
        source,
        context! {
            origins => &values.origins,
            methods => &values.methods,
            headers => &values.headers,
            expose => &values.expose,
            credentials => values.credentials,
            max_age => MAX_AGE_SECONDS,
        },
    )
}

/// The template language: Jinja, with every text escaped for the snippet's language.
fn environment(language: Language) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the usual delimiters do not clash");
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(move |_| AutoEscape::Custom(language.name().into()));
    environment.set_formatter(move |out, _, value| write_escaped(out, language, value));
    environment.add_filter(
        "items",
        move |values: Vec<String>, pattern: &str, join: Option<&str>| {
            items(language, &values, pattern, join.unwrap_or(", "))
        },
    );
    environment.add_filter("re", move |text: &str| {
        let plain = escaped(language, text)?;
        Ok::<_, Error>(Value::from_safe_string(regex_escaped(&plain)))
    });
    environment
}

fn write_escaped(out: &mut Output<'_>, language: Language, value: &Value) -> Result<(), Error> {
    let text = if value.is_safe() || value.is_number() {
        value.to_string()
    } else if let Some(text) = value.as_str() {
        escaped(language, text)?
    } else if value.kind() == ValueKind::Bool {
        language.boolean(value.is_true()).to_owned()
    } else {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a {} cannot be written as it is", value.kind()),
        ));
    };
    out.write_str(&text).map_err(Error::from)
}

fn escaped(language: Language, text: &str) -> Result<String, Error> {
    language.escape(text).ok_or_else(|| {
        Error::new(
            ErrorKind::BadEscape,
            "a value cannot be written in this language",
        )
    })
}

/// Every value in the pattern's place, joined. In the pattern `{}` is the value, `{re}` the value as a
/// regular expression that matches it alone, `{lower}` the value in lower case.
fn items(language: Language, values: &[String], pattern: &str, join: &str) -> Result<Value, Error> {
    let mut out: Vec<String> = Vec::new();
    for value in values {
        let plain = escaped(language, value)?;
        let mut item = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find('{') {
            item.push_str(&rest[..at]);
            rest = &rest[at..];
            let (name, fill) = [
                ("{}", plain.clone()),
                ("{re}", regex_escaped(&plain)),
                ("{lower}", plain.to_ascii_lowercase()),
            ]
            .into_iter()
            .find(|(name, _)| rest.starts_with(name))
            .unwrap_or(("{", "{".to_owned()));
            item.push_str(&fill);
            rest = &rest[name.len()..];
        }
        item.push_str(rest);
        out.push(item);
    }
    Ok(Value::from_safe_string(out.join(join)))
}

/// A regular expression for exactly this text.
fn regex_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if ".^$*+?()[]{}|\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
