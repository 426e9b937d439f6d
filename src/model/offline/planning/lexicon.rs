//! What is known of English, read once from `lexicon.toml`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use serde::Deserialize;

/// The lexicon, read once. It is part of the program, and a test reads it: if it could not be read, all sets would be empty.
pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let written: Written = toml::from_str(include_str!("lexicon.toml")).unwrap_or_default();
    Lexicon::of(written)
});

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// The stem of a word in lower case.
pub(super) fn stem(word: &str) -> String {
    match word {
        // What the algorithm does not bring together.
        "people" | "persons" => "person".into(),
        "statuses" | "status" => "status".into(),
        "addresses" | "address" => "address".into(),
        "data" => "data".into(),
        "repositories" => "repository".into(),
        "organisation" | "organisations" => "organ".into(),
        "news" => "news".into(),
        _ => STEMMER.stem(word).into_owned(),
    }
}

/// A phrase that joins, orders or qualifies clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Marker {
    And,
    Or,
    Then,
    Last,
    First,
    BeforeThat,
    Before,
    Between,
    After,
    If,
    Unless,
    When,
    Otherwise,
    ForEach,
    InsteadOf,
    Instead,
    But,
    Not,
    Also,
    Except,
    Parallel,
    InLoop,
    AfterLoop,
    Because,
    Filler,
}

/// How a verb is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `create`
    Base,
    /// `creates`
    Third,
    /// `creating`
    Gerund,
    /// `created`
    Past,
    /// `creation`
    Noun,
}

/// A verb: its base, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verb {
    /// In its base form, as far as known.
    pub(super) base: String,
    /// What it comes to: a class that tools are looked for by, if it is no work of heads.
    pub(super) class: Option<Cow<'static, str>>,
    /// The role whose work it is otherwise.
    pub(super) role: Option<&'static str>,
    pub(super) form: Form,
}

#[derive(Debug, Default, Deserialize)]
struct Written {
    verbs: BTreeMap<String, String>,
    roles: BTreeMap<String, String>,
    people: BTreeMap<String, String>,
    edits: BTreeMap<String, String>,
    fits: BTreeMap<String, BTreeMap<String, f64>>,
    implied: HashMap<String, String>,
    nominal: HashMap<String, String>,
    words: BTreeMap<String, String>,
    opposites: HashMap<String, String>,
    numbers: HashMap<String, u32>,
    around: BTreeMap<String, String>,
    joined: HashMap<String, String>,
    markers: BTreeMap<Marker, Vec<String>>,
    alike: Vec<Alike>,
    spelled: HashMap<String, String>,
    services: HashMap<String, String>,
    common: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Alike {
    words: String,
    weight: f64,
}

/// What a phrase becomes.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    Marker(Marker),
    Word(String),
}

#[derive(Debug, Default)]
pub(super) struct Lexicon {
    /// By base form.
    classes: HashMap<String, Vec<String>>,
    roles: HashMap<String, &'static str>,
    people: HashSet<String>,
    /// Verbs that speak of the workflow, by what they do to it.
    edits: HashMap<String, Vec<String>>,
    /// Base forms by stem.
    bases: HashMap<String, String>,
    nominal: HashMap<String, String>,
    fits: BTreeMap<String, BTreeMap<String, f64>>,
    implied: HashMap<String, String>,
    words: HashMap<String, HashSet<String>>,
    /// By stem, both ways.
    opposites: HashMap<String, String>,
    numbers: HashMap<String, u32>,
    /// By first word; the longest first.
    phrases: HashMap<String, Vec<(Vec<String>, Meaning)>>,
    /// By stem: the groups that it is in.
    groups: HashMap<String, Vec<(usize, f64)>>,
    /// What stands before and after somebody, and the verb that it comes to.
    around: Vec<(Vec<String>, Vec<String>, String)>,
    spelled: HashMap<String, Vec<String>>,
    services: HashMap<String, String>,
    common: HashSet<String>,
    /// Every word that is in the data, in any place, by stem.
    known: HashMap<String, String>,
}

/// The roles that there always are.
const ROLES: [&str; 4] = ["research", "analysis", "implementation", "qa"];

