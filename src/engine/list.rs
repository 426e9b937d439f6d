//! Writing a long list of values as one value, without holding it: past the size that an event may carry,
//! it goes to its file piece by piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::error::EngineError;
use crate::run::Payload;
use crate::store::{BlobWriter, Blobs};

/// Text that is gathered before it is written.
const PIECE: usize = 64 * 1024;

/// A list that is being written. Its members may come in any order, each once.
pub(super) struct ListWriter {
    blobs: Option<Blobs>,
    /// Members that came before their turn.
    early: BTreeMap<u64, Arc<Value>>,
    next: u64,
    text: Vec<u8>,
    file: Option<BlobWriter>,
}

impl ListWriter {
    pub(super) fn new(blobs: Option<Blobs>) -> Self {
        Self { blobs, early: BTreeMap::new(), next: 0, text: vec![b'['], file: None }
    }

    pub(super) async fn put(&mut self, index: u64, value: &Arc<Value>) -> Result<(), EngineError> {
        if index != self.next {
            self.early.insert(index, value.clone());
            return Ok(());
        }
        self.write(value).await?;
        while let Some(value) = self.early.remove(&self.next) {
            self.write(&value).await?;
        }
        Ok(())
    }

    /// The list; a member that never came is null.
    pub(super) async fn finish(mut self, count: u64) -> Result<Payload, EngineError> {
        while self.next < count {
            let value = self.early.remove(&self.next).unwrap_or_default();
            self.write(&value).await?;
        }
        self.text.push(b']');
        match self.file.take() {
            None => {
                let list = serde_json::from_slice(&self.text).unwrap_or_default();
                match &self.blobs {
                    Some(blobs) => Ok(blobs.offload(list).await?),
                    None => Ok(Payload::of(list)),
                }
            }
            Some(mut file) => {
                file.write(&self.text).await?;
                let blob = file.finish().await?;
                Ok(Payload::Stored { sha256: blob.sha256, bytes: blob.bytes })
            }
        }
    }

    async fn write(&mut self, value: &Value) -> Result<(), EngineError> {
        if self.next > 0 {
            self.text.push(b',');
        }
        self.next += 1;
        self.text.extend_from_slice(value.to_string().as_bytes());
        if let (None, Some(blobs)) = (&self.file, &self.blobs)
            && self.text.len() > crate::store::blobs::INLINE_BYTES
        {
            self.file = Some(blobs.writer().await?);
        }
        if let Some(file) = &mut self.file
            && self.text.len() > PIECE
        {
            file.write(&self.text).await?;
            self.text.clear();
        }
        Ok(())
    }
}
