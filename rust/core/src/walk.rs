//! One parallel walk over a folder, less what patterns leave out.

use std::ffi::{CStr, OsStr};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::Scope;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::entry::{Kind, MODE_MASK};
use crate::error::FileError;
use crate::pattern::{Inherited, Patterns};

/// Something in a folder.
#[derive(Debug)]
pub struct Node {
    /// Relative to the folder; empty for the folder itself.
    pub path: Vec<u8>,
    /// What it is; never a hard link.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of a file when it was seen; 0 for every other kind.
    pub size: u64,
    /// Where a symlink points.
    pub link_target: Option<Vec<u8>>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
}

impl AsRef<[u8]> for Node {
    fn as_ref(&self) -> &[u8] {
        &self.path
    }
}

/// What a walk found, in the order of paths' bytes; the folder itself is the first.
#[derive(Debug)]
pub struct Tree(Vec<Node>);

impl Tree {
    /// Walks the folder `root` on the threads of the current rayon pool. Symlinks are not followed, sockets left out; a
    /// folder that the patterns leave out stays where something in it is let in.
    ///
    /// # Errors
    /// A folder cannot be read, or something in it not be looked at.
    pub fn walk(root: &Path, patterns: &Patterns) -> Result<Self, FileError> {
        let walk = Walk {
            root,
            patterns,
            found: Mutex::default(),
        };
        let folder = Node {
            path: Vec::new(),
            kind: Kind::Directory,
            mode: permissions(&rustix::fs::stat(root).map_err(FileError::at(root))?),
            size: 0,
            link_target: None,
            device: None,
        };
        rayon::scope(|scope| walk.read_folder(scope, b"", &patterns.at_root()));
        let Found {
            nodes: mut kept,
            left_out,
            error,
        } = walk
            .found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error {
            return Err(error);
        }
        kept.push(folder);
        kept.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let needed: Vec<Node> = left_out
            .into_iter()
            .filter(|folder| !below(&kept, &folder.path).is_empty())
            .collect();
        kept.extend(needed);
        kept.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(Self(kept))
    }

    /// All nodes, the folder itself among them.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.0
    }

    /// The position of the node with this path among [`Self::nodes`].
    #[must_use]
    pub fn position(&self, path: &[u8]) -> Option<usize> {
        self.0
            .binary_search_by(|node| node.path.as_slice().cmp(path))
            .ok()
    }

    /// The positions of all nodes in the folder `path`, at any depth.
    #[must_use]
    pub fn positions_below(&self, path: &[u8]) -> Range<usize> {
        range_below(&self.0, path)
    }
}

/// Those of `sorted` paths that lie in the folder `folder`, at any depth.
pub(crate) fn below<'paths, P: AsRef<[u8]>>(sorted: &'paths [P], folder: &[u8]) -> &'paths [P] {
    &sorted[range_below(sorted, folder)]
}

fn range_below<P: AsRef<[u8]>>(sorted: &[P], folder: &[u8]) -> Range<usize> {
    let prefix = joined(folder, b"");
    let start = sorted.partition_point(|path| path.as_ref() < prefix.as_slice());
    let start = start
        + usize::from(
            folder.is_empty() && sorted.first().is_some_and(|path| path.as_ref().is_empty()),
        );
    let length = sorted[start..].partition_point(|path| path.as_ref().starts_with(&prefix));
    start..start + length
}

/// `folder/name`, or `name` in the root.
pub(crate) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        name.to_vec()
    } else {
        [folder, b"/", name].concat()
    }
}

/// Where a path of a tree lies on this machine.
pub(crate) fn on_disk(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        root.to_path_buf()
    } else {
        root.join(OsStr::from_bytes(path))
    }
}

fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & MODE_MASK
}

#[derive(Default)]
struct Found {
    nodes: Vec<Node>,
    /// Folders that are left out, but may hold what is let in.
    left_out: Vec<Node>,
    error: Option<FileError>,
}

struct Walk<'walk> {
    root: &'walk Path,
    patterns: &'walk Patterns,
    found: Mutex<Found>,
}

impl Walk<'_> {
    /// Reads one folder, and has the folders in it read by whichever threads are free.
    fn read_folder<'scope>(
        &'scope self,
        scope: &Scope<'scope>,
        path: &[u8],
        inherited: &Inherited,
    ) {
        if self.found().error.is_some() {
            return;
        }
        let (mut nodes, mut left_out) = (Vec::new(), Vec::new());
        let error = self.read_children(path, |child| {
            let is_folder = child.kind == Kind::Directory;
            let leave_out = self.patterns.leave_out_child(&child.path, inherited);
            if leave_out && !(is_folder && self.patterns.may_let_in_below(&child.path)) {
                return;
            }
            if is_folder {
                let path = child.path.clone();
                let inherited = self.patterns.below(&path, inherited);
                scope.spawn(move |scope| self.read_folder(scope, &path, &inherited));
            }
            if leave_out { &mut left_out } else { &mut nodes }.push(child);
        });
        let mut found = self.found();
        found.nodes.append(&mut nodes);
        found.left_out.append(&mut left_out);
        if let Err(error) = error {
            found.error.get_or_insert(error);
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_children(&self, folder: &[u8], mut each: impl FnMut(Node)) -> Result<(), FileError> {
        let location = on_disk(self.root, folder);
        // The root may be named through a symlink; a folder in it that became one meanwhile is not followed.
        let follow = if folder.is_empty() {
            OFlags::empty()
        } else {
            OFlags::NOFOLLOW
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | follow;
        let opened =
            rustix::fs::open(&location, flags, Mode::empty()).map_err(FileError::at(&location))?;
        let entries = Dir::read_from(&opened).map_err(FileError::at(&location))?;
        for entry in entries {
            let entry = entry.map_err(FileError::at(&location))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = joined(folder, name.to_bytes());
            match look_at(opened.as_fd(), name, path) {
                Ok(Some(node)) => each(node),
                // A socket, or it was removed since the folder was read: the context does not have it.
                Ok(None) | Err(Errno::NOENT) => {}
                Err(errno) => {
                    return Err(FileError::at(
                        &location.join(OsStr::from_bytes(name.to_bytes())),
                    )(errno));
                }
            }
        }
        Ok(())
    }
}

/// The node of a name in an open folder; none for a socket.
fn look_at(folder: BorrowedFd<'_>, name: &CStr, path: Vec<u8>) -> Result<Option<Node>, Errno> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::Character,
        FileType::BlockDevice => Kind::Block,
        FileType::Fifo => Kind::Fifo,
        _ => return Ok(None),
    };
    Ok(Some(Node {
        path,
        kind,
        mode: permissions(&stat),
        size: if kind == Kind::File {
            u64::try_from(stat.st_size).unwrap_or_default()
        } else {
            0
        },
        link_target: match kind {
            Kind::Symlink => Some(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes()),
            _ => None,
        },
        device: matches!(kind, Kind::Character | Kind::Block).then(|| {
            (
                rustix::fs::major(stat.st_rdev),
                rustix::fs::minor(stat.st_rdev),
            )
        }),
    }))
}
