//! The matches of levels 1 and 2: one hash table of five bytes, and every second position.

use super::tables::{Match, Matcher, Table, WINDOW, add, add_rest, agrees, load, searched};
use super::tokens::Tokens;

/// The longer no match was found, the fewer positions are tried: two in `2 + unmatched >> SKIP_SHIFT`.
const SKIP_SHIFT: u32 = 5;

/// Level 1.
pub type Level1 = Fast<1, { 1 << 15 }>;

/// Level 2, which has a larger table and notes more.
pub type Level2 = Fast<2, { 1 << 17 }>;

pub struct Fast<const LEVEL: u32, const BUCKETS: usize> {
    table: Table<BUCKETS, 5>,
}

impl<const LEVEL: u32, const BUCKETS: usize> Fast<LEVEL, BUCKETS> {
    pub fn new() -> Self {
        Self {
            table: Table::new(),
        }
    }

    /// The next match from `position` on, not measured.
    fn search(&mut self, buffer: &[u8], position: u32, written: u32, limit: u32) -> Option<Match> {
        let mut position = position;
        loop {
            let mut next = position + 2 + ((position - written) >> SKIP_SHIFT);
            if next > limit {
                return None;
            }
            let bytes = load(buffer, position);
            let source = self.table.note(bytes, position);
            if agrees(buffer, position, source, bytes) {
                self.table.note(load(buffer, next), next);
                return Some(Match::unmeasured(position, source, next));
            }
            position = next;
            next += 1;
            let bytes = load(buffer, position);
            let source = self.table.note(bytes, position);
            if agrees(buffer, position, source, bytes) {
                if LEVEL == 1 {
                    // In the place of this position, although its bytes are others.
                    self.table.note(bytes, next);
                }
                return Some(Match::unmeasured(position, source, next));
            }
            position = next;
        }
    }

    /// Notes positions at the end of a match and behind it, and gives a match that begins there.
    fn note_match(&mut self, buffer: &[u8], start: u32, end: u32, next: u32) -> Option<Match> {
        if LEVEL == 2 {
            for position in (start + 2..end.saturating_sub(5)).step_by(7) {
                let bytes = load(buffer, position);
                self.table.note(bytes, position);
                self.table.note(bytes >> 16, position + 2);
                // Only four of its bytes are left, and a zero.
                self.table.note(bytes >> 32, position + 4);
            }
        }
        let bytes = load(buffer, end - 2);
        self.table.note(bytes, end - 2);
        if LEVEL == 2 {
            self.table.note(bytes >> 8, end - 1);
        }
        let bytes = bytes >> 16;
        let source = self.table.note(bytes, end);
        // Unlike elsewhere, a match may reach back a whole window here.
        let is_match =
            end.wrapping_sub(source) <= WINDOW && load(buffer, source) as u32 == bytes as u32;
        is_match.then(|| Match::unmeasured(end, source, next))
    }
}

impl<const LEVEL: u32, const BUCKETS: usize> Matcher for Fast<LEVEL, BUCKETS> {
    fn clear(&mut self) {
        self.table.clear();
    }

    fn tokenize(&mut self, buffer: &[u8], start: usize, tokens: &mut Tokens) {
        let Some((mut written, limit)) = searched(buffer, start) else {
            return;
        };
        let mut position = written;
        'search: while let Some(mut found) = self.search(buffer, position, written, limit) {
            loop {
                let next = found.next;
                found.measure(buffer);
                found.extend_back(buffer, written);
                add(tokens, buffer, written, &found);
                written = found.position + found.length;
                let end = written.max(next + 1);
                if end >= limit {
                    break 'search;
                }
                let start = end - found.length;
                let Some(another) = self.note_match(buffer, start, end, next) else {
                    position = end + 1;
                    break;
                };
                found = another;
            }
        }
        add_rest(tokens, buffer, written);
    }
}
