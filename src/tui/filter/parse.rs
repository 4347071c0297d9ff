//! Reading a filter. Tolerant: what is half typed restricts nothing, what is wrong is left out and
//! reported.

use std::ops::{Range, RangeInclusive};

use super::expr::{Deep, DeepTest, Expr, Field, Pattern, Test};
use super::quantity::{self, SIZES, TIMES};
use super::{Filter, FilterError, KEYS, STATES};
use crate::cors::Outcome;
use crate::tui::nearest::{is_slip, nearest};

/// How deep parentheses and negations may be nested.
const DEPTH_MAX: usize = 60;

pub(super) fn parse(text: &str) -> (Filter, Option<FilterError>) {
    let mut reader = Reader {
        text,
        at: 0,
        deep: Vec::new(),
        error: None,
    };
    let mut parts = vec![reader.any(0)];
    // A parenthesis that closes nothing: the rest counts all the same.
    while reader.at < text.len() {
        let at = reader.at..reader.at + 1;
        reader.complain(at, "there is no ( for this )".to_owned());
        reader.at += 1;
        parts.push(reader.any(0));
    }
    let filter = Filter {
        expr: Expr::and(parts),
        deep: reader.deep,
    };
    (filter, reader.error)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    deep: Vec<DeepTest>,
    error: Option<FilterError>,
}

impl<'a> Reader<'a> {
    fn complain(&mut self, at: Range<usize>, message: String) {
        if self.error.is_none() {
            self.error = Some(FilterError { at, message });
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a word of the language, in whatever letter case, with space or the end behind it.
    fn word(&mut self, words: &[&str]) -> bool {
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '(' || c == ')')
            .unwrap_or(rest.len());
        let found = words.iter().any(|w| w.eq_ignore_ascii_case(&rest[..end]));
        if found {
            self.at += end;
        }
        found
    }

    /// `a or b or c`, up to the end or a closing parenthesis.
    fn any(&mut self, depth: usize) -> Expr {
        let mut parts = vec![self.all(depth)];
        loop {
            self.skip_space();
            if !self.word(&["or", "|", "||"]) {
                break;
            }
            parts.push(self.all(depth));
        }
        Expr::or(parts)
    }

    /// `a b and c`.
    fn all(&mut self, depth: usize) -> Expr {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            let rest = self.rest();
            let before = self.at;
            if rest.is_empty() || rest.starts_with(')') || self.word(&["or", "|", "||"]) {
                self.at = before;
                return Expr::and(parts);
            }
            if !self.word(&["and", "&", "&&"]) {
                parts.push(self.one(depth));
            }
        }
    }

