//! Trial fixes: which are in force, and the keys that start and stop them.
//!
//! A trial is on the screen from the moment it is asked for until whoever changes the traffic has
//! said that it does so no more.

use super::app::{App, Command};
use super::effect::Effect;
use super::text::count;
use crate::fix::Trial;

/// How many trials may run at a time.
const TRIALS_MAX: usize = 16;

impl App {
    /// Tries the fix of the selected request.
    pub(super) fn try_fix(&mut self, commands: &mut Vec<Command>) {
        if !self.options.can_try {
            self.say(
                "a file has no traffic to change; a fix is tried while capturing: corscope open URL"
                    .to_owned(),
            );
            return;
        }
        let Some(loaded) = self.pane.loaded.as_ref() else {
            self.say("select a blocked request first".to_owned());
            return;
        };
        let trial = match &loaded.trial {
            Ok(trial) => trial.clone(),
            Err(why) => {
                let why = why.clone();
                self.say(why);
                return;
            }
        };
        let mut trials = self.trials.clone();
        if let Some(same) = trials.iter_mut().find(|t| t.is_beside(&trial)) {
            let both = same.then(&trial);
            if both == *same {
                self.say("this fix is being tried already: reload the page".to_owned());
                return;
            }
            *same = both;
        } else if trials.len() == TRIALS_MAX {
            self.say(format!(
                "{TRIALS_MAX} trial fixes run already; stop them first: {}",
                self.keys.label(super::action::Action::StopTrial)
            ));
            return;
        } else {
            trials.push(trial);
        }
        commands.push(Command::Perform(Effect::Trials(trials.clone())));
        self.trials = trials;
    }

    /// Stops all trials; the bar goes when they have stopped.
    pub(super) fn stop_trials(&mut self, commands: &mut Vec<Command>) {
        if self.trials.is_empty() {
            self.say("no trial fix is running".to_owned());
        } else {
            commands.push(Command::Perform(Effect::Trials(Vec::new())));
        }
    }

    /// Takes over what is in force now.
    pub(super) fn trials_are(&mut self, trials: Vec<Trial>, why_not: Option<String>) {
        let stopped = self.trials.len();
        if let Some(why) = why_not {
            self.say(why);
        } else if trials.is_empty() && stopped > 0 {
            self.say(format!(
                "{} stopped: reload the page to see it fail again",
                count(stopped as u64, "trial fix").replace("fixs", "fixes")
            ));
        }
        self.trials = trials;
    }
}
