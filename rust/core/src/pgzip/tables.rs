//! Where bytes were seen before, by their hashes, and how far what is there agrees.

use std::hint::select_unpredictable;

use super::tokens::Tokens;
use crate::agreement;

/// Matches reach back less than this.
pub const WINDOW: u32 = 1 << 15;

/// Bytes at the end of a window where no match begins.
const MARGIN: usize = 11;

/// Nothing shorter is looked at.
const SHORTEST: usize = MARGIN + 2;

/// Bytes that a match is known to have from the comparison that found it.
const FOUND: u32 = 4;

/// A comparison that chooses between candidates goes no further.
pub const COMPARED: u32 = 258;

/// Finds matches in the windows of one buffer, in their order.
pub trait Matcher: Send {
    /// Forgets all windows.
    fn clear(&mut self);

    /// Adds what becomes of the window from `start` to the end of `buffer`; nothing where there is no match.
    /// What comes before in `buffer` is what was given in earlier calls.
    fn tokenize(&mut self, buffer: &[u8], start: usize, tokens: &mut Tokens);
}

/// Positions of a window where matches may begin: the first one, and the one before which they end; None for a window
/// too short for any.
pub fn searched(buffer: &[u8], start: usize) -> Option<(u32, u32)> {
    (buffer.len() - start >= SHORTEST).then(|| (start as u32, (buffer.len() - MARGIN) as u32))
}

/// Adds a match, with what is not written yet before it.
#[inline]
pub fn add(tokens: &mut Tokens, buffer: &[u8], written: u32, found: &Match) {
    tokens.add_literals(&buffer[written as usize..found.position as usize]);
    tokens.add_match(found.length as usize, found.position - found.source);
}

/// Adds what is left behind the last match.
pub fn add_rest(tokens: &mut Tokens, buffer: &[u8], written: u32) {
    if tokens.len() > 0 {
        tokens.add_literals(&buffer[written as usize..]);
    }
}

/// Where bytes of a hash were seen, further on by [`WINDOW`]: zero is out of reach of every position.
type Seen = u32;

/// The last position of each hash of so many bytes.
pub struct Table<const BUCKETS: usize, const BYTES: u32>(Box<[Seen; BUCKETS]>);

impl<const BUCKETS: usize, const BYTES: u32> Table<BUCKETS, BYTES> {
    pub fn new() -> Self {
        Self(Box::new([0; BUCKETS]))
    }

    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Notes a position for the bytes there, and gives the one before.
    #[inline]
    pub fn note(&mut self, bytes: u64, position: u32) -> u32 {
        let bucket = &mut self.0[hash::<BUCKETS, BYTES>(bytes)];
        let before = source(*bucket);
        *bucket = position + WINDOW;
        before
    }
}

/// The two last positions of each hash, the very last in the lower half.
pub struct PairTable<const BUCKETS: usize, const BYTES: u32>(Box<[u64; BUCKETS]>);

impl<const BUCKETS: usize, const BYTES: u32> PairTable<BUCKETS, BYTES> {
    pub fn new() -> Self {
        Self(Box::new([0; BUCKETS]))
    }

    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Notes a position for the bytes there, and gives the two before, the last one first.
    #[inline]
    pub fn note(&mut self, bytes: u64, position: u32) -> (u32, u32) {
        let bucket = &mut self.0[hash::<BUCKETS, BYTES>(bytes)];
        let before = *bucket;
        *bucket = before << 32 | u64::from(position + WINDOW);
        (source(before as Seen), source((before >> 32) as Seen))
    }

    /// The positions, the last one first.
    #[inline]
    pub fn get(&self, bytes: u64) -> (u32, u32) {
        let seen = self.0[hash::<BUCKETS, BYTES>(bytes)];
        (source(seen as Seen), source((seen >> 32) as Seen))
    }
}

