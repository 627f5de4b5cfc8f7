//! Blobs on their way to disk: files that are hashed as they are written.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rustix::fs::XattrFlags;

use crate::digest::Digest;
use crate::error::FileError;
use crate::new_file::NewFile;
use crate::sha256::Sha256;

/// How much of a continued file is read at once to hash it again.
const REHASH_BUFFER: usize = 1 << 20;

/// The extended attribute of an unpublished file that keeps its hash for who continues it.
const CHECKPOINT_ATTRIBUTE: &str = "user.lamella.sha256";

/// An open file that grows at its end and knows its digest.
pub struct BlobFile {
    file: NewFile,
    hasher: Sha256,
}

impl BlobFile {
    /// Opens a new file in the file system of `directory`.
    ///
    /// # Errors
    /// As of [`NewFile::create`].
    pub fn create(directory: &Path) -> Result<Self, FileError> {
        NewFile::create(directory).map(Self::new)
    }

    /// Opens the file `path`, or makes it, and continues it at its end.
    ///
    /// # Errors
    /// `EAGAIN`: another process or object has it open; otherwise the file cannot be opened or read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut opened = Self::new(NewFile::open(path)?);
        opened
            .resume()
            .and_then(|()| opened.rehash())
            .map_err(FileError::at(path))?;
        Ok(opened)
    }

    fn new(file: NewFile) -> Self {
        Self {
            file,
            hasher: Sha256::new(),
        }
    }

    /// Takes up the hash where the holder before left it, and moves there.
    fn resume(&mut self) -> io::Result<()> {
        let file = self.file.file();
        let mut checkpoint = [0; Sha256::CHECKPOINT];
        // Where there is none, and on file systems that keep none, everything is hashed again.
        let Ok(Sha256::CHECKPOINT) =
            rustix::fs::fgetxattr(&*file, CHECKPOINT_ATTRIBUTE, &mut checkpoint)
        else {
            return Ok(());
        };
        rustix::fs::fremovexattr(&*file, CHECKPOINT_ATTRIBUTE)?;
        if let Some(hasher) = Sha256::resume(&checkpoint)
            && hasher.length() <= file.metadata()?.len()
        {
            let position = file.seek(SeekFrom::Start(hasher.length()))?;
            self.file.skip(position);
            self.hasher = hasher;
        }
        Ok(())
    }

    /// Hashes what of the file is not hashed yet, and so moves to its end.
    fn rehash(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; REHASH_BUFFER];
        loop {
            match self.file.file().read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.hasher.update(&buffer[..count]);
                    self.file.skip(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How many bytes the file has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.file.size()
    }

    /// The digest of everything in the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.hasher.digest()
    }

    /// Appends bytes and returns the new size.
    ///
    /// # Errors
    /// As of [`NewFile::write`].
    pub fn write(&mut self, data: &[u8]) -> Result<u64, FileError> {
        let size = self.file.write(data)?;
        self.hasher.update(data);
        Ok(size)
    }

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// As of [`NewFile::sync`].
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.file.sync()
    }

    /// Gives the file its final name; see [`NewFile::publish`].
    ///
    /// # Errors
    /// The name cannot be given; the file is as before, so that a missing directory can be made.
    pub fn publish(&mut self, path: &Path) -> Result<bool, FileError> {
        self.file.publish(path)
    }

    /// Closes the file and removes it, unless it has a name of its own, `keep` is true and nothing failed.
    ///
    /// # Errors
    /// Its name cannot be removed.
    pub fn close(mut self, keep: bool) -> Result<(), FileError> {
        if keep && self.file.can_be_kept() {
            let checkpoint = self.hasher.checkpoint();
            // Without it, whoever continues the file hashes everything again.
            let _ = rustix::fs::fsetxattr(
                self.file.file(),
                CHECKPOINT_ATTRIBUTE,
                &checkpoint,
                XattrFlags::empty(),
            );
        }
        self.file.close(keep)
    }

    pub(crate) fn check(&self) -> Result<(), FileError> {
        self.file.check()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn a_continued_file_takes_up_the_hash_where_it_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("upload");
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
        for part in [0..100, 100..101, 101..640, 640..1000] {
            let mut file = BlobFile::open(&path).unwrap();
            assert_eq!(file.size(), part.start as u64);
            file.write(&whole[part.clone()]).unwrap();
            assert_eq!(file.digest(), Sha256::of(&whole[..part.end]));
            file.close(true).unwrap();
        }
        // The bytes before the checkpoint are not read again: change one, and the digest stays.
        let Ok(Sha256::CHECKPOINT) =
            rustix::fs::getxattr(&path, CHECKPOINT_ATTRIBUTE, &mut [0; 64])
        else {
            return; // this file system keeps no attributes
        };
        fs::write(&path, [&[1], &whole[1..]].concat()).unwrap();
        let file = BlobFile::open(&path).unwrap();
        assert_eq!(file.digest(), Sha256::of(&whole));
    }

    #[test]
    fn a_checkpoint_past_the_end_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("upload");
        let mut file = BlobFile::open(&path).unwrap();
        file.write(&[7; 1000]).unwrap();
        file.close(true).unwrap();
        fs::write(&path, [7; 500]).unwrap();
        let file = BlobFile::open(&path).unwrap();
        assert_eq!((file.size(), file.digest()), (500, Sha256::of(&[7; 500])));
    }
}
