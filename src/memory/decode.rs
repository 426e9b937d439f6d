//! Files as text: what a byte order mark says, else UTF-8, else the encoding that its bytes look like.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

/// The text of a file, of which `declared` is what it is said to be encoded in. Positions in a document are positions in
/// this; for a file in UTF-8 they are those in the file.
///
/// # Errors
/// Why the file is no text.
pub(crate) fn decode<'a>(content: &'a [u8], declared: Option<&'static Encoding>) -> Result<Cow<'a, str>, String> {
    if let Ok(text) = std::str::from_utf8(content) {
        return if content.contains(&0) { Err(binary(0)) } else { Ok(Cow::Borrowed(text)) };
    }
    if let Some((encoding, mark)) = Encoding::for_bom(content) {
        return read(encoding, &content[mark..])
            .ok_or_else(|| format!("is not the {} text that its first bytes say", encoding.name()));
    }
    if let Some(control) = content.iter().find(|byte| !stands_in_text(char::from(**byte)) && byte.is_ascii()) {
        return Err(binary(*control));
    }
    if let Some(text) = declared.and_then(|declared| read(declared, content)) {
        return Ok(text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(content, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    read(encoding, content)
        .ok_or_else(|| format!("is neither UTF-8 nor {} text, which it looks most like", encoding.name()))
}

fn read<'a>(encoding: &'static Encoding, content: &'a [u8]) -> Option<Cow<'a, str>> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(content)?;
    text.chars().all(stands_in_text).then_some(text)
}

/// What a file of text holds: no control characters but those that terminals and printers know.
fn stands_in_text(c: char) -> bool {
    !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{8}' | '\u{b}' | '\u{c}' | '\u{1a}' | '\u{1b}' | '\u{85}')
}

fn binary(byte: u8) -> String {
    format!("is not text (it holds the byte 0x{byte:02x})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_says_what_a_file_is() {
        let text = "Größe: 12 €\nzweite Zeile\n";
        assert_eq!(decode(&utf_16(text, u16::to_le_bytes), None).unwrap(), text);
        assert_eq!(decode(&utf_16(text, u16::to_be_bytes), None).unwrap(), text);
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes(), None).unwrap(), format!("\u{feff}{text}"));
        assert_eq!(
            decode(b"\xff\xfe\x00\xd8A\x00", None).unwrap_err(),
            "is not the UTF-16LE text that its first bytes say"
        );
        assert_eq!(decode(b"\xef\xbb\xbf\xff", None).unwrap_err(), "is not the UTF-8 text that its first bytes say");
    }

    #[test]
    fn texts_that_are_not_utf_8_are_read_by_what_they_look_like() {
        for (encoding, text) in [
            (encoding_rs::WINDOWS_1252, "Les élèves ont payé 12 € – “à bientôt”, répondit l’hôte."),
            (encoding_rs::WINDOWS_1252, "Die Größe der Tür übersteigt das Maß für Räume."),
            (encoding_rs::WINDOWS_1251, "Это обычный русский текст о погоде и о природе."),
            (encoding_rs::SHIFT_JIS, "これは日本語の文章です。天気がいいですね。"),
        ] {
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy);
            assert_eq!(decode(&bytes, None).unwrap(), text);
        }
        assert_eq!(decode(b"Gr\xfc\xdfe", None).unwrap(), "Grüße");
        assert_eq!(decode(b"caf\xe9", None).unwrap(), "café");
    }

    #[test]
    fn what_a_server_says_is_believed_of_what_is_not_utf_8() {
        let (bytes, _, _) = encoding_rs::ISO_8859_7.encode("Ώρα");
        assert_eq!(decode(&bytes, Some(encoding_rs::ISO_8859_7)).unwrap(), "Ώρα");
        assert_eq!(decode("Größe".as_bytes(), Some(encoding_rs::WINDOWS_1252)).unwrap(), "Größe");
    }

    #[test]
    fn what_is_no_text_says_why() {
        assert_eq!(decode(&[0x89, b'P', b'N', b'G', 0, 1], None).unwrap_err(), "is not text (it holds the byte 0x00)");
        assert_eq!(decode(b"plain\0text", None).unwrap_err(), "is not text (it holds the byte 0x00)");
        assert_eq!(
            decode(&[0x1f, 0x8b, 8, 8, 0xff, 0xfe, 3], None).unwrap_err(),
            "is not text (it holds the byte 0x1f)"
        );
        assert_eq!(decode(b"", None).unwrap(), "");
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_stumble(content: Vec<u8>) {
            if let Ok(text) = decode(&content, None) {
                proptest::prop_assert!(!text.contains('\0'));
            }
        }

        #[test]
        fn utf_8_stays_as_it_is(text in "[^\0]*") {
            proptest::prop_assert_eq!(decode(text.as_bytes(), None).unwrap(), text.as_str());
        }
    }
}
