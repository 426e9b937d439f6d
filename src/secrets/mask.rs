//! Taking secrets out of what comes back from outside: a server that echoes a header, an error that quotes a login.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::SecretName;

/// The fewest characters of a secret that are taken out where a text was cut.
const FEWEST: usize = 4;
/// The longest spelling of one character: `\ud83d\ude00`.
const LONGEST_SPELLING: usize = 12;

/// Knows the secrets that were lent to one call, and takes them out of texts: as they are, in JSON's, a URL's and HTML's
/// escapes, mixed as they may be, in Base64 at whatever place in it, and in hexadecimal. What somebody turns into yet
/// another form cannot be recognised.
#[derive(Clone, Default)]
pub struct Mask {
    known: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    /// What stands in its place.
    shown: String,
    value: SecretString,
    /// Its other forms, which are looked for as they are.
    forms: Vec<SecretString>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.known.iter().map(|known| &known.shown)).finish()
    }
}

impl Mask {
    /// Knows no secret.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows these values, which have no names. One shorter than four characters would be found in what has nothing to do
    /// with it, and is left out.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = SecretString>) -> Self {
        Self::default().and(values)
    }

    /// The same that knows these values, too.
    #[must_use]
    pub fn and(mut self, values: impl IntoIterator<Item = SecretString>) -> Self {
        for value in values.into_iter().filter(|value| value.expose_secret().chars().count() >= FEWEST) {
            self.know("***".to_owned(), &value);
        }
        self
    }

    /// Takes this value out from now on.
    pub(super) fn learn(&mut self, name: &SecretName, value: &SecretString) {
        self.know(format!("[secret {name}]"), value);
    }

    fn know(&mut self, shown: String, value: &SecretString) {
        let forms = forms(value.expose_secret().as_bytes()).into_iter().map(SecretString::from).collect();
        self.known.push(Known { shown, value: value.clone(), forms });
    }

    /// The text without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.hide(text, Cut::No)
    }

    /// A text that was cut at its end: without the beginning of a secret there, too.
    #[must_use]
    pub fn cut(&self, text: &str) -> String {
        self.hide(text, Cut::AtEnd)
    }

    /// The value without secrets in its texts, keys and numbers.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        if self.known.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Number(number) => {
                let text = number.to_string();
                let shown = self.text(&text);
                if shown == text { Value::Number(number) } else { shown.into() }
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (self.text(&key), self.value(value))).collect()
            }
            other => other,
        }
    }

    fn hide(&self, text: &str, cut: Cut) -> String {
        if self.known.is_empty() {
            return text.to_owned();
        }
        let mut begins = [false; 256];
        for byte in self.known.iter().flat_map(Known::first_bytes) {
            begins[usize::from(byte)] = true;
        }
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            // Most of a text begins nothing.
            let skip = text[at..].bytes().position(|byte| begins[usize::from(byte)]).unwrap_or(text.len() - at);
            shown.push_str(&text[at..at + skip]);
            at += skip;
            let Some(next) = text[at..].chars().next() else { break };
            let found = self.known.iter().find_map(|known| Some((known.found_at(&text[at..], cut)?, &known.shown)));
            if let Some((length, mark)) = found {
                shown.push_str(mark);
                at += length;
            } else {
                shown.push(next);
                at += next.len_utf8();
            }
        }
        shown
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    No,
    AtEnd,
}

impl Known {
    /// What it can begin with, in any form.
    fn first_bytes(&self) -> Vec<u8> {
        let all = [&self.value].into_iter().chain(&self.forms);
        all.filter_map(|form| form.expose_secret().bytes().next()).chain(*b"%\\&+").collect()
    }

    /// How many bytes at the beginning of `text` are this secret.
    fn found_at(&self, text: &str, cut: Cut) -> Option<usize> {
        let as_is = |form: &SecretString| {
            let form = form.expose_secret();
            let whole = text.starts_with(form).then_some(form.len());
            whole
                .or_else(|| (cut == Cut::AtEnd && text.len() >= FEWEST && form.starts_with(text)).then_some(text.len()))
        };
        spelt(self.value.expose_secret(), text, cut).or_else(|| self.forms.iter().find_map(as_is))
    }
}

/// How many bytes at the beginning of `text` spell the secret, each of its characters in whatever escape.
fn spelt(secret: &str, text: &str, cut: Cut) -> Option<usize> {
    // Where the spelling of the characters so far may end: an escape can also be read as it stands.
    let mut ends = vec![0];
    for (nth, c) in secret.chars().enumerate() {
        let next: Vec<usize> = ends.iter().flat_map(|end| spellings(c, &text[*end..]).map(move |n| end + n)).collect();
        if next.is_empty() {
            let near_end = |end: &&usize| text.len() - **end < LONGEST_SPELLING;
            let is_cut =
                cut == Cut::AtEnd && nth >= FEWEST && ends.iter().any(|end| near_end(&end) && is_part(&text[*end..]));
            return is_cut.then_some(text.len());
        }
        ends = next;
        ends.dedup();
    }
    ends.into_iter().max()
}

/// Whether nothing is left of a text, or the beginning of an escape.
fn is_part(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['%', '\\', '&'])
}

/// How long each spelling of `c` is that `text` begins with.
fn spellings(c: char, text: &str) -> impl Iterator<Item = usize> {
    let mut found = Vec::new();
    let mut look = |length: usize, is_it: bool| {
        if is_it {
            found.push(length);
        }
    };
    look(c.len_utf8(), text.starts_with(c));
    match text.as_bytes().first() {
        Some(b'%') => {
            let mut bytes = [0; 4];
            let encoded: String =
                c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
            look(encoded.len(), begins(text, &encoded));
        }
        Some(b'+') => look(1, c == ' '),
        Some(b'\\') => {
            let mut units = [0; 2];
            let encoded: String =
                c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            look(encoded.len(), begins(text, &encoded));
            let short = match c {
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                other => other,
            };
            look(1 + short.len_utf8(), text[1..].starts_with(short));
        }
        Some(b'&') => {
            let named = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&apos;",
                _ => "&#0;",
            };
            let number = u32::from(c);
            for encoded in [named, &format!("&#{number};"), &format!("&#0{number};"), &format!("&#x{number:x};")] {
                look(encoded.len(), begins(text, encoded));
            }
        }
        _ => {}
    }
    found.into_iter()
}

fn begins(text: &str, with: &str) -> bool {
    text.as_bytes().get(..with.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(with.as_bytes()))
}

/// A value in Base64, alone and within something else, of which only what does not depend on what stands around it; and
/// in hexadecimal. The longest comes first, so that nothing is left over.
fn forms(value: &[u8]) -> Vec<String> {
    let mut forms: Vec<String> =
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().map(|engine| engine.encode(value)).collect();
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], value].concat();
        // Six bits a character: the first ones may have bits of what comes before, the last one of what comes after.
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            forms.push(encoded.get(from..to).unwrap_or_default().to_owned());
        }
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    forms.push(hex.to_uppercase());
    forms.push(hex);
    forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    forms.retain(|form| form.len() >= FEWEST);
    forms
}
