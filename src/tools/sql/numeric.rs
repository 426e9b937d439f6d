//! Decimal numbers as PostgreSQL takes them: digits to the base of 10,000.

/// How far an exponent may reach.
const LARGEST_EXPONENT: i32 = 1_000;

/// `-12.50`, `1e-3`: exactly, in the binary form of PostgreSQL's `numeric`.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let too_far = exponent.abs() > LARGEST_EXPONENT || mantissa.len() > 1_000;
    if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) || too_far {
        return None;
    }
    // All digits, of which `point` stand before the point.
    let mut digits: Vec<i16> = (whole.to_owned() + fraction).bytes().map(|byte| i16::from(byte - b'0')).collect();
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    let scale = (i32::try_from(digits.len()).ok()? - point).max(0);
    // To groups of four on either side of the point.
    while point.rem_euclid(4) != 0 {
        digits.insert(0, 0);
        point += 1;
    }
    while !digits.len().is_multiple_of(4) {
        digits.push(0);
    }
    let mut groups: Vec<i16> =
        digits.chunks(4).map(|four| four.iter().fold(0, |sum, digit| sum * 10 + digit)).collect();
    let mut weight = point / 4 - 1;
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    let count = i16::try_from(groups.len()).ok()?;
    let sign: i16 = if negative && !groups.is_empty() { 0x4000 } else { 0 };
    let head = [count, i16::try_from(weight).ok()?, sign, i16::try_from(scale).ok()?];
    Some(head.iter().chain(&groups).flat_map(|number| number.to_be_bytes()).collect())
}
