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

/// A path of any bytes as it stands in messages.
#[must_use]
pub fn quoted(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(path))
}
