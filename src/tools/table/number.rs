//! Numbers, exact as long as they can be: a sum of `0.1` and `0.2` is `0.3`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The most digits that are taken for a number: with more of them something would be lost.
const MOST_DIGITS: usize = 17;
/// The most digits behind the point that are reckoned with exactly.
const MOST_DECIMALS: u32 = 20;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Num {
    /// `mantissa / 10^scale`, without zeros at its end.
    Exact { mantissa: i128, scale: u32 },
    /// Anything else.
    Float(f64),
}

/// How numbers are written in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    /// Before the fraction.
    pub(super) decimal: char,
    /// Between groups of three digits, if they are marked.
    pub(super) thousands: Option<char>,
}

impl Spelling {
    pub(super) const PLAIN: Self = Self { decimal: '.', thousands: None };

    /// The number that a cell is, if it is one and nothing is lost by saying so: `007`, `+1`, `1e5` and what has more digits than a
    /// number holds stay texts, since they are codes as often as not.
    pub(super) fn read(self, cell: &str) -> Option<Num> {
        let (sign, digits) = match cell.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, cell),
        };
        let (whole, fraction) = match digits.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let whole = self.without_thousands(whole)?;
        let fraction = match fraction {
            Some(fraction) => (!fraction.is_empty() && all_digits(fraction)).then_some(fraction)?,
            None => "",
        };
        if whole.is_empty() || !all_digits(&whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        if whole.len() + fraction.len() > MOST_DIGITS {
            return None;
        }
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Num::exact(sign * mantissa, u32::try_from(fraction.len()).ok()?))
    }

    fn without_thousands(self, whole: &str) -> Option<String> {
        let Some(mark) = self.thousands.filter(|mark| whole.contains(*mark)) else { return Some(whole.to_owned()) };
        let mut groups = whole.split(mark);
        let first = groups.next()?;
        let grouped = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
        grouped.then(|| whole.chars().filter(|c| *c != mark).collect())
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Num {
    pub(super) const ZERO: Self = Self::Exact { mantissa: 0, scale: 0 };

    fn exact(mut mantissa: i128, mut scale: u32) -> Self {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self::Exact { mantissa, scale }
    }

    /// The number that a value is or is written as.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Self::of_number(number)),
            Value::String(text) => Spelling::PLAIN.read(text),
            _ => None,
        }
    }

    fn of_number(number: &Number) -> Self {
        if let Some(whole) = number.as_i128() {
            return Self::exact(whole, 0);
        }
        let float = number.as_f64().unwrap_or(f64::NAN);
        // The shortest digits that mean this float are those that somebody wrote.
        let digits = format!("{float}");
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let scale = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        match format!("{whole}{fraction}").parse() {
            Ok(mantissa) if scale <= MOST_DECIMALS && whole.len() <= MOST_DIGITS => Self::exact(mantissa, scale),
            _ => Self::Float(float),
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            // Read back from its digits, this is the nearest float; divided, it might be the one beside it.
            Self::Exact { .. } => self.to_string().parse().unwrap_or(f64::NAN),
            Self::Float(float) => float,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        match self.aligned(other) {
            Some((one, two, scale)) => match one.checked_add(two) {
                Some(sum) => Self::exact(sum, scale),
                None => Self::Float(self.float() + other.float()),
            },
            None => Self::Float(self.float() + other.float()),
        }
    }

    /// Both mantissas at one scale.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let (Self::Exact { mantissa: one, scale: first }, Self::Exact { mantissa: two, scale: second }) = (self, other)
        else {
            return None;
        };
        let scale = first.max(second);
        let raise = |mantissa: i128, by: u32| mantissa.checked_mul(10_i128.checked_pow(by)?);
        Some((raise(one, scale - first)?, raise(two, scale - second)?, scale))
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((one, two, _)) => one.cmp(&two),
            None => self.float().total_cmp(&other.float()),
        }
    }

    /// As JSON has it; null for what JSON has no number for.
    pub(super) fn value(self) -> Value {
        if let Self::Exact { mantissa, scale: 0 } = self
            && let Ok(whole) = i64::try_from(mantissa)
        {
            return Value::from(whole);
        }
        Number::from_f64(self.float()).map_or(Value::Null, Value::Number)
    }
}

impl std::fmt::Display for Num {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact { mantissa, scale: 0 } => write!(f, "{mantissa}"),
            Self::Exact { mantissa, scale } => {
                let scale = *scale as usize;
                let sign = if *mantissa < 0 { "-" } else { "" };
                let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                write!(f, "{sign}{whole}.{fraction}")
            }
            Self::Float(float) => write!(f, "{float}"),
        }
    }
}
