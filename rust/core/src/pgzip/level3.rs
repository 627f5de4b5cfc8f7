//! The matches of level 3: one hash table of five bytes, with two positions a bucket.

use super::tables::{
    Match, Matcher, PairTable, WINDOW, add, add_rest, agrees, common, load, searched,
};
use super::tokens::Tokens;

/// The longer no match was found, the fewer positions are tried: one in `1 + unmatched >> SKIP_SHIFT`.
const SKIP_SHIFT: u32 = 7;

/// Candidates are less far back than this, or, where that is said, as far.
const REACH: u32 = WINDOW - 4;

/// Level 3.
pub struct Level3 {
    table: PairTable<{ 1 << 16 }, 5>,
}

impl Level3 {
    pub fn new() -> Self {
        Self {
            table: PairTable::new(),
        }
    }

    /// The next match from `position` on, not measured.
    fn search(&mut self, buffer: &[u8], position: u32, written: u32, limit: u32) -> Option<Match> {
        let mut position = position;
        loop {
            let next = position + 1 + ((position - written) >> SKIP_SHIFT);
            if next > limit {
                return None;
            }
            let bytes = load(buffer, position);
            let (last, previous) = self.table.note(bytes, position);
            let back = |source| position.wrapping_sub(source);
            let found = |source| Some(Match::unmeasured(position, source, next));
            if back(last) <= REACH {
                let is_previous = agrees(buffer, position, previous, bytes);
                if agrees(buffer, position, last, bytes) {
                    let length = |source| common(buffer, position, source, u32::MAX);
                    if is_previous && back(previous) <= REACH && length(previous) > length(last) {
                        return found(previous);
                    }
                    return found(last);
                }
                if is_previous && back(previous) < REACH {
                    return found(previous);
                }
            }
            position = next;
        }
    }

    /// Notes positions within a match and behind it, and gives a match that begins there.
    fn note_match(&mut self, buffer: &[u8], start: u32, end: u32, next: u32) -> Option<Match> {
        for position in (start + 2..end.saturating_sub(5)).step_by(6) {
            self.table.note(load(buffer, position), position);
        }
        let bytes = load(buffer, end - 2);
        self.table.note(bytes, end - 2);
        self.table.note(bytes >> 8, end - 1);
        let bytes = bytes >> 16;
        let (last, previous) = self.table.note(bytes, end);
        let is_match =
            |source| end.wrapping_sub(source) < REACH && agrees(buffer, end, source, bytes);
        if end.wrapping_sub(last) >= REACH {
            return None;
        }
        [last, previous]
            .into_iter()
            .find(|source| is_match(*source))
            .map(|source| Match::unmeasured(end, source, next))
    }
}

impl Matcher for Level3 {
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
                    // Where the match's source ends, not the match.
                    let source_end = found.source + found.length;
                    if source_end as usize + 8 < buffer.len() {
                        self.table.note(load(buffer, source_end), source_end);
                    }
                    break 'search;
                }
                let Some(another) = self.note_match(buffer, end - found.length, end, next) else {
                    position = end + 1;
                    break;
                };
                found = another;
            }
        }
        add_rest(tokens, buffer, written);
    }
}
