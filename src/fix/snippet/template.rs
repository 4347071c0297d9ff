//! The templates: one file each in `assets/snippets`.

use std::sync::LazyLock;

use super::language::Language;

/// What a server's snippet is made from: a header of `key: value` lines, then one or more files, each
/// after a line `--- file: NAME` and perhaps `--- place: TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Stable id: `express`.
    pub id: &'static str,
    /// Name of the server.
    pub title: &'static str,
    /// What it is written in.
    pub language: Language,
    /// The versions it was run with; `None` when it was not run.
    pub tested: Option<&'static str>,
    /// What has to be there for it; may be empty.
    pub install: &'static str,
    /// What must not be done beside it.
    pub never: &'static str,
    /// What else to know.
    pub notes: Vec<&'static str>,
    pub(super) parts: Vec<Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) file: &'static str,
    pub(super) place: &'static str,
    pub(super) text: &'static str,
}

/// What stands in the header in place of versions when nobody ran it.
const NOT_RUN: &str = "not run here";

macro_rules! assets {
    ($($id:literal),+ $(,)?) => {
        &[$(include_str!(concat!("../../../assets/snippets/", $id, ".tmpl"))),+]
    };
}

/// In the order they are offered: the most used first within each family.
const FILES: &[&str] = assets![
    "express",
    "nestjs",
    "nextjs",
    "fastify",
    "hono",
    "koa",
    "node-http",
    "supabase-edge",
    "cloudflare-workers",
    "fastapi",
    "django",
    "flask",
    "aiohttp",
    "nginx",
    "apache",
    "caddy",
    "haproxy",
    "spring",
    "aspnet",
    "iis",
    "laravel",
    "rails",
    "go-rs-cors",
    "axum",
    "actix",
    "aws-apigw",
    "aws-lambda",
    "s3",
    "vercel",
    "netlify",
    "traefik",
    "envoy",
    "kong",
];

static ALL: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let parse_own = |file: &&'static str| {
        parse(file).expect("a template of our own has a header; a test parses each")
    };
    FILES.iter().map(parse_own).collect()
});

/// Every template, in the order they are offered.
pub fn all() -> &'static [Template] {
    &ALL
}

/// The template of this id.
pub fn by_id(id: &str) -> Option<&'static Template> {
    all().iter().find(|template| template.id == id)
}

fn parse(file: &'static str) -> Option<Template> {
    let (header, body) = file.split_once("\n--- ")?;
    let values = |key: &str| -> Vec<&'static str> {
        let of_key = header.lines().filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            (name == key).then_some(value.trim())
        });
        of_key.collect()
    };
    let value = |key: &str| values(key).first().copied();
    let mut parts: Vec<Source> = Vec::new();
    for piece in body.split("\n--- ") {
        // The line itself, then what stands under it up to the next.
        let (line, text) = piece.split_once('\n').unwrap_or((piece, ""));
        match line.split_once(": ")? {
            ("file", file) => parts.push(Source {
                file: file.trim(),
                place: "",
                text,
            }),
            ("place", place) => {
                let part = parts.last_mut()?;
                part.place = place.trim();
                part.text = text;
            }
            _ => return None,
        }
    }
    let tested = value("tested")?;
    Some(Template {
        id: value("id")?,
        title: value("title")?,
        language: Language::named(value("language")?)?,
        tested: (tested != NOT_RUN).then_some(tested),
        install: value("install").unwrap_or_default(),
        never: value("never")?,
        notes: values("note"),
        parts,
    })
}
