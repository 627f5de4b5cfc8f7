//! Which kind of DEFLATE block each window becomes, and the codes it uses.
//!
//! A window may go on in the block of the window before, with its codes, whose end is then still owed.

use super::Generation;
use super::tokens::{DISTANCE_EXTRA, DISTANCES, END, LENGTHS, LITERALS, Token, Tokens, extra_bits};
use crate::deflate::bits::{BitWriter, Bits};
use crate::deflate::block::{FIXED_DISTANCES, FIXED_LITERALS};
use crate::deflate::code::{Code, Codes, LONGEST_CODE, best_codes};
use crate::deflate::header::Header;

/// Fixed codes are considered for less tokens than this.
const FIXED_TOKENS: usize = 250;

/// Bits beside the content of a stored block, as they are reckoned.
const STORED_OVERHEAD: usize = 5 * 8;

/// New codes are reckoned to need this much more than the estimate: one in `1 << PENALTY_SHIFT`.
const PENALTY_SHIFT: u32 = 7;

/// Bits that a header of literals is reckoned to have before there was one.
const HEADER_ESTIMATE: usize = 70 * 8;

/// From this size on, content is looked at for being random.
const RANDOM_SIZE: usize = 1024;

type LiteralCodes = Codes<LITERALS>;
type DistanceCodes = Codes<DISTANCES>;

/// The code of distances in a block of literals: one that is never used.
static NO_DISTANCES: [Code; 1] = [Code { bits: 0, length: 1 }];

/// Writes the blocks of a DEFLATE stream.
pub struct BlockWriter {
    /// What is written, but for the bits that make no byte yet.
    pub output: Vec<u8>,
    bits: BitWriter,
    generation: Generation,
    literals: LiteralCodes,
    distances: DistanceCodes,
    /// Bits of the header of the block whose end is owed.
    open: Option<usize>,
    /// That block has no codes of distances.
    literals_only: bool,
}

impl BlockWriter {
    pub fn new(generation: Generation) -> Self {
        Self {
            output: Vec::new(),
            bits: BitWriter::default(),
            generation,
            literals: [Code::default(); LITERALS],
            distances: [Code::default(); DISTANCES],
            open: None,
            literals_only: false,
        }
    }

    fn put(&mut self, bits: u64, count: u32) {
        self.bits.put(bits, count, &mut self.output);
    }

    /// Ends the block that is open.
    fn close(&mut self) {
        if self.open.take().is_some() {
            let code = self.literals[END];
            self.put(code.bits.into(), code.length.into());
        }
    }

    /// Writes content as it is.
    pub fn write_stored(&mut self, content: &[u8]) {
        self.close();
        self.put(0b000, 3);
        self.bits.align(&mut self.output);
        let length = content.len() as u64;
        self.put(length, 16);
        self.put(!length & 0xffff, 16);
        self.output.extend_from_slice(content);
    }

    /// Ends the stream: an empty block, the last one.
    pub fn write_end(&mut self) {
        self.close();
        self.put(0b011, 3);
        self.put(0, 7);
        self.bits.align(&mut self.output);
    }

    /// Writes a window; `ends_block` where none goes on in its block.
    pub fn write_tokens(&mut self, tokens: &mut Tokens, content: &[u8], ends_block: bool) {
        if ends_block {
            tokens.add_end();
        }
        let can_go_on = !self.literals_only
            && covers(&self.literals, &tokens.literals)
            && covers(&self.distances, &tokens.distances);
        if !can_go_on {
            self.close();
        }
        let (mut literals, mut distances) = (tokens.literals, tokens.distances);
        let counts_end = ends_block || self.generation != Generation::V1_15;
        let (literal_count, distance_count) = if counts_end {
            literals[END] = 1;
            // There must be one distance at least.
            if distances == [0; DISTANCES] {
                distances[0] = 1;
            }
            (used(&literals), used(&distances))
        } else {
            (LITERALS, DISTANCES)
        };
        let extra = extra_bits(&literals, &distances);
        let stored = content.len() * 8 + STORED_OVERHEAD;

        if let Some(header) = self.open {
            let estimate = header + tokens.estimated_bits();
            let new =
                estimate + usize::from(self.literals[END].length) + (estimate >> PENALTY_SHIFT);
            let same = size_of_all(&self.literals, &literals)
                + size_of_all(&self.distances, &distances)
                + extra;
            if new < same {
                self.close();
            }
            let size = new.min(same);
            let fixed = fixed_size(&literals, &distances) + extra + 7;
            let is_fixed = tokens.len() < FIXED_TOKENS && fixed < size;
            if stored <= size {
                return self.write_stored(content);
            }
            if is_fixed {
                return self.write_fixed(tokens, ends_block);
            }
        }
        if self.open.is_none() {
            literals[END] = 1;
            self.literals = best_codes(&literals, LONGEST_CODE);
            self.distances = best_codes(&distances, LONGEST_CODE);
            let header = Header::new(
                &self.literals[..literal_count],
                &self.distances[..distance_count],
            );
            let size = header.bits()
                + size_of_all(&self.literals, &literals)
                + size_of_all(&self.distances, &distances)
                + extra;
            let fixed = fixed_size(&literals, &distances) + extra;
            let is_fixed = tokens.len() < FIXED_TOKENS && fixed <= size;
            if stored <= if is_fixed { fixed } else { size } {
                return self.write_stored(content);
            }
            if is_fixed {
                return self.write_fixed(tokens, ends_block);
            }
            self.open = Some(header.bits());
            header.write(&mut self.bits, &mut self.output);
            self.literals_only = false;
        }
        if ends_block {
            self.open = None;
        }
        let (literals, distances) = (self.literals, self.distances);
        self.write_codes(tokens, &literals, &distances);
    }

