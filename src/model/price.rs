//! What models cost: by the million tokens, in billionths of a US dollar.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Usage;

/// An amount of money, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dollars(pub u64);

/// The largest amount that can be written: a million dollars.
const MOST: f64 = 1e6;

impl Dollars {
    /// So many dollars; `None` if that is no amount between nothing and a million.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    pub fn of(dollars: f64) -> Option<Self> {
        (0.0..=MOST).contains(&dollars).then(|| Self((dollars * 1e9).round() as u64))
    }
}

/// `$0.0125`: at least two digits after the point, and no more than are needed.
impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % 1_000_000_000);
        let digits = fraction.trim_end_matches('0').len().max(2);
        write!(f, "${}.{}", self.0 / 1_000_000_000, &fraction[..digits])
    }
}

/// Reads dollars as people write them, such as `0.25`.
///
/// # Errors
/// It is no number, or none between nothing and a million.
pub fn dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Dollars, D::Error> {
    let dollars = f64::deserialize(deserializer)?;
    Dollars::of(dollars).ok_or_else(|| de::Error::custom(format!("{dollars} is no amount from 0 to {MOST} dollars")))
}

/// What a model costs, by the million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// For a million tokens that it reads.
    pub input: Dollars,
    /// For a million tokens that it writes.
    pub output: Dollars,
}

impl Price {
    /// Nothing.
    pub const FREE: Self = Self { input: Dollars(0), output: Dollars(0) };

    /// What this much costs, rounded up.
    #[must_use]
    pub fn cost(self, usage: Usage) -> Dollars {
        let part = |price: Dollars, tokens: u64| u128::from(price.0) * u128::from(tokens);
        let millionths = part(self.input, usage.input_tokens).saturating_add(part(self.output, usage.output_tokens));
        Dollars(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

/// The prices of models, by `PROVIDER/NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, Price>);

/// A price as the file says it: dollars for a million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(deserialize_with = "dollars")]
    input: Dollars,
    #[serde(deserialize_with = "dollars")]
    output: Dollars,
}

impl Prices {
    /// The price of a model, if it is known.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Price> {
        self.0.get(model).copied()
    }
}

/// Reads a file of prices; the error says where it is wrong.
impl FromStr for Prices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written: BTreeMap<String, Written> = toml::from_str(text).map_err(|error| error.to_string())?;
        let price = |Written { input, output }| Price { input, output };
        Ok(Self(written.into_iter().map(|(model, written)| (model, price(written))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_costs_are_exact() {
        let prices: Prices = "[\"openai/small\"]\ninput = 0.15\noutput = 0.6\n".parse().unwrap();
        let price = prices.of("openai/small").unwrap();
        assert_eq!(price, Price { input: Dollars(150_000_000), output: Dollars(600_000_000) });
        let cost = price.cost(Usage { input_tokens: 1_000, output_tokens: 10 });
        assert_eq!((cost, cost.to_string()), (Dollars(156_000), "$0.000156".to_owned()));
        assert_eq!(prices.of("openai/large"), None);
        assert_eq!(Price::FREE.cost(Usage { input_tokens: u64::MAX, output_tokens: u64::MAX }), Dollars(0));
        assert_eq!(price.cost(Usage { input_tokens: u64::MAX, output_tokens: u64::MAX }), Dollars(u64::MAX));
        let cheap = Price { input: Dollars::of(0.0005).unwrap(), output: Dollars(0) };
        assert_eq!(
            cheap.cost(Usage { input_tokens: 1_000, output_tokens: 0 }),
            Dollars(500),
            "nothing is rounded away"
        );
        assert_eq!(Dollars::of(12.5).unwrap().to_string(), "$12.50");
    }

    #[test]
    fn a_price_that_is_wrong_is_shown_at_its_place() {
        for (text, wrong) in [
            ("[\"openai/small\"]\ninput = -1\noutput = 1\n", "line 2"),
            ("[\"openai/small\"]\ninput = 1\n", "missing field `output`"),
            ("[\"openai/small\"]\ninput = 1\noutput = 1\nper = 1\n", "unknown field `per`"),
            ("input = ", "line 1"),
        ] {
            let error = text.parse::<Prices>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
