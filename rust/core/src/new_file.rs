//! Files on their way to disk: without a final name until they are published.

use std::fs::File;
use std::io::Write;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::error::FileError;

/// What the name of an unpublished file starts with, where the file system has no nameless files.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// What is published never changes, so nobody may write to it.
const PUBLISHED_MODE: Mode = Mode::RUSR.union(Mode::RGRP).union(Mode::ROTH);
/// Nobody else reads what is not published yet.
const UNPUBLISHED_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How many bytes gather before the disk is asked to begin with them.
const WRITEBACK: u64 = 8 << 20;

/// The name that an unpublished file has.
enum Name {
    /// None at all: the file vanishes when it is closed.
    Nameless,
    /// A `.tmp-` name, removed when the file is closed.
    Temporary(PathBuf),
    /// The caller's own name, which outlives the process.
    Own(PathBuf),
}

/// An open file that grows at its end.
pub struct NewFile {
    file: File,
    name: Name,
    /// What errors name: the file's name, or its directory where it has none.
    path: PathBuf,
    size: u64,
    /// How many of the bytes the disk was asked to begin with.
    submitted: u64,
    failure: Option<Errno>,
}

impl NewFile {
    /// Opens a new file in the file system of `directory`.
    ///
    /// # Errors
    /// The directory is not there or takes no files.
    pub fn create(directory: &Path) -> Result<Self, FileError> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::open(directory, flags, PUBLISHED_MODE) {
            Ok(file) => Ok(Self::new(file.into(), Name::Nameless, directory.to_owned())),
            // File systems without nameless files say the one, kernels without them the other.
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => Self::create_temporary(directory),
            Err(errno) => Err(FileError::at(directory)(errno)),
        }
    }

    fn create_temporary(directory: &Path) -> Result<Self, FileError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("{TEMPORARY_PREFIX}{}-{serial}", process::id()));
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            match rustix::fs::open(&path, flags, UNPUBLISHED_MODE) {
                Ok(file) => return Ok(Self::new(file.into(), Name::Temporary(path.clone()), path)),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(FileError::at(&path)(errno)),
            }
        }
    }

    /// Opens the file `path`, or makes it. It is written at its start, unless its bytes are gone over and skipped.
    ///
    /// # Errors
    /// `EAGAIN`: another process or object has it open; otherwise the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = open_exclusive(path).map_err(FileError::at(path))?;
        Ok(Self::new(file, Name::Own(path.to_owned()), path.to_owned()))
    }

    fn new(file: File, name: Name, path: PathBuf) -> Self {
        Self {
            file,
            name,
            path,
            size: 0,
            submitted: 0,
            failure: None,
        }
    }

    /// The open file, to be read.
    pub(crate) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Counts bytes that the file has already, and that were gone over in it.
    pub(crate) const fn skip(&mut self, count: u64) {
        self.size += count;
    }

    /// How many bytes the file has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether the name is the caller's own, and all bytes that were written are there.
    pub(crate) const fn can_be_kept(&self) -> bool {
        self.failure.is_none() && matches!(self.name, Name::Own(_))
    }

    /// Appends bytes and returns the new size.
    ///
    /// # Errors
    /// The disk does not take the bytes; from then on the file can only be closed.
    pub fn write(&mut self, data: &[u8]) -> Result<u64, FileError> {
        self.check()?;
        let written = self.file.write_all(data);
        written.map_err(|error| self.fail(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        self.size += data.len() as u64;
        self.begin_writeback();
        Ok(self.size)
    }

    /// Lets the disk begin with what has gathered, so that `sync` has little left to wait for.
    fn begin_writeback(&mut self) {
        let length = self.size - self.submitted;
        if length < WRITEBACK {
            return;
        }
        let (Ok(start), Ok(length)) = (i64::try_from(self.submitted), i64::try_from(length)) else {
            return;
        };
        // SAFETY: the call takes no pointers, and the descriptor is open for as long as `file` is.
        //
        // Its result says nothing that `sync` will not: that one waits for these pages, and hears of their errors.
        unsafe {
            libc::sync_file_range(
                self.file.as_raw_fd(),
                start,
                length,
                libc::SYNC_FILE_RANGE_WRITE,
            );
        }
        self.submitted = self.size;
    }

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// The disk failed; from then on the file can only be closed. The kernel marks pages that it could not write as
    /// clean, so that a second try would succeed and lie.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.check()?;
        rustix::fs::fsync(&self.file).map_err(|errno| self.fail(errno))
    }

    /// Gives the file its final name and takes any other from it; returns false, and removes the file, where the name
    /// exists already.
    ///
    /// # Errors
    /// The name cannot be given; the file is as before, so that a missing directory can be made.
    pub fn publish(&mut self, path: &Path) -> Result<bool, FileError> {
        self.check()?;
        let named = match &self.name {
            Name::Nameless => {
                // Linking the descriptor itself (AT_EMPTY_PATH) takes a capability; its name in /proc does not.
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                rustix::fs::linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)
            }
            Name::Temporary(old) | Name::Own(old) => rename_without_replacing(old, path),
        };
        match named {
            Ok(()) => {
                if !matches!(mem::replace(&mut self.name, Name::Nameless), Name::Nameless) {
                    rustix::fs::fchmod(&self.file, PUBLISHED_MODE).map_err(FileError::at(path))?;
                }
                Ok(true)
            }
            Err(Errno::EXIST) => {
                self.remove_name()?;
                Ok(false)
            }
            Err(errno) => Err(FileError::at(path)(errno)),
        }
    }

    /// Closes the file and removes it, unless it has a name of its own, `keep` is true and nothing failed.
    ///
    /// # Errors
    /// Its name cannot be removed.
    pub fn close(mut self, keep: bool) -> Result<(), FileError> {
        if keep && self.can_be_kept() {
            self.name = Name::Nameless;
        }
        self.remove_name()
    }

    fn remove_name(&mut self) -> Result<(), FileError> {
        match mem::replace(&mut self.name, Name::Nameless) {
            Name::Nameless => Ok(()),
            // Still open and so still locked: whoever waits for the name finds it gone and starts a new file.
            Name::Temporary(path) | Name::Own(path) => {
                rustix::fs::unlink(&path).map_err(FileError::at(&path))
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), FileError> {
        self.failure
            .map_or(Ok(()), |errno| Err(FileError::at(&self.path)(errno)))
    }

    fn fail(&mut self, errno: Errno) -> FileError {
        self.failure = Some(errno);
        FileError::at(&self.path)(errno)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Name::Temporary(path) = &self.name {
            // Nobody is left to be told; the next start of a store clears what remains.
            let _ = rustix::fs::unlink(path);
        }
    }
}

/// Makes the names in a directory durable.
///
/// # Errors
/// The directory cannot be opened, or the disk failed.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .and_then(rustix::fs::fsync)
        .map_err(FileError::at(path))
}

