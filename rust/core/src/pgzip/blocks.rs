//! Which kind of DEFLATE block each window becomes, and the codes it uses.
//!
//! A window may go on in the block of the window before, with its codes, whose end is then still owed.

use super::Generation;
use super::bits::BitWriter;
use super::code_lengths::CodeLengths;
use super::huffman::{self, Code};
use super::tokens::{DISTANCE_EXTRA, DISTANCES, END, LENGTHS, LITERALS, Token, Tokens, extra_bits};

/// The longest codes of bytes, lengths and distances.
const LONGEST: usize = 15;

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

type LiteralCodes = [Code; LITERALS];
type DistanceCodes = [Code; DISTANCES];

/// The code of distances in a block of literals: one that is never used.
static NO_DISTANCES: [Code; 1] = [Code { bits: 0, length: 1 }];

/// Writes the blocks of a DEFLATE stream.
pub struct BlockWriter {
    pub bits: BitWriter,
    generation: Generation,
    literals: LiteralCodes,
    distances: DistanceCodes,
    /// Bits of the header of the block whose end is owed.
    open: Option<usize>,
    /// That block has no codes of distances.
    literals_only: bool,
    runs: Vec<(u8, u8)>,
}

impl BlockWriter {
    pub fn new(generation: Generation) -> Self {
        Self {
            bits: BitWriter::new(),
            generation,
            literals: [Code::default(); LITERALS],
            distances: [Code::default(); DISTANCES],
            open: None,
            literals_only: false,
            runs: Vec::new(),
        }
    }

    /// Ends the block that is open.
    fn close(&mut self) {
        if self.open.take().is_some() {
            write_code(&mut self.bits, self.literals[END]);
        }
    }

    /// Writes content as it is.
    pub fn write_stored(&mut self, content: &[u8]) {
        self.close();
        self.bits.write(0b000, 3);
        self.bits.align();
        let length = content.len() as u64;
        self.bits.write(length, 16);
        self.bits.write(!length & 0xffff, 16);
        self.bits.write_bytes(content);
    }

    /// Ends the stream: an empty block, the last one.
    pub fn write_end(&mut self) {
        self.close();
        self.bits.write(0b011, 3);
        self.bits.write(0, 7);
        self.bits.align();
    }

    /// Writes a window; `ends_block` where none goes on in its block.
    pub fn write_tokens(&mut self, tokens: &mut Tokens, content: &[u8], ends_block: bool) {
        if ends_block {
            tokens.add_end();
        }
        let can_go_on = !self.literals_only
            && huffman::covers(&self.literals, &tokens.literals)
            && huffman::covers(&self.distances, &tokens.distances);
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
        let fixed = FixedCodes::get();

        if let Some(header) = self.open {
            let estimate = header + tokens.estimated_bits();
            let new =
                estimate + usize::from(self.literals[END].length) + (estimate >> PENALTY_SHIFT);
            let same = huffman::size(&self.literals, &literals)
                + huffman::size(&self.distances, &distances)
                + extra;
            if new < same {
                self.close();
            }
            let size = new.min(same);
            let predefined = fixed.size(&literals, &distances) + extra + 7;
            let is_fixed = tokens.len() < FIXED_TOKENS && predefined < size;
            if stored <= size {
                return self.write_stored(content);
            }
            if is_fixed {
                return self.write_fixed(tokens, ends_block);
            }
        }
        if self.open.is_none() {
            literals[END] = 1;
            huffman::assign(&mut self.literals, &literals, LONGEST);
            huffman::assign(&mut self.distances, &distances, LONGEST);
            let header = CodeLengths::new(
                &self.literals[..literal_count],
                &self.distances[..distance_count],
                std::mem::take(&mut self.runs),
            );
            let size = header.size()
                + huffman::size(&self.literals, &literals)
                + huffman::size(&self.distances, &distances)
                + extra;
            let predefined = fixed.size(&literals, &distances) + extra;
            let is_fixed = tokens.len() < FIXED_TOKENS && predefined <= size;
            if stored <= if is_fixed { predefined } else { size } {
                return self.write_stored(content);
            }
            if is_fixed {
                return self.write_fixed(tokens, ends_block);
            }
            self.open = Some(header.size());
            self.runs = header.write(&mut self.bits);
            self.literals_only = false;
        }
        if ends_block {
            self.open = None;
        }
        write_tokens(
            &mut self.bits,
            tokens.as_slice(),
            &self.literals,
            &self.distances,
        );
    }

