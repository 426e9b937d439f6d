//! Weighing findings: what answers the question first, what confirms what, what disagrees, what is missing.

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::draft::Draft;
use super::material::{Finding, Handed, question_in};
use super::question::Question;
use super::rank::{Corpus, covered, normalized};
use super::research;
use super::sentences::{clean, sentences};
use super::words::{Words, numbers};
use super::{Move, asking, dates, doubts, subjects};

/// Findings at least this alike tell of the same thing.
const SAME_TOPIC: f64 = 0.25;
/// When this share of the words of one finding is in another, they say the same thing, if their numbers do not differ.
const SAME_CLAIM: f64 = 0.75;
/// Findings at least this alike say the same in the same words, what all findings are about apart.
const SAME_WORDS: f64 = 0.6;
/// Fewer words than this make no claim that could be the same as another.
const FEWEST_WORDS: usize = 3;

/// The next move of an analyst: first whoever finds things is asked about what is in doubt, if anybody can be; then what
/// there is is weighed.
pub(super) fn next(conversation: &Conversation<'_>, handed: &Handed, words: &Words) -> Move {
    let question = Question::new(&question_in(&conversation.input, &conversation.goal), words);
    let findings = asking::all_findings(conversation, handed, |asked, finding| doubts::settles(asked, finding, words));
    if !asking::has_asked(conversation) {
        let calls = doubts::calls(conversation, &question, &findings, words);
        if !calls.is_empty() {
            return Move::Call(calls);
        }
    }
    Move::Finish(analyse(&question, &findings, words))
}

/// What a finding says in the first place: the first sentence of its claim.
pub(super) fn core(finding: &Finding) -> String {
    let claim = clean(&finding.claim);
    sentences(&claim).first().map(|span| claim[span.range.clone()].to_owned()).unwrap_or(claim)
}

/// When a finding was true: by a date in it, else by the latest in what else is known of its source.
fn date_of(finding: &Finding, findings: &[Finding]) -> Option<dates::Date> {
    let file = |finding: &Finding| finding.source.split(':').next().unwrap_or_default().to_owned();
    let others = || findings.iter().filter(|other| file(other) == file(finding));
    dates::latest(&finding.claim).or_else(|| others().filter_map(|other| dates::latest(&other.quote)).max())
}

/// What two findings that contradict each other come to: the newer one if that can be told, else both.
fn contradiction(one: &Finding, other: &Finding, findings: &[Finding]) -> String {
    let (mine, theirs) = (date_of(one, findings), date_of(other, findings));
    let (newer, older) = if theirs > mine { (other, one) } else { (one, other) };
    if mine.is_some() && theirs.is_some() && mine != theirs {
        return format!("{} Superseded: {}", ended(&core(newer)), ended(&core(older)));
    }
    format!("The sources disagree: {}; {}", core(one).trim_end_matches('.'), core(other))
}

fn ended(claim: &str) -> String {
    if claim.ends_with(['.', '!', '?']) { claim.to_owned() } else { format!("{claim}.") }
}