/// A product's highest bits.
#[inline]
fn hash<const BUCKETS: usize, const BYTES: u32>(bytes: u64) -> usize {
    let bits = BUCKETS.ilog2();
    match BYTES {
        4 => ((bytes as u32).wrapping_mul(2_654_435_761) >> (32 - bits)) as usize,
        5 => ((bytes << 24).wrapping_mul(889_523_592_379) >> (64 - bits)) as usize,
        _ => ((bytes << 8).wrapping_mul(58_295_818_150_454_627) >> (64 - bits)) as usize,
    }
}

/// The position that is meant; one far beyond the buffer for none.
fn source(seen: Seen) -> u32 {
    seen.wrapping_sub(WINDOW)
}

/// A match: what is at `position` was at `source` before.
pub struct Match {
    pub position: u32,
    pub source: u32,
    /// 0 where it was not measured.
    pub length: u32,
    /// The position that would have been tried next.
    pub next: u32,
}

impl Match {
    /// One of which just the first bytes were compared.
    #[inline]
    pub const fn unmeasured(position: u32, source: u32, next: u32) -> Self {
        Self {
            position,
            source,
            length: 0,
            next,
        }
    }

    /// Measures what was not, or not to its end.
    #[inline]
    pub fn measure(&mut self, buffer: &[u8]) {
        if self.length == 0 {
            self.length =
                FOUND + common(buffer, self.position + FOUND, self.source + FOUND, u32::MAX);
        } else if self.length == COMPARED {
            let (position, source) = (self.position + COMPARED, self.source + COMPARED);
            self.length += common(buffer, position, source, u32::MAX);
        }
    }

    /// Extends it to the front, down to what is written.
    #[inline]
    pub fn extend_back(&mut self, buffer: &[u8], written: u32) {
        while self.source > 0
            && self.position > written
            && buffer[self.source as usize - 1] == buffer[self.position as usize - 1]
        {
            self.position -= 1;
            self.source -= 1;
            self.length += 1;
        }
    }

    /// Takes a longer one that begins a little later, at whose end bytes were `seen` that are at the end of this one.
    #[inline]
    pub fn replace(&mut self, buffer: &[u8], later: u32, skipped: u32, seen: u32) {
        // Less than zero where nothing was seen, and for a match that would begin before the buffer.
        let source = seen.wrapping_add(skipped).wrapping_sub(self.length);
        if source < later && in_reach(later, source) {
            let length = common(buffer, later, source, u32::MAX);
            if length > self.length {
                (self.position, self.source, self.length) = (later, source, length);
            }
        }
    }
}

#[inline]
pub fn in_reach(position: u32, source: u32) -> bool {
    position.wrapping_sub(source) < WINDOW
}

#[inline]
pub fn load(buffer: &[u8], position: u32) -> u64 {
    u64::from_le_bytes(array(buffer, position))
}

#[inline]
fn array<const LENGTH: usize>(buffer: &[u8], position: u32) -> [u8; LENGTH] {
    let position = position as usize;
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&buffer[position..position + LENGTH]);
    bytes
}

/// Whether what is at `source`, in reach of `position`, begins with the four lowest of `bytes`.
#[inline]
pub fn agrees(buffer: &[u8], position: u32, source: u32, bytes: u64) -> bool {
    let is_in_reach = in_reach(position, source);
    let readable = select_unpredictable(is_in_reach, source, 0);
    (u32::from_le_bytes(array(buffer, readable)) == bytes as u32) & is_in_reach
}

/// The length of a match whose first bytes agree, as far as it is compared with others.
#[inline]
pub fn compare(buffer: &[u8], position: u32, source: u32) -> u32 {
    FOUND + common(buffer, position + FOUND, source + FOUND, COMPARED - FOUND)
}

/// How many bytes from either position agree, up to `limit` and the end of the buffer. `source` is the smaller.
pub fn common(buffer: &[u8], position: u32, source: u32, limit: u32) -> u32 {
    agreement::common(buffer, position as usize, source as usize, limit as usize) as u32
}
