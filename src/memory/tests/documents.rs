//! Folders of documents: what is found, cut, changed and passed over.

use std::fmt::Write as _;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::memory::pieces::{Format, cut};
use crate::store::entries::{NewPiece, Position};

/// A place in a text.
pub(super) struct At {
    pub(super) bytes: Range<usize>,
    pub(super) lines: Range<usize>,
}

pub(super) fn at(piece: &NewPiece) -> At {
    let Some(Position::Text { bytes, lines }) = &piece.position else { panic!("{piece:?} has no place in the text") };
    let range = |range: &Range<u64>| usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    At { bytes: range(bytes), lines: range(lines) }
}

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
    place.write("packed.gz", [0x1f, 0x8b, 8, 8, 0xff, 0xfe, 3]);
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
        "image.png is not text (it holds the byte 0x00)",
        "large.txt has 16777217 bytes, more than the limit of 16777216; split it",
        "missing cannot be found (No such file or directory (os error 2))",
        "packed.gz is not text (it holds the byte 0x1f)",
        "symbols.txt holds no words",
    ];
    assert_eq!(skipped, expected);
    assert_eq!(seen.last().map(|progress| (progress.done, progress.of)), Some((6, 6)));
    assert!(seen.windows(2).all(|two| two[0].done < two[1].done && two[0].bytes <= two[1].bytes));
}

#[tokio::test]
async fn files_in_other_encodings_are_remembered_with_their_lines() {
    let place = place().await;
    place.write("latin.txt", b"Erste Zeile.\nDie Gr\xf6\xdfe der T\xfcr betr\xe4gt zwei Meter.\n");
    let wide: Vec<u8> =
        "\u{feff}Første linje.\nBåten går klokka åtte.\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.write("wide.txt", wide);
    place.write("marked.txt", "\u{feff}Marked lines.\nThe heron stands in the reeds.\n");
    let report = place.remember().await;
    assert_eq!((report.added, report.skipped.len()), (3, 0), "{report:?}");
    for (query, source, found) in [
        ("Größe", "docs/latin.txt", "Die Größe der Tür"),
        ("klokka", "docs/wide.txt", "Båten går"),
        ("heron", "docs/marked.txt", "The heron"),
    ] {
        let hit = place.recall(query).await.remove(0);
        assert_eq!(
            (hit.source.as_str(), &hit.lines, hit.matched.as_slice()),
            (source, &Some(1..3), &[query.to_owned()][..])
        );
        assert!(hit.text.contains(found), "{hit:?}");
    }
}

#[tokio::test]
async fn the_same_text_is_found_once_and_says_where_else_it_stands() {
    let place = place().await;
    let shared = "# Refunds\n\nA refund above 500 euros is approved by the head of finance.\n";
    place.write("a.md", shared);
    place.write("copy/a.md", shared);
    let mut longer = String::from(shared.trim_end());
    write!(longer, "\n\n## Travel\n\n{}", "Flights need a reason that the head of finance accepts. ".repeat(20))
        .unwrap();
    place.write("rules.md", &longer);
    place.remember().await;
    let hits = place.recall("who approves a refund").await;
    // The first piece of rules.md is the same text too; its second is another.
    assert_eq!(hits.len(), 2, "{hits:#?}");
    let hit = hits.iter().find(|hit| hit.text == shared.trim_end()).unwrap();
    let mut sources: Vec<&str> = hit.also.iter().map(|place| place.source.as_str()).collect();
    sources.push(&hit.source);
    sources.sort_unstable();
    assert_eq!(sources, ["docs/a.md", "docs/copy/a.md", "docs/rules.md"]);
    assert!(hit.also.iter().all(|place| place.lines == Some(1..4)), "{hit:?}");
    assert_eq!(hit.matched, ["approves", "refund"]);

    std::fs::remove_file(place.docs().join("copy/a.md")).unwrap();
    place.write("rules.md", "# Refunds\n\nNothing is refunded.\n");
    place.remember().await;
    let hits = place.recall("who approves a refund").await;
    assert!(hits.iter().all(|hit| hit.also.is_empty() && hit.source != "docs/copy/a.md"), "{hits:?}");
}

