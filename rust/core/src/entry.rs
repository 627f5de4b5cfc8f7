//! One entry of a tree.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::digest::Digest;

/// The permission bits of a mode, set-user-ID, set-group-ID and sticky bit among them.
pub const MODE_MASK: u32 = 0o7777;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A further name of an entry that came before.
    Hardlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::Hardlink,
        Self::Character,
        Self::Block,
        Self::Fifo,
    ];

    /// The name that Python and the tree digest know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Hardlink => "hardlink",
            Self::Character => "character",
            Self::Block => "block",
            Self::Fifo => "fifo",
        }
    }

    /// The kind of a name, if it is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One entry of a tree: of a layer, or of what a COPY copies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Relative path without leading or trailing slash; empty for the root of the tree.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, within [`MODE_MASK`].
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file's content (of a sparse file, expanded); 0 for every other kind.
    pub size: u64,
    /// Where a symlink or hard link points, as stored.
    pub link_target: Option<Vec<u8>>,
    /// Extended attributes, with the prefix of their name space.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Digest of a file's content.
    pub digest: Option<Digest>,
    /// The file on this machine that holds the content, where it can be had directly.
    pub source: Option<Arc<Path>>,
    /// Where the content starts, in bytes: in `source` where there is one, otherwise in the uncompressed tar.
    pub offset: u64,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
}

impl Entry {
    /// An entry of which only path and kind are known.
    #[must_use]
    pub const fn new(path: Vec<u8>, kind: Kind) -> Self {
        Self {
            path,
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size: 0,
            link_target: None,
            xattrs: BTreeMap::new(),
            digest: None,
            source: None,
            offset: 0,
            device: None,
        }
    }
}
