//! Everyday words that mean about the same, so that an answer is found that is put differently from the question.
//!
//! These are words of general language, as any small thesaurus has them. They name no subject.

use super::words::Words;

/// Words that can stand for each other, a group a row, each with the forms that the stemmer does not bring together.
const ALIKE: &str = "\
delete remove erase wipe discard deletion removal
lose lost loss
keep kept retain preserve
start begin launch beginning began
end stop finish terminate expire
change alter modify amend alteration
build make create produce construct built
buy purchase acquire bought
sell sold sale
pay paid payment fee
cost price charge expense overhead
cheap inexpensive
show display present
see look view
read inspect examine scan
check verify test validate
send sent transmit deliver dispatch
receive get obtain
use employ utilize
allow permit permission
forbid prohibit ban disallow forbidden
refuse reject deny decline
need require requirement
help support assist
try attempt
choose select pick chosen
find locate found
search lookup seek
fast quick rapid speed
slow sluggish delay wait
big large size
small little tiny
error fault failure mistake defect
broken damaged corrupt
repair fix mend recover restore
busy overload load stress
famous popular known
author writer inventor creator
boss leader head chief manager
worker employee staff
customer client buyer
owner holder proprietor
supplier vendor provider
contract agreement
rent lease let
law statute regulation
sue lawsuit litigation
promise offer guarantee warranty
licence license
rule policy regulation
text content body wording
mail message email letter
picture image photo
page document
file document
folder directory
disk disc drive storage
machine computer host
user account
password passphrase
program software application
network connection link
setting option parameter
limit maximum cap
least minimum
default standard usual normal
reason cause purpose
aim goal intent
result outcome effect
danger risk hazard
safe secure
illness sickness disease
doctor physician
holiday vacation leave
journey trip travel
car vehicle automobile
house building home
school university college
money fund cash
profit gain earnings
join merge combine unite
split divide separate
copy duplicate replicate
move transfer migrate
hide conceal
open reopen
close shut
turn switch enable activate
often frequent regularly
rare seldom
answer reply respond response
question inquiry query
meeting conference
decide decision
vote ballot poll
elect election
kaufen erwerben
kosten preis gebühr
löschen entfernen
beginnen anfangen
enden aufhören
ändern anpassen
kunde auftraggeber
vertrag vereinbarung
fehler störung ausfall
";

/// Words in groups of those that mean about the same.
pub(super) struct Thesaurus {
    /// Each stem with the number of a group that it is in.
    groups: Vec<(String, usize)>,
}

impl Thesaurus {
    /// Of words with the stems that `words` makes.
    pub(super) fn of(words: &Words) -> Self {
        let mut groups: Vec<(String, usize)> = Vec::new();
        for (number, row) in ALIKE.lines().enumerate() {
            groups.extend(words.stems(row).into_iter().map(|stem| (stem, number)));
        }
        groups.sort_unstable();
        groups.dedup();
        Self { groups }
    }

    fn groups_of<'a>(&'a self, stem: &'a str) -> impl Iterator<Item = usize> + 'a {
        let from = self.groups.partition_point(|(other, _)| other.as_str() < stem);
        self.groups[from..].iter().take_while(move |(other, _)| other == stem).map(|(_, group)| *group)
    }

    /// Stems together with a name for what each means, which all have in common that mean about the same.
    pub(super) fn with_meanings(&self, stems: &[String]) -> Vec<String> {
        let meanings = stems.iter().flat_map(|stem| self.groups_of(stem)).map(|group| format!("≈{group}"));
        stems.iter().cloned().chain(meanings).collect()
    }

    /// The words that mean about the same as a stem and are put otherwise.
    pub(super) fn others(&self, stem: &str, words: &Words) -> Vec<&'static str> {
        let rows = self.groups_of(stem).filter_map(|group| ALIKE.lines().nth(group));
        let others = rows.flat_map(str::split_whitespace);
        others.filter(|other| words.stems(other).first().is_some_and(|other| other != stem)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Thesaurus;
    use crate::model::offline::words::Words;

    #[test]
    fn what_means_the_same_is_known_in_every_form() {
        let words = Words::of("the cost of it");
        let thesaurus = Thesaurus::of(&words);
        let meant =
            |text: &str| thesaurus.with_meanings(&words.stems(text)).into_iter().filter(|stem| stem.starts_with('≈'));
        assert!(meant("deleted").eq(meant("wiping")));
        assert!(meant("zebra").next().is_none());
        assert!(thesaurus.others(&words.stems("prices")[0], &words).contains(&"cost"));
    }
}
