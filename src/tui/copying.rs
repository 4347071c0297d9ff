//! What the copy keys copy, and saving a body.

use ring::rand::{SecureRandom, SystemRandom};

use super::action::Action;
use super::app::{App, Command};
use super::dialog::NameDialog;
use super::effect::{Effect, Outcome};
use super::export::BodyRequest;
use super::pane::Tab;
use super::view;
use crate::cors::Credentials;
use crate::diagnose::FetchId;
use crate::report::{self, FixLine, Quoting, Redacted, Servers};
use crate::session::Reader;
use crate::wire::{Exchange, ExchangeId, HeaderList, RedactOptions, Redactor, Side, decode_body};

/// How much of a body is copied, in bytes: more no shell takes, and few terminals.
const BODY_BYTES_MAX: usize = 64 << 10;

/// As what an exchange is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyForm {
    /// Its URL.
    Url,
    /// A curl command.
    Curl,
    /// A call of `fetch()`.
    Fetch,
    /// An HTTPie command.
    Httpie,
    /// A PowerShell command.
    PowerShell,
    /// The request, head and body, as text.
    Request,
    /// The answer, head and body, as text.
    Answer,
    /// The body of the answer.
    Body,
}

impl CopyForm {
    /// In the order they are offered.
    pub(crate) const ALL: [Self; 8] = [
        Self::Url,
        Self::Curl,
        Self::Fetch,
        Self::Httpie,
        Self::PowerShell,
        Self::Request,
        Self::Answer,
        Self::Body,
    ];

    /// The key that chooses it.
    pub(crate) fn key(self) -> char {
        match self {
            Self::Url => 'u',
            Self::Curl => 'c',
            Self::Fetch => 'f',
            Self::Httpie => 'h',
            Self::PowerShell => 'p',
            Self::Request => 'r',
            Self::Answer => 'a',
            Self::Body => 'b',
        }
    }

    /// What it is, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Url => "URL",
            Self::Curl => "curl command",
            Self::Fetch => "fetch() call, for the console of the page",
            Self::Httpie => "HTTPie command",
            Self::PowerShell => "PowerShell command",
            Self::Request => "request as text: line, headers, body",
            Self::Answer => "answer as text: line, headers, body",
            Self::Body => "body of the answer",
        }
    }
}

impl App {
    /// The header lines of the fix where the verdict is shown and has some; else what is shown.
    pub(super) fn copy(&mut self, commands: &mut Vec<Command>) {
        let verdict = self.pane.tab == Tab::Verdict;
        let loaded = self.pane.loaded.as_ref();
        let told = loaded.and_then(|l| l.explanation.as_ref());
        let lines = told.map(|told| header_lines(&told.fix)).unwrap_or_default();
        if verdict && !lines.is_empty() {
            commands.push(Command::Copy(lines, "the header lines of the fix"));
        } else if let Some(text) = view::pane_text(self) {
            commands.push(Command::Copy(text, "what this tab shows"));
        }
    }

    pub(crate) fn copy_as(&mut self, form: CopyForm, commands: &mut Vec<Command>) {
        if let Some(id) = self.list.selected_exchange(&self.reader) {
            commands.push(Command::Perform(Effect::CopyAs(form, id)));
        }
    }

    /// The body that is shown, or that of the answer.
    pub(crate) fn body_to_save(&self) -> Option<(ExchangeId, Side)> {
        let loaded = self.pane.loaded.as_ref()?;
        let (side, body) = match self.pane.tab {
            Tab::Request => (Side::Request, &loaded.request_body),
            _ => (Side::Response, &loaded.response_body),
        };
        (!body.is_empty()).then_some((loaded.exchange.id, side))
    }

    /// Asks where the body that is shown is to be saved.
    pub(super) fn ask_where_to_save(&mut self) {
        let Some((id, side)) = self.body_to_save().filter(|_| self.options.can_export) else {
            self.say("there is no body to save".to_owned());
            return;
        };
        let url = self.pane.loaded.as_ref().map(|l| &*l.exchange.request.url);
        let name = file_name(url.unwrap_or_default(), id);
        // This one, whichever is selected when its name is there.
        let save = move |_: &mut App, file: String, commands: &mut Vec<Command>| {
            let request = BodyRequest {
                exchange: id,
                side,
                file,
            };
            commands.push(Command::Perform(Effect::SaveBody(request)));
        };
        self.open_dialog(Box::new(NameDialog::new("Save this body as", &name, save)));
    }