impl Lexicon {
    fn of(written: Written) -> Self {
        let mut lexicon = Self {
            nominal: written.nominal,
            fits: written.fits,
            implied: written.implied,
            numbers: written.numbers,
            services: written.services,
            ..Self::default()
        };
        let mut bases = Vec::new();
        for (class, verbs) in &written.verbs {
            for verb in verbs.split_whitespace() {
                lexicon.classes.entry(verb.to_owned()).or_default().push(class.clone());
                bases.push(verb);
            }
        }
        for role in ROLES {
            for verb in written.roles.get(role).into_iter().flat_map(|verbs| verbs.split_whitespace()) {
                lexicon.roles.insert(verb.to_owned(), role);
                bases.push(verb);
            }
        }
        for verb in written.people.values().flat_map(|verbs| verbs.split_whitespace()) {
            lexicon.people.insert(verb.to_owned());
            bases.push(verb);
        }
        for (kind, verbs) in &written.edits {
            for verb in verbs.split_whitespace() {
                lexicon.edits.entry(verb.to_owned()).or_default().push(kind.clone());
                bases.push(verb);
            }
        }
        for base in bases {
            lexicon.bases.entry(stem(base)).or_insert_with(|| base.to_owned());
        }
        let set = |words: &String| words.split_whitespace().map(str::to_owned).collect::<HashSet<_>>();
        lexicon.words = written.words.iter().map(|(name, words)| (name.clone(), set(words))).collect();
        lexicon.common = written.common.values().flat_map(set).collect();
        lexicon.spelled = written
            .spelled
            .iter()
            .map(|(short, long)| (short.clone(), long.split_whitespace().map(str::to_owned).collect()))
            .collect();
        for (group, alike) in written.alike.iter().enumerate() {
            for word in alike.words.split_whitespace() {
                lexicon.groups.entry(stem(word)).or_default().push((group, alike.weight));
            }
        }
        for (one, other) in &written.opposites {
            lexicon.opposites.entry(stem(one)).or_insert_with(|| stem(other));
            lexicon.opposites.entry(stem(other)).or_insert_with(|| stem(one));
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let around = written.around.iter().filter_map(|(said, verb)| said.split_once('…').map(|said| (said, verb)));
        lexicon.around = around.map(|((before, after), verb)| (words(before), words(after), verb.clone())).collect();
        let markers = written
            .markers
            .iter()
            .flat_map(|(marker, phrases)| phrases.iter().map(|phrase| (phrase.clone(), Meaning::Marker(*marker))));
        let joined = written.joined.iter().map(|(phrase, word)| (phrase.clone(), Meaning::Word(word.clone())));
        for (phrase, meaning) in markers.chain(joined) {
            let words: Vec<String> = phrase.split_whitespace().map(str::to_owned).collect();
            let Some(first) = words.first().cloned() else { continue };
            lexicon.phrases.entry(first).or_default().push((words, meaning));
        }
        let listed = [&written.words, &written.verbs, &written.roles, &written.people, &written.edits, &written.common];
        let listed =
            listed.into_iter().flat_map(BTreeMap::values).chain(written.alike.iter().map(|alike| &alike.words));
        let mut known: Vec<String> = listed.flat_map(set).collect();
        known.extend(lexicon.numbers.keys().chain(lexicon.spelled.keys()).chain(lexicon.nominal.keys()).cloned());
        known.extend(lexicon.phrases.values().flatten().flat_map(|(words, _)| words.iter().cloned()));
        known.extend(lexicon.services.iter().flat_map(|(one, other)| [one, other]).flat_map(set));
        lexicon.known = known.into_iter().map(|word| (stem(&word), word)).collect();
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        }
        lexicon
    }

