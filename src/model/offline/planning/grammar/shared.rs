//! What parts of a sentence share: verbs and things that are not said again, and what is done for each.

use super::super::phrase::Phrase;
use super::{Deed, Part, plain};

/// `have the invoices in a mail`: they are retrieved, and a mail is sent.
pub(super) fn deliver(parts: &mut Vec<Part>) {
    let mut at = 0;
    while at < parts.len() {
        if let Part::Do(deed) = &parts[at]
            && let Some([first, send]) = plain::delivered(deed)
        {
            let tells = matches!(&first, Part::Do(first) if plain::only_tells(first));
            let instead = if tells { vec![send] } else { vec![first, send] };
            parts.splice(at..=at, instead);
        }
        at += 1;
    }
}

/// What is done for each of something, wherever that is told.
pub(super) fn tell_each(found: &mut Vec<Part>) {
    // `send each customer a message`: for each customer.
    let mut at = 0;
    while at < found.len() {
        if let Part::Do(deed) = &mut found[at]
            && let [phrase] = deed.objects.as_mut_slice()
            && let Some((_, place)) = phrase.places.iter_mut().find(|(_, place)| place.each && !place.words.is_empty())
            && !phrase.each
        {
            let each = place.clone();
            // What it is done with is one of them.
            (place.each, place.all, place.plural) = (false, false, false);
            found.insert(at + 1, Part::Each(each));
            at += 1;
        }
        at += 1;
    }
    // `take every file, …`: for each of them.
    for at in 0..found.len().saturating_sub(1) {
        let Part::Do(deed) = &found[at] else { continue };
        if let ([verb], [phrase]) = (deed.verbs.as_slice(), deed.objects.as_slice())
            && verb.class.as_deref() == Some("retrieve")
            && phrase.each
            && found[at + 1..].iter().any(|part| matches!(part, Part::Do(_) | Part::If(_)))
        {
            found[at] = Part::Each(phrase.clone());
        }
    }
}

/// `get the users and then the groups`, `delete it from Box and also from Drive`: what is not said again is as before.
pub(super) fn take_over(parts: &mut [Part]) {
    let mut before: Option<Deed> = None;
    for part in parts {
        let Part::Do(deed) = part else {
            if matches!(
                part,
                Part::If(_) | Part::Otherwise | Part::Not(_) | Part::InsteadOf(_) | Part::Instead | Part::Except(_)
            ) {
                before = None;
            }
            continue;
        };
        if let Some(before) = before.as_ref().filter(|_| deed.verbs.is_empty()) {
            let places_only = !deed.objects.is_empty()
                && deed
                    .objects
                    .iter()
                    .all(|phrase| phrase.words.is_empty() && !phrase.pronoun && !phrase.places.is_empty());
            let indefinite =
                deed.all_words.first().is_some_and(|word| matches!(word.lower.as_str(), "a" | "an" | "another"));
            let class = before.verb().and_then(|verb| verb.class.as_deref()).unwrap_or_default();
            let made_anew = matches!(class, "create" | "send" | "") || (indefinite && class == "retrieve");
            if places_only {
                let place = deed.objects[0].places.clone();
                deed.objects =
                    before.objects.iter().map(|phrase| Phrase { places: place.clone(), ..phrase.clone() }).collect();
                deed.verbs.clone_from(&before.verbs);
            } else if !(made_anew || deed.objects.is_empty()) {
                deed.verbs.clone_from(&before.verbs);
            }
        }
        before = (!deed.verbs.is_empty()).then(|| deed.clone());
    }
}

/// `retrieve and delete the folder`: both the folder.
pub(super) fn share_objects(parts: &mut Vec<Part>) {
    let mut at = 0;
    while at + 1 < parts.len() {
        let merged = match (&parts[at], &parts[at + 1]) {
            (Part::Do(one), Part::Do(other))
                if one.objects.is_empty()
                    && one.verbs.iter().all(|verb| verb.class.is_some())
                    && !other.verbs.is_empty()
                    && !other.objects.is_empty() =>
            {
                let verbs = one.verbs.iter().chain(&other.verbs).cloned().collect();
                Some(Part::Do(Deed { verbs, said: format!("{} and {}", one.said, other.said), ..other.clone() }))
            }
            _ => None,
        };
        match merged {
            Some(merged) => {
                parts[at] = merged;
                parts.remove(at + 1);
            }
            None => at += 1,
        }
    }
}
