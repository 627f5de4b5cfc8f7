//! The header of a block that brings its own codes: their lengths, in runs (RFC 1951, section 3.2.7).

use super::bits::BitWriter;
use super::huffman::{self, Code, Codes};
use super::tokens::{DISTANCES, LITERALS};

/// Symbols of lengths and runs.
const SYMBOLS: usize = 19;

/// The longest codes of these symbols.
const LONGEST: usize = 7;

/// The order in which the lengths of their own codes are written.
static ORDER: [usize; SYMBOLS] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Runs: of the length before, of a few zeros, and of many.
const REPEAT: u8 = 16;
const ZEROS: u8 = 17;
const MANY_ZEROS: u8 = 18;

/// Bits of a header before those lengths.
const START_BITS: usize = 3 + 5 + 5 + 4;

/// Bits that follow a symbol.
fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        REPEAT => 2,
        ZEROS => 3,
        MANY_ZEROS => 7,
        _ => 0,
    }
}

/// The lengths of two alphabets' codes, ready to be written.
pub struct CodeLengths {
    literals: usize,
    distances: usize,
    /// Symbols, each with the value that follows it.
    runs: Vec<(u8, u8)>,
    codes: [Code; SYMBOLS],
    /// How many of [`ORDER`] are written.
    written: usize,
    size: usize,
}

impl CodeLengths {
    /// Of that many of the first symbols of each alphabet; `runs` is memory to work with.
    pub fn new(literals: &Codes, distances: &Codes, mut runs: Vec<(u8, u8)>) -> Self {
        let mut lengths = [0; LITERALS + DISTANCES];
        let all = literals.iter().chain(distances);
        for (length, code) in lengths.iter_mut().zip(all) {
            *length = code.length;
        }
        let lengths = &lengths[..literals.len() + distances.len()];
        runs.clear();
        for same in lengths.chunk_by(|a, b| a == b) {
            add_runs(&mut runs, same[0], same.len());
        }
        let mut frequencies = [0; SYMBOLS];
        for &(symbol, _) in &runs {
            frequencies[usize::from(symbol)] += 1;
        }
        let mut codes = [Code::default(); SYMBOLS];
        huffman::assign(&mut codes, &frequencies, LONGEST);
        let unused = ORDER
            .iter()
            .rev()
            .take_while(|symbol| frequencies[**symbol] == 0);
        let written = (SYMBOLS - unused.count()).max(4);
        let extra: u32 = runs.iter().map(|&(symbol, _)| extra_bits(symbol)).sum();
        Self {
            literals: literals.len(),
            distances: distances.len(),
            size: START_BITS + 3 * written + huffman::size(&codes, &frequencies) + extra as usize,
            runs,
            codes,
            written,
        }
    }

    /// Bits of the header.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Begins a block that is not the last; gives the memory back.
    pub fn write(self, bits: &mut BitWriter) -> Vec<(u8, u8)> {
        bits.write(0b100, 3);
        bits.write(self.literals as u64 - 257, 5);
        bits.write(self.distances as u64 - 1, 5);
        bits.write(self.written as u64 - 4, 4);
        for &symbol in &ORDER[..self.written] {
            bits.write(u64::from(self.codes[symbol].length), 3);
        }
        for &(symbol, value) in &self.runs {
            let code = self.codes[usize::from(symbol)];
            bits.write(u64::from(code.bits), u32::from(code.length));
            bits.write(u64::from(value), extra_bits(symbol));
        }
        self.runs
    }
}

/// Adds so many times the same length.
fn add_runs(runs: &mut Vec<(u8, u8)>, length: u8, mut count: usize) {
    if length == 0 {
        while count >= 11 {
            let part = count.min(138);
            runs.push((MANY_ZEROS, (part - 11) as u8));
            count -= part;
        }
        if count >= 3 {
            runs.push((ZEROS, (count - 3) as u8));
            count = 0;
        }
    } else {
        runs.push((length, 0));
        count -= 1;
        while count >= 3 {
            let part = count.min(6);
            runs.push((REPEAT, (part - 3) as u8));
            count -= part;
        }
    }
    runs.extend((0..count).map(|_| (length, 0)));
}