    /// True if anything is known of a word in lower case.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.known.contains_key(&stem(word)) || self.verb(word).is_some()
    }

    /// Every word of the data.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(String::as_str)
    }

    /// All verbs in their base form.
    pub(super) fn verbs(&self) -> impl Iterator<Item = &str> {
        self.bases.values().map(String::as_str)
    }

    /// True if a word in lower case is in one of the sets of `[words]`.
    pub(super) fn is(&self, set: &str, word: &str) -> bool {
        self.words.get(set).is_some_and(|words| words.contains(word))
    }

    /// Words with the phrases among them that make one word, as requests are read.
    pub(super) fn joined(&self, words: &[String]) -> Vec<String> {
        let mut joined = Vec::with_capacity(words.len());
        let mut rest = words;
        while let Some(first) = rest.first() {
            let phrase = self.phrases(first).iter().find_map(|(phrase, meaning)| match meaning {
                Meaning::Word(word) if phrase.len() > 1 && rest.starts_with(phrase) => Some((phrase.len(), word)),
                _ => None,
            });
            let (length, word) = phrase.unwrap_or((1, first));
            joined.push(word.clone());
            rest = &rest[length..];
        }
        joined
    }

    /// The phrases that begin with a word, the longest first.
    pub(super) fn phrases(&self, first: &str) -> &[(Vec<String>, Meaning)] {
        self.phrases.get(first).map_or(&[], Vec::as_slice)
    }

    /// The verb that a word in lower case may be a form of.
    pub(super) fn verb(&self, word: &str) -> Option<Verb> {
        if let Some(base) = self.nominal.get(word) {
            return Some(self.verb_of(base, Form::Noun));
        }
        if self.is_base(word) {
            return Some(self.verb_of(word, Form::Base));
        }
        let form = if word.ends_with("ing") {
            Form::Gerund
        } else if word.ends_with("ed")
            || matches!(word, "sent" | "got" | "found" | "made" | "wrote" | "written" | "built" | "left")
        {
            Form::Past
        } else if word.ends_with('s') && !word.ends_with("ss") {
            Form::Third
        } else {
            return None;
        };
        let irregular = match word {
            "sent" => Some("send"),
            "got" => Some("get"),
            "found" => Some("find"),
            "made" => Some("make"),
            "wrote" | "written" => Some("write"),
            "built" => Some("build"),
            "left" => Some("leave"),
            _ => None,
        };
        // `added`: what the stemmer takes for `ad`.
        let cut = || ["ed", "ing"].iter().filter_map(|end| word.strip_suffix(end)).find(|base| self.is_base(base));
        let base = irregular.or_else(|| self.bases.get(&stem(word)).map(String::as_str)).or_else(cut)?;
        Some(self.verb_of(base, form))
    }

    fn is_base(&self, word: &str) -> bool {
        self.classes.contains_key(word)
            || self.roles.contains_key(word)
            || self.people.contains(word)
            || self.edits.contains_key(word)
    }

    fn verb_of(&self, base: &str, form: Form) -> Verb {
        let classes = self.classes.get(base).map_or(&[][..], Vec::as_slice);
        // A class of the verb's own name is more exact than a general one.
        let class = classes.iter().find(|class| *class == base).or_else(|| classes.first());
        let class = class.map(|class| Cow::Owned(class.clone()));
        Verb { base: base.to_owned(), class, role: self.roles.get(base).copied(), form }
    }

    /// All that a verb may come to.
    pub(super) fn classes(&self, base: &str) -> &[String] {
        self.classes.get(base).map_or(&[], Vec::as_slice)
    }

    /// True if a verb may speak of the workflow, in this way.
    pub(super) fn edits(&self, kind: &str, base: &str) -> bool {
        self.edits.get(base).is_some_and(|kinds| kinds.iter().any(|known| known == kind))
    }

    /// How well a tool of one class does for a verb of another, from 0 to 1.
    pub(super) fn fit(&self, wanted: &str, tool: &str) -> f64 {
        let listed = self.fits.get(wanted).and_then(|fits| fits.get(tool)).copied();
        listed.unwrap_or(if wanted == tool { 1.0 } else { 0.0 })
    }

    /// The noun that a verb names by itself.
    pub(super) fn implied(&self, base: &str) -> Option<&str> {
        self.implied.get(base).map(String::as_str)
    }

    /// How far two stems mean the same, from 0 to 1.
    pub(super) fn alike(&self, one: &str, other: &str) -> f64 {
        if one == other {
            return 1.0;
        }
        let (Some(ones), Some(others)) = (self.groups.get(one), self.groups.get(other)) else { return 0.0 };
        let common = ones.iter().filter(|(group, _)| others.iter().any(|(other, _)| group == other));
        common.map(|(_, weight)| *weight).fold(0.0, f64::max)
    }

    /// The stem of what holds where this does not.
    pub(super) fn opposite(&self, stem: &str) -> Option<&String> {
        self.opposites.get(stem)
    }

    /// The number that a word names.
    pub(super) fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// What is said before and after somebody, and the verb that it comes to.
    pub(super) fn around(&self) -> &[(Vec<String>, Vec<String>, String)] {
        &self.around
    }

    /// The words that an abbreviation stands for.
    pub(super) fn spelled(&self, word: &str) -> Option<&[String]> {
        self.spelled.get(word).map(Vec::as_slice)
    }

    /// What a service or its maker is also called.
    pub(super) fn services(&self) -> impl Iterator<Item = (&str, &str)> {
        self.services.iter().map(|(other, name)| (other.as_str(), name.as_str()))
    }

    /// True for a verb of work that is a person's.
    pub(super) fn is_for_people(&self, base: &str) -> bool {
        self.people.contains(base)
    }

    /// True for words that do not mean a service, although they are in its name.
    pub(super) fn is_common(&self, word: &str) -> bool {
        self.common.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_read_whole() {
        toml::from_str::<Written>(include_str!("lexicon.toml")).unwrap();
    }
}
