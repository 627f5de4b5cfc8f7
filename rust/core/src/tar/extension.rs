//! What extended headers say of the entry that follows.

use std::collections::BTreeMap;

use crate::error::TarProblem;
use crate::tar::number::{LARGEST_SIZE, parse_decimal};
use crate::tar::pax::{Record, records};
use crate::tar::sparse::PaxSparse;

/// How `star`, GNU tar, bsdtar and Go name an extended attribute. (bsdtar's `LIBARCHIVE.xattr.` repeats it.)
const XATTR_PREFIX: &[u8] = b"SCHILY.xattr.";

/// Fields that take the place of those in an entry's own header.
#[derive(Clone, Default)]
pub struct Extension {
    pub path: Option<Vec<u8>>,
    pub link_target: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub sparse: PaxSparse,
}

impl Extension {
    /// Apply an extended header for one entry.
    ///
    /// # Errors
    /// A record is malformed.
    pub fn apply(&mut self, header: &[u8]) -> Result<(), TarProblem> {
        for record in records(header) {
            let Record { key, value } = record?;
            if let Some(name) = key.strip_prefix(XATTR_PREFIX) {
                self.xattrs.insert(name.to_vec(), value.to_vec());
            } else if let Some(keyword) = key.strip_prefix(b"GNU.sparse.") {
                self.sparse.apply(keyword, value)?;
            } else {
                self.apply_field(key, value)?;
            }
        }
        Ok(())
    }

    /// Apply a global extended header: only fields that can be common to many entries, so that what is kept for all
    /// that follow stays small.
    ///
    /// # Errors
    /// A record is malformed.
    pub fn apply_global(&mut self, header: &[u8]) -> Result<(), TarProblem> {
        records(header).try_for_each(|record| {
            record.and_then(|Record { key, value }| self.apply_field(key, value))
        })
    }

    /// An empty value takes back what a global header said (POSIX.1-2024, `pax`, "pax Header Block").
    fn apply_field(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarProblem> {
        match key {
            b"path" => self.path = some(value),
            b"linkpath" => self.link_target = some(value),
            b"size" => self.size = number("size", value, LARGEST_SIZE)?,
            b"uid" => self.uid = id("uid", value)?,
            b"gid" => self.gid = id("gid", value)?,
            _ => {}
        }
        Ok(())
    }
}

fn some(value: &[u8]) -> Option<Vec<u8>> {
    (!value.is_empty()).then(|| value.to_vec())
}

fn number(field: &'static str, value: &[u8], most: u64) -> Result<Option<u64>, TarProblem> {
    if value.is_empty() {
        Ok(None)
    } else {
        parse_decimal(field, value, most).map(Some)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most u32::MAX")]
fn id(field: &'static str, value: &[u8]) -> Result<Option<u32>, TarProblem> {
    Ok(number(field, value, u32::MAX.into())?.map(|id| id as u32))
}
