//! What steps and items are called, after what they do.

use super::super::scene::words_of;

/// `leads` for what is retrieved, `lead` for what is made, else verb and noun.
pub(super) fn id_words(class: &str, noun: &[String], base: &str) -> Vec<String> {
    let noun: Vec<String> = noun.iter().take(3).flat_map(|word| words_of(word)).collect();
    match class {
        "retrieve" => {
            let mut noun = noun;
            if let Some(last) = noun.last_mut()
                && !super::super::phrase::is_plural(last)
            {
                *last = plural(last);
            }
            noun
        }
        "create" => {
            let noun: Vec<String> = noun.iter().map(|word| singular(word)).collect();
            if noun.is_empty() { vec![base.to_owned()] } else { noun }
        }
        _ => std::iter::once(base.to_owned()).chain(noun.iter().map(|word| singular(word))).collect(),
    }
}

fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if word.ends_with(['s', 'x']) || word.ends_with("ch") => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

pub(in super::super) fn singular(word: &str) -> String {
    match word {
        "people" => "person".into(),
        "addresses" => "address".into(),
        "statuses" => "status".into(),
        "boxes" => "box".into(),
        "branches" => "branch".into(),
        _ => match word.strip_suffix("ies") {
            Some(stem) if stem.len() > 2 => format!("{stem}y"),
            _ if super::super::phrase::is_plural(word) => word.strip_suffix('s').unwrap_or(word).to_owned(),
            _ => word.to_owned(),
        },
    }
}
