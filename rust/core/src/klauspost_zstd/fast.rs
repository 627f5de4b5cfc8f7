//! Matches by one table: the fastest level.

use std::mem;

use super::matcher::Matcher;
use super::sequences::{Found, Match};
use super::table::{Table, load, load_short};
use super::window::Window;

/// Blocks with fewer bytes have no matches.
const SHORTEST: usize = 10;

/// Bytes at the end of a block where no match begins.
const MARGIN: usize = 8;

/// Two positions are looked at in each step.
const STEP: usize = 2;

/// Each so many bytes without a match, to this power of two, add one to the step.
const STEP_BITS: u32 = 5;

/// The last positions of six bytes.
pub struct Fast(Table<{ 1 << 15 }, 6>);

impl Fast {
    pub fn new() -> Self {
        Self(Table::new())
    }

    /// Find the next match that does not repeat the last offset, from where all is `written` on; those that do are
    /// added.
    #[inline]
    fn search(
        &mut self,
        window: &Window,
        written: &mut usize,
        offset: usize,
        found: &mut Found,
    ) -> Option<Match> {
        let bytes = window.bytes();
        let limit = bytes.len() - MARGIN;
        let may_repeat = found.may_repeat();
        let mut position = *written;
        while position < limit {
            let here = load(bytes, position);
            // Both are looked up before either is noted: their hashes may be the same.
            let second = self.0.get(here >> 8);
            let first = self.0.note(window, position, here);
            self.0.note(window, position + 1, here >> 8);
            let next = position + STEP;
            if may_repeat && load_short(bytes, next - offset) == (here >> 16) as u32 {
                let mut repeated = Match::measure(window, next, next - offset);
                // One literal is kept: without any, the code means another offset.
                repeated.extend_back(window, *written + 1, position);
                found.repeat(window, *written, repeated);
                position = repeated.end();
                *written = position;
                continue;
            }
            if let Some(source) = first.source(window, position, here) {
                return Some(Match::measure(window, position, source));
            }
            if let Some(source) = second.source(window, position + 1, here >> 8) {
                return Some(Match::measure(window, position + 1, source));
            }
            position += STEP + ((position - *written) >> STEP_BITS);
        }
        None
    }
}

impl Matcher for Fast {
    fn rebase(&mut self, less: u32) {
        self.0.rebase(less);
    }

    fn find(&mut self, window: &Window, alone: bool, found: &mut Found) {
        let bytes = window.bytes();
        let mut written = window.start();
        if bytes.len() - written < SHORTEST {
            return found.end(window, written);
        }
        let limit = bytes.len() - MARGIN;
        let mut last = 0;
        loop {
            let could_repeat = found.may_repeat();
            let Some(mut next) = self.search(window, &mut written, last, found) else {
                break;
            };
            // The offset before: it may come again at once.
            let other = mem::replace(&mut last, next.offset());
            next.extend_back(window, written, next.position);
            found.push(window, written, next);
            written = next.end();
            if written >= limit {
                break;
            }
            let may_repeat = if alone {
                found.may_repeat()
            } else {
                could_repeat
            };
            let here = load(bytes, written);
            if may_repeat && load_short(bytes, written - other) == here as u32 {
                self.0.note(window, written, here);
                let repeated = Match::measure(window, written, written - other);
                found.repeat(window, written, repeated);
                last = other;
                written = repeated.end();
            }
        }
        found.end(window, written);
    }
}
