use proptest::prelude::*;

use super::*;

const CHROMIUM: &[u8] = include_bytes!("../../../tests/fixtures/pdf/chromium.pdf");
const REPORTLAB: &[u8] = include_bytes!("../../../tests/fixtures/pdf/reportlab.pdf");
const FPDF2: &[u8] = include_bytes!("../../../tests/fixtures/pdf/fpdf2.pdf");
const ENCRYPTED: &[u8] = include_bytes!("../../../tests/fixtures/pdf/encrypted.pdf");
const PICTURES: &[u8] = include_bytes!("../../../tests/fixtures/pdf/pictures.pdf");

/// What stands on the pages, by `tests/fixtures/pdf/make.py`.
const STANDS: [(u64, &str); 5] = [
    (1, "Trains are preferred to flights; a flight under four hours needs a reason."),
    (1, "The otter allowance is forty-two euros a night."),
    (2, "Größe and café are words with letters beyond ASCII."),
    (2, "A refund above 500 euros is approved by the head of finance."),
    (3, "The heron clause ends this document."),
];

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_several_programs_wrote_is_read_with_its_pages() {
    for (program, content) in [("chromium", CHROMIUM), ("reportlab", REPORTLAB), ("fpdf2", FPDF2)] {
        let pieces = cut(content).unwrap();
        for (number, sentence) in STANDS {
            let on: Vec<&NewPiece> =
                pieces.iter().filter(|piece| piece.position == Some(Position::Pages(number..number + 1))).collect();
            let text = words(&on.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" "));
            assert!(text.contains(sentence), "{program}, page {number}: {text}");
        }
    }
}

#[test]
fn what_has_no_text_says_why() {
    for (content, reason) in [
        (ENCRYPTED, "is encrypted with a password; save it without one"),
        (PICTURES, "holds no text on its 2 pages, which may be pictures; recognise their text (OCR) first"),
        (b"%PDF-1.7\nnothing", "cannot be read as PDF ("),
        (&REPORTLAB[..REPORTLAB.len() / 2], ""),
        (b"", "cannot be read as PDF ("),
    ] {
        match cut(content) {
            Err(told) => assert!(told.starts_with(reason), "{told}"),
            Ok(pieces) => assert!(reason.is_empty(), "{pieces:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_text_of_a_page_is_lost_or_invented(text in "(\\PC{0,50}\n{0,4}|(word ){0,300}){0,12}") {
        let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let pieces = page(7, &tidy(&text));
        prop_assert_eq!(bare(&pieces.iter().map(|piece| piece.text.as_str()).collect::<String>()), bare(&text));
        prop_assert!(pieces.iter().all(|piece| piece.text.chars().count() <= PIECE.end));
    }

    #[test]
    fn a_damaged_document_is_no_end_of_anything(at in 0_usize..2_900, by: u8) {
        let mut damaged = REPORTLAB.to_vec();
        damaged[at] ^= by;
        drop(cut(&damaged));
    }
}