fn open_exclusive(path: &Path) -> Result<File, Errno> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, UNPUBLISHED_MODE)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let held = rustix::fs::fstat(&file)?;
        match rustix::fs::lstat(path) {
            Ok(named) if (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino) => {
                if held.st_nlink == 1 {
                    return Ok(file.into());
                }
                // Published by a process that died before it took this name away: appending would change a blob.
                rustix::fs::unlink(path)?;
            }
            // Between opening and locking, its holder published or removed it.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn rename_without_replacing(old: &Path, new: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, old, CWD, new, RenameFlags::NOREPLACE) {
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(CWD, old, CWD, new, AtFlags::empty())?;
            rustix::fs::unlink(old)
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn without_nameless_files_a_temporary_name_is_published() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = NewFile::create_temporary(directory.path()).unwrap();
        file.write(b"bytes").unwrap();
        assert!(names(directory.path())[0].starts_with(TEMPORARY_PREFIX));
        assert!(file.publish(&directory.path().join("blob")).unwrap());
        assert_eq!(names(directory.path()), ["blob"]);
    }

    #[test]
    fn a_temporary_name_goes_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let first = NewFile::create_temporary(directory.path()).unwrap();
        let second = NewFile::create_temporary(directory.path()).unwrap();
        assert_eq!(names(directory.path()).len(), 2);
        drop(first);
        second.close(true).unwrap();
        assert_eq!(names(directory.path()), [""; 0]);
    }
}