    fn one(&mut self, depth: usize) -> Expr {
        self.skip_space();
        if depth > DEPTH_MAX {
            self.complain(
                self.at..self.text.len(),
                "this is nested too deep".to_owned(),
            );
            self.at = self.text.len();
            return Expr::All;
        }
        if self.word(&["not"]) {
            self.skip_space();
            if self.rest().is_empty() || self.rest().starts_with(')') {
                return Expr::All;
            }
            return self.one(depth + 1).negated();
        }
        let rest = self.rest();
        if let Some(behind) = rest.strip_prefix(['-', '!']) {
            self.at += 1;
            if behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace() || c == ')') {
                return Expr::All;
            }
            return self.one(depth + 1).negated();
        }
        if rest.starts_with('(') {
            self.at += 1;
            let inner = self.any(depth + 1);
            if self.rest().starts_with(')') {
                self.at += 1;
            }
            return inner;
        }
        self.term()
    }

    fn term(&mut self) -> Expr {
        let start = self.at;
        let chunk = self.chunk_from(start);
        let name = chunk.split_once(':').map(|(name, _)| name);
        let Some(name) = name.filter(|_| !chunk.starts_with(['"', '~'])) else {
            self.notice_missing_colon(chunk);
            return self.plain_word();
        };
        let lower = name.to_ascii_lowercase();
        if KEYS.iter().all(|(k, _)| *k != lower) {
            // A pasted URL or host:port is a word, not a key.
            let known = KEYS.map(|(k, _)| k);
            let value = &chunk[name.len() + 1..];
            let port = value.split('/').next().unwrap_or_default();
            let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            // `stauts:500` is a slip, `api:8080` a host.
            let is_slip = is_slip(name, &known);
            if value.starts_with("//") || (is_port && !is_slip) || name.contains(['/', '.', '%']) {
                self.at = start + chunk.len();
                return Expr::Test(Test::Text(Field::Any, Pattern::part(&unquoted(chunk))));
            }
            let near = nearest(name, &known);
            let message = format!("unknown key \"{name}\": did you mean {near}:?");
            self.complain(start..start + name.len(), message);
            self.at = start + chunk.len();
            return Expr::All;
        }
        self.at = start + name.len() + 1;
        self.values(&lower)
    }

    /// `status=500`, `path~^/v1` and `time>1s` are meant for a key, and would find nothing as words.
    fn notice_missing_colon(&mut self, chunk: &str) {
        let sign = chunk.find(['=', '~', '<', '>']);
        let Some((name, value)) = sign.and_then(|at| chunk.split_at_checked(at)) else {
            return;
        };
        let key = name.to_ascii_lowercase();
        // `type=json` and `size=10` are looked for in URLs; no server has a parameter of a verdict.
        let parameter = value.starts_with('=')
            && !matches!(&*key, "cors" | "cause" | "is" | "method")
            && !(key == "status" && value[1..].starts_with(|c: char| c.is_ascii_digit()));
        if !parameter && KEYS.iter().any(|(known, _)| *known == key) {
            let value = value.strip_prefix('=').unwrap_or(value);
            let at = self.at..self.at + chunk.len();
            self.complain(at, format!("a key ends with a colon: {key}:{value}"));
        }
    }

    /// The text from here to the next space or closing parenthesis outside quotes.
    fn chunk_from(&self, start: usize) -> &'a str {
        let mut quoted = false;
        let mut escaped = false;
        let mut opened = 0_usize;
        for (at, c) in self.text[start..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' => opened += 1,
                ')' if opened > 0 => opened -= 1,
                ')' => return &self.text[start..start + at],
                c if c.is_whitespace() => return &self.text[start..start + at],
                _ => {}
            }
        }
        &self.text[start..]
    }

    fn plain_word(&mut self) -> Expr {
        let start = self.at;
        let chunk = self.chunk_from(start);
        self.at = start + chunk.len();
        match self.pattern(chunk, start) {
            Some(pattern) => Expr::Test(Test::Text(Field::Any, pattern)),
            None => Expr::All,
        }
    }

    /// The text or expression in a piece of the filter; `None` if it is empty or wrong.
    fn pattern(&mut self, piece: &str, at: usize) -> Option<Pattern> {
        if let Some(expression) = piece.strip_prefix('~') {
            let expression = if expression.starts_with('"') {
                unquoted(expression)
            } else {
                expression.to_owned()
            };
            if expression.is_empty() {
                return None;
            }
            return match Pattern::regex(&expression) {
                Ok(pattern) => Some(pattern),
                Err(message) => {
                    self.complain(at..at + piece.len(), message);
                    None
                }
            };
        }
        let text = unquoted(piece);
        (!text.is_empty()).then(|| Pattern::part(&text))
    }

    /// The values behind a key, separated by commas: any of them.
    fn values(&mut self, key: &str) -> Expr {
        let chunk = self.chunk_from(self.at);
        let start = self.at;
        self.at += chunk.len();
        let mut tests = Vec::new();
        for piece in pieces(chunk) {
            let at = start + piece.start..start + piece.end;
            let value = &chunk[piece];
            if value.is_empty() || value == "\"" {
                continue;
            }
            tests.extend(self.value(key, value, at));
        }
        Expr::or(tests)
    }

    fn value(&mut self, key: &str, value: &str, at: Range<usize>) -> Option<Expr> {
        if let Some((_, field)) = Field::KEYED.iter().find(|(k, _)| *k == key) {
            let pattern = self.pattern(value, at.start)?;
            let pattern = match (field, pattern) {
                (Field::Type, Pattern::Part(part)) if part == "xhr" => Pattern::part("fetch"),
                (_, pattern) => pattern,
            };
            return Some(Expr::Test(Test::Text(*field, pattern)));
        }
        if let Some((_, place)) = Deep::KEYED.iter().find(|(k, _)| *k == key) {
            let pattern = self.pattern(value, at.start)?;
            let test = DeepTest {
                place: *place,
                pattern,
            };
            let known = self.deep.iter().position(|t| *t == test);
            let n = known.unwrap_or_else(|| {
                self.deep.push(test);
                self.deep.len() - 1
            });
            return Some(Expr::Test(Test::Deep(n)));
        }
        let text = unquoted(value).to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        let read = match key {
            "status" => status_range(&text)
                .map(Test::Status)
                .ok_or_else(|| format!("\"{text}\" is no status: try 404, 5xx, 400-499 or >=400")),
            "size" | "larger-than" => quantity_of(&text, SIZES, key == "larger-than")
                .map(Test::Size)
                .ok_or_else(|| format!("\"{text}\" is no size: try >100k, <2M or 1k-50k")),
            "time" | "slower-than" => quantity_of(&text, TIMES, key == "slower-than")
                .map(Test::Time)
                .ok_or_else(|| format!("\"{text}\" is no time: try >300ms, <2s or 1s-5s")),
            "cors" => {
                let known = Outcome::ALL.map(Outcome::name);
                let found = Outcome::ALL
                    .into_iter()
                    .find(|o| o.name().starts_with(&text));
                found
                    .map(Test::Cors)
                    .ok_or_else(|| unknown("outcome", &text, &known))
            }
            _ => {
                // The first that begins so while it is still being typed.
                let found = STATES
                    .iter()
                    .find(|s| **s == text)
                    .or_else(|| STATES.iter().find(|s| s.starts_with(text.as_str())));
                found
                    .map(|s| Test::Is(s))
                    .ok_or_else(|| unknown("state", &text, &STATES))
            }
        };
        match read {
            Ok(test) => Some(Expr::Test(test)),
            // An operator whose number is still to come.
            Err(_) if text.trim_start_matches(['>', '<', '=']).is_empty() => None,
            Err(message) => {
                self.complain(at, message);
                None
            }
        }
    }
}

