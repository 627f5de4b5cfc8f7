//! Layer files: one pass gives every entry and every digest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::compress::Compression;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::error::{FileError, LayerError, TarProblem};
use crate::layer_content::LayerContent;
use crate::read_ahead::ReadAhead;
use crate::sha256::Sha256;
use crate::tar::TarReader;

/// The most bytes that paths, link targets and extended attributes take in one batch of entries, less those of its last.
const BATCH_BYTES: usize = 16 << 20;

/// What memory an extended attribute takes besides its name and its value, in bytes: a node of the map, and two
/// allocations.
const XATTR_BYTES: usize = 128;

/// What is known of a layer once all of it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Digest of the stored bytes.
    pub digest: Digest,
    /// How many stored bytes there are.
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// How many bytes the uncompressed tar has.
    pub tar_size: u64,
}

/// Digest and size of the stored bytes, set once they have all been read.
pub(crate) type Stored = Arc<OnceLock<(Digest, u64)>>;

/// One pass over a layer file. Reading and hashing what is stored, decompression, and parsing each have a thread.
///
/// A plain tar is hashed by the reading thread alone, and its contents by the caller's: somebody waits for this pass, and
/// nothing else is as slow as the digest of one stream.
pub struct LayerReader {
    path: Arc<Path>,
    compression: Compression,
    tar: TarReader<ReadAhead>,
    stored: Stored,
    totals: Option<Totals>,
    error: Option<Arc<LayerError>>,
}

impl LayerReader {
    /// Opens a layer and starts to read ahead.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let path: Arc<Path> = Arc::from(path);
        let (compression, stored, stream) = open_stream(&path).map_err(FileError::at(&path))?;
        let tar = if compression == Compression::None {
            TarReader::without_digest(stream, Some(Arc::clone(&path)), ())
        } else {
            TarReader::new(stream, None, ())
        };
        Ok(Self {
            path,
            compression,
            tar,
            stored,
            totals: None,
            error: None,
        })
    }

    /// How the layer is stored.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// What is known once everything has been read.
    #[must_use]
    pub const fn totals(&self) -> Option<Totals> {
        self.totals
    }

    /// Up to `limit` further entries, or fewer where their names and attributes are large; none at the end.
    ///
    /// # Errors
    /// The layer is malformed or cannot be read; every further call gives the same error.
    pub fn next_batch(&mut self, limit: usize) -> Result<Vec<Entry>, Arc<LayerError>> {
        if let Some(error) = &self.error {
            return Err(Arc::clone(error));
        }
        self.read_batch(limit).map_err(|error| {
            let error = Arc::new(error);
            self.error = Some(Arc::clone(&error));
            error
        })
    }

    fn read_batch(&mut self, limit: usize) -> Result<Vec<Entry>, LayerError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < limit && bytes < BATCH_BYTES {
            let Some(entry) = self
                .tar
                .next_entry()
                .map_err(|error| name_file(error, &self.path))?
            else {
                self.totals = self.stored.get().map(|&(digest, size)| {
                    // A plain tar is what is stored.
                    let (diff_id, tar_size) = self.tar.digest().unwrap_or((digest, size));
                    Totals {
                        digest,
                        size,
                        diff_id,
                        tar_size,
                    }
                });
                break;
            };
            bytes += variable_bytes(&entry);
            batch.push(entry);
        }
        Ok(batch)
    }
}

/// Write a layer's uncompressed tar to a new file; returns its digest (the `diff_id`) and size in bytes.
///
/// # Errors
/// The layer cannot be read or is damaged, or the file exists or cannot be written; a file that was begun is removed.
pub fn decompress_layer(path: &Path, destination: &Path) -> Result<(Digest, u64), LayerError> {
    let mut content = LayerContent::open(path)?;
    let mut output = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(destination)
        .map_err(FileError::at(destination))?;
    let result = copy(&mut content, &mut output, destination);
    if result.is_err() {
        // The first error says more than one of cleaning up would.
        let _ = fs::remove_file(destination);
    }
    result
}

fn copy(
    content: &mut LayerContent,
    output: &mut File,
    destination: &Path,
) -> Result<(Digest, u64), LayerError> {
    loop {
        let bytes = content.next_buffer()?;
        if bytes.is_empty() {
            return Ok(content.digest());
        }
        output
            .write_all(bytes)
            .map_err(FileError::at(destination))?;
    }
}

/// The uncompressed tar of a layer, and where the digest of what is stored will be.
fn open_stream(path: &Path) -> io::Result<(Compression, Stored, ReadAhead)> {
    let (compression, stored, stream) = open_stored(path)?;
    Ok((compression, stored, compression.decode(stream)?))
}

/// A file as it is stored, how it seems to be compressed, and where its digest will be once it has been read.
pub(crate) fn open_stored(path: &Path) -> io::Result<(Compression, Stored, ReadAhead)> {
    let file = File::open(path)?;
    let mut magic = [0; Compression::MAGIC_LENGTH];
    let length = file.read_at(&mut magic, 0)?;
    let compression = Compression::detect(&magic[..length]);
    let stored = Stored::default();
    let input = HashingReader {
        reader: file,
        hasher: Sha256::new(),
        stored: Arc::clone(&stored),
    };
    Ok((compression, stored, ReadAhead::spawn(input)?))
}

/// Hashes what is read, and says what it was at the end.
struct HashingReader {
    reader: File,
    hasher: Sha256,
    stored: Stored,
}

impl Read for HashingReader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(output)?;
        self.hasher.update(&output[..length]);
        if length == 0 {
            // Set before; the end of a file may be read more than once.
            let _ = self
                .stored
                .set((self.hasher.digest(), self.hasher.length()));
        }
        Ok(length)
    }
}

/// A file that cannot be read is no malformed layer.
pub(crate) fn name_file(error: LayerError, path: &Path) -> LayerError {
    match error {
        LayerError::Malformed {
            problem: TarProblem::Stream(source),
            ..
        } if source.raw_os_error().is_some() => LayerError::File(FileError {
            path: path.to_path_buf(),
            source,
        }),
        other => other,
    }
}

/// Bytes that an entry takes besides its fixed size.
fn variable_bytes(entry: &Entry) -> usize {
    let xattrs: usize = entry
        .xattrs
        .iter()
        .map(|(name, value)| name.len() + value.len() + XATTR_BYTES)
        .sum();
    entry.path.len() + entry.link_target.as_ref().map_or(0, Vec::len) + xattrs
}
