//! Build contexts: a folder walked once, whose files are hashed once, when they are first asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::copy_source::{SourceError, expand, select};
use crate::digest::Digest;
use crate::entry::{Entry, Kind};
use crate::error::FileError;
use crate::pattern::{PatternError, Patterns};
use crate::sha256::Sha256;
use crate::walk::{Node, Tree, on_disk};

/// Bytes read from a file at once; also the most that Linux gives for an attribute or a list of their names.
const READ_SIZE: usize = 256 << 10;

/// Why a context gives no entries.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Something cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The source names nothing that can be copied.
    #[error("{error}{}", if *hidden { ", because the ignore patterns leave it out" } else { "" })]
    Source {
        /// What is wrong with it.
        error: SourceError,
        /// Whether it would be there without the ignore patterns.
        hidden: bool,
    },
}

/// What takes reading to know about a node.
#[derive(Debug, Clone)]
struct Content {
    digest: Option<Digest>,
    size: u64,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A folder, less what patterns leave out.
#[derive(Debug)]
pub struct Context {
    root: PathBuf,
    /// `root` itself, open, so that paths in it are short ways for the kernel.
    folder: OwnedFd,
    tree: Tree,
    contents: Vec<OnceLock<Content>>,
    threads: ThreadPool,
}

impl Context {
    /// Walks the folder `root` on `threads` threads (0: one a core), less what the lines of a `.dockerignore` leave out.
    ///
    /// # Errors
    /// A line is malformed, or the folder cannot be read.
    pub fn new<L: AsRef<[u8]>>(
        root: &Path,
        ignore: &[L],
        threads: usize,
    ) -> Result<Self, ContextError> {
        let patterns = Patterns::from_lines(ignore)?;
        let root = std::path::absolute(root).map_err(FileError::at(root))?;
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| FileError::at(&root)(io::Error::other(error)))?;
        let tree = threads.install(|| Tree::walk(&root, &patterns))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&root, flags, Mode::empty()).map_err(FileError::at(&root))?;
        let contents = tree.nodes().iter().map(|_| OnceLock::new()).collect();
        Ok(Self {
            root,
            folder,
            tree,
            contents,
            threads,
        })
    }

    /// Everything in the folder, the folder itself first.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        self.tree.nodes()
    }

    /// What `COPY source destination/` copies, in the order of paths' bytes, relative to the destination.
    ///
    /// # Errors
    /// The source or a pattern is malformed, nothing is there, or it cannot be read.
    pub fn copy_source<P: AsRef<[u8]>>(
        &self,
        source: &[u8],
        exclude: &[P],
    ) -> Result<Vec<Entry>, ContextError> {
        let exclude = Patterns::from_arguments(exclude)?;
        let selection =
            select(&self.tree, source, &exclude).map_err(|error| self.explain(error, source))?;
        let read = || {
            let positions: Vec<usize> = selection.values().copied().collect();
            let contents = positions.par_iter().map_init(
                || vec![0; READ_SIZE],
                |buffer, position| self.content(*position, buffer),
            );
            contents.collect::<Vec<_>>()
        };
        let contents = self.threads.install(read);
        let entries = selection.into_iter().zip(contents);
        entries
            .map(|((path, position), content)| {
                Ok(self.entry(path, &self.nodes()[position], content?))
            })
            .collect()
    }

    /// What the wildcards of a source match, or the source itself where it has none.
    ///
    /// # Errors
    /// As [`Self::copy_source`].
    pub fn matches(&self, source: &[u8]) -> Result<Vec<Vec<u8>>, ContextError> {
        expand(&self.tree, source).map_err(|error| self.explain(error, source))
    }

    fn entry(&self, path: Vec<u8>, node: &Node, content: Content) -> Entry {
        Entry {
            mode: node.mode,
            size: content.size,
            link_target: node.link_target.clone(),
            xattrs: content.xattrs,
            digest: content.digest,
            source: (node.kind == Kind::File).then(|| Arc::from(on_disk(&self.root, &node.path))),
            device: node.device,
            ..Entry::new(path, node.kind)
        }
    }

    /// What is in a node, read at the first call that succeeds.
    fn content(&self, position: usize, buffer: &mut [u8]) -> Result<Content, FileError> {
        if let Some(content) = self.contents[position].get() {
            return Ok(content.clone());
        }
        let node = &self.nodes()[position];
        let content = read(self.folder.as_fd(), node, buffer)
            .map_err(|error| FileError::at(&on_disk(&self.root, &node.path))(error))?;
        Ok(self.contents[position].get_or_init(|| content).clone())
    }

    /// Finds out whether a source that leads nowhere would lead somewhere without the ignore patterns.
    fn explain(&self, error: SourceError, source: &[u8]) -> ContextError {
        if let SourceError::Pattern(error) = error {
            return error.into();
        }
        let hidden = matches!(error, SourceError::NotFound(_))
            && self
                .threads
                .install(|| Tree::walk(&self.root, &Patterns::default()))
                .is_ok_and(|tree| select(&tree, source, &Patterns::default()).is_ok());
        ContextError::Source { error, hidden }
    }
}

/// Reads what is in a node of the open folder `root`.
fn read(root: BorrowedFd<'_>, node: &Node, buffer: &mut [u8]) -> io::Result<Content> {
    let mut content = Content {
        digest: None,
        size: 0,
        xattrs: BTreeMap::new(),
    };
    if !matches!(node.kind, Kind::File | Kind::Directory) {
        return Ok(content);
    }
    let path = if node.path.is_empty() {
        b"."
    } else {
        node.path.as_slice()
    };
    // What was a file may be a symlink or a pipe by now: that must neither be followed nor block.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(root, path, flags, Mode::empty())?);
    let stat = rustix::fs::fstat(&file)?;
    if (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile) != (node.kind == Kind::File)
    {
        return Err(io::Error::other(format!(
            "it is no longer a {}",
            node.kind.name()
        )));
    }
    content.xattrs = read_xattrs(&file, buffer)?;
    if node.kind == Kind::File {
        let mut hasher = Sha256::new();
        // What is appended from now on is not part of it.
        while stat.st_size.cast_unsigned() > hasher.length() {
            match file.read(buffer) {
                Ok(0) => break,
                Ok(length) => hasher.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        content.digest = Some(hasher.digest());
        content.size = hasher.length();
    }
    Ok(content)
}

/// The extended attributes that belong to the content: `user.*` and file capabilities. All others (ACLs, security
/// labels, overlay marks) are the policy of this machine and mean nothing in an image.
fn read_xattrs(file: &File, buffer: &mut [u8]) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let length = match rustix::fs::flistxattr(file, &mut *buffer) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(errno) => return Err(errno.into()),
    };
    let names: Vec<Vec<u8>> = buffer[..length]
        .split(|byte| *byte == 0)
        .filter(|name| name.starts_with(b"user.") || *name == b"security.capability")
        .map(<[u8]>::to_vec)
        .collect();
    let mut xattrs = BTreeMap::new();
    for name in names {
        match rustix::fs::fgetxattr(file, name.as_slice(), &mut *buffer) {
            Ok(length) => {
                xattrs.insert(name, buffer[..length].to_vec());
            }
            // Removed since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(xattrs)
}
