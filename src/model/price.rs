//! What models cost: by the token, in billionths of a US dollar, so that nothing is ever rounded away.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
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

impl Sum for Dollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
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

/// What a model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// For each token that it reads.
    pub input: Dollars,
    /// For each token that it writes.
    pub output: Dollars,
}

impl Price {
    /// Nothing.
    pub const FREE: Self = Self { input: Dollars(0), output: Dollars(0) };

    /// What this much costs.
    #[must_use]
    pub fn cost(self, usage: Usage) -> Dollars {
        let part = |price: Dollars, tokens: u64| Dollars(price.0.saturating_mul(tokens));
        [part(self.input, usage.input_tokens), part(self.output, usage.output_tokens)].into_iter().sum()
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
        // Dollars for a million tokens are millionths of a dollar for one.
        let per_token = |million: Dollars| Dollars(million.0 / 1_000_000);
        let price = |Written { input, output }| Price { input: per_token(input), output: per_token(output) };
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
        assert_eq!(price, Price { input: Dollars(150), output: Dollars(600) });
        let cost = price.cost(Usage { input_tokens: 1_000, output_tokens: 10 });
        assert_eq!((cost, cost.to_string()), (Dollars(156_000), "$0.000156".to_owned()));
        assert_eq!(prices.of("openai/large"), None);
        assert_eq!(Price::FREE.cost(Usage { input_tokens: u64::MAX, output_tokens: u64::MAX }), Dollars(0));
        assert_eq!(price.cost(Usage { input_tokens: u64::MAX, output_tokens: 1 }), Dollars(u64::MAX));
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
