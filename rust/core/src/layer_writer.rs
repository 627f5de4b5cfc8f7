//! Deterministic layers: the same entries give the same bytes, on every machine and in every version.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::entry::{Entry, Kind};
use crate::error::{FileError, quoted};
use crate::layer_header::{BLOCK, encode, fits_mtime, padding};
use crate::layer_output::{Copied, LayerOutput};

/// Zero blocks at the end of a tar.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerWriteError {
    /// The layer or a source cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A time does not fit into a header.
    #[error("mtime {_0} is more than a tar header can hold")]
    Mtime(u64),
    /// An entry cannot be in a layer; the layer is as before.
    #[error("{}: {reason}", quoted(path))]
    Entry {
        /// The entry's path.
        path: Vec<u8>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file is not what its entry says; the layer is gone.
    #[error("{}: {} {reason}", quoted(path), source_path.display())]
    ContentChanged {
        /// The entry's path.
        path: Vec<u8>,
        /// The file that holds the content.
        source_path: PathBuf,
        /// How it differs.
        reason: String,
    },
    /// The layer has been finished, or lost to an error.
    #[error("the layer is finished, or failed before")]
    Closed,
}

/// Writes one layer.
pub struct LayerWriter {
    /// None once it is finished or has failed.
    output: Option<LayerOutput>,
    paths: HashSet<Vec<u8>>,
    mtime: u64,
}

impl LayerWriter {
    /// Makes the file `path`, which must not exist; it goes with the writer unless it is finished.
    ///
    /// # Errors
    /// The file exists or cannot be made, or `mtime` (seconds since the epoch) does not fit into a header.
    pub fn create(path: &Path, mtime: u64) -> Result<Self, LayerWriteError> {
        if !fits_mtime(mtime) {
            return Err(LayerWriteError::Mtime(mtime));
        }
        Ok(Self {
            output: Some(LayerOutput::create(path)?),
            paths: HashSet::new(),
            mtime,
        })
    }

    /// Appends entries in their order, with the content from their sources.
    ///
    /// # Errors
    /// An entry cannot be in a layer (which is as before), a content is not what the entry says, or cannot be copied
    /// (the layer is gone).
    pub fn add(&mut self, entries: &[&Entry]) -> Result<(), LayerWriteError> {
        let mut output = self.output.take().ok_or(LayerWriteError::Closed)?;
        let headers = match self.check(entries) {
            Ok(headers) => headers,
            Err(error) => {
                self.output = Some(output);
                return Err(error);
            }
        };
        for (entry, header) in entries.iter().zip(headers) {
            output.append(&header)?;
            append_content(&mut output, entry)?;
        }
        self.output = Some(output);
        Ok(())
    }

    /// Ends the tar, closes the file and returns its digest and size in bytes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(&mut self) -> Result<(Digest, u64), LayerWriteError> {
        let mut output = self.output.take().ok_or(LayerWriteError::Closed)?;
        output.append(&END)?;
        Ok(output.finish()?)
    }

    /// Encodes the headers of entries and takes note of their paths, or of none.
    fn check(&mut self, entries: &[&Entry]) -> Result<Vec<Vec<u8>>, LayerWriteError> {
        let fail = |entry: &Entry, reason| LayerWriteError::Entry {
            path: entry.path.clone(),
            reason,
        };
        let mut headers = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.kind == Kind::File && entry.size > 0 {
                if entry.source.is_none() {
                    return Err(fail(entry, "it has no source for its content"));
                }
                if entry.digest.is_none() {
                    return Err(fail(entry, "it has no digest to check its content with"));
                }
            }
            headers.push(encode(entry, self.mtime).map_err(|reason| fail(entry, reason))?);
        }
        for (index, entry) in entries.iter().enumerate() {
            if !self.paths.insert(entry.path.clone()) {
                for earlier in &entries[..index] {
                    self.paths.remove(&earlier.path);
                }
                return Err(fail(entry, "the layer has this path already"));
            }
        }
        Ok(headers)
    }
}

fn append_content(output: &mut LayerOutput, entry: &Entry) -> Result<(), LayerWriteError> {
    let (Kind::File, Some(source)) = (entry.kind, &entry.source) else {
        return Ok(());
    };
    let reason = match (
        output.append_file(source, entry.offset, entry.size)?,
        entry.digest,
    ) {
        (Copied::Whole(actual), Some(expected)) if actual != expected => {
            format!("no longer has the content {expected}, but {actual}")
        }
        (Copied::Whole(_), _) => return Ok(output.append(&END[..padding(entry.size)])?),
        (Copied::Short(size), _) => {
            format!("no longer has {} bytes of content, but {size}", entry.size)
        }
    };
    Err(LayerWriteError::ContentChanged {
        path: entry.path.clone(),
        source_path: source.to_path_buf(),
        reason,
    })
}
