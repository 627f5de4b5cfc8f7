//! What becomes of a block: literals, and copies of what came before.

use super::table::FOUND;
use super::window::Window;
use crate::agreement::common;

/// The shortest match that the format has.
pub const SHORTEST: usize = 3;

/// What an offset code stands for beyond those that repeat one.
pub const REPEATS: u32 = 3;

/// The code of the offset before, or of the one before that where there are no literals.
const REPEAT: u32 = 1;

/// Matches of a block that are taken before offsets may repeat.
const OWN_MATCHES: usize = 2;

/// Some literals and then a match (RFC 8878, section 3.1.1.3.2).
#[derive(Clone, Copy)]
pub struct Sequence {
    /// Bytes of literals.
    pub literals: u32,
    /// Bytes of the match beyond the shortest.
    pub length: u32,
    /// The offset beyond those that repeat one, or a repeat.
    pub offset: u32,
}

impl Sequence {
    /// Whether it repeats the byte before.
    pub const fn repeats_byte(self) -> bool {
        self.offset == REPEATS + 1
    }
}

/// A match: what is at `position` was at `source` before.
#[derive(Clone, Copy)]
pub struct Match {
    pub position: usize,
    pub source: usize,
    pub length: usize,
}

impl Match {
    /// One whose first four bytes are known to agree, as far as it goes.
    #[inline]
    pub fn measure(window: &Window, position: usize, source: usize) -> Self {
        Self {
            position,
            source,
            length: FOUND + common(window.bytes(), position + FOUND, source + FOUND, usize::MAX),
        }
    }

    pub const fn end(self) -> usize {
        self.position + self.length
    }

    pub const fn offset(self) -> usize {
        self.position - self.source
    }

    /// Extend it to the front, down to `first`; the source stays in reach of the position `from`.
    #[inline]
    pub fn extend_back(&mut self, window: &Window, first: usize, from: usize) {
        let lowest = from.saturating_sub(window.reach() as usize);
        let bytes = window.bytes();
        while self.source > lowest
            && self.position > first
            && bytes[self.source - 1] == bytes[self.position - 1]
        {
            self.position -= 1;
            self.source -= 1;
            self.length += 1;
        }
    }
}

/// What was found in a block.
#[derive(Default)]
pub struct Found {
    /// The literals of all sequences, and those after the last.
    pub literals: Vec<u8>,
    pub sequences: Vec<Sequence>,
}

impl Found {
    pub fn clear(&mut self) {
        self.literals.clear();
        self.sequences.clear();
    }

    /// Whether offsets may repeat: the first few matches of a block are found without what other blocks have.
    pub const fn may_repeat(&self) -> bool {
        self.sequences.len() > OWN_MATCHES
    }

    /// Add a match, with what is not written yet before it.
    #[inline]
    pub fn push(&mut self, window: &Window, written: usize, found: Match) {
        self.add(window, written, found, found.offset() as u32 + REPEATS);
    }

    /// Add a match with the offset of the last, after literals, or, without any, with the one before that.
    #[inline]
    pub fn repeat(&mut self, window: &Window, written: usize, found: Match) {
        self.add(window, written, found, REPEAT);
    }

    /// Add a match with an offset as the format numbers it.
    #[inline]
    pub fn add(&mut self, window: &Window, written: usize, found: Match, offset: u32) {
        let literals = &window.bytes()[written..found.position];
        self.literals.extend_from_slice(literals);
        self.sequences.push(Sequence {
            literals: literals.len() as u32,
            length: (found.length - SHORTEST) as u32,
            offset,
        });
    }

    /// Add what is left behind the last match.
    pub fn end(&mut self, window: &Window, written: usize) {
        self.literals.extend_from_slice(&window.bytes()[written..]);
    }
}
