//! The matches of level 5, which is the default: two hash tables, of four bytes and of seven, the latter with two
//! positions a bucket.

use super::tables::{
    Match, Matcher, PairTable, Table, add, add_rest, agrees, compare, in_reach, load, searched,
};
use super::tokens::Tokens;

/// A match as long as this needs no better one.
const GOOD: u32 = 30;

/// Bytes at the beginning of a match that a better one, found at its end, need not have.
const SKIPPED: u32 = 2;

/// The longer no match was found, the fewer positions are tried: one in `1 + unmatched >> SKIP_SHIFT`.
const SKIP_SHIFT: u32 = 6;

/// Level 5.
pub struct Level5 {
    short: Table<{ 1 << 15 }, 4>,
    long: PairTable<{ 1 << 15 }, 7>,
}

impl Level5 {
    pub fn new() -> Self {
        Self {
            short: Table::new(),
            long: PairTable::new(),
        }
    }

    /// The next match from `position` on.
    fn search(&mut self, buffer: &[u8], position: u32, written: u32, limit: u32) -> Option<Match> {
        let mut position = position;
        let mut bytes = load(buffer, position);
        loop {
            let next = position + 1 + ((position - written) >> SKIP_SHIFT);
            if next > limit {
                return None;
            }
            let near = self.short.note(bytes, position);
            let (last, previous) = self.long.note(bytes, position);
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
                self.short.note(next_bytes, next);
                let (next_last, next_previous) = self.long.note(next_bytes, next);
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

    /// Notes some of the positions within a match, and the last one.
    fn note_match(&mut self, buffer: &[u8], start: u32, end: u32) {
        let mut position = start + 1;
        if position < end - 1 {
            let bytes = load(buffer, position);
            self.short.note(bytes, position);
            self.long.note(bytes, position);
            self.long.note(bytes >> 8, position + 1);
            self.short.note(bytes >> 16, position + 2);
            position += 4;
            while position < end - 1 {
                let bytes = load(buffer, position);
                self.long.note(bytes, position);
                self.short.note(bytes >> 8, position + 1);
                position += 3;
            }
        }
        let bytes = load(buffer, end - 1);
        self.short.note(bytes, end - 1);
        self.long.note(bytes, end - 1);
    }
}

impl Matcher for Level5 {
    fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }

    fn tokenize(&mut self, buffer: &[u8], start: usize, tokens: &mut Tokens) {
        let Some((mut written, limit)) = searched(buffer, start) else {
            return;
        };
        let mut position = written;
        while position < limit {
            let Some(mut found) = self.search(buffer, position, written, limit) else {
                break;
            };
            found.measure(buffer);
            let end = found.position + found.length;
            if found.length < GOOD && end < limit {
                let (seen, _) = self.long.get(load(buffer, end));
                found.replace(buffer, found.position + SKIPPED, SKIPPED, seen);
            }
            found.extend_back(buffer, written);
            add(tokens, buffer, written, &found);
            written = found.position + found.length;
            position = written.max(found.next + 1);
            if position < limit {
                self.note_match(buffer, position - found.length, position);
            }
        }
        add_rest(tokens, buffer, written);
    }
}