    fn write_fixed(&mut self, tokens: &mut Tokens, has_end: bool) {
        self.close();
        self.bits.write(0b010, 3);
        if !has_end {
            tokens.add_end();
        }
        let fixed = FixedCodes::get();
        write_tokens(
            &mut self.bits,
            tokens.as_slice(),
            &fixed.literals,
            &fixed.distances,
        );
    }

    /// Writes a window as literals only.
    pub fn write_literals(&mut self, content: &[u8], ends_block: bool) {
        let mut frequencies = [0_u16; END + 1];
        for &byte in content {
            frequencies[usize::from(byte)] += 1;
        }
        if content.len() > RANDOM_SIZE && is_random(&frequencies[..END], content.len()) {
            return self.write_stored(content);
        }
        frequencies[END] = 1;
        let mut codes = [Code::default(); LITERALS];
        huffman::assign(&mut codes[..=END], &frequencies, LONGEST);
        let estimate = huffman::size(&codes, &frequencies) + self.open.unwrap_or(HEADER_ESTIMATE);
        let estimate = estimate + (estimate >> PENALTY_SHIFT);
        if content.len() * 8 + STORED_OVERHEAD <= estimate {
            return self.write_stored(content);
        }
        if !huffman::covers(&self.literals, &frequencies[..END])
            || estimate < huffman::size(&self.literals, &frequencies[..END])
        {
            self.close();
        }
        if self.open.is_none() {
            self.literals = codes;
            let runs = std::mem::take(&mut self.runs);
            let header = CodeLengths::new(&codes[..=END], &NO_DISTANCES, runs);
            self.open = Some(header.size());
            self.runs = header.write(&mut self.bits);
            self.literals_only = true;
        }
        for &byte in content {
            write_code(&mut self.bits, self.literals[usize::from(byte)]);
        }
        if ends_block {
            self.close();
            self.literals_only = false;
        }
    }
}

/// The codes that every decoder knows (RFC 1951, section 3.2.6).
struct FixedCodes {
    literals: LiteralCodes,
    distances: DistanceCodes,
}

static FIXED: FixedCodes = FixedCodes::new();

impl FixedCodes {
    fn get() -> &'static Self {
        &FIXED
    }

    const fn new() -> Self {
        let mut literals = [Code { bits: 0, length: 0 }; LITERALS];
        let mut symbol = 0;
        while symbol < LITERALS {
            let (bits, length) = match symbol {
                0..144 => (0x30 + symbol, 8),
                144..256 => (0x190 + symbol - 144, 9),
                256..280 => (symbol - 256, 7),
                _ => (0xc0 + symbol - 280, 8),
            };
            literals[symbol] = code(bits, length);
            symbol += 1;
        }
        let mut distances = [Code { bits: 0, length: 0 }; DISTANCES];
        let mut symbol = 0;
        while symbol < DISTANCES {
            distances[symbol] = code(symbol, 5);
            symbol += 1;
        }
        Self {
            literals,
            distances,
        }
    }

    fn size(&self, literals: &[u16], distances: &[u16]) -> usize {
        3 + huffman::size(&self.literals, literals) + huffman::size(&self.distances, distances)
    }
}

const fn code(bits: usize, length: u8) -> Code {
    Code {
        bits: (bits as u16).reverse_bits() >> (16 - length),
        length,
    }
}

/// Symbols up to the last one that occurs.
fn used(frequencies: &[u16]) -> usize {
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
fn is_random(frequencies: &[u16], length: usize) -> bool {
    let mean = length as f64 / 256.0;
    let limit = (length * 2) as f64;
    let deviation: f64 = frequencies
        .iter()
        .map(|&frequency| (f64::from(frequency) - mean).powi(2))
        .sum();
    deviation < limit
}

#[inline]
fn write_code(bits: &mut BitWriter, code: Code) {
    bits.write(u64::from(code.bits), u32::from(code.length));
}

fn write_tokens(
    bits: &mut BitWriter,
    tokens: &[Token],
    literals: &LiteralCodes,
    distances: &DistanceCodes,
) {
    for token in tokens {
        if let Some(symbol) = token.literal() {
            write_code(bits, literals[symbol]);
            continue;
        }
        let length = LENGTHS[usize::from(token.length())];
        let code = literals[END + 1 + usize::from(length.symbol)];
        let length_bits = u64::from(code.bits) | u64::from(length.extra) << code.length;
        let length_count = code.length + length.extra_bits;
        let symbol = token.distance_symbol();
        let code = distances[symbol];
        let distance_bits = u64::from(code.bits) | token.distance_extra() << code.length;
        bits.write(
            length_bits | distance_bits << length_count,
            u32::from(length_count + code.length + DISTANCE_EXTRA[symbol]),
        );
    }
}
