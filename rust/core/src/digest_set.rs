//! Many digests in little memory.

use std::collections::HashSet;

use crate::digest::Digest;

/// What is kept of a digest. Two digests that begin alike would be taken for one; to find such a pair takes 2^64 tries.
const KEPT: usize = 16;

/// A set of digests that keeps half of each: about 35 bytes for one.
#[derive(Default)]
pub struct DigestSet(HashSet<[u8; KEPT]>);

impl DigestSet {
    /// Returns a set without digests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many digests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds digests and returns those that were not there, each once, in the order given.
    pub fn add(&mut self, digests: &[[u8; Digest::LENGTH]]) -> Vec<[u8; Digest::LENGTH]> {
        let new = digests.iter().filter(|digest| self.0.insert(kept(digest)));
        new.copied().collect()
    }

    /// Returns the digests that are not there, in the order given.
    #[must_use]
    pub fn absent(&self, digests: &[[u8; Digest::LENGTH]]) -> Vec<[u8; Digest::LENGTH]> {
        let absent = digests
            .iter()
            .filter(|digest| !self.0.contains(&kept(digest)));
        absent.copied().collect()
    }
}

fn kept(digest: &[u8; Digest::LENGTH]) -> [u8; KEPT] {
    let mut kept = [0; KEPT];
    kept.copy_from_slice(&digest[..KEPT]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_added() {
        let digests: Vec<_> = (0..100_u8).map(|n| [n; Digest::LENGTH]).collect();
        let mut set = DigestSet::new();
        assert!(set.is_empty());
        assert_eq!(set.add(&digests[..60]), digests[..60]);
        assert_eq!(set.absent(&digests[40..80]), digests[60..80]);
        assert_eq!(set.add(&digests[50..]), digests[60..]);
        assert_eq!(set.add(&digests), [] as [[u8; Digest::LENGTH]; 0]);
        assert_eq!(set.len(), 100);
    }

    #[test]
    fn returns_what_comes_twice_once() {
        let mut set = DigestSet::new();
        assert_eq!(set.add(&[[7; 32], [7; 32]]), [[7; 32]]);
    }
}
