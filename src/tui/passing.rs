//! Hosts that are left alone: the key that passes one through unread, and reads it again.

use super::app::{App, Command};
use super::effect::Effect;

impl App {
    /// Passes the host of the selected request through unread, or reads it again.
    pub(super) fn pass_through(&mut self, commands: &mut Vec<Command>) {
        if !self.options.can_pass {
            let why = if self.is_live() {
                "there is only the one server here, and nothing to pass it through to"
            } else {
                "a file has no traffic; hosts are passed through while capturing"
            };
            self.say(why.to_owned());
            return;
        }
        let Some(loaded) = self.pane.loaded.as_ref() else {
            self.say("select a request to the host that is to be left alone first".to_owned());
            return;
        };
        let url = loaded.exchange.request.url.clone();
        if url.starts_with("https:") || url.starts_with("wss:") {
            commands.push(Command::Perform(Effect::PassThrough(url)));
        } else {
            self.say("only https can be passed through unread: this is not encrypted".to_owned());
        }
    }
}
