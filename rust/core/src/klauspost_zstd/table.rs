//! Where bytes were seen before, by their hashes.

use super::window::Window;

/// Bytes that are compared before a match is measured.
pub const FOUND: usize = 4;

/// The last position of a hash.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    /// The first four bytes that are there.
    bytes: u32,
    /// Its number.
    number: u32,
}

impl Seen {
    /// Where it is, if that is within reach of a later position and has the same four bytes.
    #[inline]
    pub fn source(self, window: &Window, position: usize, bytes: u64) -> Option<usize> {
        let distance = window.origin() + position as u32 - self.number;
        (distance < window.reach() && self.bytes == bytes as u32)
            .then(|| position - distance as usize)
    }
}

/// The last position of each hash of so many bytes.
pub struct Table<const BUCKETS: usize, const BYTES: u32>(Box<[Seen; BUCKETS]>);

impl<const BUCKETS: usize, const BYTES: u32> Table<BUCKETS, BYTES> {
    pub fn new() -> Self {
        Self(Box::new([Seen::default(); BUCKETS]))
    }

    /// Let all numbers be lower.
    pub fn rebase(&mut self, less: u32) {
        for seen in self.0.iter_mut() {
            seen.number = seen.number.saturating_sub(less);
        }
    }

    /// The last position of a hash.
    #[inline]
    pub fn get(&self, bytes: u64) -> Seen {
        self.0[hash::<BUCKETS, BYTES>(bytes)]
    }

    /// Note a position for the bytes there; returns the one before.
    #[inline]
    pub fn note(&mut self, window: &Window, position: usize, bytes: u64) -> Seen {
        self.note_as(window, position, bytes, bytes)
    }

    /// Note a position, and the bytes there, for what others hash to.
    #[inline]
    pub fn note_as(&mut self, window: &Window, position: usize, bytes: u64, hashed: u64) -> Seen {
        let bucket = &mut self.0[hash::<BUCKETS, BYTES>(hashed)];
        let before = *bucket;
        *bucket = Seen {
            bytes: bytes as u32,
            number: window.origin() + position as u32,
        };
        before
    }
}

/// A product's highest bits.
#[inline]
pub fn hash<const BUCKETS: usize, const BYTES: u32>(bytes: u64) -> usize {
    if BYTES == 4 {
        let product = (bytes as u32).wrapping_mul(2_654_435_761);
        return (product >> (u32::BITS - BUCKETS.ilog2())) as usize;
    }
    let factor = match BYTES {
        5 => 889_523_592_379,
        6 => 227_718_039_650_203,
        _ => 0xcf1b_bcdc_b7a5_6463,
    };
    let bytes = bytes << (u64::BITS - 8 * BYTES);
    (bytes.wrapping_mul(factor) >> (u64::BITS - BUCKETS.ilog2())) as usize
}

/// The eight bytes at a position.
#[inline]
pub fn load(bytes: &[u8], position: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[position..position + 8]);
    u64::from_le_bytes(word)
}

/// The four bytes at a position.
#[inline]
pub fn load_short(bytes: &[u8], position: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[position..position + 4]);
    u32::from_le_bytes(word)
}
