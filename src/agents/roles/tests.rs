use std::time::Duration;

use super::*;

const ROLE: &str = "name: legal
description: Reads contracts.
prompt: legal.md
tools: [memory.search]
";

struct Folders {
    folder: tempfile::TempDir,
}

impl Folders {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    fn load(&self) -> Result<Roles, RolesError> {
        Roles::load(&RoleFolders {
            agents: vec![self.folder.path().join("agents")],
            prompts: vec![self.folder.path().join("prompts")],
        })
    }

    /// What is wrong, without the temporary folder's name.
    fn wrong(&self) -> String {
        let prefix = format!("{}/", self.folder.path().display());
        self.load().unwrap_err().to_string().replace(&prefix, "")
    }
}

fn wrong_with(role: &str) -> String {
    Folders::with(&[("agents/legal.yaml", role), ("prompts/legal.md", "Read.")]).wrong()
}

#[test]
fn four_roles_are_built_in() {
    let roles = Roles::built_in().unwrap();
    let names: Vec<&str> =
        roles.catalog().keys().map(String::as_str).map(|name| roles.get(name).unwrap().name.as_str()).collect();
    assert_eq!(names, ["research", "analysis", "implementation", "qa"]);
    let research = roles.get("research").unwrap();
    assert!(research.prompt.starts_with("# Research"));
    assert_eq!((research.workers, research.limits.turns, research.limits.timeout), (4, 12, Duration::from_mins(10)));
    assert_eq!(research.origin, "built in");
}

#[test]
fn pins_are_the_hashes_of_files_and_prompts() {
    let pins = Roles::built_in().unwrap().pins();
    assert_eq!(pins.len(), 8);
    assert_eq!(pins["agent:qa"], hash(include_str!("../../../agents/qa.yaml")));
    assert_eq!(pins["prompt:qa"], hash(include_str!("../../../prompts/qa.md")));
    assert_eq!(pins["prompt:qa"].len(), 64);
}

