//! Which step is carried out as was said.

use super::super::cards::content;
use super::super::grammar::{self, Part};
use super::super::hear::Setting;
use super::super::tokens::Token;
use super::{Scene, Thing};
use crate::workflow::{HumanDefault, OnError, Process, Retry, StepId};

impl Scene<'_> {
    /// Takes note of how a step is to be carried out: the one that is named, or that was spoken of last.
    pub(in super::super) fn set(&mut self, setting: &Setting) {
        let step = if setting.together.is_some() || setting.goes_on {
            self.loop_spoken_of(setting)
        } else if setting.unanswered.is_some() || !setting.to.is_empty() {
            self.human_spoken_of(setting)
        } else {
            self.step_spoken_of(setting)
        };
        let Some(step) = step else { return };
        if let Some(attempts) = setting.attempts {
            self.assume(format!("`{step}` is tried {attempts} times at most."));
        }
        self.settings.push((step, setting.clone()));
    }

    /// True if all that is to be done is done by steps that are there: what is said of it is how.
    pub(in super::super) fn is_there(&self, parts: &[Part]) -> bool {
        let is_done = |part: &Part| match part {
            Part::Do(deed) => self.meant(deed).first().is_some_and(|(_, score)| *score >= 0.6),
            Part::Also | Part::Then => true,
            _ => false,
        };
        parts.iter().all(is_done)
    }

    /// What words call among the steps that are there, else among what was just planned.
    fn called_by(&self, words: &[Token]) -> Option<StepId> {
        if words.is_empty() {
            return None;
        }
        let deed = grammar::deed(words);
        self.meant(&deed).first().map(|(id, _)| id.clone()).or_else(|| self.thing_called(words))
    }

    fn thing_called(&self, words: &[Token]) -> Option<StepId> {
        let deed = grammar::deed(words);
        let words: Vec<String> =
            deed.objects.iter().flat_map(|phrase| content(phrase, &self.mentions(phrase))).collect();
        let is_called = |thing: &&Thing| !thing.is_item() && !words.is_empty() && thing.is_called(&words) >= 0.5;
        self.things.iter().rev().find(is_called).map(|thing| thing.step.clone())
    }

    fn step_spoken_of(&self, setting: &Setting) -> Option<StepId> {
        let latest = || {
            let plain = |thing: &&Thing| !thing.is_item() && thing.class != "branch";
            self.things.iter().rev().find(plain).map(|thing| thing.step.clone())
        };
        self.called_by(&setting.of).or_else(|| self.thing_called(&setting.beside)).or_else(latest)
    }

    /// The loop around what is spoken of, or the last one.
    fn loop_spoken_of(&self, setting: &Setting) -> Option<StepId> {
        let spoken =
            [setting.of.as_slice(), setting.beside.as_slice()].into_iter().find_map(|words| self.called_by(words));
        let around = spoken.and_then(|id| {
            let thing = self.things.iter().find(|thing| thing.step == id)?;
            thing.loops.last().cloned()
        });
        around.or_else(|| self.things.iter().rev().find(|thing| thing.is_item()).map(|thing| thing.step.clone()))
    }

    /// Whoever is asked about what is spoken of, or was asked last.
    fn human_spoken_of(&self, setting: &Setting) -> Option<StepId> {
        let is_human = |id: &StepId| self.things.iter().any(|thing| thing.step == *id && thing.class == "human");
        let deed = grammar::deed(&setting.of);
        let meant = self.meant(&deed).into_iter().map(|(id, _)| id).find(is_human);
        meant.or_else(|| self.things.iter().rev().find(|thing| thing.class == "human").map(|thing| thing.step.clone()))
    }

    /// Carries out what was taken note of.
    pub(in super::super) fn settle_steps(&mut self) {
        for (id, setting) in std::mem::take(&mut self.settings) {
            let Some(step) = self.draft.step_mut(&id) else { continue };
            if let Some(attempts) = setting.attempts {
                step.retry = Some(Retry { max_attempts: attempts, ..step.retry.unwrap_or_default() });
            }
            if setting.timeout.is_some() {
                step.timeout = setting.timeout;
            }
            match &mut step.process {
                Process::ForEach(each) => {
                    each.concurrency = setting.together.unwrap_or(each.concurrency);
                    if setting.goes_on {
                        each.on_error = OnError::Collect;
                    }
                }
                Process::Human(human) => {
                    if let Some((after, outcome)) = setting.unanswered {
                        human.default = Some(HumanDefault { after, outcome });
                    }
                    if !setting.to.is_empty() {
                        human.to = setting.to;
                    }
                }
                _ => {}
            }
        }
    }
}
