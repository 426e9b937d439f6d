//! Folders of documents: what is found, cut, changed and passed over.

use std::fmt::Write as _;

use super::*;
use crate::memory::pieces::{Format, cut};

#[tokio::test]
async fn only_what_has_changed_is_read_anew() {
    let place = place().await;
    place.write("a.md", "Alpha was written first.");
    place.write("b.md", "Beta was written second.");
    place.remember().await;
    let again = place.remember().await;
    assert_eq!((again.added, again.changed, again.unchanged, again.entries), (0, 0, 2, 0));

    place.write("a.md", "Gamma took its place.");
    let changed = place.remember().await;
    assert_eq!((changed.changed, changed.unchanged, changed.entries), (1, 1, 1));
    assert_eq!(place.sources("alpha").await, [""; 0]);
    assert_eq!(place.sources("gamma").await, ["docs/a.md"]);
    assert_eq!(place.memory.counts().await.unwrap().pieces, 2);
}

#[tokio::test]
async fn what_is_gone_from_a_folder_is_forgotten_and_nothing_else() {
    let place = place().await;
    place.write("a.md", "Alpha stays here.");
    place.write("b.md", "Beta goes away.");
    std::fs::create_dir(place.folder.path().join("other")).unwrap();
    std::fs::write(place.folder.path().join("other/c.md"), "Gamma is elsewhere.").unwrap();
    place.remember().await;
    place.memory.remember(wanted(place.folder.path(), "other"), |_| ()).await.unwrap();

    std::fs::remove_file(place.docs().join("b.md")).unwrap();
    std::fs::remove_file(place.folder.path().join("other/c.md")).unwrap();
    assert_eq!(place.remember().await.forgotten, 1);
    assert_eq!(place.sources("beta").await, [""; 0]);
    assert_eq!(place.sources("alpha gamma").await.len(), 2, "the other folder was not looked at");
}

#[tokio::test]
async fn the_same_file_is_one_document_however_its_path_is_written() {
    let place = place().await;
    place.write("a.md", "Alpha is here.");
    let mut wanted = wanted(place.folder.path(), "docs/../docs/./a.md");
    wanted.paths.push(place.docs());
    let report = place.memory.remember(wanted, |_| ()).await.unwrap();
    assert_eq!((report.added, report.unchanged), (1, 0));
    assert_eq!(place.sources("alpha").await, ["docs/a.md"]);
}

#[tokio::test]
async fn what_is_no_text_is_passed_over_with_the_reason() {
    let place = place().await;
    place.write("text.txt", "Plain words.");
    place.write("image.png", [0x89, b'P', b'N', b'G', 0, 1, 2]);
    place.write("latin.txt", [b'G', b'r', 0xfc, 0xdf, b'e']);
    place.write("empty.txt", "");
    place.write("symbols.txt", "*** --- ***");
    place.write(".hidden/secret.txt", "Hidden words.");
    place.write("ignored.txt", "Ignored words.");
    place.write(".gitignore", "ignored.txt\n");
    let large = std::fs::File::create(place.docs().join("large.txt")).unwrap();
    large.set_len(LONGEST_FILE + 1).unwrap();
    std::os::unix::fs::symlink("/etc", place.docs().join("link")).unwrap();

    let mut seen = Vec::new();
    let mut wanted = wanted(place.folder.path(), "docs");
    wanted.paths.push("missing".into());
    let report = place.memory.remember(wanted, |progress| seen.push(progress.clone())).await.unwrap();
    assert_eq!(report.added, 1, "{report:?}");
    let mut skipped: Vec<String> = report
        .skipped
        .iter()
        .map(|skipped| format!("{} {}", skipped.path.file_name().unwrap().display(), skipped.reason))
        .collect();
    skipped.sort();
    let expected = [
        "empty.txt holds no words",
        "image.png is not text",
        "large.txt has 16777217 bytes, more than the limit of 16777216; split it",
        "latin.txt is not UTF-8 text",
        "missing cannot be found (No such file or directory (os error 2))",
        "symbols.txt holds no words",
    ];
    assert_eq!(skipped, expected);
    assert_eq!(seen.last().map(|progress| (progress.done, progress.of)), Some((6, 6)));
    assert!(seen.windows(2).all(|two| two[0].done < two[1].done && two[0].bytes <= two[1].bytes));
}

