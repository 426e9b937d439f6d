use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::memory::pieces::{Format, cut};

fn pieces_of(text: &str, format: Format) -> Vec<NewPiece> {
    cut(text, format).unwrap()
}

fn bytes(piece: &NewPiece) -> Range<usize> {
    let Some(Position::Text { bytes, .. }) = &piece.position else { panic!("{piece:?}") };
    usize::try_from(bytes.start).unwrap()..usize::try_from(bytes.end).unwrap()
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn each_piece_of_a_table_has_the_header() {
    let header = "name;city;note";
    let rows: Vec<String> =
        (0..200).map(|row| format!("person {row};city {row};\"said; \"\"yes\"\"\nand left {row}\"")).collect();
    let text = format!("{header}\r\n{}\r\n", rows.join("\r\n"));
    let pieces = pieces_of(&text, Format::Rows);
    assert!(pieces.len() > 5, "{}", pieces.len());
    for piece in &pieces {
        assert!(piece.text.starts_with(&format!("{header}\nperson ")), "{piece:?}");
        assert!(piece.text.chars().count() <= PIECE.end);
    }
    let found: Vec<&NewPiece> = pieces.iter().filter(|piece| piece.text.contains("person 77;city 77")).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains(rows[77].as_str()), "a row is not cut: {:?}", found[0]);
    let Some(Position::Text { lines, .. }) = &found[0].position else { panic!() };
    assert!(lines.contains(&(2 + 77 * 2)), "{lines:?}");
}

#[test]
fn rows_and_headers_that_are_too_long_are_cut_as_text() {
    let long = "word ".repeat(900);
    let text = format!("id,text\n1,{long}\n2,short\n");
    let pieces = pieces_of(&text, Format::Rows);
    assert!(pieces.len() >= 5 && pieces.iter().all(|piece| piece.text.starts_with("id,text\n")), "{pieces:#?}");
    let wide: Vec<String> = (0..300).map(|column| format!("column_{column}")).collect();
    let text = format!("{}\n{}\n", wide.join(","), (0..300).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let pieces = pieces_of(&text, Format::Rows);
    assert_eq!(bare(&pieces.iter().map(|piece| piece.text.as_str()).collect::<String>()), bare(&text));
}

#[test]
fn parts_of_a_json_document_have_their_path() {
    let orders: Vec<Value> = (0..100).map(|n| json!({ "id": n, "customer": format!("Größe {n}") })).collect();
    let document = json!({ "shop": "Otter", "data": { "orders": orders, "notes": "word ".repeat(600) } });
    for text in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
        let pieces = pieces_of(&text, Format::Json);
        let order = pieces.iter().find(|piece| piece.text.contains("Größe 42\"")).unwrap();
        let heading = order.heading.as_deref().unwrap();
        assert!(heading.starts_with("data.orders["), "{heading}");
        assert_eq!(text[bytes(order)], order.text);
        assert!(pieces.iter().any(|piece| piece.heading.as_deref() == Some("data.notes")), "{pieces:#?}");
        assert!(pieces.iter().all(|piece| piece.text.chars().count() <= PIECE.end));
    }
}

#[test]
fn escaped_letters_can_be_found_and_what_is_no_json_is_text() {
    let pieces = pieces_of(r#"{"name": "Gr\u00f6\u00dfe \ud83e\udda6 \\u0041 \u0022 \ud800"}"#, Format::Json);
    assert_eq!(pieces[0].text, r#"{"name": "Größe 🦦 \\u0041 \u0022 \ud800"}"#);
    let pieces = pieces_of("// not JSON\n{ a: 1 }\n", Format::Json);
    assert_eq!(pieces[0].text, "// not JSON\n{ a: 1 }");
    let lines = "{\"n\": 1}\n\n{\"n\": \"two\"}\n";
    assert_eq!(pieces_of(lines, Format::JsonLines)[0].text, lines.trim_end());
    let deep = format!("{}\"{}\"{}", "[".repeat(20_000), "word ".repeat(600), "]".repeat(20_000));
    assert!(pieces_of(&deep, Format::Json).len() > 2);
}

/// A JSON document.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "[a-zö ]{0,3000}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 200, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,8}", inner, 0..12).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_of_a_json_document_is_lost_or_invented(document in document(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let pieces = pieces_of(&text, Format::Json);
        let mut after = 0;
        for piece in &pieces {
            let bytes = bytes(piece);
            prop_assert_eq!(&text[bytes.clone()], &piece.text);
            prop_assert!(after <= bytes.start && piece.text.chars().count() <= PIECE.end);
            // What stands between two pieces are brackets, and names that are in the heading.
            for name in text[after..bytes.start].split(|c: char| !c.is_alphanumeric()).filter(|name| !name.is_empty()) {
                prop_assert!(piece.heading.as_deref().is_some_and(|path| path.contains(name)), "{} {:?}", name, piece);
            }
            after = bytes.end;
        }
    }

    #[test]
    fn no_row_of_a_table_is_lost_or_invented(
        header in "[a-z]{1,8}(,[a-z]{1,8}){0,5}",
        rows in prop::collection::vec("([a-z0-9ö]{0,12}|\"[a-z, \n]{0,30}\"|[a-z ]{0,900})(,[a-z0-9]{0,12}){0,5}", 0..60),
    ) {
        let text = format!("{header}\n{}\n", rows.join("\n"));
        let pieces = pieces_of(&text, Format::Rows);
        let without_header = |piece: &NewPiece| {
            piece.text.strip_prefix(&format!("{header}\n")).unwrap_or(&piece.text).to_owned()
        };
        let mut after = 0;
        for piece in &pieces {
            let bytes = bytes(piece);
            prop_assert!(after <= bytes.start);
            prop_assert!(!text[after..bytes.start].replacen(&header, "", usize::from(after == 0)).chars().any(char::is_alphanumeric));
            if rows.iter().any(|row| row.chars().any(char::is_alphanumeric)) {
                prop_assert_eq!(text[bytes.clone()].to_owned(), without_header(piece));
            }
            after = bytes.end;
        }
        prop_assert!(!text[after..].chars().any(char::is_alphanumeric));
    }

    #[test]
    fn nothing_makes_a_table_stumble(text: String) {
        for format in [Format::Rows, Format::Json, Format::JsonLines] {
            drop(pieces_of(&text, format));
        }
    }
}
