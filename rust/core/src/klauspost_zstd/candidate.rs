//! Matches that are weighed against each other, for the best level.

use super::codes::Kind;
use super::sequence_coder::predefined_bits;
use super::sequences::{Match, REPEATS, SHORTEST};
use super::table::{FOUND, load_short};
use super::window::Window;
use crate::agreement::common;

/// A cost above that of every match.
const HIGHEST: i32 = 131_074 * 8;

/// Costs of a byte of literals have so many bits below those that they count.
pub const COST_BITS: u32 = 10;

/// Longer matches are compared by their ends first.
const LONG: i64 = 16;

/// How a match refers to its source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Nothing was found yet.
    None,
    Offset,
    /// One of the three last offsets, as the format numbers them from one.
    Repeat(u8),
    /// The same where there are no literals.
    RepeatAtOnce(u8),
}

impl Reference {
    pub const fn repeats(self) -> bool {
        matches!(self, Self::Repeat(_) | Self::RepeatAtOnce(_))
    }
}

/// A match and its cost. A cost that is too high comes with a length of zero.
#[derive(Clone, Copy)]
pub struct Candidate {
    position: i64,
    source: i64,
    length: i64,
    pub reference: Reference,
    cost: i32,
}

/// What candidates of a block have in common.
#[derive(Clone, Copy)]
pub struct Measure<'window> {
    pub window: &'window Window,
    /// Up to where all is added.
    pub written: usize,
    /// The cost of a literal.
    pub literal: i32,
}

impl Candidate {
    pub const fn none(position: usize) -> Self {
        Self {
            position: position as i64,
            source: 0,
            length: 0,
            reference: Reference::None,
            cost: HIGHEST,
        }
    }

    pub const fn position(&self) -> usize {
        self.position as usize
    }

    pub const fn length(&self) -> usize {
        self.length as usize
    }

    pub const fn found(&self) -> Match {
        Match {
            position: self.position as usize,
            source: self.source as usize,
            length: self.length as usize,
        }
    }

    /// Take another match, of the `first` four bytes, if it is better.
    #[inline]
    pub fn improve(
        &mut self,
        measure: Measure<'_>,
        source: i64,
        position: usize,
        first: u64,
        reference: Reference,
    ) {
        let Measure {
            window,
            written,
            literal,
        } = measure;
        let bytes = window.bytes();
        let distance = position as i64 - source;
        if distance >= window.reach().into()
            || distance <= 0
            || load_short(bytes, source as usize) != first as u32
            || !self.may_be_shorter(bytes, source, position)
        {
            return;
        }
        let length = FOUND + common(bytes, position + FOUND, source as usize + FOUND, usize::MAX);
        let mut found = Match {
            position,
            source: source as usize,
            length,
        };
        if !self.reference.repeats() {
            found.extend_back(window, written, position);
        }
        let other = Self::new(found, reference, literal);
        let later = (other.position - self.position) as i32;
        if self.cost >= HIGHEST || other.cost - self.cost + ((later * literal) >> COST_BITS) < 0 {
            *self = other;
        }
    }

    /// Whether a match from another source can be longer: a few bytes before the end of this one tell.
    #[inline]
    fn may_be_shorter(&self, bytes: &[u8], source: i64, position: usize) -> bool {
        if self.length <= LONG {
            return true;
        }
        let left = bytes.len() as i64 - self.position - self.length;
        if left <= 0 {
            return false;
        }
        let ahead = self.length - (position as i64 - self.position) - 8;
        left <= 2
            || ahead <= 4
            || load_short(bytes, (source + ahead) as usize)
                == load_short(bytes, position + ahead as usize)
    }

    /// Estimate what a match costs, less what its literals would.
    fn new(found: Match, reference: Reference, literal: i32) -> Self {
        let offset = match reference {
            Reference::Repeat(number) | Reference::RepeatAtOnce(number) => number.into(),
            Reference::None | Reference::Offset => found.offset() as u32 + REPEATS,
        };
        let bits = predefined_bits(Kind::Offset, offset)
            + predefined_bits(Kind::Length, (found.length - SHORTEST) as u32);
        let cost = bits as i32 - ((found.length as i32 * literal) >> COST_BITS);
        let is_too_high = cost > 0;
        Self {
            position: found.position as i64,
            source: found.source as i64,
            length: if is_too_high { 0 } else { found.length as i64 },
            reference,
            cost: if is_too_high { HIGHEST } else { cost },
        }
    }
}
