//! Words, their stems, and which of them carry meaning.

use rust_stemmers::{Algorithm, Stemmer};

/// A language whose function words and stems are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    English,
    German,
    French,
    Spanish,
}

const LANGUAGES: [(Language, Algorithm, &str); 4] = [
    (
        Language::English,
        Algorithm::English,
        "a about above across after again against all almost along already also although always am among an and any are \
         around as at away be because been before being below between both but by can cannot could did do does doing done \
         down during each either else ever every few for from further get gets got had has have having he her here hers \
         him his how however i if in into is it its itself just less let like made make makes many may me might more most \
         much must my neither no nor not now of off often on once one only or other our out over own per quite rather same \
         say says she should since so some such than that the their them then there these they this those though through \
         thus to too under until up upon us very was we well were what when where whether which while who whom whose why \
         will with within without would yet you your",
    ),
    (
        Language::German,
        Algorithm::German,
        "aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bist da dabei \
         damit dann das dass dein dem den denn der des dessen die dies diese diesem diesen dieser dieses doch dort du durch \
         ein eine einem einen einer eines er es etwas euch für gegen gewesen hab habe haben hat hatte hatten hier hinter \
         ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes jene jetzt kann kein \
         keine keinem keinen keiner können könnte machen man mehr mein mit muss müssen nach nicht nichts noch nun nur ob \
         oder ohne sehr sein seine seinem seinen seiner sich sie sind so solche soll sollte sondern über um und uns unser \
         unter vom von vor während war waren warum was weg weil wenn wer werde werden wie wieder will wir wird wo wurde \
         wurden zu zum zur zwischen",
    ),
    (
        Language::French,
        Algorithm::French,
        "à au aux avec ce ces cette dans de des du elle elles en est et été être eu il ils je la le les leur leurs lui ma \
         mais me même mes moi mon ne nos notre nous on ont ou où par pas plus pour qu que quel quelle qui quoi sa sans se \
         ses si son sont sur ta te tes toi ton tu un une vos votre vous y",
    ),
    (
        Language::Spanish,
        Algorithm::Spanish,
        "al algo ante como con cual cuando de del desde donde el ella ellas ellos en entre era es esa ese eso esta este \
         esto fue ha han hasta hay la las le les lo los más me mi muy ni no nos o para pero por porque qué que quien se ser \
         si sin sobre son su sus también te tiene un una uno y ya yo",
    ),
];

/// Takes text apart into the words that carry its meaning.
pub(super) struct Words {
    stemmer: Stemmer,
    function_words: Vec<&'static str>,
}

impl Words {
    /// For text in the language that `sample` is in; English if that cannot be told.
    pub(super) fn of(sample: &str) -> Self {
        // The beginning of a long text tells its language as well as the whole.
        let sample: Vec<String> = tokens(sample).take(2000).map(|token| token.text).collect();
        let count = |words: &str| {
            let words: Vec<&str> = words.split_whitespace().collect();
            sample.iter().filter(|token| words.contains(&token.as_str())).count()
        };
        let mut best = (LANGUAGES[0].1, LANGUAGES[0].2);
        let mut most = count(best.1);
        for (language, algorithm, words) in LANGUAGES {
            let found = count(words);
            if language != Language::English && found > most {
                (best, most) = ((algorithm, words), found);
            }
        }
        let mut function_words: Vec<_> = best.1.split_whitespace().collect();
        function_words.sort_unstable();
        Self { stemmer: Stemmer::create(best.0), function_words }
    }

    /// The stems of the words that carry meaning, in order, with repetitions.
    pub(super) fn stems(&self, text: &str) -> Vec<String> {
        self.terms(text).into_iter().map(|(_, stem)| stem).collect()
    }

    /// The words that carry meaning as they are written, each with its stem.
    pub(super) fn terms<'a>(&self, text: &'a str) -> Vec<(&'a str, String)> {
        tokens(text)
            .filter(|token| !self.is_function_word(&token.text))
            .map(|token| (token.written(text), self.stemmer.stem(&token.text).into_owned()))
            .collect()
    }

    fn is_function_word(&self, word: &str) -> bool {
        self.function_words.binary_search(&word).is_ok()
            || (word.chars().count() == 1 && !word.chars().all(char::is_numeric))
    }
}

/// One word or number: in lower case, and where it is.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// As it stands in the text that it was read from.
    pub(super) fn written<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// The words and numbers of a text. A number keeps what joins its digits: `41,000`, `10:42`, `2026-03-01`.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = rest.by_ref().find(|(_, c)| c.is_alphanumeric())?;
        let mut end = start + first.len_utf8();
        let mut number = first.is_ascii_digit();
        while let Some((at, c)) = rest.peek().copied() {
            let joins =
                number && matches!(c, '.' | ',' | ':' | '-' | '/') && starts_with_digit(&text[at + c.len_utf8()..]);
            if !c.is_alphanumeric() && !joins {
                break;
            }
            number &= joins || c.is_ascii_digit();
            end = at + c.len_utf8();
            rest.next();
        }
        Some(Token { text: text[start..end].to_lowercase(), start, end })
    })
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The numbers, dates and times of a text as they are written, without the punctuation around them.
pub(super) fn numbers(text: &str) -> Vec<String> {
    tokens(text).map(|token| token.text).filter(|token| starts_with_digit(token)).collect()
}

/// The numbers of a text without what divides thousands, so that `41,200` and `41200` are the same.
pub(super) fn figures(text: &str) -> Vec<String> {
    let bare = |number: String| {
        let mut groups = number.split(',');
        let first = groups.next().unwrap_or_default().len();
        let thousands = (1..=3).contains(&first) && groups.all(|group| group.len() == 3);
        if thousands { number.replace(',', "") } else { number }
    };
    numbers(text).into_iter().map(bare).collect()
}

/// Whether a text says that something is not so.
pub(super) fn denies(text: &str) -> bool {
    const DENIALS: &str = "not no never nothing none nobody neither nor cannot without nicht nichts kein keine keinen nie niemals \
        niemand ohne pas jamais aucun aucune rien sans nunca nada ningún ninguna sin";
    let denials: Vec<&str> = DENIALS.split_whitespace().collect();
    tokens(text).any(|token| denials.contains(&token.text.as_str()) || text[..token.end].ends_with("n't"))
}

/// The names of a text: words with a capital letter that do not begin a sentence, in lower case.
pub(super) fn names(text: &str) -> Vec<String> {
    let begins = |at: usize| {
        let before =
            text[..at].trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '!' | '?' | ':' | '\n'));
        before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n'])
    };
    tokens(text)
        .filter(|token| token.written(text).starts_with(char::is_uppercase) && !begins(token.start))
        .map(|token| token.text)
        .collect()
}
