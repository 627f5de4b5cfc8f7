//! The matches of level 6: as level 5 finds them, but with more candidates, the last distance among them.

use super::tables::{
    Match, Matcher, PairTable, Table, WINDOW, add, add_rest, agrees, compare, in_reach, load,
    searched,
};
use super::tokens::Tokens;

/// Bytes at the beginning of a match that a better one, found at its end, need not have.
const SKIPPED: u32 = 2;

/// The longer no match was found, the fewer positions are tried: one in `1 + unmatched >> SKIP_SHIFT`.
const SKIP_SHIFT: u32 = 7;

/// Positions so close to the end of a window are not noted.
const UNNOTED: u32 = 8;

/// Level 6.
pub struct Level6 {
    short: Table<{ 1 << 15 }, 4>,
    long: PairTable<{ 1 << 15 }, 7>,
}

impl Level6 {
    pub fn new() -> Self {
        Self {
            short: Table::new(),
            long: PairTable::new(),
        }
    }

    /// The next match from `position` on; `distance` is that of the last one.
    fn search(
        &mut self,
        buffer: &[u8],
        position: u32,
        written: u32,
        limit: u32,
        distance: u32,
    ) -> Option<Match> {
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
            let is_last = agrees(buffer, position, last, bytes);
            let is_previous = agrees(buffer, position, previous, bytes) & in_reach(position, last);
            let is_near = agrees(buffer, position, near, bytes);
            if is_last | is_previous | is_near {
                let mut found = Match {
                    position,
                    source: near,
                    length: 0,
                    next,
                };
                self.short.note(next_bytes, next);
                let next_long = self.long.note(next_bytes, next);
                if is_last | is_previous {
                    found.source = if is_last { last } else { previous };
                    if is_last && is_previous {
                        found.length = compare(buffer, position, last);
                        take_longer(&mut found, buffer, position, previous);
                    }
                    return Some(found);
                }
                found.length = compare(buffer, position, near);
                let again = position + 1 - distance;
                if load(buffer, again) as u32 == (bytes >> 8) as u32
                    && take_longer(&mut found, buffer, position + 1, again)
                {
                    return Some(found);
                }
                if in_reach(next, next_long.0) {
                    for source in [next_long.0, next_long.1] {
                        if agrees(buffer, next, source, next_bytes) {
                            take_longer(&mut found, buffer, next, source);
                        }
                    }
                }
                return Some(found);
            }
            position = next;
            bytes = next_bytes;
        }
    }
}

/// Takes another match whose first bytes agree, if it is longer.
fn take_longer(found: &mut Match, buffer: &[u8], position: u32, source: u32) -> bool {
    let length = compare(buffer, position, source);
    let is_longer = length > found.length;
    if is_longer {
        (found.position, found.source, found.length) = (position, source, length);
    }
    is_longer
}

impl Matcher for Level6 {
    fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }

    fn tokenize(&mut self, buffer: &[u8], start: usize, tokens: &mut Tokens) {
        let Some((mut written, limit)) = searched(buffer, start) else {
            return;
        };
        let mut position = written;
        let mut distance = 1;
        while position < limit {
            let Some(mut found) = self.search(buffer, position, written, limit, distance) else {
                break;
            };
            found.measure(buffer);
            let end = found.position + found.length;
            if end < limit {
                let (seen, seen_before) = self.long.get(load(buffer, end));
                let later = found.position + SKIPPED;
                // The last position seen must not be too far back, though a match with it might begin before the buffer.
                let begin = seen.wrapping_add(SKIPPED).wrapping_sub(found.length);
                if later.wrapping_sub(begin).cast_signed() < WINDOW.cast_signed() {
                    found.replace(buffer, later, SKIPPED, seen);
                    found.replace(buffer, later, SKIPPED, seen_before);
                }
            }
            found.extend_back(buffer, written);
            add(tokens, buffer, written, &found);
            distance = found.position - found.source;
            written = found.position + found.length;
            position = written.max(found.next + 1);
            let noted = found.next + 1;
            if position < limit {
                for position in (noted..position - 1).step_by(2) {
                    let bytes = load(buffer, position);
                    self.short.note(bytes, position);
                    self.long.note(bytes, position);
                    self.long.note(bytes >> 8, position + 1);
                }
            } else {
                for position in (noted..buffer.len() as u32 - UNNOTED).step_by(2) {
                    let bytes = load(buffer, position);
                    self.short.note(bytes, position);
                    self.long.note(bytes, position);
                }
            }
        }
        add_rest(tokens, buffer, written);
    }
}
