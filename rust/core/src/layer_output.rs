//! The file that a layer is written to: hashed on the way, and gone unless it is finished.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::digest::Digest;
use crate::error::FileError;
use crate::sha256::Sha256;
use crate::sha256_pair::update_pair;

/// Bytes collected before they are written: few system calls, and still in the L2 cache when they are hashed.
const BUFFER: usize = 256 << 10;

/// What came of copying a file into the layer.
#[derive(Debug, PartialEq, Eq)]
pub enum Copied {
    /// As many bytes as were wanted, with this digest.
    Whole(Digest),
    /// The file ended after this many bytes.
    Short(u64),
}

pub struct LayerOutput {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    filled: usize,
    stream: Sha256,
    finished: bool,
}

impl LayerOutput {
    /// Makes the file `path`, which must not exist.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::create_new(path).map_err(FileError::at(path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            buffer: vec![0; BUFFER],
            filled: 0,
            stream: Sha256::new(),
            finished: false,
        })
    }

    /// Appends bytes.
    pub fn append(&mut self, mut data: &[u8]) -> Result<(), FileError> {
        self.stream.update(data);
        while !data.is_empty() {
            let free = self.free()?;
            let (now, later) = data.split_at(data.len().min(free.len()));
            free[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            data = later;
        }
        Ok(())
    }

    /// Appends `size` bytes of the file `source`, from `offset` on.
    pub fn append_file(
        &mut self,
        source: &Path,
        offset: u64,
        size: u64,
    ) -> Result<Copied, FileError> {
        // What was a file may be a pipe by now: opening that must not block.
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = File::options()
            .read(true)
            .custom_flags(nonblocking)
            .open(source)
            .map_err(FileError::at(source))?;
        let mut content = Sha256::new();
        while content.length() < size {
            let done = content.length();
            let free = self.free()?;
            let wanted = usize::try_from(size - done)
                .unwrap_or(usize::MAX)
                .min(free.len());
            match file.read_at(&mut free[..wanted], offset + done) {
                Ok(0) => return Ok(Copied::Short(done)),
                Ok(length) => {
                    let piece = &self.buffer[self.filled..self.filled + length];
                    update_pair(&mut self.stream, &mut content, piece);
                    self.filled += length;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::at(source)(error)),
            }
        }
        Ok(Copied::Whole(content.digest()))
    }

    /// Completes the file and returns its digest and size.
    pub fn finish(mut self) -> Result<(Digest, u64), FileError> {
        self.flush()?;
        self.finished = true;
        Ok((self.stream.digest(), self.stream.length()))
    }

    /// The part of the buffer that is free; never empty.
    fn free(&mut self) -> Result<&mut [u8], FileError> {
        if self.filled == self.buffer.len() {
            self.flush()?;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    fn flush(&mut self) -> Result<(), FileError> {
        self.file
            .write_all(&self.buffer[..self.filled])
            .map_err(FileError::at(&self.path))?;
        self.filled = 0;
        Ok(())
    }
}

impl Drop for LayerOutput {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to be told; a name that stays is refused when it is used again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
