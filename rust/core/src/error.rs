//! What can go wrong while files and layers are read, with the identities that the messages name.

use std::io;
use std::path::{Path, PathBuf};

/// A file system operation on one path failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: names the path of an operation's error.
    pub fn at<E: Into<io::Error>>(path: &Path) -> impl FnOnce(E) -> Self + '_ {
        move |source| Self {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }
}

/// A tree cannot be given a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Two entries have one path.
    #[error("two entries have the path {}", quoted(_0))]
    DuplicatePath(Vec<u8>),
    /// A file's content has not been hashed.
    #[error("file {} has no digest", quoted(_0))]
    MissingDigest(Vec<u8>),
}

/// A layer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The file that holds it cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its bytes are malformed or exceed a limit.
    #[error("tar offset {offset}{}: {problem}", within(entry.as_deref()))]
    Malformed {
        /// Where, in bytes of the uncompressed tar.
        offset: u64,
        /// Path of the entry, where it is known.
        entry: Option<Vec<u8>>,
        /// What is wrong.
        problem: TarProblem,
    },
}

/// What is wrong with a tar.
#[derive(Debug, thiserror::Error)]
pub enum TarProblem {
    /// The stream ends too early; what is missing.
    #[error("the tar ends within {0}")]
    Truncated(&'static str),
    /// The bytes cannot be had: the compressed stream is damaged, or the file cannot be read.
    #[error(transparent)]
    Stream(#[from] io::Error),
    /// A header's checksum is not that of its bytes; this is no tar, or a damaged one.
    #[error("a header has a wrong checksum")]
    Checksum,
    /// Readers disagree on whether a tar ends here.
    #[error("a single block of zeros is followed by more entries")]
    LoneZeroBlock,
    /// A field does not hold a number of the allowed range.
    #[error("{field} is {}, not a number of at most {most}", quoted(value))]
    Number {
        /// Field of the header, or key of the record.
        field: &'static str,
        /// What it holds.
        value: Vec<u8>,
        /// The largest number allowed.
        most: u64,
    },
    /// A length or count exceeds a limit.
    #[error("{what} is limited to {most}, not {actual}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        most: u64,
        /// What the tar asks for.
        actual: u64,
    },
    /// A PAX extended header is malformed.
    #[error("PAX header: {0}")]
    Pax(&'static str),
    /// The map of a sparse file is malformed.
    #[error("sparse map: {0}")]
    SparseMap(&'static str),
    /// The tar ends where the entry of an extended header should be.
    #[error("an extended header is followed by no entry")]
    DanglingExtension,
}

fn within(entry: Option<&[u8]>) -> String {
    entry.map_or_else(String::new, |path| format!(", entry {}", quoted(path)))
}

/// A path of any bytes as it stands in messages.
#[must_use]
pub fn quoted(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(path))
}