fn unknown(what: &str, got: &str, known: &[&str]) -> String {
    let near = nearest(got, known);
    format!("unknown {what} \"{got}\": did you mean {near}?")
}

fn quantity_of(text: &str, units: &[(&str, u64)], above: bool) -> Option<RangeInclusive<u64>> {
    quantity::range(text, units, |n| {
        let least = if above { n.saturating_add(1) } else { n };
        least..=u64::MAX
    })
}

/// The text without its quotes; `\"` and `\\` inside them stand for the second character.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted && matches!(letters.peek(), Some('"' | '\\')) => {
                out.extend(letters.next());
            }
            c => out.push(c),
        }
    }
    out
}

/// Where the values between commas are. A regular expression without quotes goes on to the end.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let bare_regex = text[start..].starts_with('~') && !text[start..].starts_with("~\"");
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted && !bare_regex => {
                out.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(start..text.len());
    out
}

/// `404`, `5xx`, `40x`, `5` (still being typed), `400-499`, `400-`, `>=400`, `<300`.
fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    for (sign, make) in [
        (
            ">=",
            (|r| *r.start()..=999) as fn(&RangeInclusive<u16>) -> _,
        ),
        ("<=", |r| 0..=*r.end()),
        // Above 999 there is nothing.
        (">", |r| {
            (r.end() + 1).min(999)..=if *r.end() < 999 { 999 } else { 998 }
        }),
        ("<", |r| 0..=r.start().saturating_sub(1)),
    ] {
        if let Some(rest) = text.strip_prefix(sign) {
            return Some(make(&digits(rest)?));
        }
    }
    if let Some((from, to)) = text.split_once('-') {
        let from = digits(from)?;
        let to = if to.is_empty() {
            999..=999
        } else {
            digits(to)?
        };
        return Some(*from.start()..=*to.end());
    }
    digits(text)
}

fn digits(text: &str) -> Option<RangeInclusive<u16>> {
    let bytes = text.as_bytes();
    if bytes.len() > 3 || !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let (mut low, mut high) = (0_u16, 0_u16);
    for at in 0..3 {
        let (l, h) = match bytes.get(at) {
            Some(d) if d.is_ascii_digit() => (u16::from(d - b'0'), u16::from(d - b'0')),
            Some(b'x') | None => (0, 9),
            Some(_) => return None,
        };
        low = low * 10 + l;
        high = high * 10 + h;
    }
    Some(low..=high)
}
