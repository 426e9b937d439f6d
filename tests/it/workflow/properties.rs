//! What holds of every workflow.

use callboard::workflow::yaml;
use proptest::prelude::*;

use super::generate;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_equal(seed: u64, size in 1..40_usize) {
        let workflow = generate::workflow(seed, size);
        let text = yaml::write(&workflow);
        let parsed = yaml::parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{text}")))?;
        prop_assert_eq!(&parsed.workflow, &workflow, "{}", text);
        prop_assert_eq!(yaml::to_json(&parsed.workflow), yaml::to_json(&workflow));
    }

    #[test]
    fn json_reads_back_equal(seed: u64, size in 1..40_usize) {
        let workflow = generate::workflow(seed, size);
        let json = yaml::to_json(&workflow);
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            let parsed = yaml::parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{text}")))?;
            prop_assert_eq!(&parsed.workflow, &workflow, "{}", text);
        }
        prop_assert_eq!(yaml::from_json(&json), Ok(workflow));
    }
}
