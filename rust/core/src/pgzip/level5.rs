//! The matches of level 5, which is the default: two hash tables, of four bytes and of seven, the latter with two
//! positions a bucket.

use std::hint::select_unpredictable;

use super::tokens::Tokens;

/// Matches reach back less than this.
const WINDOW: u32 = 1 << 15;

/// Tables have a bucket for each hash of so many bits.
const HASH_BITS: u32 = 15;
const BUCKETS: usize = 1 << HASH_BITS;

/// What bytes are multiplied with to hash them.
const SHORT_PRIME: u32 = 2_654_435_761;
const LONG_PRIME: u64 = 58_295_818_150_454_627;

/// Bytes at the end of a window where no match begins.
const MARGIN: usize = 11;

/// Nothing shorter is looked at.
const SHORTEST: usize = MARGIN + 2;

/// Bytes that a match is known to have from the comparison that found it.
const FOUND: u32 = 4;

/// A comparison that chooses between candidates goes no further.
const COMPARED: u32 = 258;

/// A match as long as this needs no better one.
const GOOD: u32 = 30;

/// Bytes at the beginning of a match that a better one, found at its end, need not have.
const SKIPPED: u32 = 2;

/// The longer no match was found, the fewer positions are tried: one in `1 + unmatched >> SKIP_SHIFT`.
const SKIP_SHIFT: u32 = 6;

/// Where bytes of a hash were seen, further on by [`WINDOW`]: zero is out of reach of every position.
type Seen = u32;

/// The two last positions of a long hash, the very last in the lower half.
type LongBucket = u64;

/// Finds matches in the windows of one buffer, in their order.
pub struct Matcher {
    short: Box<[Seen; BUCKETS]>,
    long: Box<[LongBucket; BUCKETS]>,
}

/// A match: what is at `position` was at `source` before.
struct Match {
    position: u32,
    source: u32,
    length: u32,
    /// The position that would have been tried next.
    next: u32,
}

impl Matcher {
    #[expect(
        clippy::large_stack_arrays,
        reason = "there is no safe way to box an array that is not on the stack first"
    )]
    pub fn new() -> Self {
        Self {
            short: Box::new([0; BUCKETS]),
            long: Box::new([0; BUCKETS]),
        }
    }

    /// Forgets all windows.
    pub fn clear(&mut self) {
        self.short.fill(0);
        self.long.fill(0);
    }

    /// Adds what becomes of the window from `start` to the end of `buffer`; nothing where there is no match.
    /// What comes before in `buffer` is what was given in earlier calls.
    pub fn tokenize(&mut self, buffer: &[u8], start: usize, tokens: &mut Tokens) {
        if buffer.len() - start < SHORTEST {
            return;
        }
        let limit = (buffer.len() - MARGIN) as u32;
        let mut written = start as u32;
        let mut position = written;
        while position < limit {
            let Some(found) = self.search(buffer, position, written, limit) else {
                break;
            };
            let found = self.improve(buffer, &found, written, limit);
            tokens.add_literals(&buffer[written as usize..found.position as usize]);
            tokens.add_match(found.length as usize, found.position - found.source);
            written = found.position + found.length;
            position = written.max(found.next + 1);
            if position < limit {
                self.note_match(buffer, position - found.length, position);
            }
        }
        if tokens.len() > 0 {
            tokens.add_literals(&buffer[written as usize..]);
        }
    }

    /// The next match from `position` on; of length 0 where it was not measured.
    fn search(&mut self, buffer: &[u8], position: u32, written: u32, limit: u32) -> Option<Match> {
        let mut position = position;
        let mut bytes = load(buffer, position);
        loop {
            let next = position + 1 + ((position - written) >> SKIP_SHIFT);
            if next > limit {
                return None;
            }
            let near = self.note_short(bytes, position);
            let (last, previous) = self.note_long(bytes, position);
            let next_bytes = load(buffer, next);
            // Most positions match nowhere: told by one branch, as each of several would often be mispredicted.
            let is_last = agrees(buffer, position, last, bytes);
            let is_previous = agrees(buffer, position, previous, bytes) & in_reach(position, last);
            let is_near = agrees(buffer, position, near, bytes);
            if is_last | is_previous | is_near {
                let found = |source, length| Match {
                    position,
                    source,
                    length,
                    next,
                };
                self.note_short(next_bytes, next);
                let (next_last, next_previous) = self.note_long(next_bytes, next);
                if is_last && is_previous {
                    let length = compare(buffer, position, last);
                    let other = compare(buffer, position, previous);
                    return Some(if other > length {
                        found(previous, other)
                    } else {
                        found(last, length)
                    });
                }
                if is_last | is_previous {
                    return Some(found(if is_last { last } else { previous }, 0));
                }
                let length = compare(buffer, position, near);
                if in_reach(next, next_last) {
                    for source in [next_last, next_previous] {
                        if agrees(buffer, next, source, next_bytes) {
                            let other = compare(buffer, next, source);
                            if other > length {
                                return Some(Match {
                                    position: next,
                                    source,
                                    length: other,
                                    next,
                                });
                            }
                        }
                    }
                }
                return Some(found(near, length));
            }
            position = next;
            bytes = next_bytes;
        }
    }

    /// Measures a match, or finds a longer one that agrees with its end, and extends it to the front.
    fn improve(&self, buffer: &[u8], found: &Match, written: u32, limit: u32) -> Match {
        let Match {
            mut position,
            mut source,
            mut length,
            next,
        } = *found;
        if length == 0 {
            length = FOUND + common(buffer, position + FOUND, source + FOUND, u32::MAX);
        } else if length == COMPARED {
            length += common(buffer, position + length, source + length, u32::MAX);
        }
        let end = position + length;
        if length < GOOD && end < limit {
            let seen = self.long[long_hash(load(buffer, end))] as Seen;
            let later = position + SKIPPED;
            // Where the match would have begun to end there, if that is within the buffer.
            if let Some(other) = (seen + SKIPPED).checked_sub(WINDOW + length)
                && other < later
                && in_reach(later, other)
            {
                let longer = common(buffer, later, other, u32::MAX);
                if longer > length {
                    (position, source, length) = (later, other, longer);
                }
            }
        }
        while source > 0
            && position > written
            && buffer[source as usize - 1] == buffer[position as usize - 1]
        {
            position -= 1;
            source -= 1;
            length += 1;
        }
        Match {
            position,
            source,
            length,
            next,
        }
    }

    /// Notes a position for its first four bytes, and gives the one before.
    #[inline]
    fn note_short(&mut self, bytes: u64, position: u32) -> u32 {
        let bucket = &mut self.short[short_hash(bytes)];
        let before = source(*bucket);
        *bucket = position + WINDOW;
        before
    }

    /// Notes a position for its first seven bytes, and gives the two before, the last one first.
    #[inline]
    fn note_long(&mut self, bytes: u64, position: u32) -> (u32, u32) {
        let bucket = &mut self.long[long_hash(bytes)];
        let before = *bucket;
        *bucket = before << 32 | u64::from(position + WINDOW);
        (source(before as Seen), source((before >> 32) as Seen))
    }

    /// Notes some of the positions within a match, and the last one.
    fn note_match(&mut self, buffer: &[u8], start: u32, end: u32) {
        let mut position = start + 1;
        if position < end - 1 {
            let bytes = load(buffer, position);
            self.note_short(bytes, position);
            self.note_long(bytes, position);
            self.note_long(bytes >> 8, position + 1);
            self.note_short(bytes >> 16, position + 2);
            position += 4;
            while position < end - 1 {
                let bytes = load(buffer, position);
                self.note_long(bytes, position);
                self.note_short(bytes >> 8, position + 1);
                position += 3;
            }
        }
        let bytes = load(buffer, end - 1);
        self.note_short(bytes, end - 1);
        self.note_long(bytes, end - 1);
    }
}

