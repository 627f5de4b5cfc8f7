//! How the codes of a block are told to the reader (RFC 1951, section 3.2.7).

use super::bits::BitWriter;
use super::code::{Code, Codes, best_codes};
use super::symbols::{DISTANCES, LITERALS};

/// Symbols that code lengths are written with.
const LENGTH_SYMBOLS: usize = 19;

/// The order in which the lengths of their own codes are written.
const ORDER: [usize; LENGTH_SYMBOLS] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Bits of the longest of their codes.
const LONGEST_CODE: usize = 7;

/// The fewest of these lengths that can be written.
const FEWEST: usize = 4;

/// Repeats the length before it three to six times.
const REPEAT: u8 = 16;
/// Three to ten lengths of zero.
const FEW_ZEROS: u8 = 17;
/// Eleven to 138 lengths of zero.
const MANY_ZEROS: u8 = 18;

/// The beginning of a block with codes of its own.
pub struct Header {
    literals: usize,
    distances: usize,
    /// Symbols, each with the value of its extra bits.
    sequence: Vec<(u8, u8)>,
    codes: Codes<LENGTH_SYMBOLS>,
    /// How many lengths of these codes are written.
    written: usize,
    bits: usize,
}

impl Header {
    /// Describes the codes of all symbols up to the last that is in use.
    pub fn new(literals: &[Code], distances: &[Code]) -> Self {
        debug_assert!(literals.len() <= LITERALS && distances.len() <= DISTANCES);
        let mut sequence = Vec::with_capacity(LITERALS + DISTANCES);
        let lengths: Vec<u8> = [literals, distances]
            .iter()
            .flat_map(|codes| codes.iter().map(|code| code.length))
            .collect();
        for run in lengths.chunk_by(|length, next| length == next) {
            push_run(&mut sequence, run[0], run.len());
        }
        let mut counts = [0; LENGTH_SYMBOLS];
        for &(symbol, _) in &sequence {
            counts[usize::from(symbol)] += 1;
        }
        let codes = best_codes(&counts, LONGEST_CODE);
        let unused = ORDER
            .iter()
            .rev()
            .take_while(|&&symbol| counts[symbol] == 0)
            .count();
        let written = FEWEST.max(LENGTH_SYMBOLS - unused);
        let sequence_bits: u32 = sequence
            .iter()
            .map(|&(symbol, _)| u32::from(codes[usize::from(symbol)].length) + extra_bits(symbol))
            .sum();
        Self {
            literals: literals.len(),
            distances: distances.len(),
            sequence,
            codes,
            written,
            bits: 3 + 5 + 5 + 4 + 3 * written + sequence_bits as usize,
        }
    }

    /// How many bits it takes.
    pub const fn bits(&self) -> usize {
        self.bits
    }

    /// Write it, as that of a block which is not the last.
    pub fn write(&self, writer: &mut BitWriter, output: &mut Vec<u8>) {
        writer.put(0b100, 3, output);
        writer.put(self.literals as u64 - 257, 5, output);
        writer.put(self.distances as u64 - 1, 5, output);
        writer.put((self.written - FEWEST) as u64, 4, output);
        for &symbol in &ORDER[..self.written] {
            writer.put(self.codes[symbol].length.into(), 3, output);
        }
        for &(symbol, extra) in &self.sequence {
            let code = self.codes[usize::from(symbol)];
            writer.put(code.bits.into(), code.length.into(), output);
            writer.put(extra.into(), extra_bits(symbol), output);
        }
    }
}

const fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        REPEAT => 2,
        FEW_ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

/// Append one length that occurs so many times, as often as possible by the symbols that repeat.
fn push_run(sequence: &mut Vec<(u8, u8)>, length: u8, mut count: usize) {
    let repeats: &[_] = if length == 0 {
        &[(MANY_ZEROS, 11, 138), (FEW_ZEROS, 3, 10)]
    } else {
        sequence.push((length, 0));
        count -= 1;
        &[(REPEAT, 3, 6)]
    };
    for &(symbol, least, most) in repeats {
        while count >= least {
            let repeated = most.min(count);
            sequence.push((symbol, (repeated - least) as u8));
            count -= repeated;
        }
    }
    sequence.extend((0..count).map(|_| (length, 0)));
}
