//! Triggers: cron patterns, time zones, paths and names.

use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};

use super::Checker;
use crate::workflow::Trigger;
use crate::workflow::problem::{Path, Problem, nearest, suggest_name};

/// The longest path of a webhook and name of an event, in bytes.
const MAX_TEXT: usize = 200;

/// Adds what is wrong with the workflow's triggers.
pub(super) fn check(checker: &mut Checker<'_>) {
    let root = &Path::Root;
    let root = &root.key("triggers");
    for (index, trigger) in checker.workflow.triggers.iter().enumerate() {
        let path = &root.index(index);
        match trigger {
            Trigger::Cron { pattern, timezone } => {
                if let Err(error) =
                    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(pattern)
                {
                    checker.add(|| {
                        Problem::new("bad_cron", format!("`{pattern}` is no cron pattern: {error}"))
                            .at(&path.key("cron"))
                            .suggest("five fields: minute, hour, day, month, weekday; `0 9 * * MON` is Mondays at nine")
                    });
                }
                if let Some(zone) = timezone {
                    time_zone(checker, zone, &path.key("timezone"));
                }
            }
            Trigger::Webhook { path: route } => {
                let path = &path.key("webhook");
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
                let slashes = route.starts_with('/') || route.ends_with('/') || route.contains("//");
                if route.is_empty() || route.len() > MAX_TEXT || slashes || !route.chars().all(allowed) {
                    checker.add(|| {
                        Problem::new("bad_path", format!("`{route}` is no path for a webhook"))
                            .at(&path.key("path"))
                            .suggest("letters, digits, `-`, `_`, `.` and `/` between, such as `weekly-brief`")
                    });
                }
            }
            Trigger::Event { name } => {
                if name.is_empty() || name.len() > MAX_TEXT || name.chars().any(char::is_whitespace) {
                    checker.add(|| {
                        Problem::new("bad_name", format!("`{name}` cannot be the name of an event"))
                            .at(&path.key("event"))
                            .suggest(format!("1 to {MAX_TEXT} characters without blanks, such as `invoice.paid`"))
                    });
                }
            }
            Trigger::RunEnded { workflow, .. } => {
                let known = &checker.catalog.workflows;
                if !checker.catalog.open && *workflow != checker.workflow.name && !known.contains_key(workflow) {
                    let path = &path.key("run_ended");
                    checker.add(|| {
                        Problem::new("unknown_workflow", format!("there is no workflow `{workflow}`"))
                            .at(&path.key("workflow"))
                            .maybe_suggest(suggest_name(workflow, known.keys().map(String::as_str)))
                    });
                }
            }
        }
    }
}

fn time_zone(checker: &mut Checker<'_>, zone: &str, path: &Path<'_>) {
    if zone.parse::<Tz>().is_err() {
        checker.add(|| {
            let near = nearest(zone, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
            let suggestion = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a name of the IANA database, such as `Europe/Berlin`".to_owned(),
            };
            Problem::new("bad_time_zone", format!("there is no time zone `{zone}`")).at(path).suggest(suggestion)
        });
    }
}
