//! What models cost: by the million tokens, in billionths of a US dollar.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
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

    /// This and more.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
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

/// What is known of a model that its provider does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How many tokens a request and its reply may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// How many tokens a reply may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u32>,
}

/// What is known of models, by `PROVIDER/NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, Known>);

/// What the file says of a model: dollars for a million tokens, and tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    input: Option<Amount>,
    #[serde(default)]
    output: Option<Amount>,
    #[serde(default)]
    window: Option<NonZeroU32>,
    #[serde(default)]
    reply: Option<NonZeroU32>,
}

#[derive(Deserialize)]
struct Amount(#[serde(deserialize_with = "dollars")] Dollars);

impl Prices {
    /// What is known of a model: nothing, if the file does not name it.
    #[must_use]
    pub fn of(&self, model: &str) -> Known {
        self.0.get(model).copied().unwrap_or_default()
    }
}

impl Written {
    fn known(self) -> Result<Known, &'static str> {
        let price = match (self.input, self.output) {
            (None, None) => None,
            (Some(Amount(input)), Some(Amount(output))) => Some(Price { input, output }),
            (Some(_), None) => return Err("`output` is missing beside `input`"),
            (None, Some(_)) => return Err("`input` is missing beside `output`"),
        };
        let (window, reply) = (self.window.map(NonZeroU32::get), self.reply.map(NonZeroU32::get));
        if window.zip(reply).is_some_and(|(window, reply)| reply >= window) {
            return Err("`reply` leaves no room for a request in `window`");
        }
        Ok(Known { price, window, reply })
    }
}

/// Reads a file of prices; the error says where it is wrong.
impl FromStr for Prices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written: BTreeMap<String, Written> = toml::from_str(text).map_err(|error| error.to_string())?;
        let known = |(model, written): (String, Written)| match written.known() {
            Ok(known) => Ok((model, known)),
            Err(wrong) => Err(format!("[\"{model}\"]: {wrong}")),
        };
        Ok(Self(written.into_iter().map(known).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_costs_are_exact() {
        let prices: Prices = "[\"openai/small\"]\ninput = 0.15\noutput = 0.6\n".parse().unwrap();
        let price = prices.of("openai/small").price.unwrap();
        assert_eq!(price, Price { input: Dollars(150_000_000), output: Dollars(600_000_000) });
        let cost = price.cost(Usage { input_tokens: 1_000, output_tokens: 10 });
        assert_eq!((cost, cost.to_string()), (Dollars(156_000), "$0.000156".to_owned()));
        assert_eq!(prices.of("openai/large"), Known::default());
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
            ("[\"openai/small\"]\ninput = 1\n", "`output` is missing beside `input`"),
            ("[\"openai/small\"]\nwindow = 10\nreply = 10\n", "no room for a request"),
            ("[\"openai/small\"]\nwindow = 0\n", "line 2"),
            ("[\"openai/small\"]\ninput = 1\noutput = 1\nper = 1\n", "unknown field `per`"),
            ("input = ", "line 1"),
        ] {
            let error = text.parse::<Prices>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