/// The position that is meant; one far beyond the buffer for none.
fn source(seen: Seen) -> u32 {
    seen.wrapping_sub(WINDOW)
}

fn in_reach(position: u32, source: u32) -> bool {
    position.wrapping_sub(source) < WINDOW
}

fn load(buffer: &[u8], position: u32) -> u64 {
    u64::from_le_bytes(array(buffer, position))
}

fn array<const LENGTH: usize>(buffer: &[u8], position: u32) -> [u8; LENGTH] {
    let position = position as usize;
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&buffer[position..position + LENGTH]);
    bytes
}

/// Whether what is at `source`, in reach of `position`, begins with the four lowest of `bytes`.
fn agrees(buffer: &[u8], position: u32, source: u32, bytes: u64) -> bool {
    let is_in_reach = in_reach(position, source);
    let readable = select_unpredictable(is_in_reach, source, 0);
    (u32::from_le_bytes(array(buffer, readable)) == bytes as u32) & is_in_reach
}

fn short_hash(bytes: u64) -> usize {
    ((bytes as u32).wrapping_mul(SHORT_PRIME) >> (32 - HASH_BITS)) as usize
}

fn long_hash(bytes: u64) -> usize {
    ((bytes << 8).wrapping_mul(LONG_PRIME) >> (64 - HASH_BITS)) as usize
}

/// The length of a match whose first bytes agree, as far as it is compared with others.
fn compare(buffer: &[u8], position: u32, source: u32) -> u32 {
    FOUND + common(buffer, position + FOUND, source + FOUND, COMPARED - FOUND)
}

/// How many bytes from either position agree, up to `limit` and the end of the buffer. `source` is the smaller.
fn common(buffer: &[u8], position: u32, source: u32, limit: u32) -> u32 {
    let first = &buffer[position as usize..];
    let first = &first[..first.len().min(limit as usize)];
    let second = &buffer[source as usize..][..first.len()];
    let (first_words, first_rest) = first.as_chunks::<8>();
    let (second_words, second_rest) = second.as_chunks::<8>();
    let mut length = 0;
    for (a, b) in first_words.iter().zip(second_words) {
        let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if difference != 0 {
            return length + difference.trailing_zeros() / 8;
        }
        length += 8;
    }
    let rest = first_rest
        .iter()
        .zip(second_rest)
        .take_while(|(a, b)| a == b);
    length + rest.count() as u32
}