    fn write_fixed(&mut self, tokens: &mut Tokens, has_end: bool) {
        self.close();
        self.put(0b010, 3);
        if !has_end {
            tokens.add_end();
        }
        self.write_codes(tokens, &FIXED_LITERALS, &FIXED_DISTANCES);
    }

    fn write_codes(&mut self, tokens: &Tokens, literals: &LiteralCodes, distances: &DistanceCodes) {
        let room = size_of_all(literals, &tokens.literals)
            + size_of_all(distances, &tokens.distances)
            + extra_bits(&tokens.literals, &tokens.distances);
        self.bits.put_many(room, &mut self.output, |bits| {
            for token in tokens.as_slice() {
                write_code(bits, *token, literals, distances);
            }
        });
    }

    /// Writes a window as literals only.
    pub fn write_literals(&mut self, content: &[u8], ends_block: bool) {
        let mut frequencies = [0_u32; LITERALS];
        for &byte in content {
            frequencies[usize::from(byte)] += 1;
        }
        if content.len() > RANDOM_SIZE && is_random(&frequencies[..END], content.len()) {
            return self.write_stored(content);
        }
        frequencies[END] = 1;
        let codes = best_codes(&frequencies, LONGEST_CODE);
        let estimate = size_of_all(&codes, &frequencies) + self.open.unwrap_or(HEADER_ESTIMATE);
        let estimate = estimate + (estimate >> PENALTY_SHIFT);
        if content.len() * 8 + STORED_OVERHEAD <= estimate {
            return self.write_stored(content);
        }
        if !covers(&self.literals, &frequencies[..END])
            || estimate < size_of_all(&self.literals, &frequencies[..END])
        {
            self.close();
        }
        if self.open.is_none() {
            self.literals = codes;
            let header = Header::new(&codes[..=END], &NO_DISTANCES);
            self.open = Some(header.bits());
            header.write(&mut self.bits, &mut self.output);
            self.literals_only = true;
        }
        let codes = &self.literals;
        let room = size_of_all(codes, &frequencies[..END]);
        self.bits.put_many(room, &mut self.output, |bits| {
            for &byte in content {
                let code = codes[usize::from(byte)];
                bits.put(code.bits.into(), code.length.into());
            }
        });
        if ends_block {
            self.close();
            self.literals_only = false;
        }
    }
}

/// Bits of a block with the codes that every decoder knows, but for those that follow symbols.
fn fixed_size(literals: &[u32], distances: &[u32]) -> usize {
    3 + size_of_all(&FIXED_LITERALS, literals) + size_of_all(&FIXED_DISTANCES, distances)
}

/// Bits that symbols take, each as often as it occurs.
fn size_of_all(codes: &[Code], frequencies: &[u32]) -> usize {
    frequencies
        .iter()
        .zip(codes)
        .map(|(&frequency, code)| frequency as usize * usize::from(code.length))
        .sum()
}

/// Whether all symbols that occur have a code.
fn covers(codes: &[Code], frequencies: &[u32]) -> bool {
    frequencies
        .iter()
        .zip(codes)
        .all(|(&frequency, code)| frequency == 0 || code.length > 0)
}

/// Symbols up to the last one that occurs.
fn used(frequencies: &[u32]) -> usize {
    let unused = frequencies
        .iter()
        .rev()
        .take_while(|frequency| **frequency == 0);
    frequencies.len() - unused.count()
}

/// Whether all bytes occur about as often.
#[expect(
    clippy::cast_precision_loss,
    reason = "a window is no longer than a float is precise"
)]
fn is_random(frequencies: &[u32], length: usize) -> bool {
    let mean = length as f64 / 256.0;
    let limit = (length * 2) as f64;
    let deviation: f64 = frequencies
        .iter()
        .map(|&frequency| (f64::from(frequency) - mean).powi(2))
        .sum();
    deviation < limit
}

#[inline]
fn write_code(
    bits: &mut Bits<'_>,
    token: Token,
    literals: &LiteralCodes,
    distances: &DistanceCodes,
) {
    if let Some(symbol) = token.literal() {
        let code = literals[symbol];
        return bits.put(code.bits.into(), code.length.into());
    }
    let length = LENGTHS[usize::from(token.length())];
    let code = literals[END + 1 + usize::from(length.symbol)];
    let length_bits = u64::from(code.bits) | u64::from(length.extra) << code.length;
    let length_count = code.length + length.extra_bits;
    let symbol = token.distance_symbol();
    let code = distances[symbol];
    let distance_bits = u64::from(code.bits) | token.distance_extra() << code.length;
    bits.put(
        length_bits | distance_bits << length_count,
        u32::from(length_count + code.length + DISTANCE_EXTRA[symbol]),
    );
}
