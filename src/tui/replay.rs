//! Doing a request again from the screen: what is asked of the workbench, and what comes back.

use super::app::{App, Command};
use super::dialog::{ConsentDialog, EditorDialog, PaperDialog};
use super::effect::{Effect, Outcome};
use super::list::Place;
use crate::wire::ExchangeId;

/// A request to be done again, as the browser would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Any exchange of the fetch.
    pub exchange: ExchangeId,
    /// The request as edited: method and URL, header lines, an empty line, the body; `None` is as it
    /// was recorded.
    pub text: Option<String>,
}

/// A recorded request as text to be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The exchange it was asked for.
    pub exchange: ExchangeId,
    /// Method and URL, header lines, an empty line, the body.
    pub text: String,
    /// What of it was never recorded, or cannot be shown, in one sentence.
    pub remark: Option<String>,
}

/// What became of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is on its way.
    Begun(ExchangeId),
    /// It is over: in one sentence, and the row to look at.
    Row(String, ExchangeId),
    /// It is over, and the session is one that gets no rows: title and text.
    Paper(String, String),
    /// It was not sent; why, in one sentence.
    Refused(ExchangeId, String),
}

/// What the screen remembers of replays.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// Whether the person agreed to send what may change data: asked once.
    pub(crate) agreed: bool,
    /// The row to select when it comes.
    wanted: Option<ExchangeId>,
}

impl App {
    /// Whether something can be done again now.
    pub(crate) fn can_replay(&self) -> bool {
        self.options.can_replay && self.list.selected().is_some()
    }

    fn replayed_exchange(&self) -> Option<ExchangeId> {
        self.list.selected_entry().map(|entry| entry.head)
    }

    /// `r`: as the browser would.
    pub(super) fn replay(&mut self, commands: &mut Vec<Command>) {
        if !self.options.can_replay {
            return self.say("nothing can be replayed here".to_owned());
        }
        let Some(exchange) = self.replayed_exchange() else {
            return;
        };
        let request = ReplayRequest {
            exchange,
            text: None,
        };
        match self.side_effect() {
            Some(method) if !self.replays.agreed => {
                self.open_dialog(Box::new(ConsentDialog::new(request, &method)));
            }
            _ => commands.push(Command::Perform(Effect::Replay(request))),
        }
    }

    /// `R`: edited first.
    pub(super) fn edit_and_replay(&mut self, commands: &mut Vec<Command>) {
        if let Some(exchange) = self.replayed_exchange().filter(|_| self.options.can_replay) {
            commands.push(Command::Perform(Effect::Draft(exchange)));
        }
    }

    /// The method of the selected fetch that may change something on the server, if one of its does.
    fn side_effect(&self) -> Option<String> {
        let entry = self.list.selected_entry()?;
        let mut ids = vec![entry.head];
        if let Some(fetch) = entry.fetch.and_then(|id| self.reader.fetch(id)) {
            ids.extend(fetch.exchanges());
        }
        let mut found = None;
        self.reader.rows(&ids, &mut |row| {
            let method = row.wanted_method.unwrap_or(row.method);
            if has_side_effects(method) {
                found = Some(method.to_owned());
            }
        });
        found
    }

    pub(super) fn drafted(&mut self, draft: Draft) {
        self.open_dialog(Box::new(EditorDialog::new(draft, &self.theme)));
    }

    pub(super) fn replayed(&mut self, replayed: Replayed) {
        match replayed {
            Replayed::Begun(exchange) => self.say(format!("replaying {exchange}…")),
            Replayed::Row(said, row) => {
                self.say(said);
                self.replays.wanted = Some(row);
                self.select_replayed();
            }
            Replayed::Paper(title, text) => {
                self.open_dialog(Box::new(PaperDialog::new(title, &text)));
            }
            Replayed::Refused(_, why) => self.say(why),
        }
    }

    /// Goes to the row of a replay once the list has it.
    pub(super) fn select_replayed(&mut self) {
        let Some(exchange) = self.replays.wanted else {
            return;
        };
        let fetch = self.reader.fetch_of(exchange);
        let Some(entry) = self.list.entries.number_of(fetch, exchange) else {
            return;
        };
        self.replays.wanted = None;
        if self.list.entries.listed().contains(&entry) {
            self.list.select(Place { entry, child: None });
        }
    }
}

/// Whether sending it may change something on the server.
pub(crate) fn has_side_effects(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Whether an outcome says that a request which was edited is on its way, or why it is not.
pub(crate) fn about(outcome: &Outcome, exchange: ExchangeId) -> Option<Result<(), String>> {
    match outcome {
        Outcome::Replayed(Replayed::Begun(id)) if *id == exchange => Some(Ok(())),
        Outcome::Replayed(Replayed::Refused(id, why)) if *id == exchange => Some(Err(why.clone())),
        _ => None,
    }
}
