//! Which run a path means: its id, an unambiguous beginning of it, or `last`.

use crate::app::App;
use crate::store::entries::EntryScope;
use crate::store::{Found, Run, RunFilter};

use super::error::{ApiError, ErrorBody};

/// The word for the run that was begun last.
const LAST: &str = "last";

/// The run that is meant.
///
/// # Errors
/// There is none, or more than one.
pub(super) async fn run(app: &App, text: &str) -> Result<Run, ApiError> {
    let runs = app.workspace().runs();
    if text == LAST {
        let newest = runs.list(&RunFilter::default(), 1).await?.pop();
        return newest.ok_or_else(|| {
            let body = ErrorBody::new("no_such_run", "there are no runs yet");
            ApiError::missing(body.suggest("`callboard run FILE` begins one"))
        });
    }
    match runs.find(text).await? {
        Found::One(run) => Ok(*run),
        Found::Nothing => Err(ApiError::missing(
            ErrorBody::new("no_such_run", format!("there is no run `{text}`"))
                .suggest("`callboard runs` lists those there are; the beginning of an id is enough, and so is `last`"),
        )),
        Found::Many(some) => {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            Err(ApiError::invalid(
                ErrorBody::new("ambiguous_run", format!("more than one run begins with `{text}`: {}", some.join(", ")))
                    .suggest("give more of the id"),
            ))
        }
    }
}

/// The scope of the memory that a text names: `workspace` if there is none. A run may be named as in a path.
///
/// # Errors
/// There is no such scope or run.
pub(super) async fn scope(app: &App, text: Option<&str>) -> Result<EntryScope, ApiError> {
    let Some(text) = text else { return Ok(EntryScope::Workspace) };
    if let Ok(scope) = text.parse() {
        return Ok(scope);
    }
    if let Some(named) = text.strip_prefix("run:") {
        return Ok(EntryScope::Run(run(app, named).await?.id));
    }
    text.parse().map_err(|reason: String| ApiError::invalid(ErrorBody::new("bad_scope", reason)))
}

/// The scopes that a text names, with commas between them: `workspace` if there is none.
///
/// # Errors
/// There is no such scope or run.
pub(super) async fn scopes(app: &App, text: Option<&str>) -> Result<Vec<EntryScope>, ApiError> {
    let mut scopes = Vec::new();
    for named in text.unwrap_or("workspace").split(',') {
        scopes.push(scope(app, Some(named.trim())).await?);
    }
    Ok(scopes)
}
