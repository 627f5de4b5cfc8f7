//! The bytes of a tar, hashed and shown to the visitor as they pass.

use std::io::{self, BufRead};

use crate::sha256::Sha256;
use crate::sha256_pair::update_pair;
use crate::tar::Visitor;

/// A tar stream, its digest so far, and who else looks at it.
pub struct Input<R, V> {
    reader: R,
    hasher: Sha256,
    visitor: V,
}

impl<R: BufRead, V: Visitor> Input<R, V> {
    pub const fn new(reader: R, visitor: V) -> Self {
        Self {
            reader,
            hasher: Sha256::new(),
            visitor,
        }
    }

    /// Of everything that has passed; its length is the offset in the tar.
    pub const fn hasher(&self) -> &Sha256 {
        &self.hasher
    }

    pub const fn visitor(&mut self) -> &mut V {
        &mut self.visitor
    }

    pub fn into_visitor(self) -> V {
        self.visitor
    }

    /// Read what is no content; returns how many bytes there were, fewer than asked for only at the end.
    pub fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        self.framing(output.len() as u64, |bytes| {
            output[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        })?;
        Ok(filled)
    }

    /// Pass over what is no content; returns how many bytes there were, fewer than asked for only at the end.
    pub fn skip(&mut self, length: u64) -> io::Result<u64> {
        self.framing(length, |_| {})
    }

    /// Hash content on its own, too; returns how many bytes there were, fewer than asked for only at the end.
    pub fn content(&mut self, length: u64, content: &mut Sha256) -> io::Result<u64> {
        self.pass(length, |hasher, visitor, bytes| {
            update_pair(hasher, content, bytes);
            visitor.content(bytes)
        })
    }

    fn framing(&mut self, length: u64, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
        self.pass(length, |hasher, visitor, bytes| {
            hasher.update(bytes);
            each(bytes);
            visitor.framing(bytes)
        })
    }

    fn pass(
        &mut self,
        length: u64,
        mut each: impl FnMut(&mut Sha256, &mut V, &[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut left = length;
        while left > 0 {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let taken =
                usize::try_from(left).map_or(available.len(), |left| left.min(available.len()));
            each(&mut self.hasher, &mut self.visitor, &available[..taken])?;
            self.reader.consume(taken);
            left -= taken as u64;
        }
        Ok(length - left)
    }
}
