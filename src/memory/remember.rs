//! Remembering documents: whole folders of them, and only what has changed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use url::Url;

use super::documents::{self, Found, Read, Skipped};
use super::follow::BATCH;
use super::meaning::Others;
use super::web::{Fetched, Page, Web};
use super::{Memory, MemoryError, blocking, forget};
use crate::store::entries::{Document, EntryScope, NewDocument, Provenance, Remembered};

/// How many documents are read ahead of those that are being stored.
const READ_AHEAD: usize = 8;

/// Pages to be remembered.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Their addresses.
    pub urls: Vec<Url>,
    /// The way to them.
    pub web: Web,
}

/// What is to be remembered.
#[derive(Clone, Debug)]
pub struct Remember {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Pages.
    pub pages: Option<Pages>,
    /// The folder that relative paths start from. What is below it is remembered by its path from there on.
    pub base: PathBuf,
    /// Who remembers it.
    pub scope: EntryScope,
    /// The role or the person by whom it is.
    pub author: Option<String>,
    /// How far it is to be trusted, in percent.
    pub confidence: Option<u8>,
    /// By which run and step, if by one.
    pub provenance: Option<Provenance>,
}

impl Remember {
    /// These files and folders, for every run of the workspace.
    #[must_use]
    pub fn of(paths: Vec<PathBuf>, base: PathBuf) -> Self {
        Self {
            paths,
            pages: None,
            base,
            scope: EntryScope::Workspace,
            author: None,
            confidence: None,
            provenance: None,
        }
    }
}

/// How far remembering has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Files and pages looked at.
    pub done: u64,
    /// Files and pages in all.
    pub of: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The last file or page.
    pub source: String,
}

/// What remembering came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Documents that were not remembered before.
    pub added: u64,
    /// Documents with another content than before, which took the place of the old.
    pub changed: u64,
    /// Documents that are remembered as they are.
    pub unchanged: u64,
    /// Documents that were remembered from these folders or addresses, and are no longer there.
    pub forgotten: u64,
    /// New entries.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files and pages that are not remembered, and why.
    pub skipped: Vec<Skipped>,
}

/// Somebody who is remembering documents, as long as it lives.
struct Remembering<'a>(&'a AtomicUsize);