/// Weighs the findings for the question.
fn analyse(question: &Question, findings: &[Finding], words: &Words) -> Draft {
    let stems: Vec<Vec<String>> = findings.iter().map(|finding| words.stems(&finding.claim)).collect();
    let cores: Vec<Vec<String>> = findings.iter().map(|finding| words.stems(&core(finding))).collect();
    let corpus = Corpus::new(stems.iter().map(Vec::as_slice));
    let order = order(&corpus, question, findings);
    let mut points: Vec<Value> = Vec::new();
    let mut used = vec![false; findings.len()];
    for &index in &order {
        if used[index] {
            continue;
        }
        let alike = |other: &usize| {
            !used[*other]
                && *other != index
                && same_claim(&cores[index], &cores[*other])
                && !subjects::are_different(&core(&findings[index]), &core(&findings[*other]), words)
        };
        let same: Vec<usize> = order.iter().copied().filter(alike).collect();
        let differing: Vec<usize> =
            same.iter().copied().filter(|other| differ(&findings[index], &findings[*other])).collect();
        let mut cited = vec![index];
        // Who says it too must say all of it.
        let agrees = |other: &usize| {
            numbers(&core(&findings[index])) == numbers(&core(&findings[*other]))
                && covered(&cores[index], &cores[*other]) >= SAME_CLAIM
                && corpus.likeness(index, *other) >= SAME_WORDS
        };
        cited.extend(same.iter().copied().filter(agrees));
        let mut statement = clean(&findings[index].claim);
        if let Some(other) = differing.first() {
            statement = contradiction(&findings[index], &findings[*other], findings);
            cited.push(*other);
        }
        for index in &cited {
            used[*index] = true;
        }
        let ids: Vec<&str> = cited.iter().map(|index| findings[*index].id.as_str()).collect();
        points.push(json!({ "statement": statement, "claim": statement, "citations": ids }));
    }
    let groups = groups(&corpus, &order, findings, words);
    let claims: Vec<&str> = findings.iter().map(|finding| finding.claim.as_str()).collect();
    let gaps = research::gaps(question, &claims, words);
    let mut text = String::new();
    for point in &points {
        let ids: Vec<&str> = point["citations"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        text += &["- ", point["statement"].as_str().unwrap_or_default(), " [", &ids.join(", "), "]\n"].concat();
    }
    for gap in &gaps {
        text += &["- ", gap, "\n"].concat();
    }
    let all: Vec<Value> = findings.iter().map(|finding| finding.record("")).collect();
    let findings = Value::Array(all);
    Draft::new(
        text,
        [("points", Value::Array(points)), ("groups", groups), ("gaps", json!(gaps)), ("findings", findings)],
    )
}

/// The findings by how much they say about the question and how central they are, those of a topic together.
pub(super) fn order(corpus: &Corpus, question: &Question, findings: &[Finding]) -> Vec<usize> {
    let relevant = normalized(&corpus.bm25(&question.stems));
    let central = normalized(&corpus.centrality());
    let parts: Vec<Vec<f64>> = question.parts.iter().map(|part| normalized(&corpus.bm25(&part.stems))).collect();
    #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 findings")]
    let worth = |index: usize| {
        let answers = question.parts.iter().any(|part| part.is_answered_by(&findings[index].claim));
        let best_part = parts.iter().map(|scores| scores[index]).fold(0.0, f64::max);
        // Findings are handed over with the most important first.
        let early = 1.0 / (1.0 + 0.25 * index as f64);
        relevant[index] + 0.5 * best_part + 0.3 * central[index] + early + if answers { 0.2 } else { 0.0 }
    };
    let mut by_worth: Vec<usize> = (0..findings.len()).collect();
    by_worth.sort_by(|one, other| worth(*other).total_cmp(&worth(*one)).then_with(|| one.cmp(other)));
    let mut order: Vec<usize> = Vec::new();
    for index in by_worth.clone() {
        if order.contains(&index) {
            continue;
        }
        order.push(index);
        order.extend(
            by_worth
                .iter()
                .copied()
                .filter(|other| *other != index && corpus.likeness(index, *other) >= SAME_TOPIC)
                .filter(|other| !order.contains(other))
                .collect::<Vec<_>>(),
        );
    }
    order
}

/// Whether two findings say the same but for their numbers: the words of one are found in the other.
pub(super) fn same_claim(one: &[String], other: &[String]) -> bool {
    let bare = |stems: &[String]| -> Vec<String> {
        stems.iter().filter(|stem| !stem.starts_with(|c: char| c.is_ascii_digit())).cloned().collect()
    };
    let (one, other) = (bare(one), bare(other));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.len() >= FEWEST_WORDS && covered(&short, &long) >= SAME_CLAIM
}

/// Whether two findings that say the same do so with other numbers.
pub(super) fn differ(one: &Finding, other: &Finding) -> bool {
    let file = |finding: &Finding| finding.source.split(':').next().unwrap_or_default().to_owned();
    // One document that gives several numbers gives them of several things.
    if file(one) == file(other) && !file(one).is_empty() {
        return false;
    }
    let (one, other) = (core(one), core(other));
    // A date tells when it was said or happened; it is compared only where nothing else is.
    let measured = (dates::figures_besides(&one), dates::figures_besides(&other));
    let is_dated_only = measured.0.is_empty() && measured.1.is_empty();
    let (one, other) = if is_dated_only { (numbers(&one), numbers(&other)) } else { measured };
    let lacks = |some: &[String], others: &[String]| some.iter().any(|number| !others.contains(number));
    !one.is_empty() && one.len() == other.len() && lacks(&one, &other)
}

/// The findings by topic, each topic named by the words that its findings share.
fn groups(corpus: &Corpus, order: &[usize], findings: &[Finding], words: &Words) -> Value {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &index in order {
        let home =
            groups.iter_mut().find(|group| group.iter().any(|other| corpus.likeness(index, *other) >= SAME_TOPIC));
        match home {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let named = groups.iter().map(|group| {
        let terms = words.terms(&findings[group[0]].claim);
        let mut shared: Vec<(f64, &str)> = terms
            .iter()
            .map(|(word, stem)| {
                let others = group.iter().skip(1).filter(|other| words.stems(&findings[**other].claim).contains(stem));
                #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 findings")]
                let count = others.count() as f64;
                (count + corpus.rarity(stem) / 10.0, *word)
            })
            .collect();
        shared.sort_by(|one, other| other.0.total_cmp(&one.0));
        shared.dedup_by(|one, other| one.1.eq_ignore_ascii_case(other.1));
        let topic: Vec<&str> = shared.iter().take(3).map(|(_, word)| *word).collect();
        let ids: Vec<&str> = group.iter().map(|index| findings[*index].id.as_str()).collect();
        json!({ "topic": topic.join(", "), "citations": ids })
    });
    named.collect()
}
