//! What a COPY or ADD takes from a folder: wildcards, symlinks, and whose paths they become.
//!
//! The rules are Docker's build reference, "COPY", as its builder carries them out.

use std::collections::BTreeMap;

use crate::entry::Kind;
use crate::error::quoted;
use crate::glob::{DoubleStar, Glob};
use crate::pattern::{PatternError, Patterns, clean};
use crate::walk::{Tree, below, joined};

/// How many symlinks are followed on the way to one source.
pub const MAX_LINKS: usize = 255;

/// Why a source cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Nothing in the folder is, or leads to, what the source names.
    #[error("{} is not in the build context", quoted(_0))]
    NotFound(Vec<u8>),
    /// Symlinks lead to each other.
    #[error("more than {MAX_LINKS} symlinks on the way to {}", quoted(_0))]
    TooManyLinks(Vec<u8>),
    /// A wildcard matches sources that do not fit into one folder.
    #[error(
        "{} gives a folder and a file for the one path {}",
        quoted(written),
        quoted(path)
    )]
    Conflict {
        /// The source as it was written.
        written: Vec<u8>,
        /// Relative to the destination.
        path: Vec<u8>,
    },
}

/// What is copied: from path relative to the destination, to position in the tree.
pub type Selection = BTreeMap<Vec<u8>, usize>;

/// Selects what `COPY source destination/` copies. A file keeps the base name that the source gives it, a folder is
/// there itself, as the empty path, with all that is in it; `exclude` holds patterns relative to the source. Nothing is
/// selected where wildcards match nothing: that is how a Dockerfile says that a file is optional.
///
/// # Errors
/// The source is malformed, leads nowhere, or in circles.
pub fn select(tree: &Tree, source: &[u8], exclude: &Patterns) -> Result<Selection, SourceError> {
    let mut selection = Selection::new();
    for path in expand(tree, source)? {
        let position = resolve(tree, &path)?.ok_or_else(|| SourceError::NotFound(path.clone()))?;
        let node = &tree.nodes()[position];
        let pairs = if node.kind == Kind::Directory {
            // A new destination gets the mode of the first folder; one that is there keeps its own.
            selection.entry(Vec::new()).or_insert(position);
            let start = joined(&node.path, b"").len();
            let relative = |position: usize| tree.nodes()[position].path[start..].to_vec();
            tree.positions_below(&node.path)
                .map(|position| (relative(position), position))
                .collect()
        } else {
            vec![(parts(&path).last().unwrap_or_default().to_vec(), position)]
        };
        for (path, position) in without(exclude, tree, pairs) {
            let replaced = selection.insert(path.clone(), position);
            if replaced
                .is_some_and(|replaced| is_folder(tree, replaced) != is_folder(tree, position))
            {
                return Err(SourceError::Conflict {
                    written: source.to_vec(),
                    path,
                });
            }
        }
    }
    Ok(selection)
}

fn is_folder(tree: &Tree, position: usize) -> bool {
    tree.nodes()[position].kind == Kind::Directory
}

/// Leaves out what the patterns exclude, but for folders in which something stays.
fn without(exclude: &Patterns, tree: &Tree, pairs: Vec<(Vec<u8>, usize)>) -> Vec<(Vec<u8>, usize)> {
    if exclude.is_empty() {
        return pairs;
    }
    let (excluded, mut kept): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(path, _)| exclude.leave_out(path));
    let paths: Vec<Vec<u8>> = kept.iter().map(|(path, _)| path.clone()).collect();
    let holds_kept = |path: &[u8]| !below(&paths, path).is_empty();
    kept.extend(
        excluded
            .into_iter()
            .filter(|(path, position)| is_folder(tree, *position) && holds_kept(path)),
    );
    kept
}

/// The paths that a source stands for: itself, or what its wildcards match, in the order of a walk.
///
/// # Errors
/// The source is malformed, or the folder that it looks for matches in does not exist.
pub fn expand(tree: &Tree, source: &[u8]) -> Result<Vec<Vec<u8>>, SourceError> {
    let rooted = clean(&[b"/", source].concat());
    let path = &rooted[1..];
    let Some((plain, wildcard)) = split_at_wildcard(path) else {
        return Ok(vec![path.to_vec()]);
    };
    let glob = Glob::parse(wildcard, DoubleStar::Star).map_err(|reason| PatternError {
        line: None,
        pattern: source.to_vec(),
        reason,
    })?;
    let folder = resolve(tree, plain)?.ok_or_else(|| SourceError::NotFound(source.to_vec()))?;
    let folder = &tree.nodes()[folder].path;
    let start = joined(folder, b"").len();
    let mut matches: Vec<Vec<u8>> = tree
        .positions_below(folder)
        .map(|position| &tree.nodes()[position].path)
        .filter(|path| glob.matches(&path[start..]))
        .cloned()
        .collect();
    matches.sort_unstable_by(|one, other| parts(one).cmp(parts(other)));
    // What is in a folder that matches is copied with it.
    matches.dedup_by(|later, earlier| later.starts_with(&joined(earlier, b"")));
    Ok(matches)
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

/// Splits a path before its first part with a wildcard, if it has one. A part without is taken as it is, `\` included.
fn split_at_wildcard(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut start = 0;
    for part in parts(path) {
        let mut bytes = part.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'*' | b'?' | b'[' => return Some((&path[..start.max(1) - 1], &path[start..])),
                _ => {}
            }
        }
        start += part.len() + 1;
    }
    None
}

/// Follows symlinks in every part of a path, as if the tree were the root of the file system; none where it leads
/// nowhere.
fn resolve(tree: &Tree, path: &[u8]) -> Result<Option<usize>, SourceError> {
    let mut pending: Vec<&[u8]> = parts(path).collect();
    pending.reverse();
    let mut current: Vec<u8> = Vec::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        match part {
            b"" | b"." => continue,
            b".." => {
                let parent = current
                    .iter()
                    .rposition(|byte| *byte == b'/')
                    .unwrap_or_default();
                current.truncate(parent);
                continue;
            }
            _ => {}
        }
        let candidate = joined(&current, part);
        let Some(position) = tree.position(&candidate) else {
            return Ok(None);
        };
        match &tree.nodes()[position].link_target {
            None => current = candidate,
            Some(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(SourceError::TooManyLinks(path.to_vec()));
                }
                if target.starts_with(b"/") {
                    current.clear();
                }
                pending.extend(parts(target).collect::<Vec<_>>().into_iter().rev());
            }
        }
    }
    Ok(tree.position(&current))
}
