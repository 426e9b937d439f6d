//! When something was remembered, as people and models say it.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveTime};

use super::Memory;
use super::index::Filter;
use crate::clock::Timestamp;

impl Filter {
    /// Only what was remembered since one time, until another: each an instant (`2026-11-20T09:00:00Z`), a day
    /// in UTC (`2026-11-20`, the whole of it), or how long ago (`7d`).
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn remembered(self, since: Option<&str>, until: Option<&str>, now: Timestamp) -> Result<Self, String> {
        let since = since.map(|text| read(text, now)).transpose()?.map(|span| span.start);
        let before = until.map(|text| read(text, now)).transpose()?.map(|span| span.end);
        Ok(Self { since: since.or(self.since), before: before.or(self.before), ..self })
    }
}

impl Memory {
    /// The time by the memory's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

/// From when to when: an instant is an empty span.
fn read(text: &str, now: Timestamp) -> Result<Range<Timestamp>, String> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        let at = Timestamp(instant.timestamp_millis());
        return Ok(at..at);
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        let start = |day: NaiveDate| Timestamp(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
        return Ok(start(day)..day.checked_add_days(Days::new(1)).map_or(Timestamp(i64::MAX), start));
    }
    if let Ok(ago) = humantime::parse_duration(text) {
        let at = Timestamp(now.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)));
        return Ok(at..at);
    }
    Err(format!(
        "`{text}` is no time: write an instant (2026-11-20T09:00:00Z), a day (2026-11-20) or how long ago it was (7d)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Timestamp(1_763_717_400_000); // 2025-11-21T09:30:00Z
        let read = |text: &str| read(text, now).map(|span| format!("{} {}", span.start, span.end));
        for (text, expected) in [
            ("2025-11-20T09:00:00+01:00", "2025-11-20T08:00:00.000Z 2025-11-20T08:00:00.000Z"),
            ("2025-11-20", "2025-11-20T00:00:00.000Z 2025-11-21T00:00:00.000Z"),
            ("7d", "2025-11-14T09:30:00.000Z 2025-11-14T09:30:00.000Z"),
            (" 90min ", "2025-11-21T08:00:00.000Z 2025-11-21T08:00:00.000Z"),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        for text in ["", "yesterday", "2025-13-01", "-1d"] {
            assert!(read(text).unwrap_err().contains("is no time"), "{text}");
        }
    }
}