    /// Leaves the mouse to the terminal, or takes it back.
    pub(super) fn free_mouse(&mut self, commands: &mut Vec<Command>) {
        self.mouse_is_free = !self.mouse_is_free;
        let key = self.keys.label(Action::FreeMouse);
        self.say(if self.mouse_is_free {
            format!("the mouse is the terminal's now: {key} takes it back")
        } else {
            "the mouse works here again".to_owned()
        });
        commands.push(Command::Mouse(!self.mouse_is_free));
    }

    pub(super) fn copy_brief(&mut self, commands: &mut Vec<Command>) {
        match self.list.selected_entry().and_then(|entry| entry.fetch) {
            Some(fetch) => commands.push(Command::Perform(Effect::Brief(fetch))),
            None => self.say("this was not judged, so there is nothing to brief about".to_owned()),
        }
    }
}

/// What a body is called as a file: the last part of its path, as far as that is harmless.
fn file_name(url: &str, id: ExchangeId) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path
        .split("://")
        .nth(1)
        .and_then(|rest| rest.rsplit_once('/'));
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = last
        .map_or("", |(_, name)| name)
        .chars()
        .filter(|c| harmless(*c))
        .take(80)
        .collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        format!("body-{}", id.0)
    } else {
        name.to_owned()
    }
}

/// The lines to be added, each block under a comment that says where it goes.
fn header_lines(fix: &[FixLine]) -> String {
    let mut blocks: Vec<(String, Vec<&str>)> = Vec::new();
    for line in fix {
        match line {
            FixLine::Step(step) => blocks.push((step.clone(), Vec::new())),
            FixLine::Add(text) => match blocks.last_mut() {
                Some((_, lines)) => lines.push(text),
                None => blocks.push((String::new(), vec![text])),
            },
            FixLine::Remove(_) => {}
        }
    }
    blocks.retain(|(_, lines)| !lines.is_empty());
    if let [(_, lines)] = &blocks[..] {
        return lines.join("\n");
    }
    let block = |(step, lines): &(String, Vec<&str>)| format!("# {step}\n{}", lines.join("\n"));
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// An exchange in some form. Reads the disk.
pub(super) fn write(reader: &Reader, form: CopyForm, id: ExchangeId) -> Outcome {
    let Some(exchange) = reader.exchange(id) else {
        return Outcome::Notice(format!("{id} cannot be read from the session"));
    };
    let side = match form {
        CopyForm::Answer | CopyForm::Body => Side::Response,
        _ => Side::Request,
    };
    let body = match reader.body(id, side, 0, BODY_BYTES_MAX) {
        Ok(body) => body,
        Err(error) => return Outcome::Notice(format!("the body cannot be read: {error}")),
    };
    let quoting = Quoting::of_this_system();
    let copied = match form {
        CopyForm::Url => {
            return Outcome::Copy(exchange.request.url.clone(), "the URL");
        }
        CopyForm::Curl => report::curl(&exchange, &body, quoting),
        CopyForm::Fetch => report::fetch_js(&exchange, &body, credentials(reader, id)),
        CopyForm::Httpie => report::httpie(&exchange, &body, quoting),
        CopyForm::PowerShell => report::powershell(&exchange, &body),
        CopyForm::Request | CopyForm::Answer | CopyForm::Body => {
            return as_it_was(&exchange, form, &body);
        }
    };
    let what = match (form, copied.note.is_some()) {
        (CopyForm::Fetch, false) => "a fetch() call",
        (CopyForm::Httpie, false) => "an HTTPie command",
        (CopyForm::PowerShell, false) => "a PowerShell command",
        (_, false) => "a curl command",
        (CopyForm::Fetch, true) => "a fetch() call, with only part of the body as it was sent",
        (_, true) => "a command, with only part of the body as it was sent",
    };
    Outcome::Copy(copied.text, what)
}

/// The credentials mode of the call, where it is known.
fn credentials(reader: &Reader, id: ExchangeId) -> Option<&'static str> {
    let diagnosis = reader.diagnosis(reader.fetch_of(id)?)?;
    match diagnosis.credentials {
        Credentials::Include => Some("include"),
        // What fetch() does by itself.
        Credentials::NotInclude | Credentials::Unknown => None,
    }
}

