//! Many checks in one file: read from TOML, every mistake with its line and the nearest right word.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use toml_edit::{Document, Item, TableLike, Value};

use super::args::BrowserName;
use super::asking;
use super::check::Asked;
use super::explain::distance;
use super::output::reason;
use crate::cors::{Browser, Outcome};
use crate::replay::{Edit, Plan};

/// How many checks one file may ask for, all combinations counted.
const CHECKS_MAX: usize = 1_000;

/// Keys that may stand at the top, for all checks, or in one.
const SHARED: [&str; 8] = [
    "origin",
    "method",
    "headers",
    "data",
    "credentials",
    "browser",
    "expect",
    "url",
];

/// One question, and the answer it should get.
pub(super) struct Check {
    /// As the file calls it; may be empty.
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) expected: Expected,
}

/// What a browser should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    Blocked,
}

impl Expected {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
        }
    }

    /// Whether an outcome is what was expected.
    pub(super) fn is(self, outcome: Outcome) -> bool {
        match self {
            Self::Allowed => matches!(outcome, Outcome::Allowed | Outcome::Exempt),
            Self::Blocked => outcome == Outcome::Blocked,
        }
    }
}

/// Reads the checks of a file.
pub(super) fn read(file: &Path) -> Result<Vec<Check>> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow!("cannot read {name} ({}); check the path", reason(&error)))?;
    parse(&text, &|variable| std::env::var(variable).ok())
        .map_err(|error| anyhow!("{name}, {error}"))
}

/// Reads checks from text; `variable` knows what `${NAME}` stands for.
fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Check>> {
    let file = File { text, variable };
    let document = Document::parse(text).map_err(|error| {
        let said: Vec<&str> = error.message().lines().collect();
        file.wrong(
            error.span(),
            &format!("this is no TOML: {}", said.join(", ")),
        )
    })?;
    let mut shared = Wanted::default();
    let mut tables = Vec::new();
    for (key, item) in document.as_table() {
        if key == "check" {
            tables = file.tables(item)?;
        } else {
            let spot = document.as_table().key(key).and_then(toml_edit::Key::span);
            file.take(&mut shared, key, item, spot, &["check"])?;
        }
    }
    if tables.is_empty() {
        bail!("line 1: there is no [[check]] in it; each has a url and an origin");
    }
    let mut checks = Vec::new();
    for (table, spot) in tables {
        let mut wanted = shared.clone();
        for (key, item) in table.iter() {
            let at = table.key(key).and_then(toml_edit::Key::span);
            file.take(&mut wanted, key, item, at, &["name"])?;
        }
        file.add(&wanted, spot, &mut checks)?;
    }
    Ok(checks)
}

/// What one table says, or all of them.
#[derive(Clone, Default)]
struct Wanted {
    name: String,
    urls: Vec<String>,
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<(String, Option<String>)>,
    data: Option<String>,
    credentials: bool,
    browsers: Vec<Browser>,
    expected: Option<Expected>,
}

/// The text that is read, for telling where something is.
struct File<'a> {
    text: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Where something is in the text, in bytes.
type Spot = Option<Range<usize>>;

