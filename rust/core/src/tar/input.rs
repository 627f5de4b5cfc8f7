//! The bytes of a tar, hashed and shown to the visitor as they pass.

use std::io::{self, BufRead};

use crate::sha256::Sha256;
use crate::sha256_pair::update_pair;
use crate::tar::Visitor;

/// A tar stream, its digest so far unless somebody else computes it, and who else looks at it.
pub struct Input<R, V> {
    reader: R,
    position: u64,
    hasher: Option<Sha256>,
    visitor: V,
}

impl<R: BufRead, V: Visitor> Input<R, V> {
    pub const fn new(reader: R, hasher: Option<Sha256>, visitor: V) -> Self {
        Self {
            reader,
            position: 0,
            hasher,
            visitor,
        }
    }

    /// How many bytes have passed.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Of everything that has passed; None where somebody else computes it.
    pub const fn hasher(&self) -> Option<&Sha256> {
        self.hasher.as_ref()
    }

    pub const fn visitor(&mut self) -> &mut V {
        &mut self.visitor
    }

    pub fn into_parts(self) -> (V, Option<Sha256>) {
        (self.visitor, self.hasher)
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

    /// Hash content on its own, too, if that is asked for; returns how many bytes there were, fewer than asked for only
    /// at the end.
    pub fn content(&mut self, length: u64, mut content: Option<&mut Sha256>) -> io::Result<u64> {
        self.pass(length, |hasher, visitor, bytes| {
            match (hasher, &mut content) {
                (Some(hasher), Some(content)) => update_pair(hasher, content, bytes),
                (Some(hasher), None) => hasher.update(bytes),
                (None, Some(content)) => content.update(bytes),
                (None, None) => {}
            }
            visitor.content(bytes)
        })
    }

    fn framing(&mut self, length: u64, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
        self.pass(length, |hasher, visitor, bytes| {
            if let Some(hasher) = hasher {
                hasher.update(bytes);
            }
            each(bytes);
            visitor.framing(bytes)
        })
    }

    fn pass(
        &mut self,
        length: u64,
        mut each: impl FnMut(Option<&mut Sha256>, &mut V, &[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut left = length;
        while left > 0 {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let taken =
                usize::try_from(left).map_or(available.len(), |left| left.min(available.len()));
            each(self.hasher.as_mut(), &mut self.visitor, &available[..taken])?;
            self.reader.consume(taken);
            self.position += taken as u64;
            left -= taken as u64;
        }
        Ok(length - left)
    }
}
