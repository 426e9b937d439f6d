//! What an analyst is in doubt about, and asks whoever finds things: what is missing, what contradicts, where a source
//! points, and the figure that matters most.

use serde_json::Value;

use super::analysis::{core, differ, order, same_claim};
use super::conversation::Conversation;
use super::material::Finding;
use super::question::Question;
use super::rank::Corpus;
use super::sentences::clean;
use super::words::{Words, numbers};
use super::{asking, dates, research, subjects};

/// How much is asked about what is missing, how many contradictions are objected to, and how many leads are followed.
const MOST_ASKED: usize = 2;
/// How a colleague is asked to look at a figure once more.
const CHECK: &str = "What else is said about this: ";

/// What is to be asked before the findings are weighed; nothing if nobody can be asked.
pub(super) fn calls(
    conversation: &Conversation<'_>,
    question: &Question,
    findings: &[Finding],
    words: &Words,
) -> Vec<asking::Call> {
    let claims: Vec<&str> = findings.iter().map(|finding| finding.claim.as_str()).collect();
    let missing = research::open_parts(question, &claims, words).take(MOST_ASKED);
    let questions = missing.filter_map(|part| asking::question(conversation, &part.text));

    let contradictions = contradictions(findings, words);
    // Each side is objected to, so that it is known of each since when it holds.
    let sides = contradictions.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]);
    let objections = sides.take(MOST_ASKED).filter_map(|(one, other)| {
        let claim = |finding: &Finding| format!("{} ({})", core(finding).trim_end_matches('.'), finding.place());
        let reason = format!("Another source says otherwise: {}", claim(&findings[other]));
        asking::objection(conversation, &claim(&findings[one]), &[reason])
    });

    let places = findings.iter().flat_map(|finding| pointed_to(&finding.claim)).take(MOST_ASKED);
    let leads = places.filter_map(|place| asking::question(conversation, &format!("What does {place} say?")));

    let is_in_doubt = |index: usize| contradictions.iter().any(|(one, other)| *one == index || *other == index);
    let figure = foremost_figure(question, findings, words).filter(|index| !is_in_doubt(*index));
    let check = figure.and_then(|index| {
        let claim = clean(&findings[index].claim);
        asking::question(conversation, &format!("{CHECK}{}", claim.trim_end_matches('.')))
    });
    questions.chain(objections).chain(leads).chain(check).collect()
}

/// Whether what a colleague brought matters for what it was asked, by the arguments of the call.
pub(super) fn settles(asked: &Value, finding: &Finding, words: &Words) -> bool {
    if let Some(claim) = asked["question"].as_str().and_then(|text| text.strip_prefix(CHECK)) {
        return same_claim(&words.stems(claim), &words.stems(&core(finding)));
    }
    let is_objection = asked.get("about").is_some();
    !is_objection || dates::latest(&finding.quote).is_some()
}

/// The finding with a number that says most about the question.
fn foremost_figure(question: &Question, findings: &[Finding], words: &Words) -> Option<usize> {
    let stems: Vec<Vec<String>> = findings.iter().map(|finding| words.stems(&finding.claim)).collect();
    let order = order(&Corpus::new(stems.iter().map(Vec::as_slice)), question, findings);
    order.into_iter().find(|index| !numbers(&findings[*index].claim).is_empty())
}

/// The pairs of findings that say the same of the same with other numbers.
pub(super) fn contradictions(findings: &[Finding], words: &Words) -> Vec<(usize, usize)> {
    let stems: Vec<Vec<String>> = findings.iter().map(|finding| words.stems(&core(finding))).collect();
    let pairs = (0..findings.len()).flat_map(|one| (one + 1..findings.len()).map(move |other| (one, other)));
    pairs
        .filter(|(one, other)| same_claim(&stems[*one], &stems[*other]))
        .filter(|(one, other)| differ(&findings[*one], &findings[*other]))
        .filter(|(one, other)| !subjects::are_different(&core(&findings[*one]), &core(&findings[*other]), words))
        .collect()
}

/// Where a claim says that something is told, by name: `is set out in Annex B`.
fn pointed_to(claim: &str) -> Vec<String> {
    const POINTING: [&str; 14] = [
        "set out in",
        "given in",
        "described in",
        "listed in",
        "recorded in",
        "laid down in",
        "explained in",
        "found in",
        "stated in",
        "documented in",
        "see",
        "siehe",
        "beschrieben in",
        "aufgeführt in",
    ];
    let mut places = Vec::new();
    for pointing in POINTING {
        for (at, _) in claim.match_indices(pointing) {
            let after = &claim[at + pointing.len()..];
            let begins = claim[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
            // A name: words with a capital letter, single letters and numbers among them, or a file's name.
            let name: Vec<&str> = after
                .split_whitespace()
                .skip_while(|word| ["the", "our", "der", "die", "das", "dem"].contains(word))
                .take_while(|word| {
                    word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()) || word.contains('.')
                })
                .take(5)
                .collect();
            let name = name.join(" ").trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
            if begins && after.starts_with(' ') && name.chars().any(char::is_alphabetic) && name.len() > 2 {
                places.push(name);
            }
        }
    }
    places
}
