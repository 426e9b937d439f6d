//! Holds the layer table of ARCHITECTURE.md against the paths that the code uses.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a module may import: modules, or parts of one (`engine::port`).
type Table = BTreeMap<String, BTreeSet<String>>;

/// Modules that any other may import.
const ANYWHERE: &[&str] = &["clock"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the first table of ARCHITECTURE.md whose head begins with `module`. A row allows what it names in
/// backticks; `and all above` allows the modules of all rows above it.
fn table(text: &str) -> Table {
    let mut rows = Table::new();
    let lines = text.lines().skip_while(|line| !line.starts_with("| module |")).skip(2);
    for line in lines.take_while(|line| line.starts_with('|')) {
        let [modules, allowed, ..] = line.trim_matches('|').split('|').collect::<Vec<_>>()[..] else {
            panic!("a row of the layer table has fewer than two columns: {line}");
        };
        let mut may: BTreeSet<String> = names(allowed).collect();
        if allowed.contains("all above") {
            may.extend(rows.keys().cloned());
        }
        for module in names(modules) {
            assert!(rows.insert(module, may.clone()).is_none(), "the layer table has two rows for one module: {line}");
        }
    }
    assert!(rows.len() > 5, "ARCHITECTURE.md has no layer table");
    rows
}

/// What stands in backticks.
fn names(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// A source file and where it is in the tree of modules: `["agents", "turn", "calls"]`.
struct Source {
    file: String,
    module: Vec<String>,
    text: String,
}

fn sources(folder: &Path, module: &[String], found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // Tests may reach for what they test with.
        if ["tests", "testing"].contains(&stem.as_str()) {
            continue;
        }
        let module: Vec<String> = module.iter().cloned().chain([stem]).collect();
        if path.is_dir() {
            sources(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = code(&fs::read_to_string(&path).unwrap());
            found.push(Source { file: path.strip_prefix(root()).unwrap().display().to_string(), module, text });
        }
    }
}

/// The text without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Every path that a module uses of the crate, by its first two names: `model`, `engine::port`.
fn used(source: &Source) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (at, _) in source.text.match_indices("crate::") {
        let before = source.text[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            expand(&source.text[at + "crate::".len()..], "", &mut paths);
        }
    }
    let to_root = "super::".repeat(source.module.len());
    for (at, _) in source.text.match_indices(&to_root) {
        let before = source.text[..at].chars().next_back();
        if before != Some(':') {
            expand(&source.text[at + to_root.len()..], "", &mut paths);
        }
    }
    paths
}

/// Adds the paths that a use tree spells, to a depth of two.
fn expand(tree: &str, prefix: &str, paths: &mut BTreeSet<String>) {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        for branch in branches(group) {
            expand(branch, prefix, paths);
        }
        return;
    }
    let name: String = tree.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
    match tree[name.len()..].strip_prefix("::") {
        Some(rest) if prefix.is_empty() => expand(rest, &path, paths),
        _ => drop(paths.insert(path)),
    }
}

/// The branches of a group, up to the brace that closes it.
fn branches(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_u32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|branch| !branch.trim().is_empty());
    found
}

/// Whether a path is a module that may be imported, or within a part that may be.
fn is_allowed(path: &str, may: &BTreeSet<String>) -> bool {
    let module = path.split("::").next().unwrap();
    may.contains(module) || may.contains(path)
}

#[test]
fn the_code_keeps_to_the_layer_table() {
    let table = table(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let mut found = Vec::new();
    sources(&root().join("src"), &[], &mut found);
    let mut wrong = Vec::new();
    for source in &found {
        let own = &source.module[0];
        if ["lib", "main"].contains(&own.as_str()) {
            continue;
        }
        let Some(may) = table.get(own) else {
            wrong.push(format!("{}: the module `{own}` has no row in ARCHITECTURE.md's layer table", source.file));
            continue;
        };
        for path in used(source) {
            let module = path.split("::").next().unwrap();
            // Macros and items of the crate's root are no modules.
            let is_module = table.contains_key(module) || ANYWHERE.contains(&module);
            if is_module && module != own && !ANYWHERE.contains(&module) && !is_allowed(&path, may) {
                wrong
                    .push(format!("{}: uses `{path}`, which ARCHITECTURE.md does not let `{own}` import", source.file));
            }
        }
    }
    assert!(found.len() > 20, "only {} source files were found", found.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_main_starts_the_command_line() {
    let text = fs::read_to_string(root().join("src/main.rs")).unwrap();
    for (at, _) in code(&text).match_indices("callboard::") {
        let module: String =
            code(&text)[at + "callboard::".len()..].chars().take_while(|c| c.is_alphanumeric()).collect();
        assert_eq!(module, "cli", "src/main.rs may use `callboard::cli` only");
    }
    let table = table(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    assert!(table.values().all(|may| !may.contains("cli")), "nothing but main may import `cli`");
}

#[test]
fn the_table_and_the_paths_are_read_as_they_are_written() {
    let text = "x\n| module | may import |\n|---|---|\n| `a` | nothing of ours |\n| `b`, `c` | `a` |\n| `d` | `b`, `c::port` |\n\
                | `e` | all above |\n| `f` | `e` |\n\nno row `g` | `h`";
    let table = table(text);
    let row = |module: &str| table[module].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!((row("a"), row("c"), row("d")), (vec![], vec!["a"], vec!["b", "c::port"]));
    assert_eq!(row("e"), ["a", "b", "c", "d"]);

    let used_by = |module: &[&str], text: &str| {
        let module = module.iter().map(|name| (*name).to_owned()).collect();
        let source = Source { file: String::new(), module, text: code(text) };
        used(&source).into_iter().collect::<Vec<_>>()
    };
    let text = "use crate::run::{Failure, path::StepPath};\nuse crate::{model, engine::{gate::Gate, port}};\n\
                // crate::comment\nfn f(x: crate::tools::Tools) { $crate::clock!(); my_crate::no(); super::super::store::x() }\n\
                #[cfg(test)]\nmod tests {\n use crate::test; }";
    assert_eq!(
        used_by(&["a", "b"], text),
        ["clock", "engine::gate", "engine::port", "model", "run::Failure", "run::path", "store::x", "tools::Tools"]
    );
    assert_eq!(used_by(&["a", "b", "c"], "super::super::sibling::x; super::super::super::run::y"), ["run::y"]);

    let may = BTreeSet::from(["model".to_owned(), "engine::port".to_owned()]);
    assert!(is_allowed("model::Reply", &may) && is_allowed("engine::port", &may));
    assert!(!is_allowed("engine::gate", &may) && !is_allowed("engine", &may));
}