#[tokio::test]
async fn copies_take_nothing_elses_place() {
    let place = place().await;
    for copy in 0..40 {
        place.write(&format!("copies/{copy}.txt"), "The otter swims in the river.");
    }
    place.write("other.txt", "Where an otter lives, there are fish, reeds, clean water and few people about.");
    place.remember().await;
    let hits = place.memory.recall("otter", &Filter::default(), 2).await.unwrap();
    assert_eq!(hits.len(), 2, "{hits:?}");
    assert_eq!(hits[1].source, "docs/other.txt");
    assert_eq!(hits[0].also.len(), 10);
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
        let place = at(piece);
        let range = place.bytes;
        assert_eq!(text[range], piece.text);
        let within = lines[place.lines.start - 1..place.lines.end - 1].concat();
        assert!(within.contains(&piece.text), "{within:?} is not around {:?}", piece.text);
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
fn code_blocks_and_tables_stay_whole_wherever_they_stand() {
    let code: String = (0..90).fold("```sh\n".to_owned(), |mut code, line| {
        writeln!(code, "install --step {line} --into /srv/place{line}\n").unwrap();
        code
    }) + "```";
    let rows: String = (0..60).fold("| step | costs |\n|---|---|\n".to_owned(), |mut rows, row| {
        writeln!(rows, "| step number {row} | {row} euros and some cents |").unwrap();
        rows
    });
    let list: String = (0..9).fold(String::new(), |mut list, item| {
        writeln!(list, "- point {item} of the list, which is about a thing").unwrap();
        list
    });
    for words in [10, 300, 1_200, 1_600] {
        let text = format!(
            "# Manual\n\n{}\n\n## Code\n\n{code}\n\n## Prices\n\n{rows}\n## List\n\n{list}\nAn end.\n",
            "Words of it. ".repeat(words)
        );
        let pieces = cut(&text, Format::Markdown).unwrap();
        for whole in [code.as_str(), rows.trim_end(), list.trim_end()] {
            assert!(pieces.iter().any(|piece| piece.text.contains(whole)), "{words}: {whole:.40} was cut");
        }
        let piece = pieces.iter().find(|piece| piece.text == rows.trim_end()).unwrap();
        assert_eq!(piece.heading.as_deref(), Some("Manual > Prices"));
        for piece in &pieces {
            let place = at(piece);
            let bytes = place.bytes;
            assert_eq!(text[bytes.clone()], piece.text);
            let line = |at: usize| text[..at].matches('\n').count() + 1;
            assert_eq!(place.lines, line(bytes.start)..line(bytes.end - 1) + 1);
        }
    }
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
    assert_eq!(at(&pieces[0]).lines.start, 7);
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

#[tokio::test]
async fn a_table_right_after_a_byte_order_mark_is_remembered() {
    let place = place().await;
    let mut table = "\u{feff}name | value\n--- | ---\n".to_owned();
    for row in 0..120 {
        writeln!(table, "heron number {row} | stands in the reeds").unwrap();
    }
    place.write("table.md", &table);
    let report = place.remember().await;
    assert_eq!((report.added, report.skipped.len()), (1, 0), "{report:?}");
    let pieces = cut(&table, Format::Markdown).unwrap();
    assert_eq!(pieces.len(), 1, "the table is whole");
    let place = at(&pieces[0]);
    assert_eq!((place.bytes, place.lines), (3..table.trim_end().len(), 1..123));
    assert!(pieces[0].text.starts_with("name | value"), "{:.20}", pieces[0].text);
}

/// What documents are made of, and what they should not be made of.
fn parts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("\u{feff}".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("```\n".to_owned()),
        Just("~~~sh\n".to_owned()),
        Just("# Größe\n".to_owned()),
        Just("name | value\n--- | ---\n".to_owned()),
        (1_usize..150).prop_map(|rows| "| größe | 12 € |\n".repeat(rows)),
        (1_usize..150).prop_map(|rows| "one | two\n".repeat(rows)),
        (1_usize..300).prop_map(|words| "Wörter davon. ".repeat(words)),
        (1_usize..40).prop_map(|lines| "> - quoted `code`\n".repeat(lines)),
        "\\PC{0,40}",
        any::<String>(),
        "[ \t#|`~>*_<&;:\n-]{0,20}",
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_a_document_holds_its_pieces_are_parts_of_it_in_order(text in parts(), marked: bool) {
        let text = if marked { format!("\u{feff}{text}") } else { text };
        for format in [Format::Text, Format::Markdown] {
            let mut after = 0;
            for piece in cut(&text, format).unwrap() {
                let place = at(&piece);
                let bytes = place.bytes;
                prop_assert_eq!(text.get(bytes.clone()), Some(piece.text.as_str()));
                prop_assert!(after <= bytes.start && !bytes.is_empty(), "{:?} begins before {}", bytes, after);
                after = bytes.end;
                let line = |at: usize| text.as_bytes()[..at].split(|byte| *byte == b'\n').count();
                prop_assert_eq!(place.lines, line(bytes.start)..line(bytes.end - 1) + 1);
            }
        }
        drop(cut(&text, Format::Html));
    }
}
