//! The uncompressed bytes of a layer file, buffer by buffer.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::compress::Compression;
use crate::digest::Digest;
use crate::error::{FileError, LayerError};
use crate::layer::{Stored, name_file, open_stored};
use crate::read_ahead::ReadAhead;
use crate::recipe::Content;
use crate::sha256::Sha256;

/// One pass over what a layer file holds. Reading and hashing what is stored, and decompression, have a thread each;
/// the content is hashed on the caller's. Memory is bounded.
pub struct LayerContent {
    path: PathBuf,
    compression: Compression,
    stored: Stored,
    stream: ReadAhead,
    /// Bytes of the current buffer: they stay in `stream` until the next one is asked for.
    current: usize,
    hasher: Sha256,
    ended: bool,
}

impl LayerContent {
    /// Opens a layer and starts to read ahead.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let (compression, stored, stream) = open_stored(path).map_err(FileError::at(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            compression,
            stored,
            stream: compression.decode(stream).map_err(FileError::at(path))?,
            current: 0,
            hasher: Sha256::new(),
            ended: false,
        })
    }

    /// How the layer is stored.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// The next bytes, up to a buffer of them; none at the end.
    ///
    /// # Errors
    /// The compressed bytes are damaged or hold too much, or the file cannot be read; there is no going on then.
    pub fn next_buffer(&mut self) -> Result<&[u8], LayerError> {
        self.stream.consume(self.current);
        self.current = 0;
        let offset = self.hasher.length();
        let buffer = self.stream.fill_buf().map_err(|error| {
            let problem = error.into();
            let error = LayerError::Malformed {
                offset,
                entry: None,
                problem,
            };
            name_file(error, &self.path)
        })?;
        self.hasher.update(buffer);
        self.current = buffer.len();
        self.ended = buffer.is_empty();
        Ok(buffer)
    }

    /// Digest and size of the content so far.
    #[must_use]
    pub fn digest(&self) -> (Digest, u64) {
        (self.hasher.digest(), self.hasher.length())
    }

    /// What is known once everything has been read.
    #[must_use]
    pub fn totals(&self) -> Option<Content> {
        let &(digest, size) = self.stored.get().filter(|_| self.ended)?;
        let (content_digest, content_size) = self.digest();
        Some(Content {
            digest,
            size,
            content_digest,
            content_size,
        })
    }
}
