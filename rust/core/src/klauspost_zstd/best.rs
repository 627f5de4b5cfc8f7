//! Matches by two tables of two positions each, weighed against each other: the best level.

use super::candidate::{COST_BITS, Candidate, Measure, Reference};
use super::chains::PairTable;
use super::matcher::Matcher;
use super::sequences::{Found, Match, SHORTEST as SHORTEST_MATCH};
use super::table::{load, load_short};
use super::window::Window;
use crate::agreement::common;

/// Blocks with fewer bytes have no matches.
const SHORTEST: usize = 16;

/// Bytes at the end of a block where no match begins.
const MARGIN: usize = 12;

/// How much nearer to the end positions are noted behind a repeat, and how much less near behind another match.
const NOTED: usize = 4;

/// Each so many bytes without a match, to this power of two, add one to the step.
const STEP_BITS: u32 = 9;

/// A match of so many bytes is taken as it is.
const GOOD_ENOUGH: usize = 250;

/// Bytes of a match that another one, which has its end, may lack.
const SKIPPED: usize = 2;

/// The two last positions of eight bytes, and of four.
pub struct Best {
    long: PairTable<{ 1 << 22 }, 8>,
    short: PairTable<{ 1 << 18 }, 4>,
}

impl Best {
    pub fn new() -> Self {
        Self {
            long: PairTable::new(),
            short: PairTable::new(),
        }
    }

    /// The best match that begins at a position or soon behind it, if any; notes the position.
    fn search(
        &mut self,
        measure: Measure<'_>,
        position: usize,
        offsets: [usize; 3],
        may_repeat: bool,
    ) -> Option<Candidate> {
        let window = measure.window;
        let here = load(window.bytes(), position);
        let mut best = Candidate::none(position);
        for pair in [self.long.get(here), self.short.get(here)] {
            for source in pair.sources(window) {
                best.improve(measure, source, position, here, Reference::Offset);
            }
        }
        if may_repeat && best.length() < GOOD_ENOUGH {
            try_repeats(&mut best, measure, position, offsets);
        }
        self.long.note(window, position, here);
        self.short.note(window, position, here);
        if best.length() >= GOOD_ENOUGH {
            return Some(best);
        }
        if best.length() == 0 {
            return None;
        }
        let [next, second] = [1, 2].map(|more| load(window.bytes(), position + more));
        let [source, _] = self.short.get(here >> 8).sources(window);
        best.improve(measure, source, position + 1, next, Reference::Offset);
        for (bytes, position) in [(next, position + 1), (second, position + 2)] {
            for source in self.long.get(bytes).sources(window) {
                best.improve(measure, source, position, bytes, Reference::Offset);
            }
        }
        if best.position() + SKIPPED > position {
            self.try_end(&mut best, measure);
        }
        Some(best)
    }

    /// Try matches that go on where the best one ends, and have the most of it.
    fn try_end(&self, best: &mut Candidate, measure: Measure<'_>) {
        let bytes = measure.window.bytes();
        let end = best.position() + best.length();
        if end + MARGIN >= bytes.len() {
            return;
        }
        for source in self.long.get(load(bytes, end)).sources(measure.window) {
            let source = source - best.length() as i64 + SKIPPED as i64;
            if source < 0 {
                return;
            }
            let position = best.position() + SKIPPED;
            let first = load_short(bytes, position).into();
            best.improve(measure, source, position, first, Reference::Offset);
        }
    }

    /// Note the positions of a match but its first.
    fn note(&mut self, window: &Window, first: usize, end: usize) {
        for position in first..end {
            let bytes = load(window.bytes(), position);
            self.long.note(window, position, bytes);
            self.short.note(window, position, bytes);
        }
    }
}

/// Try the last offsets, at a position and a little behind it.
fn try_repeats(
    best: &mut Candidate,
    measure: Measure<'_>,
    position: usize,
    [first, second, third]: [usize; 3],
) {
    let bytes = load(measure.window.bytes(), position);
    let source = |position: usize, offset: usize| position as i64 - offset as i64;
    if position == measure.written {
        for (number, offset) in (1..).zip([second, third, first - 1]) {
            // Where it is zero, the source is the position.
            let source = source(position, offset);
            let reference = Reference::RepeatAtOnce(number);
            best.improve(measure, source, position, bytes, reference);
        }
    }
    for skipped in [1, 3] {
        let is_wanted = match skipped {
            1 => !best.reference.repeats(),
            _ => best.reference == Reference::Offset,
        };
        if !is_wanted {
            return;
        }
        let position = position + skipped;
        for (number, offset) in (1..).zip([first, second, third]) {
            let source = source(position, offset);
            let reference = Reference::Repeat(number);
            best.improve(measure, source, position, bytes >> (8 * skipped), reference);
        }
    }
}

/// The cost of a literal by the entropy of a block, at least a bit.
fn literal_cost(block: &[u8]) -> i32 {
    let mut counts = [0_u32; 256];
    for &byte in block {
        counts[usize::from(byte)] += 1;
    }
    let one = 1.0 / f64::from(block.len() as u32);
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| (-(f64::from(count) * one).log2() * f64::from(count)).ceil())
        .sum();
    let cost = ((bits.ceil() as usize) << COST_BITS) / block.len();
    (cost as i32).max(1 << COST_BITS)
}

impl Matcher for Best {
    fn rebase(&mut self, less: u32) {
        self.long.rebase(less);
        self.short.rebase(less);
    }

    fn find(&mut self, window: &Window, _alone: bool, found: &mut Found) {
        let (bytes, start) = (window.bytes(), window.start());
        let block = window.block();
        if block.len() > SHORTEST_MATCH
            && common(bytes, start + 1, start, usize::MAX) == block.len() - 1
        {
            let repeated = Match {
                position: start + 1,
                source: start,
                length: block.len() - 1,
            };
            return found.push(window, start, repeated);
        }
        if block.len() < SHORTEST {
            return found.end(window, start);
        }
        let limit = bytes.len() - MARGIN;
        let mut measure = Measure {
            window,
            written: start,
            literal: literal_cost(block),
        };
        let mut offsets = [0; 3];
        let mut position = start;
        while position < limit {
            let written = measure.written;
            let Some(best) = self.search(measure, position, offsets, found.may_repeat()) else {
                position += 1 + ((position - written) >> STEP_BITS);
                continue;
            };
            let (first, next) = (position + 1, best.found());
            position = next.end();
            measure.written = position;
            let [one, two, three] = offsets;
            let (order, noted) = match best.reference {
                Reference::Repeat(number) | Reference::RepeatAtOnce(number) => {
                    found.add(window, written, next, number.into());
                    let order = match best.reference {
                        Reference::Repeat(2) | Reference::RepeatAtOnce(1) => [two, one, three],
                        Reference::Repeat(3) | Reference::RepeatAtOnce(2) => [three, one, two],
                        Reference::RepeatAtOnce(_) => [one - 1, one, two],
                        _ => offsets,
                    };
                    (order, limit + NOTED)
                }
                Reference::None | Reference::Offset => {
                    found.push(window, written, next);
                    ([next.offset(), one, two], limit - NOTED)
                }
            };
            offsets = order;
            self.note(window, first, position.min(noted));
        }
        found.end(window, measure.written);
    }
}
