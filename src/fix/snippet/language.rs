//! What a snippet is written in, and how a text is quoted there.

/// The language of a snippet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// Python.
    Python,
    /// nginx' configuration.
    Nginx,
    /// Apache httpd's configuration.
    Apache,
    /// A Caddyfile.
    Caddyfile,
    /// HAProxy's configuration.
    Haproxy,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Java.
    Java,
    /// C#.
    CSharp,
    /// XML, as in `web.config`.
    Xml,
    /// PHP.
    Php,
    /// Ruby.
    Ruby,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::JavaScript,
        Self::TypeScript,
        Self::Python,
        Self::Nginx,
        Self::Apache,
        Self::Caddyfile,
        Self::Haproxy,
        Self::Go,
        Self::Rust,
        Self::Java,
        Self::CSharp,
        Self::Xml,
        Self::Php,
        Self::Ruby,
        Self::Yaml,
        Self::Json,
    ];

    /// As in a template's header and after the fence of a Markdown code block.
    pub fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Python => "python",
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Caddyfile => "caddyfile",
            Self::Haproxy => "haproxy",
            Self::Go => "go",
            Self::Rust => "rust",
            Self::Java => "java",
            Self::CSharp => "csharp",
            Self::Xml => "xml",
            Self::Php => "php",
            Self::Ruby => "ruby",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name)
    }

    /// How yes and no are written.
    pub(super) fn boolean(self, yes: bool) -> &'static str {
        match (self, yes) {
            (Self::Python, true) => "True",
            (Self::Python, false) => "False",
            (_, true) => "true",
            (_, false) => "false",
        }
    }

    /// The text as it stands between the quotes of a string of this language; `None` when it cannot
    /// be written there so that it means itself: a control character anywhere, `$` in nginx, a brace
    /// in a Caddyfile.
    ///
    /// Single and double quotes are both escaped: the templates use either.
    pub(super) fn escape(self, text: &str) -> Option<String> {
        if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match (self, c) {
                // No way to write these so that they mean themselves in every context.
                (Self::Nginx, '$' | '\\' | '"' | '\'')
                | (Self::Caddyfile, '{' | '}' | '\\' | '`' | '"')
                | (Self::Apache, '\\' | '"' | '$') => return None,
                // Format strings: `%` starts a variable.
                (Self::Apache | Self::Haproxy, '%') => out.push_str("%%"),
                (Self::Haproxy, '\\' | '"' | '$' | '\'' | ' ' | '#') => out.extend(['\\', c]),
                (Self::Xml, '&') => out.push_str("&amp;"),
                (Self::Xml, '<') => out.push_str("&lt;"),
                (Self::Xml, '>') => out.push_str("&gt;"),
                (Self::Xml, '"') => out.push_str("&quot;"),
                (Self::Xml, '\'') => out.push_str("&apos;"),
                // Double-quoted strings know no `\'`.
                (Self::Yaml | Self::Json | Self::Go | Self::Rust, '\\' | '"') => {
                    out.extend(['\\', c]);
                }
                // `#{...}` in Ruby, `${...}` in a template literal of JavaScript.
                (Self::Ruby, '#') | (Self::JavaScript | Self::TypeScript, '`' | '$') => {
                    out.extend(['\\', c]);
                }
                // In a single-quoted string of PHP a backslash before anything else stays.
                (
                    Self::JavaScript
                    | Self::TypeScript
                    | Self::Python
                    | Self::Java
                    | Self::CSharp
                    | Self::Ruby
                    | Self::Php,
                    '\\' | '"' | '\'',
                ) if self != Self::Php || c != '"' => out.extend(['\\', c]),
                _ => out.push(c),
            }
        }
        Some(out)
    }
}