#[test]
fn a_folder_adds_roles_and_replaces_roles_and_prompts() {
    let research = "name: research\ndescription: Ours.\nprompt: research.md\nworkers: 9\n";
    let folders = Folders::with(&[
        ("agents/legal.yaml", ROLE),
        ("agents/research.yaml", research),
        ("agents/notes.txt", "not a role"),
        ("prompts/legal.md", "Read."),
        ("prompts/qa.md", "Check."),
    ]);
    let roles = folders.load().unwrap();
    assert_eq!(roles.iter().count(), 5);
    assert_eq!(roles.get("legal").unwrap().workers, 2, "unless it says otherwise");
    assert_eq!(roles.get("research").unwrap().workers, 9);
    assert!(roles.get("research").unwrap().prompt.starts_with("# Research"), "the built-in prompt stays");
    assert_eq!(&*roles.get("qa").unwrap().prompt, "Check.");
    assert_ne!(roles.pins(), Roles::built_in().unwrap().pins());
    assert!(roles.get("legal").unwrap().origin.ends_with("legal.yaml"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        (
            "name: legal\ndescription: x\nprompt: legal.md\nworker: 3\n",
            "agents/legal.yaml:4:1: a role has no `worker` (did you mean `workers`?)",
        ),
        (
            "name: legal\ndescription: x\nprompt: legal.md\nlimits: { turn: 3 }\n",
            "agents/legal.yaml:4:11: a role has no `turn` (did you mean `turns`?)",
        ),
        ("description: x\nprompt: legal.md\n", "agents/legal.yaml:1:1: `name` is missing"),
        (
            "name: Legal!\ndescription: x\nprompt: legal.md\n",
            "agents/legal.yaml:1:7: name: `Legal!` is not a role's name: a-z first, then a-z, 0-9 and _",
        ),
        (
            "name: law\ndescription: x\nprompt: legal.md\n",
            "agents/legal.yaml:1:7: name: the role is named `law`, its file `legal.yaml` (name the file `law.yaml`)",
        ),
        (
            "name: legal\ndescription: ' '\nprompt: legal.md\n",
            "agents/legal.yaml:2:14: description: the description is empty (say in a sentence what the role is good for: others choose it by that)",
        ),
        (
            "name: legal\ndescription: x\nprompt: ../legal.md\n",
            "agents/legal.yaml:3:9: prompt: `../legal.md` is not the name of a prompt (write the name of a file in `prompts/`, such as `legal.md`)",
        ),
        (
            "name: legal\ndescription: x\nprompt: legl.md\n",
            "agents/legal.yaml:3:9: prompt: there is no prompt `legl.md`, or it is empty (write it to `prompts/legl.md`, or did you mean `legal.md`?)",
        ),
        (
            "name: legal\ndescription: x\nprompt: legal.md\ntools: [a, b, a]\n",
            "agents/legal.yaml:4:15: tools[2]: `a` is listed twice",
        ),
        (
            "name: legal\ndescription: x\nprompt: legal.md\nworkers: 0\n",
            "agents/legal.yaml:4:10: workers: 0 is not between 1 and 1024",
        ),
    ];
    for (role, expected) in cases {
        assert_eq!(wrong_with(role), expected);
    }
}

#[test]
fn periods_and_yaml_that_cannot_be_read_are_named_with_their_line() {
    for (role, line, hint) in [
        ("name: legal\ndescription: x\nprompt: legal.md\nlimits: { timeout: soon }\n", 4, "`soon` is not a period"),
        ("name: legal\ndescription: x\nprompt: legal.md\nlimits: { timeout: 0s }\n", 4, "not between 1ms and 24h"),
        ("name: legal\ndescription: [x\n", 2, "expected string scalar"),
        ("name: legal\nname: legal\n", 2, "name"),
        ("", 1, ""),
    ] {
        let wrong = wrong_with(role);
        assert!(wrong.starts_with(&format!("agents/legal.yaml:{line}:")) && wrong.contains(hint), "{role:?}: {wrong}");
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let folders = Folders::with(&[
        ("agents/a.yaml", "name: a\ndescription: x\nprompt: a.md\nworkers: 0\nlimits: { turns: 0 }\n"),
        ("agents/b.yaml", "name: b\n"),
        ("agents/c.yaml", "\u{0}"),
    ]);
    let RolesError { problems } = folders.load().unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:#?}");
}

#[test]
fn files_that_are_no_text_or_too_large_are_refused() {
    let folders = Folders::with(&[("agents/a.yaml", &"#".repeat(300_000))]);
    std::fs::write(folders.folder.path().join("agents/b.yaml"), [0xff, 0xfe]).unwrap();
    let wrong = folders.wrong();
    assert!(wrong.contains("agents/a.yaml: cannot be read: it has 300000 bytes; at most 262144 are read"), "{wrong}");
    assert!(wrong.contains("agents/b.yaml: cannot be read: stream did not contain valid UTF-8"), "{wrong}");
}

#[test]
fn tools_that_are_not_there_are_named_with_the_nearest() {
    let role = "name: legal\ndescription: x\nprompt: legal.md\ntools:\n  - files.*\n  - memory.serch\n  - mail.*\n";
    let folders = Folders::with(&[("agents/legal.yaml", role), ("prompts/legal.md", "Read.")]);
    let known = ["files.read", "memory.search", "memory.settle", "http.request"];
    let wrong = folders.load().unwrap().check_tools(known).unwrap_err();
    let wrong = wrong.to_string().replace(&format!("{}/", folders.folder.path().display()), "");
    assert_eq!(
        wrong,
        "agents/legal.yaml:6:5: tools[1]: there is no tool `memory.serch` (did you mean `memory.search`?)\n\
         agents/legal.yaml:7:5: tools[2]: there is no tool `mail.*`"
    );
    Roles::built_in().unwrap().check_tools(known).unwrap();
}