impl<'a> Remembering<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Remembering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Memory {
    /// Remembers documents. One that has changed takes the place of what was remembered of it; one that has not
    /// costs its reading only; one that is gone from a folder, or from its server, is forgotten. `progress` is told of
    /// every file and page.
    ///
    /// # Errors
    /// [`MemoryError`]; what was reported done until then is remembered. A file or page that cannot be read is no
    /// error, but named in the report.
    pub async fn remember(
        &self,
        wanted: Remember,
        mut progress: impl FnMut(&Progress) + Send,
    ) -> Result<Report, MemoryError> {
        let _remembering = Remembering::begin(&self.shared.remembering);
        let known = self.known_documents(&wanted.scope).await?;
        let (paths, base) = (wanted.paths.clone(), wanted.base.clone());
        let (found, skipped) = blocking(move || documents::find(&paths, &base)).await?;
        let mut report = Report { skipped, ..Report::default() };
        let (urls, web) = wanted.pages.as_ref().map(|pages| (&pages.urls[..], &pages.web)).unzip();
        let urls = urls.unwrap_or_default();
        let mut so_far = Progress { of: (found.len() + urls.len()) as u64, ..Progress::default() };
        report.forgotten = self.forget_gone(&wanted, &known, &found).await?;

        let known = Arc::new(known);
        let (sender, mut read) = tokio::sync::mpsc::channel(READ_AHEAD);
        let hashes = known.clone();
        let reader = tokio::task::spawn_blocking(move || {
            for file in found {
                let hash = hashes.get(&file.source).map(|known| known.hash.as_str());
                let document = documents::read(&file, hash);
                if sender.blocking_send((file, document)).is_err() {
                    return;
                }
            }
        });
        let (stored, mut heard) = tokio::sync::watch::channel(0);
        let storing = async {
            while let Some((file, document)) = read.recv().await {
                so_far.done += 1;
                so_far.source.clone_from(&file.source);
                so_far.bytes += document.as_ref().map_or(0, |document| document.bytes);
                self.take(&wanted, &known, &file.source, &file.path, document, &mut report).await?;
                progress(&so_far);
                stored.send_replace(report.entries);
            }
            for (url, web) in urls.iter().zip(std::iter::repeat(web).flatten()) {
                so_far.done += 1;
                so_far.source = url.to_string();
                so_far.bytes += self.take_page(&wanted, &known, url, web, &mut report).await?;
                progress(&so_far);
                stored.send_replace(report.entries);
            }
            drop(stored);
            Ok(())
        };
        // The index takes in what is stored while more of it is. If it fails, catching up says why.
        let indexing = async {
            let mut taken = 0;
            while let Ok(entries) = heard.wait_for(|entries| *entries >= taken + BATCH as u64).await.map(|seen| *seen) {
                if self.run_along().await.is_err() {
                    break;
                }
                taken = entries;
            }
        };
        let (stored, ()): (Result<(), MemoryError>, ()) = tokio::join!(storing, indexing);
        stored?;
        reader.await.map_err(|error| MemoryError::Stopped(error.to_string()))?;
        report.bytes = so_far.bytes;
        self.catch_up().await?;
        if let Err(error) = self.embed_waiting(Others::AreWaitedFor).await {
            tracing::warn!(%error, "what is remembered is found by its words only for now");
        }
        Ok(report)
    }

    /// Stores what was read, or tells why it could not be.
    async fn take(
        &self,
        wanted: &Remember,
        known: &HashMap<String, Document>,
        source: &str,
        path: &Path,
        document: Result<Read, String>,
        report: &mut Report,
    ) -> Result<(), MemoryError> {
        let before = known.get(source);
        let document = match document {
            Ok(document) => document,
            Err(reason) => {
                // What was remembered of it is no longer what is there.
                if before.is_some() {
                    self.shared.entries.forget(&wanted.scope, source).await?;
                    report.forgotten += 1;
                }
                report.skipped.push(Skipped { path: path.to_owned(), reason });
                return Ok(());
            }
        };
        if before.is_some_and(|before| before.hash == document.hash && before.validators == document.validators) {
            report.unchanged += 1;
            return Ok(());
        }
        let new = NewDocument {
            author: wanted.author.clone(),
            provenance: wanted.provenance.clone(),
            confidence: wanted.confidence,
            validators: document.validators,
            ..NewDocument::new(wanted.scope.clone(), source, &document.hash, document.pieces)
        };
        match self.shared.entries.remember(new, self.shared.clock.now()).await? {
            Remembered::Unchanged => report.unchanged += 1,
            Remembered::Replaced { added, .. } => {
                *(if before.is_some() { &mut report.changed } else { &mut report.added }) += 1;
                report.entries += added.len() as u64;
            }
        }
        Ok(())
    }

    /// Fetches a page and stores it; returns how many bytes it has.
    async fn take_page(
        &self,
        wanted: &Remember,
        known: &HashMap<String, Document>,
        url: &Url,
        web: &Web,
        report: &mut Report,
    ) -> Result<u64, MemoryError> {
        let source = forget::address(url.as_str()).unwrap_or_else(|| url.to_string());
        let before = known.get(&source);
        let validators = before.map(|before| before.validators.clone()).unwrap_or_default();
        let path = Path::new(&source);
        let document = match web.fetch(url, &validators).await {
            Ok(Fetched::Unchanged) => {
                report.unchanged += 1;
                return Ok(0);
            }
            Ok(Fetched::Gone(reason)) => Err(reason),
            // It may be there again another time.
            Err(reason) => {
                report.skipped.push(Skipped { path: path.to_owned(), reason });
                return Ok(0);
            }
            Ok(Fetched::Page(page)) => {
                let hash = before.map(|before| before.hash.clone());
                blocking(move || {
                    let Page { content, format, encoding, validators } = *page;
                    let read = documents::take_apart(&content, format, encoding, hash.as_deref())?;
                    Ok(Read { validators, ..read })
                })
                .await?
            }
        };
        let bytes = document.as_ref().map_or(0, |document: &Read| document.bytes);
        self.take(wanted, known, &source, path, document, report).await?;
        Ok(bytes)
    }

    /// The documents of a scope, by source.
    async fn known_documents(&self, scope: &EntryScope) -> Result<HashMap<String, Document>, MemoryError> {
        let documents = self.shared.entries.documents().await?;
        let own = documents.into_iter().filter(|document| document.scope == *scope);
        Ok(own.map(|document| (document.source.clone(), document)).collect())
    }

    /// Forgets the documents that were remembered from the wanted folders, and of which there is no file any more.
    async fn forget_gone(
        &self,
        wanted: &Remember,
        known: &HashMap<String, Document>,
        found: &[Found],
    ) -> Result<u64, MemoryError> {
        let found: HashSet<&str> = found.iter().map(|file| file.source.as_str()).collect();
        let is_file = |source: &&String| !found.contains(source.as_str()) && forget::address(source).is_none();
        let sources: Vec<String> = known.keys().filter(is_file).cloned().collect();
        let (paths, base) = (wanted.paths.clone(), wanted.base.clone());
        let gone = blocking(move || {
            let folders: Vec<PathBuf> = paths.iter().filter_map(|path| base.join(path).canonicalize().ok()).collect();
            let base = base.canonicalize().unwrap_or(base);
            let is_gone = |source: &String| {
                let path = base.join(source);
                folders.iter().any(|folder| path.starts_with(folder)) && !path.exists()
            };
            sources.into_iter().filter(is_gone).collect::<Vec<_>>()
        })
        .await?;
        for source in &gone {
            self.shared.entries.forget(&wanted.scope, source).await?;
        }
        Ok(gone.len() as u64)
    }
}
