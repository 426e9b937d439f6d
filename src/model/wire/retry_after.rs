//! How long a server wants to be left alone.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::clock::{Clock as _, SystemClock};

/// The longest pause that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// What `Retry-After` says, in seconds or as a date; or the more exact `retry-after-ms` that OpenAI and Azure send besides.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = text("retry-after-ms").and_then(|text| text.parse().ok()).and_then(|ms: f64| span(ms / 1e3));
    millis.or_else(|| {
        let after = text(RETRY_AFTER.as_str())?;
        if let Ok(seconds) = after.parse() {
            return span(seconds);
        }
        // By the server's own clock, if it tells the time, since ours may be another.
        let now = text(DATE.as_str()).and_then(millis_of).unwrap_or_else(|| SystemClock.now().0);
        Some(Duration::from_millis(u64::try_from(millis_of(after)?.saturating_sub(now)).unwrap_or(0)).min(LONGEST))
    })
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|span| span.min(LONGEST))
}

/// An HTTP date in milliseconds since 1970, in the form of today or one of the two that RFC 9110 has everybody accept.
fn millis_of(text: &str) -> Option<i64> {
    let naive = |form| NaiveDateTime::parse_from_str(text, form).ok().map(|at| at.and_utc().timestamp_millis());
    let today = DateTime::parse_from_rfc2822(text).ok().map(|at| at.timestamp_millis());
    today.or_else(|| naive("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| naive("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn after(headers: &[(&'static str, &str)]) -> Option<u128> {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        read(&headers.iter().map(pair).collect()).map(|after| after.as_millis())
    }

    #[test]
    fn a_pause_is_read_in_every_form_in_which_servers_write_it() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(after(&[("retry-after", " 0.25 ")]), Some(250));
        assert_eq!(after(&[("retry-after", "2"), ("retry-after-ms", "1500")]), Some(1_500));
        assert_eq!(after(&[("retry-after", "2"), ("retry-after-ms", "soon")]), Some(2_000));
        assert_eq!(after(&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30_000));
        assert_eq!(after(&[date, ("retry-after", "Sunday, 06-Nov-94 08:50:07 GMT")]), Some(30_000));
        assert_eq!(after(&[date, ("retry-after", "Sun Nov  6 08:50:07 1994")]), Some(30_000));
        // The past, by either clock, is now.
        assert_eq!(after(&[date, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
    }

    #[test]
    fn what_is_no_pause_is_none_and_none_is_endless() {
        for nonsense in ["", "soon", "-1", "NaN", "inf", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(after(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(after(&[("retry-after", "99999999999")]), Some(LONGEST.as_millis()));
        assert_eq!(after(&[("retry-after", "Fri, 06 Nov 2893 08:49:37 GMT")]), Some(LONGEST.as_millis()));
    }
}
