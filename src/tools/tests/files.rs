use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;

struct Place {
    tools: Tools,
    outside: TempDir,
    root: std::path::PathBuf,
}

/// A folder with file tools, and a secret beside it.
fn place() -> Place {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    let root = outside.path().join("root");
    let folder = Folder::new(&root).with_limit(1000);
    let mut tools = Tools::new();
    for tool in crate::tools::files::all(&folder) {
        tools.register(tool).unwrap();
    }
    Place { tools, outside, root }
}

impl Place {
    async fn read(&self, path: &str) -> Result<Value, ToolError> {
        call(&self.tools, "files.read", json!({ "path": path })).await
    }

    async fn write(&self, path: &str, text: &str) -> Result<Value, ToolError> {
        call(&self.tools, "files.write", json!({ "path": path, "text": text })).await
    }

    async fn call(&self, name: &str, arguments: Value) -> Result<Value, ToolError> {
        call(&self.tools, &format!("files.{name}"), arguments).await
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn what_is_written_can_be_read() {
    let place = place();
    let written = place.write("notes/2026/a.md", "# Grüße\n").await;
    assert_eq!(written, Ok(json!({ "path": "notes/2026/a.md", "bytes": 10 })));
    let read = place.read("./notes/2026/a.md").await;
    assert_eq!(read, Ok(json!({ "path": "./notes/2026/a.md", "text": "# Grüße\n" })));
}

#[tokio::test]
async fn writing_twice_replaces_and_leaves_nothing_else_behind() {
    let place = place();
    place.write("a.md", "one").await.unwrap();
    place.write("a.md", "two").await.unwrap();
    place.write("a.md", "two").await.unwrap();
    assert_eq!(fs::read_to_string(place.root.join("a.md")).unwrap(), "two");
    assert_eq!(place.names(""), ["a.md"]);
}

#[tokio::test]
async fn a_write_that_a_crash_cut_short_is_replaced_by_its_repetition() {
    let place = place();
    fs::create_dir(&place.root).unwrap();
    let arguments = json!({ "path": "a.md", "text": "whole" });
    let key = CallKey::of(caller().run, &caller().step, "files.write", &arguments.to_string(), 0);
    fs::write(place.root.join(format!(".callboard-{key}.part")), "wh").unwrap();
    call(&place.tools, "files.write", arguments).await.unwrap();
    assert_eq!(place.names(""), ["a.md"]);
    assert_eq!(fs::read_to_string(place.root.join("a.md")).unwrap(), "whole");
}

#[tokio::test]
async fn no_path_leads_out() {
    let place = place();
    place.write("folder/inside.txt", "inside").await.unwrap();
    symlink(place.outside.path(), place.root.join("up")).unwrap();
    symlink(place.outside.path().join("secret.txt"), place.root.join("secret")).unwrap();
    symlink("../..", place.root.join("folder/up")).unwrap();
    symlink(place.outside.path().join("made"), place.root.join("dangling")).unwrap();
    symlink("loop", place.root.join("loop")).unwrap();
    let absolute = place.outside.path().join("secret.txt").to_string_lossy().into_owned();

    for path in [
        "..",
        "../secret.txt",
        "folder/../../secret.txt",
        "folder/../folder/inside.txt",
        &absolute,
        "/",
        "up/secret.txt",
        "up",
        "secret",
        "folder/up/secret.txt",
        "loop",
        "loop/a",
        "secret.txt\0",
        "\0",
        ".",
        "./",
    ] {
        let read = place.read(path).await;
        assert!(read.is_err(), "read {path:?}: {read:?}");
        if path != "secret" && path != "loop" {
            let written = place.write(path, "overwritten").await;
            assert!(written.is_err(), "write {path:?}: {written:?}");
        }
    }
    // A link at the very place is replaced, and what it led to is left alone.
    for path in ["secret", "dangling"] {
        place.write(path, "mine").await.unwrap();
        assert!(place.root.join(path).symlink_metadata().unwrap().is_file());
    }
    assert!(place.write("up/made/a.txt", "x").await.is_err());
    assert!(!place.outside.path().join("made").exists());
    assert_eq!(fs::read_to_string(place.outside.path().join("secret.txt")).unwrap(), "secret");
    let mut beside: Vec<_> = fs::read_dir(place.outside.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["root", "secret.txt"]);
}

#[tokio::test]
async fn a_link_that_stays_inside_is_followed() {
    let place = place();
    place.write("real/a.txt", "text").await.unwrap();
    symlink("real", place.root.join("alias")).unwrap();
    assert_eq!(place.read("alias/a.txt").await.unwrap()["text"], "text");
    place.write("alias/b.txt", "more").await.unwrap();
    assert_eq!(place.names("real"), ["a.txt", "b.txt"]);
}

#[tokio::test]
async fn the_folder_itself_may_be_reached_through_a_link() {
    let place = place();
    place.write("a.txt", "text").await.unwrap();
    let alias = place.outside.path().join("alias");
    symlink(&place.root, &alias).unwrap();
    let tools = registry(FilesRead::new(Folder::new(alias)));
    assert_eq!(call(&tools, "files.read", json!({ "path": "a.txt" })).await.unwrap()["text"], "text");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_the_reason() {
    let place = place();
    place.write("folder/a.txt", "a").await.unwrap();
    fs::write(place.root.join("binary"), [0xff, 0xfe, 0x00]).unwrap();
    fs::write(place.root.join("large"), vec![b'x'; 1001]).unwrap();
    let long = "x".repeat(256);
    let longer = "x/".repeat(600);
    let deep = "x/".repeat(40);
    for (path, code) in [
        ("missing.txt", "not_found"),
        ("missing/a.txt", "not_found"),
        ("folder", "not_a_file"),
        ("folder/a.txt/b", "not_a_folder"),
        ("binary", "not_text"),
        ("large", "too_large"),
        (&long, "bad_path"),
        (&longer, "bad_path"),
        (&deep, "bad_path"),
    ] {
        assert_eq!(place.read(path).await.unwrap_err().code(), code, "{path:.40}");
    }
    for (path, text, code) in [
        ("folder", "x".to_owned(), "not_a_file"),
        ("folder/a.txt/b", "x".to_owned(), "not_a_folder"),
        ("large", "x".repeat(1001), "too_large"),
        (&long, "x".to_owned(), "bad_path"),
        (&deep, "x".to_owned(), "bad_path"),
    ] {
        assert_eq!(place.write(path, &text).await.unwrap_err().code(), code, "{path:.40}");
    }
    assert_eq!(place.names("folder"), ["a.txt"]);
}

#[tokio::test]
async fn the_longest_name_can_be_written() {
    let place = place();
    let name = "x".repeat(255);
    place.write(&name, "text").await.unwrap();
    assert_eq!(place.names(""), [name]);
}

#[tokio::test]
async fn a_pipe_is_not_waited_for() {
    let place = place();
    fs::create_dir(&place.root).unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.root.join("pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(place.read("pipe").await.unwrap_err().code(), "not_a_file");
}

#[test]
fn reading_reads_and_writing_may_be_repeated() {
    let folder = Folder::new(Path::new("files"));
    let (read, write) = (FilesRead::new(folder.clone()), FilesWrite::new(folder));
    assert_eq!(read.effect(&json!({})), CallEffect::of(Effect::Read));
    assert!(write.effect(&json!({})).may_repeat() && write.effect(&json!({})).effect == Effect::Write);
}

#[test]
fn what_cannot_be_undone_says_so_and_what_may_happen_twice() {
    for (name, effect, may_repeat) in [
        ("files.append", Effect::Write, false),
        ("files.copy", Effect::Write, true),
        ("files.delete", Effect::Irreversible, true),
        ("files.info", Effect::Read, true),
        ("files.list", Effect::Read, true),
        ("files.move", Effect::Write, false),
        ("files.read", Effect::Read, true),
        ("files.write", Effect::Write, true),
    ] {
        let tools = place().tools;
        let tool = tools.get(name).unwrap();
        let said = tool.effect(&json!({}));
        assert_eq!((said.effect, said.may_repeat(), tool.worst()), (effect, may_repeat, effect), "{name}");
        jsonschema::validator_for(&tool.output().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_go_through_as_base64() {
    let place = place();
    let written = place.call("write", json!({ "path": "a.png", "text": "AP/+", "encoding": "base64" })).await;
    assert_eq!(written, Ok(json!({ "path": "a.png", "bytes": 3 })));
    assert_eq!(fs::read(place.root.join("a.png")).unwrap(), [0, 0xff, 0xfe]);
    assert_eq!(place.call("read", json!({ "path": "a.png", "encoding": "base64" })).await.unwrap()["text"], "AP/+");
    let told = place.read("a.png").await.unwrap_err();
    assert!(told.to_string().contains("read it with `encoding: base64`"), "{told}");
    let error =
        place.call("write", json!({ "path": "b", "text": "no base64!", "encoding": "base64" })).await.unwrap_err();
    assert_eq!(error.code(), "bad_arguments");
    assert!(!place.root.join("b").exists());
}

#[tokio::test]
async fn what_is_appended_stands_at_the_end() {
    let place = place();
    let append = |text: &'static str| place.call("append", json!({ "path": "logs/a.log", "text": text }));
    assert_eq!(append("one\n").await, Ok(json!({ "path": "logs/a.log", "added": 4, "bytes": 4 })));
    assert_eq!(append("two\n").await, Ok(json!({ "path": "logs/a.log", "added": 4, "bytes": 8 })));
    assert_eq!(place.read("logs/a.log").await.unwrap()["text"], "one\ntwo\n");
    let error = place.call("append", json!({ "path": "logs/a.log", "text": "x".repeat(993) })).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
    assert_eq!(fs::metadata(place.root.join("logs/a.log")).unwrap().len(), 8);
    symlink(place.outside.path().join("secret.txt"), place.root.join("out")).unwrap();
    assert_eq!(place.call("append", json!({ "path": "out", "text": "x" })).await.unwrap_err().code(), "outside");
    assert_eq!(place.call("append", json!({ "path": "logs", "text": "x" })).await.unwrap_err().code(), "not_a_file");
    assert_eq!(fs::read_to_string(place.outside.path().join("secret.txt")).unwrap(), "secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_appended_at_the_same_time_is_lost() {
    let place = place();
    let calls = (0..50).map(|n| {
        let tools = place.tools.clone();
        tokio::spawn(async move {
            call(&tools, "files.append", json!({ "path": "a.log", "text": format!("{n:02}\n") })).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let text = fs::read_to_string(place.root.join("a.log")).unwrap();
    let mut lines: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_are_copied_and_moved_and_replace_nothing_unasked() {
    let place = place();
    place.write("a.txt", "one").await.unwrap();
    let to = |tool: &'static str, from: &'static str, to: &'static str, replace: bool| {
        let arguments = json!({ "from": from, "to": to, "replace": replace });
        let place = &place;
        async move { place.call(tool, arguments).await }
    };
    assert_eq!(to("copy", "a.txt", "copies/b.txt", false).await, Ok(json!({ "path": "copies/b.txt", "bytes": 3 })));
    assert_eq!(
        to("copy", "a.txt", "copies/b.txt", false).await,
        Ok(json!({ "path": "copies/b.txt", "bytes": 3 })),
        "again"
    );
    assert_eq!(to("move", "a.txt", "c.txt", false).await, Ok(json!({ "path": "c.txt" })));
    assert_eq!((place.names(""), place.names("copies")), (vec!["c.txt".into(), "copies".into()], vec!["b.txt".into()]));
    place.write("d.txt", "two").await.unwrap();
    for tool in ["copy", "move"] {
        assert_eq!(to(tool, "d.txt", "c.txt", false).await.unwrap_err().code(), "exists", "{tool}");
        assert_eq!(to(tool, "missing", "x", false).await.unwrap_err().code(), "not_found", "{tool}");
        assert_eq!(to(tool, "d.txt", "../d.txt", false).await.unwrap_err().code(), "bad_path", "{tool}");
        assert_eq!(to(tool, "d.txt", "copies", false).await.unwrap_err().code(), "not_a_file", "{tool}");
    }
    assert_eq!(place.read("c.txt").await.unwrap()["text"], "one");
    to("move", "d.txt", "c.txt", true).await.unwrap();
    assert_eq!(place.read("c.txt").await.unwrap()["text"], "two");
    to("move", "copies", "archive/2026", false).await.unwrap();
    assert_eq!(place.read("archive/2026/b.txt").await.unwrap()["text"], "one");
    assert_eq!(to("move", "archive", "archive/2026/in", false).await.unwrap_err().code(), "bad_path");
    assert_eq!(to("copy", "archive", "x", false).await.unwrap_err().code(), "not_a_file");
    assert_eq!(to("move", "c.txt", "c.txt", false).await, Ok(json!({ "path": "c.txt" })), "onto itself");
    assert_eq!(place.read("c.txt").await.unwrap()["text"], "two");
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_what_a_link_leads_to_is_not() {
    let place = place();
    for path in ["a.txt", "folder/b.txt", "folder/deep/c.txt"] {
        place.write(path, "x").await.unwrap();
    }
    symlink(place.outside.path(), place.root.join("folder/out")).unwrap();
    let delete = |path: &'static str, recursive: bool| {
        let arguments = json!({ "path": path, "recursive": recursive });
        let place = &place;
        async move { place.call("delete", arguments).await }
    };
    assert_eq!(delete("a.txt", false).await, Ok(json!({ "path": "a.txt", "deleted": true, "files": 1 })));
    assert_eq!(delete("a.txt", false).await, Ok(json!({ "path": "a.txt", "deleted": false, "files": 0 })), "again");
    assert_eq!(delete("no/such/file", false).await.unwrap()["deleted"], false);
    assert_eq!(delete("folder", false).await.unwrap_err().code(), "not_empty");
    assert_eq!(place.names("folder"), ["b.txt", "deep", "out"]);
    assert_eq!(delete("folder/out/secret.txt", false).await.unwrap_err().code(), "outside");
    for whole in [".", "./", "", "..", "/"] {
        assert!(place.call("delete", json!({ "path": whole, "recursive": true })).await.is_err(), "{whole:?}");
    }
    assert_eq!(delete("folder", true).await, Ok(json!({ "path": "folder", "deleted": true, "files": 3 })));
    assert_eq!(place.names(""), [""; 0]);
    assert_eq!(fs::read_to_string(place.outside.path().join("secret.txt")).unwrap(), "secret");
    fs::create_dir(place.root.join("empty")).unwrap();
    assert_eq!(delete("empty", false).await.unwrap()["deleted"], true);
}

#[tokio::test]
async fn what_there_is_can_be_told() {
    let place = place();
    place.write("a.txt", "abc").await.unwrap();
    let info = |path: &'static str| {
        let place = &place;
        async move { place.call("info", json!({ "path": path, "hash": true })).await.unwrap() }
    };
    let told = info("a.txt").await;
    assert_eq!((&told["exists"], &told["kind"], &told["bytes"]), (&json!(true), &json!("file"), &json!(3)));
    assert_eq!(told["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let modified: chrono::DateTime<chrono::Utc> = told["modified"].as_str().unwrap().parse().unwrap();
    let found: chrono::DateTime<chrono::Utc> =
        fs::metadata(place.root.join("a.txt")).unwrap().modified().unwrap().into();
    assert_eq!(modified.timestamp(), found.timestamp());
    assert_eq!(info("b.txt").await, json!({ "path": "b.txt", "exists": false }));
    fs::create_dir(place.root.join("folder")).unwrap();
    assert_eq!(info("folder").await["kind"], "folder");
    assert_eq!(place.call("info", json!({ "path": "../secret.txt" })).await.unwrap_err().code(), "bad_path");
    fs::write(place.root.join("large"), vec![b'x'; 5000]).unwrap();
    assert_eq!(place.call("info", json!({ "path": "large" })).await.unwrap()["bytes"], 5000);
    assert_eq!(place.call("info", json!({ "path": "large", "hash": true })).await.unwrap_err().code(), "too_large");
}

#[tokio::test]
async fn a_pattern_lists_what_it_names() {
    let place = place();
    assert_eq!(
        place.call("list", json!({})).await,
        Ok(json!({ "files": [], "complete": true })),
        "the folder is not there yet"
    );
    for path in ["a.csv", "b.md", "in/c.csv", "in/deep/d.csv", ".hidden/e.csv", ".f.csv", ".callboard-1.part"] {
        fs::create_dir_all(place.root.join(path).parent().unwrap()).unwrap();
        fs::write(place.root.join(path), "12345").unwrap();
    }
    symlink(place.outside.path(), place.root.join("out")).unwrap();
    let list = |arguments: Value| {
        let place = &place;
        async move {
            let told = place.call("list", arguments).await?;
            let paths = told["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned());
            Ok::<_, ToolError>(paths.collect::<Vec<_>>())
        }
    };
    for (arguments, expected) in [
        (json!({}), &["a.csv", "b.md", "in", "out"][..]),
        (json!({ "glob": "*.csv" }), &["a.csv"]),
        (json!({ "glob": "**/*.csv" }), &["a.csv", "in/c.csv", "in/deep/d.csv"]),
        (json!({ "glob": "*/*.csv" }), &["in/c.csv"]),
        (json!({ "glob": "{in,x}/**" }), &["in/c.csv", "in/deep", "in/deep/d.csv"]),
        (json!({ "path": "in" }), &["in/c.csv", "in/deep"]),
        (json!({ "path": "./in/", "glob": "**/*.csv" }), &["in/c.csv", "in/deep/d.csv"]),
        (
            json!({ "glob": "**/*.csv", "hidden": true }),
            &[".f.csv", ".hidden/e.csv", "a.csv", "in/c.csv", "in/deep/d.csv"],
        ),
        (json!({ "glob": "../*" }), &[]),
        (json!({ "glob": "**/secret.txt" }), &[]),
        (json!({ "glob": "*", "limit": 2 }), &["a.csv", "b.md"]),
    ] {
        assert_eq!(list(arguments.clone()).await.unwrap(), expected, "{arguments}");
    }
    let told = place.call("list", json!({ "limit": 3 })).await.unwrap();
    assert_eq!(told["complete"], false);
    assert_eq!((&told["files"][0]["kind"], &told["files"][0]["bytes"]), (&json!("file"), &json!(5)));
    assert_eq!(place.call("list", json!({})).await.unwrap()["files"][3]["kind"], "link");
    for (arguments, code) in [
        (json!({ "path": "out" }), "outside"),
        (json!({ "path": ".." }), "bad_path"),
        (json!({ "path": "missing" }), "not_found"),
        (json!({ "path": "a.csv" }), "not_a_folder"),
        (json!({ "glob": "[" }), "bad_arguments"),
    ] {
        assert_eq!(list(arguments.clone()).await.unwrap_err().code(), code, "{arguments}");
    }
}

/// Somebody beside us swaps a folder for a link that leads out, again and again, while the tools work in it.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_becomes_a_link_between_two_looks_leads_nowhere() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let place = place();
    let outside = place.outside.path().join("elsewhere");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.txt"), "secret").unwrap();
    place.write("folder/a.txt", "inside").await.unwrap();
    let (folder, link) = (place.root.join("folder"), place.root.join("link"));
    symlink(&outside, &link).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let swapping = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let at = rustix::fs::CWD;
                rustix::fs::renameat_with(at, &folder, at, &link, rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        })
    };
    let (mut inside, mut refused) = (0, 0);
    for n in 0..2000 {
        match place.read("folder/a.txt").await {
            Ok(read) => {
                assert_eq!(read["text"], "inside", "after {n}");
                inside += 1;
            }
            Err(_) => refused += 1,
        }
        drop(place.write("folder/b.txt", "x").await);
        drop(place.call("append", json!({ "path": "folder/c.txt", "text": "" })).await);
        drop(place.call("delete", json!({ "path": "folder/b.txt" })).await);
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(inside > 0 && refused > 0, "both were met: {inside} and {refused}");
    let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a.txt"], "nothing was written or deleted outside");
}
