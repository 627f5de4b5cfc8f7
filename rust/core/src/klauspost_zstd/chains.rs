//! Where bytes were seen before, by their hashes, twice.

use super::table::hash;
use super::window::Window;

/// The two last positions of a hash.
#[derive(Clone, Copy, Default)]
pub struct Pair {
    last: u32,
    before: u32,
}

impl Pair {
    /// Where they are, the last one first; less than zero where that is out of reach.
    #[inline]
    pub fn sources(self, window: &Window) -> [i64; 2] {
        let origin = i64::from(window.origin());
        [
            i64::from(self.last) - origin,
            i64::from(self.before) - origin,
        ]
    }
}

/// The two last positions of each hash of so many bytes.
pub struct PairTable<const BUCKETS: usize, const BYTES: u32>(Box<[Pair]>);

impl<const BUCKETS: usize, const BYTES: u32> PairTable<BUCKETS, BYTES> {
    pub fn new() -> Self {
        Self(vec![Pair::default(); BUCKETS].into_boxed_slice())
    }

    /// Let all numbers be lower.
    pub fn rebase(&mut self, less: u32) {
        for pair in &mut self.0 {
            pair.last = pair.last.saturating_sub(less);
            pair.before = pair.before.saturating_sub(less);
        }
    }

    #[inline]
    pub fn get(&self, bytes: u64) -> Pair {
        self.0[hash::<BUCKETS, BYTES>(bytes)]
    }

    /// Note a position for the bytes there.
    #[inline]
    pub fn note(&mut self, window: &Window, position: usize, bytes: u64) {
        let pair = &mut self.0[hash::<BUCKETS, BYTES>(bytes)];
        *pair = Pair {
            last: window.origin() + position as u32,
            before: pair.last,
        };
    }
}
