//! Digests of files on disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;

use crate::digest::Digest;
use crate::error::FileError;
use crate::sha256::Sha256;

/// Bytes read from a file at once: large enough to make system calls cheap, small enough to stay in the L2 cache.
const READ_SIZE: usize = 256 << 10;

/// Digest and size in bytes of everything a reader gives.
fn hash_reader(mut reader: impl Read) -> io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hasher.digest(), hasher.length())),
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Digest and size in bytes of a file.
///
/// # Errors
/// The file cannot be opened or read.
pub fn hash_file(path: &Path) -> Result<(Digest, u64), FileError> {
    File::open(path)
        .and_then(hash_reader)
        .map_err(FileError::at(path))
}

/// Digests and sizes of many files, in their order, on at most `threads` threads (0: one a core).
///
/// # Errors
/// The first file, in their order, that cannot be read.
pub fn hash_files<P: AsRef<Path> + Sync>(
    paths: &[P],
    threads: usize,
) -> Result<Vec<(Digest, u64)>, FileError> {
    let hash_all = || {
        paths
            .par_iter()
            .map(|path| hash_file(path.as_ref()))
            .collect::<Vec<_>>()
    };
    let results = match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(hash_all),
        // No thread can be started: the work is done on this one.
        Err(_) => paths.iter().map(|path| hash_file(path.as_ref())).collect(),
    };
    results.into_iter().collect()
}