#[tokio::test]
async fn a_document_that_becomes_unreadable_is_forgotten() {
    let place = place().await;
    place.write("a.txt", "Alpha is text.");
    place.remember().await;
    place.write("a.txt", [0, 1, 2]);
    let report = place.remember().await;
    assert_eq!((report.forgotten, report.skipped.len()), (1, 1));
    assert_eq!(place.sources("alpha").await, [""; 0]);
}

#[test]
fn each_piece_is_a_part_of_the_document_with_its_lines_and_headings() {
    let mut text = String::from("\u{feff}# Title\n\nIntroduction to it.\n");
    for section in 1..=6 {
        write!(text, "\n## Section {section}\n\n").unwrap();
        for sentence in 1..=12 {
            writeln!(text, "Sentence {sentence} of section {section} says something about größe and weight.").unwrap();
        }
    }
    text.push_str("\n```sh\n# no heading\n```\n\nThe end is near.\n");
    let pieces = cut(&text, Format::Markdown).unwrap();
    assert!(pieces.len() >= 6, "{}", pieces.len());
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for piece in &pieces {
        let place = piece.position.as_ref().unwrap();
        let range = usize::try_from(place.bytes.start).unwrap()..usize::try_from(place.bytes.end).unwrap();
        assert_eq!(text[range], piece.text);
        let within = lines
            [usize::try_from(place.lines.start).unwrap() - 1..usize::try_from(place.lines.end).unwrap() - 1]
            .concat();
        assert!(within.contains(&piece.text), "{place:?}: {within:?} is not around {:?}", piece.text);
        assert!(piece.text.chars().count() <= 1200);
        if let Some(at) = piece.text.find("of section ") {
            let section = &piece.text[at + 11..at + 12];
            let heading = piece.heading.as_deref().unwrap();
            let begins_before = piece.text.contains(&format!("## Section {section}"));
            assert!(heading == format!("Title > Section {section}") || begins_before, "{heading}: {}", piece.text);
        }
    }
    let last = pieces.last().unwrap();
    assert!(last.text.contains("The end is near") && last.heading.as_deref() == Some("Title > Section 6"));
}

#[test]
fn long_documents_without_any_structure_are_cut_too() {
    for text in ["word ".repeat(40_000), "x".repeat(200_000), "ü".repeat(100_000), "a\n".repeat(60_000)] {
        let pieces = cut(&text, Format::Text).unwrap();
        let total: usize = pieces.iter().map(|piece| piece.text.chars().filter(|c| !c.is_whitespace()).count()).sum();
        assert_eq!(total, text.chars().filter(|c| !c.is_whitespace()).count());
        assert!(pieces.iter().all(|piece| piece.text.chars().count() <= 1200));
    }
}

#[test]
fn html_is_remembered_as_text_with_the_lines_of_its_source() {
    let html = "<!doctype html>\n<html><head><title>T</title>\n<style>p { color: red }</style>\n<script>var x = 'nothing';</script>\n\
        </head>\n<body>\n<h1>Release notes</h1>\n<p>The <b>pool</b> size\nwas raised &amp; checked.</p>\n<h2>Costs</h2>\n\
        <ul><li>It costs 12 euros.</li></ul>\n</body></html>\n";
    let pieces = cut(html, Format::Html).unwrap();
    let all: String = pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n");
    assert!(all.contains("was raised & checked") && all.contains("It costs 12 euros."), "{all}");
    assert!(!all.contains("color") && !all.contains("nothing") && !all.contains("<p>"), "{all}");
    let place = pieces[0].position.as_ref().unwrap();
    assert_eq!(place.lines.start, 7, "{place:?}");
    assert!(pieces.last().unwrap().heading.as_deref().unwrap().starts_with("Release notes"));
}

#[test]
fn nothing_in_a_document_makes_it_stumble() {
    let nested = format!("{}x{}", "<div>".repeat(2_000), "</div>".repeat(2_000));
    let quoted = format!("{}deep", ">".repeat(5_000));
    let emphasis = "*a ".repeat(5_000);
    for text in [
        "",
        "\u{feff}",
        "\n\n\n",
        "#",
        "# ",
        "```",
        "<",
        "</",
        "<p",
        "&#x110000;",
        &nested,
        &quoted,
        &emphasis,
        "\r\n# A\r\nb\r\n",
    ] {
        for format in [Format::Text, Format::Markdown, Format::Html] {
            drop(cut(text, format));
        }
    }
}
