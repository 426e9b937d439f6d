//! What a request that was not recorded differs in from the one that comes nearest to it.

use serde_json::Value;

use super::cassette::Cassette;

/// How many differences are told.
const MOST_TOLD: usize = 3;

/// How much of a value is told.
const LONGEST_TOLD: usize = 80;

/// One difference: where, what was recorded, and what is asked.
type Difference<'a> = (String, Option<&'a Value>, Option<&'a Value>);

/// A sentence or two about the nearest cassette.
pub(super) fn told<'a>(asked: &Cassette, recorded: impl Iterator<Item = &'a Cassette>) -> String {
    let compared = recorded.map(|cassette| {
        let mut differences = Vec::new();
        compare("", Some(cassette.request()), Some(asked.request()), &mut differences);
        (differences, cassette)
    });
    // Of two that are as near, always the same one.
    let Some((differences, nearest)) =
        compared.min_by_key(|(differences, cassette)| (differences.len(), cassette.hash().to_owned()))
    else {
        return "There is none.".to_owned();
    };
    let shown = differences
        .iter()
        .take(MOST_TOLD)
        .map(|(place, was, is)| format!("{} was {} and is {}", place.trim_start_matches('.'), shown(*was), shown(*is)));
    let shown = shown.collect::<Vec<_>>().join("; ");
    let more = match differences.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("The nearest, {}, differs in {} places: {shown}{more}.", nearest.file_name(), differences.len())
}

fn compare<'a>(place: &str, was: Option<&'a Value>, is: Option<&'a Value>, found: &mut Vec<Difference<'a>>) {
    match (was, is) {
        (Some(Value::Object(was)), Some(Value::Object(is))) => {
            for (key, value) in was {
                compare(&format!("{place}.{key}"), Some(value), is.get(key), found);
            }
            for (key, value) in is.iter().filter(|(key, _)| !was.contains_key(*key)) {
                compare(&format!("{place}.{key}"), None, Some(value), found);
            }
        }
        (Some(Value::Array(was)), Some(Value::Array(is))) => {
            for at in 0..was.len().max(is.len()) {
                compare(&format!("{place}[{at}]"), was.get(at), is.get(at), found);
            }
        }
        _ if was == is => {}
        _ => found.push((place.to_owned(), was, is)),
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_TOLD) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