/// A request or an answer as text, or a body alone; content codings taken off.
fn as_it_was(exchange: &Exchange, form: CopyForm, body: &[u8]) -> Outcome {
    let none = HeaderList::new();
    let (line, headers, facts) = if form == CopyForm::Request {
        let head = &exchange.request;
        let line = format!("{} {} {}", head.method, head.url, head.version.name());
        (line, &*head.headers, &exchange.request_body)
    } else {
        let head = exchange.response.as_ref();
        let line = head.map_or_else(String::new, |head| {
            let reason = head.reason.as_deref().unwrap_or_default();
            let line = format!("{} {} {reason}", head.version.name(), head.status);
            line.trim_end().to_owned()
        });
        let headers = head.map_or(&none, |head| &*head.headers);
        (line, headers, &exchange.response_body)
    };
    let decoded = decode_body(headers, body, BODY_BYTES_MAX);
    let text = String::from_utf8(decoded.bytes);
    let whole = !decoded.cut && decoded.fault.is_none() && facts.seen_bytes == body.len() as u64;
    if form == CopyForm::Body {
        return match text {
            Ok(text) if text.is_empty() => Outcome::Notice("there is no body".to_owned()),
            Ok(text) if whole => Outcome::Copy(text, "the body"),
            Ok(text) => Outcome::Copy(text, "the beginning of the body"),
            Err(_) => Outcome::Notice("the body is no text: it can be saved to a file".to_owned()),
        };
    }
    if line.is_empty() {
        return Outcome::Notice("there was no answer".to_owned());
    }
    let fields = headers.iter().map(|field| {
        let value = String::from_utf8_lossy(field.value);
        format!("{}: {value}\n", field.name)
    });
    let mut all = format!("{line}\n{}\n", fields.collect::<String>());
    let what = match (text, form) {
        (Err(_), CopyForm::Request) => "the request without its body, which is no text",
        (Err(_), _) => "the answer without its body, which is no text",
        (Ok(text), form) => {
            all += &text;
            match (form, whole) {
                (CopyForm::Request, true) => "the request",
                (CopyForm::Request, false) => "the request with the beginning of its body",
                (_, true) => "the answer",
                (_, false) => "the answer with the beginning of its body",
            }
        }
    };
    Outcome::Copy(all, what)
}

/// A brief without the secrets that everybody has. Reads the disk.
pub(super) fn plain_brief(reader: &Reader, id: FetchId) -> Outcome {
    let mut options = RedactOptions::default();
    let random = SystemRandom::new().fill(&mut options.key);
    match (random, Redactor::new(&options)) {
        (Ok(()), Ok(redactor)) => brief(reader, id, &redactor),
        _ => Outcome::Notice("the secrets cannot be taken out, so nothing is copied".to_owned()),
    }
}

/// What [`Effect::Brief`] copies: a brief without what this redactor hides. Reads the disk.
pub fn brief(reader: &Reader, id: FetchId, redactor: &Redactor) -> Outcome {
    let redacted = Redacted::new(reader, redactor);
    let Some(diagnosis) = reader.diagnosis_from(id, &redacted) else {
        return Outcome::Notice(
            "this was not judged, so there is nothing to brief about".to_owned(),
        );
    };
    let all = reader.fetches();
    let newest = all.iter().rev().take(SIBLINGS_MAX);
    let ids = newest.filter_map(|id| reader.fetch(*id));
    let ids: Vec<ExchangeId> = ids
        .flat_map(|fetch| fetch.exchanges().collect::<Vec<_>>())
        .collect();
    let servers = Servers::of_exchanges(ids, &redacted);
    let text = report::handover(&diagnosis, &redacted, &servers);
    Outcome::Copy(text, "a brief, without secrets,")
}

/// How many fetches are looked at to recognise the server.
const SIBLINGS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_called_as_its_path_has_it_and_leads_nowhere_else() {
        let name = |url: &str| file_name(url, ExchangeId(7));
        assert_eq!(name("https://a.test/x/logo.svg?v=1/2"), "logo.svg");
        for bare in [
            "https://a.test/",
            "https://a.test",
            "https://a.test/..",
            "",
            "x",
        ] {
            assert_eq!(name(bare), "body-7", "{bare}");
        }
        assert_eq!(name("https://a.test/a/.%2f\u{202e}\u{1b}rc"), "2frc");
    }

    #[test]
    fn every_form_has_a_key_of_its_own() {
        let mut keys: Vec<char> = CopyForm::ALL.map(CopyForm::key).to_vec();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CopyForm::ALL.len());
    }
}
