//! The content digest of a tree; the format is described byte by byte in `docs/formats.md`, "Tree digest".

use crate::digest::Digest;
use crate::entry::{Entry, Kind};
use crate::error::TreeError;
use crate::sha256::Sha256;

/// Separates tree digests from every other use of SHA-256.
const DOMAIN: &[u8] = b"lamella.tree.v1";

/// A hash over fields, each preceded by its tag and its length, so that no two lists of fields give the same bytes.
struct FieldHasher(Sha256);

impl FieldHasher {
    fn field(&mut self, tag: u8, value: &[u8]) {
        let mut header = [0; 9];
        header[0] = tag;
        header[1..].copy_from_slice(&(value.len() as u64).to_be_bytes());
        self.0.update(&header);
        self.0.update(value);
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), TreeError> {
        self.field(b'p', &entry.path);
        self.field(b'k', entry.kind.name().as_bytes());
        self.field(b'm', &entry.mode.to_be_bytes());
        self.field(b'u', &entry.uid.to_be_bytes());
        self.field(b'g', &entry.gid.to_be_bytes());
        if let Some(target) = &entry.link_target {
            self.field(b'l', target);
        }
        for (name, value) in &entry.xattrs {
            self.field(b'x', name);
            self.field(b'v', value);
        }
        if let Some((major, minor)) = entry.device {
            self.field(b'd', &[major.to_be_bytes(), minor.to_be_bytes()].concat());
        }
        if entry.kind == Kind::File {
            let digest = entry
                .digest
                .ok_or_else(|| TreeError::MissingDigest(entry.path.clone()))?;
            self.field(b's', &entry.size.to_be_bytes());
            self.field(b'c', digest.as_bytes());
        }
        Ok(())
    }
}

/// Digest of a tree's entries, whatever their order; times, inodes and sources are no part of it.
///
/// # Errors
/// Two entries have one path, or a file has no digest.
pub fn tree_digest<'entry>(
    entries: impl IntoIterator<Item = &'entry Entry>,
) -> Result<Digest, TreeError> {
    let mut sorted: Vec<&Entry> = entries.into_iter().collect();
    sorted.sort_unstable_by_key(|entry| &entry.path);
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(TreeError::DuplicatePath(pair[0].path.clone()));
    }
    let mut hasher = FieldHasher(Sha256::new());
    hasher.0.update(DOMAIN);
    for entry in sorted {
        hasher.entry(entry)?;
    }
    Ok(hasher.0.digest())
}
