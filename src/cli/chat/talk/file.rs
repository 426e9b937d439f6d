//! The file that a conversation is about. What is accepted or taken back is written to it, and what somebody else has written there
//! is never written over.

use std::path::{Path, PathBuf};

use crate::chat::event::Decision;
use crate::chat::state::Held;
use crate::workflow::yaml;

/// The file, as far as this process knows it.
#[derive(Debug)]
pub(in crate::cli::chat) struct InFront {
    path: PathBuf,
    /// The workflow that it holds.
    workflow: String,
    /// Its text when it was read or written here last.
    text: String,
}

impl InFront {
    /// The file at `path`, from which this text was read; `None` if that is no workflow.
    pub(in crate::cli::chat) fn read(path: &Path, text: &str) -> Option<Self> {
        Some(Self { path: path.to_owned(), workflow: name_in(text)?, text: text.to_owned() })
    }

    /// Writes what was decided about a proposal (as it stood before that), if it is about the workflow of this file, and the file is
    /// as it was when it was read or written here last. What a person is to be told, if it is not written.
    pub(super) fn follow(&mut self, held: &Held, decision: &Decision) -> Option<String> {
        let text = match decision {
            Decision::Accepted { acceptance, live: true, .. } => &acceptance.after.text,
            Decision::Undone { text: Some(text), .. } => text,
            _ => return None,
        };
        let changed = match (&held.decision, decision) {
            (Some(Decision::Accepted { acceptance, .. }), _) => acceptance.workflow.clone(),
            (_, Decision::Accepted { acceptance, .. }) => name_in(&acceptance.before.as_ref()?.text)?,
            _ => return None,
        };
        if changed != self.workflow {
            return None;
        }
        let path = self.path.display();
        let now = std::fs::read_to_string(&self.path).ok();
        if now.as_ref() != Some(text) {
            if now.as_ref() != Some(&self.text) {
                return Some(format!("{path} was changed meanwhile, and is left as it is; the change is saved."));
            }
            if let Err(error) = replace(&self.path, text) {
                return Some(format!("{path} cannot be written ({error}); the change is saved."));
            }
        }
        self.workflow = name_in(text).unwrap_or(changed);
        self.text.clone_from(text);
        None
    }
}

fn name_in(text: &str) -> Option<String> {
    yaml::parse(text).ok().map(|parsed| parsed.workflow.name)
}

/// Puts a text in a file's place, whole or not at all. A link stays one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let path = std::fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    std::fs::set_permissions(file.path(), std::fs::metadata(&path)?.permissions())?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::event::{Acceptance, BaseVersion, By, Offered, ProposalId};

    fn workflow(name: &str, step: &str) -> String {
        format!("name: {name}\nsteps:\n  - id: {step}\n    process: {{ transform: x }}\n")
    }

    fn version(text: &str) -> BaseVersion {
        BaseVersion { version: "v".to_owned(), text: text.to_owned() }
    }

    fn accepted(before: Option<&str>, after: &str) -> Decision {
        let acceptance = Acceptance {
            steps: Vec::new(),
            workflow: name_in(after).unwrap(),
            before: before.map(version),
            after: version(after),
            between: false,
        };
        Decision::Accepted { acceptance, live: true, by: By::Person }
    }

    fn held(decision: Option<Decision>) -> Held {
        let offered = Offered {
            request: String::new(),
            workflow: "brief".to_owned(),
            base: None,
            text: String::new(),
            proposal: serde_json::Value::Null,
            steps: Vec::new(),
            more_than_steps: false,
            task: false,
            instead_of: None,
        };
        Held { id: ProposalId(1), offered: offered.into(), after: None, decision, reason: None }
    }

    /// What the file holds after a decision, if it held `now` then, and what is told.
    fn follow(now: &str, decided: &Decision, before: Option<Decision>) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("brief.yaml");
        std::fs::write(&path, now).unwrap();
        let mut file = InFront::read(&path, &workflow("brief", "one")).unwrap();
        let told = file.follow(&held(before), decided);
        (std::fs::read_to_string(path).unwrap(), told.is_some())
    }

    #[test]
    fn only_what_is_about_its_own_workflow_is_written_and_only_if_nobody_else_wrote() {
        let [one, two, edited] = ["one", "two", "mine"].map(|step| workflow("brief", step));
        let other = workflow("other", "one");
        let undone = |text: &str| Decision::Undone { version: None, workflow: None, text: Some(text.to_owned()) };
        let of_brief = || Some(accepted(Some(&two), &one));
        let cases = [
            ("accepted", &one, accepted(Some(&one), &two), None, &two, false),
            ("accepted by another process first", &two, accepted(Some(&one), &two), None, &two, false),
            ("accepted after an edit", &edited, accepted(Some(&one), &two), None, &edited, true),
            ("another workflow", &one, accepted(Some(&other), &other), None, &one, false),
            ("a new workflow", &one, accepted(None, &other), None, &one, false),
            ("a new workflow of its name", &one, accepted(None, &two), None, &one, false),
            ("taken back", &one, undone(&two), of_brief(), &two, false),
            ("taken back after an edit", &edited, undone(&two), of_brief(), &edited, true),
            ("another workflow taken back", &one, undone(&other), Some(accepted(Some(&other), &other)), &one, false),
            (
                "nothing left",
                &one,
                Decision::Undone { version: None, workflow: None, text: None },
                of_brief(),
                &one,
                false,
            ),
            ("rejected", &one, Decision::Rejected, None, &one, false),
        ];
        for (what, now, decided, before, expected, told) in cases {
            assert_eq!(follow(now, &decided, before), (expected.clone(), told), "{what}");
        }
    }

    #[test]
    fn what_was_written_here_is_known_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.yaml"), folder.path().join("brief.yaml"));
        let [one, two] = ["one", "two"].map(|step| workflow("brief", step));
        // Renamed, too: it is followed to its new name and back.
        let three = workflow("weekly", "two");
        std::fs::write(&real, &one).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = InFront::read(&link, &one).unwrap();
        for (before, after) in [(&one, &two), (&two, &three)] {
            assert_eq!(file.follow(&held(None), &accepted(Some(before), after)), None);
            assert_eq!(std::fs::read_to_string(&real).unwrap(), *after);
        }
        let undone = Decision::Undone { version: None, workflow: None, text: Some(two.clone()) };
        assert_eq!(file.follow(&held(Some(accepted(Some(&two), &three))), &undone), None);
        assert_eq!(std::fs::read_to_string(&real).unwrap(), two);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
