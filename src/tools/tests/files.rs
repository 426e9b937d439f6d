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
    let mut tools = registry(FilesRead::new(folder.clone()));
    tools.register(Arc::new(FilesWrite::new(folder))).unwrap();
    Place { tools, outside, root }
}

impl Place {
    async fn read(&self, path: &str) -> Result<Value, ToolError> {
        call(&self.tools, "files.read", json!({ "path": path })).await
    }

    async fn write(&self, path: &str, text: &str) -> Result<Value, ToolError> {
        call(&self.tools, "files.write", json!({ "path": path, "text": text })).await
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
        ("folder/a.txt/b", "bad_path"),
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
