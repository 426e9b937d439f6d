//! Which tools do what another one does.

use super::Card;
use super::cards::{Cards, Wanted};
use super::retrieval::verb;

/// The places of the tools that do the same as `tool`, to things that are called the same, the likeliest first.
#[must_use]
pub fn same_work(tool: &str, tools: &[Card]) -> Vec<usize> {
    let cards = Cards::new(tools.iter());
    let facts = cards.facts_of(tool);
    let Some(object) = facts.objects.last() else { return Vec::new() };
    let wanted = Wanted { verb: Some(verb(&facts.base)), object: object.clone(), ..Wanted::default() };
    let ranked = cards.rank(&wanted).into_iter().map(|found| found.card);
    let is_same = |card: &usize| {
        let other = cards.facts(*card);
        let is_about_it = other.objects.iter().any(|object| facts.objects.contains(object));
        tools[*card].name != tool && other.class == facts.class && is_about_it
    };
    ranked.filter(is_same).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Effect;

    #[test]
    fn what_does_the_same_to_the_same_is_found_and_nothing_else() {
        let card = |(name, description): (&str, &str)| Card::of(name, description, Effect::Read, None, None);
        let tools = [
            ("github.list_issues", "Lists the issues of a repository."),
            ("github.close_issue", "Closes an issue."),
            ("gitlab.list_issues", "Lists the issues of a project."),
            ("gitlab.list_merges", "Lists the merge requests of a project."),
            ("mail.send", "Sends a mail."),
            ("post.send_mail", "Sends a mail by post."),
        ]
        .map(card);
        let others = |tool: &str| -> Vec<&str> {
            same_work(tool, &tools).into_iter().map(|at| tools[at].name.as_str()).collect()
        };
        assert_eq!(others("github.list_issues"), ["gitlab.list_issues"]);
        assert_eq!(others("mail.send"), ["post.send_mail"]);
        assert_eq!(others("github.close_issue"), [""; 0]);
        assert_eq!(others("weather.get"), [""; 0]);
    }
}
