//! The request for another way, once a run has failed in a way that trying it again cannot mend.
//!
//! It is one text for every model. A language model reads it as any other request; the offline model knows it by its words.

/// What another way is wanted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnotherWay {
    /// The steps that failed, as far as it is known.
    pub steps: Vec<String>,
}

const FAILED: &str = "The last run failed for good";
const WANTED: &str =
    ", and trying it again cannot mend that. Change the workflow so that what it is for is reached in another way.";

impl AnotherWay {
    /// The request.
    #[must_use]
    pub fn request(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(|step| format!("`{step}`")).collect();
        let at = if steps.is_empty() { String::new() } else { format!(" at {}", steps.join(" and ")) };
        format!("{FAILED}{at}{WANTED}")
    }

    /// What a request is about, if it is this one.
    #[must_use]
    pub fn read(request: &str) -> Option<Self> {
        let at = request.trim().strip_prefix(FAILED)?.strip_suffix(WANTED)?;
        let steps = match at.strip_prefix(" at ") {
            Some(steps) => steps.split(" and ").map(|step| step.trim_matches('`').to_owned()).collect(),
            None if at.is_empty() => Vec::new(),
            None => return None,
        };
        Some(Self { steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_back_and_nothing_else_is_taken_for_it() {
        for steps in [&[][..], &["read"], &["read", "land_and_sea"]] {
            let way = AnotherWay { steps: steps.iter().map(|step| (*step).to_owned()).collect() };
            assert_eq!(AnotherWay::read(&way.request()), Some(way));
        }
        for other in ["", "The last run failed for good", "The last run failed. Change it.", WANTED] {
            assert_eq!(AnotherWay::read(other), None, "{other}");
        }
    }
}
