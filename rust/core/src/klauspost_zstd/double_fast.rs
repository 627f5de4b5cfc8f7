//! Matches by two tables, of long and of short hashes: the default level.

use std::mem;

use super::matcher::Matcher;
use super::sequences::{Found, Match};
use super::table::{Table, load, load_short};
use super::window::Window;

/// Blocks with fewer bytes have no matches.
const SHORTEST: usize = 16;

/// Bytes at the end of a block where no match begins.
const MARGIN: usize = 10;

/// Each so many bytes without a match, to this power of two, add one to the step.
const STEP_BITS: u32 = 7;

/// The last positions of eight bytes, and of five.
pub struct DoubleFast {
    long: Table<{ 1 << 17 }, 8>,
    short: Table<{ 1 << 15 }, 5>,
}

impl DoubleFast {
    pub fn new() -> Self {
        Self {
            long: Table::new(),
            short: Table::new(),
        }
    }

    /// Find the next match that does not repeat the last offset, from `position` on; those that do are added.
    #[inline]
    fn search(
        &mut self,
        window: &Window,
        place: &mut Place,
        offset: usize,
        found: &mut Found,
    ) -> Option<Match> {
        let bytes = window.bytes();
        let limit = bytes.len() - MARGIN;
        let may_repeat = found.may_repeat();
        let Place {
            mut position,
            mut written,
        } = *place;
        let result = loop {
            if position >= limit {
                break None;
            }
            let here = load(bytes, position);
            let long = self.long.note(window, position, here);
            let short = self.short.note(window, position, here);
            let next = position + 1;
            if may_repeat && load_short(bytes, next - offset) == (here >> 8) as u32 {
                let mut repeated = Match::measure(window, next, next - offset);
                // One literal is kept: without any, the code means another offset.
                repeated.extend_back(window, written + 1, position);
                found.repeat(window, written, repeated);
                position = repeated.end();
                written = position;
                continue;
            }
            if let Some(source) = long.source(window, position, here) {
                break Some(Match::measure(window, position, source));
            }
            if let Some(source) = short.source(window, position, here) {
                let after = load(bytes, next);
                let long = self.long.note(window, next, after);
                break Some(match long.source(window, next, after) {
                    Some(source) => Match::measure(window, next, source),
                    None => Match::measure(window, position, source),
                });
            }
            position += 1 + ((position - written) >> STEP_BITS);
        };
        *place = Place { position, written };
        result
    }

    /// Note the positions around a match's ends.
    #[inline]
    fn note_ends(&mut self, window: &Window, found: Match) {
        let bytes = window.bytes();
        let (first, last) = (found.position + 1, found.end() - 2);
        let (head, tail) = (load(bytes, first), load(bytes, last));
        self.long.note(window, first, head);
        self.long.note(window, last, tail);
        self.short.note(window, first + 1, head >> 8);
        self.short.note(window, last + 1, tail >> 8);
    }
}

/// How far a block is searched.
#[derive(Clone, Copy)]
struct Place {
    /// Where the next match may begin.
    position: usize,
    /// Up to where all is added.
    written: usize,
}

impl Matcher for DoubleFast {
    fn rebase(&mut self, less: u32) {
        self.long.rebase(less);
        self.short.rebase(less);
    }

    fn find(&mut self, window: &Window, alone: bool, found: &mut Found) {
        let (bytes, start) = (window.bytes(), window.start());
        let mut place = Place {
            position: start,
            written: start,
        };
        if bytes.len() - start < SHORTEST {
            return found.end(window, start);
        }
        let limit = bytes.len() - MARGIN;
        let mut last = 0;
        loop {
            let could_repeat = found.may_repeat();
            let Some(mut next) = self.search(window, &mut place, last, found) else {
                break;
            };
            // The offset before: it may come again at once.
            let mut other = mem::replace(&mut last, next.offset());
            next.extend_back(window, place.written, next.position);
            found.push(window, place.written, next);
            let mut end = next.end();
            place = Place {
                position: end,
                written: end,
            };
            if end >= limit {
                break;
            }
            self.note_ends(window, next);
            let may_repeat = if alone {
                found.may_repeat()
            } else {
                could_repeat
            };
            let first = load(bytes, end);
            while may_repeat && end < limit {
                let here = load(bytes, end);
                if load_short(bytes, end - other) != here as u32 {
                    break;
                }
                self.long.note(window, end, here);
                // In a block that is alone, this goes by the bytes that the first repeat began with.
                let hashed = if alone { first } else { here };
                self.short.note_as(window, end, here, hashed);
                let repeated = Match::measure(window, end, end - other);
                found.repeat(window, end, repeated);
                mem::swap(&mut last, &mut other);
                end = repeated.end();
                place = Place {
                    position: end,
                    written: end,
                };
            }
        }
        found.end(window, place.written);
    }
}