impl File<'_> {
    fn wrong(&self, spot: Spot, message: &str) -> anyhow::Error {
        let start = spot.map_or(0, |at| at.start);
        let before = self.text.get(..start).unwrap_or_default();
        anyhow!("line {}: {message}", before.matches('\n').count() + 1)
    }

    /// The tables of `[[check]]`, or of an array of inline tables.
    fn tables<'b>(&self, item: &'b Item) -> Result<Vec<(&'b dyn TableLike, Spot)>> {
        if let Some(tables) = item.as_array_of_tables() {
            let each = tables.iter().map(|t| (t as &dyn TableLike, t.span()));
            return Ok(each.collect());
        }
        if let Some(table) = item.as_table() {
            // [check], as one writes who has one only.
            return Ok(vec![(table as &dyn TableLike, table.span())]);
        }
        let values = item.as_array();
        let inline = values.map(|a| {
            a.iter()
                .map(|v| Some((v.as_inline_table()? as &dyn TableLike, v.span())))
                .collect::<Option<Vec<_>>>()
        });
        inline
            .flatten()
            .ok_or_else(|| self.wrong(item.span(), "checks are written as [[check]]"))
    }

    fn take(
        &self,
        wanted: &mut Wanted,
        key: &str,
        item: &Item,
        at: Spot,
        also: &[&str],
    ) -> Result<()> {
        let spot = item.span().or(at.clone());
        match key {
            "name" if also.contains(&"name") => wanted.name = self.string(key, item, spot)?,
            "url" => wanted.urls = self.strings(key, item, spot)?,
            "origin" => wanted.origins = self.strings(key, item, spot)?,
            "method" => wanted.methods = self.strings(key, item, spot)?,
            "headers" => wanted.headers.extend(self.headers(item, &spot)?),
            "data" => wanted.data = Some(self.string(key, item, spot)?),
            "credentials" => {
                let value = item.as_bool();
                let wrong = || self.wrong(spot, "credentials is true or false");
                wanted.credentials = value.ok_or_else(wrong)?;
            }
            "browser" => {
                let names = self.strings(key, item, spot.clone())?;
                let one = |name: &String| {
                    let known = ["chromium", "firefox", "safari"];
                    <BrowserName as clap::ValueEnum>::from_str(name, false)
                        .map(Browser::from)
                        .map_err(|_| self.unknown("browser", name, &known, spot.clone()))
                };
                wanted.browsers = names.iter().map(one).collect::<Result<_>>()?;
            }
            "expect" => {
                let name = self.string(key, item, spot.clone())?;
                wanted.expected = Some(match name.as_str() {
                    "allowed" => Expected::Allowed,
                    "blocked" => Expected::Blocked,
                    _ => {
                        let known = ["allowed", "blocked"];
                        return Err(self.unknown("expectation", &name, &known, spot));
                    }
                });
            }
            _ => {
                let known: Vec<&str> = SHARED.iter().chain(also).copied().collect();
                return Err(self.unknown("key", key, &known, at));
            }
        }
        Ok(())
    }

    fn unknown(&self, what: &str, got: &str, known: &[&str], at: Spot) -> anyhow::Error {
        let near = known.iter().min_by_key(|word| distance(got, word));
        let near = near.copied().unwrap_or_default();
        self.wrong(
            at,
            &format!("unknown {what} \"{got}\": did you mean {near}?"),
        )
    }

    fn string(&self, key: &str, item: &Item, at: Spot) -> Result<String> {
        match item.as_str() {
            Some(text) => self.filled(text, &at),
            None => Err(self.wrong(at, &format!("{key} is a text in quotes"))),
        }
    }

    /// A text, or a list of them.
    fn strings(&self, key: &str, item: &Item, at: Spot) -> Result<Vec<String>> {
        if let Some(text) = item.as_str() {
            return Ok(vec![self.filled(text, &at)?]);
        }
        let listed = item
            .as_array()
            .map(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match listed.flatten() {
            Some(texts) if !texts.is_empty() => texts.iter().map(|t| self.filled(t, &at)).collect(),
            _ => Err(self.wrong(at, &format!("{key} is a text in quotes, or a list of such"))),
        }
    }

    /// A table of names and values, or a list of `Name: value`.
    fn headers(&self, item: &Item, at: &Spot) -> Result<Vec<(String, Option<String>)>> {
        if let Some(table) = item.as_table_like() {
            let each = table.iter().map(|(name, value)| {
                let value = self.string(name, value, at.clone())?;
                Ok((name.to_owned(), Some(value)))
            });
            return each.collect();
        }
        let lines = self.strings("headers", item, at.clone()).map_err(|_| {
            self.wrong(
                at.clone(),
                "headers is a table of names and values, or a list of 'Name: value'",
            )
        })?;
        let each = lines.iter().map(|line| {
            Edit::header(line).map_err(|error| self.wrong(at.clone(), &error.to_string()))
        });
        each.collect()
    }

    /// With `${NAME}` replaced from the environment, for what should not stand in a file.
    fn filled(&self, text: &str, at: &Spot) -> Result<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            let value = (self.variable)(name).ok_or_else(|| {
                let said = format!("the environment has no {name}; set it before the check");
                self.wrong(at.clone(), &said)
            })?;
            out.push_str(before);
            out.push_str(&value);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Every combination of what a check lists.
    fn add(&self, wanted: &Wanted, at: Spot, checks: &mut Vec<Check>) -> Result<()> {
        let told = |error: &dyn std::fmt::Display| self.wrong(at.clone(), &error.to_string());
        for (list, key) in [(&wanted.urls, "url"), (&wanted.origins, "origin")] {
            if list.is_empty() {
                let said = format!("this check has no {key}, and neither has the top of the file");
                return Err(self.wrong(at, &said));
            }
        }
        let methods: Vec<Option<String>> = match (&wanted.methods[..], &wanted.data) {
            ([], Some(_)) => vec![Some("POST".to_owned())],
            ([], None) => vec![None],
            (methods, _) => methods.iter().cloned().map(Some).collect(),
        };
        let browsers = match &wanted.browsers[..] {
            [] => vec![Browser::default()],
            browsers => browsers.to_vec(),
        };
        let data = wanted.data.as_deref().map(asking::data).transpose();
        let data = data.map_err(|error| told(&error))?;
        for url in &wanted.urls {
            for typed in &wanted.origins {
                let (origin, _) = asking::origin(typed).map_err(|error| told(&error))?;
                for method in &methods {
                    for browser in &browsers {
                        if checks.len() == CHECKS_MAX {
                            return Err(told(&format!(
                                "more than {CHECKS_MAX} checks; use two files"
                            )));
                        }
                        let bodyless = matches!(
                            method.as_deref().map(str::to_ascii_uppercase).as_deref(),
                            None | Some("GET" | "HEAD")
                        );
                        let asked = Asked {
                            url: url.clone(),
                            edit: Edit {
                                method: method.clone(),
                                headers: wanted.headers.clone(),
                                body: data.clone().filter(|_| !bodyless),
                                ..Edit::default()
                            },
                            credentials: wanted.credentials,
                            browser: *browser,
                        };
                        checks.push(Check {
                            name: wanted.name.clone(),
                            plan: asked.plan(origin.clone()).map_err(|error| told(&error))?,
                            expected: wanted.expected.unwrap_or(Expected::Allowed),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Check>> {
        parse(text, &|name| (name == "TOKEN").then(|| "s3cret".to_owned()))
    }

    #[test]
    fn every_combination_is_asked() {
        let checks = read(
            r#"
origin = ["https://app.test", "https://www.app.test"]
credentials = true

[[check]]
name = "cart"
url = "https://api.test/cart"
method = ["GET", "PUT"]
headers = { Authorization = "Bearer ${TOKEN}" }
data = "{}"

[[check]]
url = "https://api.test/open"
origin = "https://evil.test"
expect = "blocked"
browser = "firefox"
headers = ["X-A: b"]
"#,
        );
        let checks = checks.expect("good");
        assert_eq!(checks.len(), 5);
        let first = &checks[0].plan;
        assert_eq!(
            first.headers().get("authorization").as_deref(),
            Some("Bearer s3cret")
        );
        assert_eq!((first.method(), first.include), ("GET", Some(true)));
        assert!(first.body().is_empty(), "a GET has none");
        assert_eq!(checks[1].plan.body(), "{}");
        let last = &checks[4];
        assert_eq!(last.expected, Expected::Blocked);
        assert_eq!(last.plan.browser(), Browser::Firefox);
        assert_eq!(last.plan.page().to_string(), "https://evil.test");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let good = "[[check]]\nurl = \"https://api.test/\"\norigin = \"https://app.test\"\n";
        assert!(read(good).is_ok());
        for (text, line, said) in [
            ("", 1, "[[check]]"),
            ("[[check]]\nurl = \"https://a.test/\"\n", 1, "no origin"),
            ("[[check]]\norigin = \"https://a.test\"\n", 1, "no url"),
            (
                &format!("{good}methd = \"PUT\"\n"),
                4,
                "did you mean method?",
            ),
            (&format!("orgin = 1\n{good}"), 1, "did you mean origin?"),
            (
                &format!("{good}credentials = \"yes\"\n"),
                4,
                "true or false",
            ),
            (
                &format!("{good}browser = \"firefix\"\n"),
                4,
                "did you mean firefox?",
            ),
            (
                &format!("{good}expect = \"alowed\"\n"),
                4,
                "did you mean allowed?",
            ),
            (&format!("{good}method = 3\n"), 4, "text in quotes"),
            (&format!("{good}method = \"TRACE\"\n"), 1, "TRACE"),
            (
                &format!("{good}headers = {{ X = \"${{NOPE}}\" }}\n"),
                4,
                "NOPE",
            ),
            (&format!("{good}headers = [\"nonsense\"]\n"), 4, "nonsense"),
            (&format!("{good}data = \n"), 4, "no TOML"),
            (
                "\n[[check]]\nurl = \"x y\"\norigin = \"app.test\"\n",
                2,
                "https://app.test",
            ),
        ] {
            let error = read(text).err().expect(text).to_string();
            assert!(
                error.starts_with(&format!("line {line}: ")),
                "{text}: {error}"
            );
            assert!(
                error.contains(said) && !error.contains('\n'),
                "{text}: {error}"
            );
        }
    }
}
